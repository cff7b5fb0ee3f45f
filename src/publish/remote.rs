//! What the target has, by its own state, read from the store itself and never through a cache.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::store::Store;
use crate::error::{Error, Result};
use crate::state::{Published, ROOT_FILE, STATE_VERSION, Shard, SiteState, Tag, shard_path};
use crate::wheel::{ProjectName, Sha256};

/// Neither the state nor a shard of a real site comes near this many bytes.
const MAX_STATE: u64 = 256 << 20;

/// The state of the target.
#[derive(Debug, Clone, Default)]
pub(super) struct Remote {
    /// `wheelsite.json`, and what the store calls it; none where nothing was published yet.
    pub(super) root: Option<(SiteState, Tag)>,
}

/// What every version of the format has.
#[derive(Deserialize)]
struct Versioned {
    state_version: u32,
}

impl Remote {
    /// Reads `wheelsite.json`: one request.
    pub(super) fn read(store: &dyn Store) -> Result<Self> {
        let Some((bytes, tag)) = store.get(ROOT_FILE, MAX_STATE)? else {
            return Ok(Self::default());
        };
        let place = store.shown();
        let unreadable = |reason: String| {
            Error::target_hint(
                format!("`{place}/{ROOT_FILE}` is no state of a site: {reason}"),
                "publish to another place; or, if nothing else is lost with it, remove that file",
            )
        };
        let version: Versioned =
            serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        if version.state_version > STATE_VERSION {
            return Err(Error::target_hint(
                format!(
                    "the state of `{place}` has version {}, expected at most {STATE_VERSION}",
                    version.state_version
                ),
                "it was published by a newer wheelsite: update this one",
            ));
        }
        let state =
            serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
        Ok(Self { root: Some((state, tag)) })
    }

    pub(super) fn state(&self) -> Option<&SiteState> {
        self.root.as_ref().map(|(state, _)| state)
    }

    pub(super) fn published(&self) -> Option<&Published> {
        self.state()?.published.as_ref()
    }

    /// The projects whose pages somebody was writing: nobody knows what there is of them.
    pub(super) fn dirty(&self) -> BTreeSet<&ProjectName> {
        let writing = self.published().and_then(|published| published.writing.as_ref());
        writing.into_iter().flat_map(|writing| writing.projects.keys()).collect()
    }

    /// Whether somebody who was writing has taken a project away: what is left of it is what was
    /// not deleted yet.
    pub(super) fn is_removed(&self, name: &ProjectName) -> bool {
        let has = self.state().is_some_and(|state| state.projects.contains_key(name));
        let writing = self.published().and_then(|published| published.writing.as_ref());
        !has && writing.is_some_and(|writing| writing.projects.get(name) == Some(&None))
    }

    /// Whether somebody is writing, or was when it was killed.
    pub(super) fn is_being_written(&self) -> bool {
        self.published().is_some_and(|published| published.writing.is_some())
    }

    /// The digest of the site's own shard that a project was published from.
    pub(super) fn from(&self, name: &ProjectName) -> Option<Sha256> {
        let known = self.state()?.projects.get(name)?;
        let from = self.published().and_then(|published| published.from.get(name));
        Some(from.copied().unwrap_or(known.shard))
    }
}

/// A shard as the store has it.
pub(super) struct RemoteShard {
    pub(super) shard: Shard,
    pub(super) tag: Tag,
}

/// Reads the bytes of a project's shard.
pub(super) fn read_shard(store: &dyn Store, name: &ProjectName) -> Result<Option<(Vec<u8>, Tag)>> {
    store.get(&shard_path(name), MAX_STATE)
}

/// The shard that bytes are. One that is not `expected` was written by somebody at this
/// moment, unless nobody knows what to expect.
pub(super) fn shard_of(
    store: &dyn Store,
    name: &ProjectName,
    expected: Option<Sha256>,
    bytes: &[u8],
    tag: Tag,
) -> Result<Option<RemoteShard>> {
    let path = shard_path(name);
    if expected.is_some_and(|expected| expected != Sha256::of(bytes)) {
        return Err(Error::Overtaken {
            target: store.shown().to_owned(),
            reason: "the state of a project is not the one that `wheelsite.json` names",
        });
    }
    match serde_json::from_slice::<Shard>(bytes) {
        // What it says of another project must not be done to that one.
        Ok(shard) if shard.name == *name => Ok(Some(RemoteShard { shard, tag })),
        Ok(_) | Err(_) if expected.is_none() => Ok(None),
        Ok(_) => Err(Error::target(format!(
            "`{}/{path}` is the state of another project",
            store.shown()
        ))),
        Err(error) => Err(Error::target_hint(
            format!("`{}/{path}` is no state of a project: {error}", store.shown()),
            "remove that file and publish again",
        )),
    }
}
