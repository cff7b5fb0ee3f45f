//! Which assets a release is to have, and what of it is said before anything is sent.

use std::collections::BTreeSet;

use super::release::{REPOSITORY, TO, assets, facts, github, one_wheel, run, temporary, uploads};
use super::{build, some_wheels};
use crate::support::github::{Asset, Digest, Github, Release};
use crate::support::{Run, Wheel, Workspace};

const FACTS: &str = "wheelsite-facts.json";
const QUARANTINE: &str = "projects:\n  gamma:\n    status: quarantined\n";

/// A release with some wheels, of none of which GitHub knows the digest.
fn undigested(wheels: &[Wheel]) -> Github {
    github(vec![wheels.iter().fold(Release::new("v1"), |release, wheel| {
        let asset = Asset::new(wheel.filename(), wheel.bytes());
        release.asset(asset.digest(Digest::Null))
    })])
}

fn names(github: &Github) -> BTreeSet<String> {
    assets(github).into_keys().collect()
}

/// The paths of a plan, with what is done to each.
fn plan(workspace: &Workspace, github: &Github) -> Vec<(String, String)> {
    let report = run(workspace, github, &[&TO[..], &["--dry-run"]].concat()).works().json();
    let steps = report["plan"].as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().expect("is text").to_owned();
    steps.iter().map(|step| (text(&step["action"]), text(&step["path"]))).collect()
}

#[test]
fn nothing_is_told_of_what_the_release_does_not_get() {
    let workspace = some_wheels();
    workspace.write("config/site.yml", QUARANTINE);
    build(&workspace, &["-c", "config/site.yml"]);
    let gamma = "gamma-3-py3-none-any.whl";
    // Whoever has put it there keeps it.
    let there =
        Asset::new(gamma, std::fs::read(workspace.path("wheels").join(gamma)).expect(gamma));
    for release in [Release::new("v1"), Release::new("v1").asset(there)] {
        let github = github(vec![release]);
        let before = names(&github);
        run(&workspace, &github, &TO).works();
        let new: BTreeSet<String> = names(&github).difference(&before).cloned().collect();
        assert_eq!(new.len(), 9, "{new:?}");
        assert!(!new.iter().any(|name| name.starts_with("gamma")), "{new:?}");
        assert!(!facts(&github).contains(gamma));
        assert_eq!(plan(&workspace, &github), []);
    }
    // Beside what it carries, the site links to the wheels of another release.
    let wheel = Wheel::new("linked", "1.0");
    let other = Release::new("v0").asset(Asset::new(wheel.filename(), wheel.bytes()));
    let github = github(vec![other]);
    let site = Workspace::new();
    site.wheel(&Wheel::new("carried", "1.0"));
    let sources = ["build", "--source", "wheels", "--source", "gh-release:v0"];
    let built = Run::of(github.env(&mut site.command(&sources)));
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    assert!(site.read("site/simple/linked/index.html").contains("releases/download/v0"));
    run(&site, &github, &TO).works();
    let carried = "carried-1.0-py3-none-any.whl".to_owned();
    let all = [carried.clone(), format!("{carried}.metadata"), FACTS.to_owned()];
    assert_eq!(names(&github), BTreeSet::from(all));
    assert_eq!(facts(&github), BTreeSet::from([carried]));
}

#[test]
fn sidecars_are_added_to_wheels_of_which_github_knows_no_digest() {
    let wheels = [Wheel::new("alpha", "1.0"), Wheel::new("beta", "2.0")];
    let github = undigested(&wheels);
    let workspace = Workspace::new();
    let source = ["build", "--source", "gh-release:v1", "--files", "copy"];
    let built = Run::of(github.env(&mut workspace.command(&source)));
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    let only = [&TO[..], &["--sidecars-only"]].concat();
    let published = run(&workspace, &github, &only);
    published.works();
    assert!(published.stderr.contains("knows no digest of 2 files"), "{}", published.stderr);
    let sidecars = wheels.iter().map(|wheel| format!("{}.metadata", wheel.filename()));
    let expected: BTreeSet<String> = wheels
        .iter()
        .map(|wheel| wheel.filename().to_owned())
        .chain(sidecars)
        .chain([FACTS.to_owned()])
        .collect();
    assert_eq!(names(&github), expected);
    assert_eq!(facts(&github).len(), 2);
    github.clear_log();
    assert_eq!(run(&workspace, &github, &only).works().json()["files_sent"], 0);
    assert_eq!(uploads(&github), 0);
    // Others of these names have another size.
    let others = wheels.map(|wheel| wheel.file("more.py", b"1"));
    run(&workspace, &undigested(&others), &only).fails(1, &["has no file of the site", "hint:"]);
}

#[test]
fn facts_of_wheels_stay_of_which_github_knows_no_digest() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    let github = github(vec![Release::new("v1")]);
    run(&workspace, &github, &TO).works();
    let forget = || {
        github.edit_release(REPOSITORY, "v1", |release| {
            release.assets.iter_mut().for_each(|asset| asset.digest = Digest::Null);
        });
    };
    forget();
    let delta = one_wheel("delta");
    run(&delta, &github, &TO).works();
    let told = facts(&github);
    assert_eq!(told.len(), 6, "{told:?}");
    // What is there as it should be is not replaced because its digest is unknown.
    forget();
    assert_eq!(plan(&delta, &github), []);
    // Another file of the same name is another one.
    github.edit_release(REPOSITORY, "v1", |release| {
        let gamma = release.assets.iter_mut().find(|it| it.name == "gamma-3-py3-none-any.whl");
        gamma.expect("is there").listed_size = Some(1);
    });
    run(&one_wheel("epsilon"), &github, &TO).works();
    let left = facts(&github);
    assert!(!left.contains("gamma-3-py3-none-any.whl"), "{left:?}");
    assert_eq!(left.len(), 6, "{left:?}");
}

#[test]
fn a_dry_run_tells_what_is_removed() {
    let workspace = some_wheels();
    build(&workspace, &[]);
    let old =
        |asset: Asset| asset.with(|asset| "2026-01-01T00:00:00Z".clone_into(&mut asset.created_at));
    let starters = ["alpha-1.0-py3-none-any.whl", "gamma-3-py3-none-any.whl.metadata"];
    let left = "0123456789abcdef-wheelsite-facts.json";
    let release = starters.iter().fold(Release::new("v1"), |release, name| {
        release.asset(Asset::new(name, "half").starter())
    });
    let release = release.asset(old(Asset::new(left, "{").starter()));
    let github = github(vec![release.asset(Asset::new("other.txt", "theirs"))]);
    let planned = plan(&workspace, &github);
    let place = |action: &str, name: &str| {
        let step = (action.to_owned(), name.to_owned());
        planned.iter().position(|it| *it == step).unwrap_or_else(|| panic!("{step:?} is missing"))
    };
    for name in starters {
        assert_eq!(place("delete", name) + 1, place("send", name), "{planned:?}");
    }
    assert!(place("delete", left) > place("send", FACTS), "{planned:?}");
    assert_eq!(planned.iter().filter(|(action, _)| action == "delete").count(), 3, "{planned:?}");
    github.clear_log();
    let published = run(&workspace, &github, &TO).works().json();
    assert_eq!(published["deleted"], 3, "{published}");
    assert_eq!(temporary(&github), Vec::<String>::new());
    assert_eq!(names(&github).len(), 12);
    assert_eq!(plan(&workspace, &github), []);
    // What only is removed is told, too.
    github.add_asset(REPOSITORY, "v1", old(Asset::new(left, "{").starter()));
    assert_eq!(plan(&workspace, &github), [("delete".to_owned(), left.to_owned())]);
    let published = run(&workspace, &github, &TO).works().json();
    let counts = ["deleted", "pages_sent", "bytes_sent"].map(|name| published[name].clone());
    assert_eq!(counts, [1, 0, 0], "{published}");
}

#[test]
fn a_name_that_github_would_change_is_refused_before_anything_is_sent() {
    let workspace = some_wheels();
    workspace.wheel(&Wheel::new("demo", "1!2.0"));
    build(&workspace, &[]);
    let github = github(vec![Release::new("v1")]);
    for dry in [&[][..], &["--dry-run"]] {
        let refused = run(&workspace, &github, &[&TO[..], dry].concat());
        let told = "`demo-1!2.0-py3-none-any.whl` cannot be in `gh-release:octo/wheels@v1`";
        refused.fails(1, &[told, "puts a `.` in the place of `!`", "hint: publish it to a bucket"]);
        assert_eq!(uploads(&github), 0);
    }
    // The local version of `beta` has a `+`, which stays.
    std::fs::remove_file(workspace.path("wheels/demo-1!2.0-py3-none-any.whl")).expect("removes");
    build(&workspace, &[]);
    run(&workspace, &github, &TO).works();
    assert!(names(&github).contains("beta-1.0+cu126-py3-none-any.whl"));
}
