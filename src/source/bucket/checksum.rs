//! Digests that are kept with objects.
//!
//! S3 keeps a SHA-256 where the uploader asked for it, and tells it to whoever asks with a
//! header of its own. `object_store` neither asks nor shows the answer's headers, so what is
//! asked is a default header here, and answers carry their headers along (`client`).

use base64::Engine;
use object_store::{Attribute, GetResult};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::wheel::Sha256;

/// How metadata that people write names the digest. Azure allows no hyphens.
const METADATA: [&str; 3] = ["sha256", "checksum-sha256", "checksum_sha256"];

/// The header with which S3 is asked for checksums.
pub(super) fn asking() -> HeaderMap {
    let name = HeaderName::from_static("x-amz-checksum-mode");
    HeaderMap::from_iter([(name, HeaderValue::from_static("ENABLED"))])
}

/// The digest of the whole object that is kept with it.
pub(super) fn kept_with(head: &GetResult) -> Option<Sha256> {
    let etag = head.meta.e_tag.as_deref().unwrap_or_default();
    let headers = head.extensions.get::<Seen>();
    let summed = headers.and_then(|Seen(headers)| of_headers(headers, etag));
    let written = |name: &&str| {
        let value = head.attributes.get(&Attribute::Metadata((*name).to_owned().into()))?;
        parse(value)
    };
    summed.or_else(|| METADATA.iter().find_map(written))
}

/// The SHA-256 that S3 states, unless it is one of the digests of parts.
fn of_headers(headers: &HeaderMap, etag: &str) -> Option<Sha256> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let value = text("x-amz-checksum-sha256")?;
    let in_parts = match text("x-amz-checksum-type") {
        Some(kind) => kind.eq_ignore_ascii_case("COMPOSITE"),
        // Not every server says which it is; what was uploaded in parts has `-N` in its ETag.
        None => etag.contains('-'),
    };
    if in_parts || value.contains('-') { None } else { of_base64(value) }
}

fn parse(text: &str) -> Option<Sha256> {
    let text = text.trim();
    text.parse().ok().or_else(|| of_base64(text))
}

fn of_base64(text: &str) -> Option<Sha256> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    hex::encode(bytes).parse().ok()
}

/// The headers of an answer.
#[derive(Clone)]
pub(super) struct Seen(pub(super) HeaderMap);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const BASE64: &str = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";

    fn of(sha256: &str, kind: Option<&str>, etag: &str) -> Option<Sha256> {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-checksum-sha256", sha256.parse().expect("is a value"));
        if let Some(kind) = kind {
            headers.insert("x-amz-checksum-type", kind.parse().expect("is a value"));
        }
        of_headers(&headers, etag)
    }

    #[test]
    fn checksums_of_whole_objects() {
        let abc = Some(Sha256::of(b"abc"));
        assert_eq!(of(BASE64, None, "\"900150983cd24fb0d6963f7d28e17f72\""), abc);
        assert_eq!(of(BASE64, Some("FULL_OBJECT"), "\"9-2\""), abc);
        assert_eq!(of(BASE64, Some("COMPOSITE"), "\"9\""), None);
        assert_eq!(of(BASE64, None, "\"9-2\""), None);
        assert_eq!(of(&format!("{BASE64}-2"), None, "\"9\""), None);
        assert_eq!(of("YWJj", None, "\"9\""), None);
        assert_eq!(of("", None, "\"9\""), None);
        assert_eq!(of_headers(&HeaderMap::new(), ""), None);
    }

    #[test]
    fn digests_that_people_write() {
        let abc = Some(Sha256::of(b"abc"));
        assert_eq!(parse(HEX), abc);
        assert_eq!(parse(&HEX.to_uppercase()), abc);
        assert_eq!(parse(&format!(" {BASE64}")), abc);
        assert_eq!(parse("sha256"), None);
        assert_eq!(parse(&HEX[..63]), None);
    }

    proptest! {
        #[test]
        fn nothing_else_is_taken_for_a_digest(text in ".*") {
            if let Some(sha256) = parse(&text) {
                let plain = text.trim();
                let bytes = base64::engine::general_purpose::STANDARD.encode(sha256.as_bytes());
                prop_assert!(plain.to_lowercase() == sha256.to_string() || plain == bytes);
            }
        }

        #[test]
        fn digests_come_back(bytes in any::<[u8; 32]>()) {
            let sha256: Sha256 = hex::encode(bytes).parse()?;
            let base64 = base64::engine::general_purpose::STANDARD.encode(bytes);
            prop_assert_eq!(parse(&base64), Some(sha256));
        }
    }
}
