//! The model of a project from its shard, so that whoever merges into a site that is published
//! makes the same pages as its builder, without a file of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{FileState, LinkState, Shard, SidecarState};
use crate::config::{FilesMode, PagesMode, ProjectSettings, Settings, Status};
use crate::facts::{Artifact, Location, Offered, Sidecar};
use crate::host::Host;
use crate::index::{Channel, FileUrl, IndexFile, Project};
use crate::wheel::Sha256;

/// What is configured for a project, as a shard keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Shown instead of the summary in METADATA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// PEP 792 status.
    #[serde(default, skip_serializing_if = "is_active")]
    pub status: Status,
    /// Why it has that status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_active(status: &Status) -> bool {
    *status == Status::Active
}

impl About {
    pub(super) fn of(settings: &ProjectSettings) -> Self {
        Self {
            description: settings.description.clone(),
            status: settings.status,
            status_reason: settings.status_reason.clone(),
        }
    }

    /// Whether nothing is configured.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What pages are made with, as far as it is not the theme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// What the pages call the index.
    pub title: String,
    /// A sentence below the title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where the site will be served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_url: Option<String>,
    /// Where the files are served when not by the site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_url: Option<String>,
    /// How pages refer to the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesMode>,
    /// Which pages for people there are.
    pub pages: PagesMode,
    /// For which host the pages are.
    pub host: Host,
    /// Whether there are channels.
    pub channels: bool,
    /// The channel that `simple/` offers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_channel: Option<Channel>,
    /// Digest of the theme that makes the pages for people, with its options.
    pub theme: Sha256,
}

impl Look {
    /// What a build makes pages with.
    pub fn of(settings: &Settings, theme: Sha256) -> Self {
        Self {
            title: settings.title.clone(),
            description: settings.description.clone(),
            site_url: settings.site_url.as_ref().map(ToString::to_string),
            files_url: settings.files_url.as_ref().map(ToString::to_string),
            files: settings.files,
            pages: settings.pages,
            host: settings.host,
            channels: settings.channels.enabled,
            default_channel: settings.channels.default.clone(),
            theme,
        }
    }
}

impl FileState {
    /// The file of the index that it was made of; none where its name is none.
    fn restored(self) -> Option<IndexFile> {
        let facts = self.facts().map(Arc::new);
        let url = match self.url {
            None => FileUrl::Carried,
            Some(LinkState::FilesUrl) => FileUrl::FilesUrl,
            Some(LinkState::Own(url)) => FileUrl::Own(url),
        };
        let core_metadata = self.core_metadata.map(|sidecar| match sidecar {
            SidecarState::Unhashed => Sidecar::Unhashed,
            SidecarState::Sha256(sha256) => Sidecar::Sha256(sha256),
        });
        let offered_time = self.upload_time.filter(|_| self.offered_time);
        let location = Location::File((*self.filename).into());
        let artifact = Artifact {
            size: self.size,
            offered: Offered {
                sha256: self.sha256,
                requires_python: self.requires_python.map(Into::into),
                core_metadata,
                upload_time: offered_time,
                ..Offered::default()
            },
            ..Artifact::new(&self.filename, location)
        };
        artifact.dist.as_ref().ok()?;
        Some(IndexFile {
            url,
            upload_time: self.upload_time,
            offered_time,
            revision: self.revision,
            yanked: self.yanked,
            channel: self.channel,
            in_default: true,
            is_restored: true,
            facts,
            findings: Box::default(),
            artifact: Arc::new(artifact),
        })
    }
}

impl Shard {
    /// The project that it was made of. Its files are in the order of the index.
    pub fn restored(self) -> Project {
        let settings = ProjectSettings {
            description: self.about.description,
            status: self.about.status,
            status_reason: self.about.status_reason,
            yanked: Vec::new(),
        };
        let files = self.files.into_iter().filter_map(FileState::restored).collect();
        Project::new(self.name, settings, files)
    }
}
