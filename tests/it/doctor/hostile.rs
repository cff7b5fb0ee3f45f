//! Servers that mean harm, or are in trouble: every look at them ends, and soon.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::{Asked, Flawed, Index, Reply, doctor, examine};
use crate::support::proxy::Proxy;
use crate::support::{Run, Workspace};

/// An index with one project, whose page is answered by the test.
fn one_page(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Flawed {
    Flawed::start(move |asked| match &*asked.path {
        "/simple/" => Reply::new(200, "text/html", "<!DOCTYPE html><a href=\"demo/\">demo</a>"),
        "/simple/demo/" => answer(asked),
        _ => Reply::new(404, "text/plain", ""),
    })
}

fn look(server: &Flawed) -> super::Said {
    examine(&Workspace::new(), &format!("{}simple/", server.url), &[])
}

#[test]
fn page_large() {
    let server = one_page(|_| {
        let mut page = b"<!DOCTYPE html>".to_vec();
        page.resize(40 << 20, b' ');
        Reply::new(200, "text/html", page)
    });
    look(&server).has("page-large", "warning", &["larger than what is read"]);
}

#[test]
fn circles_and_ways_out_of_the_web_end() {
    for target in ["/simple/demo/", "file:///etc/passwd", "", "http://"] {
        let server = one_page(move |_| {
            let mut reply = Reply::new(302, "text/plain", "");
            reply.set("location", target);
            reply
        });
        let said = look(&server);
        said.has("page-status", "error", &["the server redirects"]);
        assert!(server.log().len() < 100, "{}", server.log().len());
    }
}

#[test]
fn a_page_of_a_thousand_flaws_is_told_in_a_few_lines() {
    let server = one_page(|_| {
        let anchor = |number: u32| format!("<a href=\"ftp://x/demo-{number}.whl#sha1=0\">x</a>\n");
        Reply::new(200, "text/html", (0..5000).map(anchor).collect::<String>())
    });
    let said = look(&server);
    said.has("link-scheme", "error", &["`ftp://x/demo-0.whl`"]);
    assert!(said.report["errors"].as_u64().is_some_and(|count| count >= 10_000));
    assert!(said.run.stdout.len() < 20_000, "{}", said.run.stdout.len());
}

#[test]
fn names_cannot_play_tricks_on_the_terminal() {
    let server = one_page(|_| {
        let page = "<a href=\"demo-1\u{1b}[2J.whl\">demo-1\u{1b}[2J\u{202e}.whl</a>";
        Reply::new(200, "text/html", page)
    });
    let run = doctor(&Workspace::new(), &[&format!("{}simple/", server.url)]);
    assert!(run.stdout.contains("filename-invalid"), "{}", run.stdout);
    assert!(!run.stdout.contains(['\u{1b}', '\u{202e}']), "{:?}", run.stdout);
}

#[test]
fn project_empty_and_root_missing() {
    let server = one_page(|_| Reply::new(200, "text/html", "<!DOCTYPE html>nothing"));
    look(&server).has("project-empty", "note", &["no distribution"]);
    let server = Flawed::start(|_| Reply::new(404, "text/plain", ""));
    let arguments = ["--project", "demo", "--project", "Other"];
    let said = examine(&Workspace::new(), &server.url, &arguments);
    said.has("root-missing", "warning", &["found 404"]);
    said.has("project-missing", "error", &["`demo`"]);
    said.has("project-missing", "error", &["`other`"]);
}

#[test]
fn provenance_missing() {
    let index = Index::new();
    let flawed = index.flawed(|asked, reply| {
        if asked.path == "/simple/other/" {
            reply.edit(
                (",\"size\":", ",\"provenance\":\"https://127.0.0.1:1/p\",\"size\":"),
                (" data-size", " data-provenance=\"https://127.0.0.1:1/p\" data-size"),
            );
        }
    });
    let said = examine(&index.workspace, &format!("{}simple/", flawed.url), &[]);
    said.is("provenance-missing", "warning", &["other-2.0", "found nothing"]);
}

#[test]
fn users_are_told_to_the_index_alone_and_shown_to_nobody() {
    let index = Index::new();
    let elsewhere = Flawed::before(&index.served.url, |_, _| {});
    let files = elsewhere.url.clone();
    let flawed = index.flawed(move |asked, reply| {
        if asked.authorization.as_deref() != Some("Basic bWU6c2VjcmV0") {
            *reply = Reply::new(401, "text/plain", "");
        } else if asked.is_project() {
            let text = String::from_utf8_lossy(&reply.body).replace("../../", &files);
            reply.body = text.into_bytes();
        }
    });
    let url = flawed.url.replace("//", "//me:secret@");
    examine(&index.workspace, &url, &["--download"]).is_clean();
    assert!(elsewhere.log().iter().all(|asked| asked.authorization.is_none()));
    assert!(elsewhere.log().len() > 5);

    let all_of = |run: &Run| format!("{}{}", run.stdout, run.stderr);
    let wrong = flawed.url.replace("//", "//me:geheim@");
    for url in [url.clone(), format!("{url}?x"), wrong.clone(), url.replace(":secret", ":s:se")] {
        let run = doctor(&index.workspace, &[&url]);
        let said = all_of(&run);
        assert!(!said.contains("secret") && !said.contains("geheim"), "{said}");
    }
    doctor(&index.workspace, &[&wrong]).fails(3, &["lets nobody in", "401", "USER:PASSWORD"]);
}

#[test]
fn what_is_no_index_or_cannot_be_reached_is_told() {
    let workspace = Workspace::new();
    for url in ["file:///srv/simple/", "nonsense", "https://host.example/simple/?x=1", "s3://x/y"] {
        doctor(&workspace, &[url]).fails(2, &["expected the URL of an index", "hint:"]);
    }
    doctor(&workspace, &[]).fails(2, &["<URL>"]);
    let url = "http://127.0.0.1:1/simple/";
    doctor(&workspace, &[url, "--sample", "0"]).fails(2, &["--sample"]);
    doctor(&workspace, &[url]).fails(3, &["cannot reach `http://127.0.0.1:1/simple/`"]);
    let server = Flawed::start(|_| Reply::new(404, "text/plain", ""));
    let url = format!("{}simple/", server.url);
    doctor(&workspace, &[&url]).fails(3, &["there is no index at", "404", "--project"]);
    let server = Flawed::start(|_| Reply::new(500, "text/plain", ""));
    let url = format!("{}simple/", server.url);
    doctor(&workspace, &[&url]).fails(3, &["cannot be read", "500", "hint: the server failed"]);
}

#[test]
fn whoever_answers_everything_with_a_page_is_no_index() {
    let home = "<!DOCTYPE html><title>Sign in</title><form><a href=\"/help\">help</a></form>";
    let server = Flawed::start(move |_| Reply::new(200, "text/html", home));
    let said =
        super::examine(&Workspace::new(), &format!("{}simple/", server.url), &["--sample", "5"]);
    said.has("missing-project-found", "error", &["no such project exists"]);
}

#[test]
fn a_root_is_asked_once_where_nobody_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let url = format!("http://{}/simple/", listener.local_addr().expect("is bound"));
    let count = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        // Each connection ends without an answer.
        for stream in listener.incoming().map_while(Result::ok) {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            drop(stream);
        }
    });
    doctor(&Workspace::new(), &[&url]).fails(3, &["cannot reach"]);
    // Once, and once more; the pool of connections may try one of its own.
    assert!(count.load(std::sync::atomic::Ordering::SeqCst) <= 4, "{count:?}");
}

#[test]
fn who_drips_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let url = format!("http://{}/simple/", listener.local_addr().expect("is bound"));
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let head = "HTTP/1.1 200 -\r\ncontent-type: text/html\r\n\r\n<!DOCTYPE html>";
                let mut end = stream.write_all(head.as_bytes());
                // Until the client has had enough.
                while end.is_ok() {
                    std::thread::sleep(Duration::from_millis(50));
                    end = stream.write_all(b" ");
                }
            });
        }
    });
    let workspace = Workspace::new();
    let mut command = workspace.command(&["doctor", &url]);
    command.env("WHEELSITE_HTTP_RETRIES", "0").env("WHEELSITE_HTTP_TIMEOUT", "1");
    let begun = Instant::now();
    let run = Run::of(&mut command);
    run.fails(3, &["cannot reach", "longer than anybody waits"]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn servers_are_treated_politely() {
    let index = Index::new();
    let proxy = Proxy::start(&index.served.url);
    let url = format!("{}/simple/", proxy.url);
    for (arguments, most) in [(&[][..], 4), (&["--jobs", "1"], 1)] {
        proxy.let_through(u64::MAX);
        let said = examine(&index.workspace, &url, arguments);
        said.is_clean();
        assert!(proxy.most() <= most, "{} at once", proxy.most());
        assert_eq!(said.report["requests"].as_u64(), Some(proxy.count()));
    }
    // `Retry-After` is waited for.
    let refused = AtomicU32::new(0);
    let flawed = index.flawed(move |asked, reply| {
        if asked.is_wheel() && refused.fetch_add(1, Ordering::Relaxed) == 0 {
            *reply = Reply::new(429, "text/plain", "");
            reply.set("retry-after", "1");
        }
    });
    let begun = Instant::now();
    examine(&index.workspace, &format!("{}simple/", flawed.url), &[]).is_clean();
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_sample_is_the_same_every_time() {
    let workspace = Workspace::new();
    for number in 0..9 {
        let name = format!("demo{number}");
        workspace.wheel(&crate::support::Wheel::new(&name, "1.0"));
    }
    workspace.build(&[]);
    let served = workspace.serve(&[]);
    let said = examine(&workspace, &served.index(), &["--sample", "3"]);
    said.is_clean();
    let index = &said.report["indexes"][0];
    assert_eq!((&index["projects"], &index["projects_seen"]), (&9.into(), &3.into()));
    let asked: std::collections::BTreeSet<String> = served
        .log()
        .iter()
        .filter_map(|line| line.split(' ').nth(1)?.strip_prefix("/files/").map(str::to_owned))
        .filter_map(|path| path.split('/').next().map(str::to_owned))
        .collect();
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), ["demo0", "demo4", "demo8"]);
}
