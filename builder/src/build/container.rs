//! A script of a row in a container: told as it goes, tried again where that may help.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::state::{Log, RowFolder};
use super::{Builder, Events, Stage, scripts};
use crate::engine::text::Secrets;
use crate::engine::{Cancel, Container, End, Ended, Image, Mount, Tail, failure, wait};
use crate::error::Result;
use crate::row::Row;

/// Tells of a row's progress, and counts how long its stages take.
pub(super) struct Telling<'e> {
    row: &'e Row,
    events: &'e dyn Events,
    stages: Vec<Stage>,
    current: Option<(String, Instant)>,
}

impl<'e> Telling<'e> {
    pub(super) fn new(row: &'e Row, events: &'e dyn Events) -> Self {
        Self { row, events, stages: Vec::new(), current: None }
    }

    pub(super) fn stage(&mut self, name: &str) {
        self.end_stage();
        self.events.stage(self.row, name);
        self.current = Some((name.to_owned(), Instant::now()));
    }

    fn end_stage(&mut self) {
        if let Some((name, begun)) = self.current.take() {
            // Milliseconds are enough.
            let seconds = (begun.elapsed().as_secs_f64() * 1_000.0).round() / 1_000.0;
            self.stages.push(Stage { name, seconds });
        }
    }

    pub(super) fn line(&self, line: &str) {
        self.events.line(self.row, line);
    }

    pub(super) fn note(&self, message: &str) {
        self.events.note(self.row, message);
    }

    /// What was done until now.
    pub(super) fn stages(&mut self) -> Vec<Stage> {
        self.end_stage();
        self.stages.clone()
    }

    pub(super) fn finish(mut self) -> Vec<Stage> {
        self.end_stage();
        self.stages
    }
}

/// A script to run.
pub(super) struct Run<'r> {
    pub(super) row: &'r Row,
    pub(super) folder: &'r RowFolder,
    /// One of [`scripts`].
    pub(super) script: &'static str,
    /// What its stages are told with.
    pub(super) prefix: &'static str,
    pub(super) log: &'static str,
    pub(super) image: &'r Image,
    /// What is `/wheelsite/row`.
    pub(super) state: &'r Path,
    pub(super) mounts: Vec<Mount>,
    pub(super) env: BTreeMap<String, String>,
    pub(super) limit: Option<Duration>,
}

impl Builder {
    pub(super) fn secrets(&self, row: &Row) -> Secrets {
        self.options.network.secrets(&row.recipe.extra_index_urls)
    }

    /// Runs a script to its end. `hear` gets the stage and the line.
    pub(super) async fn run(
        &self,
        run: Run<'_>,
        telling: &mut Telling<'_>,
        cancel: &Cancel,
        hear: &mut (dyn FnMut(&str, &str) + Send),
    ) -> Result<()> {
        let mut log = Log::begin(&run.folder.log(run.log), self.secrets(run.row))?;
        let mut pause = self.options.pause;
        let mut tries = 0;
        loop {
            let mut tail = Tail::default();
            let container = self.container(&run);
            let ended = {
                let hear_line = &mut |line: &str| {
                    let line = log.line(line);
                    if let Some(stage) = tail.hear(&line) {
                        // The end of a script is no stage.
                        if stage != "done" {
                            telling.stage(&format!("{}{stage}", run.prefix));
                        }
                    } else if !line.starts_with("== ") {
                        hear(tail.stage(), &line);
                        telling.line(&line);
                    }
                };
                self.engine.run(&container, run.limit, cancel, hear_line).await
            };
            // However it ended: nobody else could remove what root has written.
            self.give_back(&run).await;
            let ended = ended?;
            if ended == (Ended { end: End::Exit(Some(0)), oom: false }) {
                return Ok(());
            }
            let failure = failure::of_run(ended, &tail, &Self::context(&run, &container));
            if !failure.is_passing || tries >= run.row.recipe.retries {
                return Err(failure.into_error());
            }
            tries += 1;
            let all = u64::from(run.row.recipe.retries) + 1;
            telling.note(&format!("{}; try {} of {all} follows", failure.message, tries + 1));
            wait(pause, cancel).await?;
            pause = (pause * 2).min(Duration::from_secs(60));
        }
    }

    fn context<'c>(run: &'c Run<'_>, container: &'c Container) -> failure::Context<'c> {
        failure::Context {
            limit: run.limit.unwrap_or_default().as_secs(),
            memory: container.memory,
            python: container.env.get("PYTHON_WANTED").map_or("", String::as_str),
            image: match run.script {
                "smoke.sh" => &run.row.recipe.runtime_image,
                _ => &run.row.recipe.image,
            },
            log: run.folder.log(run.log).display().to_string(),
        }
    }

    fn container(&self, run: &Run<'_>) -> Container {
        let mut mounts = vec![
            Mount::read(&self.scripts, scripts::TARGET),
            Mount::write(run.state, "/wheelsite/row"),
            Mount::write(self.options.work.join("cache"), "/wheelsite/cache"),
        ];
        mounts.extend(self.options.network.mounts());
        mounts.extend(host_uv(run.row));
        mounts.extend(run.mounts.clone());
        let mut env = run.env.clone();
        if let Some(compilers) = self.options.compilers {
            // How fast a wheel is built is nothing that it is made of: no digest counts these.
            for name in ["MAX_JOBS", "CMAKE_BUILD_PARALLEL_LEVEL"] {
                env.entry(name.to_owned()).or_insert_with(|| compilers.to_string());
            }
        }
        Container {
            name: name(&run.row.id),
            label: run.folder.label(),
            image: run.image.reference.clone(),
            platform: run.row.platform,
            mounts,
            env,
            passed: self.options.network.variables(&run.row.recipe.extra_index_urls),
            memory: run.row.recipe.memory.or(self.options.memory),
            cpus: self.options.cpus,
            command: vec![format!("{}/{}", scripts::TARGET, run.script)],
        }
    }

    /// Gives files to the caller that root of a container owns. Where it has no root of its own,
    /// they are the caller's already.
    async fn give_back(&self, run: &Run<'_>) {
        let me = rustix::process::geteuid();
        if me.is_root() || !has_foreign(run.state, me.as_raw()) {
            return;
        }
        let group = rustix::process::getegid();
        // pip uses a cache only where root owns its folder; anybody may remove what is in it.
        let script = "chown -hR \"$1\" /wheelsite/row /wheelsite/cache; \
                      if [ -d /wheelsite/cache/pip ]; then chown 0 /wheelsite/cache/pip; chmod 0777 /wheelsite/cache/pip; fi";
        let container = Container {
            env: BTreeMap::new(),
            passed: BTreeMap::new(),
            command: vec![
                "-c".to_owned(),
                script.to_owned(),
                "sh".to_owned(),
                format!("{}:{}", me.as_raw(), group.as_raw()),
            ],
            ..self.container(run)
        };
        // Also after Ctrl-C. Where it fails, the next run tells what it cannot remove.
        let limit = Some(Duration::from_secs(120));
        let _ = self.engine.run(&container, limit, &Cancel::new(), &mut |_| ()).await;
    }
}

/// Whether a folder holds files of somebody else.
fn has_foreign(folder: &Path, me: u32) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.take(1_000).any(|entry| entry.metadata().is_ok_and(|told| told.uid() != me))
}

/// A name that no other container has.
fn name(id: &str) -> String {
    let id: String = id
        .chars()
        .map(|char| if char.is_ascii_alphanumeric() || "_.-".contains(char) { char } else { '-' })
        .take(120)
        .collect();
    let random = std::hash::RandomState::new().build_hasher().finish();
    format!("wheelsite-{id}-{random:016x}")
}

/// This machine's own uv, for images that have none.
fn host_uv(row: &Row) -> Option<Mount> {
    use crate::row::{Platform, PythonFrom};
    let is_native = match row.platform {
        Platform::X86_64 => cfg!(target_arch = "x86_64"),
        Platform::Aarch64 => cfg!(target_arch = "aarch64"),
    };
    let is_wanted = matches!(row.recipe.python_from, PythonFrom::Auto | PythonFrom::Uv);
    if !is_native || !is_wanted || !cfg!(target_os = "linux") {
        return None;
    }
    let path = std::env::var_os("PATH")?;
    let uv =
        std::env::split_paths(&path).map(|folder| folder.join("uv")).find(|it| it.is_file())?;
    Some(Mount::read(std::fs::canonicalize(uv).ok()?, "/wheelsite/uv"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_valid_and_differ() {
        let one = name("a-1!2+x-cp312");
        assert!(one.starts_with("wheelsite-a-1-2-x-cp312-"), "{one}");
        assert_ne!(one, name("a-1!2+x-cp312"));
    }

    #[test]
    fn files_of_others_are_seen() {
        let folder = tempfile::tempdir().expect("is made");
        std::fs::write(folder.path().join("x"), "").expect("writes");
        let me = rustix::process::geteuid().as_raw();
        assert!(!has_foreign(folder.path(), me));
        assert!(has_foreign(folder.path(), me + 1));
    }
}
