//! `wheelsite build`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::publish::{HowArgs, publish, tell, tell_of_host};
use super::{Format, print_json};
use crate::cli::terminal::Terminal;
use crate::config::{
    ChannelsMode, DEFAULT_PATH, Environment, FilesMode, OnConflict, OnReject, Options, PagesMode,
    Settings, SiteConfig, SourceConfig,
};
use crate::error::{Error, Result};
use crate::facts::Depth;
use crate::host::Host;
use crate::pipeline::{self, Summary};
use crate::publish::{PublishOptions, PublishSettings, Report};
use crate::report::Reporter;
use crate::source::SourceSpec;
use crate::verify::Level;

/// Make a site: scan, verify, render
#[derive(Debug, Args)]
pub(super) struct BuildArgs {
    #[command(flatten)]
    pub(super) what: WhatArgs,
    /// Folder that the site is written to
    #[arg(long, short, value_name = "DIR", default_value = "site")]
    output: PathBuf,
    /// Take what is known from the site in this folder or at this URL
    #[arg(long, value_name = "PATH|URL")]
    previous: Option<String>,
    /// Read every file anew, whatever is known
    #[arg(long)]
    refresh: bool,
    /// Make no request
    #[arg(long)]
    offline: bool,
    /// Let the build drop whole projects, or more than a tenth of the files
    #[arg(long)]
    allow_removals: bool,
    /// Let the index be empty
    #[arg(long)]
    allow_empty: bool,
    /// Write into a folder that holds something else
    #[arg(long)]
    force: bool,
    /// Threads, and requests at once [default: one for each core, and 16]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Publish the site when it is built; `wheelsite publish --help` says where to
    // Not parsed by clap, which shows what it was given: that may hold a password.
    #[arg(long, value_name = "TARGET")]
    publish: Option<String>,
    #[command(flatten, next_help_heading = "With --publish")]
    how: HowArgs,
    /// How the summary is printed
    #[arg(long, value_name = "FORMAT", default_value = "human", help_heading = "Options")]
    format: Format,
}

/// What a site is made of, and how it looks.
#[derive(Debug, Clone, Args)]
pub(super) struct WhatArgs {
    /// Where files come from; may be repeated
    ///
    /// A folder, `dir:PATH`, `list:FILE.jsonl`, `gh-release:TAG` (also `@TAG`, `OWNER/REPO@TAG`, or
    /// `OWNER/REPO` for all releases), `s3://BUCKET/PREFIX`, `az://`, `gs://`, or
    /// `simple+https://HOST/simple/#PROJECT,...`
    #[arg(long, short, value_name = "SPEC")]
    source: Vec<String>,
    /// Take only files whose names match; may be repeated
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// Take no files whose names match; may be repeated
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Of all releases of a repository, take prereleases too
    #[arg(long)]
    prereleases: bool,
    /// Of all releases of a repository, take drafts too
    #[arg(long)]
    drafts: bool,
    /// Configuration file [default: config/site.yml, where it exists]
    #[arg(long, short, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Where the files are served, when not by the site
    #[arg(long, alias = "base-url", value_name = "URL")]
    files_url: Option<String>,
    /// Where the site will be served
    #[arg(long, value_name = "URL")]
    site_url: Option<String>,
    /// How pages refer to the files: the site carries copies or hard links, or links to where they are
    #[arg(long, value_name = "MODE")]
    files: Option<FilesMode>,
    /// `default`, `plain`, or a folder with a theme
    #[arg(long, value_name = "THEME")]
    theme: Option<String>,
    /// Which pages for people are written
    #[arg(long, value_name = "PAGES")]
    pages: Option<PagesMode>,
    /// Where the site will be served
    #[arg(long, value_name = "PROFILE")]
    host: Option<Host>,
    /// Whether there is a sub-index for each CUDA version
    #[arg(long, value_name = "MODE")]
    channels: Option<ChannelsMode>,
    /// What a rejected file does: `fail` the build, or `exclude` the file
    #[arg(long, value_name = "ACTION")]
    on_reject: Option<OnReject>,
    /// What the same filename with different bytes at two places does
    #[arg(long, value_name = "ACTION")]
    on_conflict: Option<OnConflict>,
    #[command(flatten)]
    pub(super) verification: VerificationArgs,
}

/// How files are verified.
#[derive(Debug, Clone, Args)]
pub(super) struct VerificationArgs {
    /// How much of each file is read [default: full for local files, metadata for others]
    #[arg(long, value_name = "DEPTH")]
    pub(super) depth: Option<Depth>,
    /// Pass over what a check finds, of all files or of those whose names match; may be repeated
    #[arg(long, value_name = "CHECK[:PATTERN]")]
    allow: Vec<String>,
    /// Reject files in which a check finds something; may be repeated
    #[arg(long, value_name = "CHECK[:PATTERN]")]
    deny: Vec<String>,
}

impl VerificationArgs {
    /// The levels that the flags set.
    pub(super) fn levels(&self) -> Vec<(String, Level)> {
        let allowed = self.allow.iter().map(|id| (id.clone(), Level::Allow));
        allowed.chain(self.deny.iter().map(|id| (id.clone(), Level::Deny))).collect()
    }
}

impl WhatArgs {
    /// The settings of a build of these things, with the rest of its options.
    pub(super) fn settings(self, rest: Options) -> Result<Settings> {
        let config = read_config(self.config.as_deref())?;
        let options = Options {
            // Not parsed by clap, which shows what it was given: that may hold a password.
            sources: self.source.iter().map(|spec| parse_spec(spec)).collect::<Result<_>>()?,
            source_flags: SourceConfig {
                include: self.include,
                exclude: self.exclude,
                prereleases: self.prereleases,
                drafts: self.drafts,
                ..SourceConfig::default()
            },
            site_url: self.site_url,
            files_url: self.files_url,
            files: self.files,
            theme: self.theme,
            pages: self.pages,
            host: self.host,
            channels: self.channels,
            on_reject: self.on_reject,
            on_conflict: self.on_conflict,
            depth: self.verification.depth,
            levels: self.verification.levels(),
            ..rest
        };
        Settings::resolve(config, options, Environment::of_process()?)
    }
}

/// A source as a flag names it.
pub(super) fn parse_spec(text: &str) -> Result<SourceSpec> {
    text.parse().map_err(|error| Error::config(format!("{error}")))
}

pub(super) fn read_config(path: Option<&Path>) -> Result<SiteConfig> {
    let default = Path::new(DEFAULT_PATH);
    match path {
        Some(path) => SiteConfig::read(path),
        None if default.is_file() => SiteConfig::read(default),
        None => SiteConfig::embedded(),
    }
}

pub(super) fn run(args: BuildArgs, terminal: &Terminal) -> Result<ExitCode> {
    let format = args.format;
    let output = args.output.clone();
    let publishing = publishing(&args)?;
    let settings = args.what.settings(Options {
        output: Some(args.output),
        previous: args.previous,
        refresh: args.refresh,
        offline: args.offline,
        allow_removals: args.allow_removals,
        allow_empty: args.allow_empty,
        force: args.force,
        jobs: args.jobs.map(usize::from),
        ..Options::default()
    })?;
    let host = settings.host;
    let (summary, leftovers) = pipeline::build_and_leave(&settings, terminal)?;
    if publishing.is_some() {
        drop(leftovers);
    } else {
        // The process ends soon.
        std::mem::forget(leftovers);
    }
    if summary.rejected > 0 {
        terminal.warn(&format!("left out {} rejected files", summary.rejected));
    }
    let publish = || {
        let (config, settings) = publishing?;
        Some(publish(&output, config, &settings, terminal))
    };
    match format {
        Format::Human => {
            terminal.info(&summary_text(&summary, &output));
            tell_of_host(host, terminal);
            if let Some(published) = publish() {
                let report = published?;
                tell(&report, terminal)?;
                if report.host != host {
                    tell_of_host(report.host, terminal);
                }
            }
        }
        Format::Json => {
            tell_of_host(host, terminal);
            let published = publish();
            // What was built is said also where it could not be published.
            let report = published.as_ref().and_then(|published| published.as_ref().ok());
            print_json(&Built { summary: &summary, published: report })?;
            if let Some(report) = report.filter(|report| report.host != host) {
                tell_of_host(report.host, terminal);
            }
            published.transpose()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Built<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<&'a Report>,
}

/// Where the site is published when it is built: what is wrong with that is told before.
fn publishing(args: &BuildArgs) -> Result<Option<(SiteConfig, PublishSettings)>> {
    let HowArgs { merge, grace } = args.how;
    if args.publish.is_none() {
        if merge || grace.is_some() {
            return Err(Error::config_hint(
                "`--merge` and `--grace` say how to publish, and nothing is published",
                "say where: `--publish TARGET`",
            ));
        }
        return Ok(None);
    }
    if args.offline {
        return Err(Error::config("`--publish` and `--offline` contradict each other"));
    }
    let mut config = read_config(args.what.config.as_deref())?;
    // A merge makes pages anew.
    config.theme = args.what.theme.clone().or(config.theme);
    let options = PublishOptions {
        to: args.publish.clone(),
        host: args.what.host,
        merge,
        grace,
        jobs: args.jobs.map(usize::from),
        ..PublishOptions::default()
    };
    let settings = PublishSettings::resolve(&config.publish, options)?;
    Ok(Some((config, settings)))
}

pub(super) fn summary_text(summary: &Summary, output: &Path) -> String {
    let count = |count: u64, one: &str, many: &str| {
        format!("{count} {}", if count == 1 { one } else { many })
    };
    format!(
        "built {}: {} in {}; {} written, {} unchanged, {} removed",
        output.display(),
        count(summary.files as u64, "file", "files"),
        count(summary.projects as u64, "project", "projects"),
        count(summary.pages_written, "page", "pages"),
        summary.unchanged,
        summary.removed,
    )
}
