//! Pure functions from the model to pages.
//!
//! Machine pages ([`simple_html`], [`simple_json`]) are written here and never
//! by a theme, so that no theme can break an installer. Pages for people
//! ([`people`]) are the theme's.

pub mod description;
pub mod feed;
pub mod files_json;
pub(crate) mod markup;
pub mod needs;
pub mod people;
#[cfg(test)]
mod samples;
pub mod search;
pub mod simple_html;
pub mod simple_json;
pub mod theme;

use std::borrow::Cow;

use url::Url;

use crate::index::{FileUrl, IndexFile, Project};
use crate::wheel::ProjectName;

/// What is the same for all links of a site.
#[derive(Debug, Clone, Copy)]
pub struct Links<'a> {
    /// Where the files are served when not by the site; ends in `/`.
    pub files_url: Option<&'a Url>,
    /// From the page to the root of the site; empty, or ends in `/`.
    pub root: &'a str,
}

impl Links<'_> {
    /// Appends the URL of a file.
    ///
    /// A `+` becomes `%2B`: object stores decode it as a space otherwise.
    fn push_url(self, name: &ProjectName, file: &IndexFile, out: &mut Vec<u8>) {
        let filename = file.dist.as_str();
        match (&file.url, file.sha256) {
            (FileUrl::Carried, Some(sha256)) => {
                out.extend_from_slice(self.root.as_bytes());
                out.extend_from_slice(b"files/");
                out.extend_from_slice(name.as_str().as_bytes());
                out.push(b'/');
                out.extend_from_slice(sha256.short().as_bytes());
                out.push(b'/');
                markup::push_percent_encoded(out, filename);
            }
            (FileUrl::Own(url), _) => out.extend_from_slice(url.as_bytes()),
            // A carried file has been read, so it has a digest; the name alone would still be right.
            (FileUrl::FilesUrl | FileUrl::Carried, _) => {
                let base = self.files_url.map(Url::as_str).unwrap_or_default();
                out.extend_from_slice(base.as_bytes());
                markup::push_percent_encoded(out, filename);
            }
        }
    }

    #[cfg(test)]
    fn url(self, name: &ProjectName, file: &IndexFile) -> String {
        let mut url = Vec::new();
        self.push_url(name, file, &mut url);
        String::from_utf8(url).unwrap_or_default()
    }
}

/// The URLs of the files that an index offers of a project: several of its pages have each.
#[derive(Debug, Default)]
pub struct Urls {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Urls {
    /// As the pages have them that these links are for. None is known of a file whose URL is empty.
    pub fn of(project: &Project, links: Links<'_>) -> Self {
        /// Bytes of a URL, near enough.
        const URL: usize = 150;
        let files = project.offered();
        let mut text = Vec::with_capacity(files.len() * URL);
        let end = |file: &IndexFile| {
            links.push_url(&project.name, file, &mut text);
            text.len()
        };
        let ends = files.iter().map(end).collect();
        // It is made of texts, so that nothing is ever lost here.
        Self { text: String::from_utf8(text).unwrap_or_default(), ends }
    }

    /// In the order of the files.
    fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let ranges = starts.zip(&self.ends);
        ranges.map(|(start, end)| self.text.get(start..*end).unwrap_or_default())
    }
}

/// At most so many letters of a text; that some were cut off is seen.
fn cut(text: &str, letters: usize) -> Cow<'_, str> {
    if letters == 0 {
        return Cow::Borrowed("");
    }
    // The place of the first letter that has no room.
    if text.char_indices().nth(letters).is_none() {
        return Cow::Borrowed(text);
    }
    let end = text.char_indices().nth(letters - 1).map_or(text.len(), |(at, _)| at);
    Cow::Owned(format!("{}\u{2026}", text[..end].trim_end()))
}

/// The name that pages show: as the author spells it, where METADATA is known.
pub fn display_name(project: &Project) -> &str {
    name_by(project, speaker(project))
}

/// The file that speaks for a project, where it may have something to say. To find it versions are
/// compared, several times a page: not where no file was opened.
fn speaker(project: &Project) -> Option<&IndexFile> {
    let may_speak = project.offered().iter().any(|file| file.facts.is_some());
    if may_speak { project.representative() } else { None }
}

/// The same by the file that speaks for the project.
fn name_by<'p>(project: &'p Project, speaks: Option<&'p IndexFile>) -> &'p str {
    let metadata = speaks.and_then(|file| file.facts.as_deref()?.metadata());
    metadata.map_or(project.name.as_str(), |metadata| &metadata.fields.name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::cut;

    #[test]
    fn what_is_cut_off_is_seen() {
        for (text, letters, expected) in [
            ("seven le", 8, "seven le"),
            ("seven letters", 8, "seven l\u{2026}"),
            ("seven letters", 7, "seven\u{2026}"),
            ("ééé", 2, "é\u{2026}"),
            ("ab", 1, "\u{2026}"),
            ("ab", 0, ""),
            ("", 5, ""),
        ] {
            assert_eq!(cut(text, letters), expected, "{text} {letters}");
        }
    }

    proptest! {
        #[test]
        fn never_longer_than_asked(text in ".{0,40}", letters in 0usize..50) {
            prop_assert!(cut(&text, letters).chars().count() <= letters);
        }
    }
}
