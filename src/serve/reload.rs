//! Open pages load again when the site was built again.

use std::convert::Infallible;

use axum::body::{Body, to_bytes};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use tokio::sync::watch;

/// The page of a real site never comes near this many bytes.
const MAX_PAGE: usize = 256 * 1024 * 1024;
const EVENTS: &str = "/-/reload";
const SCRIPT: &str = "/-/reload.js";
const SCRIPT_TEXT: &str =
    "\"use strict\";\nnew EventSource(\"/-/reload\").onmessage = () => location.reload();\n";

/// Tells open pages that there is a new site.
#[derive(Clone)]
pub struct Reload {
    sender: watch::Sender<u64>,
}

impl Default for Reload {
    fn default() -> Self {
        Self { sender: watch::channel(0).0 }
    }
}

impl Reload {
    /// There is a new site.
    pub fn notify(&self) {
        self.sender.send_modify(|builds| *builds += 1);
    }

    /// The answer to a path that is about reloading.
    pub(super) fn answer(&self, path: &str) -> Option<Response> {
        match path {
            EVENTS => Some(self.events()),
            SCRIPT => Some(
                ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT_TEXT)
                    .into_response(),
            ),
            _ => None,
        }
    }

    fn events(&self) -> Response {
        let events = stream::unfold(self.sender.subscribe(), |mut builds| async move {
            builds.changed().await.ok()?;
            Some((Ok::<_, Infallible>(Event::default().data("reload")), builds))
        });
        Sse::new(events).keep_alive(KeepAlive::default()).into_response()
    }

    /// Adds the script to a page for people. Machine pages never come here.
    pub(super) async fn inject(&self, response: Response) -> Response {
        let is_html = response.status() == StatusCode::OK
            && response
                .headers()
                .get(header::CONTENT_TYPE)
                .is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
        if !is_html {
            return response;
        }
        let (mut parts, body) = response.into_parts();
        let Ok(page) = to_bytes(body, MAX_PAGE).await else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let page = String::from_utf8_lossy(&page);
        let script = format!("<script src=\"{SCRIPT}\"></script></body>");
        let page = page.replacen("</body>", &script, 1);
        // They belong to the page without the script.
        for name in
            [header::CONTENT_LENGTH, header::ETAG, header::LAST_MODIFIED, header::ACCEPT_RANGES]
        {
            parts.headers.remove(name);
        }
        Response::from_parts(parts, Body::from(page))
    }
}
