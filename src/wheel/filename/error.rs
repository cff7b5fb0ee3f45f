//! Why a text is no filename.

use super::MAX_LENGTH;

/// Why a text is no filename of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilenameError {
    /// The filename is longer than file systems take.
    #[error("the filename has {found} bytes, expected at most {MAX_LENGTH}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Neither `.whl` nor `.tar.gz` nor `.zip`.
    #[error("expected a filename that ends in `.whl` (or in `.tar.gz` or `.zip`, for an sdist)")]
    Extension,
    /// A wheel's filename has 5 or 6 parts between dashes.
    #[error("expected 5 parts between dashes (6 with a build tag), found {found}")]
    Parts {
        /// How many there are.
        found: usize,
    },
    /// An sdist's filename has no dash.
    #[error("expected `NAME-VERSION`, found no `-`")]
    NoDash,
    /// The part for the project's name holds no valid name.
    #[error("invalid project name `{found}`")]
    Name {
        /// What stands there.
        found: String,
    },
    /// The part for the version is no PEP 440 version.
    #[error(
        "invalid version `{found}`: expected a PEP 440 version such as `1.2.3` or `1.2.3+cu128`"
    )]
    Version {
        /// What stands there.
        found: String,
    },
    /// The build tag does not begin with a digit, or its number is beyond reason.
    #[error("invalid build tag `{found}`: expected digits, then letters, digits, `_` or `.`")]
    Build {
        /// What stands there.
        found: String,
    },
    /// A tag is empty or holds a character that tags cannot hold.
    #[error(
        "invalid {part} tag `{found}`: expected lowercase letters, digits and `_`, joined with `.`"
    )]
    Tag {
        /// `python`, `abi` or `platform`.
        part: &'static str,
        /// What stands there.
        found: String,
    },
}
