//! A file behind a URL.

use std::io;
use std::sync::Arc;

use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, LAST_MODIFIED,
    RANGE,
};
use url::Url;

use super::ReadSeek;
use super::ranges::{Part, RangeReader, Remote, Span};
use crate::error::{Error, Result};
use crate::facts::{Artifact, Location};
use crate::net::{Client, Failure, Network, Request, Response, shown};

/// The artifact that one file behind a URL is, and a reader of its bytes.
pub fn open_url(text: &str, network: &Network) -> Result<(Artifact, Box<dyn ReadSeek>)> {
    let wrong = |reason: String| Error::config(format!("expected the URL of a file: {reason}"));
    let url: Url = text.parse().map_err(|error| wrong(format!("{error}")))?;
    let last = url.path_segments().and_then(|mut path| path.next_back()).unwrap_or_default();
    let filename = percent_encoding::percent_decode_str(last).decode_utf8_lossy();
    if filename.is_empty() {
        return Err(wrong("it ends in no filename".to_owned()));
    }
    let artifact = Artifact::new(&filename, Location::remote(shown(&url), text));
    let file = HttpFile::new(Client::new(network)?, vec![Request::new(url)]);
    Ok((artifact, Box::new(RangeReader::new(file, None, network, Arc::default()))))
}

/// A file behind a URL, or behind a redirect to one that is signed and lives for a while.
pub(super) struct HttpFile {
    client: Client,
    /// Where to ask, best first.
    requests: Vec<Request>,
    /// Where the last answer came from: asked directly as long as that works.
    resolved: Option<Url>,
}

impl HttpFile {
    /// A file that can be asked for in these ways, of which the first that works is kept.
    pub(super) fn new(client: Client, requests: Vec<Request>) -> Self {
        Self { client, requests, resolved: None }
    }

    fn answer(&mut self, range: Option<&str>) -> io::Result<Response> {
        let prepare = |request: Request| {
            // A range of what was packed for the way is no range of the file.
            let request = request.raw();
            match range {
                Some(range) => request.header(RANGE, range),
                None => request,
            }
        };
        if let Some(url) = self.resolved.take()
            && let Some(request) = self.requests.first()
        {
            let response = self.client.send(&prepare(request.clone().at(url.clone())))?;
            if !is_refusal(response.status.as_u16()) {
                self.resolved = Some(url);
                return Ok(response);
            }
            // The signature has run out: a new one is had where the first was.
        }
        let mut refused = Failure::Transport("there is no URL to ask".to_owned());
        while let Some(request) = self.requests.first() {
            let response = self.client.send(&prepare(request.clone()))?;
            if !is_refusal(response.status.as_u16()) {
                if response.url != request.url {
                    self.resolved = Some(response.url.clone());
                }
                return Ok(response);
            }
            refused = Failure::Status(response.status);
            if self.requests.len() == 1 {
                break;
            }
            self.requests.remove(0);
        }
        Err(refused.into())
    }
}

/// Statuses of a place that does not give the file to whoever asked.
fn is_refusal(status: u16) -> bool {
    matches!(status, 400 | 401 | 403 | 404 | 410)
}

impl Remote for HttpFile {
    fn fetch(&mut self, span: &Span) -> io::Result<Part> {
        let range = match span {
            Span::From(0) => None,
            Span::From(start) => Some(format!("bytes={start}-")),
            Span::Within(range) => Some(format!("bytes={}-{}", range.start, range.end - 1)),
            Span::Last(count) => Some(format!("bytes=-{count}")),
        };
        let response = self.answer(range.as_deref())?;
        let headers = &response.headers;
        if text(headers, &CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(invalid("the server packs files for the way, which hides their bytes"));
        }
        // A weak tag is the same tag to those who compare bytes by digest in the end.
        let etag = text(headers, &ETAG).map(|etag| etag.strip_prefix("W/").unwrap_or(etag));
        let version = etag.or_else(|| text(headers, &LAST_MODIFIED)).map(Into::into);
        let (start, total) = match response.status.as_u16() {
            200 => (0, text(headers, &CONTENT_LENGTH).and_then(|length| length.parse().ok())),
            206 => {
                let (start, total) = text(headers, &CONTENT_RANGE)
                    .and_then(parse_content_range)
                    .ok_or_else(|| invalid("the server does not say which range it answers"))?;
                let asked = match span {
                    Span::From(start) => Some(*start),
                    Span::Within(range) => Some(range.start),
                    Span::Last(count) => total.map(|total| total.saturating_sub(*count)),
                };
                if asked.is_some_and(|asked| asked != start) {
                    return Err(invalid("the server answers another range"));
                }
                (start, total)
            }
            416 if text(headers, &CONTENT_RANGE) == Some("bytes */0") => (0, Some(0)),
            416 => return Err(invalid("it is shorter than its source says")),
            _ => return Err(Failure::Status(response.status).into()),
        };
        Ok(Part { start, total, version, reader: Box::new(response.body) })
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// First byte and length of the whole, of `bytes 0-99/1234` (RFC 9110, 14.4).
fn parse_content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    Some((start.parse().ok()?, total))
}

fn invalid(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn content_ranges() {
        assert_eq!(parse_content_range("bytes 5-9/20"), Some((5, Some(20))));
        assert_eq!(parse_content_range("bytes 5-9/*"), Some((5, None)));
        for text in ["", "bytes */20", "bytes 5/20", "items 5-9/20", "bytes 5-9/x"] {
            assert_eq!(parse_content_range(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn foreign_content_ranges_never_panic(text in ".*") {
            let _ = parse_content_range(&text);
        }
    }
}
