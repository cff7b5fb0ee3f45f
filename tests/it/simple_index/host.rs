//! A web server that answers as a test says, and writes down who asked for what.

use std::io::{Result, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::support::head::Head;

/// What is answered, before a range of it is cut out.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Empty for none.
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
    /// Whether its length is told; else it ends where the connection does.
    pub(crate) is_delimited: bool,
    /// Whether it says that its body is gzip.
    pub(crate) is_packed: bool,
}

impl Answer {
    pub(crate) fn new(content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self { status: 200, content_type, body, is_delimited: true, is_packed: false }
    }

    pub(crate) fn status(status: u16) -> Self {
        Self { status, ..Self::new("text/plain", "") }
    }
}

/// A request, and how it went.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) accept: String,
    pub(crate) status: u16,
    /// Bytes of the body.
    pub(crate) sent: usize,
}

type Answers = dyn Fn(&str, Option<&str>) -> Answer + Send + Sync;

/// A running server; it lives as long as the process.
pub(crate) struct Host {
    /// Ends in a slash.
    pub(crate) url: String,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Host {
    /// One that answers by path and `Authorization`.
    pub(crate) fn new(
        answers: impl Fn(&str, Option<&str>) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let url = format!("http://{}/", listener.local_addr().expect("is bound"));
        let log = Arc::new(Mutex::new(Vec::new()));
        let (written, answers): (_, Arc<Answers>) = (log.clone(), Arc::new(answers));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (written, answers) = (written.clone(), answers.clone());
                std::thread::spawn(move || converse(stream, &*answers, &written));
            }
        });
        Self { url, log }
    }

    /// One that serves a folder as the simplest of hosts do: in HTML, whatever is asked for.
    pub(crate) fn of_folder(folder: &Path) -> Self {
        let folder = folder.to_owned();
        Self::new(move |path, _| of_folder(&folder, path))
    }

    /// All requests so far.
    pub(crate) fn log(&self) -> Vec<Asked> {
        self.log.lock().expect("is not poisoned").clone()
    }

    /// All requests so far whose path ends so.
    pub(crate) fn asked_for(&self, end: &str) -> Vec<Asked> {
        self.log().into_iter().filter(|asked| asked.path.ends_with(end)).collect()
    }
}

/// What a static host answers for a path.
pub(crate) fn of_folder(folder: &Path, path: &str) -> Answer {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned();
    let mut file = folder.join(decoded.trim_start_matches('/'));
    if path.ends_with('/') {
        file.push("index.html");
    }
    let is_page = file.extension().is_some_and(|extension| extension == "html");
    let content_type =
        if is_page { "text/html; charset=utf-8" } else { "application/octet-stream" };
    std::fs::read(file).map_or(Answer::status(404), |body| Answer::new(content_type, body))
}

fn converse(mut stream: TcpStream, answers: &Answers, log: &Mutex<Vec<Asked>>) -> Result<()> {
    stream.set_nodelay(true)?;
    let head = Head::read(&mut stream)?;
    let header = |name: &str| head.header(name);
    let path = head.path();
    let authorization = header("authorization");
    let Answer { mut status, content_type, body, is_delimited, is_packed } =
        answers(path, authorization);
    let mut fields = String::from("connection: close\r\n");
    if !content_type.is_empty() {
        fields.push_str(&format!("content-type: {content_type}\r\n"));
    }
    if is_packed {
        fields.push_str("content-encoding: gzip\r\n");
    }
    let mut part = 0..body.len();
    if let (200, Some(range)) = (status, header("range").and_then(|text| cut(text, body.len()))) {
        let (start, last, all) = (range.start, range.end - 1, body.len());
        fields.push_str(&format!("content-range: bytes {start}-{last}/{all}\r\n"));
        (status, part) = (206, range);
    }
    log.lock().expect("is not poisoned").push(Asked {
        path: path.to_owned(),
        authorization: authorization.map(str::to_owned),
        accept: header("accept").unwrap_or_default().to_owned(),
        status,
        sent: part.len(),
    });
    if is_delimited {
        fields.push_str(&format!("content-length: {}\r\n", part.len()));
    }
    write!(stream, "HTTP/1.1 {status} -\r\n{fields}\r\n")?;
    stream.write_all(&body[part])
}

/// The bytes that a `Range` header with one range means.
fn cut(header: &str, length: usize) -> Option<Range<usize>> {
    let (start, end) = header.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (start.parse::<usize>(), end.parse::<usize>()) {
        (Ok(start), Ok(last)) => start..length.min(last + 1),
        (Ok(start), Err(_)) => start..length,
        (Err(_), Ok(count)) => length.saturating_sub(count)..length,
        (Err(_), Err(_)) => return None,
    };
    (!range.is_empty()).then_some(range)
}
