//! The last stage: pages are made one project at a time and written in the order
//! files, sidecars, project pages, roots, state, deletions, so that every page that
//! can be read is whole and every link on it leads to bytes that are there.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use super::hosting;
use super::memory::Memory;
use super::read::{Connected, traffic};
use crate::cache::FactsCache;
use crate::config::{FilesMode, PagesMode, Settings};
use crate::error::{Error, Result};
use crate::facts::{Facts, Location};
use crate::facts_file::FACTS_FILE;
use crate::index::coverage::Coverage;
use crate::index::{FileUrl, Index, IndexFile, Project, View};
use crate::inspect;
use crate::publish::{
    Carried, Change, PageKind, Placement, Plan, SiteDirectory, carried, inputs_of, kinds,
    metadata_path, owner, pages, removal_rank,
};
use crate::render::listed::Listed;
use crate::render::needs::Needs;
use crate::render::people::{People, Rejected, wants_metadata};
use crate::render::theme::Theme;
use crate::render::{feed, files_json, search, simple_html, simple_json};
use crate::report::Reporter;
use crate::state::{
    KnownSite, Look, ProjectState, ROOT_FILE, Shard, SiteState, carried_path, shard_path,
    shard_text,
};
use crate::verify::Verdict;
use crate::wheel::Sha256;

/// What was written, counted from several threads.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) written: AtomicU64,
    pub(super) unchanged: AtomicU64,
    pub(super) placed: AtomicU64,
    pub(super) removed: AtomicU64,
}

/// A project that was written.
struct Made {
    state: ProjectState,
    /// What it has no more.
    stale: HashSet<String>,
}

/// What is to be written, and where.
pub(super) struct Work<'a> {
    pub(super) index: &'a Index,
    pub(super) settings: &'a Settings,
    pub(super) sources: &'a [Connected],
    pub(super) site: &'a SiteDirectory,
    pub(super) standing: Option<&'a KnownSite>,
    pub(super) memory: &'a Memory,
    pub(super) caches: &'a [FactsCache],
    pub(super) theme: &'a Theme,
    /// What was left out.
    pub(super) rejected: LeftOut<'a>,
    /// Whether the pages that belong to no project are as they should be, if no project changes.
    pub(super) roots_stand: bool,
    pub(super) reporter: &'a dyn Reporter,
}

/// Writes what a plan says.
pub(super) struct Writer<'a> {
    work: Work<'a>,
    people: People<'a>,
    counts: Counts,
}

/// What was left out, for those who look for it.
pub(super) struct LeftOut<'a> {
    files: Vec<Rejected<'a>>,
    json: Vec<u8>,
}

/// What these verdicts leave out.
pub(super) fn left_out(verdicts: &[Verdict]) -> Result<LeftOut<'_>> {
    let rejected = verdicts.iter().filter(|verdict| !verdict.accepted);
    let files: Vec<Rejected<'_>> = rejected
        .map(|verdict| Rejected { filename: &verdict.filename, findings: &verdict.findings })
        .collect();
    let json = to_json(&BTreeMap::from([("files", &files)]))?;
    Ok(LeftOut { files, json })
}

/// Whether what belongs to no project is as it should be, if no project changes.
pub(super) fn roots_stand(
    index: &Index,
    site: &SiteDirectory,
    standing: Option<&KnownSite>,
    settings: Sha256,
    left_out: &LeftOut<'_>,
) -> bool {
    let rejected = (!left_out.files.is_empty()).then(|| Sha256::of(&left_out.json));
    let touched = site.dirty().iter().any(|path| owner(path).is_none());
    standing.is_some_and(|standing| {
        !touched
            && standing.state.settings == settings
            && standing.state.pages.get("rejected.json").copied() == rejected
            // What else roots say follows from settings and projects, of which none has changed.
            && standing.state.pages.contains_key(COVERAGE) == has_coverage(index)
            && standing.state.pages.keys().all(|path| site.has(path, None))
    })
}

/// Whether there is something to tell of channels.
fn has_coverage(index: &Index) -> bool {
    !index.channels.all.is_empty()
}

impl<'a> Writer<'a> {
    pub(super) fn new(work: Work<'a>) -> Self {
        let people = People::new(work.settings, work.theme);
        Self { people, work, counts: Counts::default() }
    }

    pub(super) fn write(self, plan: &Plan<'_>) -> Result<Counts> {
        self.write_all(plan)?;
        Ok(self.counts)
    }

    fn write_all(&self, plan: &Plan<'_>) -> Result<()> {
        let work = &self.work;
        let pages = |project: &Project| kinds(project, &work.index.channels, work.settings).count();
        let pages_of_all: usize = self.work.index.projects.iter().map(pages).sum();
        let changed: usize = plan.changes.iter().map(|change| pages(change.project)).sum();
        self.counts.unchanged.fetch_add((pages_of_all - changed) as u64, Ordering::Relaxed);
        if plan.changes.is_empty() && plan.gone.is_empty() && self.work.roots_stand {
            let roots = self.work.standing.map(|standing| &standing.state.pages);
            let mut stale = self.stale_dirty(&BTreeSet::new(), roots.unwrap_or(&BTreeMap::new()));
            stale.sort_by_key(|path| removal_rank(path));
            return self.remove(&stale);
        }

        let mut state = SiteState::new(plan.settings);
        state.look = Some(Look::of(self.work.settings, self.work.theme.digest()));
        self.write_assets(&mut state)?;

        self.work.reporter.stage("writing", Some(plan.changes.len() as u64));
        self.work.reporter.traffic(&traffic(self.work.sources));
        let made: Vec<Result<Made>> =
            plan.changes.par_iter().map(|change| self.write_project(change)).collect();
        let mut removals = Vec::new();
        for (change, made) in plan.changes.iter().zip(made) {
            let made = made?;
            state.projects.insert(change.project.name.clone(), made.state);
            removals.extend(made.stale);
        }
        self.keep_unchanged(&mut state);

        self.write_roots(&mut state)?;
        for shard in plan.gone.iter().flatten() {
            removals.extend(shard.paths());
        }
        removals.extend(self.stale_roots(&state));
        let named: BTreeSet<&str> = removals.iter().map(String::as_str).collect();
        let forgotten = self.stale_dirty(&named, &state.pages);
        drop(named);
        removals.extend(forgotten);
        // A page goes before what it links to.
        removals.sort_by(|one, other| (removal_rank(one), one).cmp(&(removal_rank(other), other)));
        removals.dedup();
        self.work.site.announce(removals.iter().map(String::as_str))?;
        self.write_state(&state)?;
        self.remove(&removals)
    }

    fn write_assets(&self, state: &mut SiteState) -> Result<()> {
        if self.work.settings.pages == PagesMode::All {
            for (path, bytes) in self.work.theme.assets() {
                self.write_root(path, bytes, state)?;
            }
        }
        Ok(())
    }

    /// Files, sidecars, pages, shard: links never lead to what is not there yet.
    fn write_project(&self, change: &Change<'_>) -> Result<Made> {
        let project = change.project;
        let standing = change.standing.as_deref();
        let mut stale: HashSet<String> =
            standing.map(Shard::paths).unwrap_or_default().into_iter().collect();
        let stands = |carried: &Carried<'_>| {
            let is_placed = || {
                let how = self.placement(carried.file);
                carried.is_sidecar
                    || self.work.site.is_placed(&carried.path, &carried.file.artifact, how)
            };
            stale.contains(&carried.path)
                && self.work.site.has(&carried.path, carried.size())
                && is_placed()
        };
        let carried = carried(project);
        let missing: Vec<&Carried<'_>> =
            carried.iter().filter(|carried| !stands(carried)).collect();
        // The journal must name a file before it is made, and the pages are made from files.
        self.work.site.announce(missing.iter().map(|carried| carried.path.as_str()))?;
        // What comes over the network waits more than it works.
        missing.par_iter().with_max_len(1).try_for_each(|carried| self.carry(carried))?;

        let mut pages = self.render_project(project)?;
        let digests: BTreeMap<String, Sha256> =
            pages.iter().map(|(path, bytes)| (path.clone(), Sha256::of(bytes))).collect();
        let shard_path = shard_path(&project.name);
        stale.extend(self.work.site.dirty_of(project.name.as_str()).iter().cloned());
        let wanted = carried.iter().map(|carried| &carried.path).chain(digests.keys());
        for path in wanted.chain([&shard_path]) {
            stale.remove(path);
        }
        let all = pages.len();
        let all_bytes: usize = pages.iter().map(|(_, bytes)| bytes.len()).sum();
        pages.retain(|(path, _)| {
            let same = standing.is_some_and(|shard| shard.pages.get(path) == digests.get(path));
            !(same && self.work.site.has(path, None))
        });
        self.counts.unchanged.fetch_add((all - pages.len()) as u64, Ordering::Relaxed);
        self.counts.written.fetch_add(pages.len() as u64, Ordering::Relaxed);

        // As long as a page of the same files, near enough.
        let room = all_bytes / all.max(1);
        let shard_bytes = shard_text(project, &digests, room).map_err(not_json)?;
        let shard = Sha256::of(&shard_bytes);
        let known = self.work.standing.and_then(|site| site.state.projects.get(&project.name));
        let shard_stands = known.is_some_and(|known| known.shard == shard)
            && self.work.site.has(&shard_path, Some(shard_bytes.len() as u64));
        // What becomes stale is named before the shard that knows of it is replaced.
        let touched = pages.iter().map(|(path, _)| path).chain(&stale).map(String::as_str);
        self.work.site.announce(touched.chain((!shard_stands).then_some(&*shard_path)))?;
        self.work.site.expect(pages.iter().map(|(path, _)| &**path));
        for (path, bytes) in &pages {
            self.work.site.write(path, bytes)?;
        }
        if !shard_stands {
            self.work.site.write(&shard_path, &shard_bytes)?;
        }
        self.work.reporter.step();
        let (inputs, files) =
            (inputs_of(project, &self.work.index.channels), project.files.len() as u64);
        Ok(Made { state: ProjectState { inputs, shard, files }, stale })
    }

    /// Brings a distribution or a sidecar into the site.
    fn carry(&self, Carried { path, file, is_sidecar }: &Carried<'_>) -> Result<()> {
        if *is_sidecar {
            return self.work.site.write(path, &self.metadata(file)?);
        }
        match (&file.artifact.location, file.sha256()) {
            (Location::Remote(_), Some(sha256)) => {
                let source = &self.work.sources[file.artifact.source].source;
                self.work
                    .site
                    .download(path, &file.artifact, sha256, || source.open(&file.artifact))?;
            }
            _ => self.work.site.place(path, &file.artifact, self.placement(file))?,
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
        let listed = Listed::of(project, self.work.settings.files_url.as_ref());
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
        pages(project, &self.work.index.channels, self.work.settings)
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
            if self.work.site.has(&path, None)
                && let Ok(bytes) = self.work.site.read(&path)
                && Sha256::of(&bytes) == expected
            {
                return Ok(bytes);
            }
            let elsewhere = || {
                let cached = self.work.caches[file.artifact.source].metadata(expected);
                cached.or_else(|| self.work.memory.file(&path, expected))
            };
            if file.artifact.location.key().is_some()
                && let Some(bytes) = elsewhere()
            {
                return Ok(bytes);
            }
        }
        let location = &file.artifact.location;
        let Some(connected) = self.work.sources.get(file.artifact.source) else {
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
        match self.work.sources.get(file.artifact.source).map(|connected| connected.mode) {
            Some(FilesMode::Hardlink) => Placement::Hardlink,
            Some(FilesMode::Copy | FilesMode::Link) | None => Placement::Copy,
        }
    }

    /// What the state says of projects that were not made anew.
    fn keep_unchanged(&self, state: &mut SiteState) {
        let Some(standing) = self.work.standing else { return };
        for project in &self.work.index.projects {
            if let Some(known) = standing.state.projects.get(&project.name) {
                state.projects.entry(project.name.clone()).or_insert(*known);
            }
        }
    }

    fn write_roots(&self, state: &mut SiteState) -> Result<()> {
        for view in self.work.index.channels.views() {
            let prefix = view.prefix();
            let page = simple_html::root(self.work.index, view);
            self.write_root(&format!("{prefix}simple/index.html"), &page, state)?;
            if self.work.settings.host.serves_json() {
                let page = simple_json::root(self.work.index, view);
                self.write_root(&format!("{prefix}simple/index.v1_json"), &page, state)?;
            }
            if let View::Channel(channel) = view
                && self.work.settings.pages == PagesMode::All
            {
                let page = self.people.channel(self.work.index, channel)?;
                self.write_root(&format!("{prefix}index.html"), &page, state)?;
            }
        }
        self.write_root(".nojekyll", b"", state)?;
        for (path, text) in hosting::files(self.work.index, self.work.settings)? {
            self.write_root(path, text.as_bytes(), state)?;
        }
        if has_coverage(self.work.index) {
            let coverage = Coverage::of(self.work.index);
            self.write_root(COVERAGE, &to_json(&coverage)?, state)?;
            if self.work.settings.pages == PagesMode::All {
                self.write_root("coverage/index.html", &self.people.coverage(&coverage)?, state)?;
            }
        }
        if !self.work.rejected.files.is_empty() {
            self.write_root("rejected.json", &self.work.rejected.json, state)?;
            if self.work.settings.pages == PagesMode::All {
                let page = self.people.rejected(&self.work.rejected.files)?;
                self.write_root("rejected/index.html", &page, state)?;
            }
        }
        if self.work.settings.pages == PagesMode::All {
            self.write_roots_for_people(state)?;
        }
        Ok(())
    }

    fn write_roots_for_people(&self, state: &mut SiteState) -> Result<()> {
        let index = self.work.index;
        self.write_root("404.html", &self.people.not_found()?, state)?;
        self.write_root("robots.txt", ROBOTS, state)?;
        self.write_root("packages/index.html", &self.people.projects(index)?, state)?;
        for (path, page) in search::pages(index) {
            self.write_root(&path, &page, state)?;
        }
        let feed = feed::feed(index, self.work.settings);
        if let Some(feed) = &feed {
            self.write_root(FEED, feed, state)?;
        }
        // It leads to all the others.
        let home =
            self.people.home(index, &self.work.rejected.files, feed.is_some().then_some(FEED))?;
        self.write_root("index.html", &home, state)
    }

    /// Writes a file that belongs to no project, if it is not there already.
    fn write_root(&self, path: &str, bytes: &[u8], state: &mut SiteState) -> Result<()> {
        let digest = Sha256::of(bytes);
        state.pages.insert(path.to_owned(), digest);
        let same = self
            .work
            .standing
            .is_some_and(|standing| standing.state.pages.get(path) == Some(&digest));
        if same && self.work.site.has(path, Some(bytes.len() as u64)) {
            self.counts.unchanged.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        self.work.site.announce([path])?;
        self.work.site.write(path, bytes)?;
        self.counts.written.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn write_state(&self, state: &SiteState) -> Result<()> {
        let same = self.work.standing.is_some_and(|standing| standing.state == *state);
        if same && self.work.site.has(ROOT_FILE, None) {
            return Ok(());
        }
        self.work.site.announce([ROOT_FILE])?;
        self.work.site.write(ROOT_FILE, &to_json(state)?)
    }

    fn remove(&self, paths: &[String]) -> Result<()> {
        for path in paths {
            self.work.site.remove(path)?;
        }
        self.counts.removed.fetch_add(paths.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Files of the last site that belonged to no project and are no more.
    fn stale_roots(&self, state: &SiteState) -> Vec<String> {
        let standing = self.work.standing.map(|standing| standing.state.pages.keys());
        let stale = standing.into_iter().flatten().filter(|path| !state.pages.contains_key(*path));
        stale.cloned().collect()
    }

    /// What an interrupted build touched and nothing of this build accounts for.
    fn stale_dirty(&self, named: &BTreeSet<&str>, roots: &BTreeMap<String, Sha256>) -> Vec<String> {
        let stale = self.work.site.dirty().iter().filter(|path| match owner(path) {
            Some(name) => self
                .work
                .index
                .projects
                .binary_search_by(|project| project.name.as_str().cmp(name))
                .is_err(),
            None => *path != ROOT_FILE && !roots.contains_key(*path),
        });
        stale.filter(|path| !named.contains(path.as_str())).cloned().collect()
    }
}

/// Crawlers find the pages for people; there is nothing for them in the files.
const ROBOTS: &[u8] = b"User-agent: *\nDisallow: /files/\nDisallow: /state/\n";

/// The newest files, for those who follow the index.
const FEED: &str = "feed.xml";

/// What there is of each release, for tools.
const COVERAGE: &str = "coverage.json";

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn not_json(error: serde_json::Error) -> Error {
    Error::Render { template: ROOT_FILE.to_owned(), message: error.to_string() }
}

fn to_json(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value).map_err(not_json)?;
    bytes.push(b'\n');
    Ok(bytes)
}
