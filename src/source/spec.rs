//! How a source is written.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A source as flags and configuration write it: `dir:PATH` or a path, `list:FILE.jsonl`.
///
/// ```
/// use wheelsite::source::SourceSpec;
/// let spec: SourceSpec = "wheels".parse()?;
/// assert_eq!(spec.to_string(), "dir:wheels");
/// # Ok::<(), wheelsite::source::ParseSpecError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// `dir:PATH`: the distributions in a folder and the folders in it.
    Directory(PathBuf),
    /// `list:FILE`: a package list, one JSON object a line.
    PackageList(PathBuf),
}

/// A text that names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseSpecError {
    /// Nothing follows the scheme.
    #[error("`{0}` names no path: expected `dir:PATH` or `list:FILE`")]
    Empty(String),
    /// The scheme is unknown.
    #[error("unknown source `{0}`: expected a path, `dir:PATH` or `list:FILE`")]
    Scheme(String),
}

impl FromStr for SourceSpec {
    type Err = ParseSpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = |path: &str| {
            if path.is_empty() {
                Err(ParseSpecError::Empty(text.to_owned()))
            } else {
                Ok(PathBuf::from(path))
            }
        };
        match text.split_once(':') {
            Some(("dir", rest)) => path(rest).map(Self::Directory),
            Some(("list", rest)) => path(rest).map(Self::PackageList),
            // A single letter is a drive; anything with a slash before the colon is a path.
            Some((scheme, _)) if scheme.len() > 1 && is_scheme(scheme) => {
                Err(ParseSpecError::Scheme(text.to_owned()))
            }
            _ => path(text).map(Self::Directory),
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "dir:{}", path.display()),
            Self::PackageList(path) => write!(f, "list:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn schemes() {
        let parse = |text: &str| text.parse::<SourceSpec>();
        assert_eq!(parse("dir:a b"), Ok(SourceSpec::Directory("a b".into())));
        assert_eq!(parse("list:x.jsonl"), Ok(SourceSpec::PackageList("x.jsonl".into())));
        assert_eq!(parse("C:\\wheels"), Ok(SourceSpec::Directory("C:\\wheels".into())));
        assert_eq!(parse("./a:b"), Ok(SourceSpec::Directory("./a:b".into())));
        assert!(matches!(parse("dir:"), Err(ParseSpecError::Empty(_))));
        assert!(matches!(parse(""), Err(ParseSpecError::Empty(_))));
        assert!(matches!(parse("ftp://x"), Err(ParseSpecError::Scheme(_))));
    }

    proptest! {
        #[test]
        fn round_trips(scheme in "(dir|list)", path in "[a-zA-Z0-9./ :_-]{1,30}") {
            let spec: SourceSpec = format!("{scheme}:{path}").parse()?;
            prop_assert_eq!(spec.to_string().parse::<SourceSpec>()?, spec);
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<SourceSpec>();
        }
    }
}
