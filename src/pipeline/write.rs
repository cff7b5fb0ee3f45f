//! The last stage: pages are made one project at a time and written in the order
//! files, sidecars, project pages, roots, state, deletions, so that every page that
//! can be read is whole and every link on it leads to bytes that are there.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use super::Connected;
use crate::config::{FilesMode, PagesMode, Settings};
use crate::error::{Error, Result};
use crate::facts::Facts;
use crate::index::{FileUrl, Index, IndexFile, Project};
use crate::inspect;
use crate::publish::{Change, Placement, Plan, SiteDirectory, owner, page_paths};
use crate::render::people::{People, wants_metadata};
use crate::render::theme::Theme;
use crate::render::{Links, simple_html, simple_json};
use crate::report::Reporter;
use crate::state::{
    KnownSite, ProjectState, ROOT_FILE, Shard, SiteState, carried_path, shard_path,
};
use crate::wheel::Sha256;

/// What was written, counted from several threads.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) written: AtomicU64,
    pub(super) unchanged: AtomicU64,
    pub(super) placed: AtomicU64,
    pub(super) removed: AtomicU64,
}

/// Writes what a plan says.
pub(super) struct Writer<'a> {
    index: &'a Index,
    settings: &'a Settings,
    sources: &'a [Connected],
    site: &'a SiteDirectory,
    standing: Option<&'a KnownSite>,
    theme: &'a Theme,
    people: People<'a>,
    links: Links<'a>,
    reporter: &'a dyn Reporter,
    counts: Counts,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        index: &'a Index,
        settings: &'a Settings,
        sources: &'a [Connected],
        site: &'a SiteDirectory,
        standing: Option<&'a KnownSite>,
        theme: &'a Theme,
        reporter: &'a dyn Reporter,
    ) -> Self {
        Self {
            index,
            settings,
            sources,
            site,
            standing,
            theme,
            people: People::new(settings, theme),
            links: Links { files_url: settings.files_url.as_ref() },
            reporter,
            counts: Counts::default(),
        }
    }

    pub(super) fn write(self, plan: &Plan<'_>) -> Result<Counts> {
        self.write_all(plan)?;
        Ok(self.counts)
    }

    fn write_all(&self, plan: &Plan<'_>) -> Result<()> {
        let pages_of_all = self.index.projects.len() * page_paths_each(self.settings);
        let changed: usize = plan.changes.len() * page_paths_each(self.settings);
        self.counts.unchanged.fetch_add((pages_of_all - changed) as u64, Ordering::Relaxed);
        let touched_roots = self.site.dirty().iter().any(|path| owner(path).is_none());
        if plan.changes.is_empty()
            && plan.gone.is_empty()
            && !touched_roots
            && self.roots_stand(plan)
        {
            return self.remove(&self.stale_dirty(&BTreeSet::new()));
        }

        let mut state = SiteState::new(plan.settings);
        self.write_assets(&mut state)?;

        self.reporter.stage("writing", Some(plan.changes.len() as u64));
        let made: Vec<Result<(usize, ProjectState, Vec<String>)>> = plan
            .changes
            .par_iter()
            .map(|change| self.write_project(change, &plan.inputs))
            .collect();
        let mut removals = Vec::new();
        for made in made {
            let (position, project, stale) = made?;
            state.projects.insert(self.index.projects[position].name.clone(), project);
            removals.extend(stale);
        }
        self.keep_unchanged(&mut state);

        self.write_roots(&mut state)?;
        for (_, shard) in &plan.gone {
            removals.extend(shard.iter().flat_map(|shard| shard.paths()));
        }
        removals.extend(self.stale_roots(&state));
        let named: BTreeSet<&str> = removals.iter().map(String::as_str).collect();
        let forgotten = self.stale_dirty(&named);
        drop(named);
        removals.extend(forgotten);
        self.site.announce(removals.iter().map(String::as_str))?;
        self.write_state(&state)?;
        self.remove(&removals)
    }

    fn write_assets(&self, state: &mut SiteState) -> Result<()> {
        if self.settings.pages == PagesMode::All {
            for (path, bytes) in self.theme.assets() {
                self.write_root(path, bytes, state)?;
            }
        }
        Ok(())
    }

    /// Files, sidecars, pages, shard: links never lead to what is not there yet.
    fn write_project(
        &self,
        change: &Change<'_>,
        inputs: &[Sha256],
    ) -> Result<(usize, ProjectState, Vec<String>)> {
        let project = change.project;
        let standing = change.standing.as_deref();
        let standing_paths: HashSet<String> =
            standing.map(Shard::paths).unwrap_or_default().into_iter().collect();
        let stands = |path: &str, size| standing_paths.contains(path) && self.site.has(path, size);

        let mut wanted: HashSet<String> = HashSet::new();
        let mut files = Vec::new();
        for file in project.offered().iter().filter(|file| file.url == FileUrl::Carried) {
            let Some(sha256) = file.sha256 else { continue };
            let path = carried_path(&project.name, sha256, file.dist.as_str());
            if !stands(&path, file.size) {
                files.push((path.clone(), file, false));
            }
            if file.core_metadata.is_some() {
                let sidecar = format!("{path}.metadata");
                if !stands(&sidecar, None) {
                    files.push((sidecar.clone(), file, true));
                }
                wanted.insert(sidecar);
            }
            wanted.insert(path);
        }
        // The journal must name a file before it is made, and the pages are made from files.
        self.site.announce(files.iter().map(|(path, ..)| path.as_str()))?;
        for (path, file, is_sidecar) in &files {
            if *is_sidecar {
                self.site.write(path, &self.metadata(file)?)?;
            } else {
                self.site.place(path, &file.artifact, self.placement(file))?;
                self.counts.placed.fetch_add(1, Ordering::Relaxed);
            }
        }

        let pages = self.render_project(project)?;
        let digests: BTreeMap<String, Sha256> =
            pages.iter().map(|(path, bytes)| (path.clone(), Sha256::of(bytes))).collect();
        let mut changed = pages;
        changed.retain(|(path, _)| {
            let same = standing.is_some_and(|shard| shard.pages.get(path) == digests.get(path));
            !(same && self.site.has(path, None))
        });
        let unchanged = digests.len() - changed.len();
        self.counts.unchanged.fetch_add(unchanged as u64, Ordering::Relaxed);
        wanted.extend(digests.keys().cloned());
        let shard_path = shard_path(&project.name);
        wanted.insert(shard_path.clone());
        let shard = Shard::of(project, digests);
        let shard_bytes = to_json(&shard)?;
        let shard_digest = Sha256::of(&shard_bytes);
        let shard_stands = self.standing.is_some_and(|standing| {
            standing
                .state
                .projects
                .get(&project.name)
                .is_some_and(|known| known.shard == shard_digest)
        }) && self.site.has(&shard_path, Some(shard_bytes.len() as u64));

        let mut stale: Vec<String> =
            standing_paths.into_iter().filter(|path| !wanted.contains(path)).collect();
        stale.extend(self.dirty_of(project).filter(|path| !wanted.contains(*path)).cloned());
        stale.sort_unstable();
        stale.dedup();
        let touched = changed.iter().map(|(path, _)| path).chain(&stale).map(String::as_str);
        self.site.announce(touched.chain((!shard_stands).then_some(&*shard_path)))?;
        for (path, bytes) in &changed {
            self.site.write(path, bytes)?;
        }
        if !shard_stands {
            self.site.write(&shard_path, &shard_bytes)?;
        }
        self.counts.written.fetch_add(changed.len() as u64, Ordering::Relaxed);
        self.reporter.step();
        let state = ProjectState {
            inputs: inputs[change.position],
            shard: shard_digest,
            files: project.files.len() as u64,
        };
        Ok((change.position, state, stale))
    }

    fn render_project(&self, project: &Project) -> Result<Vec<(String, Vec<u8>)>> {
        page_paths(&project.name, self.settings)
            .into_iter()
            .map(|path| {
                let page = if path.starts_with("packages/") {
                    let metadata =
                        wants_metadata(project).map(|file| self.metadata(file)).transpose()?;
                    self.people.project(project, metadata.as_deref())?
                } else if path.ends_with(".v1_json") {
                    simple_json::project(project, self.links)
                } else {
                    simple_html::project(project, self.links)
                };
                Ok((path, page))
            })
            .collect()
    }

    /// The bytes of a wheel's METADATA: from the site where it has them, else from the wheel.
    fn metadata(&self, file: &IndexFile) -> Result<Vec<u8>> {
        let expected =
            file.facts.as_deref().and_then(Facts::metadata).map(|metadata| metadata.sha256);
        if let (FileUrl::Carried, Some(sha256)) = (&file.url, file.sha256) {
            let path = carried_path(file.dist.name(), sha256, file.dist.as_str()) + ".metadata";
            if self.site.has(&path, None)
                && let Ok(bytes) = self.site.read(&path)
                && Some(Sha256::of(&bytes)) == expected
            {
                return Ok(bytes);
            }
        }
        let location = &file.artifact.location;
        let reader = self.sources[file.artifact.source].source.open(&file.artifact);
        let reader =
            reader.map_err(|error| Error::source(format!("cannot read `{location}`: {error}")))?;
        match inspect::read_metadata(reader) {
            Ok(Some(bytes)) if Some(Sha256::of(&bytes)) == expected => Ok(bytes),
            Ok(_) => Err(Error::source_hint(
                format!("`{location}` changed while it was being read"),
                "run again when nothing writes to the source any more",
            )),
            Err(error) => Err(Error::source(format!("cannot read `{location}`: {error}"))),
        }
    }

    fn placement(&self, file: &IndexFile) -> Placement {
        match self.sources[file.artifact.source].mode {
            FilesMode::Hardlink => Placement::Hardlink,
            FilesMode::Copy | FilesMode::Link => Placement::Copy,
        }
    }

    /// What the state says of projects that were not made anew.
    fn keep_unchanged(&self, state: &mut SiteState) {
        let Some(standing) = self.standing else { return };
        for project in &self.index.projects {
            if let Some(known) = standing.state.projects.get(&project.name) {
                state.projects.entry(project.name.clone()).or_insert(*known);
            }
        }
    }

    fn write_roots(&self, state: &mut SiteState) -> Result<()> {
        self.write_root("simple/index.html", &simple_html::root(self.index), state)?;
        if self.settings.host.serves_json() {
            self.write_root("simple/index.v1_json", &simple_json::root(self.index), state)?;
        }
        self.write_root(".nojekyll", b"", state)?;
        if self.settings.pages == PagesMode::All {
            self.write_root("404.html", &self.people.not_found()?, state)?;
            self.write_root("robots.txt", ROBOTS, state)?;
            self.write_root("index.html", &self.people.home(self.index)?, state)?;
        }
        Ok(())
    }

    /// Writes a file that belongs to no project, if it is not there already.
    fn write_root(&self, path: &str, bytes: &[u8], state: &mut SiteState) -> Result<()> {
        let digest = Sha256::of(bytes);
        state.pages.insert(path.to_owned(), digest);
        let same =
            self.standing.is_some_and(|standing| standing.state.pages.get(path) == Some(&digest));
        if same && self.site.has(path, Some(bytes.len() as u64)) {
            self.counts.unchanged.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        self.site.announce([path])?;
        self.site.write(path, bytes)?;
        self.counts.written.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn write_state(&self, state: &SiteState) -> Result<()> {
        let same = self.standing.is_some_and(|standing| standing.state == *state);
        if same && self.site.has(ROOT_FILE, None) {
            return Ok(());
        }
        self.site.announce([ROOT_FILE])?;
        self.site.write(ROOT_FILE, &to_json(state)?)
    }

    fn remove(&self, paths: &[String]) -> Result<()> {
        for path in paths {
            self.site.remove(path)?;
        }
        self.counts.removed.fetch_add(paths.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn roots_stand(&self, plan: &Plan<'_>) -> bool {
        self.standing.is_some_and(|standing| {
            standing.state.settings == plan.settings
                && standing.state.pages.keys().all(|path| self.site.has(path, None))
        })
    }

    /// Files of the last site that belonged to no project and are no more.
    fn stale_roots(&self, state: &SiteState) -> Vec<String> {
        let standing = self.standing.map(|standing| standing.state.pages.keys());
        let stale = standing.into_iter().flatten().filter(|path| !state.pages.contains_key(*path));
        stale.cloned().collect()
    }

    /// What an interrupted build touched and nothing of this build accounts for.
    fn stale_dirty(&self, named: &BTreeSet<&str>) -> Vec<String> {
        let roots: BTreeSet<&str> = self.root_paths();
        let stale = self.site.dirty().iter().filter(|path| match owner(path) {
            Some(name) => self
                .index
                .projects
                .binary_search_by(|project| project.name.as_str().cmp(name))
                .is_err(),
            None => !roots.contains(path.as_str()),
        });
        stale.filter(|path| !named.contains(path.as_str())).cloned().collect()
    }

    fn root_paths(&self) -> BTreeSet<&str> {
        let mut paths = BTreeSet::from([ROOT_FILE, "simple/index.html", ".nojekyll"]);
        if self.settings.host.serves_json() {
            paths.insert("simple/index.v1_json");
        }
        if self.settings.pages == PagesMode::All {
            paths.extend(["404.html", "robots.txt", "index.html"]);
            paths.extend(self.theme.assets().map(|(path, _)| path));
        }
        paths
    }

    fn dirty_of(&self, project: &Project) -> impl Iterator<Item = &String> {
        let name = project.name.as_str();
        self.site.dirty().iter().filter(move |path| owner(path) == Some(name))
    }
}

/// Crawlers find the pages for people; there is nothing for them in the files.
const ROBOTS: &[u8] = b"User-agent: *\nDisallow: /files/\nDisallow: /state/\n";

fn page_paths_each(settings: &Settings) -> usize {
    1 + usize::from(settings.host.serves_json()) + usize::from(settings.pages == PagesMode::All)
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value).map_err(|error| Error::Render {
        template: ROOT_FILE.to_owned(),
        message: error.to_string(),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}
