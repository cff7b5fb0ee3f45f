//! What a merge gets to see of the site that it merges into.

use super::local::LocalSite;
use super::remote::Remote;
use super::shards::Shards;
use super::store::Store;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::state::{Shard, SiteState, carried_path, shard_path};
use crate::wheel::ProjectName;

/// No page or sidecar comes near this many bytes.
const MAX_FILE: u64 = 64 << 20;

/// The site that is there.
pub struct Base<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) shards: &'a Shards<'a>,
    pub(super) remote: &'a Remote,
    pub(super) lenient: bool,
    /// The host that is published for.
    pub(super) host: Host,
}

impl Base<'_> {
    /// Its state; none where nothing was published yet.
    pub fn state(&self) -> Option<&SiteState> {
        self.remote.state()
    }

    /// The shard of a project; none where it has none.
    pub fn shard(&self, name: &ProjectName) -> Result<Option<Shard>> {
        let known = self.state().and_then(|state| state.projects.get(name));
        let unsure = self.lenient || self.remote.dirty().contains(name);
        let expected = known.map(|known| known.shard).filter(|_| !unsure);
        if known.is_none() && (!unsure || self.remote.is_removed(name)) {
            return Ok(None);
        }
        let Some(found) = self.shards.get(name, expected)? else {
            if expected.is_none() {
                return Ok(None);
            }
            // Without it all of the project's files would be lost.
            return Err(Error::target_hint(
                format!("`{}/{}` is missing", self.store.shown(), shard_path(name)),
                "publish the whole site once, without `--merge`, by whoever has that project",
            ));
        };
        let mut shard = found.shard;
        if let Some(published) = self.remote.published().filter(|_| unsure) {
            // Whoever was writing was about to delete them, and may have done so.
            shard.files.retain(|file| {
                let carried = file.sha256.filter(|_| file.carried);
                let path = carried.map(|sha256| carried_path(name, sha256, &file.filename));
                path.is_none_or(|path| !published.gone.contains_key(&path))
            });
        }
        Ok(Some(shard))
    }

    /// The projects that it has, those included that somebody was just adding.
    pub fn projects(&self) -> Vec<ProjectName> {
        let known = self.state().into_iter().flat_map(|state| state.projects.keys());
        let mut all: Vec<ProjectName> = known.cloned().collect();
        let added = self.remote.dirty().into_iter().filter(|name| !self.remote.is_removed(name));
        all.extend(added.cloned());
        all.sort();
        all.dedup();
        all
    }

    /// Whether its pages are those of its state, for the same host, and nobody is at work or may
    /// be late with something.
    pub fn is_settled(&self) -> bool {
        let published = self.remote.published();
        !self.lenient
            && published.is_some_and(|published| {
                published.writing.is_none()
                    && published.unsettled.is_empty()
                    && published.host == self.host
            })
    }

    /// A small file of it.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.store.get(path, MAX_FILE)?.map(|(bytes, _)| bytes))
    }
}

/// Makes the pages of a site that has the files of two.
pub trait Merger: Sync {
    /// Gives what is to be published: `site` merged into what is there.
    fn merge(&self, site: &LocalSite, base: &Base<'_>) -> Result<LocalSite>;
}
