//! What is asked: requests as clients make them, counted and bounded.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{ACCEPT, HeaderMap, RANGE};
use serde::Serialize;
use sha2::Digest;
use url::Url;

use crate::error::Result;
use crate::net::{Client, Failure, Network, Request, Response, Traffic};
use crate::source::simple_index::JSON;

/// Bytes of an answer that are read at once.
const CHUNK: usize = 64 * 1024;
/// No slower is a connection that is worth waiting for, in bytes a second.
const SLOWEST: u64 = 32 * 1024;

/// Whose `Accept` header a page is asked for with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asker {
    /// pip, and what is built on unearth.
    Pip,
    /// uv.
    Uv,
    /// A browser: HTML before all else.
    Browser,
    /// Who takes whatever comes.
    Anybody,
    /// Who takes JSON and nothing else.
    JsonOnly,
}

impl Asker {
    /// The header, as the client sends it.
    pub(super) fn accept(self) -> &'static str {
        match self {
            Self::Pip => {
                "application/vnd.pypi.simple.v1+json, \
                 application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01"
            }
            Self::Uv => {
                "application/vnd.pypi.simple.v1+json, \
                 application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"
            }
            Self::Browser => "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            Self::Anybody => "*/*",
            Self::JsonOnly => JSON,
        }
    }

    /// What it is called in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pip => "pip",
            Self::Uv => "uv",
            Self::Browser => "a browser",
            Self::Anybody => "`*/*`",
            Self::JsonOnly => "JSON only",
        }
    }
}

/// An answer of which as much was read as was wanted.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// Where it came from.
    pub(super) url: Url,
    /// What was asked before, each of which redirected to the next.
    pub(super) redirected: Vec<Url>,
    pub(super) bytes: Vec<u8>,
    /// Whether there was more than was wanted.
    pub(super) is_cut: bool,
}

impl Received {
    /// A header's value, if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the answer is what was asked for.
    pub(super) fn is_ok(&self) -> bool {
        self.status == 200
    }
}

/// A file that was read to its end.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) status: u16,
    /// By algorithm.
    pub(super) digests: [(&'static str, String); 3],
    /// In bytes.
    pub(super) size: u64,
}

/// What a request gave.
pub(super) type Answer = Result<Received, Failure>;

/// Makes the requests.
pub(super) struct Prober {
    client: Client,
    /// To the index, with its user, who is told to its own origin alone.
    root: Request,
    traffic: Arc<Traffic>,
}

impl Prober {
    /// Who looks at an index. The URL may hold a user name and a password.
    pub(super) fn new(url: Url, network: &Network) -> Result<Self> {
        let traffic: Arc<Traffic> = Arc::default();
        let root = Request::new(url).counted(&traffic);
        Ok(Self { client: Client::new(network)?, root, traffic })
    }

    /// The index, without a user.
    pub(super) fn url(&self) -> &Url {
        &self.root.url
    }

    /// The index is elsewhere in its origin.
    pub(super) fn move_to(&mut self, url: &Url) {
        self.root.url = url.clone();
    }

    /// How many requests were made so far.
    pub(super) fn requests(&self) -> u64 {
        self.traffic.requests()
    }

    /// Counts what is read.
    pub(super) fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// A document, as somebody asks for it.
    pub(super) fn page(&self, url: &Url, asker: Asker, limit: u64) -> Answer {
        self.read(&self.at(url).header(ACCEPT, asker.accept()), limit)
    }

    /// A file's bytes as they are, up to a limit.
    pub(super) fn file(&self, url: &Url, limit: u64) -> Answer {
        self.read(&self.at(url).raw(), limit)
    }

    /// A file's headers.
    pub(super) fn head(&self, url: &Url) -> Answer {
        self.read(&self.at(url).raw().head(), 0)
    }

    /// The first bytes of a file, asked for as a range.
    pub(super) fn beginning(&self, url: &Url, count: u64) -> Answer {
        let range = format!("bytes=0-{}", count.saturating_sub(1));
        self.read(&self.at(url).raw().header(RANGE, &range), count)
    }

    /// The digests and the size of a whole file, which is not kept.
    pub(super) fn digest(&self, url: &Url) -> Result<Whole, Failure> {
        let response = self.client.send(&self.at(url).raw())?;
        let (mut sha256, mut sha384, mut sha512) =
            (sha2::Sha256::new(), sha2::Sha384::new(), sha2::Sha512::new());
        let mut size = 0;
        let received = self.take(response, u64::MAX, |bytes| {
            sha256.update(bytes);
            sha384.update(bytes);
            sha512.update(bytes);
            size += bytes.len() as u64;
        })?;
        let digests = [
            ("sha256", hex::encode(sha256.finalize())),
            ("sha384", hex::encode(sha384.finalize())),
            ("sha512", hex::encode(sha512.finalize())),
        ];
        Ok(Whole { status: received.status, digests, size })
    }

    fn at(&self, url: &Url) -> Request {
        self.root.clone().at(url.clone())
    }

    fn read(&self, request: &Request, limit: u64) -> Answer {
        let response = self.client.send(request)?;
        let mut bytes = Vec::new();
        let received = self.take(response, limit, |part| bytes.extend_from_slice(part))?;
        Ok(Received { bytes, ..received })
    }

    /// Hands on the body until there have been so many bytes, or until it takes far too long.
    fn take(&self, response: Response, limit: u64, mut to: impl FnMut(&[u8])) -> Answer {
        let Response { status, headers, url, redirected, mut body } = response;
        let begun = Instant::now();
        let patience = self.client.network().timeout;
        let mut chunk = vec![0; CHUNK];
        let mut count: u64 = 0;
        let mut is_cut = false;
        loop {
            let read = body.read(&mut chunk);
            let read = read.map_err(|error| Failure::Transport(error.to_string()))?;
            if read == 0 {
                break;
            }
            let left = usize::try_from(limit - count).unwrap_or(usize::MAX);
            is_cut = read > left;
            to(&chunk[..read.min(left)]);
            count += read.min(left) as u64;
            self.traffic.add(read as u64);
            if is_cut {
                break;
            }
            // Servers that drip say something all the time.
            if begun.elapsed() > patience + Duration::from_secs(count / SLOWEST) {
                let reason = "the answer takes longer than anybody waits".to_owned();
                return Err(Failure::Transport(reason));
            }
        }
        let status = status.as_u16();
        Ok(Received { status, headers, url, redirected, bytes: Vec::new(), is_cut })
    }
}
