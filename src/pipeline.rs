//! A build, stage by stage. Read [`build`] and you know the program.

mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use serde::Serialize;

use crate::cache::FactsCache;
use crate::config::{FilesMode, OnReject, Previous, Settings};
use crate::error::{Error, Result};
use crate::facts::{Artifact, Facts, Location, UploadTime};
use crate::index::{Admitted, FileUrl, Index};
use crate::inspect::{self, Kind};
use crate::publish::{Plan, Removals, SiteDirectory};
use crate::render::theme::Theme;
use crate::report::Reporter;
use crate::source::{self, Source, SourceSpec};
use crate::state::KnownSite;
use crate::verify::{self, Verdict};
use crate::wheel::Sha256;

/// What a build did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Projects of the index.
    pub projects: usize,
    /// Files of the index.
    pub files: usize,
    /// Files that passed verification.
    pub accepted: usize,
    /// Files that did not.
    pub rejected: usize,
    /// Pages and other files that were made and written.
    pub pages_written: u64,
    /// Pages that were as they should be.
    pub unchanged: u64,
    /// Distributions that were copied or linked into the site.
    pub files_placed: u64,
    /// Files of the last site that were removed.
    pub removed: u64,
    /// Bytes of distributions that were read.
    pub bytes_read: u64,
}

/// Makes a site: lists, inspects, verifies, indexes, renders, writes.
pub fn build(settings: &Settings, reporter: &dyn Reporter) -> Result<Summary> {
    match settings.jobs {
        None => run(settings, reporter),
        Some(jobs) => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build();
            let pool = pool.map_err(|error| Error::config(format!("`--jobs {jobs}`: {error}")))?;
            pool.install(|| run(settings, reporter))
        }
    }
}

fn run(settings: &Settings, reporter: &dyn Reporter) -> Result<Summary> {
    let theme = Theme::load(&settings.theme)?;
    let site = SiteDirectory::open(&settings.output, settings.force)?;
    let standing = standing_site(&site)?;
    let known = known_site(settings, standing.as_ref())?;

    let sources = connect(settings)?;
    let artifacts = list(&sources, reporter)?;
    let inspected = inspect_all(artifacts, &sources, settings, known.as_deref(), reporter)?;
    let bytes_read = inspected.bytes_read;
    let judged = judge_all(inspected, settings, reporter)?;
    let (accepted, rejected) = (judged.accepted.len(), judged.rejected);
    let admitted = admit(judged.accepted, &sources, settings, known.as_deref(), reporter)?;
    let index = Index::build(admitted, settings)?;
    warn_of_idle_settings(&index, settings, reporter);
    guard(&index, settings, known.as_deref())?;

    // An earlier run's knowledge from elsewhere may differ from what stands here.
    let skip = !settings.refresh
        && known.as_deref().map(std::ptr::from_ref) == standing.as_deref().map(std::ptr::from_ref);
    let plan = Plan::new(&index, settings, theme.digest(), &site, standing.as_deref(), skip)?;
    let writer = write::Writer::new(
        &index,
        settings,
        &sources,
        &site,
        standing.as_deref(),
        &theme,
        reporter,
    );
    let counts = writer.write(&plan)?;
    site.finish()?;
    Ok(Summary {
        projects: index.projects.len(),
        files: index.files(),
        accepted,
        rejected,
        pages_written: counts.written.into_inner(),
        unchanged: counts.unchanged.into_inner(),
        files_placed: counts.placed.into_inner(),
        removed: counts.removed.into_inner(),
        bytes_read,
    })
}

/// The sources of the settings, with what they are for errors.
struct Connected {
    spec: SourceSpec,
    source: Box<dyn Source>,
    mode: FilesMode,
}

fn connect(settings: &Settings) -> Result<Vec<Connected>> {
    let skip: Vec<PathBuf> = settings.output.canonicalize().into_iter().collect();
    let connected = settings.sources.iter().map(|spec| {
        let source = source::connect(spec, &skip);
        let by_default = if source.has_bytes() && !source.has_urls() {
            FilesMode::Copy
        } else {
            FilesMode::Link
        };
        let mode = match settings.files_url {
            Some(_) => FilesMode::Link,
            None => settings.files.unwrap_or(by_default),
        };
        if mode != FilesMode::Link && !source.has_bytes() {
            return Err(Error::config_hint(
                format!("`{spec}` names files and does not hold them: the site cannot carry them"),
                "say where they are served: `--files-url URL`",
            ));
        }
        Ok(Connected { spec: spec.clone(), source, mode })
    });
    connected.collect()
}

fn standing_site(site: &SiteDirectory) -> Result<Option<Arc<KnownSite>>> {
    let Some(folder) = site.standing() else { return Ok(None) };
    let interrupted = !site.dirty().is_empty();
    Ok(KnownSite::in_folder(folder, interrupted)?.map(Arc::new))
}

/// The state of the last run: what was asked for, else what stands, else the live site.
fn known_site(
    settings: &Settings,
    standing: Option<&Arc<KnownSite>>,
) -> Result<Option<Arc<KnownSite>>> {
    let is_output = |folder: &Path| matches!((folder.canonicalize(), settings.output.canonicalize()), (Ok(one), Ok(other)) if one == other);
    match &settings.previous {
        Some(Previous::Folder(folder)) if is_output(folder) => Ok(standing.cloned()),
        Some(Previous::Folder(folder)) => Ok(KnownSite::in_folder(folder, false)?.map(Arc::new)),
        Some(Previous::Site(_)) if settings.offline => {
            Err(Error::config("`--previous URL` and `--offline` contradict each other".to_owned()))
        }
        Some(Previous::Site(url)) => Ok(KnownSite::at_url(url)?.map(Arc::new)),
        None if standing.is_some() => Ok(standing.cloned()),
        None => match &settings.site_url {
            Some(url) if settings.environment.ci && !settings.offline => {
                Ok(KnownSite::at_url(url)?.map(Arc::new))
            }
            _ => Ok(None),
        },
    }
}

fn list(sources: &[Connected], reporter: &dyn Reporter) -> Result<Vec<Artifact>> {
    reporter.stage("listing", None);
    let mut artifacts = Vec::new();
    for (position, connected) in sources.iter().enumerate() {
        let listing = connected.source.list(position)?;
        for ignored in &listing.ignored {
            let message = format!("ignored `{}`: {}", ignored.location, ignored.reason);
            if ignored.suspicious { reporter.warn(&message) } else { reporter.note(&message) }
        }
        reporter.note(&format!(
            "listed {} files from `{}`",
            listing.artifacts.len(),
            connected.spec
        ));
        if artifacts.is_empty() {
            artifacts = listing.artifacts;
        } else {
            artifacts.extend(listing.artifacts);
        }
    }
    Ok(artifacts)
}

/// Artifacts with the facts of those that have bytes.
struct Inspected {
    files: Vec<(Artifact, Option<Arc<Facts>>)>,
    bytes_read: u64,
}

fn inspect_all(
    artifacts: Vec<Artifact>,
    sources: &[Connected],
    settings: &Settings,
    known: Option<&KnownSite>,
    reporter: &dyn Reporter,
) -> Result<Inspected> {
    if !sources.iter().any(|connected| connected.source.has_bytes()) {
        let files = artifacts.into_iter().map(|artifact| (artifact, None)).collect();
        return Ok(Inspected { files, bytes_read: 0 });
    }
    reporter.stage("reading", Some(artifacts.len() as u64));
    let cache = settings.environment.cache.as_deref();
    let mut caches: Vec<FactsCache> = sources
        .iter()
        .map(|connected| match &connected.spec {
            SourceSpec::Directory(root) => FactsCache::open(cache, root),
            SourceSpec::PackageList(_) => FactsCache::default(),
        })
        .collect();
    let read: Vec<Result<Read>> = artifacts
        .par_iter()
        .map(|artifact| {
            let connected = &sources[artifact.source];
            let remembered = (!settings.refresh)
                .then(|| {
                    caches[artifact.source]
                        .get(cache_path(artifact, &connected.spec)?, artifact.stamp?)
                })
                .flatten();
            let read = match remembered {
                Some(facts) => Read { facts: Some(facts), fresh: false },
                None if !connected.source.has_bytes() => Read { facts: None, fresh: false },
                None => {
                    let known = known.filter(|_| !settings.refresh);
                    Read {
                        facts: Some(Arc::new(inspect_one(artifact, connected, known)?)),
                        fresh: true,
                    }
                }
            };
            reporter.step();
            Ok(read)
        })
        .collect();
    let mut inspected = Inspected { files: Vec::with_capacity(artifacts.len()), bytes_read: 0 };
    for (artifact, read) in artifacts.into_iter().zip(read) {
        let read = read?;
        if let Some(facts) = &read.facts {
            let path = cache_path(&artifact, &sources[artifact.source].spec);
            if let (Some(path), Some(stamp)) = (path, artifact.stamp) {
                let cache = &mut caches[artifact.source];
                if read.fresh {
                    cache.learn(path, stamp, facts.clone());
                } else {
                    cache.keep(path, stamp, facts.clone());
                }
            }
            if read.fresh {
                inspected.bytes_read += facts.size;
            }
        }
        inspected.files.push((artifact, read.facts));
    }
    for cache in caches {
        if let Err(error) = cache.save() {
            reporter.note(&format!(
                "the cache could not be written, so files will be read again: {error}"
            ));
        }
    }
    Ok(inspected)
}

struct Read {
    facts: Option<Arc<Facts>>,
    /// Whether the file was opened for them.
    fresh: bool,
}

/// The path by which the cache knows a file: seen from the source's folder.
fn cache_path<'a>(artifact: &'a Artifact, spec: &SourceSpec) -> Option<&'a Path> {
    match (&artifact.location, spec) {
        (Location::File(path), SourceSpec::Directory(root)) => path.strip_prefix(root).ok(),
        _ => None,
    }
}

/// Reads a file; its archive only where no earlier run has read the same bytes.
fn inspect_one(
    artifact: &Artifact,
    connected: &Connected,
    known: Option<&KnownSite>,
) -> Result<Facts> {
    let failed = |error: std::io::Error| {
        Error::source(format!("cannot read `{}`: {error}", artifact.location))
    };
    let mut reader = connected.source.open(artifact).map_err(failed)?;
    let (sha256, size) = Sha256::of_reader(&mut reader).map_err(failed)?;
    let facts = if let Some(facts) = known_facts(artifact, sha256, known)? {
        facts
    } else {
        let kind = Kind::of_filename(&artifact.filename);
        inspect::inspect_hashed(kind, reader, sha256, size).map_err(failed)?
    };
    if let Location::File(path) = &artifact.location {
        let now =
            std::fs::metadata(path).map(|metadata| source::stamp_of(&metadata)).map_err(failed)?;
        if Some(now) != artifact.stamp {
            return Err(Error::source_hint(
                format!("`{}` changed while it was being read", artifact.location),
                "run again when nothing writes to the source any more",
            ));
        }
    }
    Ok(facts)
}

fn known_facts(
    artifact: &Artifact,
    sha256: Sha256,
    known: Option<&KnownSite>,
) -> Result<Option<Facts>> {
    let (Some(known), Ok(dist)) = (known, &artifact.dist) else { return Ok(None) };
    let Some(shard) = known.shard(dist.name())? else { return Ok(None) };
    let same = shard.files.iter().filter(|file| file.sha256 == Some(sha256));
    // What kind of archive it is depends on the filename, not on the bytes alone.
    Ok(same
        .filter(|file| *file.filename == *artifact.filename)
        .find_map(super::state::FileState::current_facts))
}

/// Accepted files, and how many were not.
struct Judged {
    accepted: Vec<(Artifact, Option<Arc<Facts>>)>,
    rejected: usize,
}

fn judge_all(inspected: Inspected, settings: &Settings, reporter: &dyn Reporter) -> Result<Judged> {
    reporter.stage("verifying", None);
    let total = inspected.files.len();
    let verdicts: Vec<Option<Verdict>> = inspected
        .files
        .par_iter()
        .map(|(artifact, facts)| {
            let facts = facts.as_deref();
            let findings = verify::judge(artifact, facts);
            (!findings.is_empty()).then(|| Verdict::new(artifact, facts, findings))
        })
        .collect();
    let mut accepted = Vec::with_capacity(total);
    let mut said: Vec<&Verdict> = Vec::new();
    for (file, verdict) in inspected.files.into_iter().zip(&verdicts) {
        if verdict.as_ref().is_none_or(|verdict| verdict.accepted) {
            accepted.push(file);
        }
        said.extend(verdict);
    }
    said.sort_by_key(|verdict| (&verdict.filename, &verdict.location));
    for verdict in &said {
        reporter.verdict(verdict);
    }
    let rejected = total - accepted.len();
    match said.iter().find(|verdict| !verdict.accepted) {
        Some(first) if settings.on_reject == OnReject::Fail => Err(Error::Rejected {
            rejected,
            total,
            first: format!("`{}`", abridged(&first.filename)),
        }),
        _ => Ok(Judged { accepted, rejected }),
    }
}

fn abridged(filename: &str) -> String {
    filename.chars().take(120).collect()
}

/// Gives each accepted file its upload time and its URL.
fn admit(
    accepted: Vec<(Artifact, Option<Arc<Facts>>)>,
    sources: &[Connected],
    settings: &Settings,
    known: Option<&KnownSite>,
    reporter: &dyn Reporter,
) -> Result<Vec<Admitted>> {
    let by_modification = AtomicU64::new(0);
    let admitted: Vec<Result<Admitted>> = accepted
        .into_par_iter()
        .map(|(artifact, facts)| {
            let upload_time = match artifact.offered.upload_time {
                Some(time) => Some(time),
                None => match known_upload_time(&artifact, facts.as_deref(), known)? {
                    Some(time) => Some(time),
                    None if settings.environment.source_date_epoch.is_some() => {
                        settings.environment.source_date_epoch
                    }
                    None => {
                        let modified = artifact.offered.modified;
                        by_modification.fetch_add(u64::from(modified.is_some()), Ordering::Relaxed);
                        modified
                    }
                },
            };
            let url = file_url(&artifact, &sources[artifact.source], settings)?;
            Ok(Admitted { artifact, facts, upload_time, url })
        })
        .collect();
    let admitted = admitted.into_iter().collect::<Result<_>>()?;
    let count = by_modification.into_inner();
    if count > 0 {
        reporter.note(&format!(
            "took the upload time of {count} new files from their modification time; \
             set SOURCE_DATE_EPOCH or keep the last site to make it the same everywhere"
        ));
    }
    Ok(admitted)
}

/// The earliest time at which an earlier run knew these bytes.
fn known_upload_time(
    artifact: &Artifact,
    facts: Option<&Facts>,
    known: Option<&KnownSite>,
) -> Result<Option<UploadTime>> {
    let sha256 = facts.map(|facts| facts.sha256).or(artifact.offered.sha256);
    let (Some(known), Some(sha256), Ok(dist)) = (known, sha256, &artifact.dist) else {
        return Ok(None);
    };
    let Some(shard) = known.shard(dist.name())? else { return Ok(None) };
    let same = shard.files.iter().filter(|file| file.sha256 == Some(sha256));
    Ok(same.filter_map(|file| file.upload_time).min())
}

fn file_url(artifact: &Artifact, connected: &Connected, settings: &Settings) -> Result<FileUrl> {
    match (connected.mode, &artifact.offered.url) {
        (FilesMode::Copy | FilesMode::Hardlink, _) => Ok(FileUrl::Carried),
        (FilesMode::Link, _) if settings.files_url.is_some() => Ok(FileUrl::FilesUrl),
        (FilesMode::Link, Some(url)) => Ok(FileUrl::Own(url.clone())),
        (FilesMode::Link, None) => Err(Error::config_hint(
            format!("`{}` has no URL of its own (`{}`)", artifact.location, connected.spec),
            "say where the files are served: `--files-url URL`",
        )),
    }
}

fn guard(index: &Index, settings: &Settings, known: Option<&KnownSite>) -> Result<()> {
    if index.files() == 0 && !settings.allow_empty {
        let sources: Vec<String> =
            settings.sources.iter().map(|spec| format!("`{spec}`")).collect();
        return Err(Error::Guard {
            message: format!("no distribution was found in {}", sources.join(", ")),
            hint: "if an empty index is meant, build with `--allow-empty`".to_owned(),
        });
    }
    match known {
        Some(known) if !settings.allow_removals => Removals::of(index, known)?.guard(),
        _ => Ok(()),
    }
}

fn warn_of_idle_settings(index: &Index, settings: &Settings, reporter: &dyn Reporter) {
    for (name, configured) in &settings.projects {
        let Some(project) = index.project(name) else {
            reporter.warn(&format!(
                "`projects.{name}` is configured and the index has no such project"
            ));
            continue;
        };
        for yank in &configured.yanked {
            if !project.files.iter().any(|file| yank.applies_to(&file.dist)) {
                reporter.warn(&format!("`projects.{name}.yanked`: no file of it is `{yank}`"));
            }
        }
    }
}
