//! A site in a local folder, whole at every moment.
//!
//! A site that is not there yet is written aside and renamed. A site that is
//! there is changed file by file: each is written to a temporary name and
//! renamed over the old one, in the order files, assets, project pages, roots,
//! state, deletions. Before a path is touched it is named in a journal, and what
//! the journal of a killed build names is made or removed again.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::journal::{JOURNAL, Journal, read_journal, sweep};
use super::lock::lock;
use super::paths::{folders, is_ours, owner};
use crate::error::{Error, Result};
use crate::facts::{Artifact, Location, Stamp};
use crate::source::{ReadSeek, stamp_of};
use crate::state::ROOT_FILE;
use crate::wheel::{HashingReader, Sha256};

/// Files that are not whole yet.
pub(super) const UNFINISHED: &str = ".wheelsite-unfinished";

/// How a file of a source comes into the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// Its bytes are copied.
    Copy,
    /// It is linked.
    Hardlink,
}

/// What a site stands on that has not all of its files: another site, somewhere else.
pub trait Beneath: Send + Sync {
    /// Whether a file is there.
    fn has(&self, path: &str) -> bool;

    /// The bytes of one.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;
}

/// A folder that a site is written to. Holds a lock as long as it lives.
pub struct SiteDirectory {
    /// Where the site will be in the end.
    output: PathBuf,
    /// Where it is written: the output, or a folder beside it.
    pub(super) root: PathBuf,
    aside: bool,
    /// Paths whose contents are unknown, because an interrupted build has touched them.
    pub(super) dirty: BTreeSet<String>,
    /// Those of projects, by project.
    dirty_of: BTreeMap<String, Vec<String>>,
    journal: Journal,
    next_unfinished: AtomicU64,
    /// The names of the shards that were there.
    pub(super) shards: OnceLock<HashSet<String>>,
    /// What has the files that are not written, where this is only what a merge changes.
    pub(super) beneath: Option<Box<dyn Beneath>>,
    /// Closing it lets the next build in.
    _lock: Option<File>,
}

impl SiteDirectory {
    /// Takes the folder for one build. Nothing is changed in it yet.
    ///
    /// Refuses a folder that holds something else than a site, unless `force`. With
    /// `distrust` nothing that stands there is believed: all of it is made again.
    pub fn open(output: &Path, force: bool, distrust: bool) -> Result<Self> {
        let exists = match fs::symlink_metadata(output) {
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(Error::output("read", output)(error)),
        };
        if exists { Self::open_standing(output, force, distrust) } else { Self::open_aside(output) }
    }

    fn open_standing(output: &Path, force: bool, distrust: bool) -> Result<Self> {
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
        let mut dirty = read_journal(&output.join(JOURNAL))?;
        if ours && distrust {
            for folder in folders(output).map_err(Error::output("read", output))? {
                sweep(output, &folder, &mut dirty).map_err(Error::output("read", output))?;
            }
        }
        Ok(Self::new(output, output.to_owned(), false, dirty, lock))
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
        // What stands there may be what a killed build left; a link or anything else is not.
        let is_folder = fs::symlink_metadata(&root).is_ok_and(|found| found.is_dir());
        let lock = if is_folder { lock(&root)? } else { None };
        let is_empty = || fs::read_dir(&root).is_ok_and(|mut entries| entries.next().is_none());
        if !is_folder || !(root.join(JOURNAL).is_file() || is_empty()) {
            return Err(Error::Guard {
                message: format!(
                    "`{}` is in the way and was not made by wheelsite",
                    root.display()
                ),
                hint: "remove it, or choose another folder with `--output`".to_owned(),
            });
        }
        let site = Self::new(output, root, true, BTreeSet::new(), lock);
        site.start_over()?;
        Ok(site)
    }

    /// Takes back all that was written to a site that is not there yet.
    pub fn start_over(&self) -> Result<()> {
        if !self.aside {
            return Ok(());
        }
        empty(&self.root).map_err(Error::output("empty", &self.root))?;
        let marker = self.root.join(JOURNAL);
        File::create_new(&marker).map_err(Error::output("create", &marker))?;
        Ok(())
    }

    fn new(
        output: &Path,
        root: PathBuf,
        aside: bool,
        dirty: BTreeSet<String>,
        lock: Option<File>,
    ) -> Self {
        let mut dirty_of: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for path in &dirty {
            if let Some(name) = owner(path) {
                dirty_of.entry(name.to_owned()).or_default().push(path.clone());
            }
        }
        Self {
            output: output.to_owned(),
            journal: Journal::new(&root),
            root,
            aside,
            dirty,
            dirty_of,
            next_unfinished: AtomicU64::new(0),
            shards: OnceLock::new(),
            beneath: None,
            _lock: lock,
        }
    }

    /// An empty folder for what differs from a site that is elsewhere.
    pub fn on_top(folder: &Path, beneath: Box<dyn Beneath>) -> Self {
        let mut site = Self::new(folder, folder.to_owned(), false, BTreeSet::new(), None);
        site.beneath = Some(beneath);
        site
    }

    /// The folder of the site that is there, if one may be.
    pub fn standing(&self) -> Option<&Path> {
        (!self.aside).then_some(&*self.root)
    }

    /// Paths whose contents are unknown.
    pub fn dirty(&self) -> &BTreeSet<String> {
        &self.dirty
    }

    /// Those of a project.
    pub fn dirty_of(&self, project: &str) -> &[String] {
        self.dirty_of.get(project).map_or(&[], Vec::as_slice)
    }

    /// Whether a file is there, and has this size in bytes where one is given.
    pub fn has(&self, path: &str, size: Option<u64>) -> bool {
        if let Some(beneath) = &self.beneath {
            return beneath.has(path);
        }
        is_ours(path)
            && !self.dirty.contains(path)
            && fs::symlink_metadata(self.root.join(path))
                .is_ok_and(|found| found.is_file() && size.is_none_or(|size| found.len() == size))
    }

    /// Whether a file of the site came from a local file in this way: as a link to it, or not as one.
    pub fn is_placed(&self, path: &str, artifact: &Artifact, how: Placement) -> bool {
        if self.beneath.is_some() {
            return true;
        }
        let there = fs::symlink_metadata(self.root.join(path)).map(|there| stamp_of(&there));
        let linked = matches!(
            (there, artifact.stamp.as_deref()),
            (Ok(there), Some(source)) if there.inode == source.inode && there.inode != 0
        );
        linked == (how == Placement::Hardlink)
    }

    /// The bytes of a file that the site has.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        if let Some(beneath) = &self.beneath {
            return beneath.read(path);
        }
        fs::read(self.root.join(path))
    }

    /// Names paths that are about to be written or removed. To be called before any of them is.
    pub fn announce<'p>(&self, paths: impl IntoIterator<Item = &'p str>) -> Result<()> {
        if self.aside || self.beneath.is_some() {
            return Ok(());
        }
        self.journal.announce(paths)
    }

    /// Makes folders for files that will be written to a site that is not there yet: otherwise each
    /// first file of a folder is what finds that it is missing.
    pub fn expect<'p>(&self, paths: impl IntoIterator<Item = &'p str>) {
        if !self.aside {
            return;
        }
        let mut last = None;
        let folders = paths.into_iter().filter(|path| is_ours(path));
        for folder in folders.filter_map(|path| Path::new(path).parent()) {
            if last.replace(folder) != Some(folder) {
                // Whoever writes into it makes what is missing, or says why that cannot be.
                let _ = fs::create_dir(self.root.join(folder));
            }
        }
    }

    /// Writes a file that has been announced.
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<()> {
        self.put(path, |target| File::create_new(target).and_then(|mut file| file.write_all(bytes)))
    }

    /// Brings a local file into the site under a path that has been announced.
    ///
    /// Errors if the file is not any more what it was when it was listed.
    pub fn place(&self, path: &str, artifact: &Artifact, how: Placement) -> Result<()> {
        if self.beneath.is_some() {
            // Whoever brings it to its place has it already.
            return Ok(());
        }
        let (Location::File(source), Some(listed)) =
            (&artifact.location, artifact.stamp.as_deref())
        else {
            return Err(Error::source(format!("`{}` has no bytes to copy", artifact.location)));
        };
        let mut is_same = true;
        self.put(path, |target| {
            let placed = match how {
                Placement::Copy => copy(source, target)?,
                // A link to a link would lead nowhere from here.
                Placement::Hardlink => {
                    fs::hard_link(fs::canonicalize(source)?, target)?;
                    // A new link changes when the file was last changed, and nothing else.
                    Stamp { changed: listed.changed, ..stamp_of(&fs::symlink_metadata(target)?) }
                }
            };
            is_same = placed == *listed;
            // What is not the listed file must not get the listed file's place.
            if is_same { Ok(()) } else { Err(io::Error::other("it changed")) }
        })
        .map_err(|error| {
            if is_same {
                return error;
            }
            Error::source_hint(
                format!("`{}` changed while it was being read", source.display()),
                "run again when nothing writes to the source any more",
            )
        })
    }

    /// Downloads a file into the site under a path that has been announced.
    ///
    /// Errors if it is not the file of this digest.
    pub fn download(
        &self,
        path: &str,
        artifact: &Artifact,
        expected: Sha256,
        open: impl Fn() -> io::Result<Box<dyn ReadSeek>>,
    ) -> Result<()> {
        let location = &artifact.location;
        let mut trouble = None;
        let made = self.put(path, |target| {
            let unreadable = |error| Error::source(format!("cannot read `{location}`: {error}"));
            let mut reader = match open() {
                Ok(reader) => HashingReader::new(reader),
                Err(error) => {
                    trouble = Some(unreadable(error));
                    return Err(io::Error::other("it cannot be read"));
                }
            };
            let mut file = File::create_new(target)?;
            let mut buffer = vec![0; 256 * 1024];
            loop {
                match reader.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(count) => file.write_all(&buffer[..count])?,
                    Err(error) => {
                        trouble = Some(unreadable(error));
                        return Err(io::Error::other("it cannot be read"));
                    }
                }
            }
            let (found, _) = reader.finish();
            if found == expected {
                return Ok(());
            }
            trouble = Some(Error::source_hint(
                format!("`{location}` has the sha256 {found}, expected {expected}"),
                "it was damaged on the way, or its source states a wrong digest; run again",
            ));
            Err(io::Error::other("its bytes are others"))
        });
        made.map_err(|error| trouble.unwrap_or(error))
    }

    /// Removes a file that has been announced, and the folders that it leaves empty.
    pub fn remove(&self, path: &str) -> Result<()> {
        if !is_ours(path) {
            return Ok(());
        }
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
        let unfinished = self.root.join(UNFINISHED);
        remove_tree(&unfinished).map_err(Error::output("remove", &unfinished))?;
        if self.aside {
            fs::rename(&self.root, &self.output).map_err(Error::output("create", &self.output))?;
            // Nothing is left for `drop` to clean up.
            self.aside = false;
        }
        let place = if self.root.is_dir() { &self.root } else { &self.output };
        let journal = place.join(JOURNAL);
        remove_file_if_there(&journal).map_err(Error::output("remove", &journal))
    }

    /// Makes a file by `fill`, whole or not at all.
    fn put(&self, path: &str, mut fill: impl FnMut(&Path) -> io::Result<()>) -> Result<()> {
        let full = self.root.join(path);
        if !is_ours(path) {
            let outside = io::Error::other("it lies outside of the site");
            return Err(Error::output("write", &full)(outside));
        }
        let made = if self.aside {
            with_folder(&full, &mut fill)
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
fn with_folder(path: &Path, mut make: impl FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
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

/// Copies a file, and gives its stamp as it is when all is copied.
///
/// The copy can be read by whoever reads the pages, whatever may be done with the original.
fn copy(source: &Path, target: &Path) -> io::Result<Stamp> {
    let mut reader = File::open(source)?;
    io::copy(&mut reader, &mut File::create_new(target)?)?;
    // By its name again: another file may have been put in its place.
    fs::metadata(source).map(|metadata| stamp_of(&metadata))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_build_appears_at_once_or_not_at_all() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let output = folder.path().join("deep/site");
        let site = SiteDirectory::open(&output, false, false).expect("opens");
        site.write("simple/index.html", b"x").expect("writes");
        assert!(!output.exists());
        drop(site);
        assert_eq!(fs::read_dir(folder.path().join("deep")).expect("lists").count(), 0);
        let site = SiteDirectory::open(&output, false, false).expect("opens");
        site.write("simple/index.html", b"x").expect("writes");
        site.finish().expect("finishes");
        assert_eq!(fs::read(output.join("simple/index.html")).expect("reads"), b"x");
    }

    #[test]
    fn a_foreign_folder_is_refused_and_kept() {
        let folder = tempfile::tempdir().expect("makes a folder");
        fs::write(folder.path().join("mine.txt"), "x").expect("writes");
        let error = SiteDirectory::open(folder.path(), false, false).err().expect("fails");
        assert_eq!(error.exit_code(), 1);
        let site = SiteDirectory::open(folder.path(), true, false).expect("opens");
        site.announce(["index.html"]).expect("announces");
        site.write("index.html", b"1").expect("writes");
        site.finish().expect("finishes");
        assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_in_the_way_is_never_emptied() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let precious = folder.path().join("precious");
        fs::create_dir(&precious).expect("makes a folder");
        fs::write(precious.join("mine.txt"), "x").expect("writes");
        let aside = folder.path().join(".site.wheelsite-new");
        std::os::unix::fs::symlink(&precious, &aside).expect("links");
        let output = folder.path().join("site");
        assert!(SiteDirectory::open(&output, false, false).is_err());
        fs::remove_file(&aside).expect("removes");
        fs::create_dir(&aside).expect("makes a folder");
        fs::write(aside.join("mine.txt"), "x").expect("writes");
        assert!(SiteDirectory::open(&output, false, false).is_err());
        assert!(precious.join("mine.txt").is_file() && aside.join("mine.txt").is_file());
    }

    #[test]
    fn nothing_is_written_outside() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let site = SiteDirectory::open(folder.path(), false, false).expect("opens");
        for path in ["../x", "/x", "simple/../../x", "./x", "CNAME"] {
            assert!(site.write(path, b"x").is_err(), "{path}");
            site.remove(path).expect("touches nothing");
        }
    }
}
