//! `packages/<name>/files.json`: the facts of each file, for the finder and for tools.
//!
//! Beside the simple JSON, which holds what the standard names and no more.

use std::borrow::Cow;

use serde::Serialize;

use super::Links;
use super::needs::Needs;
use crate::cuda::TorchVersion;
use crate::facts::{Depth, UploadTime};
use crate::index::{Channel, IndexFile, Project, torch_of};
use crate::verify::Finding;
use crate::wheel::Sha256;

/// Grows when the format changes in a way that older readers would misread.
const FILES_FORMAT: u32 = 1;

/// Keys without a value are left out.
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
    /// From the page; none for a file that no URL is known of.
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

/// What decides, beside [`Needs`], whether a file fits a machine.
#[derive(Serialize)]
pub(super) struct Fit<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    requires_python: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a Channel>,
    /// Told where `simple/` does not offer it, because it offers another channel of the release.
    #[serde(skip_serializing_if = "is_true")]
    in_default: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    torch: Option<TorchVersion>,
    /// Tags as in the filename: `py2.py3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    python: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    abi: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    platforms: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<Depth>,
}

impl<'a> Fit<'a> {
    pub(super) fn of(file: &'a IndexFile) -> Self {
        let wheel = file.dist.wheel();
        Self {
            requires_python: file.requires_python.as_deref(),
            channel: file.channel.as_ref(),
            in_default: file.in_default,
            torch: torch_of(file.dist.version()),
            python: wheel.map(|wheel| wheel.python()),
            abi: wheel.map(|wheel| wheel.abi()),
            platforms: wheel.map(|wheel| wheel.platform().split('.').collect()).unwrap_or_default(),
            depth: file.facts.as_deref().map(|facts| facts.depth),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_true(value: &bool) -> bool {
    *value
}

/// As in the simple JSON: a reason, or `true` where none is given.
#[derive(Serialize)]
#[serde(untagged)]
enum Yanked<'a> {
    Reason(&'a str),
    Flag(bool),
}

/// Every file that the index offers of a project; `needs` are theirs, in their order.
pub fn project(
    project: &Project,
    needs: &[Needs],
    links: Links<'_>,
) -> serde_json::Result<Vec<u8>> {
    let files = project.offered().iter().zip(needs);
    let page = Page {
        files_format: FILES_FORMAT,
        name: project.name.as_str(),
        files: files.map(|(file, needs)| entry(project, file, needs, links)).collect(),
    };
    let mut bytes = serde_json::to_vec(&page)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn entry<'a>(
    project: &Project,
    file: &'a IndexFile,
    needs: &'a Needs,
    links: Links<'_>,
) -> Entry<'a> {
    Entry {
        filename: file.dist.as_str(),
        version: file.dist.version_text(),
        prerelease: file.dist.version().any_prerelease(),
        url: links.url(&project.name, file),
        sha256: file.sha256,
        size: file.size,
        upload_time: file.upload_time,
        yanked: file.yanked.as_deref().map(|reason| match reason {
            "" => Yanked::Flag(true),
            reason => Yanked::Reason(reason),
        }),
        kind: if file.dist.wheel().is_some() { "wheel" } else { "sdist" },
        fit: Fit::of(file),
        findings: &file.findings,
        needs,
    }
}
