//! The folder that repaired wheels are written to.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::wheel::Sha256;

/// A folder for repaired wheels. Holds a lock as long as it lives.
pub struct Folder {
    path: PathBuf,
    /// Closing it lets the next repair in.
    _lock: Option<File>,
}

impl Folder {
    /// Takes the folder, which is made if it is not there.
    pub fn open(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).map_err(Error::output("create", path))?;
        Ok(Self { path: path.to_owned(), _lock: lock(path)? })
    }

    /// The place of a file.
    pub(super) fn target<'n>(&'n self, name: &'n str) -> Target<'n> {
        Target { folder: &self.path, name }
    }
}

/// The place of a file in the folder.
pub(super) struct Target<'n> {
    folder: &'n Path,
    name: &'n str,
}

impl Target<'_> {
    pub(super) fn name(&self) -> &str {
        self.name
    }

    fn path(&self) -> PathBuf {
        self.folder.join(self.name)
    }

    /// Digest of the file that is there already.
    pub(super) fn digest(&self) -> Result<Option<Sha256>> {
        let path = self.path();
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::output("read", &path)(error)),
            Ok(_) => match File::open(&path).and_then(Sha256::of_reader) {
                Ok((sha256, _)) => Ok(Some(sha256)),
                Err(error) => Err(Error::output("read", &path)(error)),
            },
        }
    }

    /// Begins the file under another name.
    pub(super) fn begin(&self) -> Result<Unfinished<'_>> {
        // Hidden, so that it is no wheel to anyone, and no longer than the name itself may be.
        // The lock is held: what has this name was left by a run that was killed.
        let name = format!(".{}.wheelsite-unfinished", Sha256::of(self.name.as_bytes()).short());
        let path = self.folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::output("remove", &path)(error));
            }
            _ => {}
        }
        let file = File::create_new(&path).map_err(Error::output("create", &path))?;
        Ok(Unfinished { target: self, path, file })
    }
}

/// A file that is not whole yet. It is removed unless it is finished.
pub(super) struct Unfinished<'t> {
    target: &'t Target<'t>,
    path: PathBuf,
    file: File,
}

impl Unfinished<'_> {
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What it means that it cannot be written.
    pub(super) fn failed(&self, error: io::Error) -> Error {
        Error::output("write", &self.path)(error)
    }

    /// Gives the file its name.
    pub(super) fn finish(self) -> Result<()> {
        let path = self.target.path();
        fs::rename(&self.path, &path).map_err(Error::output("write", &path))
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        // Nobody can be told if even that fails; a finished file has this name no more.
        let _ = fs::remove_file(&self.path);
    }
}

/// Locks a folder, so that no lock file is ever left behind. Other platforms than Unix cannot.
fn lock(folder: &Path) -> Result<Option<File>> {
    if !cfg!(unix) {
        return Ok(None);
    }
    let file = File::open(folder).map_err(Error::output("read", folder))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(Error::Busy { path: folder.to_owned() }),
        // Some network file systems have no locks: better to go on than to refuse.
        Err(TryLockError::Error(_)) => Ok(None),
    }
}
