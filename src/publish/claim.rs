//! Who is writing: named in `wheelsite.json` before the first page is touched.
//!
//! The claim is a lock without a clock, and a journal. It is taken by a conditional write, and may
//! be taken from its holder at any time by another one. Whoever has lost it learns so from the
//! first write that is refused, because every page is written on the condition that it is still
//! the one that was there when the claim was taken.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::changes::{Changes, Wanted};
use super::marks::random;
use super::remote::Remote;
use super::store::{Condition, Put, Store};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::state::{Published, ROOT_FILE, STATE_VERSION, SiteState, Tag, Writing};

/// How often a holder shows that it is alive.
pub(super) const BEAT: Duration = Duration::from_secs(5);

/// A claim that was taken.
pub(super) struct Claim<'s> {
    store: &'s dyn Store,
    id: String,
    held: Mutex<Held>,
    /// Whether a sign of life was refused: what is only added would never be.
    is_lost: AtomicBool,
}

/// `wheelsite.json` as it was last written.
struct Held {
    state: SiteState,
    tag: Tag,
}

impl<'s> Claim<'s> {
    /// Takes it, if nobody has written the state since it was read. What leaves is named as well:
    /// whoever goes on finds it by no shard once those are written.
    pub(super) fn take(
        store: &'s dyn Store,
        remote: &Remote,
        empty: SiteState,
        wanted: Wanted,
        writing: Writing,
        changes: &Changes,
    ) -> Result<Option<Self>> {
        let id = writing.id.clone();
        let host = wanted.host;
        let (mut state, condition) = match &remote.root {
            Some((state, tag)) => (state.clone(), Condition::Is(tag.clone())),
            None => (empty, Condition::Absent),
        };
        // Shards are written as this program does, from now on.
        state.state_version = STATE_VERSION;
        let published =
            state.published.get_or_insert_with(|| Published { host, ..Published::default() });
        published.writing = Some(writing);
        published.generation = published.generation.saturating_add(1);
        let gone = changes.gone.iter().map(|(path, since)| (path.clone(), *since));
        published.gone.extend(gone);
        published.grace = wanted.grace.as_secs();
        published.unsettled.clone_from(&changes.unsettled.entries);
        let bytes = bytes_of(&state)?;
        match store.put(ROOT_FILE, &bytes, host.headers(ROOT_FILE), &condition)? {
            Put::Refused => Ok(None),
            Put::Done(tag) => {
                let held = Mutex::new(Held { state, tag });
                Ok(Some(Self { store, id, held, is_lost: AtomicBool::new(false) }))
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody has taken it: one request.
    pub(super) fn is_mine(&self) -> Result<bool> {
        let remote = Remote::read(self.store)?;
        let writing = remote.published().and_then(|published| published.writing.as_ref());
        Ok(writing.is_some_and(|writing| writing.id == self.id))
    }

    /// Stops whoever has lost it, as far as that is known already: no request.
    pub(super) fn check(&self) -> Result<()> {
        if self.is_lost.load(Ordering::Relaxed) { Err(self.lost()) } else { Ok(()) }
    }

    /// The error of whoever has lost it.
    pub(super) fn lost(&self) -> Error {
        Error::Overtaken {
            target: self.store.shown().to_owned(),
            reason: "it has taken over since this one began",
        }
    }

    /// Writes `wheelsite.json`, and keeps the claim or gives it up.
    pub(super) fn commit(&self, mut state: SiteState, keeps: bool) -> Result<()> {
        let mut held = self.held();
        let before = held.state.published.as_ref();
        let writing = before.and_then(|held| held.writing.clone());
        let generation = before.map_or(0, |held| held.generation);
        let host = match &mut state.published {
            Some(published) => {
                published.writing = writing.filter(|_| keeps);
                published.generation = generation;
                published.host
            }
            None => Host::default(),
        };
        self.write(&mut held, state, host)
    }

    /// Shows that this one is alive. Whether it still holds the claim, the next write tells.
    pub(super) fn beat(&self) -> Result<()> {
        let mut held = self.held();
        let mut state = held.state.clone();
        let host = state.published.as_ref().map_or(Host::default(), |published| published.host);
        let writing = state.published.as_mut().and_then(|published| published.writing.as_mut());
        let Some(writing) = writing else { return Ok(()) };
        writing.beat += 1;
        self.write(&mut held, state, host)
    }

    fn write(&self, held: &mut Held, state: SiteState, host: Host) -> Result<()> {
        let bytes = bytes_of(&state)?;
        let condition = Condition::Is(held.tag.clone());
        match self.store.put(ROOT_FILE, &bytes, host.headers(ROOT_FILE), &condition)? {
            Put::Refused => {
                self.is_lost.store(true, Ordering::Relaxed);
                Err(self.lost())
            }
            Put::Done(tag) => {
                *held = Held { state, tag };
                Ok(())
            }
        }
    }
}

pub(super) fn bytes_of(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(value)
        .map_err(|error| Error::target(format!("cannot write `{ROOT_FILE}`: {error}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A name that no other publisher has.
pub(super) fn new_id() -> String {
    format!("{:016x}", random())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::folder::FolderStore;

    #[test]
    fn whoever_has_lost_it_hears_of_that_with_its_next_sign_of_life() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let store = FolderStore::new(folder.path());
        let wanted = Wanted {
            host: Host::Plain,
            grace: Duration::ZERO,
            now: crate::facts::UploadTime::from_seconds(0).expect("is a time"),
            lenient: false,
        };
        let take = |id: &str| {
            let remote = Remote::read(&store).expect("reads");
            let writing = Writing {
                id: id.to_owned(),
                beat: 0,
                projects: std::collections::BTreeMap::new(),
                adds: std::collections::BTreeSet::new(),
            };
            let empty = SiteState::new(crate::wheel::Sha256::of(b""));
            let claim = Claim::take(&store, &remote, empty, wanted, writing, &Changes::default());
            claim.expect("writes").expect("is taken")
        };
        let one = take("one");
        one.beat().expect("is alive");
        one.check().expect("holds it");
        let other = take("other");
        // Pages that are only added would go on being written.
        one.beat().expect_err("is refused");
        one.check().expect_err("has lost it");
        other.beat().expect("is alive");
        other.check().expect("holds it");
    }
}
