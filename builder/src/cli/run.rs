//! `wheelsite-builder run`

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anstream::eprintln;
use clap::Args;
use owo_colors::OwoColorize;
use wheelsite::render::people::human_size;

use super::build::{BuildArgs, Output};
use super::plan::{ListArgs, SelectionArgs, say_notes};
use super::progress::{Progress, tell_error};
use super::terminal::{Terminal, print};
use crate::build::{self, Builder, Built, Cancel, Events};
use crate::engine::Engine;
use crate::engine::text::clean;
use crate::error::{Error, Result};
use crate::lock::Lock;
use crate::report::{ReportFile, human_time, to_json, to_table};
use crate::row::{Platform, Row};
use crate::run::{
    self, Building, ByteSize, Disk, Ended, Free, Made, Options, Outcome, Place, RowBuilder,
    StageTime, Summary, free_in,
};

/// How often the disks are looked at while rows are built.
const WATCH: Duration = Duration::from_secs(10);

/// Build the whole plan on this machine, or a selection of it
///
/// Rows that are done are passed over, and what was interrupted goes on where it stopped. One
/// failure does not stop the rest.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Rows at once; they share the processors
    #[arg(long, short, value_name = "N", default_value = "1")]
    jobs: NonZeroUsize,
    /// Start no further row after one has failed
    #[arg(long)]
    fail_fast: bool,
    /// Start no row where output, work or images have less room than this; `0` looks at no disk
    #[arg(long, value_name = "SIZE", default_value = "10GiB")]
    min_free: ByteSize,
    /// Write what became of each row, as JUnit XML (`.xml`) or JSON (`.json`); may be repeated
    #[arg(long, value_name = "FILE")]
    report: Vec<ReportFile>,
    #[command(flatten)]
    build: BuildArgs,
}

pub(super) fn run(args: &RunArgs, terminal: Terminal) -> Result<ExitCode> {
    let (plan, offered) = args.selection.plan(&args.list)?;
    say_notes(&plan, terminal);
    if let Some(had) = offered.filter(|had| *had > 0) {
        terminal.info(&format!("{had} rows are left out: the index has them"));
    }
    let options = args.build.options(&args.list.config)?;
    let summary = super::runtime()?.block_on(build_all(args, plan.rows, options, terminal))?;
    if let Some(stopped) = summary.stopped.as_ref().filter(|stopped| !stopped.interrupted) {
        match &stopped.hint {
            // The disk's message was told when it was seen.
            Some(hint) => terminal.info(&format!("{}: {hint}", "hint".cyan().bold())),
            None => terminal.warn(&format!("{}: no further row began", stopped.message)),
        }
    }
    let mut unwritten = None;
    for report in &args.report {
        if let Err(error) = report.write(&summary) {
            tell_error("report", &error);
            unwritten.get_or_insert(error.exit_code());
        }
    }
    print(&match args.build.format {
        Output::Human => to_table(&summary),
        Output::Json => to_json(&summary),
    })?;
    let code = match summary.exit_code() {
        0 => unwritten.unwrap_or(0),
        code => code,
    };
    Ok(ExitCode::from(code))
}

async fn build_all(
    args: &RunArgs,
    rows: Vec<Row>,
    mut options: build::Options,
    terminal: Terminal,
) -> Result<Summary> {
    let cancel = Cancel::on_signals()?;
    let (done, rows) = done_before(rows, &options);
    let at_once = args.jobs.get().min(rows.len());
    // Whoever has nothing to build needs no engine.
    let engine = if rows.is_empty() { None } else { Some(args.build.engine.find().await?) };
    let cpus = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let disk = ContainerDisk::new(&rows, &options, engine.clone()).await;
    let builder = match engine {
        Some(engine) => {
            options.compilers = None;
            Some(Builder::new(engine, options)?)
        }
        None => None,
    };
    let containers = Containers { builder, events: Shown::new(terminal, at_once > 1), cpus };
    let how = Options {
        jobs: args.jobs,
        cpus,
        fail_fast: args.fail_fast,
        min_free: args.min_free,
        watch: WATCH,
    };
    let told = Told(terminal);
    for (_, ended) in &done {
        run::Progress::ended(&told, ended);
    }
    let mut summary = run::run(rows, Arc::new(containers), &disk, &told, how, &cancel).await;
    // In the order of the plan.
    for (place, ended) in done {
        summary.rows.insert(place.min(summary.rows.len()), ended);
    }
    Ok(summary)
}

/// The rows that are done, with their places in the plan, and those that are not.
fn done_before(rows: Vec<Row>, options: &build::Options) -> (Vec<(usize, Ended)>, Vec<Row>) {
    let mut options = options.clone();
    for folder in [&mut options.output, &mut options.work] {
        if let Ok(absolute) = std::fs::canonicalize(&*folder) {
            *folder = absolute;
        }
    }
    let (mut done, mut others) = (Vec::new(), Vec::new());
    for (place, row) in rows.into_iter().enumerate() {
        match build::is_done(&row, &options) {
            Some(built) => {
                let outcome = Outcome::Made(made(built));
                done.push((place, Ended { row: Arc::new(row), outcome, time: Duration::ZERO }));
            }
            None => others.push(row),
        }
    }
    (done, others)
}

/// Builds rows in containers.
struct Containers {
    /// None where there is nothing to build.
    builder: Option<Builder>,
    events: Shown,
    cpus: NonZeroUsize,
}

impl RowBuilder for Containers {
    fn build(self: Arc<Self>, row: Arc<Row>, cpus: NonZeroUsize, cancel: Cancel) -> Building {
        Box::pin(async move {
            let Some(builder) = &self.builder else {
                let message = format!("`{}` was not to be built", row.id);
                return Err(Error::failed(message, "run again"));
            };
            // Alone it may do as it likes.
            let compilers = Some(cpus).filter(|cpus| *cpus < self.cpus);
            let compilers = compilers.and_then(|cpus| u32::try_from(cpus.get()).ok());
            let builder = builder.with_compilers(compilers);
            Ok(made(builder.build(&row, &self.events, &cancel).await?))
        })
    }
}

fn made(built: Built) -> Made {
    let stages = built.stages.into_iter().map(|stage| StageTime {
        time: Duration::try_from_secs_f64(stage.seconds).unwrap_or_default(),
        name: stage.name,
    });
    Made {
        wheel: built.wheel,
        sha256: built.sha256.to_string(),
        size: built.size,
        from_earlier: built.from_earlier,
        stages: stages.collect(),
        not_tested: match built.smoke {
            Some(smoke) => smoke.not_tested,
            None => vec!["everything: there was no smoke test".to_owned()],
        },
    }
}

/// Where builds write, and the images that can be pulled again.
struct ContainerDisk {
    places: Vec<Place>,
    engine: Option<Engine>,
    lock: Option<PathBuf>,
    platforms: BTreeSet<Platform>,
}

impl ContainerDisk {
    async fn new(rows: &[Row], options: &build::Options, engine: Option<Engine>) -> Self {
        let place = |what, path: &PathBuf| Place { what, path: path.clone() };
        let mut places = vec![place("output", &options.output), place("work", &options.work)];
        if let Some(engine) = &engine
            && let Some(storage) = engine.storage().await
        {
            places.push(place("images", &storage));
        }
        let platforms = rows.iter().map(|row| row.platform).collect();
        Self { places, engine, lock: options.lock.clone(), platforms }
    }

    /// Removes an image of this name, if it can be pulled again. Whether it is gone.
    async fn remove(&self, engine: &Engine, name: &str, platform: Platform) -> bool {
        let lock = self.lock.as_deref().and_then(|path| Lock::read(path).ok());
        let digest = lock.as_ref().and_then(|lock| lock.digest(name, platform));
        let locked = digest.map(|digest| format!("{}@{digest}", crate::engine::repository(name)));
        match engine.image(locked.as_deref().unwrap_or(name), platform).await {
            // What was made on this machine cannot be had again.
            Ok(Some(image)) if image.digest.is_some() => {
                engine.remove_image(&image).await.unwrap_or(false)
            }
            _ => false,
        }
    }
}

impl Disk for ContainerDisk {
    fn free(&self) -> Vec<Free> {
        free_in(&self.places)
    }

    fn prune<'a>(
        &'a self,
        images: &'a BTreeSet<String>,
    ) -> Pin<Box<dyn Future<Output = Vec<String>> + Send + 'a>> {
        Box::pin(async move {
            let mut removed = Vec::new();
            let Some(engine) = &self.engine else { return removed };
            for name in images {
                let mut is_gone = false;
                for platform in &self.platforms {
                    is_gone |= self.remove(engine, name, *platform).await;
                }
                if is_gone {
                    removed.push(name.clone());
                }
            }
            removed
        })
    }
}

/// What is shown of builds: of several at once their stages, unless more is wanted.
struct Shown {
    inner: Progress,
    /// Whether lines say whose they are.
    prefixed: bool,
}

impl Shown {
    fn new(terminal: Terminal, several: bool) -> Self {
        let lines = if several { terminal.is_verbose() } else { !terminal.is_quiet() };
        Self { inner: Progress::new(lines), prefixed: several }
    }
}

impl Events for Shown {
    fn stage(&self, row: &Row, stage: &str) {
        self.inner.stage(row, stage);
    }

    fn line(&self, row: &Row, line: &str) {
        if !self.prefixed {
            self.inner.line(row, line);
        } else if self.inner.lines {
            // Control characters of foreign programs are not for this terminal.
            eprintln!("{} | {}", row.id.bold(), clean(line));
        }
    }

    fn note(&self, row: &Row, message: &str) {
        self.inner.note(row, message);
    }
}

/// What is said of rows that begin and end.
struct Told(Terminal);

impl run::Progress for Told {
    fn started(&self, row: &Row, number: usize, of: usize, _cpus: NonZeroUsize) {
        self.0.info(&format!("{} row {number} of {of}", row.id.bold()));
    }

    fn ended(&self, ended: &Ended) {
        let (id, time) = (&ended.row.id, human_time(ended.time));
        match &ended.outcome {
            Outcome::Failed(error) => tell_error(id, error),
            Outcome::Made(made) => {
                let (words, size) = (ended.kind().words(), human_size(made.size));
                let text = format!("{} {} in {time} ({size})", id.bold(), words.green());
                self.0.info(&text);
            }
            Outcome::Interrupted | Outcome::NotStarted { .. } => {
                self.0.info(&format!("{} {}", id.bold(), ended.kind().words().yellow()));
            }
        }
    }

    fn warn(&self, message: &str) {
        self.0.warn(message);
    }
}
