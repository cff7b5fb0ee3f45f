//! Checks that look at more than one file, or at what surrounds it.

use serde_json::Value;

use super::{NAME, demo};
use crate::support::Workspace;

/// The checks that have no [`super::Case`], each with a test here.
pub(super) const CHECKS: [&str; 3] = ["digest-changed", "hash-missing", "sidecar-mismatch"];

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

fn checked(workspace: &Workspace, what: &str, code: i32) -> Value {
    let run = workspace.run(&["check", what, "--format", "json"]);
    assert_eq!(run.code, Some(code), "{}", run.stderr);
    serde_json::from_str(&run.stdout).expect("is JSON")
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
