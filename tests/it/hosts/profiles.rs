//! What profiles write, refuse and say, without a server.

use std::collections::BTreeSet;

use crate::support::program::tree;
use crate::support::{Run, Wheel, Workspace};

/// Every file that some host reads.
const OWN: [&str; 5] =
    ["_headers", "_routes.json", "_worker.js", "wheelsite.caddyfile", "wheelsite.nginx.conf"];

/// What publishing adds for merges.
const PACK: &str = "state/shards.jsonl.gz";

fn workspace() -> Workspace {
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new("demo", "1.0+cu126"));
    workspace.wheel(&Wheel::new("demo", "1.0+cu128"));
    workspace
}

/// Of these files those that a folder has.
fn own(workspace: &Workspace, folder: &str) -> Vec<&'static str> {
    OWN.into_iter().filter(|file| workspace.path(folder).join(file).is_file()).collect()
}

#[track_caller]
fn publish(workspace: &Workspace, arguments: &[&str]) -> Run {
    let run = workspace.run(&[&["publish", "--to", "live"], arguments].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    run
}

#[test]
fn files_of_a_host_come_and_go_with_it() {
    let workspace = workspace();
    for (host, expected) in [
        ("cloudflare-pages", &OWN[..3]),
        ("caddy", &OWN[3..4]),
        ("nginx", &OWN[4..]),
        ("s3-website", &[]),
        ("r2", &[]),
        ("github-pages", &[]),
        ("plain", &[]),
    ] {
        workspace.build(&["--host", host]);
        assert_eq!(own(&workspace, "site"), expected, "{host}");
        let state = workspace.json("site/wheelsite.json");
        assert_eq!(state["look"]["host"], host);
        // A second build makes the same, and writes nothing.
        let before = tree(&workspace.site());
        assert_eq!(workspace.build(&["--host", host])["pages_written"], 0, "{host}");
        assert!(tree(&workspace.site()) == before, "{host}");
    }
    // The configuration names it as well as the flag does.
    workspace.write("config/site.yml", "host: cloudflare-pages\n");
    workspace.build(&[]);
    assert_eq!(own(&workspace, "site"), OWN[..3]);
}

#[test]
fn a_site_is_published_for_the_host_that_it_was_built_for() {
    let workspace = workspace();
    workspace.build(&["--host", "cloudflare-pages"]);
    publish(&workspace, &[]);
    assert_eq!(own(&workspace, "live"), OWN[..3]);
    assert_eq!(workspace.json("live/wheelsite.json")["published"]["host"], "cloudflare-pages");
    // Nothing changed, nothing is written.
    let before = tree(&workspace.path("live"));
    publish(&workspace, &[]);
    assert!(tree(&workspace.path("live")) == before);
    let told = publish(&workspace, &["--format", "json"]);
    assert!(told.stdout.contains("\"host\": \"cloudflare-pages\""), "{}", told.stdout);
}

#[test]
fn a_site_is_published_for_another_host_than_it_was_built_for() {
    let workspace = workspace();
    let site_url = ["--site-url", "https://host.example/w/", "--pages", "none"];
    workspace.build(&[&["--host", "nginx"], &site_url[..]].concat());
    for host in ["cloudflare-pages", "caddy", "plain", "nginx", "github-pages", "cloudflare-pages"]
    {
        publish(&workspace, &["--host", host]);
        let expected = Workspace::new();
        expected.wheel(&Wheel::new("demo", "1.0+cu126"));
        expected.wheel(&Wheel::new("demo", "1.0+cu128"));
        expected.build(&[&["--host", host], &site_url[..]].concat());
        let paths = |workspace: &Workspace, folder: &str| -> BTreeSet<String> {
            let paths = tree(&workspace.path(folder)).into_keys();
            paths.filter(|path| !path.starts_with("files/") && path != PACK).collect()
        };
        let (mut live, built) = (paths(&workspace, "live"), paths(&expected, "site"));
        // Of a plain site built by itself it would be of no use.
        live.retain(|path| host != "plain" || path != "404.html");
        assert_eq!(live, built, "{host}");
        for file in own(&expected, "site") {
            let live = workspace.read(&format!("live/{file}"));
            let built = expected.read(&format!("site/{file}"));
            // Publishing ends it with a line of white space.
            assert_eq!(live.trim_end(), built.trim_end(), "{host} {file}");
        }
    }
    assert_eq!(own(&workspace, "site"), ["wheelsite.nginx.conf"], "the site is as it was");
}

#[test]
fn a_merge_is_for_its_host_too() {
    let first = workspace();
    first.build(&["--host", "cloudflare-pages"]);
    publish(&first, &[]);
    let second = Workspace::new();
    second.wheel(&Wheel::new("other", "2.0+cu130"));
    second.build(&[]);
    let live = first.path("live");
    let to = live.to_str().expect("is UTF-8");
    let merge = ["publish", "--to", to, "--merge", "--host", "cloudflare-pages"];
    let run = second.run(&merge);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(own(&first, "live"), OWN[..3]);
    let routes = first.json("live/_routes.json");
    let include: Vec<&str> = routes["include"]
        .as_array()
        .expect("is a list")
        .iter()
        .filter_map(|it| it.as_str())
        .collect();
    let folders = ["", "all/", "cu126/", "cu128/", "cu130/"];
    let expected: BTreeSet<String> = folders.map(|it| format!("/{it}simple/*")).into();
    let mut include: BTreeSet<String> = include.into_iter().map(str::to_owned).collect();
    assert!(include.remove("/files/*"));
    assert_eq!(include, expected, "new channels are routed");
    assert!(first.path("live/simple/other/index.html").is_file());
}

#[test]
fn foreign_files_of_these_names_are_left_alone() {
    let workspace = workspace();
    workspace.build(&["--host", "cloudflare-pages"]);
    workspace.write("live/_headers", "/*\n  X-Mine: yes\n");
    let run = workspace.run(&["publish", "--to", "live"]);
    run.fails(1, &["_headers", "wheelsite did not write it"]);
    assert_eq!(workspace.read("live/_headers"), "/*\n  X-Mine: yes\n");
}

#[test]
fn what_a_host_does_not_take_is_refused_before_anything_is_written() {
    let workspace = workspace();
    let large = Wheel::new("large", "1.0").file("large/data.bin", &noise(26 << 20));
    workspace.wheel(&large);
    let pages = ["build", "--host", "cloudflare-pages"];
    let run = workspace.run(&pages);
    run.fails(2, &["large-1.0-py3-none-any.whl", "takes at most 26214400", "--files-url", "r2"]);
    assert!(!workspace.site().exists());
    // Linked to, it may have any size.
    let linked = [&pages[..], &["--files-url", "https://files.example/"]].concat();
    assert_eq!(workspace.run(&linked).code, Some(0));
    // Who publishes hears of it as well.
    std::fs::remove_dir_all(workspace.site()).expect("removes");
    workspace.build(&[]);
    let to = ["publish", "--to", "live", "--host", "cloudflare-pages"];
    workspace.run(&to).fails(2, &["takes at most 26214400"]);
    assert!(!workspace.path("live").exists());
}

/// Bytes that do not become fewer when they are packed.
fn noise(count: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(8);
    std::iter::repeat_with(|| random.u8(..)).take(count).collect()
}

#[test]
fn more_files_than_pages_takes_are_refused() {
    let workspace = Workspace::new();
    let lines = (0..2600).map(|number| {
        format!(
            "{{\"filename\": \"p{number}-1.0-py3-none-any.whl\", \"hash\": \"sha256={:064x}\"}}\n",
            number + 1
        )
    });
    workspace.write("list.jsonl", lines.collect::<String>());
    let build = [
        "build",
        "--host",
        "cloudflare-pages",
        "--source",
        "list:list.jsonl",
        "--files-url",
        "https://files.example/",
    ];
    // Five of each project: two for installers, two for people, and the state. Eight more a channel.
    assert_eq!(workspace.run(&build).code, Some(0));
    let lines = (0..4001).map(|number| {
        format!(
            "{{\"filename\": \"p{number}-1.0-py3-none-any.whl\", \"hash\": \"sha256={:064x}\"}}\n",
            number + 1
        )
    });
    workspace.write("list.jsonl", lines.collect::<String>());
    workspace.run(&build).fails(2, &["files, and `cloudflare-pages` takes at most 20000"]);
    let mut paid = workspace.command(&build);
    let run = Run::of(paid.env("PAGES_WRANGLER_MAJOR_VERSION", "4"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn a_path_that_no_server_is_configured_for_is_refused() {
    let workspace = workspace();
    for host in ["nginx", "caddy", "cloudflare-pages"] {
        let url = "https://host.example/a%20b/";
        let run = workspace.run(&["build", "--host", host, "--site-url", url]);
        run.fails(2, &["`site_url` has the path `/a%20b/`", "hint:"]);
    }
    assert!(!workspace.site().exists());
}

#[test]
fn what_a_host_cannot_do_is_said_once() {
    let workspace = workspace();
    for (host, text) in [
        ("github-pages", "lets nobody set a content type"),
        ("s3-website", "one page under one address"),
        ("r2", "redirects nobody"),
        ("cloudflare-pages", "100,000 a day"),
        ("nginx", "wheelsite.nginx.conf"),
        ("caddy", "wheelsite.caddyfile"),
    ] {
        let run = workspace.run(&["build", "--host", host]);
        assert_eq!(run.stderr.matches(text).count(), 1, "{}", run.stderr);
        let run = workspace.run(&["build", "--quiet", "--host", host]);
        assert!(!run.stderr.contains(text), "{}", run.stderr);
    }
    assert!(!workspace.run(&["build", "--host", "plain"]).stderr.contains("note:"));
}
