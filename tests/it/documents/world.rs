//! A world in which the commands of the documentation work: the wheels that they name, in folders, in a
//! release, in buckets; a repository that takes branches; and a server where an address is one of examples.

use std::cell::OnceCell;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::{Block, succeeds};
use crate::support::github::{Asset, Github, Release, Repository};
use crate::support::stores::{self, Store};
use crate::support::{Run, Served, Wheel, Workspace, repository, tools};

const TOKEN: &str = "tkn-5ecret";
const TAG: &str = "v2026-01-28";
const DEMO: &str = "wheelsite_demo_pure-1.1.0-py3-none-any.whl";

/// The addresses of a server that the documentation has for examples.
const EXAMPLES: [&str; 2] = ["https://wheels.example.com/", "https://me.github.io/wheels/"];

pub(super) struct World {
    clients: &'static std::path::Path,
    s3: &'static Store,
    github: Github,
    wheels: Vec<(String, Vec<u8>)>,
    /// The site that stands for those of examples.
    served: OnceCell<(Workspace, Served)>,
}

/// A server that runs beside the commands after it.
struct Background(Child);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl World {
    pub(super) fn new() -> Option<Self> {
        let clients = tools::clients()?;
        let s3 = stores::s3()?;
        if !["git", "bash"].into_iter().all(tools::has_program) {
            return None;
        }
        if !program("wheelsite-builder").is_file() {
            tools::missing("wheelsite-builder, which `cargo test --workspace` makes,");
            return None;
        }
        let made = ["foo", "demo", "flash-attn"].map(|name| Wheel::new(name, "1.0"));
        let mut wheels: Vec<_> =
            made.iter().map(|it| (it.filename().to_owned(), it.bytes())).collect();
        let demo = std::fs::read(repository("wheels").join(DEMO)).expect("reads");
        wheels.push((DEMO.to_owned(), demo));
        let folder = Workspace::new();
        // `bucket` and `wheels` are what the documentation calls its buckets.
        let objects = wheels.iter().map(|(name, bytes)| {
            folder.write(name, bytes);
            let (key, file) = (format!("wheels/{name}"), folder.path(name));
            json!({"bucket": "bucket", "key": key, "file": file})
        });
        let buckets = ["bucket", "wheels"].map(|it| json!({"bucket": it, "public": false}));
        s3.put(&buckets.into_iter().chain(objects).collect());
        let add = |release: Release, (name, bytes): &(String, Vec<u8>)| {
            release.asset(Asset::new(name, bytes.clone()))
        };
        let release = wheels.iter().fold(Release::new(TAG), add);
        let repository = Repository::new("me/wheels").release(release);
        let github = Github::builder().repository(repository).token(TOKEN).start();
        Some(Self { clients, s3, github, wheels, served: OnceCell::new() })
    }

    /// Runs the commands of a block, in a folder of its own, and expects that each works.
    pub(super) fn run(&self, block: &Block) {
        let workspace = self.workspace();
        let mut servers = Vec::new();
        let mut local: Option<String> = None;
        for command in &block.commands {
            let what = format!("{}: {command}", block.place);
            let mut text = command.replace("cargo run --release --", "wheelsite");
            for example in EXAMPLES.into_iter().filter(|it| command.contains(it)) {
                text = text.replace(example, &self.example().url);
            }
            if let Some(url) = &local {
                text = text.replace("http://127.0.0.1:8000/", url);
            }
            if super::words(&text).starts_with(&["wheelsite", "serve"]) {
                let (server, url) = self.serve(&workspace, &text);
                servers.push(server);
                local = Some(url);
                continue;
            }
            succeeds(&Run::of(&mut self.bash(&workspace, &text)), &what);
        }
    }

    /// A folder with all that the commands name.
    fn workspace(&self) -> Workspace {
        let workspace = Workspace::new();
        let mut list = String::new();
        for (name, bytes) in &self.wheels {
            workspace.write(&format!("wheels/{name}"), bytes);
            workspace.write(&format!("dist/{name}"), bytes);
            list.push_str(&json!({"filename": name}).to_string());
            list.push('\n');
        }
        workspace.write("packages.jsonl", list);
        let packages = "packages:\n  flash-attn:\n    versions: [\"2.8.3\"]\n";
        workspace.write("config/packages.yml", packages);
        let remote = workspace.path("remote.git");
        let mut git = Command::new("git");
        workspace.confine(git.args(["init", "--quiet", "--bare"]).arg(&remote));
        succeeds(&Run::of(&mut git), "git init");
        let remote = remote.display();
        let instead = format!("[url \"{remote}\"]\n\tinsteadOf = https://github.com/me/wheels\n");
        workspace.write("home/.gitconfig", instead);
        workspace.build(&["--offline"]);
        workspace
    }

    /// The command in a shell that finds the program and the clients.
    fn bash(&self, workspace: &Workspace, text: &str) -> Command {
        let mut bash = Command::new("bash");
        // uv takes no variable for what `PIP_TARGET` says to pip.
        let text = text.replace("uv pip install", "uv pip install --target installed");
        bash.args(["--noprofile", "--norc", "-euo", "pipefail", "-c", &text]);
        workspace.confine(&mut bash);
        let programs = program("wheelsite").parent().expect("lies somewhere").to_owned();
        let path = std::env::var_os("PATH").expect("is set");
        let folders =
            [programs, self.clients.to_owned()].into_iter().chain(std::env::split_paths(&path));
        let path = std::env::join_paths(folders).expect("is a path");
        // What pip and uv install lies in a folder of its own: they would put it beside the clients.
        bash.env("PATH", path)
            .env("PIP_TARGET", workspace.path("installed"))
            .env("PIP_NO_CACHE_DIR", "1")
            .env("PIP_CONFIG_FILE", "/dev/null")
            .env("UV_NO_CONFIG", "1")
            .env("UV_PYTHON_DOWNLOADS", "never")
            .envs(self.s3.environment());
        self.github.env_with_token(&mut bash, TOKEN);
        bash
    }

    /// Starts a server on a free port, and gives its URL.
    fn serve(&self, workspace: &Workspace, text: &str) -> (Background, String) {
        let command = text.split(" #").next().expect("is never empty");
        let mut bash = self.bash(workspace, &format!("exec {command} --port 0"));
        let mut child = Background(bash.stderr(Stdio::piped()).spawn().expect("starts"));
        let mut lines = BufReader::new(child.0.stderr.take().expect("is piped")).lines();
        let url = loop {
            let line = lines.next().expect("says where it serves").expect("is text");
            if let Some((_, url)) = line.split_once(" at ") {
                break url.trim().to_owned();
            }
        };
        // The pipe stays open: a server that cannot write its log would end.
        std::thread::spawn(move || lines.for_each(drop));
        (child, url)
    }

    /// The server that stands for those of examples.
    fn example(&self) -> &Served {
        let made = self.served.get_or_init(|| {
            let workspace = self.workspace();
            let served = workspace.serve(&[]);
            (workspace, served)
        });
        &made.1
    }
}

/// A program of the workspace.
pub(super) fn program(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_wheelsite")).with_file_name(name)
}
