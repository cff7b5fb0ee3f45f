//! Digests of all that pages are made from: what has not changed need not be made again.

use sha2::Digest;

use crate::config::{Settings, Status};
use crate::facts::{Depth, FACTS_VERSION, Sidecar};
use crate::index::{Channel, Channels, FileUrl, IndexFile, Project};
use crate::state::generator;
use crate::wheel::Sha256;

/// Hashes values so that no two sequences of them look the same.
#[derive(Default)]
struct Fingerprint {
    hasher: sha2::Sha256,
    /// What is not hashed yet: many small values at once cost a tenth of one by one.
    waiting: Vec<u8>,
}

/// Bytes that wait at most, near enough.
const WAITING: usize = 16 * 1024;

impl Fingerprint {
    /// Bytes of which the next ones cannot be a part: always as many, or told how many before.
    fn raw(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= WAITING {
            self.hasher.update(&self.waiting);
            self.waiting.clear();
        }
    }

    fn number(&mut self, number: u64) {
        self.raw(&number.to_le_bytes());
    }

    fn text(&mut self, text: Option<&str>) {
        match text {
            None => self.raw(&[0]),
            Some(text) => {
                self.raw(&[1]);
                self.number(text.len() as u64);
                self.raw(text.as_bytes());
            }
        }
    }

    fn finish(mut self) -> Sha256 {
        self.hasher.update(&self.waiting);
        self.hasher.into()
    }
}

/// Digest of all that decides how pages look, but for the projects.
pub(super) fn of_settings(settings: &Settings, theme: Sha256) -> Sha256 {
    let mut fingerprint = Fingerprint::default();
    fingerprint.text(Some(&generator()));
    fingerprint.raw(theme.as_bytes());
    fingerprint.text(Some(&settings.title));
    fingerprint.text(settings.description.as_deref());
    fingerprint.text(settings.site_url.as_ref().map(url::Url::as_str));
    fingerprint.text(settings.files_url.as_ref().map(url::Url::as_str));
    // Pages that list channels say which is the default.
    fingerprint.text(settings.channels.default.as_ref().map(Channel::as_str));
    let modes = format!("{:?} {:?} {:?}", settings.pages, settings.host, settings.files);
    fingerprint.text(Some(&modes));
    fingerprint.finish()
}

/// Digest of all that a project's pages are made from.
///
/// Upload times that a source does not offer are not in it: they belong to the digest of a file.
/// They are hashed once, until the project changes.
pub(super) fn of_project(project: &Project, channels: &Channels) -> Sha256 {
    let inputs = *project.answers.inputs.get_or_init(|| of_changed(project, channels));
    debug_assert!(
        project.absent > 0 || inputs == of_changed(project, channels),
        "whoever changes a project says so"
    );
    inputs
}

fn of_changed(project: &Project, channels: &Channels) -> Sha256 {
    let mut fingerprint = Fingerprint::default();
    fingerprint.number(FACTS_VERSION.into());
    for view in channels.views().filter(|view| view.has(project)) {
        fingerprint.text(Some(&view.prefix()));
    }
    fingerprint.text(None);
    let settings = &project.settings;
    fingerprint.text(settings.description.as_deref());
    fingerprint.text((settings.status != Status::Active).then(|| settings.status.as_str()));
    fingerprint.text(settings.status_reason.as_deref());
    for file in &project.files {
        add_file(file, &mut fingerprint);
    }
    fingerprint.finish()
}

/// Some bytes at the beginning of what a file adds.
struct Head {
    /// As many as there can be: what is there, three flags, seven lengths, size and time.
    bytes: [u8; 2 + 3 + 7 * 4 + 2 * 8],
    length: usize,
}

impl Head {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

fn add_file(file: &IndexFile, fingerprint: &mut Fingerprint) {
    let (sha256, core_metadata) = (file.sha256(), file.core_metadata());
    let sidecar = match core_metadata {
        Some(Sidecar::Sha256(sha256)) => Some(sha256),
        Some(Sidecar::Unhashed) | None => None,
    };
    let texts = [
        Some(file.dist().as_str()),
        file.revision.as_deref(),
        file.channel.as_ref().map(Channel::as_str),
        file.requires_python(),
        file.yanked.as_deref(),
        match &file.url {
            FileUrl::Own(url) => Some(url),
            FileUrl::Carried | FileUrl::FilesUrl => None,
        },
    ];
    let depth = match file.facts.as_deref().map(|facts| facts.depth) {
        None => 0,
        Some(Depth::Metadata) => 1,
        Some(Depth::Full) => 2,
    };
    let url = match &file.url {
        FileUrl::Carried => 0,
        FileUrl::FilesUrl => 1,
        FileUrl::Own(_) => 2,
    };
    let served = match core_metadata {
        None => 0,
        Some(Sidecar::Unhashed) => 1,
        Some(Sidecar::Sha256(_)) => 2,
    };
    let (size, time) = (file.size(), file.offered_time.map(|time| time.seconds().unsigned_abs()));
    let there = [sha256.is_some(), file.in_default, size.is_some(), time.is_some()];
    let there = texts.iter().map(Option::is_some).chain(there);
    let there = there.enumerate().fold(0_u16, |bits, (at, is)| bits | u16::from(is) << at);
    // In one piece: nothing here is done more often. What it begins with says what follows.
    let mut head = Head { bytes: [0; 2 + 3 + 7 * 4 + 2 * 8], length: 0 };
    head.put(&there.to_le_bytes());
    head.put(&[depth, url, served]);
    // What was read was bounded: no text is as long as that.
    let lengths = texts.into_iter().flatten().map(str::len).chain([file.findings.len()]);
    for length in lengths {
        head.put(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    }
    for number in [size, time].into_iter().flatten() {
        head.put(&number.to_le_bytes());
    }
    fingerprint.raw(head.bytes());
    for sha256 in [sha256, sidecar].into_iter().flatten() {
        fingerprint.raw(sha256.as_bytes());
    }
    for text in texts.into_iter().flatten() {
        fingerprint.raw(text.as_bytes());
    }
    for finding in &file.findings {
        fingerprint.text(Some(finding.check));
        fingerprint.text(Some(&finding.message));
    }
}
