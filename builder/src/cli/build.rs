//! `wheelsite-builder build`

use std::path::PathBuf;

use anstream::println;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::engine::EngineArgs;
use super::progress::{Progress, tell_error};
use super::terminal::Terminal;
use crate::build::{Builder, Built, Cancel, Options};
use crate::error::{Error, Result};
use crate::row::Row;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people.
    Human,
    /// For programs.
    Json,
}

/// How rows are built; which ones is said by other arguments.
#[derive(Debug, Args)]
// `--version` is the release here.
#[command(disable_version_flag = true)]
pub(super) struct BuildArgs {
    /// Folder for finished wheels, with `.metadata` and `.build.json`
    #[arg(long, short, value_name = "DIR", default_value = "wheels")]
    pub(super) output: PathBuf,
    /// Lock file of image digests [default: packages.lock beside the configuration]
    #[arg(long, value_name = "FILE")]
    pub(super) lock: Option<PathBuf>,
    /// Pull image tags anew, and lock what they are now
    #[arg(long)]
    pub(super) update_lock: bool,
    /// Do not try the wheels
    #[arg(long)]
    pub(super) no_smoke: bool,
    /// Build although the wheel is there
    #[arg(long)]
    pub(super) force: bool,
    /// Keep sources and objects of rows that are done
    #[arg(long)]
    pub(super) keep: bool,
    #[command(flatten)]
    pub(super) engine: EngineArgs,
    /// How the results are printed
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(super) format: Output,
}

impl BuildArgs {
    /// How rows are built; beside the configuration lies the lock file.
    pub(super) fn options(&self, config: &std::path::Path) -> Result<Options> {
        let mut options = self.engine.options(self.output.clone())?;
        options.lock =
            Some(self.lock.clone().unwrap_or_else(|| config.with_file_name("packages.lock")));
        options.update_lock = self.update_lock;
        options.smoke = !self.no_smoke;
        options.force = self.force;
        options.keep = self.keep;
        Ok(options)
    }
}

/// Builds the rows, one after another. One that fails does not hinder the others.
///
/// `config` is the configuration file, beside which the lock file lies.
pub(super) fn run(
    args: &BuildArgs,
    rows: &[Row],
    config: &std::path::Path,
    terminal: Terminal,
) -> Result<()> {
    let options = args.options(config)?;
    let progress = Progress::new(!terminal.is_quiet());
    let mut told = Vec::new();
    let mut first = None;
    let mut failed = 0;
    let result = super::runtime()?.block_on(async {
        let builder = Builder::new(args.engine.find().await?, options)?;
        let cancel = Cancel::on_signals()?;
        for row in rows {
            match builder.build(row, &progress, &cancel).await {
                Ok(built) => {
                    if args.format == Output::Human {
                        println!("{}", human(row, &built).trim_end());
                    }
                    told.push(json_of(row, &built));
                }
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Err(error) => {
                    if rows.len() > 1 {
                        tell_error(&row.id, &error);
                    }
                    failed += 1;
                    let hint = error.hint();
                    let failure = json!({"row": row.id, "error": error.to_string(), "hint": hint});
                    told.push(failure);
                    first.get_or_insert(error);
                }
            }
        }
        Ok(())
    });
    if args.format == Output::Json {
        println!("{}", json!({ "rows": told }));
    }
    result?;
    match first {
        None => Ok(()),
        Some(error) if rows.len() == 1 => Err(error),
        // Each has been told, with its hint; what remains is the exit code.
        Some(error) => {
            let message = format!("{failed} of {} rows failed", rows.len());
            let hint = "see above; rows that are done are not built again";
            Err(match error.exit_code() {
                2 => Error::config(message, hint),
                3 => Error::unreachable(message, hint),
                _ => Error::failed(message, hint),
            })
        }
    }
}

fn human(row: &Row, built: &Built) -> String {
    let mut text = format!("{}\n", built.wheel.display());
    if built.from_earlier {
        text.push_str("  was there: its recipe and its bytes are the same\n");
    }
    for warning in &built.warnings {
        text.push_str(&format!("  {warning}\n"));
    }
    match &built.smoke {
        Some(smoke) => text.push_str(&super::smoke::human(smoke)),
        None => text.push_str("  not tested (`--no-smoke`)\n"),
    }
    let seconds: f64 = built.stages.iter().map(|stage| stage.seconds).sum();
    if seconds > 0.0 {
        text.push_str(&format!("  {} took {seconds:.0} s\n", row.id));
    }
    text
}

fn json_of(row: &Row, built: &Built) -> Value {
    json!({
        "row": row.id,
        "wheel": built.wheel,
        "sha256": built.sha256.to_string(),
        "size": built.size,
        "from_earlier": built.from_earlier,
        "stages": built.stages,
        "warnings": built.warnings,
        "smoke": built.smoke.as_ref().map(|smoke| json!({
            "tested": smoke.tested,
            "not_tested": smoke.not_tested,
        })),
    })
}
