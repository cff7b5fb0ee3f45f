//! Servers that speak a store's protocol by half, or send elsewhere.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::patient;
use crate::support::{Run, Wheel, Workspace};

/// What is sent back: a status, fields of the head, and the body.
type Answer = (u16, String, Vec<u8>);

/// A store that answers by path and query, one request after the other, and keeps the heads.
struct Server {
    url: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(answers: impl Fn(&str) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let url = format!("http://{}", listener.local_addr().expect("is bound"));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let written = heads.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let _ = answer(stream, &answers, &written);
            }
        });
        Self { url, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("is not poisoned").clone()
    }
}

fn answer(
    mut stream: TcpStream,
    answers: &dyn Fn(&str) -> Answer,
    heads: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? > 0 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let (mut status, mut fields, mut body) = answers(head.split(' ').nth(1).unwrap_or_default());
    let range = head.lines().find_map(|line| line.strip_prefix("range: bytes="));
    let heeds = !fields.contains("accept-ranges: none");
    if let (200, Some((start, last))) = (status, range.and_then(|range| range.split_once('-')))
        && heeds
    {
        let all = body.len();
        let start: usize = start.parse().expect("is no suffix");
        let end = last.parse().map_or(all, |last: usize| all.min(last + 1));
        body = body[start..end].to_vec();
        fields.push_str(&format!("content-range: bytes {start}-{}/{all}\r\n", end - 1));
        status = 206;
    }
    let is_head = head.starts_with("HEAD ");
    heads.lock().expect("is not poisoned").push(head);
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} -\r\nconnection: close\r\ncontent-length: {length}\r\n{fields}\r\n"
    )?;
    if is_head { Ok(()) } else { stream.write_all(&body) }
}

fn wheel() -> Wheel {
    Wheel::new("demo", "1.0")
}

/// A page of a listing with one wheel, and what else is to be in it.
fn page(rest: &str) -> Answer {
    let (key, size) = (wheel().filename().to_owned(), wheel().bytes().len());
    let page = format!(
        "<?xml version=\"1.0\"?>\n<ListBucketResult><Contents><Key>w/{key}</Key>\
         <LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>\"e\"</ETag>\
         <Size>{size}</Size></Contents>{rest}</ListBucketResult>"
    );
    (200, "content-type: application/xml\r\n".to_owned(), page.into())
}

/// The wheel itself.
fn object() -> Answer {
    let fields = "etag: \"e\"\r\nlast-modified: Fri, 02 Jan 2026 03:04:05 GMT\r\n".to_owned();
    (200, fields, wheel().bytes())
}

fn truncated(token: &str) -> Answer {
    page(&format!(
        "<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
    ))
}

/// Builds from `w` in the bucket `b`, with a key, a secret and a session's token.
fn build(server: &Server, scheme: &str) -> Run {
    let workspace = Workspace::new();
    let config = json!({"sources": [
        {"source": format!("{scheme}://b/w"), "endpoint": server.url, "files": "copy"}
    ]});
    workspace.write("config/site.yml", config.to_string());
    let mut command: Command = workspace.command(&["build", "--format", "json"]);
    Run::of(
        patient(&mut command)
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "much-too-secret")
            .env("AWS_SESSION_TOKEN", "session-secret")
            .env("AZURE_STORAGE_ACCOUNT_NAME", "account")
            .env("AZURE_STORAGE_ACCOUNT_KEY", "bXVjaC10b28tc2VjcmV0")
            .env("GOOGLE_BEARER_TOKEN", "session-secret"),
    )
}

#[test]
fn a_listing_that_is_cut_short_makes_no_shorter_index() {
    // What a server says that does not know `list-type=2`.
    let server = Server::new(|path| match path {
        path if path.contains("list-type=2") => {
            page("<IsTruncated>true</IsTruncated><NextMarker>w/x</NextMarker>")
        }
        _ => object(),
    });
    for scheme in ["s3", "gs"] {
        let run = build(&server, scheme);
        run.fails(3, &[&format!("{scheme}://b/w"), &server.url, "there is more", "hint"]);
    }
    let down = Server::new(|_| (200, String::new(), b"<html><p>Back soon</p></html>".to_vec()));
    for scheme in ["s3", "gs", "az"] {
        build(&down, scheme).fails(3, &["its answer is no listing", &down.url]);
    }
}

#[test]
fn a_listing_of_several_pages_is_read_to_its_end() {
    let server = Server::new(|path| match path {
        path if path.contains("continuation-token=one") => truncated("two"),
        path if path.contains("continuation-token=two") => page("<IsTruncated>false</IsTruncated>"),
        path if path.contains("list-type=2") => truncated("one"),
        _ => object(),
    });
    for scheme in ["s3", "gs"] {
        assert_eq!(build(&server, scheme).works().json()["projects"], 1);
    }
    let listings = server.heads().into_iter().filter(|head| head.contains("list-type=2"));
    assert_eq!(listings.count(), 6);
}

#[test]
fn a_listing_that_leads_back_comes_to_an_end() {
    let server = Server::new(|path| match path {
        path if path.contains("continuation-token=one") => truncated("two"),
        path if path.contains("continuation-token=two") => truncated("one"),
        path if path.contains("list-type=2") => truncated("one"),
        _ => object(),
    });
    for scheme in ["s3", "gs"] {
        build(&server, scheme).fails(3, &["a page that was there already", &server.url, "token"]);
    }
    assert_eq!(server.heads().len(), 6);

    let azure = Server::new(|_| {
        let page = "<EnumerationResults><Blobs></Blobs><NextMarker>again</NextMarker></EnumerationResults>";
        (200, "content-type: application/xml\r\n".to_owned(), page.into())
    });
    build(&azure, "az").fails(3, &["az://b/w", "a page that was there already", "hint"]);
    assert_eq!(azure.heads().len(), 2);
}

/// Fields of heads that hold, or are made from, what is secret.
fn credentials(heads: &[String]) -> Vec<&str> {
    let lines = heads.iter().flat_map(|head| head.lines().skip(1));
    lines
        .filter(|line| {
            let line = line.to_ascii_lowercase();
            ["authorization", "x-amz-", "x-ms-", "x-goog-", "cookie"]
                .iter()
                .any(|name| line.starts_with(name))
                || line.contains("secret")
        })
        .collect()
}

#[test]
fn credentials_stay_with_the_server_that_they_are_for() {
    let other = Server::new(|_| object());
    let elsewhere = other.url.clone();
    let server = Server::new(move |path| match path {
        path if path.contains("list-type=2") => page(""),
        _ => (302, format!("location: {elsewhere}/cdn{path}?sig=1\r\n"), Vec::new()),
    });
    for scheme in ["s3", "gs"] {
        assert_eq!(build(&server, scheme).works().json()["projects"], 1);
    }
    assert!(!credentials(&server.heads()).is_empty());
    let heads = other.heads();
    assert!(
        heads.iter().any(|head| head.starts_with("GET /cdn/b/w/demo-1.0-py3-none-any.whl?sig=1")),
        "{heads:?}"
    );
    assert_eq!(credentials(&heads), Vec::<&str>::new());
}

#[test]
fn a_bucket_that_is_elsewhere_is_not_asked_for_there() {
    let other = Server::new(|_| page(""));
    let elsewhere = other.url.clone();
    let server = Server::new(move |path| {
        let fields = format!("location: {elsewhere}{path}\r\nx-amz-bucket-region: eu-west-1\r\n");
        (307, fields, Vec::new())
    });
    let told = ["307", &*other.url, "`eu-west-1`", "`region: eu-west-1`"];
    build(&server, "s3").fails(3, &told);
    for scheme in ["gs", "az"] {
        build(&server, scheme).fails(3, &["307", &other.url, "set `endpoint`"]);
    }
    assert_eq!(other.heads(), Vec::<String>::new());

    // As Amazon answers what is signed for another region: without a place.
    let server = Server::new(|_| {
        let body = "<Error><Code>PermanentRedirect</Code><Endpoint>b.s3-eu-west-1.example.com</Endpoint></Error>";
        (301, String::new(), body.into())
    });
    let told = ["301", "https://b.s3-eu-west-1.example.com", "`region` of the source"];
    build(&server, "s3").fails(3, &told);
}

#[test]
fn a_server_without_ranges_costs_one_download() {
    let server = Server::new(|path| {
        if path.contains("list-type=2") {
            page("<IsTruncated>false</IsTruncated>")
        } else {
            let (status, fields, body) = object();
            (status, fields + "accept-ranges: none\r\n", body)
        }
    });
    let run = build(&server, "s3");
    assert_eq!(run.works().json()["accepted"], 1);
}
