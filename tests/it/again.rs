//! A build into the site of an earlier one: what is not looked at again, and what is seen all the same.

use std::process::Stdio;

use serde_json::Value;

use crate::support::program::tree;
use crate::support::{Run, Wheel, Workspace, tools};

const LIST: [&str; 7] = [
    "build",
    "--source",
    "list:list.jsonl",
    "--files-url",
    "https://f.example/",
    "--channels",
    "off",
];

/// A package list whose lines state no time.
fn list(workspace: &Workspace, filenames: &[&str]) {
    let line = |name: &&str| {
        let hash = wheelsite::wheel::Sha256::of(name.as_bytes());
        format!("{{\"filename\":\"{name}-py3-none-any.whl\",\"hash\":\"sha256={hash}\"}}\n")
    };
    workspace.write("list.jsonl", filenames.iter().map(line).collect::<String>());
}

fn build(workspace: &Workspace, more: &[&str], epoch: &str) -> Run {
    let mut command = workspace.command(&[&LIST, more].concat());
    let run = Run::of(command.env("SOURCE_DATE_EPOCH", epoch));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run
}

/// The site of a build by somebody who has built nothing before.
fn built_at_once(filenames: &[&str], more: &[&str], epoch: &str) -> Vec<(String, Vec<u8>)> {
    let workspace = Workspace::new();
    list(&workspace, filenames);
    build(&workspace, more, epoch);
    tree(&workspace.site()).into_iter().collect()
}

fn site(workspace: &Workspace) -> Vec<(String, Vec<u8>)> {
    tree(&workspace.site()).into_iter().collect()
}

/// Lets the stamps of files that were just written become old enough to be trusted.
fn age() {
    std::thread::sleep(std::time::Duration::from_millis(120));
}

/// Makes the next build go the whole way.
fn forget_the_last_build(workspace: &Workspace) {
    let _ = std::fs::remove_dir_all(workspace.path("cache/wheelsite/builds-1"));
}

/// What a build opens of shards and wheels.
fn opened(workspace: &Workspace, arguments: &[&str]) -> Vec<String> {
    let trace = workspace.path("trace");
    let mut command = std::process::Command::new("strace");
    command.args(["-f", "-qq", "-s", "4096", "-e", "trace=open,openat", "-o"]).arg(&trace);
    command.arg(env!("CARGO_BIN_EXE_wheelsite")).args(arguments);
    workspace.confine(&mut command);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    assert!(command.status().expect("starts").success());
    let text = workspace.read("trace");
    let of_interest = |line: &&str| line.contains("/state/") || line.contains(".whl\"");
    text.lines()
        .filter(of_interest)
        .filter(|line| !line.contains("O_DIRECTORY"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn without_news_no_shard_and_no_wheel_is_opened() {
    if !tools::has_program("strace") {
        return;
    }
    let folder = ["build", "--quiet"];
    for arguments in [&folder[..], &LIST[..]] {
        let workspace = Workspace::new();
        list(&workspace, &["a-1.0", "a-2.0", "b-1.0"]);
        for (name, version) in [("a", "1.0"), ("a", "2.0"), ("b", "1.0")] {
            workspace.wheel(&Wheel::new(name, version));
        }
        age();
        assert!(!opened(&workspace, arguments).is_empty(), "the shards are written");
        assert_eq!(opened(&workspace, arguments), [""; 0], "told again");
        forget_the_last_build(&workspace);
        assert_eq!(opened(&workspace, arguments), [""; 0], "the whole way");
    }
}

#[test]
fn only_the_shards_of_changed_projects_are_opened() {
    if !tools::has_program("strace") {
        return;
    }
    let workspace = Workspace::new();
    for name in ["a", "b", "c"] {
        workspace.wheel(&Wheel::new(name, "1.0"));
    }
    age();
    let arguments = ["build", "--quiet", "--pages", "none"];
    opened(&workspace, &arguments);
    workspace.wheel(&Wheel::new("b", "2.0"));
    let mut read = opened(&workspace, &arguments);
    read.retain(|line| line.contains("O_RDONLY") && line.contains("/state/"));
    assert!(!read.is_empty() && read.iter().all(|line| line.contains("b.json")), "{read:?}");
}

#[test]
fn upload_times_stay_when_another_project_changes() {
    for pages in ["none", "all"] {
        let workspace = Workspace::new();
        let more = ["--pages", pages, "--site-url", "https://s.example/"];
        list(&workspace, &["a-1.0", "b-1.0"]);
        build(&workspace, &more, "1000000000");
        let before = workspace.read("site/simple/a/index.html");
        assert!(before.contains("2001-09-09T01:46:40Z"), "{before}");
        list(&workspace, &["a-1.0", "b-1.0", "b-2.0"]);
        build(&workspace, &more, "1700000000");
        assert_eq!(workspace.read("site/simple/a/index.html"), before);
        let changed = workspace.read("site/simple/b/index.html");
        assert!(changed.contains("2001-09-09T01:46:40Z"), "{changed}");
        assert!(changed.contains("2023-11-14T22:13:20Z"), "{changed}");
        assert!(workspace.read("site/state/a.json").contains("2001-09-09T01:46:40Z"));
        if pages == "all" {
            let feed = workspace.read("site/feed.xml");
            assert_eq!(feed.matches("<updated>2001-09-09T01:46:40Z").count(), 2, "{feed}");
            // A page of the root alone is made again from the same times.
            std::fs::remove_file(workspace.path("site/feed.xml")).expect("removes");
            build(&workspace, &more, "1800000000");
            assert_eq!(workspace.read("site/feed.xml"), feed);
        }
    }
}

#[test]
fn what_was_told_is_told_again() {
    let workspace = Workspace::new();
    list(&workspace, &["a-1.0", "B-1.0"]);
    age();
    let first = build(&workspace, &["--format", "json"], "0");
    assert!(first.stderr.contains("filename-not-normalized"), "{}", first.stderr);
    let before = site(&workspace);
    for _ in 0..2 {
        let again = build(&workspace, &["--format", "json"], "0");
        assert_eq!(again.stderr, first.stderr);
        let summary = again.json();
        assert_eq!((&summary["files"], &summary["accepted"]), (&2.into(), &2.into()));
        assert_eq!((&summary["pages_written"], &summary["unchanged"]), (&0.into(), &8.into()));
        assert!(site(&workspace) == before, "nothing was touched");
        forget_the_last_build(&workspace);
    }
    // Under another policy the same list is judged anew.
    let denied = [&LIST[..], &["--deny", "filename-not-normalized"]].concat();
    assert_eq!(workspace.run(&denied).code, Some(1));
    let quiet = build(&workspace, &["--allow", "filename-not-normalized"], "0");
    assert!(!quiet.stderr.contains("filename-not-normalized"), "{}", quiet.stderr);
}

#[test]
fn what_is_missing_is_seen_though_nothing_else_changed() {
    for (source, pages) in [("wheels", "all"), ("wheels", "none"), ("list", "none")] {
        let workspace = Workspace::new();
        list(&workspace, &["a-1.0", "b-1.0"]);
        workspace.wheel(&Wheel::new("a", "1.0"));
        workspace.wheel(&Wheel::new("b", "1.0"));
        age();
        let folder = ["build", "--pages", pages];
        let arguments = if source == "list" {
            [&LIST[..], &["--pages", pages]].concat()
        } else {
            folder.to_vec()
        };
        let run = |more: &[&str]| {
            let arguments = [&arguments[..], more].concat();
            let run = Run::of(workspace.command(&arguments).env("SOURCE_DATE_EPOCH", "0"));
            assert_eq!(run.code, Some(0), "{}", run.stderr);
        };
        run(&[]);
        let whole = site(&workspace);
        for (path, bytes) in whole.iter().filter(|(path, _)| path != "wheelsite.json") {
            std::fs::remove_file(workspace.site().join(path)).expect("removes");
            // A shard that is gone is no state to build upon.
            run(if path.starts_with("state/") { &["--refresh"] } else { &[] });
            let now = std::fs::read(workspace.site().join(path)).expect("is there again");
            assert!(now == *bytes, "{source}, {pages}: {path}");
        }
        assert!(site(&workspace) == whole, "{source}, {pages}");
    }
}

#[test]
fn a_list_with_other_lines_of_the_same_length_is_read() {
    let workspace = Workspace::new();
    list(&workspace, &["a-1.0", "b-1.0"]);
    age();
    build(&workspace, &["--pages", "none"], "0");
    list(&workspace, &["a-1.0", "b-2.0"]);
    build(&workspace, &["--pages", "none", "--allow-removals"], "0");
    assert!(workspace.read("site/simple/b/index.html").contains("b-2.0"));
}

#[test]
fn projects_whose_files_lie_apart_are_whole() {
    let more = ["--pages", "none", "--allow-removals"];
    let first = ["a-1.0", "a-2.0", "b-1.0", "c-1.0"];
    let seconds: [&[&str]; 7] = [
        // One of another project in between, and one more behind it.
        &["a-1.0", "a-2.0", "b-1.0", "a-3.0", "c-1.0"],
        &["a-1.0", "b-1.0", "a-2.0", "c-1.0"],
        &["b-1.0", "c-1.0", "a-1.0", "a-2.0", "d-1.0"],
        &["a-1.0", "a-2.0", "b-1.0", "a-1.0"],
        &["a-2.0", "b-1.0", "c-1.0"],
        &["a-1.0", "a-2.0", "b-1.0", "c-1.0", "b-1.0", "c-2.0"],
        // The new one first, and the project as it was behind another.
        &["a-3.0", "b-1.0", "a-1.0", "a-2.0", "c-1.0"],
    ];
    for second in seconds {
        let workspace = Workspace::new();
        list(&workspace, &first);
        build(&workspace, &more, "0");
        list(&workspace, second);
        build(&workspace, &more, "0");
        assert!(site(&workspace) == built_at_once(second, &more, "0"), "{second:?}");
    }
}

/// How many projects the next build would know by their lines.
fn known_by_lines(workspace: &Workspace) -> u64 {
    let kept = workspace.path("cache/wheelsite/builds-1");
    let mut kept = std::fs::read_dir(kept).expect("is kept").map(|entry| entry.expect("lists"));
    let text = std::fs::read_to_string(kept.next().expect("is kept").path()).expect("reads");
    let head: Value =
        serde_json::from_str(text.lines().next().expect("has a head")).expect("parses");
    head["runs"].as_u64().expect("is a number")
}

#[test]
fn lines_that_are_known_say_what_they_said() {
    let more = ["--pages", "none", "--allow-removals"];
    let first = ["a-1.0", "a-2.0", "b-1.0", "b-2.0", "c-1.0", "D-1.0"];
    // What each comes to, and how many are known by their lines then: there is something to say of D.
    let seconds: [(&[&str], u64); 12] = [
        (&["a-1.0", "a-2.0", "b-1.0", "b-2.0", "c-1.0", "D-1.0", "e-1.0"], 4),
        // In another order.
        (&["c-1.0", "b-1.0", "b-2.0", "a-1.0", "a-2.0"], 3),
        // One more at the end of its project, at its beginning, and within it.
        (&["a-1.0", "a-2.0", "a-3.0", "b-1.0", "b-2.0", "c-1.0"], 3),
        (&["a-1.0", "a-2.0", "b-0.1", "b-1.0", "b-2.0", "c-1.0"], 3),
        (&["a-1.0", "a-1.5", "a-2.0", "b-1.0", "b-2.0", "c-1.0"], 3),
        // The same in another order.
        (&["a-2.0", "a-1.0", "b-1.0", "b-2.0", "c-1.0"], 3),
        // One fewer, and none.
        (&["a-1.0", "b-1.0", "b-2.0", "c-1.0"], 3),
        (&["a-1.0", "a-2.0", "c-1.0"], 2),
        // Apart: known ones are not let go while a line of theirs is elsewhere.
        (&["a-1.0", "a-2.0", "b-1.0", "b-2.0", "c-1.0", "a-3.0"], 0),
        (&["c-2.0", "a-1.0", "a-2.0", "b-1.0", "b-2.0", "c-1.0"], 0),
        (&["a-1.0", "a-2.0", "c-1.0", "a-1.0", "a-2.0"], 0),
        // A second line for a file that is there.
        (&["a-1.0", "a-2.0", "b-1.0", "b-2.0", "b-2.0", "c-1.0"], 2),
    ];
    for (second, known) in seconds {
        let workspace = Workspace::new();
        list(&workspace, &first);
        build(&workspace, &more, "0");
        assert_eq!(known_by_lines(&workspace), 3);
        for build_of_it in 0..3 {
            list(&workspace, second);
            build(&workspace, &more, "0");
            assert!(site(&workspace) == built_at_once(second, &more, "0"), "{second:?}");
            // What has changed is known the next time.
            if known > 0 && build_of_it > 0 {
                assert_eq!(known_by_lines(&workspace), known, "{second:?}");
            }
        }
        // What was known of another state of the site is not known any more.
        list(&workspace, &["a-1.0", "z-1.0"]);
        let other = workspace.path("other-cache");
        let mut command = workspace.command(&[&LIST[..], &more].concat());
        command.env("XDG_CACHE_HOME", other).env("SOURCE_DATE_EPOCH", "0");
        assert!(command.output().expect("starts").status.success());
        list(&workspace, second);
        build(&workspace, &more, "0");
        assert!(site(&workspace) == built_at_once(second, &more, "0"), "{second:?}");
    }
}

#[test]
fn a_list_in_any_order_makes_the_same_site() {
    let together = ["a-1.0", "a-2.0", "b-1.0", "c-1.0", "c-1.1", "D-1.0", "e-3.0"];
    let apart = ["c-1.0", "a-2.0", "b-1.0", "a-1.0", "e-3.0", "D-1.0", "c-1.1"];
    for pages in ["none", "all"] {
        let more = ["--pages", pages, "--site-url", "https://s.example/"];
        let whole = built_at_once(&together, &more, "0");
        // Where lines lie apart, all files are in memory before the first page is made.
        assert!(built_at_once(&apart, &more, "0") == whole, "{pages}");
        // And where there are two lists.
        let workspace = Workspace::new();
        list(&workspace, &together[4..]);
        std::fs::rename(workspace.path("list.jsonl"), workspace.path("rest.jsonl")).expect("moves");
        list(&workspace, &together[..4]);
        build(&workspace, &[&["--source", "list:rest.jsonl"], &more[..]].concat(), "0");
        assert!(site(&workspace) == whole, "{pages}");
        let has = |path: &str| whole.iter().any(|(of, _)| of == path);
        assert!(has("simple/a/index.html") && has("feed.xml") == (pages == "all"));
    }
}

#[test]
fn a_first_build_that_fails_late_leaves_nothing() {
    let names: Vec<String> = (0..3_000).map(|number| format!("p{number}-1.0")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (last, more, code, told) in [
        ("not json\n", &[][..], 3, "line 3001 "),
        // What is rejected at the end fails the whole build, too.
        (
            "{\"filename\":\"D-1.0-py3-none-any.whl\"}\n",
            &["--deny", "filename-not-normalized"],
            1,
            "D-1.0",
        ),
    ] {
        let workspace = Workspace::new();
        list(&workspace, &names);
        let text = workspace.read("list.jsonl") + last;
        workspace.write("list.jsonl", text);
        for pages in ["none", "all"] {
            let run = workspace.run(&[&LIST[..], &["--pages", pages], more].concat());
            assert_eq!(run.code, Some(code), "{}", run.stderr);
            assert!(run.stderr.contains(told), "{}", run.stderr);
            let left = std::fs::read_dir(workspace.path(".")).expect("lists");
            let left =
                left.map(|entry| entry.expect("lists").file_name().to_string_lossy().into_owned());
            assert!(!left.into_iter().any(|name| name.contains("site")), "nothing of a site");
        }
    }
}
