//! The model of an index: projects in order, each with its files in PEP 440 order.

mod channel;
mod channels;
pub mod closure;
pub mod coverage;
mod merge;
mod tags;

pub use channel::{Channel, ParseChannelError};
pub(crate) use channels::NO_CHANNELS;
pub use channels::{Channels, View};
pub use tags::{Platform, Python, torch_of};

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::config::{ChannelSettings, ProjectSettings, Settings, Status};
use crate::error::Result;
use crate::facts::{Artifact, Facts, Sidecar, UploadTime};
use crate::verify::Finding;
use crate::wheel::{DistFilename, ProjectName, Sha256};

/// An accepted file on its way into the index.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// The file; its name has been parsed.
    pub artifact: ArtifactRef,
    /// What its bytes say, where they were read.
    pub facts: Option<Arc<Facts>>,
    /// When it was uploaded.
    pub upload_time: Option<UploadTime>,
    /// How pages refer to it.
    pub url: FileUrl,
}

/// How pages refer to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileUrl {
    /// The site carries it, below `files/`.
    Carried,
    /// It is served below the files URL of the settings, by its name.
    FilesUrl,
    /// It has a URL of its own.
    Own(Box<str>),
}

/// An index: what may be installed from the site.
#[derive(Debug, Default)]
pub struct Index {
    /// Projects by normalized name.
    pub projects: Vec<Project>,
    /// The channels of their files.
    pub channels: Channels,
}

/// A project with its files.
#[derive(Debug)]
pub struct Project {
    /// The normalized name.
    pub name: ProjectName,
    /// What is configured for it.
    pub settings: ProjectSettings,
    /// Files by version, then by filename.
    pub files: Vec<IndexFile>,
    /// What was asked of it since it last changed.
    pub(crate) answers: Answers,
    /// How many files it has that are not here, because all of it is written already; then none is
    /// here.
    pub(crate) absent: usize,
}

/// What follows from a project and is asked for more than once.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// Digest of what its pages are made from.
    pub(crate) inputs: OnceLock<Sha256>,
    /// Which of its files speaks for it.
    representative: OnceLock<Option<usize>>,
}

/// A file of the index: an artifact, and what is said of it here.
#[derive(Debug)]
pub struct IndexFile {
    /// Where it came from, and what its source says of it.
    pub artifact: ArtifactRef,
    /// What its bytes say, where they were read.
    pub facts: Option<Arc<Facts>>,
    /// How pages refer to it.
    pub url: FileUrl,
    /// When it was uploaded.
    pub upload_time: Option<UploadTime>,
    /// When it was uploaded by the word of its sources.
    pub offered_time: Option<UploadTime>,
    /// Tells the upload from others of the name, where its source states no digest.
    pub revision: Option<Box<str>>,
    /// Why it is yanked, if it is; may be empty.
    pub yanked: Option<Box<str>>,
    /// The channel that it belongs to; none fits all.
    pub channel: Option<Channel>,
    /// Whether `simple/` offers it.
    pub in_default: bool,
    /// Whether a published state says all this, its channel too.
    pub is_restored: bool,
    /// What there is to say about it though it is listed.
    pub findings: Box<[Finding]>,
}

/// An artifact whose filename was parsed: enough to open it.
pub type ArtifactRef = Arc<Artifact>;

impl Index {
    /// Sorts files into projects, resolves conflicts, applies what is configured.
    pub fn build(admitted: Vec<Admitted>, settings: &Settings) -> Result<Self> {
        Self::admit(admitted, |admitted| &admitted.artifact, Ok, settings)
    }

    /// The same of files that are admitted project by project: an index is large, and what is known
    /// of a file is not to be in memory in two forms longer than it takes.
    ///
    /// Files whose names did not parse are passed over.
    pub(crate) fn admit<F: Send>(
        files: Vec<F>,
        artifact: impl Fn(&F) -> &Artifact,
        admit: impl Fn(F) -> Result<Admitted> + Sync,
        settings: &Settings,
    ) -> Result<Self> {
        /// The project of a file whose name did parse.
        fn name(artifact: &Artifact) -> Option<&ProjectName> {
            artifact.dist.as_ref().ok().map(DistFilename::name)
        }
        // Sources mostly name a project's files together.
        let is_of_same = |one: &F, other: &F| name(artifact(one)) == name(artifact(other));
        let runs: Vec<usize> = files.chunk_by(is_of_same).map(<[_]>::len).collect();
        let mut groups: Vec<(ProjectName, Vec<F>)> = Vec::new();
        let mut places: HashMap<ProjectName, usize> = HashMap::new();
        let mut files = files.into_iter();
        for run in runs {
            let first = files.as_slice().first();
            let Some(name) = first.and_then(|file| name(artifact(file)).cloned()) else {
                files.by_ref().take(run).for_each(drop);
                continue;
            };
            let place = *places.entry(name).or_insert_with_key(|name| {
                groups.push((name.clone(), Vec::new()));
                groups.len() - 1
            });
            let group = &mut groups[place].1;
            if group.is_empty() {
                group.reserve_exact(run);
            }
            group.extend(files.by_ref().take(run));
        }
        drop((places, files));
        groups.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let projects: Vec<Result<Project>> = groups
            .into_par_iter()
            .map(|(name, files)| Project::build(name, files.into_iter().map(&admit), settings))
            .collect();
        let projects = projects.into_iter().collect::<Result<_>>()?;
        Ok(Self { projects, channels: Channels::default() })
    }

    /// Sorts files into channels. To be done when no file leaves any more.
    pub fn assign_channels(&mut self, settings: &ChannelSettings) {
        self.channels = Channels::assign(&mut self.projects, settings);
    }

    /// Number of files, those of quarantined projects included.
    pub fn files(&self) -> usize {
        self.projects.iter().map(|project| project.files.len() + project.absent).sum()
    }

    /// Adds projects that are written and whose files are not here.
    pub(crate) fn add_written(&mut self, written: Vec<Project>) {
        if !written.is_empty() {
            self.projects.extend(written);
            self.projects.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        }
    }

    /// The file of a name.
    pub fn file_mut(&mut self, filename: &str) -> Option<&mut IndexFile> {
        let dist: DistFilename = filename.parse().ok()?;
        let name = dist.name();
        let found = self.projects.binary_search_by(|project| project.name.cmp(name)).ok()?;
        let project = self.projects.get_mut(found)?;
        project.answers = Answers::default();
        project.files.iter_mut().find(|file| file.dist().as_str() == filename)
    }

    /// The project of a normalized name.
    pub fn project(&self, name: &ProjectName) -> Option<&Project> {
        let found = self.projects.binary_search_by(|project| project.name.cmp(name)).ok()?;
        self.projects.get(found)
    }
}

impl Project {
    /// A project of which nothing has been asked yet.
    pub fn new(name: ProjectName, settings: ProjectSettings, files: Vec<IndexFile>) -> Self {
        Self { name, settings, files, answers: Answers::default(), absent: 0 }
    }

    /// A project that was written, now or by the last run, from these inputs, without its files.
    pub(crate) fn written(name: ProjectName, inputs: Sha256, files: usize) -> Self {
        let project = Self::new(name, ProjectSettings::default(), Vec::new());
        let answers = Answers { inputs: inputs.into(), ..Answers::default() };
        Self { answers, absent: files, ..project }
    }

    /// Whether it has no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.absent == 0
    }

    pub(crate) fn build(
        name: ProjectName,
        admitted: impl ExactSizeIterator<Item = Result<Admitted>>,
        settings: &Settings,
    ) -> Result<Self> {
        let mut files = Vec::with_capacity(admitted.len());
        for admitted in admitted {
            files.extend(IndexFile::new(admitted?));
        }
        let mut files = merge::merge(files, settings.on_conflict)?;
        let configured = settings.projects.get(&name).cloned().unwrap_or_default();
        for file in &mut files {
            let yank = configured.yanked.iter().find(|yank| yank.applies_to(file.dist()));
            if let Some(yank) = yank {
                file.yanked = Some(yank.reason().into());
            }
        }
        Ok(Self::new(name, configured, files))
    }

    /// Takes out the files that are not to be listed.
    pub fn retain(&mut self, keep: impl FnMut(&IndexFile) -> bool) {
        self.answers = Answers::default();
        self.files.retain(keep);
    }

    /// The files that the index offers: none while the project is quarantined (PEP 792).
    pub fn offered(&self) -> &[IndexFile] {
        if self.settings.status == Status::Quarantined { &[] } else { &self.files }
    }

    /// The file that speaks for the project, among those that `simple/` offers.
    pub fn representative(&self) -> Option<&IndexFile> {
        let found = self.answers.representative.get_or_init(|| {
            let offered = self.offered().iter().enumerate();
            let by_default = offered.filter(|(_, file)| file.in_default);
            let (position, _) =
                by_default.max_by(|(_, one), (_, other)| one.speaks_before(other))?;
            Some(position)
        });
        self.files.get((*found)?)
    }
}

/// The file that speaks for these: of the newest release, final and not yanked if there is one, a
/// wheel with METADATA if there is one.
pub fn representative<'f>(files: impl Iterator<Item = &'f IndexFile>) -> Option<&'f IndexFile> {
    files.max_by(|one, other| one.speaks_before(other))
}

impl IndexFile {
    /// Of two files that may speak for a project, the greater does; of equal ones the last.
    fn speaks_before(&self, other: &Self) -> Ordering {
        let standing =
            |file: &Self| (file.yanked.is_none(), !file.dist().version().any_prerelease());
        let has_metadata =
            |file: &Self| file.facts.as_deref().is_some_and(|it| it.metadata().is_some());
        standing(self)
            .cmp(&standing(other))
            .then_with(|| merge::compare_versions(self.dist(), other.dist()))
            .then_with(|| has_metadata(self).cmp(&has_metadata(other)))
    }

    /// None for an artifact whose name did not parse; such a file is never admitted.
    fn new(admitted: Admitted) -> Option<Self> {
        let Admitted { artifact, facts, upload_time, url } = admitted;
        artifact.dist.as_ref().ok()?;
        Some(Self {
            url,
            upload_time,
            offered_time: artifact.offered.upload_time,
            revision: artifact.published_revision(),
            yanked: artifact.offered.yanked.clone(),
            channel: None,
            in_default: true,
            is_restored: false,
            facts,
            findings: Box::default(),
            artifact,
        })
    }

    /// The filename.
    pub fn dist(&self) -> &DistFilename {
        match &self.artifact.dist {
            Ok(dist) => dist,
            Err(error) => unreachable!("a file of an index has a name: {error}"),
        }
    }

    /// Digest of the file.
    pub fn sha256(&self) -> Option<Sha256> {
        self.facts.as_ref().map(|facts| facts.sha256).or(self.artifact.offered.sha256)
    }

    /// Size in bytes.
    pub fn size(&self) -> Option<u64> {
        self.facts.as_ref().map(|facts| facts.size).or(self.artifact.size)
    }

    /// `Requires-Python`: by METADATA where that was read.
    pub fn requires_python(&self) -> Option<&str> {
        match self.facts.as_deref().and_then(Facts::metadata) {
            Some(metadata) => metadata.fields.requires_python.as_deref(),
            None => self.artifact.offered.requires_python.as_deref(),
        }
    }

    /// The sidecar that is truly served at the file's URL + `.metadata`.
    pub fn core_metadata(&self) -> Option<Sidecar> {
        match self.url {
            FileUrl::Carried => {
                let metadata = self.facts.as_deref().and_then(Facts::metadata);
                metadata.map(|metadata| Sidecar::Sha256(metadata.sha256))
            }
            FileUrl::FilesUrl | FileUrl::Own(_) => self.artifact.offered.core_metadata,
        }
    }
}
