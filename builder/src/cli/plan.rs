//! `wheelsite-builder plan`, and how every command finds its rows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;
use wheelsite::wheel::ProjectName;

use super::terminal::{Terminal, print, print_json};
use crate::compatibility::Compatibility;
use crate::error::{Error, Result};
use crate::packages::values::CudaSpec;
use crate::packages::{DEFAULT_PATH, PackagesConfig};
use crate::plan::github::{Part, matrix};
use crate::plan::kubernetes::{Cluster, jobs};
use crate::plan::{Impossible, Offered, Plan, RowGlob, Selection, table};
use crate::python::Python;
use crate::row::Row;

/// Where rows come from.
#[derive(Debug, Clone, Args)]
pub(super) struct ListArgs {
    /// The package list
    #[arg(long, short, value_name = "FILE", default_value = DEFAULT_PATH)]
    pub(super) config: PathBuf,
    /// What exists together of torch, CUDA and Python, in place of what the program knows
    #[arg(long, value_name = "FILE")]
    pub(super) compatibility: Option<PathBuf>,
}

/// Which rows are wanted.
#[derive(Debug, Clone, Args)]
pub(super) struct SelectionArgs {
    /// Only rows of this package; may be repeated
    #[arg(long, value_name = "NAME")]
    package: Vec<ProjectName>,
    /// Only rows for this Python, as `3.12`; may be repeated
    #[arg(long, value_name = "VERSION")]
    python: Vec<Python>,
    /// Only rows for this CUDA, as `12.9.1` or `12.9`; may be repeated
    #[arg(long, value_name = "VERSION")]
    cuda: Vec<CudaSpec>,
    /// Only rows whose name agrees, as `flash-attn-*-cp312-*`; may be repeated
    #[arg(long, value_name = "GLOB")]
    build: Vec<RowGlob>,
    /// No rows whose name agrees; may be repeated
    #[arg(long, value_name = "GLOB")]
    skip: Vec<RowGlob>,
    /// Only rows that a source, a site's folder or an index at a URL does not have yet
    #[arg(long, value_name = "SPEC|URL")]
    missing_from: Option<String>,
}

/// Show the wheels that the package list asks for
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Exit with 1 when a wheel is missing
    #[arg(long, requires = "missing_from")]
    check: bool,
    /// How the plan is printed
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: PlanFormat,
    /// Print one of several parts of a matrix, as `2/3`
    #[arg(long, value_name = "K/N")]
    part: Option<Part>,
    /// With `--format k8s`: the image that has wheelsite-builder and podman
    #[arg(long, value_name = "IMAGE")]
    k8s_image: Option<String>,
    /// With `--format k8s`: the PersistentVolumeClaim with the package list, and for the wheels
    #[arg(long, value_name = "NAME")]
    k8s_claim: Option<String>,
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// Columns for people
    Table,
    /// Everything, as one JSON object
    Json,
    /// The matrix of a GitHub Actions workflow
    Github,
    /// Jobs of Kubernetes, as YAML
    K8s,
}

/// The form that scripts rely on.
#[derive(Serialize)]
struct PlanReport<'a> {
    rows: &'a [Row],
    impossible: &'a [Impossible],
    /// How many rows the index has already.
    #[serde(skip_serializing_if = "Option::is_none")]
    offered: Option<usize>,
}

impl ListArgs {
    /// The package list, and what exists together.
    pub(super) fn read(&self) -> Result<(PackagesConfig, Compatibility)> {
        Ok((PackagesConfig::read(&self.config)?, self.compatibility()?))
    }

    fn compatibility(&self) -> Result<Compatibility> {
        self.compatibility.as_deref().map_or_else(Compatibility::embedded, Compatibility::read)
    }

    /// The same where there need be no package list: an empty one, unless one was named.
    pub(super) fn read_if_there(&self) -> Result<(PackagesConfig, Compatibility)> {
        if self.config == Path::new(DEFAULT_PATH) && !self.config.exists() {
            return Ok((PackagesConfig::default(), self.compatibility()?));
        }
        self.read()
    }
}

impl SelectionArgs {
    /// The plan of what is wanted, and how many rows of it an index has already.
    pub(super) fn plan(&self, list: &ListArgs) -> Result<(Plan, Option<usize>)> {
        let (config, data) = list.read()?;
        let selection = Selection {
            packages: self.package.clone(),
            python: self.python.clone(),
            cuda: self.cuda.clone(),
            build: self.build.clone(),
            skip: self.skip.clone(),
        };
        let mut plan = Plan::of(&config, &data, &selection)?;
        let Some(index) = &self.missing_from else { return Ok((plan, None)) };
        let packages: BTreeSet<_> = plan.rows.iter().map(|row| row.package.clone()).collect();
        let offered = Offered::by(index, &packages)?;
        let all = plan.rows.len();
        plan.rows.retain(|row| !offered.has(row));
        let had = all - plan.rows.len();
        Ok((plan, Some(had)))
    }
}

/// Says what cannot be built, and what is strange.
pub(super) fn say_notes(plan: &Plan, terminal: Terminal) {
    for line in plan.notes.iter().chain(&table::impossible(plan)) {
        terminal.warn(line);
    }
}

pub(super) fn run(args: &PlanArgs, terminal: Terminal) -> Result<ExitCode> {
    if args.part.is_some() && args.format != PlanFormat::Github {
        return Err(Error::config("`--part` is of a matrix alone", "add `--format github`"));
    }
    let is_of_cluster = args.k8s_image.is_some() || args.k8s_claim.is_some();
    if is_of_cluster && args.format != PlanFormat::K8s {
        return Err(Error::config(
            "`--k8s-image` and `--k8s-claim` belong to `--format k8s`",
            "add `--format k8s`, or leave them out",
        ));
    }
    let (plan, offered) = args.selection.plan(&args.list)?;
    say_notes(&plan, terminal);
    match args.format {
        PlanFormat::Table => {
            print(&table::table(&plan))?;
            let had = offered.map(|had| format!(", {had} more are there")).unwrap_or_default();
            terminal.info(&format!("{} wheels to build{had}", plan.rows.len()));
        }
        PlanFormat::Json => {
            print_json(&PlanReport { rows: &plan.rows, impossible: &plan.impossible, offered })?;
        }
        PlanFormat::Github => {
            let matrix = matrix(&plan.rows, args.part)?;
            let text = serde_json::to_string(&matrix)
                .map_err(|error| Error::from(format!("cannot write JSON: {error}")))?;
            print(&format!("{text}\n"))?;
        }
        PlanFormat::K8s => {
            let mut build = vec!["--config".to_owned(), args.list.config.display().to_string()];
            if let Some(data) = &args.list.compatibility {
                build.extend(["--compatibility".to_owned(), data.display().to_string()]);
            }
            let cluster = Cluster {
                image: args.k8s_image.clone().unwrap_or_default(),
                claim: args.k8s_claim.clone().unwrap_or_default(),
                args: build,
            };
            print(&jobs(&plan.rows, &cluster)?)?;
        }
    }
    let is_missing = args.check && !plan.rows.is_empty();
    Ok(ExitCode::from(u8::from(is_missing)))
}
