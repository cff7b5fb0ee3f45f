//! What there is on the stand-in: repositories, their releases, their assets.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::content::{Content, Memory};
use super::faults::{hash, mix};

/// The stand-in's first moment; each change makes it a minute later.
const START: i64 = 1_767_225_600;

#[derive(Clone)]
pub(crate) struct Repository {
    pub(crate) id: u64,
    pub(crate) owner: String,
    pub(crate) name: String,
    /// The token that a private one takes.
    pub(crate) private: Option<String>,
    pub(crate) releases: Vec<Release>,
}

impl Repository {
    /// A public one, by `owner/name`.
    pub(crate) fn new(full_name: &str) -> Self {
        let (owner, name) = full_name.split_once('/').expect("is owner/name");
        let (owner, name) = (owner.to_owned(), name.to_owned());
        Self { id: 0, owner, name, private: None, releases: Vec::new() }
    }

    /// Only this token sees it.
    pub(crate) fn private(mut self, token: &str) -> Self {
        self.private = Some(token.to_owned());
        self
    }

    pub(crate) fn release(mut self, release: Release) -> Self {
        self.releases.push(release);
        self
    }

    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// Its releases, newest first.
    pub(super) fn newest_first(&self) -> Vec<&Release> {
        let mut releases: Vec<_> = self.releases.iter().collect();
        releases.sort_by_key(|release| std::cmp::Reverse((&release.created_at, release.id)));
        releases
    }
}

/// A release. An id of 0 and empty times are filled in when it is published.
#[derive(Clone)]
pub(crate) struct Release {
    pub(crate) id: u64,
    pub(crate) tag: String,
    pub(crate) name: String,
    pub(crate) body: String,
    pub(crate) draft: bool,
    pub(crate) prerelease: bool,
    pub(crate) immutable: bool,
    pub(crate) created_at: String,
    pub(crate) published_at: String,
    pub(crate) assets: Vec<Asset>,
}

impl Release {
    pub(crate) fn new(tag: &str) -> Self {
        Self {
            id: 0,
            tag: tag.to_owned(),
            name: tag.to_owned(),
            body: String::new(),
            draft: false,
            prerelease: false,
            immutable: false,
            created_at: String::new(),
            published_at: String::new(),
            assets: Vec::new(),
        }
    }

    /// Sets any of the fields.
    pub(crate) fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    pub(crate) fn draft(self) -> Self {
        self.with(|release| release.draft = true)
    }

    pub(crate) fn prerelease(self) -> Self {
        self.with(|release| release.prerelease = true)
    }

    pub(crate) fn asset(mut self, asset: Asset) -> Self {
        self.assets.push(asset);
        self
    }
}

/// What the API says of an asset's digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Digest {
    True,
    /// As for assets that are older than the field.
    Null,
    /// These hexadecimal digits.
    Given(String),
}

/// A file of a release. An id of 0 and empty times are filled in when it is uploaded.
#[derive(Clone)]
pub(crate) struct Asset {
    pub(crate) id: u64,
    pub(crate) name: String,
    /// `uploaded`, or `starter` for an upload that never ended.
    pub(crate) state: String,
    pub(crate) digest: Digest,
    /// The size that the API states, if not the true one.
    pub(crate) listed_size: Option<u64>,
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
    pub(crate) downloads: u64,
    pub(crate) content: Arc<dyn Content>,
}

impl Asset {
    /// Bytes in memory.
    pub(crate) fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self::of(name, Arc::new(Memory::new(bytes)))
    }

    pub(crate) fn of(name: &str, content: Arc<dyn Content>) -> Self {
        Self {
            id: 0,
            name: name.to_owned(),
            state: "uploaded".to_owned(),
            digest: Digest::True,
            listed_size: None,
            created_at: String::new(),
            updated_at: String::new(),
            downloads: 0,
            content,
        }
    }

    /// Sets any of the fields.
    pub(crate) fn with(mut self, edit: impl FnOnce(&mut Self)) -> Self {
        edit(&mut self);
        self
    }

    pub(crate) fn digest(self, digest: Digest) -> Self {
        self.with(|asset| asset.digest = digest)
    }

    pub(crate) fn starter(self) -> Self {
        self.with(|asset| "starter".clone_into(&mut asset.state))
    }
}

/// A list that comes in pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Releases,
    Assets,
}

/// How a list ends before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Pages after this one are 422; links lead there all the same.
    Refused(u64),
    /// From this page on nothing says that there are more: neither `next` nor `last`.
    Silent(u64),
    /// From this page on there is no `next`, but `last` still names the true last page.
    KeepsLast(u64),
}

/// How many requests are left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// Seconds since 1970; once they are over all is as at first.
    pub(crate) reset: i64,
}

/// Answers of the secondary limit that are still to come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Secondary {
    pub(crate) times: u64,
    /// 403 or 429.
    pub(crate) status: u16,
    pub(crate) retry_after: u64,
}

/// How the stand-in behaves; can be changed while it runs.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// How many assets are listed within a release at most.
    pub(crate) embedded_assets: usize,
    /// The API answers with the bytes of an asset, not with a redirect.
    pub(crate) direct_assets: bool,
    pub(crate) cut: Option<(List, Cut)>,
    pub(crate) rate: Rate,
    pub(crate) secondary: Option<Secondary>,
    /// How often a signed URL works.
    pub(crate) signature_uses: u64,
    /// Whether `download_count` grows. It does at GitHub, and new ETags come with it.
    pub(crate) counts_downloads: bool,
    /// How long each answer takes.
    pub(crate) latency: Duration,
    /// Tokens read and do not write.
    pub(crate) read_only: bool,
}

impl Default for Options {
    fn default() -> Self {
        let reset = jiff::Timestamp::now().as_second() + 3600;
        Self {
            embedded_assets: usize::MAX,
            direct_assets: false,
            cut: None,
            rate: Rate { limit: 5000, remaining: 5000, reset },
            secondary: None,
            signature_uses: u64::MAX,
            counts_downloads: false,
            latency: Duration::ZERO,
            read_only: false,
        }
    }
}

/// A signed URL.
pub(super) struct Signature {
    pub(super) asset: u64,
    pub(super) uses: u64,
}

/// All that there is.
#[derive(Default)]
pub(super) struct World {
    pub(super) repositories: Vec<Repository>,
    pub(super) tokens: Vec<String>,
    pub(super) options: Options,
    signatures: HashMap<String, Signature>,
    changes: i64,
    next_id: u64,
    signed: u64,
}

impl World {
    pub(super) fn add_repository(&mut self, mut repository: Repository) {
        let releases = std::mem::take(&mut repository.releases);
        repository.id = self.id();
        self.tokens.extend(repository.private.clone());
        let full_name = repository.full_name();
        self.repositories.push(repository);
        for release in releases {
            self.add_release(&full_name, release);
        }
    }

    pub(super) fn add_release(&mut self, repository: &str, mut release: Release) {
        let assets = std::mem::take(&mut release.assets);
        let (id, now) = (self.id(), self.tick());
        fill(&mut release.id, id);
        fill_time(&mut release.created_at, &now);
        fill_time(&mut release.published_at, &now);
        let tag = release.tag.clone();
        self.repository(repository).releases.push(release);
        for asset in assets {
            self.add_asset(repository, &tag, asset);
        }
    }

    pub(super) fn add_asset(&mut self, repository: &str, tag: &str, mut asset: Asset) {
        let (id, now) = (self.id(), self.tick());
        fill(&mut asset.id, id);
        fill_time(&mut asset.created_at, &now);
        fill_time(&mut asset.updated_at, &now);
        self.release(repository, tag).assets.push(asset);
    }

    pub(super) fn repository(&mut self, full_name: &str) -> &mut Repository {
        let mut all = self.repositories.iter_mut();
        all.find(|repository| repository.full_name() == full_name).expect("is a repository")
    }

    pub(super) fn release(&mut self, repository: &str, tag: &str) -> &mut Release {
        let mut all = self.repository(repository).releases.iter_mut();
        all.find(|release| release.tag == tag).expect("is a release")
    }

    /// Every asset, wherever it is.
    pub(super) fn assets(&mut self) -> impl Iterator<Item = &mut Asset> {
        let releases = self.repositories.iter_mut().flat_map(|it| &mut it.releases);
        releases.flat_map(|release| &mut release.assets)
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        1000 + self.next_id
    }

    /// The next moment.
    pub(super) fn tick(&mut self) -> String {
        self.changes += 1;
        timestamp(START + 60 * self.changes).to_string()
    }

    /// A new signed path to an asset.
    pub(super) fn sign(&mut self, asset: u64) -> String {
        if self.options.counts_downloads {
            self.assets().filter(|it| it.id == asset).for_each(|it| it.downloads += 1);
        }
        let name = self.assets().find(|it| it.id == asset).map_or("", |it| &it.name);
        let path = format!("/objects/{asset}/{}", name.replace('+', "%2B"));
        self.signed += 1;
        let key = mix(hash(&jiff::Timestamp::now().to_string()) ^ self.signed);
        let signature = format!("{key:016x}{:016x}", mix(key ^ self.signed));
        let uses = self.options.signature_uses;
        self.signatures.insert(signature.clone(), Signature { asset, uses });
        format!("{path}?sp=r&sig={signature}&se={}", self.options.rate.reset)
    }

    /// Uses a signature up by one; gives the asset's id where it still works for this path.
    pub(super) fn use_signature(&mut self, signature: &str, path: &str) -> Option<u64> {
        let found = self.signatures.get_mut(signature)?;
        let works = path.starts_with(&format!("/objects/{}/", found.asset)) && found.uses > 0;
        found.uses -= u64::from(works);
        works.then_some(found.asset)
    }

    pub(super) fn expire_signatures(&mut self) {
        self.signatures.clear();
    }
}

fn fill(id: &mut u64, new: u64) {
    if *id == 0 {
        *id = new;
    }
}

fn fill_time(time: &mut String, new: &str) {
    if time.is_empty() {
        new.clone_into(time);
    }
}

fn timestamp(seconds: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(seconds).expect("is in range")
}

/// A moment as the headers of HTTP have it.
pub(super) fn http_time(time: jiff::Timestamp) -> String {
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    printer.timestamp_to_rfc9110_string(&time).expect("is in range")
}
