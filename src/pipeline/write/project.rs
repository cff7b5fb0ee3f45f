//! One project: its files, sidecars, pages and shard, in that order, so that links never lead to
//! what is not there yet.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::not_json;
use crate::cache::FactsCache;
use crate::config::{FilesMode, Settings};
use crate::error::{Error, Result};
use crate::facts::{Facts, Location};
use crate::facts_file::FACTS_FILE;
use crate::index::{Channels, FileUrl, IndexFile, Project};
use crate::inspect;
use crate::pipeline::memory::Memory;
use crate::pipeline::read::Connected;
use crate::publish::{
    Carried, Change, PageKind, Placement, SiteDirectory, carried, inputs_of, metadata_path, pages,
};
use crate::render::listed::Listed;
use crate::render::needs::Needs;
use crate::render::people::{People, wants_metadata};
use crate::render::theme::Theme;
use crate::render::{files_json, simple_html, simple_json};
use crate::report::Reporter;
use crate::state::{KnownSite, ProjectState, Shard, carried_path, shard_path, shard_text};
use crate::wheel::Sha256;

/// What was written, counted from several threads.
#[derive(Default)]
pub(in crate::pipeline) struct Counts {
    pub(in crate::pipeline) written: AtomicU64,
    pub(in crate::pipeline) unchanged: AtomicU64,
    pub(in crate::pipeline) placed: AtomicU64,
    pub(in crate::pipeline) removed: AtomicU64,
}

/// A project that was written.
pub(in crate::pipeline) struct Made {
    pub(in crate::pipeline) state: ProjectState,
    /// What it has no more.
    pub(super) stale: HashSet<String>,
}

/// What projects are made from, and where to.
#[derive(Clone, Copy)]
pub(in crate::pipeline) struct Means<'a> {
    pub(in crate::pipeline) settings: &'a Settings,
    pub(in crate::pipeline) channels: &'a Channels,
    pub(in crate::pipeline) sources: &'a [Connected],
    pub(in crate::pipeline) site: &'a SiteDirectory,
    pub(in crate::pipeline) standing: Option<&'a KnownSite>,
    pub(in crate::pipeline) memory: &'a Memory,
    pub(in crate::pipeline) caches: &'a [FactsCache],
    pub(in crate::pipeline) theme: &'a Theme,
    pub(in crate::pipeline) reporter: &'a dyn Reporter,
}

/// Writes projects, from several threads.
pub(in crate::pipeline) struct ProjectWriter<'a> {
    pub(super) means: Means<'a>,
    pub(super) people: People<'a>,
    pub(super) counts: Counts,
}

impl<'a> ProjectWriter<'a> {
    /// Nothing is written yet, and `counts` are of what was before.
    pub(in crate::pipeline) fn new(means: Means<'a>, counts: Counts) -> Self {
        Self { people: People::new(means.settings, means.theme), means, counts }
    }

    /// What it wrote.
    pub(in crate::pipeline) fn into_counts(self) -> Counts {
        self.counts
    }

    /// Files, sidecars, pages, shard: links never lead to what is not there yet.
    pub(in crate::pipeline) fn write(&self, change: &Change<'_>) -> Result<Made> {
        let project = change.project;
        let standing = change.standing.as_deref();
        let mut stale: HashSet<String> =
            standing.map(Shard::paths).unwrap_or_default().into_iter().collect();
        let stands = |carried: &Carried<'_>| {
            let is_placed = || {
                let how = self.placement(carried.file);
                carried.is_sidecar
                    || self.means.site.is_placed(&carried.path, &carried.file.artifact, how)
            };
            stale.contains(&carried.path)
                && self.means.site.has(&carried.path, carried.size())
                && is_placed()
        };
        let carried = carried(project);
        let missing: Vec<&Carried<'_>> =
            carried.iter().filter(|carried| !stands(carried)).collect();
        // The journal must name a file before it is made, and the pages are made from files.
        self.means.site.announce(missing.iter().map(|carried| carried.path.as_str()))?;
        // What comes over the network waits more than it works.
        missing.par_iter().with_max_len(1).try_for_each(|carried| self.carry(carried))?;

        let mut pages = self.render_project(project)?;
        let digests: BTreeMap<String, Sha256> =
            pages.iter().map(|(path, bytes)| (path.clone(), Sha256::of(bytes))).collect();
        let shard_path = shard_path(&project.name);
        stale.extend(self.means.site.dirty_of(project.name.as_str()).iter().cloned());
        let wanted = carried.iter().map(|carried| &carried.path).chain(digests.keys());
        for path in wanted.chain([&shard_path]) {
            stale.remove(path);
        }
        let all = pages.len();
        let all_bytes: usize = pages.iter().map(|(_, bytes)| bytes.len()).sum();
        pages.retain(|(path, _)| {
            let same = standing.is_some_and(|shard| shard.pages.get(path) == digests.get(path));
            !(same && self.means.site.has(path, None))
        });
        self.counts.unchanged.fetch_add((all - pages.len()) as u64, Ordering::Relaxed);
        self.counts.written.fetch_add(pages.len() as u64, Ordering::Relaxed);

        // As long as a page of the same files, near enough.
        let room = all_bytes / all.max(1);
        let shard_bytes = shard_text(project, &digests, room).map_err(not_json)?;
        let shard = Sha256::of(&shard_bytes);
        let known = self.means.standing.and_then(|site| site.state.projects.get(&project.name));
        let shard_stands = known.is_some_and(|known| known.shard == shard)
            && self.means.site.has(&shard_path, Some(shard_bytes.len() as u64));
        // What becomes stale is named before the shard that knows of it is replaced.
        let touched = pages.iter().map(|(path, _)| path).chain(&stale).map(String::as_str);
        self.means.site.announce(touched.chain((!shard_stands).then_some(&*shard_path)))?;
        self.means.site.expect(pages.iter().map(|(path, _)| &**path));
        for (path, bytes) in &pages {
            self.means.site.write(path, bytes)?;
        }
        if !shard_stands {
            self.means.site.write(&shard_path, &shard_bytes)?;
        }
        self.means.reporter.step();
        let (inputs, files) = (inputs_of(project, self.means.channels), project.files.len() as u64);
        Ok(Made { state: ProjectState { inputs, shard, files }, stale })
    }

    /// Brings a distribution or a sidecar into the site.
    fn carry(&self, Carried { path, file, is_sidecar }: &Carried<'_>) -> Result<()> {
        if *is_sidecar {
            return self.means.site.write(path, &self.metadata(file)?);
        }
        match (&file.artifact.location, file.sha256()) {
            (Location::Remote(_), Some(sha256)) => {
                let source = &self.means.sources[file.artifact.source].source;
                self.means
                    .site
                    .download(path, &file.artifact, sha256, || source.open(&file.artifact))?;
            }
            _ => self.means.site.place(path, &file.artifact, self.placement(file))?,
        }
        self.counts.placed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn render_project(&self, project: &Project) -> Result<Vec<(String, Vec<u8>)>> {
        let pages = self.pages(project);
        let shows = pages.iter().any(|(_, page)| matches!(page, PageKind::People));
        let needs = if shows { Needs::of_project(project) } else { Vec::new() };
        let wanted = if shows { wants_metadata(project) } else { None };
        let metadata = wanted.map(|file| self.metadata(file)).transpose()?;
        let listed = Listed::of(project, self.means.settings.files_url.as_ref());
        pages
            .into_iter()
            .map(|(path, page)| {
                let page = match page {
                    PageKind::Html(view) => simple_html::project(project, &listed, view),
                    PageKind::Json(view) => simple_json::project(project, &listed, view),
                    PageKind::Files => {
                        files_json::project(project, &needs, &listed).map_err(not_json)?
                    }
                    PageKind::People => {
                        self.people.project(project, &needs, &listed, metadata.as_deref())?
                    }
                    PageKind::Metadata => metadata.clone().unwrap_or_default(),
                };
                Ok((path, page))
            })
            .collect()
    }

    fn pages(&self, project: &Project) -> Vec<(String, PageKind<'a>)> {
        pages(project, self.means.channels, self.means.settings)
    }

    /// The bytes of a wheel's METADATA: from a site that has them, else from the wheel.
    fn metadata(&self, file: &IndexFile) -> Result<Vec<u8>> {
        let expected =
            file.facts.as_deref().and_then(Facts::metadata).map(|metadata| metadata.sha256);
        let name = file.dist().name();
        let carried = file.sha256().map(|sha256| carried_path(name, sha256, file.dist().as_str()));
        let sidecar = carried.filter(|_| file.url == FileUrl::Carried);
        let path = sidecar.map_or_else(|| metadata_path(name), |path| path + ".metadata");
        if let Some(expected) = expected {
            if self.means.site.has(&path, None)
                && let Ok(bytes) = self.means.site.read(&path)
                && Sha256::of(&bytes) == expected
            {
                return Ok(bytes);
            }
            let elsewhere = || {
                let cached = self.means.caches[file.artifact.source].metadata(expected);
                cached.or_else(|| self.means.memory.file(&path, expected))
            };
            if file.artifact.location.key().is_some()
                && let Some(bytes) = elsewhere()
            {
                return Ok(bytes);
            }
        }
        let location = &file.artifact.location;
        let Some(connected) = self.means.sources.get(file.artifact.source) else {
            return Err(Error::target(format!("the METADATA of `{}` is not there", file.dist())));
        };
        let reader = connected.source.open(&file.artifact);
        let reader =
            reader.map_err(|error| Error::source(format!("cannot read `{location}`: {error}")))?;
        match inspect::read_metadata(reader) {
            Ok(Some(bytes)) if Some(Sha256::of(&bytes)) == expected => Ok(bytes),
            Ok(_) if file.facts.as_ref().is_some_and(|facts| facts.reported) => {
                Err(Error::source_hint(
                    format!(
                        "`{FACTS_FILE}` says something else of METADATA in `{location}` than the file itself"
                    ),
                    "remove it from the release, or build with `--refresh`",
                ))
            }
            Ok(_) => Err(Error::source_hint(
                format!("`{location}` changed while it was being read"),
                "run again when nothing writes to the source any more",
            )),
            Err(error) => Err(Error::source(format!("cannot read `{location}`: {error}"))),
        }
    }

    fn placement(&self, file: &IndexFile) -> Placement {
        match self.means.sources.get(file.artifact.source).map(|connected| connected.mode) {
            Some(FilesMode::Hardlink) => Placement::Hardlink,
            Some(FilesMode::Copy | FilesMode::Link) | None => Placement::Copy,
        }
    }
}
