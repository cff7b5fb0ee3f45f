//! The model of an index: projects in order, each with its files in PEP 440 order.

mod channel;
mod channels;
pub mod closure;
pub mod coverage;
mod merge;
mod tags;

pub use channel::{Channel, ParseChannelError};
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
    /// How many files it has that are not here, because all of it is as the last run wrote it; then
    /// none is here.
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

/// A file of the index; the keys are those of PEP 691.
#[derive(Debug)]
pub struct IndexFile {
    /// The filename.
    pub dist: DistFilename,
    /// How pages refer to it.
    pub url: FileUrl,
    /// Digest of the file.
    pub sha256: Option<Sha256>,
    /// Size in bytes.
    pub size: Option<u64>,
    /// When it was uploaded.
    pub upload_time: Option<UploadTime>,
    /// When it was uploaded by the word of its sources.
    pub offered_time: Option<UploadTime>,
    /// Tells the upload from others of the name, where its source states no digest.
    pub revision: Option<Box<str>>,
    /// `Requires-Python`.
    pub requires_python: Option<Arc<str>>,
    /// The sidecar that is truly served at the file's URL + `.metadata`.
    pub core_metadata: Option<Sidecar>,
    /// Why it is yanked, if it is; may be empty.
    pub yanked: Option<Box<str>>,
    /// The channel that it belongs to; none fits all.
    pub channel: Option<Channel>,
    /// Whether `simple/` offers it.
    pub in_default: bool,
    /// Whether a published state says all this, its channel too.
    pub is_restored: bool,
    /// What its bytes say, where they were read.
    pub facts: Option<Arc<Facts>>,
    /// What there is to say about it though it is listed.
    pub findings: Box<[Finding]>,
    /// Where it came from.
    pub artifact: ArtifactRef,
}

/// What is kept of an artifact once it is in the index: enough to open it.
pub type ArtifactRef = Arc<Artifact>;

impl Index {
    /// Sorts files into projects, resolves conflicts, applies what is configured.
    pub fn build(admitted: Vec<Admitted>, settings: &Settings) -> Result<Self> {
        let mut groups: Vec<(ProjectName, Vec<Admitted>)> = Vec::new();
        let mut places: HashMap<ProjectName, usize> = HashMap::new();
        let mut place = 0;
        for admitted in admitted {
            // One whose name did not parse is never admitted.
            let Ok(dist) = &admitted.artifact.dist else { continue };
            let name = dist.name();
            // Sources mostly name a project's files together.
            if groups.get(place).is_none_or(|(last, _)| last != name) {
                place = places.get(name).copied().unwrap_or(groups.len());
                if place == groups.len() {
                    places.insert(name.clone(), place);
                    groups.push((name.clone(), Vec::new()));
                }
            }
            groups[place].1.push(admitted);
        }
        drop(places);
        groups.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let projects: Vec<Result<Project>> = groups
            .into_par_iter()
            .map(|(name, admitted)| Project::build(name, admitted, settings))
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

    /// Adds projects that are as the last run wrote them and whose files are not here.
    pub(crate) fn add_unchanged(&mut self, unchanged: Vec<Project>) {
        if !unchanged.is_empty() {
            self.projects.extend(unchanged);
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
        project.files.iter_mut().find(|file| file.dist.as_str() == filename)
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

    /// A project that is as the last run wrote it from these inputs, without its files.
    pub(crate) fn unchanged(name: ProjectName, inputs: Sha256, files: usize) -> Self {
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
        admitted: Vec<Admitted>,
        settings: &Settings,
    ) -> Result<Self> {
        let mut files = Vec::with_capacity(admitted.len());
        files.extend(admitted.into_iter().filter_map(IndexFile::new));
        let mut files = merge::merge(files, settings.on_conflict)?;
        let configured = settings.projects.get(&name).cloned().unwrap_or_default();
        for file in &mut files {
            let yank = configured.yanked.iter().find(|yank| yank.applies_to(&file.dist));
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
        let standing = |file: &Self| (file.yanked.is_none(), !file.dist.version().any_prerelease());
        let has_metadata =
            |file: &Self| file.facts.as_deref().is_some_and(|it| it.metadata().is_some());
        standing(self)
            .cmp(&standing(other))
            .then_with(|| merge::compare_versions(&self.dist, &other.dist))
            .then_with(|| has_metadata(self).cmp(&has_metadata(other)))
    }

    /// None for an artifact whose name did not parse; such a file is never admitted.
    fn new(admitted: Admitted) -> Option<Self> {
        let Admitted { artifact, facts, upload_time, url } = admitted;
        let dist = artifact.dist.as_ref().ok()?.clone();
        let metadata = facts.as_deref().and_then(Facts::metadata);
        let core_metadata = match url {
            FileUrl::Carried => metadata.map(|metadata| Sidecar::Sha256(metadata.sha256)),
            FileUrl::FilesUrl | FileUrl::Own(_) => artifact.offered.core_metadata,
        };
        let requires_python = match metadata {
            Some(metadata) => metadata.fields.requires_python.as_deref().map(Into::into),
            None => artifact.offered.requires_python.clone(),
        };
        Some(Self {
            sha256: facts.as_ref().map(|facts| facts.sha256).or(artifact.offered.sha256),
            size: facts.as_ref().map(|facts| facts.size).or(artifact.size),
            yanked: artifact.offered.yanked.clone(),
            channel: None,
            in_default: true,
            is_restored: false,
            dist,
            url,
            upload_time,
            offered_time: artifact.offered.upload_time,
            revision: artifact.published_revision(),
            requires_python,
            core_metadata,
            facts,
            findings: Box::default(),
            artifact,
        })
    }
}
