//! The versions in filenames, each parsed once.

use std::collections::HashMap;

use pep440_rs::Version;

use super::FilenameError;

/// The versions that were parsed, by their spellings: releases have many files, and projects
/// many of the same versions.
///
/// What it holds grows with what is read; who reads without end begins anew now and then.
#[derive(Debug, Default)]
pub struct Versions {
    /// With whether it is spelled in its normal form.
    parsed: HashMap<Box<str>, (Version, bool)>,
}

impl Versions {
    pub(super) fn parse(&mut self, text: &str) -> Result<(Version, bool), FilenameError> {
        if let Some(found) = self.parsed.get(text) {
            return Ok(found.clone());
        }
        let version = parse_version(text)?;
        let is_normal = is_plainly_normal(text) || version.to_string() == text;
        self.parsed.insert(text.into(), (version.clone(), is_normal));
        Ok((version, is_normal))
    }
}

/// Whether a version is in its normal form at first sight, as most are: numbers, and behind `+`
/// numbers and words. Others may be.
fn is_plainly_normal(version: &str) -> bool {
    let is_number = |part: &str| {
        let is_padded = part.len() > 1 && part.starts_with('0');
        // Of more digits the parser may make something else.
        (1..=9).contains(&part.len()) && !is_padded && part.bytes().all(|it| it.is_ascii_digit())
    };
    let is_word = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase())
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let (release, local) = version.split_once('+').unwrap_or((version, "0"));
    release.split('.').all(is_number)
        && local.split('.').all(|part| is_number(part) || is_word(part))
}

pub(super) fn parse_version(part: &str) -> Result<Version, FilenameError> {
    let invalid = || FilenameError::Version { found: part.to_owned() };
    if part.is_empty() || part.contains(char::is_whitespace) {
        return Err(invalid());
    }
    part.parse().map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn most_versions_are_plainly_normal() {
        for plain in ["1", "0", "1.0.0", "2.8.3+cu128", "2024.10.1+cu126.torch2.9"] {
            assert!(is_plainly_normal(plain), "{plain}");
        }
        for other in ["01", "1.", "1.0+", "1.0+CU128", "1.0+01", "1.0rc1", "1!2", "1.0+a+b", ""] {
            assert!(!is_plainly_normal(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_is_plainly_normal_is_normal(
            version in "[0-9]{1,2}(\\.[0-9]{1,2}){0,3}(\\+[a-c0-3]{1,3}(\\.[a-c0-3]{1,3})?)?",
        ) {
            let normal = version.parse::<Version>()?.to_string();
            prop_assert!(!is_plainly_normal(&version) || normal == version);
        }
    }
}
