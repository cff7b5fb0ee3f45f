//! What a build writes, and that the same input gives the same bytes.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::json;

use crate::support::{Wheel, Workspace, crawl, program::tree, repository, tools};

fn touch(workspace: &Workspace, path: &str, date: &str) {
    let status = Command::new("touch").args(["-d", date]).arg(workspace.path(path)).status();
    assert!(status.expect("starts").success());
}

/// A workspace with three wheels of two projects and a source distribution.
fn example() -> Workspace {
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new("Foo.Bar", "1.10").header("Requires-Python: >=3.8,<4"));
    workspace.wheel(&Wheel::new("Foo.Bar", "1.9+cu128"));
    workspace.wheel(&Wheel::new("other", "2.0"));
    workspace.write("wheels/nested/other-1.0.tar.gz", b"a source distribution");
    workspace
}

#[test]
fn the_tree_is_as_designed() {
    let workspace = example();
    let summary = workspace.build(&[]);
    assert_eq!((&summary["projects"], &summary["files"]), (&2.into(), &4.into()));
    let paths: Vec<String> = tree(&workspace.site()).into_keys().collect();
    let shape: Vec<String> = paths
        .iter()
        .map(|path| {
            // Digests within names depend on the bytes.
            let is_digest =
                |part: &&str| part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            path.split(['/', '.'])
                .filter(is_digest)
                .fold(path.clone(), |path, part| path.replace(part, "#"))
        })
        .collect();
    assert_eq!(
        shape,
        [
            ".nojekyll",
            "404.html",
            "assets/favicon.#.svg",
            "assets/finder.#.css",
            "assets/finder.#.js",
            "assets/fit.#.js",
            "assets/gpus.#.js",
            "assets/icon.#.png",
            "assets/site.#.js",
            "assets/style.#.css",
            "coverage.json",
            "coverage/index.html",
            "cu128/index.html",
            "cu128/simple/foo-bar/index.html",
            "cu128/simple/foo-bar/index.v1_json",
            "cu128/simple/index.html",
            "cu128/simple/index.v1_json",
            "cu128/simple/other/index.html",
            "cu128/simple/other/index.v1_json",
            "feed.xml",
            "files/foo-bar/#/Foo_Bar-1.9+cu128-py3-none-any.whl",
            "files/foo-bar/#/Foo_Bar-1.9+cu128-py3-none-any.whl.metadata",
            "files/foo-bar/#/Foo_Bar-1.10-py3-none-any.whl",
            "files/foo-bar/#/Foo_Bar-1.10-py3-none-any.whl.metadata",
            "files/other/#/other-1.0.tar.gz",
            "files/other/#/other-2.0-py3-none-any.whl",
            "files/other/#/other-2.0-py3-none-any.whl.metadata",
            "index.html",
            "packages/foo-bar/files.json",
            "packages/foo-bar/index.html",
            "packages/index.html",
            "packages/other/files.json",
            "packages/other/index.html",
            "robots.txt",
            "search.json",
            "simple/foo-bar/index.html",
            "simple/foo-bar/index.v1_json",
            "simple/index.html",
            "simple/index.v1_json",
            "simple/other/index.html",
            "simple/other/index.v1_json",
            "state/foo-bar.json",
            "state/other.json",
            "wheelsite.json",
        ]
        .map(str::to_owned)
        .into_iter()
        .collect::<Vec<_>>()
        .sorted_like(&shape)
    );
    assert_eq!(crawl::check(&workspace.site()).expect("is whole").len(), 4);
}

/// Digests decide the order of folders: compares as sets, with a readable difference.
trait SortedLike {
    fn sorted_like(self, other: &[String]) -> Vec<String>;
}

impl SortedLike for Vec<String> {
    fn sorted_like(self, other: &[String]) -> Vec<String> {
        let place =
            |path: &String| other.iter().position(|other| other == path).unwrap_or(usize::MAX);
        let mut sorted = self;
        sorted.sort_by_key(place);
        sorted
    }
}

#[test]
fn machine_pages_say_what_the_standard_wants() {
    let workspace = example();
    touch(&workspace, "wheels/Foo_Bar-1.10-py3-none-any.whl", "2026-01-02T03:04:05Z");
    workspace.build(&[]);
    let page = workspace.read("site/simple/foo-bar/index.html");
    assert!(page.contains("<meta name=\"pypi:repository-version\" content=\"1.4\">"));
    assert!(page.contains("data-requires-python=\"&gt;=3.8,&lt;4\""));
    assert!(
        page.contains("Foo_Bar-1.9%2Bcu128-py3-none-any.whl#sha256="),
        "a plus is %2B in links"
    );
    assert!(page.contains(">Foo_Bar-1.9+cu128-py3-none-any.whl</a>"), "and itself in texts");
    let (_, attributes) = &crawl::anchors(&page)[1];
    assert_eq!(attributes["data-upload-time"], "2026-01-02T03:04:05Z");
    assert_eq!(attributes["data-core-metadata"], attributes["data-dist-info-metadata"]);

    let json = workspace.json("site/simple/foo-bar/index.v1_json");
    assert_eq!(json["meta"], json!({"api-version": "1.4"}));
    assert_eq!(
        (&json["name"], &json["versions"]),
        (&json!("foo-bar"), &json!(["1.9+cu128", "1.10"]))
    );
    let file = &json["files"][1];
    assert_eq!(file["requires-python"], ">=3.8,<4");
    assert_eq!(file["upload-time"], "2026-01-02T03:04:05Z");
    let path = workspace.path("wheels/Foo_Bar-1.10-py3-none-any.whl");
    assert_eq!(file["size"], std::fs::metadata(path).expect("is there").len());
    assert!(
        file.get("yanked").is_none() && json.get("project-status").is_none(),
        "no key without a value"
    );
    // A source distribution has no sidecar, and none is claimed.
    let sdist = &workspace.json("site/simple/other/index.v1_json")["files"][0];
    assert_eq!(sdist["filename"], "other-1.0.tar.gz");
    assert!(sdist.get("core-metadata").is_none());
    // Names on the root are as their authors spell them.
    assert!(workspace.read("site/simple/index.html").contains("<a href=\"foo-bar/\">Foo.Bar</a>"));
    assert_eq!(workspace.json("site/simple/index.v1_json")["projects"][0]["name"], "Foo.Bar");
}

#[test]
fn sidecars_are_the_bytes_of_metadata() {
    let workspace = Workspace::new();
    let metadata = "Metadata-Version: 2.1\r\nName: demo\r\nVersion: 1.0\r\n\r\n  odd  \r\n\n";
    workspace.wheel(&Wheel::new("demo", "1.0").metadata(metadata.as_bytes()));
    workspace.build(&[]);
    let site = tree(&workspace.site());
    let (_, sidecar) = site.iter().find(|(path, _)| path.ends_with(".metadata")).expect("is there");
    assert_eq!(sidecar, metadata.as_bytes());
}

#[test]
fn the_same_input_gives_the_same_bytes_anywhere() {
    let first = example();
    first.build(&[]);
    let second = example();
    for entry in ["wheels/Foo_Bar-1.10-py3-none-any.whl", "wheels/other-2.0-py3-none-any.whl"] {
        touch(&second, entry, "2020-01-01T00:00:00Z");
    }
    // A fresh clone has other modification times; the state of the first build, in a folder or
    // at a URL, knows better.
    let previous = first.site();
    second.build(&["--previous", previous.to_str().expect("is UTF-8")]);
    assert_eq!(tree(&second.site()), tree(&first.site()));

    std::fs::remove_dir_all(second.site()).expect("removes");
    let served = first.serve(&[]);
    second.build(&["--previous", &served.url]);
    assert_eq!(tree(&second.site()), tree(&first.site()));

    // Under CI the live site is asked by itself, unless that is forbidden.
    let url = served.url.clone();
    let in_ci = |extra: &[&str]| {
        let _ = std::fs::remove_dir_all(second.site());
        let mut command = second.command(&["build", "--site-url", &url]);
        let output = command.args(extra).env("CI", "true").output().expect("starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        second.read("site/simple/other/index.html")
    };
    assert_eq!(in_ci(&[]), first.read("site/simple/other/index.html"));
    assert!(in_ci(&["--offline"]).contains("data-upload-time=\"2020-01-01T00:00:00Z\""));
}

#[test]
fn source_date_epoch_is_the_upload_time_of_what_is_new() {
    let build = |workspace: &Workspace| {
        let mut command = workspace.command(&["build"]);
        let output = command.env("SOURCE_DATE_EPOCH", "1700000000").output().expect("starts");
        assert!(output.status.success());
        tree(&workspace.site())
    };
    let first = example();
    let site = build(&first);
    let second = example();
    touch(&second, "wheels/other-2.0-py3-none-any.whl", "2020-01-01T00:00:00Z");
    assert_eq!(build(&second), site);
    let page = first.read("site/simple/other/index.html");
    assert!(page.contains("data-upload-time=\"2023-11-14T22:13:20Z\""));
    let mut command = first.command(&["build"]);
    let output = command.env("SOURCE_DATE_EPOCH", "yesterday").output().expect("starts");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn jobs_do_not_change_the_bytes() {
    let site = |jobs: &str| {
        let workspace = example();
        let mut command = workspace.command(&["build", "--jobs", jobs]);
        assert!(command.env("SOURCE_DATE_EPOCH", "0").output().expect("starts").status.success());
        tree(&workspace.site())
    };
    assert_eq!(site("1"), site("7"));
}

#[test]
fn configured_yanks_statuses_and_descriptions_reach_every_form() {
    let workspace = Workspace::new();
    for version in ["1.0", "1.0+cu128", "1.1"] {
        workspace.wheel(&Wheel::new("demo", version));
    }
    workspace.wheel(&Wheel::new("danger", "1.0"));
    workspace.write(
        "config/site.yml",
        "projects:\n  Demo:\n    description: Better words\n    status: archived\n    \
         status_reason: see \"other\" & <new>\n    yanked:\n      \"1.0.0\": wrong results\n      \
         demo-1.1-py3-none-any.whl: \"\"\n  danger:\n    status: quarantined\n  \
         missing:\n    status: archived\n",
    );
    let run = workspace.run(&["build"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stderr.contains("`projects.missing` is configured and the index has no such project")
    );
    let page = workspace.read("site/simple/demo/index.html");
    assert!(page.contains("<meta name=\"pypi:project-status\" content=\"archived\">"));
    assert!(page.contains("content=\"see &quot;other&quot; &amp; &lt;new&gt;\""));
    let yanked: BTreeMap<String, Option<String>> = crawl::anchors(&page)
        .into_iter()
        .map(|(url, attributes)| {
            let name = url
                .rsplit('/')
                .next()
                .expect("has a name")
                .split('#')
                .next()
                .expect("is there")
                .to_owned();
            (name, attributes.get("data-yanked").cloned())
        })
        .collect();
    assert_eq!(yanked["demo-1.0-py3-none-any.whl"].as_deref(), Some("wrong results"));
    assert_eq!(yanked["demo-1.0%2Bcu128-py3-none-any.whl"].as_deref(), Some("wrong results"));
    assert_eq!(yanked["demo-1.1-py3-none-any.whl"].as_deref(), Some(""));
    let json = workspace.json("site/simple/demo/index.v1_json");
    assert_eq!(
        json["project-status"],
        json!({"status": "archived", "reason": "see \"other\" & <new>"})
    );
    let reasons: Vec<&serde_json::Value> =
        json["files"].as_array().expect("has files").iter().map(|file| &file["yanked"]).collect();
    assert_eq!(reasons, [&json!("wrong results"), &json!("wrong results"), &json!(true)]);
    let people = workspace.read("site/packages/demo/index.html");
    assert!(people.contains("Better words") && people.contains("archived"));

    // What is quarantined is not offered, not even by its URL.
    let danger = workspace.json("site/simple/danger/index.v1_json");
    assert_eq!((&danger["files"], &danger["versions"]), (&json!([]), &json!([])));
    assert!(!workspace.site().join("files/danger").exists());
}

#[test]
fn a_package_list_becomes_an_index_of_links() {
    let workspace = Workspace::new();
    let digest = "0f".repeat(32);
    workspace.write(
        "list.jsonl",
        format!(
            "{{\"filename\":\"demo-1.0+cu128-py3-none-any.whl\",\"hash\":\"sha256={digest}\",\
             \"requires_python\":\">=3.9\",\"core_metadata\":\"sha256={digest}\",\
             \"upload_timestamp\":1700000000,\"yanked_reason\":\"bad\"}}\n\
             {{\"filename\":\"demo-1.1-py3-none-any.whl\",\"size\":5,\
             \"url\":\"https://elsewhere.example/demo-1.1-py3-none-any.whl\"}}\n"
        ),
    );
    let list = ["--source", "list:list.jsonl"];
    workspace
        .build(&[&list[..], &["--base-url", "https://x.example/releases/download/v1"]].concat());
    let json = workspace.json("site/simple/demo/index.v1_json");
    assert_eq!(json["meta"]["api-version"], "1.0", "a file of unknown size makes no 1.1");
    assert_eq!(
        json["files"][0],
        json!({
            "filename": "demo-1.0+cu128-py3-none-any.whl",
            "url": "https://x.example/releases/download/v1/demo-1.0%2Bcu128-py3-none-any.whl",
            "hashes": {"sha256": digest},
            "requires-python": ">=3.9",
            "core-metadata": {"sha256": digest},
            "yanked": "bad",
            "upload-time": "2023-11-14T22:13:20Z",
        })
    );
    assert!(!workspace.site().join("files").exists());
    // Without a files URL each file needs one of its own.
    workspace.run(&["build", "--source", "list:list.jsonl"]).fails(2, &["list.jsonl:1"]);
}

#[test]
fn a_files_url_claims_no_sidecar_that_nobody_serves() {
    let workspace = example();
    workspace.build(&["--files-url", "https://x.example/download/"]);
    let json = workspace.json("site/simple/foo-bar/index.v1_json");
    assert_eq!(
        json["files"][0]["url"],
        "https://x.example/download/Foo_Bar-1.9%2Bcu128-py3-none-any.whl"
    );
    assert!(json["files"][0].get("core-metadata").is_none());
    assert!(!workspace.read("site/simple/foo-bar/index.html").contains("core-metadata"));
    assert!(!workspace.site().join("files").exists());
}

#[test]
fn github_pages_gets_no_json_that_installers_would_refuse() {
    let workspace = example();
    workspace.build(&["--host", "github-pages"]);
    assert!(!tree(&workspace.site()).keys().any(|path| path.ends_with(".v1_json")));
    assert!(workspace.site().join(".nojekyll").is_file());
}

#[test]
fn pages_none_writes_what_installers_read_and_nothing_else() {
    let workspace = example();
    workspace.build(&["--pages", "none"]);
    let others = |path: &String| {
        let tops = ["simple/", "cu128/simple/", "files/", "state/"];
        !tops.iter().any(|top| path.starts_with(top))
    };
    let rest: Vec<String> = tree(&workspace.site()).into_keys().filter(others).collect();
    assert_eq!(rest, [".nojekyll", "coverage.json", "wheelsite.json"]);
}

#[cfg(unix)]
#[test]
fn hard_links_take_no_space_of_their_own() {
    use std::os::unix::fs::MetadataExt;
    let workspace = example();
    workspace.build(&["--files", "hardlink"]);
    let files = crawl::check(&workspace.site()).expect("is whole");
    let (path, _) = &files["other-2.0-py3-none-any.whl"];
    let inode = |path: std::path::PathBuf| std::fs::metadata(path).expect("is there").ino();
    assert_eq!(
        inode(workspace.site().join(path)),
        inode(workspace.path("wheels/other-2.0-py3-none-any.whl"))
    );
}

#[test]
fn a_theme_folder_replaces_file_by_file() {
    let workspace = example();
    workspace.write("theme/index.html", "<p>{{ totals.projects }} of {{ site.title }}</p>");
    workspace.write("theme/style.css", "body{}");
    workspace.build(&["--theme", "theme"]);
    assert_eq!(workspace.read("site/index.html"), "<p>2 of Python packages</p>");
    assert!(workspace.read("site/packages/other/index.html").contains("<h1>other"));
    workspace.write("theme/index.html", "{{ nonsense }}");
    let before = tree(&workspace.site());
    workspace.run(&["build", "--theme", "theme"]).fails(2, &["index.html", "nonsense"]);
    assert_eq!(tree(&workspace.site())["index.html"], before["index.html"]);
}

#[test]
fn the_output_inside_of_a_source_is_not_taken_for_one() {
    let workspace = example();
    workspace.build(&["--source", "."]);
    let again = workspace.build(&["--source", "."]);
    assert_eq!((&again["files"], &again["pages_written"]), (&4.into(), &0.into()));
}

#[test]
fn the_site_of_real_wheels_is_whole() {
    let Some(wheels) = tools::real_wheels() else { return };
    let workspace = Workspace::new();
    let summary = workspace.build(&["--source", wheels.to_str().expect("is UTF-8")]);
    let files = crawl::check(&workspace.site()).expect("is whole");
    let pins =
        std::fs::read_to_string(repository("tests/fixtures/real-wheels.txt")).expect("reads");
    let pins: BTreeMap<String, String> = pins
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' ').and_then(|(_, rest)| rest.split_once(" sha256=")))
        .map(|(filename, sha256)| (filename.trim().to_owned(), sha256.trim().to_owned()))
        .collect();
    assert!(pins.len() >= 40);
    let digests: BTreeMap<String, String> =
        files.into_iter().map(|(name, (_, sha256))| (name, sha256)).collect();
    assert_eq!(digests, pins, "digests are those that were pinned when the wheels were chosen");
    assert_eq!((&summary["accepted"], &summary["rejected"]), (&pins.len().into(), &0.into()));
}
