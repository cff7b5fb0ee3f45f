//! Lets go of projects while a list is still being read.
//!
//! Where there are no channels, nobody asks for the files of a project when its own pages are made:
//! the root of the index has the names alone, and what it tells people of a project fits into
//! a gist of it. So the files of all projects need not be in memory together. Where there was no last
//! run, the site is made aside and appears at the end or not at all, and projects are written as
//! they come. Later, and without pages for people, a project that is as the last run wrote it is let
//! go as soon as that is seen.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use rayon::prelude::*;

use super::read::Connected;
use super::write::{Counts, Means, ProjectWriter, Written};
use super::{file_url, times};
use crate::config::{FilesMode, PagesMode};
use crate::error::Result;
use crate::facts::Artifact;
use crate::index::{Admitted, IndexFile, Project};
use crate::publish::{Change, is_unchanged, of_settings};
use crate::render::gists::Gist;
use crate::source::{Listing, Run, Runs, Stretch};
use crate::state::{KnownSite, ProjectState};
use crate::verify::{self, Evidence, Severity};
use crate::wheel::ProjectName;

/// As many files are looked at together, near enough.
const BATCH: usize = 2 * 1024;

/// Keeps the files of projects that cannot be let go yet.
pub(super) struct Sieve<'a> {
    means: Means<'a>,
    way: Way<'a>,
    least: Severity,
    /// Files that have not been looked at, in the order of their source.
    waiting: Vec<Arc<Artifact>>,
    /// When so many wait they are looked at.
    enough: usize,
    /// The stretches of a list that name them, if those of all files are known.
    stretches: Option<VecDeque<Stretch>>,
    /// The projects of those that were, and whether they were let go.
    names: HashMap<ProjectName, bool>,
    rest: Rest,
    /// The lines that named what was let go.
    runs: Vec<Arc<Run>>,
    /// Whether a project has a file that came after it was let go.
    is_torn: bool,
}

/// How projects are let go.
enum Way<'a> {
    /// Those that are as this site has them.
    Unchanged(&'a KnownSite),
    /// All that there is nothing to say about: they are written at once.
    Written(Box<ProjectWriter<'a>>),
}

/// What the whole build still has to do with.
#[derive(Default)]
pub(super) struct Rest {
    /// The files of projects that were not let go.
    pub(super) artifacts: Vec<Arc<Artifact>>,
    /// Projects that were, without their files.
    pub(super) let_go: Vec<Project>,
    /// Those of them that were written.
    pub(super) written: Written,
    /// The lines that named them, for the next build; none where it would have no use for them.
    pub(super) runs: Option<Runs>,
}

/// A project that was let go.
struct LetGo {
    project: Project,
    /// If it was written.
    state: Option<ProjectState>,
    /// For pages of the root that tell people of it.
    gist: Option<(Gist, Vec<IndexFile>)>,
    /// The lines that named it.
    run: Option<Run>,
}

/// Files of one project, one behind the other.
struct Group {
    files: Vec<Arc<Artifact>>,
    /// The lines that name them, where these are known.
    stretches: Vec<Stretch>,
    /// Whether others of the project were looked at before.
    is_more: bool,
}

/// What came of the files of a project.
enum LookedAt {
    Stays(Vec<Arc<Artifact>>),
    LetGo(Box<LetGo>),
}

impl<'a> Sieve<'a> {
    /// None where the files of such projects may be asked for.
    pub(super) fn new(means: Means<'a>, sources: &[Connected], least: Severity) -> Option<Self> {
        let Means { settings, site, theme, memory, standing, .. } = means;
        let of_lists = sources.iter().all(|connected| {
            let is_list = !connected.source.has_bytes() && connected.mode == FilesMode::Link;
            // What came of an optional source before it failed is taken back.
            is_list && !connected.optional
        });
        if !of_lists || settings.channels.enabled {
            return None;
        }
        let way = if let Some(standing) = standing {
            // Pages of the root tell people of all files.
            let is_asked = settings.pages != PagesMode::None;
            let same = !is_asked && standing.state.settings == of_settings(settings, theme);
            (same && memory.is_of_standing()).then_some(Way::Unchanged(standing))?
        } else {
            let is_first = memory.is_nothing() && site.standing().is_none();
            // Lists of the same projects are nothing unusual.
            let is_first = is_first && sources.len() == 1;
            let writer = || ProjectWriter::new(means, Counts::default());
            is_first.then(|| Way::Written(Box::new(writer())))?
        };
        Some(Self {
            means,
            way,
            least: least.min(Severity::Warning),
            waiting: Vec::new(),
            enough: BATCH,
            stretches: Some(VecDeque::new()),
            names: HashMap::new(),
            rest: Rest::default(),
            runs: Vec::new(),
            is_torn: false,
        })
    }

    /// Takes files of a source as they come.
    pub(super) fn take(&mut self, listing: Listing, connected: &Connected) -> Result<()> {
        let Listing { artifacts, stretches, known, .. } = listing;
        for run in known {
            self.pass(run);
        }
        let named: usize = stretches.iter().map(|stretch| stretch.artifacts).sum();
        match &mut self.stretches {
            Some(all) if named == artifacts.len() => all.extend(stretches),
            none => *none = None,
        }
        self.waiting.extend(artifacts);
        if self.waiting.len() >= self.enough { self.look(connected, false) } else { Ok(()) }
    }

    /// Ends a source: the last project that it names has no more files.
    pub(super) fn end(&mut self, connected: &Connected) -> Result<()> {
        self.look(connected, true)
    }

    /// Whether a project was let go before all of it was there: what was done is of no use then.
    pub(super) fn is_torn(&self) -> bool {
        self.is_torn
    }

    /// What was not let go, and what was; none where it is of no use.
    ///
    /// `runs` are those that were known.
    pub(super) fn finish(self, runs: Option<&Runs>) -> Option<Rest> {
        let mut rest = self.rest;
        rest.runs = runs.map(|runs| Runs::new(runs.seed, self.runs));
        if let Way::Written(writer) = self.way {
            rest.written.counts = writer.into_counts();
        }
        (!self.is_torn).then_some(rest)
    }

    /// Lets go of a project that is as it was by its lines.
    fn pass(&mut self, run: Arc<Run>) {
        let known = match &self.way {
            Way::Unchanged(standing) => standing.state.projects.get(&run.project),
            Way::Written(_) => None,
        };
        let Some(known) = known.filter(|_| !self.names.contains_key(&run.project)) else {
            self.is_torn = true;
            return;
        };
        self.names.insert(run.project.clone(), true);
        let project = Project::written(run.project.clone(), known.inputs, run.files);
        self.rest.let_go.push(project);
        self.runs.push(run);
    }

    /// Whether it lets go of what is as it was.
    pub(super) fn looks_back(&self) -> bool {
        matches!(self.way, Way::Unchanged(_))
    }

    /// The stretches of the next files, if they are known.
    fn stretches(&mut self, files: usize) -> Vec<Stretch> {
        let (mut named, mut taken) = (0, Vec::new());
        while named < files
            && let Some(stretch) = self.stretches.as_mut().and_then(VecDeque::pop_front)
        {
            named += stretch.artifacts;
            taken.push(stretch);
        }
        if named != files {
            self.stretches = None;
            taken.clear();
        }
        taken
    }

    /// The files that wait, by projects; at the end of a source those of the last one, too.
    fn groups(&mut self, is_end: bool) -> Vec<Group> {
        let mut waiting = std::mem::take(&mut self.waiting);
        let groups = waiting.chunk_by(|one, other| one.is_beside(other));
        let mut lengths: Vec<usize> = groups.map(<[_]>::len).collect();
        if !is_end {
            // The last one may go on.
            let last = lengths.pop().unwrap_or(0);
            self.waiting = waiting.split_off(waiting.len() - last);
        }
        // Whoever has many files is not looked through again for each piece of a list.
        self.enough = BATCH.max(2 * self.waiting.len());
        let mut waiting = waiting.into_iter();
        let group = |length| {
            let files: Vec<_> = waiting.by_ref().take(length).collect();
            let name = name_of(&files).cloned();
            let is_more = name.as_ref().is_some_and(|name| self.names.contains_key(name));
            if let Some(name) = name.filter(|_| !is_more) {
                self.names.insert(name, false);
            }
            Group { stretches: self.stretches(length), files, is_more }
        };
        lengths.into_iter().map(group).collect()
    }

    fn look(&mut self, connected: &Connected, is_end: bool) -> Result<()> {
        let groups = self.groups(is_end);
        // Who lets go of files gives back their memory, too: not all at one place.
        let looked_at: Vec<Result<LookedAt>> = groups
            .into_par_iter()
            .map(|group| {
                let let_go = if group.is_more { None } else { self.let_go(&group, connected)? };
                Ok(let_go.map_or(LookedAt::Stays(group.files), |it| LookedAt::LetGo(Box::new(it))))
            })
            .collect();
        for looked_at in looked_at {
            match looked_at? {
                LookedAt::Stays(files) => {
                    let is_gone = |name| self.names.get(name) == Some(&true);
                    self.is_torn |= name_of(&files).is_some_and(is_gone);
                    self.rest.artifacts.extend(files);
                }
                LookedAt::LetGo(let_go) => self.book(*let_go),
            }
        }
        Ok(())
    }

    /// Notes that a project was let go.
    fn book(&mut self, LetGo { project, state, gist, run }: LetGo) {
        let (name, written) = (&project.name, &mut self.rest.written);
        self.names.insert(name.clone(), true);
        written.states.extend(state.map(|state| (name.clone(), state)));
        if let Some((gist, files)) = gist {
            written.gists.add(name.clone(), gist, files);
        }
        self.runs.extend(run.map(Arc::new));
        self.rest.let_go.push(project);
    }

    /// The project of these files, if nothing is left to be done with it.
    fn let_go(&self, group: &Group, connected: &Connected) -> Result<Option<LetGo>> {
        let Some(project) = self.project(&group.files, connected) else { return Ok(None) };
        let Means { channels, settings, site, .. } = self.means;
        let name = project.name.clone();
        let (inputs, state, gist) = match &self.way {
            Way::Unchanged(standing) => {
                let known = standing.state.projects.get(&project.name);
                let same = |known: &&_| is_unchanged(&project, channels, settings, site, known);
                let Some(known) = known.filter(same) else { return Ok(None) };
                (known.inputs, None, None)
            }
            Way::Written(writer) => {
                let made = writer.write(&Change { project: &project, standing: None })?;
                let is_told = settings.pages == PagesMode::All;
                let gist = is_told.then(|| (Gist::of(&project), project.files));
                (made.state.inputs, Some(made.state), gist)
            }
        };
        let run = Run::new(name.clone(), &group.stretches);
        let project = Project::written(name, inputs, group.files.len());
        Ok(Some(LetGo { project, state, gist, run }))
    }

    /// The project of these files, if there is nothing to say about it.
    fn project(&self, files: &[Arc<Artifact>], connected: &Connected) -> Option<Project> {
        let settings = self.means.settings;
        let name = name_of(files)?;
        if settings.projects.contains_key(name) {
            return None;
        }
        if let Way::Unchanged(standing) = self.way
            && standing.state.projects.get(name)?.files != files.len() as u64
        {
            return None;
        }
        let mut admitted = Vec::with_capacity(files.len());
        for artifact in files {
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
        (project.files.len() == files.len()).then_some(project)
    }
}

/// The project of files that belong to one; none where their name is none.
fn name_of(files: &[Arc<Artifact>]) -> Option<&ProjectName> {
    files.first()?.dist.as_ref().ok().map(|dist| dist.name())
}
