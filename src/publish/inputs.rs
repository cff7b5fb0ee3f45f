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
    fn bytes(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= WAITING {
            self.hasher.update(&self.waiting);
            self.waiting.clear();
        }
    }

    fn text(&mut self, text: Option<&str>) {
        match text {
            None => self.bytes(&[0]),
            Some(text) => {
                self.bytes(&[1]);
                self.bytes(text.as_bytes());
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
    fingerprint.bytes(theme.as_bytes());
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
    let inputs = *project.inputs.get_or_init(|| of_changed(project, channels));
    debug_assert_eq!(inputs, of_changed(project, channels), "whoever changes a project says so");
    inputs
}

fn of_changed(project: &Project, channels: &Channels) -> Sha256 {
    let mut fingerprint = Fingerprint::default();
    fingerprint.bytes(&FACTS_VERSION.to_le_bytes());
    for view in channels.views().filter(|view| view.has(project)) {
        fingerprint.text(Some(&view.prefix()));
    }
    let settings = &project.settings;
    fingerprint.text(settings.description.as_deref());
    fingerprint.text((settings.status != Status::Active).then(|| settings.status.as_str()));
    fingerprint.text(settings.status_reason.as_deref());
    for file in &project.files {
        add_file(file, &mut fingerprint);
    }
    fingerprint.finish()
}

fn add_file(file: &IndexFile, fingerprint: &mut Fingerprint) {
    fingerprint.text(Some(file.dist.as_str()));
    match file.sha256 {
        None => fingerprint.bytes(&[]),
        Some(sha256) => fingerprint.bytes(sha256.as_bytes()),
    }
    fingerprint.bytes(&file.size.unwrap_or(u64::MAX).to_le_bytes());
    fingerprint.bytes(&file.offered_time.map_or(i64::MIN, |time| time.seconds()).to_le_bytes());
    fingerprint.bytes(&[match file.facts.as_deref().map(|facts| facts.depth) {
        None => 0,
        Some(Depth::Metadata) => 1,
        Some(Depth::Full) => 2,
    }]);
    fingerprint.text(file.revision.as_deref());
    fingerprint.text(file.channel.as_ref().map(Channel::as_str));
    fingerprint.bytes(&[u8::from(file.in_default)]);
    fingerprint.text(file.requires_python.as_deref());
    fingerprint.text(file.yanked.as_deref());
    for finding in &file.findings {
        fingerprint.text(Some(finding.check));
        fingerprint.text(Some(&finding.message));
    }
    match &file.url {
        FileUrl::Carried => fingerprint.bytes(&[0]),
        FileUrl::FilesUrl => fingerprint.bytes(&[1]),
        FileUrl::Own(url) => fingerprint.text(Some(url)),
    }
    match file.core_metadata {
        None => fingerprint.bytes(&[0]),
        Some(Sidecar::Unhashed) => fingerprint.bytes(&[1]),
        Some(Sidecar::Sha256(sha256)) => fingerprint.bytes(sha256.as_bytes()),
    }
}
