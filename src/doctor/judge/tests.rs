//! What no server on this machine can show: TLS, and pages that are too large.

use reqwest::header::HeaderMap;

use super::*;
use crate::doctor::observe::{Seen, View};
use crate::doctor::probe::Asker;
use crate::doctor::report::Findings;
use crate::doctor::server::Server;
use crate::source::simple_index::{Form, RootSurvey, Survey, survey_page};
use crate::wheel::Sha256;

fn url(text: &str) -> Url {
    text.parse().expect("is a URL")
}

/// A page that came by some redirects.
fn view<T>(asker: Asker, way: &[&str], content_type: &str, page: T) -> View<T> {
    let (end, redirected) = way.split_last().expect("ends somewhere");
    let redirected: Vec<Url> = redirected.iter().map(|it| url(it)).collect();
    let mut headers = HeaderMap::new();
    headers.insert("content-type", content_type.parse().expect("is a value"));
    let seen = Seen {
        status: 200,
        headers,
        url: url(end),
        is_cut: false,
        is_glance: false,
        length: 0,
        digests: [Sha256::of(b""); 2],
        written: None,
        read: Some(Ok(page)),
        redirected,
    };
    View { asker, asked: url(way[0]), outcome: Ok(seen) }
}

fn root_page(form: Form) -> RootSurvey {
    RootSurvey { form, version: None, projects: Vec::new(), is_cut: false }
}

fn checks(findings: &Findings) -> Vec<&str> {
    findings.found.iter().map(|symptom| symptom.finding.check).collect()
}

fn judged(views: &[View<RootSurvey>]) -> Findings {
    let mut findings = Findings::new(Server::Other);
    answers(views, &mut findings);
    findings
}

#[test]
fn a_redirect_that_loses_tls_is_found() {
    let way = ["https://host.example/simple/", "http://host.example/simple/"];
    let findings = judged(&[view(Asker::Pip, &way, "text/html", root_page(Form::Html))]);
    assert_eq!(checks(&findings), ["redirect-insecure"]);
    let way = ["http://host.example/simple/", "https://host.example/simple/"];
    let findings = judged(&[view(Asker::Pip, &way, "text/html", root_page(Form::Html))]);
    assert_eq!(checks(&findings), [""; 0]);
}

#[test]
fn who_prefers_a_form_and_gets_the_other_is_told() {
    let way = ["https://host.example/simple/"];
    let json = "application/vnd.pypi.simple.v1+json";
    let html = || view(Asker::Pip, &way, "text/html", root_page(Form::Html));
    let only = |content_type, form| view(Asker::JsonOnly, &way, content_type, root_page(form));
    assert_eq!(checks(&judged(&[html(), only("text/html", Form::Html)])), ["json-missing"]);
    let findings = judged(&[html(), only(json, Form::Json)]);
    assert_eq!(checks(&findings), ["negotiation-order", "vary-missing"]);
    let browser = view(Asker::Browser, &way, json, root_page(Form::Json));
    assert_eq!(checks(&judged(&[browser])), ["html-missing"]);
}

#[test]
fn links_without_tls_are_found_where_pip_ignores_them() {
    let link = |page: &str, href: &str| {
        let text = format!("<a href=\"{href}#sha256={}\">a-1.tar.gz</a>", "0".repeat(64));
        let page = url(page);
        let survey: Survey = survey_page(Form::Html, text.as_bytes(), &page).expect("reads");
        let mut findings = Findings::new(Server::Other);
        document(&survey, &"a".parse().expect("is a name"), &page, false, &mut findings);
        checks(&findings).join(" ")
    };
    let page = "https://host.example/simple/a/";
    assert_eq!(link(page, "http://files.example/a-1.tar.gz"), "link-insecure");
    assert_eq!(link(page, "//files.example/a-1.tar.gz"), "");
    assert_eq!(link(page, "http://127.0.0.1:80/a-1.tar.gz"), "");
    // Of this index it is said once.
    assert_eq!(link("http://host.example/simple/a/", "/a-1.tar.gz"), "");
    assert_eq!(
        link("http://host.example/simple/a/", "http://x.example/a-1.tar.gz"),
        "link-insecure"
    );
}

#[test]
fn an_index_without_tls_is_found_beyond_this_machine() {
    let missing = |root: &str| {
        let root = url(root);
        let outcome = Err(crate::net::Failure::Status(reqwest::StatusCode::NOT_FOUND));
        let missing = View { asker: Asker::Pip, asked: root.clone(), outcome };
        let paths_seen = Paths { bare_root: None, bare_project: None, respelled: None, missing };
        let mut findings = Findings::new(Server::Other);
        paths(&paths_seen, &root, &mut findings);
        checks(&findings).join(" ")
    };
    assert_eq!(missing("http://host.example/simple/"), "index-insecure");
    for root in ["https://host.example/simple/", "http://localhost/simple/", "http://[::1]/simple/"]
    {
        assert_eq!(missing(root), "", "{root}");
    }
}

#[test]
fn what_caches_are_told() {
    let age = |header: &str| answers::Caching::of(header).max_age;
    assert_eq!(age("public, max-age=60, s-maxage=\"3600\""), Some(3600));
    assert_eq!(age("max-age=60, no-cache"), None);
    assert_eq!(age("Max-Age = 7"), Some(7));
    assert_eq!(age("private, max-age=soon"), None);
    assert!(answers::Caching::of("No-Store").is_never);
}

proptest::proptest! {
    #[test]
    fn what_is_told_of_foreign_pages_is_short_and_harmless(
        text in "(<a (href=|data-yanked=|data-provenance=)\"?[ -~]{0,30}\"?>[^<]{0,20}</a>|\
                <base href=[^>]{0,9}>|[{}\\[\\]\":,a-z]){0,40}",
        bytes: Vec<u8>,
    ) {
        let project = "demo".parse().expect("is a name");
        let page = url("https://host.example/simple/demo/");
        for content_type in ["text/html", "application/vnd.pypi.simple.v1+json", "x"] {
            for bytes in [&bytes[..], text.as_bytes()] {
                let symptoms = crate::doctor::examine_page(content_type, bytes, &page, &project);
                for symptom in symptoms {
                    let message = symptom.finding.message;
                    proptest::prop_assert!(!message.contains(char::is_control), "{message:?}");
                    proptest::prop_assert!(message.len() < 4000);
                }
            }
        }
    }
}

#[test]
fn digests_have_as_many_digits_as_uv_expects() {
    let url: url::Url = "https://host.example/simple/demo/".parse().expect("is a URL");
    let checks = |fragment: &str| {
        let page = format!(
            "<!DOCTYPE html><a href=\"demo-1-py3-none-any.whl#{fragment}\">demo-1-py3-none-any.whl</a>"
        );
        let name = "demo".parse().expect("is a name");
        let symptoms = crate::doctor::examine_page("text/html", page.as_bytes(), &url, &name);
        symptoms.iter().any(|it| it.finding.check == "hash-invalid")
    };
    assert!(!checks(&format!("blake2b={}", "0".repeat(64))));
    assert!(checks(&format!("blake2b={}", "0".repeat(128))));
    assert!(!checks(&format!("sha512={}", "0".repeat(128))));
}
