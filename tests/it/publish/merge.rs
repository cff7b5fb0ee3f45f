//! Merges: who publishes only its own wheels, also of a project that others publish, loses none.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};

use super::{add, build, command, publish, rounds, served, site_of, some_wheels};
use crate::support::program::tree;
use crate::support::proxy::Proxy;
use crate::support::reader::Reader;
use crate::support::stores;
use crate::support::{Run, Wheel, Workspace};

#[test]
fn pages_are_those_of_one_build_of_everything() {
    let parts = [
        &[("shared", "1.0+cu126"), ("one", "1.0")][..],
        &[("shared", "1.0+cu128"), ("two", "1.0")],
        &[("shared", "2.0"), ("shared", "1.0"), ("two", "0.9")],
    ];
    let all = Workspace::new();
    for part in parts {
        add(&all, part);
    }
    build(&all, &[]);
    let live = all.path("live");
    let to = ["--to", live.to_str().expect("is UTF-8"), "--merge"];
    let sites = parts.map(site_of);
    for site in &sites {
        publish(site, &[], &to);
        Reader::folder(&live).check().expect("is whole");
    }
    let (merged, wanted) = (served(&all, "live"), served(&all, "site"));
    let paths = |tree: &std::collections::BTreeMap<String, Vec<u8>>| {
        tree.keys().cloned().collect::<BTreeSet<_>>()
    };
    assert_eq!(paths(&merged), paths(&wanted));
    for (path, bytes) in wanted {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(merged[&path] == bytes, "{path}: {} {}", text(&merged[&path]), text(&bytes));
    }
    // Whoever has nothing new asks once.
    for site in &sites {
        assert_eq!(publish(site, &[], &to)["requests"], 1);
    }
    // Who has everything at hand finds it all there, too.
    let report = publish(&all, &[], &to);
    assert_eq!((&report["files_sent"], &report["pages_sent"]), (&0.into(), &0.into()));
    // The whole site in its place forgets what was merged.
    publish(&sites[0], &[], &[&to[..2], &["--grace", "0s"]].concat());
    let seen = Reader::folder(&live).check().expect("is whole");
    assert_eq!(seen.len(), 2, "{seen:?}");
    publish(&sites[1], &[], &to);
    let seen = Reader::folder(&live).check_index("all/").expect("is whole");
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[test]
fn links_yanks_and_settings_survive_a_merge() {
    let workspace = Workspace::new();
    add(&workspace, &[("linked", "1.0"), ("linked", "2.0")]);
    workspace.write(
        "config/site.yml",
        "title: Mine\nfiles_url: https://f.example/\nprojects: {linked: {description: D, \
            status: deprecated, yanked: {\"1.0\": broken}}}\n",
    );
    build(&workspace, &["--site-url", "https://x.example/i/"]);
    let before = served(&workspace, "site");
    let live = workspace.path("live");
    let to = ["--to", live.to_str().expect("is UTF-8"), "--merge"];
    publish(&workspace, &[], &to);
    assert_eq!(served(&workspace, "live"), before);
    let other = site_of(&[("other", "1.0")]);
    other.write("config/site.yml", "title: Mine\nfiles_url: https://f.example/\n");
    build(&other, &["--site-url", "https://x.example/i/", "--files-url", "https://f.example/"]);
    publish(&other, &[], &to);
    let after = served(&workspace, "live");
    for path in
        ["simple/linked/index.html", "simple/linked/index.v1_json", "packages/linked/index.html"]
    {
        assert_eq!(after[path], before[path], "{path}");
    }
    let root = workspace.read("live/simple/index.html");
    assert!(root.contains("linked") && root.contains("other"), "{root}");
}

#[test]
fn a_carried_file_keeps_its_sidecar_when_a_link_to_it_is_merged() {
    let carries = site_of(&[("shared", "1.0")]);
    let live = carries.path("live");
    let to = ["--to", live.to_str().expect("is UTF-8"), "--merge"];
    publish(&carries, &[], &to);
    let before = served(&carries, "live");
    let wheel = std::fs::read(carries.path("wheels/shared-1.0-py3-none-any.whl")).expect("reads");
    let sha256 = wheelsite::wheel::Sha256::of(&wheel);
    let links = Workspace::new();
    links.write(
        "list.jsonl",
        format!("{{\"filename\":\"shared-1.0-py3-none-any.whl\",\"hash\":\"sha256={sha256}\"}}\n"),
    );
    build(&links, &["--source", "list:list.jsonl", "--files-url", "https://f.example/"]);
    publish(&links, &[], &to);
    let after = served(&carries, "live");
    for path in ["simple/shared/index.html", "simple/shared/index.v1_json"] {
        let text = String::from_utf8_lossy(&after[path]);
        assert!(text.contains("core-metadata") && after[path] == before[path], "{path}: {text}");
    }
}

#[test]
fn a_state_says_how_its_shards_are_written() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    let state = workspace.read("site/wheelsite.json");
    assert!(state.contains("\"state_version\":2"));
    // As an older program wrote it; of its pages none changes.
    let old = state.replace("\"state_version\":2", "\"state_version\":1");
    workspace.write("site/wheelsite.json", &old);
    let live = workspace.path("live");
    let to = ["--to", live.to_str().expect("is UTF-8")];
    publish(&workspace, &[], &to);
    assert!(workspace.read("live/wheelsite.json").contains("\"state_version\":2"));
    let published = workspace.read("live/wheelsite.json");
    let old = published.replace("\"state_version\":2", "\"state_version\":1");
    workspace.write("live/wheelsite.json", &old);
    publish(&site_of(&[("omega", "1.0")]), &[], &[&to[..], &["--merge"]].concat());
    assert!(workspace.read("live/wheelsite.json").contains("\"state_version\":2"));
    Reader::folder(&live).check().expect("is whole");
}

#[test]
fn a_file_with_other_bytes_is_refused() {
    let one = site_of(&[("shared", "1.0")]);
    let live = one.path("live");
    let to = ["--to", live.to_str().expect("is UTF-8"), "--merge"];
    publish(&one, &[], &to);
    let before = tree(&live);
    let two = Workspace::new();
    two.wheel(&Wheel::new("shared", "1.0").header("Summary: others"));
    build(&two, &[]);
    Run::of(&mut command(&two, &[], &to))
        .fails(1, &["shared-1.0-py3-none-any.whl", "hint: a merge"]);
    assert_eq!(tree(&live), before);
}

#[test]
fn a_dry_run_of_a_merge_writes_nothing() {
    let Some(s3) = stores::s3() else { return };
    let bucket = s3.bucket("publish-merge-dry");
    let workspace = some_wheels();
    build(&workspace, &[]);
    let to = format!("s3://{bucket}");
    let report = publish(&workspace, &s3.environment(), &["--to", &to, "--merge", "--dry-run"]);
    assert!(report["plan"].as_array().is_some_and(|plan| plan.len() > 20), "{report}");
    assert_eq!(s3.objects(&bucket).len(), 0);
}

/// Pages have white space more where they are published.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).into_owned();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Publishers at once.
const PUBLISHERS: usize = 8;

#[test]
fn eight_that_merge_at_once_lose_no_wheel() {
    let Some(s3) = stores::s3() else { return };
    let bucket = s3.public_bucket("publish-race");
    let sites: Vec<Workspace> = (0..PUBLISHERS)
        .map(|number| {
            let own = format!("own-{number}");
            let (first, second) = (format!("1.{number}"), format!("2.{number}+cu12{number}"));
            site_of(&[("shared", &*first), ("shared", &*second), (&*own, "1.0")])
        })
        .collect();
    for round in 0..rounds("WHEELSITE_SOAK_RACE", 2) {
        let to = format!("s3://{bucket}/round-{round}");
        if round % 2 == 1 {
            // Into what somebody has published whole.
            publish(
                &site_of(&[("shared", "0.1"), ("first", "1.0")]),
                &s3.environment(),
                &["--to", &to],
            );
        }
        let start = |site: &Workspace| {
            let mut command = command(site, &s3.environment(), &["--to", &to, "--merge"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
        };
        let children: Vec<Child> = sites.iter().map(start).collect();
        let reader = Reader::web(&format!("{}/{bucket}/round-{round}/", s3.endpoint), None);
        // This server has no index documents.
        for child in children {
            let run = Run::from(child.wait_with_output().expect("ends"));
            assert_eq!(run.code, Some(0), "round {round}: {}", run.stderr);
        }
        let all = Workspace::new();
        if round % 2 == 1 {
            add(&all, &[("shared", "0.1"), ("first", "1.0")]);
        }
        for site in &sites {
            for (path, bytes) in tree(&site.path("wheels")) {
                all.write(&format!("wheels/{path}"), bytes);
            }
        }
        build(&all, &[]);
        for (path, bytes) in served(&all, "site") {
            let found = reader.get(&path.replace('+', "%2B")).expect("answers");
            let found = found.unwrap_or_else(|| panic!("round {round}: {path} is missing"));
            let same = if path.starts_with("files/") {
                found == bytes
            } else {
                plain(&found) == plain(&bytes)
            };
            assert!(same, "round {round}: {path}: {}", plain(&found));
        }
        let state = reader.get("wheelsite.json").expect("answers").expect("is there");
        let state: serde_json::Value = serde_json::from_slice(&state).expect("is JSON");
        assert!(state["published"]["writing"].is_null(), "{state}");
    }
}

#[test]
fn whoever_was_killed_is_waited_for_and_then_overtaken() {
    let one = site_of(&[("shared", "1.0"), ("one", "1.0")]);
    let live = one.path("live");
    let to = ["--to", live.to_str().expect("is UTF-8"), "--merge"];
    publish(&site_of(&[("shared", "0.9")]), &[], &to);
    // Somebody has begun to write and was killed.
    let mut state: serde_json::Value = one.json("live/wheelsite.json");
    state["published"]["writing"] = serde_json::json!({
        "id": "0123456789abcdef", "beat": 3, "projects": {"shared": null, "lost": null, "cut": "0".repeat(64)},
        "roots": "0".repeat(64), "adds": ["simple/lost/index.html"],
    });
    one.write("live/wheelsite.json", state.to_string());
    // As pages end.
    one.write("live/simple/lost/index.html", format!("half\n{}\n", " ".repeat(64)));
    one.write("live/simple/shared/index.html", "<!DOCTYPE html>\nof theirs\n</body>\n</html>\n");
    let began = std::time::Instant::now();
    let run = Run::of(&mut command(&one, &[], &to));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("had not come to the end of `cut`"), "{}", run.stderr);
    assert!(began.elapsed() >= std::time::Duration::from_secs(2), "it was not waited for");
    let seen = Reader::folder(&live).check().expect("is whole");
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(!live.join("simple/lost").exists());
    let all = site_of(&[("shared", "0.9"), ("shared", "1.0"), ("one", "1.0")]);
    for (path, bytes) in served(&all, "site") {
        let found = std::fs::read(live.join(&path)).expect("is there");
        assert_eq!(plain(&found), plain(&bytes), "{path}");
    }
}

#[test]
fn a_merge_into_many_projects_asks_for_few() {
    let Some(s3) = stores::s3() else { return };
    let bucket = s3.bucket("publish-merge-bound");
    let proxy = Proxy::start(&s3.endpoint);
    let mut environment = s3.environment();
    environment.push(("AWS_ENDPOINT_URL", proxy.url.clone()));
    let to = format!("s3://{bucket}");
    let to = ["--to", &*to, "--merge"];
    let many: Vec<(String, &str)> =
        (0..25).map(|number| (format!("project-{number}"), "1.0")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, version)| (&**name, *version)).collect();
    publish(&site_of(&many), &environment, &to);
    let before = s3.objects(&bucket);
    proxy.let_through(u64::MAX);
    publish(&site_of(&[("project-7", "0.9")]), &environment, &to);
    let after = s3.objects(&bucket);
    let changed = after.iter().filter(|(key, object)| before.get(*key) != Some(*object)).count();
    let log = proxy.log();
    let asked: Vec<String> = log
        .iter()
        // What is deleted is named in the body.
        .filter(|it| !it.path.contains(".wheelsite-probe") && !it.path.ends_with("?delete"))
        .map(|operation| format!("{} {}", operation.method, operation.path))
        .collect();
    assert!(asked.len() <= changed + 4, "{} for {changed}: {asked:#?}", asked.len());
    assert_eq!(log.len() - asked.len(), 4, "two writes, a look and a deletion find it out");
    assert!(!after.keys().any(|key| key.contains("probe")), "nothing of that is left");
}
