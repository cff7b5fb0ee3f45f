//! What the maintainer thinks of a check decides what a finding does.

use super::{Case, demo, findings, zip};
use crate::support::Workspace;

/// A wheel that is rejected, and one that is accepted with a warning.
fn two() -> [Case; 2] {
    let mut commented = zip(&demo());
    commented.comment = b"made by hand".to_vec();
    [
        Case::new("record-missing", "none", demo().without("RECORD").bytes()),
        Case::new("zip-comment", "a comment", commented.bytes()),
    ]
}

/// What is found in both of them.
fn found(arguments: &[&str]) -> Vec<(String, String)> {
    findings(&two(), arguments).into_iter().flatten().collect()
}

fn expected(texts: &[(&str, &str)]) -> Vec<(String, String)> {
    texts.iter().map(|&(check, severity)| (check.to_owned(), severity.to_owned())).collect()
}

#[test]
fn flags_silence_and_reject() {
    let both = expected(&[("record-missing", "error"), ("zip-comment", "warning")]);
    assert_eq!(found(&[]), both);
    assert_eq!(found(&["--allow", "record-missing"]), expected(&[("zip-comment", "warning")]));
    assert_eq!(found(&["--allow", "record-missing", "--allow", "zip-comment"]), []);
    assert_eq!(
        found(&["--deny", "zip-comment"]),
        expected(&[("record-missing", "error"), ("zip-comment", "error")])
    );
    // Nothing is silenced by the way.
    assert_eq!(found(&["--allow", "record-invalid", "--deny", "zip-gap"]), both);
}

#[test]
fn the_configuration_sets_levels_and_flags_come_later() {
    let workspace = Workspace::new();
    let [rejected, commented] = two();
    workspace.write(&format!("wheels/{}", commented.filename), &commented.bytes);
    workspace.write("config/site.yml", "checks:\n  zip-comment: deny\n");
    let wheel = format!("wheels/{}", commented.filename);
    workspace.run(&["build"]).fails(1, &["zip-comment"]);
    assert_eq!(workspace.run(&["check", &wheel]).code, Some(1));
    assert_eq!(workspace.run(&["check", &wheel, "--allow", "zip-comment"]).code, Some(0));
    workspace.build(&["--allow", "zip-comment"]);
    workspace.write("config/site.yml", "checks:\n  zip-comment: allow\n  record-missing: warn\n");
    let run = workspace.run(&["check", &wheel]);
    assert_eq!((run.code, run.stdout.contains("zip-comment")), (Some(0), false));
    assert_eq!(workspace.run(&["check", &wheel, "--deny", "zip-comment"]).code, Some(1));
    workspace.write(&wheel, &rejected.bytes);
    let run = workspace.run(&["check", &wheel]);
    assert_eq!((run.code, run.stdout.contains("record-missing")), (Some(0), true));
}

#[test]
fn other_libraries_may_stay_outside_as_configured() {
    let workspace = Workspace::new();
    let cases = super::platform::cases();
    let case = cases.iter().find(|case| case.id() == "elf-library").expect("is there");
    let wheel = format!("wheels/{}", case.filename);
    workspace.write(&wheel, &case.bytes);
    workspace.write("config/site.yml", "external_libraries: [\"libbar.so.*\"]\n");
    let denied = ["check", &wheel, "--deny", "elf-library"];
    assert_eq!(workspace.run(&denied).code, Some(1));
    workspace.write("config/site.yml", "external_libraries: [\"libfoo.so.*\"]\n");
    assert_eq!(workspace.run(&denied).code, Some(0));
}

#[test]
fn unknown_checks_are_usage_errors_that_name_the_nearest() {
    let workspace = Workspace::new();
    workspace.wheel(&demo());
    for arguments in [
        &["check", "wheels", "--allow", "zip-coment"][..],
        &["check", "wheels", "--deny", "zip-coment"],
        &["build", "--allow", "zip-coment"],
    ] {
        workspace
            .run(arguments)
            .fails(2, &["unknown check `zip-coment`", "did you mean `zip-comment`?"]);
    }
    workspace.write("config/site.yml", "checks:\n  record-misssing: warn\n");
    workspace.run(&["build"]).fails(2, &["`record-misssing`", "did you mean `record-missing`?"]);
    workspace.write("config/site.yml", "checks:\n  record-missing: refuse\n");
    workspace.run(&["build"]).fails(2, &["refuse"]);
    assert!(!workspace.site().exists());
}
