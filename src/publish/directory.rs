//! A site in a local folder, whole at every moment.
//!
//! A site that is not there yet is written aside and renamed. A site that is
//! there is changed file by file: each is written to a temporary name and
//! renamed over the old one, in the order files, assets, project pages, roots,
//! state, deletions. Before a path is touched it is named in a journal. A build
//! that finds a journal was preceded by one that was killed: what the journal
//! names may differ from what the state says, so it is made or removed again.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::facts::{Artifact, Location};
use crate::source::stamp_of;
use crate::state::ROOT_FILE;

/// Names the paths that a build touches, from its first change until its end.
const JOURNAL: &str = ".wheelsite-journal";
/// Files that are not whole yet.
const UNFINISHED: &str = ".wheelsite-unfinished";

/// How a file of a source comes into the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Its bytes are copied.
    Copy,
    /// It is linked.
    Hardlink,
}

/// A folder that a site is written to. Holds a lock as long as it lives.
pub struct SiteDirectory {
    /// Where the site will be in the end.
    output: PathBuf,
    /// Where it is written: the output, or a folder beside it.
    root: PathBuf,
    aside: bool,
    /// What an interrupted build has touched.
    dirty: BTreeSet<String>,
    journal: Mutex<Option<File>>,
    next_unfinished: AtomicU64,
    /// Closing it lets the next build in.
    _lock: Option<File>,
}

impl SiteDirectory {
    /// Takes the folder for one build. Nothing is changed in it yet.
    ///
    /// Refuses a folder that holds something else than a site, unless `force`.
    pub fn open(output: &Path, force: bool) -> Result<Self> {
        let exists = match fs::symlink_metadata(output) {
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(Error::output("read", output)(error)),
        };
        if exists { Self::open_standing(output, force) } else { Self::open_aside(output) }
    }

    fn open_standing(output: &Path, force: bool) -> Result<Self> {
        let mut entries = fs::read_dir(output).map_err(Error::output("read", output))?;
        let ours = [ROOT_FILE, JOURNAL].iter().any(|name| output.join(name).is_file());
        if !ours && !force && entries.next().is_some() {
            return Err(Error::Guard {
                message: format!(
                    "`{}` is not empty and holds no site that wheelsite wrote",
                    output.display()
                ),
                hint:
                    "choose another folder with `--output`, or write into this one with `--force`"
                        .to_owned(),
            });
        }
        let lock = lock(output)?;
        let root = output.to_owned();
        let dirty = read_journal(&root.join(JOURNAL))?;
        Ok(Self::new(output, root, false, dirty, lock))
    }

    fn open_aside(output: &Path) -> Result<Self> {
        let name = output.file_name().ok_or_else(|| {
            Error::config(format!("`{}` is no name for an output folder", output.display()))
        })?;
        let parent = parent(output);
        fs::create_dir_all(parent).map_err(Error::output("create", parent))?;
        let mut aside = std::ffi::OsString::from(".");
        aside.push(name);
        aside.push(".wheelsite-new");
        let root = parent.join(aside);
        match fs::create_dir(&root) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(Error::output("create", &root)(error));
            }
            _ => {}
        }
        let lock = lock(&root)?;
        // What a killed build has left.
        empty(&root).map_err(Error::output("empty", &root))?;
        Ok(Self::new(output, root, true, BTreeSet::new(), lock))
    }

    fn new(
        output: &Path,
        root: PathBuf,
        aside: bool,
        dirty: BTreeSet<String>,
        lock: Option<File>,
    ) -> Self {
        Self {
            output: output.to_owned(),
            root,
            aside,
            dirty,
            journal: Mutex::new(None),
            next_unfinished: AtomicU64::new(0),
            _lock: lock,
        }
    }

    /// The folder of the site that is there, if one may be.
    pub fn standing(&self) -> Option<&Path> {
        (!self.aside).then_some(&*self.root)
    }

    /// Paths that an interrupted build has touched: what they hold is unknown.
    pub fn dirty(&self) -> &BTreeSet<String> {
        &self.dirty
    }

    /// Whether a file is there, and has this size in bytes where one is given.
    pub fn has(&self, path: &str, size: Option<u64>) -> bool {
        !self.dirty.contains(path)
            && fs::symlink_metadata(self.root.join(path))
                .is_ok_and(|found| found.is_file() && size.is_none_or(|size| found.len() == size))
    }

    /// The bytes of a file that the site has.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        fs::read(self.root.join(path))
    }

    /// Names paths that are about to be written or removed. To be called before any of them is.
    pub fn announce<'p>(&self, paths: impl IntoIterator<Item = &'p str>) -> Result<()> {
        if self.aside {
            return Ok(());
        }
        let mut lines = String::new();
        for path in paths {
            lines.push_str(path);
            lines.push('\n');
        }
        if lines.is_empty() {
            return Ok(());
        }
        let path = self.root.join(JOURNAL);
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &mut *journal {
            Some(file) => file,
            none => none.insert(
                OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(&path)
                    .map_err(Error::output("write", &path))?,
            ),
        };
        file.write_all(lines.as_bytes()).map_err(Error::output("write", &path))
    }

    /// Writes a file that has been announced.
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.put(path, |target| File::create_new(target).and_then(|mut file| file.write_all(bytes)))
    }

    /// Brings a local file into the site under a path that has been announced.
    ///
    /// Errors if the file is not any more what it was when it was listed.
    pub fn place(&self, path: &str, artifact: &Artifact, how: Placement) -> Result<()> {
        let Location::File(source) = &artifact.location else {
            return Err(Error::source(format!("`{}` has no bytes to copy", artifact.location)));
        };
        self.put(path, |target| match how {
            Placement::Copy => fs::copy(source, target).map(drop),
            Placement::Hardlink => fs::hard_link(source, target),
        })?;
        let now = fs::metadata(source).map(|metadata| stamp_of(&metadata));
        let changed = match (now, artifact.stamp, how) {
            (Ok(now), Some(then), Placement::Copy) => now != then,
            // A new link changes the file's change time.
            (Ok(now), Some(then), Placement::Hardlink) => {
                (now.size, now.modified, now.inode) != (then.size, then.modified, then.inode)
            }
            _ => true,
        };
        if changed {
            self.remove(path)?;
            return Err(Error::source_hint(
                format!("`{}` changed while it was being read", source.display()),
                "run again when nothing writes to the source any more",
            ));
        }
        Ok(())
    }

    /// Removes a file that has been announced, and the folders that it leaves empty.
    pub fn remove(&self, path: &str) -> Result<()> {
        let full = self.root.join(path);
        match fs::remove_file(&full) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::output("remove", &full)(error)),
        }
        let mut folder = full.parent();
        while let Some(current) = folder.filter(|folder| *folder != self.root) {
            if fs::remove_dir(current).is_err() {
                break;
            }
            folder = current.parent();
        }
        Ok(())
    }

    /// Ends the build: the site is in place and nothing of the work remains.
    pub fn finish(mut self) -> Result<()> {
        if self.aside {
            fs::rename(&self.root, &self.output).map_err(Error::output("create", &self.output))?;
            // Nothing is left for `drop` to clean up.
            self.aside = false;
            return Ok(());
        }
        let unfinished = self.root.join(UNFINISHED);
        remove_tree(&unfinished).map_err(Error::output("remove", &unfinished))?;
        let journal = self.root.join(JOURNAL);
        match fs::remove_file(&journal) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::output("remove", &journal)(error))
            }
            _ => Ok(()),
        }
    }

    /// Makes a file by `fill`, whole or not at all.
    fn put(&self, path: &str, fill: impl Fn(&Path) -> io::Result<()>) -> Result<()> {
        let full = self.root.join(path);
        if !is_below(path) {
            return Err(Error::output("write", &full)(io::Error::other(
                "it lies outside of the site",
            )));
        }
        let made = if self.aside {
            with_folder(&full, fill)
        } else {
            let number = self.next_unfinished.fetch_add(1, Ordering::Relaxed);
            let unfinished = self.root.join(UNFINISHED).join(number.to_string());
            with_folder(&unfinished, |target| {
                // A killed build may have left one of this name.
                remove_file_if_there(target)?;
                fill(target)
            })
            .and_then(|()| with_folder(&full, |full| fs::rename(&unfinished, full)))
        };
        made.map_err(Error::output("write", &full))
    }
}

impl Drop for SiteDirectory {
    fn drop(&mut self) {
        // A first build that failed leaves nothing behind. Nobody can be told if even that fails.
        if self.aside {
            let _ = fs::remove_dir_all(&self.root);
        }
    }
}

/// Makes the folder of a file if it turns out to be missing.
fn with_folder(path: &Path, make: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    match make(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(parent(path))?;
            make(path)
        }
        made => made,
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn is_below(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

fn remove_file_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        } else {
            remove_file_if_there(&entry.path())?;
        }
    }
    Ok(())
}

/// The paths of a journal. A last line without its end was never acted upon.
fn read_journal(path: &Path) -> Result<BTreeSet<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text
            .split_inclusive('\n')
            .filter_map(|line| line.strip_suffix('\n'))
            .filter(|line| is_below(line))
            .map(str::to_owned)
            .collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(Error::output("read", path)(error)),
    }
}

/// Locks a folder, so that a lock is never left behind. Other platforms than Unix cannot.
fn lock(folder: &Path) -> Result<Option<File>> {
    if !cfg!(unix) {
        return Ok(None);
    }
    let file = File::open(folder).map_err(Error::output("read", folder))?;
    match file.try_lock() {
        // Another build may have renamed the folder before we had the lock.
        Ok(()) if !is_still(&file, folder) => Err(Error::Busy { path: folder.to_owned() }),
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Err(Error::Busy { path: folder.to_owned() }),
        // Some network file systems have no locks: better to go on than to refuse.
        Err(fs::TryLockError::Error(_)) => Ok(None),
    }
}

/// Whether a path still leads to the folder that was opened by it.
fn is_still(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(opened), Ok(there)) => stamp_of(&opened).inode == stamp_of(&there).inode,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_build_appears_at_once_or_not_at_all() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let output = folder.path().join("deep/site");
        let site = SiteDirectory::open(&output, false).expect("opens");
        site.write("simple/index.html", b"x").expect("writes");
        assert!(!output.exists());
        drop(site);
        assert_eq!(fs::read_dir(folder.path().join("deep")).expect("lists").count(), 0);
        let site = SiteDirectory::open(&output, false).expect("opens");
        site.write("simple/index.html", b"x").expect("writes");
        site.finish().expect("finishes");
        assert_eq!(fs::read(output.join("simple/index.html")).expect("reads"), b"x");
    }

    #[test]
    fn a_foreign_folder_is_refused_and_kept() {
        let folder = tempfile::tempdir().expect("makes a folder");
        fs::write(folder.path().join("mine.txt"), "x").expect("writes");
        let error = SiteDirectory::open(folder.path(), false).err().expect("fails");
        assert_eq!(error.exit_code(), 1);
        let site = SiteDirectory::open(folder.path(), true).expect("opens");
        site.announce(["a"]).expect("announces");
        site.write("a", b"1").expect("writes");
        site.finish().expect("finishes");
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn two_builds_at_once_are_kept_apart() {
        let folder = tempfile::tempdir().expect("makes a folder");
        for output in [folder.path().to_owned(), folder.path().join("new")] {
            let first = SiteDirectory::open(&output, false).expect("opens");
            let error = SiteDirectory::open(&output, false).err().expect("is refused");
            assert_eq!(error.exit_code(), 4);
            drop(first);
            drop(SiteDirectory::open(&output, false).expect("opens again"));
        }
    }

    #[test]
    fn a_journal_tells_what_an_interrupted_build_touched() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let site = SiteDirectory::open(folder.path(), false).expect("opens");
        site.announce(["a/b", "c"]).expect("announces");
        site.write("a/b", b"1").expect("writes");
        drop(site);
        // The last announcement was cut short.
        let journal = folder.path().join(JOURNAL);
        fs::write(&journal, fs::read_to_string(&journal).expect("reads") + "../x\nd")
            .expect("writes");
        let site = SiteDirectory::open(folder.path(), false).expect("opens");
        assert_eq!(site.dirty().iter().collect::<Vec<_>>(), ["a/b", "c"]);
        assert!(!site.has("a/b", None), "what an interrupted build wrote is not trusted");
        site.remove("a/b").expect("removes");
        site.remove("c").expect("removes what is not there");
        site.finish().expect("finishes");
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 0);
    }

    #[test]
    fn nothing_is_written_outside() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let site = SiteDirectory::open(folder.path(), false).expect("opens");
        for path in ["../x", "/x", "a/../../x", "./x"] {
            assert!(site.write(path, b"x").is_err(), "{path}");
        }
    }
}
