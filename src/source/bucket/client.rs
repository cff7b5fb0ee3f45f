//! How stores are asked: by a client that sends credentials to the origin that they are for and
//! nowhere else, that takes no half of a listing for a whole one, and whose answers carry
//! their headers.

use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpService,
};
use object_store::{ClientConfigKey, Error as StoreError};
use reqwest::header::{
    ACCEPT, HeaderMap, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE,
    LOCATION, RANGE, USER_AGENT,
};
use reqwest::tls::Certificate;
use reqwest::{Method, NoProxy, Proxy, StatusCode};
use url::Url;

use super::checksum::Seen;
use super::failure::element;
use super::listing::{Pages, Question, Refused};

/// More redirects than this lead nowhere.
const MAX_REDIRECTS: usize = 10;
/// No page of a listing has more bytes.
const MAX_PAGE: usize = 256 * 1024 * 1024;
/// No more is read of an answer that sends elsewhere.
const MAX_ELSEWHERE: usize = 64 * 1024;
/// What another origin is told. All else may be a secret, or be signed for the first.
const HARMLESS: [HeaderName; 7] =
    [ACCEPT, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE, RANGE, USER_AGENT];

/// Makes such clients.
#[derive(Debug)]
pub(super) struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = build(options)?;
        let inner = HttpClient::new(client);
        Ok(HttpClient::new(Careful { inner, pages: Pages::default() }))
    }
}

/// As `object_store` builds it, but for redirects: it would follow them, and would take no
/// header along but `Authorization` for a secret. Default headers are no matter of the client: to S3,
/// `object_store` sends them itself, for it must sign them.
fn build(options: &ClientOptions) -> object_store::Result<reqwest::Client> {
    let failed =
        |error: reqwest::Error| StoreError::Generic { store: "HTTP client", source: error.into() };
    let option = |key: ClientConfigKey| options.get_config_value(&key);
    let is_set = |key| option(key).as_deref().is_some_and(says_yes);
    let time = |key: ClientConfigKey| {
        let text = option(key);
        text.map(|text| {
            let invalid = || format!("`{}`: `{text}` is no duration", key.as_ref()).into();
            duration(&text).ok_or_else(|| StoreError::Generic { store: "HTTP", source: invalid() })
        })
        .transpose()
    };
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        // The length of what is packed for the way is not that of the object.
        .no_gzip()
        .https_only(!is_set(ClientConfigKey::AllowHttp))
        .tls_danger_accept_invalid_certs(is_set(ClientConfigKey::AllowInvalidCertificates));
    if let Some(agent) = option(ClientConfigKey::UserAgent) {
        builder = builder.user_agent(agent);
    }
    if let Some(url) = option(ClientConfigKey::ProxyUrl) {
        let mut proxy = Proxy::all(url).map_err(failed)?;
        if let Some(pem) = option(ClientConfigKey::ProxyCaCertificate) {
            let certificate = Certificate::from_pem(pem.as_bytes()).map_err(failed)?;
            builder = builder.tls_certs_merge([certificate]);
        }
        if let Some(hosts) = option(ClientConfigKey::ProxyExcludes) {
            proxy = proxy.no_proxy(NoProxy::from_string(&hosts));
        }
        builder = builder.proxy(proxy);
    }
    if is_set(ClientConfigKey::NoSystemCertificates) {
        builder = builder.tls_certs_only([]);
    }
    if let Some(timeout) = time(ClientConfigKey::Timeout)? {
        builder = builder.timeout(timeout);
    }
    if let Some(timeout) = time(ClientConfigKey::ConnectTimeout)? {
        builder = builder.connect_timeout(timeout);
    }
    if let Some(timeout) = time(ClientConfigKey::ReadTimeout)? {
        builder = builder.read_timeout(timeout);
    }
    if let Some(timeout) = time(ClientConfigKey::PoolIdleTimeout)? {
        builder = builder.pool_idle_timeout(timeout);
    }
    if let Some(most) = option(ClientConfigKey::PoolMaxIdlePerHost).and_then(|n| n.parse().ok()) {
        builder = builder.pool_max_idle_per_host(most);
    }
    if is_set(ClientConfigKey::Http2Only) {
        builder = builder.http2_prior_knowledge();
    } else if is_set(ClientConfigKey::Http1Only) {
        builder = builder.http1_only();
    }
    builder.build().map_err(failed)
}

fn says_yes(text: &str) -> bool {
    ["1", "true", "on", "yes", "y"].iter().any(|yes| text.eq_ignore_ascii_case(yes))
}

/// A time as people write it: `30s`, `1m 30s`.
fn duration(text: &str) -> Option<Duration> {
    text.parse::<jiff::SignedDuration>().ok()?.try_into().ok()
}

#[derive(Debug)]
struct Careful {
    inner: HttpClient,
    pages: Pages,
}

// As the trait's macro writes it out.
impl HttpService for Careful {
    fn call<'s, 'f>(
        &'s self,
        request: HttpRequest,
    ) -> BoxFuture<'f, Result<HttpResponse, HttpError>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(async move {
            let question = url_of(&request).as_ref().and_then(Question::of);
            let response = match question {
                Some(question) if request.method() == Method::GET => {
                    self.list(&question, request).await?
                }
                _ => self.follow(request).await?,
            };
            let (mut parts, body) = response.into_parts();
            let seen = Seen(parts.headers.clone());
            parts.extensions.insert(seen);
            Ok(HttpResponse::from_parts(parts, body))
        })
    }
}

impl Careful {
    /// Asks for a page of a listing, and looks at it.
    async fn list(
        &self,
        question: &Question,
        request: HttpRequest,
    ) -> Result<HttpResponse, HttpError> {
        let asked = url_of(&request);
        let response = self.inner.execute(request).await?;
        let status = response.status();
        if is_redirect(status) {
            // What is asked without credentials is refused, or is another bucket of that name.
            return Err(refused(elsewhere(asked.as_ref(), response).await));
        }
        if status != StatusCode::OK {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let mut page = Vec::new();
        let mut chunks = body.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            page.extend_from_slice(&chunk?);
            if page.len() > MAX_PAGE {
                return Err(refused(Refused::TooLarge(MAX_PAGE)));
            }
        }
        self.pages.check(question, &page).map_err(refused)?;
        Ok(HttpResponse::from_parts(parts, page.into()))
    }

    /// Asks for an object, which may be handed out by another server: it is told no secret.
    async fn follow(&self, mut request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return self.inner.execute(request).await;
        }
        for _ in 0..=MAX_REDIRECTS {
            let response = self.inner.execute(request.clone()).await?;
            if !is_redirect(response.status()) {
                return Ok(response);
            }
            let asked = url_of(&request);
            let Some((asked, next)) = asked.and_then(|asked| {
                let next = location(&asked, response.headers())?;
                Some((asked, next))
            }) else {
                return Ok(response);
            };
            if next.origin() != asked.origin() {
                let headers = request.headers().iter();
                let harmless = headers.filter(|(name, _)| HARMLESS.contains(name));
                *request.headers_mut() =
                    harmless.map(|(name, value)| (name.clone(), value.clone())).collect();
            }
            let Ok(next) = next.as_str().parse() else { return Ok(response) };
            *request.uri_mut() = next;
        }
        Err(HttpError::new(HttpErrorKind::Unknown, Circles))
    }
}

fn url_of(request: &HttpRequest) -> Option<Url> {
    request.uri().to_string().parse().ok()
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where an answer sends whoever asked.
fn location(asked: &Url, headers: &HeaderMap) -> Option<Url> {
    let mut next = asked.join(headers.get(LOCATION)?.to_str().ok()?).ok()?;
    next.set_fragment(None);
    matches!(next.scheme(), "https" | "http").then_some(next)
}

/// Where a bucket is whose server says that it is not here.
async fn elsewhere(asked: Option<&Url>, response: HttpResponse) -> Refused {
    let (parts, body) = response.into_parts();
    let mut bytes = Vec::new();
    let mut chunks = body.bytes_stream();
    while let Some(Ok(chunk)) = chunks.next().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MAX_ELSEWHERE {
            break;
        }
    }
    let body = String::from_utf8_lossy(&bytes);
    // Amazon names no `Location` where the request was signed for another region.
    let endpoint = element(&body, "Endpoint").map(|host| format!("https://{host}"));
    let place = asked.and_then(|asked| location(asked, &parts.headers));
    let place = place.or_else(|| endpoint?.parse().ok());
    let region = parts.headers.get("x-amz-bucket-region").and_then(|region| region.to_str().ok());
    Refused::moved(parts.status.to_string(), place.as_ref(), region)
}

fn refused(refused: Refused) -> HttpError {
    // Of this kind nothing is asked for again.
    HttpError::new(HttpErrorKind::Decode, refused)
}

/// Redirects that do not come to an end.
#[derive(Debug, thiserror::Error)]
#[error("the server redirects in circles")]
struct Circles;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        for (text, milliseconds) in
            [("30s", 30_000), ("1m 40s", 100_000), ("250ms", 250), ("5 seconds", 5_000), ("0s", 0)]
        {
            assert_eq!(duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "30", "soon", "-1s"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn clients_are_built_as_options_say() {
        let options = ClientOptions::new()
            .with_config(ClientConfigKey::PoolIdleTimeout, "1m 30s")
            .with_config(ClientConfigKey::ProxyUrl, "http://proxy.example.com:3128");
        assert!(build(&options).is_ok());
        for (key, value) in
            [(ClientConfigKey::PoolIdleTimeout, "soon"), (ClientConfigKey::ProxyUrl, "http://")]
        {
            assert!(build(&options.clone().with_config(key, value)).is_err(), "{value}");
        }
    }

    #[test]
    fn a_redirect_leads_to_a_web_server() {
        let asked = "https://s3.example.com/b/k?x".parse().expect("is a URL");
        let to = |text: &str| {
            let headers = HeaderMap::from_iter([(LOCATION, text.parse().expect("is a value"))]);
            location(&asked, &headers).map(String::from)
        };
        assert_eq!(to("/c#f").as_deref(), Some("https://s3.example.com/c"));
        assert_eq!(
            to("//cdn.example.com/k?sig=1").as_deref(),
            Some("https://cdn.example.com/k?sig=1")
        );
        assert_eq!(to("file:///etc/passwd"), None);
        assert_eq!(location(&asked, &HeaderMap::new()), None);
    }
}
