//! The shards of the target, each read once.
//!
//! A merge needs all of them, for the pages of the root tell of all projects, and other
//! publications those of the projects that differ. So that this costs one request and not one for each
//! project, all shards are left packed in one object, too, unless they are very many. Whatever is in it is believed by its digest alone: a pack that is old is of less use,
//! and of no harm.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::remote::{RemoteShard, read_shard, shard_of};
use super::store::{Condition, Store};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::state::Tag;
use crate::wheel::{ProjectName, Sha256};

/// Where the pack lies.
pub(super) const PACK: &str = "state/shards.jsonl.gz";
/// Shards that come to more bytes are not packed: a machine must hold them.
const MAX_PACK: u64 = 64 << 20;

/// A shard as it is in the store.
pub(super) struct Raw {
    bytes: Vec<u8>,
    tag: Tag,
    /// Whether it was read from its own place.
    fetched: bool,
}

/// The shards of a target.
pub(super) struct Shards<'a> {
    store: &'a dyn Store,
    /// None where they are too many.
    kept: Option<Mutex<Kept>>,
}

/// Shards at hand.
#[derive(Default)]
struct Kept {
    /// Whether there is a pack that was not read yet.
    is_packed: bool,
    all: BTreeMap<ProjectName, Arc<Raw>>,
}

impl<'a> Shards<'a> {
    /// Shards that are read one by one.
    pub(super) fn new(store: &'a dyn Store) -> Self {
        Self { store, kept: None }
    }

    /// Shards that are kept when they were read, and taken from the pack where there is one: it is
    /// asked for with the first of them.
    pub(super) fn kept(store: &'a dyn Store, is_packed: bool) -> Self {
        Self { store, kept: Some(Mutex::new(Kept { is_packed, ..Kept::default() })) }
    }

    /// Whether they are kept, so that they can be packed.
    pub(super) fn are_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Where they are.
    pub(super) fn store(&self) -> &'a dyn Store {
        self.store
    }

    /// The pack; none where it is larger than any that is ever written.
    fn pack_there(&self) -> Result<Option<(Vec<u8>, Tag)>> {
        match self.store.get(PACK, MAX_PACK) {
            Err(Error::TooLarge { .. }) => Ok(None),
            found => found,
        }
    }

    fn all(&self) -> Result<Option<MutexGuard<'_, Kept>>> {
        let Some(kept) = &self.kept else { return Ok(None) };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut kept.is_packed)
            && let Some((bytes, _)) = self.pack_there()?
        {
            // What cannot be read is asked for where it lies.
            unpack(&bytes, &mut kept.all).unwrap_or_default();
        }
        Ok(Some(kept))
    }

    /// The shard of a project. One that is not `expected` was written by somebody at this
    /// moment, unless nobody knows what to expect.
    pub(super) fn get(
        &self,
        name: &ProjectName,
        expected: Option<Sha256>,
    ) -> Result<Option<RemoteShard>> {
        let kept = self.all()?.and_then(|kept| kept.all.get(name).cloned());
        let fits = |raw: &Arc<Raw>| match expected {
            Some(expected) => Sha256::of(&raw.bytes) == expected,
            None => raw.fetched,
        };
        if let Some(raw) = kept.filter(fits) {
            return shard_of(self.store, name, expected, &raw.bytes, raw.tag.clone());
        }
        let Some((bytes, tag)) = read_shard(self.store, name)? else { return Ok(None) };
        let shard = shard_of(self.store, name, expected, &bytes, tag.clone())?;
        if let Some(mut kept) = self.all()? {
            kept.all.insert(name.clone(), Arc::new(Raw { bytes, tag, fetched: true }));
        }
        Ok(shard)
    }

    /// Notes a shard that was written.
    pub(super) fn written(&self, name: &ProjectName, bytes: &[u8], tag: Tag) -> Result<()> {
        if let Some(mut kept) = self.all()? {
            let raw = Raw { bytes: bytes.to_vec(), tag, fetched: true };
            kept.all.insert(name.clone(), Arc::new(raw));
        }
        Ok(())
    }

    /// Packs those with these digests; says whether there is a pack now.
    pub(super) fn pack(&self, digests: &BTreeMap<ProjectName, Sha256>, host: Host) -> Result<bool> {
        let Some(kept) = self.all()? else { return Ok(false) };
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let mut size = 0;
        for (name, digest) in digests {
            let raw = kept.all.get(name).filter(|raw| Sha256::of(&raw.bytes) == *digest);
            let Some(raw) = raw.filter(|raw| raw.bytes.ends_with(b"\n")) else { continue };
            size += raw.bytes.len() as u64;
            if size > MAX_PACK {
                return Ok(false);
            }
            let head = serde_json::to_vec(&(name, &raw.tag)).unwrap_or_default();
            let parts = [&head, &b"\n"[..], &raw.bytes];
            if parts.into_iter().try_for_each(|part| encoder.write_all(part)).is_err() {
                return Ok(false);
            }
        }
        drop(kept);
        let Ok(bytes) = encoder.finish() else { return Ok(false) };
        self.store.put(PACK, &bytes, host.headers(PACK), &Condition::Always)?;
        Ok(true)
    }
}

/// Adds the shards of a pack: two lines each, of which the second is the shard.
fn unpack(bytes: &[u8], kept: &mut BTreeMap<ProjectName, Arc<Raw>>) -> Option<()> {
    let mut text = Vec::new();
    // As much again for the lines between.
    GzDecoder::new(bytes).take(2 * MAX_PACK).read_to_end(&mut text).ok()?;
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    while let (Some(head), Some(shard)) = (lines.next(), lines.next()) {
        let (name, tag): (ProjectName, Tag) = serde_json::from_slice(head).ok()?;
        kept.insert(name, Arc::new(Raw { bytes: shard.to_vec(), tag, fetched: false }));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::publish::folder::FolderStore;

    #[test]
    fn a_pack_is_believed_by_digest_alone() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let store = FolderStore::new(folder.path());
        let name: ProjectName = "demo".parse().expect("is a name");
        let bytes = b"{\"name\":\"demo\",\"files\":[],\"pages\":{}}\n";
        let digest = Sha256::of(bytes);
        let shards = Shards::kept(&store, true);
        let tag = Tag { e_tag: Some("x".into()), version: None };
        shards.written(&name, bytes, tag).expect("there is none");
        let digests = BTreeMap::from([(name.clone(), digest)]);
        assert!(shards.pack(&digests, Host::Plain).expect("writes"));
        let shards = Shards::kept(&store, true);
        let found = shards.get(&name, Some(digest)).expect("reads").expect("is packed");
        assert_eq!(found.tag.e_tag.as_deref(), Some("x"));
        // Another digest, or none, is asked of the store, which has no such shard.
        for expected in [Some(Sha256::of(b"")), None] {
            assert!(shards.get(&name, expected).expect("asks").is_none());
        }
    }

    proptest! {
        #[test]
        fn foreign_packs_never_panic(bytes: Vec<u8>) {
            let _ = unpack(&bytes, &mut BTreeMap::new());
        }
    }
}
