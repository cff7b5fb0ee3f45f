//! Requirements, and the URLs of indexes and repositories: none may name a user.

use std::str::FromStr;

use super::texts::checked_texts;

checked_texts! {
    /// The address of an index, without a user and a password.
    IndexUrl, |text| {
        let url = url(text)?;
        if !matches!(url.0, "https" | "http") {
            return Err(format!("`{text}` is no index: expected `https://HOST/simple/`"));
        }
        Ok(())
    };
    /// A requirement of pip's, as `torch>=2.4` (PEP 508).
    Requirement, |text| {
        requirement(text)?;
        Ok(())
    };
    /// A repository of git's.
    GitUrl, |text| {
        let (scheme, _) = url(text)?;
        if !matches!(scheme, "https" | "http" | "ssh" | "file" | "git") {
            return Err(format!("`{text}` is no repository: expected `https://HOST/OWNER/NAME.git`"));
        }
        Ok(())
    };
}

/// Of a URL that holds a secret. It is not said again.
const NAMED_USER: &str = "a URL with a user name or a password, which would be in every log: \
                          let the environment say it, as `PIP_EXTRA_INDEX_URL`";

/// The scheme and the rest of a URL that names nobody.
fn url(text: &str) -> Result<(&str, &str), String> {
    let none = || format!("`{text}` is no URL");
    let (scheme, rest) = text.split_once("://").ok_or_else(none)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some((user, _)) = authority.rsplit_once('@')
        && (scheme != "ssh" || user.contains(':'))
    {
        return Err(NAMED_USER.to_owned());
    }
    let plain = !rest.is_empty() && !text.chars().any(char::is_whitespace);
    plain.then_some((scheme, rest)).ok_or_else(none)
}

/// The parts of a requirement: its name, what stands between that and the marker, the marker.
/// Errors where it is none.
pub fn requirement(text: &str) -> Result<(&str, &str, &str), String> {
    if let Some((_, rest)) = text.split_once("://")
        && rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
    {
        return Err(NAMED_USER.to_owned());
    }
    let error = |reason: String| format!("`{text}` is no requirement: {reason}");
    wheelsite::wheel::parse_requirement(text).map_err(error)?;
    let (name, rest, marker) = parts(text);
    if is_url(rest) {
        url(rest.trim_start().trim_start_matches('@').trim())?;
    }
    Ok((name, rest, marker))
}

/// Whether what follows a requirement's name is a URL.
fn is_url(rest: &str) -> bool {
    rest.trim_start().starts_with('@') || rest.contains("://")
}

/// The parts of what is known to be a requirement.
fn parts(text: &str) -> (&str, &str, &str) {
    let text = text.trim();
    let is_of_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_');
    let (name, rest) = text.split_at(text.find(|char| !is_of_name(char)).unwrap_or(text.len()));
    if is_url(rest) {
        // A semicolon may be part of it, and no marker is looked for.
        return (name, rest, "");
    }
    let (rest, marker) = rest.split_once(';').unwrap_or((rest, ""));
    (name, rest.trim(), marker.trim())
}

impl Requirement {
    /// Its name, what stands between that and the marker, the marker.
    pub fn parts(&self) -> (&str, &str, &str) {
        // It was parsed when it was made, and plans have many rows.
        parts(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_text_stops_the_program(any in "\\PC{0,24}", like in "[a-z0-9_.:/@{}+;=<>, \\[\\]-]{0,24}") {
            for text in [any.as_str(), &like] {
                let _ = text.parse::<IndexUrl>();
                let _ = text.parse::<GitUrl>();
                let _ = requirement(text);
            }
        }
    }

    #[test]
    fn secrets_are_not_said_again() {
        let error = "https://me:hunter2@host/simple".parse::<IndexUrl>().expect_err("is refused");
        assert!(!error.contains("hunter2") && error.contains("password"), "{error}");
        let error =
            "a @ https://hunter2@host/a.whl".parse::<Requirement>().expect_err("is refused");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn requirements_are_parted() {
        assert_eq!(
            requirement("torch [a] >= 2.4 ; python_version < '4'"),
            Ok(("torch", "[a] >= 2.4", "python_version < '4'"))
        );
        assert_eq!(requirement("ninja"), Ok(("ninja", "", "")));
    }
}
