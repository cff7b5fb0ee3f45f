//! What is known of a site where it was published, beside what the site knows of itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::facts::UploadTime;
use crate::host::Host;
use crate::wheel::{ProjectName, Sha256};

/// What a store calls the bytes that it has under a key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// The ETag.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub e_tag: Option<Box<str>>,
    /// The version, on stores whose conditions are about those.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Box<str>>,
}

/// What publishing adds to `wheelsite.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// For which host.
    pub host: Host,
    /// Grows with every claim, so that no two states that were ever there are the same.
    #[serde(default)]
    pub generation: u64,
    /// By project: the digest of the shard that the site had itself, without what publishing adds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub from: BTreeMap<ProjectName, Sha256>,
    /// By project: the first digits of the digests of all shards that were merged into this one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub merged: BTreeMap<ProjectName, BTreeSet<String>>,
    /// What the store calls the pages that belong to no project.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, Tag>,
    /// What the site has no more and the store still has, and since when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gone: BTreeMap<String, UploadTime>,
    /// For how many seconds that stays, by the word of who published last.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub grace: u64,
    /// What a publisher that lost its claim may still write or delete, and since when: whoever
    /// comes next looks at it once more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unsettled: BTreeMap<String, UploadTime>,
    /// Whether merges have left all shards packed in one object.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub packed: bool,
    /// Who is writing; left by whoever was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writing: Option<Writing>,
}

/// A publisher at work: what it may have touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writing {
    /// Tells it from all others.
    pub id: String,
    /// Grows while it is alive.
    pub beat: u64,
    /// The projects whose pages it writes, with the digest of the shard that they come from; none
    /// where the project goes.
    pub projects: BTreeMap<ProjectName, Option<Sha256>>,
    /// Objects that were not there before.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub adds: BTreeSet<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
