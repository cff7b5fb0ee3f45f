//! Brings changes to their place: files, sidecars and assets, then under a claim project pages,
//! roots and state, and deletions last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::changes::{Changes, FilePut, Known, PagePut, ProjectChange, Wanted};
use super::claim::{BEAT, Claim, bytes_of, new_id};
use super::local::LocalSite;
use super::marks::{is_marked, marked, random};
use super::remote::Remote;
use super::shards::Shards;
use super::store::{Condition, Put, Store, Upload};
use super::{Report, paths};
use crate::error::{Error, Result};
use crate::report::Reporter;
use crate::state::{Published, STATE_VERSION, SiteState, Tag, Writing, shard_path};
use crate::wheel::{ProjectName, Sha256};

/// Objects that are deleted between two looks at whether the claim still holds.
const BATCH: usize = 64;
/// No page comes near this many bytes.
const MAX_PAGE: u64 = 1 << 30;
/// A page that is written by others again and again is given up after so many attempts.
const ATTEMPTS: usize = 50;

/// A publication under way.
pub(super) struct Work<'a> {
    pub(super) site: &'a LocalSite,
    pub(super) store: &'a dyn Store,
    pub(super) shards: &'a Shards<'a>,
    pub(super) remote: &'a Remote,
    pub(super) wanted: Wanted,
    pub(super) reporter: &'a dyn Reporter,
    /// Requests at once.
    pub(super) jobs: usize,
    pub(super) counts: &'a Counts,
    /// Whether others may write there at the same moment.
    pub(super) is_shared: bool,
}

/// What was done, counted from several threads.
#[derive(Default)]
pub(super) struct Counts {
    files: AtomicU64,
    pages: AtomicU64,
    bytes: AtomicU64,
    deleted: AtomicU64,
    /// The files that were sent: an attempt that begins anew does not send them again.
    sent: Mutex<BTreeSet<String>>,
}

impl Counts {
    fn sent(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Paths of files hold their digests.
    fn has_sent(&self, path: &str) -> bool {
        self.sent().contains(path)
    }

    fn send(&self, path: &str) {
        self.sent().insert(path.to_owned());
    }

    pub(super) fn fill(&self, report: &mut Report) {
        report.files_sent = self.files.load(Ordering::Relaxed);
        report.pages_sent = self.pages.load(Ordering::Relaxed);
        report.bytes_sent = self.bytes.load(Ordering::Relaxed);
        report.deleted = self.deleted.load(Ordering::Relaxed);
    }
}

/// What became of a publication.
pub(super) enum Outcome {
    /// All is there.
    Done,
    /// Somebody else has written the state since it was read: nothing but files was touched.
    Late,
}

/// What a store calls pages after they were written.
type Tags = BTreeMap<String, Tag>;

impl Work<'_> {
    /// Does it all.
    pub(super) fn apply(&self, changes: &Changes) -> Result<Outcome> {
        if self.remote.root.is_none() && self.is_preceded(changes)? {
            return Ok(Outcome::Late);
        }
        let files = changes.files.len() + changes.sidecars.len() + changes.assets.len();
        self.reporter.stage("uploading", Some((files + changes.returning.len()) as u64));
        self.upload_new(&changes.files)?;
        self.upload_new(&changes.sidecars)?;
        self.upload_new(&changes.assets)?;
        let intent = Self::intent(changes);
        let empty = SiteState::new(self.site.state.settings);
        let store = self.store;
        let Some(claim) = Claim::take(store, self.remote, empty, self.wanted, intent, changes)?
        else {
            return Ok(Outcome::Late);
        };
        self.under_claim(&claim, changes)?;
        Ok(Outcome::Done)
    }

    /// A first publication must not write over what somebody else has put there; unless that
    /// is another first publication, which has come before it.
    ///
    /// All is looked at, since a store that heeds no conditions would not refuse anything.
    pub(super) fn is_preceded(&self, changes: &Changes) -> Result<bool> {
        let keys: Vec<String> = changes.conditional().map(|(key, _)| key).collect();
        let found = keys.par_iter().with_max_len(1).map(|key| Ok((key, self.store.head(key)?)));
        let found = found.find_first(|found| !matches!(found, Ok((_, None))));
        match found.transpose()? {
            None => Ok(false),
            Some(_) if Remote::read(self.store)?.root.is_some() => Ok(true),
            Some((key, _)) => Err(self.foreign(key)),
        }
    }

    fn foreign(&self, path: &str) -> Error {
        Error::Guard {
            message: format!(
                "`{}/{path}` is there already, and wheelsite did not write it",
                self.store.shown()
            ),
            hint: "publish below another prefix, or move it away".to_owned(),
        }
    }

    /// What this publication may touch, for whoever finds it unfinished.
    fn intent(changes: &Changes) -> Writing {
        let adds = changes.conditional();
        let adds = adds.filter(|(_, known)| matches!(known, Known::Absent | Known::Marked));
        Writing {
            id: new_id(),
            beat: 0,
            projects: changes
                .projects
                .iter()
                .map(|project| (project.name.clone(), project.from))
                .collect(),
            adds: adds.map(|(key, _)| key).collect(),
        }
    }

    /// Sends what an earlier attempt of this run has not sent, or somebody has deleted since.
    fn upload_new(&self, files: &[FilePut]) -> Result<()> {
        let mut new = Vec::new();
        for put in files {
            if self.counts.has_sent(&put.path) && self.store.head(&put.path)?.is_some() {
                self.reporter.step();
            } else {
                new.push(put.clone());
            }
        }
        self.upload_all(&new)
    }

    fn upload_all(&self, files: &[FilePut]) -> Result<()> {
        let parts = (self.jobs / files.len().max(1)).clamp(1, 8);
        files.par_iter().with_max_len(1).try_for_each(|put| {
            let Some(file) = self.site.file(&put.path) else {
                return Err(self.site.missing(&put.path));
            };
            let headers = self.wanted.host.headers(&put.path);
            let upload = Upload { file: &file, sha256: put.sha256, headers, parts };
            let size = self.store.upload(&put.path, &upload)?;
            self.counts.send(&put.path);
            self.counts.files.fetch_add(1, Ordering::Relaxed);
            self.counts.bytes.fetch_add(size, Ordering::Relaxed);
            self.reporter.step();
            Ok(())
        })
    }

    fn under_claim(&self, claim: &Claim<'_>, changes: &Changes) -> Result<()> {
        std::thread::scope(|scope| {
            let (done, is_done) = channel::<()>();
            scope.spawn(move || {
                while is_done.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                    match claim.beat() {
                        // Every write that follows hears of it.
                        Err(Error::Overtaken { .. }) => return,
                        Err(error) => tracing::debug!(%error, "no beat"),
                        Ok(()) => {}
                    }
                }
            });
            let written = self.write_all(claim, changes);
            drop(done);
            written
        })
    }

    fn write_all(&self, claim: &Claim<'_>, changes: &Changes) -> Result<()> {
        self.upload_all(&changes.returning)?;
        self.reporter.stage("publishing", Some(changes.pages().count() as u64));
        let pen = &self.pen(claim, changes)?;
        let written: Vec<Tags> = changes
            .projects
            .par_iter()
            .with_max_len(1)
            .map(|project| self.put_pages(pen, &project.pages))
            .collect::<Result<_>>()?;
        let roots = self.put_pages(pen, &changes.roots)?;
        let shards: Vec<(ProjectName, Sha256)> = changes
            .projects
            .par_iter()
            .with_max_len(1)
            .zip(written)
            .filter(|(project, _)| project.from.is_some())
            .map(|(project, tags)| self.put_shard(pen, project, tags))
            .collect::<Result<_>>()?;
        let mut state = self.state(changes, shards, roots);
        let deletes = [&*changes.due, &*changes.unsettled.strays].concat();
        if changes.packs {
            let digests = state.projects.iter().map(|(name, known)| (name.clone(), known.shard));
            let packed = self.shards.pack(&digests.collect(), self.wanted.host)?;
            if let Some(published) = &mut state.published {
                published.packed = packed;
            }
        }
        if deletes.is_empty() {
            return claim.commit(state, false);
        }
        claim.commit(state.clone(), true)?;
        self.delete(claim, &deletes)?;
        if let Some(published) = &mut state.published {
            for path in &changes.due {
                published.gone.remove(path);
            }
        }
        claim.commit(state, false)
    }

    /// Learns what is there where the state does not say it.
    ///
    /// What was learned holds only if the claim still does: whoever takes it afterwards writes all
    /// of these objects anew, so that none of them will be what it was now.
    fn pen<'p>(&self, claim: &'p Claim<'p>, changes: &Changes) -> Result<Pen<'p>> {
        let unknown = changes
            .conditional()
            .filter(|(_, known)| matches!(known, Known::Nothing | Known::Marked));
        let unknown: Vec<(String, &Known)> = unknown.collect();
        let found = unknown.into_par_iter().with_max_len(1).map(|(key, known)| {
            let tag =
                if *known == Known::Marked { self.own(&key)? } else { self.store.head(&key)? };
            Ok((key, tag))
        });
        let found: BTreeMap<String, Option<Tag>> = found.collect::<Result<_>>()?;
        if !found.is_empty() && !claim.is_mine()? {
            return Err(claim.lost());
        }
        Ok(Pen { claim, found, mark: self.is_shared.then(random) })
    }

    /// An object that is wheelsite's if it is there.
    fn own(&self, key: &str) -> Result<Option<Tag>> {
        match self.store.get(key, MAX_PAGE)? {
            Some((bytes, _)) if !self.is_shared || !is_marked(&paths::page_of(key), &bytes) => {
                Err(self.foreign(key))
            }
            found => Ok(found.map(|(_, tag)| tag)),
        }
    }

    fn put_pages(&self, pen: &Pen<'_>, pages: &[PagePut]) -> Result<Tags> {
        let written: Vec<Vec<(String, Tag)>> = pages
            .par_iter()
            .with_max_len(1)
            .map(|page| {
                let bytes = pen.marked(&page.path, self.site.page(&page.path, page.sha256)?);
                let tag = self.put_page(pen, &page.path, &bytes, &page.known)?;
                let mut tags = vec![(page.path.clone(), tag)];
                if let Some((key, known)) = &page.slash {
                    let tag = self.put_page(pen, key, &bytes, known)?;
                    tags.push((key.clone(), tag));
                }
                self.reporter.step();
                Ok(tags)
            })
            .collect::<Result<_>>()?;
        Ok(written.into_iter().flatten().collect())
    }

    /// Writes a page unless somebody has taken the claim.
    fn put_page(&self, pen: &Pen<'_>, path: &str, bytes: &[u8], known: &Known) -> Result<Tag> {
        let headers = self.wanted.host.headers(path);
        let mut before = match known {
            Known::Absent => None,
            Known::Tagged(tag) => Some(tag.clone()),
            Known::Nothing | Known::Marked => pen.found.get(path).cloned().flatten(),
        };
        for attempt in 0..ATTEMPTS {
            pen.claim.check()?;
            // What was learned since the claim was taken holds only if it still is.
            if attempt > 0 && !pen.claim.is_mine()? {
                return Err(pen.claim.lost());
            }
            let condition = before.clone().map_or(Condition::Absent, Condition::Is);
            let put = self.store.put(path, bytes, headers, &condition)?;
            let Put::Done(tag) = put else {
                before = match known {
                    Known::Absent | Known::Marked => self.own(path)?,
                    Known::Tagged(_) | Known::Nothing => self.store.head(path)?,
                };
                continue;
            };
            self.counts.pages.fetch_add(1, Ordering::Relaxed);
            self.counts.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            return Ok(tag);
        }
        Err(pen.claim.lost())
    }

    /// Writes a project's shard with what the store calls its pages; gives its digest.
    fn put_shard(
        &self,
        pen: &Pen<'_>,
        project: &ProjectChange,
        tags: Tags,
    ) -> Result<(ProjectName, Sha256)> {
        let path = shard_path(&project.name);
        let Some(mut shard) = self.site.shard(&project.name)? else {
            return Err(self.site.missing(&path));
        };
        shard.tags = project.stay.clone();
        shard.tags.extend(tags);
        let host = self.wanted.host;
        shard.pages.retain(|path, _| host.takes(path));
        let bytes = pen.marked(&path, bytes_of(&shard)?);
        let tag = self.put_page(pen, &path, &bytes, &project.shard)?;
        self.shards.written(&project.name, &bytes, tag)?;
        Ok((project.name.clone(), Sha256::of(&bytes)))
    }

    /// `wheelsite.json` as it is when all is there.
    fn state(
        &self,
        changes: &Changes,
        shards: Vec<(ProjectName, Sha256)>,
        roots: Tags,
    ) -> SiteState {
        // Shards are written as this program does.
        let mut state = SiteState { state_version: STATE_VERSION, ..self.site.state.clone() };
        let there = self.remote.state();
        let before = self.remote.published();
        let mut published = Published {
            host: self.wanted.host,
            gone: changes.gone.clone(),
            grace: self.wanted.grace.as_secs(),
            unsettled: changes.unsettled.entries.clone(),
            // Of a site that is replaced it is of less use, and of no harm.
            packed: before.is_some_and(|before| before.packed),
            tags: before.map(|before| before.tags.clone()).unwrap_or_default(),
            ..Published::default()
        };
        published.tags.extend(roots);
        let host = self.wanted.host;
        state.pages.retain(|path, _| host.takes(path));
        let pages = &state.pages;
        published.tags.retain(|path, _| {
            pages.contains_key(path)
                || path.ends_with('/') && host.slash_key(&format!("{path}index.html")).is_some()
        });
        let shards: BTreeMap<ProjectName, Sha256> = shards.into_iter().collect();
        for (name, known) in &mut state.projects {
            let ours = known.shard;
            match (shards.get(name), there.and_then(|there| there.projects.get(name))) {
                (Some(shard), _) => known.shard = *shard,
                // It is what it was.
                (None, Some(there)) => *known = *there,
                (None, None) => {}
            }
            let from = match shards.get(name) {
                Some(_) => Some(ours),
                None => before.and_then(|before| before.from.get(name).copied()),
            };
            if let Some(from) = from.filter(|from| *from != known.shard) {
                published.from.insert(name.clone(), from);
            }
            let merged = self.site.merged.get(name);
            // What was merged before is still in it, unless the whole site replaces it, or
            // what came now says something else of it.
            let stays = self.site.is_merge() && merged.is_none_or(|merged| !merged.replaces)
                || !shards.contains_key(name);
            let before = before.and_then(|before| before.merged.get(name));
            let mut all = match before.filter(|before| stays && before.len() < MERGED) {
                Some(before) => before.clone(),
                None => BTreeSet::new(),
            };
            all.extend(merged.map(|merged| merged.shard.short()));
            if !all.is_empty() {
                published.merged.insert(name.clone(), all);
            }
        }
        state.published = Some(published);
        state
    }

    fn delete(&self, claim: &Claim<'_>, due: &[String]) -> Result<()> {
        for (number, batch) in due.chunks(BATCH).enumerate() {
            // The state was written just before the first of them.
            if number > 0 && !claim.is_mine()? {
                return Err(claim.lost());
            }
            // A page goes before what it links to.
            for same in
                batch.chunk_by(|one, other| paths::removal_rank(one) == paths::removal_rank(other))
            {
                same.par_iter().with_max_len(1).try_for_each(|path| self.delete_one(path))?;
            }
        }
        Ok(())
    }

    fn delete_one(&self, key: &str) -> Result<()> {
        let is_second = key.ends_with('/');
        if !paths::is_our_key(key) || is_second && !self.store.takes_slash_keys() {
            return Ok(());
        }
        self.store.delete(key)?;
        self.counts.deleted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// What pages are written with.
struct Pen<'a> {
    claim: &'a Claim<'a>,
    /// What was there when the claim was held, of what the state does not tell.
    found: BTreeMap<String, Option<Tag>>,
    /// None where nobody else can write.
    mark: Option<u64>,
}

impl Pen<'_> {
    fn marked(&self, path: &str, bytes: Vec<u8>) -> Vec<u8> {
        match self.mark {
            Some(mark) => marked(path, &bytes, mark),
            None => bytes,
        }
    }
}

/// How many merges a state remembers of a project, so that doing one again costs one request.
const MERGED: usize = 64;
