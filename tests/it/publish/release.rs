//! The assets of a release, against the stand-in for GitHub.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{build, command, some_wheels};
use crate::support::github::{Asset, Digest, Fault, Faults, Github, Origin, Release, Repository};
use crate::support::{Run, Wheel, Workspace};

pub(super) const REPOSITORY: &str = "octo/wheels";
pub(super) const TO: [&str; 2] = ["--to", "gh-release:v1"];
pub(super) const TOKEN: &str = "tkn-5ecret";

/// An empty repository whose token may write.
pub(super) fn github(releases: Vec<Release>) -> Github {
    let repository = releases.into_iter().fold(Repository::new(REPOSITORY), Repository::release);
    Github::builder().repository(repository).token(TOKEN).start()
}

pub(super) fn run(workspace: &Workspace, github: &Github, arguments: &[&str]) -> Run {
    let mut command = command(workspace, &[], arguments);
    let run = Run::of(github.env_with_token(&mut command, TOKEN).env("WHEELSITE_LOG", "debug"));
    assert!(!run.stderr.contains(TOKEN), "the token is told: {}", run.stderr);
    run
}

/// Names, states and digests of the assets.
pub(super) fn assets(github: &Github) -> BTreeMap<String, (String, String)> {
    let mut found = BTreeMap::new();
    github.edit_release(REPOSITORY, "v1", |release| {
        for asset in &release.assets {
            let digest = asset.content.sha256();
            found.insert(asset.name.clone(), (asset.state.clone(), digest));
        }
    });
    found
}

pub(super) fn uploads(github: &Github) -> usize {
    github.log().iter().filter(|entry| entry.method == "POST").count()
}

fn all_there(github: &Github, workspace: &Workspace) {
    let assets = assets(github);
    assert!(assets.values().all(|(state, _)| state == "uploaded"), "{assets:?}");
    let files = crate::support::program::tree(&workspace.path("site/files"));
    for (path, bytes) in &files {
        let name = path.rsplit('/').next().expect("has a name");
        let digest = Asset::new("x", bytes.clone()).content.sha256();
        assert_eq!(assets.get(name).map(|(_, digest)| digest), Some(&digest), "{name}");
    }
    assert_eq!(assets.len(), files.len() + 1, "{assets:?}");
}

#[test]
fn wheels_sidecars_and_facts_become_assets() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    let github = github(Vec::new());
    let plan = run(&workspace, &github, &[&TO[..], &["--dry-run"]].concat()).works().json();
    assert_eq!(plan["plan"].as_array().map(Vec::len), Some(11));
    assert_eq!(uploads(&github), 0, "a dry run makes nothing");
    run(&workspace, &github, &TO).works();
    all_there(&github, &workspace);
    // The wheels come before what speaks of them.
    let log = github.log();
    let names: Vec<&str> = log
        .iter()
        .filter_map(|entry| entry.path.split_once("assets?name="))
        .map(|it| it.1)
        .collect();
    let place = |end: &str| names.iter().rposition(|name| name.ends_with(end)).expect("is sent");
    assert!(
        place(".whl") < names.iter().position(|it| it.ends_with(".metadata")).expect("is sent")
    );
    assert!(place(".metadata") < place("wheelsite-facts.json"));
    // Nothing new: nothing is sent.
    github.clear_log();
    assert_eq!(run(&workspace, &github, &TO).works().json()["files_sent"], 0);
    assert_eq!(uploads(&github), 0);
    // What is added brings its facts along, and the others stay.
    let more = Workspace::new();
    more.wheel(&Wheel::new("delta", "1.0"));
    build(&more, &[]);
    run(&more, &github, &TO).works();
    assert_eq!(assets(&github).len(), 13);
    github.edit_release(REPOSITORY, "v1", |release| {
        let facts = release.assets.iter().find(|asset| asset.name == "wheelsite-facts.json");
        let content = &facts.expect("is there").content;
        let facts: Value =
            serde_json::from_slice(&content.read(0..content.size())).expect("is JSON");
        assert_eq!(facts["files"].as_object().map(serde_json::Map::len), Some(6), "{facts}");
    });
    // And a build of the release reads no wheel.
    let fresh = Workspace::new();
    let source = ["build", "--format", "json", "--pages", "none", "--source", "gh-release:v1"];
    let mut command = fresh.command(&source);
    let summary = Run::of(github.env(&mut command)).works().json();
    assert_eq!((&summary["files"], &summary["requests"]), (&6.into(), &1.into()), "{summary}");
}

#[test]
fn an_upload_that_broke_off_is_sent_again() {
    for fault in [
        Fault::Status(502),
        Fault::Status(503),
        Fault::Reset,
        Fault::ResetAfter(20),
        Fault::TruncateAfter(20),
    ] {
        let workspace = some_wheels();
        build(&workspace, &[]);
        let github = github(vec![Release::new("v1")]);
        github.faults(Faults::on(Origin::Api, "assets?name=", 1..=4, fault));
        run(&workspace, &github, &TO).works();
        all_there(&github, &workspace);
    }
    // Left by somebody who was killed.
    let workspace = some_wheels();
    build(&workspace, &[]);
    let left = Asset::new("alpha-1.0-py3-none-any.whl", "half").starter();
    let github = github(vec![Release::new("v1").asset(left)]);
    run(&workspace, &github, &TO).works();
    all_there(&github, &workspace);
}

#[test]
fn a_run_that_fails_is_taken_up_by_the_next() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    let github = github(vec![Release::new("v1")]);
    github.faults(Faults::on(Origin::Api, "assets?name=", 4.., Fault::Status(500)));
    let mut command = command(&workspace, &[], &TO);
    let failed =
        Run::of(github.env_with_token(&mut command, TOKEN).env("WHEELSITE_HTTP_RETRIES", "1"));
    failed.fails(3, &["cannot upload", "hint: what is there is whole"]);
    github.faults(Faults::none());
    github.clear_log();
    run(&workspace, &github, &TO).works();
    all_there(&github, &workspace);
    assert!(uploads(&github) < 11, "what is there is not sent again");
}

#[test]
fn nothing_is_ever_given_other_bytes() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    let name = "alpha-1.0-py3-none-any.whl";
    for digest in [Digest::True, Digest::Null] {
        let release = Release::new("v1").asset(Asset::new(name, "others").digest(digest));
        let github = github(vec![release]);
        run(&workspace, &github, &TO)
            .fails(1, &[name, "is in `gh-release:octo/wheels@v1` already"]);
        assert_eq!(uploads(&github), 0, "nothing is sent before all is compared");
    }
    // Somebody else uploads the same name at this moment.
    let github = github(vec![Release::new("v1")]);
    let (asked, is_asked) = std::sync::mpsc::channel();
    github.faults(Faults::by(move |it| {
        let hit = it.path.contains(name) && it.method == "POST" && it.times == 1;
        if hit {
            let _ = asked.send(());
        }
        hit.then_some(Fault::Slow(std::time::Duration::from_secs(1)))
    }));
    std::thread::scope(|scope| {
        let arguments = [&TO[..], &["--jobs", "1"]].concat();
        let (workspace, github) = (&workspace, &github);
        let published = scope.spawn(move || run(workspace, github, &arguments));
        is_asked.recv_timeout(std::time::Duration::from_secs(60)).expect("is sent");
        github.add_asset(REPOSITORY, "v1", Asset::new(name, "others"));
        published.join().expect("ends").fails(1, &[name, "already"]);
    });
    let (_, digest) = &assets(&github)[name];
    assert_eq!(*digest, Asset::new("x", "others").content.sha256());
}

#[test]
fn sidecars_are_added_to_wheels_that_are_there() {
    let wheels =
        [Wheel::new("alpha", "1.0"), Wheel::new("alpha", "1.1"), Wheel::new("beta", "2.0")];
    let release = wheels.iter().fold(Release::new("v1"), |release, wheel| {
        release.asset(Asset::new(wheel.filename(), wheel.bytes()))
    });
    let github = github(vec![release]);
    let workspace = Workspace::new();
    let mut build = workspace.command(&["build", "--source", "gh-release:v1"]);
    assert_eq!(Run::of(github.env(&mut build)).code, Some(0));
    // The site links to the wheels: it has nothing else to give.
    run(&workspace, &github, &TO).fails(2, &["--sidecars-only"]);
    let only = [&TO[..], &["--sidecars-only"]].concat();
    run(&workspace, &github, &only).works();
    let names: Vec<String> = assets(&github).into_keys().collect();
    assert_eq!(names.len(), 7, "{names:?}");
    assert!(names.contains(&"alpha-1.0-py3-none-any.whl.metadata".to_owned()));
    assert!(names.contains(&"wheelsite-facts.json".to_owned()));
    github.clear_log();
    run(&workspace, &github, &only).works();
    assert_eq!(uploads(&github), 0);
    // Now installers are told of them.
    let mut build = workspace.command(&["build", "--source", "gh-release:v1", "--refresh"]);
    assert_eq!(Run::of(github.env(&mut build)).code, Some(0));
    let page: Value = workspace.json("site/simple/alpha/index.v1_json");
    assert!(page["files"][0]["core-metadata"]["sha256"].is_string(), "{page}");
    let missing = ["--to", "gh-release:v2", "--sidecars-only"];
    run(&workspace, &github, &missing).fails(3, &["does not exist", "check the tag"]);
}

#[test]
fn what_github_refuses_is_told_with_what_to_do() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    let github = github(vec![Release::new("v1").with(|release| release.immutable = true)]);
    let mut without = command(&workspace, &[], &TO);
    Run::of(github.env(&mut without)).fails(2, &["without a token", "GITHUB_TOKEN"]);
    run(&workspace, &github, &TO).fails(3, &["422", "immutable"]);
    github.options(|options| options.read_only = true);
    run(&workspace, &github, &TO).fails(3, &["403", "contents: write"]);
    let mut wrong = command(&workspace, &[], &TO);
    let wrong = Run::of(github.env_with_token(&mut wrong, "other"));
    wrong.fails(3, &["401", "the token may be wrong"]);
    run(&workspace, &github, &["--to", "gh-release:v1", "--merge"]).fails(2, &["--merge"]);
    run(&workspace, &github, &["--to", "gh-release:octo/wheels"]).fails(2, &["one release"]);
}

/// The names that `wheelsite-facts.json` knows.
pub(super) fn facts(github: &Github) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    github.edit_release(REPOSITORY, "v1", |release| {
        let facts = release.assets.iter().find(|asset| asset.name == "wheelsite-facts.json");
        let content = &facts.expect("is there").content;
        let facts: Value =
            serde_json::from_slice(&content.read(0..content.size())).expect("is JSON");
        let files = facts["files"].as_object().expect("is an object");
        let name = |file: &Value| file["filename"].as_str().expect("is text").to_owned();
        names.extend(files.values().map(name));
    });
    names
}

/// Facts that are not in their place.
pub(super) fn temporary(github: &Github) -> Vec<String> {
    let names = assets(github).into_keys();
    names.filter(|name| name.ends_with("-wheelsite-facts.json")).collect()
}

/// A site with one wheel.
pub(super) fn one_wheel(name: &str) -> Workspace {
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new(name, "1.0"));
    build(&workspace, &[]);
    workspace
}

#[test]
fn facts_are_not_lost_when_a_run_is_killed_while_it_replaces_them() {
    let [one, other, third] = ["one", "other", "third"].map(one_wheel);
    let github = github(vec![Release::new("v1")]);
    run(&one, &github, &TO).works();
    github.clear_log();
    // After the old ones are gone, and before the new ones have their name.
    github.faults(Faults::by(|it| (it.method == "PATCH").then_some(Fault::Status(500))));
    let mut stopped = command(&other, &[], &TO);
    let mut stopped = github
        .env_with_token(&mut stopped, TOKEN)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("starts");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !github.log().iter().any(|entry| entry.method == "PATCH") {
        assert!(std::time::Instant::now() < deadline, "it renames nothing");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    stopped.kill().expect("is killed");
    stopped.wait().expect("ends");
    assert!(!assets(&github).contains_key("wheelsite-facts.json"));
    assert!(!temporary(&github).is_empty());
    github.faults(Faults::none());
    run(&third, &github, &TO).works();
    let all = ["one", "other", "third"].map(|name| format!("{name}-1.0-py3-none-any.whl"));
    assert_eq!(facts(&github), BTreeSet::from(all.clone()));
    // It might still be at work. Hours later it is not.
    assert!(!temporary(&github).is_empty());
    assert_eq!(run(&third, &github, &TO).works().json()["pages_sent"], 0);
    assert!(!temporary(&github).is_empty());
    github.edit_release(REPOSITORY, "v1", |release| {
        for asset in &mut release.assets {
            "2026-01-01T00:00:00Z".clone_into(&mut asset.created_at);
        }
        let half = Asset::new("0123456789abcdef-wheelsite-facts.json", "{").starter();
        let half = half.with(|asset| "2026-01-01T00:00:00Z".clone_into(&mut asset.created_at));
        let mine = Asset::new("my-wheelsite-facts.json", "mine");
        let mine = mine.with(|asset| "2026-01-01T00:00:00Z".clone_into(&mut asset.created_at));
        let next = release.assets.iter().map(|asset| asset.id).max().unwrap_or(0) + 1000;
        release.assets.push(half.with(|asset| asset.id = next));
        release.assets.push(mine.with(|asset| asset.id = next + 1));
        for asset in &mut release.assets {
            "2026-01-01T00:00:00Z".clone_into(&mut asset.updated_at);
        }
    });
    run(&third, &github, &TO).works();
    assert_eq!(temporary(&github), ["my-wheelsite-facts.json"], "nobody else's is touched");
    assert_eq!(facts(&github), BTreeSet::from(all));
    // An answer that is lost after it was done.
    let last = one_wheel("last");
    github.faults(Faults::by(|it| (it.method == "PATCH").then_some(Fault::ResetAfter(20))));
    run(&last, &github, &TO).works();
    assert_eq!((facts(&github).len(), temporary(&github).len()), (4, 1));
}

#[test]
fn jobs_that_publish_at_once_merge_their_facts() {
    let names = ["a", "b", "c", "d", "e"];
    let jobs = names.map(one_wheel);
    for before in [false, true] {
        let github = github(vec![Release::new("v1")]);
        if before {
            run(&one_wheel("z"), &github, &TO).works();
        }
        // All of them have read the old facts when the first one puts its own in their place.
        github.faults(Faults::by(|it| {
            let is_new = it.method == "POST" && it.path.ends_with("wheelsite-facts.json");
            (is_new && it.times == 1).then_some(Fault::Slow(std::time::Duration::from_millis(300)))
        }));
        std::thread::scope(|scope| {
            for job in &jobs {
                scope.spawn(|| run(job, &github, &TO).works().json());
            }
        });
        assert_eq!(facts(&github).len(), names.len() + usize::from(before));
        assert_eq!(temporary(&github), Vec::<String>::new());
    }
}

#[test]
fn what_is_replaced_counts_once_among_the_assets() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    // Ten files of the site and the facts, of which two are there in some way.
    for (others, texts) in [(989, None), (990, Some("would have 1001 assets"))] {
        let names = (0..others).map(|number| format!("other-{number}.txt"));
        let release =
            names.fold(Release::new("v1"), |release, name| release.asset(Asset::new(&name, "x")));
        let left = Asset::new("alpha-1.0-py3-none-any.whl", "half").starter();
        let old = Asset::new("wheelsite-facts.json", "{}");
        let github = github(vec![release.asset(left).asset(old)]);
        let published = run(&workspace, &github, &TO);
        if let Some(text) = texts {
            published.fails(1, &[text, "hint: publish to several releases"]);
            assert_eq!(uploads(&github), 0);
        } else {
            published.works();
            assert_eq!(assets(&github).len(), 1000);
            assert_eq!(facts(&github).len(), 5);
        }
    }
}

#[test]
fn a_file_that_changes_while_it_is_sent_does_not_stay() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    let github = github(vec![Release::new("v1")]);
    let (asked, is_asked) = std::sync::mpsc::channel();
    github.faults(Faults::by(move |it| {
        let hit = it.path.contains("alpha-1.0-py3-none-any.whl") && it.method == "POST";
        if hit {
            let _ = asked.send(());
        }
        hit.then_some(Fault::Slow(std::time::Duration::from_secs(1)))
    }));
    let files = crate::support::program::tree(&workspace.path("site/files"));
    let path = files.keys().find(|path| path.ends_with("gamma-3-py3-none-any.whl"));
    let path = format!("site/files/{}", path.expect("is there"));
    std::thread::scope(|scope| {
        let arguments = [&TO[..], &["--jobs", "1"]].concat();
        let (workspace, github) = (&workspace, &github);
        let published = scope.spawn(move || run(workspace, github, &arguments));
        is_asked.recv_timeout(std::time::Duration::from_secs(60)).expect("is sent");
        let mut bytes = std::fs::read(workspace.path(&path)).expect("reads");
        bytes[0] ^= 1;
        workspace.write(&path, bytes);
        published.join().expect("ends").fails(1, &["gamma-3-py3-none-any.whl", "was changed"]);
    });
    let there = assets(&github);
    assert!(!there.contains_key("gamma-3-py3-none-any.whl"), "{there:?}");
    assert!(there.contains_key("alpha-1.0-py3-none-any.whl"), "{there:?}");
}
