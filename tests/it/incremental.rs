//! A second build does what changed and nothing else, and loses nothing unasked.

use std::collections::BTreeMap;
use std::time::SystemTime;

use crate::support::{Wheel, Workspace, crawl, program::tree, tools};

fn projects(workspace: &Workspace, names: &[&str]) {
    for name in names {
        workspace.wheel(&Wheel::new(name, "1.0"));
    }
}

/// When each file of the site was last written.
fn written(workspace: &Workspace) -> BTreeMap<String, SystemTime> {
    let time = |path: &String| {
        std::fs::metadata(workspace.site().join(path))
            .and_then(|metadata| metadata.modified())
            .expect("has a time")
    };
    tree(&workspace.site()).into_keys().map(|path| (path.clone(), time(&path))).collect()
}

fn changed(
    before: &BTreeMap<String, SystemTime>,
    after: &BTreeMap<String, SystemTime>,
) -> Vec<String> {
    after
        .iter()
        .filter(|(path, time)| before.get(*path) != Some(time))
        .map(|(path, _)| path.clone())
        .collect()
}

#[test]
fn nothing_changed_means_nothing_written() {
    let workspace = Workspace::new();
    projects(&workspace, &["a", "b"]);
    workspace.build(&[]);
    let before = written(&workspace);
    let summary = workspace.build(&[]);
    assert_eq!((&summary["pages_written"], &summary["removed"]), (&0.into(), &0.into()));
    assert_eq!(summary["unchanged"], 8);
    assert_eq!(written(&workspace), before);
}

#[test]
fn one_changed_project_rewrites_itself_the_roots_and_the_state() {
    let workspace = Workspace::new();
    projects(&workspace, &["a", "b", "c"]);
    workspace.build(&[]);
    let before = written(&workspace);
    workspace.wheel(&Wheel::new("b", "1.1"));
    workspace.build(&[]);
    let mut paths = changed(&before, &written(&workspace));
    paths.retain(|path| !path.starts_with("files/b/"));
    assert_eq!(
        paths,
        [
            "feed.xml",
            "index.html",
            "packages/b/files.json",
            "packages/b/index.html",
            "search.json",
            "simple/b/index.html",
            "simple/b/index.v1_json",
            "state/b.json",
            "wheelsite.json",
        ],
        "the machine roots name the same projects as before, so they stay too"
    );
    assert_eq!(crawl::check(&workspace.site()).expect("is whole").len(), 4);
}

#[test]
fn a_site_that_grew_is_the_site_that_is_built_at_once() {
    let grown = Workspace::new();
    projects(&grown, &["a", "b", "gone"]);
    let build = |workspace: &Workspace| {
        let mut command = workspace.command(&["build", "--allow-removals"]);
        assert!(command.env("SOURCE_DATE_EPOCH", "0").output().expect("starts").status.success());
    };
    build(&grown);
    std::fs::remove_file(grown.path("wheels/gone-1.0-py3-none-any.whl")).expect("removes");
    grown.wheel(&Wheel::new("b", "2.0"));
    grown.wheel(&Wheel::new("c", "1.0"));
    build(&grown);
    let fresh = Workspace::new();
    projects(&fresh, &["a", "b", "c"]);
    fresh.wheel(&Wheel::new("b", "2.0"));
    build(&fresh);
    assert_eq!(tree(&grown.site()), tree(&fresh.site()));
}

#[test]
fn a_mass_removal_stops_before_anything_is_touched() {
    let workspace = Workspace::new();
    projects(&workspace, &["a", "b"]);
    for minor in 1..30 {
        workspace.wheel(&Wheel::new("a", &format!("1.{minor}")));
    }
    workspace.build(&[]);
    let before = tree(&workspace.site());
    let wheel = |name: &str, version: &str| {
        workspace.path(&format!("wheels/{name}-{version}-py3-none-any.whl"))
    };
    // One file of 31 goes by itself.
    std::fs::remove_file(wheel("a", "1.7")).expect("removes");
    assert_eq!(workspace.build(&[])["removed"], 2, "the wheel and its sidecar");
    workspace.wheel(&Wheel::new("a", "1.7"));
    workspace.build(&[]);
    // A whole project does not, and neither do more than a tenth of the files.
    std::fs::remove_file(wheel("b", "1.0")).expect("removes");
    let run = workspace.run(&["build"]);
    run.fails(1, &["1 of the 31 files", "the whole project `b`", "--allow-removals"]);
    workspace.wheel(&Wheel::new("b", "1.0"));
    for minor in 1..5 {
        std::fs::remove_file(wheel("a", &format!("1.{minor}"))).expect("removes");
    }
    workspace.run(&["build"]).fails(1, &["4 of the 31 files", "--allow-removals"]);
    let names = |site: BTreeMap<String, Vec<u8>>| site.into_keys().collect::<Vec<_>>();
    assert_eq!(names(tree(&workspace.site())), names(before));
    workspace.build(&["--allow-removals"]);
    assert_eq!(crawl::check(&workspace.site()).expect("is whole").len(), 27);
    let everything: String = tree(&workspace.site()).into_keys().collect::<Vec<_>>().join("\n");
    assert!(!everything.contains("a-1.3-py3"));
}

#[test]
fn a_removed_project_leaves_no_trace() {
    let workspace = Workspace::new();
    projects(&workspace, &["a", "b"]);
    workspace.build(&[]);
    std::fs::remove_file(workspace.path("wheels/b-1.0-py3-none-any.whl")).expect("removes");
    workspace.build(&["--allow-removals"]);
    for folder in ["simple/b", "packages/b", "files/b", "state/b.json"] {
        assert!(!workspace.site().join(folder).exists(), "{folder}");
    }
    assert!(!workspace.read("site/simple/index.html").contains(">b<"));
}

#[test]
fn a_foreign_folder_is_refused_and_kept_even_by_force() {
    let workspace = Workspace::new();
    projects(&workspace, &["a"]);
    workspace.write("site/mine.txt", "mine");
    workspace
        .run(&["build"])
        .fails(1, &["`site` is not empty and holds no site that wheelsite wrote", "--force"]);
    assert_eq!(tree(&workspace.site()).len(), 1);
    workspace.build(&["--force"]);
    workspace.build(&[]);
    assert_eq!(workspace.read("site/mine.txt"), "mine");
    assert_eq!(crawl::check(&workspace.site()).expect("is whole").len(), 1);
}

#[test]
fn what_went_missing_or_was_cut_short_is_made_again() {
    let workspace = Workspace::new();
    projects(&workspace, &["a", "b"]);
    workspace.build(&[]);
    let before = tree(&workspace.site());
    for path in before.keys() {
        std::fs::remove_file(workspace.site().join(path)).expect("removes");
        if path == "wheelsite.json" {
            // Without it nobody can say that the folder is ours.
            workspace.run(&["build"]).fails(1, &["holds no site that wheelsite wrote"]);
        } else if path.starts_with("state/") {
            // Without it a file that changed under its name could slip through.
            workspace.run(&["build"]).fails(3, &[path, "does not exist", "--refresh"]);
        } else {
            workspace.build(&[]);
        }
        if !workspace.site().join(path).exists() {
            std::fs::write(workspace.site().join(path), &before[path]).expect("writes");
        }
        assert_eq!(tree(&workspace.site()), before, "{path}");
    }
    let (wheel, _) = &crawl::check(&workspace.site()).expect("is whole")["a-1.0-py3-none-any.whl"];
    std::fs::write(workspace.site().join(wheel), b"cut").expect("writes");
    workspace.build(&[]);
    assert_eq!(tree(&workspace.site()), before);
}

#[test]
fn other_settings_make_every_page_anew_and_keep_the_files() {
    let workspace = Workspace::new();
    projects(&workspace, &["a", "b"]);
    settle();
    workspace.build(&[]);
    let before = written(&workspace);
    workspace.write("config/site.yml", "title: Another\n");
    let summary = workspace.build(&[]);
    assert_eq!((&summary["files_placed"], &summary["bytes_read"]), (&0.into(), &0.into()));
    let paths = changed(&before, &written(&workspace));
    // Machine pages do not show the title.
    assert_eq!(
        paths,
        [
            "404.html",
            "feed.xml",
            "index.html",
            "packages/a/index.html",
            "packages/b/index.html",
            "packages/index.html",
            "state/a.json",
            "state/b.json",
            "wheelsite.json",
        ]
    );
}

#[test]
fn switching_between_carrying_and_linking_stays_whole() {
    let workspace = Workspace::new();
    projects(&workspace, &["a"]);
    workspace.build(&[]);
    let carried = tree(&workspace.site());
    workspace.build(&["--files-url", "https://x.example/"]);
    assert!(!workspace.site().join("files").exists());
    workspace.build(&[]);
    assert_eq!(tree(&workspace.site()), carried);
    workspace.build(&["--pages", "none", "--host", "github-pages"]);
    assert!(
        !workspace.site().join("packages").exists() && !workspace.site().join("assets").exists()
    );
    workspace.build(&[]);
    assert_eq!(tree(&workspace.site()), carried);
}

#[test]
fn a_changed_wheel_gets_a_new_address() {
    let workspace = Workspace::new();
    projects(&workspace, &["a"]);
    workspace.build(&[]);
    let old = crawl::check(&workspace.site()).expect("is whole");
    workspace.wheel(&Wheel::new("a", "1.0").header("Summary: rebuilt"));
    workspace.run(&["build"]).fails(1, &["digest-changed", "--allow digest-changed"]);
    assert_eq!(crawl::check(&workspace.site()).expect("is whole"), old);
    workspace.build(&["--allow", "digest-changed"]);
    let new = crawl::check(&workspace.site()).expect("is whole");
    let (old, new) = (&old["a-1.0-py3-none-any.whl"], &new["a-1.0-py3-none-any.whl"]);
    assert_ne!(old, new);
    assert!(!workspace.site().join(&old.0).exists());
}

#[test]
fn a_state_that_cannot_be_trusted_stops_the_build() {
    let workspace = Workspace::new();
    projects(&workspace, &["a"]);
    workspace.build(&[]);
    let state = workspace.read("site/wheelsite.json");
    workspace.write("site/wheelsite.json", "{");
    workspace.run(&["build"]).fails(3, &["wheelsite.json", "hint:"]);
    workspace
        .write("site/wheelsite.json", state.replace("\"state_version\":2", "\"state_version\":99"));
    workspace.run(&["build"]).fails(3, &["version 99", "update"]);
    workspace.write("site/wheelsite.json", state);
    workspace.build(&[]);
    // A live site that answers with an error is no first run either.
    let refused =
        std::net::TcpListener::bind("127.0.0.1:0").expect("binds").local_addr().expect("is bound");
    let url = format!("http://{refused}/");
    workspace
        .run(&["build", "--output", "other", "--previous", &url])
        .fails(3, &["cannot read the state"]);
    workspace
        .run(&["build", "--output", "other", "--previous", "nowhere"])
        .fails(3, &["`--previous nowhere` holds no site"]);
    assert!(!workspace.path("other").exists());
}

#[test]
fn refresh_mends_whatever_is_damaged() {
    let workspace = Workspace::new();
    projects(&workspace, &["a", "b"]);
    workspace.build(&[]);
    let before = tree(&workspace.site());
    for path in before.keys() {
        std::fs::write(workspace.site().join(path), b"damaged").expect("writes");
        workspace.build(&["--refresh"]);
        assert_eq!(tree(&workspace.site()), before, "{path}");
    }
    // What no state knows of is swept away, and what is not the site's stays.
    workspace.write("site/files/old/0123456789abcdef/old-1.tar.gz", "old");
    workspace.write("site/CNAME", "wheels.example");
    workspace.build(&["--refresh"]);
    assert!(!workspace.site().join("files/old").exists());
    assert_eq!(workspace.read("site/CNAME"), "wheels.example");
}

#[test]
fn a_state_cannot_make_a_build_touch_what_is_not_the_sites() {
    let workspace = Workspace::new();
    projects(&workspace, &["a"]);
    workspace.build(&[]);
    workspace.write("victim.txt", "precious");
    workspace.write("site/CNAME", "wheels.example");
    let state = workspace.read("site/wheelsite.json");
    let hostile = state.replace(
        "\"pages\":{",
        &format!("\"pages\":{{\"../victim.txt\":\"{0}\",\"CNAME\":\"{0}\",", "0".repeat(64)),
    );
    assert_ne!(hostile, state);
    workspace.write("site/wheelsite.json", hostile);
    workspace.write("site/.wheelsite-journal", "../victim.txt\nCNAME\n\n");
    workspace.wheel(&Wheel::new("a", "1.1"));
    workspace.build(&[]);
    assert_eq!(workspace.read("victim.txt"), "precious");
    assert_eq!(workspace.read("site/CNAME"), "wheels.example");
}

#[test]
fn another_previous_site_does_not_turn_off_the_guard() {
    let workspace = Workspace::new();
    projects(&workspace, &["a", "b"]);
    workspace.build(&[]);
    workspace.write("few/a-1.0-py3-none-any.whl", Wheel::new("a", "1.0").bytes());
    workspace.build(&["--source", "few", "--output", "other"]);
    workspace
        .run(&["build", "--source", "few", "--previous", "other"])
        .fails(1, &["the whole project `b`"]);
}

#[cfg(unix)]
#[test]
fn links_become_copies_and_copies_links() {
    use std::os::unix::fs::MetadataExt;
    let workspace = Workspace::new();
    workspace.write("real/a-1.0-py3-none-any.whl", Wheel::new("a", "1.0").bytes());
    std::os::unix::fs::symlink(
        "../real/a-1.0-py3-none-any.whl",
        workspace.path("wheels/a-1.0-py3-none-any.whl"),
    )
    .expect("links");
    let source =
        std::fs::metadata(workspace.path("real/a-1.0-py3-none-any.whl")).expect("is there").ino();
    settle();
    for (mode, linked) in [("hardlink", true), ("copy", false), ("hardlink", true)] {
        workspace.build(&["--files", mode]);
        let (path, _) =
            &crawl::check(&workspace.site()).expect("is whole")["a-1.0-py3-none-any.whl"];
        let there = std::fs::symlink_metadata(workspace.site().join(path)).expect("is there");
        assert!(there.is_file(), "a link to a link would lead nowhere");
        assert_eq!(there.ino() == source, linked, "{mode}");
        // Making a link changes when the file was last changed; it is not read again for that.
        assert_eq!(workspace.build(&["--files", mode])["bytes_read"], 0, "{mode}");
    }
}

/// Paths of the wheels that a build opens, by the system calls that it makes.
fn opened_wheels(workspace: &Workspace) -> Vec<String> {
    let trace = workspace.path("trace");
    let mut command = std::process::Command::new("strace");
    command.args(["-f", "-e", "trace=open,openat", "-o"]).arg(&trace);
    command.arg(env!("CARGO_BIN_EXE_wheelsite")).args(["build", "--quiet"]);
    workspace.confine(&mut command);
    assert!(command.output().expect("starts").status.success());
    let text = std::fs::read_to_string(trace).expect("reads");
    let opened = text.lines().filter(|line| line.contains(".whl\"") && !line.contains("ENOENT"));
    opened.map(str::to_owned).collect()
}

#[test]
fn an_unchanged_wheel_is_not_opened_again() {
    if !tools::has_program("strace") {
        return;
    }
    let workspace = Workspace::new();
    projects(&workspace, &["a", "b"]);
    settle();
    assert!(!opened_wheels(&workspace).is_empty());
    assert_eq!(opened_wheels(&workspace), [""; 0]);
    // A new one is; the others are not.
    workspace.wheel(&Wheel::new("c", "1.0"));
    let opened = opened_wheels(&workspace);
    assert!(
        !opened.is_empty() && opened.iter().all(|line| line.contains("c-1.0-py3")),
        "{opened:?}"
    );
}

#[test]
fn a_fresh_machine_takes_facts_from_the_published_state() {
    let workspace = Workspace::new();
    projects(&workspace, &["a"]);
    workspace.build(&[]);
    // Facts that no wheel has: if they come back, the archive was not read.
    let shard = workspace.read("site/state/a.json");
    let told = shard.replace("\"members\":4", "\"members\":77");
    assert_ne!(told, shard);
    let digest = |text: &str| wheelsite::wheel::Sha256::of(text.as_bytes()).to_string();
    let state = workspace.read("site/wheelsite.json").replace(&digest(&shard), &digest(&told));
    workspace.write("elsewhere/state/a.json", &told);
    workspace.write("elsewhere/wheelsite.json", state);
    let _ = std::fs::remove_dir_all(workspace.path("cache"));
    workspace.build(&["--previous", "elsewhere", "--output", "second"]);
    assert!(workspace.read("second/state/a.json").contains("\"members\":77"));
    workspace.build(&["--previous", "elsewhere", "--output", "third", "--refresh"]);
    assert!(workspace.read("third/state/a.json").contains("\"members\":4"));
}

/// Lets the stamps of files that were just written become old enough to be trusted.
fn settle() {
    std::thread::sleep(std::time::Duration::from_millis(120));
}
