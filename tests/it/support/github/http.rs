//! HTTP/1.1 by hand: the only way to cut a connection at the very byte that a test wants.

use std::fmt::Display;
use std::io::{Error, ErrorKind, Result};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::content::Content;
use super::faults::{Asked, Fault};
use super::log::{Origin, Ticket};
use super::{Shared, api, download, lock};

/// Longer heads are refused.
const HEAD_CAP: usize = 32 * 1024;
const CHUNK: u64 = 128 * 1024;
/// How long a stalled answer lasts.
const STALL: Duration = Duration::from_secs(30);

/// A request. Its body is read for uploads alone: nothing else here takes one.
pub(super) struct Request {
    pub(super) method: String,
    /// Path and query as they came.
    pub(super) target: String,
    headers: Vec<(String, String)>,
    keep_alive: bool,
    pub(super) body: Vec<u8>,
}

impl Request {
    fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut request = Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers,
            keep_alive: version == "HTTP/1.1" && target.starts_with('/'),
            body: Vec::new(),
        };
        let closes =
            request.header("connection").is_some_and(|it| it.eq_ignore_ascii_case("close"));
        let has_body = request.header("content-length").is_some_and(|length| length != "0")
            || request.header("transfer-encoding").is_some();
        request.keep_alive &= !closes && !has_body;
        Some(request)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The path as it came, without the query.
    pub(super) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }

    /// Whether the bytes of an asset are asked for, not what is known of it.
    pub(super) fn wants_bytes(&self) -> bool {
        self.header("accept").is_some_and(|accept| accept.contains("application/octet-stream"))
    }

    pub(super) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }
}

/// What a body is made of.
pub(super) enum Body {
    Bytes(Vec<u8>),
    Part(Arc<dyn Content>, Range<u64>),
}

impl Body {
    fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Part(_, range) => range.end - range.start,
        }
    }

    fn read(&self, range: Range<u64>) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => {
                bytes[super::content::index(range.start)..super::content::index(range.end)].to_vec()
            }
            Self::Part(content, part) => {
                content.read(part.start + range.start..part.start + range.end)
            }
        }
    }
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Body,
}

impl Answer {
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self { status, headers, body: Body::Bytes(body.into()) }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Display) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    fn head(&self, keep_alive: bool) -> String {
        let reason = StatusCode::from_u16(self.status).ok().and_then(|it| it.canonical_reason());
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason.unwrap_or("Unknown"));
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.status != 304 {
            head.push_str(&format!("content-length: {}\r\n", self.body.size()));
        }
        let connection = if keep_alive { "keep-alive" } else { "close" };
        let now = super::state::http_time(jiff::Timestamp::now());
        head.push_str(&format!("date: {now}\r\nconnection: {connection}\r\n\r\n"));
        head
    }
}

/// Answers whoever connects, for as long as the runtime lives.
pub(super) async fn listen(origin: Origin, listener: TcpListener, shared: Arc<Shared>) {
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            // An answer consists of small writes that nothing should hold back.
            let _ = stream.set_nodelay(true);
            let wire = Wire { stream, read: Vec::new() };
            tokio::spawn(converse(origin, wire, shared.clone()));
        }
    }
}

async fn converse(origin: Origin, mut wire: Wire, shared: Arc<Shared>) {
    while let Ok(Some(request)) = wire.request().await {
        if !matches!(exchange(origin, &mut wire, &request, &shared).await, Ok(true)) {
            break;
        }
    }
}

/// Answers one request; says whether the connection can go on.
async fn exchange(
    origin: Origin,
    wire: &mut Wire,
    request: &Request,
    shared: &Arc<Shared>,
) -> Result<bool> {
    let mut ticket = Ticket::new(shared, origin, request);
    let fault = lock(&shared.faults).decide(Asked {
        origin,
        method: &request.method,
        path: &request.target,
        range: request.header("range"),
        times: 0,
    });
    ticket.note(|entry| entry.fault = fault);
    let latency = lock(&shared.world).options.latency;
    if !latency.is_zero() {
        sleep(latency).await;
    }
    if matches!(fault, Some(Fault::Status(_) | Fault::Reset)) && origin == Origin::Api {
        api::break_off(shared, request);
    }
    match fault {
        Some(Fault::Reset) => {
            wire.stream.set_zero_linger()?;
            return Ok(false);
        }
        Some(Fault::Stall) => {
            let _ = timeout(STALL, wire.closed()).await;
            return Ok(false);
        }
        Some(Fault::Slow(time)) => sleep(time).await,
        _ => {}
    }
    let answer = match (fault, &*request.method) {
        (Some(Fault::Status(status)), _) => api::failure(origin, status),
        (Some(Fault::TooMany(seconds)), _) => {
            api::failure(origin, 429).with("retry-after", seconds)
        }
        (_, "GET" | "HEAD") => match origin {
            Origin::Api => api::answer(shared, request, fault),
            Origin::Web => download::web(shared, request),
            Origin::Blob => download::blob(shared, request, fault),
        },
        (_, "POST" | "PATCH" | "DELETE") if origin == Origin::Api => api::change(shared, request),
        _ => api::failure(origin, 405),
    };
    ticket.note(|entry| entry.status = answer.status);
    wire.send(request, &answer, fault, &mut ticket).await
}

/// A connection and what was read ahead.
struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Wire {
    /// The next request; none where the client is done.
    async fn request(&mut self) -> Result<Option<Request>> {
        loop {
            if let Some(end) = self.read.windows(4).position(|part| part == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.read[..end]).into_owned();
                self.read.drain(..end + 4);
                let Some(mut request) = Request::parse(&head) else { return Ok(None) };
                if matches!(&*request.method, "POST" | "PATCH") {
                    let length = request.header("content-length").and_then(|it| it.parse().ok());
                    request.body = self.take(length.unwrap_or(0)).await?;
                }
                return Ok(Some(request));
            }
            if self.read.len() > HEAD_CAP {
                self.write(Answer::new(431, "text/plain", "").head(false).as_bytes()).await?;
                return Ok(None);
            }
            if self.fill().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// So many bytes, or fewer where the client goes away.
    async fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.read.len() < length && self.fill().await? > 0 {}
        let end = length.min(self.read.len());
        Ok(self.read.drain(..end).collect())
    }

    async fn fill(&mut self) -> Result<usize> {
        loop {
            self.stream.readable().await?;
            let mut part = [0; 16 * 1024];
            match self.stream.try_read(&mut part) {
                Ok(count) => {
                    self.read.extend_from_slice(&part[..count]);
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until the client hangs up.
    async fn closed(&mut self) {
        while matches!(self.fill().await, Ok(1..)) {}
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(bytes) {
                Ok(0) => return Err(Error::from(ErrorKind::WriteZero)),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn send(
        &mut self,
        request: &Request,
        answer: &Answer,
        fault: Option<Fault>,
        ticket: &mut Ticket,
    ) -> Result<bool> {
        let size = if request.is_head() { 0 } else { answer.body.size() };
        let end = match fault {
            Some(Fault::ResetAfter(bytes) | Fault::TruncateAfter(bytes)) if size > 0 => {
                bytes % size
            }
            _ => size,
        };
        let mut bytes = answer.head(request.keep_alive).into_bytes();
        let mut at = 0;
        loop {
            let next = end.min(at + CHUNK);
            bytes.extend(answer.body.read(at..next));
            if next == end {
                ticket.almost_done();
            }
            self.write(&bytes).await?;
            ticket.note(|entry| entry.sent = next);
            if next == end {
                break;
            }
            (at, bytes) = (next, Vec::new());
        }
        if end < size && matches!(fault, Some(Fault::ResetAfter(_))) {
            // A reset discards what is on its way: what was sent shall arrive.
            sleep(Duration::from_millis(2)).await;
            self.stream.set_zero_linger()?;
        }
        Ok(end == size && request.keep_alive)
    }
}
