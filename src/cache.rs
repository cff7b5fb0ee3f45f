//! What is remembered of local files between runs on one machine.
//!
//! One file a source folder, in the user's cache folder: path and [`Stamp`] of
//! each distribution with the facts that were read from it, so that an unchanged
//! one is not opened again. Losing it costs time and nothing else.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::facts::{FACTS_VERSION, Facts, Stamp};
use crate::source::stamp_of;
use crate::wheel::Sha256;

/// A file that changed less than this many nanoseconds ago could change again within one tick
/// of the file system's clock, and its stamp would not show it.
const SETTLED: i128 = 50_000_000;

/// The facts of local files, by path and stamp.
#[derive(Default)]
pub struct FactsCache {
    file: Option<PathBuf>,
    known: HashMap<PathBuf, (Stamp, Arc<Facts>)>,
    /// What this run found, in the order in which it is written.
    fresh: Vec<(PathBuf, Stamp, Arc<Facts>)>,
    changed: bool,
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    path: std::borrow::Cow<'a, Path>,
    stamp: Stamp,
    facts: std::borrow::Cow<'a, Facts>,
}

impl FactsCache {
    /// The cache for a source folder; empty where there is none, or none that can be read.
    pub fn open(cache: Option<&Path>, source: &Path) -> Self {
        let (Some(cache), Ok(source)) = (cache, source.canonicalize()) else {
            return Self::default();
        };
        let key = Sha256::of(source.as_os_str().as_encoded_bytes()).short();
        let file = cache.join(format!("facts-{FACTS_VERSION}")).join(format!("{key}.jsonl"));
        let known = read(&file).unwrap_or_default();
        Self { file: Some(file), known, ..Self::default() }
    }

    /// What is known of a file that has this stamp.
    pub fn get(&self, path: &Path, stamp: Stamp) -> Option<Arc<Facts>> {
        let (known, facts) = self.known.get(path)?;
        (*known == stamp).then(|| facts.clone())
    }

    /// Remembers a file, whether it was read now (`fresh`) or was known.
    pub fn learn(&mut self, path: &Path, stamp: Stamp, facts: Arc<Facts>, fresh: bool) {
        if fresh {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let now = now.ok().and_then(|since| i128::try_from(since.as_nanos()).ok()).unwrap_or(0);
            if now - stamp.changed.max(stamp.modified) <= SETTLED {
                return;
            }
            self.changed = true;
        }
        self.fresh.push((path.to_owned(), stamp, facts));
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
        if !self.changed && self.fresh.len() == self.known.len() {
            return Ok(());
        }
        let folder = file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let unfinished = file.with_extension(format!("{}.tmp", std::process::id()));
        let mut writer = BufWriter::new(fs::File::create(&unfinished)?);
        for (path, stamp, facts) in &self.fresh {
            // A path that is not UTF-8 cannot be written, and is simply read again next time.
            let line =
                Line { path: path.into(), stamp: *stamp, facts: std::borrow::Cow::Borrowed(facts) };
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
        for (path, stamp, _) in &mut self.fresh {
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

fn read(file: &Path) -> std::io::Result<HashMap<PathBuf, (Stamp, Arc<Facts>)>> {
    let mut known = HashMap::new();
    for line in BufReader::new(fs::File::open(file)?).lines() {
        // A line that is damaged stands for a file that will be read again.
        let Ok(line) = serde_json::from_str::<Line<'_>>(&line?) else { continue };
        known.insert(line.path.into_owned(), (line.stamp, Arc::new(line.facts.into_owned())));
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
        })
    }

    #[test]
    fn remembers_by_path_and_stamp() {
        let cache = tempfile::tempdir().expect("makes a folder");
        let source = tempfile::tempdir().expect("makes a folder");
        let stamp = Stamp { size: 1, modified: 2, changed: 3, inode: 4 };
        let path = Path::new("a.whl");
        let mut first = FactsCache::open(Some(cache.path()), source.path());
        assert_eq!(first.get(path, stamp), None);
        first.learn(path, stamp, facts(), true);
        first.save(None).expect("saves");
        let second = FactsCache::open(Some(cache.path()), source.path());
        assert_eq!(second.get(path, stamp), Some(facts()));
        assert_eq!(second.get(path, Stamp { changed: 9, ..stamp }), None);
        assert_eq!(second.get(Path::new("b.whl"), stamp), None);
    }

    #[test]
    fn does_not_trust_what_changed_a_moment_ago() {
        let cache = tempfile::tempdir().expect("makes a folder");
        let source = tempfile::tempdir().expect("makes a folder");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("is later").as_nanos();
        let stamp =
            Stamp { size: 1, modified: 2, changed: i128::try_from(now).expect("fits"), inode: 4 };
        let mut first = FactsCache::open(Some(cache.path()), source.path());
        first.learn(Path::new("a.whl"), stamp, facts(), true);
        first.save(None).expect("saves");
        let second = FactsCache::open(Some(cache.path()), source.path());
        assert_eq!(second.get(Path::new("a.whl"), stamp), None);
    }
}
