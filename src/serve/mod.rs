//! A local server that treats clients as the best host would: true content
//! negotiation, ranges, ETags, right types.

mod negotiate;
mod reload;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tower::ServiceExt;
use tower_http::services::ServeDir;

pub use negotiate::{Form, choose};
pub use reload::Reload;

use crate::index::Channel;
use crate::wheel::ProjectName;

/// What was asked and answered, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The request's method.
    pub method: String,
    /// The request's path and query.
    pub path: String,
    /// The answer's status.
    pub status: u16,
    /// The answer's content type.
    pub content_type: Option<String>,
}

/// A site and how it is served.
#[derive(Clone)]
pub struct Server {
    site: PathBuf,
    /// Tells open pages to load again; none without `--watch`.
    reload: Option<Reload>,
    log: Arc<dyn Fn(&Access) + Send + Sync>,
}

impl Server {
    /// A server for a folder. `log` hears of every request.
    pub fn new(
        site: &Path,
        reload: Option<Reload>,
        log: impl Fn(&Access) + Send + Sync + 'static,
    ) -> Self {
        Self { site: site.to_owned(), reload, log: Arc::new(log) }
    }

    /// Serves until the future is dropped.
    pub async fn run(self, listener: TcpListener) -> std::io::Result<()> {
        axum::serve(listener, Router::new().fallback(answer).with_state(self)).await
    }
}

/// Binds an address; port 0 takes a free one.
pub async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

async fn answer(State(server): State<Server>, request: Request) -> Response {
    let method = request.method().to_string();
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let mut response = server.route(request).await;
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    let content_type =
        response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    (server.log)(&Access {
        method,
        path,
        status: response.status().as_u16(),
        content_type: content_type.map(str::to_owned),
    });
    response
}

impl Server {
    async fn route(&self, request: Request) -> Response {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")])
                .into_response();
        }
        let path = request.uri().path().to_owned();
        if let Some(reload) = &self.reload
            && let Some(response) = reload.answer(&path)
        {
            return response;
        }
        // Clients may encode what need not be encoded; files have plain names.
        let Ok(path) = percent_encoding::percent_decode_str(&path).decode_utf8() else {
            return self.not_found("/").await;
        };
        let path = path.into_owned();
        // The work of a build that runs at this moment is nobody's business.
        if path.split('/').any(|part| part.starts_with(".wheelsite")) {
            return self.not_found(&path).await;
        }
        match simple_page(&path) {
            Some(SimplePage::Here) => self.negotiated(&path, request).await,
            Some(SimplePage::Moved(location)) => moved(&location),
            None => self.file(&path, request).await,
        }
    }

    /// A page of the simple API in the form that the client wants most.
    async fn negotiated(&self, path: &str, request: Request) -> Response {
        let folder = self.site.join(path.trim_start_matches('/'));
        let has = async |form: Form| tokio::fs::try_exists(folder.join(form.file())).await;
        if !has(Form::Html).await.unwrap_or(false) {
            return (StatusCode::NOT_FOUND, [(header::VARY, "Accept")], "no such project\n")
                .into_response();
        }
        let has_json = has(Form::Json).await.unwrap_or(false);
        let accepts: Vec<&str> = request
            .headers()
            .get_all(header::ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .collect();
        let accept = (!accepts.is_empty()).then(|| accepts.join(","));
        let mut response = match choose(accept.as_deref(), has_json) {
            None => (
                StatusCode::NOT_ACCEPTABLE,
                "this page is served as application/vnd.pypi.simple.v1+json, \
                 application/vnd.pypi.simple.v1+html and text/html\n",
            )
                .into_response(),
            Some(form) => {
                let mut response = self.read_file(&format!("{path}{}", form.file()), request).await;
                if response.status().is_success() {
                    set(&mut response, header::CONTENT_TYPE, form.content_type());
                }
                response
            }
        };
        set(&mut response, header::VARY, "Accept");
        set(&mut response, header::CACHE_CONTROL, "no-cache");
        response
    }

    async fn file(&self, path: &str, request: Request) -> Response {
        let mut response = self.read_file(path, request).await;
        if response.status() == StatusCode::NOT_FOUND {
            return self.not_found(path).await;
        }
        // Names with a digest in them never change their bytes.
        let immutable = path.starts_with("/files/") || path.starts_with("/assets/");
        let caching = if immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
        set(&mut response, header::CACHE_CONTROL, caching);
        if response.status().is_success()
            && let Some(content_type) = content_type(path)
        {
            set(&mut response, header::CONTENT_TYPE, content_type);
        }
        match &self.reload {
            Some(reload) => reload.inject(response).await,
            None => response,
        }
    }

    async fn not_found(&self, path: &str) -> Response {
        if split_index(path).is_some() || path.starts_with("/files/") {
            return (StatusCode::NOT_FOUND, "not found\n").into_response();
        }
        match tokio::fs::read(self.site.join("404.html")).await {
            Ok(page) => {
                let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
                (StatusCode::NOT_FOUND, headers, page).into_response()
            }
            Err(_) => (StatusCode::NOT_FOUND, "not found\n").into_response(),
        }
    }

    /// A file with ranges, ETag and conditional requests, or a redirect to a folder's slash.
    async fn read_file(&self, path: &str, mut request: Request) -> Response {
        let encoded = percent_encoding::utf8_percent_encode(path, NOT_IN_PATHS).to_string();
        let Ok(uri) = encoded.parse::<Uri>() else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        *request.uri_mut() = uri;
        let served: Result<_, Infallible> = ServeDir::new(&self.site).oneshot(request).await;
        match served {
            Ok(response) => response.map(Body::new),
        }
    }
}

/// What a URL's path cannot hold as it is.
const NOT_IN_PATHS: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'\\')
    .add(b'^')
    .add(b'|');

/// What a path below `/simple/` asks for.
enum SimplePage {
    Here,
    Moved(String),
}

/// Pages of the simple API end in `/` and have normalized names (PEP 503); others are sent there.
fn simple_page(path: &str) -> Option<SimplePage> {
    let (prefix, rest) = split_index(path)?;
    let (name, slash) = match rest.strip_prefix('/') {
        None if rest.is_empty() => return Some(SimplePage::Moved(format!("{prefix}/simple/"))),
        None => return None,
        Some("") => return Some(SimplePage::Here),
        Some(rest) => match rest.strip_suffix('/') {
            Some(name) => (name, true),
            None => (rest, false),
        },
    };
    // Files, such as `index.html`, are taken as they are.
    if name.contains('/') || (!slash && name.starts_with("index.")) {
        return None;
    }
    let normalized: ProjectName = name.parse().ok()?;
    if slash && normalized.as_str() == name {
        Some(SimplePage::Here)
    } else {
        Some(SimplePage::Moved(format!("{prefix}/simple/{normalized}/")))
    }
}

/// What stands before `/simple`, which is nothing or a channel, and what behind it.
fn split_index(path: &str) -> Option<(&str, &str)> {
    if let Some(rest) = path.strip_prefix("/simple") {
        return Some(("", rest));
    }
    let end = 1 + path.strip_prefix('/')?.find('/')?;
    let (prefix, rest) = path.split_at(end);
    let name = &prefix[1..];
    let is_index = name == "all" || name.parse::<Channel>().is_ok();
    is_index.then(|| Some((prefix, rest.strip_prefix("/simple")?))).flatten()
}

fn moved(location: &str) -> Response {
    (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, location.to_owned())]).into_response()
}

/// Types that no table of extensions knows.
fn content_type(path: &str) -> Option<&'static str> {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        "whl" => Some("application/octet-stream"),
        "metadata" => Some("text/plain; charset=utf-8"),
        "v1_json" => Some(Form::Json.content_type()),
        "html" => Some("text/html; charset=utf-8"),
        _ if path.ends_with('/') => Some("text/html; charset=utf-8"),
        _ => None,
    }
}

fn set(response: &mut Response, name: header::HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalized_by_redirects() {
        let target = |path: &str| match simple_page(path) {
            None => None,
            Some(SimplePage::Here) => Some(path.to_owned()),
            Some(SimplePage::Moved(location)) => Some(location),
        };
        for (path, expected) in [
            ("/simple", Some("/simple/")),
            ("/simple/", Some("/simple/")),
            ("/simple/foo-bar/", Some("/simple/foo-bar/")),
            ("/simple/foo-bar", Some("/simple/foo-bar/")),
            ("/simple/Foo.Bar/", Some("/simple/foo-bar/")),
            ("/cu128/simple", Some("/cu128/simple/")),
            ("/cu128/simple/Foo.Bar/", Some("/cu128/simple/foo-bar/")),
            ("/all/simple/foo-bar/", Some("/all/simple/foo-bar/")),
            ("/files/simple/foo/", None),
            ("/Cu/simple/foo/", None),
            ("/simple/index.html", None),
            ("/simple/foo/index.v1_json", None),
            ("/simple/../x/", None),
            ("/simpler/", None),
            ("/", None),
        ] {
            assert_eq!(target(path).as_deref(), expected, "{path}");
        }
    }
}
