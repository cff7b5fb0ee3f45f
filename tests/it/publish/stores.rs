//! The same on every store: what is sent, with which headers, and what goes wrong.

use std::collections::BTreeMap;

use super::{build, command, large, publish, some_wheels};
use crate::support::program::tree;
use crate::support::proxy::{Proxy, Trouble};
use crate::support::stores::{self, Store};
use crate::support::{Run, Wheel, Workspace};

/// Digests of a site's pages and files; the state is what publishing makes of it.
fn digests(workspace: &Workspace) -> BTreeMap<String, String> {
    use sha2::Digest;
    let digest = |bytes: &[u8]| hex::encode(sha2::Sha256::digest(bytes));
    let tree = tree(&workspace.site());
    let served = tree.iter().filter(|(path, _)| !is_state(path));
    let trimmed = |path: &str, bytes: &[u8]| {
        if is_file(path) { digest(bytes) } else { digest(bytes.trim_ascii_end()) }
    };
    served.map(|(path, bytes)| (path.clone(), trimmed(path, bytes))).collect()
}

fn is_state(path: &str) -> bool {
    path.starts_with("state/") || path == "wheelsite.json"
}

fn is_file(path: &str) -> bool {
    path.starts_with("files/") || path.starts_with("assets/") || path.ends_with("/METADATA")
}

/// The digests of what a bucket has below a prefix.
fn there(store: &Store, bucket: &str, prefix: &str) -> BTreeMap<String, String> {
    let objects = store.objects(bucket);
    let below = objects.iter().filter_map(|(key, object)| {
        let path = key.strip_prefix(prefix).filter(|path| !is_state(path))?;
        // Pages have white space at their end.
        let digest = if is_file(path) { "sha256" } else { "trimmed" };
        Some((path.to_owned(), object[digest].as_str()?.to_owned()))
    });
    below.collect()
}

/// Publishes, changes, removes, and looks at every object.
fn round_trip(store: &Store, scheme: &str, name: &str, more: &[(&'static str, String)]) {
    let bucket = store.bucket(name);
    let mut environment = store.environment();
    environment.extend(more.iter().cloned());
    let workspace = some_wheels();
    // In parts, where the store takes parts.
    let wheel = large(&workspace, if more.is_empty() { 12 } else { 3 });
    build(&workspace, &[]);
    let to = format!("{scheme}://{bucket}/a/b");
    store.put(&serde_json::json!([{"bucket": bucket, "key": "a/b/mine.txt", "text": "mine"}]));
    let to_there =
        |more: &[&str]| publish(&workspace, &environment, &[&["--to", &to], more].concat());
    to_there(&[]);
    let mut expected = digests(&workspace);
    let mut found = there(store, &bucket, "a/b/");
    assert!(found.remove("mine.txt").is_some());
    assert_eq!(found, expected);
    let objects = store.objects(&bucket);
    let says = |path: &str, what: &str| objects[&format!("a/b/{path}")][what].clone();
    assert_eq!(says("simple/alpha/index.html", "type"), "text/html; charset=utf-8");
    assert_eq!(says("simple/alpha/index.v1_json", "type"), "application/vnd.pypi.simple.v1+json");
    assert_eq!(says("simple/index.html", "cache"), "public, max-age=60, must-revalidate");
    let file = expected.keys().find(|path| path.ends_with(wheel.filename())).expect("is there");
    assert_eq!(says(file, "cache"), "public, max-age=31536000, immutable");
    assert_eq!(says(file, "type"), "application/octet-stream");
    assert_eq!(says(&format!("{file}.metadata"), "type"), "text/plain; charset=utf-8");
    assert_eq!(says("wheelsite.json", "cache"), "no-cache");
    // Nothing changed: one read.
    assert_eq!(to_there(&[])["requests"], 1);
    // One project changed, one went.
    workspace.wheel(&Wheel::new("gamma", "4"));
    for name in ["alpha-1.0", "alpha-1.1"] {
        let wheel = workspace.path(&format!("wheels/{name}-py3-none-any.whl"));
        std::fs::remove_file(wheel).expect("removes");
    }
    build(&workspace, &[]);
    let report = to_there(&["--grace", "0s"]);
    assert!(report["deleted"].as_u64() > Some(4), "{report}");
    expected = digests(&workspace);
    found = there(store, &bucket, "a/b/");
    assert!(found.remove("mine.txt").is_some(), "what others have put there stays");
    assert_eq!(found, expected);
    assert_eq!(to_there(&["--grace", "0s"])["requests"], 1);
}

#[test]
fn s3_takes_a_site() {
    let Some(s3) = stores::s3() else { return };
    round_trip(s3, "s3", "publish-s3", &[]);
}

#[test]
fn azure_takes_a_site() {
    let Some(azure) = stores::azure() else { return };
    round_trip(azure, "az", "publish-azure", &[]);
}

#[test]
fn google_takes_a_site() {
    let Some(gcs) = stores::gcs() else { return };
    // The emulator takes uploads by the XML API only if they look like signed URLs, and no parts.
    let proxy = Proxy::start(&gcs.endpoint);
    proxy.add_to_puts("X-Goog-Algorithm=none");
    round_trip(gcs, "gs", "publish-gcs", &[("GOOGLE_BASE_URL", proxy.url.clone())]);
}

#[test]
fn requests_are_bounded_by_what_changed_and_none_lists() {
    let Some(s3) = stores::s3() else { return };
    let bucket = s3.bucket("publish-bound");
    let proxy = Proxy::start(&s3.endpoint);
    let mut environment = s3.environment();
    environment.push(("AWS_ENDPOINT_URL", proxy.url.clone()));
    let workspace = Workspace::new();
    for number in 0..20 {
        workspace.wheel(&Wheel::new(&format!("project-{number}"), "1.0"));
    }
    build(&workspace, &[]);
    let to = format!("s3://{bucket}");
    let again = || {
        proxy.let_through(u64::MAX);
        publish(&workspace, &environment, &["--to", &to])
    };
    proxy.trouble(|_| Trouble::Slow(std::time::Duration::from_millis(20)));
    again();
    // A busy machine may not get all of them under way; one more is a sign of life.
    assert!((12..=17).contains(&proxy.most()), "{} requests at once", proxy.most());
    proxy.trouble(|_| Trouble::None);
    again();
    let log: Vec<String> = proxy.log().into_iter().map(|it| it.method).collect();
    assert_eq!(log, ["GET"]);
    let before = digests(&workspace);
    workspace.wheel(&Wheel::new("project-7", "2.0"));
    build(&workspace, &[]);
    let after = digests(&workspace);
    let changed = after.iter().filter(|(path, digest)| before.get(*path) != Some(*digest));
    // The shard and the root of the state are objects too.
    let changed = changed.count() as u64 + 2;
    again();
    let log = proxy.log();
    assert!(log.len() as u64 <= changed + 4, "{} for {changed}: {log:#?}", log.len());
    let lists = |path: &str| path.contains("list-type") || path.contains("prefix=");
    assert!(!log.iter().any(|it| lists(&it.path)), "{log:#?}");
    // Many projects at once, one of which goes.
    for number in 0..10 {
        workspace.wheel(&Wheel::new(&format!("project-{number}"), "3.0"));
    }
    let gone = workspace.path("wheels/project_19-1.0-py3-none-any.whl");
    std::fs::remove_file(gone).expect("removes");
    build(&workspace, &[]);
    let before = s3.objects(&bucket);
    again();
    let log = proxy.log();
    let after = s3.objects(&bucket);
    let keys: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = keys.iter().filter(|key| before.get(**key) != after.get(**key)).count();
    assert!(log.len() <= changed + 4, "{} for {changed}: {log:#?}", log.len());
}

#[test]
fn what_a_store_refuses_is_told_with_what_to_do() {
    let Some(s3) = stores::s3() else { return };
    let bucket = s3.bucket("publish-refusals");
    let workspace = some_wheels();
    build(&workspace, &[]);
    let to = format!("s3://{bucket}/p");
    let run = |environment: &[(&'static str, String)], to: &str| {
        Run::of(&mut command(&workspace, environment, &["--to", to]))
    };
    let right = s3.environment();
    run(&right, "s3://publish-no-such-bucket/p")
        .fails(3, &["s3://publish-no-such-bucket/p", "NoSuchBucket", "check the bucket's name"]);
    let mut wrong = right.clone();
    wrong.push(("AWS_SECRET_ACCESS_KEY", "not-the-secret".to_owned()));
    let refused = run(&wrong, &to);
    refused.fails(3, &["403", "AWS_ACCESS_KEY_ID", "write"]);
    assert!(!refused.stderr.contains("not-the-secret"), "{}", refused.stderr);
    let proxy = Proxy::start(&s3.endpoint);
    let mut through = right;
    through.push(("AWS_ENDPOINT_URL", proxy.url.clone()));
    let refuse = |code: &str, method: &'static str| {
        let text = format!("<Error><Code>{code}</Code><Message>No.</Message></Error>");
        proxy.trouble(move |operation| {
            if operation.method == method {
                Trouble::Refuse(403, text.clone())
            } else {
                Trouble::None
            }
        });
    };
    refuse("RequestTimeTooSkewed", "GET");
    run(&through, &to).fails(3, &["RequestTimeTooSkewed", "the clock of this machine"]);
    // Whoever may read and not write.
    refuse("AccessDenied", "PUT");
    run(&through, &to).fails(3, &["cannot write `s3://", "AccessDenied", "write"]);
    let nothing = there(s3, &bucket, "p/");
    assert_eq!(nothing.len(), 0, "{nothing:?}");
    // A server that is not there.
    drop(proxy);
    through.push(("AWS_ENDPOINT_URL", "http://127.0.0.1:9".to_owned()));
    through.push(("WHEELSITE_HTTP_RETRIES", "1".to_owned()));
    run(&through, &to).fails(3, &["127.0.0.1:9", "check the endpoint"]);
}
