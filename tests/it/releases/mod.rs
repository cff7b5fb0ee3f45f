//! Releases on GitHub as a source: the real program against the stand-in.

mod cache;
mod drill;
mod faults;
mod hostile;
mod install;
mod limits;
mod listing;
mod private;
mod traffic;

use serde_json::Value;

use crate::support::github::{Asset, Entry, Github, Origin, Release, Repository};
use crate::support::{Run, Wheel, Workspace};

const REPOSITORY: &str = "octo/wheels";

fn asset(wheel: &Wheel) -> Asset {
    Asset::new(wheel.filename(), wheel.bytes())
}

/// A public repository with one release, `v1`, of these wheels.
fn one_release(wheels: &[Wheel]) -> Repository {
    Repository::new(REPOSITORY).release(release("v1", wheels))
}

fn release(tag: &str, wheels: &[Wheel]) -> Release {
    wheels.iter().fold(Release::new(tag), |release, wheel| release.asset(asset(wheel)))
}

/// Runs a build against the stand-in, without a token.
fn build(workspace: &Workspace, github: &Github, arguments: &[&str]) -> Run {
    let mut all = vec!["build", "--format", "json"];
    all.extend(arguments);
    Run::of(patient(github.env(&mut workspace.command(&all))))
}

/// As [`build`], with a token.
fn build_with(workspace: &Workspace, github: &Github, token: &str, arguments: &[&str]) -> Run {
    let mut all = vec!["build", "--format", "json"];
    all.extend(arguments);
    Run::of(patient(github.env_with_token(&mut workspace.command(&all), token)))
}

/// Requests that fail are made again without a pause.
fn patient(command: &mut std::process::Command) -> &mut std::process::Command {
    command.env("WHEELSITE_HTTP_RETRY_DELAY", "0")
}

/// The filenames that a project's page offers.
fn files(workspace: &Workspace, project: &str) -> Vec<String> {
    let page = workspace.json(&format!("site/simple/{project}/index.v1_json"));
    let files = page["files"].as_array().expect("is a list");
    files.iter().map(|file| file["filename"].as_str().expect("is text").to_owned()).collect()
}

/// The one file of a project.
#[track_caller]
fn only_file(workspace: &Workspace, project: &str) -> Value {
    let page = workspace.json(&format!("site/simple/{project}/index.v1_json"));
    assert_eq!(page["files"].as_array().map(Vec::len), Some(1), "{page}");
    page["files"][0].clone()
}

/// Requests for bytes of assets, those that were redirected elsewhere not counted.
fn downloads(github: &Github) -> Vec<Entry> {
    let log = github.log();
    log.into_iter().filter(|entry| entry.origin == Origin::Blob).collect()
}

/// Downloads of wheels alone.
fn wheel_downloads(github: &Github) -> Vec<Entry> {
    let is_wheel =
        |entry: &Entry| entry.path.split('?').next().is_some_and(|path| path.ends_with(".whl"));
    downloads(github).into_iter().filter(is_wheel).collect()
}
