//! The client.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, LOCATION, RETRY_AFTER,
};
use reqwest::{Method, StatusCode};
use tokio::runtime::Runtime;
use url::{Origin, Url};

use super::{Body, Failure, Network, Retry, Traffic, shown};
use crate::error::{Error, Result};
use crate::facts::UploadTime;

/// More redirects than this lead nowhere.
const MAX_REDIRECTS: usize = 10;

/// Makes requests. Clones share their connections.
#[derive(Clone)]
pub(crate) struct Client {
    /// For documents: what was packed for the way is unpacked.
    http: reqwest::Client,
    /// For files, whose bytes are hashed as they are.
    raw: reqwest::Client,
    pub(super) runtime: &'static Runtime,
    pub(super) network: Network,
}

/// A `GET` request, or a `HEAD`.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) url: Url,
    method: Method,
    pub(super) headers: HeaderMap,
    pub(super) authorization: Option<(Origin, HeaderValue)>,
    is_raw: bool,
    /// Where each attempt is counted, and each redirect that is followed.
    counted: Option<Arc<Traffic>>,
}

/// An answer whose body has not been read yet.
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Where it came from, when all redirects were followed.
    pub(crate) url: Url,
    /// What was asked before, each of which redirected to the next.
    pub(crate) redirected: Vec<Url>,
    pub(crate) body: Body,
}

/// An answer with its body.
pub(crate) struct Fetched {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Where it came from, when all redirects were followed.
    pub(crate) url: Url,
    pub(crate) bytes: Vec<u8>,
}

impl Request {
    pub(crate) fn new(url: Url) -> Self {
        let mut request = Self {
            url,
            method: Method::GET,
            headers: HeaderMap::new(),
            authorization: None,
            is_raw: false,
            counted: None,
        };
        let (user, password) = (request.url.username(), request.url.password());
        if !user.is_empty() || password.is_some() {
            let decoded = |text: &str| {
                percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
            };
            let pair = format!("{}:{}", decoded(user), decoded(password.unwrap_or_default()));
            let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
            let origin = request.url.origin();
            request = request.authorized(origin, &format!("Basic {encoded}"));
            // Only URLs without a host refuse, and those hold no user.
            let _ = request.url.set_username("");
            let _ = request.url.set_password(None);
        }
        request
    }

    /// Adds a header, if its value is one.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Says who asks, to this origin alone. What is no header value says nothing: callers check.
    pub(crate) fn authorized(mut self, origin: Origin, value: &str) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            self.authorization = Some((origin, value));
        }
        self
    }

    /// Asks for the bytes of a file as they are.
    pub(crate) fn raw(mut self) -> Self {
        self.is_raw = true;
        self.header(ACCEPT_ENCODING, "identity")
    }

    /// Asks for the headers alone.
    pub(crate) fn head(mut self) -> Self {
        self.method = Method::HEAD;
        self
    }

    /// Counts what it takes.
    pub(crate) fn counted(mut self, traffic: &Arc<Traffic>) -> Self {
        self.counted = Some(traffic.clone());
        self
    }

    /// The same request to another place.
    pub(crate) fn at(mut self, url: Url) -> Self {
        self.url = url;
        self
    }
}

impl Client {
    pub(crate) fn new(network: &Network) -> Result<Self> {
        let failed =
            |error: &dyn std::fmt::Display| Error::source(format!("cannot make requests: {error}"));
        let builder = || {
            reqwest::Client::builder()
                .user_agent(concat!("wheelsite/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(network.timeout)
                .read_timeout(network.timeout)
        };
        let http = builder().build().map_err(|error| failed(&error))?;
        let raw = builder().no_gzip().build().map_err(|error| failed(&error))?;
        let runtime = super::runtime().map_err(|error| failed(&error))?;
        Ok(Self { http, raw, runtime, network: network.clone() })
    }

    /// How patient it is.
    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// Makes a request, again where it failed for a reason that may pass.
    ///
    /// Any status that is not such a reason is an answer.
    pub(crate) fn send(&self, request: &Request) -> Result<Response, Failure> {
        self.send_within(request, &mut Retry::new(&self.network))
    }

    fn send_within(&self, request: &Request, retry: &mut Retry) -> Result<Response, Failure> {
        loop {
            let failure = match self.runtime.block_on(self.follow(request)) {
                Err(failure @ Failure::Transport(_)) => failure,
                Err(failure) => return Err(failure),
                Ok(response) => match demanded_wait(&response) {
                    Some(wait) => {
                        if !retry.wait(wait) {
                            return Err(rate_limited(wait));
                        }
                        continue;
                    }
                    None if is_transient(response.status) => Failure::Status(response.status),
                    None => return Ok(response),
                },
            };
            tracing::debug!(url = shown(&request.url), %failure, "failed");
            if !retry.pause() {
                return Err(failure);
            }
        }
    }

    /// Makes a request and reads its body, again where it breaks off.
    pub(crate) fn fetch(&self, request: &Request, limit: u64) -> Result<Fetched, Failure> {
        let mut retry = Retry::new(&self.network);
        loop {
            let Response { status, headers, url, body, .. } =
                self.send_within(request, &mut retry)?;
            let mut bytes = Vec::new();
            match body.take(limit + 1).read_to_end(&mut bytes) {
                Ok(_) if bytes.len() as u64 > limit => return Err(Failure::TooLarge { limit }),
                Ok(_) => return Ok(Fetched { status, headers, url, bytes }),
                Err(error) => {
                    tracing::debug!(url = shown(&request.url), %error, "broke off");
                    if !retry.pause() {
                        return Err(Failure::Transport(error.to_string()));
                    }
                }
            }
        }
    }

    async fn follow(&self, request: &Request) -> Result<Response, Failure> {
        let mut url = request.url.clone();
        let mut redirected = Vec::new();
        for _ in 0..=MAX_REDIRECTS {
            let client = if request.is_raw { &self.raw } else { &self.http };
            let mut asked = client
                .request(request.method.clone(), url.clone())
                .headers(request.headers.clone());
            if let Some(traffic) = &request.counted {
                traffic.request();
            }
            if let Some((origin, value)) = &request.authorization
                && *origin == url.origin()
            {
                asked = asked.header(AUTHORIZATION, value.clone());
            }
            let response = asked.send().await.map_err(Failure::of_transport)?;
            let status = response.status();
            tracing::debug!(url = shown(&url), status = status.as_u16());
            if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                let headers = response.headers().clone();
                let failed = |error| Failure::of_transport(error).into();
                let body = Body::new(response.bytes_stream(), self.runtime, failed);
                return Ok(Response { status, headers, url, redirected, body });
            }
            let next = response.headers().get(LOCATION).and_then(|next| next.to_str().ok());
            let next = next.and_then(|next| url.join(next).ok());
            let next = next.ok_or(Failure::Redirect("the server redirects to nowhere"))?;
            redirected.push(std::mem::replace(&mut url, next));
            if !matches!(url.scheme(), "https" | "http") {
                return Err(Failure::Redirect("the server redirects to something that is no URL"));
            }
        }
        Err(Failure::Redirect("the server redirects in circles"))
    }
}

fn is_transient(status: StatusCode) -> bool {
    status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// How long the server says that nobody should ask again.
///
/// `Retry-After`, or what GitHub says of its limits:
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>
fn demanded_wait(response: &Response) -> Option<Duration> {
    if !matches!(response.status.as_u16(), 403 | 429 | 503) {
        return None;
    }
    let number = |name: &str| {
        let text = response.headers.get(name)?.to_str().ok()?;
        text.trim().parse::<u64>().ok()
    };
    if let Some(seconds) = number(RETRY_AFTER.as_str()) {
        return Some(Duration::from_secs(seconds));
    }
    if number("x-ratelimit-remaining") == Some(0)
        && let Some(reset) = number("x-ratelimit-reset")
    {
        // The second after it is safe.
        return Some(Duration::from_secs(reset.saturating_sub(now()) + 1));
    }
    None
}

pub(super) fn rate_limited(wait: Duration) -> Failure {
    let seconds = wait.as_secs();
    let until = i64::try_from(now().saturating_add(seconds)).ok();
    Failure::RateLimited { until: until.and_then(UploadTime::from_seconds), seconds }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
