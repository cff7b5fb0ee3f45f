//! What a bucket that cannot be read is told with, and where credentials come from.

use std::process::Command;

use serde_json::{Value, json};

use super::{Bucket, patient};
use crate::support::{Run, Wheel, stores};

/// A private bucket with one wheel.
fn bucket(name: &str) -> Option<Bucket> {
    let bucket = Bucket::private(stores::s3()?, "s3", name);
    bucket.wheel("w/", &Wheel::new("demo", "1.0"), &json!({"checksum": true}));
    Some(bucket)
}

/// Builds with a source as the configuration writes it, and no variables but these.
fn build(bucket: &Bucket, mut options: Value, variables: &[(&str, &str)]) -> Run {
    options["source"] = bucket.spec("w").into();
    options["files"] = "copy".into();
    bucket.workspace.write("config/site.yml", json!({"sources": [options]}).to_string());
    let mut command: Command = bucket.workspace.command(&["build", "--format", "json"]);
    Run::of(patient(&mut command).envs(variables.iter().copied()))
}

#[test]
fn credentials_come_from_the_configured_profile() {
    let Some(bucket) = bucket("profile") else { return };
    let store = bucket.store;
    let credentials = format!(
        "[default]\naws_access_key_id = nobody\naws_secret_access_key = wrong\n\
            [work]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        store.key, store.secret
    );
    bucket.workspace.write("home/.aws/credentials", credentials);
    bucket.workspace.write("home/.aws/config", "[profile sso]\nsso_session = corp\n");
    let options = |profile: &str| {
        json!({
            "endpoint": store.endpoint,
            "region": store.region,
            "path_style": true,
            "profile": profile,
        })
    };
    build(&bucket, options("work"), &[]).works();
    // What the configuration says counts more than the environment.
    let others =
        [("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_SESSION_TOKEN", "x")];
    build(&bucket, options("work"), &others).works();
    let run = build(&bucket, json!({"endpoint": store.endpoint}), &[("AWS_PROFILE", "work")]);
    run.works();
    let run = build(&bucket, json!({"endpoint": store.endpoint}), &[]);
    run.fails(3, &["the credentials of the profile `default`"]);
    build(&bucket, options("nobody"), &[]).fails(2, &["`nobody`", "`default`, `sso`, `work`"]);
    build(&bucket, options("sso"), &[]).fails(2, &["sso_session", "export-credentials"]);
}

#[test]
fn a_refusal_shows_no_secret() {
    let Some(bucket) = bucket("refused") else { return };
    let store = bucket.store;
    let run = build(
        &bucket,
        json!({"endpoint": store.endpoint}),
        &[
            ("AWS_ACCESS_KEY_ID", store.key),
            ("AWS_SECRET_ACCESS_KEY", "much-too-secret"),
            ("AWS_SESSION_TOKEN", "just-as-secret"),
        ],
    );
    run.fails(3, &[&bucket.spec("w"), &store.endpoint, "403", "AWS_ACCESS_KEY_ID"]);
    let unsigned = build(
        &bucket,
        json!({"endpoint": store.endpoint}),
        &[("AWS_ACCESS_KEY_ID", store.key), ("AWS_SECRET_ACCESS_KEY", "much-too-secret")],
    );
    unsigned.fails(3, &["SignatureDoesNotMatch"]);
    for told in [&run.stdout, &run.stderr, &unsigned.stdout, &unsigned.stderr] {
        for secret in ["much-too-secret", "just-as-secret", "Signature=", "<", "x-amz"] {
            assert!(!told.contains(secret), "{secret} in {told}");
        }
    }
    let anonymous = json!({"endpoint": store.endpoint, "anonymous": true});
    build(&bucket, anonymous, &[]).fails(3, &["403", "anonymous: true"]);
}

#[test]
fn a_bucket_that_is_not_there_is_named() {
    let Some(mut bucket) = bucket("missing") else { return };
    let endpoint = bucket.store.endpoint.clone();
    let command = |bucket: &Bucket, options: &Value| {
        let mut all = options.clone();
        all["source"] = bucket.spec("w").into();
        all["files"] = "copy".into();
        bucket.workspace.write("config/site.yml", json!({"sources": [all]}).to_string());
        Run::of(&mut bucket.command(&["build"]))
    };
    "no-such-bucket".clone_into(&mut bucket.name);
    command(&bucket, &json!({})).fails(3, &["s3://no-such-bucket/w", &endpoint, "404"]);
    let run = command(&bucket, &json!({"endpoint": "http://127.0.0.1:1"}));
    run.fails(3, &["http://127.0.0.1:1", "refused"]);
    // One that need not be there leaves the site empty, which the guard stops or not.
    let run = command(&bucket, &json!({"optional": true}));
    assert!(run.stderr.contains("went on without"), "{}", run.stderr);
    assert_ne!(run.code, Some(3));
}

#[test]
fn nobody_is_asked_for_credentials_that_are_nowhere() {
    let Some(bucket) = bucket("nowhere") else { return };
    let run = build(
        &bucket,
        json!({"endpoint": bucket.store.endpoint}),
        &[
            // Where a cloud's machine would learn its role.
            ("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1"),
            // As CI sets secrets that do not exist.
            ("AWS_ACCESS_KEY_ID", ""),
            ("AWS_SECRET_ACCESS_KEY", ""),
        ],
    );
    run.fails(3, &["this machine's role", "no AWS_ACCESS_KEY_ID", "anonymous: true"]);
}
