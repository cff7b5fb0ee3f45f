//! What a build costs, told by what no clock moves: system calls, bytes written, memory.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use crate::support::{Wheel, Workspace, tools};

/// A package list of so many projects with three files each; the first has one more in a second edition.
fn list(workspace: &Workspace, projects: usize, second: bool) {
    let mut text = String::new();
    for project in 0..projects {
        let files = if second && project == 0 { 4 } else { 3 };
        for file in 0..files {
            let name = format!("p{project:03}-1.{file}-py3-none-any.whl");
            let hash = wheelsite::wheel::Sha256::of(name.as_bytes());
            // With the time of its upload: what states none is looked for in the last state.
            text.push_str(&format!(
                "{{\"filename\":\"{name}\",\"hash\":\"sha256={hash}\",\"upload_timestamp\":{file}}}\n"
            ));
        }
    }
    workspace.write("list.jsonl", text);
}

const BUILD: [&str; 8] = [
    "build",
    "--quiet",
    "--source",
    "list:list.jsonl",
    "--files-url",
    "https://f.example/",
    "--pages",
    "none",
];

/// How often a build made each of the system calls that are counted here.
type Calls = BTreeMap<String, usize>;

/// The system calls of a build, and the bytes that it wrote into files.
fn traced(workspace: &Workspace) -> (Calls, usize) {
    let trace = workspace.path("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-y", "-s", "0", "-o"]).arg(&trace);
    command.args(["-e", "trace=%file,write,writev,pwrite64,copy_file_range,fsync,fdatasync"]);
    command.arg(env!("CARGO_BIN_EXE_wheelsite")).args(BUILD);
    workspace.confine(&mut command);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().expect("starts").success());
    let text = std::fs::read_to_string(&trace).expect("reads");
    std::fs::remove_file(&trace).expect("removes");
    // Relative paths are shown with the folder that they begin in.
    let folder = workspace.site();
    let folder = folder.parent().and_then(|it| it.to_str()).expect("is UTF-8");
    // What is remembered on this machine has a place of its own.
    let cache = format!("{folder}/cache");
    let mut calls = Calls::new();
    let mut written = 0;
    // A call that another thread interrupts takes two lines, the first of which has its arguments.
    let counts = |line: &&str| line.contains(folder) && !line.contains(&cache);
    for line in text.lines().filter(counts).filter(|line| !line.contains(" resumed>")) {
        let call = line.split_once(' ').map_or(line, |(_, call)| call.trim_start());
        let Some((name, arguments)) = call.split_once('(') else { continue };
        let kind = match name {
            "openat" | "open" if arguments.contains("O_CREAT") => "create",
            "openat" | "open" => "open",
            "write" | "writev" | "pwrite64" => {
                let bytes = arguments.rsplit(", ").next().and_then(|it| it.split(')').next());
                written += bytes.and_then(|it| it.parse::<usize>().ok()).unwrap_or(0);
                "write"
            }
            "newfstatat" | "statx" | "stat" | "lstat" | "access" | "readlink" => "look",
            other => other,
        };
        *calls.entry(kind.to_owned()).or_default() += 1;
    }
    (calls, written)
}

fn of(calls: &Calls, kinds: &[&str]) -> usize {
    kinds.iter().filter_map(|kind| calls.get(*kind)).sum()
}

const CHANGES: [&str; 8] =
    ["create", "write", "rename", "renameat", "renameat2", "unlink", "unlinkat", "mkdir"];

#[test]
fn a_build_without_news_looks_and_touches_nothing() {
    if !tools::has_program("strace") {
        return;
    }
    for projects in [10, 60] {
        let workspace = Workspace::new();
        list(&workspace, projects, false);
        traced(&workspace);
        let (calls, written) = traced(&workspace);
        assert_eq!((of(&calls, &CHANGES), written), (0, 0), "{calls:?}");
        // Two pages and a shard of each project are looked for; no shard is opened.
        assert!(of(&calls, &["look"]) <= 3 * projects + 60, "{projects} projects: {calls:?}");
        assert!(of(&calls, &["open"]) <= 40, "{projects} projects: {calls:?}");
    }
}

#[test]
fn one_project_costs_the_same_among_few_and_among_many() {
    if !tools::has_program("strace") {
        return;
    }
    let costs = [10, 60].map(|projects| {
        let workspace = Workspace::new();
        list(&workspace, projects, false);
        traced(&workspace);
        list(&workspace, projects, true);
        let (calls, written) = traced(&workspace);
        // What does not grow with the site: all but the state at its root.
        let root = std::fs::metadata(workspace.site().join("wheelsite.json")).expect("is there");
        let rest = written - usize::try_from(root.len()).expect("fits");
        (of(&calls, &CHANGES), of(&calls, &["open"]), rest)
    });
    assert_eq!(costs[0], costs[1], "changes, opened files, bytes written");
    let (changes, _, written) = costs[0];
    // Four files, each created, written and renamed; the journal; what makes way for them.
    assert!(changes < 40, "{changes} changes");
    assert!(written < 8_000, "{written} bytes");
}

#[test]
fn a_first_build_makes_each_file_once_and_in_its_place() {
    if !tools::has_program("strace") {
        return;
    }
    let workspace = Workspace::new();
    list(&workspace, 40, false);
    let (calls, written) = traced(&workspace);
    let files = crate::support::program::tree(&workspace.site());
    let bytes: usize = files.values().map(Vec::len).sum();
    assert!(of(&calls, &["rename", "renameat", "renameat2"]) <= 2, "{calls:?}");
    assert!(of(&calls, &["write"]) <= files.len() + 4, "{} files: {calls:?}", files.len());
    assert!(written <= bytes + 1_000, "{written} bytes written for {bytes}");
    assert_eq!(of(&calls, &["fsync", "fdatasync"]), 0);
}

/// The most memory that a build took, in MiB.
fn peak(workspace: &Workspace) -> Option<u64> {
    let mut child = workspace
        .command(&["build", "--quiet", "--jobs", "2"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = None;
    while child.try_wait().expect("waits").is_none() {
        // The high-water mark only rises: the last one that is seen is the truth, or near it.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(number.map(|number| number / 1024));
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert!(child.wait().expect("waits").success());
    peak
}

#[test]
fn memory_does_not_grow_with_wheels() {
    let [small, large] = [1, 120].map(|size| {
        let workspace = Workspace::new();
        let mut bytes = vec![0; size << 20];
        // What does not compress.
        fastrand::Rng::with_seed(1).fill(&mut bytes);
        let wheel = Wheel::new("a", "1.0").file("a/data.bin", &bytes);
        workspace.wheel(&wheel);
        peak(&workspace)
    });
    let (Some(small), Some(large)) = (small, large) else { return };
    assert!(large < small + 16, "{small} MiB for a wheel of 1 MiB, {large} MiB for one of 120");
}
