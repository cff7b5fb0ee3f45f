//! A build of which nothing is new.
//!
//! What the last build into a folder was made from is remembered on this machine, with what it told
//! and what it wrote. Where the program, the settings, the theme, the state of the site and
//! the stamps of all local files are the same, the same would be found and written again: then it is
//! enough to tell it, and to look whether all that was written is still there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Summary;
use super::read::Connected;
use super::write::Means;
use crate::cache::{LastBuild, is_settled};
use crate::config::Settings;
use crate::facts::{Depth, FACTS_VERSION, Location, SidecarFile, Stamp};
use crate::index::{Index, Project};
use crate::net::Traffic;
use crate::publish::{Belongings, SiteDirectory, all_of, is_unchanged};
use crate::render::theme::Theme;
use crate::report::Reporter;
use crate::source::{Listing, Run, Runs, SourceSpec, stamp_of};
use crate::state::{ROOT_FILE, generator};
use crate::verify::{CHECKS, Finding, Severity, Verdict};
use crate::wheel::Sha256;

/// Compares a build with the last one into the same folder.
pub(super) struct Again {
    /// When the build began: what changed just before may change again and look the same.
    began: SystemTime,
    /// What does not depend on what the sources hold.
    fixed: Vec<u8>,
    /// The same, wherever a list lies.
    anywhere: Vec<u8>,
}

/// What a source is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SourceMark(Sha256);

/// The first line of what is kept. The next ones are runs of a list, and then come the paths of the
/// site, each behind its size.
#[derive(Serialize, Deserialize)]
struct Head {
    /// What was there beside the sources, wherever a list lies.
    beside: Sha256,
    /// All that was there; none where it may change and look the same.
    made_from: Option<Sha256>,
    /// How many runs there are, their digest, and what their own ones are seeded with.
    runs: usize,
    runs_digest: Sha256,
    seed: u64,
    projects: usize,
    files: usize,
    accepted: usize,
    rejected: usize,
    pages: u64,
    told: Vec<Told>,
}

/// What the last build kept.
pub(super) struct Last {
    head: Head,
    runs: String,
    paths: String,
}

/// What a build made, and from what.
pub(super) struct Built<'a> {
    pub(super) index: &'a Index,
    pub(super) summary: &'a Summary,
    /// The lines of a list that name projects about which there is nothing to say.
    pub(super) runs: Option<&'a Runs>,
    pub(super) told: Vec<Told>,
}

/// What there is of a state beside its projects.
#[derive(Deserialize)]
struct Roots {
    pages: BTreeMap<String, Sha256>,
}

/// What a build told people.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) enum Told {
    Warning(String),
    Verdict {
        filename: String,
        location: String,
        accepted: bool,
        depth: Option<Depth>,
        findings: Vec<Found>,
    },
}

/// As [`Finding`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Found {
    check: String,
    severity: Severity,
    message: String,
    hint: Option<String>,
}

impl Again {
    /// None where a build must go the whole way, and nobody could tell the next one of it.
    pub(super) fn new(settings: &Settings, theme: &Theme, reporter: &dyn Reporter) -> Option<Self> {
        let is_local = settings.sources.iter().all(|source| {
            matches!(source.spec, SourceSpec::Directory(_) | SourceSpec::PackageList(_))
        });
        // What weighs less than a warning is not kept: there is some of it for most files.
        let wants_all = reporter.least() < Severity::Warning;
        if !is_local || wants_all || settings.refresh || settings.previous.is_some() {
            return None;
        }
        settings.environment.cache.as_ref()?;
        // Relative paths begin there.
        let folder = std::env::current_dir().ok()?;
        let began = SystemTime::now();
        let text = |settings: &Settings| {
            let (program, theme, folder) = (generator(), theme.digest(), folder.display());
            format!("{program}\n{FACTS_VERSION}\n{theme}\n{folder}\n{settings:?}\n").into_bytes()
        };
        let mut anywhere = settings.clone();
        for source in &mut anywhere.sources {
            if let SourceSpec::PackageList(path) = &mut source.spec {
                path.clear();
            }
        }
        Some(Self { began, fixed: text(settings), anywhere: text(&anywhere) })
    }

    /// What the last build kept, if the site is as it left it, and the sources alone may differ.
    pub(super) fn last(&self, settings: &Settings, site: &SiteDirectory) -> Option<Last> {
        let folder = site.standing().filter(|_| site.dirty().is_empty())?;
        let mut kept = LastBuild::into(folder, settings.environment.cache.as_deref())?.read()?;
        let head = kept.find('\n')?;
        let mut rest = kept.split_off(head + 1);
        let head: Head = serde_json::from_str(&kept).ok()?;
        let runs = match head.runs.checked_sub(1) {
            None => 0,
            Some(before) => memchr::memchr_iter(b'\n', rest.as_bytes()).nth(before)? + 1,
        };
        let paths = rest.split_off(runs);
        if Sha256::of(rest.as_bytes()) != head.runs_digest {
            return None;
        }
        let state = Sha256::of(&site.read(ROOT_FILE).ok()?);
        (self.beside(state) == head.beside).then_some(Last { head, runs: rest, paths })
    }

    /// Marks lists, before they are read.
    pub(super) fn mark_lists(&self, sources: &mut [Connected]) {
        for connected in sources {
            connected.mark = self.mark_of_list(&connected.spec);
        }
    }

    /// What the last build says, if this one would say and write the same. It can be asked once.
    pub(super) fn told(
        &self,
        last: &mut Last,
        sources: &mut [Connected],
        settings: &Settings,
        site: &SiteDirectory,
        reporter: &dyn Reporter,
    ) -> Option<Summary> {
        let Last { head, .. } = last;
        let paths = std::mem::take(&mut last.paths);
        self.list(sources, settings);
        let made_from = self.made_from(head.beside, sources)?;
        if head.made_from != Some(made_from) {
            return None;
        }
        let file = |line| {
            let (size, path) = str::split_once(line, ' ')?;
            Some((path, if size == "-" { None } else { Some(size.parse().ok()?) }))
        };
        let files: Vec<(&str, Option<u64>)> = paths.lines().map(file).collect::<Option<_>>()?;
        if !site.has_all(&files) {
            return None;
        }
        head.told.iter().all(|told| told.is_known()).then_some(())?;
        for told in head.told.drain(..) {
            told.tell(reporter);
        }
        Some(Summary {
            projects: head.projects,
            files: head.files,
            accepted: head.accepted,
            rejected: head.rejected,
            unchanged: head.pages,
            ..Summary::default()
        })
    }

    /// Lists folders ahead, for what they are known by.
    fn list(&self, sources: &mut [Connected], settings: &Settings) {
        for (position, connected) in sources.iter_mut().enumerate() {
            if !matches!(connected.spec, SourceSpec::Directory(_)) {
                continue;
            }
            // What hinders it is told by whoever lists it again.
            let Ok(mut listing) = connected.source.list(position) else { continue };
            listing.select(&settings.sources[position].files_taken);
            connected.mark = self.mark_of(&listing);
            connected.ahead = Some(listing);
        }
    }

    /// What a folder with these files is known by; none where one of them has just changed.
    pub(super) fn mark_of(&self, listing: &Listing) -> Option<SourceMark> {
        let mut text = Vec::new();
        for artifact in &listing.artifacts {
            let Location::File(path) = &artifact.location else { return None };
            text.extend_from_slice(path.as_os_str().as_encoded_bytes());
            self.add(artifact.stamp.as_deref().copied()?, &mut text)?;
            match artifact.sidecar.as_deref() {
                None => {}
                Some(SidecarFile::File(path)) => {
                    self.add(stamp_of(&std::fs::metadata(path).ok()?), &mut text)?;
                }
                Some(SidecarFile::Remote { .. }) => return None,
            }
        }
        for ignored in listing.ignored.iter().filter(|ignored| ignored.suspicious) {
            text.extend_from_slice(ignored.location.as_bytes());
            text.extend_from_slice(b"\0\0");
        }
        Some(SourceMark(Sha256::of(&text)))
    }

    fn mark_of_list(&self, spec: &SourceSpec) -> Option<SourceMark> {
        let SourceSpec::PackageList(path) = spec else { return None };
        let mut text = Vec::new();
        self.add(stamp_of(&std::fs::metadata(path).ok()?), &mut text)?;
        Some(SourceMark(Sha256::of(&text)))
    }

    /// None for the stamp of a file that may change and keep it.
    fn add(&self, stamp: Stamp, text: &mut Vec<u8>) -> Option<()> {
        let Stamp { size, modified, changed, inode } = stamp;
        // No path and no location holds this.
        text.push(0);
        text.extend_from_slice(&size.to_le_bytes());
        text.extend_from_slice(&modified.to_le_bytes());
        text.extend_from_slice(&changed.to_le_bytes());
        text.extend_from_slice(&inode.to_le_bytes());
        is_settled(stamp, self.began).then_some(())
    }

    /// What there is beside the sources, in a site of this state.
    fn beside(&self, state: Sha256) -> Sha256 {
        let mut text = self.anywhere.clone();
        text.extend_from_slice(state.as_bytes());
        Sha256::of(&text)
    }

    /// None where the sources are not known by anything.
    fn made_from(&self, beside: Sha256, sources: &[Connected]) -> Option<Sha256> {
        let mut text = self.fixed.clone();
        text.extend_from_slice(beside.as_bytes());
        for connected in sources {
            text.extend_from_slice(connected.mark?.0.as_bytes());
        }
        Some(Sha256::of(&text))
    }

    /// What to keep of a build that wrote a site; none where the next must go the whole way.
    pub(super) fn report(
        &self,
        sources: &[Connected],
        settings: &Settings,
        site: &SiteDirectory,
        built: Built<'_>,
    ) -> Option<String> {
        let Built { index, summary, runs, told } = built;
        let state = site.read(ROOT_FILE).ok()?;
        let beside = self.beside(Sha256::of(&state));
        // What was read is what is marked only if it did not change in between.
        let is_same = sources.iter().all(|connected| {
            let is_list = matches!(connected.spec, SourceSpec::PackageList(_));
            !is_list || self.mark_of_list(&connected.spec) == connected.mark
        });
        let made_from = if is_same { self.made_from(beside, sources) } else { None };
        if made_from.is_none() && runs.is_none_or(Runs::is_empty) {
            return None;
        }
        let roots: Roots = serde_json::from_slice(&state).ok()?;
        let of_project = |project| all_of(project, &index.channels, settings);
        let of_projects: Vec<Belongings> = index.projects.par_iter().map(of_project).collect();
        let pages: usize = of_projects.iter().map(|belongings| belongings.pages.len()).sum();
        // Those of a folder at the root are looked for together.
        let mut folders: BTreeMap<String, String> = BTreeMap::new();
        let roots = roots.pages.into_keys().map(|path| (path, None));
        for (path, size) in roots.chain(of_projects.into_iter().flat_map(Belongings::into_files)) {
            let folder = path.split_once('/').map_or("", |(folder, _)| folder);
            if !folders.contains_key(folder) {
                folders.insert(folder.to_owned(), String::new());
            }
            let Some(lines) = folders.get_mut(folder) else { continue };
            match size {
                None => lines.push('-'),
                Some(size) => lines.push_str(&size.to_string()),
            }
            lines.extend([" ", &path, "\n"]);
        }
        let mut lines = String::new();
        for run in runs.into_iter().flat_map(Runs::iter) {
            run.push(&mut lines);
        }
        let head = Head {
            beside,
            made_from,
            runs: runs.map_or(0, |runs| runs.iter().count()),
            runs_digest: Sha256::of(lines.as_bytes()),
            seed: runs.map_or(0, |runs| runs.seed),
            projects: summary.projects,
            files: summary.files,
            accepted: summary.accepted,
            rejected: summary.rejected,
            pages: pages as u64,
            told,
        };
        let mut text = serde_json::to_string(&head).ok()?;
        text.push('\n');
        text.push_str(&lines);
        text.extend(folders.into_values());
        Some(text)
    }

    /// Keeps that for the next build; failing costs it time and nothing else.
    pub(super) fn keep(settings: &Settings, text: Option<&str>) {
        let kept = LastBuild::into(&settings.output, settings.environment.cache.as_deref());
        let (Some(kept), Some(text)) = (kept, text) else { return };
        if let Err(error) = kept.keep(text) {
            tracing::debug!(%error, "what was built could not be remembered");
        }
    }
}

impl Last {
    /// The runs of a list whose projects stand as their lines say.
    pub(super) fn runs(&self, means: Means<'_>) -> Runs {
        let Means { channels, settings, site, standing, .. } = means;
        let stands = |run: &Run| {
            let known = standing.and_then(|standing| standing.state.projects.get(&run.project));
            known.is_some_and(|known| {
                let project = Project::written(run.project.clone(), known.inputs, run.files);
                known.files == run.files as u64
                    && is_unchanged(&project, channels, settings, site, known)
            })
        };
        let lines: Vec<&str> = self.runs.lines().collect();
        let runs: Vec<Run> =
            lines.into_par_iter().filter_map(|line| Run::read(line).filter(stands)).collect();
        Runs::new(self.head.seed, runs.into_iter().map(Arc::new))
    }
}

impl Told {
    fn is_known(&self) -> bool {
        match self {
            Self::Warning(_) => true,
            Self::Verdict { findings, .. } => {
                findings.iter().all(|found| id_of(&found.check).is_some())
            }
        }
    }

    fn tell(self, reporter: &dyn Reporter) {
        match self {
            Self::Warning(message) => reporter.warn(&message),
            Self::Verdict { filename, location, accepted, depth, findings } => {
                let finding = |Found { check, severity, message, hint }: Found| {
                    Some(Finding { check: id_of(&check)?, severity, message, hint })
                };
                let findings = findings.into_iter().filter_map(finding).collect();
                reporter.verdict(&Verdict { filename, location, accepted, depth, findings });
            }
        }
    }
}

fn id_of(check: &str) -> Option<&'static str> {
    CHECKS.iter().map(|known| known.id).find(|id| *id == check)
}

impl From<&Verdict> for Told {
    fn from(verdict: &Verdict) -> Self {
        let found = |finding: &Finding| Found {
            check: finding.check.to_owned(),
            severity: finding.severity,
            message: finding.message.clone(),
            hint: finding.hint.clone(),
        };
        Self::Verdict {
            filename: verdict.filename.clone(),
            location: verdict.location.clone(),
            accepted: verdict.accepted,
            depth: verdict.depth,
            findings: verdict.findings.iter().map(found).collect(),
        }
    }
}

/// Keeps what a build tells, and passes it on.
pub(super) struct Listening<'a> {
    reporter: &'a dyn Reporter,
    told: Mutex<Vec<Told>>,
}

impl<'a> Listening<'a> {
    pub(super) fn new(reporter: &'a dyn Reporter) -> Self {
        Self { reporter, told: Mutex::default() }
    }

    /// What was told so far.
    pub(super) fn told(&self) -> Vec<Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, told: Told) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(told);
    }
}

impl Reporter for Listening<'_> {
    fn stage(&self, name: &'static str, steps: Option<u64>) {
        self.reporter.stage(name, steps);
    }

    fn traffic(&self, traffic: &[Arc<Traffic>]) {
        self.reporter.traffic(traffic);
    }

    fn step(&self) {
        self.reporter.step();
    }

    fn warn(&self, message: &str) {
        self.keep(Told::Warning(message.to_owned()));
        self.reporter.warn(message);
    }

    fn note(&self, message: &str) {
        self.reporter.note(message);
    }

    fn least(&self) -> Severity {
        self.reporter.least()
    }

    fn verdict(&self, verdict: &Verdict) {
        self.keep(Told::from(verdict));
        self.reporter.verdict(verdict);
    }
}
