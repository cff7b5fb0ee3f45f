//! A folder as the target: the plan, its order, what stays and what goes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{build, command, publish, served, some_wheels};
use crate::support::program::tree;
use crate::support::reader::Reader;
use crate::support::{Run, Wheel, Workspace};

const LIVE: [&str; 2] = ["--to", "live"];

fn steps(workspace: &Workspace, arguments: &[&str]) -> Vec<(String, String)> {
    let all = [&LIVE[..], &["--dry-run"], arguments].concat();
    let report = publish(workspace, &[], &all);
    let plan = report["plan"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().expect("is text").to_owned();
    plan.iter().map(|step| (text(&step["action"]), text(&step["path"]))).collect()
}

#[test]
fn what_is_published_is_the_site_and_nothing_new_costs_one_request() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    let plan = steps(&workspace, &[]);
    assert!(!workspace.path("live").exists(), "a dry run writes nothing");
    publish(&workspace, &[], &LIVE);
    assert_eq!(served(&workspace, "live"), served(&workspace, "site"));
    let sent: BTreeSet<String> = plan.into_iter().map(|(_, path)| path).collect();
    let there: BTreeSet<String> = tree(&workspace.path("live")).into_keys().collect();
    assert_eq!(sent, there, "a dry run says it all");
    let again = publish(&workspace, &[], &LIVE);
    assert_eq!((&again["requests"], &again["pages_sent"]), (&1.into(), &0.into()));
    assert_eq!(steps(&workspace, &[]), []);
    // As people run it.
    let run = workspace.run(&["publish", "--to", "live"]);
    assert_eq!((run.code, &*run.stdout), (Some(0), ""));
    assert!(run.stderr.contains("live is up to date"), "{}", run.stderr);
}

#[test]
fn only_what_changed_is_sent_in_the_order_of_its_links() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    publish(&workspace, &[], &LIVE);
    workspace.wheel(&Wheel::new("gamma", "4"));
    build(&workspace, &[]);
    let plan = steps(&workspace, &[]);
    let paths: Vec<&str> = plan.iter().map(|(_, path)| path.as_str()).collect();
    let place = |wanted: &dyn Fn(&str) -> bool| {
        paths.iter().position(|path| wanted(path)).unwrap_or_else(|| panic!("{paths:?}"))
    };
    let order = [
        place(&|path| path.ends_with(".whl")),
        place(&|path| path.ends_with(".metadata")),
        place(&|path| path == "simple/gamma/index.html"),
        place(&|path| path == "index.html"),
        place(&|path| path == "state/gamma.json"),
        place(&|path| path == "wheelsite.json"),
    ];
    assert!(order.is_sorted(), "{paths:?}");
    assert!(!paths.iter().any(|path| path.contains("alpha")), "{paths:?}");
    let report = publish(&workspace, &[], &LIVE);
    let changed = plan.len() as u64;
    let requests = report["requests"].as_u64().expect("is a number");
    assert!(requests <= changed + 4, "{requests} requests for {changed} objects");
    assert_eq!(Reader::folder(&workspace.path("live")).check().expect("is whole").len(), 5);
}

#[test]
fn files_stay_for_a_while_and_pages_go_at_once() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    publish(&workspace, &[], &LIVE);
    let files = |name: &str| {
        let paths = tree(&workspace.path("live")).into_keys();
        paths.filter(|path| path.contains(name)).collect::<Vec<_>>()
    };
    std::fs::remove_file(workspace.path("wheels/gamma-3-py3-none-any.whl")).expect("removes");
    build(&workspace, &[]);
    let report = publish(&workspace, &[], &LIVE);
    assert_eq!(report["kept"], 2, "a wheel and its sidecar");
    let left = files("gamma");
    assert!(left.iter().all(|path| path.starts_with("files/")), "{left:?}");
    assert_eq!(left.len(), 2);
    // Nothing new: still one request, and the files stay.
    assert_eq!(publish(&workspace, &[], &LIVE)["requests"], 1);
    assert_eq!(files("gamma").len(), 2);
    let now = [&LIVE[..], &["--grace", "0s"]].concat();
    assert_eq!(publish(&workspace, &[], &now)["deleted"], 2);
    assert_eq!(files("gamma"), Vec::<String>::new());
    assert_eq!(publish(&workspace, &[], &now)["requests"], 1);
    // What comes back is sent again.
    workspace.wheel(&Wheel::new("gamma", "3").header("Requires-Python: >=3.9"));
    build(&workspace, &[]);
    publish(&workspace, &[], &LIVE);
    assert_eq!(served(&workspace, "live"), served(&workspace, "site"));
}

#[test]
fn what_comes_back_while_it_is_kept_is_kept_for_good() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    publish(&workspace, &[], &LIVE);
    let wheel = workspace.path("wheels/gamma-3-py3-none-any.whl");
    let bytes = std::fs::read(&wheel).expect("reads");
    std::fs::remove_file(&wheel).expect("removes");
    build(&workspace, &[]);
    publish(&workspace, &[], &LIVE);
    std::fs::write(&wheel, bytes).expect("writes");
    build(&workspace, &[]);
    let report = publish(&workspace, &[], &[&LIVE[..], &["--grace", "0s"]].concat());
    assert_eq!((&report["deleted"], &report["kept"]), (&0.into(), &0.into()));
    // `simple/` offers one of the channels.
    assert_eq!(Reader::folder(&workspace.path("live")).check().expect("is whole").len(), 4);
}

#[test]
fn what_others_have_put_there_is_never_touched() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    let foreign = ["mine.txt", "files/mine.bin", "simple/mine/notes.txt", "state.json", "CNAME"];
    for path in foreign {
        workspace.write(&format!("live/{path}"), path);
    }
    publish(&workspace, &[], &LIVE);
    for name in ["gamma-3", "beta-1.0+cu126", "beta-1.0+cu128"] {
        let wheel = workspace.path(&format!("wheels/{name}-py3-none-any.whl"));
        std::fs::remove_file(wheel).expect("removes");
    }
    build(&workspace, &[]);
    publish(&workspace, &[], &[&LIVE[..], &["--grace", "0s"]].concat());
    for path in foreign {
        assert_eq!(workspace.read(&format!("live/{path}")), path);
    }
    let paths = tree(&workspace.path("live"));
    assert!(!paths.keys().any(|path| path.contains("beta") || path.contains("gamma")));
    // A page of somebody else's is not written over, and nothing is sent.
    for page in ["index.html", "simple/index.html"] {
        workspace.write(&format!("other/{page}"), "mine");
        let run = Run::of(&mut command(&workspace, &[], &["--to", "other"]));
        run.fails(1, &[&format!("`other/{page}` is there already"), "hint:"]);
        assert_eq!(workspace.read(&format!("other/{page}")), "mine");
        assert_eq!(tree(&workspace.path("other")).len(), 1);
        std::fs::remove_dir_all(workspace.path("other")).expect("removes");
    }
    // A lie in the state deletes nothing either.
    let mut state = workspace.json("live/wheelsite.json");
    for path in ["mine.txt", "../cache", "/etc/passwd", "CNAME"] {
        state["published"]["gone"][path] = "2020-01-01T00:00:00Z".into();
    }
    workspace.write("live/wheelsite.json", state.to_string());
    publish(&workspace, &[], &[&LIVE[..], &["--grace", "0s"]].concat());
    assert_eq!(workspace.read("live/mine.txt"), "mine.txt");
}

#[test]
fn hosts_take_what_they_can_serve() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    publish(&workspace, &[], &[&LIVE[..], &["--host", "github-pages"]].concat());
    let paths = tree(&workspace.path("live"));
    assert!(!paths.keys().any(|path| path.ends_with("v1_json")));
    assert!(paths.contains_key(".nojekyll") && paths.contains_key("packages/alpha/files.json"));
    // Another host is served from now on.
    publish(&workspace, &[], &LIVE);
    assert_eq!(served(&workspace, "live"), served(&workspace, "site"));
    let github = [&LIVE[..], &["--host", "github-pages"]].concat();
    publish(&workspace, &[], &github);
    assert!(!tree(&workspace.path("live")).keys().any(|path| path.ends_with("v1_json")));
    let r2 = Run::of(&mut command(&workspace, &[], &[&LIVE[..], &["--host", "r2"]].concat()));
    r2.fails(2, &["slash", "s3://"]);
}

#[test]
fn a_build_publishes_what_it_made() {
    let workspace = some_wheels();
    workspace.write("config/site.yml", "publish: {to: live, grace: 1h}\n");
    build(&workspace, &["--publish", "live"]);
    assert_eq!(served(&workspace, "live"), served(&workspace, "site"));
    assert_eq!(publish(&workspace, &[], &[])["requests"], 1, "the configuration says where");
    workspace.run(&["build", "--merge"]).fails(2, &["--publish"]);
    workspace.run(&["build", "--publish", "nowhere://x"]).fails(2, &["nowhere"]);
    workspace.run(&["build", "--publish", "live", "--offline"]).fails(2, &["--offline"]);
}

#[test]
fn mistakes_are_told_before_anything_is_sent() {
    let workspace = some_wheels();
    let fails = |arguments: &[&str], code, text: &str| {
        Run::of(&mut command(&workspace, &[], arguments)).fails(code, &[text]);
        assert!(!workspace.path("live").exists());
    };
    fails(&LIVE, 2, "`site` holds no site");
    build(&workspace, &[]);
    fails(&[], 2, "it is not said where to publish");
    fails(&["--to", "ftp://me:secret@x"], 2, "unknown target");
    fails(&["--to", "site"], 2, "is the site itself");
    fails(&["--to", "live", "--grace", "soon"], 2, "soon");
    fails(&["--to", "live", "--sidecars-only"], 2, "--sidecars-only");
    fails(&["nowhere", "--to", "live"], 2, "`nowhere` holds no site");
    workspace.write("site/.wheelsite-journal", "index.html\n");
    fails(&LIVE, 1, "did not end");
    std::fs::remove_file(workspace.path("site/.wheelsite-journal")).expect("removes");
    // Pages that are not those of the build.
    workspace.write("site/simple/alpha/index.html", "<p>");
    let run = Run::of(&mut command(&workspace, &[], &LIVE));
    run.fails(1, &["simple/alpha/index.html", "hint: it was changed after the site was built"]);
    build(&workspace, &["--refresh"]);
    publish(&workspace, &[], &LIVE);
    Reader::folder(&workspace.path("live")).check().expect("is whole");
    // What the target has is not a state.
    workspace.write("live/wheelsite.json", "[]");
    Run::of(&mut command(&workspace, &[], &LIVE)).fails(3, &["is no state of a site", "hint:"]);
    workspace.write("live/wheelsite.json", "{\"state_version\": 99}");
    Run::of(&mut command(&workspace, &[], &LIVE)).fails(3, &["version 99", "update this one"]);
}

#[test]
fn a_site_that_another_tool_brought_there_is_taken_over() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    for (path, bytes) in tree(&workspace.site()) {
        workspace.write(&format!("live/{path}"), bytes);
    }
    workspace.wheel(&Wheel::new("gamma", "4"));
    build(&workspace, &[]);
    publish(&workspace, &[], &LIVE);
    assert_eq!(served(&workspace, "live"), served(&workspace, "site"));
    // State and shards of two moments, as two tools at once may leave them.
    workspace.write("live/state/gamma.json", "{}");
    workspace.wheel(&Wheel::new("gamma", "5"));
    build(&workspace, &[]);
    publish(&workspace, &[], &LIVE);
    assert_eq!(served(&workspace, "live"), served(&workspace, "site"));
    assert_eq!(publish(&workspace, &[], &LIVE)["requests"], 1);
}

#[test]
fn a_build_gets_by_with_what_a_killed_publisher_has_left() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    publish(&workspace, &[], &LIVE);
    // Killed between a shard and the root.
    let shard = workspace.read("live/state/alpha.json");
    workspace.write("live/state/alpha.json", shard.trim_end().to_owned() + " \n");
    let previous = ["build", "--output", "new", "--previous", "live"];
    workspace.run(&previous).fails(3, &["state/alpha.json"]);
    let mut state = workspace.json("live/wheelsite.json");
    state["published"]["writing"] = serde_json::json!({
        "id": "x", "beat": 0, "projects": {"alpha": null}, "roots": "0".repeat(64),
    });
    workspace.write("live/wheelsite.json", state.to_string());
    assert_eq!(workspace.run(&previous).code, Some(0));
    publish(&workspace, &[], &LIVE);
    Reader::folder(&workspace.path("live")).check().expect("is whole");
    assert!(workspace.json("live/wheelsite.json")["published"]["writing"].is_null());
}

#[test]
fn two_at_once_leave_one_whole_site_and_the_loser_says_so() {
    for round in 0..6 {
        let sites = [some_wheels(), some_wheels()];
        for (number, site) in sites.iter().enumerate() {
            site.wheel(&Wheel::new("alpha", &format!("2.{number}")));
            build(site, &[]);
        }
        let live = sites[0].path("live");
        let target = live.to_str().expect("is UTF-8").to_owned();
        if round % 2 == 0 {
            publish(&some_built(), &[], &["--to", &target]);
        }
        let children: Vec<_> = sites
            .iter()
            .map(|site| {
                let mut command = command(site, &[], &["--to", &target, "--jobs", "2"]);
                let piped = std::process::Stdio::piped;
                command.stdout(piped()).stderr(piped()).spawn().expect("starts")
            })
            .collect();
        let runs: Vec<Run> = children
            .into_iter()
            .map(|child| child.wait_with_output().expect("ends").into())
            .collect();
        assert!(runs.iter().any(|run| run.code == Some(0)), "{runs:?}");
        for run in runs.iter().filter(|run| run.code != Some(0)) {
            run.fails(4, &["another publisher is writing", "hint:"]);
        }
        // What stands is one of both, whole: pages and state say the same.
        let seen = Reader::folder(&live).check().expect("is whole");
        let winner =
            (0..2).find(|number| seen.contains_key(&format!("alpha-2.{number}-py3-none-any.whl")));
        let winner = &sites[winner.expect("one of them won")];
        let wanted = Reader::folder(&winner.site()).check().expect("is whole");
        assert_eq!(seen, wanted);
        let again = Run::of(&mut command(winner, &[], &["--to", &target])).works().json();
        assert_eq!(again["pages_sent"], 0, "round {round}: {again}");
    }
}

fn some_built() -> Workspace {
    let workspace = some_wheels();
    build(&workspace, &[]);
    workspace
}

#[test]
fn pages_of_others_stop_every_publication_that_would_have_them() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    let run = || Run::of(&mut command(&workspace, &[], &[&LIVE[..], &["--grace", "0s"]].concat()));
    for page in ["simple/gamma/index.html", "robots.txt", "404.html", "state/beta.json"] {
        workspace.write(&format!("live/{page}"), "mine\n");
        for _ in 0..2 {
            run().fails(1, &[&format!("`live/{page}` is there already"), "hint:"]);
            assert_eq!(workspace.read(&format!("live/{page}")), "mine\n");
            assert_eq!(tree(&workspace.path("live")).len(), 1, "nothing is sent");
        }
        std::fs::remove_dir_all(workspace.path("live")).expect("removes");
    }
    // The same of a project that comes later.
    publish(&workspace, &[], &LIVE);
    let wheel = Wheel::new("later", "1.0");
    workspace.wheel(&wheel);
    build(&workspace, &[]);
    workspace.write("live/simple/later/index.html", "mine\n");
    for _ in 0..3 {
        run().fails(1, &["`live/simple/later/index.html` is there already", "hint:"]);
        assert_eq!(workspace.read("live/simple/later/index.html"), "mine\n");
    }
    // Without it all goes on, and what was written for it goes.
    std::fs::remove_file(workspace.path("wheels/later-1.0-py3-none-any.whl")).expect("removes");
    build(&workspace, &[]);
    assert_eq!(run().code, Some(0));
    let left = tree(&workspace.path("live")).into_keys();
    let left: Vec<String> =
        left.filter(|path| path.contains("later") && !path.starts_with("files/")).collect();
    assert_eq!(left, ["simple/later/index.html"]);
    assert_eq!(workspace.read("live/simple/later/index.html"), "mine\n");
    assert!(workspace.json("live/wheelsite.json")["published"]["writing"].is_null());
}

#[test]
fn a_clock_that_is_behind_does_not_make_the_grace_shorter() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    publish(&workspace, &[], &LIVE);
    std::fs::remove_file(workspace.path("wheels/gamma-3-py3-none-any.whl")).expect("removes");
    build(&workspace, &[]);
    publish(&workspace, &[], &LIVE);
    // By a clock that was right; for it this machine is behind.
    let mut state = workspace.json("live/wheelsite.json");
    let gone = state["published"]["gone"].as_object_mut().expect("is an object");
    assert_eq!(gone.len(), 2);
    for since in gone.values_mut() {
        *since = "2999-01-01T00:00:00Z".into();
    }
    let expected = gone.clone();
    workspace.write("live/wheelsite.json", state.to_string());
    workspace.wheel(&Wheel::new("alpha", "9"));
    build(&workspace, &[]);
    publish(&workspace, &[], &LIVE);
    assert_eq!(workspace.json("live/wheelsite.json")["published"]["gone"], Value::Object(expected));
}

#[test]
fn a_damaged_state_blocks_nothing() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    publish(&workspace, &[], &LIVE);
    let mut state = workspace.json("live/wheelsite.json");
    for path in ["simple/a\0/index.html", "files/a\n", "simple/alpha/", "simple/none/"] {
        state["published"]["gone"][path] = "2020-01-01T00:00:00Z".into();
        state["published"]["unsettled"][path] = "2020-01-01T00:00:00Z".into();
    }
    workspace.write("live/wheelsite.json", state.to_string());
    publish(&workspace, &[], &[&LIVE[..], &["--grace", "0s"]].concat());
    assert_eq!(served(&workspace, "live"), served(&workspace, "site"));
    assert_eq!(publish(&workspace, &[], &LIVE)["requests"], 1);
}

#[test]
fn a_dry_run_tells_of_what_stops_the_run() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    workspace.write("live/robots.txt", "mine\n");
    let dry = [&LIVE[..], &["--dry-run"]].concat();
    for arguments in [&dry[..], &LIVE] {
        Run::of(&mut command(&workspace, &[], arguments))
            .fails(1, &["robots.txt` is there already", "hint: publish below another prefix"]);
    }
}

#[test]
fn a_state_that_somebody_has_damaged_stops_nobody() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    publish(&workspace, &[], &LIVE);
    let mut state: Value = workspace.json("live/wheelsite.json");
    for project in ["alpha", "beta"] {
        state["projects"][project]["files"] = u64::MAX.into();
    }
    // Folders are no files that could be deleted.
    state["published"]["gone"] = serde_json::json!({
        "files/alpha": "2020-01-01T00:00:00Z", "simple/gone/index.html": "2020-01-01T00:00:00Z",
    });
    state["published"]["packed"] = true.into();
    workspace.write("live/wheelsite.json", state.to_string());
    workspace.write("live/simple/gone/index.html/x", "");
    // No pack is as large.
    let pack = std::fs::File::create(workspace.path("live/state/shards.jsonl.gz"));
    pack.and_then(|pack| pack.set_len(80 << 20)).expect("makes a file");
    workspace.wheel(&Wheel::new("gamma", "4"));
    build(&workspace, &[]);
    let merge = [&LIVE[..], &["--merge"]].concat();
    publish(&workspace, &[], &merge);
    assert_eq!(Reader::folder(&workspace.path("live")).check().expect("is whole").len(), 5);
    publish(&workspace, &[], &LIVE);
    assert_eq!(publish(&workspace, &[], &LIVE)["requests"], 1);
}

#[test]
fn something_in_the_way_of_a_folder_is_named() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    workspace.write("live", "a file");
    Run::of(&mut command(&workspace, &[], &LIVE))
        .fails(3, &["live/", "hint: something that is no folder is in the way"]);
}

#[test]
fn what_was_published_is_part_of_what_a_build_prints() {
    let workspace = some_wheels();
    let arguments = ["build", "--format", "json", "--publish", "live"];
    let run = Run::of(workspace.command(&arguments).env("SOURCE_DATE_EPOCH", "0"));
    let printed = run.works().json();
    assert_eq!((&printed["files"], &printed["published"]["target"]), (&5.into(), &"live".into()));
    assert!(printed["published"]["pages_sent"].as_u64() > Some(0), "{printed}");
    // What was built is said also where it cannot be published.
    let workspace = some_wheels();
    workspace.write("live", "a file");
    let run = Run::of(workspace.command(&arguments).env("SOURCE_DATE_EPOCH", "0"));
    let printed = run.json();
    assert_eq!((run.code, &printed["files"]), (Some(3), &5.into()));
    assert!(printed["published"].is_null(), "{printed}");
}
