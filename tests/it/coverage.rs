//! What exists of each release and where the holes are, as data and as a page; the facts of each file.

use serde_json::{Value, json};

use crate::support::program::tree;
use crate::support::{Wheel, Workspace};

/// A wheel of `demo`, under a name with these tags.
fn write(workspace: &Workspace, version: &str, python: &str, platform: &str) {
    let tag = format!("{python}-{python}-{platform}");
    let wheel = Wheel::new("demo", version).wheel_file(&format!(
        "Wheel-Version: 1.0\nGenerator: wheelsite tests\nRoot-Is-Purelib: false\nTag: {tag}\n"
    ));
    workspace.write(&format!("wheels/demo-{version}-{tag}.whl"), wheel.bytes());
}

/// Two releases for two Pythons, three CUDA versions and two platforms, and a helper that fits all.
fn fill(workspace: &Workspace) {
    for version in ["1.0", "2.0"] {
        for local in ["cu126", "cu128", "cu130"] {
            for python in ["cp311", "cp312"] {
                for platform in ["linux_x86_64", "win_amd64"] {
                    write(workspace, &format!("{version}+{local}"), python, platform);
                }
            }
        }
    }
    workspace.wheel(&Wheel::new("helper", "1.0"));
}

fn remove(workspace: &Workspace, name: &str) {
    std::fs::remove_file(workspace.path("wheels").join(name)).expect("removes");
}

const REMOVED: &str = "demo-2.0+cu128-cp311-cp311-win_amd64.whl";

#[test]
fn a_removed_cell_is_a_hole_and_lost() {
    let workspace = Workspace::new();
    fill(&workspace);
    workspace.build(&[]);
    let coverage = workspace.json("site/coverage.json");
    assert_eq!(coverage["coverage_format"], 1);
    let projects = coverage["projects"].as_object().expect("is an object");
    assert_eq!(projects.keys().collect::<Vec<_>>(), ["demo"], "a helper for all has no grid");
    let releases = projects["demo"]["releases"].as_array().expect("is a list");
    assert_eq!(releases.len(), 2);
    let newest = &releases[0];
    assert_eq!((&newest["version"], &newest["files"]), (&json!("2.0"), &json!(12)));
    assert_eq!(newest["pythons"], json!(["cp311", "cp312"]));
    assert_eq!(newest["channels"], json!(["cu126", "cu128", "cu130"]));
    assert_eq!(newest["platforms"], json!(["linux x86_64", "windows amd64"]));
    assert_eq!(
        (&newest["torch"], &newest["holes"], &newest["lost"]),
        (&json!([]), &json!([]), &json!([]))
    );
    assert!(newest["cells"].as_array().expect("is a list").contains(&json!({
        "python": "cp311", "channel": "cu128", "platform": "windows amd64", "filename": REMOVED,
    })));
    let page = workspace.read("site/coverage/index.html");
    assert!(
        page.contains("No holes") && page.contains(&format!("packages/demo/#{REMOVED}")),
        "{page}"
    );
    assert!(!page.contains("class=\"hole\""), "{page}");
    assert!(workspace.read("site/packages/demo/index.html").contains(&format!("id=\"{REMOVED}\"")));
    assert!(workspace.read("site/index.html").contains("href=\"coverage/\""));
    assert!(workspace.read("site/cu128/index.html").contains("href=\"../coverage/\""));

    remove(&workspace, REMOVED);
    workspace.build(&["--allow-removals"]);
    let coverage = workspace.json("site/coverage.json");
    let newest = &coverage["projects"]["demo"]["releases"][0];
    let gone = json!([{"python": "cp311", "channel": "cu128", "platform": "windows amd64"}]);
    assert_eq!((&newest["holes"], &newest["lost"]), (&gone, &gone));
    let page = workspace.read("site/coverage/index.html");
    for text in ["1 hole", "no windows amd64", "cp311, cu128, windows amd64"] {
        assert!(page.contains(text), "{text} in {page}");
    }
    remove(&workspace, "demo-2.0+cu128-cp311-cp311-linux_x86_64.whl");
    workspace.build(&["--allow-removals"]);
    let page = workspace.read("site/coverage/index.html");
    assert!(page.contains("<td class=\"hole\"><span class=\"visually-hidden\">no wheel"), "{page}");
}

#[test]
fn torch_is_an_axis_of_its_own() {
    let workspace = Workspace::new();
    for local in ["cu126torch2.8", "cu126torch2.9", "cu128torch2.9"] {
        write(&workspace, &format!("1.0+{local}"), "cp312", "linux_x86_64");
    }
    workspace.build(&["--allow", "channel-local"]);
    let coverage = workspace.json("site/coverage.json");
    let release = &coverage["projects"]["demo"]["releases"][0];
    assert_eq!(release["torch"], json!(["2.8", "2.9"]));
    assert_eq!(
        release["holes"],
        json!([{"python": "cp312", "channel": "cu128", "torch": "2.8", "platform": "linux x86_64"}])
    );
    let page = workspace.read("site/coverage/index.html");
    assert!(page.contains("colspan=\"2\"") && page.contains("torch 2.9"), "{page}");
}

#[test]
fn nothing_is_told_without_channels() {
    let workspace = Workspace::new();
    let has = |workspace: &Workspace| {
        ["coverage.json", "coverage"].map(|path| workspace.site().join(path).exists())
    };
    write(&workspace, "1.0", "cp311", "linux_x86_64");
    write(&workspace, "1.0", "cp312", "linux_x86_64");
    workspace.build(&[]);
    assert_eq!(has(&workspace), [false, false]);
    assert!(!workspace.read("site/index.html").contains("coverage/"));
    fill(&workspace);
    workspace.build(&[]);
    assert_eq!(has(&workspace), [true, true]);
    workspace.build(&["--pages", "none"]);
    assert_eq!(has(&workspace), [true, false]);
    assert!(!workspace.site().join("packages").exists());
    workspace.build(&["--channels", "off"]);
    assert_eq!(has(&workspace), [false, false]);
}

#[test]
fn a_second_build_writes_nothing_and_a_fresh_one_the_same() {
    let workspace = Workspace::new();
    fill(&workspace);
    workspace.build(&[]);
    let again = workspace.build(&[]);
    assert_eq!((&again["pages_written"], &again["removed"]), (&0.into(), &0.into()));
    std::fs::remove_file(workspace.path("site/coverage.json")).expect("removes");
    std::fs::remove_file(workspace.path("site/packages/demo/files.json")).expect("removes");
    let mended = workspace.build(&[]);
    assert_eq!(mended["pages_written"], 2);
    assert!(
        tree(&workspace.anew().site()) == tree(&workspace.site()),
        "the same input gives the same bytes"
    );
}

#[test]
fn files_json_tells_the_facts_of_each_file() {
    let workspace = Workspace::new();
    write(&workspace, "1.0+cu128torch2.9", "cp312", "linux_x86_64");
    workspace.wheel(&Wheel::new("other", "1.0").header("Requires-Python: >=3.9"));
    workspace.write("wheels/other-1.0.tar.gz", b"a source distribution");
    workspace
        .write("config/site.yml", "projects:\n  other:\n    yanked:\n      other-1.0.tar.gz: ''\n");
    workspace.build(&[]);
    let page = workspace.json("site/packages/demo/files.json");
    assert_eq!((&page["files_format"], &page["name"]), (&json!(1), &json!("demo")));
    let file = &page["files"][0];
    let name = "demo-1.0+cu128torch2.9-cp312-cp312-linux_x86_64.whl";
    for (key, expected) in [
        ("filename", json!(name)),
        ("version", json!("1.0+cu128torch2.9")),
        ("channel", json!("cu128")),
        ("torch", json!("2.9")),
        ("python", json!("cp312")),
        ("abi", json!("cp312")),
        ("platforms", json!(["linux_x86_64"])),
        ("kind", json!("wheel")),
        ("depth", json!("full")),
        ("yanked", Value::Null),
        ("requires_python", Value::Null),
    ] {
        assert_eq!(file[key], expected, "{key}");
    }
    assert!(file.as_object().expect("is an object").values().all(|value| !value.is_null()));
    let simple = workspace.json("site/simple/demo/index.v1_json");
    let listed = &simple["files"][0];
    assert_eq!(
        (&file["url"], &file["sha256"], &file["size"], &file["upload_time"]),
        (&listed["url"], &listed["hashes"]["sha256"], &listed["size"], &listed["upload-time"])
    );
    let url = file["url"].as_str().expect("is text").replace("%2B", "+");
    assert!(workspace.path("site/packages/demo").join(url).is_file());
    let other = workspace.json("site/packages/other/files.json");
    let sdist =
        other["files"].as_array().expect("is a list").iter().find(|file| file["kind"] == "sdist");
    let sdist = sdist.expect("is there");
    assert_eq!((&sdist["yanked"], &sdist["platforms"]), (&json!(true), &Value::Null));
    let wheel =
        other["files"].as_array().expect("is a list").iter().find(|file| file["kind"] == "wheel");
    assert_eq!(wheel.expect("is there")["requires_python"], ">=3.9");
    // How much was read is one of the facts.
    workspace.build(&["--depth", "metadata", "--refresh"]);
    assert_eq!(workspace.json("site/packages/demo/files.json")["files"][0]["depth"], "metadata");
}
