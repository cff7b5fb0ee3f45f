//! Wheels of a folder as assets of releases: as many releases as they need.
//!
//! A wheel and what lies beside it are always in one release, since clients find the sidecar by
//! the wheel's URL. What any release of the repository has is not sent again, and no name gets
//! other bytes anywhere in it: an index of all releases would have to choose between them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::plan::{Plan, Wanted};
use super::series::Series;
use super::{Dist, Work, by_name};
use crate::config::Environment;
use crate::error::{Error, Result};
use crate::facts::{Artifact, Depth, Facts, Location};
use crate::host::Host;
use crate::inspect::{Kind, inspect, read_metadata};
use crate::publish::report::{Report, Step};
use crate::report::Reporter;
use crate::source::ReleaseSpec;
use crate::source::github::upload::{AssetBytes, Existing, OpenRelease, ReleaseTarget};
use crate::verify::{Evidence, Policy, Severity, Verdict, judge};
use crate::wheel::{Sha256, WheelFilename};

/// A wheel to upload.
#[derive(Debug, Clone)]
pub struct ReleaseWheel {
    path: PathBuf,
    filename: WheelFilename,
    facts: Facts,
    /// The bytes of METADATA.
    metadata: Vec<u8>,
    beside: Vec<PathBuf>,
}

impl ReleaseWheel {
    /// Reads a wheel and judges it as an index does. There is none where it is rejected.
    ///
    /// Errors where it cannot be read.
    pub fn read(path: &Path, policy: &Policy) -> Result<(Verdict, Option<Self>)> {
        let read = || File::open(path).map_err(Error::output("read", path));
        let facts = inspect(Kind::Wheel, Depth::Full, read()?);
        let facts = facts.map_err(Error::output("read", path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let artifact = Artifact::new(&name, Location::File(path.to_owned()));
        let sidecar = sidecar_digest(path)?;
        let evidence = Evidence { artifact: &artifact, facts: Some(&facts), sidecar };
        let findings = judge(evidence, policy);
        let verdict = Verdict {
            filename: name.to_string(),
            location: path.display().to_string(),
            accepted: findings.iter().all(|finding| finding.severity != Severity::Error),
            depth: Some(facts.depth),
            findings,
        };
        let Ok(filename) = name.parse() else { return Ok((verdict, None)) };
        let metadata = read_metadata(read()?).ok().flatten().filter(|_| verdict.accepted);
        let wheel = metadata.map(|metadata| Self {
            path: path.to_owned(),
            filename,
            facts,
            metadata,
            beside: Vec::new(),
        });
        Ok((verdict, wheel))
    }

    /// Adds a file that goes with it: a build report.
    #[must_use]
    pub fn with(mut self, beside: PathBuf) -> Self {
        self.beside.push(beside);
        self
    }

    /// Its name.
    pub fn filename(&self) -> &WheelFilename {
        &self.filename
    }

    /// Its digest.
    pub fn sha256(&self) -> Sha256 {
        self.facts.sha256
    }

    fn sidecar(&self) -> Wanted {
        Wanted {
            name: format!("{}.metadata", self.filename),
            sha256: Sha256::of(&self.metadata),
            bytes: AssetBytes::Bytes(self.metadata.clone()),
        }
    }

    fn wanted(&self) -> Result<Wanted> {
        let (sha256, size) = (self.facts.sha256, self.facts.size);
        Wanted::file(self.filename.as_str(), sha256, self.path.clone(), size)
    }

    fn beside(&self) -> Result<Vec<Wanted>> {
        let wanted = |path: &PathBuf| {
            let (sha256, size) = File::open(path)
                .and_then(Sha256::of_reader)
                .map_err(Error::output("read", path))?;
            Wanted::file(&name_of(path), sha256, path.clone(), size)
        };
        self.beside.iter().map(wanted).collect()
    }

    /// The names of all that belongs together.
    fn names(&self) -> Vec<String> {
        let beside = self.beside.iter().map(|path| name_of(path));
        let wheel = self.filename.to_string();
        [format!("{wheel}.metadata"), wheel].into_iter().chain(beside).collect()
    }

    fn dist(&self) -> Dist {
        Dist {
            project: self.filename.name().clone(),
            filename: self.filename.to_string(),
            sha256: self.facts.sha256,
            size: Some(self.facts.size),
            metadata: None,
            facts: Some(self.facts.clone()),
            carried: None,
        }
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The digest of the `.metadata` file beside a wheel, if there is one.
fn sidecar_digest(path: &Path) -> Result<Option<Sha256>> {
    let mut sidecar = path.as_os_str().to_owned();
    sidecar.push(".metadata");
    let sidecar = Path::new(&sidecar);
    match File::open(sidecar).and_then(Sha256::of_reader) {
        Ok((sha256, _)) => Ok(Some(sha256)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::output("read", sidecar)(error)),
    }
}

/// How wheels are uploaded.
pub struct WheelUpload<'a> {
    /// The release that takes them, and after which others are called where it is full.
    pub spec: &'a ReleaseSpec,
    /// The repository where the spec names none, and where that is said.
    pub repository: Option<(&'static str, String)>,
    /// Requests at once.
    pub jobs: usize,
    /// Only say what would be done.
    pub dry_run: bool,
    /// What the environment says.
    pub environment: &'a Environment,
    /// Hears of the progress.
    pub reporter: &'a dyn Reporter,
}

/// What became of wheels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Releases {
    /// As `OWNER/REPO`.
    pub repository: String,
    /// Whether it was only said what would be done.
    pub dry_run: bool,
    /// The tags of all releases that have the wheels now.
    pub tags: Vec<String>,
    /// Releases to which something was sent.
    pub releases: Vec<ReleaseReport>,
    /// Wheels that were there already.
    pub held: Vec<Held>,
    /// Files that were sent.
    pub files_sent: u64,
    /// Bytes of all that.
    pub bytes_sent: u64,
}

/// What was done to one release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReleaseReport {
    /// Its tag.
    pub tag: String,
    /// Whether it was made.
    pub is_new: bool,
    /// Wheels that were sent to it.
    pub wheels: Vec<String>,
    /// Files that were sent to it, its facts among them.
    pub files_sent: u64,
    /// Bytes of all that.
    pub bytes_sent: u64,
    /// In the order in which it is done; filled where it was only said what would be done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<Step>,
}

/// A wheel that a release has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The wheel.
    pub filename: String,
    /// The release's tag.
    pub tag: String,
}

/// What one release is given.
#[derive(Default)]
struct Part {
    /// Numbers of wheels that it has, and of those that it gets.
    listed: Vec<usize>,
    wheels: Vec<Wanted>,
    sidecars: Vec<Wanted>,
}

/// Brings wheels to releases. Nothing is sent before all is compared with what is there.
pub fn upload_wheels(wheels: &[ReleaseWheel], upload: &WheelUpload<'_>) -> Result<Releases> {
    let jobs = upload.jobs;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build();
    let pool = pool.map_err(|error| Error::config(format!("`--jobs {jobs}`: {error}")))?;
    pool.install(|| {
        let first =
            ReleaseTarget::new(upload.spec, upload.repository.as_ref(), upload.environment)?;
        let existing = first.all()?;
        upload_all(wheels, upload, &first, &existing)
    })
}

fn upload_all(
    wheels: &[ReleaseWheel],
    upload: &WheelUpload<'_>,
    first: &ReleaseTarget,
    existing: &[Existing],
) -> Result<Releases> {
    let mut report =
        Releases { repository: first.repository(), dry_run: upload.dry_run, ..Releases::default() };
    let parts = parts(wheels, upload, first, existing, &mut report)?;
    let new: Vec<ReleaseTarget> = parts.keys().map(|tag| first.with_tag(tag)).collect();
    let dists: Vec<Dist> = wheels.iter().map(ReleaseWheel::dist).collect();
    let mut ready = Vec::new();
    for ((tag, part), target) in parts.into_iter().zip(&new) {
        report.tags.push(tag.clone());
        if part.listed.is_empty() {
            continue;
        }
        let there = existing.iter().find(|release| release.target.tag() == tag);
        let present = there.map(|release| by_name(release.assets.clone())).unwrap_or_default();
        let open = there.map(Existing::open).transpose()?;
        let work = Work::new(target, upload.reporter, Host::Plain, present);
        let listed = part.listed.iter().map(|number| &dists[*number]).collect();
        let plan = work.lacking(part.wheels, part.sidecars, listed, open.as_ref())?;
        ready.push((work, plan, open));
    }
    for (work, plan, open) in ready.into_iter().filter(|(_, plan, _)| !plan.is_empty()) {
        let mut part = ReleaseReport {
            tag: work.target.tag().to_owned(),
            is_new: open.is_none(),
            wheels: plan.wheels.iter().map(|wheel| wheel.name.clone()).collect(),
            ..ReleaseReport::default()
        };
        if upload.dry_run {
            part.plan = plan.steps();
        } else {
            let open = match open {
                Some(open) => open,
                None => work.target.create()?,
            };
            let sent = sent(&work, plan, &open)?;
            part.files_sent = sent.files_sent + sent.pages_sent;
            part.bytes_sent = sent.bytes_sent;
        }
        report.files_sent += part.files_sent;
        report.bytes_sent += part.bytes_sent;
        report.releases.push(part);
    }
    Ok(report)
}

fn sent(work: &Work<'_>, plan: Plan<'_>, open: &OpenRelease) -> Result<Report> {
    let mut report = Report::default();
    work.carry_out(plan, open, &mut report)?;
    Ok(report)
}

/// Which release gets what, by tag.
fn parts(
    wheels: &[ReleaseWheel],
    upload: &WheelUpload<'_>,
    first: &ReleaseTarget,
    existing: &[Existing],
    report: &mut Releases,
) -> Result<BTreeMap<String, Part>> {
    let names = |release: &Existing| {
        let names: BTreeSet<String> = release.assets.iter().map(|it| it.name.clone()).collect();
        (release.target.tag().to_owned(), names)
    };
    let mut series = Series::new(first.tag(), existing.iter().map(names).collect());
    let works: Vec<(Work<'_>, &Existing)> = existing
        .iter()
        .map(|release| {
            let present = by_name(release.assets.clone());
            (Work::new(&release.target, upload.reporter, Host::Plain, present), release)
        })
        .collect();
    let mut parts: BTreeMap<String, Part> = BTreeMap::new();
    for (number, wheel) in wheels.iter().enumerate() {
        let wanted = wheel.wanted()?;
        let mut holders = Vec::new();
        for (work, release) in &works {
            if let Some(present) = work.whole(&wanted.name) {
                work.compare(present, &wanted)?;
                holders.push((work, *release));
            }
        }
        let of_series = holders.iter().position(|(work, _)| series.has(work.target.tag()));
        let Some((work, release)) = holders.get(of_series.unwrap_or(0)) else {
            let part = parts.entry(series.place(&wheel.names())).or_default();
            part.listed.push(number);
            part.wheels.push(wanted);
            part.sidecars.push(wheel.sidecar());
            part.sidecars.extend(wheel.beside()?);
            continue;
        };
        let tag = work.target.tag();
        report.held.push(Held { filename: wanted.name, tag: tag.to_owned() });
        // A report tells of the bytes that are there, whoever made them: it stays.
        let beside = wheel.beside()?.into_iter().filter(|it| work.whole(&it.name).is_none());
        let sidecars: Vec<Wanted> = std::iter::once(wheel.sidecar()).chain(beside).collect();
        let lacks = |wanted: &&Wanted| work.whole(&wanted.name).is_none();
        let lacking: Vec<&str> = sidecars.iter().filter(lacks).map(|it| &*it.name).collect();
        let takes_more = !release.is_immutable && series.reserve(tag, &wheel.names());
        let part = parts.entry(tag.to_owned()).or_default();
        if takes_more {
            part.listed.push(number);
            part.sidecars.extend(sidecars);
        } else if let Some(name) = lacking.first() {
            upload.reporter.warn(&format!(
                "`{}` takes no more assets, and has no `{name}`",
                work.target.shown()
            ));
        }
    }
    Ok(parts)
}
