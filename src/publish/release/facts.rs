//! `wheelsite-facts.json` of a release: it keeps what it says of assets that others have put
//! there, and is replaced so that nothing of it is lost whenever a run is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::plan::Wanted;
use super::{Dist, Work, by_name};
use crate::error::Result;
use crate::facts_file::{FACTS_FILE, FactsFile};
use crate::publish::report::Report;
use crate::source::github::upload::{AssetBytes, OpenRelease, Present, Renamed};
use crate::wheel::Sha256;

/// How often the facts are merged anew because another job was faster.
const ATTEMPTS: u32 = 50;
/// Seconds after which an upload of facts that has not ended never will.
const STARTER_AGE: i64 = 3600;

/// `wheelsite-facts.json` as it is to be.
pub(super) struct NewFacts {
    bytes: Vec<u8>,
    sha256: Sha256,
    /// The one that is there; what it says of files that are there is in the new one.
    old: Option<Present>,
    /// Whether that has these very bytes.
    pub(super) is_there: bool,
    /// Some that a run has left that was killed before they got their name. What they say is in
    /// the new one too, so that they may go.
    pub(super) left: Vec<Present>,
}

impl Work<'_> {
    /// What was read in the wheels, and what a release with these assets says of others that it
    /// has; none where nothing is known. The error is one of reading them.
    fn facts(
        &self,
        dists: &[&Dist],
        present: &BTreeMap<String, Present>,
    ) -> Result<Option<NewFacts>, String> {
        let known = dists.iter().filter_map(|dist| Some((&*dist.filename, dist.facts.as_ref()?)));
        let mut facts = FactsFile::of(known);
        let digests: BTreeSet<Sha256> =
            present.values().filter_map(|present| present.sha256).collect();
        // Of what was uploaded before GitHub knew digests, name and size must do.
        let undigested = |name: &str, size: u64| {
            let there = present.get(name).filter(|there| there.is_whole && there.sha256.is_none());
            there.is_some_and(|there| there.size == size)
        };
        let old = present.get(FACTS_FILE);
        let mut old_bytes = None;
        let mut left = Vec::new();
        for there in old.into_iter().chain(present.values().filter(|it| is_temporary(&it.name))) {
            let may_go = is_temporary(&there.name) && is_old(there);
            if !there.is_whole {
                left.extend(may_go.then(|| there.clone()));
                continue;
            }
            let bytes = match self.target.read_all(there, FactsFile::MAX_SIZE) {
                Ok(bytes) => bytes,
                Err(error) => return Err(error.to_string()),
            };
            // One that cannot be read helps nobody.
            let Ok(others) = FactsFile::parse(&bytes) else { continue };
            facts.add(others, |sha256, name, size| {
                digests.contains(&sha256) || undigested(name, size)
            });
            left.extend(may_go.then(|| there.clone()));
            if there.name == FACTS_FILE {
                old_bytes = Some(bytes);
            }
        }
        if facts.is_empty() {
            return Ok(None);
        }
        let bytes = facts.to_bytes();
        let sha256 = Sha256::of(&bytes);
        let is_there = old_bytes.as_ref() == Some(&bytes);
        Ok(Some(NewFacts { bytes, sha256, old: old.cloned(), is_there, left }))
    }

    /// The same of the assets that the release has now, where they are not those any more that
    /// it had: others may be replacing the facts.
    pub(super) fn facts_now(
        &self,
        dists: &[&Dist],
        release: Option<&OpenRelease>,
    ) -> Result<Option<NewFacts>> {
        let mut facts = self.facts(dists, &self.present);
        let mut retry = self.target.retry();
        loop {
            match (facts, release) {
                (Ok(facts), _) => return Ok(facts),
                (Err(_), Some(release)) if retry.pause() => {
                    facts = self.facts(dists, &by_name(self.target.assets(release)?));
                }
                (Err(reason), _) => return Err(self.target.failed(FACTS_FILE, &reason)),
            }
        }
    }

    /// Puts the facts in their place, with all that others have put there meanwhile.
    ///
    /// At every moment some asset has what was known: new facts come under a name of their own,
    /// and only what they contain is removed before they get theirs.
    pub(super) fn replace_facts(
        &self,
        release: &OpenRelease,
        dists: &[&Dist],
        mut facts: NewFacts,
        is_full: bool,
        report: &mut Report,
    ) -> Result<()> {
        let mut made = Vec::new();
        let mut reason = "others replace it again and again".to_owned();
        for _ in 0..ATTEMPTS {
            match self.put_facts(release, &facts, is_full, &mut made)? {
                Renamed::Done => {
                    for left in made.iter().chain(&facts.left) {
                        self.target.delete(left)?;
                    }
                    report.deleted += facts.left.len() as u64;
                    if !facts.is_there {
                        report.pages_sent = 1;
                        report.bytes_sent += facts.bytes.len() as u64;
                    }
                    return Ok(());
                }
                Renamed::Unsure(said) => reason = said,
                Renamed::Taken | Renamed::Gone => {}
            }
            std::thread::sleep(Duration::from_millis(fastrand::u64(20..400)));
            match self.facts(dists, &by_name(self.target.assets(release)?)) {
                Ok(Some(again)) => facts = again,
                Ok(None) => return Ok(()),
                // It was replaced while it was read.
                Err(said) => reason = said,
            }
        }
        Err(self.target.failed(FACTS_FILE, &reason))
    }

    /// Tries that once. What is made and gets another name at another time, or never, is in `made`.
    fn put_facts(
        &self,
        release: &OpenRelease,
        facts: &NewFacts,
        is_full: bool,
        made: &mut Vec<Present>,
    ) -> Result<Renamed> {
        if facts.is_there {
            return Ok(Renamed::Done);
        }
        let bytes = AssetBytes::Bytes(facts.bytes.clone());
        let wanted = Wanted { name: temporary(), sha256: facts.sha256, bytes };
        if let Some(old) = facts.old.as_ref().filter(|_| is_full) {
            // There is room for one of them only.
            self.target.delete(old)?;
        }
        let new = self.send(release, &wanted)?;
        if let Some(old) = facts.old.as_ref().filter(|_| !is_full) {
            self.target.delete(old)?;
        }
        let mut renamed = self.target.rename(&new, FACTS_FILE)?;
        if matches!(renamed, Renamed::Unsure(_)) {
            let there = by_name(self.target.assets(release)?);
            if there.get(FACTS_FILE).is_some_and(|there| there.is(&new)) {
                renamed = Renamed::Done;
            }
        }
        if !matches!(renamed, Renamed::Done) {
            made.push(new);
        }
        Ok(renamed)
    }
}

/// A name for facts that are not in their place yet.
fn temporary() -> String {
    format!("{:016x}-{FACTS_FILE}", fastrand::u64(..))
}

fn is_temporary(name: &str) -> bool {
    let number = name.strip_suffix(FACTS_FILE).and_then(|number| number.strip_suffix('-'));
    number.is_some_and(|it| it.len() == 16 && it.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether nobody can be sending it any more.
fn is_old(starter: &Present) -> bool {
    let now = jiff::Timestamp::now().as_second();
    now.saturating_sub(starter.created().seconds()) > STARTER_AGE
}
