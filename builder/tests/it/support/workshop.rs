//! The program under test, in a folder of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::images::{DEVEL, Podman, RUNTIME};
use super::tools;

/// What a test's containers are told apart by.
const LABEL: &str = "wheelsite-test";

/// What a user's environment says of indexes and the way to them.
const HANDED_ON: [&str; 14] = [
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_TRUSTED_HOST",
    "PIP_CERT",
    "PIP_DEFAULT_TIMEOUT",
    "SSL_CERT_FILE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "XDG_RUNTIME_DIR",
    "USER",
];

/// A folder with a configuration, projects, wheels, and what the program keeps.
pub(crate) struct Workshop {
    pub(crate) podman: &'static Podman,
    folder: TempDir,
    /// Added to the PATH, before all else.
    programs: Option<PathBuf>,
}

/// How a run of a program ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Workshop {
    /// None where podman or what the images are made of is not there.
    pub(crate) fn new() -> Option<Self> {
        let podman = Podman::get()?;
        // Containers see this folder: that of the machine's temporary files may be no place for it.
        let folder = tempfile::tempdir_in(tools::kept()).expect("makes a folder");
        std::fs::create_dir(folder.path().join("programs")).expect("makes a folder");
        let workshop = Self { podman, folder, programs: None };
        // What pip downloads is kept between runs, as the program itself would.
        let cache = tools::kept().join("builder/cache");
        std::fs::create_dir_all(&cache).expect("makes a folder");
        std::fs::create_dir(workshop.path(".wheelsite-builder")).expect("makes a folder");
        std::os::unix::fs::symlink(cache, workshop.path(".wheelsite-builder/cache"))
            .expect("links");
        Some(workshop)
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("has a parent")).expect("makes a folder");
        std::fs::write(path, contents).expect("writes");
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.read(path)).expect("is JSON")
    }

    /// Writes `config/packages.yml`: one Python, one CUDA, the tests' images, and these packages.
    pub(crate) fn packages(&self, packages: &str) {
        let defaults = format!(
            "defaults:\n  python: [\"3.11\"]\n  cuda: [\"13.5.0\"]\n  image: {DEVEL}\n  \
             runtime_image: {RUNTIME}\n"
        );
        self.write("config/packages.yml", format!("{defaults}packages:\n{packages}"));
    }

    /// Copies a project of `tests/it/projects` to `NAME/`.
    pub(crate) fn project(&self, name: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/projects").join(name);
        for (path, bytes) in tree(&from) {
            self.write(&format!("{name}/{path}"), bytes);
        }
    }

    /// The project `tiny` with these files besides, as the only package, with these keys.
    pub(crate) fn tiny(&self, files: &[(&str, &str)], keys: &str) {
        self.project("tiny");
        for (path, contents) in files {
            self.write(&format!("tiny/{path}"), contents);
        }
        let keys: String = keys.lines().map(|line| format!("    {line}\n")).collect();
        let source = format!("dir:{}", self.path("tiny").display());
        self.packages(&format!("  tiny:\n    versions: [\"1.0\"]\n    source: {source}\n{keys}"));
    }

    /// Puts a program of this name, a shell script, before all others of the PATH.
    pub(crate) fn program(&mut self, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path("programs").join(name);
        std::fs::write(&path, script).expect("writes");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("may");
        self.programs = Some(self.path("programs"));
    }

    /// The program with these arguments, in this folder, with a clean environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wheelsite-builder"));
        command.args(arguments);
        self.confine(&mut command);
        command
    }

    /// Lets a command see nothing but this folder and the tests' images.
    pub(crate) fn confine(&self, command: &mut Command) {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let paths = self.programs.iter().cloned().chain(std::env::split_paths(&paths));
        let handed_on = HANDED_ON.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
        command
            .current_dir(self.folder.path())
            .env_clear()
            .envs(handed_on)
            .env("PATH", std::env::join_paths(paths).expect("was one"))
            .env("HOME", self.path("home"))
            .env("XDG_CACHE_HOME", self.path("home/cache"))
            .env("WHEELSITE_BUILDER_ENGINE", "podman")
            .stdin(Stdio::null());
        self.podman.confine(command);
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.command(arguments))
    }

    /// What `build` and its like are told so that their containers are known.
    fn label(&self) -> String {
        let name = self.folder.path().file_name().expect("has a name");
        format!("{LABEL}={}", name.display())
    }

    /// `build` with these arguments.
    pub(crate) fn build(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.containers_of("build", arguments))
    }

    /// A command that starts containers, which [`Workshop::containers`] then finds.
    pub(crate) fn containers_of(&self, command: &str, arguments: &[&str]) -> Command {
        let label = format!("--engine-arg=--label={}", self.label());
        let mut command = self.command(&[command, &label]);
        command.args(arguments);
        command
    }

    /// Starts a command and hears what it says.
    pub(crate) fn start(&self, command: &mut Command) -> Running {
        let log = self.path("running.log");
        let file = File::create(&log).expect("makes a file");
        let child = command
            .stdout(file.try_clone().expect("is a file"))
            .stderr(file)
            .spawn()
            .expect("starts");
        Running { child, log }
    }

    /// The wheels in `wheels/`.
    pub(crate) fn wheels(&self) -> Vec<String> {
        let mut names = files(&self.path("wheels"));
        names.retain(|name| name.ends_with(".whl"));
        names
    }

    /// The containers that this test has started, and that are still there.
    pub(crate) fn containers(&self) -> Vec<String> {
        let filter = format!("label={}", self.label());
        let listed =
            self.podman.says(&["ps", "--all", "--format", "{{.Names}}", "--filter", &filter]);
        listed.lines().map(str::to_owned).collect()
    }

    /// Expects that no container is left, and that nothing was put out.
    #[track_caller]
    pub(crate) fn is_clean(&self) {
        assert_eq!(self.containers(), [""; 0]);
        assert_eq!(files(&self.path("wheels")), [""; 0]);
    }

    /// Expects that no container is left, and that this one wheel was put out with its papers.
    #[track_caller]
    pub(crate) fn has(&self, wheel: &str) {
        assert_eq!(self.containers(), [""; 0]);
        let papers = ["", ".build.json", ".metadata"];
        assert_eq!(files(&self.path("wheels")), papers.map(|end| format!("{wheel}{end}")));
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // A test that failed may have left some, which would see the folder vanish.
        for name in self.containers() {
            let _ = self.podman.command(&["rm", "--force", &name]).output();
        }
    }
}

/// The files below a folder by their relative paths, in order; none where there is no folder.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    // A program that runs may remove them meanwhile.
    let entries = walkdir::WalkDir::new(folder).into_iter().flatten();
    let files = entries.filter(|entry| entry.file_type().is_file());
    let mut paths: Vec<String> = files
        .filter_map(|entry| Some(entry.path().strip_prefix(folder).ok()?.to_str()?.to_owned()))
        .collect();
    paths.sort();
    paths
}

/// Every file below a folder, by relative path.
pub(crate) fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.expect("lists"))
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(folder).expect("lies below");
            let bytes = std::fs::read(entry.path()).expect("reads");
            (path.to_str().expect("is UTF-8").to_owned(), bytes)
        })
        .collect()
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().expect("starts");
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Expects that it ended well.
    #[track_caller]
    pub(crate) fn works(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Expects this exit code, and all of these texts on stderr.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        for text in texts {
            assert!(self.stderr.contains(text), "expected `{text}` in:\n{}", self.stderr);
        }
    }

    /// What it printed as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in:\n{}", self.stdout))
    }
}

/// A program that runs; ends with the value.
pub(crate) struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// What it has said so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("reads")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until something holds, for at most two minutes; it must not end before.
    #[track_caller]
    pub(crate) fn until(&mut self, condition: impl Fn() -> bool) {
        for _ in 0..2400 {
            if condition() {
                return;
            }
            let ended = self.child.try_wait().expect("can be asked");
            assert_eq!(ended, None, "it ended:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("waited in vain:\n{}", self.log());
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).expect("is an id");
        kill_process(Pid::from_raw(id).expect("is an id"), signal).expect("is there");
    }

    /// How it ended; what it said is in `stderr`.
    pub(crate) fn end(mut self) -> Run {
        let status = self.child.wait().expect("can be waited for");
        Run { code: status.code(), stdout: String::new(), stderr: self.log() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
