//! `serve` treats clients as the best host would.

use std::io::BufRead;

use reqwest::blocking::Response;

use crate::support::{Served, Wheel, Workspace};

const JSON: &str = "application/vnd.pypi.simple.v1+json";

fn served() -> (Workspace, Served) {
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new("Demo.Pkg", "1.0+cu128").header("Summary: A demo"));
    workspace.build(&[]);
    let served = workspace.serve(&[]);
    (workspace, served)
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("is text"))
}

/// The path of the one wheel, as its page links to it.
fn wheel_path(workspace: &Workspace) -> String {
    let json = workspace.json("site/simple/demo-pkg/index.v1_json");
    json["files"][0]["url"].as_str().expect("has a URL").replace("../..", "")
}

#[test]
fn each_client_gets_the_form_that_it_wants_most() {
    let (_workspace, served) = served();
    for (accept, content_type) in [
        (
            "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01",
            JSON,
        ),
        ("application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.v1+html"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
    ] {
        for path in ["/simple/", "/simple/demo-pkg/"] {
            let response = served.get(path, &[("accept", accept)]);
            assert_eq!(response.status(), 200);
            assert_eq!(header(&response, "content-type"), content_type, "{accept}");
            assert_eq!(header(&response, "vary"), "Accept");
            let text = response.text().expect("is text");
            assert_eq!(text.starts_with('{'), content_type == JSON);
        }
    }
    let response = served.get("/simple/", &[("accept", "image/png")]);
    assert_eq!((response.status().as_u16(), header(&response, "vary")), (406, "Accept"));
}

#[test]
fn names_are_sent_to_their_normalized_form_and_unknown_ones_are_404() {
    let (_workspace, served) = served();
    for path in ["/simple/Demo.Pkg/", "/simple/demo_pkg", "/simple/demo-pkg"] {
        let response = served.get(path, &[]);
        assert_eq!(response.status(), 301, "{path}");
        assert_eq!(header(&response, "location"), "/simple/demo-pkg/");
    }
    assert_eq!(served.get("/simple/nope/", &[("accept", JSON)]).status(), 404);
    let page = served.get("/nope/", &[]);
    assert_eq!(page.status(), 404);
    assert!(page.text().expect("is text").contains("<!doctype html>"), "a page for people");
}

#[test]
fn files_have_ranges_tags_types_and_heads() {
    let (workspace, served) = served();
    let path = wheel_path(&workspace);
    let whole = served.get(&path, &[]);
    assert_eq!(header(&whole, "content-type"), "application/octet-stream");
    assert_eq!(header(&whole, "accept-ranges"), "bytes");
    assert!(header(&whole, "cache-control").contains("immutable"));
    let tag = header(&whole, "etag").to_owned();
    assert!(!tag.is_empty());
    let bytes = whole.bytes().expect("reads");

    let part = served.get(&path, &[("range", "bytes=2-5")]);
    assert_eq!(part.status(), 206);
    assert_eq!(header(&part, "content-range"), format!("bytes 2-5/{}", bytes.len()));
    assert_eq!(part.bytes().expect("reads"), bytes.slice(2..6));
    let tail = served.get(&path, &[("range", "bytes=-22")]);
    assert_eq!(tail.bytes().expect("reads"), bytes.slice(bytes.len() - 22..));
    assert_eq!(served.get(&path, &[("range", "bytes=9999999-")]).status(), 416);

    let head = served.request("HEAD", &path, &[]);
    assert_eq!(
        (head.status().as_u16(), header(&head, "content-length")),
        (200, &*bytes.len().to_string())
    );
    assert_eq!(served.get(&path, &[("if-none-match", &tag)]).status(), 304);
    assert_eq!(served.request("POST", &path, &[]).status(), 405);

    let sidecar = served.get(&format!("{path}.metadata"), &[]);
    assert_eq!(header(&sidecar, "content-type"), "text/plain; charset=utf-8");
    assert!(
        sidecar.text().expect("is text").starts_with("Metadata-Version: 2.1\nName: Demo.Pkg\n")
    );
    // A client may leave the plus as it is.
    assert_eq!(served.get(&path.replace("%2B", "+"), &[]).status(), 200);
}

#[test]
fn machine_pages_answer_conditional_requests_by_form() {
    let (_workspace, served) = served();
    let json = served.get("/simple/", &[("accept", JSON)]);
    let tag = header(&json, "etag").to_owned();
    assert_eq!(served.get("/simple/", &[("accept", JSON), ("if-none-match", &tag)]).status(), 304);
}

#[test]
fn nothing_outside_of_the_site_and_nothing_of_a_build_is_served() {
    let (workspace, served) = served();
    workspace.write("secret.txt", "secret");
    workspace.write("site/.wheelsite-journal", "secret");
    for path in [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/simple/%2e%2e/%2e%2e/secret.txt",
        "/.wheelsite-journal",
        "//secret.txt",
    ] {
        let response = served.get(path, &[]);
        assert_eq!(response.status(), 404, "{path}");
        assert!(!response.text().expect("is text").contains("secret"));
    }
}

#[test]
fn a_folder_without_a_site_is_refused_with_a_hint() {
    let workspace = Workspace::new();
    workspace.run(&["serve", "--port", "0"]).fails(2, &["`site` holds no site", "--watch"]);
    workspace.wheel(&Wheel::new("demo", "1.0"));
    workspace.build(&[]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = taken.local_addr().expect("is bound").port().to_string();
    workspace.run(&["serve", "--port", &port]).fails(2, &["cannot listen", "--port 0"]);
}

#[test]
fn watch_builds_again_and_tells_open_pages() {
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new("demo", "1.0"));
    let served = workspace.serve(&["--watch"]);
    let page = served.get("/", &[]).text().expect("is text");
    assert!(page.contains("<script src=\"/-/reload.js\">"));
    let machine = served.get("/simple/demo/", &[]).text().expect("is text");
    assert!(!machine.contains("reload"), "machine pages stay as they are");
    let events = served.get("/-/reload", &[]);
    assert_eq!(header(&events, "content-type"), "text/event-stream");

    workspace.wheel(&Wheel::new("demo", "2.0"));
    assert!(served.wait_for(|line| line.contains("2 files in 1 project")), "{:?}", served.log());
    let machine = served.get("/simple/demo/", &[]).text().expect("is text");
    assert!(machine.contains("demo-2.0-py3-none-any.whl"));
    let told = std::io::BufReader::new(events)
        .lines()
        .map_while(Result::ok)
        .any(|line| line == "data: reload");
    assert!(told);

    // A build that fails leaves the old site, and the server goes on.
    workspace.wheel(&Wheel::new("bad", "1.0").without("RECORD"));
    assert!(served.wait_for(|line| line.contains("record-missing")), "{:?}", served.log());
    assert_eq!(served.get("/simple/demo/", &[]).status(), 200);
}
