//! Why a request did not give what it was made for.

use std::fmt;
use std::io;

use reqwest::StatusCode;

use crate::facts::UploadTime;

/// Why a request failed. Never holds a URL: its query may be a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The server answered, and this is not what was asked for.
    Status(StatusCode),
    /// There was no whole answer.
    Transport(String),
    /// The answer led astray.
    Redirect(&'static str),
    /// The server wants to be left alone for longer than the program waits.
    RateLimited {
        /// Until when, where it says so.
        until: Option<UploadTime>,
        /// How many seconds that is from now.
        seconds: u64,
    },
    /// More came than was expected.
    TooLarge {
        /// How many bytes were expected at most.
        limit: u64,
    },
}

impl Failure {
    /// The innermost cause says what happened; the outer ones repeat the URL.
    pub(super) fn of_transport(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Transport("the server did not answer in time".to_owned());
        }
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Self::Transport(cause.to_string())
    }

    /// What to do about it, where there is something that can be done.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::RateLimited { .. } => Some(
                "run again then; on GitHub a `GITHUB_TOKEN` raises the limit from 60 to thousands of requests an hour",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "the server answered {status}"),
            Self::Transport(reason) => f.write_str(reason),
            Self::Redirect(reason) => f.write_str(reason),
            Self::RateLimited { until: Some(until), seconds } => {
                write!(
                    f,
                    "the server's rate limit is used up until {until}, in {} minutes",
                    seconds.div_ceil(60)
                )
            }
            Self::RateLimited { until: None, seconds } => {
                write!(f, "the server's rate limit is used up for {seconds} seconds")
            }
            Self::TooLarge { limit } => {
                write!(f, "the answer has more than {limit} bytes")
            }
        }
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        Self::other(failure)
    }
}
