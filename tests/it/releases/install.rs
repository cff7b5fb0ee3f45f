//! pip and uv install from the site that a release makes.

use super::{asset, build, files, one_release, only_file, release};
use crate::support::Wheel;
use crate::support::clients::{CLIENTS, Index};
use crate::support::github::{Asset, Digest, Github, Release, Repository};

/// The METADATA of a wheel, as its sidecar holds it.
fn sidecar(wheel: &Wheel, metadata: &str) -> Asset {
    Asset::new(&format!("{}.metadata", wheel.filename()), metadata)
}

#[test]
fn a_release_is_installed_from_with_its_hashes() {
    let Some(index) = Index::new() else { return };
    let dependency = Wheel::new("dependency", "2.0+cu128");
    let demo = Wheel::new("demo", "1.0").header("Requires-Dist: dependency");
    let github = Github::with(one_release(&[demo.clone(), dependency]));
    let run = build(&index.workspace, &github, &["--source", "gh-release:v1"]);
    assert_eq!(run.works().json()["files"], 2);
    let file = only_file(&index.workspace, "dependency");
    let url = file["url"].as_str().expect("is text");
    assert!(url.starts_with(&github.url(crate::support::github::Origin::Web)), "{url}");
    assert!(url.ends_with("dependency-2.0%2Bcu128-py3-none-any.whl"), "{url}");
    assert!(file["upload-time"].as_str().is_some_and(|time| time.ends_with('Z')), "{file}");
    assert!(file.get("core-metadata").is_none(), "GitHub serves no sidecar: {file}");
    let served = index.serve();
    for client in CLIENTS {
        let installed = index.install(client, &served.index(), &["demo"]);
        installed.has(&["demo==1.0", "dependency==2.0+cu128"]);
        installed.runs(&index, "import demo, dependency");
    }
}

#[test]
fn a_sidecar_asset_is_advertised_when_it_is_the_wheels_own() {
    let Some(index) = Index::new() else { return };
    let metadata = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n";
    let demo = Wheel::new("demo", "1.0").metadata(metadata.as_bytes());
    let other = Wheel::new("other", "1.0");
    let github = Github::with(
        Repository::new(super::REPOSITORY).release(
            Release::new("v1")
                .asset(asset(&demo))
                .asset(sidecar(&demo, metadata).digest(Digest::Null))
                .asset(asset(&other))
                .asset(sidecar(&other, "Metadata-Version: 2.1\nName: other\nVersion: 9\n")),
        ),
    );
    let run = build(&index.workspace, &github, &["--source", "gh-release:v1"]);
    run.works();
    assert!(run.stderr.contains("sidecar-unused"), "{}", run.stderr);
    assert!(only_file(&index.workspace, "other").get("core-metadata").is_none());
    let advertised = only_file(&index.workspace, "demo")["core-metadata"]["sha256"].clone();
    assert_eq!(advertised, sha256(metadata.as_bytes()));
    let served = index.serve();
    for client in CLIENTS {
        github.clear_log();
        index.install(client, &served.index(), &["demo"]).has(&["demo==1.0"]);
        let log = github.log();
        assert!(log.iter().any(|entry| entry.path.contains(".whl.metadata")), "{log:?}");
    }
}

#[test]
fn wheels_can_be_carried_instead_of_linked() {
    let Some(index) = Index::new() else { return };
    let github = Github::with(one_release(&[Wheel::new("demo", "1.0")]));
    let run = build(&index.workspace, &github, &["--source", "gh-release:v1", "--files", "copy"]);
    assert_eq!(run.works().json()["files_placed"], 1);
    let served = index.serve();
    github.clear_log();
    for client in CLIENTS {
        index.install(client, &served.index(), &["demo"]).has(&["demo==1.0"]);
    }
    assert_eq!(github.log().len(), 0, "installers need the site alone");
    // What is there already is not fetched again.
    github.clear_log();
    let run = build(&index.workspace, &github, &["--source", "gh-release:v1", "--files", "copy"]);
    assert_eq!(run.works().json()["files_placed"], 0);
    assert_eq!(super::downloads(&github).len(), 0);
}

#[test]
fn sources_are_mixed_and_conflicts_named() {
    let Some(index) = Index::new() else { return };
    let same = Wheel::new("same", "1.0");
    let github = Github::with(one_release(&[same.clone(), Wheel::new("theirs", "1.0")]));
    index.workspace.wheel(&same);
    index.workspace.wheel(&Wheel::new("ours", "1.0"));
    let mixed = ["--source", "dir:wheels", "--source", "gh-release:v1"];
    assert_eq!(build(&index.workspace, &github, &mixed).works().json()["files"], 3);
    let served = index.serve();
    for client in CLIENTS {
        let installed = index.install(client, &served.index(), &["same", "theirs", "ours"]);
        installed.has(&["same==1.0", "theirs==1.0", "ours==1.0"]);
    }
    index.workspace.wheel(&Wheel::new("theirs", "1.0").file("more.py", b""));
    build(&index.workspace, &github, &mixed).fails(
        1,
        &["theirs-1.0-py3-none-any.whl", "two places", "octo/wheels@v1/", "--on-conflict"],
    );
}

#[test]
fn all_releases_of_a_repository_make_one_index() {
    let Some(index) = Index::new() else { return };
    let wheel = |version: &str| Wheel::new("demo", version);
    let github = Github::with(
        Repository::new(super::REPOSITORY)
            .release(release("v1", &[wheel("1.0")]))
            .release(release("v2", &[wheel("2.0")]))
            .release(release("v3-rc", &[wheel("3.0rc1")]).prerelease())
            .release(release("draft", &[wheel("4.0")]).draft()),
    );
    let run = build(&index.workspace, &github, &["--source", "gh-release:octo/wheels"]);
    run.works();
    assert_eq!(files(&index.workspace, "demo").len(), 2);
    let served = index.serve();
    for client in CLIENTS {
        index.install(client, &served.index(), &["demo==1.0"]).has(&["demo==1.0"]);
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}
