//! What `packages.yml` says of one row, resolved: the recipe of its build.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use pep440_rs::Version;
use wheelsite::wheel::ProjectName;

use super::values::TextOr;
use super::{
    AuditwheelText, Options, Package, PackagesConfig, RunsOn, SourceMap, SourceText, values,
};
use crate::compatibility::Compatibility;
use crate::python::Python;
use crate::row::{Auditwheel, Cuda, Platform, PythonFrom, Recipe, Source, Torch};

/// How long compiling may take where nobody says so.
const TIMEOUT: Duration = Duration::from_secs(6 * 3_600);

/// How often something is tried again where nobody says so.
const RETRIES: u32 = 2;

/// Libraries that no wheel takes in: the driver's, CUDA's and torch's, which come from elsewhere.
const EXCLUDED: [&str; 11] = [
    "libcuda.so.1",
    "libcudart.so*",
    "libcublas*.so*",
    "libcudnn*.so*",
    "libcufft*.so*",
    "libcurand.so*",
    "libcusparse*.so*",
    "libcusolver*.so*",
    "libnv*.so*",
    "libtorch*.so",
    "libc10*.so",
];

/// Where a row lies in the matrix.
#[derive(Debug, Clone, Copy)]
pub struct Axes<'a> {
    /// The project.
    pub package: &'a ProjectName,
    /// The release.
    pub version: &'a Version,
    /// The Python.
    pub python: Python,
    /// The toolkit.
    pub cuda: Cuda,
    /// The torch release, where there is one.
    pub torch: Option<Torch>,
    /// The machine.
    pub platform: Platform,
}

impl PackagesConfig {
    /// What holds for one version of a package.
    pub fn options(&self, package: Option<&Package>, version: Option<&Options>) -> Options {
        let mut options = self.defaults.clone();
        if let Some(package) = package {
            options = package.over(&options);
        }
        if let Some(version) = version {
            options = version.over(&options);
        }
        options
    }
}

impl Options {
    /// Whether torch is part of the matrix, and of the names of rows.
    pub fn lists_torch(&self) -> bool {
        self.torch.is_some()
    }

    /// Whether the build compiles against torch.
    pub fn uses_torch(&self) -> bool {
        let deps = self.extra_deps.iter().flat_map(|deps| &deps.0);
        self.lists_torch()
            || self.torch_pin == Some(true)
            || deps.map(values::Requirement::parts).any(|(name, ..)| is_torch(name))
    }

    /// The recipe of a row. Errors say what does not fit together.
    pub fn recipe(&self, axes: Axes<'_>, data: &Compatibility) -> Result<Recipe, String> {
        let fill = |template: &str| axes.fill(template);
        let images = data.images(axes.platform);
        let [devel, runtime, manylinux] = images.ok_or_else(|| {
            format!("the compatibility data names no images for {}", axes.platform)
        })?;
        let image = match self.image.as_ref().map(|image| image.0.0.as_str()) {
            None => devel,
            Some("manylinux") => manylinux,
            Some(image) => image,
        };
        let runtime = self.runtime_image.as_ref().map_or(runtime, |image| &image.0.0);

        let template = match &self.local_version {
            Some(template) => &template.0.0,
            None if self.lists_torch() => "{cuda_tag}torch{torch}",
            None => "{cuda_tag}",
        };
        let local_version = fill(template)?;
        if !local_version.is_empty() && Version::from_str(&format!("1+{local_version}")).is_err() {
            return Err(format!(
                "`{local_version}` is no local version: expected letters, digits and points, as `cu129`"
            ));
        }

        let mut env: BTreeMap<String, String> =
            self.env.iter().map(|(name, value)| (name.0.0.clone(), value.0.clone())).collect();
        let architectures = self.architectures.as_ref();
        let derived = [
            ("MAX_JOBS", self.jobs.map(|jobs| jobs.to_string())),
            (
                "TORCH_CUDA_ARCH_LIST",
                architectures.map(|list| {
                    list.0.iter().map(|it| it.0.as_str()).collect::<Vec<_>>().join(";")
                }),
            ),
        ];
        for (name, value) in derived {
            // What somebody wrote as a variable is what they want.
            if let Some(value) = value {
                env.entry(name.to_owned()).or_insert(value);
            }
        }

        let mut extra_index_urls = Vec::new();
        if axes.torch.is_some() {
            extra_index_urls.push(format!("https://download.pytorch.org/whl/{}", axes.cuda.tag()));
        }
        extra_index_urls
            .extend(self.index_urls.iter().flat_map(|urls| urls.0.iter().map(|url| url.0.clone())));

        let requires = match (self.torch_pin, axes.torch) {
            (Some(true), Some(torch)) => vec![format!("torch=={torch}.*")],
            _ => Vec::new(),
        };
        Ok(Recipe {
            source: self.source(axes)?,
            build_args: self.build_args.clone().unwrap_or_default().0,
            extra_deps: self.extra_deps(axes.torch),
            extra_index_urls,
            python_from: self.python_from.map_or(PythonFrom::Auto, |from| from.0),
            image: fill(image)?,
            runtime_image: fill(runtime)?,
            env,
            apt: self.apt.iter().flat_map(|apt| apt.0.iter().map(|name| name.0.clone())).collect(),
            local_version,
            requires,
            auditwheel: self.auditwheel(),
            timeout: self.timeout.map_or(TIMEOUT, |time| time.0.0),
            retries: self.retries.map_or(RETRIES, u32::from),
            memory: self.memory.map(|bytes| bytes.0.0),
            test_import: match &self.test_import {
                Some(imports) => imports.0.iter().map(|name| name.0.clone()).collect(),
                None => vec![axes.package.to_string().replace('-', "_")],
            },
            test_command: self
                .test_command
                .clone()
                .map(|words| words.0)
                .filter(|it| !it.is_empty()),
            runs_on: self.runs_on(axes.platform)?,
            description: self.description.clone().map(|text| text.0),
        })
    }

    /// What is installed before the build, with torch pinned.
    fn extra_deps(&self, torch: Option<Torch>) -> Vec<String> {
        let mut has_torch = false;
        let mut deps = Vec::new();
        for dep in self.extra_deps.iter().flat_map(|deps| &deps.0) {
            let (name, rest, marker) = dep.parts();
            match torch {
                Some(torch) if is_torch(name) => {
                    has_torch = true;
                    deps.push(pinned(rest, marker, torch));
                }
                _ => deps.push(dep.0.clone()),
            }
        }
        if let Some(torch) = torch.filter(|_| !has_torch) {
            deps.insert(0, format!("torch=={torch}.*"));
        }
        deps
    }

    fn source(&self, axes: Axes<'_>) -> Result<Source, String> {
        let version = |text: &str| text.replace("{version}", &axes.version.to_string());
        let map = match &self.source {
            None => return Ok(Source::Index),
            Some(TextOr::Text(SourceText(source))) => {
                return Ok(match source.clone() {
                    Source::Archive { location, sha256 } => {
                        Source::Archive { location: version(&location), sha256 }
                    }
                    Source::Git { url, revision, subdirectory } => {
                        Source::Git { url, revision: version(&revision), subdirectory }
                    }
                    Source::Folder(path) => Source::Folder(filled_path(&path, version)),
                    Source::Index => Source::Index,
                });
            }
            Some(TextOr::Map(map)) => map,
        };
        let SourceMap { archive, sha256, git, rev, subdirectory, folder } = map;
        match (archive, git, folder) {
            (Some(archive), None, None) if rev.is_none() && subdirectory.is_none() => {
                let sha256 = sha256.as_ref().map(|digest| digest.0.0.clone());
                Ok(Source::Archive { location: version(&archive.0), sha256 })
            }
            (None, Some(git), None) if sha256.is_none() => {
                let revision = version(rev.as_ref().map_or("v{version}", |rev| &rev.0));
                Ok(Source::Git {
                    url: git.0.0.clone(),
                    revision: revision.parse::<values::Revision>()?.0,
                    subdirectory: subdirectory.as_ref().map(|folder| folder.0.0.clone()),
                })
            }
            (None, None, Some(folder))
                if sha256.is_none() && rev.is_none() && subdirectory.is_none() =>
            {
                Ok(Source::Folder(version(&folder.0).into()))
            }
            _ => Err("`source` says too much or too little: expected `archive` (with `sha256`), \
                      `git` (with `rev`, `subdirectory`), or `folder`"
                .to_owned()),
        }
    }

    fn auditwheel(&self) -> Auditwheel {
        let excluded = || EXCLUDED.map(str::to_owned).to_vec();
        match &self.auditwheel {
            None | Some(TextOr::Text(AuditwheelText::Off)) => Auditwheel::Off,
            Some(TextOr::Text(AuditwheelText::Show)) => Auditwheel::Show,
            Some(TextOr::Text(AuditwheelText::Repair)) => {
                Auditwheel::Repair { exclude: excluded() }
            }
            Some(TextOr::Map(map)) => Auditwheel::Repair {
                exclude: map.repair.exclude.as_ref().map_or_else(excluded, |list| {
                    list.iter().map(|library| library.0.0.clone()).collect()
                }),
            },
        }
    }

    fn runs_on(&self, platform: Platform) -> Result<Vec<String>, String> {
        let default = match platform {
            Platform::X86_64 => "ubuntu-latest",
            Platform::Aarch64 => "ubuntu-24.04-arm",
        };
        let labels = match &self.runs_on {
            None => return Ok(vec![default.to_owned()]),
            Some(RunsOn::All(labels)) => labels,
            Some(RunsOn::Each(each)) => match each.get(&values::Parsed(platform)) {
                Some(labels) => &labels.0,
                None => return Ok(vec![default.to_owned()]),
            },
        };
        if labels.is_empty() {
            return Err("`runs_on` has no label".to_owned());
        }
        Ok(labels.iter().map(|label| label.0.clone()).collect())
    }
}

impl Axes<'_> {
    /// Fills in the placeholders of a template.
    fn fill(&self, template: &str) -> Result<String, String> {
        let mut filled = String::with_capacity(template.len() + 16);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let unclosed = || format!("`{template}`: a `{{` is not closed");
            let (name, after) = after.split_once('}').ok_or_else(unclosed)?;
            filled.push_str(before);
            match (name, self.torch) {
                ("cuda", _) => filled.push_str(&self.cuda.to_string()),
                ("cuda_release", _) => filled.push_str(&self.cuda.release().to_string()),
                ("cuda_tag", _) => filled.push_str(&self.cuda.tag()),
                ("python", _) => filled.push_str(&self.python.to_string()),
                ("python_tag", _) => filled.push_str(&self.python.tag()),
                ("platform", _) => filled.push_str(&self.platform.to_string()),
                ("version", _) => filled.push_str(&self.version.to_string()),
                ("torch", Some(torch)) => filled.push_str(&torch.to_string()),
                ("torch", None) => {
                    return Err(format!("`{template}` names torch, and the build uses none"));
                }
                _ => {
                    return Err(format!(
                        "`{template}`: unknown placeholder `{{{name}}}`: expected `{{cuda}}`, \
                         `{{cuda_release}}`, `{{cuda_tag}}`, `{{python}}`, `{{python_tag}}`, `{{torch}}`, \
                         `{{platform}}` or `{{version}}`"
                    ));
                }
            }
            rest = after;
        }
        if rest.contains('}') {
            return Err(format!("`{template}`: a `}}` is not opened"));
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

fn filled_path(path: &std::path::Path, fill: impl Fn(&str) -> String) -> PathBuf {
    path.to_str().map_or_else(|| path.to_owned(), |text| fill(text).into())
}

fn is_torch(name: &str) -> bool {
    name.eq_ignore_ascii_case("torch")
}

/// A requirement of torch that only one release meets.
fn pinned(rest: &str, marker: &str, torch: Torch) -> String {
    // A URL is as exact as can be.
    if rest.trim_start().starts_with('@') {
        return format!("torch {}", rest.trim());
    }
    let (extras, specifiers) = match rest.find(']') {
        Some(end) => rest.split_at(end + 1),
        None => ("", rest),
    };
    let specifiers = specifiers.trim().trim_start_matches('(').trim_end_matches([')', ',']).trim();
    let comma = if specifiers.is_empty() { "" } else { "," };
    let marker = if marker.is_empty() { String::new() } else { format!("; {marker}") };
    format!("torch{extras}{specifiers}{comma}=={torch}.*{marker}")
}

#[cfg(test)]
mod tests {
    use super::values::requirement;
    use super::*;

    fn recipe(yaml: &str, torch: Option<&str>) -> Result<Recipe, String> {
        let text = format!("packages:\n  flash-attn:\n    versions: [\"2.8.3\"]\n{yaml}");
        let config = PackagesConfig::parse(&text, "packages.yml").map_err(|it| it.to_string())?;
        let (name, package) = config.packages.first_key_value().expect("has one");
        let (version, own) = &package.versions.0[0];
        let options = config.options(Some(package), Some(own));
        let axes = Axes {
            package: &name.0.0,
            version,
            python: "3.12".parse().expect("is one"),
            cuda: "12.9.1".parse().expect("is one"),
            torch: torch.map(|torch| torch.parse().expect("is one")),
            platform: Platform::X86_64,
        };
        options.recipe(axes, &Compatibility::embedded().expect("parses"))
    }

    #[test]
    fn what_nobody_says_has_defaults() {
        let recipe = recipe("", None).expect("fits");
        assert_eq!(recipe.image, "nvidia/cuda:12.9.1-devel-ubuntu22.04");
        assert_eq!(recipe.runtime_image, "nvidia/cuda:12.9.1-runtime-ubuntu22.04");
        assert_eq!(recipe.local_version, "cu129");
        assert_eq!(recipe.test_import, ["flash_attn"]);
        assert_eq!(recipe.runs_on, ["ubuntu-latest"]);
        assert_eq!((recipe.source, recipe.auditwheel), (Source::Index, Auditwheel::Off));
        assert!(recipe.extra_index_urls.is_empty() && recipe.requires.is_empty());
    }

    #[test]
    fn torch_is_pinned_wherever_it_is_named() {
        let yaml = "    extra_deps: [\"torch>=2.4\", ninja]\n    torch_pin: true\n";
        let of_torch = recipe(yaml, Some("2.8")).expect("fits");
        assert_eq!(of_torch.extra_deps, ["torch>=2.4,==2.8.*", "ninja"]);
        assert_eq!(of_torch.requires, ["torch==2.8.*"]);
        assert_eq!(of_torch.extra_index_urls, ["https://download.pytorch.org/whl/cu129"]);
        let listed = recipe("    torch: [\"2.8\"]\n", Some("2.8")).expect("fits");
        assert_eq!(listed.local_version, "cu129torch2.8");
        assert_eq!(listed.extra_deps, ["torch==2.8.*"]);
        let torch = "2.8".parse().expect("is one");
        let pin =
            |text: &str| requirement(text).map(|(_, rest, marker)| pinned(rest, marker, torch));
        for (text, expected) in [
            ("Torch >= 2.1", "torch>= 2.1,==2.8.*"),
            (
                "torch[opt](>=2) ; python_version > '3'",
                "torch[opt]>=2,==2.8.*; python_version > '3'",
            ),
            ("torch @ https://host/t.whl", "torch @ https://host/t.whl"),
        ] {
            assert_eq!(pin(text).as_deref(), Ok(expected));
        }
        let others = recipe(
            "    torch: [\"2.8\"]\n    extra_deps: [torchvision, torch-scatter>1]\n",
            Some("2.8"),
        );
        assert_eq!(
            others.expect("fits").extra_deps,
            ["torch==2.8.*", "torchvision", "torch-scatter>1"]
        );
        assert_eq!(
            pinned("[x] (>=2)", "os_name == 'posix'", torch),
            "torch[x]>=2,==2.8.*; os_name == 'posix'"
        );
    }

    #[test]
    fn variables_images_and_runners_are_resolved() {
        let yaml = "    image: manylinux\n    architectures: [\"8.0\", \"9.0+PTX\"]\n    jobs: 4\n    \
                    env: {MAX_JOBS: 2, A: b}\n    runs_on: {x86_64: [self-hosted, big]}\n    \
                    auditwheel: {repair: {exclude: [\"libx*\"]}}\n    timeout: 90m\n    memory: 2GiB\n";
        let recipe = recipe(yaml, None).expect("fits");
        assert_eq!(recipe.image, "pytorch/manylinux2_28-builder:cuda12.9");
        let env: Vec<_> =
            recipe.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(env, ["A=b", "MAX_JOBS=2", "TORCH_CUDA_ARCH_LIST=8.0;9.0+PTX"]);
        assert_eq!(recipe.runs_on, ["self-hosted", "big"]);
        assert_eq!(recipe.auditwheel, Auditwheel::Repair { exclude: vec!["libx*".to_owned()] });
        assert_eq!((recipe.timeout.as_secs(), recipe.memory), (5_400, Some(2 << 30)));
    }

    #[test]
    fn sources_are_read_in_both_forms() {
        let source =
            |yaml: &str| recipe(&format!("    source: {yaml}\n"), None).map(|it| it.source);
        let git = |subdirectory: Option<&str>| Source::Git {
            url: "https://host/o/n.git".to_owned(),
            revision: "v2.8.3".to_owned(),
            subdirectory: subdirectory.map(str::to_owned),
        };
        assert_eq!(source("git+https://host/o/n.git"), Ok(git(None)));
        assert_eq!(
            source("git+https://host/o/n.git@v2.8.3#subdirectory=a/b"),
            Ok(git(Some("a/b")))
        );
        assert_eq!(source("{git: https://host/o/n.git, rev: \"v{version}\"}"), Ok(git(None)));
        assert_eq!(source("dir:src/x"), Ok(Source::Folder("src/x".into())));
        assert_eq!(
            source("https://host/a-{version}.tar.gz"),
            Ok(Source::Archive {
                location: "https://host/a-2.8.3.tar.gz".to_owned(),
                sha256: None
            })
        );
        assert!(source("{git: https://h/x, folder: y}").is_err());
        assert!(source("git+https://h/x@-b").is_err());
        assert!(source("git+https://h/x#subdirectory=../y").is_err());
        let secret = source("https://me:hunter2@host/a.tar.gz").expect_err("is refused");
        assert!(!secret.contains("hunter2"), "{secret}");
    }

    #[test]
    fn templates_say_what_they_do_not_know() {
        let local = |text: &str| recipe(&format!("    local_version: \"{text}\"\n"), None);
        assert_eq!(local("").expect("fits").local_version, "");
        assert_eq!(
            local("{cuda_tag}.py{python_tag}").expect("fits").local_version,
            "cu129.pycp312"
        );
        for (text, expected) in [
            ("{torch}", "uses none"),
            ("{cude}", "unknown placeholder"),
            ("{cuda", "not closed"),
            ("cuda}", "not opened"),
            ("a..b", "is no local version"),
        ] {
            let error = local(text).expect_err("is refused");
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
