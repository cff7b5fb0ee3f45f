//! `wheelsite repair`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use owo_colors::OwoColorize;
use rayon::prelude::*;
use serde::Serialize;

use super::build::read_config;
use super::terminal::Terminal;
use super::{Format, print, print_json};
use crate::config::{SourceSettings, parse_policy};
use crate::error::{Error, Result};
use crate::facts::{Artifact, Location};
use crate::repair::{self, Folder, Outcome};
use crate::report::Reporter;
use crate::source::{self, Context, Source, SourceSpec};
use crate::verify::{Level, Policy};
use crate::wheel::{DistFilename, sanitized};

/// Make renamed wheels true again, as copies; exits with 1 when one is refused
///
/// The filename is believed: version, tags and build tag inside of the wheel become what it says.
#[derive(Debug, Args)]
pub(super) struct RepairArgs {
    /// Wheels, or folders and other sources of them
    #[arg(required = true, value_name = "WHEEL|SPEC")]
    what: Vec<String>,
    /// Folder that the repaired wheels are written to, and copies of those that are right
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
    /// Pass over what a check finds; may be repeated
    #[arg(long, value_name = "CHECK")]
    allow: Vec<String>,
    /// Configuration file, for its `checks` [default: config/site.yml, where it exists]
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How outcomes are printed
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// The form that scripts rely on.
#[derive(Serialize)]
struct Report {
    repaired: usize,
    fine: usize,
    refused: usize,
    files: Vec<FileReport>,
}

#[derive(Serialize)]
struct FileReport {
    filename: String,
    outcome: &'static str,
    /// Its name in the output folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// A file, and the source that opens it; none for one that was named.
type Named = (Arc<Artifact>, Option<Arc<dyn Source>>);

pub(super) fn run(args: &RepairArgs, terminal: &Terminal) -> Result<ExitCode> {
    let config = read_config(args.config.as_deref())?;
    let levels: Vec<(String, Level)> =
        args.allow.iter().map(|id| (id.clone(), Level::Allow)).collect();
    let policy = parse_policy(&config.checks, config.external_libraries, &levels)?;
    // A folder that does not exist yet has no wheels.
    let output = args.output.canonicalize().ok();
    let skip: Vec<PathBuf> = output.iter().cloned().collect();
    let context = Context { skip: &skip, ..Context::of_process()? };
    let context = context.with_repository(config.repository.as_deref());
    let mut files: Vec<Named> = Vec::new();
    for what in &args.what {
        files.extend(find(what, &context, output.as_deref(), terminal)?);
    }
    if let Some(output) = &output
        && let Some((artifact, _)) = files.iter().find(|(artifact, _)| lies_in(artifact, output))
    {
        return Err(is_source(&args.output, &artifact.location.to_string()));
    }
    files.sort_by(|(one, _), (other, _)| {
        let place = |artifact: &Artifact| artifact.location.to_string();
        one.filename.cmp(&other.filename).then_with(|| place(one).cmp(&place(other)))
    });
    let folder = Folder::open(&args.output)?;
    terminal.stage("repairing", Some(files.len() as u64));
    let outcomes = repair_all(&files, &folder, &policy, terminal);
    // Ends the bar before anything else is written.
    terminal.say("");
    report(args.format, &files, outcomes, terminal)
}

/// The files that an argument stands for.
fn find(
    what: &str,
    context: &Context<'_>,
    output: Option<&Path>,
    terminal: &Terminal,
) -> Result<Vec<Named>> {
    let path = Path::new(what);
    if path.exists() && !path.is_dir() {
        return Ok(vec![(source::artifact_of_file(path, 0)?.into(), None)]);
    }
    let spec: SourceSpec = what.parse().map_err(|error| Error::config(format!("{error}")))?;
    if let (SourceSpec::Directory(path), Some(output)) = (&spec, output)
        && path.canonicalize().is_ok_and(|path| path == output)
    {
        return Err(is_source(output, what));
    }
    // What earlier runs have written may lie below the source.
    let source: Arc<dyn Source> = source::connect(&SourceSettings::plain(spec), context)?.into();
    if !source.has_bytes() {
        return Err(Error::config_hint(
            format!("`{what}` names files and has none"),
            "name the wheels, or the folder that holds them",
        ));
    }
    let listing = source.list(0)?;
    listing.report(terminal);
    let mut named: Vec<Named> = Vec::new();
    for artifact in listing.artifacts {
        if matches!(artifact.dist, Ok(DistFilename::Sdist(_))) {
            let place = sanitized(&artifact.location.to_string());
            terminal.warn(&format!("ignored `{place}`: a source distribution"));
        } else {
            named.push((artifact, Some(source.clone())));
        }
    }
    Ok(named)
}

fn lies_in(artifact: &Artifact, folder: &Path) -> bool {
    let Location::File(path) = &artifact.location else { return false };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).canonicalize().is_ok_and(|parent| parent == folder)
}

fn is_source(output: &Path, what: &str) -> Error {
    Error::config_hint(
        format!("`{}` cannot be the output: it is the folder of `{what}`", output.display()),
        "choose another folder with `--output`; the files that were there stay as they are",
    )
}

/// Repairs in parallel, but files that get the same name one after the other.
fn repair_all(
    files: &[Named],
    folder: &Folder,
    policy: &Policy,
    terminal: &Terminal,
) -> Vec<Result<Outcome>> {
    let mut groups: BTreeMap<Box<str>, Vec<usize>> = BTreeMap::new();
    for (index, (artifact, _)) in files.iter().enumerate() {
        let name =
            repair::output_name(artifact).unwrap_or_else(|| artifact.filename.as_ref().into());
        groups.entry(name).or_default().push(index);
    }
    let groups: Vec<Vec<usize>> = groups.into_values().collect();
    let repair = |index: usize| {
        let (artifact, source) = &files[index];
        let opened = match source {
            Some(source) => source.open(artifact),
            None => source::open_file(artifact),
        };
        let outcome = repair::repair(artifact, opened, folder, policy, &[]);
        terminal.step();
        (index, outcome)
    };
    let mut outcomes: Vec<(usize, Result<Outcome>)> = groups
        .into_par_iter()
        .flat_map_iter(|group| group.into_iter().map(repair).collect::<Vec<_>>())
        .collect();
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Tells of every file whose outcome is known, even if another could not be read or written.
fn report(
    format: Format,
    files: &[Named],
    outcomes: Vec<Result<Outcome>>,
    terminal: &Terminal,
) -> Result<ExitCode> {
    let mut reports = Vec::new();
    let mut failure = None;
    for ((artifact, _), outcome) in files.iter().zip(outcomes) {
        match outcome {
            Ok(outcome) => reports.push(FileReport::new(&artifact.filename, outcome)),
            Err(error) => match failure {
                None => failure = Some(error),
                Some(_) => terminal.error(&error),
            },
        }
    }
    let count = |outcome| reports.iter().filter(|file| file.outcome == outcome).count();
    let [repaired, fine, refused] = ["repaired", "fine", "refused"].map(count);
    let report = Report { repaired, fine, refused, files: reports };
    match format {
        Format::Json => print_json(&report)?,
        Format::Human => {
            print(&report.files.iter().map(FileReport::line).collect::<String>())?;
            terminal.info(&format!("{repaired} repaired, {fine} fine, {refused} refused"));
        }
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(ExitCode::from(u8::from(refused > 0))),
    }
}

impl FileReport {
    fn new(filename: &str, outcome: Outcome) -> Self {
        let filename = filename.to_owned();
        let (outcome, output, reason, hint) = match outcome {
            Outcome::Repaired(output) => ("repaired", Some(output.into()), None, None),
            Outcome::Fine => ("fine", Some(filename.clone()), None, None),
            Outcome::Refused(refusal) => ("refused", None, Some(refusal.reason), refusal.hint),
        };
        Self { filename, outcome, output, reason, hint }
    }

    fn line(&self) -> String {
        let name = sanitized(&self.filename);
        match (&self.output, &self.reason) {
            (_, Some(reason)) => {
                let hint = self.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
                format!("{} {name}: {reason}{hint}\n", "refused".red().bold())
            }
            (Some(output), _) if self.outcome == "repaired" => {
                format!("{} {name} -> {output}\n", "repaired".green())
            }
            _ => format!("{} {name}\n", self.outcome.green()),
        }
    }
}
