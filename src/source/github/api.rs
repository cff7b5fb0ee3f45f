//! GitHub's API: pages of JSON, asked for on condition that they have changed.

use std::io::Write;
use std::path::PathBuf;

use reqwest::header::{ACCEPT, ETAG, HeaderName, IF_NONE_MATCH, LINK};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use url::Url;

use super::model::Refusal;
use crate::config::Secret;
use crate::error::{Error, Result};
use crate::net::{Client, Failure, Request};
use crate::source::Repository;
use crate::wheel::{Sha256, sanitized};

/// As many as GitHub puts on a page.
const PER_PAGE: usize = 100;
/// More pages than any listing has.
const MAX_PAGES: u64 = 2_000;
/// A page of a hundred releases with hundreds of assets each comes to tens of megabytes.
const MAX_BYTES: u64 = 128 * 1024 * 1024;

/// The API as one repository is seen through it.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) client: Client,
    pub(super) base: Url,
    pub(super) repository: Repository,
    pub(super) token: Option<Secret>,
    /// Where answers are kept; none where nothing is remembered.
    cache: Option<PathBuf>,
}

/// An answer, and what its `Link` header says of others.
struct Page<T> {
    value: T,
    next: Option<Url>,
    /// Number of the last page.
    last: Option<u64>,
}

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    url: String,
    etag: String,
    link: Option<String>,
    body: String,
}

/// Why there is no answer.
enum Refused {
    Status(u16, String),
    Failure(Failure),
    Nonsense(String),
}

impl Api {
    pub(super) fn new(
        client: Client,
        base: Url,
        repository: Repository,
        token: Option<Secret>,
        cache: Option<PathBuf>,
    ) -> Self {
        Self { client, base, repository, token, cache }
    }

    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// What tells this API and this repository from others. GitHub knows no case in names.
    pub(super) fn identity(&self) -> String {
        format!("gh-release {} {}", self.base, self.repository.to_string().to_lowercase())
    }

    /// A request that shows the token to the API and to nobody else.
    pub(super) fn request(&self, url: Url, accept: &str) -> Request {
        let request = Request::new(url)
            .header(ACCEPT, accept)
            .header(HeaderName::from_static("x-github-api-version"), "2022-11-28");
        match &self.token {
            Some(token) => {
                request.authorized(self.base.origin(), &format!("Bearer {}", token.reveal()))
            }
            None => request,
        }
    }

    /// The URL of something of the repository.
    pub(super) fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.base.clone();
        // A URL that can have no path is refused when the base is read.
        if let Ok(mut path) = url.path_segments_mut() {
            let Repository { owner, name } = &self.repository;
            path.pop_if_empty().extend(["repos", owner, name]).extend(parts);
        }
        url
    }

    /// Asks for one thing; none where it does not exist.
    pub(super) fn one<T: DeserializeOwned>(&self, what: &str, url: &Url) -> Result<Option<T>> {
        match self.page(url) {
            Ok(Page { value, .. }) => Ok(Some(value)),
            Err(Refused::Status(404, _)) => Ok(None),
            Err(refused) => Err(self.explain(what, refused)),
        }
    }

    /// Asks for all of a listing, page by page; none where it does not exist.
    ///
    /// A listing that ends before it is complete is an error: it would make a shorter index.
    pub(super) fn all<T: DeserializeOwned>(
        &self,
        what: &str,
        mut first: Url,
    ) -> Result<Option<Vec<T>>> {
        first.query_pairs_mut().append_pair("per_page", &PER_PAGE.to_string());
        let mut all: Vec<T> = Vec::new();
        let mut promised = 0;
        let mut url = first.clone();
        for number in 1..=MAX_PAGES {
            let page: Page<Vec<T>> = match self.page(&url) {
                Ok(page) => page,
                Err(Refused::Status(404, _)) if number == 1 => return Ok(None),
                Err(Refused::Status(422, message)) => {
                    return Err(self.cut_short(what, all.len(), &format!("422 {message}")));
                }
                Err(refused) => return Err(self.explain(what, refused)),
            };
            promised = page.last.unwrap_or(0).max(promised);
            let is_full = page.value.len() >= PER_PAGE;
            all.extend(page.value);
            url = match page.next {
                Some(next) => next,
                None if promised > number => {
                    let reason = format!("page {number} of {promised} names no next one");
                    return Err(self.cut_short(what, all.len(), &reason));
                }
                // A full page may be the last; whether it is, the next one tells.
                None if is_full => {
                    let mut next = first;
                    next.query_pairs_mut().append_pair("page", &(number + 1).to_string());
                    return match self.page::<Vec<serde::de::IgnoredAny>>(&next) {
                        Ok(page) if page.value.is_empty() => Ok(Some(all)),
                        Ok(_) => {
                            let reason =
                                format!("page {number} names no next one, and it is there");
                            Err(self.cut_short(what, all.len(), &reason))
                        }
                        Err(Refused::Status(422, message)) => {
                            Err(self.cut_short(what, all.len(), &format!("422 {message}")))
                        }
                        Err(refused) => Err(self.explain(what, refused)),
                    };
                }
                None => return Ok(Some(all)),
            };
        }
        Err(self.cut_short(what, all.len(), "it has no end"))
    }

    fn cut_short(&self, what: &str, count: usize, reason: &str) -> Error {
        Error::source_hint(
            format!(
                "GitHub cuts the listing of the {what} of `{}` short after {count}: {reason}",
                self.repository
            ),
            "run again; if it stays so, name the releases one by one: `gh-release:OWNER/REPO@TAG`",
        )
    }

    fn page<T: DeserializeOwned>(&self, url: &Url) -> Result<Page<T>, Refused> {
        if url.origin() != self.base.origin() {
            return Err(Refused::Nonsense("it names a next page at another server".to_owned()));
        }
        let kept = self.recall(url);
        let mut request = self.request(url.clone(), "application/vnd.github+json");
        if let Some(kept) = &kept {
            request = request.header(IF_NONE_MATCH, &kept.etag);
        }
        let answer = self.client.fetch(&request, MAX_BYTES).map_err(Refused::Failure)?;
        let text = |name: &HeaderName| answer.headers.get(name)?.to_str().ok().map(str::to_owned);
        let (body, link) = match (answer.status.as_u16(), kept) {
            (304, Some(kept)) => (kept.body, kept.link),
            (200, _) => {
                let body = String::from_utf8(answer.bytes)
                    .map_err(|_| Refused::Nonsense("its answer is not UTF-8".to_owned()))?;
                let link = text(&LINK);
                if let Some(etag) = text(&ETAG) {
                    self.keep(&Kept {
                        url: url.to_string(),
                        etag,
                        link: link.clone(),
                        body: body.clone(),
                    });
                }
                (body, link)
            }
            (status, _) => {
                let refusal: Refusal = serde_json::from_slice(&answer.bytes).unwrap_or_default();
                let message = sanitized(&refusal.message.chars().take(300).collect::<String>());
                return Err(Refused::Status(status, message));
            }
        };
        let value = serde_json::from_str(&body).map_err(|error| {
            Refused::Nonsense(format!("its answer is not what it should be: {error}"))
        })?;
        let link = link.as_deref().unwrap_or_default();
        let last = relation(link, "last").and_then(|url| url.parse::<Url>().ok());
        let last = last.and_then(|url| {
            let number = url.query_pairs().find(|(key, _)| key == "page");
            number.and_then(|(_, number)| number.parse().ok())
        });
        let next = relation(link, "next").map(|next| {
            url.join(next)
                .map_err(|error| Refused::Nonsense(format!("its next page is no URL: {error}")))
        });
        Ok(Page { value, next: next.transpose()?, last })
    }

    fn explain(&self, what: &str, refused: Refused) -> Error {
        let repository = &self.repository;
        let place = format!("cannot list the {what} of `{repository}`");
        match refused {
            Refused::Status(401, message) => Error::source_hint(
                format!("{place}: GitHub refuses the token: 401 {message}"),
                "check `GH_TOKEN` and `GITHUB_TOKEN`: the token may be wrong or have expired",
            ),
            Refused::Status(status @ (403 | 429), message) if message.contains("rate limit") => {
                Error::source_hint(
                    format!("{place}: {status} {message}"),
                    "wait for a minute or more, then run again with fewer `--jobs`",
                )
            }
            Refused::Status(403, message) => Error::source_hint(
                format!("{place}: GitHub forbids it: 403 {message}"),
                "the token needs the permission to read the repository's contents",
            ),
            Refused::Status(404, message) => Error::source_hint(
                format!("{place}: 404 {message}"),
                "check the name; a private repository takes a `GITHUB_TOKEN` that may read it",
            ),
            Refused::Status(status, message) => {
                Error::source(format!("{place}: the server answered {status} {message}"))
            }
            Refused::Failure(failure) => {
                let message = format!("{place}: {failure}");
                match failure.hint() {
                    Some(hint) => Error::source_hint(message, hint),
                    None => Error::source(message),
                }
            }
            Refused::Nonsense(reason) => Error::source(format!("{place}: {reason}")),
        }
    }

    /// The repository, or what was asked of it, does not exist.
    pub(super) fn not_found(&self, what: &str) -> Error {
        let hint = if self.has_token() {
            "check the names; the token may not be allowed to read the repository"
        } else {
            "check the names; a private repository takes a `GITHUB_TOKEN` that may read it"
        };
        Error::source_hint(format!("`{}` has no {what} that can be seen", self.repository), hint)
    }

    fn cache_file(&self, url: &Url) -> Option<PathBuf> {
        let key = Sha256::of(url.as_str().as_bytes()).short();
        Some(self.cache.as_ref()?.join("github-1").join(format!("{key}.json")))
    }

    fn recall(&self, url: &Url) -> Option<Kept> {
        let kept: Kept =
            serde_json::from_slice(&std::fs::read(self.cache_file(url)?).ok()?).ok()?;
        (kept.url == url.as_str()).then_some(kept)
    }

    /// Losing an answer costs a request of the next run and nothing else.
    fn keep(&self, kept: &Kept) {
        let Ok(url) = kept.url.parse() else { return };
        let Some(file) = self.cache_file(&url) else { return };
        let write = || -> std::io::Result<()> {
            let folder = file.parent().unwrap_or(&file);
            std::fs::create_dir_all(folder)?;
            // Readable by its owner alone: what a private repository has is nobody else's.
            let mut unfinished = tempfile::NamedTempFile::new_in(folder)?;
            unfinished.write_all(&serde_json::to_vec(&kept)?)?;
            unfinished.persist(&file)?;
            Ok(())
        };
        if let Err(error) = write() {
            tracing::debug!(%error, "an answer could not be kept");
        }
    }
}

/// The URL of a relation in a `Link` header (RFC 8288), as GitHub writes it.
fn relation<'l>(link: &'l str, wanted: &str) -> Option<&'l str> {
    link.split(',').find_map(|part| {
        let (url, parameters) = part.split_once(';')?;
        let is_wanted = parameters.split(';').any(|parameter| {
            let parameter = parameter.trim().strip_prefix("rel=");
            parameter.is_some_and(|value| value.trim_matches('"') == wanted)
        });
        let url = url.trim().strip_prefix('<')?.strip_suffix('>')?;
        is_wanted.then_some(url)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn relations_of_a_link_header() {
        let link = "<https://h/r?page=2>; rel=\"next\", <https://h/r?page=9>; rel=\"last\"";
        assert_eq!(relation(link, "next"), Some("https://h/r?page=2"));
        assert_eq!(relation(link, "last"), Some("https://h/r?page=9"));
        assert_eq!(relation(link, "prev"), None);
        assert_eq!(relation("", "next"), None);
    }

    proptest! {
        #[test]
        fn foreign_links_never_panic(link in ".*") {
            let _ = relation(&link, "next");
        }
    }
}
