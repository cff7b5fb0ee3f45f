use proptest::prelude::*;

use super::*;

const FILE: &str = "demo-1.0+cu126-py3-none-any.whl";

fn read(text: &str) -> Result<Page, PageError> {
    page(text.as_bytes(), &"https://host.example/whl/cu126/demo/".parse().expect("parses"))
}

fn one(text: &str) -> PageFile {
    let mut page = read(text).expect("reads");
    assert_eq!((page.files.len(), page.ignored.len()), (1, 0), "{text}");
    page.files.remove(0)
}

#[test]
fn every_attribute() {
    let digest = "ab".repeat(32);
    let file = one(&format!(
        "<!DOCTYPE html><html><head><meta name='pypi:repository-version' content='1.9'>\
         <title>Links for <a href='x'>demo</a></title></head><body><h1>Links</h1>\
         <!-- <a href='no-1.0-py3-none-any.whl'>no-1.0-py3-none-any.whl</a> -->\
         <script>'<a href=\"no\">no</a>'</script>\
         <A HREF=\"/whl/cu126/demo-1.0%2Bcu126-py3-none-any.whl#sha256={digest}\"\n \
         data-requires-python=\"&gt;=3.8,&lt;4\" data-dist-info-metadata=\"sha256={digest}\" \
         data-yanked=\"bad &amp; &#39;ugly&#39;\" data-size=12 \
         data-upload-time='2026-01-02T03:04:05.678901Z'>\n  demo-1.0&#43;cu126-<b>py3</b>-none-any.whl\n</A><br>"
    ));
    let sha256 = digest.parse().expect("parses");
    let expected = PageFile {
        filename: FILE.into(),
        url: "https://host.example/whl/cu126/demo-1.0%2Bcu126-py3-none-any.whl"
            .parse()
            .expect("parses"),
        sha256: Some(sha256),
        requires_python: Some(">=3.8,<4".into()),
        core_metadata: Some(Sidecar::Sha256(sha256)),
        yanked: Some("bad & 'ugly'".into()),
        size: Some(12),
        upload_time: "2026-01-02T03:04:05Z".parse().ok(),
    };
    assert_eq!(file, expected);
}

#[test]
fn attributes_one_by_one() {
    let with = |attributes: &str| one(&format!("<a href='{FILE}' {attributes}>{FILE}</a>"));
    let digest = "ab".repeat(32);
    let sha256 = Some(Sidecar::Sha256(digest.parse().expect("parses")));
    for (attributes, expected) in [
        (String::new(), None),
        ("data-core-metadata=true".to_owned(), Some(Sidecar::Unhashed)),
        ("data-core-metadata=false".to_owned(), None),
        ("data-core-metadata".to_owned(), None),
        ("data-core-metadata=md5=00".to_owned(), Some(Sidecar::Unhashed)),
        ("data-core-metadata=sha256=00".to_owned(), Some(Sidecar::Unhashed)),
        (format!("data-core-metadata=sha256={digest} data-dist-info-metadata=true"), sha256),
        (format!("data-dist-info-metadata=sha256={digest}"), sha256),
    ] {
        assert_eq!(with(&attributes).core_metadata, expected, "{attributes}");
    }
    assert_eq!(with("data-yanked").yanked.as_deref(), Some(""));
    assert_eq!(with("").yanked, None);
    assert_eq!(with("data-requires-python=''").requires_python, None);
    assert_eq!(with("data-size=-1").size, None);
    assert_eq!(with("data-upload-time=yesterday").upload_time, None);
}

#[test]
fn digests_are_sha256_or_nothing() {
    let with = |fragment: &str| {
        let page = read(&format!("<a href='{FILE}{fragment}'>{FILE}</a>"))?;
        Ok::<_, PageError>(page.files[0].sha256)
    };
    let digest = "ab".repeat(32);
    let sha256 = digest.parse().ok();
    assert_eq!(with(""), Ok(None));
    assert_eq!(with("#md5=00"), Ok(None));
    assert_eq!(with(&format!("#sha256={digest}")), Ok(sha256));
    assert_eq!(with(&format!("#egg=x&sha256={digest}")), Ok(sha256));
    let error = with("#sha256=00").expect_err("fails").to_string();
    assert!(error.contains(FILE) && error.contains("found `00`"), "{error}");
}

#[test]
fn links_resolve_by_the_first_base() {
    let page = |base: &str| one(&format!("{base}<a href='../{FILE}'>{FILE}</a>")).url;
    let ends = |url: Url, start: &str| assert_eq!(url.as_str(), format!("{start}{FILE}"));
    ends(page(""), "https://host.example/whl/cu126/");
    ends(page("<base target=x><base href='/a/b/'><base href='/c/'>"), "https://host.example/a/");
    ends(page("<base href='http://other.example/a/b/'>"), "http://other.example/a/");
    ends(page("<base href='http://['>"), "https://host.example/whl/cu126/");
}

#[test]
fn what_is_no_file_is_passed_over() {
    for (anchor, suspicious) in [
        ("<a href='../'>Parent Directory</a>", false),
        ("<a href='demo-1.0-py3.egg'>demo-1.0-py3.egg</a>", false),
        ("<a href='demo-1.0.exe'>demo-1.0.exe</a>", false),
        ("<a href='mailto:me@host.example'>me</a>", false),
        ("<a href='javascript:x'>demo-1.0-py3-none-any.whl</a>", true),
        ("<a href='demo-1.0-py3-none-any.whl'>demo-1.0-py3-no..&gt;</a>", true),
        ("<a href='download?id=1'>demo-1.0-py3-none-any.whl</a>", true),
        ("<a href='demo-1.0%2fpy3-none-any.whl'>demo-1.0-py3-none-any.whl</a>", true),
        ("<a href='x-1.0-py3-none-any.whl'>demo-1.0-py3-none-any.whl", true),
        ("<a href='demo.WHL'>demo.WHL</a>", true),
    ] {
        let page = read(anchor).expect(anchor);
        assert_eq!((page.files.len(), page.ignored.len()), (0, 1), "{anchor}");
        assert_eq!(page.ignored[0].suspicious, suspicious, "{anchor}");
    }
    assert_eq!(read("<a name=x>demo-1.0-py3-none-any.whl</a>"), Ok(Page::default()));
}

#[test]
fn versions_and_statuses() {
    let meta = |name: &str, content: &str| {
        read(&format!("<meta name='{name}' content='{content}'><a href='{FILE}'>{FILE}</a>"))
    };
    for version in ["1.0", "1.4", "1.99", "1"] {
        assert!(meta("pypi:repository-version", version).is_ok(), "{version}");
    }
    for version in ["2.0", "0.9", "", "one"] {
        let error = meta("pypi:repository-version", version);
        assert_eq!(error, Err(PageError::Version(version.to_owned())));
    }
    for (status, quarantined) in [("quarantined", true), ("archived", false), ("", false)] {
        let page = meta("pypi:project-status", status).expect("reads");
        assert_eq!(page.quarantined, quarantined, "{status}");
    }
}

#[test]
fn names_of_projects() {
    let text = "<a href='/x/'>Foo.Bar</a><a href=../>../</a><a href=b/>b/</a><a href=''> </a>";
    assert_eq!(projects(text.as_bytes()), Ok(vec!["Foo.Bar".into(), "b".into(), String::new()]));
}

#[test]
fn what_is_too_much() {
    let links = |count| "<a href=x>x</a>".repeat(count);
    assert!(projects(links(MAX_PROJECTS).as_bytes()).is_ok());
    assert_eq!(projects(links(MAX_PROJECTS + 1).as_bytes()), Err(PageError::TooMany(MAX_PROJECTS)));
    let attributes: String = (0..20_000).map(|number| format!(" a{number}")).collect();
    let few: String = (0..=MAX_ATTRIBUTES).map(|number| format!(" a{number}")).collect();
    for text in [
        format!("<a{attributes}>"),
        format!("<a{few}>"),
        format!("</a{few}>"),
        format!("<!-- {} -->", "x".repeat(3 * CHUNK)),
        format!("<a href='{}'>", "é".repeat(3 * CHUNK)),
    ] {
        assert!(matches!(read(&text), Err(PageError::Invalid(_))));
    }
    assert!(read(&"é".repeat(3 * CHUNK)).is_ok(), "text may be as long as it is");
}

proptest! {
    #[test]
    fn never_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        markup in "(<a href=|<base href=|<meta name=|<script>|</|>|'|\"|#sha256=|&#|&amp|%|//|\\?|x|é| |=|!--|]]|data-yanked){0,40}",
    ) {
        for text in [&*bytes, markup.as_bytes()] {
            let _ = read(&String::from_utf8_lossy(text));
            let _ = projects(text);
        }
    }

    #[test]
    fn filenames_are_verbatim(stem in "[a-zA-Z0-9_.+ ()\\[\\]-]{1,20}") {
        let name = format!("x{stem}.whl");
        let href: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let href = href.replace('+', "%20");
        let page = read(&format!("<a href='{href}'>{name}</a>")).expect("reads");
        prop_assert_eq!(&*page.files[0].filename, &*name);
    }
}
