//! `wheelsite publish`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::build::read_config;
use super::terminal::Terminal;
use super::{Format, print, print_json};
use crate::config::{Environment, SiteConfig};
use crate::error::Result;
use crate::host::Host;
use crate::pipeline;
use crate::publish::{Grace, PublishOptions, PublishSettings, Report};
use crate::render::people::human_size;

/// Bring a site to where it is served, so that no reader ever sees half of it
#[derive(Debug, Args)]
pub(super) struct PublishArgs {
    /// The site
    #[arg(default_value = "site")]
    site: PathBuf,
    /// Where: a folder, `s3://BUCKET/PREFIX`, `gs://`, `az://`, `git+URL#BRANCH` or `gh-release:TAG`
    // Not parsed by clap, which shows what it was given: that may hold a password.
    #[arg(long, value_name = "TARGET")]
    to: Option<String>,
    #[command(flatten)]
    how: HowArgs,
    /// Where the site will be served: decides keys, content types, what is left out and what comes with it [default: what the site was built for]
    #[arg(long, value_name = "PROFILE")]
    host: Option<Host>,
    /// To a release that is there: only `.metadata` files and `wheelsite-facts.json`
    #[arg(long)]
    sidecars_only: bool,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Requests at once
    #[arg(long, short, value_name = "N", default_value_t = 16)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,
    /// Configuration file [default: config/site.yml, where it exists]
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How the summary is printed
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// How a site is published, whichever command does it.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct HowArgs {
    /// Publish into what others have published there, file by file
    #[arg(long)]
    pub(super) merge: bool,
    /// How long files that no page refers to any more stay, as `0s`, `12h` or `7d` [default: 1d]
    #[arg(long, value_name = "DURATION")]
    pub(super) grace: Option<Grace>,
}

pub(super) fn run(args: &PublishArgs, terminal: &Terminal) -> Result<ExitCode> {
    let config = read_config(args.config.as_deref())?;
    let options = PublishOptions {
        to: args.to.clone(),
        host: args.host,
        merge: args.how.merge,
        sidecars_only: args.sidecars_only,
        grace: args.how.grace,
        jobs: Some(args.jobs.into()),
        dry_run: args.dry_run,
    };
    let settings = PublishSettings::resolve(&config.publish, options)?;
    let report = publish(&args.site, config, &settings, terminal)?;
    match args.format {
        Format::Json => print_json(&report)?,
        Format::Human => tell(&report, terminal)?,
    }
    tell_of_host(report.host, terminal);
    Ok(ExitCode::SUCCESS)
}

/// Says what the host cannot do.
pub(super) fn tell_of_host(host: Host, terminal: &Terminal) {
    for note in host.notes() {
        terminal.info(&format!("note: {note}"));
    }
}

/// Publishes a folder.
pub(super) fn publish(
    site: &Path,
    config: SiteConfig,
    settings: &PublishSettings,
    terminal: &Terminal,
) -> Result<Report> {
    pipeline::publish(site, config, settings, &Environment::of_process()?, terminal)
}

/// The plan is data, what was done is not.
pub(super) fn tell(report: &Report, terminal: &Terminal) -> Result<()> {
    if report.dry_run {
        let lines = report.plan.iter().map(|step| format!("{} {}\n", step.action, step.path));
        print(&lines.collect::<String>())?;
        terminal.info(&format!("nothing was written to {}", report.target));
        return Ok(());
    }
    if report.is_nothing() {
        terminal.info(&format!("{} is up to date", report.target));
        return Ok(());
    }
    terminal.info(&format!(
        "published {}: {} files and {} pages sent ({}), {} deleted, {} kept for a while",
        report.target,
        report.files_sent,
        report.pages_sent,
        human_size(report.bytes_sent),
        report.deleted,
        report.kept,
    ));
    Ok(())
}
