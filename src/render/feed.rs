//! `feed.xml`: the newest files, as an Atom feed (RFC 4287).

use std::borrow::Borrow;
use std::cmp::Ordering;

use url::Url;

use super::gists::Gists;
use super::people::human_size;
use crate::config::Settings;
use crate::facts::UploadTime;
use crate::index::{Index, IndexFile, Project};
use crate::markup::{push_html, push_segment};
use crate::state::generator;
use crate::wheel::{ProjectName, Sha256};

/// Entries of the feed; readers look often enough.
const ENTRIES: usize = 50;
/// Files among which those are looked for.
const KEPT: usize = 20 * ENTRIES;

/// The feed; none where no upload time is known, since each entry must have one.
///
/// Links are relative to the feed where the site does not know its URL.
pub fn feed(index: &Index, gists: &Gists, settings: &Settings) -> Option<Vec<u8>> {
    let newest = newest(index, gists);
    let (_, _, updated) = newest.first()?;
    let site_url = settings.site_url.as_ref();
    let mut out = Vec::with_capacity(1024 * newest.len());
    out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
    out.extend_from_slice(b"<feed xmlns=\"http://www.w3.org/2005/Atom\">\n");
    element(&mut out, "title", &settings.title);
    if let Some(description) = &settings.description {
        element(&mut out, "subtitle", description);
    }
    let identity = site_url.map_or(settings.title.as_str(), Url::as_str);
    element(&mut out, "id", &urn(Sha256::of(format!("feed {identity}").as_bytes())));
    element(&mut out, "updated", &updated.to_string());
    element(&mut out, "generator", &generator());
    out.extend_from_slice(b"<author><name>");
    push_html(&mut out, &clean(&settings.title));
    out.extend_from_slice(b"</name></author>\n");
    link(&mut out, "self", &address(site_url, b"feed.xml"));
    link(&mut out, "alternate", &address(site_url, b"index.html"));
    for (project, file, time) in newest {
        entry(&mut out, site_url, project, file, time);
    }
    out.extend_from_slice(b"</feed>\n");
    Some(out)
}

/// The newest of many files, of which few are kept at a time.
pub(super) struct Newest<T> {
    files: Vec<T>,
    /// What is older than that is not among them.
    oldest: Option<UploadTime>,
}

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self { files: Vec::new(), oldest: None }
    }
}

impl<P, F: Borrow<IndexFile>> Newest<(P, F, UploadTime)> {
    pub(super) fn offer(&mut self, file: (P, F, UploadTime)) {
        if self.oldest.is_some_and(|oldest| file.2 < oldest) {
            return;
        }
        self.files.push(file);
        if self.files.len() == KEPT {
            let (_, last, _) = self.files.select_nth_unstable_by(ENTRIES - 1, in_order);
            self.oldest = Some(last.2);
            self.files.truncate(ENTRIES);
        }
    }
}

/// Newest first; files of one moment by name.
fn in_order<P, F: Borrow<IndexFile>>(
    one: &(P, F, UploadTime),
    other: &(P, F, UploadTime),
) -> Ordering {
    let by_name = || {
        let (one, other): (&IndexFile, &IndexFile) = (one.1.borrow(), other.1.borrow());
        one.dist().as_str().cmp(other.dist().as_str())
    };
    other.2.cmp(&one.2).then_with(by_name)
}

/// In the order of the feed.
fn newest<'i>(
    index: &'i Index,
    gists: &'i Gists,
) -> Vec<(&'i ProjectName, &'i IndexFile, UploadTime)> {
    let of_project =
        |project: &'i Project| project.offered().iter().map(|file| (&project.name, file));
    let here = index.projects.iter().flat_map(of_project);
    let here = here.filter_map(|(name, file)| Some((name, file, file.upload_time?)));
    let gone = gists.newest.files.iter().map(|(name, file, time)| (name, file, *time));
    let mut newest = Newest { files: Vec::with_capacity(KEPT), oldest: nth_newest(index) };
    for file in here.chain(gone) {
        newest.offer(file);
    }
    let mut newest = newest.files;
    newest.sort_unstable_by(in_order);
    newest.truncate(ENTRIES);
    newest
}

/// When the last of so many entries was uploaded, where there are as many.
fn nth_newest(index: &Index) -> Option<UploadTime> {
    let files = index.projects.iter().flat_map(Project::offered);
    let mut times: Vec<UploadTime> = files.filter_map(|file| file.upload_time).collect();
    let last = times.len().checked_sub(ENTRIES)?;
    Some(*times.select_nth_unstable(last).1)
}

fn entry(
    out: &mut Vec<u8>,
    site_url: Option<&Url>,
    project: &ProjectName,
    file: &IndexFile,
    time: UploadTime,
) {
    out.extend_from_slice(b"<entry>\n");
    element(out, "title", file.dist().as_str());
    // The same bytes under the same name are the same entry, wherever they are served.
    let digest = file.sha256().map(|sha256| sha256.to_string()).unwrap_or_default();
    element(out, "id", &urn(Sha256::of(format!("{} {digest}", file.dist().as_str()).as_bytes())));
    element(out, "updated", &time.to_string());
    let mut path = format!("packages/{project}/#").into_bytes();
    push_segment(&mut path, file.dist());
    link(out, "alternate", &address(site_url, &path));
    let mut words = vec![format!("{project} {}", file.dist().version())];
    words.extend(file.size().map(human_size));
    words.extend(file.channel.as_ref().map(ToString::to_string));
    if !digest.is_empty() {
        words.push(format!("sha256 {digest}"));
    }
    element(out, "summary", &words.join(", "));
    out.extend_from_slice(b"</entry>\n");
}

fn address(site_url: Option<&Url>, path: &[u8]) -> String {
    let site_url = site_url.map(Url::as_str).unwrap_or_default();
    format!("{site_url}{}", String::from_utf8_lossy(path))
}

fn element(out: &mut Vec<u8>, name: &str, text: &str) {
    out.extend_from_slice(format!("<{name}>").as_bytes());
    push_html(out, &clean(text));
    out.extend_from_slice(format!("</{name}>\n").as_bytes());
}

/// XML has no place for some characters, escaped or not.
fn clean(text: &str) -> String {
    let has_place = |char: &char| match char {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        char => !char.is_control(),
    };
    text.chars().filter(has_place).collect()
}

fn link(out: &mut Vec<u8>, relation: &str, address: &str) {
    out.extend_from_slice(format!("<link rel=\"{relation}\" href=\"").as_bytes());
    push_html(out, address);
    out.extend_from_slice(b"\"/>\n");
}

/// A UUID of version 8 (RFC 9562): 122 bits of a digest.
fn urn(digest: Sha256) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex::encode(bytes);
    let [first, second, third, fourth, rest] =
        [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]];
    format!("urn:uuid:{first}-{second}-{third}-{fourth}-{rest}")
}
