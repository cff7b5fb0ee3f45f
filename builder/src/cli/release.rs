//! `wheelsite-builder release`

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use anstream::eprintln;
use clap::Args;
use owo_colors::OwoColorize;
use wheelsite::config::Environment;
use wheelsite::publish::{Releases, WheelUpload, upload_wheels};
use wheelsite::render::people::human_size;
use wheelsite::report::Reporter;
use wheelsite::source::{ReleaseSpec, Repository};
use wheelsite::verify::{Policy, Severity, Verdict};

use super::build::Output;
use super::terminal::{Terminal, print, print_json};
use crate::engine::text::clean;
use crate::error::{Error, Result};
use crate::release::{tag_of, wheels};

/// Upload wheels to a release on GitHub, each with its `.metadata` and its build report
///
/// A release that exists is completed, and nothing in it is replaced. One that is full is followed
/// by TAG-2, TAG-3, ... Wheels that any release of the repository has are not sent again.
#[derive(Debug, Args)]
pub(super) struct ReleaseArgs {
    /// Folder of the wheels
    #[arg(value_name = "WHEELS", default_value = "wheels")]
    wheels: PathBuf,
    /// Tag of the release [default: the date in UTC, as `v2026-01-28`]
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// The repository [default: the one of GITHUB_REPOSITORY]
    #[arg(long, value_name = "OWNER/REPO")]
    repository: Option<String>,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Requests at once
    #[arg(long, short, value_name = "N", default_value_t = 16)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,
    /// How the summary is printed
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Output,
}

pub(super) fn run(args: &ReleaseArgs, terminal: Terminal) -> Result<ExitCode> {
    let environment = Environment::of_process()?;
    let (spec, repository) = args.release(&environment)?;
    let reporter = Lines { terminal, stage: Mutex::default() };
    let wheels = wheels(&args.wheels, &Policy::default(), &reporter)?;
    let upload = WheelUpload {
        spec: &spec,
        repository,
        jobs: args.jobs.into(),
        dry_run: args.dry_run,
        environment: &environment,
        reporter: &reporter,
    };
    let releases = upload_wheels(&wheels, &upload)?;
    match args.format {
        Output::Json => print_json(&releases)?,
        Output::Human => tell(&releases, terminal)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl ReleaseArgs {
    /// Which release, and the repository where that is not said here.
    fn release(
        &self,
        environment: &Environment,
    ) -> Result<(ReleaseSpec, Option<(&'static str, String)>)> {
        let tag = self.tag.clone().unwrap_or_else(|| tag_of(jiff::Timestamp::now()));
        // As `gh-release:@TAG` has it: a tag goes into URLs and messages.
        let is_tag = !tag.is_empty()
            && tag.len() <= 200
            && !tag.starts_with(['-', '.', '/'])
            && tag.chars().all(|char| char.is_ascii_alphanumeric() || "-_./+".contains(char));
        if !is_tag {
            return Err(Error::config(
                format!("`--tag`: `{}` is no tag", clean(&tag)),
                "write letters, digits and `-_./+`, as in `v2026-01-28`",
            ));
        }
        let parse = |name: &String| {
            name.parse::<Repository>().map_err(|error| {
                Error::config(format!("`--repository`: {error}"), "write OWNER/REPO")
            })
        };
        let repository = self.repository.as_ref().map(parse).transpose()?;
        let of_environment = environment.github.repository.clone();
        let otherwise = of_environment.map(|name| ("GITHUB_REPOSITORY", name));
        if repository.is_none() && otherwise.is_none() {
            return Err(Error::config(
                "it is not said which repository gets the release",
                "name it: `--repository OWNER/REPO`, or set GITHUB_REPOSITORY",
            ));
        }
        Ok((ReleaseSpec { repository, tag: Some(tag) }, otherwise))
    }
}

/// Plan and tags are data, the rest is not.
fn tell(releases: &Releases, terminal: Terminal) -> Result<()> {
    let repository = &releases.repository;
    if releases.dry_run {
        let mut text = String::new();
        for release in &releases.releases {
            let lines = release.plan.iter();
            let lines = lines.map(|it| format!("{} {} {}\n", release.tag, it.action, it.path));
            text.extend(lines);
        }
        print(&text)?;
        terminal.info(&format!("nothing was sent to {repository}"));
        return Ok(());
    }
    for release in &releases.releases {
        terminal.info(&format!(
            "{} gh-release:{repository}@{}: {} files sent ({}), {} of them wheels",
            if release.is_new { "made" } else { "completed" },
            release.tag,
            release.files_sent,
            human_size(release.bytes_sent),
            release.wheels.len(),
        ));
    }
    if !releases.held.is_empty() {
        terminal.info(&format!("{} wheels were there already", releases.held.len()));
    }
    print(&releases.tags.iter().map(|tag| format!("{tag}\n")).collect::<String>())
}

/// Hears of the upload, and tells it in lines.
struct Lines {
    terminal: Terminal,
    /// The stage that was told last: releases have the same ones.
    stage: Mutex<&'static str>,
}

impl Reporter for Lines {
    fn stage(&self, name: &'static str, steps: Option<u64>) {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = std::mem::replace(&mut *stage, name) != name;
        if is_new || self.terminal.is_verbose() {
            let steps = steps.map(|steps| format!(" {steps} files")).unwrap_or_default();
            self.terminal.info(&format!("{name}{steps}"));
        }
    }

    fn warn(&self, message: &str) {
        self.terminal.warn(message);
    }

    fn note(&self, message: &str) {
        if self.terminal.is_verbose() {
            self.terminal.info(message);
        }
    }

    fn verdict(&self, verdict: &Verdict) {
        let least = if self.terminal.is_verbose() { Severity::Note } else { Severity::Warning };
        if verdict.accepted && self.terminal.is_quiet() {
            return;
        }
        let mut findings = verdict.findings.iter().filter(|it| it.severity >= least).peekable();
        if findings.peek().is_none() {
            return;
        }
        let words = if verdict.accepted { "accepted" } else { "rejected" };
        eprintln!("{words} {}", clean(&verdict.location).bold());
        for finding in findings {
            let severity = match finding.severity {
                Severity::Error => "error".red().to_string(),
                Severity::Warning => "warning".yellow().to_string(),
                Severity::Note => "note".blue().to_string(),
            };
            eprintln!("  {severity}[{}]: {}", finding.check, finding.message);
            if let Some(hint) = &finding.hint {
                eprintln!("    {}: {hint}", "hint".cyan());
            }
        }
    }
}
