//! What is listed: specs, selections, pages, and listings that are cut short.

use super::{REPOSITORY, asset, build, build_with, files, one_release, release};
use crate::support::github::{Asset, Cut, Github, List, Release, Repository};
use crate::support::{Wheel, Workspace};

fn wheel(version: usize) -> Wheel {
    Wheel::new("demo", &version.to_string())
}

/// A repository with so many releases of one wheel each.
fn many_releases(count: usize) -> Repository {
    (1..=count).fold(Repository::new(REPOSITORY), |repository, version| {
        repository.release(release(&format!("v{version}"), &[wheel(version)]))
    })
}

/// One release with so many source distributions, which need not be opened.
fn many_assets(count: usize) -> Repository {
    let release = (1..=count).fold(Release::new("v1"), |release, version| {
        release.asset(Asset::new(&format!("demo-{version}.tar.gz"), version.to_string()))
    });
    Repository::new(REPOSITORY).release(release)
}

#[test]
fn every_way_to_name_a_release() {
    let github = Github::with(
        Repository::new(REPOSITORY)
            .release(release("v1", &[wheel(1)]))
            .release(release("cuda/12.8+x", &[wheel(2)]))
            .release(release("v3", &[wheel(3)]))
            .release(release("v4-rc", &[wheel(4)]).prerelease()),
    );
    for (spec, version) in [
        ("gh-release:v1", 1),
        ("gh-release:@v1", 1),
        ("gh-release:@cuda/12.8+x", 2),
        ("gh-release:octo/wheels@cuda/12.8+x", 2),
        ("gh-release:OCTO/wheels@v1", 1),
        ("gh-release:latest", 3),
        ("gh-release:octo/wheels@latest", 3),
        // One that is named is taken, whatever it is.
        ("gh-release:v4-rc", 4),
    ] {
        let workspace = Workspace::new();
        build(&workspace, &github, &["--source", spec]).works();
        assert_eq!(files(&workspace, "demo"), [wheel(version).filename()], "{spec}");
    }
}

#[test]
fn a_tag_that_is_called_latest_is_that_tag() {
    let github = Github::with(
        Repository::new(REPOSITORY)
            .release(release("latest", &[wheel(1)]))
            .release(release("v2", &[wheel(2)])),
    );
    let workspace = Workspace::new();
    build(&workspace, &github, &["--source", "gh-release:latest"]).works();
    assert_eq!(files(&workspace, "demo"), [wheel(1).filename()]);
}

#[test]
fn what_does_not_exist_is_named() {
    let workspace = Workspace::new();
    let github = Github::with(one_release(&[wheel(1)]));
    for (spec, text) in [
        ("gh-release:v9", "`octo/wheels` has no release `v9`"),
        ("gh-release:octo/nothing@v1", "`octo/nothing` has no release `v1`"),
        ("gh-release:octo/nothing", "`octo/nothing` has no releases"),
    ] {
        build(&workspace, &github, &["--source", spec]).fails(3, &[text, "GITHUB_TOKEN"]);
    }
    let mut command = workspace.command(&["build", "--source", "gh-release:v1"]);
    let run = crate::support::Run::of(github.env(&mut command).env_remove("GITHUB_REPOSITORY"));
    run.fails(2, &["names no repository", "GITHUB_REPOSITORY"]);
}

#[test]
fn the_configuration_names_the_repository_and_selects() {
    let github = Github::with(Repository::new("someone/else").release(Release::new("v1")));
    github.add_release(
        "someone/else",
        release("v2026", &[Wheel::new("demo", "1.0"), Wheel::new("other", "1.0")]),
    );
    github.add_release("someone/else", release("old", &[Wheel::new("demo", "0.1")]));
    github.add_release(
        "someone/else",
        release("v2026-rc", &[Wheel::new("demo", "2.0rc1")]).prerelease(),
    );
    let workspace = Workspace::new();
    workspace.write(
        "config/site.yml",
        "repository: octo/none\nsources:\n  - source: gh-release:someone/else\n    tags: ['v2026*']\n    \
         prereleases: true\n    include: ['demo-*']\n    exclude: ['*rc1*']\n",
    );
    build(&workspace, &github, &[]).works();
    assert_eq!(files(&workspace, "demo"), ["demo-1.0-py3-none-any.whl"]);
    assert!(!workspace.path("site/simple/other").exists());
    // Flags choose for the sources that they come with.
    let flags = ["--source", "gh-release:someone/else", "--prereleases", "--include", "demo-*"];
    build(&workspace, &github, &[&flags[..], &["--output", "second"]].concat()).works();
    let page = workspace.json("second/simple/demo/index.v1_json");
    assert_eq!(page["files"].as_array().map(Vec::len), Some(3), "{page}");
    build(&workspace, &github, &["--source", "gh-release:v1", "--drafts"])
        .fails(2, &["`--drafts`", "all releases"]);
}

#[test]
fn drafts_are_taken_by_choice_and_carried() {
    let github = Github::builder()
        .repository(one_release(&[wheel(1)]).release(release("next", &[wheel(2)]).draft()))
        .token("good")
        .start();
    let workspace = Workspace::new();
    let all = ["--source", "gh-release:octo/wheels", "--drafts"];
    build_with(&workspace, &github, "good", &all).fails(2, &["has no URL", "--files copy"]);
    let run = build_with(&workspace, &github, "good", &[&all[..], &["--files", "copy"]].concat());
    assert_eq!(run.works().json()["files"], 2);
}

#[test]
fn only_what_is_uploaded_is_listed() {
    let mut release = release("v1", &[wheel(1)]);
    release = release
        .asset(asset(&wheel(2)).starter())
        .asset(Asset::new("notes.txt", "notes"))
        .asset(Asset::new("source.zip", "no sdist"));
    let github = Github::with(Repository::new(REPOSITORY).release(release));
    let workspace = Workspace::new();
    let run = build(&workspace, &github, &["--source", "gh-release:v1"]);
    run.works();
    assert_eq!(files(&workspace, "demo"), [wheel(1).filename()]);
    assert!(run.stderr.contains("its upload is not finished"), "{}", run.stderr);
    assert!(!run.stderr.contains("notes.txt"), "{}", run.stderr);
}

#[test]
fn past_a_thousand_releases_and_up_to_a_thousand_assets() {
    let github = Github::with(many_releases(1_050));
    let workspace = Workspace::new();
    let run = build(&workspace, &github, &["--source", "gh-release:octo/wheels"]);
    assert_eq!(run.works().json()["files"], 1_050);
    let github = Github::with(many_assets(1_000));
    let workspace = Workspace::new();
    let run = build(&workspace, &github, &["--source", "gh-release:v1"]);
    assert_eq!(run.works().json()["files"], 1_000);
}

#[test]
fn assets_that_a_release_does_not_show_are_asked_for() {
    let github = Github::with(many_assets(130));
    let workspace = Workspace::new();
    for shown in [30, 100] {
        github.options(|options| options.embedded_assets = shown);
        let run = build(&workspace, &github, &["--source", "gh-release:octo/wheels"]);
        assert_eq!(run.works().json()["files"], 130, "{shown} shown");
    }
}

#[test]
fn a_listing_that_is_cut_short_makes_no_shorter_index() {
    for (list, repository, spec) in [
        (List::Releases, many_releases(250), "gh-release:octo/wheels"),
        (List::Assets, many_assets(250), "gh-release:v1"),
    ] {
        let github = Github::with(repository);
        let workspace = Workspace::new();
        build(&workspace, &github, &["--source", spec]).works();
        let before = crate::support::program::tree(&workspace.site());
        for cut in
            [Cut::Refused(1), Cut::Refused(2), Cut::Silent(1), Cut::Silent(2), Cut::KeepsLast(1)]
        {
            github.options(|options| options.cut = Some((list, cut)));
            // An answer that is remembered is whole.
            std::fs::remove_dir_all(workspace.path("cache")).expect("removes");
            let run = build(&workspace, &github, &["--source", spec, "--allow-removals"]);
            run.fails(3, &["cuts the listing", "hint"]);
            assert!(before == crate::support::program::tree(&workspace.site()), "{cut:?}");
        }
    }
}

#[test]
fn enterprise_servers_have_their_api_elsewhere() {
    let github = Github::builder().repository(one_release(&[wheel(1)])).prefix("/api/v3").start();
    let workspace = Workspace::new();
    build(&workspace, &github, &["--source", "gh-release:v1"]).works();
    assert_eq!(files(&workspace, "demo"), [wheel(1).filename()]);
}
