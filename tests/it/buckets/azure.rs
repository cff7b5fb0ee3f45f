//! Azure and Google: what is different there, and that the rest is the same.

use serde_json::json;

use super::{Bucket, bytes_read, large};
use crate::support::github::Content;
use crate::support::stores::{self, Store};
use crate::support::{Run, Wheel};

/// Digests in metadata, files without any, names with a plus, and a second run.
fn reads_a_bucket(store: &'static Store, scheme: &'static str) -> Bucket {
    let bucket = Bucket::public(store, scheme, "source");
    let (wheel, bytes) = large("1.0");
    let how = json!({"metadata": {"sha256": wheel.sha256()}});
    bucket.put(&format!("w/{}", wheel.filename()), &bytes, &how);
    bucket.wheel("w/a+b c/", &Wheel::new("plus", "1.0+cu128"), &json!({}));
    bucket.wheel("w2/", &Wheel::new("other", "1.0"), &json!({}));
    let run = bucket.build("w", &[]);
    assert_eq!(run.works().json()["projects"], 2, "{}", run.stdout);
    let read = bytes_read(&run);
    assert!((1..1 << 20).contains(&read), "{read} bytes");
    assert_eq!(bucket.page("demo")["files"][0]["hashes"]["sha256"], *wheel.sha256());
    let url = bucket.page("plus")["files"][0]["url"].clone();
    assert_eq!(url, bucket.url("w/a%2Bb%20c/plus-1.0%2Bcu128-py3-none-any.whl"));
    let client = reqwest::blocking::Client::builder().no_proxy().build().expect("makes a client");
    let answer = client.get(url.as_str().expect("is text")).send().expect("is answered");
    assert_eq!(&*answer.bytes().expect("reads"), &*Wheel::new("plus", "1.0+cu128").bytes());
    assert_eq!(bytes_read(&bucket.build("w", &[])), 0);
    bucket
}

#[test]
fn azure_is_read_as_s3_is() {
    let Some(azure) = stores::azure() else { return };
    let mut bucket = reads_a_bucket(azure, "az");
    bucket.name = azure.bucket("private");
    bucket.wheel("w/", &Wheel::new("plus", "1.0+cu128"), &json!({}));
    let spec = bucket.spec("w");
    let all = ["build", "--format", "json", "--source", &spec, "--files", "copy", "-o", "copied"];
    Run::of(&mut bucket.command(&all)).works();
    assert!(bucket.workspace.path("copied/files/plus").is_dir());

    let wrong = format!("{}==", "A".repeat(86));
    let mut command = bucket.command(&all);
    let run = Run::of(command.env("AZURE_STORAGE_ACCOUNT_KEY", &wrong));
    run.fails(3, &[&spec, &azure.endpoint, "403"]);
    assert!(!run.stderr.contains(&wrong) && !run.stderr.contains('<'), "{}", run.stderr);

    "no-such-container".clone_into(&mut bucket.name);
    bucket.build("w", &[]).fails(3, &["az://no-such-container/w", "404"]);
    let mut command = bucket.workspace.command(&["build", "--source", &spec]);
    Run::of(&mut command).fails(2, &["AZURE_STORAGE_ACCOUNT_NAME"]);
}

#[test]
fn azure_is_read_by_everybody_where_that_is_allowed() {
    let Some(azure) = stores::azure() else { return };
    let bucket = Bucket::public(azure, "az", "open");
    bucket.wheel("", &Wheel::new("demo", "1.0"), &json!({}));
    let url = bucket.url("");
    let config = json!({"sources": [{
        "source": bucket.spec(""),
        "endpoint": azure.endpoint,
        "anonymous": true,
        "public_url": url,
    }]});
    bucket.workspace.write("config/site.yml", config.to_string());
    bucket.workspace.run(&["build", "--format", "json"]).works();
    assert_eq!(bucket.page("demo")["files"][0]["filename"], "demo-1.0-py3-none-any.whl");
}

#[test]
fn google_is_read_as_s3_is() {
    let Some(gcs) = stores::gcs() else { return };
    let mut bucket = reads_a_bucket(gcs, "gs");
    // The library cannot say this key.
    bucket.put("odd//x-1.0-py3-none-any.whl", b"", &json!({}));
    bucket.build("odd", &[]).fails(3, &["empty path segment", "rename the object"]);
    "no-such-bucket".clone_into(&mut bucket.name);
    // Google itself answers 404.
    bucket.build("w", &[]).fails(3, &["gs://no-such-bucket/w", "no bucket named"]);
}
