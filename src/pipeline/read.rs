//! The first stages: what the sources hold, and what is in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;

use super::memory::Memory;
use crate::cache::FactsCache;
use crate::config::{FilesMode, Settings};
use crate::error::{Error, Result};
use crate::facts::{Artifact, Depth, Facts, Location};
use crate::inspect::{self, Kind};
use crate::report::Reporter;
use crate::source::{self, Source, SourceSpec};
use crate::wheel::Sha256;

/// A source of the settings, with what it is for errors.
pub(super) struct Connected {
    pub(super) spec: SourceSpec,
    pub(super) source: Box<dyn Source>,
    pub(super) mode: FilesMode,
}

pub(super) fn connect(settings: &Settings) -> Result<Vec<Connected>> {
    let skip: Vec<PathBuf> = settings.output.canonicalize().into_iter().collect();
    let connected = settings.sources.iter().map(|spec| {
        let source = source::connect(spec, &skip);
        let by_default = if source.has_bytes() { FilesMode::Copy } else { FilesMode::Link };
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

pub(super) fn list(sources: &[Connected], reporter: &dyn Reporter) -> Result<Vec<Artifact>> {
    reporter.stage("listing", None);
    let mut artifacts = Vec::new();
    for (position, connected) in sources.iter().enumerate() {
        let listing = connected.source.list(position)?;
        listing.report(reporter);
        let count = listing.artifacts.len();
        reporter.note(&format!("listed {count} files from `{}`", connected.spec));
        if artifacts.is_empty() {
            artifacts = listing.artifacts;
        } else {
            artifacts.extend(listing.artifacts);
        }
    }
    Ok(artifacts)
}

/// An artifact with what is known of it.
#[derive(Debug)]
pub(super) struct Inspected {
    pub(super) artifact: Artifact,
    pub(super) facts: Option<Arc<Facts>>,
    /// Digest of the sidecar that lies beside it.
    pub(super) sidecar: Option<Sha256>,
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
    artifacts: Vec<Artifact>,
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
    let depth = settings.depth.unwrap_or(Depth::Full);
    reading.caches = sources
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
            let remembered = || {
                let path = cache_path(artifact, &connected.spec)?;
                let facts = reading.caches[artifact.source].get(path, artifact.stamp?)?;
                facts.suffice(depth).then_some(facts)
            };
            let remembered = if settings.refresh { None } else { remembered() };
            let sidecar = source::sidecar_digest(artifact)?;
            let read = match remembered {
                Some(facts) => Read { facts: Some(facts), fresh: false, sidecar },
                None if !connected.source.has_bytes() => {
                    Read { facts: None, fresh: false, sidecar }
                }
                None => {
                    let facts = inspect_one(artifact, connected, depth, memory)?;
                    Read { facts: Some(Arc::new(facts)), fresh: true, sidecar }
                }
            };
            reporter.step();
            Ok(read)
        })
        .collect();
    reading.files.reserve(artifacts.len());
    for (artifact, read) in artifacts.into_iter().zip(read) {
        let Read { facts, fresh, sidecar } = read?;
        if let Some(facts) = &facts {
            let path = cache_path(&artifact, &sources[artifact.source].spec);
            if let (Some(path), Some(stamp)) = (path, artifact.stamp) {
                reading.caches[artifact.source].learn(path, stamp, facts.clone(), fresh);
            }
            if fresh {
                reading.bytes_read += facts.size;
            }
        }
        reading.files.push(Inspected { artifact, facts, sidecar });
    }
    Ok(reading)
}

impl Reading {
    /// Takes the caches out, to be saved when the site is written.
    pub(super) fn take_caches(&mut self) -> Vec<FactsCache> {
        std::mem::take(&mut self.caches)
    }
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

/// The path by which the cache knows a file: seen from the source's folder.
fn cache_path<'a>(artifact: &'a Artifact, spec: &SourceSpec) -> Option<&'a Path> {
    match (&artifact.location, spec) {
        (Location::File(path), SourceSpec::Directory(root)) => path.strip_prefix(root).ok(),
        _ => None,
    }
}

/// Reads a file; its contents only where no earlier run has read the same bytes.
fn inspect_one(
    artifact: &Artifact,
    connected: &Connected,
    depth: Depth,
    memory: &Memory,
) -> Result<Facts> {
    let failed = |error: std::io::Error| {
        Error::source(format!("cannot read `{}`: {error}", artifact.location))
    };
    let kind = Kind::of_filename(&artifact.filename);
    let mut reader = connected.source.open(artifact).map_err(failed)?;
    // Hashing alone is cheap, and worth it only where the digest may be known.
    let known = if memory.knows_name(artifact)? {
        let (sha256, _) = Sha256::of_reader(&mut reader).map_err(failed)?;
        reader.rewind().map_err(failed)?;
        memory.facts(artifact, sha256)?.filter(|facts| facts.suffice(depth))
    } else {
        None
    };
    let facts = match known {
        Some(facts) => facts,
        None => inspect::inspect(kind, depth, reader).map_err(failed)?,
    };
    if let Location::File(path) = &artifact.location {
        let now = std::fs::metadata(path).map_err(failed)?;
        if Some(source::stamp_of(&now)) != artifact.stamp {
            return Err(Error::source_hint(
                format!("`{}` changed while it was being read", artifact.location),
                "run again when nothing writes to the source any more",
            ));
        }
    }
    Ok(facts)
}
