//! METADATA and WHEEL, and the description as HTML.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wheelsite::render::description;
use wheelsite::wheel::{CoreMetadata, WheelFile};

fuzz_target!(|bytes: &[u8]| {
    let _ = WheelFile::parse(bytes);
    let _ = CoreMetadata::parse(bytes);
    if let Some(text) = CoreMetadata::description(bytes) {
        let html = description::to_html(&text, Some("text/markdown")).to_ascii_lowercase();
        assert!(!html.contains("<script"));
    }
});
