//! The releases of a project and the rows of their files, as the default theme has them.
//!
//! They are nearly all that pages for people consist of, and a template that writes them costs
//! several times what all other pages of an index cost together. So they are written here, and
//! a theme that wants other ones loops over the releases or the files itself.

use std::fmt::Write;

use tera::Value;

use crate::facts::{Depth, UploadTime};
use crate::index::{Channel, IndexFile};
use crate::markup::push_html_text as push_html;
use crate::render::needs::Needs;
use crate::wheel::WheelFilename;

use super::human_size;

/// Bytes of a row, near enough.
const ROW: usize = 700;
/// Bytes of what is around the rows of a release, near enough.
const AROUND: usize = 500;
/// What is between the summary of a release and its rows.
const TABLE: &str = "<div class=\"table-box\">
<table class=\"files\">
<thead><tr><th scope=\"col\">File</th><th scope=\"col\">Size, date</th><th scope=\"col\">SHA-256</th></tr></thead>
<tbody>
";
const TABLE_END: &str = "</tbody>\n</table>\n</div>\n</details>\n";

/// What a row tells beside what the file itself says.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    pub(super) needs: &'a Needs,
    pub(super) url: &'a str,
    /// The torch that the version names.
    pub(super) torch: Option<&'a str>,
    /// Whether the whole release is yanked, and says so itself.
    pub(super) is_release_yanked: bool,
}

/// What stands above the rows of a release.
pub(super) struct Head<'a> {
    pub(super) version: &'a str,
    pub(super) is_latest: bool,
    pub(super) is_prerelease: bool,
    /// Why all of its files are yanked, where they are; the reason may be empty.
    pub(super) yanked: Option<&'a str>,
    pub(super) file_count: usize,
    /// Day of the newest upload.
    pub(super) date: Option<&'a str>,
}

/// Writes releases and rows; what it needs for one it has for all.
pub(super) struct Rows<'a> {
    /// From the page to the root of the site.
    root: &'a str,
    out: String,
    /// The time that was written last, and its day.
    date: Option<(UploadTime, String)>,
}

impl<'a> Rows<'a> {
    /// For so many files of a project, near enough.
    pub(super) fn new(root: &'a str, files: usize) -> Self {
        Self { root, out: String::with_capacity(files * (ROW + AROUND / 4)), date: None }
    }

    /// Begins a release, whose rows follow.
    pub(super) fn open(&mut self, head: &Head<'_>) {
        let out = &mut self.out;
        push_text(out, "<details id=\"release-", head.version);
        out.push_str(if head.is_latest { "\" open>\n" } else { "\">\n" });
        out.push_str("<summary>\n<span class=\"ver");
        push_text(out, if head.yanked.is_some() { " yanked\">" } else { "\">" }, head.version);
        out.push_str("</span>\n");
        for (is_so, badge) in [
            (head.is_latest, "<span class=\"badge latest\">latest</span>\n"),
            (head.is_prerelease, "<span class=\"badge\">pre-release</span>\n"),
            (head.yanked.is_some(), "<span class=\"badge yank\">yanked</span>\n"),
        ] {
            if is_so {
                out.push_str(badge);
            }
        }
        out.push_str("<span class=\"meta\"><span>");
        // Writing to memory cannot fail.
        let _ = match head.file_count {
            1 => out.write_str("1 file"),
            count => write!(out, "{count} files"),
        };
        out.push_str("</span>");
        if let Some(date) = head.date {
            push(out, " <time datetime=\"", date);
            push(out, "\">", date);
            out.push_str("</time>");
        }
        out.push_str("</span>\n</summary>\n");
        if let Some(reason) = head.yanked {
            out.push_str("<p class=\"yank-reason\"><strong>This release was yanked.</strong> ");
            push_html(out, told(Some(reason)).unwrap_or("No reason was given."));
            out.push_str("</p>\n");
        }
        out.push_str(TABLE);
    }

    /// Ends a release.
    pub(super) fn close(&mut self) {
        self.out.push_str(TABLE_END);
    }

    /// How many bytes were written.
    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// What was written behind so many bytes; templates do not escape it.
    pub(super) fn behind(&self, start: usize) -> Value {
        Value::safe_string(self.out.get(start..).unwrap_or_default())
    }

    /// Appends the row of a file.
    pub(super) fn push(&mut self, file: &IndexFile, beside: Beside<'_>) {
        // Neither a filename nor a part of it holds what is markup: names, versions and tags do not.
        let (out, filename) = (&mut self.out, file.dist().as_str());
        let Beside { url, .. } = beside;

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
            push_channel(out, self.root, channel);
        }
        match file.dist().wheel() {
            Some(wheel) => push_chips(out, file, wheel, beside),
            None => out.push_str("<li>source</li>"),
        }
        out.push_str("</ul>\n");
        push_remarks(out, file, beside.is_release_yanked);

        out.push_str("</td>\n<td>");
        if let Some(size) = file.size() {
            push(out, "<span class=\"size\">", &human_size(size));
            out.push_str("</span> ");
        }
        if let Some(time) = file.upload_time {
            // Most files of a project were uploaded on few days.
            let known = self.date.take().filter(|(known, _)| known.is_same_day(time));
            let (_, date) = self.date.insert(known.unwrap_or_else(|| (time, time.date())));
            push(out, "<time>", date);
            out.push_str("</time>");
        }
        out.push_str("</td>\n<td>");
        if let Some(sha256) = file.sha256() {
            out.push_str("<code class=\"hash\">");
            sha256.push_hex_text(out);
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
    push_text(out, "<li class=\"channel\"><a href=\"", root);
    push_html(out, channel.as_str());
    push_text(out, "/\">", channel.as_str());
    out.push_str("</a></li>");
}

/// What a wheel is for, in a few words each.
fn push_chips(out: &mut String, file: &IndexFile, wheel: &WheelFilename, beside: Beside<'_>) {
    const END: &str = "</li>";
    const NEWER: &str = " or newer</li>";
    let chip = |out: &mut String, text: &str| {
        push(out, "<li>", text);
        out.push_str(END);
    };
    let labelled = |out: &mut String, label: &str, text: &str, end: &str| {
        push(out, "<li><b>", label);
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
        out.push_str("<li class=\"unknown\"><b>GPU code</b> not read</li>");
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
