//! Servers and uploads that lie, and texts that hold secrets.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use super::cache::with_facts;
use super::{build, one_release, wheel_downloads};
use crate::support::github::Github;
use crate::support::{Run, Wheel, Workspace};

const SOURCE: [&str; 2] = ["--source", "gh-release:v1"];

/// A server that answers each request with the same bytes; gives its URL.
fn always(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let url = format!("http://{}", listener.local_addr().expect("is bound"));
    std::thread::spawn(move || {
        for connection in listener.incoming().take(32) {
            let Ok(mut connection) = connection else { return };
            let mut lines = BufReader::new(connection.try_clone().expect("clones")).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let _ = connection.write_all(&answer);
        }
    });
    url
}

fn answer(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[test]
fn what_is_packed_for_the_way_is_refused() {
    let wheel = Wheel::new("demo", "1.0");
    let url = always(answer("content-encoding: gzip\r\n", &wheel.bytes()));
    let workspace = Workspace::new();
    let run = workspace.run(&["inspect", &format!("{url}/{}", wheel.filename())]);
    run.fails(3, &["packs files for the way"]);
}

#[test]
fn a_file_of_no_bytes_is_judged_and_not_an_error_of_the_network() {
    let url = always(
        b"HTTP/1.1 416 Range Not Satisfiable\r\nconnection: close\r\ncontent-length: 0\r\n\
          content-range: bytes */0\r\n\r\n"
            .to_vec(),
    );
    let workspace = Workspace::new();
    let run = workspace.run(&["inspect", &format!("{url}/demo-1.0-py3-none-any.whl")]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("the file is empty"), "{}", run.stdout);
}

#[test]
fn facts_that_somebody_made_up_are_not_believed() {
    type Edit = fn(&mut serde_json::Value);
    let edits: [(&str, Edit); 3] = [
        ("of another kind", |entry| entry["content"] = "sdist".into()),
        ("of another name", |entry| entry["filename"] = "other-1.0-py3-none-any.whl".into()),
        ("of nothing", |entry| {
            let content = serde_json::json!({"unreadable": {"reason": "damaged", "detail": "x"}});
            entry["content"] = content;
        }),
    ];
    for (what, edit) in edits {
        let (github, _) = with_facts(|facts| {
            let files = facts["files"].as_object_mut().expect("is a map");
            files.values_mut().for_each(edit);
        });
        let run = build(&Workspace::new(), &github, &SOURCE);
        assert_eq!(run.code, Some(0), "{what}: {}", run.stderr);
        assert!(!wheel_downloads(&github).is_empty(), "{what}");
    }
}

#[test]
fn facts_of_others_end_with_their_file_and_with_refresh() {
    let (github, wheel) = with_facts(|_| ());
    let workspace = Workspace::new();
    let plain = [&SOURCE[..], &["--pages", "none"]].concat();
    assert_eq!(build(&workspace, &github, &plain).code, Some(0));
    assert_eq!(wheel_downloads(&github).len(), 0);
    let refreshed = [&plain[..], &["--refresh"]].concat();
    assert_eq!(build(&workspace, &github, &refreshed).code, Some(0));
    assert!(!wheel_downloads(&github).is_empty());
    // Neither the cache nor the state takes them for the program's own.
    let (github, _) = (with_facts(|_| ()).0, wheel);
    let workspace = Workspace::new();
    assert_eq!(build(&workspace, &github, &plain).code, Some(0));
    github.remove_asset(super::REPOSITORY, "v1", "wheelsite-facts.json");
    assert_eq!(build(&workspace, &github, &plain).code, Some(0));
    assert!(!wheel_downloads(&github).is_empty());
}

#[test]
fn facts_that_contradict_the_wheel_are_told_as_such() {
    let (github, _) = with_facts(|facts| {
        let files = facts["files"].as_object_mut().expect("is a map");
        for entry in files.values_mut() {
            entry["content"]["wheel"]["metadata"]["read"]["sha256"] = "ab".repeat(32).into();
        }
    });
    let run = build(&Workspace::new(), &github, &SOURCE);
    run.fails(3, &["`wheelsite-facts.json` says something else", "--refresh"]);
    let workspace = Workspace::new();
    let refreshed = build(&workspace, &github, &[&SOURCE[..], &["--refresh"]].concat());
    assert_eq!(refreshed.code, Some(0), "{}", refreshed.stderr);
}

#[test]
fn no_error_about_a_source_shows_a_password() {
    let workspace = Workspace::new();
    for spec in [
        "simple+https://user:s3cret@host:99999/simple/",
        "simple+https://user:s3cret@host/simple/?x=1",
        "simple+https://user:s3cret@host/simple/#bad name!",
        "https://user:s3cret@host/simple/",
        "gh-release:https://tok:s3cret@github.com/o/r@v1",
    ] {
        for arguments in [vec!["build", "--source", spec], vec!["check", spec]] {
            let run = workspace.run(&arguments);
            assert_eq!(run.code, Some(2), "{spec}: {}", run.stderr);
            assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
        }
        workspace.write("config/site.yml", format!("sources: [\"{spec}\"]\n"));
        let run = workspace.run(&["build"]);
        assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
        std::fs::remove_file(workspace.path("config/site.yml")).expect("removes");
    }
}

#[test]
fn a_token_that_is_none_is_named_and_one_with_a_line_end_works() {
    let github = Github::builder()
        .repository(one_release(&[Wheel::new("demo", "1.0")]))
        .token("good")
        .start();
    let workspace = Workspace::new();
    let run = |token: &str| {
        let mut command = workspace.command(&["build", "--source", "gh-release:v1"]);
        Run::of(github.env_with_token(&mut command, token))
    };
    assert_eq!(run("good\n").code, Some(0));
    assert!(github.log().iter().any(|entry| entry.authorized));
    let wrong = run("go od");
    wrong.fails(2, &["token", "GITHUB_TOKEN"]);
    assert!(!wrong.stderr.contains("go od"));
}

#[test]
fn a_repository_that_nobody_needs_is_not_looked_at() {
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new("demo", "1.0"));
    let mut build = workspace.command(&["build"]);
    assert_eq!(Run::of(build.env("GITHUB_REPOSITORY", "nonsense")).code, Some(0));
    let mut build = workspace.command(&["build", "--source", "gh-release:v1"]);
    Run::of(build.env("GITHUB_REPOSITORY", "nonsense"))
        .fails(2, &["GITHUB_REPOSITORY", "OWNER/REPO"]);
}
