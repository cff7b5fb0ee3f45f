//! What no linter knows of: pins, permissions, timeouts, versions, and how values get into scripts.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_yaml::Value;

use super::{Workflow, initialized, of_project};
use crate::support::{Run, Wheel, Workspace, repository, tools};

const BUILD_WHEELS: &str = ".github/workflows/build-wheels.yml";
const ACTION: &str = ".github/actions/wheelsite/action.yml";

#[test]
fn every_action_is_pinned_by_commit_with_its_version_beside() {
    let mut pins: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for workflow in of_project() {
        let lines = workflow.text.lines().filter(|line| !line.trim_start().starts_with('#'));
        for line in lines.filter(|line| line.contains("uses:")) {
            let (_, used) = line.split_once("uses: ").expect("uses something");
            let (action, pin) = used.split_once('@').expect("is pinned");
            let (commit, version) = pin.split_once(" # v").expect("says its version");
            let is_commit = commit.len() == 40 && commit.bytes().all(|it| it.is_ascii_hexdigit());
            let numbers = version.split('.').filter(|it| it.parse::<u32>().is_ok()).count();
            assert!(is_commit && numbers == 3, "{}: {line}", workflow.path.display());
            // `actions/cache/save` is of `actions/cache`.
            let name = action.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
            pins.entry(name).or_default().insert(pin.to_owned());
        }
    }
    assert!(pins.len() > 5, "{pins:?}");
    assert!(pins.values().all(|pins| pins.len() == 1), "two pins of one action: {pins:?}");
}

#[test]
fn no_value_from_outside_becomes_part_of_a_script() {
    for workflow in of_project() {
        for script in workflow.scripts() {
            assert!(!script.contains("${{"), "{}: {script}", workflow.path.display());
            // `echo "x=$(command)"` goes on when the command fails.
            for line in script.lines() {
                let writes = line.contains("echo") || line.contains("printf");
                assert!(!(writes && line.contains("$(")), "{}: {line}", workflow.path.display());
            }
        }
    }
}

fn permissions(job: &Value) -> String {
    let permissions = job.get("permissions").and_then(Value::as_mapping).expect("says it");
    let each = permissions.iter().map(|(name, value)| {
        format!("{}: {}", name.as_str().expect("is text"), value.as_str().expect("is text"))
    });
    each.collect::<Vec<_>>().join(", ")
}

#[test]
fn every_job_has_the_permissions_that_it_needs_and_no_others() {
    for workflow in of_project().iter().filter(|workflow| !workflow.jobs().is_empty()) {
        let whole = workflow.value.get("permissions").and_then(Value::as_mapping);
        assert!(whole.is_some_and(serde_yaml::Mapping::is_empty), "{}", workflow.path.display());
    }
    let of = |path| {
        let workflow = Workflow::of_project(path);
        let jobs = workflow.jobs();
        jobs.into_iter()
            .map(|(name, job)| format!("{name}: {}", permissions(job)))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of(BUILD_WHEELS),
        [
            "plan: contents: read",
            "build: contents: read",
            "release: contents: write",
            "index: contents: read",
            "deploy: pages: write, id-token: write",
            "again: actions: write",
        ]
    );
    assert_eq!(
        of(".github/workflows/release.yml"),
        [
            "programs: contents: read",
            "wheels: contents: read",
            "release: contents: write, id-token: write, attestations: write",
            "registry: id-token: write",
        ]
    );
}

#[test]
fn every_job_ends_before_its_runner_is_taken_away() {
    for workflow in of_project() {
        for (name, job) in workflow.jobs() {
            let minutes = job.get("timeout-minutes").and_then(Value::as_u64);
            let fits = minutes.is_some_and(|minutes| minutes < 360);
            assert!(fits, "{} of {}: {minutes:?}", name, workflow.path.display());
        }
    }
    // Compiling ends before the job does, so that something is left to keep what was compiled.
    let build = Workflow::of_project(BUILD_WHEELS);
    assert!(build.scripts().iter().any(|script| script.contains("--timeout 5h")));
}

#[test]
fn the_version_that_is_installed_is_this_one() {
    let version = env!("CARGO_PKG_VERSION");
    let workflow = Workflow::of_project(BUILD_WHEELS);
    assert_eq!(workflow.value["env"]["WHEELSITE_VERSION"].as_str(), Some(version));
    let action = Workflow::of_project(ACTION);
    assert_eq!(action.value["inputs"]["version"]["default"].as_str(), Some(version));
    // And `init` writes the workflow that the project itself has.
    let made = initialized();
    assert_eq!(made.read(&format!("made/{BUILD_WHEELS}")), workflow.text);
}

/// Runs the steps of the action, as GitHub does: each only where the one before it worked.
fn act(workspace: &Workspace, program: &str, command: &str) -> Run {
    let action = Workflow::of_project(ACTION);
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_wheelsite")).parent();
    let programs = programs.expect("lies somewhere").display();
    workspace.write("pipx/pipx", "#!/bin/sh\necho \"$@\" >> \"$HOME/../installed.txt\"\n");
    let mut run = Run::of(Command::new("chmod").arg("+x").arg(workspace.path("pipx/pipx")));
    let path = std::env::var("PATH").expect("is set");
    let path = format!("{}:{programs}:{path}", workspace.path("pipx").display());
    std::fs::create_dir_all(workspace.path("home")).expect("makes a folder");
    for script in action.scripts() {
        if run.code == Some(0) {
            let mut bash = Command::new("bash");
            bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]);
            workspace.confine(&mut bash);
            bash.env("PATH", &path).env("VERSION", "1.2.3");
            run = Run::of(bash.env("PROGRAM", program).env("COMMAND", command));
        }
    }
    run
}

#[test]
fn the_action_runs_one_command_and_no_other() {
    if !tools::has_program("python3") {
        return;
    }
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new("demo", "1.0"));
    let build = "build --source 'wheels' --output \"a site\" --format json";
    let run = act(&workspace, "wheelsite", build);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(workspace.read("installed.txt"), "install wheelsite==1.2.3\n");
    assert!(workspace.path("a site/simple/demo/index.html").is_file());
    // The exit code is the command's, and nothing is expanded.
    act(&workspace, "wheelsite", "check nowhere").fails(3, &["nowhere"]);
    act(&workspace, "wheelsite", "check '$(touch made); touch made'").fails(3, &["$(touch"]);
    let other = act(&workspace, "sh", "-c 'touch made'");
    assert_eq!(other.code, Some(2), "{}", other.stdout);
    assert!(!workspace.path("made").exists());
}

#[test]
fn programs_are_packed_with_completions_the_same_way_each_time() {
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_wheelsite")).parent();
    let folder = folder.expect("lies somewhere");
    if !folder.join("wheelsite-builder").is_file() {
        return tools::missing("wheelsite-builder, which `cargo test --workspace` makes,");
    }
    let workspace = Workspace::new();
    // The programs themselves are large with what debuggers need.
    for name in ["wheelsite", "wheelsite-builder"] {
        let script = format!("#!/bin/sh\nexec \"{}\" \"$@\"\n", folder.join(name).display());
        workspace.write(&format!("programs/{name}"), script);
        let mut chmod = Command::new("chmod");
        let run = Run::of(chmod.arg("+x").arg(workspace.path("programs").join(name)));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }
    let programs = workspace.path("programs");
    let pack = |output: &str| {
        let mut bash = Command::new("bash");
        bash.arg(repository(".ci/package")).arg(&programs).args(["some-target", output]);
        workspace.confine(&mut bash);
        let run = Run::of(&mut bash);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let name = format!("{output}/wheelsite-{}-some-target.tar.gz", env!("CARGO_PKG_VERSION"));
        std::fs::read(workspace.path(&name)).expect("is packed")
    };
    assert!(pack("one") == pack("two"), "the same programs give the same bytes");
    let mut tar = Command::new("tar");
    let name = format!("wheelsite-{}-some-target", env!("CARGO_PKG_VERSION"));
    tar.arg("-xzf").arg(workspace.path(&format!("one/{name}.tar.gz")));
    workspace.confine(&mut tar);
    assert_eq!(Run::of(&mut tar).code, Some(0));
    for path in
        ["wheelsite", "wheelsite-builder", "README.md", "LICENSE-MIT", "completions/wheelsite.zsh"]
    {
        let file = workspace.path(&name).join(path);
        assert!(file.metadata().is_ok_and(|it| it.len() > 0), "{path}");
    }
    let mut program = Command::new(workspace.path(&name).join("wheelsite"));
    assert!(Run::of(program.arg("--version")).stdout.contains(env!("CARGO_PKG_VERSION")));
}
