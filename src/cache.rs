//! What is remembered of files between runs on one machine.
//!
//! One file a source, in the user's cache folder: where each distribution lies and its
//! [`Mark`], with the facts that were read from it, so that an unchanged one is not
//! opened again. Beside it, by digest, the METADATA of what lies on other machines: pages show
//! some of it. And, one file an output folder, what the last build into it found
//! ([`LastBuild`]). Losing any of this costs time and nothing else.

mod last_build;

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::facts::{FACTS_VERSION, Facts, KnownSidecar, Mark, Stamp};
use crate::source::stamp_of;
use crate::wheel::Sha256;

pub use last_build::LastBuild;

/// A file that changed less than this many nanoseconds ago could change again within one tick
/// of the file system's clock, and its stamp would not show it.
const SETTLED: i128 = 50_000_000;

/// The facts of a source's files, by place and mark.
#[derive(Default)]
pub struct FactsCache {
    file: Option<PathBuf>,
    known: HashMap<PathBuf, Known>,
    /// What this run found, in the order in which it is written.
    fresh: Vec<(PathBuf, Known)>,
    changed: bool,
    /// The folder of METADATA by digest.
    metadata: Option<PathBuf>,
}

/// What is known of a file.
#[derive(Clone)]
pub struct Known {
    /// What tells whether it has changed.
    pub mark: Mark,
    /// What its bytes say.
    pub facts: Arc<Facts>,
    /// The sidecar beside it.
    pub sidecar: Option<KnownSidecar>,
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    path: std::borrow::Cow<'a, Path>,
    mark: Mark,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sidecar: Option<KnownSidecar>,
    facts: std::borrow::Cow<'a, Facts>,
}

impl FactsCache {
    /// The cache for a source; empty where there is none, or none that can be read.
    pub fn open(cache: Option<&Path>, identity: Option<&str>) -> Self {
        let (Some(cache), Some(identity)) = (cache, identity) else {
            return Self::default();
        };
        let key = Sha256::of(identity.as_bytes()).short();
        let file = cache.join(format!("facts-{FACTS_VERSION}")).join(format!("{key}.jsonl"));
        let known = read(&file).unwrap_or_default();
        let metadata = Some(cache.join("metadata-1").join(key));
        Self { file: Some(file), known, metadata, ..Self::default() }
    }

    /// Remembers METADATA.
    pub fn keep_metadata(&self, sha256: Sha256, bytes: &[u8]) {
        let Some(folder) = &self.metadata else { return };
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(folder)?;
            let mut unfinished = tempfile::NamedTempFile::new_in(folder)?;
            unfinished.write_all(bytes)?;
            unfinished.persist(folder.join(sha256.to_string()))?;
            Ok(())
        };
        if let Err(error) = write() {
            tracing::debug!(%error, "METADATA could not be kept");
        }
    }

    /// METADATA of this digest.
    pub fn metadata(&self, sha256: Sha256) -> Option<Vec<u8>> {
        let bytes = fs::read(self.metadata.as_ref()?.join(sha256.to_string())).ok()?;
        (Sha256::of(&bytes) == sha256).then_some(bytes)
    }

    /// Forgets the METADATA that nothing has any more.
    fn prune_metadata(&self) -> std::io::Result<()> {
        let Some(folder) = self.metadata.as_ref().filter(|folder| folder.is_dir()) else {
            return Ok(());
        };
        let digests = self.fresh.iter().filter_map(|(_, known)| known.facts.metadata());
        let had: HashSet<String> = digests.map(|metadata| metadata.sha256.to_string()).collect();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if !entry.file_name().to_str().is_some_and(|name| had.contains(name)) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// What is known of a file that has this mark.
    pub fn get(&self, path: &Path, mark: &Mark) -> Option<Arc<Facts>> {
        let known = self.known.get(path)?;
        (known.mark == *mark).then(|| known.facts.clone())
    }

    /// The digest of the sidecar beside a file, if it is still called so.
    pub fn sidecar(&self, path: &Path, revision: &str) -> Option<Sha256> {
        let sidecar = self.known.get(path)?.sidecar.as_ref()?;
        (*sidecar.revision == *revision).then_some(sidecar.sha256)
    }

    /// Remembers a file, whether it was read now (`fresh`) or was known.
    pub fn learn(&mut self, path: &Path, known: Known, fresh: bool) {
        let before = self.known.get(path).and_then(|before| before.sidecar.as_ref());
        if fresh || before != known.sidecar.as_ref() {
            self.changed = true;
        }
        if let (true, Some(stamp)) = (fresh, known.mark.stamp)
            && !is_settled(stamp, SystemTime::now())
        {
            return;
        }
        self.fresh.push((path.to_owned(), known));
    }

    /// Writes what this run found.
    ///
    /// `linked` is the source's folder where this run made links of its files: that changes
    /// when a file was last changed, and nothing else of its stamp.
    pub fn save(mut self, linked: Option<&Path>) -> std::io::Result<()> {
        if let Some(root) = linked {
            self.follow_links(root);
        }
        let Some(file) = &self.file else { return Ok(()) };
        self.prune_metadata()?;
        if !self.changed && self.fresh.len() == self.known.len() {
            return Ok(());
        }
        let folder = file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let unfinished = file.with_extension(format!("{}.tmp", std::process::id()));
        let mut writer = BufWriter::new(fs::File::create(&unfinished)?);
        for (path, Known { mark, facts, sidecar }) in &self.fresh {
            // A path that is not UTF-8 cannot be written, and is simply read again next time.
            let (mark, facts) = (mark.clone(), std::borrow::Cow::Borrowed(&**facts));
            let line = Line { path: path.into(), mark, sidecar: sidecar.clone(), facts };
            if let Ok(text) = serde_json::to_vec(&line) {
                writer.write_all(&text)?;
                writer.write_all(b"\n")?;
            }
        }
        writer.flush()?;
        drop(writer);
        fs::rename(&unfinished, file)
    }
}

impl FactsCache {
    fn follow_links(&mut self, root: &Path) {
        for (path, known) in &mut self.fresh {
            let Some(stamp) = &mut known.mark.stamp else { continue };
            let Ok(now) = fs::metadata(root.join(path)).map(|metadata| stamp_of(&metadata)) else {
                continue;
            };
            let same = Stamp { changed: now.changed, ..*stamp } == now;
            if same && now != *stamp {
                *stamp = now;
                self.changed = true;
            }
        }
    }
}

/// Whether a file had this stamp long enough at a moment, so that any later change shows in it.
pub fn is_settled(stamp: Stamp, at: SystemTime) -> bool {
    let at = at.duration_since(UNIX_EPOCH);
    let at = at.ok().and_then(|since| i128::try_from(since.as_nanos()).ok()).unwrap_or(0);
    at - stamp.changed.max(stamp.modified) > SETTLED
}

fn read(file: &Path) -> std::io::Result<HashMap<PathBuf, Known>> {
    let mut known = HashMap::new();
    for line in BufReader::new(fs::File::open(file)?).lines() {
        // A line that is damaged stands for a file that will be read again.
        let Ok(line) = serde_json::from_str::<Line<'_>>(&line?) else { continue };
        let facts = Arc::new(line.facts.into_owned());
        let of_file = Known { mark: line.mark, facts, sidecar: line.sidecar };
        known.insert(line.path.into_owned(), of_file);
    }
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Content, Depth};

    fn facts() -> Arc<Facts> {
        Arc::new(Facts {
            facts_version: FACTS_VERSION,
            depth: Depth::Metadata,
            sha256: Sha256::of(b"x"),
            size: 1,
            content: Content::Sdist,
            reported: false,
        })
    }

    fn known(mark: Mark) -> Known {
        Known { mark, facts: facts(), sidecar: None }
    }

    fn mark(stamp: Stamp) -> Mark {
        Mark { stamp: Some(stamp), revision: None }
    }

    #[test]
    fn remembers_by_place_and_mark() {
        let cache = tempfile::tempdir().expect("makes a folder");
        let stamp = Stamp { size: 1, modified: 2, changed: 3, inode: 4 };
        let remote = Mark { stamp: None, revision: Some("etag".into()) };
        let path = Path::new("a.whl");
        let open = || FactsCache::open(Some(cache.path()), Some("a source"));
        let mut first = open();
        assert_eq!(first.get(path, &mark(stamp)), None);
        first.learn(path, known(mark(stamp)), true);
        let sidecar = KnownSidecar { revision: "tag".into(), sha256: Sha256::of(b"s") };
        let with_sidecar = Known { sidecar: Some(sidecar), ..known(remote.clone()) };
        first.learn(Path::new("c.whl"), with_sidecar, true);
        first.save(None).expect("saves");
        let second = open();
        assert_eq!(second.get(path, &mark(stamp)), Some(facts()));
        assert_eq!(second.get(path, &mark(Stamp { changed: 9, ..stamp })), None);
        assert_eq!(second.get(Path::new("b.whl"), &mark(stamp)), None);
        assert_eq!(second.get(Path::new("c.whl"), &remote), Some(facts()));
        assert_eq!(second.sidecar(Path::new("c.whl"), "tag"), Some(Sha256::of(b"s")));
        assert_eq!(second.sidecar(Path::new("c.whl"), "other"), None);
        let other = FactsCache::open(Some(cache.path()), Some("another source"));
        assert_eq!(other.get(path, &mark(stamp)), None);
    }

    #[test]
    fn does_not_trust_what_changed_a_moment_ago() {
        let cache = tempfile::tempdir().expect("makes a folder");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("is later").as_nanos();
        let stamp =
            Stamp { size: 1, modified: 2, changed: i128::try_from(now).expect("fits"), inode: 4 };
        let open = || FactsCache::open(Some(cache.path()), Some("a source"));
        let mut first = open();
        first.learn(Path::new("a.whl"), known(mark(stamp)), true);
        first.save(None).expect("saves");
        assert_eq!(open().get(Path::new("a.whl"), &mark(stamp)), None);
    }
}
