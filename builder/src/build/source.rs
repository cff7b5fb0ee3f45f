//! Where a row's source comes from, as far as this machine has a part in it.
//!
//! Releases of an index and URLs are downloaded in the container. Folders and repositories are
//! copied here, by the user who may read them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use wheelsite::wheel::{HashingReader, Sha256};

use crate::engine::text::clean;
use crate::error::{Error, Result};
use crate::row::{Row, Source};

/// The first moment that zip archives can hold: 1980-01-01.
const EPOCH: i64 = 315_532_800;

/// More files than this are no project.
const MAX_FILES: usize = 500_000;

/// What `src.json` says of a source that is unpacked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// The name of the archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) archive: Option<String>,
    /// Its digest, or that of all files of a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
    /// The commit of a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<String>,
    /// `SOURCE_DATE_EPOCH`, in seconds.
    pub(super) epoch: i64,
}

/// A name for the source, which is the same for the same files as far as that can be told
/// without fetching them.
pub(super) fn fingerprint(row: &Row, leave_out: &[PathBuf]) -> Result<serde_json::Value> {
    Ok(match &row.recipe.source {
        Source::Index => {
            serde_json::json!({ "index": format!("{}=={}", row.package, row.version) })
        }
        Source::Archive { location, sha256 } if is_url(location) => {
            serde_json::json!({ "url": location, "sha256": sha256 })
        }
        Source::Archive { location, sha256 } => {
            let path = Path::new(location);
            let found = digest_of(path)?;
            if let Some(expected) = sha256
                && !expected.eq_ignore_ascii_case(&found)
            {
                return Err(Error::failed(
                    format!("`{location}` has the sha256 {found}, expected {expected}"),
                    "fetch it again, or state its digest anew in packages.yml",
                ));
            }
            serde_json::json!({ "archive": name_of(path), "sha256": found })
        }
        Source::Git { url, revision, subdirectory } => {
            serde_json::json!({ "git": url, "rev": revision, "subdirectory": subdirectory })
        }
        Source::Folder(folder) => {
            serde_json::json!({ "folder": Tree::read(folder, leave_out)?.digest()? })
        }
    })
}

pub(super) fn is_url(location: &str) -> bool {
    location.contains("://")
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn digest_of(path: &Path) -> Result<String> {
    let file = fs::File::open(path).and_then(Sha256::of_reader);
    file.map(|(sha256, _)| sha256.to_string()).map_err(|error| missing(path, &error))
}

fn missing(path: &Path, error: &std::io::Error) -> Error {
    Error::unreachable(
        format!("the source `{}` cannot be read: {error}", path.display()),
        "check `source` in packages.yml",
    )
}

/// Puts a source that this machine has into the state of a row: a folder or a repository as `src`
/// with `src.json`, an archive as the one file of `download`. Nothing for the others.
pub(super) fn bring(row: &Row, state: &Path, leave_out: &[PathBuf]) -> Result<()> {
    let target = state.join("src");
    let origin = match &row.recipe.source {
        Source::Index => return Ok(()),
        Source::Archive { location, .. } if is_url(location) => return Ok(()),
        Source::Archive { location, .. } => {
            let download = state.join("download");
            fs::create_dir_all(&download).map_err(failed("create", &download))?;
            let path = Path::new(location);
            let copy = download.join(name_of(path));
            fs::copy(path, &copy).map_err(|error| missing(path, &error))?;
            return Ok(());
        }
        Source::Folder(folder) => {
            let tree = Tree::read(folder, leave_out)?;
            tree.copy(&target)?;
            Origin { archive: None, sha256: Some(tree.digest()?), commit: None, epoch: EPOCH }
        }
        Source::Git { url, revision, .. } => clone(url, revision, &target)?,
    };
    let path = state.join("src.json");
    let text = serde_json::to_string(&origin).unwrap_or_default();
    fs::write(&path, text).map_err(failed("write", &path))
}

fn failed<'p>(action: &'static str, path: &'p Path) -> impl Fn(std::io::Error) -> Error + 'p {
    move |error| wheelsite::error::Error::output(action, path)(error).into()
}

/// The files of a folder that belong to a project.
struct Tree {
    root: PathBuf,
    /// Below the root, sorted.
    files: Vec<PathBuf>,
}

impl Tree {
    /// Lists them. Left out are some folders, and what earlier builds have left.
    fn read(root: &Path, leave_out: &[PathBuf]) -> Result<Self> {
        let root = fs::canonicalize(root).map_err(|error| missing(root, &error))?;
        let leave_out: Vec<PathBuf> =
            leave_out.iter().filter_map(|path| fs::canonicalize(path).ok()).collect();
        let mut files = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).map_err(|error| missing(&folder, &error))?;
            for entry in entries {
                let entry = entry.map_err(|error| missing(&folder, &error))?;
                let path = entry.path();
                let kind = entry.file_type().map_err(|error| missing(&path, &error))?;
                if kind.is_dir() {
                    if !leave_out.contains(&path) && !is_leftover(&path) {
                        folders.push(path);
                    }
                } else if kind.is_file() || kind.is_symlink() {
                    files.push(path.strip_prefix(&root).unwrap_or(&path).to_owned());
                }
                if files.len() > MAX_FILES {
                    return Err(Error::config(
                        format!("`{}` holds more than {MAX_FILES} files", root.display()),
                        "name the folder of the project itself in `source`",
                    ));
                }
            }
        }
        files.sort();
        Ok(Self { root, files })
    }

    /// A digest of the files' names, contents, links and whether they can be run.
    fn digest(&self) -> Result<String> {
        let mut all = Vec::with_capacity(self.files.len() * 100);
        // A repository's own files change with every command, and are no source.
        for name in self.files.iter().filter(|name| !name.starts_with(".git")) {
            let path = self.root.join(name);
            let told = fs::symlink_metadata(&path).map_err(|error| missing(&path, &error))?;
            let (kind, contents) = if told.is_symlink() {
                let link = fs::read_link(&path).map_err(|error| missing(&path, &error))?;
                ('l', Sha256::of(link.as_os_str().as_encoded_bytes()))
            } else {
                let read = fs::File::open(&path).and_then(Sha256::of_reader);
                let (sha256, _) = read.map_err(|error| missing(&path, &error))?;
                (if told.permissions().mode() & 0o100 == 0 { 'f' } else { 'x' }, sha256)
            };
            all.extend_from_slice(format!("{kind} {contents} ").as_bytes());
            all.extend_from_slice(name.as_os_str().as_encoded_bytes());
            all.push(0);
        }
        Ok(Sha256::of(&all).to_string())
    }

    /// Copies them, with their times, so that nothing is compiled again without need.
    fn copy(&self, target: &Path) -> Result<()> {
        fs::create_dir_all(target).map_err(failed("create", target))?;
        for name in &self.files {
            let (from, to) = (self.root.join(name), target.join(name));
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder).map_err(failed("create", folder))?;
            }
            let told = fs::symlink_metadata(&from).map_err(|error| missing(&from, &error))?;
            if told.is_symlink() {
                let link = fs::read_link(&from).map_err(|error| missing(&from, &error))?;
                std::os::unix::fs::symlink(link, &to).map_err(failed("write", &to))?;
            } else {
                fs::copy(&from, &to).map_err(failed("copy", &to))?;
                let file = fs::File::open(&to).map_err(failed("read", &to))?;
                // A read-only file keeps the time of the copy.
                let _ = told.modified().and_then(|time| file.set_modified(time));
            }
        }
        Ok(())
    }
}

/// Whether a folder holds what tools have made, and no source.
fn is_leftover(path: &Path) -> bool {
    const CACHES: [&str; 8] = [
        "__pycache__",
        ".tox",
        ".nox",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".venv",
        ".wheelsite-builder",
    ];
    let name = path.file_name().unwrap_or_default();
    if CACHES.iter().any(|cache| name == *cache) || path.join("pyvenv.cfg").exists() {
        return true;
    }
    if name.as_encoded_bytes().ends_with(b".egg-info") {
        return true;
    }
    // setuptools' own; a folder of sources may be called so, too.
    name == "build"
        && fs::read_dir(path).is_ok_and(|entries| {
            entries.flatten().any(|entry| {
                let name = entry.file_name();
                let name = name.as_encoded_bytes();
                [&b"lib"[..], b"temp.", b"bdist."].iter().any(|start| name.starts_with(start))
                    && entry.path().is_dir()
            })
        })
}

/// Clones a repository with its submodules, at one revision and without history where that goes.
fn clone(url: &str, revision: &str, target: &Path) -> Result<Origin> {
    if url.starts_with('-') || revision.starts_with('-') {
        return Err(Error::config(
            format!("`{}` is no repository and revision", clean(&format!("{url}@{revision}"))),
            "write `git+https://host/owner/name@TAG`",
        ));
    }
    if target.exists() {
        fs::remove_dir_all(target).map_err(failed("remove", target))?;
    }
    fs::create_dir_all(target).map_err(failed("create", target))?;
    let git = |words: &[&str]| git(target, words);
    git(&["init", "--quiet"])?;
    git(&["remote", "add", "origin", url])?;
    // Not every server gives out single commits.
    let fetched = git(&["fetch", "--quiet", "--depth", "1", "origin", revision]);
    let found = match fetched {
        Ok(_) => "FETCH_HEAD",
        Err(error @ Error::Unreachable { .. }) if !is_hex(revision) => return Err(error),
        Err(_) => {
            git(&["fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*"])?;
            revision
        }
    };
    git(&["checkout", "--quiet", "--detach", found])?;
    git(&["submodule", "--quiet", "update", "--init", "--recursive", "--depth", "1"])?;
    let commit = git(&["rev-parse", "HEAD"])?;
    let epoch = git(&["log", "-1", "--format=%ct"])?.parse().unwrap_or(EPOCH);
    Ok(Origin { archive: None, sha256: None, commit: Some(commit), epoch })
}

fn is_hex(revision: &str) -> bool {
    revision.len() >= 7 && revision.bytes().all(|it| it.is_ascii_hexdigit())
}

fn git(folder: &Path, words: &[&str]) -> Result<String> {
    let options: [&OsStr; 6] = [
        OsStr::new("-c"),
        OsStr::new("protocol.ext.allow=never"),
        OsStr::new("-c"),
        OsStr::new("core.hooksPath=/dev/null"),
        OsStr::new("-c"),
        OsStr::new("advice.detachedHead=false"),
    ];
    let mut command = Command::new("git");
    command.args(options).args(words.iter().map(OsString::from)).current_dir(folder);
    // It must not take the repository around the work folder for its own, nor ask anything.
    command.env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder));
    command.env("GIT_TERMINAL_PROMPT", "0").env_remove("GIT_DIR").env_remove("GIT_WORK_TREE");
    let output = command.stdin(Stdio::null()).output().map_err(|error| {
        Error::unreachable(
            format!("cannot run `git`: {error}"),
            "install git, or name an archive of the source",
        )
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
    Err(Error::unreachable(
        format!("`git {}` failed: {}", words.first().unwrap_or(&""), clean(said.trim())),
        "check the repository and its revision, and that git may read it without asking",
    ))
}

/// Reads a file of the state of a row that is no larger than it ever is.
pub(super) fn read_small(path: &Path) -> Option<Vec<u8>> {
    const MOST: u64 = 64 << 20;
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(MOST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The digest of a file, and its size in bytes.
pub(super) fn sha256_of(path: &Path) -> Result<(Sha256, u64)> {
    let file = fs::File::open(path).map_err(failed("read", path))?;
    let mut reader = HashingReader::new(file);
    std::io::copy(&mut reader, &mut std::io::sink()).map_err(failed("read", path))?;
    Ok(reader.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_copied_without_what_is_made_of_it() {
        let root = tempfile::tempdir().expect("is made");
        let put = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().expect("has one")).expect("is made");
            fs::write(path, text).expect("writes");
        };
        put("setup.py", "1");
        put("build/notes.txt", "a source that is called so");
        put("sub/build/temp.linux/x.o", "1");
        put("env/pyvenv.cfg", "1");
        put("pkg/__pycache__/x.pyc", "1");
        put("work/rows/x/state/src/setup.py", "1");
        put("wheels/x.whl", "1");
        put(".git/HEAD", "1");
        std::os::unix::fs::symlink("setup.py", root.path().join("link")).expect("links");
        let leave_out = [root.path().join("work"), root.path().join("wheels")];
        let tree = Tree::read(root.path(), &leave_out).expect("reads");
        let names: Vec<_> = tree.files.iter().map(|it| it.to_str().expect("is UTF-8")).collect();
        assert_eq!(names, [".git/HEAD", "build/notes.txt", "link", "setup.py"]);
        let target = root.path().join("work/copy");
        tree.copy(&target).expect("copies");
        let digest = tree.digest().expect("reads");
        assert_eq!(Tree::read(&target, &[]).expect("reads").digest().expect("reads"), digest);
        assert_eq!(fs::read_link(target.join("link")).expect("is one"), Path::new("setup.py"));
        put(".git/HEAD", "2");
        let again = Tree::read(root.path(), &leave_out).expect("reads").digest().expect("reads");
        assert_eq!(again, digest, "git's own files do not count");
        put("setup.py", "2");
        let changed = Tree::read(root.path(), &leave_out).expect("reads").digest().expect("reads");
        assert_ne!(changed, digest);
    }

    #[test]
    fn a_repository_is_cloned_at_its_tag_and_by_its_commit() {
        let folder = tempfile::tempdir().expect("is made");
        let origin = folder.path().join("origin");
        fs::create_dir(&origin).expect("is made");
        let of = |words: &[&str]| git(&origin, words).expect("works");
        of(&["init", "--quiet"]);
        fs::write(origin.join("setup.py"), "1").expect("writes");
        of(&["add", "setup.py"]);
        let identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
        of(&[&identity[..], &["commit", "--quiet", "-m", "one"]].concat());
        of(&["tag", "v1"]);
        let commit = of(&["rev-parse", "HEAD"]);
        let url = format!("file://{}", origin.display());
        for revision in ["v1", &commit, &commit[..10]] {
            let target = folder.path().join("clone");
            let found = clone(&url, revision, &target).expect("clones");
            assert_eq!(found.commit.as_deref(), Some(&*commit));
            assert_eq!(fs::read_to_string(target.join("setup.py")).expect("reads"), "1");
        }
        let error = clone(&url, "v2", &folder.path().join("clone")).expect_err("is not there");
        assert_eq!(error.exit_code(), 3, "{error}");
        let error = clone("--upload-pack=id", "v1", &folder.path().join("x")).expect_err("refused");
        assert_eq!(error.exit_code(), 2, "{error}");
    }
}
