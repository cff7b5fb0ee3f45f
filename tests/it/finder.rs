//! What the finder decides: run in node, and held against Python's `packaging`, which pip carries.

use std::process::Command;

use crate::support::{Run, Workspace, repository, tools};

#[test]
fn the_finder_decides_as_installers_do() {
    if !tools::has_program("node") {
        return;
    }
    let Some(bin) = tools::clients() else { return };
    let workspace = Workspace::new();
    let mut node = Command::new("node");
    workspace.confine(&mut node);
    node.args(["--test", "--test-reporter=tap"]).arg(repository("tests/it/scripts/finder"));
    let run = Run::of(node.env("WHEELSITE_PYTHON", bin.join("python")));
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    let count = |what: &str| -> usize {
        let line = run.stdout.lines().find_map(|line| line.strip_prefix(&format!("# {what} ")));
        line.and_then(|count| count.parse().ok()).expect(what)
    };
    assert_eq!((count("fail"), count("skipped")), (0, 0), "{}", run.stdout);
    assert!(count("pass") >= 30, "{}", run.stdout);
}
