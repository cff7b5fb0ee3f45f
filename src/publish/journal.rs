//! What a build is about to touch, written down before it is touched.
//!
//! A build that finds a journal was preceded by one that was killed: what the journal names may
//! differ from what the state says.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::paths::is_ours;
use crate::error::{Error, Result};

/// Names the paths that a build touches, from its first change until its end.
/// A folder that holds it is ours, whatever else is in it.
pub(super) const JOURNAL: &str = ".wheelsite-journal";

/// The journal of a build, which is there as soon as it names something.
pub(super) struct Journal {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl Journal {
    /// That of a folder, in which nothing is changed yet.
    pub(super) fn new(root: &Path) -> Self {
        Self { path: root.join(JOURNAL), file: Mutex::new(None) }
    }

    /// Names paths that are about to be written or removed.
    pub(super) fn announce<'p>(&self, paths: impl IntoIterator<Item = &'p str>) -> Result<()> {
        let mut lines = String::new();
        for path in paths {
            lines.push_str(path);
            lines.push('\n');
        }
        if lines.is_empty() {
            return Ok(());
        }
        let path = &self.path;
        let mut journal = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &mut *journal {
            Some(file) => file,
            none => {
                // A killed build may have left a line without its end.
                lines.insert(0, '\n');
                let journal = OpenOptions::new().create(true).append(true).open(path);
                none.insert(journal.map_err(Error::output("write", path))?)
            }
        };
        file.write_all(lines.as_bytes()).map_err(Error::output("write", path))
    }
}

/// The paths of a journal. A last line without its end was never acted upon.
pub(super) fn read_journal(path: &Path) -> Result<BTreeSet<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text
            .split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'))
            .filter(|line| is_ours(line))
            .map(str::to_owned)
            .collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(Error::output("read", path)(error)),
    }
}

/// Adds every file of one of the site's folders.
pub(super) fn sweep(root: &Path, folder: &str, paths: &mut BTreeSet<String>) -> io::Result<()> {
    let folder = root.join(folder);
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in walkdir::WalkDir::new(&folder) {
        let entry = entry?;
        let path = entry.path().strip_prefix(root).ok().and_then(Path::to_str);
        if !entry.file_type().is_dir() {
            paths.extend(path.filter(|path| is_ours(path)).map(str::to_owned));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::SiteDirectory;

    #[test]
    fn a_journal_tells_what_an_interrupted_build_touched() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let site = SiteDirectory::open(folder.path(), false, false).expect("opens");
        site.announce(["simple/b", "index.html"]).expect("announces");
        site.write("simple/b", b"1").expect("writes");
        drop(site);
        // The last announcement was cut short.
        let journal = folder.path().join(JOURNAL);
        fs::write(
            &journal,
            fs::read_to_string(&journal).expect("reads") + "../x\nCNAME\n\nsimple/d",
        )
        .expect("writes");
        let site = SiteDirectory::open(folder.path(), false, false).expect("opens");
        assert_eq!(site.dirty().iter().collect::<Vec<_>>(), ["index.html", "simple/b"]);
        assert!(!site.has("simple/b", None), "what an interrupted build wrote is not trusted");
        site.remove("simple/b").expect("removes");
        site.remove("index.html").expect("removes what is not there");
        site.finish().expect("finishes");
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 0);
    }

    #[test]
    fn a_line_that_was_cut_short_swallows_no_other() {
        let folder = tempfile::tempdir().expect("makes a folder");
        fs::write(folder.path().join(JOURNAL), "simple/a/index.html\nsimple/b/ind")
            .expect("writes");
        let site = SiteDirectory::open(folder.path(), false, false).expect("opens");
        site.announce(["simple/c/index.html"]).expect("announces");
        drop(site);
        let site = SiteDirectory::open(folder.path(), false, false).expect("opens");
        assert!(site.dirty().contains("simple/c/index.html"));
        assert_eq!(site.dirty_of("c"), ["simple/c/index.html"]);
    }
}
