//! Pages in HTML (PEP 503, 592, 629, 658, 714, 792): their anchors, read by a browser's rules.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use percent_encoding::percent_decode_str;
use url::Url;

use super::page::{
    MAX_FILES, MAX_PROJECTS, Page, PageError, PageFile, check_version, digest, is_distribution,
    passed_over, resolve, sidecar,
};
use crate::facts::Sidecar;
use crate::net::shown;
use crate::source::naming::classify;

/// Fed at once. A tag that fills a whole chunk is refused.
const CHUNK: usize = 32 * 1024;
/// The time that a tag takes grows with the square of its attributes.
const MAX_ATTRIBUTES: usize = 256;

/// The files that a project's page links to.
pub(super) fn page(bytes: &[u8], url: &Url) -> Result<Page, PageError> {
    let scanned = scan_all(bytes, MAX_FILES)?;
    let base = scanned.base.as_deref().and_then(|href| url.join(href).ok());
    let base = base.as_ref().unwrap_or(url);
    let mut page = Page {
        quarantined: scanned.status.as_deref().map(str::trim) == Some("quarantined"),
        ..Page::default()
    };
    for anchor in scanned.anchors {
        let text = anchor.text.trim();
        let Some((url, fragment)) = resolve(base, &anchor.href) else {
            let reason = "it links to nothing that can be downloaded";
            let location = format!("{text} at {}", shown(url));
            page.ignored.push(passed_over(location, reason, is_distribution(text)));
            continue;
        };
        let last = url.path_segments().and_then(|mut path| path.next_back()).unwrap_or_default();
        let filename = percent_decode_str(last).decode_utf8_lossy().into_owned();
        let ignored = if filename == text {
            classify(&filename)
        } else {
            // Any other link that a page has leads to no distribution by either name.
            let expected = is_distribution(&filename) || is_distribution(text);
            Some(("its text is not the filename that it links to", expected))
        };
        if let Some((reason, suspicious)) = ignored {
            page.ignored.push(passed_over(shown(&url), reason, suspicious));
            continue;
        }
        page.files.push(anchor.into_file(filename, url, fragment.as_deref())?);
    }
    Ok(page)
}

/// The names on a root page: the texts of its anchors.
pub(super) fn projects(bytes: &[u8]) -> Result<Vec<String>, PageError> {
    let scanned = scan_all(bytes, MAX_PROJECTS)?;
    let names = scanned.anchors.into_iter().map(|anchor| {
        // A folder that a server lists by itself has a slash at the end, and links to its parent.
        let text = anchor.text.trim();
        text.strip_suffix('/').unwrap_or(text).to_owned()
    });
    Ok(names.filter(|name| name != "..").collect())
}

/// What a page holds. Only the parts that matter are kept.
#[derive(Default)]
pub(super) struct Scanned {
    pub(super) anchors: Vec<Anchor>,
    /// Whether the page has more anchors than were wanted.
    pub(super) is_cut: bool,
    /// `href` of the first `<base>` that has one.
    pub(super) base: Option<String>,
    pub(super) version: Option<String>,
    pub(super) status: Option<String>,
    /// Whether text goes to the last anchor.
    inside: bool,
    /// Whether a token came since this was last asked.
    moved: bool,
    /// Whether there was a tag with more attributes than any has.
    overloaded: bool,
}

/// An `<a>` with its attributes.
#[derive(Default)]
pub(super) struct Anchor {
    pub(super) href: String,
    pub(super) text: String,
    pub(super) requires_python: Option<Box<str>>,
    pub(super) core_metadata: Option<StrTendril>,
    pub(super) dist_info_metadata: Option<StrTendril>,
    pub(super) yanked: Option<Box<str>>,
    pub(super) size: Option<u64>,
    pub(super) upload_time: Option<StrTendril>,
    pub(super) provenance: Option<StrTendril>,
}

impl Anchor {
    /// An anchor that leads somewhere.
    fn of(tag: &Tag) -> Option<Self> {
        let mut anchor = Self::default();
        let mut href = None;
        for attribute in &tag.attrs {
            let value = &attribute.value;
            match &*attribute.name.local {
                "href" => href = Some(value.to_string()),
                "data-requires-python" => anchor.requires_python = Some((**value).into()),
                "data-core-metadata" => anchor.core_metadata = Some(value.clone()),
                "data-dist-info-metadata" => anchor.dist_info_metadata = Some(value.clone()),
                "data-yanked" => anchor.yanked = Some((**value).into()),
                // Not in the standard, which has both in JSON alone; some indexes say them here.
                "data-size" => anchor.size = value.trim().parse().ok(),
                "data-upload-time" => anchor.upload_time = Some(value.clone()),
                "data-provenance" => anchor.provenance = Some(value.clone()),
                _ => {}
            }
        }
        anchor.href = href?;
        Some(anchor)
    }

    fn into_file(
        self,
        filename: String,
        url: Url,
        fragment: Option<&str>,
    ) -> Result<PageFile, PageError> {
        let sha256 = fragment.unwrap_or_default().split('&').find_map(|part| {
            let (algorithm, hex) = part.split_once('=')?;
            (algorithm == "sha256").then_some(hex)
        });
        let core_metadata = self.core_metadata.as_ref().or(self.dist_info_metadata.as_ref());
        Ok(PageFile {
            sha256: sha256.map(|hex| digest(&filename, hex)).transpose()?,
            filename: filename.into(),
            url,
            requires_python: self.requires_python.filter(|text| !text.trim().is_empty()),
            core_metadata: core_metadata.and_then(|value| core_metadata_of(value)),
            yanked: self.yanked,
            size: self.size,
            upload_time: self.upload_time.and_then(|text| text.trim().parse().ok()),
        })
    }
}

/// `true`, or a digest by any algorithm; anything else says that there is none.
fn core_metadata_of(value: &str) -> Option<Sidecar> {
    match value.trim() {
        "true" => Some(sidecar(None)),
        other => {
            let (algorithm, hex) = other.split_once('=')?;
            Some(sidecar((algorithm == "sha256").then_some(hex)))
        }
    }
}

/// Reads a page that has no more than so many anchors, in a version that is known.
fn scan_all(bytes: &[u8], limit: usize) -> Result<Scanned, PageError> {
    let scanned = scan(bytes, limit)?;
    if scanned.is_cut {
        return Err(PageError::TooMany(limit));
    }
    check_version(scanned.version.as_deref())?;
    Ok(scanned)
}

/// Reads a page until it has had so many anchors.
pub(super) fn scan(bytes: &[u8], limit: usize) -> Result<Scanned, PageError> {
    let text = String::from_utf8_lossy(bytes);
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    let queue = BufferQueue::default();
    let mut rest = &*text;
    while !rest.is_empty() {
        let end = (CHUNK.min(rest.len())..=rest.len()).find(|end| rest.is_char_boundary(*end));
        let (chunk, after) = rest.split_at(end.unwrap_or(rest.len()));
        queue.push_back(StrTendril::from_slice(chunk));
        // The sink asks for no pause.
        let _ = tokenizer.feed(&queue);
        let mut scanned = tokenizer.sink.scanned.borrow_mut();
        if scanned.anchors.len() > limit {
            break;
        }
        if !std::mem::take(&mut scanned.moved) && chunk.len() >= CHUNK {
            let reason = format!("it has a tag or a comment of more than {CHUNK} bytes");
            return Err(PageError::Invalid(reason));
        }
        if scanned.overloaded {
            let reason = format!("it has a tag with more than {MAX_ATTRIBUTES} attributes");
            return Err(PageError::Invalid(reason));
        }
        rest = after;
    }
    tokenizer.end();
    let mut scanned = tokenizer.sink.scanned.take();
    scanned.is_cut = scanned.anchors.len() > limit;
    scanned.anchors.truncate(limit);
    Ok(scanned)
}

/// Takes from the tokens what matters.
#[derive(Default)]
struct Sink {
    scanned: RefCell<Scanned>,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut scanned = self.scanned.borrow_mut();
        if !matches!(token, Token::ParseError(_)) {
            scanned.moved = true;
        }
        if let Token::TagToken(tag) = &token {
            scanned.overloaded |= tag.attrs.len() > MAX_ATTRIBUTES;
        }
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => return scanned.start(&tag),
            Token::TagToken(tag) if &*tag.name == "a" => scanned.inside = false,
            Token::CharacterTokens(text) if scanned.inside => {
                if let Some(anchor) = scanned.anchors.last_mut() {
                    anchor.text.push_str(&text);
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Scanned {
    fn start(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let value = |name: &str| {
            let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
            found.map(|attribute| attribute.value.to_string())
        };
        match &*tag.name {
            "a" => {
                let anchor = Anchor::of(tag);
                self.inside = anchor.is_some();
                self.anchors.extend(anchor);
            }
            "base" if self.base.is_none() => self.base = value("href"),
            "meta" => match value("name").as_deref() {
                Some("pypi:repository-version") => self.version = value("content"),
                Some("pypi:project-status") => self.status = value("content"),
                _ => {}
            },
            // What looks like a tag in these is none.
            "script" => return TokenSinkResult::RawData(RawKind::ScriptData),
            "style" | "xmp" | "iframe" | "noembed" | "noframes" => {
                return TokenSinkResult::RawData(RawKind::Rawtext);
            }
            "title" | "textarea" => return TokenSinkResult::RawData(RawKind::Rcdata),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

#[cfg(test)]
mod tests;
