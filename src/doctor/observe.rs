//! What came: pages as each client saw them, files as they answered.

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use url::Url;

use super::probe::{Answer, Asker, Received, Whole};
use crate::net::Failure;
use crate::source::simple_index::{
    Entry, Form, PageError, RootSurvey, Survey, survey_page, survey_root,
};
use crate::wheel::{ProjectName, Sha256};

/// A page in one client's eyes.
#[derive(Debug)]
pub(super) struct View<T> {
    pub(super) asker: Asker,
    pub(super) asked: Url,
    pub(super) outcome: Result<Seen<T>, Failure>,
}

/// A page that was answered with.
#[derive(Debug)]
pub(super) struct Seen<T> {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) url: Url,
    pub(super) redirected: Vec<Url>,
    /// Whether it is larger than what is read of a page.
    pub(super) is_cut: bool,
    /// Whether no more than its first bytes were wanted.
    pub(super) is_glance: bool,
    /// How many bytes were read.
    pub(super) length: usize,
    /// Digests of its bytes, and of its bytes with nothing but one line's end behind the last line.
    pub(super) digests: [Sha256; 2],
    /// The form that it is written in, as far as its first bytes tell.
    pub(super) written: Option<Form>,
    /// What it says; none where nothing was to be read.
    pub(super) read: Option<Result<T, PageError>>,
}

/// A kind of page.
pub(super) trait Document: Sized {
    fn read(form: Form, bytes: &[u8], url: &Url) -> Result<Self, PageError>;

    /// Its links, as they stand there.
    fn links(&self) -> Vec<&str>;
}

impl Document for Survey {
    fn read(form: Form, bytes: &[u8], url: &Url) -> Result<Self, PageError> {
        survey_page(form, bytes, url)
    }

    fn links(&self) -> Vec<&str> {
        self.entries.iter().map(|entry| &*entry.href).collect()
    }
}

impl Document for RootSurvey {
    fn read(form: Form, bytes: &[u8], url: &Url) -> Result<Self, PageError> {
        survey_root(form, bytes, url)
    }

    fn links(&self) -> Vec<&str> {
        self.projects.iter().filter_map(|(_, href)| href.as_deref()).collect()
    }
}

impl<T: Document> View<T> {
    /// Reads what came, by the form that it is written in, whatever its type says.
    pub(super) fn new(asker: Asker, asked: &Url, answer: Answer) -> Self {
        Self { asker, asked: asked.clone(), outcome: answer.map(|it| Seen::new(it, false)) }
    }

    /// Takes note of how a page answers, which was read no further than its beginning.
    pub(super) fn glance(asker: Asker, asked: &Url, answer: Answer) -> Self {
        Self { asker, asked: asked.clone(), outcome: answer.map(|it| Seen::new(it, true)) }
    }
}

impl<T> View<T> {
    /// The page, where there is one.
    pub(super) fn seen(&self) -> Option<&Seen<T>> {
        self.outcome.as_ref().ok().filter(|seen| seen.status == 200)
    }

    /// What the page says, where there is one and it says something.
    pub(super) fn document(&self) -> Option<&T> {
        self.seen()?.read.as_ref()?.as_ref().ok()
    }

    /// The status of the answer; none where there was none.
    pub(super) fn status(&self) -> Option<u16> {
        match &self.outcome {
            Ok(seen) => Some(seen.status),
            Err(Failure::Status(status)) => Some(status.as_u16()),
            Err(_) => None,
        }
    }
}

impl<T: Document> Seen<T> {
    fn new(received: Received, is_glance: bool) -> Self {
        let Received { status, headers, url, redirected, bytes, is_cut } = received;
        let written = written(&bytes);
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let form = written.or(Form::of(content_type).ok());
        let form = form.filter(|_| status == 200 && !is_cut);
        let mut ended = bytes.trim_ascii_end().to_vec();
        ended.push(b'\n');
        Self {
            status,
            read: form.map(|form| T::read(form, &bytes, &url)),
            headers,
            url,
            redirected,
            is_cut: is_cut && !is_glance,
            is_glance,
            length: bytes.len(),
            digests: [Sha256::of(&bytes), Sha256::of(&ended)],
            written,
        }
    }
}

impl<T> Seen<T> {
    /// A header's value, if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What all lines of a header say, joined as if they were one (RFC 9110, section 5.3).
    pub(super) fn joined(&self, name: &str) -> Option<String> {
        let lines = self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let lines: Vec<&str> = lines.collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }

    /// The form that its type promises; none for a type that installers refuse.
    pub(super) fn declared(&self) -> Option<Form> {
        Form::of(self.header(CONTENT_TYPE.as_str())).ok()
    }
}

/// The form of a page by its first bytes.
fn written(bytes: &[u8]) -> Option<Form> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match bytes.trim_ascii_start().first() {
        Some(b'{') => Some(Form::Json),
        Some(b'<') => Some(Form::Html),
        _ => None,
    }
}

/// A project's page as all clients saw it.
#[derive(Debug)]
pub(super) struct ProjectSeen {
    pub(super) name: ProjectName,
    pub(super) url: Url,
    /// The first is that of pip.
    pub(super) views: Vec<View<Survey>>,
}

impl ProjectSeen {
    /// The views that say something, each with what it says.
    pub(super) fn documents(&self) -> impl Iterator<Item = (&View<Survey>, &Survey)> {
        self.views.iter().filter_map(|view| Some((view, view.document()?)))
    }
}

/// A file that a page links to, and what came when it was asked for.
#[derive(Debug)]
pub(super) struct FileSeen {
    pub(super) entry: Entry,
    pub(super) url: Url,
    pub(super) head: Answer,
    /// The first bytes, asked for as a range; none where nobody asked.
    pub(super) beginning: Option<Answer>,
    /// The whole file's digests and size; none where nobody asked.
    pub(super) whole: Option<Result<Whole, Failure>>,
    /// What is promised beside it; none where nothing is.
    pub(super) sidecar: Option<Answer>,
    pub(super) provenance: Option<(Url, Answer)>,
}
