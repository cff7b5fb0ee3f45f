//! `packages/<name>/files.json`: the facts of each file, for the finder and for tools.
//!
//! Beside the simple JSON, which holds what the standard names and no more.

use std::io::Write;

use pep440_rs::LocalSegment;
use serde::Serialize;

use super::listed::Listed;
use super::needs::Needs;
use crate::cuda::TorchVersion;
use crate::index::{IndexFile, Project, torch_of};
use crate::markup::{push_digest, push_json, push_number};

/// Grows when the format changes in a way that older readers would misread.
const FILES_FORMAT: u64 = 1;
/// Bytes of an entry, near enough.
const ENTRY: usize = 450;

/// Every file that the index offers of a project; `needs` are theirs, in their order.
///
/// Keys without a value are left out.
pub fn project(
    project: &Project,
    needs: &[Needs],
    listed: &Listed<'_>,
) -> serde_json::Result<Vec<u8>> {
    let files = project.offered();
    let mut out = Vec::with_capacity(100 + files.len() * ENTRY);
    out.extend_from_slice(b"{\"files_format\":");
    push_number(&mut out, FILES_FORMAT);
    out.extend_from_slice(b",\"name\":");
    push_json(&mut out, project.name.as_str());
    out.extend_from_slice(b",\"files\":[");
    let mut torches = Torches::default();
    for (position, ((file, needs), url)) in files.iter().zip(needs).zip(listed.urls()).enumerate() {
        if position > 0 {
            out.push(b',');
        }
        entry(&mut out, file, needs, url, torches.of(file))?;
    }
    out.extend_from_slice(b"]}\n");
    Ok(out)
}

fn entry(
    out: &mut Vec<u8>,
    file: &IndexFile,
    needs: &Needs,
    url: &str,
    torch: Option<TorchVersion>,
) -> serde_json::Result<()> {
    out.extend_from_slice(b"{\"filename\":");
    push_plain(out, file.dist().as_str());
    out.extend_from_slice(b",\"version\":");
    push_plain(out, &file.dist().version_text());
    if file.dist().version().any_prerelease() {
        out.extend_from_slice(b",\"prerelease\":true");
    }
    // From the page; none for a file that no URL is known of.
    if !url.is_empty() {
        out.extend_from_slice(b",\"url\":");
        push_json(out, url);
    }
    if let Some(sha256) = file.sha256() {
        out.extend_from_slice(b",\"sha256\":");
        push_digest(out, &sha256);
    }
    if let Some(size) = file.size() {
        out.extend_from_slice(b",\"size\":");
        push_number(out, size);
    }
    if let Some(upload_time) = file.upload_time {
        out.extend_from_slice(b",\"upload_time\":\"");
        upload_time.push(out);
        out.push(b'"');
    }
    // As in the simple JSON: a reason, or `true` where none is given.
    if let Some(reason) = file.yanked.as_deref() {
        out.extend_from_slice(b",\"yanked\":");
        if reason.is_empty() { out.extend_from_slice(b"true") } else { push_json(out, reason) }
    }
    out.extend_from_slice(match file.dist().wheel() {
        Some(_) => b",\"kind\":\"wheel\"",
        None => b",\"kind\":\"sdist\"".as_slice(),
    });
    push_fit(out, file, torch)?;
    if !file.findings.is_empty() {
        push_value(out, "findings", &file.findings)?;
    }
    push_needs(out, needs)?;
    out.push(b'}');
    Ok(())
}

/// Appends what decides, beside [`Needs`], whether a file fits a machine: members of an object, a
/// comma before each.
pub(super) fn push_fit(
    out: &mut Vec<u8>,
    file: &IndexFile,
    torch: Option<TorchVersion>,
) -> serde_json::Result<()> {
    if let Some(requires_python) = file.requires_python() {
        out.extend_from_slice(b",\"requires_python\":");
        push_json(out, requires_python);
    }
    if let Some(channel) = &file.channel {
        out.extend_from_slice(b",\"channel\":");
        push_json(out, channel.as_str());
    }
    // Told where `simple/` does not offer it, because it offers another channel of the release.
    if !file.in_default {
        out.extend_from_slice(b",\"in_default\":false");
    }
    if let Some(torch) = torch {
        // Writing to memory cannot fail.
        let _ = write!(out, ",\"torch\":\"{torch}\"");
    }
    if let Some(wheel) = file.dist().wheel() {
        // Tags as in the filename: `py2.py3`.
        out.extend_from_slice(b",\"python\":");
        push_plain(out, wheel.python());
        out.extend_from_slice(b",\"abi\":");
        push_plain(out, wheel.abi());
        out.extend_from_slice(b",\"platforms\":");
        for (position, platform) in wheel.platform().split('.').enumerate() {
            out.push(if position == 0 { b'[' } else { b',' });
            push_plain(out, platform);
        }
        out.push(b']');
    }
    match &file.facts {
        Some(facts) => push_value(out, "depth", &facts.depth),
        None => Ok(()),
    }
}

/// Appends a part of a filename, in which nothing is special in JSON.
fn push_plain(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn push_needs(out: &mut Vec<u8>, needs: &Needs) -> serde_json::Result<()> {
    let Needs { cuda, torch_use, glibc, machines } = needs;
    if let Some(cuda) = cuda {
        push_value(out, "cuda", cuda)?;
    }
    if let Some(torch_use) = torch_use {
        push_value(out, "torch_use", torch_use)?;
    }
    if let Some(glibc) = glibc {
        out.extend_from_slice(b",\"glibc\":");
        push_json(out, glibc);
    }
    if !machines.is_empty() {
        push_value(out, "machines", machines)?;
    }
    Ok(())
}

/// Appends a member of an object, with the comma before it.
pub(super) fn push_value(
    out: &mut Vec<u8>,
    key: &str,
    value: &impl Serialize,
) -> serde_json::Result<()> {
    out.push(b',');
    push_json(out, key);
    out.push(b':');
    serde_json::to_writer(out, value)
}

/// The torch that versions name. A project has few local parts and many versions.
#[derive(Default)]
pub(super) struct Torches<'a> {
    known: Vec<(&'a [LocalSegment], Option<TorchVersion>)>,
}

/// Local parts that are remembered.
const LOCALS: usize = 8;

impl<'a> Torches<'a> {
    pub(super) fn of(&mut self, file: &'a IndexFile) -> Option<TorchVersion> {
        let version = file.dist().version();
        let local = version.local();
        // What names a torch has this letter; it is written small.
        if !local
            .iter()
            .any(|part| matches!(part, LocalSegment::String(text) if text.contains('t')))
        {
            return None;
        }
        if let Some((_, torch)) = self.known.iter().find(|(known, _)| *known == local) {
            return *torch;
        }
        let torch = torch_of(version);
        if self.known.len() < LOCALS {
            self.known.push((local, torch));
        }
        torch
    }
}

#[cfg(test)]
mod tests;
