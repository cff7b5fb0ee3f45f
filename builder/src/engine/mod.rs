//! Containers by docker or podman, through their command lines.
//!
//! Nothing here knows of wheels: it pulls images, runs containers, hears what they say and makes
//! sure that none is left. What went wrong in one is told by [`failure`].

pub mod argv;
mod cancel;
pub mod failure;
mod image;
mod process;
mod storage;
mod tail;
pub(crate) mod text;

use std::time::Duration;

pub use argv::{Container, Mount};
pub use cancel::Cancel;
pub use image::{Image, Pull, normal_name};
pub(crate) use image::{repository, wait};
pub use process::End;
pub use tail::Tail;

use crate::error::{Error, Result};
use process::{ask, cannot_run, stream};

/// Which command line is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Program {
    /// Needs its daemon.
    Docker,
    /// Needs none.
    Podman,
}

impl Program {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

/// A container engine that answers.
#[derive(Debug, Clone)]
pub struct Engine {
    program: Program,
    version: String,
    /// What every `run` gets besides.
    arguments: Vec<String>,
}

/// How a container came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// The end of its script.
    pub end: End,
    /// Whether the kernel ended it because its memory was used up.
    pub oom: bool,
}

impl Engine {
    /// The engine of this name, or the first that answers: docker where its daemon runs, else podman.
    ///
    /// `arguments` are put into every `run`. Errors where none answers.
    pub async fn find(wanted: Option<Program>, arguments: Vec<String>) -> Result<Self> {
        let candidates = match wanted {
            Some(program) => vec![program],
            None => vec![Program::Docker, Program::Podman],
        };
        let mut said = Vec::new();
        for program in candidates {
            match version(program).await {
                Ok(version) => return Ok(Self { program, version, arguments }),
                Err(error) => said.push(error.to_string()),
            }
        }
        Err(Error::unreachable(
            format!("no container engine answers: {}", said.join("; ")),
            match wanted {
                Some(Program::Docker) => {
                    "start its daemon, let your user talk to it (group `docker`), or use \
                     `--engine podman`"
                }
                Some(Program::Podman) => "install podman, or use `--engine docker`",
                None => "install podman (it needs no daemon), or start docker's daemon",
            },
        ))
    }

    /// Which one it is.
    pub fn program(&self) -> Program {
        self.program
    }

    /// `podman 4.3.1`
    pub fn described(&self) -> String {
        format!("{} {}", self.program.name(), self.version)
    }

    /// What every `run` gets besides.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    fn name(&self) -> &'static str {
        self.program.name()
    }

    /// Runs a container to its end, and removes it: also after a timeout, when it is cancelled,
    /// and when the future is dropped.
    pub async fn run(
        &self,
        container: &Container,
        limit: Option<Duration>,
        cancel: &Cancel,
        hear: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Ended> {
        cancel.check()?;
        let argv = argv::run(container, &self.arguments)?;
        let removal = Removal { program: self.name(), name: &container.name, is_armed: true };
        let stop = async || {
            // A killed client would leave it running. It may not have been made yet.
            let _ = ask(self.name(), &argv::kill(&container.name)).await;
            let _ = ask(self.name(), &argv::remove(&container.name)).await;
        };
        let end = stream(self.name(), &argv, &container.passed, limit, cancel, hear, stop).await;
        let oom = match end {
            Ok(End::Exit(code)) if code != Some(0) => {
                let answer = ask(self.name(), &argv::oom_killed(&container.name)).await;
                answer.is_ok_and(|answer| answer.stdout == "true")
            }
            _ => false,
        };
        removal.remove().await;
        let end = end?;
        if end == End::Cancelled {
            return Err(Error::Interrupted);
        }
        Ok(Ended { end, oom })
    }

    /// Removes the containers that a killed program with this label has left. How many there were.
    pub async fn remove_left(&self, label: &str) -> Result<usize> {
        let answer = self.ask(&argv::list_labeled(label)).await?;
        let ids: Vec<&str> = answer.stdout.split_whitespace().collect();
        for id in &ids {
            self.ask(&argv::remove(id)).await?;
        }
        Ok(ids.len())
    }

    async fn ask(&self, argv: &[std::ffi::OsString]) -> Result<process::Answer> {
        ask(self.name(), argv).await.map_err(|error| cannot_run(self.name(), &error))
    }
}

/// What its server says of its version: docker's client alone is no engine.
async fn version(program: Program) -> Result<String> {
    let format = match program {
        Program::Docker => "{{.Server.Version}}",
        Program::Podman => "{{.Client.Version}}",
    };
    let argv = ["version".into(), "--format".into(), format.into()];
    let answer = ask(program.name(), &argv).await;
    let answer = answer.map_err(|error| cannot_run(program.name(), &error))?;
    if answer.success && !answer.stdout.is_empty() {
        return Ok(crate::engine::text::clean(answer.stdout.lines().next().unwrap_or_default()));
    }
    let said = answer.stderr.lines().last().unwrap_or("it says nothing").to_owned();
    Err(Error::unreachable(
        format!("`{}`: {}", program.name(), crate::engine::text::clean(&said)),
        "",
    ))
}

/// Removes a container, whatever happens to the future that runs it.
struct Removal<'a> {
    program: &'static str,
    name: &'a str,
    is_armed: bool,
}

impl Removal<'_> {
    async fn remove(mut self) {
        // It is gone already, or cannot be removed, which nobody can help.
        let _ = ask(self.program, &argv::remove(self.name)).await;
        self.is_armed = false;
    }
}

impl Drop for Removal<'_> {
    fn drop(&mut self) {
        if self.is_armed {
            let mut command = std::process::Command::new(self.program);
            let null = std::process::Stdio::null;
            command.args(argv::remove(self.name)).stdin(null()).stdout(null()).stderr(null());
            let _ = command.status();
        }
    }
}
