//! The first stages: what the sources hold, and what is in it.

use std::collections::BTreeMap;
use std::io::Seek;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::again::{Again, SourceMark};
use super::memory::Memory;
use super::request_threads;
use super::sieve::Sieve;
use crate::cache::{FactsCache, Known};
use crate::config::{FilesMode, PagesMode, Settings};
use crate::error::{Error, Result};
use crate::facts::{Artifact, Depth, Facts, KnownSidecar, Location, SidecarFile};
use crate::inspect::{self, Inspection, Kind};
use crate::net::Traffic;
use crate::report::Reporter;
use crate::source::{self, Context, Listing, Runs, Source, SourceSpec};
use crate::wheel::Sha256;

/// A source of the settings, with what it is for errors.
pub(super) struct Connected {
    pub(super) spec: SourceSpec,
    pub(super) source: Box<dyn Source>,
    pub(super) mode: FilesMode,
    /// Whether the build goes on without it.
    pub(super) optional: bool,
    /// Whether it does.
    excused: bool,
    /// What it is known by, if it is known by something and that was asked for.
    pub(super) mark: Option<SourceMark>,
    /// What it holds, if that was listed already.
    pub(super) ahead: Option<Listing>,
}

impl Connected {
    fn is_remote(&self) -> bool {
        self.source.traffic().is_some()
    }

    /// Goes on without a source that need not be there.
    fn excuse(&self, error: Error, reporter: &dyn Reporter) -> Result<()> {
        if !self.optional || !matches!(error, Error::Source { .. }) {
            return Err(error);
        }
        reporter.warn(&format!("went on without the optional source `{}`: {error}", self.spec));
        Ok(())
    }
}

pub(super) fn connect(settings: &Settings) -> Result<Vec<Connected>> {
    let skip: Vec<PathBuf> = settings.output.canonicalize().into_iter().collect();
    let context = Context {
        skip: &skip,
        environment: settings.environment.clone(),
        refresh: settings.refresh,
        jobs: settings.jobs,
        ..Context::default()
    };
    let context = context.with_repository(settings.repository.as_deref());
    let connected = settings.sources.iter().map(|wanted| {
        let spec = &wanted.spec;
        let source = source::connect(wanted, &context)?;
        let is_local = matches!(spec, SourceSpec::Directory(_));
        let mode = match settings.files_url {
            Some(_) => FilesMode::Link,
            None => wanted.files.or(settings.files).unwrap_or(if is_local {
                FilesMode::Copy
            } else {
                FilesMode::Link
            }),
        };
        if settings.files_url.is_some()
            && matches!(wanted.files, Some(FilesMode::Copy | FilesMode::Hardlink))
        {
            return Err(Error::config_hint(
                format!(
                    "a files URL says that the site carries no files, and `{spec}` is to be carried"
                ),
                "leave out one of the two",
            ));
        }
        if mode != FilesMode::Link && !source.has_bytes() {
            return Err(Error::config_hint(
                format!("`{spec}` names files and does not hold them: the site cannot carry them"),
                "say where they are served: `--files-url URL`",
            ));
        }
        if mode == FilesMode::Hardlink && !is_local {
            return Err(Error::config_hint(
                format!("`{spec}` lies on another machine, and hard links stay on one file system"),
                "let the site carry copies: `--files copy`",
            ));
        }
        let (spec, optional) = (spec.clone(), wanted.optional);
        Ok(Connected { spec, source, mode, optional, excused: false, mark: None, ahead: None })
    });
    connected.collect()
}

pub(super) fn list(
    sources: &mut [Connected],
    settings: &Settings,
    again: Option<&Again>,
    mut sieve: Option<&mut Sieve<'_>>,
    runs: Option<&Runs>,
    reporter: &dyn Reporter,
) -> Result<Vec<Arc<Artifact>>> {
    reporter.stage("listing", None);
    let mut artifacts = Vec::new();
    for (position, connected) in sources.iter_mut().enumerate() {
        let before = artifacts.len();
        let (mut unlinkable, mut mark, mut count) = (None, connected.mark, 0);
        let mut ignored = Vec::new();
        let ahead = connected.ahead.take();
        let mut take = |mut listing: Listing| {
            listing.select(&settings.sources[position].files_taken);
            if mark.is_none() && matches!(connected.spec, SourceSpec::Directory(_)) {
                mark = again.and_then(|again| again.mark_of(&listing));
            }
            if sieve.is_some() {
                // It may be listed again, and is told once.
                ignored.append(&mut listing.ignored);
            }
            listing.report(reporter);
            if settings.files_url.is_none() && unlinkable.is_none() {
                unlinkable = check_urls(connected, &listing.artifacts).err();
            }
            count += listing.files();
            match &mut sieve {
                None => artifacts.extend(listing.artifacts),
                Some(sieve) => {
                    sieve.take(listing, connected)?;
                    if sieve.is_torn() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            Ok(ControlFlow::Continue(()))
        };
        let listed = match ahead {
            Some(listing) => take(listing).map(drop),
            None => connected.source.list_parts(position, runs, &mut take),
        };
        connected.mark = mark;
        if let Err(error) = listed {
            connected.excuse(error, reporter)?;
            connected.excused = true;
            connected.mark = None;
            // Half of a source is worse than none: nobody would see what is missing.
            artifacts.truncate(before);
            continue;
        }
        if let Some(sieve) = &mut sieve {
            if !sieve.is_torn() {
                sieve.end(connected)?;
            }
            if sieve.is_torn() {
                return Ok(artifacts);
            }
        }
        Listing { ignored, ..Listing::default() }.report(reporter);
        reporter.note(&format!("listed {count} files from `{}`", connected.spec));
        if let Some(error) = unlinkable {
            return Err(error);
        }
    }
    Ok(artifacts)
}

/// Pages can link only to what has a URL: known before anything is read.
fn check_urls(connected: &Connected, artifacts: &[Arc<Artifact>]) -> Result<()> {
    if connected.mode != FilesMode::Link {
        return Ok(());
    }
    let without =
        artifacts.iter().find(|artifact| artifact.offered.url.is_none() && artifact.dist.is_ok());
    match without {
        None => Ok(()),
        Some(artifact) => Err(Error::config_hint(
            format!("`{}` has no URL of its own (`{}`)", artifact.location, connected.spec),
            connected.source.without_urls(),
        )),
    }
}

/// An artifact with what is known of it.
#[derive(Debug)]
pub(super) struct Inspected {
    pub(super) artifact: Arc<Artifact>,
    pub(super) facts: Option<Arc<Facts>>,
    /// Digest of the sidecar that lies beside it: few have one.
    pub(super) sidecar: Option<Box<Sha256>>,
}

/// What reading all files gave.
pub(super) struct Reading {
    pub(super) files: Vec<Inspected>,
    pub(super) bytes_read: u64,
    caches: Vec<FactsCache>,
}

/// Facts of one file, and whether it was opened for them.
struct Read {
    facts: Option<Arc<Facts>>,
    fresh: bool,
    sidecar: Option<Sha256>,
}

pub(super) fn inspect_all(
    artifacts: Vec<Arc<Artifact>>,
    sources: &[Connected],
    settings: &Settings,
    memory: &Memory,
    reporter: &dyn Reporter,
) -> Result<Reading> {
    let cache = settings.environment.cache.as_deref();
    let mut reading = Reading { files: Vec::new(), bytes_read: 0, caches: Vec::new() };
    if !sources.iter().any(|connected| connected.source.has_bytes()) {
        let nothing = |artifact| Inspected { artifact, facts: None, sidecar: None };
        reading.files = artifacts.into_iter().map(nothing).collect();
        return Ok(reading);
    }
    reporter.stage("reading", Some(artifacts.len() as u64));
    reporter.traffic(&traffic(sources));
    reading.caches = sources
        .iter()
        .map(|connected| {
            let identity = connected.source.identity();
            // What is known of a source that cannot be read now will be of use when it is back.
            let identity = identity.filter(|_| !connected.excused);
            FactsCache::open(cache, identity.as_deref())
        })
        .collect();
    let look = Look { sources, caches: &reading.caches, settings, memory };
    let one = |artifact: &Artifact| {
        let read = look.at(artifact);
        reporter.step();
        read
    };
    let is_remote = |artifact: &Artifact| sources[artifact.source].is_remote();
    let read: Vec<Option<Result<Read>>> = artifacts
        .par_iter()
        .map(|artifact| (!is_remote(artifact)).then(|| one(artifact)))
        .collect();
    let remote: Vec<usize> = (0..artifacts.len()).filter(|index| read[*index].is_none()).collect();
    let fetched: Vec<Result<Read>> = if remote.is_empty() {
        Vec::new()
    } else {
        let fetch = || remote.par_iter().with_max_len(1).map(|index| one(&artifacts[*index]));
        request_threads(settings.jobs)?.install(|| fetch().collect())
    };
    let mut fetched = fetched.into_iter();
    let mut failed: BTreeMap<usize, Error> = BTreeMap::new();
    reading.files.reserve(artifacts.len());
    for (artifact, read) in artifacts.into_iter().zip(read) {
        let Some(read) = read.or_else(|| fetched.next()) else { continue };
        let Read { facts, fresh, sidecar } = match read {
            Ok(read) => read,
            Err(error) if sources[artifact.source].optional => {
                failed.entry(artifact.source).or_insert(error);
                continue;
            }
            Err(error) => return Err(error),
        };
        if let Some(facts) = &facts {
            let mark = artifact.mark();
            let is_told_apart = !mark.is_empty() || artifact.offered.sha256.is_some();
            let path = cache_path(&artifact, &sources[artifact.source].spec);
            if let Some(path) = path.filter(|_| is_told_apart && !facts.reported) {
                let sidecar = known_sidecar(&artifact, sidecar);
                let known = Known { mark, facts: facts.clone(), sidecar };
                reading.caches[artifact.source].learn(path, known, fresh);
            }
            if fresh && !is_remote(&artifact) {
                reading.bytes_read += facts.size;
            }
        }
        let sidecar = sidecar.map(Box::new);
        reading.files.push(Inspected { artifact, facts, sidecar });
    }
    for (position, error) in failed {
        sources[position].excuse(error, reporter)?;
        // What was known of it will be of use when it is back.
        reading.caches[position] = FactsCache::default();
        // Half of a source is worse than none: nobody would see what is missing.
        reading.files.retain(|file| file.artifact.source != position);
    }
    Ok(reading)
}

impl Reading {
    /// Takes the caches out, to be saved when the site is written.
    pub(super) fn take_caches(&mut self) -> Vec<FactsCache> {
        std::mem::take(&mut self.caches)
    }
}

/// Where the bytes of sources on other machines are counted.
pub(super) fn traffic(sources: &[Connected]) -> Vec<Arc<Traffic>> {
    sources.iter().filter_map(|connected| connected.source.traffic()).cloned().collect()
}

/// Remembers what was read. Failing costs the next run time and nothing else.
///
/// `placed` says that files came into the site or left it: as links they change when
/// the files that they are made of were last changed.
pub(super) fn save_caches(
    caches: Vec<FactsCache>,
    sources: &[Connected],
    placed: bool,
    reporter: &dyn Reporter,
) {
    for (cache, connected) in caches.into_iter().zip(sources) {
        let root = match &connected.spec {
            SourceSpec::Directory(root) if placed => Some(&**root),
            _ => None,
        };
        if let Err(error) = cache.save(root) {
            reporter.note(&format!(
                "the cache could not be written, so files will be read again: {error}"
            ));
        }
    }
}

/// What the cache keeps of a sidecar.
fn known_sidecar(artifact: &Artifact, sha256: Option<Sha256>) -> Option<KnownSidecar> {
    let Some(SidecarFile::Remote { revision, .. }) = artifact.sidecar.as_deref() else {
        return None;
    };
    Some(KnownSidecar { revision: revision.clone()?, sha256: sha256? })
}

/// The path by which the cache knows a file: seen from the source's folder.
fn cache_path<'a>(artifact: &'a Artifact, spec: &SourceSpec) -> Option<&'a Path> {
    match (&artifact.location, spec) {
        (Location::File(path), SourceSpec::Directory(root)) => path.strip_prefix(root).ok(),
        // A key may be a URL with a signature.
        (Location::Remote(remote), _) => Some(Path::new(&*remote.shown)),
        _ => None,
    }
}

/// What it takes to look at a file.
struct Look<'a> {
    sources: &'a [Connected],
    caches: &'a [FactsCache],
    settings: &'a Settings,
    memory: &'a Memory,
}

impl Look<'_> {
    fn at(&self, artifact: &Artifact) -> Result<Read> {
        let connected = &self.sources[artifact.source];
        let sidecar = self.sidecar(artifact, connected)?;
        if !connected.source.has_bytes() {
            return Ok(Read { facts: None, fresh: false, sidecar });
        }
        let remembered = self.remembered(artifact, connected);
        let depth = self.settings.depth.unwrap_or(if connected.is_remote() {
            Depth::Metadata
        } else {
            Depth::Full
        });
        if let Some(facts) = remembered.as_ref().filter(|facts| facts.suffice(depth)) {
            return Ok(Read { facts: Some(facts.clone()), fresh: false, sidecar });
        }
        let facts = if connected.is_remote() {
            let digest = remembered.map(|facts| facts.sha256);
            self.fetch(artifact, connected, depth, digest)?
        } else {
            self.read(artifact, connected, depth)?
        };
        Ok(Read { facts: Some(Arc::new(facts)), fresh: true, sidecar })
    }

    fn sidecar(&self, artifact: &Artifact, connected: &Connected) -> Result<Option<Sha256>> {
        let remembered = || {
            let Some(SidecarFile::Remote { revision, .. }) = artifact.sidecar.as_deref() else {
                return None;
            };
            let path = cache_path(artifact, &connected.spec)?;
            self.caches[artifact.source].sidecar(path, revision.as_ref()?)
        };
        let remembered = if self.settings.refresh { None } else { remembered() };
        match (&artifact.sidecar, remembered) {
            (None, _) => Ok(None),
            (_, Some(sha256)) => Ok(Some(sha256)),
            (Some(_), None) => connected.source.sidecar(artifact),
        }
    }

    fn remembered(&self, artifact: &Artifact, connected: &Connected) -> Option<Arc<Facts>> {
        let mark = artifact.mark();
        // What nothing tells apart may have changed.
        if self.settings.refresh || (mark.is_empty() && artifact.offered.sha256.is_none()) {
            return None;
        }
        let path = cache_path(artifact, &connected.spec)?;
        let facts = self.caches[artifact.source].get(path, &mark)?;
        artifact.offered.sha256.is_none_or(|sha256| sha256 == facts.sha256).then_some(facts)
    }

    /// Reads a local file; its contents only where no earlier run has read the same bytes.
    fn read(&self, artifact: &Artifact, connected: &Connected, depth: Depth) -> Result<Facts> {
        let failed = |error| failed(artifact, &error);
        let kind = Kind::of_filename(&artifact.filename);
        let mut reader = connected.source.open(artifact).map_err(failed)?;
        // Hashing alone is cheap, and worth it only where the digest may be known.
        let known = if self.memory.knows_name(artifact)? {
            let (sha256, _) = Sha256::of_reader(&mut reader).map_err(failed)?;
            reader.rewind().map_err(failed)?;
            self.memory.facts(artifact, sha256)?.filter(|facts| facts.suffice(depth))
        } else {
            None
        };
        let facts = match known {
            Some(facts) => facts,
            None => inspect::inspect(kind, depth, reader).map_err(failed)?,
        };
        if let Location::File(path) = &artifact.location {
            let now = std::fs::metadata(path).map_err(failed)?;
            if Some(&source::stamp_of(&now)) != artifact.stamp.as_deref() {
                return Err(Error::source_hint(
                    format!("`{}` changed while it was being read", artifact.location),
                    "run again when nothing writes to the source any more",
                ));
            }
        }
        Ok(facts)
    }

    /// Learns of a file on another machine what is not known yet, with as little traffic as can be.
    fn fetch(
        &self,
        artifact: &Artifact,
        connected: &Connected,
        depth: Depth,
        remembered: Option<Sha256>,
    ) -> Result<Facts> {
        let source = &*connected.source;
        let mut digest = artifact.offered.sha256.or(remembered);
        if digest.is_none() {
            digest = self.memory.digest(artifact)?;
        }
        if digest.is_none() {
            digest = source.digest(artifact)?;
        }
        let Some(sha256) = digest else {
            // Every byte must come for the digest: then every byte is checked as well.
            let depth = self.settings.depth.unwrap_or(Depth::Full);
            return self.inspect(artifact, connected, depth, None);
        };
        if let Some(facts) = self.memory.facts(artifact, sha256)?
            && facts.suffice(depth)
        {
            return Ok(facts);
        }
        // Somebody's word is asked for each time: it may have been mended, or taken back.
        if !self.settings.refresh
            && let Some(facts) = source.facts(artifact)?
            && facts.suffice(depth)
        {
            return Ok(facts);
        }
        self.inspect(artifact, connected, depth, digest)
    }

    /// Reads a file on another machine, and keeps its METADATA: pages may show it.
    fn inspect(
        &self,
        artifact: &Artifact,
        connected: &Connected,
        depth: Depth,
        digest: Option<Sha256>,
    ) -> Result<Facts> {
        let inspected = inspect::inspect_artifact(&*connected.source, artifact, depth, digest);
        let Inspection { facts, metadata } = inspected.map_err(|error| failed(artifact, &error))?;
        if let (Some(bytes), Some(metadata)) = (metadata, facts.metadata())
            && self.settings.pages == PagesMode::All
        {
            self.caches[artifact.source].keep_metadata(metadata.sha256, &bytes);
        }
        Ok(facts)
    }
}

fn failed(artifact: &Artifact, error: &std::io::Error) -> Error {
    Error::source(format!("cannot read `{}`: {error}", artifact.location))
}
