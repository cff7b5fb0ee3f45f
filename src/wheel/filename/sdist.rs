//! Filenames of source distributions.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use pep440_rs::Version;

use super::versions::parse_version;
use super::{FilenameError, check_length, parse_name};
use crate::wheel::project_name::ProjectName;

/// A source distribution's filename: `{name}-{version}.tar.gz`, or `.zip` as old ones have it.
///
/// Source: [source distribution format](https://packaging.python.org/en/latest/specifications/source-distribution-format/#source-distribution-file-name)
/// (PEP 625). Keeps the text verbatim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdistFilename {
    text: Arc<str>,
    name: ProjectName,
    version: Version,
}

impl SdistFilename {
    /// The filename, verbatim.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The project's normalized name.
    pub fn name(&self) -> &ProjectName {
        &self.name
    }

    /// The version.
    pub fn version(&self) -> &Version {
        &self.version
    }
}

impl SdistFilename {
    pub(super) fn new(text: Arc<str>) -> Result<Self, FilenameError> {
        check_length(&text)?;
        let stem = text
            .strip_suffix(".tar.gz")
            .or_else(|| text.strip_suffix(".zip"))
            .ok_or(FilenameError::Extension)?;
        let (name, version) = stem.rsplit_once('-').ok_or(FilenameError::NoDash)?;
        let (name, version) = (parse_name(name)?, parse_version(version)?);
        Ok(Self { text, name, version })
    }
}

impl FromStr for SdistFilename {
    type Err = FilenameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text.into())
    }
}

impl fmt::Display for SdistFilename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
