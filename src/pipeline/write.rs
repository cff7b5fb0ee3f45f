//! The last stage: pages are made one project at a time and written in the order
//! files, sidecars, project pages, roots, state, deletions, so that every page that
//! can be read is whole and every link on it leads to bytes that are there.

mod project;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use rayon::prelude::*;
use serde::Serialize;

use super::hosting;
use super::read::traffic;
use crate::config::PagesMode;
use crate::error::{Error, Result};
use crate::index::coverage::Coverage;
use crate::index::{Index, Project, View};
use crate::publish::{Plan, SiteDirectory, kinds, owner, removal_rank};
use crate::render::gists::Gists;
use crate::render::people::Rejected;
use crate::render::{feed, search, simple_html, simple_json};
use crate::state::{KnownSite, Look, ProjectState, ROOT_FILE, SiteState};
use crate::verify::Verdict;
use crate::wheel::{ProjectName, Sha256};

pub(super) use project::{Counts, Means, ProjectWriter};

/// What is to be written.
pub(super) struct Work<'a> {
    pub(super) index: &'a Index,
    /// What was left out.
    pub(super) rejected: LeftOut<'a>,
    /// Whether the pages that belong to no project are as they should be, if no project changes.
    pub(super) roots_stand: bool,
    /// What was written before all was known.
    pub(super) written: Written,
}

/// Projects that were written.
#[derive(Default)]
pub(super) struct Written {
    pub(super) states: BTreeMap<ProjectName, ProjectState>,
    pub(super) counts: Counts,
    /// For pages of the root that tell people of them.
    pub(super) gists: Gists,
}

/// Writes what a plan says.
pub(super) struct Writer<'a> {
    index: &'a Index,
    rejected: LeftOut<'a>,
    roots_stand: bool,
    written: BTreeMap<ProjectName, ProjectState>,
    gists: Gists,
    means: Means<'a>,
    projects: ProjectWriter<'a>,
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
    pub(super) fn new(work: Work<'a>, means: Means<'a>) -> Self {
        let Work { index, rejected, roots_stand, written } = work;
        let Written { states, counts, gists } = written;
        let projects = ProjectWriter::new(means, counts);
        Self { index, rejected, roots_stand, written: states, gists, means, projects }
    }

    pub(super) fn write(mut self, plan: &Plan<'_>) -> Result<Counts> {
        self.write_all(plan)?;
        Ok(self.projects.into_counts())
    }

    fn write_all(&mut self, plan: &Plan<'_>) -> Result<()> {
        let Means { settings, theme, reporter, standing, .. } = self.means;
        let pages = |project: &Project| kinds(project, &self.index.channels, settings).count();
        let is_old = |project: &&Project| !self.written.contains_key(&project.name);
        let old: usize = self.index.projects.iter().filter(is_old).map(pages).sum();
        let changed: usize = plan.changes.iter().map(|change| pages(change.project)).sum();
        self.count_unchanged(old - changed);
        if plan.changes.is_empty() && plan.gone.is_empty() && self.roots_stand {
            let roots = standing.map(|standing| &standing.state.pages);
            let mut stale = self.stale_dirty(&BTreeSet::new(), roots.unwrap_or(&BTreeMap::new()));
            stale.sort_by_key(|path| removal_rank(path));
            return self.remove(&stale);
        }

        let mut state = SiteState::new(plan.settings);
        state.look = Some(Look::of(settings, theme.digest()));
        self.write_assets(&mut state)?;

        if !plan.changes.is_empty() {
            reporter.stage("writing", Some(plan.changes.len() as u64));
        }
        reporter.traffic(&traffic(self.means.sources));
        let made: Vec<Result<_>> =
            plan.changes.par_iter().map(|change| self.projects.write(change)).collect();
        state.projects = std::mem::take(&mut self.written);
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
        self.means.site.announce(removals.iter().map(String::as_str))?;
        self.write_state(&state)?;
        self.remove(&removals)
    }

    fn count_unchanged(&self, pages: usize) {
        self.projects.counts.unchanged.fetch_add(pages as u64, Ordering::Relaxed);
    }

    fn write_assets(&self, state: &mut SiteState) -> Result<()> {
        if self.means.settings.pages == PagesMode::All {
            for (path, bytes) in self.means.theme.assets() {
                self.write_root(path, bytes, state)?;
            }
        }
        Ok(())
    }

    /// What the state says of projects that were not made anew.
    fn keep_unchanged(&self, state: &mut SiteState) {
        let Some(standing) = self.means.standing else { return };
        for project in &self.index.projects {
            if let Some(known) = standing.state.projects.get(&project.name) {
                state.projects.entry(project.name.clone()).or_insert(*known);
            }
        }
    }

    fn write_roots(&self, state: &mut SiteState) -> Result<()> {
        for view in self.index.channels.views() {
            let prefix = view.prefix();
            let page = simple_html::root(self.index, view);
            self.write_root(&format!("{prefix}simple/index.html"), &page, state)?;
            if self.means.settings.host.serves_json() {
                let page = simple_json::root(self.index, view);
                self.write_root(&format!("{prefix}simple/index.v1_json"), &page, state)?;
            }
            if let View::Channel(channel) = view
                && self.means.settings.pages == PagesMode::All
            {
                let page = self.projects.people.channel(self.index, channel)?;
                self.write_root(&format!("{prefix}index.html"), &page, state)?;
            }
        }
        self.write_root(".nojekyll", b"", state)?;
        for (path, text) in hosting::files(self.index, self.means.settings)? {
            self.write_root(path, text.as_bytes(), state)?;
        }
        if has_coverage(self.index) {
            let coverage = Coverage::of(self.index);
            self.write_root(COVERAGE, &to_json(&coverage)?, state)?;
            if self.means.settings.pages == PagesMode::All {
                self.write_root(
                    "coverage/index.html",
                    &self.projects.people.coverage(&coverage)?,
                    state,
                )?;
            }
        }
        if !self.rejected.files.is_empty() {
            self.write_root("rejected.json", &self.rejected.json, state)?;
            if self.means.settings.pages == PagesMode::All {
                let page = self.projects.people.rejected(&self.rejected.files)?;
                self.write_root("rejected/index.html", &page, state)?;
            }
        }
        if self.means.settings.pages == PagesMode::All {
            self.write_roots_for_people(state)?;
        }
        Ok(())
    }

    fn write_roots_for_people(&self, state: &mut SiteState) -> Result<()> {
        let (index, gists) = (self.index, &self.gists);
        self.write_root("404.html", &self.projects.people.not_found()?, state)?;
        self.write_root("robots.txt", ROBOTS, state)?;
        self.write_root("packages/index.html", &self.projects.people.projects(index)?, state)?;
        for (path, page) in search::pages(index, gists) {
            self.write_root(&path, &page, state)?;
        }
        let feed = feed::feed(index, gists, self.means.settings);
        if let Some(feed) = &feed {
            self.write_root(FEED, feed, state)?;
        }
        // It leads to all the others.
        let home = self.projects.people.home(
            index,
            gists,
            &self.rejected.files,
            feed.is_some().then_some(FEED),
        )?;
        self.write_root("index.html", &home, state)
    }

    /// Writes a file that belongs to no project, if it is not there already.
    fn write_root(&self, path: &str, bytes: &[u8], state: &mut SiteState) -> Result<()> {
        let digest = Sha256::of(bytes);
        state.pages.insert(path.to_owned(), digest);
        let same = self
            .means
            .standing
            .is_some_and(|standing| standing.state.pages.get(path) == Some(&digest));
        if same && self.means.site.has(path, Some(bytes.len() as u64)) {
            self.count_unchanged(1);
            return Ok(());
        }
        self.means.site.announce([path])?;
        self.means.site.write(path, bytes)?;
        self.projects.counts.written.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn write_state(&self, state: &SiteState) -> Result<()> {
        let same = self.means.standing.is_some_and(|standing| standing.state == *state);
        if same && self.means.site.has(ROOT_FILE, None) {
            return Ok(());
        }
        self.means.site.announce([ROOT_FILE])?;
        self.means.site.write(ROOT_FILE, &to_json(state)?)
    }

    fn remove(&self, paths: &[String]) -> Result<()> {
        for path in paths {
            self.means.site.remove(path)?;
        }
        self.projects.counts.removed.fetch_add(paths.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Files of the last site that belonged to no project and are no more.
    fn stale_roots(&self, state: &SiteState) -> Vec<String> {
        let standing = self.means.standing.map(|standing| standing.state.pages.keys());
        let stale = standing.into_iter().flatten().filter(|path| !state.pages.contains_key(*path));
        stale.cloned().collect()
    }

    /// What an interrupted build touched and nothing of this build accounts for.
    fn stale_dirty(&self, named: &BTreeSet<&str>, roots: &BTreeMap<String, Sha256>) -> Vec<String> {
        let stale = self.means.site.dirty().iter().filter(|path| match owner(path) {
            Some(name) => self
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
