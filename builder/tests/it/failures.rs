//! What goes wrong in a build: what is said, how it ends, and that nothing is left of it.

use crate::support::Workshop;

const ROW: &str = "tiny-1.0-cp311-cu135-x86_64";

#[test]
fn a_compile_error_is_shown_with_its_place() {
    let Some(workshop) = Workshop::new() else { return };
    workshop.tiny(
        &[("a.c", "int a;\n"), ("b.c", "int b = 1 +;\n")],
        // An error of the compiler is no passing trouble.
        "retries: 3",
    );
    let run = workshop.build(&[ROW]);
    run.fails(1, &["b.c:1:", "error:", "expected expression", ROW, "hint:"]);
    let errors = run.stderr.matches("b.c:1:").count();
    assert!(errors <= 4, "compiled again and again:\n{}", run.stderr);
    workshop.is_clean();
}

#[test]
fn a_missing_header_is_named() {
    let Some(workshop) = Workshop::new() else { return };
    workshop.tiny(&[("a.c", "#include <cudnn.h>\n")], "");
    let run = workshop.build(&[ROW]);
    run.fails(1, &["cudnn.h: No such file or directory", "hint:"]);
    workshop.is_clean();
}

#[test]
fn a_module_that_cannot_be_imported_is_no_wheel() {
    let Some(workshop) = Workshop::new() else { return };
    workshop.tiny(&[], "test_import: tiny.nothing");
    let run = workshop.build(&[ROW]);
    run.fails(1, &["tiny.nothing", "import", "hint:"]);
    workshop.is_clean();
    // With the right name nothing has to be compiled again.
    workshop.tiny(&[], "test_import: tiny");
    workshop.build(&[ROW]).works();
    workshop.has("tiny-1.0+cu135-py3-none-any.whl");
}

#[test]
fn a_test_command_that_fails_is_shown() {
    let Some(workshop) = Workshop::new() else { return };
    workshop.tiny(&[], "test_command: [python, -c, \"raise SystemExit('it is wrong; $(id)')\"]");
    workshop.build(&[ROW]).fails(1, &["it is wrong; $(id)"]);
    workshop.is_clean();
}

#[test]
fn memory_that_is_used_up_is_named() {
    let Some(workshop) = Workshop::new() else { return };
    // Each line doubles what the compiler holds.
    let mut source = String::from("#define A0 1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,\n");
    for power in 1..=22 {
        let before = power - 1;
        source.push_str(&format!("#define A{power} A{before} A{before}\n"));
    }
    source.push_str("int a[] = { A22 };\n");
    workshop.tiny(&[("a.cpp", &source)], "memory: 128MiB\nretries: 3");
    let run = workshop.build(&[ROW]);
    run.fails(1, &["memory", "128", "hint:", "jobs"]);
    workshop.is_clean();
}

#[test]
fn a_full_disk_is_named() {
    let Some(workshop) = Workshop::new() else { return };
    let Some(_disk) = Disk::small(&workshop.path(".wheelsite-builder")) else { return };
    workshop.tiny(
        &[
            (
                "meanwhile.py",
                "with open(BUILD / 'much', 'wb') as much:\n    \
                               for _ in range(64):\n        much.write(bytes(4 << 20))\n",
            ),
            ("a.c", ""),
        ],
        "retries: 3",
    );
    let run = workshop.build(&[ROW]);
    run.fails(1, &["No space left on device", "disk", "hint:"]);
    workshop.is_clean();
}

/// A folder that holds little; gone with the value.
struct Disk(std::path::PathBuf);

impl Disk {
    /// None where this user may mount nothing.
    fn small(folder: &std::path::Path) -> Option<Self> {
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=160m", "wheelsite-small"]).arg(folder);
        if mount.output().is_ok_and(|output| output.status.success()) {
            Some(Self(folder.to_owned()))
        } else {
            crate::support::tools::missing("the right to mount a small file system");
            None
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Also while something still looks into it.
        let _ = std::process::Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

#[test]
fn no_engine_is_said_so() {
    let Some(workshop) = Workshop::new() else { return };
    workshop.tiny(&[], "");
    for (variable, names) in [(None, "docker"), (Some("podman"), "podman")] {
        let mut build = workshop.command(&["build", ROW]);
        build.env("PATH", workshop.path("programs")).env_remove("WHEELSITE_BUILDER_ENGINE");
        build.envs(variable.map(|engine| ("WHEELSITE_BUILDER_ENGINE", engine)));
        let run = crate::support::Run::of(&mut build);
        run.fails(3, &[names, "podman", "hint:"]);
        workshop.is_clean();
    }
}

/// docker's client is often there without its daemon.
#[test]
fn an_engine_that_answers_is_found() {
    let Some(mut workshop) = Workshop::new() else { return };
    workshop.tiny(&[], "");
    workshop.program("docker", "#!/bin/sh\necho Cannot connect to the Docker daemon >&2\nexit 1\n");
    let mut build = workshop.containers_of("build", &[ROW]);
    crate::support::Run::of(build.env_remove("WHEELSITE_BUILDER_ENGINE")).works();
    workshop.has("tiny-1.0+cu135-py3-none-any.whl");
    let report = workshop.read("wheels/tiny-1.0+cu135-py3-none-any.whl.build.json");
    assert!(report.contains("\"podman "), "{report}");

    workshop.tiny(&[], "env: {A: b}");
    let run = workshop.build(&[ROW, "--engine", "docker"]);
    run.fails(3, &["docker", "Cannot connect to the Docker daemon", "hint:"]);
}

#[test]
fn a_row_that_is_not_planned_is_a_usage_error() {
    let Some(workshop) = Workshop::new() else { return };
    workshop.tiny(&[], "");
    let run = workshop.build(&["tiny-1.0-cp312-cu135-x86_64"]);
    run.fails(2, &["tiny-1.0-cp312-cu135-x86_64", "hint:"]);
    workshop.is_clean();
}
