//! Escaping for HTML, JSON and URLs.

use std::io::{self, Write};

/// Appends a text for use in HTML, in an attribute's value or between tags.
pub(super) fn push_html(out: &mut Vec<u8>, text: &str) {
    push_html_bytes(out, text.as_bytes());
}

/// The same of a text in UTF-8.
pub(super) fn push_html_bytes(out: &mut Vec<u8>, text: &[u8]) {
    // Writing to memory cannot fail.
    let _ = write_html(out, text);
}

/// What templates escape with; the same characters as those of `tera`, which goes byte by byte.
pub(super) fn escape(text: &str, out: &mut dyn Write) -> io::Result<()> {
    write_html(out, text.as_bytes())
}

fn write_html(out: &mut (impl Write + ?Sized), text: &[u8]) -> io::Result<()> {
    let mut rest = text;
    if is_plain(rest, is_markup) {
        return out.write_all(rest);
    }
    while let Some(at) = rest.iter().position(|byte| is_markup(*byte)) {
        out.write_all(&rest[..at])?;
        out.write_all(match rest[at] {
            b'&' => b"&amp;",
            b'<' => b"&lt;",
            b'>' => b"&gt;",
            b'"' => b"&quot;",
            _ => b"&#39;".as_slice(),
        })?;
        rest = &rest[at + 1..];
    }
    out.write_all(rest)
}

#[inline]
fn is_markup(byte: u8) -> bool {
    matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'')
}

/// Whether no byte is special. All are looked at, so that the processor can take many at once.
#[inline]
fn is_plain(bytes: &[u8], is_special: impl Fn(u8) -> bool) -> bool {
    !bytes.iter().fold(false, |found, byte| found | is_special(*byte))
}

/// Appends a text as a JSON string, quotes included.
pub(crate) fn push_json(out: &mut Vec<u8>, text: &str) {
    push_json_bytes(out, text.as_bytes());
}

/// The same of a text in UTF-8.
pub(super) fn push_json_bytes(out: &mut Vec<u8>, text: &[u8]) {
    if is_plain(text, |byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.push(b'"');
        out.extend_from_slice(text);
        out.push(b'"');
    } else {
        // Writing to memory cannot fail, and a text always has a JSON form.
        let _ = serde_json::to_writer(out, &String::from_utf8_lossy(text));
    }
}

/// Appends a number.
pub(crate) fn push_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a text as one segment of a URL's path: all but RFC 3986's unreserved characters encoded.
pub(super) fn push_percent_encoded(out: &mut Vec<u8>, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| !UNRESERVED[usize::from(*byte)]) {
        let byte = rest[at];
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[
            b'%',
            DIGITS[usize::from(byte >> 4)],
            DIGITS[usize::from(byte & 15)],
        ]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// By byte, whether it may stand in a URL as it is.
const UNRESERVED: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0u8;
    while at < 128 {
        table[at as usize] = at.is_ascii_alphanumeric() || matches!(at, b'-' | b'.' | b'_' | b'~');
        at += 1;
    }
    table
};

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
        fn templates_escape_as_tera_does(text in ".*", special in "[a-c<>&\"']{0,9}") {
            for text in [text, special] {
                let (mut ours, mut theirs) = (Vec::new(), Vec::new());
                escape(&text, &mut ours)?;
                tera::escape_html(&text, &mut theirs)?;
                prop_assert_eq!(ours, theirs);
            }
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
