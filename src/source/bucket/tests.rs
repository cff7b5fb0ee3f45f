use std::io::Read;

use object_store::memory::InMemory;
use object_store::{Attribute, Attributes, PutOptions};
use proptest::prelude::*;

use super::*;
use crate::source::SourceSpec;

fn bucket(spec: &str, public_url: Option<&str>, objects: &[(&str, &[u8])]) -> Bucket {
    let store = Arc::new(InMemory::new());
    let runtime = runtime().expect("starts");
    for (key, bytes) in objects {
        let path = Path::parse(key).expect("is a key");
        runtime.block_on(store.put(&path, bytes.to_vec().into())).expect("puts");
    }
    over(store, spec, public_url)
}

fn over(store: Arc<InMemory>, spec: &str, public_url: Option<&str>) -> Bucket {
    let spec: SourceSpec = spec.parse().expect("is a source");
    let mut settings = SourceSettings::plain(spec);
    settings.bucket.public_url = public_url.map(|url| url.parse().expect("is a URL"));
    let SourceSpec::Bucket(spec) = &settings.spec else { panic!("it is a bucket") };
    let server = Server::of_one(store, "memory:".to_owned(), None);
    Bucket::at(server, spec, &settings, &Network::default()).expect("connects")
}

#[test]
fn keeps_the_contract() {
    let source = bucket(
        "s3://b/wheels",
        None,
        &[
            ("wheels/a-1+cu128-py3-none-any.whl", b"aaaa"),
            ("wheels/deep/er/b-1-py3-none-any.whl", b"bb"),
            ("wheels/deep/a-1.tar.gz", b"c"),
            ("wheels/leer zeichen/größe-1-py3-none-any.whl", b"dd"),
            ("wheels2/x-1-py3-none-any.whl", b"x"),
            ("wheels-x-1-py3-none-any.whl", b"x"),
        ],
    );
    let names = [
        "a-1+cu128-py3-none-any.whl",
        "a-1.tar.gz",
        "b-1-py3-none-any.whl",
        "größe-1-py3-none-any.whl",
    ];
    crate::source::contract::check(&source, &names);
    let all = bucket("s3://b", None, &[("a-1-py3-none-any.whl", b"a"), ("b/c-1.zip", b"b")]);
    crate::source::contract::check(&all, &["a-1-py3-none-any.whl", "c-1.zip"]);
}

#[test]
fn passes_over_with_a_word() {
    let source = bucket(
        "s3://b/p",
        None,
        &[
            ("p", b""),
            ("p/folder", b""),
            ("p/folder/a-1-py3-none-any.whl", b"a"),
            ("p/folder/a-1-py3-none-any.whl.metadata", b"m"),
            ("p/lost-1-py3-none-any.whl.metadata", b"m"),
            ("p/.trash/b-1-py3-none-any.whl", b"b"),
            ("p/x-1-py3-none-any.whl.part", b""),
            ("p/notes.txt", b""),
            ("p/site/wheelsite.json", b"{}"),
            ("p/site/files/y-1-py3-none-any.whl", b"y"),
            ("p/site/simple/index.html", b""),
        ],
    );
    let listing = source.list(0).expect("lists");
    assert_eq!(listing.artifacts.len(), 1);
    let artifact = &listing.artifacts[0];
    assert_eq!(artifact.location.to_string(), "s3://b/p/folder/a-1-py3-none-any.whl");
    let sidecar = source.sidecar(artifact).expect("reads");
    assert_eq!(sidecar, Some(Sha256::of(b"m")));
    let ignored: Vec<_> =
        listing.ignored.iter().map(|it| (it.location.as_str(), it.reason)).collect();
    assert_eq!(
        ignored,
        [
            ("s3://b/p/.trash/b-1-py3-none-any.whl", "hidden"),
            ("s3://b/p/notes.txt", "no distribution"),
            ("s3://b/p/x-1-py3-none-any.whl.part", "a download that is not finished"),
            ("s3://b/p/site", "a generated site"),
        ]
    );
    // A site that is named itself is taken as it is.
    let site =
        bucket("s3://b", None, &[("wheelsite.json", b"{}"), ("f/y-1-py3-none-any.whl", b"y")]);
    assert_eq!(site.list(0).expect("lists").artifacts.len(), 1);
}

#[test]
fn urls_are_those_below_the_prefix() {
    let objects: &[(&str, &[u8])] =
        &[("p/q/a-1+cu128 x-py3-none-any.whl", b"a"), ("p/é/b-1.zip", b"")];
    let source = bucket("s3://b/p", Some("https://cdn.example.com/w%2Bw/"), objects);
    let listing = source.list(0).expect("lists");
    let urls: Vec<_> =
        listing.artifacts.iter().map(|it| it.offered.url.as_deref().unwrap_or_default()).collect();
    assert_eq!(
        urls,
        [
            "https://cdn.example.com/w%2Bw/q/a-1%2Bcu128%20x-py3-none-any.whl",
            "https://cdn.example.com/w%2Bw/%C3%A9/b-1.zip",
        ]
    );
    let source = bucket("s3://b/p", None, objects);
    assert!(source.list(0).expect("lists").artifacts.iter().all(|it| it.offered.url.is_none()));
}

#[test]
fn digests_in_metadata_are_taken() {
    let store = Arc::new(InMemory::new());
    let put = |key: &str, name: &'static str, value: String| {
        let attributes = Attributes::from_iter([(Attribute::Metadata(name.into()), value)]);
        let options = PutOptions { attributes, ..PutOptions::default() };
        let path = Path::from(key);
        let put = store.put_opts(&path, b"abc".to_vec().into(), options);
        runtime().expect("starts").block_on(put).expect("puts");
    };
    let abc = Sha256::of(b"abc");
    put("a-1.zip", "sha256", abc.to_string());
    put("b-1.zip", "checksum_sha256", abc.to_string());
    put("c-1.zip", "md5", abc.to_string());
    put("d-1.zip", "sha256", "abc".to_owned());
    put("e-1.zip", "sha256", abc.to_string());
    let source = over(store.clone(), "az://b", None);
    let listing = source.list(0).expect("lists");
    // Replaced since: what is said now is about something else.
    put("e-1.zip", "sha256", abc.to_string());
    let digests: Vec<_> =
        listing.artifacts.iter().map(|it| source.digest(it).expect("asks")).collect();
    assert_eq!(digests, [Some(abc), Some(abc), None, None, None]);
}

#[test]
fn what_changed_after_it_was_listed_is_not_read() {
    let store = Arc::new(InMemory::new());
    let put = |bytes: &[u8]| {
        let path = Path::from("a-1.zip");
        let put = store.put(&path, bytes.to_vec().into());
        runtime().expect("starts").block_on(put).expect("puts");
    };
    put(b"abc");
    let source = over(store.clone(), "s3://b", None);
    let listing = source.list(0).expect("lists");
    put(b"xyz");
    let mut reader = source.open(&listing.artifacts[0]).expect("opens");
    let error = reader.read_to_end(&mut Vec::new()).expect_err("fails");
    assert!(error.to_string().contains("changed"), "{error}");
    let again = source.list(0).expect("lists");
    assert_ne!(again.artifacts[0].revision, listing.artifacts[0].revision);
}

#[test]
fn etags_are_compared_without_quotes() {
    assert_eq!(plain("\"0x8DC\""), plain("0x8DC"));
    assert_eq!(plain("W/\"a-b\""), "a-b");
    assert_eq!(etag_of_revision("a-b 17"), Some("a-b"));
    assert_eq!(etag_of_revision("@1700000000 17"), None);
}

proptest! {
    #[test]
    fn urls_end_in_the_filename(folder in "[^/\\x00-\\x1f]{1,9}", name in "[^/\\x00-\\x1f\\x7f]{1,20}") {
        prop_assume!(!matches!(&*name, "." | ".."));
        let source = bucket("s3://b", Some("https://host/w/"), &[]);
        let folders = format!("{folder}/{name}");
        if !matches!(&*folder, "." | "..") {
            let url = source.url(&folders, &name).expect("has a URL");
            prop_assert!(url.starts_with("https://host/w/"));
            prop_assert!(url.is_ascii() && !url.contains(['+', ' ', '?', '#']));
        }
    }
}
