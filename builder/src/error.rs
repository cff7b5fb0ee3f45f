//! What can go wrong, with the exit code and the hint that belong to it.

use std::fmt::Display;

/// Why a command did not do what it was asked to.
///
/// The message says what and where, expected and found; [`Error::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Anything that the index's own library says: configuration, sources, outputs.
    #[error(transparent)]
    Wheelsite(#[from] wheelsite::error::Error),
    /// A wheel was not built, or does not do what it must: exit code 1.
    #[error("{message}")]
    Failed {
        /// What went wrong, and at which stage.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// The container engine, an image or a server cannot be had: exit code 3.
    #[error("{message}")]
    Unreachable {
        /// What, and what was said.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Somebody stopped it: exit code 130.
    #[error("interrupted")]
    Interrupted,
}

/// What comes of a step of the builder.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A configuration error, or one of usage, with a hint: exit code 2.
    pub fn config(message: impl Into<String>, hint: impl Into<String>) -> Self {
        wheelsite::error::Error::config_hint(message, hint).into()
    }

    /// A build that failed.
    pub fn failed(message: impl Display, hint: impl Into<String>) -> Self {
        Self::Failed { message: message.to_string(), hint: Some(hint.into()) }
    }

    /// Something that cannot be had.
    pub fn unreachable(message: impl Display, hint: impl Into<String>) -> Self {
        Self::Unreachable { message: message.to_string(), hint: Some(hint.into()) }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Wheelsite(error) => error.hint(),
            Self::Failed { hint, .. } | Self::Unreachable { hint, .. } => hint.clone(),
            Self::Interrupted => None,
        }
    }

    /// The exit code of the program.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Wheelsite(error) => error.exit_code(),
            Self::Failed { .. } => 1,
            Self::Unreachable { .. } => 3,
            Self::Interrupted => 130,
        }
    }
}
