//! Lets go of projects that are as the last run wrote them, while a list is still being read.
//!
//! Of a project of which nothing changed nobody asks for the files, where there are neither pages for
//! people nor channels: the root of the index has the names alone. So they need not be in memory
//! together, which costs more than comparing them does.

use std::collections::HashSet;
use std::sync::Arc;

use rayon::prelude::*;

use super::memory::Memory;
use super::read::Connected;
use super::{file_url, times};
use crate::config::{FilesMode, PagesMode, Settings};
use crate::facts::Artifact;
use crate::index::{Admitted, Channels, Project};
use crate::publish::{SiteDirectory, is_unchanged, of_settings};
use crate::render::theme::Theme;
use crate::state::KnownSite;
use crate::verify::{self, Evidence, Severity};
use crate::wheel::ProjectName;

/// As many files are compared together, near enough.
const BATCH: usize = 2 * 1024;

/// Keeps the files of changed projects.
pub(super) struct Sieve<'a> {
    settings: &'a Settings,
    site: &'a SiteDirectory,
    standing: &'a KnownSite,
    least: Severity,
    /// Files that have not been compared, in the order of their source.
    waiting: Vec<Arc<Artifact>>,
    /// Those of projects that may differ.
    kept: Vec<Arc<Artifact>>,
    unchanged: Vec<Project>,
    /// Their names.
    names: HashSet<ProjectName>,
    /// Whether a project has a file that came after it was let go.
    is_torn: bool,
}

impl<'a> Sieve<'a> {
    /// None where the files of unchanged projects may be asked for.
    pub(super) fn new(
        settings: &'a Settings,
        theme: &Theme,
        sources: &[Connected],
        site: &'a SiteDirectory,
        memory: &'a Memory,
        least: Severity,
    ) -> Option<Self> {
        let standing = memory.standing.as_deref().filter(|_| memory.is_of_standing())?;
        let of_lists = sources.iter().all(|connected| {
            let is_list = !connected.source.has_bytes() && connected.mode == FilesMode::Link;
            // What came of an optional source before it failed is taken back.
            is_list && !connected.optional
        });
        let asked = settings.pages != PagesMode::None || settings.channels.enabled;
        let same = standing.state.settings == of_settings(settings, theme);
        (of_lists && !asked && same).then(|| Self {
            settings,
            site,
            standing,
            least: least.min(Severity::Warning),
            waiting: Vec::new(),
            kept: Vec::new(),
            unchanged: Vec::new(),
            names: HashSet::new(),
            is_torn: false,
        })
    }

    /// Takes files of a source as they come.
    pub(super) fn take(&mut self, artifacts: Vec<Arc<Artifact>>, connected: &Connected) {
        self.waiting.extend(artifacts);
        if self.waiting.len() >= BATCH {
            self.compare(connected, false);
        }
    }

    /// Ends a source: the last project that it names has no more files.
    pub(super) fn end(&mut self, connected: &Connected) {
        self.compare(connected, true);
    }

    /// The files that were kept and the projects that were let go; none where one of these was not
    /// all there yet.
    pub(super) fn finish(self) -> Option<(Vec<Arc<Artifact>>, Vec<Project>)> {
        (!self.is_torn).then_some((self.kept, self.unchanged))
    }

    fn compare(&mut self, connected: &Connected, is_end: bool) {
        let mut waiting = std::mem::take(&mut self.waiting);
        if !is_end {
            // The last one may go on.
            let mut groups = waiting.chunk_by(|one, other| is_of_same(one, other));
            let last = groups.next_back().map_or(0, <[_]>::len);
            self.waiting = waiting.split_off(waiting.len() - last);
        }
        let groups: Vec<&[Arc<Artifact>]> =
            waiting.chunk_by(|one, other| is_of_same(one, other)).collect();
        let compared: Vec<Option<Project>> =
            groups.par_iter().map(|group| self.unchanged(group, connected)).collect();
        for (group, unchanged) in groups.into_iter().zip(compared) {
            let name = group[0].dist.as_ref().ok().map(|dist| dist.name());
            self.is_torn |= name.is_some_and(|name| self.names.contains(name));
            match unchanged {
                None => self.kept.extend_from_slice(group),
                Some(project) => {
                    self.names.insert(project.name.clone());
                    self.unchanged.push(project);
                }
            }
        }
    }

    /// The project of these files without them, if it is as it was.
    fn unchanged(&self, group: &[Arc<Artifact>], connected: &Connected) -> Option<Project> {
        let settings = self.settings;
        let name = group[0].dist.as_ref().ok()?.name();
        let known = self.standing.state.projects.get(name)?;
        if known.files != group.len() as u64 || settings.projects.contains_key(name) {
            return None;
        }
        let mut admitted = Vec::with_capacity(group.len());
        for artifact in group {
            let evidence = Evidence { artifact, facts: None, sidecar: None };
            // Where there is something to say it is said later, and for that the file is needed.
            if !verify::judge_from(evidence, &settings.policy, self.least).is_empty() {
                return None;
            }
            admitted.push(Admitted {
                url: file_url(artifact, connected, settings).ok()?,
                upload_time: times::of_new(artifact, settings),
                artifact: artifact.clone(),
                facts: None,
            });
        }
        let project = Project::build(name.clone(), admitted.into_iter().map(Ok), settings).ok()?;
        let same = is_unchanged(&project, &Channels::default(), settings, self.site, known);
        same.then(|| Project::unchanged(project.name, known.inputs, group.len()))
    }
}

fn is_of_same(one: &Artifact, other: &Artifact) -> bool {
    match (&one.dist, &other.dist) {
        (Ok(one), Ok(other)) => one.name() == other.name(),
        _ => false,
    }
}
