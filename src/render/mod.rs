//! Pure functions from the model to pages.
//!
//! Machine pages ([`simple_html`], [`simple_json`]) are written here and never
//! by a theme, so that no theme can break an installer. Pages for people
//! ([`people`]) are the theme's.

pub mod description;
pub mod feed;
pub mod files_json;
pub mod gists;
pub mod listed;
pub mod needs;
pub mod people;
#[cfg(test)]
mod samples;
pub mod search;
pub mod simple_html;
pub mod simple_json;
pub mod theme;

use std::borrow::Cow;

use crate::index::{IndexFile, Project};

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
