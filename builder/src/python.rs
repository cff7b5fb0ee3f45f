//! A Python that wheels are built for.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A CPython by its first two numbers, perhaps without the GIL: `3.12`, `3.13t`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Python {
    /// `12` of `3.12`.
    pub minor: u32,
    /// Whether it is the free-threaded build: `t` at the end.
    pub free_threaded: bool,
}

impl Python {
    /// The tag of wheels that only it can use: `cp312`, `cp313t`.
    pub fn tag(self) -> String {
        format!("cp3{}{}", self.minor, if self.free_threaded { "t" } else { "" })
    }

    /// The interpreter's version without the build: `3.13` of `3.13t`.
    pub fn version(self) -> String {
        format!("3.{}", self.minor)
    }
}

impl fmt::Display for Python {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "3.{}{}", self.minor, if self.free_threaded { "t" } else { "" })
    }
}

impl FromStr for Python {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (version, free_threaded) = match text.strip_suffix('t') {
                Some(version) => (version, true),
                None => (text, false),
            };
            let minor = crate::row::number(version.strip_prefix("3.")?)?;
            Some(Self { minor, free_threaded })
        };
        parse().ok_or_else(|| format!("`{text}` is no Python: expected `3.12`, or `3.13t`"))
    }
}

impl Serialize for Python {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(minor in 0_u32..1_000, free_threaded: bool) {
            let python = Python { minor, free_threaded };
            prop_assert_eq!(python.to_string().parse(), Ok(python));
        }

        #[test]
        fn what_is_read_is_written_again(text in "(3\\.)?[0-9t.]{0,5}") {
            if let Ok(python) = text.parse::<Python>() {
                prop_assert_eq!(python.to_string(), text);
            }
        }
    }

    #[test]
    fn others_are_refused() {
        for text in
            ["", "3", "3.", "2.7", "3.12.1", "3.012", "3.-1", "3.t", "cp312", "3.99999999999"]
        {
            assert!(text.parse::<Python>().is_err(), "{text}");
        }
    }
}
