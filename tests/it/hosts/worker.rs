//! The worker of Cloudflare Pages by itself: it decides as `wheelsite serve` does.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use wheelsite::serve::{Form, choose};

use crate::support::tools::has_program;
use crate::support::{Workspace, repository};

/// A header as clients write it, or nearly so.
fn header() -> impl Strategy<Value = String> {
    let range = prop::sample::select(vec![
        "application/vnd.pypi.simple.v1+json",
        "application/vnd.pypi.simple.latest+json",
        "application/vnd.pypi.simple.v1+html",
        "Application/Vnd.Pypi.Simple.Latest+HTML",
        "application/json",
        "application/*",
        "text/html",
        "text/*",
        "*/*",
        "",
    ]);
    let parameters = prop::sample::select(vec![
        "",
        ";q=1",
        ";q=0",
        "; q=0.5",
        ";Q=0.25",
        " ; q = 0.9",
        ";q=0.1;level=1",
        ";level=1;q=0.4",
        ";q=1.000",
        ";q=abc",
        ";q=",
        ";q=5",
        ";level=1",
    ]);
    let part = (range, parameters).prop_map(|(range, parameters)| format!("{range}{parameters}"));
    prop::collection::vec(part, 0..5).prop_map(|parts| parts.join(", "))
}

#[test]
fn the_worker_decides_as_the_reference_does() {
    if !has_program("node") {
        return;
    }
    let workspace = Workspace::new();
    workspace.build(&["--host", "cloudflare-pages", "--allow-empty"]);
    // Without a `package.json` Node.js tells modules by their names.
    let worker = workspace.path("worker.mjs");
    std::fs::copy(workspace.path("site/_worker.js"), &worker).expect("copies");
    let mut runner = TestRunner::new(Config::default());
    let mut headers: Vec<String> =
        super::ASKS.iter().map(|(accept, _)| (*accept).to_owned()).collect();
    headers.extend((0..5000).map(|_| header().new_tree(&mut runner).expect("is made").current()));

    let mut node = Command::new("node");
    workspace.confine(&mut node);
    node.arg(repository("tests/it/hosts/worker.mjs")).arg(&worker);
    let mut node = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    let mut stdin = node.stdin.take().expect("is piped");
    stdin.write_all(&serde_json::to_vec(&headers).expect("is JSON")).expect("is read");
    drop(stdin);
    let output = node.wait_with_output().expect("ends");
    assert!(output.status.success());
    let decided: Vec<bool> = serde_json::from_slice(&output.stdout).expect("prints JSON");
    assert_eq!(decided.len(), headers.len());
    for (header, is_json) in headers.iter().zip(decided) {
        assert_eq!(is_json, choose(Some(header), true) == Some(Form::Json), "{header}");
    }
}
