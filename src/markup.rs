//! Escaping for HTML, JSON and URLs.

use std::io::{self, Write};

use crate::wheel::{DistFilename, Sha256};

/// Appends a text for use in HTML, in an attribute's value or between tags.
pub(crate) fn push_html(out: &mut Vec<u8>, text: &str) {
    push_html_bytes(out, text.as_bytes());
}

/// The same of a text in UTF-8.
pub(crate) fn push_html_bytes(out: &mut Vec<u8>, text: &[u8]) {
    // Writing to memory cannot fail.
    let _ = write_html(out, text);
}

/// The same, appended to a text.
pub(crate) fn push_html_text(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = position(rest.as_bytes(), is_markup) {
        out.push_str(&rest[..at]);
        out.push_str(escaped(rest.as_bytes()[at]));
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

/// What stands for a character of markup.
fn escaped(byte: u8) -> &'static str {
    match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        b'"' => "&quot;",
        _ => "&#39;",
    }
}

/// What templates escape with; the same characters as those of `tera`, which goes byte by byte.
pub(crate) fn escape(text: &str, out: &mut dyn Write) -> io::Result<()> {
    write_html(out, text.as_bytes())
}

fn write_html(out: &mut (impl Write + ?Sized), text: &[u8]) -> io::Result<()> {
    let mut rest = text;
    while let Some(at) = position(rest, is_markup) {
        out.write_all(&rest[..at])?;
        out.write_all(escaped(rest[at]).as_bytes())?;
        rest = &rest[at + 1..];
    }
    out.write_all(rest)
}

#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches many bytes are compared at once"
)]
#[inline]
fn is_markup(byte: u8) -> bool {
    (byte == b'&') | (byte == b'<') | (byte == b'>') | (byte == b'"') | (byte == b'\'')
}

/// Where the first special byte stands. Bytes are looked at by the block, whether one of them is
/// special or not, so that the processor can take all of a block at once: it does where `is_special`
/// is made of comparisons without branches.
#[inline]
fn position(bytes: &[u8], is_special: impl Fn(u8) -> bool) -> Option<usize> {
    const BLOCK: usize = 16;
    let any = |block: &[u8; BLOCK]| block.iter().fold(false, |any, byte| any | is_special(*byte));
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let found = blocks.iter().position(any);
    let begin = match (found, bytes.last_chunk::<BLOCK>()) {
        (Some(block), _) => block * BLOCK,
        // What is behind the last whole block, together with bytes before it.
        (None, Some(last)) if !any(last) => return None,
        (None, _) => bytes.len() - rest.len(),
    };
    Some(begin + bytes[begin..].iter().position(|byte| is_special(*byte))?)
}

/// Appends a text as a JSON string, quotes included.
pub(crate) fn push_json(out: &mut Vec<u8>, text: &str) {
    push_json_bytes(out, text.as_bytes());
}

/// The same of a text in UTF-8.
pub(crate) fn push_json_bytes(out: &mut Vec<u8>, text: &[u8]) {
    if position(text, is_special_in_json).is_none() {
        out.push(b'"');
        out.extend_from_slice(text);
        out.push(b'"');
    } else {
        // Writing to memory cannot fail, and a text always has a JSON form.
        let _ = serde_json::to_writer(out, &String::from_utf8_lossy(text));
    }
}

#[expect(
    clippy::needless_bitwise_bool,
    reason = "without branches many bytes are compared at once"
)]
#[inline]
fn is_special_in_json(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

/// Whether a text is the same in HTML and in JSON, but for quotes around it.
pub(crate) fn is_plain(text: &[u8]) -> bool {
    position(text, |byte| is_markup(byte) | is_special_in_json(byte)).is_none()
}

/// Appends a number.
pub(crate) fn push_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a digest as a JSON string, quotes included.
pub(crate) fn push_digest(out: &mut Vec<u8>, sha256: &Sha256) {
    out.push(b'"');
    sha256.push_hex(out);
    out.push(b'"');
}

/// Appends a filename as one segment of a URL's path: all but RFC 3986's unreserved characters encoded,
/// and of those a filename may hold `+` and `!` alone.
///
/// Object stores decode a `+` as a space.
pub(crate) fn push_segment(out: &mut Vec<u8>, filename: &DistFilename) {
    let (bytes, mut begin) = (filename.as_str().as_bytes(), 0);
    for at in memchr::memchr2_iter(b'+', b'!', bytes) {
        out.extend_from_slice(&bytes[begin..at]);
        out.extend_from_slice(if bytes[at] == b'+' { b"%2B" } else { b"%21" });
        begin = at + 1;
    }
    out.extend_from_slice(&bytes[begin..]);
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

    fn segment(filename: &str) -> String {
        let filename = filename.parse().expect("is a filename");
        made(|out, _| push_segment(out, &filename), "")
    }

    #[test]
    fn plus_is_encoded() {
        assert_eq!(segment("a-1+cu128-py3-none-any.whl"), "a-1%2Bcu128-py3-none-any.whl");
        assert_eq!(segment("a-1!2+c.tar.gz"), "a-1%212%2Bc.tar.gz");
    }

    #[test]
    fn html_is_escaped() {
        assert_eq!(made(push_html, ">=3.8,<'\"&"), "&gt;=3.8,&lt;&#39;&quot;&amp;");
    }

    proptest! {
        #[test]
        fn the_first_special_byte_is_found(bytes in "[a-c]{0,40}", special in "[cx]") {
            let special = special.as_bytes()[0];
            let expected = bytes.bytes().position(|byte| byte == special);
            prop_assert_eq!(position(bytes.as_bytes(), |byte| byte == special), expected);
        }

        #[test]
        fn it_is_found_wherever_it_stands(before in 0usize..70, behind in 0usize..70) {
            let bytes = [vec![b'a'; before], vec![b'b'], vec![b'a'; behind]].concat();
            prop_assert_eq!(position(&bytes, |byte| byte == b'b'), Some(before));
            prop_assert_eq!(position(&bytes, |byte| byte == b'c'), None);
        }

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
                let mut appended = String::new();
                push_html_text(&mut appended, &text);
                prop_assert_eq!(appended.as_bytes(), &theirs);
                prop_assert_eq!(ours, theirs);
            }
        }

        #[test]
        fn html_has_no_markup(text in ".*") {
            let escaped = made(push_html, &text);
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
        }

        #[test]
        fn urls_read_back(text in "[a-zA-Z0-9]([._][a-z]){0,3}-([1-9]!)?[0-9]{1,3}(\\+[a-z0-9]{1,5})?\\.zip") {
            let url: url::Url = format!("https://x.example/{}", segment(&text)).parse()?;
            prop_assert!(!url.path().contains('+'));
            let segment = url.path_segments().and_then(|mut path| path.next_back()).unwrap_or_default();
            let query = format!("x={segment}");
            let decoded = url::form_urlencoded::parse(query.as_bytes()).next();
            prop_assert_eq!(decoded.map(|(_, value)| value.into_owned()), Some(text));
        }
    }
}
