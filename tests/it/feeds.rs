//! The feed of new files and the index of the search.

use serde_json::{Value, json};

use crate::support::{Wheel, Workspace, tools};

/// A package list of this many projects with a wheel each.
fn list(projects: usize, name: impl Fn(usize) -> String) -> String {
    let line = |number: usize| {
        let name = name(number);
        let time = 1_700_000_000 + number;
        format!(
            "{{\"filename\": \"{}-1.{number}-py3-none-any.whl\", \"hash\": \"sha256={number:064x}\", \
             \"upload_timestamp\": {time}}}\n",
            name.replace('-', "_")
        )
    };
    (0..projects).map(line).collect()
}

fn built(projects: usize, name: impl Fn(usize) -> String) -> Workspace {
    let workspace = Workspace::new();
    workspace.write("packages.jsonl", list(projects, name));
    workspace.build(&["--source", "list:packages.jsonl", "--files-url", "https://x.example/files"]);
    workspace
}

#[test]
fn the_feed_is_atom_and_names_the_newest_files() {
    let Some(bin) = tools::clients() else { return };
    let workspace = Workspace::new();
    workspace.write("packages.jsonl", list(60, |number| format!("demo-{number}")));
    workspace.write("config/site.yml", "title: 'Wheels <&> more'\n");
    workspace.build(&[
        "--source",
        "list:packages.jsonl",
        "--files-url",
        "https://x.example/files",
        "--site-url",
        "https://wheels.example/index",
    ]);
    let script = "import sys, json\nfrom xml.etree import ElementTree as e\n\
        a = '{http://www.w3.org/2005/Atom}'\nroot = e.parse(sys.argv[1]).getroot()\n\
        text = lambda element, name: element.find(a + name).text\n\
        link = lambda element: [(l.get('rel'), l.get('href')) for l in element.findall(a + 'link')]\n\
        print(json.dumps({'tag': root.tag, 'title': text(root, 'title'), 'id': text(root, 'id'),\n\
        'updated': text(root, 'updated'), 'links': link(root), 'author': root.find(a + 'author/' + a + 'name').text,\n\
        'entries': [[text(n, 'title'), text(n, 'id'), text(n, 'updated'), link(n)] for n in root.findall(a + 'entry')]}))";
    let mut python = std::process::Command::new(bin.join("python"));
    workspace.confine(&mut python);
    let run =
        crate::support::Run::of(python.args(["-c", script]).arg(workspace.path("site/feed.xml")));
    let feed = run.works().json();
    assert_eq!(feed["tag"], "{http://www.w3.org/2005/Atom}feed");
    assert_eq!((&feed["title"], &feed["author"]), (&json!("Wheels <&> more"), &feed["title"]));
    assert_eq!(feed["links"][0], json!(["self", "https://wheels.example/index/feed.xml"]));
    let entries = feed["entries"].as_array().expect("is a list");
    assert_eq!(entries.len(), 50);
    assert_eq!(entries[0][0], "demo_59-1.59-py3-none-any.whl");
    assert_eq!(entries[0][2], feed["updated"]);
    let link = "https://wheels.example/index/packages/demo-59/#demo_59-1.59-py3-none-any.whl";
    assert_eq!(entries[0][3], json!([["alternate", link]]));
    let mut ids: Vec<&str> = entries.iter().filter_map(|entry| entry[1].as_str()).collect();
    assert!(ids.iter().all(|id| id.starts_with("urn:uuid:") && id.len() == 45), "{ids:?}");
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 50, "each entry has an id of its own");
    assert!(workspace.read("site/index.html").contains("application/atom+xml"));
}

#[test]
fn an_index_without_upload_times_has_no_feed() {
    let workspace = Workspace::new();
    workspace.write("packages.jsonl", "{\"filename\": \"demo-1.0-py3-none-any.whl\"}\n");
    let source = ["--source", "list:packages.jsonl", "--files-url", "https://x.example/files"];
    workspace.build(&source);
    assert!(!workspace.site().join("feed.xml").exists());
    assert!(!workspace.read("site/index.html").contains("feed.xml"));
}

#[test]
fn pages_for_people_can_be_left_out() {
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new("demo", "1.0"));
    workspace.build(&[]);
    let people =
        ["index.html", "404.html", "feed.xml", "search.json", "packages", "assets", "robots.txt"];
    assert!(people.iter().all(|path| workspace.site().join(path).exists()));
    workspace.build(&["--pages", "none"]);
    assert!(!people.iter().any(|path| workspace.site().join(path).exists()));
    assert!(workspace.site().join("simple/demo/index.html").exists());
}

#[test]
fn the_search_knows_each_project_and_what_it_is_for() {
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new("Other.Project", "2.0").header("Summary: Shows things"));
    for tags in ["cp311-cp311-linux_x86_64", "cp312-cp312-linux_x86_64"] {
        let wheel = Wheel::new("demo", "1.0+cu128torch2.9").wheel_file(&format!(
            "Wheel-Version: 1.0\nGenerator: wheelsite tests\nRoot-Is-Purelib: false\nTag: {tags}\n"
        ));
        workspace.write(&format!("wheels/demo-1.0+cu128torch2.9-{tags}.whl"), wheel.bytes());
    }
    workspace.build(&[]);
    let search = workspace.json("site/search.json");
    assert_eq!((&search["search_format"], &search["projects"]), (&json!(1), &json!(2)));
    let rows = search["rows"].as_array().expect("is a list");
    let [demo, other] = &rows[..] else { panic!("{rows:?}") };
    let head = |row: &Value| row.as_array().expect("is a list")[..4].to_vec();
    assert_eq!(json!(head(demo)), json!(["demo", 0, 0, "1.0+cu128torch2.9"]));
    assert_eq!(
        json!(head(other)),
        json!(["other-project", "Other.Project", "Shows things", "2.0"])
    );
    assert_eq!((&demo[5], &demo[6]), (&json!(2), &json!(0)));
    let at = |list: &str, number: &Value| {
        let number = number.as_u64().and_then(|number| usize::try_from(number).ok());
        search[list][number.expect("is told")].clone()
    };
    let set = at("sets", &demo[7]);
    let set = set.as_array().expect("is a list");
    let profiles: Vec<Value> = set.iter().map(|number| at("profiles", number)).collect();
    assert_eq!(profiles.len(), 2);
    assert_eq!(profiles[0]["channel"], "cu128");
    assert_eq!((&profiles[0]["python"], &profiles[0]["torch"]), (&json!("cp311"), &json!("2.9")));
}

#[test]
fn two_thousand_projects_fit_in_one_file_and_more_are_kept_by_prefix() {
    let name =
        |number: usize| format!("{}-package-{number}", ["alpha", "beta", "gamma"][number % 3]);
    let workspace = built(2_000, name);
    let size = std::fs::metadata(workspace.path("site/search.json")).expect("is there").len();
    assert!(size < 165_000, "{size}");
    assert!(!workspace.path("site/search").exists());
    let home = workspace.read("site/index.html");
    assert_eq!(home.matches("<div class=\"what\">").count(), 50);
    assert!(home.contains("packages/gamma-package-1997/"), "the newest are there");
    assert!(home.contains("All 2000 projects by name"), "{home}");
    assert!(home.len() < 40_000, "{}", home.len());
    let all = workspace.read("site/packages/index.html");
    assert_eq!(all.matches("<li><a href=\"../packages/").count(), 2_000);

    let workspace = built(6_000, name);
    let search = workspace.json("site/search.json");
    let shards = search["shards"].as_array().expect("is a list");
    assert!(search.get("rows").is_none() && shards.len() > 3, "{search}");
    let mut names: Vec<String> = Vec::new();
    for shard in shards {
        let path = shard["path"].as_str().expect("is a path");
        let bytes = std::fs::read(workspace.site().join(path)).expect("is there");
        assert!(bytes.len() < 200_000, "{path}: {}", bytes.len());
        let shard_rows: Value = serde_json::from_slice(&bytes).expect("is JSON");
        let rows = shard_rows["rows"].as_array().expect("is a list");
        assert_eq!(rows.first().map(|row| &row[0]), Some(&shard["first"]));
        assert_eq!(rows.last().map(|row| &row[0]), Some(&shard["last"]));
        assert_eq!(json!(rows.len()), shard["projects"]);
        names.extend(rows.iter().map(|row| row[0].as_str().expect("is a name").to_owned()));
    }
    assert_eq!(names.len(), 6_000);
    assert!(names.is_sorted(), "shards are in the order of names");

    // A project more changes the shard of its name, and no other.
    let list = workspace.read("packages.jsonl")
        + "{\"filename\": \"beta_package_x-1.0-py3-none-any.whl\", \"upload_timestamp\": 1700000001}\n";
    workspace.write("packages.jsonl", list);
    let source = ["--source", "list:packages.jsonl", "--files-url", "https://x.example/files"];
    let changed = workspace.build(&source);
    // Its own pages (simple HTML and JSON, page, facts), two roots, home, names, search and one shard.
    assert_eq!(changed["pages_written"], 4 + 2 + 1 + 1 + 2, "{changed}");
}

#[test]
fn a_project_of_very_many_kinds_is_told_where_there_is_room() {
    let workspace = Workspace::new();
    let mut list = String::from("{\"filename\": \"other-1.0-py3-none-any.whl\"}\n");
    for torch in 0..8 {
        for python in 0..6 {
            for cuda in ["cu126", "cu128", "cu130"] {
                for platform in ["linux_x86_64", "win_amd64"] {
                    list.push_str(&format!(
                        "{{\"filename\": \"demo-1.0+{cuda}torch2.{torch}-cp31{python}-cp31{python}-{platform}.whl\"}}\n"
                    ));
                }
            }
        }
    }
    workspace.write("packages.jsonl", list);
    let source = ["--source", "list:packages.jsonl", "--files-url", "https://x.example/files"];
    workspace.build(&[&source[..], &["--allow", "channel-hash"]].concat());
    let search = workspace.json("site/search.json");
    assert_ne!(search["rows"][0][7], -1, "{}", search["rows"]);
    assert_eq!(search["profiles"].as_array().map(Vec::len), Some(8 * 6 * 3 * 2 + 1));
}

#[test]
fn a_summary_that_is_none_is_cut() {
    let workspace = Workspace::new();
    let long = "é".repeat(100_000);
    workspace.wheel(&Wheel::new("demo", "1.0").header(&format!("Summary: {long}")));
    workspace.build(&[]);
    for (page, letters) in [("site/index.html", 300), ("site/packages/demo/index.html", 1_000)] {
        let html = workspace.read(page);
        assert!(html.len() < 20_000, "{page}: {}", html.len());
        let shown = format!("{}\u{2026}", "é".repeat(letters - 1));
        assert!(html.contains(&shown), "{page}");
    }
}
