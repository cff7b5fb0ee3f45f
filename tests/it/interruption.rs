//! Kills, full disks and races: what can be read is whole at every moment.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Run, Wheel, Workspace, crawl, program::tree, tools};

/// Runs in this many rounds, or as many as `WHEELSITE_SOAK` says.
fn rounds(few: usize) -> usize {
    std::env::var("WHEELSITE_SOAK").ok().and_then(|count| count.parse().ok()).unwrap_or(few)
}

/// A site's files with their bytes.
type Site = std::collections::BTreeMap<String, Vec<u8>>;

/// The wheels of a first build, or of a second that adds, changes and removes.
fn set_wheels(workspace: &Workspace, second: bool) {
    let _ = std::fs::remove_dir_all(workspace.path("wheels"));
    std::fs::create_dir(workspace.path("wheels")).expect("makes a folder");
    workspace.wheel(&Wheel::new("same", "1.0"));
    workspace.wheel(&Wheel::new("grows", "1.0"));
    let changes = Wheel::new("changes", "1.0");
    if second {
        workspace.wheel(&changes.header("Summary: rebuilt"));
        workspace.wheel(&Wheel::new("grows", "2.0"));
        workspace.wheel(&Wheel::new("new", "1.0"));
    } else {
        workspace.wheel(&changes);
        workspace.wheel(&Wheel::new("goes", "1.0"));
    }
}

const BUILD: [&str; 6] =
    ["build", "--quiet", "--allow-removals", "--allow", "digest-changed", "--jobs"];

fn build(workspace: &Workspace) -> Run {
    let mut command = workspace.command(&BUILD);
    Run::of(command.arg("1").env("SOURCE_DATE_EPOCH", "0"))
}

/// What an undisturbed build of each set of wheels makes.
fn undisturbed(second: bool) -> Site {
    let workspace = Workspace::new();
    set_wheels(&workspace, second);
    assert_eq!(build(&workspace).code, Some(0));
    tree(&workspace.site())
}

/// The system calls that change the file system, or could.
const CHANGES: [&str; 13] = [
    "copy_file_range",
    "ftruncate",
    "link",
    "linkat",
    "mkdir",
    "openat",
    "rename",
    "renameat",
    "rmdir",
    "sendfile",
    "unlink",
    "unlinkat",
    "write",
];

/// A build that is killed as it enters a system call for the N-th time.
fn traced(workspace: &Workspace, call: &str, count: usize) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e"]).arg(format!("trace={call}"));
    command.arg("-e").arg(format!("inject={call}:signal=SIGKILL:when={count}"));
    command.arg(env!("CARGO_BIN_EXE_wheelsite")).args(BUILD).arg("1");
    workspace.confine(&mut command);
    command.env("SOURCE_DATE_EPOCH", "0").stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// One kill, and what must hold after it.
fn kill_once(call: &str, count: usize, second: bool, sites: &[Site; 2]) -> bool {
    let at = format!("killed at {call} {count} of build {}", usize::from(second) + 1);
    let workspace = Workspace::new();
    if second {
        set_wheels(&workspace, false);
        assert_eq!(build(&workspace).code, Some(0));
    }
    set_wheels(&workspace, second);
    let killed = !traced(&workspace, call, count).status().expect("starts").success();
    let seen = crawl::check(&workspace.site()).unwrap_or_else(|error| panic!("{at}: {error}"));
    assert!(!second || !seen.is_empty(), "{at}: the old site is gone");
    // Another input may come next, and the one before may come back.
    for next in [!second, second] {
        set_wheels(&workspace, next);
        let run = build(&workspace);
        assert_eq!(run.code, Some(0), "{at}: {}", run.stderr);
        assert!(
            tree(&workspace.site()) == sites[usize::from(next)],
            "{at}: the next build differs"
        );
    }
    let left: Vec<_> = std::fs::read_dir(workspace.path("")).expect("lists").flatten().collect();
    let ours = |name: std::ffi::OsString| name.to_string_lossy().contains(".wheelsite");
    assert!(!left.iter().any(|entry| ours(entry.file_name())), "{at}: {left:?}");
    killed
}

#[test]
fn a_build_killed_at_any_change_leaves_a_whole_site_and_the_next_completes() {
    if !tools::has_program("strace") {
        return;
    }
    let sites = [undisturbed(false), undisturbed(true)];
    // Each call of each kind in turn, until a build ends before its turn comes.
    let kills: usize = CHANGES
        .iter()
        .flat_map(|call| [(*call, false), (*call, true)])
        .map(|(call, second)| {
            (1..5_000).take_while(|count| kill_once(call, *count, second, &sites)).count()
        })
        .sum();
    assert!(kills > 200, "only {kills} changes were seen");
}

#[test]
fn deletions_never_overtake_the_pages_that_link_to_what_they_delete() {
    if !tools::has_program("strace") {
        return;
    }
    // Everything that one build made and the next has no more: JSON, files, pages for people.
    let less = ["--host", "github-pages", "--files-url", "https://f.example/", "--pages", "none"];
    for count in 1..5_000 {
        let workspace = Workspace::new();
        set_wheels(&workspace, false);
        assert_eq!(build(&workspace).code, Some(0));
        std::fs::remove_file(workspace.path("wheels/goes-1.0-py3-none-any.whl")).expect("removes");
        // Killed twice at the same place: recovery deletes in the right order too.
        let mut killed = false;
        for _ in 0..2 {
            let mut command = traced(&workspace, "unlink", count);
            killed |= !command.args(less).status().expect("starts").success();
            crawl::check(&workspace.site())
                .unwrap_or_else(|error| panic!("killed at unlink {count}: {error}"));
        }
        let run = Run::of(workspace.command(&BUILD).arg("1").args(less));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let left: Vec<String> = tree(&workspace.site()).into_keys().collect();
        assert!(
            !left.iter().any(|path| path.starts_with("files/") || path.contains("goes")),
            "{left:?}"
        );
        if !killed {
            assert!(count > 20, "only {count} deletions were seen");
            return;
        }
    }
}

/// Projects enough that a build of them by the test program takes its time.
fn many_wheels(workspace: &Workspace, version: &str, count: usize) {
    let filler = vec![b'x'; 2_000];
    for number in 0..count {
        let project = format!("project-{:03}", number % 150);
        let wheel =
            Wheel::new(&project, &format!("{version}.{number}")).file("filler.txt", &filler);
        workspace.wheel(&wheel.description("text/markdown", &"* a list\n".repeat(400)));
    }
}

#[test]
fn kills_at_random_moments_of_a_long_build_never_show_half_a_site() {
    let workspace = Workspace::new();
    many_wheels(&workspace, "1", 300);
    let run = || {
        let mut command = workspace.command(&["build", "--quiet", "--allow-removals", "--refresh"]);
        command.env("SOURCE_DATE_EPOCH", "0").stderr(Stdio::null());
        command
    };
    assert!(run().status().expect("starts").success());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // A reader that never rests.
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while !stop.load(Ordering::Relaxed) {
                let files = crawl::check(&workspace.site()).expect("is whole");
                assert!(!files.is_empty());
                reads += 1;
            }
            reads
        });
        let mut random = 0x2545_f491_4f6c_dd1du64;
        let mut longest = Duration::ZERO;
        for round in 0..rounds(8) {
            // Each round makes every page anew, so a build takes its full time.
            workspace.write("config/site.yml", format!("title: Round {round}\nprojects: {{project-001: {{yanked: {{\"1.1\": r{round}}}}}}}\n"));
            many_wheels(&workspace, &format!("1.{round}"), 150);
            let began = Instant::now();
            let mut child = run().spawn().expect("starts");
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            // Kills fall anywhere in a build and soon after its end.
            let until = Duration::from_millis(random % 2_500);
            while began.elapsed() < until && child.try_wait().expect("waits").is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            child.kill().expect("kills");
            child.wait().expect("ends");
            longest = longest.max(began.elapsed());
            crawl::check(&workspace.site())
                .unwrap_or_else(|error| panic!("round {round}: {error}"));
        }
        assert!(run().status().expect("starts").success());
        stop.store(true, Ordering::Relaxed);
        assert!(reader.join().expect("never saw half a site") > 0);
    });
    let undisturbed = Workspace::new();
    many_wheels(&undisturbed, "1", 300);
    for round in 0..rounds(8) {
        many_wheels(&undisturbed, &format!("1.{round}"), 150);
    }
    undisturbed.write("config/site.yml", workspace.read("config/site.yml"));
    let mut command = undisturbed.command(&["build", "--quiet"]);
    assert!(command.env("SOURCE_DATE_EPOCH", "0").status().expect("starts").success());
    assert!(
        tree(&workspace.site()) == tree(&undisturbed.site()),
        "the last build completes what kills left"
    );
}

#[test]
fn two_builds_at_once_do_not_mix() {
    let workspace = Workspace::new();
    many_wheels(&workspace, "1", 150);
    let start =
        || workspace.command(&["build", "--quiet"]).stderr(Stdio::piped()).spawn().expect("starts");
    let mut builds = [start(), start(), start()];
    let codes: Vec<Option<i32>> =
        builds.iter_mut().map(|build| build.wait().expect("ends").code()).collect();
    assert!(codes.contains(&Some(0)), "{codes:?}");
    assert!(codes.iter().all(|code| matches!(code, Some(0 | 4))), "{codes:?}");
    assert_eq!(crawl::check(&workspace.site()).expect("is whole").len(), 150);
}

/// A small file system of its own, for as long as the value lives.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(folder: &'a Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(folder).expect("makes a folder");
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(folder)
            .stderr(Stdio::null())
            .status();
        if status.is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        tools::missing("the right to mount a tmpfs");
        None
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

/// Bytes that no archive makes smaller.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn a_full_disk_keeps_the_old_site() {
    let workspace = Workspace::new();
    let disk = workspace.path("disk");
    let Some(_mounted) = SmallDisk::mount(&disk, "600k") else { return };
    workspace.wheel(&Wheel::new("demo", "1.0"));
    workspace.build(&["--output", "disk/site"]);
    let before = tree(&disk.join("site"));
    let noise = noise(900_000);
    workspace.wheel(&Wheel::new("demo", "2.0").file("large.bin", &noise));
    let run = workspace.run(&["build", "--output", "disk/site"]);
    run.fails(
        3,
        &[
            "cannot write `disk/site/files/demo/",
            "o space left on device",
            "hint: the site that was there is whole",
        ],
    );
    let after = tree(&disk.join("site"));
    for (path, bytes) in &before {
        assert!(after.get(path) == Some(bytes), "{path} is another");
    }
    // The sidecar of the file that had no room may have come before it; no page names it.
    let new = after.keys().filter(|path| !before.contains_key(*path) && !path.starts_with('.'));
    assert!(
        new.clone().all(|path| path.starts_with("files/demo/")),
        "{:?}",
        new.collect::<Vec<_>>()
    );
    crawl::check(&disk.join("site")).expect("is whole");
    // With room again, the next build completes and nothing of the failed one remains.
    workspace.wheel(&Wheel::new("demo", "2.0"));
    workspace.build(&["--output", "disk/site"]);
    assert_eq!(crawl::check(&disk.join("site")).expect("is whole").len(), 2);
    assert!(!tree(&disk.join("site")).keys().any(|path| path.starts_with(".wheelsite")));
    // A first build that fails leaves nothing.
    workspace.wheel(&Wheel::new("demo", "3.0").file("large.bin", &noise));
    workspace.run(&["build", "--output", "disk/first"]).fails(3, &["o space left on device"]);
    assert!(!disk.join("first").exists() && !disk.join(".first.wheelsite-new").exists());
}
