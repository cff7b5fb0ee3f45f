use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::facts::UploadTime;
use crate::render::samples::{self, Fit};
use crate::verify::Finding;
use crate::wheel::Sha256;

/// The page as serde writes it.
#[derive(Serialize)]
struct Page<'a> {
    files_format: u32,
    name: &'a str,
    files: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    filename: &'a str,
    version: Cow<'a, str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    prerelease: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Sha256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_time: Option<UploadTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    yanked: Option<Yanked<'a>>,
    kind: &'static str,
    #[serde(flatten)]
    fit: Fit<'a>,
    #[serde(skip_serializing_if = "<[Finding]>::is_empty")]
    findings: &'a [Finding],
    #[serde(flatten)]
    needs: &'a Needs,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Yanked<'a> {
    Reason(&'a str),
    Flag(bool),
}

fn by_serde(project: &Project, needs: &[Needs], listed: &Listed<'_>) -> String {
    let entry = |((file, needs), url)| entry(file, needs, url);
    let page = Page {
        files_format: 1,
        name: project.name.as_str(),
        files: project.offered().iter().zip(needs).zip(listed.urls()).map(entry).collect(),
    };
    serde_json::to_string(&page).expect("is JSON") + "\n"
}

fn entry<'a>(file: &'a IndexFile, needs: &'a Needs, url: &str) -> Entry<'a> {
    Entry {
        filename: file.dist().as_str(),
        version: file.dist().version_text(),
        prerelease: file.dist().version().any_prerelease(),
        url: url.to_owned(),
        sha256: file.sha256(),
        size: file.size(),
        upload_time: file.upload_time,
        yanked: file.yanked.as_deref().map(|reason| match reason {
            "" => Yanked::Flag(true),
            reason => Yanked::Reason(reason),
        }),
        kind: if file.dist().wheel().is_some() { "wheel" } else { "sdist" },
        fit: Fit::of(file),
        findings: &file.findings,
        needs,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]
    #[test]
    fn it_is_what_serde_would_write(numbers in prop::collection::vec(any::<u32>(), 10)) {
        let settings = samples::settings("title: x\n");
        let files_url = "https://x.example/a%20b/".parse().expect("is a URL");
        let (project, needs) = samples::project(&settings, &numbers);
        for files_url in [None, Some(&files_url)] {
            let listed = Listed::of(&project, files_url);
            let written = super::project(&project, &needs, &listed).expect("is written");
            let written = String::from_utf8(written).expect("is UTF-8");
            prop_assert_eq!(written, by_serde(&project, &needs, &listed));
        }
    }
}
