//! What a listing finds, and what it leaves out.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Bucket, bytes_read};
use crate::support::{Wheel, stores};

#[test]
fn a_prefix_is_a_folder() {
    let Some(s3) = stores::s3() else { return };
    let bucket = Bucket::public(s3, "s3", "prefix");
    let kept = json!({"checksum": true});
    bucket.wheel("w/", &Wheel::new("one", "1.0"), &kept);
    bucket.wheel("w/cu 128/ä+b/", &Wheel::new("two", "1.0+cu128"), &kept);
    bucket.wheel("w2/", &Wheel::new("other", "1.0"), &kept);
    bucket.wheel("w-/", &Wheel::new("other", "2.0"), &kept);
    bucket.wheel("", &Wheel::new("other", "3.0"), &kept);
    for folder in ["w/", "w/cu 128/", "w/empty/"] {
        bucket.put(folder, b"", &json!({}));
    }
    for name in ["w/.hidden/x-1-py3-none-any.whl", "w/x-1-py3-none-any.whl.part", "w/README.md"] {
        bucket.put(name, b"no wheel", &json!({}));
    }
    for prefix in ["w", "w/"] {
        let run = bucket.build(prefix, &[]);
        assert_eq!(run.works().json()["projects"], 2, "{}", run.stdout);
        assert!(run.stderr.contains("w/x-1-py3-none-any.whl.part"), "{}", run.stderr);
        assert!(!run.stderr.contains("empty"), "{}", run.stderr);
    }
    let url = &bucket.page("two")["files"][0]["url"];
    let below = "w/cu%20128/%C3%A4%2Bb/two-1.0%2Bcu128-py3-none-any.whl";
    assert_eq!(*url, bucket.url(below));
    let url = url.as_str().expect("is text");
    let answer = reqwest::blocking::Client::builder().no_proxy().build().expect("makes a client");
    let answer = answer.get(url).send().expect("is answered");
    assert_eq!(answer.status(), 200);
    let wheel = Wheel::new("two", "1.0+cu128").bytes();
    assert_eq!(&*answer.bytes().expect("reads"), &*wheel);
    // All that there is, from the root.
    let run = bucket.build("", &[]);
    assert_eq!(run.works().json()["projects"], 3, "{}", run.stdout);
}

#[test]
fn five_thousand_objects_are_all_found() {
    let Some(s3) = stores::s3() else { return };
    let bucket = Bucket::public(s3, "s3", "many");
    let item = |key: &str, checksum| json!({"bucket": bucket.name, "key": key, "text": "{n}", "count": 2500, "checksum": checksum});
    s3.put(&json!([item("a/many-1{n}.tar.gz", true), item("b/many-2{n}.tar.gz", false)]));
    let run = bucket.build("", &[]);
    let read = bytes_read(&run);
    assert_eq!(read, 2500 * 5, "{}", run.stdout);
    let page = bucket.page("many");
    let files = page["files"].as_array().expect("is a list");
    let urls: BTreeSet<&str> = files.iter().filter_map(|file| file["url"].as_str()).collect();
    assert_eq!(urls.len(), 5000);
    assert_eq!(bytes_read(&bucket.build("", &[])), 0);
}

#[test]
fn sidecars_are_advertised_only_where_they_are_right() {
    let Some(s3) = stores::s3() else { return };
    let bucket = Bucket::public(s3, "s3", "sidecars");
    let kept = json!({"checksum": true});
    let metadata = |wheel: &Wheel| {
        let members = wheel.members();
        let found = members.into_iter().find(|(name, _)| name.ends_with("/METADATA"));
        found.expect("has METADATA").1
    };
    let (right, wrong) = (Wheel::new("right", "1.0"), Wheel::new("wrong", "1.0"));
    for wheel in [&right, &wrong] {
        bucket.wheel("w/", wheel, &kept);
    }
    let sidecar = |wheel: &Wheel| format!("w/{}.metadata", wheel.filename());
    bucket.put(&sidecar(&right), &metadata(&right), &kept);
    bucket.put(&sidecar(&wrong), &metadata(&right), &kept);
    bucket.put("w/lost-1.0-py3-none-any.whl.metadata", b"x", &kept);
    let run = bucket.build("w", &[]);
    run.works();
    assert!(run.stderr.contains("sidecar-unused"), "{}", run.stderr);
    assert!(run.stderr.contains("wrong-1.0-py3-none-any.whl"), "{}", run.stderr);
    assert!(!run.stderr.contains("lost"), "{}", run.stderr);
    assert!(bucket.page("right")["files"][0]["core-metadata"]["sha256"].is_string());
    assert!(!bucket.page("wrong")["files"][0]["core-metadata"].is_object());
}
