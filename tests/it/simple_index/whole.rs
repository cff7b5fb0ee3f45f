//! What is missing from an index is missed: pages without files, pages that broke off, and how many
//! are asked for at once.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::host::{Answer, Host};
use super::{mirror, run, spec};

const FILE: &str = "<a href=/a-1.0.tar.gz>a-1.0.tar.gz</a>";

fn page(path: &str) -> Answer {
    match path {
        "/simple/a/" => Answer::new("text/html", FILE),
        path if path.ends_with(".tar.gz") => Answer::new("application/gzip", "a"),
        _ => Answer::status(404),
    }
}

#[test]
fn a_project_without_files_is_missed() {
    let host = Host::new(|path, _| match path {
        "/simple/" => Answer::new("text/html", "<a href=a/>a</a><a href=bare/>bare</a>"),
        "/simple/bare/" => {
            Answer::new("text/html", "<h1>Back soon</h1><a href=https://status.example>status</a>")
        }
        "/simple/empty/" => Answer::new("application/vnd.pypi.simple.v1+json", "{\"files\":[]}"),
        "/simple/odd/" => {
            Answer::new("text/html", "<a href=x/>x</a><a href=/odd-1.0.zip>odd-1.0..&gt;</a>")
        }
        "/simple/shut/" => {
            Answer::new("text/html", "<meta name=pypi:project-status content=quarantined>")
        }
        path => page(path),
    });
    let index = format!("{}simple/", host.url);
    let of = |projects: &str| run(&spec(&format!("{index}{projects}")), &[]);
    let told =
        ["the page of `bare` lists no distribution", "/simple/bare/", "https://status.example"];
    of("#a,bare").fails(3, &told);
    of("").fails(3, &[told[0], &format!("simple+{index}#PROJECT")]);
    of("#empty").fails(3, &["the page of `empty` lists no distribution", "do not name it"]);
    of("#odd").fails(3, &["`odd` lists no distribution", "odd-1.0.zip`: its text is not"]);
    assert_eq!(of("#a,shut").code, Some(0), "what is withheld is no error");
}

#[test]
fn a_page_that_broke_off_is_missed() {
    let whole = format!("<!DOCTYPE html><html><body>{FILE}<br></body></HTML>\n<!-- 1 -->");
    let cut = whole.find("<br>").expect("is there");
    let host = Host::new(move |path, _| {
        let body = match path {
            "/whole/a/" => whole.clone(),
            "/cut/a/" | "/cut/" => whole[..cut].to_owned(),
            "/in-tag/a/" => whole[..cut + 2].to_owned(),
            "/in-anchor/a/" => format!("{whole}<a href=b>b"),
            _ => return page(path),
        };
        Answer { is_delimited: false, ..Answer::new("text/html", body) }
    });
    mirror(&spec(&format!("{}whole/#a", host.url)), &[]);
    assert_eq!(host.asked_for("/whole/a/").len(), 1);
    for path in ["cut/#a", "cut/", "in-tag/#a", "in-anchor/#a"] {
        let run = run(&spec(&format!("{}{path}", host.url)), &[]);
        run.fails(3, &[path.split('#').next().expect("has one"), "broke off", "hint"]);
    }
}

#[test]
fn a_page_that_tells_its_length_needs_no_end() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(FILE.as_bytes()).expect("packs");
    let packed = packed.finish().expect("packs");
    let host = Host::new(move |path, _| match path {
        // Unpacked, it has no length any more; packed, it knows its end.
        "/packed/a/" => Answer { is_packed: true, ..Answer::new("text/html", packed.clone()) },
        "/open/a/" => Answer {
            is_packed: true,
            is_delimited: false,
            ..Answer::new("text/html", packed.clone())
        },
        "/cut/a/" => {
            let cut = &packed[..packed.len() - 9];
            Answer { is_packed: true, is_delimited: false, ..Answer::new("text/html", cut) }
        }
        path => page(path),
    });
    for folder in ["simple", "packed", "open"] {
        mirror(&spec(&format!("{}{folder}/#a", host.url)), &[]);
    }
    assert_eq!(host.asked_for("/simple/a/").len(), 1);
    let cut = crate::support::Workspace::new();
    let source = spec(&format!("{}cut/#a", host.url));
    let mut command = cut.command(&["build", "--source", &source]);
    let run = crate::support::Run::of(command.env("WHEELSITE_HTTP_RETRIES", "0"));
    run.fails(3, &["/cut/a/"]);
}

#[test]
fn jobs_bound_the_requests_for_pages() {
    let (now, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let seen = most.clone();
    let host = Host::new(move |path, _| {
        let Some(name) = path.strip_prefix("/simple/p").and_then(|rest| rest.strip_suffix('/'))
        else {
            return page(path);
        };
        seen.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(30));
        now.fetch_sub(1, Ordering::SeqCst);
        Answer::new("text/html", format!("<a href=/f/p{name}-1.tar.gz>p{name}-1.tar.gz</a>"))
    });
    let projects: Vec<_> = (0..12).map(|number| format!("p{number}")).collect();
    let source = spec(&format!("{}simple/#{}", host.url, projects.join(",")));
    let most_of = |jobs: &str| {
        most.store(0, Ordering::SeqCst);
        run(&source, &["--jobs", jobs]);
        most.load(Ordering::SeqCst)
    };
    assert_eq!(most_of("1"), 1);
    assert!((1..=3).contains(&most_of("3")));
}
