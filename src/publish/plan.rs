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
use crate::state::{KnownSite, ProjectState, Shard, carried_path, shard_path};
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
    /// What the last run wrote for it.
    pub standing: Option<Arc<Shard>>,
}

/// Which projects of an index must be made anew.
pub struct Compared {
    /// Their places in the index.
    changed: Vec<usize>,
    /// Projects of the last run that are no more.
    gone: Vec<ProjectName>,
    /// Digest of the settings that decide how pages look.
    pub settings: Sha256,
}

impl Compared {
    /// Compares an index with the site that is there.
    ///
    /// `skip` says that what the standing site says of an unchanged project holds for this build.
    pub fn new(
        index: &Index,
        settings: &Settings,
        theme: &Theme,
        site: &SiteDirectory,
        standing: Option<&KnownSite>,
        skip: bool,
    ) -> Self {
        let settings_digest = of_settings(settings, theme);
        let same = standing.filter(|standing| skip && standing.state.settings == settings_digest);
        let changed = index
            .projects
            .par_iter()
            .enumerate()
            .filter_map(|(position, project)| {
                let known = same.and_then(|standing| standing.state.projects.get(&project.name));
                let is_unchanged = |known: &ProjectState| {
                    is_unchanged(project, &index.channels, settings, site, known)
                };
                // What is not here was looked at, or written, when it was let go.
                let stands = project.absent > 0 || known.is_some_and(is_unchanged);
                (!stands).then_some(position)
            })
            .collect();
        let known = standing.iter().flat_map(|standing| standing.state.projects.keys());
        let gone = known.filter(|name| index.project(name).is_none()).cloned().collect();
        Self { changed, gone, settings: settings_digest }
    }

    /// Whether no project differs.
    pub fn is_nothing(&self) -> bool {
        self.changed.is_empty() && self.gone.is_empty()
    }

    /// The places in the index of what must be made anew.
    pub fn changed(&self) -> impl Iterator<Item = usize> {
        self.changed.iter().copied()
    }
}

/// Digest of all that decides how pages look, but for the projects.
pub fn of_settings(settings: &Settings, theme: &Theme) -> Sha256 {
    inputs::of_settings(settings, theme.digest())
}

/// Digest of all that a project's pages are made from.
pub fn inputs_of(project: &Project, channels: &Channels) -> Sha256 {
    inputs::of_project(project, channels)
}

/// Whether a project is as the last run, with the same settings, wrote it, and all of it is there.
pub fn is_unchanged(
    project: &Project,
    channels: &Channels,
    settings: &Settings,
    site: &SiteDirectory,
    known: &ProjectState,
) -> bool {
    known.inputs == inputs::of_project(project, channels)
        && site.dirty_of(project.name.as_str()).is_empty()
        && is_intact(project, channels, settings, site)
}

impl<'a> Plan<'a> {
    /// Finds in the shards of the site that is there what the last run wrote of what differs.
    pub fn new(index: &'a Index, compared: Compared, standing: Option<&KnownSite>) -> Result<Self> {
        let shard = |name: &ProjectName| -> Result<Option<Arc<Shard>>> {
            Ok(standing.map(|standing| standing.shard(name)).transpose()?.flatten())
        };
        let changes = compared
            .changed
            .into_par_iter()
            .map(|position| {
                let project = &index.projects[position];
                Ok(Change { project, standing: shard(&project.name)? })
            })
            .collect::<Result<_>>()?;
        let gone = compared.gone.iter().map(shard).collect::<Result<_>>()?;
        Ok(Self { changes, gone, settings: compared.settings })
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
    let path = |page| match page {
        PageKind::Html(view) => format!("{}simple/{name}/index.html", view.prefix()),
        PageKind::Json(view) => format!("{}simple/{name}/index.v1_json", view.prefix()),
        PageKind::People => format!("packages/{name}/index.html"),
        PageKind::Files => format!("packages/{name}/files.json"),
        PageKind::Metadata => metadata_path(name),
    };
    kinds(project, channels, settings).map(|page| (path(page), page)).collect()
}

/// What pages a project has.
pub fn kinds<'a>(
    project: &Project,
    channels: &'a Channels,
    settings: &Settings,
) -> impl Iterator<Item = PageKind<'a>> {
    let views = channels.views().filter(|view| view.has(project));
    let json = settings.host.serves_json();
    let simple = views.flat_map(move |view| {
        [Some(PageKind::Html(view)), json.then_some(PageKind::Json(view))].into_iter().flatten()
    });
    let for_people = settings.pages == PagesMode::All;
    let people = for_people.then_some([PageKind::People, PageKind::Files]);
    let metadata = (for_people && keeps_metadata(project)).then_some(PageKind::Metadata);
    simple.chain(people.into_iter().flatten()).chain(metadata)
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
        if self.is_sidecar { None } else { self.file.size() }
    }
}

/// The files that the site carries for a project: distributions, and their sidecars behind them.
pub fn carried(project: &Project) -> Vec<Carried<'_>> {
    let mut carried = Vec::new();
    for file in project.offered().iter().filter(|file| file.url == FileUrl::Carried) {
        let Some(sha256) = file.sha256() else { continue };
        let path = carried_path(&project.name, sha256, file.dist().as_str());
        let sidecar = format!("{path}.metadata");
        carried.push(Carried { path, file, is_sidecar: false });
        if file.core_metadata().is_some() {
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
    site.had_shard(&shard_path(&project.name))
        && pages(project, channels, settings).iter().all(|(path, _)| site.has(path, None))
        && carried(project).iter().all(|carried| site.has(&carried.path, carried.size()))
}

/// All that the site has of a project.
pub struct Belongings {
    /// Paths of its pages.
    pub pages: Vec<String>,
    shard: String,
    /// Paths of the files that the site carries for it, with the sizes that are known.
    carried: Vec<(String, Option<u64>)>,
}

impl Belongings {
    /// The paths, with the sizes that are known.
    pub fn into_files(self) -> impl Iterator<Item = (String, Option<u64>)> {
        let unknown = self.pages.into_iter().chain([self.shard]).map(|path| (path, None));
        unknown.chain(self.carried)
    }
}

/// All that the site has of a project.
pub fn all_of(project: &Project, channels: &Channels, settings: &Settings) -> Belongings {
    let carried = carried(project).into_iter();
    Belongings {
        pages: pages(project, channels, settings).into_iter().map(|(path, _)| path).collect(),
        shard: shard_path(&project.name),
        carried: carried
            .map(|carried| {
                let size = carried.size();
                (carried.path, size)
            })
            .collect(),
    }
}
