//! Escaping for HTML, JSON and URLs.

/// Appends a text for use in HTML, in an attribute's value or between tags.
pub(super) fn push_html(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| b"&<>\"'".contains(byte)) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(match rest[at] {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            b'"' => b"&quot;",
            _ => b"&#39;".as_slice(),
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Appends a text as a JSON string, quotes included.
pub(super) fn push_json(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        // Writing to memory cannot fail, and a `str` always has a JSON form.
        let _ = serde_json::to_writer(out, text);
    }
}

/// Appends a number.
pub(super) fn push_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(number.to_string().as_bytes());
}

/// Appends a text as one segment of a URL's path: all but RFC 3986's unreserved characters encoded.
pub(super) fn push_percent_encoded(out: &mut Vec<u8>, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(&[
                b'%',
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
            ]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn made(push: impl Fn(&mut Vec<u8>, &str), text: &str) -> String {
        let mut out = Vec::new();
        push(&mut out, text);
        String::from_utf8(out).expect("is UTF-8")
    }

    #[test]
    fn plus_is_encoded() {
        assert_eq!(made(push_percent_encoded, "a-1+cu128.whl"), "a-1%2Bcu128.whl");
        assert_eq!(made(push_percent_encoded, "a-1!2.whl"), "a-1%212.whl");
    }

    #[test]
    fn html_is_escaped() {
        assert_eq!(made(push_html, ">=3.8,<'\"&"), "&gt;=3.8,&lt;&#39;&quot;&amp;");
    }

    proptest! {
        #[test]
        fn json_reads_back(text in ".*") {
            prop_assert_eq!(serde_json::from_str::<String>(&made(push_json, &text))?, text);
        }

        #[test]
        fn html_has_no_markup(text in ".*") {
            let escaped = made(push_html, &text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
        }

        #[test]
        fn urls_read_back(text in "[a-zA-Z0-9+!._~-]{1,30}\\.whl") {
            let url: url::Url = format!("https://x.example/{}", made(push_percent_encoded, &text)).parse()?;
            prop_assert!(!url.path().contains('+'));
            let segment = url.path_segments().and_then(|mut path| path.next_back()).unwrap_or_default();
            let query = format!("x={segment}");
            let decoded = url::form_urlencoded::parse(query.as_bytes()).next();
            prop_assert_eq!(decoded.map(|(_, value)| value.into_owned()), Some(text));
        }
    }
}
