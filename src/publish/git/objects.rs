//! A repository of its own, in which `git` makes what a branch of another one gets.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

use super::history::has_parents;
use super::said::{hint, told};
use super::{Diff, Wanted};
use crate::error::{Error, Result};
use crate::publish::target::GitTarget;
use crate::wheel::HashingReader;

/// What the other repository is called in this one.
pub(super) const REMOTE: &str = "wheelsite-target";
/// Who makes commits: nobody, so that the same tree gives the same commit.
pub(super) const NAME: &str = "wheelsite";
pub(super) const EMAIL: &str = "wheelsite@localhost";
/// What `git` may be told by the environment: how to sign in and to connect. Everything else
/// that begins with `GIT_` is about some other repository.
const HEEDED: [&str; 10] = [
    "GIT_ASKPASS",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_EXEC_PATH",
    "GIT_ALLOW_PROTOCOL",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_PARAMETERS",
];
/// The same, by how they begin.
const HEEDED_KINDS: [&str; 5] =
    ["GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_", "GIT_SSL_", "GIT_PROXY_", "GIT_HTTP_"];

/// What became of a push.
pub(super) enum Pushed {
    Done,
    Late,
}

/// What lies at a path of a tree.
pub(super) struct Entry {
    mode: String,
    pub(super) object: String,
}

impl Entry {
    /// Whether it is a plain file: no link and no other repository.
    pub(super) fn is_file(&self) -> bool {
        self.mode.starts_with("100")
    }
}

/// What a branch is at.
#[derive(Default)]
pub(super) struct Tip {
    /// None where there is no branch.
    pub(super) commit: Option<String>,
    /// All of its tree, by paths that need not be UTF-8.
    pub(super) entries: BTreeMap<Vec<u8>, Entry>,
    pub(super) has_parents: bool,
}

impl Tip {
    /// The plain file at a path.
    pub(super) fn file(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path.as_bytes()).filter(|entry| entry.is_file())
    }

    /// Whether there is one.
    pub(super) fn is_file(&self, path: &str) -> bool {
        self.file(path).is_some()
    }

    /// The paths that could be those of a site.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().filter_map(|path| std::str::from_utf8(path).ok())
    }
}

/// A repository of its own, and the branch of another.
pub(super) struct Git<'t> {
    pub(super) target: &'t GitTarget,
    location: String,
    folder: TempDir,
    /// What reads blobs, once it is needed.
    reader: Mutex<Option<BlobReader>>,
}

impl<'t> Git<'t> {
    pub(super) fn new(target: &'t GitTarget) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("wheelsite-git-").tempdir();
        let folder = folder.map_err(Error::output("create", &std::env::temp_dir()))?;
        let location = target.location();
        let git = Self { target, location, folder, reader: Mutex::default() };
        git.run("prepare", &["init", "--quiet", "--bare", "--object-format=sha1", "."])?;
        Ok(git)
    }

    /// What the branch is at. Of its blobs none is fetched yet, where the server allows that.
    pub(super) fn tip(&self) -> Result<Tip> {
        let Some(listed) = self.listed()? else { return Ok(Tip::default()) };
        // Another commit may have come meanwhile.
        let commit = self.fetch("--depth=1", "--filter=blob:none")?;
        let commit = if is_object(&commit) { commit } else { listed };
        let tree = self.bytes("read", &["ls-tree", "-r", "-z", "--full-tree", &commit])?;
        let mut entries = BTreeMap::new();
        for line in tree.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
            let entry = entry(line).ok_or_else(|| self.failed("read", "its tree is no tree"));
            entries.extend([entry?]);
        }
        let text = self.bytes("read", &["cat-file", "commit", &commit])?;
        Ok(Tip { commit: Some(commit), entries, has_parents: has_parents(&text) })
    }

    /// What the server says that the branch is at; none where there is none.
    fn listed(&self) -> Result<Option<String>> {
        let reference = self.target.reference();
        let listed = self.run("read", &["ls-remote", "--quiet", REMOTE, &reference])?;
        let line = listed.lines().find(|line| line.ends_with(&format!("\t{reference}")));
        let tip = line.and_then(|line| line.split('\t').next());
        match tip {
            Some(tip) if !is_object(tip) => Err(self.failed("read", "its answer names no commit")),
            tip => Ok(tip.map(str::to_owned)),
        }
    }

    /// Fetches blobs at once that would be fetched one by one when they are read.
    pub(super) fn prefetch(&self, tip: &Tip, objects: &[&str]) {
        let Some(commit) = tip.commit.as_deref().filter(|_| !objects.is_empty()) else { return };
        let listed = self.run("read", &["rev-list", "--objects", "--missing=print", commit]);
        let Ok(listed) = listed else { return };
        let missing: BTreeSet<&str> =
            listed.lines().filter_map(|line| line.strip_prefix('?')).collect();
        let lines = objects.iter().filter(|object| missing.contains(*object));
        let lines: String = lines.map(|object| format!("{object}\n")).collect();
        if lines.is_empty() {
            return;
        }
        // As `git` itself asks for what it has left out.
        let fetch = [
            "-c",
            "fetch.negotiationAlgorithm=noop",
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--filter=blob:none",
            "--stdin",
            REMOTE,
        ];
        if let Err(error) = self.fed("fetch", &fetch, lines.as_bytes()) {
            // Then they are fetched one by one, or that says why not.
            tracing::debug!(%error, "blobs were not fetched at once");
        }
    }

    /// The bytes of a blob, no more than so many.
    pub(super) fn blob(&self, object: &str, limit: u64) -> Result<Vec<u8>> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let running = match reader.take() {
            Some(running) => Ok(running),
            None => BlobReader::start(&mut self.command(&["cat-file", "--batch"])),
        };
        let read = running.and_then(|mut running| {
            let read = running.read(object, limit);
            if read.is_ok() {
                *reader = Some(running);
            }
            read
        });
        match read {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => {
                Err(Error::target(format!("a file of `{}` is over {limit} bytes", self.target)))
            }
            // It says why only to one that asks for nothing else.
            Err(error) => match self.bytes("read", &["cat-file", "blob", object]) {
                Err(error) => Err(error),
                Ok(_) => Err(self.failed("read", &error.to_string())),
            },
        }
    }

    /// Stores files as blobs; gives the name and the size of each.
    ///
    /// The bytes are hashed on their way: `git` gets those that were built, or fails.
    pub(super) fn store(&self, files: &[Wanted]) -> Result<Vec<(String, u64)>> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let marks = "--export-marks=wheelsite-marks";
        let mut command = self.command(&["fast-import", "--quiet", "--done", "--depth=0", marks]);
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.spawn().map_err(|error| self.broken("store", &error))?;
        let fed = feed(child.stdin.take(), files);
        if let Ok(Err(_)) = &fed {
            let _ = child.kill();
        }
        let output = child.wait_with_output().map_err(|error| self.broken("store", &error))?;
        let sizes = match fed {
            Ok(sizes) => sizes?,
            // It has gone away, and says why.
            Err(error) => match self.ended("store", Ok(output)) {
                Err(error) => return Err(error),
                Ok(_) => return Err(self.broken("store", &error)),
            },
        };
        self.ended("store", Ok(output))?;
        let marks = std::fs::read_to_string(self.folder.path().join("wheelsite-marks"));
        let marks = marks.map_err(|error| self.broken("store", &error))?;
        let named: BTreeMap<&str, &str> =
            marks.lines().filter_map(|it| it.split_once(' ')).collect();
        let blob = |(index, size): (usize, u64)| {
            let object = named.get(&*format!(":{}", index + 1)).filter(|it| is_object(it))?;
            Some(((*object).to_owned(), size))
        };
        let blobs: Option<Vec<_>> = sizes.into_iter().enumerate().map(blob).collect();
        blobs.ok_or_else(|| self.failed("store", "it did not store every file"))
    }

    /// A commit that is the same for the same tree: nobody's, of no time, and without a parent.
    pub(super) fn commit(&self, tip: Option<&str>, diff: &Diff) -> Result<String> {
        self.run("store", &["read-tree", tip.unwrap_or("--empty")])?;
        let mut lines = Vec::new();
        let nothing = "0".repeat(40);
        // What goes may be in the way of what comes.
        for path in &diff.removes {
            lines.extend(format!("0 {nothing}\t{path}\0").bytes());
        }
        for (path, (object, _)) in &diff.writes {
            lines.extend(format!("100644 {object}\t{path}\0").bytes());
        }
        self.fed("store", &["update-index", "-z", "--add", "--index-info"], &lines)?;
        // The blobs that stay need not be here.
        let tree = self.run("store", &["write-tree", "--missing-ok"])?;
        let text = "Publish the package index";
        let commit = self.run("store", &["commit-tree", tree.trim(), "-m", text])?;
        Ok(commit.trim().to_owned())
    }

    /// Moves the branch from one commit to another.
    pub(super) fn push(&self, commit: &str, old: Option<&str>) -> Result<Pushed> {
        let reference = self.target.reference();
        // Nothing behind the colon says that the branch must not be there.
        let lease = format!("--force-with-lease={reference}:{}", old.unwrap_or_default());
        let what = format!("{commit}:{reference}");
        match self.run("push to", &["push", "--quiet", "--porcelain", &lease, REMOTE, &what]) {
            Ok(_) => Ok(Pushed::Done),
            Err(error) => {
                // A push whose answer was lost has been done.
                match self.listed()? {
                    Some(tip) if tip == commit => Ok(Pushed::Done),
                    tip if tip.as_deref() != old => Ok(Pushed::Late),
                    _ => Err(error),
                }
            }
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let is_heeded =
                HEEDED.contains(&&*text) || HEEDED_KINDS.iter().any(|kind| text.starts_with(kind));
            if text.starts_with("GIT_") && !is_heeded {
                command.env_remove(&name);
            }
        }
        // In the environment nobody else sees what the URL may hold. Others may have put
        // something there already.
        let given = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse().ok());
        let given: usize = given.unwrap_or(0);
        let settings = [("url", &*self.location), ("promisor", "true")];
        for (index, (key, value)) in settings.iter().enumerate() {
            let number = given + index;
            command.env(format!("GIT_CONFIG_KEY_{number}"), format!("remote.{REMOTE}.{key}"));
            command.env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        command
            .env("GIT_CONFIG_COUNT", (given + settings.len()).to_string())
            .args(["-c", "core.autocrlf=false", "-c", "i18n.commitEncoding=UTF-8"])
            // Other repositories that the branch refers to are nobody's business here.
            .args(["-c", "submodule.recurse=false", "-c", "fetch.recurseSubmodules=false"])
            .args(["-c", "push.recurseSubmodules=no"])
            .args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"])
            .args(["-c", "protocol.ext.allow=never"])
            // What is larger is not held in memory, and is nothing that differences are made of.
            .args(["-c", "core.bigFileThreshold=1m"])
            .args(arguments)
            .current_dir(self.folder.path())
            .env("GIT_DIR", self.folder.path())
            .env("GIT_INDEX_FILE", self.folder.path().join("wheelsite-index"))
            // Nobody is there to answer.
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .envs([("AUTHOR", NAME), ("COMMITTER", NAME)].into_iter().flat_map(|(who, name)| {
                [
                    (format!("GIT_{who}_NAME"), name),
                    (format!("GIT_{who}_EMAIL"), EMAIL),
                    (format!("GIT_{who}_DATE"), "1970-01-02T00:00:00Z"),
                ]
            }))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, otherwise) in
            [("GIT_ASKPASS", "true"), ("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")]
        {
            let is_given = std::env::var_os(name).is_some()
                || name == "GIT_SSH_COMMAND" && std::env::var_os("GIT_SSH").is_some();
            if !is_given {
                command.env(name, otherwise);
            }
        }
        command
    }

    pub(super) fn run(&self, action: &str, arguments: &[&str]) -> Result<String> {
        let bytes = self.bytes(action, arguments)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(super) fn bytes(&self, action: &str, arguments: &[&str]) -> Result<Vec<u8>> {
        self.ended(action, self.command(arguments).output())
    }

    /// Runs it with something for it to read.
    fn fed(&self, action: &str, arguments: &[&str], bytes: &[u8]) -> Result<()> {
        let input = tempfile::tempfile().and_then(|mut input| {
            input.write_all(bytes)?;
            input.rewind()?;
            Ok(input)
        });
        let input = input.map_err(|error| self.broken(action, &error))?;
        let output = self.command(arguments).stdin(Stdio::from(input)).output();
        self.ended(action, output).map(|_| ())
    }

    fn ended(&self, action: &str, output: io::Result<Output>) -> Result<Vec<u8>> {
        let output = output.map_err(|error| self.broken(action, &error))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(self.failed(action, &said))
    }

    fn broken(&self, action: &str, error: &io::Error) -> Error {
        if error.kind() == io::ErrorKind::NotFound {
            return Error::target_hint(
                "there is no `git`, and publishing to a branch takes it",
                "install git",
            );
        }
        self.failed(action, &error.to_string())
    }

    /// What `git` says may repeat the URL, with what is secret in it.
    pub(super) fn failed(&self, action: &str, said: &str) -> Error {
        let shown = self.target.to_string();
        let place = shown.split('#').next().unwrap_or_default().trim_start_matches("git+");
        let said = said.replace(&self.location, place).replace(REMOTE, place);
        let hint = hint(&said);
        let said = told(&said);
        Error::target_hint(format!("cannot {action} `{shown}`: {said}"), hint)
    }
}

/// What a line of `ls-tree` says.
fn entry(line: &[u8]) -> Option<(Vec<u8>, Entry)> {
    let tab = line.iter().position(|byte| *byte == b'\t')?;
    let mut words = std::str::from_utf8(&line[..tab]).ok()?.split(' ');
    let (mode, _, object) = (words.next()?, words.next()?, words.next()?);
    let entry = Entry { mode: mode.to_owned(), object: object.to_owned() };
    is_object(object).then(|| (line[tab + 1..].to_vec(), entry))
}

/// Feeds files to `git fast-import`; gives their sizes. The outer error is one of `git`, the
/// inner one of a file.
fn feed(input: Option<ChildStdin>, files: &[Wanted]) -> io::Result<Result<Vec<u64>>> {
    let Some(input) = input else { return Err(io::ErrorKind::BrokenPipe.into()) };
    let mut input = io::BufWriter::with_capacity(256 * 1024, input);
    let mut sizes = Vec::with_capacity(files.len());
    let mut buffer = vec![0; 256 * 1024];
    for (index, wanted) in files.iter().enumerate() {
        let unreadable = Error::output("read", &wanted.file);
        let opened = File::open(&wanted.file);
        let opened = opened.and_then(|file| file.metadata().map(|found| (file, found.len())));
        let (file, size) = match opened {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(unreadable(error))),
        };
        write!(input, "blob\nmark :{}\ndata {size}\n", index + 1)?;
        let mut reader = HashingReader::new(file.take(size));
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => input.write_all(&buffer[..count])?,
                Err(error) => return Ok(Err(unreadable(error))),
            }
        }
        let (found, read) = reader.finish();
        if let Some(expected) = wanted.sha256.filter(|expected| *expected != found) {
            return Ok(Err(crate::publish::changed(&wanted.file, expected, found)));
        }
        if read != size {
            return Ok(Err(unreadable(io::Error::other("it changed meanwhile"))));
        }
        input.write_all(b"\n")?;
        sizes.push(size);
    }
    input.write_all(b"done\n")?;
    input.flush()?;
    Ok(Ok(sizes))
}

/// `git cat-file --batch`: blobs by their names, one after the other.
struct BlobReader {
    child: Child,
    /// None once it is to end.
    asked: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl BlobReader {
    fn start(command: &mut Command) -> io::Result<Self> {
        // Nobody reads what it says: who needs it asks again.
        let command = command.stdin(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let asked = child.stdin.take();
        match child.stdout.take() {
            Some(answers) => Ok(Self { child, asked, answers: BufReader::new(answers) }),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// A blob; none where it has more bytes than that.
    fn read(&mut self, object: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let broken = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let asked = self.asked.as_mut().ok_or_else(broken)?;
        writeln!(asked, "{object}")?;
        asked.flush()?;
        let mut head = String::new();
        self.answers.by_ref().take(1000).read_line(&mut head)?;
        let size = head.trim_end().strip_prefix(object).and_then(|it| it.strip_prefix(" blob "));
        let size: u64 = size.and_then(|size| size.parse().ok()).ok_or_else(broken)?;
        let mut blob = self.answers.by_ref().take(size.saturating_add(1));
        if size > limit {
            io::copy(&mut blob, &mut io::sink())?;
            return Ok(None);
        }
        let mut bytes = Vec::new();
        blob.read_to_end(&mut bytes)?;
        if bytes.len() as u64 != size.saturating_add(1) {
            return Err(broken());
        }
        bytes.pop();
        Ok(Some(bytes))
    }
}

impl Drop for BlobReader {
    fn drop(&mut self) {
        drop(self.asked.take());
        let _ = self.child.wait();
    }
}

fn is_object(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
