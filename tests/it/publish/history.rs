//! A branch whose commits are not all wheelsite's: what may go, and what a server lets go.

#![cfg(unix)]

use std::path::Path;

use super::branch::{checkout, git, push_by_hand, repository};
use super::{build, command, publish, some_wheels};
use crate::support::program::tree;
use crate::support::{Run, Workspace};

/// Writes one file.
fn file(name: &'static str, text: &str) -> impl FnOnce(&Path) {
    let text = text.to_owned();
    move |folder: &Path| std::fs::write(folder.join(name), text).expect("writes")
}

/// Every way to publish to a branch is refused, and leaves it as it is.
#[track_caller]
fn is_refused(workspace: &Workspace, target: &str, branch: &str) {
    let remote = workspace.path("remote.git");
    let before = git(&remote, &["rev-parse", branch]);
    let to = format!("{target}#{branch}");
    for more in [&[][..], &["--merge"], &["--dry-run"], &["--merge", "--dry-run"]] {
        let run = Run::of(&mut command(workspace, &[], &[&["--to", &*to], more].concat()));
        let told = format!("#{branch}` has a history besides that of the site");
        run.fails(1, &[&told, "hint: give the site a branch", "one commit of this one"]);
        assert_eq!(git(&remote, &["rev-parse", branch]), before);
    }
}

/// A site with a project more than the branch has.
fn grown(workspace: &Workspace, name: &str) {
    workspace.wheel(&crate::support::Wheel::new(name, "1.0"));
    build(workspace, &[]);
}

#[test]
fn a_site_that_others_have_committed_keeps_the_history_below_it() {
    let workspace = some_wheels();
    let Some(target) = repository(&workspace) else { return };
    build(&workspace, &[]);
    push_by_hand(&workspace, "main", file("code.py", "1"));
    // As those do who copy a built site into a branch and commit it.
    push_by_hand(&workspace, "main", |folder| {
        for (path, bytes) in tree(&workspace.site()) {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().expect("has one")).expect("makes folders");
            std::fs::write(path, bytes).expect("writes");
        }
    });
    push_by_hand(&workspace, "main", file("code.py", "2"));
    grown(&workspace, "delta");
    is_refused(&workspace, &target, "main");
    let remote = workspace.path("remote.git");
    assert_eq!(git(&remote, &["rev-list", "--count", "main"]), "3");
    // One commit of it, as the hint says, is taken.
    let orphan = ["commit-tree", "main^{tree}", "-m", "all"];
    let who = ["-c", "user.name=a", "-c", "user.email=a"];
    let orphan = git(&remote, &[&who[..], &orphan].concat());
    git(&remote, &["update-ref", "refs/heads/main", &orphan]);
    publish(&workspace, &[], &["--to", &format!("{target}#main")]);
    let mut files = checkout(&workspace, "main");
    assert_eq!(files.remove("code.py").as_deref(), Some(&b"2"[..]));
    assert_eq!(files, tree(&workspace.site()));
}

#[test]
fn what_is_committed_on_top_of_a_publication_is_taken_into_the_next() {
    let workspace = some_wheels();
    let Some(target) = repository(&workspace) else { return };
    build(&workspace, &[]);
    let remote = workspace.path("remote.git");
    for merge in [&[][..], &["--merge"]] {
        let to = [&["--to", &*target], merge].concat();
        publish(&workspace, &[], &to);
        // As the settings of a host do it.
        for domain in ["old.example", "wheels.example"] {
            push_by_hand(&workspace, "gh-pages", file("CNAME", domain));
        }
        let name = if merge.is_empty() { "delta" } else { "epsilon" };
        grown(&workspace, name);
        publish(&workspace, &[], &to);
        assert_eq!(git(&remote, &["rev-list", "--count", "gh-pages"]), "1");
        let files = checkout(&workspace, "gh-pages");
        assert_eq!(files["CNAME"], b"wheels.example");
        assert!(files.contains_key(&format!("simple/{name}/index.html")), "{name}");
        git(&remote, &["update-ref", "-d", "refs/heads/gh-pages"]);
    }
}

#[test]
fn work_on_top_of_a_publication_is_not_thrown_away() {
    let workspace = some_wheels();
    let Some(target) = repository(&workspace) else { return };
    build(&workspace, &[]);
    let remote = workspace.path("remote.git");
    // So many commits that somebody works there.
    let commit = |parents: &[&str], text: &str| {
        let who = ["-c", "user.name=a", "-c", "user.email=a"];
        let made = ["commit-tree", "gh-pages^{tree}", "-m", text];
        let parents = parents.iter().flat_map(|parent| ["-p", *parent]);
        let all: Vec<&str> = who.into_iter().chain(made).chain(parents).collect();
        git(&remote, &all)
    };
    publish(&workspace, &[], &["--to", &target]);
    let first = git(&remote, &["rev-parse", "gh-pages"]);
    let mut last = first.clone();
    for number in 0..21 {
        last = commit(&[&last], &number.to_string());
    }
    git(&remote, &["update-ref", "refs/heads/work", &last]);
    git(&remote, &["update-ref", "refs/heads/less", &format!("{last}~1")]);
    // The history of something else.
    let other = commit(&[], "other");
    let joined = commit(&[&first, &other], "joined");
    git(&remote, &["update-ref", "refs/heads/joined", &joined]);
    grown(&workspace, "delta");
    is_refused(&workspace, &target, "work");
    is_refused(&workspace, &target, "joined");
    publish(&workspace, &[], &["--to", &format!("{target}#less")]);
    assert_eq!(git(&remote, &["rev-list", "--count", "less"]), "1");
}

#[test]
fn what_a_repository_never_takes_is_told_with_what_it_must_allow() {
    let workspace = some_wheels();
    let Some(target) = repository(&workspace) else { return };
    build(&workspace, &[]);
    let to = ["--to", &*target];
    publish(&workspace, &[], &to);
    let remote = workspace.path("remote.git");
    git(&remote, &["config", "receive.denyNonFastForwards", "true"]);
    grown(&workspace, "delta");
    let refused = Run::of(&mut command(&workspace, &[], &to));
    refused.fails(3, &["non-fast-forward", "the branch must allow force pushes"]);
    git(&workspace.path(""), &["init", "-q", "--bare", "--object-format=sha256", "other.git"]);
    let other = format!("git+{}", workspace.path("other.git").display());
    let refused = Run::of(&mut command(&workspace, &[], &["--to", &*other]));
    refused.fails(3, &["other.git", "expected SHA-1"]);
}
