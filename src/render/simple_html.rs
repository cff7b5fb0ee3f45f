//! The simple repository API in HTML, version 1.4, for ever (PEP 833).
//!
//! Source: [simple repository API](https://packaging.python.org/en/latest/specifications/simple-repository-api/)
//! (PEP 503, 592, 629, 658, 714, 792). `data-upload-time` and `data-size` are not in it; uv reads them.

use super::markup::{push_html, push_html_bytes, push_number};
use super::{Links, display_name};
use crate::config::Status;
use crate::facts::Sidecar;
use crate::index::{Index, IndexFile, Project, View};

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
pub fn project(project: &Project, files: &[&IndexFile], links: Links<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(400 + files.len() * 500);
    let settings = &project.settings;
    let has_status = settings.status != Status::Active || settings.status_reason.is_some();
    let status = has_status.then_some(("pypi:project-status", project.settings.status.as_str()));
    let reason = project.settings.status_reason.as_deref();
    let reason = reason.map(|reason| ("pypi:project-status-reason", reason));
    let metas: Vec<(&str, &str)> = status.into_iter().chain(reason).collect();
    head(&mut out, &format!("Links for {}", project.name), &metas);
    let mut url = Vec::new();
    for file in files {
        url.clear();
        links.push_url(&project.name, file, &mut url);
        anchor(&mut out, file, &url);
    }
    foot(&mut out);
    out
}

fn anchor(out: &mut Vec<u8>, file: &IndexFile, url: &[u8]) {
    out.extend_from_slice(b"<a href=\"");
    push_html_bytes(out, url);
    if let Some(sha256) = file.sha256 {
        out.extend_from_slice(b"#sha256=");
        sha256.push_hex(out);
    }
    out.push(b'"');
    if let Some(requires_python) = &file.requires_python {
        attribute(out, "data-requires-python", requires_python);
    }
    if let Some(sidecar) = file.core_metadata {
        // Clients older than PEP 714 know the second name only.
        for name in ["data-core-metadata", "data-dist-info-metadata"] {
            match sidecar {
                Sidecar::Unhashed => attribute(out, name, "true"),
                Sidecar::Sha256(sha256) => {
                    out.push(b' ');
                    out.extend_from_slice(name.as_bytes());
                    out.extend_from_slice(b"=\"sha256=");
                    sha256.push_hex(out);
                    out.push(b'"');
                }
            }
        }
    }
    if let Some(reason) = &file.yanked {
        attribute(out, "data-yanked", reason);
    }
    if let Some(upload_time) = file.upload_time {
        out.extend_from_slice(b" data-upload-time=\"");
        upload_time.push(out);
        out.push(b'"');
    }
    if let Some(size) = file.size {
        out.extend_from_slice(b" data-size=\"");
        push_number(out, size);
        out.push(b'"');
    }
    out.push(b'>');
    push_html(out, file.dist.as_str());
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
