//! The simple repository API in JSON, version 1.4.
//!
//! Source: [simple repository API](https://packaging.python.org/en/latest/specifications/simple-repository-api/#json-serialization)
//! (PEP 691, 700, 714, 792). A key without a value is left out: uv refuses nulls.

use super::display_name;
use super::listed::{Listed, ListedFile};
use crate::config::Status;
use crate::index::{Index, Project, View};
use crate::markup::{push_json, push_number};

/// `simple/index.v1_json`: every project.
pub fn root(index: &Index, view: View<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(100 + index.projects.len() * 30);
    out.extend_from_slice(b"{\"meta\":{\"api-version\":\"1.4\"},\"projects\":[");
    let projects = index.projects.iter().filter(|project| view.has(project));
    for (position, project) in projects.enumerate() {
        separate(&mut out, position);
        out.extend_from_slice(b"{\"name\":");
        push_json(&mut out, display_name(project));
        out.push(b'}');
    }
    out.extend_from_slice(b"]}\n");
    out
}

/// `simple/<name>/index.v1_json`: every file of a project.
pub fn project(project: &Project, listed: &Listed<'_>, view: View<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(300 + project.files.len() * 450);
    // Sizes are mandatory from 1.1; where one is unknown the page is a 1.0.
    let sized = listed.files(view).all(|listed| listed.file.size().is_some());
    out.extend_from_slice(b"{\"meta\":{\"api-version\":\"");
    out.extend_from_slice(if sized { b"1.4" } else { b"1.0" });
    out.extend_from_slice(b"\"},\"name\":");
    push_json(&mut out, project.name.as_str());
    status(&mut out, project);
    out.extend_from_slice(b",\"versions\":[");
    let mut last = None;
    for ListedFile { file, .. } in listed.files(view) {
        let version = file.dist().version_text();
        if last.as_ref() != Some(&version) {
            separate(&mut out, usize::from(last.is_some()));
            push_json(&mut out, &version);
            last = Some(version);
        }
    }
    out.extend_from_slice(b"],\"files\":[");
    for (position, file) in listed.files(view).enumerate() {
        separate(&mut out, position);
        entry(&mut out, listed, file, view);
    }
    out.extend_from_slice(b"]}\n");
    out
}

fn status(out: &mut Vec<u8>, project: &Project) {
    let settings = &project.settings;
    if settings.status == Status::Active && settings.status_reason.is_none() {
        return;
    }
    out.extend_from_slice(b",\"project-status\":{\"status\":");
    push_json(out, settings.status.as_str());
    if let Some(reason) = &settings.status_reason {
        out.extend_from_slice(b",\"reason\":");
        push_json(out, reason);
    }
    out.push(b'}');
}

fn entry(out: &mut Vec<u8>, listed: &Listed<'_>, spelled: &ListedFile<'_>, view: View<'_>) {
    let file = spelled.file;
    // It holds nothing that JSON escapes.
    out.extend_from_slice(b"{\"filename\":\"");
    out.extend_from_slice(file.dist().as_str().as_bytes());
    out.extend_from_slice(b"\",\"url\":");
    listed.push_url_json(spelled, view, out);
    match &spelled.sha256 {
        None => out.extend_from_slice(b",\"hashes\":{}"),
        Some(sha256) => {
            out.extend_from_slice(b",\"hashes\":{\"sha256\":\"");
            out.extend_from_slice(sha256.as_str().as_bytes());
            out.extend_from_slice(b"\"}");
        }
    }
    if let Some(requires_python) = file.requires_python() {
        out.extend_from_slice(b",\"requires-python\":");
        push_json(out, requires_python);
    }
    match (&file.core_metadata(), &spelled.sidecar) {
        (None, _) => {}
        (Some(_), None) => out.extend_from_slice(b",\"core-metadata\":true"),
        (Some(_), Some(sha256)) => {
            out.extend_from_slice(b",\"core-metadata\":{\"sha256\":\"");
            out.extend_from_slice(sha256.as_str().as_bytes());
            out.extend_from_slice(b"\"}");
        }
    }
    if let Some(reason) = file.yanked.as_deref() {
        out.extend_from_slice(b",\"yanked\":");
        // The standard has no empty reason.
        if reason.is_empty() { out.extend_from_slice(b"true") } else { push_json(out, reason) }
    }
    if let Some(upload_time) = &spelled.upload_time {
        out.extend_from_slice(b",\"upload-time\":\"");
        out.extend_from_slice(upload_time);
        out.push(b'"');
    }
    if let Some(size) = file.size() {
        out.extend_from_slice(b",\"size\":");
        push_number(out, size);
    }
    out.push(b'}');
}

fn separate(out: &mut Vec<u8>, position: usize) {
    if position > 0 {
        out.push(b',');
    }
}
