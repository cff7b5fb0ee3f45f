//! A server before `wheelsite serve` that changes what a test says, and nothing else.

use std::io::{Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::head::Head;
use crate::support::reader::client;

/// What a client asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) accept: String,
    pub(super) range: Option<String>,
    pub(super) authorization: Option<String>,
}

/// What it gets.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// A running server; ends with the value.
pub(super) struct Flawed {
    /// Ends in a slash.
    pub(super) url: String,
    port: u16,
    stops: Arc<AtomicBool>,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Asked {
    /// Whether it is for a page of the index.
    pub(super) fn is_page(&self) -> bool {
        self.path.starts_with("/simple/") && self.path.ends_with('/')
    }

    /// Whether it is for the page of a project.
    pub(super) fn is_project(&self) -> bool {
        self.is_page() && self.path != "/simple/"
    }

    pub(super) fn is_wheel(&self) -> bool {
        self.path.ends_with(".whl")
    }
}

impl Reply {
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into() }
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(found, _)| found == name);
        found.map_or("", |(_, value)| value)
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.headers.retain(|(found, _)| found != name);
    }

    pub(super) fn is_json(&self) -> bool {
        self.header("content-type").contains("v1+json")
    }

    pub(super) fn is_html(&self) -> bool {
        self.status == 200 && self.header("content-type").contains("html")
    }

    /// Replaces the first occurrence of a text.
    pub(super) fn replace(&mut self, from: &str, to: &str) {
        let text = String::from_utf8(std::mem::take(&mut self.body)).expect("is text");
        self.body = text.replacen(from, to, 1).into_bytes();
    }

    /// The same in both forms of a page.
    pub(super) fn edit(&mut self, json: (&str, &str), html: (&str, &str)) {
        if self.is_json() {
            self.replace(json.0, json.1);
        } else if self.is_html() {
            self.replace(html.0, html.1);
        }
    }
}

impl Flawed {
    /// In front of a server, whose URL ends in a slash.
    pub(super) fn before(
        upstream: &str,
        plant: impl Fn(&Asked, &mut Reply) + Send + Sync + 'static,
    ) -> Self {
        let client = client();
        let upstream = upstream.trim_end_matches('/').to_owned();
        Self::start(move |asked| {
            let method = asked.method.parse().expect("is a method");
            let mut request = client.request(method, format!("{upstream}{}", asked.path));
            request = request.header("accept", &asked.accept);
            if let Some(range) = &asked.range {
                request = request.header("range", range);
            }
            let answer = request.send().expect("is answered");
            let value =
                |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
                    (name.as_str().to_owned(), value.to_str().expect("is text").to_owned())
                };
            let mut reply = Reply {
                status: answer.status().as_u16(),
                headers: answer.headers().iter().map(value).collect(),
                body: answer.bytes().expect("reads").into(),
            };
            plant(asked, &mut reply);
            reply
        })
    }

    /// A server of the test's own.
    pub(super) fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let port = listener.local_addr().expect("is bound").port();
        let (stops, log) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (stopped, written) = (stops.clone(), log.clone());
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let (answer, written) = (answer.clone(), written.clone());
                // A client that goes away is none of a test's business.
                std::thread::spawn(move || converse(stream, &*answer, &written));
            }
        });
        Self { url: format!("http://127.0.0.1:{port}/"), port, stops, log }
    }

    pub(super) fn log(&self) -> Vec<Asked> {
        self.log.lock().expect("is not poisoned").clone()
    }
}

impl Drop for Flawed {
    fn drop(&mut self) {
        self.stops.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn converse(
    mut stream: TcpStream,
    answer: &dyn Fn(&Asked) -> Reply,
    log: &Mutex<Vec<Asked>>,
) -> Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.set_write_timeout(Some(Duration::from_secs(30)))?;
    let head = Head::read(&mut stream)?;
    let header = |name: &str| head.header(name).map(str::to_owned);
    let asked = Asked {
        method: head.method().to_owned(),
        path: head.path().to_owned(),
        accept: header("accept").unwrap_or_default(),
        range: header("range"),
        authorization: header("authorization"),
    };
    if asked.path.is_empty() {
        return Ok(());
    }
    log.lock().expect("is not poisoned").push(asked.clone());
    let reply = answer(&asked);
    let mut text = format!("HTTP/1.1 {} -\r\nconnection: close\r\n", reply.status);
    let is_head = asked.method == "HEAD";
    for (name, value) in &reply.headers {
        let is_own = ["connection", "transfer-encoding"].contains(&&**name);
        if !is_own && (is_head || name != "content-length") {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    if !is_head {
        text.push_str(&format!("content-length: {}\r\n", reply.body.len()));
    }
    stream.write_all(format!("{text}\r\n").as_bytes())?;
    if !is_head {
        stream.write_all(&reply.body)?;
    }
    stream.flush()
}
