//! `wheelsite check`

mod closure;
mod github;
mod sarif;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use rayon::prelude::*;
use serde::Serialize;

use super::build::{VerificationArgs, read_config};
use super::terminal::{Terminal, verdict_text};
use super::{print, print_json};
use crate::config::{Environment, Options, Settings, SourceSettings, parse_policy};
use crate::error::{Error, Result};
use crate::facts::{Artifact, Depth, Facts};
use crate::inspect::{self, Kind};
use crate::pipeline::request_threads;
use crate::source::{self, Context, Source, SourceSpec};
use crate::verify::{self, Evidence, Policy, Severity, Verdict};

/// Verify files without making a site; exits with 1 when one is rejected
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Files, folders or other sources
    #[arg(required = true, value_name = "PATH|SPEC")]
    what: Vec<String>,
    #[command(flatten)]
    verification: VerificationArgs,
    /// Check that each channel has what its wheels require, at the depth of metadata
    #[arg(long)]
    closure: bool,
    /// Another index that has what wheels require, asked for what a channel lacks; may be repeated
    #[arg(long, value_name = "URL", requires = "closure")]
    upstream: Vec<String>,
    /// Configuration file, for its `checks` and channels [default: config/site.yml, where it exists]
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How findings are printed
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// One JSON object
    Json,
    /// Annotations of GitHub Actions
    Github,
    /// SARIF 2.1.0, for code scanning
    Sarif,
}

/// The form that scripts rely on.
#[derive(Serialize)]
struct Report {
    accepted: usize,
    rejected: usize,
    files: Vec<Verdict>,
}

/// A file, and the source that opens it; none for one that was named.
type Named = (Arc<Artifact>, Option<Arc<dyn Source>>);

/// What was found about a file, and what it was found by.
struct Judged {
    verdict: Verdict,
    facts: Option<Facts>,
}

pub(super) fn run(args: &CheckArgs, terminal: &Terminal) -> Result<ExitCode> {
    let config = read_config(args.config.as_deref())?;
    let policy = parse_policy(
        &config.checks,
        config.external_libraries.clone(),
        &args.verification.levels(),
    )?;
    let context = Context::of_process()?.with_repository(config.repository.as_deref());
    let mut files: Vec<Named> = Vec::new();
    for what in &args.what {
        files.extend(find(what, &context, terminal)?);
    }
    let default = args.closure.then_some(Depth::Metadata);
    let depth = args.verification.depth.or(default);
    let judge_all = || -> Vec<Result<Judged>> {
        files
            .par_iter()
            .map(|(artifact, source)| judge(artifact, source.as_deref(), depth, &policy))
            .collect()
    };
    let remote = files.iter().any(|(artifact, _)| artifact.location.key().is_some());
    let judged = if remote { request_threads(None)?.install(judge_all) } else { judge_all() };
    let mut judged = judged.into_iter().collect::<Result<Vec<Judged>>>()?;
    if args.closure {
        let options = Options {
            levels: args.verification.levels(),
            upstreams: args.upstream.clone(),
            ..Options::default()
        };
        let settings = Settings::resolve(config, options, Environment::of_process()?)?;
        closure::judge(&files, &mut judged, &settings, &context, terminal)?;
    }
    let mut verdicts: Vec<Verdict> = judged.into_iter().map(|judged| judged.verdict).collect();
    verdicts.sort_by(|one, other| {
        (&one.filename, &one.location).cmp(&(&other.filename, &other.location))
    });
    let accepted = verdicts.iter().filter(|verdict| verdict.accepted).count();
    let report = Report { accepted, rejected: verdicts.len() - accepted, files: verdicts };
    match args.format {
        Format::Json => print_json(&report)?,
        Format::Github => print(&github::annotations(&report.files))?,
        Format::Sarif => print_json(&sarif::log(&report.files))?,
        Format::Human => {
            for verdict in &report.files {
                print(&verdict_text(verdict, Severity::Note))?;
            }
            terminal.info(&format!("{} accepted, {} rejected", report.accepted, report.rejected));
        }
    }
    Ok(ExitCode::from(u8::from(report.rejected > 0)))
}

/// The files that an argument stands for. One that is named is judged, whatever its name.
fn find(what: &str, context: &Context<'_>, terminal: &Terminal) -> Result<Vec<Named>> {
    let path = Path::new(what);
    if path.exists() && !path.is_dir() {
        return Ok(vec![(source::artifact_of_file(path, 0)?.into(), None)]);
    }
    let spec: SourceSpec = what.parse().map_err(|error| Error::config(format!("{error}")))?;
    let source: Arc<dyn Source> = source::connect(&SourceSettings::plain(spec), context)?.into();
    let listing = source.list(0)?;
    listing.report(terminal);
    let named = |artifact| (artifact, Some(source.clone()));
    Ok(listing.artifacts.into_iter().map(named).collect())
}

fn judge(
    artifact: &Artifact,
    source: Option<&dyn Source>,
    depth: Option<Depth>,
    policy: &Policy,
) -> Result<Judged> {
    let facts = match source {
        Some(source) if !source.has_bytes() => None,
        Some(source) if source.traffic().is_some() => {
            let digest = source.digest(artifact)?;
            // What must come for the digest is checked as well.
            let default = if digest.is_some() { Depth::Metadata } else { Depth::Full };
            let depth = depth.unwrap_or(default);
            let read = inspect::inspect_artifact(source, artifact, depth, digest);
            Some(read.map_err(|error| unreadable(artifact, &error))?.facts)
        }
        Some(source) => Some(read(artifact, source.open(artifact), depth)?),
        None => Some(read(artifact, source::open_file(artifact), depth)?),
    };
    let sidecar = match source {
        Some(source) => source.sidecar(artifact)?,
        None => source::local_sidecar(artifact)?,
    };
    let evidence = Evidence { artifact, facts: facts.as_ref(), sidecar };
    let verdict = Verdict::new(artifact, facts.as_ref(), verify::judge(evidence, policy));
    Ok(Judged { verdict, facts })
}

/// Reads a file that was opened.
pub(super) fn read(
    artifact: &Artifact,
    opened: std::io::Result<Box<dyn source::ReadSeek>>,
    depth: Option<Depth>,
) -> Result<Facts> {
    let kind = Kind::of_filename(&artifact.filename);
    opened
        .and_then(|reader| inspect::inspect(kind, depth.unwrap_or(Depth::Full), reader))
        .map_err(|error| unreadable(artifact, &error))
}

fn unreadable(artifact: &Artifact, error: &std::io::Error) -> Error {
    Error::source(format!("cannot read `{}`: {error}", artifact.location))
}
