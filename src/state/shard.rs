//! What a site knows of a project: its files and its pages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{About, Tag, carried_path, shard_path};
use crate::facts::{Content, Depth, Facts, UploadTime};
use crate::index::Channel;
use crate::wheel::{ProjectName, Sha256};

/// `state/<name>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Shard {
    /// The project.
    pub name: ProjectName,
    /// Its files, in the order of the index.
    pub files: Vec<FileState>,
    /// Its pages, with their digests.
    pub pages: BTreeMap<String, Sha256>,
    /// What is configured for it.
    pub about: About,
    /// What the store calls its pages, where it was published.
    pub tags: BTreeMap<String, Tag>,
}

/// A shard as it is written: what all of its files have in common is said once.
#[derive(Serialize, Deserialize)]
struct Stored {
    name: ProjectName,
    #[serde(default, skip_serializing_if = "Common::is_nothing")]
    common: Common,
    files: Vec<FileState>,
    pages: BTreeMap<String, Sha256>,
    #[serde(default, skip_serializing_if = "About::is_nothing")]
    about: About,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, Tag>,
}

/// What is so of all files of a shard, and is not said of each of them then.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
struct Common {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    carried: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<LinkState>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    offered_time: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requires_python: Option<Box<str>>,
}

impl Common {
    fn of(files: &[FileState]) -> Self {
        let Some(first) = files.first() else { return Self::default() };
        let all =
            |same: fn(&FileState, &FileState) -> bool| files.iter().all(|file| same(file, first));
        Self {
            carried: all(|file, _| file.carried),
            url: first.url.clone().filter(|_| all(|file, first| file.url == first.url)),
            offered_time: all(|file, _| file.offered_time),
            requires_python: first
                .requires_python
                .clone()
                .filter(|_| all(|file, first| file.requires_python == first.requires_python)),
        }
    }

    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl From<Shard> for Stored {
    fn from(shard: Shard) -> Self {
        let Shard { name, mut files, pages, about, tags } = shard;
        let common = Common::of(&files);
        for file in &mut files {
            file.carried &= !common.carried;
            file.offered_time &= !common.offered_time;
            file.url = file.url.take().filter(|_| common.url.is_none());
            file.requires_python =
                file.requires_python.take().filter(|_| common.requires_python.is_none());
        }
        Self { name, common, files, pages, about, tags }
    }
}

impl From<Stored> for Shard {
    fn from(stored: Stored) -> Self {
        let Stored { name, common, mut files, pages, about, tags } = stored;
        for file in &mut files {
            file.carried |= common.carried;
            file.offered_time |= common.offered_time;
            file.url = file.url.take().or_else(|| common.url.clone());
            file.requires_python =
                file.requires_python.take().or_else(|| common.requires_python.clone());
        }
        Self { name, files, pages, about, tags }
    }
}

/// What a shard knows of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileState {
    /// The filename.
    pub filename: Box<str>,
    /// Digest of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// Size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When it was uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_time: Option<UploadTime>,
    /// Tells the upload from others of the name, where its source states no digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Box<str>>,
    /// Whether the site carries it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub carried: bool,
    /// How pages refer to it, where the site does not carry it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<LinkState>,
    /// Whether its source says when it was uploaded.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offered_time: bool,
    /// `Requires-Python`, where the facts do not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<Box<str>>,
    /// The sidecar of a file that the site does not carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core_metadata: Option<SidecarState>,
    /// Why it is yanked, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<Box<str>>,
    /// The channel that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// What its bytes say, where they were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<StoredFacts>,
}

/// How pages refer to a file that the site does not carry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkState {
    /// By the files URL of the settings.
    FilesUrl,
    /// By a URL of its own.
    Own(Box<str>),
}

/// A sidecar that lies beside a file elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SidecarState {
    /// Of unknown digest.
    Unhashed,
    /// With this digest.
    Sha256(Sha256),
}

/// [`Facts`] without the digest and the size, which stand beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFacts {
    facts_version: u32,
    depth: Depth,
    content: Content,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    reported: bool,
}

impl FileState {
    /// The facts, if they are there.
    pub fn facts(&self) -> Option<Facts> {
        let stored = self.facts.clone()?;
        Some(Facts {
            facts_version: stored.facts_version,
            depth: stored.depth,
            sha256: self.sha256?,
            size: self.size?,
            content: stored.content,
            reported: stored.reported,
        })
    }

    /// What is inside, where that was read.
    pub fn content(&self) -> Option<&Content> {
        self.facts.as_ref().map(|facts| &facts.content)
    }

    /// Digest of its METADATA, where that was read.
    pub fn metadata_digest(&self) -> Option<Sha256> {
        match &self.facts.as_ref()?.content {
            Content::Wheel(wheel) => wheel.metadata.read().map(|metadata| metadata.sha256),
            Content::Sdist | Content::Unreadable { .. } => None,
        }
    }
}

impl Shard {
    /// Every path of the site that belongs to the project.
    pub fn paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.pages.keys().cloned().collect();
        paths.extend(self.carried().map(|(path, ..)| path));
        paths.push(shard_path(&self.name));
        paths
    }

    /// The files that the site carries for the project, each with its digest, and its size where
    /// that is known: distributions, and their sidecars behind them.
    pub fn carried(&self) -> impl Iterator<Item = (String, Sha256, Option<u64>)> {
        let carried = self.files.iter().filter(|file| file.carried);
        carried.filter_map(|file| Some((file, file.sha256?))).flat_map(|(file, sha256)| {
            let path = carried_path(&self.name, sha256, &file.filename);
            let sidecar = file.metadata_digest();
            let sidecar = sidecar.map(|sha256| (format!("{path}.metadata"), sha256, None));
            std::iter::once((path, sha256, file.size)).chain(sidecar)
        })
    }
}
