//! The program under test, in a folder of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

/// A folder with wheels, a site, and a cache that no other test sees.
pub(crate) struct Workspace {
    folder: TempDir,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Workspace {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("makes a folder");
        std::fs::create_dir(folder.path().join("wheels")).expect("makes a folder");
        Self { folder }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// A new machine with the same wheels and configuration, which knows nothing but the site of this one.
    pub(crate) fn anew(&self) -> Self {
        let fresh = Self::new();
        for folder in ["wheels", "config"].into_iter().filter(|it| self.path(it).is_dir()) {
            for (path, bytes) in tree(&self.path(folder)) {
                fresh.write(&format!("{folder}/{path}"), bytes);
            }
        }
        fresh.build(&["--previous", self.site().to_str().expect("is UTF-8")]);
        fresh
    }

    pub(crate) fn site(&self) -> PathBuf {
        self.path("site")
    }

    pub(crate) fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("has a parent")).expect("makes a folder");
        std::fs::write(path, contents).expect("writes");
    }

    /// Writes a wheel into `wheels/`.
    pub(crate) fn wheel(&self, wheel: &super::Wheel) -> PathBuf {
        let path = self.path("wheels").join(wheel.filename());
        std::fs::write(&path, wheel.bytes()).expect("writes");
        path
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.read(path)).expect("is JSON")
    }

    /// The program with these arguments, in this folder, with a clean environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wheelsite"));
        command.args(arguments);
        self.confine(&mut command);
        command
    }

    /// Lets a command see nothing but this folder.
    pub(crate) fn confine(&self, command: &mut Command) {
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .stdin(Stdio::null());
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.command(arguments))
    }

    /// Builds `wheels/` into `site/` and expects that it works.
    pub(crate) fn build(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["build", "--format", "json"];
        all.extend(arguments);
        self.run(&all).works().json()
    }

    /// Serves `site/` on a free port.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Served {
        let mut all = vec!["serve", "--port", "0"];
        all.extend(arguments);
        Served::start(self.command(&all))
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().expect("starts").into()
    }

    /// Expects that it ended well.
    #[track_caller]
    pub(crate) fn works(&self) -> &Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// What it printed as JSON, however it ended.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in:\n{}\n{}", self.stdout, self.stderr))
    }

    /// Expects this exit code, and all of these texts on stderr.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        for text in texts {
            assert!(self.stderr.contains(text), "expected `{text}` in:\n{}", self.stderr);
        }
    }
}

/// A running server; ends with the value.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Served {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("starts");
        let mut lines = BufReader::new(child.stderr.take().expect("is piped")).lines();
        let url = loop {
            let line = lines.next().expect("says where it serves").expect("is text");
            if let Some((_, url)) = line.split_once(" at ") {
                break url.trim().to_owned();
            }
        };
        let log = Arc::new(Mutex::new(Vec::new()));
        let written = log.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                written.lock().expect("is not poisoned").push(line);
            }
        });
        Self { child, url, log }
    }

    pub(crate) fn index(&self) -> String {
        format!("{}simple/", self.url)
    }

    /// What the server has logged so far. Lines are written before answers end.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().expect("is not poisoned").clone()
    }

    /// Waits until a line of the log fulfills a condition, for at most half a minute.
    pub(crate) fn wait_for(&self, condition: impl Fn(&str) -> bool) -> bool {
        for _ in 0..600 {
            if self.log().iter().any(|line| condition(line)) {
                return true;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        false
    }

    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::blocking::Response {
        self.request("GET", path, headers)
    }

    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> reqwest::blocking::Response {
        let client = reqwest::blocking::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .expect("makes a client");
        let method = method.parse().expect("is a method");
        let mut request =
            client.request(method, format!("{}{path}", self.url.trim_end_matches('/')));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().expect("is answered")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every file below a folder, by relative path.
pub(crate) fn tree(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
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
