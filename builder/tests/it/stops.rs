//! Builds that are stopped: by their time, by a signal, by the death of who watches them.

use rustix::process::Signal;

use crate::support::workshop::{Running, files};
use crate::support::{Registry, Run, Workshop, images};

const ROW: &str = "tiny-1.0-cp311-cu135-x86_64";
/// Says that it has come to the middle of the build, and stays there the first time.
const STAY: &str = "import time\nmark = BUILD / 'stayed'\nif not mark.exists():\n    \
                    mark.touch()\n    time.sleep(3000)\n";

/// A build that stays in its middle.
fn staying(workshop: &Workshop, command: &str, arguments: &[&str]) -> Running {
    workshop.tiny(&[("meanwhile.py", STAY), ("a.c", "int a;\n"), ("b.c", "int b;\n")], "");
    let mut running = workshop.start(&mut workshop.containers_of(command, arguments));
    running.until(|| {
        files(&workshop.path(".wheelsite-builder")).iter().any(|path| path.ends_with("/stayed"))
    });
    assert_eq!(workshop.containers().len(), 1);
    running
}

#[test]
fn a_build_that_takes_too_long_is_ended() {
    let Some(workshop) = Workshop::new() else { return };
    workshop.tiny(&[("meanwhile.py", "import time\ntime.sleep(3000)\n"), ("a.c", "")], "");
    let run = workshop.build(&[ROW, "--timeout", "15s"]);
    run.fails(1, &["15 seconds", "hint:", "timeout"]);
    workshop.is_clean();
}

#[test]
fn interrupted_builds_leave_no_container_and_go_on() {
    for signal in [Signal::INT, Signal::TERM] {
        let Some(workshop) = Workshop::new() else { return };
        let running = staying(&workshop, "build", &[ROW]);
        running.signal(signal);
        running.end().fails(130, &["interrupted"]);
        workshop.is_clean();
        // Nothing that was compiled before is compiled again.
        workshop.build(&[ROW, "--keep"]).works();
        workshop.has("tiny-1.0+cu135-py3-none-linux_x86_64.whl");
        assert_eq!(compiled(&workshop), ["a.c", "b.c"]);
    }
}

/// The files that the compiler was called for, in order.
fn compiled(workshop: &Workshop) -> Vec<String> {
    let work = workshop.path(".wheelsite-builder");
    let log = files(&work).into_iter().find(|path| path.ends_with("build/compiled.txt"));
    let log = std::fs::read_to_string(work.join(log.expect("is kept"))).expect("reads");
    log.lines().map(str::to_owned).collect()
}

#[test]
fn an_interrupted_run_stops_all_its_builds() {
    let Some(workshop) = Workshop::new() else { return };
    let running = staying(&workshop, "run", &["--min-free", "0"]);
    running.signal(Signal::INT);
    running.end().fails(130, &["interrupted"]);
    workshop.is_clean();
}

/// The client of the engine is not the container: that has to go too.
#[test]
fn a_killed_client_leaves_no_container() {
    let Some(workshop) = Workshop::new() else { return };
    let running = staying(&workshop, "build", &[ROW]);
    for child in children(running.id()) {
        let child = rustix::process::Pid::from_raw(child).expect("is an id");
        let _ = rustix::process::kill_process(child, Signal::KILL);
    }
    let run = running.end();
    run.fails(1, &["client was killed", "compile", "hint:"]);
    workshop.is_clean();
}

/// Nobody could clean up then; the next build does.
#[test]
fn what_a_killed_builder_has_left_is_removed_by_the_next() {
    let Some(workshop) = Workshop::new() else { return };
    let running = staying(&workshop, "build", &[ROW]);
    running.signal(Signal::KILL);
    assert_eq!(running.end().code, None);
    workshop.build(&[ROW, "--keep"]).works();
    workshop.has("tiny-1.0+cu135-py3-none-linux_x86_64.whl");
    assert_eq!(compiled(&workshop), ["a.c", "b.c"]);
}

#[test]
fn a_pull_is_interrupted() {
    let Some(workshop) = Workshop::new() else { return };
    let registry = Registry::of(workshop.podman, images::RUNTIME);
    registry.fall_silent();
    workshop.tiny(&[], &format!("image: {0}\nruntime_image: {0}", registry.image()));
    let mut running = workshop.start(&mut workshop.containers_of("build", &[ROW]));
    running.until(|| !registry.log().is_empty());
    running.signal(Signal::INT);
    running.end().fails(130, &["interrupted"]);
    workshop.is_clean();
}

/// The processes that one has started.
fn children(id: u32) -> Vec<i32> {
    let tasks = std::fs::read_dir(format!("/proc/{id}/task")).expect("lists");
    let lists = tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace().map(|id| id.parse().expect("is an id")).collect::<Vec<i32>>()
        })
        .collect()
}

#[test]
fn two_builds_of_a_row_do_not_disturb_each_other() {
    let Some(workshop) = Workshop::new() else { return };
    let running = staying(&workshop, "build", &[ROW]);
    let run = Run::of(&mut workshop.containers_of("build", &[ROW]));
    assert_ne!(run.code, Some(0), "{}", run.stderr);
    run.fails(1, &[ROW, "hint:"]);
    running.signal(Signal::INT);
    running.end().fails(130, &["interrupted"]);
    workshop.is_clean();
}
