//! The rows of files on the page of a project, as the default theme has them.
//!
//! They are nearly all that pages for people consist of, and a template that writes them costs
//! several times what all other pages of an index cost together. So they are written here, and
//! a theme that wants other ones loops over the files itself.

use std::fmt::Write;

use tera::Value;

use crate::facts::Depth;
use crate::index::{Channel, IndexFile};
use crate::render::Links;
use crate::render::markup::push_html_text as push_html;
use crate::render::needs::Needs;
use crate::wheel::{ProjectName, WheelFilename};

use super::human_size;

/// Bytes of a row, near enough.
const ROW: usize = 1_000;
/// Bytes of a date, `2026-01-28`, at the beginning of a time.
const DATE: usize = 10;

/// What a row tells beside what the file itself says.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    pub(super) needs: &'a Needs,
    /// The torch that the version names.
    pub(super) torch: Option<&'a str>,
    /// Whether the whole release is yanked, and says so itself.
    pub(super) is_release_yanked: bool,
}

/// Writes rows; what it needs for one it has for all.
pub(super) struct Rows<'a> {
    links: Links<'a>,
    project: &'a ProjectName,
    out: String,
    /// Of the file whose row is written, as HTML has it.
    filename: String,
    url: Vec<u8>,
    time: Vec<u8>,
}

impl<'a> Rows<'a> {
    /// For so many files of a project at most.
    pub(super) fn new(links: Links<'a>, project: &'a ProjectName, files: usize) -> Self {
        Self {
            links,
            project,
            out: String::with_capacity(files * ROW),
            filename: String::new(),
            url: Vec::new(),
            time: Vec::new(),
        }
    }

    /// Appends the row of a file.
    pub(super) fn push(&mut self, file: &IndexFile, beside: Beside<'_>) {
        self.url.clear();
        self.links.push_url(self.project, file, &mut self.url);
        self.filename.clear();
        push_html(&mut self.filename, file.dist().as_str());
        let (out, filename) = (&mut self.out, &self.filename);
        // It is made of texts, so that nothing is ever lost here.
        let url = str::from_utf8(&self.url).unwrap_or_default();

        push(out, "<tr id=\"", filename);
        out.push('"');
        if file.yanked.is_some() {
            out.push_str(" class=\"yanked\"");
        }
        out.push_str(">\n<td class=\"file\"><a href=\"");
        push_html(out, url);
        push(out, "\">", filename);
        out.push_str("</a>\n<ul class=\"chips\">");
        if let Some(channel) = &file.channel {
            push_channel(out, self.links.root, channel);
        }
        match file.dist().wheel() {
            Some(wheel) => push_chips(out, file, wheel, beside),
            None => out.push_str("<li class=\"chip\">source</li>"),
        }
        out.push_str("</ul>\n");
        push_remarks(out, file, beside.is_release_yanked);

        out.push_str("</td>\n<td data-label=\"Size, date\">");
        if let Some(size) = file.size() {
            push(out, "<span class=\"size\">", &human_size(size));
            out.push_str("</span> ");
        }
        if let Some(time) = file.upload_time {
            self.time.clear();
            time.push(&mut self.time);
            let date = self.time.get(..DATE).and_then(|date| str::from_utf8(date).ok());
            push(out, "<time>", date.unwrap_or_default());
            out.push_str("</time>");
        }
        out.push_str("</td>\n<td data-label=\"SHA-256\">");
        if let Some(sha256) = file.sha256() {
            out.push_str("<code class=\"hash\" data-copy=\"SHA-256\">");
            let _ = write!(out, "{sha256}");
            out.push_str("</code>");
        }
        if file.core_metadata().is_some() {
            out.push_str(" <a class=\"metadata\" href=\"");
            push_html(out, url);
            push(out, ".metadata\" aria-label=\"metadata of ", filename);
            out.push_str("\">metadata</a>");
        }
        out.push_str("</td>\n</tr>\n");
    }

    /// The rows that were appended since the last time; templates do not escape them.
    pub(super) fn take(&mut self) -> Value {
        let rows = Value::safe_string(&self.out);
        self.out.clear();
        rows
    }
}

fn push(out: &mut String, before: &str, text: &str) {
    out.push_str(before);
    out.push_str(text);
}

fn push_text(out: &mut String, before: &str, text: &str) {
    out.push_str(before);
    push_html(out, text);
}

fn push_channel(out: &mut String, root: &str, channel: &Channel) {
    push_text(out, "<li><a class=\"chip channel\" href=\"", root);
    push_html(out, channel.as_str());
    push_text(out, "/\">", channel.as_str());
    out.push_str("</a></li>");
}

/// What a wheel is for, in a few words each.
fn push_chips(out: &mut String, file: &IndexFile, wheel: &WheelFilename, beside: Beside<'_>) {
    const END: &str = "</li>";
    const NEWER: &str = " or newer</li>";
    let chip = |out: &mut String, text: &str| {
        push_text(out, "<li class=\"chip\">", text);
        out.push_str(END);
    };
    let labelled = |out: &mut String, label: &str, text: &str, end: &str| {
        push(out, "<li class=\"chip\"><b>", label);
        push_text(out, "</b> ", text);
        out.push_str(end);
    };
    let (python, abi) = (wheel.python(), wheel.abi());
    chip(out, python);
    if abi != "none" && abi != python {
        chip(out, abi);
    }
    for platform in wheel.platform().split('.') {
        chip(out, platform);
    }
    if let Some(requires_python) = told(file.requires_python()) {
        labelled(out, "Python", requires_python, END);
    }
    let Needs { cuda, torch_use, glibc, .. } = beside.needs;
    if let Some(cuda) = cuda {
        if let Some(toolkit) = cuda.toolkit {
            labelled(out, "CUDA", &toolkit.to_string(), END);
        }
        if let Some(driver) = told(cuda.driver) {
            labelled(out, "driver", driver, NEWER);
        }
        if !cuda.architectures.is_empty() {
            let names: Vec<String> = cuda.architectures.iter().map(ToString::to_string).collect();
            labelled(out, "GPU code", &names.join(" "), END);
        }
    } else if file.channel.is_some() && depth_of(file) != Some(Depth::Full) {
        out.push_str("<li class=\"chip unknown\"><b>GPU code</b> not read</li>");
    }
    if beside.torch.is_some() || torch_use.is_some() {
        let required = torch_use.as_ref().and_then(|used| told(used.requires.as_deref()));
        labelled(out, "torch", beside.torch.or(required).unwrap_or("any"), END);
    }
    if let Some(glibc) = told(glibc.as_deref()) {
        labelled(out, "glibc", glibc, NEWER);
    }
}

/// What there is to say about a file that is listed all the same.
fn push_remarks(out: &mut String, file: &IndexFile, is_release_yanked: bool) {
    if let Some(reason) = file.yanked.as_deref().filter(|_| !is_release_yanked) {
        out.push_str("<p class=\"yank-note\"><span class=\"badge yank\">yanked</span>");
        if let Some(reason) = told(Some(reason)) {
            push_text(out, " ", reason);
        }
        out.push_str("</p>");
    }
    for finding in &file.findings {
        out.push_str("<p class=\"finding\"><span class=\"badge warning\">warning</span> ");
        push_text(out, "<code>", finding.check);
        push_text(out, "</code> ", &finding.message);
        out.push_str("</p>");
    }
}

/// A text that says something.
fn told(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// How far a file was read.
fn depth_of(file: &IndexFile) -> Option<Depth> {
    file.facts.as_deref().map(|facts| facts.depth)
}

#[cfg(test)]
mod tests;
