//! WHEEL: how an archive was made and for whom.

use serde::{Deserialize, Serialize};

use super::headers::{HeaderError, Headers};

/// The fields of a WHEEL file.
///
/// Source: [binary distribution format](https://packaging.python.org/en/latest/specifications/binary-distribution-format/)
/// (PEP 427).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WheelFile {
    /// `Wheel-Version`.
    pub wheel_version: String,
    /// `Generator`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator: Option<String>,
    /// `Root-Is-Purelib`, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_is_purelib: Option<String>,
    /// `Tag`, one element each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// `Build`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build: Option<String>,
}

/// Why some bytes are no WHEEL file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WheelFileError {
    /// The bytes do not parse as headers.
    #[error(transparent)]
    Headers(#[from] HeaderError),
    /// `Wheel-Version` is missing.
    #[error("no `Wheel-Version` field")]
    NoVersion,
}

impl WheelFile {
    /// No real WHEEL file comes near this many bytes.
    pub const MAX_SIZE: u64 = 1024 * 1024;

    /// Reads a WHEEL file.
    pub fn parse(bytes: &[u8]) -> Result<Self, WheelFileError> {
        let headers = Headers::parse(bytes)?;
        // uv knows the fields in their usual spelling only.
        let text = |name| headers.first_exact(name).map(str::to_owned);
        Ok(Self {
            wheel_version: text("Wheel-Version").ok_or(WheelFileError::NoVersion)?,
            generator: text("Generator"),
            root_is_purelib: text("Root-Is-Purelib"),
            tags: headers.all("Tag").map(str::to_owned).collect(),
            build: text("Build"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_fields() {
        let file = WheelFile::parse(
            b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\n",
        )
        .expect("parses");
        assert_eq!(file.tags, ["py2-none-any", "py3-none-any"]);
        assert_eq!(WheelFile::parse(b"Tag: x\n"), Err(WheelFileError::NoVersion));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = WheelFile::parse(&bytes);
        }
    }
}
