//! A publication from its first request to its last.

use std::time::{Duration, Instant};

use super::apply::{Counts, Outcome, Work};
use super::bucket::BucketStore;
use super::changes::{Changes, Wanted};
use super::claim::new_id;
use super::folder::FolderStore;
use super::local::LocalSite;
use super::merge::{Base, Merger};
use super::remote::Remote;
use super::report::{Report, steps};
use super::shards::Shards;
use super::store::{Condition, Counted, Put, Store};
use super::{git, hosting, release};
use crate::config::{BucketSettings, Environment};
use crate::error::{Error, Result};
use crate::facts::UploadTime;
use crate::host::Host;
use crate::publish::Target;
use crate::report::Reporter;
use crate::source::Provider;
use crate::state::{SiteState, Writing};

/// How often a publication begins anew because somebody else was faster.
const ATTEMPTS: u32 = 5;
/// The same of a merge, which lets everybody else go first.
const MERGE_ATTEMPTS: u32 = 200;
/// Files of a site whose shards are held in memory whoever publishes it; merges hold all.
const FEW: u64 = 20_000;
/// How often a store is tried that took both writes of a probe.
const PROBES: u32 = 4;
/// How long a merge waits in all for others that are alive: nothing is ever taken from those.
const MERGE_WAIT: Duration = Duration::from_secs(600);

/// What is published how.
pub struct Publication<'a> {
    /// Where.
    pub target: &'a Target,
    /// For which host.
    pub host: Host,
    /// Leaves alone what others have published there, and makes pages of both.
    pub merger: Option<&'a dyn Merger>,
    /// To a release: sidecars alone.
    pub sidecars_only: bool,
    /// How long files that no page refers to any more are kept.
    pub grace: Duration,
    /// Requests at once.
    pub jobs: usize,
    /// Only say what would be done.
    pub dry_run: bool,
    /// How a bucket is reached.
    pub bucket: &'a BucketSettings,
    /// The repository of a release that names none, and where that is said.
    pub repository: Option<(&'static str, String)>,
    /// What the environment says.
    pub environment: &'a Environment,
    /// Hears of the progress.
    pub reporter: &'a dyn Reporter,
}

/// Brings a site to where it is served.
pub fn publish(site: &LocalSite, publication: &Publication<'_>) -> Result<Report> {
    let prepared = hosting::prepared(site, publication)?;
    let site = prepared.as_ref().unwrap_or(site);
    let jobs = publication.jobs;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build();
    let pool = pool.map_err(|error| Error::config(format!("`--jobs {jobs}`: {error}")))?;
    pool.install(|| match publication.target {
        Target::Folder(path) => {
            if site.is_in(path) {
                return Err(Error::config(format!("`{}` is the site itself", path.display())));
            }
            to_store(site, publication, &FolderStore::new(path))
        }
        Target::Bucket(spec) => {
            let network = &publication.environment.network;
            to_store(site, publication, &BucketStore::new(spec, publication.bucket, network)?)
        }
        Target::Git(target) => git::publish(site, publication, target),
        Target::Release(spec) => release::publish(site, publication, spec),
    })
}

/// Publishes to a store, beginning anew where somebody else was faster.
pub(super) fn to_store(
    site: &LocalSite,
    publication: &Publication<'_>,
    store: &dyn Store,
) -> Result<Report> {
    if publication.host.slash_key("x/index.html").is_some() && !takes_slash_keys(publication.target)
    {
        return Err(Error::config_hint(
            format!("`{}` takes no keys that end in a slash", publication.target),
            "`--host r2` is for `s3://` targets",
        ));
    }
    let counted = Counted::new(store);
    let result = attempts(site, publication, &counted);
    store.finish();
    let mut report = result?;
    store.shown().clone_into(&mut report.target);
    report.requests = counted.count();
    report.dry_run = publication.dry_run;
    Ok(report)
}

fn takes_slash_keys(target: &Target) -> bool {
    matches!(target, Target::Bucket(spec) if spec.provider == Provider::S3)
}

fn attempts(site: &LocalSite, publication: &Publication<'_>, store: &dyn Store) -> Result<Report> {
    let counts = Counts::default();
    let most = if publication.merger.is_some() { MERGE_ATTEMPTS } else { ATTEMPTS };
    let mut patience = Patience::new(publication);
    let mut probed = false;
    let mut torn: Option<Remote> = None;
    let mut last = None;
    let (mut attempt, mut waits) = (0, 0);
    // What was waited for somebody at work is no attempt.
    while attempt < most {
        pause(attempt + waits);
        let remote = Remote::read(store)?;
        if publication.merger.is_some() {
            if is_merged(site, &remote, publication.host) {
                return Ok(Report::default());
            }
            match patience.with(&remote) {
                Manners::Wait => {
                    waits += 1;
                    continue;
                }
                Manners::GoOn => {}
                Manners::GiveUp => {
                    return Err(Error::Overtaken {
                        target: store.shown().to_owned(),
                        reason: "it has been at work all the while that this merge waited, and is \
                            alive",
                    });
                }
            }
        }
        attempt += 1;
        // Whoever was at work would have written the root by now.
        let lenient = torn.as_ref().is_some_and(|torn| {
            torn.root.as_ref().map(|(_, tag)| tag) == remote.root.as_ref().map(|(_, tag)| tag)
        });
        let tried = one(site, publication, store, &remote, lenient, &mut probed, &counts);
        match tried {
            Ok(Some(report)) => return Ok(report),
            Ok(None) => {}
            Err(Failed::Torn(error)) => {
                torn = Some(remote);
                last = Some(error);
            }
            Err(Failed::Error(error @ Error::Overtaken { .. })) if publication.merger.is_some() => {
                last = Some(error);
            }
            Err(Failed::Error(error)) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| Error::Overtaken {
        target: store.shown().to_owned(),
        reason: "it was faster each time that this one began anew",
    }))
}

/// Why an attempt failed.
enum Failed {
    /// While plans were made: the state there is that of two moments.
    Torn(Error),
    /// For good.
    Error(Error),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

fn torn(error: Error) -> Failed {
    match error {
        Error::Overtaken { .. } => Failed::Torn(error),
        error => Failed::Error(error),
    }
}

/// One attempt; none where somebody else was faster.
fn one(
    site: &LocalSite,
    publication: &Publication<'_>,
    store: &dyn Store,
    remote: &Remote,
    lenient: bool,
    probed: &mut bool,
    counts: &Counts,
) -> Result<Option<Report>, Failed> {
    // What others have written may name any number.
    let files = |state: &SiteState| {
        state.projects.values().fold(0_u64, |sum, known| sum.saturating_add(known.files))
    };
    let is_small = files(&site.state) <= FEW && remote.state().is_none_or(|it| files(it) <= FEW);
    let shards = if publication.merger.is_some() || is_small {
        Shards::kept(store, remote.published().is_some_and(|published| published.packed))
    } else {
        Shards::new(store)
    };
    let merged;
    let site = match publication.merger {
        None => site,
        Some(merger) => {
            merged = merger
                .merge(
                    site,
                    &Base { store, shards: &shards, remote, lenient, host: publication.host },
                )
                .map_err(torn)?;
            &merged
        }
    };
    // A merge makes pages anew, for the host that the site was built for.
    let adapted = hosting::adapted(site, publication.host)?;
    let site = adapted.as_ref().unwrap_or(site);
    // How long files stay is the word of whoever publishes the whole site: a merge shortens nothing.
    let said = remote.published().map(|published| Duration::from_secs(published.grace));
    let said = said.filter(|_| publication.merger.is_some()).unwrap_or_default();
    let grace = publication.grace.max(said);
    let wanted = Wanted { host: publication.host, grace, now: now(), lenient };
    publication.reporter.stage("comparing", None);
    let changes = Changes::new(site, remote, &shards, wanted).map_err(torn)?;
    let mut report =
        Report { kept: (changes.gone.len() - changes.due.len()) as u64, ..Report::default() };
    if !changes.any {
        return Ok(Some(report));
    }
    let work = Work {
        site,
        store,
        shards: &shards,
        remote,
        wanted,
        is_shared: !matches!(publication.target, Target::Git(_)),
        reporter: publication.reporter,
        jobs: publication.jobs,
        counts,
    };
    if publication.dry_run {
        if remote.root.is_none() && work.is_preceded(&changes)? {
            return Ok(None);
        }
        report.plan = steps(&changes);
        return Ok(Some(report));
    }
    if publication.merger.is_some() && !*probed {
        probe(store, publication.host)?;
        *probed = true;
    }
    match work.apply(&changes)? {
        Outcome::Late => Ok(None),
        Outcome::Done => {
            counts.fill(&mut report);
            Ok(Some(report))
        }
    }
}

/// Whether all of a site has been merged into what is there, by what the state remembers.
fn is_merged(site: &LocalSite, remote: &Remote, host: Host) -> bool {
    let Some(published) = remote.published() else { return false };
    published.writing.is_none()
        && published.unsettled.is_empty()
        && published.host == host
        && site.state.projects.iter().all(|(name, known)| {
            let is_there = remote.state().is_some_and(|state| state.projects.contains_key(name));
            let merged = published.merged.get(name);
            is_there
                && (remote.from(name) == Some(known.shard)
                    || merged.is_some_and(|merged| merged.contains(&known.shard.short())))
        })
}

/// What is written to find out what a store refuses: one key for all, so that what somebody who was
/// killed at it has left is gone after the next one.
const PROBE: &str = ".wheelsite-probe";

/// Finds out whether a store refuses to write what is there already.
fn probe(store: &dyn Store, host: Host) -> Result<()> {
    let headers = host.headers(PROBE);
    for attempt in 0..PROBES {
        pause(attempt);
        let mut refuses = false;
        for _ in 0..2 {
            let put = store.put(PROBE, new_id().as_bytes(), headers, &Condition::Absent)?;
            refuses |= put == Put::Refused;
        }
        store.delete(PROBE)?;
        // Somebody else may have deleted it between both.
        if refuses {
            return Ok(());
        }
    }
    Err(Error::config_hint(
        format!(
            "`{}` cannot be merged into: its store does not heed `If-None-Match: *`, and \
                overwrote an object that was there",
            store.shown()
        ),
        "two publishers at once would lose each other's wheels; publish the whole site without \
            `--merge`, from one place at a time",
    ))
}

fn now() -> UploadTime {
    let seconds = jiff::Timestamp::now().as_second();
    UploadTime::from_seconds(seconds).unwrap_or_else(|| {
        // A clock before 1970 or after 9999 keeps everything.
        UploadTime::from_seconds(0).unwrap_or_else(|| unreachable!("1970 is a time"))
    })
}

/// Those who were late together do not come back together.
fn pause(attempt: u32) {
    if attempt > 0 {
        let longest = 100 * u64::from(attempt.min(8));
        std::thread::sleep(Duration::from_millis(fastrand::u64(longest / 4..=longest)));
    }
}

/// What a merge does while somebody else is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manners {
    /// Nobody is, or nobody who is alive.
    GoOn,
    /// Somebody is.
    Wait,
    /// Somebody has been for too long.
    GiveUp,
}

/// How long one publisher waits for another.
struct Patience {
    /// How long somebody may show no life.
    limit: Duration,
    until: Instant,
    seen: Option<(String, u64, Instant)>,
}

impl Patience {
    fn new(publication: &Publication<'_>) -> Self {
        Self {
            limit: publication.environment.network.patience,
            until: Instant::now() + MERGE_WAIT,
            seen: None,
        }
    }

    /// Whoever is at work and alive goes first.
    fn with(&mut self, remote: &Remote) -> Manners {
        let writing = remote.published().and_then(|published| published.writing.as_ref());
        self.with_writing(writing, Instant::now())
    }

    fn with_writing(&mut self, writing: Option<&Writing>, now: Instant) -> Manners {
        let Some(writing) = writing else {
            self.seen = None;
            return Manners::GoOn;
        };
        let is_same =
            |(id, beat, _): &(String, u64, Instant)| *id == writing.id && *beat == writing.beat;
        if !self.seen.as_ref().is_some_and(is_same) {
            self.seen = Some((writing.id.clone(), writing.beat, now));
        }
        let since = self.seen.as_ref().map_or(now, |(.., since)| *since);
        if now.duration_since(since) >= self.limit {
            Manners::GoOn
        } else if now < self.until {
            Manners::Wait
        } else {
            Manners::GiveUp
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn nothing_is_taken_from_whoever_is_alive() {
        let began = Instant::now();
        let second = Duration::from_secs(1);
        let limit = 15 * second;
        let mut patience = Patience { limit, until: began + MERGE_WAIT, seen: None };
        let mut writing = Writing {
            id: "a".to_owned(),
            beat: 0,
            projects: BTreeMap::default(),
            adds: BTreeSet::default(),
        };
        for beat in 0..119 {
            writing.beat = beat;
            let now = began + 5 * second * u32::try_from(beat).expect("is small");
            assert_eq!(patience.with_writing(Some(&writing), now), Manners::Wait, "{beat}");
        }
        writing.beat += 1;
        let late = began + MERGE_WAIT;
        assert_eq!(patience.with_writing(Some(&writing), late), Manners::GiveUp);
        // Its last sign of life was that one.
        assert_eq!(patience.with_writing(Some(&writing), late + limit), Manners::GoOn);
        assert_eq!(patience.with_writing(None, late), Manners::GoOn);
    }
}
