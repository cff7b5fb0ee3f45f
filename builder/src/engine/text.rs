//! Foreign texts, made safe to show.

/// A foreign text with control characters and changes of the writing direction escaped, and cut
/// where nobody would read on.
pub(crate) fn clean(text: &str) -> String {
    const MOST: usize = 2_000;
    let mut clean = String::with_capacity(text.len().min(MOST));
    for (count, char) in text.chars().enumerate() {
        if count == MOST {
            clean.push_str("...");
            break;
        }
        match char {
            '\t' => clean.push(' '),
            '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                clean.extend(char.escape_unicode());
            }
            char if char.is_control() => clean.extend(char.escape_unicode()),
            char => clean.push(char),
        }
    }
    clean
}

/// Texts that must not be shown, each replaced where it stands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// The passwords and user names within URLs among some values.
    pub(crate) fn of_urls<'v>(values: impl IntoIterator<Item = &'v str>) -> Self {
        let mut secrets = Vec::new();
        for url in values.into_iter().flat_map(str::split_whitespace) {
            let Some((_, rest)) = url.split_once("://") else { continue };
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let Some((userinfo, _)) = authority.rsplit_once('@') else { continue };
            let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
            // A name before a password is no secret; alone it is a token.
            let secret = if password.is_empty() { user } else { password };
            if secret.len() >= 4 {
                secrets.push(secret.to_owned());
            }
        }
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(secrets)
    }

    /// A text without them.
    pub(crate) fn hidden<'t>(&self, text: &'t str) -> std::borrow::Cow<'t, str> {
        let mut text = std::borrow::Cow::Borrowed(text);
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), "****").into();
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_of_urls_are_hidden() {
        let secrets =
            Secrets::of_urls(["https://me:hunter2@host/simple https://tokentoken@h/", "x"]);
        assert_eq!(
            secrets.hidden("Looking in indexes: https://me:hunter2@host, tokentoken"),
            "Looking in indexes: https://me:****@host, ****"
        );
        assert_eq!(secrets.hidden("nothing"), "nothing");
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(clean("a\u{1b}[31m\tb\u{202e}"), "a\\u{1b}[31m b\\u{202e}");
        assert!(clean(&"x".repeat(9_000)).len() < 2_100);
    }

    proptest! {
        #[test]
        fn foreign_text_is_never_shown_raw(text: String) {
            prop_assert!(!clean(&text).chars().any(char::is_control));
            let secrets = Secrets::of_urls([text.as_str()]);
            let _ = secrets.hidden(&text);
        }
    }
}
