//! `wheelsite-builder smoke`

use std::path::PathBuf;

use anstream::println;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::build::Output;
use super::engine::EngineArgs;
use super::progress::Progress;
use super::terminal::Terminal;
use crate::build::{Builder, Cancel, Smoke, Wanted, row_of_wheel};
use crate::error::{Error, Result};
use crate::python::Python;
use crate::row::PythonFrom;

/// Try a wheel in a fresh container: install it with what it requires, and import it
///
/// What is not said here is read in `WHEEL.build.json`, where it lies beside the wheel.
#[derive(Debug, Args)]
pub(super) struct SmokeArgs {
    /// The wheel
    #[arg(value_name = "WHEEL")]
    wheel: PathBuf,
    /// Image that it is tried in
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Python that it is tried with, as in `3.12` or `3.13t`
    #[arg(long, value_name = "PYTHON", value_parser = python)]
    python: Option<Python>,
    /// Where the container's Python comes from
    #[arg(long, value_name = "WHERE")]
    python_from: Option<From>,
    /// Module that is imported; may be repeated
    #[arg(long = "import", value_name = "MODULE")]
    imports: Vec<String>,
    /// Command that is run in its environment, split as a shell does
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    /// Requirement that is installed besides; may be repeated
    #[arg(long, value_name = "REQUIREMENT")]
    extra_dep: Vec<String>,
    /// Lock file of image digests
    #[arg(long, value_name = "FILE", default_value = "config/packages.lock")]
    lock: PathBuf,
    #[command(flatten)]
    engine: EngineArgs,
    /// How the result is printed
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Output,
}

/// Where Python comes from.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum From {
    Auto,
    Image,
    Deadsnakes,
    Uv,
}

impl From {
    fn value(self) -> PythonFrom {
        match self {
            Self::Auto => PythonFrom::Auto,
            Self::Image => PythonFrom::Image,
            Self::Deadsnakes => PythonFrom::Deadsnakes,
            Self::Uv => PythonFrom::Uv,
        }
    }
}

fn python(text: &str) -> Result<Python, String> {
    crate::build::python_of_text(text).ok_or_else(|| "expected `3.12` or `3.13t`".to_owned())
}

pub(super) fn run(args: &SmokeArgs, terminal: Terminal) -> Result<()> {
    if !args.wheel.is_file() {
        return Err(Error::unreachable(
            format!("there is no wheel `{}`", args.wheel.display()),
            "check its name",
        ));
    }
    let command = match &args.command {
        None => None,
        Some(command) => {
            Some(shlex::split(command).filter(|it| !it.is_empty()).ok_or_else(|| {
                Error::config(
                    "the command of `--command` cannot be split into words",
                    "check its quotes",
                )
            })?)
        }
    };
    let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    let wanted = Wanted {
        image: args.image.clone(),
        python: args.python,
        python_from: args.python_from.map(From::value),
        imports: some(&args.imports),
        command,
        extra_deps: some(&args.extra_dep),
        extra_index_urls: None,
    };
    let row = row_of_wheel(&args.wheel, wanted)?;
    let mut options = args.engine.options(args.engine.work.join("smoke"))?;
    options.lock = args.lock.is_file().then(|| args.lock.clone());
    let smoke = super::runtime()?.block_on(async {
        let builder = Builder::new(args.engine.find().await?, options)?;
        let cancel = Cancel::on_signals()?;
        builder.smoke(&row, &args.wheel, &Progress::new(!terminal.is_quiet()), &cancel).await
    })?;
    match args.format {
        Output::Json => println!("{}", json!(smoke)),
        Output::Human => println!("{}\n{}", args.wheel.display(), human(&smoke).trim_end()),
    }
    Ok(())
}

/// What was and was not tested.
pub(super) fn human(smoke: &Smoke) -> String {
    let tested = smoke.tested.iter().map(|what| format!("  tested: {what}\n"));
    let not = smoke.not_tested.iter().map(|what| format!("  not tested: {what}\n"));
    tested.chain(not).collect()
}
