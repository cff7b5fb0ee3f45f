//! Indexes of our own: what is served is what the state says.

use serde_json::json;

use super::{Flawed, Index, Reply, doctor, examine};
use crate::support::{Wheel, Workspace};

/// Looks at a site with something else on the way.
fn with(
    index: &Index,
    plant: impl Fn(&super::Asked, &mut Reply) + Send + Sync + 'static,
) -> super::Said {
    let flawed = Flawed::before(&index.served.url, plant);
    examine(&index.workspace, &flawed.url, &[])
}

#[test]
fn a_site_with_channels_is_clean() {
    let workspace = Workspace::new();
    for local in ["cu126", "cu128"] {
        workspace.wheel(&Wheel::new("demo", &format!("1.0+{local}")));
    }
    workspace.wheel(&Wheel::new("other", "2.0"));
    workspace.build(&[]);
    let served = workspace.serve(&[]);
    let all = ["--all", "--download", "--channels"];
    for url in [served.url.clone(), served.url.trim_end_matches('/').to_owned(), served.index()] {
        let said = examine(&workspace, &url, &all);
        said.is_clean();
        let urls = said.report["indexes"].as_array().expect("is a list").iter();
        let urls: Vec<&str> = urls.map(|it| it["url"].as_str().expect("is a text")).collect();
        let expected = ["simple/", "cu126/simple/", "cu128/simple/", "all/simple/"];
        assert_eq!(urls, expected.map(|path| format!("{}{path}", served.url)));
        assert_eq!(said.report["indexes"][0]["generator"], "wheelsite 0.1.0");
    }
    let said = examine(&workspace, &format!("{}cu126/simple/", served.url), &["--all"]);
    said.is_clean();
    assert_eq!(said.report["indexes"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_site_that_was_published_is_clean() {
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new("demo", "1.0"));
    workspace.build(&[]);
    let run = workspace.run(&["publish", "--to", "published"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    std::fs::rename(workspace.site(), workspace.path("built")).expect("renames");
    std::fs::rename(workspace.path("published"), workspace.site()).expect("renames");
    let served = workspace.serve(&[]);
    let said = examine(&workspace, &served.index(), &["--all"]);
    said.is_clean();
    assert_eq!(said.report["indexes"][0]["generator"], "wheelsite 0.1.0", "the state was read");
}

#[test]
fn page_stale() {
    let index = Index::new();
    let old = |file: &str| index.workspace.read(&format!("site/simple/demo-pkg/{file}"));
    let (json, html) = (old("index.v1_json"), old("index.html"));
    index.workspace.wheel(&Wheel::new("demo-pkg", "1.2"));
    index.workspace.build(&[]);
    let said = with(&index, move |asked, reply| {
        if asked.path == "/simple/demo-pkg/" {
            reply.body = if reply.is_json() { json.clone() } else { html.clone() }.into();
        }
    });
    said.is("page-stale", "error", &["`simple/demo-pkg/index.html`", "expects the sha256"]);
    assert_eq!(said.report["errors"], 2, "{:#}", said.report);
}

#[test]
fn page_stale_of_the_root() {
    let index = Index::new();
    let old = index.workspace.read("site/simple/index.html");
    index.workspace.wheel(&Wheel::new("third", "1.0"));
    index.workspace.build(&[]);
    let said = with(&index, move |asked, reply| {
        if asked.path == "/simple/" && reply.is_html() {
            reply.body = old.clone().into();
        }
    });
    said.has("page-stale", "error", &["`simple/index.html`"]);
    said.has("forms-differ", "error", &["HTML lacks 1 projects", "`third`"]);
}

#[test]
fn page_altered() {
    let said = with(&Index::new(), |asked, reply| {
        if asked.is_project() && reply.is_html() {
            reply.replace("</body>", "<script src=/beacon.js></script></body>");
        }
    });
    said.is("page-altered", "warning", &["lists the right files"]);
}

#[test]
fn state_mixed() {
    let index = Index::new();
    let old = index.workspace.read("site/state/demo-pkg.json");
    index.workspace.wheel(&Wheel::new("demo-pkg", "1.2"));
    index.workspace.build(&[]);
    let said = with(&index, move |asked, reply| {
        if asked.path == "/state/demo-pkg.json" {
            reply.body = old.clone().into();
        }
    });
    said.is("state-mixed", "warning", &["`state/demo-pkg.json` is not the one"]);
}

#[test]
fn state_writing_and_state_unsettled() {
    let index = Index::new();
    let mut state = index.workspace.json("site/wheelsite.json");
    state["published"] = json!({
        "host": "plain",
        "generation": 7,
        "writing": {"id": "x", "beat": 1, "projects": {"other": null}},
        "unsettled": {"simple/index.html": "2026-01-28T12:00:00Z"},
    });
    let said = with(&index, move |asked, reply| {
        if asked.path == "/wheelsite.json" {
            reply.body = state.to_string().into();
        }
    });
    said.has("state-writing", "warning", &["generation 7", "among them `other`"]);
    said.has("state-unsettled", "note", &["1 objects", "`simple/index.html`"]);
    assert_eq!(said.checks().len(), 2, "{:#}", said.report);
}

#[test]
fn a_site_that_is_published_meanwhile_is_not_stale() {
    let index = Index::new();
    let old = index.workspace.read("site/wheelsite.json");
    index.workspace.wheel(&Wheel::new("demo-pkg", "1.2"));
    index.workspace.build(&[]);
    let asks = std::sync::atomic::AtomicU32::new(0);
    let said = with(&index, move |asked, reply| {
        // Only the first answer is from before.
        if asked.path == "/wheelsite.json"
            && asks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0
        {
            reply.body = old.clone().into();
        }
    });
    said.is("state-writing", "warning", &["was published while it was looked at"]);
}

#[test]
fn people_are_told_what_was_asked_what_was_found_and_what_to_do() {
    let index = Index::new();
    let flawed = index.flawed(|asked, reply| {
        if asked.path.ends_with(".metadata") {
            *reply = Reply::new(404, "text/plain", "");
        }
    });
    let run = doctor(&index.workspace, &[&format!("{}simple/", flawed.url)]);
    assert_eq!(run.code, Some(1));
    for text in [
        "asked as pip        200 application/vnd.pypi.simple.v1+json  Vary: Accept  no-cache",
        "looked at 2 of 2 projects, and asked for 3 of their 3 files",
        "error[sidecar-missing] (3 times): http://127.0.0.1:",
        "  hint: upload `<file>.metadata`",
        "\n3 errors, 0 warnings, 0 notes; ",
    ] {
        assert!(run.stdout.contains(text), "expected `{text}` in:\n{}", run.stdout);
    }
    assert_eq!(run.stderr, "", "data goes to stdout");
}
