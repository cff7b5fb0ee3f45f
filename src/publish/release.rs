//! A release as a place to publish to: distributions, their sidecars, and what was read in them.
//!
//! What is there stays: nothing is deleted but uploads that never ended, and no asset is given
//! other bytes, but for `wheelsite-facts.json`, which follows from the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rayon::prelude::*;

use super::local::LocalSite;
use super::report::{Report, Step};
use super::run::Publication;
use crate::error::{Error, Result};
use crate::facts::Facts;
use crate::facts_file::{FACTS_FILE, FactsFile};
use crate::inspect::read_metadata;
use crate::publish::metadata_path;
use crate::source::ReleaseSpec;
use crate::source::github::upload::{
    AssetBytes, OpenRelease, Present, ReleaseTarget, Renamed, Uploaded,
};
use crate::wheel::{ProjectName, Sha256};

/// GitHub takes no larger file.
const MAX_SIZE: u64 = 2 << 30;
/// GitHub takes no more assets in one release.
const MAX_ASSETS: usize = 1000;

/// How often the facts are merged anew because another job was faster.
const FACTS_ATTEMPTS: u32 = 50;
/// Seconds after which an upload of facts that has not ended never will.
const STARTER_AGE: i64 = 3600;

/// An asset that the release is to have.
struct Wanted {
    name: String,
    sha256: Sha256,
    bytes: AssetBytes,
}

/// A distribution of the site.
struct Dist {
    project: ProjectName,
    filename: String,
    sha256: Sha256,
    /// Digest of its METADATA.
    metadata: Option<Sha256>,
    facts: Option<Facts>,
    /// Where the site carries it.
    carried: Option<String>,
}

/// Publishes to a release.
pub(super) fn publish(
    site: &LocalSite,
    publication: &Publication<'_>,
    spec: &ReleaseSpec,
) -> Result<Report> {
    let repository = publication.repository.as_ref();
    let target = ReleaseTarget::new(spec, repository, publication.environment)?;
    let dists = dists(site)?;
    let release = target.find()?;
    let present = match &release {
        Some(release) => by_name(target.assets(release)?),
        None if publication.sidecars_only => {
            return Err(Error::target_hint(
                format!("`{}` does not exist", target.shown()),
                "`--sidecars-only` adds to a release that is there: check the tag",
            ));
        }
        None => BTreeMap::new(),
    };
    let work = Work { site, target: &target, publication, present };
    let plan = work.plan(&dists, release.as_ref())?;
    let mut report = Report { target: target.shown(), ..Report::default() };
    if publication.dry_run {
        report.dry_run = true;
        report.plan = plan.steps();
        return Ok(report);
    }
    if plan.is_empty() {
        return Ok(report);
    }
    let release = match release {
        Some(release) => release,
        None => target.create()?,
    };
    work.carry_out(plan, &release, &mut report)?;
    Ok(report)
}

/// What the release lacks.
struct Plan<'d> {
    wheels: Vec<Wanted>,
    sidecars: Vec<Wanted>,
    /// What the facts are about, and what they are; none where they are as they should be.
    facts: Option<(Vec<&'d Dist>, NewFacts)>,
    /// Whether there is no room for one more asset beside all these.
    is_full: bool,
}

impl Plan<'_> {
    fn is_empty(&self) -> bool {
        self.wheels.is_empty() && self.sidecars.is_empty() && self.facts.is_none()
    }

    fn steps(&self) -> Vec<Step> {
        let names = self.wheels.iter().chain(&self.sidecars).map(|wanted| wanted.name.clone());
        let facts = self.facts.iter().filter(|(_, facts)| !facts.is_there);
        let names = names.chain(facts.map(|_| FACTS_FILE.to_owned()));
        names.map(|path| Step { action: "send", path }).collect()
    }
}

/// `wheelsite-facts.json` as it is to be.
struct NewFacts {
    bytes: Vec<u8>,
    sha256: Sha256,
    /// The one that is there; what it says of files that are there is in the new one.
    old: Option<Present>,
    /// Whether that has these very bytes.
    is_there: bool,
    /// Some that a run has left that was killed before they got their name. What they say is in
    /// the new one too, so that they may go.
    left: Vec<Present>,
}

fn keep(all: Vec<Wanted>, test: impl Fn(&Wanted) -> Result<bool>) -> Result<Vec<Wanted>> {
    let mut kept = Vec::new();
    for wanted in all {
        if test(&wanted)? {
            kept.push(wanted);
        }
    }
    Ok(kept)
}

fn by_name(present: Vec<Present>) -> BTreeMap<String, Present> {
    present.into_iter().map(|present| (present.name.clone(), present)).collect()
}

/// Every distribution of a site that has a digest.
fn dists(site: &LocalSite) -> Result<Vec<Dist>> {
    let mut dists = Vec::new();
    for name in site.state.projects.keys() {
        let Some(shard) = site.shard(name)? else { continue };
        let carried: BTreeMap<Sha256, String> = shard
            .carried()
            .filter(|(path, ..)| !path.ends_with(".metadata"))
            .map(|(path, sha256, _)| (sha256, path))
            .collect();
        for file in &shard.files {
            let Some(sha256) = file.sha256 else { continue };
            dists.push(Dist {
                project: name.clone(),
                filename: file.filename.to_string(),
                sha256,
                metadata: file.metadata_digest(),
                facts: file.facts().filter(|facts| !facts.reported),
                carried: carried
                    .get(&sha256)
                    .filter(|path| path.ends_with(&*file.filename))
                    .cloned(),
            });
        }
    }
    Ok(dists)
}

struct Work<'a> {
    site: &'a LocalSite,
    target: &'a ReleaseTarget,
    publication: &'a Publication<'a>,
    present: BTreeMap<String, Present>,
}

impl Work<'_> {
    /// What is to be sent; errors where that cannot be.
    fn plan<'d>(&self, dists: &'d [Dist], release: Option<&OpenRelease>) -> Result<Plan<'d>> {
        let sidecars_only = self.publication.sidecars_only;
        let wheels = if sidecars_only { Vec::new() } else { self.wheels(dists)? };
        let is_listed = |dist: &&Dist| !sidecars_only || self.has(&dist.filename, dist.sha256);
        let listed: Vec<&Dist> = dists.iter().filter(is_listed).collect();
        if sidecars_only && listed.is_empty() {
            let place = self.target.shown();
            return Err(Error::Guard {
                message: format!("`{place}` has no file of the site, by name and digest"),
                hint: "build the site from that release: `build --source gh-release:TAG`"
                    .to_owned(),
            });
        }
        let sidecars = self.sidecars(&listed)?;
        let facts = self.facts_now(&listed, release)?;
        let facts = facts.filter(|facts| !facts.is_there || !facts.left.is_empty());
        let missing = |wanted: &Wanted| -> Result<bool> { self.is_missing(wanted) };
        let mut plan = Plan {
            wheels: keep(wheels, missing)?,
            sidecars: keep(sidecars, missing)?,
            facts: facts.map(|facts| (listed, facts)),
            is_full: false,
        };
        plan.wheels.sort_by(|one, other| one.name.cmp(&other.name));
        plan.sidecars.sort_by(|one, other| one.name.cmp(&other.name));
        plan.is_full = self.room(&plan)? == 0;
        Ok(plan)
    }

    /// How many more assets the release could have. What is replaced counts once.
    fn room(&self, plan: &Plan<'_>) -> Result<usize> {
        let sent = plan.wheels.iter().chain(&plan.sidecars).map(|wanted| &*wanted.name);
        let sent = sent.chain(plan.facts.as_ref().map(|_| FACTS_FILE));
        let names: BTreeSet<&str> = sent.chain(self.present.keys().map(String::as_str)).collect();
        let all = names.len();
        MAX_ASSETS.checked_sub(all).ok_or_else(|| Error::Guard {
            message: format!(
                "`{}` would have {all} assets, and GitHub takes {MAX_ASSETS}",
                self.target.shown()
            ),
            hint: "publish to several releases".to_owned(),
        })
    }

    /// Sends all that, in the order in which it refers to each other.
    fn carry_out(&self, plan: Plan<'_>, release: &OpenRelease, report: &mut Report) -> Result<()> {
        let reporter = self.publication.reporter;
        let files = (plan.wheels.len() + plan.sidecars.len()) as u64;
        reporter.stage("uploading", Some(files));
        let sent = AtomicU64::new(0);
        for assets in [&plan.wheels, &plan.sidecars] {
            assets.par_iter().with_max_len(1).try_for_each(|wanted| {
                sent.fetch_add(self.send(release, wanted)?.size, Ordering::Relaxed);
                reporter.step();
                Ok::<_, Error>(())
            })?;
        }
        report.files_sent = files;
        report.bytes_sent = sent.into_inner();
        if let Some((dists, facts)) = plan.facts {
            report.pages_sent = u64::from(!facts.is_there);
            report.bytes_sent += self.replace_facts(release, &dists, facts, plan.is_full)?;
        }
        Ok(())
    }

    /// Whether the release has a file, whole and with these bytes.
    fn has(&self, name: &str, sha256: Sha256) -> bool {
        let there = self.present.get(name);
        there.is_some_and(|there| there.is_whole && there.sha256 == Some(sha256))
    }

    /// The distributions that the site carries.
    fn wheels(&self, dists: &[Dist]) -> Result<Vec<Wanted>> {
        let mut wheels = Vec::new();
        for dist in dists {
            let Some(path) = &dist.carried else { continue };
            let file = self.site.file(path).ok_or_else(|| self.site.missing(path))?;
            let (found, size) = std::fs::File::open(&file)
                .and_then(Sha256::of_reader)
                .map_err(Error::output("read", &file))?;
            if found != dist.sha256 {
                return Err(super::changed(&file, dist.sha256, found));
            }
            if size >= MAX_SIZE {
                return Err(Error::Guard {
                    message: format!(
                        "`{}` has {size} bytes, and GitHub takes less than 2 GiB",
                        dist.filename
                    ),
                    hint: "publish it to a bucket".to_owned(),
                });
            }
            let bytes = AssetBytes::File(file, size);
            wheels.push(Wanted { name: dist.filename.clone(), sha256: dist.sha256, bytes });
        }
        if wheels.is_empty() && !dists.is_empty() {
            return Err(Error::config_hint(
                "the site carries no files that a release could be given",
                "build it with `--files copy`; to add sidecars to a release that has the \
                    wheels, use `--sidecars-only`",
            ));
        }
        Ok(wheels)
    }

    /// The METADATA of each wheel: as the site has it, else as the asset itself says.
    fn sidecars(&self, dists: &[&Dist]) -> Result<Vec<Wanted>> {
        let wanted: Vec<Result<Option<Wanted>>> = dists
            .par_iter()
            .with_max_len(1)
            .map(|dist| {
                let Some(sha256) = dist.metadata else { return Ok(None) };
                let name = format!("{}.metadata", dist.filename);
                if self.has(&name, sha256) {
                    return Ok(None);
                }
                let bytes = AssetBytes::Bytes(self.metadata(dist, sha256)?);
                Ok(Some(Wanted { name, sha256, bytes }))
            })
            .collect();
        wanted.into_iter().filter_map(Result::transpose).collect()
    }

    fn metadata(&self, dist: &Dist, expected: Sha256) -> Result<Vec<u8>> {
        let fits = |bytes: &Vec<u8>| Sha256::of(bytes) == expected;
        let beside = dist.carried.as_ref().map(|path| format!("{path}.metadata"));
        let paths = beside.into_iter().chain([metadata_path(&dist.project)]);
        for path in paths {
            let file = self.site.file(&path);
            if let Some(bytes) = file.and_then(|file| std::fs::read(file).ok()).filter(fits) {
                return Ok(bytes);
            }
        }
        let unreadable = |reason: String| {
            Error::target(format!(
                "cannot read METADATA of `{}` in `{}`: {reason}",
                dist.filename,
                self.target.shown()
            ))
        };
        let Some(present) = self.present.get(&dist.filename) else {
            return Err(unreadable("the site does not have it".to_owned()));
        };
        match read_metadata(self.target.read(present)) {
            Ok(Some(bytes)) if fits(&bytes) => Ok(bytes),
            Ok(_) => Err(unreadable("it is not what the site says".to_owned())),
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

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
        let old = present.get(FACTS_FILE);
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
            facts.add(others, &digests);
            left.extend(may_go.then(|| there.clone()));
        }
        if facts.is_empty() {
            return Ok(None);
        }
        let bytes = facts.to_bytes();
        let sha256 = Sha256::of(&bytes);
        let is_there = old.is_some_and(|old| old.is_whole && old.sha256 == Some(sha256));
        Ok(Some(NewFacts { bytes, sha256, old: old.cloned(), is_there, left }))
    }

    /// The same of the assets that the release has now, where they are not those any more that
    /// it had: others may be replacing the facts.
    fn facts_now(
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

    /// Puts the facts in their place, with all that others have put there meanwhile; gives the
    /// bytes that were sent.
    ///
    /// At every moment some asset has what was known: new facts come under a name of their own,
    /// and only what they contain is removed before they get theirs.
    fn replace_facts(
        &self,
        release: &OpenRelease,
        dists: &[&Dist],
        mut facts: NewFacts,
        is_full: bool,
    ) -> Result<u64> {
        let mut made = Vec::new();
        let mut reason = "others replace it again and again".to_owned();
        for _ in 0..FACTS_ATTEMPTS {
            match self.put_facts(release, &facts, is_full, &mut made)? {
                Renamed::Done => {
                    for left in made.iter().chain(&facts.left) {
                        self.target.delete(left)?;
                    }
                    return Ok(facts.bytes.len() as u64);
                }
                Renamed::Unsure(said) => reason = said,
                Renamed::Taken | Renamed::Gone => {}
            }
            std::thread::sleep(Duration::from_millis(fastrand::u64(20..400)));
            match self.facts(dists, &by_name(self.target.assets(release)?)) {
                Ok(Some(again)) => facts = again,
                Ok(None) => return Ok(0),
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

    /// Whether an asset is to be sent. Errors where there is another of its name.
    fn is_missing(&self, wanted: &Wanted) -> Result<bool> {
        match self.present.get(&wanted.name) {
            Some(present) if present.is_whole => self.compare(present, wanted).map(|()| false),
            _ => Ok(true),
        }
    }

    fn compare(&self, present: &Present, wanted: &Wanted) -> Result<()> {
        let size = match &wanted.bytes {
            AssetBytes::File(_, size) => *size,
            AssetBytes::Bytes(bytes) => bytes.len() as u64,
        };
        let found = match present.sha256 {
            Some(found) if found == wanted.sha256 => return Ok(()),
            Some(found) => format!("the sha256 {found}, expected {}", wanted.sha256),
            None if present.size == size => {
                self.publication.reporter.warn(&format!(
                    "`{}` is there with as many bytes; GitHub knows no digest of it, and it stays",
                    wanted.name
                ));
                return Ok(());
            }
            None => format!("{} bytes, expected {size}", present.size),
        };
        Err(Error::Guard {
            message: format!(
                "`{}` is in `{}` already and has {found}",
                wanted.name,
                self.target.shown()
            ),
            hint: "nothing overwrites a file of a release: give the new one another version, or \
                remove the old one yourself"
                .to_owned(),
        })
    }

    /// Sends an asset until it is there.
    fn send(&self, release: &OpenRelease, wanted: &Wanted) -> Result<Present> {
        if let Some(starter) = self.present.get(&wanted.name)
            && !starter.is_whole
        {
            self.target.delete(starter)?;
        }
        let content_type = self.publication.host.headers(&wanted.name).content_type;
        let mut retry = self.target.retry();
        loop {
            let uploaded =
                self.target.upload(release, &wanted.name, content_type, &wanted.bytes)?;
            let reason = match uploaded {
                Uploaded::Done(present) if present.name != wanted.name => {
                    self.target.delete(&present)?;
                    let reason = format!("GitHub calls it `{}`", present.name);
                    return Err(self.target.failed(&wanted.name, &reason));
                }
                Uploaded::Done(present) if present.is_whole => {
                    return self.as_wanted(*present, wanted);
                }
                Uploaded::Done(_) => "its upload did not end".to_owned(),
                Uploaded::Exists => "an asset of this name is there".to_owned(),
                Uploaded::Unsure(reason) => reason,
            };
            // What became of it: all of it is there, some of it, or nothing.
            let mut there = by_name(self.target.assets(release)?);
            match there.remove(&wanted.name) {
                Some(present) if present.is_whole => {
                    self.compare(&present, wanted)?;
                    return Ok(present);
                }
                Some(starter) => self.target.delete(&starter)?,
                None => {}
            }
            if !retry.pause() {
                return Err(self.target.failed(&wanted.name, &reason));
            }
        }
    }

    /// What this very upload has made, unless the file has changed since it was looked at: no
    /// other bytes stay under the name.
    fn as_wanted(&self, made: Present, wanted: &Wanted) -> Result<Present> {
        match made.sha256.filter(|found| *found != wanted.sha256) {
            None => {
                self.compare(&made, wanted)?;
                Ok(made)
            }
            Some(found) => {
                self.target.delete(&made)?;
                Err(match &wanted.bytes {
                    AssetBytes::File(file, _) => super::changed(file, wanted.sha256, found),
                    AssetBytes::Bytes(_) => {
                        let reason = "GitHub has got other bytes of it";
                        self.target.failed(&wanted.name, reason)
                    }
                })
            }
        }
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
