//! A folder that is locked itself: two builds at once are kept apart, and no lock is left behind.

use std::fs::{self, File};
use std::path::Path;

use crate::error::{Error, Result};
use crate::source::stamp_of;

/// A folder as it is locked: itself, so that a lock is never left behind. Other platforms than
/// Unix cannot.
pub(super) fn lockable(folder: &Path) -> Result<Option<File>> {
    if !cfg!(unix) {
        return Ok(None);
    }
    File::open(folder).map(Some).map_err(Error::output("read", folder))
}

/// Locks a folder, unless another build has it.
pub(super) fn lock(folder: &Path) -> Result<Option<File>> {
    let Some(file) = lockable(folder)? else { return Ok(None) };
    match file.try_lock() {
        // Another build may have renamed the folder before we had the lock.
        Ok(()) if !is_still(&file, folder) => Err(Error::Busy { path: folder.to_owned() }),
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Err(Error::Busy { path: folder.to_owned() }),
        // Some network file systems have no locks: better to go on than to refuse.
        Err(fs::TryLockError::Error(_)) => Ok(None),
    }
}

/// Keeps builds out. Publishers do not disturb each other.
pub(super) fn lock_shared(folder: &Path) -> Result<Option<File>> {
    // Whether there is a site is asked later, and said better.
    let Ok(Some(file)) = lockable(folder) else { return Ok(None) };
    match file.try_lock_shared() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Err(Error::Busy { path: folder.to_owned() }),
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

#[cfg(all(test, unix))]
mod tests {
    use crate::publish::SiteDirectory;

    #[test]
    fn two_builds_at_once_are_kept_apart() {
        let folder = tempfile::tempdir().expect("makes a folder");
        for output in [folder.path().to_owned(), folder.path().join("new")] {
            let first = SiteDirectory::open(&output, false, false).expect("opens");
            let error = SiteDirectory::open(&output, false, false).err().expect("is refused");
            assert_eq!(error.exit_code(), 4);
            drop(first);
            drop(SiteDirectory::open(&output, false, false).expect("opens again"));
        }
    }
}
