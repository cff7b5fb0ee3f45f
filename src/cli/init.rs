//! `wheelsite init`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::print;
use super::terminal::Terminal;
use crate::config::Environment;
use crate::error::{Error, Result};
use crate::init::{initialize, repository_in};
use crate::source::Repository;

/// Make a folder a repository for an index: configuration, package list, workflow, README
///
/// Files that are there already are left as they are.
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The folder
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// The repository on GitHub [default: that of the folder's git remote, else GITHUB_REPOSITORY]
    #[arg(long, value_name = "OWNER/REPO")]
    repository: Option<Repository>,
}

pub(super) fn run(args: &InitArgs, terminal: &Terminal) -> Result<ExitCode> {
    let repository = match args.repository.clone().or_else(|| repository_in(&args.folder)) {
        Some(repository) => Some(repository),
        None => of_environment()?,
    };
    let done = initialize(&args.folder, repository.as_ref())?;
    let mut lines = String::new();
    for path in &done.written {
        lines.push_str(&format!("wrote {path}\n"));
    }
    for path in &done.left {
        lines.push_str(&format!("left {path} as it is\n"));
    }
    print(&lines)?;
    terminal.info(&next_steps(done.site_url.as_deref()));
    Ok(ExitCode::SUCCESS)
}

/// What GitHub Actions say.
fn of_environment() -> Result<Option<Repository>> {
    let Some(name) = Environment::of_process()?.github.repository else { return Ok(None) };
    let repository =
        name.parse().map_err(|error| Error::config(format!("GITHUB_REPOSITORY: {error}")));
    repository.map(Some)
}

fn next_steps(site_url: Option<&str>) -> String {
    match site_url {
        Some(url) => format!(
            "choose \"GitHub Actions\" as the source of Pages in the settings of the repository, add a package to \
             config/packages.yml, and push: the index will be at {url}simple/"
        ),
        None => "no repository on GitHub is known: put it into `site_url` in config/site.yml and into README.md\n\
                 until then, put wheels into `wheels/`, and run `wheelsite build` and `wheelsite serve`"
            .to_owned(),
    }
}
