//! A sub-index for each CUDA version: what each part of the site offers, and what clients install.

use serde_json::Value;

use crate::support::clients::{CLIENTS, Index};
use crate::support::program::tree;
use crate::support::{Wheel, Workspace};

/// A wheel of `demo` for a channel, whose module knows for which.
fn wheel(version: &str, local: &str) -> Wheel {
    let version = format!("{version}+{local}");
    Wheel::new("demo", &version).header("Requires-Dist: helper")
}

/// Releases 1.0 and 2.0 for three CUDA versions, and a helper that fits all.
fn fill(workspace: &Workspace) {
    for version in ["1.0", "2.0"] {
        for local in ["cu126", "cu128", "cu130"] {
            workspace.wheel(&wheel(version, local));
        }
    }
    workspace.wheel(&Wheel::new("helper", "1.0"));
}

fn files(workspace: &Workspace, path: &str) -> Vec<String> {
    let page = workspace.json(&format!("site/{path}/index.v1_json"));
    let files = page["files"].as_array().expect("is a list");
    files.iter().map(|file| file["filename"].as_str().expect("is text").to_owned()).collect()
}

fn demo(versions: &[&str]) -> Vec<String> {
    versions.iter().map(|version| format!("demo-{version}-py3-none-any.whl")).collect()
}

#[test]
fn each_client_gets_what_each_index_is_for() {
    let Some(index) = Index::new() else { return };
    fill(&index.workspace);
    index.workspace.write("config/site.yml", "channels:\n  default: cu128\n");
    index.workspace.build(&[]);
    let served = index.serve();
    let url = |path: &str| format!("{}{path}", served.url);
    let mut combinations = 0;
    for client in CLIENTS {
        for (path, wanted, got) in [
            ("cu126/simple/", "demo", "demo==2.0+cu126"),
            ("cu128/simple/", "demo", "demo==2.0+cu128"),
            ("cu130/simple/", "demo", "demo==2.0+cu130"),
            ("cu126/simple/", "demo==1.0", "demo==1.0+cu126"),
            ("cu130/simple/", "demo<2", "demo==1.0+cu130"),
            ("simple/", "demo", "demo==2.0+cu128"),
            ("simple/", "demo==1.0", "demo==1.0+cu128"),
            ("all/simple/", "demo==2.0+cu126", "demo==2.0+cu126"),
            ("all/simple/", "demo==1.0+cu130", "demo==1.0+cu130"),
        ] {
            index.install(client, &url(path), &[wanted]).has(&[got, "helper==1.0"]);
            combinations += 1;
        }
        let run = index.install(client, &url("cu126/simple/"), &["demo==2.0+cu130"]);
        run.is_refused("No matching distribution", "no version of demo==2.0+cu130");
        combinations += 1;
    }
    assert!(combinations >= 12);
}

#[test]
fn without_a_default_the_newest_is_offered_with_a_warning() {
    let workspace = Workspace::new();
    fill(&workspace);
    let run = workspace.run(&["build"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("offers the files for `cu130`"), "{}", run.stderr);
    assert_eq!(files(&workspace, "simple/demo"), demo(&["1.0+cu130", "2.0+cu130"]));
    // A new CUDA version appears by itself.
    workspace.wheel(&wheel("2.0", "cu134"));
    workspace.build(&[]);
    assert_eq!(files(&workspace, "simple/demo"), demo(&["1.0+cu130", "2.0+cu134"]));
    assert_eq!(files(&workspace, "cu134/simple/demo"), demo(&["2.0+cu134"]));
    assert_eq!(files(&workspace, "all/simple/demo").len(), 7);
    workspace.write("config/site.yml", "channels:\n  default: cu118\n");
    let run = workspace.run(&["build"]);
    assert!(run.stderr.contains("no file belongs to `cu118`"), "{}", run.stderr);
}

#[test]
fn where_nothing_is_ambiguous_simple_is_everything() {
    let workspace = Workspace::new();
    workspace.wheel(&wheel("1.0", "cu126"));
    workspace.wheel(&wheel("2.0", "cu128"));
    workspace.wheel(&Wheel::new("helper", "1.0"));
    let run = workspace.run(&["build"]);
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
    assert_eq!(files(&workspace, "simple/demo"), demo(&["1.0+cu126", "2.0+cu128"]));
    assert!(!workspace.path("site/all").exists());
    assert_eq!(files(&workspace, "cu126/simple/demo"), demo(&["1.0+cu126"]));
    assert_eq!(files(&workspace, "cu128/simple/helper"), ["helper-1.0-py3-none-any.whl"]);
    let only_plain = Workspace::new();
    only_plain.wheel(&Wheel::new("helper", "1.0"));
    only_plain.build(&[]);
    let tops: Vec<_> = std::fs::read_dir(only_plain.site()).expect("lists").collect();
    assert!(tops.into_iter().all(|entry| !entry.expect("lists").path().join("simple").is_dir()));
}

#[test]
fn links_lead_to_the_files_from_every_depth() {
    let workspace = Workspace::new();
    fill(&workspace);
    workspace.build(&[]);
    let pages = tree(&workspace.site());
    let mut links = 0;
    for (path, bytes) in
        pages.iter().filter(|(path, _)| path.ends_with("simple/demo/index.v1_json"))
    {
        let page: Value = serde_json::from_slice(bytes).expect("is JSON");
        for file in page["files"].as_array().expect("is a list") {
            let url = file["url"].as_str().expect("is text").replace("%2B", "+");
            let folder = workspace.site().join(path);
            assert!(folder.parent().expect("has one").join(&url).is_file(), "{path}: {url}");
            links += 1;
        }
    }
    assert_eq!(links, 6 + 2 + 3 * 2, "of all/, simple/ and three channels");
}

#[test]
fn folders_tags_and_rules_name_channels_too() {
    let workspace = Workspace::new();
    let plain = |version: &str| Wheel::new("demo", version);
    for (folder, wheel) in [
        ("wheels/cu126", plain("1.0")),
        ("wheels/cuda-12.8/nightly", plain("1.1")),
        ("wheels/other", plain("1.2+gabcdef")),
        ("wheels/other", plain("1.3+cu130")),
        ("wheels/other", plain("1.4+pt29cu124")),
    ] {
        workspace.write(&format!("{folder}/{}", wheel.filename()), wheel.bytes());
    }
    workspace.write(
        "config/site.yml",
        "channels:\n  rules:\n    - {channel: none, local: cu130}\n    - {channel: edge, local: 'g*', \
         place: '*other*'}\n",
    );
    workspace.build(&[]);
    assert_eq!(files(&workspace, "cu126/simple/demo"), demo(&["1.0", "1.3+cu130"]));
    assert_eq!(files(&workspace, "cu128/simple/demo"), demo(&["1.1", "1.3+cu130"]));
    assert_eq!(files(&workspace, "edge/simple/demo"), demo(&["1.2+gabcdef", "1.3+cu130"]));
    assert_eq!(files(&workspace, "cu124/simple/demo"), demo(&["1.3+cu130", "1.4+pt29cu124"]));
    assert!(!workspace.path("site/cu130").exists());
}

#[test]
fn channels_can_be_off_and_leave_nothing() {
    let workspace = Workspace::new();
    fill(&workspace);
    workspace.build(&[]);
    assert!(workspace.path("site/cu128/simple/demo/index.html").is_file());
    assert!(workspace.path("site/cu128/index.html").is_file());
    workspace.build(&["--channels", "off"]);
    for top in ["all", "cu126", "cu128", "cu130"] {
        assert!(!workspace.path("site").join(top).exists(), "{top}");
    }
    assert_eq!(files(&workspace, "simple/demo").len(), 6);
    workspace.build(&["--channels", "on"]);
    assert_eq!(files(&workspace, "cu126/simple/demo").len(), 2);
}

#[test]
fn a_channel_goes_with_its_last_file_and_nothing_else_is_written() {
    let workspace = Workspace::new();
    fill(&workspace);
    workspace.build(&[]);
    let again = workspace.build(&[]);
    assert_eq!((&again["pages_written"], &again["removed"]), (&0.into(), &0.into()));
    for version in ["1.0", "2.0"] {
        std::fs::remove_file(workspace.path("wheels").join(wheel(version, "cu126").filename()))
            .expect("removes");
    }
    workspace.build(&["--allow-removals"]);
    assert!(!workspace.path("site/cu126").exists());
    assert_eq!(files(&workspace, "all/simple/demo").len(), 4);
    assert!(
        tree(&workspace.anew().site()) == tree(&workspace.site()),
        "the same input gives the same bytes"
    );
}

#[test]
fn pages_for_people_show_the_channels_command() {
    let workspace = Workspace::new();
    fill(&workspace);
    workspace.build(&["--site-url", "https://me.example/wheels/"]);
    let project = workspace.read("site/packages/demo/index.html");
    let command = "pip install &quot;demo==2.0+cu130&quot; --only-binary demo --extra-index-url \
                   https:&#x2F;&#x2F;me.example&#x2F;wheels&#x2F;cu130&#x2F;simple&#x2F;";
    let plain = command.replace("&quot;", "\"").replace("&#x2F;", "/");
    let shown = project.replace("&quot;", "\"").replace("&#x2F;", "/").replace("&#34;", "\"");
    assert!(shown.contains(&plain), "{project}");
    let home = workspace.read("site/index.html");
    for channel in ["cu126", "cu128", "cu130"] {
        assert!(home.contains(&format!("href=\"{channel}/\"")), "{channel}");
    }
    let channel = workspace.read("site/cu126/index.html");
    assert!(
        channel.contains("/wheels/cu126/simple/") || channel.contains("cu126&#x2F;simple"),
        "{channel}"
    );
    // Who reads by hand finds the preview of a channel as installers do.
    let served = workspace.serve(&[]);
    let json = ("accept", "application/vnd.pypi.simple.v1+json");
    let page = served.get("/cu126/simple/demo/", &[json]);
    assert_eq!(page.headers()["content-type"], json.1);
}

#[test]
fn a_file_without_a_digest_is_on_no_page_of_a_channel() {
    let workspace = Workspace::new();
    let line = |local: &str, more: &str| {
        format!("{{\"filename\": \"demo-1.0+{local}-py3-none-any.whl\"{more}}}\n")
    };
    let hash = format!(", \"hash\": \"sha256={}\"", "0".repeat(64));
    workspace.write("list.jsonl", line("cu126", &hash) + &line("cu128", ""));
    let arguments = ["build", "--source", "list:list.jsonl", "--files-url", "https://x.example/"];
    workspace.run(&arguments).fails(1, &["channel-hash", "demo-1.0+cu128"]);
    let run = workspace.run(&[&arguments[..], &["--on-reject", "exclude"]].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(files(&workspace, "cu126/simple/demo"), demo(&["1.0+cu126"]));
    assert!(!workspace.path("site/cu128").exists());
    let off = workspace.run(&[&arguments[..], &["--channels", "off"]].concat());
    assert_eq!(off.code, Some(0), "{}", off.stderr);
}

#[test]
fn two_builds_of_a_release_in_one_channel_are_told() {
    let workspace = Workspace::new();
    workspace.wheel(&wheel("1.0", "cu128torch2.8"));
    workspace.wheel(&wheel("1.0", "cu128torch2.9"));
    workspace.wheel(&wheel("1.0", "cu130torch2.9"));
    let run = workspace.run(&["build"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for text in ["channel-local", "demo-1.0+cu128torch2.8", "1.0+cu128torch2.9"] {
        assert!(run.stderr.contains(text), "{}", run.stderr);
    }
    assert!(!run.stderr.contains("cu130torch2.9-py3"), "{}", run.stderr);
}

#[test]
fn another_default_is_told_on_pages_though_no_file_moves() {
    let workspace = Workspace::new();
    workspace.wheel(&wheel("1.0", "cu126"));
    workspace.wheel(&wheel("2.0", "cu128"));
    workspace.write("config/site.yml", "channels: {default: cu128}\n");
    workspace.build(&[]);
    workspace.write("config/site.yml", "channels: {default: cu126}\n");
    workspace.build(&[]);
    assert!(tree(&workspace.anew().site()) == tree(&workspace.site()), "as if built at once");
}

#[test]
fn the_page_of_a_channel_tells_of_its_own_files() {
    let workspace = Workspace::new();
    for (version, local) in [("1.0", "cu126"), ("1.0", "cu128"), ("2.0", "cu128")] {
        workspace.wheel(&wheel(version, local));
    }
    workspace.build(&[]);
    let page = workspace.read("site/cu126/index.html");
    assert!(page.contains("<span class=\"ver\">1.0+cu126</span>"), "{page}");
    assert!(!page.contains("2.0+cu128"), "{page}");
    let facts = workspace.json("site/packages/demo/files.json");
    let offered: Vec<&Value> =
        facts["files"].as_array().expect("is a list").iter().map(|it| &it["in_default"]).collect();
    assert_eq!(offered, [&Value::Bool(false), &Value::Null, &Value::Null], "{facts}");
}
