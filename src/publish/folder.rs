//! A folder as a place to publish to: objects are files, put in place by renames.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::directory::UNFINISHED;
use super::lock::lockable;
use super::store::{Condition, Put, Store, Upload};
use crate::error::{Error, Result};
use crate::host::Headers;
use crate::state::Tag;
use crate::wheel::{HashingReader, Sha256};

/// A folder.
pub(super) struct FolderStore {
    root: PathBuf,
    shown: String,
}

impl FolderStore {
    /// A folder that may not exist.
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), shown: root.display().to_string() }
    }

    /// Lets nobody else look and write at once. Where there are no locks, that is the user's care.
    fn lock(&self) -> Result<Option<File>> {
        fs::create_dir_all(&self.root).map_err(Error::output("create", &self.root))?;
        let file = lockable(&self.root)?;
        // Some network file systems have none: better to go on than to refuse.
        Ok(file.filter(|file| file.lock().is_ok()))
    }

    /// Makes a file by `fill` and puts it in place.
    fn place(&self, path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        let folder = self.root.join(UNFINISHED);
        let (mut file, unfinished) = patiently(&folder, || unfinished_in(&folder))?;
        let made = fill(&mut file).and_then(|()| {
            drop(file);
            patiently(path.parent().unwrap_or(path), || fs::rename(&unfinished, path))
        });
        if made.is_err() {
            // What is left of it helps nobody.
            let _ = fs::remove_file(&unfinished);
        }
        made
    }
}

/// A new file that nobody else writes. Numbers of processes would not do: publishers on several
/// machines or in several containers may share the folder, and each may be the first of its own.
fn unfinished_in(folder: &Path) -> io::Result<(File, PathBuf)> {
    loop {
        let path = folder.join(format!("{:016x}", fastrand::u64(..)));
        match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|file| (file, path)),
        }
    }
}

/// Does something in a folder that another publisher may remove with its last file meanwhile.
fn patiently<T>(folder: &Path, mut act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for _ in 0..100 {
        fs::create_dir_all(folder)?;
        match act() {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !folder.is_dir() => {}
            done => return done,
        }
    }
    act()
}

/// What this store calls a file, by its bytes; none where there is none.
fn tag_of(path: &Path) -> Result<Option<Tag>> {
    match File::open(path).and_then(Sha256::of_reader) {
        Ok((sha256, _)) => Ok(Some(tag(sha256))),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(Error::output("read", path)(error)),
    }
}

fn tag(sha256: Sha256) -> Tag {
    Tag { e_tag: Some(sha256.to_string().into()), version: None }
}

/// A file in the place of a folder is in the way of nothing that could be there, and a folder in
/// the place of a file is no file.
fn is_missing(error: &io::Error) -> bool {
    use io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | IsADirectory)
}

impl Store for FolderStore {
    fn shown(&self) -> &str {
        &self.shown
    }

    fn get(&self, key: &str, limit: u64) -> Result<Option<(Vec<u8>, Tag)>> {
        let path = self.root.join(key);
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes));
        match read {
            Ok(_) if bytes.len() as u64 > limit => {
                Err(Error::TooLarge { place: path.display().to_string(), limit })
            }
            Ok(_) => {
                let tag = tag(Sha256::of(&bytes));
                Ok(Some((bytes, tag)))
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(Error::output("read", &path)(error)),
        }
    }

    fn head(&self, key: &str) -> Result<Option<Tag>> {
        tag_of(&self.root.join(key))
    }

    fn put(&self, key: &str, bytes: &[u8], _: Headers, condition: &Condition) -> Result<Put> {
        let path = self.root.join(key);
        let new = tag(Sha256::of(bytes));
        let _lock = match condition {
            Condition::Always => None,
            _ => self.lock()?,
        };
        let holds = match condition {
            Condition::Always => true,
            Condition::Absent => tag_of(&path)?.is_none_or(|found| found == new),
            Condition::Is(tag) => tag_of(&path)?.is_some_and(|found| found == *tag || found == new),
        };
        if !holds {
            return Ok(Put::Refused);
        }
        self.place(&path, |file| file.write_all(bytes)).map_err(Error::output("write", &path))?;
        Ok(Put::Done(new))
    }

    fn upload(&self, key: &str, upload: &Upload<'_>) -> Result<u64> {
        let path = self.root.join(key);
        let mut copied = None;
        let placed = self.place(&path, |target| {
            let mut reader = HashingReader::new(File::open(upload.file)?);
            let mut buffer = vec![0; 256 * 1024];
            loop {
                match reader.read(&mut buffer)? {
                    0 => break,
                    count => target.write_all(&buffer[..count])?,
                }
            }
            let (found, size) = reader.finish();
            copied = Some((found, size));
            if found == upload.sha256 { Ok(()) } else { Err(io::Error::other("it changed")) }
        });
        match (placed, copied) {
            (Ok(()), Some((_, size))) => Ok(size),
            (_, Some((found, _))) if found != upload.sha256 => {
                Err(super::changed(upload.file, upload.sha256, found))
            }
            (Err(error), _) => Err(Error::output("write", &path)(error)),
            (Ok(()), None) => Ok(0),
        }
    }

    fn delete(&self, key: &str) -> Result<()> {
        let path = self.root.join(key);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if is_missing(&error) => return Ok(()),
            Err(error) => return Err(Error::output("remove", &path)(error)),
        }
        let mut folder = path.parent();
        while let Some(current) = folder.filter(|folder| *folder != self.root) {
            if fs::remove_dir(current).is_err() {
                break;
            }
            folder = current.parent();
        }
        Ok(())
    }

    fn finish(&self) {
        // What is left belongs to a publisher at work, or to one that was killed long ago.
        let folder = self.root.join(UNFINISHED);
        let old = |entry: &fs::DirEntry| {
            let age = entry.metadata().and_then(|found| found.modified()).ok();
            age.and_then(|age| age.elapsed().ok()).is_some_and(|age| age.as_secs() > 24 * 3600)
        };
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten().filter(old) {
            let _ = fs::remove_file(entry.path());
        }
        let _ = fs::remove_dir(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;

    fn put(store: &FolderStore, key: &str, bytes: &[u8], condition: &Condition) -> Put {
        store.put(key, bytes, Host::Plain.headers(key), condition).expect("writes")
    }

    #[test]
    fn conditions_decide_who_writes() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let store = FolderStore::new(&folder.path().join("deep/site"));
        assert_eq!(store.get("a/b", 10).expect("reads"), None);
        let Put::Done(first) = put(&store, "a/b", b"1", &Condition::Absent) else {
            panic!("is refused")
        };
        assert_eq!(put(&store, "a/b", b"2", &Condition::Absent), Put::Refused);
        // An answer may have been lost.
        assert_eq!(put(&store, "a/b", b"1", &Condition::Absent), Put::Done(first.clone()));
        let Put::Done(second) = put(&store, "a/b", b"2", &Condition::Is(first.clone())) else {
            panic!("is refused")
        };
        assert_eq!(put(&store, "a/b", b"3", &Condition::Is(first)), Put::Refused);
        assert_eq!(store.head("a/b").expect("looks"), Some(second));
        assert!(store.get("a/b", 0).is_err(), "it has more bytes");
        store.delete("a/b").expect("deletes");
        store.delete("a/b").expect("is gone already");
        store.finish();
        assert_eq!(fs::read_dir(folder.path().join("deep/site")).expect("lists").count(), 0);
    }

    #[test]
    fn two_containers_that_share_a_folder_do_not_share_a_file() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let [one, other] = [(); 2].map(|()| FolderStore::new(folder.path()));
        let paths = ["one", "other"].map(|name| folder.path().join(name));
        let placed = one.place(&paths[0], |file| {
            file.write_all(b"o")?;
            // Both are the first process of their containers, and this is the first file of both.
            other.place(&paths[1], |file| file.write_all(b"other"))?;
            file.write_all(b"ne")
        });
        placed.expect("is placed");
        let read = paths.map(|path| fs::read(path).expect("reads"));
        assert_eq!(read, [b"one".to_vec(), b"other".to_vec()]);
    }

    #[test]
    fn eight_that_write_at_once_have_one_winner() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let store = FolderStore::new(folder.path());
        for round in 0..20 {
            let key = format!("key-{round}");
            let wins = std::thread::scope(|scope| {
                let writers: Vec<_> = (0..8)
                    .map(|number: u8| {
                        let (store, key) = (&store, &key);
                        scope.spawn(move || put(store, key, &[number], &Condition::Absent))
                    })
                    .collect();
                let ends = writers.into_iter().map(|writer| writer.join().expect("ends"));
                ends.filter(|put| *put != Put::Refused).count()
            });
            assert_eq!(wins, 1);
        }
    }

    #[test]
    fn a_file_that_is_not_the_one_that_was_built_is_not_published() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let file = folder.path().join("a.whl");
        fs::write(&file, "x").expect("writes");
        let store = FolderStore::new(&folder.path().join("site"));
        let headers = Host::Plain.headers("files/a.whl");
        let mut upload = Upload { file: &file, sha256: Sha256::of(b"x"), headers, parts: 1 };
        assert_eq!(store.upload("files/a.whl", &upload).expect("uploads"), 1);
        upload.sha256 = Sha256::of(b"y");
        let error = store.upload("files/b.whl", &upload).expect_err("fails");
        assert!(error.to_string().contains("a.whl"), "{error}");
        assert_eq!(store.get("files/b.whl", 9).expect("reads"), None);
    }
}
