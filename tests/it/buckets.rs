//! Buckets as a source: the real program against real object stores.

mod azure;
mod failures;
mod install;
mod listing;
mod odd_servers;

use std::process::Command;

use serde_json::{Value, json};

use crate::support::github::Content;
use crate::support::stores::{self, Store};
use crate::support::synthetic::SyntheticWheel;
use crate::support::{Run, Wheel, Workspace};

/// A bucket with what a test puts there, and a folder for a site.
struct Bucket {
    store: &'static Store,
    scheme: &'static str,
    name: String,
    workspace: Workspace,
}

impl Bucket {
    /// A new one that takes nothing but signed requests.
    fn private(store: &'static Store, scheme: &'static str, name: &str) -> Self {
        Self { store, scheme, name: store.bucket(name), workspace: Workspace::new() }
    }

    /// A new one that everybody may list and read.
    fn public(store: &'static Store, scheme: &'static str, name: &str) -> Self {
        Self { store, scheme, name: store.public_bucket(name), workspace: Workspace::new() }
    }

    /// Puts an object, with what else the store's plan takes.
    fn put(&self, key: &str, bytes: &[u8], how: &Value) {
        let file = self.workspace.path("object");
        std::fs::write(&file, bytes).expect("writes");
        let mut item = json!({"bucket": self.name, "key": key, "file": file});
        for (name, value) in how.as_object().into_iter().flatten() {
            item[name] = value.clone();
        }
        self.store.put(&json!([item]));
    }

    fn wheel(&self, folder: &str, wheel: &Wheel, how: &Value) {
        self.put(&format!("{folder}{}", wheel.filename()), &wheel.bytes(), how);
    }

    fn spec(&self, prefix: &str) -> String {
        format!("{}://{}/{prefix}", self.scheme, self.name)
    }

    /// Where everybody sees what lies below a prefix, if the bucket is public.
    fn url(&self, prefix: &str) -> String {
        format!("{}/{}/{prefix}", self.store.endpoint, self.name)
    }

    /// The program, with the credentials of the store.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.workspace.command(arguments);
        patient(&mut command).envs(self.store.environment());
        command
    }

    /// Builds from what lies below a prefix, with links to where everybody sees it.
    fn build(&self, prefix: &str, arguments: &[&str]) -> Run {
        let config = json!({"sources": [
            {"source": self.spec(prefix), "public_url": self.url(prefix)}
        ]});
        self.workspace.write("config/site.yml", config.to_string());
        let mut all = vec!["build", "--format", "json"];
        all.extend(arguments);
        Run::of(&mut self.command(&all))
    }

    fn page(&self, project: &str) -> Value {
        self.workspace.json(&format!("site/simple/{project}/index.v1_json"))
    }
}

/// Does not wait for what does not get better.
fn patient(command: &mut Command) -> &mut Command {
    command.env("WHEELSITE_HTTP_RETRY_DELAY", "0").env("WHEELSITE_HTTP_RETRIES", "2")
}

#[track_caller]
fn bytes_read(run: &Run) -> u64 {
    run.works().json()["bytes_read"].as_u64().expect("is a number")
}

fn large(version: &str) -> (SyntheticWheel, Vec<u8>) {
    let wheel = SyntheticWheel::new("demo", version, 12 << 20, 20);
    let bytes = wheel.read(0..wheel.size());
    (wheel, bytes)
}

#[test]
fn a_digest_that_is_kept_with_an_object_saves_its_download() {
    let Some(s3) = stores::s3() else { return };
    let bucket = Bucket::public(s3, "s3", "digests");
    let mut expected = Vec::new();
    for version in ["1.0", "2.0", "3.0", "4.0"] {
        let (wheel, bytes) = large(version);
        let sha256 = wheel.sha256();
        let how = match version {
            "1.0" => json!({"checksum": true}),
            "2.0" => json!({"metadata": {"sha256": sha256}}),
            // boto3 sends a CRC of its own accord.
            "3.0" => json!({"checksum": "CRC32", "metadata": {"checksum-sha256": sha256}}),
            // The checksum is one of checksums, and says nothing of the file.
            _ => json!({"checksum": true, "multipart": true, "metadata": {"sha256": sha256}}),
        };
        bucket.put(&format!("w/{}", wheel.filename()), &bytes, &how);
        expected.push(sha256.clone());
    }
    let read = bytes_read(&bucket.build("w", &[]));
    assert!((1..1 << 20).contains(&read), "{read} bytes");
    let page = bucket.page("demo");
    for (file, sha256) in page["files"].as_array().expect("is a list").iter().zip(&expected) {
        assert_eq!(file["hashes"]["sha256"], **sha256, "{file}");
        let name = file["filename"].as_str().expect("is text");
        assert_eq!(file["url"], format!("{}/{name}", bucket.url("w")));
        assert!(file["size"].as_u64().expect("is a number") > 12 << 20);
        assert!(file["upload-time"].is_string(), "{file}");
        assert!(file["requires-python"].is_string() || file["core-metadata"].is_null());
    }
    assert_eq!(bytes_read(&bucket.build("w", &[])), 0);
}

#[test]
fn without_a_digest_an_object_is_read_once() {
    let Some(s3) = stores::s3() else { return };
    let bucket = Bucket::public(s3, "s3", "once");
    let (plain, bytes) = large("1.0");
    bucket.put(&format!("w/{}", plain.filename()), &bytes, &json!({}));
    let (parts, bytes) = large("2.0");
    let how = json!({"checksum": true, "multipart": true});
    bucket.put(&format!("w/{}", parts.filename()), &bytes, &how);
    let both = plain.size() + parts.size();
    let read = bytes_read(&bucket.build("w", &[]));
    assert!((both..both + both / 10).contains(&read), "{read} of {both} bytes");
    let page = bucket.page("demo");
    assert_eq!(page["files"][0]["hashes"]["sha256"], *plain.sha256());
    assert_eq!(page["files"][1]["hashes"]["sha256"], *parts.sha256());
    // This machine remembers.
    assert_eq!(bytes_read(&bucket.build("w", &[])), 0);
    // Another machine has the site of the last run, which names the ETags.
    std::fs::rename(bucket.workspace.site(), bucket.workspace.path("old")).expect("renames");
    std::fs::remove_dir_all(bucket.workspace.path("cache")).expect("removes");
    assert_eq!(bytes_read(&bucket.build("w", &["--previous", "old"])), 0);
    assert_eq!(bucket.page("demo"), page);
    // What was replaced is read again, and alone.
    let (_, bytes) = large("1.0");
    let mut other = bytes.clone();
    let place = other.len() / 2;
    other[place] ^= 1;
    bucket.put(&format!("w/{}", plain.filename()), &other, &json!({}));
    let run = bucket.build("w", &["--on-reject", "exclude", "--allow-removals"]);
    let read = bytes_read(&run);
    assert!((plain.size()..both).contains(&read), "{read} bytes");
}
