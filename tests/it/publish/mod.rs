//! Publishing: the real program to folders, real stores, branches and releases.

mod assets;
mod branch;
mod conditions;
mod drills;
mod folder;
pub(crate) mod garage;
mod history;
mod keeping;
mod merge;
mod races;
mod release;
mod scale;
mod stores;

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::support::github::Content;
use crate::support::program::tree;
use crate::support::synthetic::SyntheticWheel;
use crate::support::{Run, Wheel, Workspace};

/// Runs in this many rounds, or as many as the environment says.
fn rounds(variable: &str, few: u64) -> u64 {
    std::env::var(variable).ok().and_then(|count| count.parse().ok()).unwrap_or(few)
}

/// The program as it publishes, with what it takes to reach the target.
fn command(workspace: &Workspace, environment: &[(&str, String)], arguments: &[&str]) -> Command {
    let mut all = vec!["publish", "--format", "json"];
    all.extend(arguments);
    let mut command = workspace.command(&all);
    command
        .env("WHEELSITE_HTTP_RETRY_DELAY", "5")
        .env("WHEELSITE_PUBLISH_PATIENCE", "2")
        .env("NO_PROXY", "127.0.0.1,localhost")
        .envs(environment.iter().map(|(name, value)| (*name, value)));
    command
}

/// Publishes, expects that it works, and gives the report.
#[track_caller]
fn publish(workspace: &Workspace, environment: &[(&str, String)], arguments: &[&str]) -> Value {
    Run::of(&mut command(workspace, environment, arguments)).works().json()
}

/// Builds `wheels/` into `site/`, of whatever it was before.
fn build(workspace: &Workspace, arguments: &[&str]) {
    let mut all = vec!["build", "--quiet", "--allow-removals", "--allow", "digest-changed"];
    all.extend(arguments);
    let run = Run::of(workspace.command(&all).env("SOURCE_DATE_EPOCH", "0"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

/// A site of three projects, one of them with two channels.
fn some_wheels() -> Workspace {
    let workspace = Workspace::new();
    for (name, version) in [
        ("alpha", "1.0"),
        ("alpha", "1.1"),
        ("beta", "1.0+cu126"),
        ("beta", "1.0+cu128"),
        ("gamma", "3"),
    ] {
        let header = "Requires-Python: >=3.9";
        workspace.wheel(&Wheel::new(name, version).header(header));
    }
    workspace
}

/// A wheel that is uploaded in parts.
fn large(workspace: &Workspace, megabytes: u64) -> SyntheticWheel {
    let wheel = SyntheticWheel::new("large", "1.0", megabytes << 20, 10);
    let bytes = wheel.read(0..wheel.size());
    workspace.write(&format!("wheels/{}", wheel.filename()), bytes);
    wheel
}

/// The pages and files of a folder: what publishing adds to the state left out, and the white space
/// behind pages.
fn served(workspace: &Workspace, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let mut tree = tree(&workspace.path(folder));
    tree.retain(|path, _| !path.starts_with("state/") && path != "wheelsite.json");
    for (path, bytes) in &mut tree {
        if !path.starts_with("files/") && !path.starts_with("assets/") {
            bytes.truncate(bytes.trim_ascii_end().len());
        }
    }
    tree
}

/// A site of these wheels, and no more.
fn site_of(wheels: &[(&str, &str)]) -> Workspace {
    let workspace = Workspace::new();
    add(&workspace, wheels);
    build(&workspace, &[]);
    workspace
}

fn add(workspace: &Workspace, wheels: &[(&str, &str)]) {
    for (name, version) in wheels {
        let text = format!("# {name} {version}\n\nWhat it is.\n");
        let wheel = Wheel::new(name, version).header("Requires-Python: >=3.9");
        workspace.wheel(&wheel.description("text/markdown", &text));
    }
}
