//! Digests of all that pages are made from: what has not changed need not be made again.

use crate::config::{Settings, Status};
use crate::facts::{Depth, FACTS_VERSION, Sidecar};
use crate::index::{Channel, Channels, FileUrl, IndexFile, Project};
use crate::state::generator;
use crate::wheel::Sha256;

/// Hashes values so that no two sequences of them look the same.
#[derive(Default)]
struct Fingerprint(sha2::Sha256);

impl Fingerprint {
    fn bytes(&mut self, bytes: &[u8]) {
        use sha2::Digest;
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
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

    fn finish(self) -> Sha256 {
        self.0.into()
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
pub(super) fn of_project(project: &Project, channels: &Channels) -> Sha256 {
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
