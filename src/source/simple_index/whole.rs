//! Whether a page came to its end.
//!
//! An answer that ends where the connection does ends anywhere: one that broke off looks like
//! one that is shorter, and so would the index.

use reqwest::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};

/// How far from its end a page has its `</html>`: comments may follow.
const TAIL: usize = 1024;

/// Whether an answer would have been an error if it had broken off.
pub(super) fn is_delimited(headers: &HeaderMap, scheme: &str) -> bool {
    let is_chunked = || {
        let coding = headers.get(TRANSFER_ENCODING).and_then(|coding| coding.to_str().ok());
        coding.is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked"))
    };
    // HTTP/2 ends each answer by itself. It has no `Connection`, which whoever closes must send.
    let is_framed = || scheme == "https" && !headers.contains_key(CONNECTION);
    headers.contains_key(CONTENT_LENGTH) || is_chunked() || is_framed()
}

/// Whether a page in HTML has no end, or has begun something after it.
pub(super) fn ends_early(page: &[u8]) -> bool {
    let tail = String::from_utf8_lossy(&page[page.len().saturating_sub(TAIL)..]);
    let tail = tail.to_ascii_lowercase();
    let Some(end) = tail.rfind("</html") else { return true };
    let rest = &tail[end..];
    let is_in_tag = rest.rfind('<') > rest.rfind('>');
    let is_in_anchor = rest.rfind("<a ") > rest.rfind("</a");
    is_in_tag || is_in_anchor
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn where_a_page_ends() {
        for whole in [
            "<html></html>",
            "<HTML><a href=x>x</a></HTML >\n",
            "</html>\n<!--TIMESTAMP 1779900000-->\n",
            "</html><a href=x>x</a>",
        ] {
            assert!(!ends_early(whole.as_bytes()), "{whole}");
        }
        let far = format!("</html>{}", " ".repeat(TAIL));
        for cut in [
            "",
            "<a href=x>x</a><br/>\n",
            "<html><a href=x>x</a></body></htm",
            "<a href=x>x</a></html",
            "</html><!--TIMESTAMP 17",
            "</html><a href=x>demo-1.0",
            &far,
        ] {
            assert!(ends_early(cut.as_bytes()), "{cut}");
        }
    }

    #[test]
    fn who_says_where_it_ends() {
        let delimited = |scheme: &str, fields: &[(&'static str, &'static str)]| {
            let fields = fields.iter().map(|(name, value)| {
                let name = reqwest::header::HeaderName::from_static(name);
                (name, value.parse().expect("is a value"))
            });
            is_delimited(&fields.collect(), scheme)
        };
        assert!(delimited("http", &[("content-length", "7"), ("connection", "close")]));
        assert!(delimited("http", &[("transfer-encoding", "Chunked"), ("connection", "close")]));
        assert!(delimited("https", &[]));
        assert!(!delimited("http", &[]));
        assert!(!delimited("https", &[("connection", "close")]));
        assert!(!delimited("http", &[("transfer-encoding", "gzip")]));
    }

    proptest! {
        #[test]
        fn foreign_pages_never_panic(page in any::<Vec<u8>>(), end in "[</htmla> ]*") {
            let _ = ends_early(&page);
            let _ = ends_early(format!("</html>{end}").as_bytes());
        }

        #[test]
        fn what_lacks_its_last_bytes_ends_early(cut in 1..30usize) {
            let page = b"<html><a href=x>x</a></body></html>";
            prop_assert!(ends_early(&page[..page.len() - cut]));
        }
    }
}
