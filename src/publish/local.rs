//! What is to be published: a site in a folder, or what a merge has made on top of one.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::journal::JOURNAL;
use super::lock::lock_shared;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::state::{KnownSite, ROOT_FILE, Shard, SiteState, shard_path};
use crate::wheel::{ProjectName, Sha256};

/// No page comes near this many bytes.
const MAX_PAGE: u64 = 1 << 30;

/// A site that is to be published.
pub struct LocalSite {
    /// Where its files are looked for, one after the other.
    layers: Vec<PathBuf>,
    /// `wheelsite.json`.
    pub state: SiteState,
    /// By project: what a merge took in.
    pub merged: BTreeMap<ProjectName, Merged>,
    /// No build writes into it as long as this is open.
    _lock: Option<File>,
    /// Whether it is what a merge has made.
    is_merge: bool,
    /// What was made for it goes with it.
    _folder: Option<TempDir>,
}

/// What a merge took in of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merged {
    /// Digest of the shard of the site that was merged.
    pub shard: Sha256,
    /// Whether it says something else of what was there already.
    pub replaces: bool,
}

impl LocalSite {
    /// Opens a site that was built.
    pub fn open(folder: &Path) -> Result<Self> {
        let shown = folder.display();
        let lock = lock_shared(folder)?;
        if folder.join(JOURNAL).exists() {
            return Err(Error::Guard {
                message: format!("`{shown}` was left by a build that did not end"),
                hint: "build it again, then publish".to_owned(),
            });
        }
        match KnownSite::in_folder(folder, false)? {
            Some(site) => Ok(Self {
                layers: vec![folder.to_owned()],
                state: site.state,
                merged: BTreeMap::new(),
                is_merge: false,
                _lock: lock,
                _folder: None,
            }),
            None => Err(Error::config_hint(
                format!("`{shown}` holds no site: it has no `{ROOT_FILE}`"),
                "make one with `wheelsite build`, or name another folder",
            )),
        }
    }

    /// What a merge has made: its own files in `folder`, all others in the site.
    #[must_use]
    pub fn on_top(
        &self,
        folder: TempDir,
        state: SiteState,
        merged: BTreeMap<ProjectName, Merged>,
    ) -> Self {
        let mut layers = vec![folder.path().to_owned()];
        layers.extend(self.layers.iter().cloned());
        Self { layers, state, merged, is_merge: true, _lock: None, _folder: Some(folder) }
    }

    /// The same with some files of its root in `folder`, and what `state` says of them.
    #[must_use]
    pub(super) fn beneath(&self, folder: TempDir, state: SiteState) -> Self {
        Self { is_merge: self.is_merge, ..self.on_top(folder, state, self.merged.clone()) }
    }

    /// The host that it was built for.
    pub fn host(&self) -> Host {
        self.state.look.as_ref().map_or(Host::default(), |look| look.host)
    }

    /// Whether this is the folder that it lies in.
    pub(super) fn is_in(&self, folder: &Path) -> bool {
        let Ok(folder) = folder.canonicalize() else { return false };
        self.layers.iter().any(|layer| layer.canonicalize().is_ok_and(|layer| layer == folder))
    }

    /// Whether it is what a merge has made.
    pub(super) fn is_merge(&self) -> bool {
        self.is_merge
    }

    /// The folders that its files lie in.
    pub fn folders(&self) -> Vec<PathBuf> {
        self.layers.clone()
    }

    /// Where a file of the site lies.
    pub fn file(&self, path: &str) -> Option<PathBuf> {
        let files = self.layers.iter().map(|layer| layer.join(path));
        files.into_iter().find(|file| file.is_file())
    }

    /// Whether it has the bytes of a file at hand. A merge has those of its own files only.
    pub(super) fn can_send(&self, path: &str) -> bool {
        self.file(path).is_some()
    }

    /// A page of the site, which must be what the state says.
    pub(super) fn page(&self, path: &str, expected: Sha256) -> Result<Vec<u8>> {
        let Some(file) = self.file(path) else { return Err(self.missing(path)) };
        let mut bytes = Vec::new();
        let read = File::open(&file).and_then(|page| page.take(MAX_PAGE).read_to_end(&mut bytes));
        read.map_err(Error::output("read", &file))?;
        match Sha256::of(&bytes) {
            found if found == expected => Ok(bytes),
            found => Err(super::changed(&file, expected, found)),
        }
    }

    /// A project's shard; none where the site does not know the project.
    pub fn shard(&self, name: &ProjectName) -> Result<Option<Shard>> {
        let Some(known) = self.state.projects.get(name) else { return Ok(None) };
        let path = shard_path(name);
        let bytes = self.page(&path, known.shard)?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            let file = self.file(&path).unwrap_or_default();
            Error::output("read", &file)(io::Error::other(error))
        })
    }

    pub(super) fn missing(&self, path: &str) -> Error {
        let site = self.layers.last().map(|layer| layer.display().to_string()).unwrap_or_default();
        Error::Guard {
            message: format!("`{site}` has no `{path}`, and its state says that it has"),
            hint: "build it again, then publish".to_owned(),
        }
    }
}
