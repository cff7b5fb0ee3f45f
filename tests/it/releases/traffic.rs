//! How little is asked of a release: the numbers that the project stands for.

use std::sync::Arc;

use super::{REPOSITORY, build, downloads, wheel_downloads};
use crate::support::github::{
    Asset, Content, Digest, Fault, Faults, Github, Origin, Release, Repository,
};
use crate::support::synthetic::SyntheticWheel;
use crate::support::{Wheel, Workspace};

/// A release of so many large wheels.
fn release_of(wheels: &[Arc<SyntheticWheel>]) -> Github {
    let release = wheels.iter().fold(Release::new("v1"), |release, wheel| {
        release.asset(Asset::of(wheel.filename(), wheel.clone()))
    });
    Github::with(Repository::new(REPOSITORY).release(release))
}

fn wheels(count: usize, size: u64) -> Vec<Arc<SyntheticWheel>> {
    let wheel = |number| SyntheticWheel::new("large", &format!("1.{number}"), size, 500);
    (0..count).map(|number| Arc::new(wheel(number))).collect()
}

#[test]
fn a_wheel_costs_three_requests_and_its_descriptions() {
    let wheels = wheels(20, 200 << 20);
    let github = release_of(&wheels);
    let workspace = Workspace::new();
    let summary = build(&workspace, &github, &["--source", "gh-release:v1"]).works().json();
    assert_eq!(summary["accepted"], 20);
    let log = downloads(&github);
    for wheel in &wheels {
        let of_wheel = log.iter().filter(|entry| entry.path.contains(wheel.filename()));
        let (requests, sent) =
            of_wheel.fold((0, 0), |(requests, sent), entry| (requests + 1, sent + entry.sent));
        let sizes = wheel.sizes();
        let wanted = sizes.central_directory + sizes.metadata + sizes.wheel + sizes.record;
        assert!((1..=3).contains(&requests), "{requests} requests for {}", wheel.filename());
        assert!(
            sent <= wanted + 64 * 1024,
            "{sent} bytes of {}, wanted {wanted}",
            wheel.filename()
        );
    }
    let sent: u64 = log.iter().map(|entry| entry.sent).sum();
    assert_eq!(summary["bytes_read"], sent, "the summary says what was read");
    assert_eq!(summary["requests"], log.len());
}

#[test]
fn requests_at_once_are_bounded() {
    let github = release_of(&wheels(40, 1 << 20));
    github.options(|options| options.latency = std::time::Duration::from_millis(10));
    build(&Workspace::new(), &github, &["--source", "gh-release:v1", "--jobs", "4"]).works();
    let most = github.most_at_once(Origin::Blob);
    assert!((2..=4).contains(&most), "{most} at once");
}

#[test]
fn a_server_without_ranges_costs_one_download() {
    let wheel = Arc::new(SyntheticWheel::new("large", "1.0", 4 << 20, 500));
    let github = release_of(std::slice::from_ref(&wheel));
    github.faults(Faults::by(|asked| (asked.origin == Origin::Blob).then_some(Fault::IgnoreRange)));
    let workspace = Workspace::new();
    let summary = build(&workspace, &github, &["--source", "gh-release:v1"]).works().json();
    assert_eq!(summary["accepted"], 1);
    let log = wheel_downloads(&github);
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!(log[0].sent, wheel.size());
}

#[test]
fn a_digest_that_is_not_stated_costs_one_download_ever() {
    let wheel = Arc::new(SyntheticWheel::new("large", "1.0", 4 << 20, 500));
    let asset = Asset::of(wheel.filename(), wheel.clone()).digest(Digest::Null);
    let github = Github::with(Repository::new(REPOSITORY).release(Release::new("v1").asset(asset)));
    let workspace = Workspace::new();
    let run = build(&workspace, &github, &["--source", "gh-release:v1"]);
    let read = run.works().json()["bytes_read"].as_u64().expect("is a number");
    assert!(read < wheel.size() + (512 << 10), "{read} bytes");
    let page = workspace.json("site/simple/large/index.v1_json");
    assert_eq!(page["files"][0]["hashes"]["sha256"], wheel.sha256());
    // The cache knows it; and where there is none, the state of the last site.
    github.clear_log();
    build(&workspace, &github, &["--source", "gh-release:v1", "--output", "second"]).works();
    assert_eq!(wheel_downloads(&github).len(), 0, "without a state");
    std::fs::remove_dir_all(workspace.path("cache")).expect("removes");
    let arguments = ["--source", "gh-release:v1", "--output", "third", "--previous", "site"];
    build(&workspace, &github, &arguments).works();
    assert_eq!(wheel_downloads(&github).len(), 0, "without a cache");
    // Another upload under the name is another file.
    let other = Arc::new(SyntheticWheel::new("large", "1.0", 5 << 20, 500));
    let asset = Asset::of(other.filename(), other.clone()).digest(Digest::Null);
    github.replace_asset(REPOSITORY, "v1", asset);
    build(&workspace, &github, &["--source", "gh-release:v1"]).fails(1, &["digest-changed"]);
}

#[test]
fn full_depth_downloads_each_new_digest_once() {
    let wheel = Arc::new(SyntheticWheel::new("large", "1.0", 4 << 20, 500));
    let github = release_of(std::slice::from_ref(&wheel));
    let workspace = Workspace::new();
    let full = ["--source", "gh-release:v1", "--depth", "full"];
    build(&workspace, &github, &full).works();
    assert!(wheel_downloads(&github).iter().any(|entry| entry.sent >= wheel.size() - 1));
    github.clear_log();
    build(&workspace, &github, &full).works();
    assert_eq!(wheel_downloads(&github).len(), 0);
}

#[test]
fn bytes_that_are_not_those_of_the_digest_are_rejected_in_full_and_never_carried() {
    let wheel = Wheel::new("demo", "1.0");
    let wrong = Asset::new(wheel.filename(), wheel.bytes()).digest(Digest::Given("ab".repeat(32)));
    let github = Github::with(Repository::new(REPOSITORY).release(Release::new("v1").asset(wrong)));
    let workspace = Workspace::new();
    build(&workspace, &github, &["--source", "gh-release:v1", "--depth", "full"])
        .fails(1, &["hash-mismatch", "abababab"]);
    build(&workspace, &github, &["--source", "gh-release:v1", "--files", "copy"])
        .fails(3, &["has the sha256", "abababab"]);
    assert!(!workspace.site().exists());
}

#[test]
fn check_and_repair_and_inspect_read_releases_too() {
    let wheel = Wheel::new("demo", "1.0");
    let github = Github::with(super::one_release(std::slice::from_ref(&wheel)));
    let workspace = Workspace::new();
    let run =
        |arguments: &[&str]| crate::support::Run::of(github.env(&mut workspace.command(arguments)));
    let checked = run(&["check", "gh-release:v1", "--format", "json"]);
    let report = checked.works().json();
    assert_eq!(report["accepted"], 1);
    let repaired = run(&["repair", "gh-release:v1", "--output", "mended"]);
    assert_eq!(repaired.code, Some(0), "{}", repaired.stderr);
    assert!(workspace.path("mended").join(wheel.filename()).is_file());
    let url = format!(
        "{}/octo/wheels/releases/download/v1/{}",
        github.url(Origin::Web),
        wheel.filename()
    );
    let inspected = run(&["inspect", &url, "--format", "json"]);
    let facts = inspected.works().json();
    assert_eq!(facts["filename"], wheel.filename());
    assert_eq!(facts["size"], wheel.bytes().len());
}
