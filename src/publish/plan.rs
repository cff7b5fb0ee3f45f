//! What a build changes, and what it takes away. Pure but for looking whether files are still there.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::directory::SiteDirectory;
use crate::config::{PagesMode, Settings, Status};
use crate::error::{Error, Result};
use crate::facts::{FACTS_VERSION, Sidecar};
use crate::index::{FileUrl, Index, Project};
use crate::state::{KnownSite, Shard, carried_path, generator, shard_path};
use crate::wheel::{ProjectName, Sha256};

/// What must be made anew.
pub struct Plan<'a> {
    /// Projects whose inputs or pages are not those of the last run.
    pub changes: Vec<Change<'a>>,
    /// Projects of the last run that are no more, with their shards.
    pub gone: Vec<(ProjectName, Option<Arc<Shard>>)>,
    /// Digest of the settings that decide how pages look.
    pub settings: Sha256,
    /// Digest of the inputs of every project, in the order of the index.
    pub inputs: Vec<Sha256>,
}

/// A project that must be made anew.
pub struct Change<'a> {
    /// The project.
    pub project: &'a Project,
    /// Its place in the index.
    pub position: usize,
    /// What the last run wrote for it.
    pub standing: Option<Arc<Shard>>,
}

impl<'a> Plan<'a> {
    /// Compares an index with the site that is there.
    ///
    /// `skip` says that what the standing site says of an unchanged project holds for this build.
    pub fn new(
        index: &'a Index,
        settings: &Settings,
        theme: Sha256,
        site: &SiteDirectory,
        standing: Option<&KnownSite>,
        skip: bool,
    ) -> Result<Self> {
        let settings_digest = settings_digest(settings, theme);
        let inputs: Vec<Sha256> = index.projects.par_iter().map(inputs_digest).collect();
        let touched: BTreeSet<&str> = site.dirty().iter().filter_map(|path| owner(path)).collect();
        let same = standing
            .filter(|standing| skip && standing.state.settings == settings_digest)
            .map(|standing| &standing.state.projects);
        let changes = index
            .projects
            .par_iter()
            .enumerate()
            .filter(|(position, project)| {
                let known = same.and_then(|projects| projects.get(&project.name));
                let unchanged = known.is_some_and(|known| known.inputs == inputs[*position])
                    && !touched.contains(project.name.as_str())
                    && is_intact(project, settings, site);
                !unchanged
            })
            .map(|(position, project)| {
                let standing =
                    standing.map(|standing| standing.shard(&project.name)).transpose()?;
                Ok(Change { project, position, standing: standing.flatten() })
            })
            .collect::<Result<_>>()?;
        let gone = standing
            .iter()
            .flat_map(|standing| standing.state.projects.keys().map(move |name| (standing, name)))
            .filter(|(_, name)| index.project(name).is_none())
            .map(|(standing, name)| Ok((name.clone(), standing.shard(name)?)))
            .collect::<Result<_>>()?;
        Ok(Self { changes, gone, settings: settings_digest, inputs })
    }
}

/// The paths of a project's pages.
pub fn page_paths(name: &ProjectName, settings: &Settings) -> Vec<String> {
    let mut paths = vec![format!("simple/{name}/index.html")];
    if settings.host.serves_json() {
        paths.push(format!("simple/{name}/index.v1_json"));
    }
    if settings.pages == PagesMode::All {
        paths.push(format!("packages/{name}/index.html"));
    }
    paths
}

/// The project that a path belongs to.
pub fn owner(path: &str) -> Option<&str> {
    let (top, rest) = path.split_once('/')?;
    match top {
        "simple" | "packages" | "files" => rest.split_once('/').map(|(name, _)| name),
        "state" => rest.strip_suffix(".json"),
        _ => None,
    }
}

/// Whether all that the last run wrote for an unchanged project is still there.
fn is_intact(project: &Project, settings: &Settings, site: &SiteDirectory) -> bool {
    let pages = page_paths(&project.name, settings);
    pages.iter().all(|path| site.has(path, None))
        && site.has(&shard_path(&project.name), None)
        && project.offered().iter().filter(|file| file.url == FileUrl::Carried).all(|file| {
            file.sha256.is_some_and(|sha256| {
                site.has(&carried_path(&project.name, sha256, file.dist.as_str()), file.size)
            })
        })
}

/// What a build would take away from the last one's site.
pub struct Removals {
    projects: Vec<ProjectName>,
    files: u64,
    total: u64,
}

impl Removals {
    /// Compares an index with the last run's state.
    pub fn of(index: &Index, known: &KnownSite) -> Result<Self> {
        let state = &known.state;
        let projects: Vec<ProjectName> =
            state.projects.keys().filter(|name| index.project(name).is_none()).cloned().collect();
        let files_of_gone: u64 = projects.iter().map(|name| state.projects[name].files).sum();
        let files_of_others = index
            .projects
            .par_iter()
            .filter(|project| {
                let known = state.projects.get(&project.name);
                known.is_some_and(|known| known.inputs != inputs_digest(project))
            })
            .map(|project| {
                let Some(shard) = known.shard(&project.name)? else { return Ok(0) };
                let names: HashSet<&str> =
                    project.files.iter().map(|file| file.dist.as_str()).collect();
                let gone = shard.files.iter().filter(|file| !names.contains(&*file.filename));
                Ok(gone.count() as u64)
            })
            .sum::<Result<u64>>()?;
        let total = state.projects.values().map(|project| project.files).sum();
        Ok(Self { projects, files: files_of_gone + files_of_others, total })
    }

    /// Errors where a whole project or more than a tenth of the files would go.
    pub fn guard(&self) -> Result<()> {
        if self.projects.is_empty() && self.files * 10 <= self.total {
            return Ok(());
        }
        let named: Vec<String> =
            self.projects.iter().take(5).map(|name| format!("`{name}`")).collect();
        let more = if self.projects.len() > 5 { ", ..." } else { "" };
        let projects = match self.projects.len() {
            0 => String::new(),
            1 => format!(", and the whole project {}", named[0]),
            count => format!(", and {count} whole projects: {}{more}", named.join(", ")),
        };
        Err(Error::Guard {
            message: format!(
                "this build would remove {} of the {} files of the last one{projects}",
                self.files, self.total
            ),
            hint: "if that is meant, build with `--allow-removals`".to_owned(),
        })
    }
}

/// Hashes values so that no two sequences of them look the same.
#[derive(Default)]
struct Fingerprint(sha2::Sha256);

impl Fingerprint {
    fn bytes(&mut self, bytes: &[u8]) {
        use sha2::Digest;
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn text(&mut self, text: Option<&str>) {
        match text {
            None => self.bytes(&[0]),
            Some(text) => {
                self.bytes(&[1]);
                self.bytes(text.as_bytes());
            }
        }
    }
}

/// Digest of all that decides how pages look, but for the projects.
fn settings_digest(settings: &Settings, theme: Sha256) -> Sha256 {
    let mut fingerprint = Fingerprint::default();
    fingerprint.text(Some(&generator()));
    fingerprint.bytes(theme.as_bytes());
    fingerprint.text(Some(&settings.title));
    fingerprint.text(settings.description.as_deref());
    fingerprint.text(settings.site_url.as_ref().map(url::Url::as_str));
    fingerprint.text(settings.files_url.as_ref().map(url::Url::as_str));
    fingerprint.text(Some(&format!("{:?} {:?}", settings.pages, settings.host)));
    fingerprint.0.into()
}

/// Digest of all that a project's pages are made from.
///
/// Upload times that a source does not offer are not in it: they belong to the digest of a file.
fn inputs_digest(project: &Project) -> Sha256 {
    let mut fingerprint = Fingerprint::default();
    fingerprint.bytes(&FACTS_VERSION.to_le_bytes());
    let settings = &project.settings;
    fingerprint.text(settings.description.as_deref());
    fingerprint.text((settings.status != Status::Active).then(|| settings.status.as_str()));
    fingerprint.text(settings.status_reason.as_deref());
    for file in &project.files {
        fingerprint.text(Some(file.dist.as_str()));
        match file.sha256 {
            None => fingerprint.bytes(&[]),
            Some(sha256) => fingerprint.bytes(sha256.as_bytes()),
        }
        fingerprint.bytes(&file.size.unwrap_or(u64::MAX).to_le_bytes());
        let offered = file.artifact.offered.upload_time;
        fingerprint.bytes(
            &offered.map_or(i64::MIN, super::super::facts::UploadTime::seconds).to_le_bytes(),
        );
        fingerprint.text(file.requires_python.as_deref());
        fingerprint.text(file.yanked.as_deref());
        match &file.url {
            FileUrl::Carried => fingerprint.bytes(&[0]),
            FileUrl::FilesUrl => fingerprint.bytes(&[1]),
            FileUrl::Own(url) => fingerprint.text(Some(url)),
        }
        match file.core_metadata {
            None => fingerprint.bytes(&[0]),
            Some(Sidecar::Unhashed) => fingerprint.bytes(&[1]),
            Some(Sidecar::Sha256(sha256)) => fingerprint.bytes(sha256.as_bytes()),
        }
    }
    fingerprint.0.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_know_their_project() {
        for (path, name) in [
            ("simple/a/index.html", Some("a")),
            ("files/a/0123456789abcdef/a-1.tar.gz", Some("a")),
            ("packages/a/index.html", Some("a")),
            ("state/a.json", Some("a")),
            ("simple/index.html", None),
            ("index.html", None),
            ("assets/style.css", None),
        ] {
            assert_eq!(owner(path), name, "{path}");
        }
    }
}
