//! `wheelsite-facts.json`: what somebody has read in wheels, beside them in a release.
//!
//! Whoever builds wheels has their bytes at hand; with this file nobody has to fetch them
//! again to know what is in them. It is believed only of files whose digest the host itself
//! states, and never as if every byte had been checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::facts::{Content, Depth, FACTS_VERSION, Facts};
use crate::inspect::Kind;
use crate::state::generator;
use crate::wheel::Sha256;

/// The name of the file in a release.
pub const FACTS_FILE: &str = "wheelsite-facts.json";

/// Grows when the format changes in a way that older programs would misread.
const FORMAT: u32 = 1;

/// The file's contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactsFile {
    /// Version of this format.
    facts_format: u32,
    /// What wrote it.
    generator: String,
    /// By the digest of the file that they are about.
    files: BTreeMap<Sha256, Entry>,
}

/// What is said of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// For people; the digest is what counts.
    filename: String,
    size: u64,
    facts_version: u32,
    depth: Depth,
    content: Content,
}

impl FactsFile {
    /// The facts of a thousand wheels come to a few megabytes.
    pub const MAX_SIZE: u64 = 64 * 1024 * 1024;

    /// A file that says what was read in some files, by name.
    pub fn of<'f>(files: impl IntoIterator<Item = (&'f str, &'f Facts)>) -> Self {
        let entry = |(filename, facts): (&str, &Facts)| {
            let entry = Entry {
                filename: filename.to_owned(),
                size: facts.size,
                facts_version: facts.facts_version,
                depth: facts.depth,
                content: facts.content.clone(),
            };
            (facts.sha256, entry)
        };
        let files = files.into_iter().map(entry).collect();
        Self { facts_format: FORMAT, generator: generator(), files }
    }

    /// Adds what another file says, where this one says nothing, of the files that are meant: by
    /// digest, name, and size in bytes.
    pub fn add(&mut self, other: Self, is_meant: impl Fn(Sha256, &str, u64) -> bool) {
        for (sha256, entry) in other.files {
            if is_meant(sha256, &entry.filename, entry.size) {
                self.files.entry(sha256).or_insert(entry);
            }
        }
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Reads a file's contents. Errors say why it is none that this program reads.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        /// What every version of the format has.
        #[derive(Deserialize)]
        struct Versioned {
            facts_format: u32,
        }
        let Versioned { facts_format } =
            serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if facts_format != FORMAT {
            return Err(format!("its format has version {facts_format}, expected {FORMAT}"));
        }
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Maps with text for keys always serialize.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What it says of the file with this name, digest and size, as far as it can be believed.
    pub fn facts(&self, filename: &str, sha256: Sha256, size: Option<u64>) -> Option<Facts> {
        let entry = self.files.get(&sha256)?;
        // What kind of archive it is depends on the name; what cannot be read is worth a look.
        let is_kind = matches!(
            (&entry.content, Kind::of_filename(filename)),
            (Content::Sdist, Kind::Sdist) | (Content::Wheel(_), Kind::Wheel)
        );
        let usable = is_kind
            && entry.filename == filename
            && entry.facts_version == FACTS_VERSION
            && size.is_none_or(|size| size == entry.size);
        usable.then(|| Facts {
            facts_version: entry.facts_version,
            // Whoever wrote it may have checked every byte; this program has not.
            depth: Depth::Metadata.min(entry.depth),
            sha256,
            size: entry.size,
            content: entry.content.clone(),
            reported: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts() -> Facts {
        Facts {
            facts_version: FACTS_VERSION,
            depth: Depth::Full,
            sha256: Sha256::of(b"x"),
            size: 1,
            content: Content::Sdist,
            reported: false,
        }
    }

    #[test]
    fn is_believed_by_digest_and_size_and_never_in_full() {
        let bytes = FactsFile::of([("a-1.tar.gz", &facts())]).to_bytes();
        let file = FactsFile::parse(&bytes).expect("parses");
        let facts_of = |name: &str, bytes: &[u8], size| file.facts(name, Sha256::of(bytes), size);
        let read = facts_of("a-1.tar.gz", b"x", Some(1)).expect("is there");
        assert_eq!(read, Facts { depth: Depth::Metadata, reported: true, ..facts() });
        assert_eq!(facts_of("a-1.tar.gz", b"x", Some(2)), None);
        assert_eq!(facts_of("a-1.tar.gz", b"y", Some(1)), None);
        assert_eq!(facts_of("b-1.tar.gz", b"x", Some(1)), None);
        let old = FactsFile::of([("a-1.tar.gz", &Facts { facts_version: 0, ..facts() })]);
        assert_eq!(old.facts("a-1.tar.gz", Sha256::of(b"x"), Some(1)), None);
        let lie = FactsFile::of([("a-1-py3-none-any.whl", &facts())]);
        assert_eq!(lie.facts("a-1-py3-none-any.whl", Sha256::of(b"x"), Some(1)), None);
    }

    #[test]
    fn other_formats_are_named() {
        let error = FactsFile::parse(b"{\"facts_format\": 2, \"more\": 1}").expect_err("fails");
        assert!(error.contains("version 2, expected 1"), "{error}");
        assert!(FactsFile::parse(b"[]").is_err());
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            let _ = FactsFile::parse(&bytes);
        }
    }
}
