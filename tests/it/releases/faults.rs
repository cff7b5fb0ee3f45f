//! A network that fails: every run ends with a right site, or with a clear error and the old site whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{REPOSITORY, asset, build, patient, release, wheel_downloads};
use crate::support::github::{
    Asset, Content, Digest, Fault, Faults, Github, Origin, Release, Repository,
};
use crate::support::program::tree;
use crate::support::synthetic::SyntheticWheel;
use crate::support::{Run, Wheel, Workspace};

const SOURCE: [&str; 2] = ["--source", "gh-release:octo/wheels"];

fn large() -> Arc<SyntheticWheel> {
    Arc::new(SyntheticWheel::new("large", "1.0", 1 << 20, 500))
}

fn one_large() -> (Github, Arc<SyntheticWheel>) {
    let wheel = large();
    let release = Release::new("v1").asset(Asset::of(wheel.filename(), wheel.clone()));
    (Github::with(Repository::new(REPOSITORY).release(release)), wheel)
}

/// One fault at a time, which the program gets over.
#[test]
fn what_passes_is_tried_again() {
    for origin in [Origin::Api, Origin::Web, Origin::Blob] {
        for fault in [
            Fault::Status(500),
            Fault::Status(502),
            Fault::Status(503),
            Fault::TooMany(0),
            Fault::Reset,
            Fault::ResetAfter(100),
            Fault::TruncateAfter(100),
        ] {
            let (github, _) = one_large();
            github.faults(Faults::on(Some(origin), "", 1..=2, fault));
            let workspace = Workspace::new();
            let run = build(&workspace, &github, &SOURCE);
            assert_eq!(run.code, Some(0), "{origin:?} {fault:?}: {}", run.stderr);
        }
    }
}

#[test]
fn what_does_not_pass_is_told_and_the_old_site_stays() {
    let (github, _) = one_large();
    let workspace = Workspace::new();
    build(&workspace, &github, &SOURCE).works();
    let before = tree(&workspace.site());
    for (origin, fault, text) in [
        (Origin::Api, Fault::Status(500), "500"),
        (Origin::Api, Fault::Reset, "cannot list"),
        (Origin::Blob, Fault::Status(503), "503"),
        (Origin::Blob, Fault::Reset, "cannot read `octo/wheels@v1/large-1.0"),
        (Origin::Blob, Fault::WrongLength(5), "bytes, the server has"),
        (Origin::Api, Fault::WrongLength(5), "bytes, the server has"),
    ] {
        github.faults(Faults::on(Some(origin), "", 1..=1_000, fault));
        let fresh = [&SOURCE[..], &["--refresh"]].concat();
        let run = build(&workspace, &github, &fresh);
        assert_eq!(run.code, Some(3), "{origin:?} {fault:?}: {}", run.stderr);
        assert!(run.stderr.contains(text), "{origin:?} {fault:?}: {}", run.stderr);
        assert!(before == tree(&workspace.site()), "{origin:?} {fault:?}");
    }
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let (github, _) = one_large();
    github.faults(Faults::on(Some(Origin::Blob), "", 1..=1_000, Fault::Stall));
    let workspace = Workspace::new();
    let mut command = workspace.command(&[&["build"], &SOURCE[..]].concat());
    let impatient = patient(github.env(&mut command));
    let run =
        Run::of(impatient.env("WHEELSITE_HTTP_TIMEOUT", "1").env("WHEELSITE_HTTP_RETRIES", "1"));
    run.fails(3, &["did not answer in time", "large-1.0"]);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_told() {
    let (github, wheel) = one_large();
    let other: Arc<dyn Content> = Arc::new(SyntheticWheel::new("large", "1.0", 1 << 20, 501));
    let listed = wheel.size();
    assert_ne!(other.size(), listed);
    github.rewrite_asset(REPOSITORY, "v1", wheel.filename(), other);
    github.edit_release(REPOSITORY, "v1", |release| {
        for asset in &mut release.assets {
            asset.listed_size = Some(listed);
        }
    });
    build(&Workspace::new(), &github, &SOURCE).fails(3, &["expected", "bytes, the server has"]);
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_was() {
    let wheel = Arc::new(SyntheticWheel::new("large", "1.0", 8 << 20, 500));
    let release =
        Release::new("v1").asset(Asset::of(wheel.filename(), wheel.clone()).digest(Digest::Null));
    let github = Github::with(Repository::new(REPOSITORY).release(release));
    github.faults(Faults::on(Some(Origin::Blob), "", 4..=5, Fault::ResetAfter(3 << 20)));
    let workspace = Workspace::new();
    let run = build(&workspace, &github, &[&SOURCE[..], &["--files", "copy"]].concat());
    run.works();
    let page = workspace.json("site/simple/large/index.v1_json");
    assert_eq!(page["files"][0]["hashes"]["sha256"], wheel.sha256());
    let resumed = wheel_downloads(&github)
        .iter()
        .filter(|entry| entry.range.as_deref().is_some_and(|range| range.ends_with('-')))
        .count();
    assert!(resumed > 0, "{:?}", github.log());
}

/// Small and large wheels, with and without digests, over two releases.
fn several() -> (Github, BTreeMap<String, String>) {
    let mut digests = BTreeMap::new();
    let mut first = release("v1", &[]);
    let mut second = release("v2", &[]);
    for number in 0..4 {
        let wheel = Wheel::new("small", &format!("1.{number}"));
        digests
            .insert(wheel.filename().to_owned(), Asset::new("x", wheel.bytes()).content.sha256());
        let mut small = asset(&wheel);
        if number == 1 {
            small = small.digest(Digest::Null);
        }
        first = first.asset(small);
        let wheel = Arc::new(SyntheticWheel::new("large", &format!("1.{number}"), 300 << 10, 500));
        digests.insert(wheel.filename().to_owned(), wheel.sha256());
        second = second.asset(Asset::of(wheel.filename(), wheel.clone()));
    }
    let repository = Repository::new(REPOSITORY).release(first).release(second);
    (Github::with(repository), digests)
}

/// What a site offers: filename and digest.
fn offered(workspace: &Workspace) -> BTreeMap<String, String> {
    let mut offered = BTreeMap::new();
    for project in ["small", "large"] {
        let page = workspace.json(&format!("site/simple/{project}/index.v1_json"));
        for file in page["files"].as_array().expect("is a list") {
            let text = |value: &serde_json::Value| value.as_str().expect("is text").to_owned();
            offered.insert(text(&file["filename"]), text(&file["hashes"]["sha256"]));
        }
    }
    offered
}

/// Many runs in a network where one request in five fails; `WHEELSITE_SOAK` makes them more.
#[test]
fn one_request_in_five_fails_and_no_run_ends_wrong() {
    let soak = std::env::var("WHEELSITE_SOAK").ok().and_then(|runs| runs.parse().ok());
    let runs: u64 = soak.unwrap_or(20);
    let (github, digests) = several();
    let old = {
        let workspace = Workspace::new();
        workspace.wheel(&Wheel::new("old", "1.0"));
        workspace.build(&[]);
        workspace
    };
    let before = tree(&old.site());
    let mut worked = 0;
    for seed in 0..runs {
        github.faults(Faults::seeded(seed, 0.2));
        // Half of the runs write over a site that stands, half make a new one; every third copies.
        let workspace = Workspace::new();
        let stands = seed % 2 == 0;
        if stands {
            copy(&old.site(), &workspace.site());
        }
        let mut arguments = vec!["build", "--allow-removals"];
        arguments.extend(SOURCE);
        if seed % 3 == 0 {
            arguments.extend(["--files", "copy"]);
        }
        let mut command = workspace.command(&arguments);
        let run = Run::of(patient(github.env(&mut command)).env("WHEELSITE_LOG", "debug"));
        match run.code {
            Some(0) => {
                worked += 1;
                assert_eq!(offered(&workspace), digests, "seed {seed}");
                if seed % 3 == 0 {
                    carried_bytes_are_right(&workspace, &digests);
                }
            }
            Some(3) => {
                assert!(run.stderr.contains("error"), "seed {seed}: {}", run.stderr);
                let after = workspace.site();
                if stands {
                    assert!(
                        before == tree(&after) || seed % 3 == 0,
                        "seed {seed}: the old site is whole"
                    );
                } else {
                    assert!(!after.join("index.html").exists(), "seed {seed}");
                }
            }
            code => panic!("seed {seed}: {code:?}: {}", run.stderr),
        }
        assert!(!run.stderr.contains("sig="), "seed {seed}: a signature is told");
    }
    assert!(worked * 2 > runs, "{worked} of {runs} runs worked");
}

fn carried_bytes_are_right(workspace: &Workspace, digests: &BTreeMap<String, String>) {
    let files = tree(&workspace.path("site/files"));
    let wheels: Vec<_> = files.iter().filter(|(path, _)| path.ends_with(".whl")).collect();
    assert_eq!(wheels.len(), digests.len());
    for (path, bytes) in wheels {
        let filename = path.rsplit('/').next().expect("has a name");
        let content = Asset::new("x", bytes.clone()).content;
        assert_eq!(content.sha256(), digests[filename], "{filename}");
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for (path, bytes) in tree(from) {
        let target = to.join(path);
        std::fs::create_dir_all(target.parent().expect("has a parent")).expect("makes a folder");
        std::fs::write(target, bytes).expect("writes");
    }
}
