//! The tree of a branch as a store, for a merge: what it has is read from its blobs, and what is
//! written lies in a folder of its own, which holds nothing else.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use super::Wanted;
use super::objects::{Git, Tip};
use crate::error::{Error, Result};
use crate::host::Headers;
use crate::publish::folder::FolderStore;
use crate::publish::paths::is_ours;
use crate::publish::store::{Condition, Put, Store, Upload};
use crate::publish::target::GitTarget;
use crate::state::Tag;

/// A tree that nobody else sees yet.
pub(super) struct TreeStore<'t> {
    git: &'t Git<'t>,
    tip: &'t Tip,
    shown: String,
    written: FolderStore,
    folder: TempDir,
    removed: Mutex<BTreeSet<String>>,
}

impl<'t> TreeStore<'t> {
    /// The tree of a commit.
    pub(super) fn new(git: &'t Git<'t>, target: &GitTarget, tip: &'t Tip) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("wheelsite-branch-").tempdir();
        let folder = folder.map_err(Error::output("create", &std::env::temp_dir()))?;
        Ok(Self {
            git,
            tip,
            shown: target.to_string(),
            written: FolderStore::new(folder.path()),
            folder,
            removed: Mutex::default(),
        })
    }

    /// What was written and not removed again, and what was removed.
    pub(super) fn changes(&self) -> Result<(Vec<Wanted>, BTreeSet<String>)> {
        let mut written = Vec::new();
        for entry in walkdir::WalkDir::new(self.folder.path()).sort_by_file_name() {
            let entry = entry.map_err(|error| self.git.failed("read", &error.to_string()))?;
            let file = entry.path();
            let path = file.strip_prefix(self.folder.path()).ok().and_then(|path| path.to_str());
            let path = path.filter(|path| entry.file_type().is_file() && is_ours(path));
            if let Some(path) = path {
                written.push(Wanted { path: path.to_owned(), file: file.to_owned(), sha256: None });
            }
        }
        let mut removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for Wanted { path, .. } in &written {
            removed.remove(path);
        }
        Ok((written, removed))
    }

    /// The blob under a key. What is no plain file is never followed or read.
    fn object(&self, key: &str) -> Option<&str> {
        let removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
        self.tip.file(key).filter(|_| !removed.contains(key)).map(|entry| &*entry.object)
    }
}

impl Store for TreeStore<'_> {
    fn shown(&self) -> &str {
        &self.shown
    }

    fn get(&self, key: &str, limit: u64) -> Result<Option<(Vec<u8>, Tag)>> {
        if let Some(written) = self.written.get(key, limit)? {
            return Ok(Some(written));
        }
        let Some(object) = self.object(key) else { return Ok(None) };
        let bytes = self.git.blob(object, limit)?;
        Ok(Some((bytes, tag(object))))
    }

    fn head(&self, key: &str) -> Result<Option<Tag>> {
        if let Some(written) = self.written.head(key)? {
            return Ok(Some(written));
        }
        Ok(self.object(key).map(tag))
    }

    /// Nobody else writes here: what a publication expects of an object that is there holds.
    fn put(&self, key: &str, bytes: &[u8], headers: Headers, condition: &Condition) -> Result<Put> {
        let is_refused = match condition {
            Condition::Always => false,
            Condition::Is(_) => self.head(key)?.is_none(),
            Condition::Absent => {
                let limit = bytes.len() as u64;
                self.head(key)?.is_some()
                    && !self
                        .get(key, limit)
                        .is_ok_and(|there| there.is_some_and(|(there, _)| there == bytes))
            }
        };
        if is_refused {
            return Ok(Put::Refused);
        }
        self.written.put(key, bytes, headers, &Condition::Always)
    }

    fn upload(&self, key: &str, upload: &Upload<'_>) -> Result<u64> {
        self.written.upload(key, upload)
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.written.delete(key)?;
        if self.tip.file(key).is_some() {
            let mut removed = self.removed.lock().unwrap_or_else(PoisonError::into_inner);
            removed.insert(key.to_owned());
        }
        Ok(())
    }

    fn finish(&self) {
        self.written.finish();
    }
}

fn tag(object: &str) -> Tag {
    Tag { e_tag: Some(object.into()), version: None }
}
