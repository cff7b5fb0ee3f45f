//! What a publication did, or would do.

use serde::Serialize;

use super::changes::Changes;
use super::shards::PACK;
use crate::host::Host;

/// What a publication did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Where.
    pub target: String,
    /// For which host.
    pub host: Host,
    /// Whether it was only said what would be done.
    pub dry_run: bool,
    /// Distributions, sidecars and assets that were sent.
    pub files_sent: u64,
    /// Pages and other files that may be replaced, that were sent.
    pub pages_sent: u64,
    /// Bytes of all that.
    pub bytes_sent: u64,
    /// Objects that were deleted.
    pub deleted: u64,
    /// Objects that nothing refers to any more and that stay for those who have an old page.
    pub kept: u64,
    /// Operations on the store; parts of uploads and repetitions are not counted.
    pub requests: u64,
    /// In the order in which it is done; filled where it was only said what would be done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<Step>,
}

/// One thing that a publication does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// `send`, `write`, `delete` or `keep`.
    pub action: &'static str,
    /// On what.
    pub path: String,
}

impl Report {
    /// Whether nothing was to be done.
    pub fn is_nothing(&self) -> bool {
        self.files_sent == 0 && self.pages_sent == 0 && self.deleted == 0 && self.plan.is_empty()
    }
}

pub(super) fn steps(changes: &Changes) -> Vec<Step> {
    if !changes.any {
        return Vec::new();
    }
    let step = |action| move |path: &String| Step { action, path: path.clone() };
    let files = [&changes.files, &changes.sidecars, &changes.assets, &changes.returning];
    let files = files.into_iter().flatten().map(|file| &file.path);
    let pages = changes.projects.iter().flat_map(|project| &project.pages);
    let pages = pages.chain(&changes.roots).flat_map(|page| page.keys().cloned());
    let shards = changes.projects.iter().filter(|project| project.from.is_some());
    let shards = shards.map(|project| crate::state::shard_path(&project.name));
    let pack = changes.packs.then(|| PACK.to_owned()).into_iter();
    let root = pack.chain(std::iter::once(crate::state::ROOT_FILE.to_owned()));
    let kept = changes.gone.keys().filter(|path| !changes.due.contains(path));
    files
        .map(step("send"))
        .chain(pages.chain(shards).chain(root).map(|path| Step { action: "write", path }))
        .chain(changes.due.iter().chain(&changes.unsettled.strays).map(step("delete")))
        .chain(kept.map(step("keep")))
        .collect()
}
