//! A page as it is, with all that installers may trip over.
//!
//! A build takes from a page what is true and useful, and refuses the rest; whoever looks after an
//! index wants to see that rest. Both read a page by the same rules.

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use url::Url;

use super::html::{self, Anchor};
use super::json::{self, Capped};
use super::page::{Form, MAX_FILES, PageError, is_distribution, resolve};
use crate::wheel::escaped;

/// Projects beyond this many are not looked at: the largest index has some hundred thousands.
const MAX_NAMES: usize = 1_000_000;

/// The page of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Survey {
    pub(crate) form: Form,
    /// `pypi:repository-version`, or `meta.api-version`.
    pub(crate) version: Option<String>,
    /// What the page calls the project; in JSON alone.
    pub(crate) name: Option<String>,
    /// `versions`; in JSON alone.
    pub(crate) versions: Option<Vec<String>>,
    /// PEP 792.
    pub(crate) status: Option<String>,
    /// Whether the status stands in `meta`, where the standard's example has it and its text has
    /// not.
    pub(crate) is_status_in_meta: bool,
    /// `href` of the first `<base>`; in HTML alone.
    pub(crate) base: Option<String>,
    /// Its distributions, in the order of the page.
    pub(crate) entries: Vec<Entry>,
    /// Whether it has more entries than were read.
    pub(crate) is_cut: bool,
}

/// A distribution on a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The anchor's text, or `filename`.
    pub(crate) filename: String,
    /// As it stands on the page, without a fragment.
    pub(crate) href: String,
    /// Absolute; none where it leads to no web server.
    pub(crate) url: Option<Url>,
    /// Algorithms with hexadecimal digits; in HTML the parts of the fragment.
    pub(crate) hashes: Vec<(String, String)>,
    pub(crate) requires_python: Option<String>,
    /// PEP 714.
    pub(crate) core_metadata: Option<Promise>,
    /// The older name of the same, PEP 658.
    pub(crate) dist_info_metadata: Option<Promise>,
    /// The reason, which may be empty; none where it is not yanked.
    pub(crate) yanked: Option<String>,
    /// Whether the reason is the empty text, which only JSON tells from `true`.
    pub(crate) is_reason_empty: bool,
    pub(crate) size: Option<u64>,
    pub(crate) upload_time: Option<String>,
    /// PEP 740.
    pub(crate) provenance: Option<String>,
    /// What is not as the standard says; in JSON alone.
    pub(crate) faults: Vec<Fault>,
}

/// A sidecar that is promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Without a digest.
    Unhashed,
    /// With digests, by algorithm.
    Hashes(Vec<(String, String)>),
}

/// A value in JSON that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// `null` where installers take none.
    Null(&'static str),
    /// Something else than the standard says.
    Wrong { key: &'static str, expected: &'static str, found: String },
}

/// The root page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RootSurvey {
    pub(crate) form: Form,
    pub(crate) version: Option<String>,
    /// Names as they stand there, each with its link in HTML.
    pub(crate) projects: Vec<(String, Option<String>)>,
    /// Whether it has more projects than were read.
    pub(crate) is_cut: bool,
}

impl Entry {
    /// The last part of its URL, decoded: what installers call the file.
    pub(crate) fn last(&self) -> Option<String> {
        let last = self.url.as_ref()?.path_segments()?.next_back()?;
        Some(percent_decode_str(last).decode_utf8_lossy().into_owned())
    }

    /// Its digest by an algorithm.
    pub(crate) fn hash(&self, algorithm: &str) -> Option<&str> {
        let found = self.hashes.iter().find(|(name, _)| name == algorithm);
        found.map(|(_, hex)| &**hex)
    }

    /// The sidecar that installers look for.
    pub(crate) fn sidecar(&self) -> Option<&Promise> {
        self.core_metadata.as_ref().or(self.dist_info_metadata.as_ref())
    }

    /// Whether it is a distribution, by its text or by where it leads; pages link to other things as well.
    fn is_distribution(&self) -> bool {
        let end = self.href.rsplit('/').next().unwrap_or_default();
        let last = self.last();
        is_distribution(&self.filename) || is_distribution(last.as_deref().unwrap_or(end))
    }
}

impl Fault {
    /// Whose value it is.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::Null(key) | Self::Wrong { key, .. } => key,
        }
    }
}

impl Promise {
    /// Its digest by SHA-256.
    pub(crate) fn sha256(&self) -> Option<&str> {
        match self {
            Self::Unhashed => None,
            Self::Hashes(hashes) => {
                hashes.iter().find(|(name, _)| name == "sha256").map(|(_, hex)| &**hex)
            }
        }
    }
}

/// Reads the page of a project in a form. `url` is where it came from.
pub(crate) fn survey_page(form: Form, bytes: &[u8], url: &Url) -> Result<Survey, PageError> {
    let mut survey = match form {
        Form::Html => html_page(bytes, url)?,
        Form::Json => json_page(bytes, url)?,
    };
    survey.entries.retain(Entry::is_distribution);
    Ok(survey)
}

/// Reads a root page in a form.
pub(crate) fn survey_root(form: Form, bytes: &[u8], url: &Url) -> Result<RootSurvey, PageError> {
    match form {
        Form::Html => {
            let scanned = html::scan(bytes, MAX_NAMES)?;
            let anchors = scanned.anchors.into_iter().filter(|anchor| leads_on(&anchor.href, url));
            let projects = anchors.map(|anchor| {
                let text = anchor.text.trim();
                (text.strip_suffix('/').unwrap_or(text).to_owned(), Some(anchor.href))
            });
            let projects = projects.filter(|(name, _)| name != "..").collect();
            Ok(RootSurvey { form, version: scanned.version, projects, is_cut: scanned.is_cut })
        }
        Form::Json => {
            let root: JsonRoot = json::read(bytes)?;
            let projects = root.projects.items.into_iter().map(|project| (project.name, None));
            Ok(RootSurvey {
                form,
                version: root.meta.and_then(|meta| meta.api_version),
                projects: projects.collect(),
                is_cut: root.projects.overfull,
            })
        }
    }
}

/// Whether a link of a root may be one to a project: columns that sort a listing lead to the page
/// itself, navigation to what lies above it or beside it.
fn leads_on(href: &str, page: &Url) -> bool {
    let depth = |path: &str| path.split('/').filter(|part| !part.is_empty()).count();
    let folder = page.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    resolve(page, href).is_none_or(|(target, _)| {
        target.origin() != page.origin() || depth(target.path()) > depth(folder)
    })
}

fn html_page(bytes: &[u8], url: &Url) -> Result<Survey, PageError> {
    let scanned = html::scan(bytes, MAX_FILES)?;
    let base = scanned.base.as_deref().and_then(|href| url.join(href).ok());
    let base = base.as_ref().unwrap_or(url);
    Ok(Survey {
        form: Form::Html,
        version: scanned.version,
        name: None,
        versions: None,
        status: scanned.status,
        is_status_in_meta: false,
        entries: scanned.anchors.into_iter().map(|anchor| of_anchor(anchor, base)).collect(),
        base: scanned.base,
        is_cut: scanned.is_cut,
    })
}

fn of_anchor(anchor: Anchor, base: &Url) -> Entry {
    let (href, fragment) = match anchor.href.split_once('#') {
        Some((href, fragment)) => (href.to_owned(), Some(fragment.to_owned())),
        None => (anchor.href, None),
    };
    let parts = fragment.as_deref().unwrap_or_default().split('&');
    Entry {
        filename: anchor.text.trim().to_owned(),
        url: resolve(base, &href).map(|(url, _)| url),
        href,
        hashes: parts.filter_map(pair).collect(),
        requires_python: anchor.requires_python.map(Into::into),
        core_metadata: anchor.core_metadata.as_deref().and_then(promise),
        dist_info_metadata: anchor.dist_info_metadata.as_deref().and_then(promise),
        yanked: anchor.yanked.map(Into::into),
        is_reason_empty: false,
        size: anchor.size,
        upload_time: anchor.upload_time.map(|text| text.to_string()),
        provenance: anchor.provenance.map(|text| text.to_string()),
        faults: Vec::new(),
    }
}

/// What is no pair says nothing.
fn pair(part: &str) -> Option<(String, String)> {
    let (algorithm, hex) = part.split_once('=')?;
    Some((algorithm.to_owned(), hex.to_owned()))
}

/// `true`, or a digest; anything else says that there is none.
fn promise(value: &str) -> Option<Promise> {
    match value.trim() {
        "true" => Some(Promise::Unhashed),
        other => Some(Promise::Hashes(vec![pair(other)?])),
    }
}

#[derive(Deserialize)]
struct JsonPage {
    meta: Option<Meta>,
    name: Option<String>,
    versions: Option<Vec<String>>,
    files: Capped<JsonFile, MAX_FILES>,
    #[serde(rename = "project-status")]
    project_status: Option<Value>,
}

#[derive(Deserialize)]
struct JsonRoot {
    meta: Option<Meta>,
    projects: Capped<JsonProject, MAX_NAMES>,
}

#[derive(Deserialize)]
struct JsonProject {
    name: String,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "api-version")]
    api_version: Option<String>,
    #[serde(rename = "project-status")]
    project_status: Option<Value>,
}

/// Values as they are; a key that is not there is none, and `null` is a value.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct JsonFile {
    #[serde(deserialize_with = "present")]
    filename: Option<Value>,
    #[serde(deserialize_with = "present")]
    url: Option<Value>,
    #[serde(deserialize_with = "present")]
    hashes: Option<Value>,
    #[serde(deserialize_with = "present")]
    requires_python: Option<Value>,
    #[serde(deserialize_with = "present")]
    core_metadata: Option<Value>,
    #[serde(deserialize_with = "present")]
    dist_info_metadata: Option<Value>,
    #[serde(deserialize_with = "present")]
    yanked: Option<Value>,
    #[serde(deserialize_with = "present")]
    size: Option<Value>,
    #[serde(deserialize_with = "present")]
    upload_time: Option<Value>,
    #[serde(deserialize_with = "present")]
    provenance: Option<Value>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn json_page(bytes: &[u8], url: &Url) -> Result<Survey, PageError> {
    let page: JsonPage = json::read(bytes)?;
    let (version, in_meta) = match page.meta {
        Some(meta) => (meta.api_version, meta.project_status),
        None => (None, None),
    };
    let is_status_in_meta = page.project_status.is_none() && in_meta.is_some();
    let status = page.project_status.or(in_meta);
    Ok(Survey {
        form: Form::Json,
        version,
        name: page.name,
        versions: page.versions,
        status: status.as_ref().and_then(status_of),
        is_status_in_meta,
        base: None,
        entries: page.files.items.into_iter().map(|file| file.into_entry(url)).collect(),
        is_cut: page.files.overfull,
    })
}

fn status_of(value: &Value) -> Option<String> {
    let status = value.get("status").unwrap_or(value);
    status.as_str().map(str::to_owned)
}

impl JsonFile {
    fn into_entry(self, page: &Url) -> Entry {
        let mut faults = Faults::default();
        let filename = faults.required("filename", Kind::Text, self.filename).and_then(text);
        let href = faults.required("url", Kind::Text, self.url).and_then(text).unwrap_or_default();
        let hashes = faults.required("hashes", Kind::Hashes, self.hashes);
        let yanked = faults.checked("yanked", Kind::Yanked, self.yanked);
        let size = faults.checked("size", Kind::Size, self.size);
        let upload_time = faults.checked("upload-time", Kind::Text, self.upload_time);
        let requires_python = faults.nullable("requires-python", Kind::Text, self.requires_python);
        let core_metadata = faults.nullable("core-metadata", Kind::Promise, self.core_metadata);
        let dist_info =
            faults.nullable("dist-info-metadata", Kind::Promise, self.dist_info_metadata);
        let provenance = faults.nullable("provenance", Kind::Text, self.provenance);
        Entry {
            filename: filename.unwrap_or_default(),
            url: resolve(page, &href).map(|(url, _)| url),
            href: href.split('#').next().unwrap_or_default().to_owned(),
            hashes: hashes.as_ref().map(digests).unwrap_or_default(),
            requires_python: requires_python.and_then(text),
            core_metadata: core_metadata.as_ref().and_then(promise_of),
            dist_info_metadata: dist_info.as_ref().and_then(promise_of),
            is_reason_empty: yanked.as_ref().is_some_and(|value| *value == ""),
            yanked: yanked.and_then(|value| match value {
                Value::Bool(true) => Some(String::new()),
                Value::String(reason) => Some(reason),
                _ => None,
            }),
            size: size.and_then(|size| size.as_u64()),
            upload_time: upload_time.and_then(text),
            provenance: provenance.and_then(text),
            faults: faults.found,
        }
    }
}

/// What the standard says that a value is.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Size,
    Hashes,
    Yanked,
    Promise,
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        let is_digests =
            || value.as_object().is_some_and(|hashes| hashes.values().all(Value::is_string));
        match self {
            Self::Text => value.is_string(),
            Self::Size => value.is_u64(),
            Self::Hashes => is_digests(),
            Self::Yanked => value.is_boolean() || value.is_string(),
            Self::Promise => value.is_boolean() || is_digests(),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Size => "a whole number of bytes",
            Self::Hashes => "an object of digests",
            Self::Yanked => "a boolean or a reason",
            Self::Promise => "a boolean or an object of digests",
        }
    }
}

/// What is wrong with the values of a file.
#[derive(Default)]
struct Faults {
    found: Vec<Fault>,
}

impl Faults {
    fn required(&mut self, key: &'static str, kind: Kind, value: Option<Value>) -> Option<Value> {
        if value.is_none() {
            let found = "nothing".to_owned();
            self.found.push(Fault::Wrong { key, expected: kind.expected(), found });
        }
        self.checked(key, kind, value)
    }

    /// A value that is not there is no fault; `null` is one to uv, which refuses the whole page.
    fn checked(&mut self, key: &'static str, kind: Kind, value: Option<Value>) -> Option<Value> {
        let value = value?;
        if value.is_null() {
            self.found.push(Fault::Null(key));
            return None;
        }
        if !kind.fits(&value) {
            let found = escaped(&value.to_string());
            self.found.push(Fault::Wrong { key, expected: kind.expected(), found });
            return None;
        }
        Some(value)
    }

    /// A value whose `null` all installers take for nothing.
    fn nullable(&mut self, key: &'static str, kind: Kind, value: Option<Value>) -> Option<Value> {
        self.checked(key, kind, value.filter(|value| !value.is_null()))
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn digests(value: &Value) -> Vec<(String, String)> {
    let hashes = value.as_object().into_iter().flatten();
    let hashes = hashes.filter_map(|(name, hex)| Some((name.clone(), hex.as_str()?.to_owned())));
    hashes.collect()
}

fn promise_of(value: &Value) -> Option<Promise> {
    match value {
        Value::Bool(true) => Some(Promise::Unhashed),
        Value::Object(_) => Some(Promise::Hashes(digests(value))),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
