//! A proxy in front of a store: counts operations, lets some of them fail, and holds all
//! that come after the N-th.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What the proxy does to an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Nothing.
    None,
    /// The store never hears of it; this status comes back, with this body.
    Refuse(u16, String),
    /// The connection breaks before the store hears of it.
    Break,
    /// The store does it, and the answer is lost.
    Lose,
    /// The store does it, and half of the answer comes.
    Halve,
    /// It takes its time.
    Slow(Duration),
}

/// An operation as it came.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    /// From 1.
    pub(crate) number: u64,
}

type Decide = dyn Fn(&Operation) -> Trouble + Send + Sync;

struct Shared {
    upstream: String,
    decide: Mutex<Arc<Decide>>,
    log: Mutex<Vec<Operation>>,
    count: AtomicU64,
    /// Operations beyond this one are held until the proxy ends.
    limit: AtomicU64,
    stops: AtomicBool,
    /// What is put behind the path of a `PUT`.
    put_query: Mutex<String>,
    open: AtomicU64,
    most: AtomicU64,
    /// By path: the content types that came back.
    types: Mutex<Vec<(String, String)>>,
}

/// A running proxy; ends with the value.
pub(crate) struct Proxy {
    shared: Arc<Shared>,
    /// Without a slash at the end.
    pub(crate) url: String,
    port: u16,
}

impl Proxy {
    /// In front of `http://HOST:PORT`.
    pub(crate) fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let port = listener.local_addr().expect("is bound").port();
        let upstream = upstream.trim_start_matches("http://");
        let shared = Arc::new(Shared {
            upstream: upstream.split('/').next().expect("has a host").to_owned(),
            decide: Mutex::new(Arc::new(|_: &Operation| Trouble::None)),
            log: Mutex::default(),
            count: AtomicU64::new(0),
            limit: AtomicU64::new(u64::MAX),
            stops: AtomicBool::new(false),
            put_query: Mutex::default(),
            open: AtomicU64::new(0),
            most: AtomicU64::new(0),
            types: Mutex::default(),
        });
        let of_thread = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if of_thread.stops.load(Ordering::Relaxed) {
                    break;
                }
                let shared = of_thread.clone();
                std::thread::spawn(move || {
                    // A client that goes away is none of a test's business.
                    let _ = shared.serve(stream);
                });
            }
        });
        Self { shared, url: format!("http://127.0.0.1:{port}"), port }
    }

    /// Decides from now on what happens to operations.
    pub(crate) fn trouble(&self, decide: impl Fn(&Operation) -> Trouble + Send + Sync + 'static) {
        *lock(&self.shared.decide) = Arc::new(decide);
    }

    /// For the emulator of Google's store: puts a query behind the path of every `PUT`, lets it see
    /// its own name as the host, and says of what was written what it leaves out.
    pub(crate) fn add_to_puts(&self, query: &str) {
        query.clone_into(&mut lock(&self.shared.put_query));
    }

    /// Forgets what was, and lets so many operations through.
    pub(crate) fn let_through(&self, limit: u64) {
        lock(&self.shared.log).clear();
        self.shared.count.store(0, Ordering::Relaxed);
        self.shared.limit.store(limit, Ordering::Relaxed);
        self.shared.most.store(0, Ordering::Relaxed);
    }

    /// How many operations came.
    pub(crate) fn count(&self) -> u64 {
        self.shared.count.load(Ordering::Relaxed)
    }

    /// How many were under way at once, at most.
    pub(crate) fn most(&self) -> u64 {
        self.shared.most.load(Ordering::Relaxed)
    }

    /// The content type that came back last for a path that ends so.
    pub(crate) fn content_type(&self, end: &str) -> Option<String> {
        let types = lock(&self.shared.types);
        let found = types.iter().rev().find(|(path, _)| path.ends_with(end));
        found.map(|(_, content_type)| content_type.clone())
    }

    pub(crate) fn log(&self) -> Vec<Operation> {
        lock(&self.shared.log).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads an answer to its end. Not every server closes the connection then.
fn read_answer(upstream: &mut TcpStream, method: &str) -> std::io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    let mut part = [0; 16 * 1024];
    loop {
        let head = answer.windows(4).position(|part| part == b"\r\n\r\n").map(|end| end + 4);
        if let Some(start) = head {
            let text = String::from_utf8_lossy(&answer[..start]).to_ascii_lowercase();
            let status = text.split(' ').nth(1);
            let is_empty = method == "HEAD" || matches!(status, Some("204" | "304"));
            let header = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
            let length = header("content-length:").and_then(|length| length.trim().parse().ok());
            let is_chunked = header("transfer-encoding:").is_some();
            let body = &answer[start..];
            let is_whole = is_empty
                || length.is_some_and(|length: usize| body.len() >= length)
                || is_chunked && body.ends_with(b"0\r\n\r\n");
            if is_whole {
                return Ok(answer);
            }
        }
        match upstream.read(&mut part)? {
            0 => return Ok(answer),
            count => answer.extend_from_slice(&part[..count]),
        }
    }
}

/// An operation under way.
struct Open<'a>(&'a AtomicU64);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    /// One request a connection: what breaks then breaks one operation.
    fn serve(&self, mut client: TcpStream) -> std::io::Result<()> {
        client.set_nodelay(true)?;
        client.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut read = Vec::new();
        let end = loop {
            if let Some(end) = read.windows(4).position(|part| part == b"\r\n\r\n") {
                break end + 4;
            }
            let mut part = [0; 16 * 1024];
            match client.read(&mut part)? {
                0 => return Ok(()),
                count => read.extend_from_slice(&part[..count]),
            }
        };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        let mut words = head.split(' ');
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let operation = Operation {
            method: words.next().unwrap_or_default().to_owned(),
            path: words.next().unwrap_or_default().to_owned(),
            number,
        };
        lock(&self.log).push(operation.clone());
        if number > self.limit.load(Ordering::Relaxed) {
            // Held until the client is gone.
            let mut part = [0; 16 * 1024];
            while client.read(&mut part)? > 0 {}
            return Ok(());
        }
        let now = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
        let open = Open(&self.open);
        self.answer(&mut client, &operation, &head, read.split_off(end), open)
    }

    fn answer(
        &self,
        client: &mut TcpStream,
        operation: &Operation,
        head: &str,
        mut body: Vec<u8>,
        open: Open<'_>,
    ) -> std::io::Result<()> {
        let decide = lock(&self.decide).clone();
        let trouble = decide(operation);
        if trouble == Trouble::Break {
            // What was sent and not read makes it a reset.
            return Ok(());
        }
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (found, value) = line.split_once(':')?;
                found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let length: usize =
            header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if header("expect").is_some() {
            client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        while body.len() < length {
            let mut part = [0; 16 * 1024];
            match client.read(&mut part)? {
                0 => return Ok(()),
                count => body.extend_from_slice(&part[..count]),
            }
        }
        if let Trouble::Refuse(status, text) = &trouble {
            let answer = format!(
                "HTTP/1.1 {status} Trouble\r\ncontent-type: application/xml\r\ncontent-length: \
                    {}\r\nconnection: close\r\n\r\n{text}",
                text.len()
            );
            drop(open);
            client.write_all(answer.as_bytes())?;
            return client.shutdown(Shutdown::Write);
        }
        if let Trouble::Slow(time) = &trouble {
            std::thread::sleep(*time);
        }
        let mut upstream = TcpStream::connect(&self.upstream)?;
        upstream.set_nodelay(true)?;
        upstream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let kept = head.lines().filter(|line| {
            let name = line.split(':').next().unwrap_or_default();
            !line.is_empty() && !["connection", "expect"].contains(&&*name.to_ascii_lowercase())
        });
        let mut sent: String = kept.map(|line| format!("{line}\r\n")).collect();
        if let Some(host) = header("host").filter(|_| !lock(&self.put_query).is_empty()) {
            sent = sent.replacen(&format!(": {host}\r\n"), &format!(": {}\r\n", self.upstream), 1);
        }
        let query = lock(&self.put_query).clone();
        if operation.method == "PUT" && !query.is_empty() {
            sent = sent.replacen(&operation.path, &format!("{}?{query}", operation.path), 1);
        }
        sent.push_str("connection: close\r\n\r\n");
        let mut sent = sent.into_bytes();
        sent.extend(body);
        upstream.write_all(&sent)?;
        let mut answer = read_answer(&mut upstream, &operation.method)?;
        if operation.method == "PUT" && !query.is_empty() {
            // What the real one says of what it has written.
            let said = b"\r\nETag: \"put\"\r\nx-goog-generation: 1\r\n";
            if let Some(line) = answer.windows(2).position(|part| part == b"\r\n") {
                answer.splice(line..line + 2, said.iter().copied());
            }
        }
        let head = String::from_utf8_lossy(&answer[..answer.len().min(16 * 1024)]).into_owned();
        let content_type = head.lines().take_while(|line| !line.is_empty()).find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-type").then(|| value.trim().to_owned())
        });
        // What has not changed comes without one.
        let path = &operation.path;
        lock(&self.types).extend(content_type.map(|content_type| (path.clone(), content_type)));
        let end = match trouble {
            Trouble::Lose => 0,
            Trouble::Halve => answer.len() / 2,
            _ => answer.len(),
        };
        // Whoever has the answer may ask again at once.
        drop(open);
        client.write_all(&answer[..end])?;
        client.shutdown(Shutdown::Write)
    }
}
