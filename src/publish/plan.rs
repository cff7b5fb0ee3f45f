//! What a build makes anew. Pure but for looking whether files are still there.

use std::sync::Arc;

use rayon::prelude::*;

use super::directory::SiteDirectory;
use super::inputs;
use crate::config::{PagesMode, Settings};
use crate::error::Result;
use crate::index::{Channels, FileUrl, Index, IndexFile, Project, View};
use crate::render::people::wants_metadata;
use crate::render::theme::Theme;
use crate::state::{KnownSite, Shard, carried_path, shard_path};
use crate::wheel::{ProjectName, Sha256};

/// What must be made anew.
pub struct Plan<'a> {
    /// Projects whose inputs or pages are not those of the last run.
    pub changes: Vec<Change<'a>>,
    /// The shards of projects of the last run that are no more, as far as they can be read.
    pub gone: Vec<Option<Arc<Shard>>>,
    /// Digest of the settings that decide how pages look.
    pub settings: Sha256,
}

/// A project that must be made anew.
pub struct Change<'a> {
    /// The project.
    pub project: &'a Project,
    /// Digest of all that its pages are made from.
    pub inputs: Sha256,
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
        theme: &Theme,
        site: &SiteDirectory,
        standing: Option<&KnownSite>,
        skip: bool,
    ) -> Result<Self> {
        let settings_digest = inputs::of_settings(settings, theme.digest());
        let same = standing
            .filter(|standing| skip && standing.state.settings == settings_digest)
            .map(|standing| &standing.state.projects);
        let changes = index
            .projects
            .par_iter()
            .filter_map(|project| {
                let inputs = inputs::of_project(project, &index.channels);
                let known = same.and_then(|projects| projects.get(&project.name));
                let unchanged = known.is_some_and(|known| known.inputs == inputs)
                    && site.dirty_of(project.name.as_str()).is_empty()
                    && is_intact(project, &index.channels, settings, site);
                (!unchanged).then_some((project, inputs))
            })
            .map(|(project, inputs)| {
                let standing =
                    standing.map(|standing| standing.shard(&project.name)).transpose()?;
                Ok(Change { project, inputs, standing: standing.flatten() })
            })
            .collect::<Result<_>>()?;
        let gone = standing
            .iter()
            .flat_map(|standing| standing.state.projects.keys().map(move |name| (standing, name)))
            .filter(|(_, name)| index.project(name).is_none())
            .map(|(standing, name)| standing.shard(name))
            .collect::<Result<_>>()?;
        Ok(Self { changes, gone, settings: settings_digest })
    }
}

/// A page of a project.
#[derive(Debug, Clone, Copy)]
pub enum PageKind<'a> {
    /// Of an index, in HTML.
    Html(View<'a>),
    /// Of an index, in JSON.
    Json(View<'a>),
    /// For people.
    People,
    /// The facts of each file.
    Files,
    /// The METADATA that the page for people shows.
    Metadata,
}

/// The pages of a project, by path.
pub fn pages<'a>(
    project: &Project,
    channels: &'a Channels,
    settings: &Settings,
) -> Vec<(String, PageKind<'a>)> {
    let name = &project.name;
    let mut pages = Vec::new();
    for view in channels.views().filter(|view| view.has(project)) {
        let prefix = view.prefix();
        pages.push((format!("{prefix}simple/{name}/index.html"), PageKind::Html(view)));
        if settings.host.serves_json() {
            pages.push((format!("{prefix}simple/{name}/index.v1_json"), PageKind::Json(view)));
        }
    }
    if settings.pages == PagesMode::All {
        pages.push((format!("packages/{name}/index.html"), PageKind::People));
        pages.push((format!("packages/{name}/files.json"), PageKind::Files));
        if keeps_metadata(project) {
            pages.push((metadata_path(name), PageKind::Metadata));
        }
    }
    pages
}

/// Where the METADATA lies that the page of a project shows, if the site carries no sidecar of it.
pub fn metadata_path(name: &ProjectName) -> String {
    format!("packages/{name}/METADATA")
}

/// Whether the site keeps that METADATA: a fresh machine would have to fetch it from the wheel.
fn keeps_metadata(project: &Project) -> bool {
    project.files.iter().any(|file| file.facts.is_some())
        && wants_metadata(project).is_some_and(|file| file.url != FileUrl::Carried)
}

/// A file that the site carries for a project.
pub struct Carried<'a> {
    /// Where it lies in the site.
    pub path: String,
    /// The distribution.
    pub file: &'a IndexFile,
    /// Whether it is the distribution's sidecar.
    pub is_sidecar: bool,
}

impl Carried<'_> {
    /// Its size in bytes, where that is known without reading it.
    pub fn size(&self) -> Option<u64> {
        if self.is_sidecar { None } else { self.file.size }
    }
}

/// The files that the site carries for a project: distributions, and their sidecars behind them.
pub fn carried(project: &Project) -> Vec<Carried<'_>> {
    let mut carried = Vec::new();
    for file in project.offered().iter().filter(|file| file.url == FileUrl::Carried) {
        let Some(sha256) = file.sha256 else { continue };
        let path = carried_path(&project.name, sha256, file.dist.as_str());
        let sidecar = format!("{path}.metadata");
        carried.push(Carried { path, file, is_sidecar: false });
        if file.core_metadata.is_some() {
            carried.push(Carried { path: sidecar, file, is_sidecar: true });
        }
    }
    carried
}

/// Whether all that the last run wrote for an unchanged project is still there.
fn is_intact(
    project: &Project,
    channels: &Channels,
    settings: &Settings,
    site: &SiteDirectory,
) -> bool {
    pages(project, channels, settings).iter().all(|(path, _)| site.has(path, None))
        && site.has(&shard_path(&project.name), None)
        && carried(project).iter().all(|carried| site.has(&carried.path, carried.size()))
}
