use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const FILE: &str = "demo-1.0-py3-none-any.whl";

fn base() -> Url {
    "https://host.example/simple/demo/".parse().expect("parses")
}

fn read(value: &Value) -> Result<Page, PageError> {
    page(value.to_string().as_bytes(), &base())
}

/// A page with one file of which something more is said.
fn with(key: &str, value: Value) -> Result<PageFile, PageError> {
    let mut file = json!({"filename": FILE, "url": format!("../../files/{FILE}"), "hashes": {}});
    file[key] = value;
    let page = read(&json!({"meta": {"api-version": "1.4"}, "files": [file]}))?;
    assert_eq!(page.ignored, []);
    Ok(page.files[0].clone())
}

#[test]
fn every_key() {
    let digest = "ab".repeat(32);
    let page = read(&json!({
        "meta": {"api-version": "1.99", "_last-serial": 1},
        "name": "demo", "versions": ["1.0"], "project-status": {"status": "archived"},
        "files": [{
            "filename": FILE, "url": format!("../../files/{FILE}#x"), "gpg-sig": false,
            "hashes": {"sha256": digest, "md5": "x"}, "requires-python": ">=3.8",
            "core-metadata": {"sha256": digest}, "yanked": "bad", "size": 12,
            "upload-time": "2026-01-02T03:04:05.678901Z", "_extra": [{}],
        }],
    }));
    let page = page.expect("reads");
    let sha256 = digest.parse().expect("parses");
    let expected = PageFile {
        filename: FILE.into(),
        url: format!("https://host.example/files/{FILE}").parse().expect("parses"),
        sha256: Some(sha256),
        requires_python: Some(">=3.8".into()),
        core_metadata: Some(Sidecar::Sha256(sha256)),
        yanked: Some("bad".into()),
        size: Some(12),
        upload_time: "2026-01-02T03:04:05Z".parse().ok(),
    };
    assert_eq!(page, Page { files: vec![expected], ..Page::default() });
}

#[test]
fn keys_one_by_one() {
    let bare = with("size", Value::Null).expect("reads");
    for key in [
        "hashes",
        "requires-python",
        "core-metadata",
        "dist-info-metadata",
        "yanked",
        "size",
        "upload-time",
    ] {
        assert_eq!(with(key, Value::Null), Ok(bare.clone()), "{key}");
    }
    let core_metadata = |key: &str, value| with(key, value).map(|file| file.core_metadata);
    for (value, expected) in [
        (json!(false), None),
        (json!(true), Some(Sidecar::Unhashed)),
        (json!({}), Some(Sidecar::Unhashed)),
        (json!({"sha256": "00"}), Some(Sidecar::Unhashed)),
        (json!({"md5": "00"}), Some(Sidecar::Unhashed)),
    ] {
        for key in ["core-metadata", "dist-info-metadata"] {
            assert_eq!(core_metadata(key, value.clone()), Ok(expected), "{value}");
        }
    }
    for (value, expected) in
        [(json!(false), None), (json!(true), Some("")), (json!(""), None), (json!("x"), Some("x"))]
    {
        let file = with("yanked", value.clone()).expect("reads");
        assert_eq!(file.yanked.as_deref(), expected, "{value}");
    }
    assert_eq!(with("upload-time", json!("yesterday")).map(|file| file.upload_time), Ok(None));
}

#[test]
fn flaws_are_named() {
    for (key, value, reason) in [
        ("filename", Value::Null, "expected a string"),
        ("url", Value::Null, "expected a string"),
        ("hashes", json!([1]), "invalid type"),
        ("hashes", json!({"sha256": "00"}), "expected 64 hexadecimal digits, found `00`"),
        ("size", json!("12"), "expected u64"),
        ("size", json!(-1), "expected u64"),
        ("yanked", json!(1), "expected a boolean, or a text"),
        ("core-metadata", json!("true"), "expected a boolean, or an object"),
    ] {
        let error = with(key, value).expect_err(key).to_string();
        assert!(error.contains(reason), "{key}: {error}");
    }
    for (text, reason) in [
        ("", "EOF"),
        ("[]", "invalid"),
        ("{}", "missing field `files`"),
        ("{\"files\":{}}", "expected a list"),
        ("{\"files\":[]} x", "trailing"),
        ("{\"files\":[],\"project-status\":7}", "expected an object with a `status`"),
        ("<html>", "expected value"),
    ] {
        let error = page(text.as_bytes(), &base()).expect_err(text).to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn versions_and_statuses() {
    for version in ["1.0", "1.99"] {
        assert!(read(&json!({"meta": {"api-version": version}, "files": []})).is_ok());
    }
    assert!(read(&json!({"files": []})).is_ok());
    for version in ["2.0", "x"] {
        let meta = json!({"api-version": version});
        let error = Err(PageError::Version(version.to_owned()));
        assert_eq!(read(&json!({"meta": meta, "files": []})), error);
        let root = json!({"meta": meta, "projects": []}).to_string();
        assert_eq!(projects(root.as_bytes()), Err(PageError::Version(version.to_owned())));
    }
    for (value, quarantined) in [
        (json!({"project-status": {"status": "quarantined"}, "files": []}), true),
        (json!({"meta": {"project-status": "quarantined"}, "files": []}), true),
        (json!({"project-status": {"status": "archived"}, "files": []}), false),
        (json!({"project-status": {}, "files": []}), false),
        (json!({"project-status": null, "files": []}), false),
    ] {
        assert_eq!(read(&value).map(|page| page.quarantined), Ok(quarantined), "{value}");
    }
}

#[test]
fn what_is_no_file_is_passed_over() {
    for (filename, url, suspicious) in [
        ("demo-1.0-py3.egg", "demo-1.0-py3.egg", false),
        (FILE, "javascript:alert(1)", true),
        (FILE, "http://[", true),
        ("demo.zip", "demo.zip", true),
    ] {
        let page = read(&json!({"files": [{"filename": filename, "url": url}]})).expect("reads");
        assert_eq!((page.files.len(), page.ignored.len()), (0, 1), "{url}");
        assert_eq!(page.ignored[0].suspicious, suspicious, "{url}");
    }
}

#[test]
fn lists_are_capped() {
    let root = |count| json!({"projects": vec![json!({"name": "a"}); count]}).to_string();
    assert_eq!(projects(root(MAX_PROJECTS).as_bytes()).map(|names| names.len()), Ok(MAX_PROJECTS));
    let error = projects(root(MAX_PROJECTS + 1).as_bytes());
    assert_eq!(error, Err(PageError::TooMany(MAX_PROJECTS)));
    let list: Capped<u8, 2> = serde_json::from_str("[1,2,{\"x\":[]}]").expect("reads");
    assert!(list.checked().is_err());
}

proptest! {
    #[test]
    fn never_panics(
        text in ".{0,100}",
        value in "[\\[\\]{}\",:a-z0-9.e-]{0,60}",
        key in "(filename|url|hashes|core-metadata|yanked|size|upload-time)",
    ) {
        let _ = page(text.as_bytes(), &base());
        let _ = projects(text.as_bytes());
        let _ = page(format!("{{\"files\":[{{\"filename\":\"a.whl\",\"url\":{value}}}]}}").as_bytes(), &base());
        let _ = page(format!("{{\"files\":[{{\"{key}\":{value}}}]}}").as_bytes(), &base());
        let mut file = json!({"filename": FILE, "url": FILE});
        file[key] = Value::from(text);
        let _ = read(&json!({"files": [file]}));
    }
}
