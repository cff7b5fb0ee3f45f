use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use super::*;
use crate::source::SourceSpec;
use crate::source::contract;

const WHEEL: &[u8] = b"no wheel, but bytes that can be read";

/// Answers `GET` requests by path until the process ends; gives the URL of its root.
fn serve(pages: &'static [(&str, &str, &[u8])]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = listener.local_addr().expect("is bound");
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let _ = answer(stream, pages);
        }
    });
    format!("http://{address}/")
}

fn answer(mut stream: TcpStream, pages: &[(&str, &str, &[u8])]) -> io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? > 0 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let found = pages.iter().find(|(known, ..)| *known == path);
    let (status, content_type, body) = match found {
        Some((_, content_type, body)) => ("200 OK", *content_type, *body),
        None => ("404 Not Found", "text/plain", &b""[..]),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)
}

fn source(spec: &str) -> SimpleIndex {
    let settings = SourceSettings::plain(spec.parse().expect("parses"));
    let SourceSpec::SimpleIndex(spec) = &settings.spec else { panic!("no index") };
    SimpleIndex::new(spec, &settings, &Context::default()).expect("connects")
}

#[test]
fn keeps_the_contract() {
    let root = serve(&[
        ("/", "text/html; charset=utf-8", b"<a href=b/>B</a> <a href=a/>a</a> <a href=b/>b</a>"),
        (
            "/a/",
            "Application/Vnd.PyPI.Simple.v1+JSON",
            b"{\"files\":[{\"filename\":\"a-1.tar.gz\",\"url\":\"/f/a-1.tar.gz\",\"size\":36}]}",
        ),
        ("/b/", "text/html", b"<a href=/f/b-1-py3-none-any.whl>b-1-py3-none-any.whl</a>"),
        ("/f/a-1.tar.gz", "application/gzip", WHEEL),
        ("/f/b-1-py3-none-any.whl", "application/zip", WHEEL),
    ]);
    let source = source(&format!("simple+{root}"));
    contract::check(&source, &["a-1.tar.gz", "b-1-py3-none-any.whl"]);
    let listing = source.list(0).expect("lists");
    assert_eq!(&*listing.artifacts[0].filename, "b-1-py3-none-any.whl", "the page has b first");
    assert_eq!(source.identity(), Some(format!("simple {root}")));
}

#[test]
fn users_are_told_to_their_own_server_alone() {
    let source = source("simple+https://me:secret@host.example/simple/#demo");
    let file = |url: &str| PageFile {
        filename: "demo-1.tar.gz".into(),
        url: url.parse().expect("parses"),
        sha256: None,
        requires_python: None,
        core_metadata: Some(Sidecar::Unhashed),
        yanked: None,
        size: None,
        upload_time: None,
    };
    let own = source.artifact(file("https://host.example/f/demo-1.tar.gz"), 0);
    assert_eq!(own.offered.url, None);
    let other = source.artifact(file("https://other.example/f/demo-1.tar.gz"), 0);
    assert_eq!(other.offered.url.as_deref(), Some("https://other.example/f/demo-1.tar.gz"));
    let signed =
        source.artifact(file("https://me:secret@other.example/demo-1.tar.gz?sig=secret"), 0);
    assert_eq!(signed.offered.url, None);
    assert_eq!(signed.location.to_string(), "https://other.example/demo-1.tar.gz");
    assert_eq!(
        signed.sidecar.as_deref(),
        Some(&SidecarFile::Remote {
            key: "https://me:secret@other.example/demo-1.tar.gz.metadata?sig=secret".into(),
            sha256: None,
            revision: None,
        })
    );
    assert_eq!(source.identity().as_deref(), Some("simple https://host.example/simple/"));
}

#[test]
fn projects_are_taken_once_and_in_order() {
    let mut settings =
        SourceSettings::plain("simple+https://host.example/simple/#c,A_b".parse().expect("parses"));
    settings.projects = ["a-b", "d"].map(|name| name.parse().expect("parses")).to_vec();
    let SourceSpec::SimpleIndex(spec) = &settings.spec else { panic!("no index") };
    let source = SimpleIndex::new(spec, &settings, &Context::default()).expect("connects");
    let names: Vec<&str> = source.projects.iter().map(ProjectName::as_str).collect();
    assert_eq!(names, ["c", "a-b", "d"]);
}

#[test]
fn content_types() {
    let url = "https://host.example/".parse().expect("parses");
    for good in ["text/html", " TEXT/HTML ; charset=x", "application/vnd.pypi.simple.v1+html"] {
        assert!(parse_root(Some(good), b"", &url).is_ok(), "{good}");
    }
    for bad in ["", "application/json", "text/plain", "application/vnd.pypi.simple.v2+json", "text"]
    {
        let error = parse_page(Some(bad), b"{}", &url).expect_err(bad).to_string();
        assert!(error.contains(&format!("found `{bad}`")), "{error}");
        assert!(error.contains("`application/vnd.pypi.simple.v1+json`"), "{error}");
    }
    let error = parse_page(None, b"", &url).expect_err("fails").to_string();
    assert!(error.ends_with("found none"), "{error}");
}

#[test]
fn large_pages_are_held_one_at_a_time() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NOW: AtomicUsize = AtomicUsize::new(0);
    static MOST: AtomicUsize = AtomicUsize::new(0);

    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let root = format!("http://{}/", listener.local_addr().expect("is bound"));
    std::thread::spawn(move || {
        let mut asked: Vec<String> = Vec::new();
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 4096];
            let count = stream.read(&mut head).unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..count]).into_owned();
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let name = path.trim_matches('/');
            let file = format!("<a href={name}-1.tar.gz>{name}-1.tar.gz</a>{}", " ".repeat(100));
            // At first nobody knows how large a page is.
            let again = asked.contains(&path);
            asked.push(path);
            std::thread::spawn(move || {
                if again {
                    MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(30));
                    NOW.fetch_sub(1, Ordering::SeqCst);
                }
                let length = file.len();
                let fields = "content-type: text/html\r\nconnection: close";
                let head = format!("HTTP/1.1 200 OK\r\n{fields}\r\ncontent-length: {length}");
                let _ = write!(stream, "{head}\r\n\r\n{file}");
            });
        }
    });
    let spec = format!("simple+{root}#a,b,c,d");
    let large = SimpleIndex { large_page: 50, ..source(&spec) };
    assert_eq!(large.list(0).expect("lists").artifacts.len(), 4);
    assert_eq!(MOST.load(Ordering::SeqCst), 1);
}
