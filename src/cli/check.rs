//! `wheelsite check`

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use rayon::prelude::*;
use serde::Serialize;

use super::{Format, print, print_json};
use crate::cli::terminal::{Terminal, verdict_text};
use crate::error::{Error, Result};
use crate::facts::Artifact;
use crate::inspect::{self, Kind};
use crate::report::Reporter;
use crate::source::{self, Source, SourceSpec};
use crate::verify::{self, Severity, Verdict};

/// Verify files without making a site; exits with 1 when one is rejected
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Files, folders or other sources
    #[arg(required = true, value_name = "PATH|SPEC")]
    what: Vec<String>,
    /// How findings are printed
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// The form that scripts rely on.
#[derive(Serialize)]
struct Report {
    accepted: usize,
    rejected: usize,
    files: Vec<Verdict>,
}

pub(super) fn run(args: &CheckArgs, terminal: &Terminal) -> Result<ExitCode> {
    let mut files: Vec<(Artifact, Option<Arc<dyn Source>>)> = Vec::new();
    for what in &args.what {
        if Path::new(what).is_file() {
            // A file that is named is judged, whatever its name.
            files.push((source::artifact_of_file(Path::new(what), 0)?, None));
            continue;
        }
        let spec: SourceSpec = what.parse().map_err(|error| Error::config(format!("{error}")))?;
        let source: Arc<dyn Source> = source::connect(&spec, &[]).into();
        let listing = source.list(0)?;
        for ignored in &listing.ignored {
            let message = format!("ignored `{}`: {}", ignored.location, ignored.reason);
            if ignored.suspicious { terminal.warn(&message) } else { terminal.note(&message) }
        }
        files
            .extend(listing.artifacts.into_iter().map(|artifact| (artifact, Some(source.clone()))));
    }
    let verdicts: Vec<Result<Verdict>> =
        files.par_iter().map(|(artifact, source)| judge(artifact, source.as_deref())).collect();
    let mut verdicts = verdicts.into_iter().collect::<Result<Vec<Verdict>>>()?;
    verdicts.sort_by(|one, other| {
        (&one.filename, &one.location).cmp(&(&other.filename, &other.location))
    });
    let accepted = verdicts.iter().filter(|verdict| verdict.accepted).count();
    let report = Report { accepted, rejected: verdicts.len() - accepted, files: verdicts };
    match args.format {
        Format::Json => print_json(&report)?,
        Format::Human => {
            for verdict in &report.files {
                print(&verdict_text(verdict, Severity::Note))?;
            }
            terminal.info(&format!("{} accepted, {} rejected", report.accepted, report.rejected));
        }
    }
    Ok(ExitCode::from(u8::from(report.rejected > 0)))
}

fn judge(artifact: &Artifact, source: Option<&dyn Source>) -> Result<Verdict> {
    if source.is_some_and(|source| !source.has_bytes()) {
        return Ok(Verdict::new(artifact, None, verify::judge(artifact, None)));
    }
    let opened = match source {
        Some(source) => source.open(artifact),
        None => source::open_file(artifact),
    };
    let kind = Kind::of_filename(&artifact.filename);
    let facts = opened
        .and_then(|reader| inspect::inspect(kind, reader))
        .map_err(|error| Error::source(format!("cannot read `{}`: {error}", artifact.location)))?;
    Ok(Verdict::new(artifact, Some(&facts), verify::judge(artifact, Some(&facts))))
}
