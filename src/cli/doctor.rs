//! `wheelsite doctor`

use std::process::ExitCode;

use clap::Args;
use owo_colors::OwoColorize;

use super::terminal::{Terminal, severity_text};
use super::{Format, print, print_json};
use crate::config::Environment;
use crate::doctor::{self, IndexReport, Options, Report, Symptom, Told};
use crate::error::Result;
use crate::wheel::{ProjectName, sanitized};

/// See a live index as pip and uv see it; exits with 1 when something would break an install
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// The index, as `pip install --index-url` takes it, or the site that it belongs to
    // Not parsed by clap, which shows what it was given: that may hold a password.
    #[arg(value_name = "URL")]
    url: String,
    /// Look at this project alone; may be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "sample")]
    project: Vec<ProjectName>,
    /// Look at so many of the projects, chosen evenly
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = at_least_one())]
    sample: u32,
    /// Ask for so many files of each project, chosen evenly
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one())]
    files: u32,
    /// Look at all projects and all files
    #[arg(long, conflicts_with_all = ["sample", "files"])]
    all: bool,
    /// Download the files that are asked for, and compare their hashes
    #[arg(long)]
    download: bool,
    /// Look at the channels of a site that wheelsite has made, too
    #[arg(long)]
    channels: bool,
    /// Requests at once
    #[arg(long, short, value_name = "N", default_value_t = 4)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

fn at_least_one() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

pub(super) fn run(args: &DoctorArgs, terminal: &Terminal) -> Result<ExitCode> {
    let some = |count: u32| (!args.all).then(|| usize::try_from(count).unwrap_or(usize::MAX));
    let options = Options {
        url: args.url.clone(),
        projects: args.project.clone(),
        sample: some(args.sample),
        files: some(args.files),
        download: args.download,
        channels: args.channels,
        jobs: args.jobs.into(),
    };
    let report = doctor::examine(&options, &Environment::of_process()?, terminal)?;
    terminal.say("");
    match args.format {
        Format::Json => print_json(&report)?,
        Format::Human => print(&text(&report))?,
    }
    Ok(ExitCode::from(u8::from(report.errors > 0)))
}

fn text(report: &Report) -> String {
    let mut text: String = report.indexes.iter().map(index_text).collect();
    for group in report.findings.chunk_by(|one, other| one.finding.check == other.finding.check) {
        text.push_str(&group_text(group));
    }
    text.push_str(&format!(
        "{}, {}, {}; {}\n",
        counted(report.errors, "error"),
        counted(report.warnings, "warning"),
        counted(report.notes, "note"),
        counted(report.requests, "request"),
    ));
    text
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn index_text(index: &IndexReport) -> String {
    let by = index.server.name().map(|name| format!("served by {name}"));
    let made = index.generator.as_deref().map(|name| format!("made by {}", sanitized(name)));
    let about: Vec<String> = by.into_iter().chain(made).collect();
    let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
    let mut text = format!("{}{about}\n", index.url.bold());
    let column = |of: fn(&Told) -> String| {
        let widths = index.root.iter().map(|told| of(told).chars().count());
        widths.max().unwrap_or_default()
    };
    let asked = |told: &Told| format!("asked as {}", told.asked_as.name().trim_matches('`'));
    let answered = |told: &Told| {
        let status = told.status.map_or_else(|| "no answer".to_owned(), |it| it.to_string());
        let kind = told.content_type.as_deref().unwrap_or("no type");
        format!("{status} {kind}")
    };
    let vary = |told: &Told| {
        let vary = told.vary.as_deref();
        vary.map_or_else(|| "no Vary".to_owned(), |vary| format!("Vary: {vary}"))
    };
    let widths = (column(asked), column(answered), column(vary));
    for told in &index.root {
        let caching = told.cache_control.as_deref().unwrap_or("no Cache-Control");
        text.push_str(&format!(
            "  {:3$}  {:4$}  {:5$}  {caching}\n",
            asked(told),
            answered(told),
            vary(told),
            widths.0,
            widths.1,
            widths.2
        ));
    }
    text.push_str(&format!(
        "  looked at {} of {}, and asked for {} of their {}\n\n",
        index.projects_seen,
        counted(index.projects as u64, "project"),
        index.files_seen,
        counted(index.files as u64, "file"),
    ));
    text
}

/// Findings of one check: the first in full, and how many more there are.
fn group_text(group: &[Symptom]) -> String {
    let Some(first) = group.first() else { return String::new() };
    let finding = &first.finding;
    let all: u64 = group.iter().map(|symptom| 1 + symptom.more).sum();
    let count = if all > 1 { format!(" ({all} times)") } else { String::new() };
    let severity = severity_text(finding.severity);
    let mut text = format!("{severity}[{}]{count}: {}\n", finding.check, first.url.bold());
    text.push_str(&format!("  {}\n", finding.message));
    if let Some(hint) = &finding.hint {
        text.push_str(&format!("  {}: {hint}\n", "hint".cyan()));
    }
    text.push('\n');
    text
}
