//! `wheelsite-builder build`: which rows.

use clap::Args;
use pep440_rs::Version;
use wheelsite::wheel::ProjectName;

use super::build::{self, BuildArgs};
use super::plan::{ListArgs, say_notes};
use super::terminal::Terminal;
use crate::error::{Error, Result};
use crate::packages::Axes;
use crate::packages::values::CudaSpec;
use crate::plan::{Plan, Selection};
use crate::python::Python;
use crate::row::{Platform, Row, Torch};

/// Build wheels in containers
///
/// Rows are named as `plan` prints them. One that is in no plan is named by its parts:
/// `--package flash-attn --version 2.8.3 --python 3.12 --cuda 12.9.1`.
#[derive(Debug, Args)]
// `--version` is a release here.
#[command(disable_version_flag = true)]
pub(super) struct RowsArgs {
    /// The rows, as `plan` names them
    #[arg(value_name = "ROW", required_unless_present = "package")]
    rows: Vec<String>,
    /// The package of a row that is named by its parts
    #[arg(long, value_name = "NAME", conflicts_with = "rows", requires_all = ["version", "python", "cuda"])]
    package: Option<ProjectName>,
    /// Its release
    #[arg(long, value_name = "VERSION", requires = "package")]
    version: Option<Version>,
    /// Its Python, as `3.12` or `3.13t`
    #[arg(long, value_name = "VERSION", requires = "package")]
    python: Option<Python>,
    /// Its CUDA, as `12.9.1`, or `12.9` for its newest patch
    #[arg(long, value_name = "VERSION", requires = "package")]
    cuda: Option<CudaSpec>,
    /// Its torch, as `2.9`
    #[arg(long, value_name = "VERSION", requires = "package")]
    torch: Option<Torch>,
    /// Its machine
    #[arg(long, value_name = "PLATFORM", requires = "package", default_value = "x86_64")]
    platform: Platform,
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    build: BuildArgs,
}

impl RowsArgs {
    fn rows(&self, terminal: Terminal) -> Result<Vec<Row>> {
        if let (Some(package), Some(version), Some(python), Some(cuda)) =
            (&self.package, &self.version, self.python, self.cuda)
        {
            let (config, data) = self.list.read_if_there()?;
            let cuda = data.toolkit(cuda).map_err(|error| Error::config(error, "name it whole"))?;
            let platform = self.platform;
            let axes = Axes { package, version, python, cuda, torch: self.torch, platform };
            return Ok(vec![Plan::outside(&config, &data, axes)?]);
        }
        let (config, data) = self.list.read()?;
        let plan = Plan::of(&config, &data, &Selection::default())?;
        say_notes(&Plan { notes: plan.notes.clone(), ..Plan::default() }, terminal);
        plan.named(&self.rows)
    }
}

pub(super) fn run(args: &RowsArgs, terminal: Terminal) -> Result<()> {
    let rows = args.rows(terminal)?;
    build::run(&args.build, &rows, &args.list.config, terminal)
}
