//! Private repositories, tokens and signatures.

use std::sync::Arc;

use super::{REPOSITORY, build, build_with, files, release, wheel_downloads};
use crate::support::github::{Asset, Github, Origin, Release, Repository};
use crate::support::synthetic::SyntheticWheel;
use crate::support::{Run, Wheel, Workspace, program};

const TOKEN: &str = "ghp_a-token-that-nobody-may-see";

fn private() -> Github {
    let wheels = [Wheel::new("demo", "1.0"), Wheel::new("other", "1.0")];
    let repository = Repository::new(REPOSITORY).private(TOKEN).release(release("v1", &wheels));
    Github::with(repository)
}

/// Expects that neither the output, nor the site, nor the cache tells a secret.
#[track_caller]
fn keeps_secrets(workspace: &Workspace, github: &Github, run: &Run) {
    let mut secrets = vec![TOKEN.to_owned()];
    let signed = github.log().into_iter().filter(|entry| entry.origin == Origin::Blob);
    secrets.extend(signed.filter_map(|entry| {
        let (_, signature) = entry.path.split_once("sig=")?;
        Some(signature.split('&').next()?.to_owned())
    }));
    assert!(secrets.len() > 1, "something was downloaded");
    let mut texts = vec![run.stdout.clone().into_bytes(), run.stderr.clone().into_bytes()];
    for folder in ["site", "cache"] {
        texts.extend(program::tree(&workspace.path(folder)).into_values());
    }
    for secret in &secrets {
        let secret = secret.as_bytes();
        let holds = |text: &Vec<u8>| text.windows(secret.len()).any(|window| window == secret);
        assert!(!texts.iter().any(holds), "a secret is told");
    }
}

#[test]
fn a_private_repository_is_carried_or_refused() {
    let github = private();
    let workspace = Workspace::new();
    let source = ["--source", "gh-release:v1"];
    build(&workspace, &github, &source).fails(3, &["has no release `v1`", "GITHUB_TOKEN"]);
    build_with(&workspace, &github, TOKEN, &source).fails(2, &["has no URL", "--files copy"]);
    assert_eq!(wheel_downloads(&github).len(), 0, "it is known before anything is read");
    let run = build_with(&workspace, &github, TOKEN, &[&source[..], &["--files", "copy"]].concat());
    assert_eq!(run.works().json()["files_placed"], 2);
    let page = workspace.json("site/simple/demo/index.v1_json");
    let url = page["files"][0]["url"].as_str().expect("is text");
    assert!(workspace.path("site/simple/demo").join(url).is_file(), "{url}");
}

#[test]
fn the_token_goes_to_the_api_and_nowhere_else() {
    let github = private();
    for direct in [false, true] {
        github.options(|options| options.direct_assets = direct);
        let workspace = Workspace::new();
        github.clear_log();
        let all = ["--source", "gh-release:v1", "--files", "copy", "--verbose"];
        let mut command = workspace.command(&[&["build"], &all[..]].concat());
        let run = Run::of(github.env_with_token(&mut command, TOKEN).env("WHEELSITE_LOG", "trace"));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let log = github.log();
        for entry in &log {
            assert_eq!(entry.authorized, entry.origin == Origin::Api, "{entry:?}");
        }
        if direct {
            assert!(!run.stderr.contains(TOKEN), "the token is told");
        } else {
            keeps_secrets(&workspace, &github, &run);
        }
    }
}

#[test]
fn a_wrong_token_is_named() {
    let github = private();
    let workspace = Workspace::new();
    let run = build_with(&workspace, &github, "wrong-token", &["--source", "gh-release:v1"]);
    run.fails(3, &["401 Bad credentials", "GITHUB_TOKEN"]);
    assert!(!run.stderr.contains("wrong-token"), "{}", run.stderr);
}

#[test]
fn a_public_repository_is_read_without_using_up_the_api() {
    let github = Github::builder()
        .repository(super::one_release(&[Wheel::new("demo", "1.0")]))
        .token("good")
        .start();
    let workspace = Workspace::new();
    build_with(&workspace, &github, "good", &["--source", "gh-release:v1"]).works();
    let log = github.log();
    assert!(!log.iter().any(|entry| entry.octet_stream), "{log:?}");
    assert!(log.iter().all(|entry| entry.origin == Origin::Api || !entry.authorized), "{log:?}");
    assert_eq!(files(&workspace, "demo").len(), 1);
}

/// A wheel that takes several requests.
fn large() -> Asset {
    let wheel = Arc::new(SyntheticWheel::new("large", "1.0", 8 << 20, 500));
    Asset::of(wheel.filename(), wheel.clone())
}

#[test]
fn a_signed_url_is_used_while_it_lives_and_got_anew_afterwards() {
    let repository = Repository::new(REPOSITORY).release(Release::new("v1").asset(large()));
    let github = Github::with(repository);
    let source = ["--source", "gh-release:v1"];
    build(&Workspace::new(), &github, &source).works();
    let redirects = |github: &Github| {
        github
            .log()
            .iter()
            .filter(|entry| entry.origin == Origin::Web && entry.status == 302)
            .count()
    };
    assert_eq!(redirects(&github), 1, "{:?}", github.log());
    github.clear_log();
    github.options(|options| options.signature_uses = 1);
    let workspace = Workspace::new();
    let run = build(&workspace, &github, &source);
    assert_eq!(run.works().json()["files"], 1);
    assert!(redirects(&github) > 1);
    keeps_secrets(&workspace, &github, &run);
}
