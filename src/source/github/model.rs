//! What GitHub's API says of releases, as far as it matters.
//! <https://docs.github.com/en/rest/releases/releases>

use serde::Deserialize;
use url::Url;

use crate::facts::UploadTime;
use crate::wheel::Sha256;

/// A release.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Release {
    pub(super) id: u64,
    pub(super) tag_name: String,
    #[serde(default)]
    pub(super) draft: bool,
    #[serde(default)]
    pub(super) prerelease: bool,
    /// Whether it takes no more assets.
    #[serde(default)]
    pub(super) immutable: bool,
    /// Where assets are sent to, with a template for their names behind it.
    #[serde(default)]
    pub(super) upload_url: String,
    /// Not always all of them.
    #[serde(default)]
    pub(super) assets: Vec<Asset>,
}

/// A file of a release.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Asset {
    pub(super) id: u64,
    /// At the API, which hands out its bytes to those who may see it.
    pub(super) url: Url,
    /// For everybody, if the repository is public.
    pub(super) browser_download_url: String,
    pub(super) name: String,
    pub(super) state: String,
    pub(super) size: u64,
    /// `sha256:` and the digest; null for what was uploaded before June 2025.
    #[serde(default)]
    pub(super) digest: Option<String>,
    pub(super) created_at: UploadTime,
    #[serde(default)]
    pub(super) updated_at: Option<UploadTime>,
}

impl Asset {
    /// Whether all of it is there.
    pub(super) fn is_uploaded(&self) -> bool {
        self.state == "uploaded"
    }

    /// Its digest, where GitHub has one that the index can use.
    pub(super) fn sha256(&self) -> Option<Sha256> {
        self.digest.as_ref()?.strip_prefix("sha256:")?.parse().ok()
    }

    /// What tells an upload from another under the same name.
    pub(super) fn revision(&self) -> String {
        let updated = self.updated_at.unwrap_or(self.created_at);
        format!("{} {updated}", self.id)
    }
}

/// A repository.
#[derive(Debug, Deserialize)]
pub(super) struct RepositoryInfo {
    /// Whether only some may see it.
    #[serde(default)]
    pub(super) private: bool,
}

/// What every refusal has.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Refusal {
    #[serde(default)]
    pub(super) message: String,
    /// More of it, where a request was understood and cannot be done.
    #[serde(default)]
    pub(super) errors: Vec<RefusalDetail>,
}

/// One thing that hinders a request.
#[derive(Debug, Default, Deserialize)]
pub(super) struct RefusalDetail {
    #[serde(default)]
    pub(super) code: String,
}
