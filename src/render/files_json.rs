//! `packages/<name>/files.json`: the facts of each file, for the finder and for tools.
//!
//! Beside the simple JSON, which holds what the standard names and no more.

use serde::Serialize;
use serde_json::{Map, Value};

use super::Links;
use crate::cuda::{LocalTag, TorchVersion, glibc_floor, machines};
use crate::facts::{Depth, Facts, UploadTime};
use crate::index::{Channel, IndexFile, Project, torch_of};
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
    version: String,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    requires_python: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a Channel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    torch: Option<TorchVersion>,
    /// Tags as in the filename: `py2.py3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    python: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    abi: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    platforms: Vec<&'a str>,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<Depth>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

/// As in the simple JSON: a reason, or `true` where none is given.
#[derive(Serialize)]
#[serde(untagged)]
enum Yanked<'a> {
    Reason(&'a str),
    Flag(bool),
}

/// Every file that the index offers of a project.
pub fn project(project: &Project, links: Links<'_>) -> serde_json::Result<Vec<u8>> {
    let page = Page {
        files_format: FILES_FORMAT,
        name: project.name.as_str(),
        files: project.offered().iter().map(|file| entry(project, file, links)).collect(),
    };
    let mut bytes = serde_json::to_vec(&page)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn entry<'a>(project: &Project, file: &'a IndexFile, links: Links<'_>) -> Entry<'a> {
    let wheel = file.dist.wheel();
    let tag = LocalTag::of(file.dist.version());
    Entry {
        filename: file.dist.as_str(),
        version: file.dist.version().to_string(),
        url: links.url(&project.name, file),
        sha256: file.sha256,
        size: file.size,
        upload_time: file.upload_time,
        yanked: file.yanked.as_deref().map(|reason| match reason {
            "" => Yanked::Flag(true),
            reason => Yanked::Reason(reason),
        }),
        requires_python: file.requires_python.as_deref(),
        channel: file.channel.as_ref(),
        torch: torch_of(file.dist.version()),
        python: wheel.map(|wheel| wheel.python()),
        abi: wheel.map(|wheel| wheel.abi()),
        platforms: wheel.map(|wheel| wheel.platform().split('.').collect()).unwrap_or_default(),
        kind: if wheel.is_some() { "wheel" } else { "sdist" },
        depth: file.facts.as_deref().map(|facts| facts.depth),
        more: file.facts.as_deref().map(|facts| of_facts(facts, &tag)).unwrap_or_default(),
    }
}

/// What the bytes of a file say beyond that, as further keys of its entry.
///
/// What is added here must be in the digest of the project's inputs, or grow with `FACTS_VERSION`.
fn of_facts(facts: &Facts, tag: &LocalTag) -> Map<String, Value> {
    let mut more = Map::new();
    let Some(wheel) = facts.wheel() else { return more };
    let binaries = wheel.binaries();
    let mut add = |key: &str, value: serde_json::Result<Value>| {
        // All of these are maps, lists and texts, which always have a JSON form.
        if let Ok(value) = value
            && !value.is_null()
        {
            more.insert(key.to_owned(), value);
        }
    };
    add("cuda", serde_json::to_value(wheel.cuda(tag)));
    add("torch_use", serde_json::to_value(wheel.torch(tag)));
    add("glibc", serde_json::to_value(glibc_floor(&binaries)));
    if !binaries.is_empty() {
        add("machines", serde_json::to_value(machines(&binaries)));
    }
    more
}
