//! What earlier runs knew: the site that was named, else the one that stands, else the live one.

use std::path::Path;
use std::sync::Arc;

use crate::config::{Previous, Settings};
use crate::error::{Error, Result};
use crate::facts::{Artifact, Facts, UploadTime};
use crate::publish::SiteDirectory;
use crate::report::Reporter;
use crate::state::KnownSite;
use crate::wheel::{ProjectName, Sha256};

/// The sites of earlier runs.
pub(super) struct Memory {
    /// The one that stands in the output.
    pub(super) standing: Option<Arc<KnownSite>>,
    /// Another, that was named or is live: it knows more than an output that is new.
    elsewhere: Option<Arc<KnownSite>>,
    /// Whether what they say of the bytes of files is believed.
    believed: bool,
}

impl Memory {
    /// Of no earlier run.
    pub(super) fn nothing() -> Self {
        Self { standing: None, elsewhere: None, believed: false }
    }

    pub(super) fn recall(
        settings: &Settings,
        site: &SiteDirectory,
        reporter: &dyn Reporter,
    ) -> Result<Self> {
        let standing = match site.standing() {
            None => None,
            Some(folder) => {
                // After an interruption shards may be newer than the state.
                let lenient = settings.refresh || !site.dirty().is_empty();
                match KnownSite::in_folder(folder, lenient) {
                    Err(error) if settings.refresh => {
                        reporter.warn(&format!("{error}; upload times are taken anew"));
                        None
                    }
                    known => known?.map(Arc::new),
                }
            }
        };
        let elsewhere = elsewhere(settings, standing.is_some())?.map(Arc::new);
        Ok(Self { standing, elsewhere, believed: !settings.refresh })
    }

    /// Whether what the standing site says of an unchanged project holds for this build.
    pub(super) fn is_of_standing(&self) -> bool {
        self.believed && self.elsewhere.is_none()
    }

    /// Whether there was no earlier run.
    pub(super) fn is_nothing(&self) -> bool {
        self.sites().next().is_none()
    }

    /// The sites, those that know more first.
    pub(super) fn sites(&self) -> impl Iterator<Item = &KnownSite> {
        self.elsewhere.iter().chain(&self.standing).map(|site| &**site)
    }

    /// Whether a file of this name was there before.
    pub(super) fn knows_name(&self, artifact: &Artifact) -> Result<bool> {
        let Ok(dist) = &artifact.dist else { return Ok(false) };
        for site in self.sites().filter(|_| self.believed) {
            if let Some(shard) = site.shard(dist.name())?
                && shard.files.iter().any(|file| *file.filename == *artifact.filename)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The facts of a file that was there before, with the same name and bytes.
    pub(super) fn facts(&self, artifact: &Artifact, sha256: Sha256) -> Result<Option<Facts>> {
        let Ok(dist) = &artifact.dist else { return Ok(None) };
        for site in self.sites().filter(|_| self.believed) {
            let Some(shard) = site.shard(dist.name())? else { continue };
            // What kind of archive it is depends on the filename, not on the bytes alone.
            let same = shard
                .files
                .iter()
                .filter(|file| file.sha256 == Some(sha256) && *file.filename == *artifact.filename);
            let mut own = same.filter_map(|file| file.facts()).filter(|facts| !facts.reported);
            if let Some(facts) = own.next() {
                return Ok(Some(facts));
            }
        }
        Ok(None)
    }

    /// The digest of a file whose source states none, if an earlier run read the same upload.
    pub(super) fn digest(&self, artifact: &Artifact) -> Result<Option<Sha256>> {
        let (Ok(dist), Some(revision)) = (&artifact.dist, artifact.published_revision()) else {
            return Ok(None);
        };
        for site in self.sites().filter(|_| self.believed) {
            let Some(shard) = site.shard(dist.name())? else { continue };
            let same = shard.files.iter().find(|file| {
                *file.filename == *artifact.filename
                    && file.revision.as_ref() == Some(&revision)
                    && artifact.size.is_none_or(|size| file.size == Some(size))
            });
            if let Some(sha256) = same.and_then(|file| file.sha256) {
                return Ok(Some(sha256));
            }
        }
        Ok(None)
    }

    /// A file of an earlier site, if one has it with this digest.
    pub(super) fn file(&self, path: &str, sha256: Sha256) -> Option<Vec<u8>> {
        self.sites().find_map(|site| site.file(path, sha256))
    }

    /// The earliest time at which an earlier run knew these bytes.
    pub(super) fn upload_time(
        &self,
        project: &ProjectName,
        sha256: Option<Sha256>,
    ) -> Result<Option<UploadTime>> {
        let Some(sha256) = sha256 else { return Ok(None) };
        let mut earliest = None;
        for site in self.sites() {
            let Some(shard) = site.shard(project)? else { continue };
            let same = shard.files.iter().filter(|file| file.sha256 == Some(sha256));
            let times = same.filter_map(|file| file.upload_time);
            earliest = times.chain(earliest).min();
        }
        Ok(earliest)
    }
}

fn is_asked(settings: &Settings) -> bool {
    let remote = settings.sources.iter().any(|source| source.spec.is_remote());
    (remote || settings.environment.ci) && !settings.offline
}

fn elsewhere(settings: &Settings, stands: bool) -> Result<Option<KnownSite>> {
    let is_output = |folder: &Path| {
        matches!(
            (folder.canonicalize(), settings.output.canonicalize()),
            (Ok(one), Ok(other)) if one == other
        )
    };
    match &settings.previous {
        Some(Previous::Folder(folder)) if is_output(folder) => Ok(None),
        Some(Previous::Folder(folder)) => match KnownSite::in_folder(folder, false)? {
            Some(site) => Ok(Some(site)),
            None => Err(Error::source_hint(
                format!("`--previous {}` holds no site", folder.display()),
                "name the folder of the last site, or leave the flag out for a first one",
            )),
        },
        Some(Previous::Site(_)) if settings.offline => {
            Err(Error::config("`--previous URL` and `--offline` contradict each other"))
        }
        Some(Previous::Site(url)) => KnownSite::at_url(url, &settings.environment.network),
        None if stands => Ok(None),
        None => match &settings.site_url {
            // Local files are read faster than a state is fetched, but under CI it is the memory.
            Some(url) if is_asked(settings) => {
                KnownSite::at_url(url, &settings.environment.network)
            }
            _ => Ok(None),
        },
    }
}
