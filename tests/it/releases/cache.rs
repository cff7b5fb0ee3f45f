//! What is known is not read again: the cache, the state, the facts in a release.

use std::sync::Arc;

use super::{REPOSITORY, asset, build, one_release, release, wheel_downloads};
use crate::support::github::{Asset, Digest, Github, Origin, Release, Repository};
use crate::support::synthetic::SyntheticWheel;
use crate::support::{Wheel, Workspace};

const SOURCE: [&str; 2] = ["--source", "gh-release:v1"];

fn described() -> Wheel {
    Wheel::new("demo", "1.0").description("text/plain", "A description that pages show")
}

#[test]
fn a_second_run_asks_on_condition_and_reads_no_wheel() {
    let github = Github::with(one_release(&[described()]));
    let workspace = Workspace::new();
    build(&workspace, &github, &SOURCE).works();
    github.clear_log();
    let second = build(&workspace, &github, &SOURCE).works().json();
    assert_eq!(wheel_downloads(&github).len(), 0);
    assert_eq!((&second["bytes_read"], &second["pages_written"]), (&0.into(), &0.into()));
    assert_eq!(github.not_modified(), github.log().len(), "{:?}", github.log());
    github.clear_log();
    build(&workspace, &github, &[&SOURCE[..], &["--refresh"]].concat()).works();
    assert_eq!(github.not_modified(), 0);
    assert!(!wheel_downloads(&github).is_empty());
}

#[test]
fn a_fresh_machine_with_the_live_site_reads_no_wheel() {
    let github = Github::with(one_release(&[described(), Wheel::new("other", "1.0")]));
    let first = Workspace::new();
    build(&first, &github, &SOURCE).works();
    let served = first.serve(&[]);
    github.clear_log();
    let second = Workspace::new();
    let read = build(&second, &github, &[&SOURCE[..], &["--site-url", &served.url]].concat())
        .works()
        .json();
    assert_eq!(wheel_downloads(&github).len(), 0);
    assert_eq!(read["bytes_read"], 0);
    let page = second.read("site/packages/demo/index.html");
    assert!(page.contains("A description that pages show"));
    // It is the same site, but for the address that pages show.
    let simple =
        |workspace: &Workspace| crate::support::program::tree(&workspace.path("site/simple"));
    assert!(simple(&first) == simple(&second));
}

#[test]
fn a_live_site_that_is_missing_is_a_first_run_and_one_that_fails_stops() {
    let github = Github::with(one_release(&[described()]));
    let never_built = format!("{}/nowhere/", github.url(Origin::Web));
    let with_site = |url: &str| [&SOURCE[..], &["--site-url", url]].concat().join(" ");
    let words = with_site(&never_built);
    let first: Vec<&str> = words.split(' ').collect();
    build(&Workspace::new(), &github, &first).works();
    let workspace = Workspace::new();
    let words = with_site("http://127.0.0.1:1/");
    let dead: Vec<&str> = words.split(' ').collect();
    build(&workspace, &github, &dead).fails(3, &["wheelsite.json", "--refresh"]);
    assert!(!workspace.site().exists());
}

#[test]
fn a_changed_digest_is_rejected_unless_it_is_allowed_by_name() {
    let github = Github::with(one_release(&[described()]));
    let workspace = Workspace::new();
    build(&workspace, &github, &SOURCE).works();
    let changed = described().file("more.py", b"more");
    github.replace_asset(REPOSITORY, "v1", asset(&changed));
    build(&workspace, &github, &SOURCE).fails(1, &["digest-changed", changed.filename()]);
    let other = [&SOURCE[..], &["--allow", "digest-changed:other-*"]].concat();
    build(&workspace, &github, &other).fails(1, &["digest-changed"]);
    let named = format!("digest-changed:{}", changed.filename());
    build(&workspace, &github, &[&SOURCE[..], &["--allow", &named]].concat()).works();
}

/// A release of a large wheel with the facts that somebody has read in it.
pub(super) fn with_facts(
    edit: impl FnOnce(&mut serde_json::Value),
) -> (Github, Arc<SyntheticWheel>) {
    let wheel = Arc::new(SyntheticWheel::new("large", "1.0", 1 << 20, 500));
    let local = Workspace::new();
    let mut file =
        std::fs::File::create(local.path("wheels").join(wheel.filename())).expect("creates");
    std::io::copy(&mut wheel.reader(), &mut file).expect("writes");
    local.build(&[]);
    let shard = local.json("site/state/large.json");
    let known = &shard["files"][0];
    let mut entry = known["facts"].clone();
    entry["filename"] = known["filename"].clone();
    entry["size"] = known["size"].clone();
    let mut facts = serde_json::json!({
        "facts_format": 1,
        "generator": "a test",
        "files": {known["sha256"].as_str().expect("is text"): entry},
    });
    edit(&mut facts);
    let release = Release::new("v1")
        .asset(Asset::of(wheel.filename(), wheel.clone()))
        .asset(Asset::new("wheelsite-facts.json", facts.to_string()));
    (Github::with(Repository::new(REPOSITORY).release(release)), wheel)
}

#[test]
fn facts_in_the_release_spare_the_wheel() {
    let (github, _) = with_facts(|_| ());
    let workspace = Workspace::new();
    let run = build(&workspace, &github, &[&SOURCE[..], &["--pages", "none"]].concat());
    assert_eq!(run.works().json()["accepted"], 1);
    assert_eq!(wheel_downloads(&github).len(), 0);
    let shard = workspace.json("site/state/large.json");
    assert_eq!(shard["files"][0]["facts"]["depth"], "metadata", "they are never more than that");
    github.clear_log();
    let full = [&SOURCE[..], &["--pages", "none", "--depth", "full", "--output", "new"]].concat();
    build(&workspace, &github, &full).works();
    assert!(!wheel_downloads(&github).is_empty());
}

#[test]
fn facts_of_other_bytes_or_another_format_are_not_believed() {
    type Edit = fn(&mut serde_json::Value);
    let edits: [(&str, Edit); 4] = [
        ("another digest", |facts| {
            let files = facts["files"].as_object_mut().expect("is a map");
            let (_, entry) = files.clone().into_iter().next().expect("is there");
            *files = serde_json::Map::from_iter([("ab".repeat(32), entry)]);
        }),
        ("another format", |facts| facts["facts_format"] = 2.into()),
        ("older facts", |facts| {
            let files = facts["files"].as_object_mut().expect("is a map");
            files.values_mut().for_each(|entry| entry["facts_version"] = 0.into());
        }),
        ("another size", |facts| {
            let files = facts["files"].as_object_mut().expect("is a map");
            files.values_mut().for_each(|entry| entry["size"] = 5.into());
        }),
    ];
    for (what, edit) in edits {
        let (github, _) = with_facts(edit);
        build(&Workspace::new(), &github, &SOURCE).works();
        assert!(!wheel_downloads(&github).is_empty(), "{what}");
    }
}

#[test]
fn facts_are_not_believed_of_a_file_without_a_digest() {
    let (github, wheel) = with_facts(|_| ());
    let asset = Asset::of(wheel.filename(), wheel.clone()).digest(Digest::Null);
    github.replace_asset(REPOSITORY, "v1", asset);
    build(&Workspace::new(), &github, &SOURCE).works();
    assert!(!wheel_downloads(&github).is_empty());
}

#[test]
fn an_optional_source_may_fail_and_others_may_not() {
    let github =
        Github::with(one_release(&[described()]).release(release("v2", &[Wheel::new("b", "1")])));
    let workspace = Workspace::new();
    let config = |optional: bool| {
        workspace.write(
            "config/site.yml",
            format!("sources:\n  - gh-release:v1\n  - source: gh-release:gone\n    optional: {optional}\n"),
        );
    };
    config(false);
    build(&workspace, &github, &[]).fails(3, &["no release `gone`"]);
    config(true);
    let run = build(&workspace, &github, &[]);
    assert_eq!(run.works().json()["files"], 1);
    assert!(
        run.stderr.contains("went on without the optional source `gh-release:gone`"),
        "{}",
        run.stderr
    );
}
