//! What a page of the simple API says, in whichever form it came.

use url::Url;

use super::{html, json};
use crate::facts::{Sidecar, UploadTime};
use crate::source::Ignored;
use crate::source::naming::classify;
use crate::wheel::{ProjectName, Sha256, escaped};

/// No project has more files than this.
pub(super) const MAX_FILES: usize = 200_000;
/// More projects than this are taken only by name.
pub(super) const MAX_PROJECTS: usize = 2_000;

pub(crate) const JSON: &str = "application/vnd.pypi.simple.v1+json";
pub(crate) const HTML: &str = "application/vnd.pypi.simple.v1+html";
/// The standard's other name for HTML, and the only type that most static hosts can send.
pub(crate) const TEXT_HTML: &str = "text/html";

/// The page of a project.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Its distributions, in the order of the page.
    pub files: Vec<PageFile>,
    /// Whatever else it links to.
    pub ignored: Vec<Ignored>,
    /// Whether the index offers no file of the project, for it may do harm (PEP 792).
    pub quarantined: bool,
}

/// A distribution, as its project's page describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageFile {
    /// The filename, verbatim.
    pub filename: Box<str>,
    /// Absolute, without a fragment.
    pub url: Url,
    /// Digest of the file.
    pub sha256: Option<Sha256>,
    /// `Requires-Python`.
    pub requires_python: Option<Box<str>>,
    /// Whether its METADATA is served beside it (PEP 658, PEP 714).
    pub core_metadata: Option<Sidecar>,
    /// Why it is yanked; empty where no reason is given (PEP 592).
    pub yanked: Option<Box<str>>,
    /// Size in bytes (PEP 700).
    pub size: Option<u64>,
    /// When it was uploaded (PEP 700).
    pub upload_time: Option<UploadTime>,
}

/// The root page.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Root {
    /// The projects, each once, in the order of the page.
    pub projects: Vec<ProjectName>,
    /// What it lists and is no project.
    pub ignored: Vec<Ignored>,
}

/// Why a page cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// It is something else, or does not say that it is a page.
    #[error("expected the content type `{JSON}`, `{HTML}` or `{TEXT_HTML}`, found {}", found(.0.as_deref()))]
    ContentType(Option<String>),
    /// Its version has another major number, or is none (PEP 629).
    #[error("expected version 1 of the simple API, found `{}`", escaped(.0))]
    Version(String),
    /// It lists more than it may.
    #[error("it lists more than {0} entries")]
    TooMany(usize),
    /// It is not as the standard says.
    #[error("{0}")]
    Invalid(String),
}

fn found(content_type: Option<&str>) -> String {
    content_type.map_or_else(|| "none".to_owned(), |text| format!("`{}`", escaped(text)))
}

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// PEP 503.
    Html,
    /// PEP 691.
    Json,
}

impl Form {
    /// `application/json` is none of them: no installer takes it for a page.
    pub(crate) fn of(content_type: Option<&str>) -> Result<Self, PageError> {
        let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
        match &*media_type.trim().to_ascii_lowercase() {
            JSON => Ok(Self::Json),
            HTML | TEXT_HTML => Ok(Self::Html),
            _ => Err(PageError::ContentType(content_type.map(str::to_owned))),
        }
    }
}

/// Whether what says that it is of this type is read as HTML.
pub(super) fn is_html(content_type: Option<&str>) -> bool {
    matches!(Form::of(content_type), Ok(Form::Html))
}

/// Reads a project's page. `url` is where it came from, which relative links begin at.
pub fn parse_page(content_type: Option<&str>, bytes: &[u8], url: &Url) -> Result<Page, PageError> {
    let mut page = match Form::of(content_type)? {
        Form::Html => html::page(bytes, url)?,
        Form::Json => json::page(bytes, url)?,
    };
    if page.quarantined {
        page.files.clear();
    }
    Ok(page)
}

/// Reads a root page.
pub fn parse_root(content_type: Option<&str>, bytes: &[u8], url: &Url) -> Result<Root, PageError> {
    let names = match Form::of(content_type)? {
        Form::Html => html::projects(bytes)?,
        Form::Json => json::projects(bytes)?,
    };
    let mut root = Root::default();
    let mut seen = std::collections::HashSet::new();
    for name in names {
        match name.parse::<ProjectName>() {
            Ok(name) if seen.insert(name.clone()) => root.projects.push(name),
            Ok(_) => {}
            Err(_) => root.ignored.push(Ignored {
                location: format!("{name} at {}", crate::net::shown(url)),
                reason: "no name of a project",
                suspicious: true,
            }),
        }
    }
    Ok(root)
}

/// Refuses pages of a major version that this program does not know; a page without one is a 1.0.
pub(super) fn check_version(version: Option<&str>) -> Result<(), PageError> {
    let Some(version) = version else { return Ok(()) };
    let major = version.trim().split('.').next().unwrap_or_default();
    match major.parse::<u32>() {
        Ok(1) => Ok(()),
        _ => Err(PageError::Version(version.to_owned())),
    }
}

/// Where a link leads, and its fragment; none where that is not a file on a web server.
pub(super) fn resolve(base: &Url, href: &str) -> Option<(Url, Option<String>)> {
    let mut url = base.join(href).ok()?;
    if !matches!(url.scheme(), "https" | "http") {
        return None;
    }
    let fragment = url.fragment().map(str::to_owned);
    url.set_fragment(None);
    Some((url, fragment))
}

/// Whether a name is that of a distribution.
pub(super) fn is_distribution(name: &str) -> bool {
    classify(name).is_none()
}

/// A link that is passed over.
pub(super) fn passed_over(location: String, reason: &'static str, suspicious: bool) -> Ignored {
    Ignored { location, reason, suspicious }
}

/// The digest of a file; one that is none would let any bytes pass, and is an error.
pub(super) fn digest(filename: &str, text: &str) -> Result<Sha256, PageError> {
    text.parse().map_err(|_| {
        PageError::Invalid(format!(
            "the sha256 of `{}`: expected 64 hexadecimal digits, found `{}`",
            escaped(filename),
            escaped(text)
        ))
    })
}

/// A sidecar's digest helps and decides nothing: its bytes are compared with the wheel's.
pub(super) fn sidecar(sha256: Option<&str>) -> Sidecar {
    sha256.and_then(|text| text.parse().ok()).map_or(Sidecar::Unhashed, Sidecar::Sha256)
}
