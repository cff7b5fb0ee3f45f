//! METADATA: what a distribution says of itself.

use serde::{Deserialize, Serialize};

use super::headers::{HeaderError, Headers};

/// The fields of a METADATA file that the index and its pages use.
///
/// Source: [core metadata](https://packaging.python.org/en/latest/specifications/core-metadata/).
/// Texts are as written: whether they parse is an opinion of [`crate::verify`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CoreMetadata {
    /// `Metadata-Version`.
    pub metadata_version: String,
    /// `Name`, as the author spells it.
    pub name: String,
    /// `Version`.
    pub version: String,
    /// `Summary`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// `Requires-Python`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<String>,
    /// `Requires-Dist`, one element each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requires_dist: Vec<String>,
    /// `Provides-Extra`, one element each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub provides_extra: Vec<String>,
    /// `License-Expression`, else the first line of `License`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// `Author`, else `Author-email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// `Project-URL` as label and URL, with `Home-page` as `Homepage`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub project_urls: Vec<(String, String)>,
    /// `License-File`, one element each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub license_files: Vec<String>,
    /// Fields that may stand once and stand more often.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repeated: Vec<String>,
    /// `Description-Content-Type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description_content_type: Option<String>,
}

/// Fields that readers take one of, and not all of them the same one.
const ONCE: [&str; 6] =
    ["Metadata-Version", "Name", "Version", "Summary", "Requires-Python", "License-Expression"];

/// Why some bytes are no METADATA.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// The bytes do not parse as headers.
    #[error(transparent)]
    Headers(#[from] HeaderError),
    /// A field that the standard requires is missing or empty.
    #[error("no `{0}` field")]
    MissingField(&'static str),
    /// The fields are longer than any that are true.
    #[error("the fields have {found} bytes, expected at most {}", CoreMetadata::MAX_FIELDS)]
    TooLong {
        /// How many bytes they have.
        found: usize,
    },
}

impl CoreMetadata {
    /// No real METADATA comes near this many bytes.
    pub const MAX_SIZE: u64 = 16 * 1024 * 1024;

    /// The description is not kept in memory; what is must not be long, in bytes.
    pub const MAX_FIELDS: usize = 1024 * 1024;

    /// Reads the fields of a METADATA file.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetadataError> {
        let headers = Headers::parse(bytes)?;
        let described: usize = headers.all("Description").map(str::len).sum();
        let found = bytes.len().saturating_sub(headers.body().len() + described);
        if found > Self::MAX_FIELDS {
            return Err(MetadataError::TooLong { found });
        }
        let text = |name| headers.first(name).filter(|value| !value.is_empty()).map(str::to_owned);
        let required = |name| text(name).ok_or(MetadataError::MissingField(name));
        let list = |name| headers.all(name).map(str::to_owned).collect();
        let home = headers.first("Home-page").filter(|url| is_given(url));
        let labelled = headers.all("Project-URL").filter_map(|value| value.split_once(','));
        Ok(Self {
            metadata_version: required("Metadata-Version")?,
            name: required("Name")?,
            version: required("Version")?,
            summary: text("Summary").filter(|summary| is_given(summary)),
            requires_python: text("Requires-Python"),
            requires_dist: list("Requires-Dist"),
            provides_extra: list("Provides-Extra"),
            license: text("License-Expression").or_else(|| {
                let license = headers.first("License")?.lines().next()?.trim();
                is_given(license).then(|| license.to_owned())
            }),
            author: text("Author")
                .filter(|author| is_given(author))
                .or_else(|| text("Author-email")),
            project_urls: home
                .map(|url| ("Homepage".to_owned(), url.to_owned()))
                .into_iter()
                .chain(
                    labelled.map(|(label, url)| (label.trim().to_owned(), url.trim().to_owned())),
                )
                .collect(),
            license_files: list("License-File"),
            repeated: ONCE
                .iter()
                .filter(|name| headers.all(name).nth(1).is_some())
                .map(ToString::to_string)
                .collect(),
            description_content_type: text("Description-Content-Type"),
        })
    }

    /// The long description: the body, else the `Description` header of old files.
    pub fn description(bytes: &[u8]) -> Option<String> {
        let headers = Headers::parse(bytes).ok()?;
        let body = headers.body().trim();
        if !body.is_empty() {
            return Some(body.to_owned());
        }
        let header = headers.first("Description").filter(|text| is_given(text))?;
        // Old tools indent the lines that follow by eight spaces, or by seven and a `|`.
        let unfolded: Vec<&str> = header
            .split('\n')
            .map(|line| {
                line.strip_prefix("       |")
                    .or_else(|| line.strip_prefix("        "))
                    .unwrap_or(line)
            })
            .collect();
        Some(unfolded.join("\n"))
    }
}

/// distutils wrote `UNKNOWN` for what it was not told.
fn is_given(value: &str) -> bool {
    !value.is_empty() && value != "UNKNOWN"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const METADATA: &str = "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0\nSummary: UNKNOWN\n\
        Home-page: https://foo.example\nProject-URL: Docs, https://docs.example\n\
        License: MIT\n        and a long text\nRequires-Dist: a\nRequires-Dist: b ; extra == \"x\"\n\
        Provides-Extra: x\n\n# Foo\n";

    #[test]
    fn reads_fields() {
        let metadata = CoreMetadata::parse(METADATA.as_bytes()).expect("parses");
        assert_eq!(metadata.name, "Foo.Bar");
        assert_eq!(metadata.summary, None);
        assert_eq!(metadata.license.as_deref(), Some("MIT"));
        assert_eq!(metadata.requires_dist.len(), 2);
        assert_eq!(metadata.project_urls[0].0, "Homepage");
        assert_eq!(metadata.project_urls[1].1, "https://docs.example");
        assert_eq!(CoreMetadata::description(METADATA.as_bytes()).as_deref(), Some("# Foo"));
    }

    #[test]
    fn names_the_missing_field() {
        assert_eq!(
            CoreMetadata::parse(b"Metadata-Version: 2.1\nName: x\n\n"),
            Err(MetadataError::MissingField("Version"))
        );
    }

    #[test]
    fn description_of_an_old_file() {
        let old = b"Metadata-Version: 1.1\nName: x\nVersion: 1\nDescription: One\n        Two\n       |Three\n";
        assert_eq!(CoreMetadata::description(old).as_deref(), Some("One\nTwo\nThree"));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = CoreMetadata::parse(&bytes);
            let _ = CoreMetadata::description(&bytes);
        }
    }
}
