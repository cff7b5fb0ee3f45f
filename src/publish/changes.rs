//! What differs between a site and the place that it is published to, in the order in which it
//! is brought there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rayon::prelude::*;

use super::local::LocalSite;
use super::paths::is_our_key;
use super::remote::{Remote, RemoteShard};
use super::shards::Shards;
use super::unsettled::Unsettled;
use crate::error::Result;
use crate::facts::UploadTime;
use crate::host::Host;
use crate::state::{Published, ROOT_FILE, SiteState, Tag, shard_path};
use crate::wheel::{ProjectName, Sha256};

/// A file that is never another under the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FilePut {
    pub(super) path: String,
    pub(super) sha256: Sha256,
}

/// What is known of the object that a page replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    /// There is none.
    Absent,
    /// The store calls it so.
    Tagged(Tag),
    /// Somebody may have written it since.
    Nothing,
    /// There was none before somebody's claim: what is there is theirs if it has a mark.
    Marked,
}

/// A page that is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PagePut {
    pub(super) path: String,
    pub(super) sha256: Sha256,
    pub(super) known: Known,
    /// The same of its second key, where the host wants one.
    pub(super) slash: Option<(String, Known)>,
}

impl PagePut {
    fn new(path: &str, sha256: Sha256, known: impl Fn(&str) -> Known, host: Host) -> Self {
        let slash = host.slash_key(path).map(|key| (key.to_owned(), known(key)));
        Self { known: known(path), path: path.to_owned(), sha256, slash }
    }

    /// Where it is written to.
    pub(super) fn keys(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.path).chain(self.slash.iter().map(|(key, _)| key))
    }
}

/// A project that is not what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProjectChange {
    pub(super) name: ProjectName,
    /// Digest of its shard in the site; none where the site has it no more.
    pub(super) from: Option<Sha256>,
    pub(super) pages: Vec<PagePut>,
    /// What the store calls the pages that stay.
    pub(super) stay: BTreeMap<String, Tag>,
    /// The shard that is replaced.
    pub(super) shard: Known,
}

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Distributions, sidecars behind them, and what pages refer to.
    pub(super) files: Vec<FilePut>,
    pub(super) sidecars: Vec<FilePut>,
    pub(super) assets: Vec<FilePut>,
    /// Files that are marked as gone: whoever was to delete them may still be about it.
    pub(super) returning: Vec<FilePut>,
    pub(super) projects: Vec<ProjectChange>,
    pub(super) roots: Vec<PagePut>,
    /// What the store has and the site has not, and since when.
    pub(super) gone: BTreeMap<String, UploadTime>,
    /// Of that, what is deleted now.
    pub(super) due: Vec<String>,
    /// Whether all shards are packed anew.
    pub(super) packs: bool,
    /// What publishers that lost may still do, and have done.
    pub(super) unsettled: Unsettled,
    /// Whether anything at all is to be done.
    pub(super) any: bool,
}

/// What a plan is made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) host: Host,
    pub(super) grace: Duration,
    pub(super) now: UploadTime,
    /// Whether shards that are not what the root says are taken as they are: where nobody is at
    /// work, somebody else's tool has been.
    pub(super) lenient: bool,
}

impl Changes {
    /// Compares a site with what is there: reads the shards of the projects that differ.
    pub(super) fn new(
        site: &LocalSite,
        remote: &Remote,
        shards: &Shards<'_>,
        wanted: Wanted,
    ) -> Result<Self> {
        let empty = SiteState::new(site.state.settings);
        let there = remote.state().unwrap_or(&empty);
        let nothing = Published { host: wanted.host, ..Published::default() };
        let published = remote.published().unwrap_or(&nothing);
        let dirty = remote.dirty();
        let unsettled = Unsettled::look(site, remote, shards.store(), wanted)?;
        let broken = unsettled.projects(site);
        let doubts = Doubts::new(published, &unsettled, wanted.host);
        // Another host takes other keys.
        let same_host = published.host == wanted.host;
        let differs = |name: &ProjectName| {
            let ours = site.state.projects.get(name).map(|known| known.shard);
            let known = there.projects.get(name).map(|known| known.shard);
            !same_host
                || dirty.contains(name)
                || broken.contains(name)
                || ours.is_none()
                || (ours != known && ours != remote.from(name))
        };
        let names: BTreeSet<&ProjectName> =
            site.state.projects.keys().chain(there.projects.keys()).collect();
        let names: BTreeSet<&ProjectName> = names.union(&dirty).copied().collect();
        let changed: Vec<&ProjectName> = names.into_iter().filter(|name| differs(name)).collect();
        let projects: Vec<Result<OfProject>> = changed
            .par_iter()
            .with_max_len(1)
            .map(|&name| {
                let is_dirty = dirty.contains(name) || wanted.lenient;
                let known = there.projects.get(name);
                let shard = match known {
                    None if !is_dirty => None,
                    known => {
                        let expected = known.map(|known| known.shard).filter(|_| !is_dirty);
                        shards.get(name, expected)?
                    }
                };
                // A shard that somebody has deleted says as little as one that may be any.
                let is_lost = known.is_some() && shard.is_none();
                let is_dirty = is_dirty || is_lost || broken.contains(name);
                OfProject::compare(name, site, shard, is_dirty, &doubts)
            })
            .collect();
        let mut changes = Self { gone: published.gone.clone(), ..Self::default() };
        changes.gone.retain(|path, _| is_our_key(path));
        let mut leaves = BTreeSet::new();
        for project in projects {
            let project = project?;
            for file in project.files {
                changes.add_file(file, &doubts);
            }
            leaves.extend(project.leaves);
            changes.projects.push(project.change);
        }
        changes.compare_roots(site, there, remote, &doubts, &mut leaves);
        let writing = published.writing.as_ref();
        changes.settle_gone(site, leaves, wanted);
        changes.any = remote.root.is_none()
            || writing.is_some()
            || !same_host
            || there.published.is_none()
            || !changes.projects.is_empty()
            || !changes.roots.is_empty()
            || !changes.assets.is_empty()
            || !changes.due.is_empty()
            || changes.gone != published.gone
            || !changes.returning.is_empty()
            || !unsettled.strays.is_empty()
            || unsettled.is_less;
        changes.packs = shards.are_kept() && !changes.projects.is_empty();
        changes.unsettled = unsettled;
        Ok(changes)
    }

    fn add_file(&mut self, file: FilePut, doubts: &Doubts<'_>) {
        if doubts.may_be_deleted(&file.path) {
            self.returning.push(file);
        } else if file.path.ends_with(".metadata") {
            self.sidecars.push(file);
        } else {
            self.files.push(file);
        }
    }

    fn compare_roots(
        &mut self,
        site: &LocalSite,
        there: &SiteState,
        remote: &Remote,
        doubts: &Doubts<'_>,
        leaves: &mut BTreeSet<String>,
    ) {
        let unsure = remote.is_being_written();
        let (published, host) = (doubts.published, doubts.host);
        let same_host = published.host == host;
        for (path, sha256) in site.state.pages.iter().filter(|(path, _)| host.takes(path)) {
            let is_same = there.pages.get(path) == Some(sha256) && !doubts.is_broken(path);
            if path.starts_with("assets/") {
                let file = FilePut { path: path.clone(), sha256: *sha256 };
                if doubts.may_be_deleted(path) {
                    self.returning.push(file);
                } else if !is_same {
                    self.assets.push(file);
                }
                continue;
            }
            if is_same && !unsure && same_host {
                continue;
            }
            let is_there = there.pages.contains_key(path);
            let known = |key: &str| {
                let is_there =
                    is_there && (key == path || published.host.slash_key(path).is_some());
                doubts.known(key, is_there, published.tags.get(key), unsure)
            };
            self.roots.push(PagePut::new(path, *sha256, known, host));
        }
        let here = |path: &String| site.state.pages.contains_key(path) && host.takes(path);
        leaves.extend(there.pages.keys().filter(|path| !here(path)).cloned());
        leaves.extend(doubts.second_keys(there.pages.keys(), |path| here(path)));
    }

    /// Says what is gone since when, and what of it is deleted now.
    fn settle_gone(&mut self, site: &LocalSite, leaves: BTreeSet<String>, wanted: Wanted) {
        for path in leaves.into_iter().filter(|path| is_our_key(path) && path != ROOT_FILE) {
            self.gone.entry(path).or_insert(wanted.now);
        }
        let pages = self.projects.iter().flat_map(|project| &project.pages).chain(&self.roots);
        let written = pages.flat_map(PagePut::keys);
        let written = written.chain(self.projects.iter().flat_map(|project| project.stay.keys()));
        let written = written.chain(self.returning.iter().map(|file| &file.path));
        let shards = self.projects.iter().filter(|project| project.from.is_some());
        let shards: BTreeSet<String> = shards.map(|project| shard_path(&project.name)).collect();
        let written: BTreeSet<&String> = written.chain(&shards).collect();
        // Since when stays as it is: a clock that is behind must not make the grace shorter.
        self.gone.retain(|path, _| {
            let is_root = site.state.pages.contains_key(path) && wanted.host.takes(path);
            !is_root && !written.contains(path)
        });
        let grace = i64::try_from(wanted.grace.as_secs()).unwrap_or(i64::MAX);
        let is_due = |path: &str, since: &UploadTime| {
            // What was taken from the index is not to be found any more. What pages that
            // somebody still has refer to is.
            let lingers = path.starts_with("files/") || path.starts_with("assets/");
            !lingers || since.seconds().saturating_add(grace) <= wanted.now.seconds()
        };
        let due = self.gone.iter().filter(|(path, since)| is_due(path, since));
        self.due = due.map(|(path, _)| path.clone()).collect();
        self.due.sort_by_cached_key(|path| (super::removal_rank(path), path.clone()));
    }

    /// Every page that is written.
    pub(super) fn pages(&self) -> impl Iterator<Item = &PagePut> {
        self.projects.iter().flat_map(|project| &project.pages).chain(&self.roots)
    }

    /// Every object that is written under the claim on the condition that it is what it was, and
    /// what is known of it.
    pub(super) fn conditional(&self) -> impl Iterator<Item = (String, &Known)> {
        let pages = self.pages().flat_map(|page| {
            let slash = page.slash.iter().map(|(key, known)| (key.clone(), known));
            std::iter::once((page.path.clone(), &page.known)).chain(slash)
        });
        let shards = self.projects.iter().filter(|project| project.from.is_some());
        pages.chain(shards.map(|project| (shard_path(&project.name), &project.shard)))
    }
}

/// What nobody can be sure of.
struct Doubts<'a> {
    published: &'a Published,
    unsettled: &'a Unsettled,
    adds: BTreeSet<&'a String>,
    /// The host that is published for.
    host: Host,
}

impl<'a> Doubts<'a> {
    fn new(published: &'a Published, unsettled: &'a Unsettled, host: Host) -> Self {
        let adds = published.writing.iter().flat_map(|writing| &writing.adds);
        Self { published, unsettled, adds: adds.collect(), host }
    }

    /// What is known of an object that the state has or has not.
    fn known(&self, key: &str, is_there: bool, tag: Option<&Tag>, unsure: bool) -> Known {
        let key = &key.to_owned();
        if self.adds.contains(key) || !is_there && self.unsettled.entries.contains_key(key) {
            return Known::Marked;
        }
        let unsure = unsure || self.published.gone.contains_key(key) || self.is_broken(key);
        match tag {
            _ if unsure => Known::Nothing,
            Some(tag) => Known::Tagged(tag.clone()),
            None if is_there => Known::Nothing,
            None => Known::Absent,
        }
    }

    /// Whether an object, or its second key, was deleted by somebody who was late.
    fn is_broken(&self, path: &str) -> bool {
        let broken = &self.unsettled.broken;
        broken.contains(path) || self.host.slash_key(path).is_some_and(|key| broken.contains(key))
    }

    /// Whether a file may not be there, or not be there for long, though the state has it: it is
    /// sent again under the claim.
    fn may_be_deleted(&self, path: &str) -> bool {
        self.published.gone.contains_key(path) || self.is_broken(path)
    }

    /// Second keys of pages that were there and that nobody writes any more.
    fn second_keys<'p>(
        &self,
        pages: impl Iterator<Item = &'p String>,
        stays: impl Fn(&String) -> bool,
    ) -> Vec<String> {
        let pages = pages.filter_map(|path| Some((path, self.published.host.slash_key(path)?)));
        let leave = pages.filter(|(path, _)| !stays(path) || self.host.slash_key(path).is_none());
        leave.map(|(_, key)| key.to_owned()).collect()
    }
}

/// What of a project is to be done.
struct OfProject {
    change: ProjectChange,
    files: Vec<FilePut>,
    /// Paths that it has no more.
    leaves: Vec<String>,
}

impl OfProject {
    fn compare(
        name: &ProjectName,
        site: &LocalSite,
        there: Option<RemoteShard>,
        is_dirty: bool,
        doubts: &Doubts<'_>,
    ) -> Result<Self> {
        let host = doubts.host;
        let known_shard = match &there {
            Some(there) => Known::Tagged(there.tag.clone()),
            // Of a project that is new to the state somebody may have written the shard by now.
            None => doubts.known(&shard_path(name), false, None, is_dirty),
        };
        let there = there.map(|there| there.shard);
        let shard = site.shard(name)?;
        let mut change = ProjectChange {
            name: name.clone(),
            from: site.state.projects.get(name).map(|known| known.shard),
            pages: Vec::new(),
            stay: BTreeMap::new(),
            shard: known_shard,
        };
        let mut leaves: BTreeSet<String> = there.iter().flat_map(|shard| shard.paths()).collect();
        let pages_here = shard.as_ref().map(|shard| &shard.pages);
        let here = |path: &String| {
            host.takes(path) && pages_here.is_some_and(|pages| pages.contains_key(path))
        };
        let pages_there = there.iter().flat_map(|shard| shard.pages.keys());
        leaves.extend(doubts.second_keys(pages_there, here));
        let Some(shard) = shard else {
            leaves.insert(shard_path(name));
            return Ok(Self { change, files: Vec::new(), leaves: leaves.into_iter().collect() });
        };
        leaves.remove(&shard_path(name));
        let mut files = Vec::new();
        for (path, sha256, _) in shard.carried() {
            // What is gone may have been deleted by whoever was killed at it.
            let is_there = leaves.remove(&path) && !doubts.may_be_deleted(&path);
            if !is_there {
                files.push(FilePut { path, sha256 });
            }
        }
        for (path, sha256) in shard.pages.into_iter().filter(|(path, _)| host.takes(path)) {
            leaves.remove(&path);
            let pages = there.as_ref().map(|there| &there.pages);
            let tag = there.as_ref().and_then(|there| there.tags.get(&path));
            let before = pages.and_then(|pages| pages.get(&path));
            let slash_is_new = host.slash_key(&path).is_some_and(|key| {
                !there.as_ref().is_some_and(|there| there.tags.contains_key(key))
            });
            match tag {
                Some(tag) if !is_dirty && before == Some(&sha256) && !slash_is_new => {
                    let slash = host.slash_key(&path).and_then(|key| {
                        Some((key.to_owned(), there.as_ref()?.tags.get(key)?.clone()))
                    });
                    change.stay.extend(slash);
                    change.stay.insert(path, tag.clone());
                }
                _ => {
                    let tags = there.as_ref().map(|there| &there.tags);
                    // Whether the second key is there is told by its tag alone.
                    let known = |key: &str| {
                        let is_there = before.is_some() && key == path;
                        doubts.known(key, is_there, tags.and_then(|tags| tags.get(key)), is_dirty)
                    };
                    change.pages.push(PagePut::new(&path, sha256, known, host));
                }
            }
        }
        Ok(Self { change, files, leaves: leaves.into_iter().collect() })
    }
}
