//! What is kept of a row between runs, so that a build goes on where it stopped.
//!
//! ```text
//! WORK/rows/ID/lock             held by the program that builds the row
//! WORK/rows/ID/log/build.log    all that was said, and smoke.log
//! WORK/rows/ID/state/           /wheelsite/row of the container that compiles
//! WORK/rows/ID/smoke/           /wheelsite/row of the one that tests
//! WORK/rows/ID/stub/            a libcuda.so.1 for machines without a driver
//! WORK/rows/ID/wheel/           the relabeled wheel, until it is tested
//! ```

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wheelsite::wheel::{Sha256, WheelFilename};

use super::source::{Origin, read_small, sha256_of};
use crate::engine::text::{Secrets, clean};
use crate::error::{Error, Result};
use crate::row::Row;

fn failed<'p>(action: &'static str, path: &'p Path) -> impl Fn(io::Error) -> Error + 'p {
    move |error| wheelsite::error::Error::output(action, path)(error).into()
}

/// The folder of a row, which nobody else works in.
pub(super) struct RowFolder {
    pub(super) root: PathBuf,
    /// Closing it lets the next one in.
    _lock: File,
}

/// What was compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Compiled {
    pub(super) filename: String,
    pub(super) sha256: String,
    /// Digest of everything that it was compiled from.
    pub(super) inputs: String,
    /// What pip installed for an isolated build.
    #[serde(default)]
    pub(super) build_requirements: Vec<String>,
}

impl RowFolder {
    /// Takes the folder of a row.
    pub(super) fn open(work: &Path, row: &Row) -> Result<Self> {
        let is_fine = !row.id.is_empty()
            && row.id.len() <= 200
            && !row.id.starts_with('.')
            && row.id.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_.+!".contains(&it));
        if !is_fine {
            return Err(Error::config(
                format!("`{}` is no id of a row", clean(&row.id)),
                "`wheelsite-builder plan` lists them",
            ));
        }
        let root = work.join("rows").join(&row.id);
        for folder in ["state", "log"] {
            let folder = root.join(folder);
            fs::create_dir_all(&folder).map_err(failed("create", &folder))?;
        }
        let path = root.join("lock");
        let lock = File::create(&path).map_err(failed("create", &path))?;
        match lock.try_lock() {
            // Some network file systems have no locks: better to go on than to refuse.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Self { root, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::failed(
                format!("`{}` is being built by another program", row.id),
                "wait until it has ended, or use another folder: `--work DIR`",
            )),
        }
    }

    pub(super) fn state(&self) -> PathBuf {
        self.root.join("state")
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.root.join("log").join(name)
    }

    /// A driver's library for tests where there is no driver. It stays when a row is done.
    pub(super) fn stub(&self) -> PathBuf {
        self.root.join("stub")
    }

    /// Keeps the one that a container has left, if it has.
    pub(super) fn keep_stub(&self) -> Result<()> {
        let made = self.state().join("stub");
        let has_one = fs::symlink_metadata(made.join("libcuda.so.1")).is_ok_and(|it| it.is_file());
        if has_one {
            let stub = self.stub();
            remove(&stub)?;
            fs::rename(&made, &stub).map_err(failed("write", &stub))?;
        }
        Ok(())
    }

    /// The label of this row's containers.
    pub(super) fn label(&self) -> String {
        Sha256::of(self.root.as_os_str().as_encoded_bytes()).short()
    }

    /// Makes an empty folder of this name.
    pub(super) fn fresh(&self, name: &str) -> Result<PathBuf> {
        let path = self.root.join(name);
        remove(&path)?;
        fs::create_dir_all(&path).map_err(failed("create", &path))?;
        Ok(path)
    }

    /// Keeps what there is, if it is of these inputs; else nothing of it.
    pub(super) fn begin(&self, inputs: &str) -> Result<()> {
        let mark = self.root.join("inputs");
        if fs::read_to_string(&mark).is_ok_and(|there| there == inputs) {
            return Ok(());
        }
        // A mark that says too little is harmless, one that says too much is not.
        remove(&mark)?;
        self.fresh("state")?;
        remove(&self.compiled_path())?;
        fs::write(&mark, inputs).map_err(failed("write", &mark))
    }

    fn compiled_path(&self) -> PathBuf {
        self.root.join("compiled.json")
    }

    /// The wheel that was compiled from these inputs, if it is still what it was.
    pub(super) fn compiled(&self, inputs: &str) -> Option<(Compiled, PathBuf)> {
        let bytes = read_small(&self.compiled_path())?;
        let compiled: Compiled = serde_json::from_slice(&bytes).ok()?;
        compiled.filename.parse::<WheelFilename>().ok()?;
        let path = self.state().join("out").join(&compiled.filename);
        let (sha256, _) = sha256_of(&path).ok()?;
        (compiled.inputs == inputs && compiled.sha256 == sha256.to_string())
            .then_some((compiled, path))
    }

    /// Forgets what was compiled, before anything is compiled again.
    pub(super) fn forget_compiled(&self) -> Result<()> {
        remove(&self.compiled_path())
    }

    /// Finds the one wheel that a container has made, and keeps what it is.
    pub(super) fn keep_compiled(
        &self,
        inputs: &str,
        build_requirements: Vec<String>,
    ) -> Result<(Compiled, PathBuf)> {
        let out = self.state().join("out");
        let entries = fs::read_dir(&out).map_err(failed("read", &out))?;
        let mut wheels: Vec<PathBuf> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|it| it == "whl"))
            .collect();
        let (Some(path), true) = (wheels.pop(), wheels.is_empty()) else {
            return Err(Error::failed(
                "the build did not make one wheel",
                "check what `build_args` ask for",
            ));
        };
        // What a container left could be a link to a file of this machine.
        let told = fs::symlink_metadata(&path).map_err(failed("read", &path))?;
        let filename = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if !told.is_file() || filename.parse::<WheelFilename>().is_err() {
            return Err(Error::failed(
                format!("the build made `{}`, which is no wheel", clean(&filename)),
                "use a current build backend",
            ));
        }
        let (sha256, _) = sha256_of(&path)?;
        let inputs = inputs.to_owned();
        let sha256 = sha256.to_string();
        let compiled = Compiled { filename, sha256, inputs, build_requirements };
        let text = serde_json::to_vec(&compiled).unwrap_or_default();
        super::report::write(&self.compiled_path(), &text)?;
        Ok((compiled, path))
    }

    /// Where the source came from.
    pub(super) fn origin(&self) -> Option<Origin> {
        serde_json::from_slice(&read_small(&self.state().join("src.json"))?).ok()
    }

    /// Removes what a finished row needs no more; logs stay.
    pub(super) fn clear(&self) -> Result<()> {
        for name in ["inputs", "compiled.json", "state", "smoke", "wheel"] {
            remove(&self.root.join(name))?;
        }
        Ok(())
    }
}

/// Removes a file or a folder, if it is there.
pub(super) fn remove(path: &Path) -> Result<()> {
    let gone = match fs::symlink_metadata(path) {
        Err(error) => Err(error),
        Ok(told) if told.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    match gone {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// A log file. Secrets do not come into it.
pub(super) struct Log {
    file: Option<File>,
    secrets: Secrets,
}

impl Log {
    /// Begins a log. The one before is kept beside it.
    pub(super) fn begin(path: &Path, secrets: Secrets) -> Result<Self> {
        if path.exists() {
            let previous = path.with_extension("previous.log");
            fs::rename(path, &previous).map_err(failed("rename", &previous))?;
        }
        let file = File::create(path).map_err(failed("create", path))?;
        Ok(Self { file: Some(file), secrets })
    }

    /// Keeps a line, and gives it without secrets.
    pub(super) fn line<'l>(&mut self, line: &'l str) -> std::borrow::Cow<'l, str> {
        let line = self.secrets.hidden(line);
        if let Some(file) = &mut self.file {
            // A full disk must not end a build that may still free some space.
            let _ = writeln!(file, "{line}");
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::tests::row;

    #[test]
    fn what_was_compiled_is_believed_by_its_bytes_and_inputs() {
        let work = tempfile::tempdir().expect("is made");
        let folder = RowFolder::open(work.path(), &row("a", "1")).expect("opens");
        folder.begin("x").expect("begins");
        let out = folder.state().join("out");
        fs::create_dir_all(&out).expect("is made");
        assert!(folder.keep_compiled("x", vec![]).is_err(), "there is none");
        let wheel = out.join("a-1-py3-none-any.whl");
        fs::write(&wheel, "1").expect("writes");
        folder.keep_compiled("x", vec![]).expect("is one");
        assert!(folder.compiled("x").is_some());
        assert!(folder.compiled("y").is_none(), "other inputs");
        fs::write(&wheel, "2").expect("writes");
        assert!(folder.compiled("x").is_none(), "other bytes");
        fs::write(&wheel, "1").expect("writes");
        folder.begin("x").expect("begins");
        assert!(folder.compiled("x").is_some(), "the same inputs keep it");
        folder.begin("y").expect("begins");
        assert!(folder.compiled("x").is_none(), "others do not");
        assert!(!out.exists());
    }

    #[test]
    fn a_wheel_that_is_a_link_is_none() {
        let work = tempfile::tempdir().expect("is made");
        let folder = RowFolder::open(work.path(), &row("a", "1")).expect("opens");
        let out = folder.state().join("out");
        fs::create_dir_all(&out).expect("is made");
        std::os::unix::fs::symlink("/etc/passwd", out.join("a-1-py3-none-any.whl")).expect("links");
        let error = folder.keep_compiled("x", vec![]).expect_err("is refused");
        assert!(error.to_string().contains("no wheel"), "{error}");
    }

    #[test]
    fn a_row_is_built_once_at_a_time_and_its_id_is_no_path() {
        let work = tempfile::tempdir().expect("is made");
        let one = row("a", "1");
        let _held = RowFolder::open(work.path(), &one).expect("opens");
        let error = RowFolder::open(work.path(), &one).err().expect("is held");
        assert!(error.to_string().contains("another program"), "{error}");
        for id in ["../x", "", ".x", "a/b", "a b"] {
            let bad = Row { id: id.into(), ..one.clone() };
            assert!(RowFolder::open(work.path(), &bad).is_err(), "{id}");
        }
    }

    #[test]
    fn secrets_do_not_come_into_the_log() {
        let folder = tempfile::tempdir().expect("is made");
        let path = folder.path().join("build.log");
        fs::write(&path, "before").expect("writes");
        let secrets = Secrets::of_urls(["https://me:hunter2@host/"]);
        let mut log = Log::begin(&path, secrets).expect("begins");
        assert_eq!(log.line("got https://me:hunter2@host/x"), "got https://me:****@host/x");
        assert_eq!(fs::read_to_string(&path).expect("reads"), "got https://me:****@host/x\n");
        let previous = folder.path().join("build.previous.log");
        assert_eq!(fs::read_to_string(previous).expect("reads"), "before");
    }
}
