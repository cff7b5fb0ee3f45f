//! A branch of a repository: one commit, and nobody's is overwritten.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{build, command, publish, some_wheels};
use crate::support::clients::{CLIENTS, Index};
use crate::support::program::tree;
use crate::support::reader::Reader;
use crate::support::tools::has_program;
use crate::support::{Run, Wheel, Workspace};

pub(super) fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null");
    let run = Run::of(&mut command);
    assert_eq!(run.code, Some(0), "{arguments:?}: {}", run.stderr);
    run.stdout.trim().to_owned()
}

/// A bare repository, and the target that it is.
pub(super) fn repository(workspace: &Workspace) -> Option<String> {
    if !has_program("git") {
        return None;
    }
    git(&workspace.path(""), &["init", "--quiet", "--bare", "remote.git"]);
    Some(format!("git+{}", workspace.path("remote.git").display()))
}

/// What a branch has.
pub(super) fn checkout(workspace: &Workspace, branch: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = workspace.path("checkout");
    let _ = std::fs::remove_dir_all(&folder);
    let remote = workspace.path("remote.git");
    let remote = remote.to_str().expect("is UTF-8");
    let folder_name = folder.to_str().expect("is UTF-8").to_owned();
    git(&workspace.path(""), &["clone", "--quiet", "--branch", branch, remote, &folder_name]);
    std::fs::remove_dir_all(folder.join(".git")).expect("removes");
    tree(&folder)
}

#[test]
fn a_branch_has_one_commit_with_the_site_and_nothing_else() {
    let Some(index) = Index::new() else { return };
    let workspace = &index.workspace;
    let Some(target) = repository(workspace) else { return };
    workspace.wheel(&Wheel::new("demo", "1.0"));
    workspace.wheel(&Wheel::new("other", "1.0").header("Requires-Dist: demo"));
    build(workspace, &[]);
    let to = ["--to", &*target];
    publish(workspace, &[], &to);
    assert_eq!(checkout(workspace, "gh-pages"), tree(&workspace.site()));
    assert!(checkout(workspace, "gh-pages").contains_key(".nojekyll"));
    // The same site makes the same commit.
    let remote = workspace.path("remote.git");
    let first = git(&remote, &["rev-parse", "gh-pages"]);
    assert_eq!(publish(workspace, &[], &to)["pages_sent"], 0);
    assert_eq!(git(&remote, &["rev-parse", "gh-pages"]), first);
    // Another one has no history either.
    workspace.wheel(&Wheel::new("demo", "2.0"));
    build(workspace, &[]);
    let plan = publish(workspace, &[], &[&to[..], &["--dry-run"]].concat());
    assert!(plan["plan"].as_array().is_some_and(|plan| !plan.is_empty()));
    assert_eq!(git(&remote, &["rev-parse", "gh-pages"]), first);
    publish(workspace, &[], &to);
    assert_ne!(git(&remote, &["rev-parse", "gh-pages"]), first);
    assert_eq!(git(&remote, &["rev-list", "--count", "gh-pages"]), "1");
    let named = format!("{target}#pages/live");
    publish(workspace, &[], &["--to", &named, "--host", "github-pages"]);
    let files = checkout(workspace, "pages/live");
    assert!(!files.keys().any(|path| path.ends_with("v1_json")));
    // What is checked out is an index.
    let url = url::Url::from_directory_path(workspace.path("checkout/simple")).expect("is a path");
    for client in CLIENTS {
        index.install(client, url.as_str(), &["other"]).has(&["demo==2.0", "other==1.0"]);
    }
}

#[test]
fn merges_into_a_branch_lose_no_wheel() {
    let workspace = some_wheels();
    let Some(target) = repository(&workspace) else { return };
    build(&workspace, &[]);
    let to = ["--to", &*target, "--merge"];
    publish(&workspace, &[], &to);
    let others: Vec<Workspace> = (0..4)
        .map(|number| {
            let other = Workspace::new();
            other.wheel(&Wheel::new("gamma", &format!("5.{number}")));
            build(&other, &[]);
            other
        })
        .collect();
    std::thread::scope(|scope| {
        for other in &others {
            scope.spawn(|| publish(other, &[], &to));
        }
    });
    checkout(&workspace, "gh-pages");
    let seen = Reader::folder(&workspace.path("checkout")).check().expect("is whole");
    assert_eq!(seen.keys().filter(|name| name.starts_with("gamma")).count(), 5, "{seen:?}");
    let remote = workspace.path("remote.git");
    assert_eq!(git(&remote, &["rev-list", "--count", "gh-pages"]), "1");
    assert_eq!(publish(&workspace, &[], &to)["pages_sent"], 0);
}

#[test]
fn a_branch_that_moved_meanwhile_is_left_alone() {
    let workspace = some_wheels();
    let Some(target) = repository(&workspace) else { return };
    build(&workspace, &[]);
    let remote = workspace.path("remote.git");
    // Somebody pushes between the look at the branch and the push.
    let hook = remote.join("hooks/update");
    let script = "#!/bin/sh\nmkdir moved 2>/dev/null || exit 0\n\
        tree=$(git mktree </dev/null)\n\
        commit=$(GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a \
        git commit-tree $tree -m theirs)\n\
        unset GIT_QUARANTINE_PATH\ngit update-ref refs/heads/gh-pages $commit\nexit 0\n";
    std::fs::create_dir_all(remote.join("hooks")).expect("makes a folder");
    std::fs::write(&hook, script).expect("writes");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("sets");
    }
    let run = Run::of(&mut command(&workspace, &[], &["--to", &target]));
    let theirs = git(&remote, &["log", "-1", "--format=%s", "gh-pages"]);
    assert_eq!(theirs, "theirs", "{}", run.stderr);
    run.fails(4, &["another publisher is writing", "the branch has moved"]);
    // On top of it, it is published.
    publish(&workspace, &[], &["--to", &target]);
    assert_eq!(checkout(&workspace, "gh-pages"), tree(&workspace.site()));
}

#[test]
fn what_git_refuses_is_told_without_secrets() {
    let workspace = some_wheels();
    if !has_program("git") {
        return;
    }
    build(&workspace, &[]);
    let fails = |target: &str, code, texts: &[&str]| {
        let run = Run::of(&mut command(&workspace, &[], &["--to", target]));
        run.fails(code, texts);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    };
    let nowhere = format!("git+{}", workspace.path("nowhere.git").display());
    fails(&nowhere, 3, &["nowhere.git", "hint: check the URL"]);
    fails("git+https://me:hunter2@127.0.0.1:9/r.git", 3, &["https://127.0.0.1:9/r.git", "hint:"]);
    fails("git+--upload-pack=touch", 2, &["expected `git+https://"]);
    fails("git+ext::sh -c true", 2, &["expected"]);
    fails("git+/x#a..b", 2, &["branch"]);
    fails("git+/x#HEAD", 2, &["branch"]);
    fails("git+/x#refs/heads/a", 2, &["without `refs/heads/`, as in `#a`"]);
    let run = Run::of(&mut command(&workspace, &[], &["--to", "git+/x", "--grace", "1d"]));
    run.fails(2, &["no use for `--grace`"]);
}

/// Commits something to a branch as people do, on top of what it has.
#[cfg(unix)]
pub(super) fn push_by_hand(workspace: &Workspace, branch: &str, fill: impl FnOnce(&Path)) {
    let folder = workspace.path("by-hand");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("makes a folder");
    git(&folder, &["init", "--quiet", "--initial-branch", branch]);
    git(&folder, &["config", "core.autocrlf", "false"]);
    let remote = workspace.path("remote.git");
    let remote = remote.to_str().expect("is UTF-8");
    if !git(&folder, &["ls-remote", remote, branch]).is_empty() {
        // Whatever the attributes there say, the bytes stay.
        std::fs::write(
            folder.join(".git/info/attributes"),
            "* -text -ident -filter -working-tree-encoding\n",
        )
        .expect("writes");
        git(&folder, &["pull", "--quiet", remote, branch]);
    }
    fill(&folder);
    git(&folder, &["add", "--all", "--force"]);
    let who = ["-c", "user.name=a", "-c", "user.email=a"];
    git(&folder, &[&who[..], &["commit", "--quiet", "-m", "theirs"]].concat());
    git(&folder, &["push", "--quiet", remote, &format!("HEAD:{branch}")]);
}

/// Modes and blobs of a branch, by path as `git` quotes it.
fn listing(workspace: &Workspace, branch: &str) -> BTreeMap<String, String> {
    let listed = git(&workspace.path("remote.git"), &["ls-tree", "-r", branch]);
    let lines = listed.lines().filter_map(|line| line.split_once('\t'));
    lines.map(|(entry, path)| (path.to_owned(), entry.to_owned())).collect()
}

/// The paths of a plan, with what is done to them.
pub(super) fn plan(workspace: &Workspace, arguments: &[&str]) -> BTreeSet<(String, String)> {
    let report = publish(workspace, &[], &[arguments, &["--dry-run"]].concat());
    let steps = report["plan"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().expect("is text").to_owned();
    steps.iter().map(|step| (text(&step["action"]), text(&step["path"]))).collect()
}

/// What a plan must have been, by the branch before and after it.
fn difference(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> BTreeSet<(String, String)> {
    let is_file = |path: &str| path.starts_with("files/") || path.starts_with("assets/");
    let written = after.iter().filter(|(path, entry)| before.get(*path) != Some(entry));
    let written = written.map(|(path, _)| {
        let action = if is_file(path) { "send" } else { "write" };
        (action.to_owned(), path.clone())
    });
    let removed = before.keys().filter(|path| !after.contains_key(*path));
    written.chain(removed.map(|path| ("delete".to_owned(), path.clone()))).collect()
}

#[cfg(unix)]
#[test]
fn a_branch_with_something_else_is_left_alone() {
    let workspace = some_wheels();
    let Some(target) = repository(&workspace) else { return };
    build(&workspace, &[]);
    let remote = workspace.path("remote.git");
    let refused = |branch: &str, texts: &[&str]| {
        let before = git(&remote, &["rev-parse", branch]);
        for merge in [&[][..], &["--merge"]] {
            for dry in [&[][..], &["--dry-run"]] {
                let to = format!("{target}#{branch}");
                let all = [&["--to", &*to][..], merge, dry].concat();
                let run = Run::of(&mut command(&workspace, &[], &all));
                run.fails(1, texts);
                // What is told of is what the user has named.
                assert!(!run.stderr.contains("wheelsite-branch-"), "{}", run.stderr);
                assert_eq!(git(&remote, &["rev-parse", branch]), before);
            }
        }
    };
    // Somebody's code, with its history.
    for number in 0..2 {
        push_by_hand(&workspace, "main", |folder| {
            std::fs::write(folder.join("code.py"), number.to_string()).expect("writes");
        });
    }
    refused("main", &["#main` has commits of others and no site", "hint: give the site a branch"]);
    // Pages that somebody else has made.
    push_by_hand(&workspace, "docs", |folder| {
        std::fs::write(folder.join("robots.txt"), "mine").expect("writes");
    });
    refused("docs", &["`robots.txt` is in `git+", "#docs` already", "hint:"]);
    // Links of theirs lead nowhere.
    let victim = workspace.path("victim");
    std::fs::create_dir_all(&victim).expect("makes a folder");
    for (branch, link) in
        [("links", "simple"), ("roots", "wheelsite.json"), ("pages", "index.html")]
    {
        push_by_hand(&workspace, branch, |folder| {
            std::os::unix::fs::symlink(&victim, folder.join(link)).expect("links");
        });
        refused(branch, &[&format!("`{link}` is in `git+"), "hint:"]);
    }
    assert!(tree(&victim).is_empty());
    // A folder where a file is to be.
    push_by_hand(&workspace, "folders", |folder| {
        std::fs::create_dir_all(folder.join("404.html")).expect("makes a folder");
        std::fs::write(folder.join("404.html/mine"), "mine").expect("writes");
    });
    refused("folders", &["`404.html` is in"]);
    // What is in nobody's way stays.
    push_by_hand(&workspace, "clean", |folder| {
        std::fs::write(folder.join("CNAME"), "wheels.example").expect("writes");
    });
    publish(&workspace, &[], &["--to", &format!("{target}#clean")]);
    let mut files = checkout(&workspace, "clean");
    assert_eq!(files.remove("CNAME").as_deref(), Some(&b"wheels.example"[..]));
    assert_eq!(files, tree(&workspace.site()));
}

#[cfg(unix)]
#[test]
fn what_others_have_put_on_a_branch_stays_as_it_is() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};

    let workspace = some_wheels();
    let Some(target) = repository(&workspace) else { return };
    build(&workspace, &[]);
    let to = ["--to", &*target];
    publish(&workspace, &[], &to);
    let victim = workspace.path("victim");
    std::fs::create_dir_all(&victim).expect("makes a folder");
    let site = listing(&workspace, "gh-pages");
    push_by_hand(&workspace, "gh-pages", |folder| {
        std::fs::write(folder.join("CNAME"), "wheels.example").expect("writes");
        std::fs::write(folder.join("files/mine.bin"), "mine").expect("writes");
        let attributes =
            "*.html text eol=crlf ident\n*.json filter=mine working-tree-encoding=UTF-16\n";
        std::fs::write(folder.join(".gitattributes"), attributes).expect("writes");
        std::fs::write(folder.join(OsStr::from_bytes(b"caf\xe9")), "mine").expect("writes");
        std::fs::write(folder.join("run.sh"), "#!/bin/sh\n").expect("writes");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.join("run.sh"), executable).expect("sets");
        symlink(&victim, folder.join("simple/link")).expect("links");
        // Another repository, by a commit that is not here.
        std::fs::create_dir_all(folder.join("other")).expect("makes a folder");
        let other = format!("160000,{},other", "1".repeat(40));
        git(folder, &["update-index", "--add", "--cacheinfo", &other]);
        symlink(&victim, folder.join("files/delta")).expect("links");
    });
    let theirs = listing(&workspace, "gh-pages");
    let theirs: BTreeMap<String, String> =
        theirs.into_iter().filter(|(path, _)| !site.contains_key(path)).collect();
    assert_eq!(theirs.len(), 8, "{theirs:?}");
    let stay = || {
        let there = listing(&workspace, "gh-pages");
        for (path, entry) in &theirs {
            assert_eq!(there.get(path), Some(entry), "{path}");
        }
        there
    };
    // The whole site, with a project less and a file less.
    for name in ["gamma-3", "alpha-1.1"] {
        let wheel = workspace.path(&format!("wheels/{name}-py3-none-any.whl"));
        std::fs::remove_file(wheel).expect("removes");
    }
    build(&workspace, &[]);
    let before = listing(&workspace, "gh-pages");
    let planned = plan(&workspace, &to);
    assert_eq!(listing(&workspace, "gh-pages"), before, "a dry run writes nothing");
    let report = publish(&workspace, &[], &to);
    let after = stay();
    assert_eq!(planned, difference(&before, &after));
    assert_eq!(report["deleted"], planned.iter().filter(|(action, _)| action == "delete").count());
    let ours = after.len() - theirs.len();
    assert_eq!(ours, tree(&workspace.site()).len(), "nothing old is left: {after:?}");
    assert_eq!(plan(&workspace, &to), BTreeSet::new());
    // A merge leaves every blob as it is that it does not write itself.
    let other = Workspace::new();
    other.wheel(&Wheel::new("gamma", "5"));
    build(&other, &[]);
    let merge = [&to[..], &["--merge"]].concat();
    let planned = plan(&other, &merge);
    assert!(planned.iter().any(|(_, path)| path == "simple/gamma/index.html"), "{planned:?}");
    publish(&other, &[], &merge);
    assert_eq!(planned, difference(&after, &stay()));
    assert!(!planned.iter().any(|(_, path)| path.contains("simple/alpha/")), "{planned:?}");
    assert_eq!(plan(&other, &merge), BTreeSet::new());
    // A link of theirs is in the way of what this one brings.
    let delta = Workspace::new();
    delta.wheel(&Wheel::new("delta", "1"));
    build(&delta, &[]);
    for arguments in [&merge[..], &to] {
        let run = Run::of(&mut command(&delta, &[], arguments));
        run.fails(1, &["`files/delta` is in `git+", "hint:"]);
        assert!(!run.stderr.contains("wheelsite-branch-"), "{}", run.stderr);
    }
    stay();
    assert!(tree(&victim).is_empty());
}

#[cfg(unix)]
#[test]
fn only_what_is_new_is_sent_and_fetched() {
    use std::os::unix::fs::PermissionsExt;

    let workspace = some_wheels();
    let Some(target) = repository(&workspace) else { return };
    // Nothing that could be made smaller on its way.
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56).to_le_bytes()[0]
    });
    let noise: Vec<u8> = noise.take(2 << 20).collect();
    workspace.wheel(&Wheel::new("large", "1.0").file("large/noise.bin", &noise));
    build(&workspace, &[]);
    let remote = workspace.path("remote.git");
    git(&remote, &["config", "uploadpack.allowFilter", "true"]);
    git(&remote, &["config", "receive.unpackLimit", "1"]);
    let hook = remote.join("hooks/pre-receive");
    let script = "#!/bin/sh\ncat \"$GIT_QUARANTINE_PATH\"/pack/*.pack | wc -c > received\n";
    std::fs::create_dir_all(remote.join("hooks")).expect("makes a folder");
    std::fs::write(&hook, script).expect("writes");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("sets");
    let received = || -> u64 {
        let text = std::fs::read_to_string(remote.join("received")).expect("reads");
        text.trim().parse().expect("is a number")
    };
    let target = target.replace("git+", "git+file://");
    let to = ["--to", &*target];
    publish(&workspace, &[], &to);
    assert!(received() > 2 << 20, "{} bytes", received());
    workspace.wheel(&Wheel::new("gamma", "4"));
    build(&workspace, &[]);
    publish(&workspace, &[], &to);
    assert!(received() < 1 << 18, "{} bytes", received());
    let whole = checkout(&workspace, "gh-pages");
    assert_eq!(whole, tree(&workspace.site()));
    // A merge fetches no wheel.
    let other = Workspace::new();
    other.wheel(&Wheel::new("gamma", "5"));
    build(&other, &[]);
    let temporary = other.path("temporary");
    std::fs::create_dir_all(&temporary).expect("makes a folder");
    let merge = [&to[..], &["--merge"]].concat();
    let packing = other.path("packing");
    let fetched = other.path("fetched");
    let script = "#!/bin/sh\necho >> 'FETCHED.count'\n\"$@\" | tee -a 'FETCHED'\n";
    other.write("packing", script.replace("FETCHED", fetched.to_str().expect("is UTF-8")));
    std::fs::set_permissions(&packing, std::fs::Permissions::from_mode(0o755)).expect("sets");
    let hook = format!("[uploadpack]\n\tpackObjectsHook = {}\n", packing.display());
    other.write("gitconfig", hook);
    let mut run = command(&other, &[], &merge);
    run.env("TMPDIR", &temporary).env("GIT_CONFIG_GLOBAL", other.path("gitconfig"));
    let run = Run::of(&mut run);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let fetched = std::fs::metadata(&fetched).expect("is there").len();
    assert!((1..1 << 18).contains(&fetched), "{fetched} bytes");
    // What the merge reads of each project comes at once, and not one by one.
    let requests = other.read("fetched.count").lines().count();
    assert!(requests <= 4, "{requests} requests");
    assert!(received() < 1 << 18, "{} bytes", received());
    assert!(tree(&temporary).is_empty(), "nothing is left behind");
    checkout(&workspace, "gh-pages");
    let seen = Reader::folder(&workspace.path("checkout")).check().expect("is whole");
    assert!(seen.contains_key("gamma-5-py3-none-any.whl"), "{seen:?}");
    // Nor is it all sent again because others have committed something on top.
    for domain in ["a.example", "b.example"] {
        push_by_hand(&workspace, "gh-pages", |folder| {
            std::fs::write(folder.join("CNAME"), domain).expect("writes");
        });
    }
    workspace.wheel(&Wheel::new("gamma", "6"));
    build(&workspace, &[]);
    publish(&workspace, &[], &to);
    assert_eq!(git(&remote, &["rev-list", "--count", "gh-pages"]), "1");
    assert!((1..1 << 18).contains(&received()), "{} bytes", received());
}

#[test]
fn git_is_told_nothing_that_is_meant_for_another_repository() {
    let workspace = some_wheels();
    if repository(&workspace).is_none() {
        return;
    }
    build(&workspace, &[]);
    let mut run = command(&workspace, &[], &["--to", "git+remote.git"]);
    for (name, value) in [
        ("GIT_DEFAULT_HASH", "sha256"),
        ("GIT_ALTERNATE_OBJECT_DIRECTORIES", "nowhere"),
        ("GIT_OBJECT_DIRECTORY", "nowhere"),
        ("GIT_SHALLOW_FILE", "nowhere"),
        ("GIT_ATTR_SOURCE", "nowhere"),
        ("GIT_DIR", "nowhere"),
        ("GIT_WORK_TREE", "nowhere"),
        ("GIT_INDEX_FILE", "nowhere"),
        ("GIT_NAMESPACE", "nowhere"),
        ("GIT_QUARANTINE_PATH", "nowhere"),
        ("GIT_LITERAL_PATHSPECS", "nonsense"),
    ] {
        run.env(name, value);
    }
    let run = Run::of(&mut run);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(checkout(&workspace, "gh-pages"), tree(&workspace.site()));
    assert!(!workspace.path("nowhere").exists());
    // A file that is not the one that was built.
    let wheel = tree(&workspace.site()).into_keys().find(|path| path.ends_with(".whl"));
    let wheel = format!("site/{}", wheel.expect("is there"));
    let mut bytes = std::fs::read(workspace.path(&wheel)).expect("reads");
    bytes[0] ^= 1;
    workspace.write(&wheel, bytes);
    let run = Run::of(&mut command(&workspace, &[], &["--to", "git+remote.git"]));
    run.fails(1, &["changed after the site was built"]);
}
