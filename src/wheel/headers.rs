//! The header format that METADATA and WHEEL share.

/// Headers and body of a METADATA or WHEEL file, borrowed from its bytes.
///
/// The format is that of e-mail headers as Python's `email` package reads them
/// ([core metadata](https://packaging.python.org/en/latest/specifications/core-metadata/)):
/// a line that begins with white space continues the one before, an empty line
/// ends the headers, and so does the first line that is no header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers<'a> {
    fields: Vec<(&'a str, String)>,
    body: &'a str,
}

/// Why some bytes are no headers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The format is UTF-8 throughout.
    #[error("not UTF-8: byte {byte:#04x} at offset {offset}")]
    NotUtf8 {
        /// Where the first wrong byte lies.
        offset: usize,
        /// What lies there.
        byte: u8,
    },
    /// More headers than [`Headers::MAX_FIELDS`].
    #[error("more than {} headers", Headers::MAX_FIELDS)]
    TooMany,
}

impl<'a> Headers<'a> {
    /// No real file comes near; a hostile one must not cost more.
    pub const MAX_FIELDS: usize = 20_000;

    /// Reads headers and body.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let offset = error.valid_up_to();
            HeaderError::NotUtf8 { offset, byte: bytes.get(offset).copied().unwrap_or_default() }
        })?;
        // A byte order mark becomes part of the first name, as it does for installers.
        let mut rest = text;
        let mut fields: Vec<(&str, String)> = Vec::new();
        while !rest.is_empty() {
            let (line, after) = split_line(rest);
            if line.is_empty() {
                rest = after;
                break;
            }
            if line.starts_with([' ', '\t']) {
                let Some((_, value)) = fields.last_mut() else { break };
                value.push('\n');
                value.push_str(line);
            } else {
                let Some((name, value)) = line.split_once(':') else { break };
                if name.is_empty() || name.contains([' ', '\t']) {
                    break;
                }
                if fields.len() == Self::MAX_FIELDS {
                    return Err(HeaderError::TooMany);
                }
                fields.push((name, value.trim_start_matches([' ', '\t']).to_owned()));
            }
            rest = after;
        }
        Ok(Self { fields, body: rest })
    }

    /// Values of a header, by its name in any case, in the order of the file.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> + 's {
        self.fields
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim_end())
    }

    /// The first value of a header that is spelled exactly so.
    pub fn first_exact<'s>(&'s self, name: &'s str) -> Option<&'s str> {
        let field = self.fields.iter().find(|(field, _)| *field == name);
        field.map(|(_, value)| value.trim_end())
    }

    /// The first value of a header.
    pub fn first<'s>(&'s self, name: &'s str) -> Option<&'s str> {
        self.all(name).next()
    }

    /// What follows the headers.
    pub fn body(&self) -> &'a str {
        self.body
    }
}

/// A line without its end, and what follows it. Ends are `\n`, `\r\n` and `\r`.
fn split_line(text: &str) -> (&str, &str) {
    match text.find(['\n', '\r']) {
        None => (text, ""),
        Some(end) => {
            let skip = if text[end..].starts_with("\r\n") { 2 } else { 1 };
            (&text[..end], &text[end + skip..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_continuations_and_body() {
        let headers = Headers::parse(
            b"Name: x\r\nLicense: MIT\n  and more\nname: second\nEmpty:\n\nBody: no header\n",
        )
        .expect("parses");
        assert_eq!(headers.all("NAME").collect::<Vec<_>>(), ["x", "second"]);
        assert_eq!(headers.first("License"), Some("MIT\n  and more"));
        assert_eq!(headers.first("Empty"), Some(""));
        assert_eq!(headers.body(), "Body: no header\n");
    }

    #[test]
    fn a_line_that_is_no_header_begins_the_body() {
        let headers = Headers::parse(b"Name: x\nno header here\nVersion: 1\n").expect("parses");
        assert_eq!(headers.first("Version"), None);
        assert_eq!(headers.body(), "no header here\nVersion: 1\n");
    }

    #[test]
    fn latin_1_is_named_with_its_place() {
        assert_eq!(
            Headers::parse(b"Author: Andr\xe9\n"),
            Err(HeaderError::NotUtf8 { offset: 12, byte: 0xe9 })
        );
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Headers::parse(&bytes);
        }

        #[test]
        fn finds_what_was_written(
            values in proptest::collection::vec("[!-~]([ -~]{0,20}[!-~])?", 1..8),
        ) {
            let text: String = values.iter().map(|value| format!("Field: {value}\n")).collect();
            let headers = Headers::parse(text.as_bytes()).expect("parses");
            prop_assert_eq!(headers.all("field").collect::<Vec<_>>(), values);
        }
    }
}
