//! Project names.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A project's name in its normalized form: lowercase, runs of `-`, `_` and `.` become one `-`.
///
/// Source: [name normalization](https://packaging.python.org/en/latest/specifications/name-normalization/)
/// (PEP 503, PEP 508).
///
/// ```
/// use wheelsite::wheel::ProjectName;
/// let name: ProjectName = "Ruamel.YAML_clib".parse()?;
/// assert_eq!(name.to_string(), "ruamel-yaml-clib");
/// # Ok::<(), wheelsite::wheel::ParseProjectNameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectName(Arc<str>);

impl ProjectName {
    /// The normalized text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no project name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no project name: expected ASCII letters, digits, `-`, `_` and `.`, beginning and ending with a letter or digit"
)]
pub struct ParseProjectNameError(String);

impl FromStr for ProjectName {
    type Err = ParseProjectNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        if !edge(bytes.first()) || !edge(bytes.last()) || !bytes.iter().all(inner) {
            return Err(ParseProjectNameError(text.chars().take(80).collect()));
        }
        let mut name = String::with_capacity(text.len());
        for char in text.chars() {
            match char {
                '-' | '_' | '.' if name.ends_with('-') => {}
                '-' | '_' | '.' => name.push('-'),
                char => name.push(char.to_ascii_lowercase()),
            }
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for ProjectName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for ProjectName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProjectName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::from_text::from_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_could_leave_its_folder() {
        for text in ["", ".", "..", "../x", "a/b", "a\\b", "-a", "a-", "a b", "ä", "a\n"] {
            assert!(text.parse::<ProjectName>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(text in "[A-Za-z0-9]([A-Za-z0-9._-]{0,20}[A-Za-z0-9])?") {
            let name: ProjectName = text.parse()?;
            prop_assert_eq!(name.to_string().parse::<ProjectName>()?, name.clone());
            prop_assert!(!name.as_str().contains("--"));
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<ProjectName>();
        }
    }
}
