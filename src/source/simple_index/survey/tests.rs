use proptest::prelude::*;
use serde_json::json;

use super::*;

const FILE: &str = "demo-1.0-py3-none-any.whl";

fn base() -> Url {
    "https://host.example/simple/demo/".parse().expect("parses")
}

fn survey(form: Form, text: &str) -> Survey {
    survey_page(form, text.as_bytes(), &base()).expect("reads")
}

#[test]
fn anchors_keep_what_a_build_passes_over() {
    let page = format!(
        "<base href=\"../\"><meta name=pypi:repository-version content=9.9><a href=x>x</a>\
         <a href=\"{FILE}#sha1=ab&egg=demo\" data-core-metadata=\"sha256=cd\" data-yanked \
         data-dist-info-metadata=true data-provenance=http://host.example/p>{FILE}</a>\
         <a href=\"file:///{FILE}\">{FILE}</a>"
    );
    let survey = survey(Form::Html, &page);
    assert_eq!((survey.version.as_deref(), survey.base.as_deref()), (Some("9.9"), Some("../")));
    let [entry, local] = &survey.entries[..] else { panic!("two distributions: {survey:?}") };
    assert_eq!(entry.url, Some(format!("https://host.example/simple/{FILE}").parse().expect("is")));
    assert_eq!(entry.hash("sha1"), Some("ab"));
    assert_eq!(entry.hash("egg"), Some("demo"));
    assert_eq!(entry.sidecar().and_then(Promise::sha256), Some("cd"));
    assert_eq!(entry.dist_info_metadata, Some(Promise::Unhashed));
    assert_eq!((entry.yanked.as_deref(), entry.faults.len()), (Some(""), 0));
    assert_eq!(entry.provenance.as_deref(), Some("http://host.example/p"));
    assert_eq!((local.url.as_ref(), &*local.href), (None, &*format!("file:///{FILE}")));
}

#[test]
fn null_and_nonsense_are_told_apart_from_nothing() {
    let with = |key: &str, value: Value| {
        let mut file = json!({"filename": FILE, "url": FILE, "hashes": {}});
        file[key] = value;
        let page = json!({"meta": {}, "files": [file]});
        survey(Form::Json, &page.to_string()).entries.remove(0).faults
    };
    for key in ["hashes", "size", "upload-time", "yanked"] {
        assert_eq!(with(key, Value::Null), [Fault::Null(key)]);
        assert!(matches!(with(key, json!(-1.5))[..], [Fault::Wrong { .. }]), "{key}");
    }
    for key in ["requires-python", "core-metadata", "provenance"] {
        assert_eq!(with(key, Value::Null), []);
        assert!(matches!(with(key, json!(7))[..], [Fault::Wrong { .. }]), "{key}");
    }
    assert_eq!(with("_ours", json!([null])), []);
    let bare = json!({"files": [{"url": FILE}]}).to_string();
    let faults = survey(Form::Json, &bare).entries.remove(0).faults;
    assert_eq!(faults.len(), 2, "no filename, no hashes: {faults:?}");
}

#[test]
fn a_root_keeps_names_and_links() {
    let root: Url = "https://host.example/simple/".parse().expect("is a URL");
    let page = b"<a href=../>..</a><a href=/s/b>B</a><a href='?C=N;O=D'>Name</a><a href=/>home</a>\
        <a href=/about>about</a><a href='#top'>top</a>";
    let html = survey_root(Form::Html, page, &root).expect("reads");
    assert_eq!(html.projects, [("B".to_owned(), Some("/s/b".to_owned()))]);
    let json = br#"{"meta":{"api-version":"1.4"},"projects":[{"name":"B"}]}"#;
    let json = survey_root(Form::Json, json, &root).expect("reads");
    assert_eq!(json.projects, [("B".to_owned(), None)]);
    assert_eq!(json.version.as_deref(), Some("1.4"));
}

proptest! {
    #[test]
    fn foreign_pages_never_panic(bytes: Vec<u8>, text in "[<a href=#&{}\\[\\]\":,nul0-9]*") {
        for form in [Form::Html, Form::Json] {
            for page in [&bytes[..], text.as_bytes()] {
                let _ = survey_page(form, page, &base());
                let _ = survey_root(form, page, &base());
            }
        }
    }

    #[test]
    fn any_values_of_a_file_are_read(key in "[a-z-]{1,20}", value in 0..6usize) {
        let values = [json!(null), json!(1), json!(-1), json!("x"), json!([]), json!({"a": 1})];
        let mut file = json!({"filename": FILE, "url": FILE, "hashes": {}});
        file[&key] = values[value].clone();
        let page = json!({"files": [file]}).to_string();
        prop_assert!(survey_page(Form::Json, page.as_bytes(), &base()).is_ok());
    }
}
