//! A folder of distributions.

use std::collections::HashSet;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use walkdir::{DirEntry, WalkDir};

use super::naming::classify;
use super::{Ignored, Listing, ReadSeek, Source};
use crate::error::{Error, Result};
use crate::facts::{Artifact, Location, Offered, SidecarFile, Stamp, UploadTime};
use crate::wheel::{DistFilename, FilenameError, Sha256, Versions};

/// The distributions in a folder and in the folders below it.
///
/// Symbolic links are followed, loops end. Hidden files, files of downloads that
/// are under way and folders that hold a site are passed over with a word.
pub struct DirectorySource {
    path: PathBuf,
    /// Folders that are never entered: the output, which may lie inside.
    skip: Vec<PathBuf>,
}

impl DirectorySource {
    /// A source for a folder that may not exist; `skip` are canonical paths.
    pub fn new(path: &Path, skip: &[PathBuf]) -> Self {
        Self { path: path.to_owned(), skip: skip.to_vec() }
    }

    fn enters(&self, entry: &DirEntry, ignored: &mut Vec<Ignored>) -> bool {
        if entry.depth() == 0 {
            return true;
        }
        let is_dir = entry.file_type().is_dir();
        let reason = if entry.file_name().as_encoded_bytes().starts_with(b".") {
            "hidden"
        } else if is_dir && self.is_site(entry.path()) {
            "a generated site"
        } else {
            return true;
        };
        ignored.push(pass_over(entry.path(), reason, false));
        false
    }

    /// The source's own name and the folders below it: more would be this machine's affair.
    fn place(&self, path: &Path) -> Option<Box<str>> {
        let below = path.strip_prefix(&self.path).ok()?.parent()?;
        let name = Path::new(self.path.file_name().unwrap_or_default());
        Some(name.join(below).to_str()?.into())
    }

    fn is_site(&self, path: &Path) -> bool {
        path.join(crate::state::ROOT_FILE).is_file()
            || (!self.skip.is_empty()
                && path.canonicalize().is_ok_and(|path| self.skip.contains(&path)))
    }
}

impl Source for DirectorySource {
    fn list(&self, position: usize) -> Result<Listing> {
        let mut listing = Listing::default();
        let mut ignored = Vec::new();
        let mut sidecars = HashSet::new();
        let mut versions = Versions::default();
        let mut walk = WalkDir::new(&self.path).follow_links(true).sort_by_file_name().into_iter();
        while let Some(entry) = walk.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if is_harmless(&error) => {
                    let path = error.path().unwrap_or(&self.path);
                    let reason = if error.loop_ancestor().is_some() {
                        "a link to a folder that contains it"
                    } else {
                        "a link to nothing"
                    };
                    ignored.push(pass_over(path, reason, true));
                    continue;
                }
                Err(error) => return Err(unreadable(&self.path, &error)),
            };
            if !self.enters(&entry, &mut ignored) {
                if entry.file_type().is_dir() {
                    walk.skip_current_dir();
                }
                continue;
            }
            if !entry.file_type().is_file() {
                continue;
            }
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "metadata") {
                sidecars.insert(path.to_owned());
            }
            match entry.file_name().to_str().map(|name| (name, classify(name))) {
                None => ignored.push(pass_over(path, "its name is not UTF-8", true)),
                Some((_, Some((reason, suspicious)))) => {
                    ignored.push(pass_over(path, reason, suspicious));
                }
                Some((name, None)) => {
                    let metadata = entry.metadata().map_err(|error| unreadable(path, &error))?;
                    // Names that stand side by side mostly share what they spell.
                    let before = listing.artifacts.last();
                    let before = before.and_then(|before| before.dist.as_ref().ok());
                    let filename: Arc<str> = name.into();
                    let dist = DistFilename::beside(filename.clone(), before, &mut versions);
                    let mut artifact = artifact(filename, dist, path, &metadata, position);
                    artifact.place = self.place(path);
                    listing.artifacts.push(artifact.into());
                }
            }
        }
        // Where the walk has seen none, asking for that of each file would double its cost.
        if !sidecars.is_empty() {
            for artifact in &mut listing.artifacts {
                let Location::File(path) = &artifact.location else { continue };
                let sidecar = sidecars.take(&sidecar_of(path, &artifact.filename));
                Arc::make_mut(artifact).sidecar = sidecar.map(as_sidecar).map(Box::new);
            }
        }
        listing.ignored = ignored;
        Ok(listing)
    }

    fn open(&self, artifact: &Artifact) -> io::Result<Box<dyn ReadSeek>> {
        open_file(artifact)
    }

    fn identity(&self) -> Option<String> {
        let path = self.path.canonicalize().ok()?;
        // A path that is no text has no name in the cache.
        path.into_os_string().into_string().ok()
    }

    fn sidecar(&self, artifact: &Artifact) -> Result<Option<Sha256>> {
        local_sidecar(artifact)
    }
}

/// The artifact that is one local file, whatever its name.
pub fn artifact_of_file(path: &Path, position: usize) -> Result<Artifact> {
    let unreadable =
        |error: io::Error| Error::source(format!("cannot read `{}`: {error}", path.display()));
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Error::source(format!("`{}` is no file", path.display())));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let sidecar = Some(sidecar_of(path, &name)).filter(|sidecar| sidecar.is_file());
    let sidecar = sidecar.map(as_sidecar).map(Box::new);
    let dist = name.parse();
    Ok(Artifact { sidecar, ..artifact(name.into(), dist, path, &metadata, position) })
}

/// Where the sidecar of a file lies, if it has one.
fn sidecar_of(path: &Path, name: &str) -> PathBuf {
    path.with_file_name(format!("{name}.metadata"))
}

fn as_sidecar(path: PathBuf) -> SidecarFile {
    SidecarFile::File(path.into())
}

/// Opens the local file that an artifact is.
pub fn open_file(artifact: &Artifact) -> io::Result<Box<dyn ReadSeek>> {
    match &artifact.location {
        Location::File(path) => Ok(Box::new(File::open(path)?)),
        Location::Line(..) | Location::Remote(_) => Err(io::Error::other("it is no local file")),
    }
}

/// Digest of the `.metadata` file beside a local file, where there is one.
pub fn local_sidecar(artifact: &Artifact) -> Result<Option<Sha256>> {
    let Some(SidecarFile::File(path)) = artifact.sidecar.as_deref() else { return Ok(None) };
    let read = File::open(path).and_then(Sha256::of_reader);
    let (digest, _) =
        read.map_err(|error| Error::source(format!("cannot read `{}`: {error}", path.display())))?;
    Ok(Some(digest))
}

fn artifact(
    filename: Arc<str>,
    dist: Result<DistFilename, FilenameError>,
    path: &Path,
    metadata: &Metadata,
    position: usize,
) -> Artifact {
    let stamp = stamp_of(metadata);
    let seconds = i64::try_from(stamp.modified.div_euclid(1_000_000_000)).unwrap_or(0);
    Artifact {
        dist,
        filename,
        location: Location::File(path.to_owned()),
        source: position,
        size: Some(metadata.len()),
        offered: Offered { modified: UploadTime::from_seconds(seconds), ..Offered::default() },
        stamp: Some(Box::new(stamp)),
        revision: None,
        sidecar: None,
        place: None,
    }
}

/// The stamp of a file as it is now.
pub(crate) fn stamp_of(metadata: &Metadata) -> Stamp {
    #[cfg(unix)]
    let (changed, inode) = {
        use std::os::unix::fs::MetadataExt;
        (
            i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec()),
            metadata.ino(),
        )
    };
    #[cfg(not(unix))]
    let (changed, inode) = (0, 0);
    Stamp { size: metadata.len(), modified: nanoseconds(metadata.modified().ok()), changed, inode }
}

fn nanoseconds(time: Option<SystemTime>) -> i128 {
    let Some(time) = time else { return 0 };
    let signed = |duration: std::time::Duration| i128::try_from(duration.as_nanos()).unwrap_or(0);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => signed(since),
        Err(before) => -signed(before.duration()),
    }
}

fn pass_over(path: &Path, reason: &'static str, suspicious: bool) -> Ignored {
    Ignored { location: path.display().to_string(), reason, suspicious }
}

/// Dangling links and loops: nothing is lost by going on.
fn is_harmless(error: &walkdir::Error) -> bool {
    let dangling = error.depth() > 0
        && error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
        && error.path().is_some_and(Path::is_symlink);
    error.loop_ancestor().is_some() || dangling
}

fn unreadable(path: &Path, error: &walkdir::Error) -> Error {
    let path = error.path().unwrap_or(path).display();
    match error.io_error() {
        Some(io) if io.kind() == io::ErrorKind::NotFound => Error::source_hint(
            format!("`{path}` does not exist"),
            "name the folder that holds the wheels",
        ),
        Some(io) => Error::source(format!("cannot read `{path}`: {io}")),
        None => Error::source(format!("cannot read `{path}`: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(root: &Path) -> Listing {
        DirectorySource::new(root, &[]).list(0).expect("lists")
    }

    #[test]
    fn keeps_the_contract() {
        let root = tempfile::tempdir().expect("makes a folder");
        std::fs::create_dir(root.path().join("nested")).expect("makes a folder");
        std::fs::write(root.path().join("nested/b-1-py3-none-any.whl"), b"b").expect("writes");
        std::fs::write(root.path().join("a-1-py3-none-any.whl"), b"aa").expect("writes");
        std::fs::write(root.path().join("a-1.tar.gz"), b"aaa").expect("writes");
        let source = DirectorySource::new(root.path(), &[]);
        crate::source::contract::check(
            &source,
            &["a-1-py3-none-any.whl", "a-1.tar.gz", "b-1-py3-none-any.whl"],
        );
    }

    #[test]
    fn passes_over_with_a_word() {
        let root = tempfile::tempdir().expect("makes a folder");
        for name in
            [".hidden.whl", "x-1-py3-none-any.whl.part", "notes.txt", "backup.tar.gz", "A.WHL"]
        {
            std::fs::write(root.path().join(name), b"").expect("writes");
        }
        std::fs::create_dir(root.path().join("old")).expect("makes a folder");
        std::fs::write(root.path().join("old/wheelsite.json"), b"{}").expect("writes");
        std::fs::write(root.path().join("old/x-1-py3-none-any.whl"), b"").expect("writes");
        let listing = listing(root.path());
        assert!(listing.artifacts.is_empty());
        let mut reasons: Vec<&str> = listing.ignored.iter().map(|ignored| ignored.reason).collect();
        reasons.sort_unstable();
        assert_eq!(
            reasons,
            [
                "a download that is not finished",
                "a generated site",
                "hidden",
                "no distribution",
                "no name of a source distribution",
                "the extension is not lowercase `.whl`",
            ]
        );
    }

    #[cfg(unix)]
    #[test]
    fn follows_links_and_survives_loops() {
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().expect("makes a folder");
        let elsewhere = tempfile::tempdir().expect("makes a folder");
        std::fs::write(elsewhere.path().join("a-1-py3-none-any.whl"), b"a").expect("writes");
        symlink(elsewhere.path(), root.path().join("linked")).expect("links");
        symlink(root.path(), root.path().join("loop")).expect("links");
        symlink("nowhere", root.path().join("b-1-py3-none-any.whl")).expect("links");
        let odd = std::ffi::OsStr::from_bytes(b"\xff-1-py3-none-any.whl");
        std::fs::write(root.path().join(odd), b"").expect("writes");
        let listing = listing(root.path());
        assert_eq!(listing.artifacts.len(), 1);
        let reasons: Vec<&str> = listing.ignored.iter().map(|ignored| ignored.reason).collect();
        assert_eq!(
            reasons,
            ["a link to nothing", "a link to a folder that contains it", "its name is not UTF-8"]
        );
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error =
            DirectorySource::new(Path::new("nowhere-to-be-found"), &[]).list(0).expect_err("fails");
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().contains("nowhere-to-be-found"), "{error}");
    }
}
