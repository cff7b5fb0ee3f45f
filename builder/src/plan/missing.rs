//! Which rows an index lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use url::Url;
use wheelsite::config::{Environment, SourceConfig, SourceSettings};
use wheelsite::cuda::LocalTag;
use wheelsite::source::{self, Context, IndexSpec, SimpleIndex, SourceSpec};
use wheelsite::state::KnownSite;
use wheelsite::wheel::{DistFilename, ProjectName, WheelFilename};

use crate::error::{Error, Result};
use crate::row::Row;

/// The wheels that an index or another source has, of the packages that were asked for.
#[derive(Debug, Clone, Default)]
pub struct Offered {
    wheels: BTreeMap<ProjectName, Vec<WheelFilename>>,
}

impl Offered {
    /// Looks at an index by its URL or its folder, or at any source of wheels.
    ///
    /// Of a site of ours the state is read, which knows what every channel has; of another index
    /// the pages of these packages.
    pub fn by(spec: &str, packages: &BTreeSet<ProjectName>) -> Result<Self> {
        if let Some(url) = web_url(spec)? {
            return Self::at_url(&url, packages);
        }
        let folder = Path::new(spec.strip_prefix("dir:").unwrap_or(spec));
        if let Some(site) = KnownSite::in_folder(folder, true)? {
            return Self::of_site(&site, packages);
        }
        let spec: SourceSpec = spec.parse().map_err(|error| {
            Error::config(
                format!("`--missing-from`: {error}"),
                "name a source, a folder with a site, or the URL of an index",
            )
        })?;
        if let SourceSpec::SimpleIndex(index) = &spec {
            return Self::at_index(index, packages);
        }
        let settings = SourceSettings::resolve(spec, &SourceConfig::default())?;
        let context = Context::of_process()?.with_repository(None);
        let listing = source::connect(&settings, &context)?.list(0)?;
        Ok(Self::of_names(listing.artifacts.iter().map(|artifact| &*artifact.filename), packages))
    }

    fn at_url(url: &Url, packages: &BTreeSet<ProjectName>) -> Result<Self> {
        let environment = Environment::of_process()?;
        for root in roots(url) {
            if let Some(site) = KnownSite::at_url(&root, &environment.network)? {
                return Self::of_site(&site, packages);
            }
        }
        Self::at_index(&IndexSpec { url: url.clone(), projects: Vec::new() }, packages)
    }

    fn at_index(spec: &IndexSpec, packages: &BTreeSet<ProjectName>) -> Result<Self> {
        let settings = SourceSettings::plain(SourceSpec::SimpleIndex(spec.clone()));
        let index = SimpleIndex::new(spec, &settings, &Context::of_process()?)?;
        let mut names = Vec::new();
        for package in packages {
            // An index without the package lacks all of it; one that is not there yet lacks everything.
            if let Some(listing) = index.find(package, 0)? {
                names.extend(
                    listing.artifacts.into_iter().map(|artifact| artifact.filename.clone()),
                );
            }
        }
        Ok(Self::of_names(names.iter().map(|name| &**name), packages))
    }

    fn of_site(site: &KnownSite, packages: &BTreeSet<ProjectName>) -> Result<Self> {
        let mut offered = Self::default();
        for package in packages {
            if let Some(shard) = site.shard(package)? {
                let names = shard.files.iter().map(|file| &*file.filename);
                offered.wheels.extend(Self::of_names(names, packages).wheels);
            }
        }
        Ok(offered)
    }

    /// The wheels among some filenames.
    pub fn of_names<'n>(
        names: impl Iterator<Item = &'n str>,
        packages: &BTreeSet<ProjectName>,
    ) -> Self {
        let mut offered = Self::default();
        for name in names {
            if let Ok(DistFilename::Wheel(wheel)) = name.parse()
                && packages.contains(wheel.name())
            {
                offered.wheels.entry(wheel.name().clone()).or_default().push(wheel);
            }
        }
        offered
    }

    /// Whether it has the wheel of a row, or one that serves in its place.
    pub fn has(&self, row: &Row) -> bool {
        let wheels = self.wheels.get(&row.package);
        wheels.is_some_and(|wheels| wheels.iter().any(|wheel| is_of(wheel, row)))
    }
}

/// Whether a wheel is what a row makes: by its version with the local part, and by tags that the
/// row's Python and machine take.
pub(crate) fn is_of(wheel: &WheelFilename, row: &Row) -> bool {
    let local = &row.recipe.local_version;
    let is_version = if local.is_empty() {
        // The project may have a local version of its own; another CUDA's is another wheel.
        wheel.version().clone().without_local() == row.version
            && LocalTag::of(wheel.version()).cuda.is_none()
    } else {
        format!("{}+{local}", row.version).parse().ok().as_ref() == Some(wheel.version())
    };
    is_version && wheel.tags().any(|tag| takes(&tag, row))
}

fn takes(tag: &str, row: &Row) -> bool {
    let mut parts = tag.splitn(3, '-');
    let (Some(python), Some(abi), Some(platform)) = (parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let own = row.python.tag();
    let minor = |tag: &str| tag.strip_prefix("cp3").and_then(crate::row::number);
    let is_stable = abi == "abi3"
        && !row.python.free_threaded
        && minor(python).is_some_and(|minor| minor <= row.python.minor);
    let is_own = python == format!("cp3{}", row.python.minor) && (abi == own || abi == "none");
    let is_any = python == "py3" && abi == "none";
    let of_linux = |prefix: &str| {
        let rest = platform.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.ends_with(&row.platform.to_string()))
    };
    // Rows are built for the C library of the images, which is glibc.
    (is_own || is_stable || is_any)
        && (platform == "any" || of_linux("linux_") || of_linux("manylinux"))
}

/// A URL of the web that is written without a scheme of ours.
fn web_url(spec: &str) -> Result<Option<Url>> {
    if !spec.starts_with("https://") && !spec.starts_with("http://") {
        return Ok(None);
    }
    let spelled = if spec.ends_with('/') { spec.to_owned() } else { format!("{spec}/") };
    let url = spelled.parse().map_err(|error| {
        // Not said again: it may hold a password.
        Error::config(
            format!("`--missing-from`: the URL cannot be read: {error}"),
            "expected `https://HOST/simple/`",
        )
    })?;
    Ok(Some(url))
}

/// Where the state of a site may lie, whose index, or one of whose channels' index, this is.
fn roots(url: &Url) -> Vec<Url> {
    if !url.path().ends_with("/simple/") {
        return vec![url.clone()];
    }
    let Ok(root) = url.join("..") else { return Vec::new() };
    let folder = root.path_segments().and_then(|parts| parts.rev().nth(1)).unwrap_or_default();
    let is_channel = folder == "all"
        || folder == "cpu"
        || folder.strip_prefix("cu").is_some_and(|rest| crate::row::number(rest).is_some());
    // Above anything else lies another site: a user's page, as like as not.
    let above = if is_channel { root.join("..").ok() } else { None };
    std::iter::once(root).chain(above).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;
    use crate::plan::tests::plan;

    fn rows() -> Plan {
        plan("packages:\n  a_b: {versions: [\"1.0\"], python: [\"3.12\", \"3.13t\"], platforms: [x86_64, aarch64]}\n")
            .expect("plans")
    }

    fn missing(name: &str) -> Vec<String> {
        let plan = rows();
        let packages = plan.rows.iter().map(|row| row.package.clone()).collect();
        let offered = Offered::of_names([name].into_iter(), &packages);
        let lacking = plan.rows.iter().filter(|row| !offered.has(row));
        lacking.map(|row| row.id.replace("a-b-1.0-", "").replace("-cu129", "")).collect()
    }

    #[test]
    fn a_wheel_serves_the_rows_that_its_tags_name() {
        let all = ["cp312-x86_64", "cp312-aarch64", "cp313t-x86_64", "cp313t-aarch64"];
        assert_eq!(missing("a_b-1.0+cu129-cp312-cp312-linux_x86_64.whl"), all[1..]);
        assert_eq!(missing("a_b-1+cu129-cp312-cp312-manylinux_2_28_x86_64.whl"), all[1..]);
        assert_eq!(
            missing("a_b-1.0+cu129-cp39-abi3-manylinux_2_28_aarch64.whl"),
            [all[0], all[2], all[3]]
        );
        assert_eq!(missing("a_b-1.0+cu129-py3-none-any.whl"), [""; 0]);
        assert_eq!(
            missing("a_b-1.0+cu129-cp313-cp313t-linux_x86_64.whl"),
            [all[0], all[1], all[3]]
        );
        for other in [
            "a_b-1.0-cp312-cp312-linux_x86_64.whl",
            "a_b-1.0+cu128-cp312-cp312-linux_x86_64.whl",
            "a_b-1.1+cu129-cp312-cp312-linux_x86_64.whl",
            "b-1.0+cu129-py3-none-any.whl",
            "a_b-1.0+cu129-cp313-abi3-linux_x86_64.whl",
            "a_b-1.0.tar.gz",
            "a_b-1.0+cu129-cp312-cp312-macosx_11_0_x86_64.whl",
            "a_b-1.0+cu129-cp312-cp312-musllinux_1_2_x86_64.whl",
            "notes.txt",
        ] {
            assert_eq!(missing(other), all, "{other}");
        }
    }

    #[test]
    fn the_state_is_looked_for_above_an_index() {
        let roots = |url: &str| -> Vec<String> {
            roots(&url.parse().expect("is one")).iter().map(Url::to_string).collect()
        };
        assert_eq!(roots("https://h/r/simple/"), ["https://h/r/"]);
        assert_eq!(roots("https://h/r/cu129/simple/"), ["https://h/r/cu129/", "https://h/r/"]);
        assert_eq!(roots("https://h/r/"), ["https://h/r/"]);
    }
}
