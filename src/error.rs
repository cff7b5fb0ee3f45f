//! What can go wrong, by stage, with the exit code and the hint that belong to it.

use std::io;
use std::path::{Path, PathBuf};

use crate::host::Unfit;

/// Why a command did not do what it was asked to.
///
/// The message says what and where, expected and found; [`Error::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Flags, a configuration file or a theme that cannot be used.
    #[error("{message}")]
    Config {
        /// What is wrong, and where.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A source, or the previous state, that cannot be read.
    #[error("{message}")]
    Source {
        /// What is wrong, and where.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Files were rejected; the findings have been reported already.
    #[error("{rejected} of {total} files were rejected: {first}")]
    Rejected {
        /// How many.
        rejected: usize,
        /// Of how many.
        total: usize,
        /// The first by name.
        first: String,
    },
    /// The same filename has different bytes at two places.
    #[error("`{filename}` has different bytes at two places: {first} and {second}")]
    Conflict {
        /// The filename.
        filename: String,
        /// One place, with its digest.
        first: String,
        /// The other.
        second: String,
    },
    /// A guard stopped the build before it changed anything.
    #[error("{message}")]
    Guard {
        /// What it saw.
        message: String,
        /// The flag that lets it pass.
        hint: String,
    },
    /// Another program writes the same output.
    #[error("another build is writing `{}`", path.display())]
    Busy {
        /// The output.
        path: PathBuf,
    },
    /// A place that a site is published to cannot be reached, or does not do what it must.
    #[error("{message}")]
    Target {
        /// What is wrong, and where.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// Something there is larger than it ever is.
    #[error("`{place}` has more than {limit} bytes")]
    TooLarge {
        /// What, and where.
        place: String,
        /// The most bytes that it may have.
        limit: u64,
    },
    /// Another publisher has taken over at the same place.
    #[error("another publisher is writing to `{target}`: {reason}")]
    Overtaken {
        /// The place.
        target: String,
        /// How that was seen.
        reason: &'static str,
    },
    /// A file of the output cannot be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Output {
        /// As in "cannot write".
        action: &'static str,
        /// Which file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A page cannot be rendered.
    #[error("cannot render `{template}`: {message}")]
    Render {
        /// The template.
        template: String,
        /// What the template engine said.
        message: String,
    },
}

impl Error {
    /// A configuration error without a hint.
    pub fn config(message: impl Into<String>) -> Self {
        Self::Config { message: message.into(), hint: None }
    }

    /// A configuration error with a hint.
    pub fn config_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Config { message: message.into(), hint: Some(hint.into()) }
    }

    /// A source error without a hint.
    pub fn source(message: impl Into<String>) -> Self {
        Self::Source { message: message.into(), hint: None }
    }

    /// A source error with a hint.
    pub fn source_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Source { message: message.into(), hint: Some(hint.into()) }
    }

    /// An error of a place that a site is published to, with a hint.
    pub fn target_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Target { message: message.into(), hint: Some(hint.into()) }
    }

    /// An error of a place that a site is published to, without a hint.
    pub fn target(message: impl Into<String>) -> Self {
        Self::Target { message: message.into(), hint: None }
    }

    /// A site that its host does not take.
    pub fn unfit(unfit: Unfit) -> Self {
        Self::config_hint(unfit.message, unfit.hint)
    }

    /// For `map_err` on operations upon a file of the output.
    pub fn output<'p>(action: &'static str, path: &'p Path) -> impl Fn(io::Error) -> Self + 'p {
        move |source| Self::Output { action, path: path.to_owned(), source }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Config { hint, .. } | Self::Source { hint, .. } | Self::Target { hint, .. } => {
                hint.clone()
            }
            Self::Overtaken { .. } => Some(
                "what it publishes holds, and nothing of it was overwritten; run again to publish on top of it"
                    .to_owned(),
            ),
            Self::Guard { hint, .. } => Some(hint.clone()),
            Self::Rejected { .. } => Some(
                "mend the files named above, or build without them: `--on-reject exclude`"
                    .to_owned(),
            ),
            Self::Conflict { .. } => Some(
                "remove one, or choose with `--on-conflict oldest` or `--on-conflict newest`"
                    .to_owned(),
            ),
            Self::Busy { .. } => Some("wait until it has ended, then run again".to_owned()),
            Self::Output { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(
                    "the site that was there is whole; free some space and run again".to_owned(),
                ),
                io::ErrorKind::PermissionDenied => {
                    Some("check who owns the folder, or choose another".to_owned())
                }
                io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => Some(
                    "something that is no folder is in the way: remove it, or choose another place"
                        .to_owned(),
                ),
                io::ErrorKind::CrossesDevices => {
                    Some("hard links stay on one file system: use `--files copy`".to_owned())
                }
                _ => None,
            },
            Self::TooLarge { .. } => {
                Some("wheelsite never writes that much: remove it, then publish again".to_owned())
            }
            Self::Render { .. } => Some("mend the theme, or use `--theme default`".to_owned()),
        }
    }

    /// The exit code that scripts rely on.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Rejected { .. } | Self::Conflict { .. } | Self::Guard { .. } => 1,
            Self::Config { .. } | Self::Render { .. } => 2,
            Self::Source { .. }
            | Self::Output { .. }
            | Self::Target { .. }
            | Self::TooLarge { .. } => 3,
            Self::Busy { .. } | Self::Overtaken { .. } => 4,
        }
    }
}

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
