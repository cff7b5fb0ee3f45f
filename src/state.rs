//! What the last run knew and wrote: the site is its own state.
//!
//! `wheelsite.json` names each project with the digest of its inputs and of its
//! shard; `state/<name>.json` is the shard, read only when the project is
//! touched. What is published is keyed by content: no local path, no time of
//! this machine.

mod published;
mod restore;
mod shard;
mod shard_text;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use url::Url;

pub use published::{Published, Tag, Writing};
pub use restore::{About, Look};
pub use shard::{FileState, LinkState, Shard, SidecarState, StoredFacts};
pub use shard_text::shard_text;

use crate::error::{Error, Result};
use crate::net::{Client, Failure, Network, Request, shown};
use crate::wheel::{ProjectName, Sha256};

/// The file at the root of a site that makes it one.
pub const ROOT_FILE: &str = "wheelsite.json";

/// Grows when the format changes in a way that older programs would misread.
pub(crate) const STATE_VERSION: u32 = 2;
/// Neither the state nor a shard of a real site comes near this many bytes.
const MAX_SIZE: u64 = 1 << 30;

/// `wheelsite.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteState {
    /// `wheelsite` and its version.
    pub generator: String,
    /// Version of this format.
    pub state_version: u32,
    /// Digest of the settings that decide how pages look.
    pub settings: Sha256,
    /// By project.
    pub projects: BTreeMap<ProjectName, ProjectState>,
    /// Files of the site that belong to no project, with their digests.
    pub pages: BTreeMap<String, Sha256>,
    /// What pages are made with, so that whoever merges into the site makes the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<Look>,
    /// What publishing has to know; none in a folder that was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
}

/// What `wheelsite.json` knows of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectState {
    /// Digest of all that its pages are made from.
    pub inputs: Sha256,
    /// Digest of its shard.
    pub shard: Sha256,
    /// How many files it has.
    pub files: u64,
}

impl SiteState {
    /// An empty state of this program.
    pub fn new(settings: Sha256) -> Self {
        Self {
            generator: generator(),
            state_version: STATE_VERSION,
            settings,
            projects: BTreeMap::new(),
            pages: BTreeMap::new(),
            look: None,
            published: None,
        }
    }
}

/// `wheelsite` and its version.
pub fn generator() -> String {
    format!("wheelsite {}", env!("CARGO_PKG_VERSION"))
}

/// The folder of shards.
pub const SHARDS: &str = "state/";

/// Where a project's shard lies.
pub fn shard_path(name: &ProjectName) -> String {
    format!("{SHARDS}{name}.json")
}

/// Where a file that the site carries lies: the digest in the path makes the name immutable.
pub fn carried_path(name: &ProjectName, sha256: Sha256, filename: &str) -> String {
    format!("files/{name}/{}/{filename}", sha256.short())
}

/// Reads files of a site, wherever it is.
trait Store: Send + Sync {
    /// A file's bytes; none where it does not exist.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;
}

struct Folder(PathBuf);

impl Store for Folder {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        match std::fs::File::open(self.0.join(path)) {
            Ok(file) => capped(file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

struct Site {
    url: Url,
    client: Client,
}

impl Store for Site {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let url = self.url.join(path).map_err(io::Error::other)?;
        let answer = self.client.fetch(&Request::new(url), MAX_SIZE)?;
        match answer.status.as_u16() {
            200 => Ok(Some(answer.bytes)),
            404 => Ok(None),
            _ => Err(Failure::Status(answer.status).into()),
        }
    }
}

fn capped(reader: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_SIZE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(io::Error::other("it has more than 1 GiB"));
    }
    Ok(bytes)
}

/// What every version of `wheelsite.json` has.
#[derive(Deserialize)]
struct Versioned {
    state_version: u32,
}

/// The state of an earlier run, with its shards read as they are asked for.
pub struct KnownSite {
    /// `wheelsite.json`.
    pub state: SiteState,
    store: Box<dyn Store>,
    origin: String,
    /// After an interruption a shard may be newer than the state: its pages are
    /// in the journal then, and all else that it says is true.
    lenient: bool,
    shards: Mutex<HashMap<ProjectName, Option<Arc<Shard>>>>,
}

impl KnownSite {
    /// Reads the state of the site in a folder; none where there is no site.
    ///
    /// After an interruption (`lenient`) shards may be newer than the state.
    pub fn in_folder(path: &Path, lenient: bool) -> Result<Option<Self>> {
        Self::read(Box::new(Folder(path.to_owned())), path.display().to_string(), lenient)
    }

    /// Reads the state of a live site; none where the server has none.
    pub fn at_url(url: &Url, network: &Network) -> Result<Option<Self>> {
        let client = Client::new(network)?;
        Self::read(Box::new(Site { url: url.clone(), client }), shown(url), false)
    }

    /// The state of a site whose shards have been read.
    pub fn of(state: SiteState, shards: BTreeMap<ProjectName, Shard>) -> Self {
        /// A site of which there is nothing more to be read.
        struct Nothing;

        impl Store for Nothing {
            fn read(&self, _: &str) -> io::Result<Option<Vec<u8>>> {
                Ok(None)
            }
        }

        let shards = shards.into_iter().map(|(name, shard)| (name, Some(Arc::new(shard))));
        Self {
            state,
            store: Box::new(Nothing),
            origin: String::new(),
            lenient: true,
            shards: Mutex::new(shards.collect()),
        }
    }

    /// A file of the site, if it is there and has this digest.
    pub fn file(&self, path: &str, sha256: Sha256) -> Option<Vec<u8>> {
        let bytes = self.store.read(path).ok().flatten()?;
        (Sha256::of(&bytes) == sha256).then_some(bytes)
    }

    fn read(store: Box<dyn Store>, origin: String, lenient: bool) -> Result<Option<Self>> {
        let failed = |reason: String| {
            Error::source_hint(
                format!("cannot read the state `{ROOT_FILE}` of `{origin}`: {reason}"),
                "without it a changed file could slip through; mend it, or build anew with `--refresh`",
            )
        };
        let Some(bytes) = store.read(ROOT_FILE).map_err(|error| failed(error.to_string()))? else {
            return Ok(None);
        };
        // A newer format may have other keys, so that of the two the version is the better reason.
        let state = serde_json::from_slice::<SiteState>(&bytes);
        let version = match &state {
            Ok(state) => state.state_version,
            Err(_) => {
                serde_json::from_slice::<Versioned>(&bytes)
                    .map_err(|error| failed(error.to_string()))?
                    .state_version
            }
        };
        if version > STATE_VERSION {
            return Err(Error::source_hint(
                format!(
                    "the state of `{origin}` has version {version}, expected at most {STATE_VERSION}"
                ),
                "it was written by a newer wheelsite: update this one",
            ));
        }
        let state = state.map_err(|error| failed(error.to_string()))?;
        Ok(Some(Self { state, store, origin, lenient, shards: Mutex::default() }))
    }

    /// The shard of a project; none where the state does not know it.
    pub fn shard(&self, name: &ProjectName) -> Result<Option<Arc<Shard>>> {
        let Some(expected) = self.state.projects.get(name) else { return Ok(None) };
        let cached = self.shards.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(shard) = cached {
            return Ok(shard);
        }
        let lenient = self.lenient || self.is_being_written(name);
        let shard = match self.read_shard(name, expected.shard, lenient) {
            Err(_) if lenient => None,
            shard => Some(Arc::new(shard?)),
        };
        let mut shards = self.shards.lock().unwrap_or_else(PoisonError::into_inner);
        shards.insert(name.clone(), shard.clone());
        Ok(shard)
    }

    /// Whether a publisher is at work on a project, or was when it was killed.
    fn is_being_written(&self, name: &ProjectName) -> bool {
        let published = self.state.published.as_ref();
        let writing = published.and_then(|published| published.writing.as_ref());
        writing.is_some_and(|writing| writing.projects.contains_key(name))
    }

    fn read_shard(&self, name: &ProjectName, expected: Sha256, lenient: bool) -> Result<Shard> {
        let path = shard_path(name);
        let failed = |reason: String| {
            Error::source_hint(
                format!("cannot read the state `{path}` of `{}`: {reason}", self.origin),
                "if the site is being published at this moment, run again; otherwise build it anew with `--refresh`",
            )
        };
        let bytes = self.store.read(&path).map_err(|error| failed(error.to_string()))?;
        let bytes = bytes.ok_or_else(|| failed("it does not exist".to_owned()))?;
        let found = Sha256::of(&bytes);
        if found != expected && !lenient {
            return Err(failed(format!("expected the sha256 {expected}, found {found}")));
        }
        serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))
    }
}
