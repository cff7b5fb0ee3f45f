//! The object stores that other tests read from do what those tests rely on.

use std::collections::BTreeSet;

use reqwest::blocking::{Client, Response};
use serde_json::json;

use crate::support::stores::{self, Store};

/// The key whose plus sign a server may take for a space.
const PLUS: &str = "p/torch-1.0+cu118-py3-none-any.whl";
const PLUS_PATH: &str = "p/torch-1.0%2Bcu118-py3-none-any.whl";

fn get(url: &str, headers: &[(&str, &str)]) -> Response {
    let client = Client::builder().no_proxy().build().expect("makes a client");
    let mut request = client.get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().expect("is answered")
}

/// All texts between a pair of tags.
fn texts<'a>(xml: &'a str, tag: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    xml.split(&open).skip(1).filter_map(|rest| rest.split_once(&close)).map(|it| it.0).collect()
}

/// Puts an object with a plus sign, and reads back all of it and a part.
fn an_object_comes_back(store: &Store, bucket: &str) {
    store.put(&json!([
        {"bucket": bucket, "key": PLUS, "text": "hello wheel", "metadata": {"origin": "tests"}},
        {"bucket": bucket, "key": "p/gone.whl", "size": 3},
        {"bucket": bucket, "key": "p/gone.whl", "delete": true},
    ]));
    let url = format!("{}/{bucket}/{PLUS_PATH}", store.endpoint);
    let whole = get(&url, &[]);
    assert_eq!(whole.status(), 200);
    assert!(
        whole.headers().iter().any(|(name, value)| {
            name.as_str().ends_with("-meta-origin") && value.as_bytes() == b"tests"
        }),
        "{:?}",
        whole.headers()
    );
    assert_eq!(whole.text().expect("is text"), "hello wheel");
    let part = get(&url, &[("Range", "bytes=6-8")]);
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], "bytes 6-8/11");
    assert_eq!(part.text().expect("is text"), "whe");
    let gone = get(&format!("{}/{bucket}/p/gone.whl", store.endpoint), &[]);
    assert_eq!(gone.status(), 404);
}

/// What a public S3 or Google bucket lists, page for page.
fn listed(store: &Store, bucket: &str, prefix: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let query = format!("list-type=2&prefix={prefix}{token}");
        let page = get(&format!("{}/{bucket}?{query}", store.endpoint), &[]);
        let xml = page.text().expect("is text");
        pages.push(texts(&xml, "Key").into_iter().map(str::to_owned).collect());
        let Some(next) = texts(&xml, "NextContinuationToken").pop() else { return pages };
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        token = format!("&continuation-token={next}");
    }
}

#[test]
fn s3_keeps_objects_and_checksums() {
    let Some(s3) = stores::s3() else { return };
    let bucket = s3.public_bucket("checksums");
    an_object_comes_back(s3, &bucket);
    assert_eq!(listed(s3, &bucket, "p/"), [[PLUS]]);

    let text = "hello wheel";
    let large = 6 << 20;
    let said = s3.put(&json!([
        {"bucket": bucket, "key": "with.whl", "text": text, "checksum": true},
        {"bucket": bucket, "key": "without.whl", "text": text},
        {"bucket": bucket, "key": "parts.whl", "size": large, "checksum": true, "multipart": true},
    ]));
    let checksum = |key: &str, mode: &[(&str, &str)]| {
        let answer = get(&format!("{}/{bucket}/{key}", s3.endpoint), mode);
        let header = answer.headers().get("x-amz-checksum-sha256").cloned();
        header.map(|value| value.to_str().expect("is text").to_owned())
    };
    let mode = [("x-amz-checksum-mode", "ENABLED")];
    let whole = "Ci6jpeg7vmCJcPXiTOsUgILJRRyjG1nioEO+g721+v0=";
    assert_eq!(said[0]["checksum"], whole);
    assert_eq!(checksum("with.whl", &mode).as_deref(), Some(whole));
    assert_eq!(checksum("with.whl", &[]), None);
    assert_eq!(checksum("without.whl", &mode), None);
    let parts = checksum("parts.whl", &mode).expect("has a checksum");
    assert!(parts.ends_with("-2"), "{parts}");
}

#[test]
fn s3_lists_in_pages_and_lets_only_the_invited_in() {
    let Some(s3) = stores::s3() else { return };
    let bucket = s3.public_bucket("pages");
    s3.put(&json!([{"bucket": bucket, "key": "many/f{n}.whl", "text": "{n}", "count": 1200}]));
    let pages = listed(s3, &bucket, "many/");
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [1000, 200]);
    assert_eq!(pages.concat().iter().collect::<BTreeSet<_>>().len(), 1200);

    let private = s3.bucket("private");
    s3.put(&json!([{"bucket": private, "key": "a.whl", "text": "secret"}]));
    assert_eq!(get(&format!("{}/{private}/a.whl", s3.endpoint), &[]).status(), 403);
    assert_eq!(get(&format!("{}/{private}?list-type=2", s3.endpoint), &[]).status(), 403);
}

#[test]
fn azure_keeps_objects() {
    let Some(azure) = stores::azure() else { return };
    let bucket = azure.public_bucket("objects");
    an_object_comes_back(azure, &bucket);
    let list = format!("{}/{bucket}?restype=container&comp=list", azure.endpoint);
    let xml = get(&list, &[]).text().expect("is text");
    assert_eq!(texts(&xml, "Name"), [PLUS]);

    let private = azure.bucket("private");
    azure.put(&json!([{"bucket": private, "key": "a.whl", "size": 9 << 20, "multipart": true}]));
    // The emulator's word for what is private; Azure itself may say 404 or 409.
    assert_eq!(get(&format!("{}/{private}/a.whl", azure.endpoint), &[]).status(), 403);
}

#[test]
fn gcs_keeps_objects() {
    let Some(gcs) = stores::gcs() else { return };
    let bucket = gcs.bucket("objects");
    an_object_comes_back(gcs, &bucket);
    assert_eq!(listed(gcs, &bucket, "p/"), [[PLUS]]);
}
