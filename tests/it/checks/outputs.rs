//! What `check` prints for other programs.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use wheelsite::verify::CHECKS;

use super::{Case, NAME, cases, demo};
use crate::support::{Run, Workspace, repository, tools};

/// A wheel with an error that has a hint, a warning, and a note.
fn flawed(workspace: &Workspace, path: &str) {
    let wheel = demo()
        .wheel_file(&super::tagged(false, &["py3-none-linux_x86_64"]))
        .header("Provides-Extra: a%b")
        .without("RECORD");
    workspace.write(&format!("{path}/demo-1.0-py3-none-linux_x86_64.whl"), wheel.bytes());
}

#[test]
fn github_annotates_each_finding() {
    let workspace = Workspace::new();
    flawed(&workspace, "some, wheels");
    let run = workspace.run(&["check", "some, wheels", "--format", "github"]);
    let file = "file=some%2C wheels/demo-1.0-py3-none-linux_x86_64.whl";
    let lines: Vec<&str> = run.stdout.lines().collect();
    let expected = [
        format!(
            "::error {file},title=record-missing::the `.dist-info` folder holds no `RECORD`%0Ahint: "
        ),
        format!(
            "::warning {file},title=provides-extra-invalid::METADATA says `Provides-Extra: a%25b`"
        ),
        format!("::notice {file},title=linux-tag::has the platform tag `linux_x86_64`%0Ahint: "),
    ];
    assert_eq!((run.code, lines.len()), (Some(1), expected.len()), "{}", run.stdout);
    for (line, expected) in lines.iter().zip(&expected) {
        assert!(line.starts_with(expected), "{line}");
    }
    workspace.wheel(&demo());
    let run = workspace.run(&["check", "wheels", "--format", "github"]);
    assert_eq!((run.code, &*run.stdout), (Some(0), ""));
}

#[test]
fn nothing_that_a_wheel_says_is_a_command_to_github() {
    let workspace = Workspace::new();
    let name = "::error file=x::y\r\n::add-mask::z";
    let flawed = super::zip(&demo().file(name, b"x"));
    workspace.write(&format!("wheels/{NAME}"), flawed.bytes());
    let run = workspace.run(&["check", "wheels", "--format", "github"]);
    assert_eq!(run.code, Some(1));
    for line in run.stdout.lines() {
        assert!(line.starts_with("::error file=wheels/demo-1.0-py3-none-any.whl,title="), "{line}");
    }
}

/// The log about files below a folder.
fn sarif(workspace: &Workspace, what: &str, code: i32) -> Value {
    let run = workspace.run(&["check", what, "--format", "sarif"]);
    assert_eq!(run.code, Some(code), "{}", run.stderr);
    run.json()
}

#[test]
fn sarif_names_rule_level_and_place_of_each_finding() {
    let workspace = Workspace::new();
    flawed(&workspace, "some wheels");
    let log = sarif(&workspace, "some wheels", 1);
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("is a list");
    let ids: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().expect("is text")).collect();
    assert_eq!(ids, CHECKS.iter().map(|check| check.id).collect::<Vec<_>>());
    let results = run["results"].as_array().expect("is a list");
    let found: Vec<(&str, &str)> = results
        .iter()
        .map(|result| {
            let id = result["ruleId"].as_str().expect("is text");
            let index = result["ruleIndex"].as_u64().expect("is a number");
            assert_eq!(ids[usize::try_from(index).expect("is small")], id);
            let place = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
            assert_eq!(place, "some%20wheels/demo-1.0-py3-none-linux_x86_64.whl");
            (id, result["level"].as_str().expect("is text"))
        })
        .collect();
    let expected =
        [("record-missing", "error"), ("provides-extra-invalid", "warning"), ("linux-tag", "note")];
    assert_eq!(found, expected);
}

#[test]
fn sarif_is_valid_by_its_schema() {
    let workspace = Workspace::new();
    let cases: Vec<Case> = cases().into_iter().filter(|case| case.bytes.len() < 1 << 20).collect();
    for (index, case) in cases.iter().enumerate() {
        workspace.write(&format!("w h/{index:04}/{}", case.filename), &case.bytes);
    }
    let log = sarif(&workspace, "w h", 1);
    let results = log["runs"][0]["results"].as_array().expect("is a list");
    let rules = results.iter().map(|result| result["ruleId"].as_str().expect("is text"));
    assert!(rules.collect::<BTreeSet<_>>().len() > CHECKS.len() / 2);
    workspace.write("log.sarif", log.to_string());
    workspace.wheel(&demo());
    workspace.write("empty.sarif", sarif(&workspace, "wheels", 0).to_string());
    let Some(clients) = tools::clients() else { return };
    let validate = |files: &[&str]| {
        let mut python = Command::new(clients.join("python"));
        workspace.confine(&mut python);
        python.arg("-I").arg(repository("tests/it/scripts/validate_sarif.py")).args(files);
        Run::of(&mut python)
    };
    let run = validate(&["log.sarif", "empty.sarif"]);
    let expected = format!("{}\n0\n", results.len());
    assert_eq!((run.code, run.stdout), (Some(0), expected), "{}", run.stderr);
    // The schema is there, and refuses something.
    workspace.write("wrong.sarif", log.to_string().replace("\"error\"", "\"fatal\""));
    validate(&["wrong.sarif"]).fails(1, &["wrong.sarif: $.runs[0]", "fatal"]);
}
