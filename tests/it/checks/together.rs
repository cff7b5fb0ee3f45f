//! Checks that look at more than one file, or at what surrounds it.

use serde_json::Value;

use super::{NAME, demo};
use crate::support::github::{Asset, Digest, Github, Release, Repository};
use crate::support::{Run, Workspace};

/// The checks that have no [`super::Case`], each with a test here; those of
/// channels and of closure have theirs beside those.
pub(super) const CHECKS: &[&str] = &[
    "digest-changed",
    "hash-mismatch",
    "hash-missing",
    "sidecar-mismatch",
    "sidecar-unused",
    "channel-hash",
    "channel-local",
    "closure-unsatisfied",
];

/// The ids and severities of all that was found.
fn found(report: &Value) -> Vec<(&str, &str)> {
    let files = report["files"].as_array().expect("is a list").iter();
    let findings = files.flat_map(|file| file["findings"].as_array().expect("is a list"));
    findings
        .map(|found| {
            (
                found["check"].as_str().expect("is text"),
                found["severity"].as_str().expect("is text"),
            )
        })
        .collect()
}

/// The report about a release of these assets, whose wheels are read in full.
fn checked_release(assets: Vec<Asset>, code: i32) -> Value {
    let release = assets.into_iter().fold(Release::new("v1"), Release::asset);
    let github = Github::with(Repository::new("octo/wheels").release(release));
    let workspace = Workspace::new();
    let arguments = ["check", "gh-release:v1", "--depth", "full", "--format", "json"];
    let run = Run::of(github.env(&mut workspace.command(&arguments)));
    assert_eq!(run.code, Some(code), "{}", run.stderr);
    run.json()
}

fn checked(workspace: &Workspace, what: &str, code: i32) -> Value {
    let run = workspace.run(&["check", what, "--format", "json"]);
    assert_eq!(run.code, Some(code), "{}", run.stderr);
    run.json()
}

#[test]
fn digest_changed() {
    let workspace = Workspace::new();
    workspace.wheel(&demo());
    workspace.build(&[]);
    workspace.wheel(&demo().header("Summary: other"));
    let run = workspace.run(&["build"]);
    run.fails(1, &["digest-changed", NAME, "--allow digest-changed"]);
    for id in ["zip-", "record-", "metadata-"] {
        assert!(!run.stderr.contains(id), "{}", run.stderr);
    }
    assert_eq!(workspace.build(&["--allow", "digest-changed"])["files"], 1);
    // What is published now is what counts.
    assert_eq!(workspace.build(&[])["files"], 1);
}

#[test]
fn hash_missing() {
    let workspace = Workspace::new();
    workspace.write("list.jsonl", format!("{{\"filename\": \"{NAME}\"}}\n"));
    let report = checked(&workspace, "list:list.jsonl", 0);
    assert_eq!(found(&report), [("hash-missing", "warning")]);
    let hash = "0".repeat(64);
    let line = format!("{{\"filename\": \"{NAME}\", \"hash\": \"sha256={hash}\"}}\n");
    workspace.write("list.jsonl", line);
    assert_eq!(found(&checked(&workspace, "list:list.jsonl", 0)), []);
}

#[test]
fn sidecar_mismatch() {
    let workspace = Workspace::new();
    let path = format!("wheels/{NAME}");
    workspace.wheel(&demo());
    let metadata =
        |version: &str| format!("Metadata-Version: 2.1\nName: demo\nVersion: {version}\n");
    workspace.write(&format!("{path}.metadata"), metadata("1.0"));
    assert_eq!(found(&checked(&workspace, "wheels", 0)), []);
    for lie in [metadata("1.1"), metadata("1.0\nRequires-Dist: evil"), String::new()] {
        workspace.write(&format!("{path}.metadata"), lie);
        let report = checked(&workspace, "wheels", 1);
        assert_eq!(found(&report), [("sidecar-mismatch", "error")]);
        workspace.run(&["build"]).fails(1, &["sidecar-mismatch", NAME]);
    }
}

#[test]
fn hash_mismatch() {
    let asset = || Asset::new(NAME, demo().bytes());
    assert_eq!(found(&checked_release(vec![asset()], 0)), []);
    let wrong = asset().digest(Digest::Given("0".repeat(64)));
    assert_eq!(found(&checked_release(vec![wrong], 1)), [("hash-mismatch", "error")]);
}

#[test]
fn sidecar_unused() {
    let sidecar = |version: &str| {
        let metadata = format!("Metadata-Version: 2.1\nName: demo\nVersion: {version}\n");
        vec![Asset::new(NAME, demo().bytes()), Asset::new(&format!("{NAME}.metadata"), metadata)]
    };
    assert_eq!(found(&checked_release(sidecar("1.0"), 0)), []);
    let report = checked_release(sidecar("1.1"), 0);
    assert_eq!(found(&report), [("sidecar-unused", "warning")]);
}
