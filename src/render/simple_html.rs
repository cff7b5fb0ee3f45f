//! The simple repository API in HTML, version 1.4, for ever (PEP 833).
//!
//! Source: [simple repository API](https://packaging.python.org/en/latest/specifications/simple-repository-api/)
//! (PEP 503, 592, 629, 658, 714, 792). `data-upload-time` and `data-size` are not in it; uv reads them.

use super::display_name;
use super::listed::{Listed, ListedFile};
use crate::config::Status;
use crate::index::{Index, Project, View};
use crate::markup::{push_html, push_number};

/// `simple/index.html`: a link for each project.
pub fn root(index: &Index, view: View<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(200 + index.projects.len() * 60);
    head(&mut out, "Simple index", &[]);
    for project in index.projects.iter().filter(|project| view.has(project)) {
        out.extend_from_slice(b"<a href=\"");
        push_html(&mut out, project.name.as_str());
        out.extend_from_slice(b"/\">");
        push_html(&mut out, display_name(project));
        out.extend_from_slice(b"</a><br>\n");
    }
    foot(&mut out);
    out
}

/// `simple/<name>/index.html`: a link for each file.
pub fn project(project: &Project, listed: &Listed<'_>, view: View<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(400 + project.files.len() * 500);
    let settings = &project.settings;
    let has_status = settings.status != Status::Active || settings.status_reason.is_some();
    let status = has_status.then_some(("pypi:project-status", project.settings.status.as_str()));
    let reason = project.settings.status_reason.as_deref();
    let reason = reason.map(|reason| ("pypi:project-status-reason", reason));
    let metas: Vec<(&str, &str)> = status.into_iter().chain(reason).collect();
    head(&mut out, &format!("Links for {}", project.name), &metas);
    for file in listed.files(view) {
        anchor(&mut out, listed, file, view);
    }
    foot(&mut out);
    out
}

fn anchor(out: &mut Vec<u8>, listed: &Listed<'_>, spelled: &ListedFile<'_>, view: View<'_>) {
    let file = spelled.file;
    out.extend_from_slice(b"<a href=\"");
    listed.push_url_html(spelled, view, out);
    if let Some(sha256) = &spelled.sha256 {
        out.extend_from_slice(b"#sha256=");
        out.extend_from_slice(sha256.as_str().as_bytes());
    }
    out.push(b'"');
    if let Some(requires_python) = file.requires_python() {
        attribute(out, "data-requires-python", requires_python);
    }
    if file.core_metadata().is_some() {
        // Clients older than PEP 714 know the second name only.
        for name in [&b" data-core-metadata=\""[..], b" data-dist-info-metadata=\""] {
            out.extend_from_slice(name);
            match &spelled.sidecar {
                None => out.extend_from_slice(b"true"),
                Some(sha256) => {
                    out.extend_from_slice(b"sha256=");
                    out.extend_from_slice(sha256.as_str().as_bytes());
                }
            }
            out.push(b'"');
        }
    }
    if let Some(reason) = &file.yanked {
        attribute(out, "data-yanked", reason);
    }
    if let Some(upload_time) = &spelled.upload_time {
        out.extend_from_slice(b" data-upload-time=\"");
        out.extend_from_slice(upload_time);
        out.push(b'"');
    }
    if let Some(size) = file.size() {
        out.extend_from_slice(b" data-size=\"");
        push_number(out, size);
        out.push(b'"');
    }
    out.push(b'>');
    // It holds nothing that HTML escapes.
    out.extend_from_slice(file.dist().as_str().as_bytes());
    out.extend_from_slice(b"</a><br>\n");
}

fn attribute(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"=\"");
    push_html(out, value);
    out.push(b'"');
}

fn head(out: &mut Vec<u8>, title: &str, metas: &[(&str, &str)]) {
    out.extend_from_slice(
        b"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
    );
    for (name, content) in [("pypi:repository-version", "1.4")].iter().chain(metas) {
        out.extend_from_slice(b"<meta");
        attribute(out, "name", name);
        attribute(out, "content", content);
        out.extend_from_slice(b">\n");
    }
    out.extend_from_slice(b"<title>");
    push_html(out, title);
    out.extend_from_slice(b"</title>\n</head>\n<body>\n<h1>");
    push_html(out, title);
    out.extend_from_slice(b"</h1>\n");
}

fn foot(out: &mut Vec<u8>) {
    out.extend_from_slice(b"</body>\n</html>\n");
}
