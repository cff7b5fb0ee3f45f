//! What publishers that lost their claim may still do, and whether they have done it.
//!
//! A late write of theirs on the condition that there is nothing, and a late delete, cannot be
//! refused: a store has no name for nothing, and most cannot delete on a condition. So whoever takes
//! a claim from somebody notes in the state which objects that are of now could go, and which that
//! are not could come. Publications that follow look at them once more and mend what is wrong; the
//! first one that comes when no request can be under way any more strikes them out.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::changes::Wanted;
use super::local::LocalSite;
use super::marks::is_marked;
use super::paths::{is_our_key, owner, page_of};
use super::remote::Remote;
use super::store::Store;
use crate::error::Result;
use crate::facts::UploadTime;
use crate::host::Host;
use crate::state::ROOT_FILE;
use crate::wheel::ProjectName;

/// Seconds after which no request of a publisher that lost is under way any more. S3 refuses what
/// was signed a quarter of an hour before.
const SETTLED: i64 = 3600;
/// No page comes near this many bytes.
const MAX_PAGE: u64 = 1 << 30;

/// What was found of it.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    /// What stays so, and since when.
    pub(super) entries: BTreeMap<String, UploadTime>,
    /// What the site has and the store has lost.
    pub(super) broken: BTreeSet<String>,
    /// What the store has and nobody wants.
    pub(super) strays: Vec<String>,
    /// Whether something that was noted needs no note any more.
    pub(super) is_less: bool,
}

impl Unsettled {
    /// Looks at what is noted: one request each.
    pub(super) fn look(
        site: &LocalSite,
        remote: &Remote,
        store: &dyn Store,
        wanted: Wanted,
    ) -> Result<Self> {
        let Some(published) = remote.published() else { return Ok(Self::default()) };
        let writing = published.writing.as_ref();
        if published.unsettled.is_empty() && writing.is_none() {
            return Ok(Self::default());
        }
        let mut wants = Wants { site, host: wanted.host, of_projects: BTreeMap::new() };
        let mut noted: BTreeMap<&String, (UploadTime, bool)> = BTreeMap::new();
        for (path, since) in published.unsettled.iter().filter(|(path, _)| is_our_key(path)) {
            // Whoever is writing may be late with it, too.
            let since = if writing.is_some() { wanted.now } else { *since };
            noted.insert(path, (since, wants.has(path)?));
        }
        if let Some(writing) = writing {
            let adds = writing.adds.iter().map(|path| (path, false));
            let deletes = published.gone.keys().map(|path| (path, true));
            for (path, is_delete) in adds.chain(deletes) {
                if is_our_key(path) && path != ROOT_FILE && wants.has(path)? == is_delete {
                    noted.insert(path, (wanted.now, is_delete));
                }
            }
        }
        let noted: Vec<_> = noted.into_iter().collect();
        let looks = noted.into_par_iter().with_max_len(1).map(|(path, (since, is_wanted))| {
            let is_there = if is_wanted {
                store.head(path)?.is_some()
            } else {
                // What is gone is deleted in any case. What others have put there stays.
                !published.gone.contains_key(path)
                    && store
                        .get(path, MAX_PAGE)?
                        .is_some_and(|(bytes, _)| is_marked(&page_of(path), &bytes))
            };
            Ok((path.clone(), since, is_wanted, is_there))
        });
        let looks: Vec<(String, UploadTime, bool, bool)> = looks.collect::<Result<_>>()?;
        let mut found = Self::default();
        for (path, since, is_wanted, is_there) in looks {
            if is_wanted == is_there
                && since.seconds().saturating_add(SETTLED) <= wanted.now.seconds()
            {
                found.is_less = true;
                continue;
            }
            match (is_wanted, is_there) {
                (true, false) if site.can_send(&page_of(&path)) => {
                    found.broken.insert(path.clone());
                }
                (false, true) => found.strays.push(path.clone()),
                _ => {}
            }
            found.entries.insert(path, since);
        }
        Ok(found)
    }

    /// The projects that have lost something.
    pub(super) fn projects(&self, site: &LocalSite) -> BTreeSet<ProjectName> {
        let pages = self.broken.iter().map(|key| page_of(key));
        let of_projects = pages.filter(|path| !site.state.pages.contains_key(&**path));
        of_projects.filter_map(|path| owner(&path)?.parse().ok()).collect()
    }
}

/// What a site has.
struct Wants<'a> {
    site: &'a LocalSite,
    host: Host,
    of_projects: BTreeMap<ProjectName, BTreeSet<String>>,
}

impl Wants<'_> {
    fn has(&mut self, key: &str) -> Result<bool> {
        let path = page_of(key);
        if !self.host.takes(&path) || path != key && self.host.slash_key(&path) != Some(key) {
            return Ok(false);
        }
        if self.site.state.pages.contains_key(&*path) {
            return Ok(true);
        }
        let name: Option<ProjectName> = owner(&path).and_then(|name| name.parse().ok());
        let Some(name) = name else { return Ok(false) };
        if let Some(paths) = self.of_projects.get(&name) {
            return Ok(paths.contains(&*path));
        }
        let shard = self.site.shard(&name)?;
        let paths: BTreeSet<String> = shard.into_iter().flat_map(|shard| shard.paths()).collect();
        let has = paths.contains(&*path);
        self.of_projects.insert(name, paths);
        Ok(has)
    }
}
