//! Whether very many files of a site are there, at less than a look at each.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use rayon::prelude::*;

use super::directory::SiteDirectory;
use crate::state::SHARDS;

/// What the site carries.
const FILES: &str = "files/";

impl SiteDirectory {
    /// Whether a shard was there when the first was asked for.
    pub fn had_shard(&self, path: &str) -> bool {
        if self.beneath.is_some() {
            return self.has(path, None);
        }
        let shards = self.shards.get_or_init(|| self.files_in(SHARDS).unwrap_or_default());
        !self.dirty.contains(path)
            && path.strip_prefix(SHARDS).is_some_and(|it| shards.contains(it))
    }

    /// Whether all of these are there, with the sizes that are given.
    pub fn has_all(&self, files: &[(&str, Option<u64>)]) -> bool {
        // Those of a project, or all shards.
        let owned = |path: &str| {
            let top = path.find('/').map_or(0, |end| end + 1);
            let files_of = path[top..].find('/').map_or(0, |end| end + 1);
            if path.starts_with(FILES) { top + files_of } else { top }
        };
        let together = |one: &(&str, Option<u64>), other: &(&str, Option<u64>)| {
            let end = owned(one.0);
            end == owned(other.0) && one.0.get(..end) == other.0.get(..end)
        };
        let groups: Vec<&[(&str, Option<u64>)]> = files.chunk_by(together).collect();
        groups.par_iter().all(|group| {
            let (folder, _) = group[0].0.split_at(owned(group[0].0));
            if folder.is_empty() || self.beneath.is_some() {
                return group.iter().all(|(path, size)| self.has(path, *size));
            }
            if folder == SHARDS && group.iter().all(|(_, size)| size.is_none()) {
                return group.iter().all(|(path, _)| self.had_shard(path));
            }
            let Ok(lens) = Lens::new(self.root.join(folder)) else { return false };
            group.iter().all(|(path, size)| {
                !self.dirty.contains(*path) && lens.sees(&path[folder.len()..], *size)
            })
        })
    }

    /// The names of the files in a folder of the site; links are none.
    fn files_in(&self, folder: &str) -> io::Result<HashSet<String>> {
        let mut names = HashSet::new();
        for entry in fs::read_dir(self.root.join(folder))? {
            let entry = entry?;
            if entry.file_type()?.is_file()
                && let Ok(name) = entry.file_name().into_string()
            {
                names.insert(name);
            }
        }
        Ok(names)
    }
}

/// A folder from which many files are looked at: the way to each of them begins here.
#[cfg(unix)]
struct Lens(rustix::fd::OwnedFd);

#[cfg(unix)]
impl Lens {
    fn new(folder: PathBuf) -> io::Result<Self> {
        use rustix::fs::{Mode, OFlags, open};
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(open(folder, flags, Mode::empty())?))
    }

    /// Whether a file is there, and has this size in bytes where one is given.
    fn sees(&self, path: &str, size: Option<u64>) -> bool {
        use rustix::fs::{AtFlags, FileType, statat};
        statat(&self.0, path, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|found| {
            FileType::from_raw_mode(found.st_mode).is_file()
                && size.is_none_or(|size| u64::try_from(found.st_size) == Ok(size))
        })
    }
}

#[cfg(not(unix))]
struct Lens(PathBuf);

#[cfg(not(unix))]
impl Lens {
    #[expect(clippy::unnecessary_wraps, reason = "as where it is opened")]
    fn new(folder: PathBuf) -> io::Result<Self> {
        Ok(Self(folder))
    }

    /// Whether a file is there, and has this size in bytes where one is given.
    fn sees(&self, path: &str, size: Option<u64>) -> bool {
        fs::symlink_metadata(self.0.join(path))
            .is_ok_and(|found| found.is_file() && size.is_none_or(|size| found.len() == size))
    }
}
