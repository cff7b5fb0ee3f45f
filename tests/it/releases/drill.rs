//! The numbers that the project promises of large releases, measured.
//!
//! `cargo test --release --test it -- --ignored --nocapture two_hundred_wheels`

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{REPOSITORY, wheel_downloads};
use crate::support::github::{Asset, Github, Release, Repository};
use crate::support::synthetic::SyntheticWheel;
use crate::support::{Run, Workspace, repository, tools};

const WHEELS: usize = 200;
const JOBS: u32 = 16;
const LATENCY: Duration = Duration::from_millis(50);

/// Runs a build, and gives what it took.
fn measured(workspace: &Workspace, github: &Github, arguments: &[&str]) -> Value {
    let report = workspace.path("measured.json");
    let program = workspace.command(&["build", "--source", "gh-release:v1", "--jobs", "16"]);
    let mut command = Command::new("python3");
    command.arg(repository("tests/it/scripts/measure.py")).arg(&report);
    command.arg(program.get_program()).args(program.get_args()).args(arguments);
    workspace.confine(&mut command);
    let run = Run::of(github.env(&mut command));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    workspace.json("measured.json")
}

#[test]
#[ignore = "takes a while: for measuring, and for the soak"]
fn two_hundred_wheels_of_200_mb() {
    if !tools::has_program("python3") {
        return;
    }
    let wheel = |number| SyntheticWheel::new("large", &format!("1.{number}"), 200 << 20, 500);
    let wheels: Vec<_> = (0..WHEELS).map(|number| Arc::new(wheel(number))).collect();
    let release = wheels.iter().fold(Release::new("v1"), |release, wheel| {
        release.asset(Asset::of(wheel.filename(), wheel.clone()))
    });
    let github = Github::with(Repository::new(REPOSITORY).release(release));
    github.options(|options| options.latency = LATENCY);
    let workspace = Workspace::new();
    let first = measured(&workspace, &github, &[]);
    let log = wheel_downloads(&github);
    let sent: u64 = log.iter().map(|entry| entry.sent).sum();
    let most = log.len().div_ceil(WHEELS);
    let limit = 3.0 * f64::from(u32::try_from(WHEELS).expect("fits")) * 3.0 * LATENCY.as_secs_f64()
        / f64::from(JOBS);
    eprintln!(
        "first run: {first}, {sent} bytes and {} requests of wheels; limit {limit} s",
        log.len()
    );
    let wanted: u64 = wheels
        .iter()
        .map(|wheel| wheel.sizes())
        .map(|sizes| sizes.central_directory + sizes.metadata + sizes.wheel + sizes.record + 65_536)
        .sum();
    assert!(sent <= wanted, "{sent} of {wanted} bytes");
    assert!(most <= 3, "{most} requests a wheel");
    assert!(first["peak_kib"].as_u64().expect("is a number") < 100 << 10, "{first}");
    assert!(first["wall"].as_f64().expect("is a number") < limit, "{first}");

    let served = workspace.serve(&[]);
    github.clear_log();
    let fresh = Workspace::new();
    let second = measured(&fresh, &github, &["--site-url", &served.url]);
    eprintln!("a fresh machine with the live site: {second}");
    assert_eq!(wheel_downloads(&github).len(), 0);
}
