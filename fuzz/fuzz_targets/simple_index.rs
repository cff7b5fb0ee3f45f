//! Pages of another index, in both forms: what is read leads to files, and nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wheelsite::source::{parse_page, parse_root};

fuzz_target!(|bytes: &[u8]| {
    let url = "https://host.example/simple/demo/".parse().expect("is a URL");
    for content_type in ["text/html", "application/vnd.pypi.simple.v1+json"] {
        if let Ok(page) = parse_page(Some(content_type), bytes, &url) {
            for file in page.files {
                assert!(matches!(file.url.scheme(), "https" | "http"));
                assert_eq!(file.url.fragment(), None);
            }
        }
        if let Ok(root) = parse_root(Some(content_type), bytes, &url) {
            for name in root.projects {
                assert!(url.join(&format!("{name}/")).is_ok());
            }
        }
    }
});
