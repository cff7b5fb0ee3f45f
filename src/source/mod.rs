//! Where files come from.
//!
//! A [`Source`] lists [`Artifact`]s without reading a byte of them, and opens
//! one when its bytes are asked for. To add a backend: one file here, one
//! variant of [`SourceSpec`], one line of [`connect`], and `contract::check` in
//! its tests; `docs/sources.md` shows how.

pub(crate) mod bucket;
#[cfg(test)]
mod contract;
mod directory;
pub(crate) mod github;
mod http_file;
mod naming;
mod package_list;
mod ranges;
mod selection;
pub(crate) mod simple_index;
mod spec;

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::{Environment, SourceSettings};
use crate::error::Result;
use crate::facts::{Artifact, Facts};
use crate::report::Reporter;
use crate::wheel::{RangeRead, Sha256, escaped};

pub use crate::net::Traffic;
pub use bucket::Bucket;
pub(crate) use directory::stamp_of;
pub use directory::{DirectorySource, artifact_of_file, local_sidecar, open_file};
pub use github::GithubReleases;
pub use http_file::open_url;
pub use package_list::{PackageList, Run, Runs, Stretch};
pub use selection::Selection;
pub use simple_index::{SimpleIndex, parse_page, parse_root};
pub use spec::{
    BucketSpec, IndexSpec, ParseSpecError, Provider, ReleaseSpec, Repository, SourceSpec,
};

/// The one door through which the bytes of a distribution come.
pub trait ReadSeek: RangeRead + Send {}

impl<T: RangeRead + Send> ReadSeek for T {}

/// What a source holds.
#[derive(Debug, Default)]
pub struct Listing {
    /// The distributions, in an order that does not change between runs.
    pub artifacts: Vec<Arc<Artifact>>,
    /// What was passed over, and why.
    pub ignored: Vec<Ignored>,
    /// The stretches of a list that name the artifacts, if somebody wants to know them again.
    pub stretches: Vec<Stretch>,
    /// What was known and is listed beside the artifacts.
    pub known: Vec<Arc<Run>>,
}

/// Something that a source passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Where it lies.
    pub location: String,
    /// Why it is no distribution.
    pub reason: &'static str,
    /// Whether a person may have expected it to be listed.
    pub suspicious: bool,
}

impl Listing {
    /// How many distributions are listed.
    pub fn files(&self) -> usize {
        self.artifacts.len() + self.known.iter().map(|run| run.files).sum::<usize>()
    }

    /// Leaves out what is not selected.
    pub fn select(&mut self, selection: &Selection) {
        let ignored = &mut self.ignored;
        self.artifacts.retain(|artifact| {
            let taken = selection.takes(&artifact.filename);
            if !taken {
                let location = artifact.location.to_string();
                ignored.push(Ignored { location, reason: "not selected", suspicious: false });
            }
            taken
        });
        if !self.ignored.is_empty() {
            // They name more than there is.
            self.stretches.clear();
        }
    }

    /// Tells what was passed over.
    pub fn report(&self, reporter: &dyn Reporter) {
        for ignored in &self.ignored {
            let message = format!("ignored `{}`: {}", escaped(&ignored.location), ignored.reason);
            if ignored.suspicious { reporter.warn(&message) } else { reporter.note(&message) }
        }
    }
}

/// Where distributions come from.
pub trait Source: Send + Sync {
    /// Lists what is there without reading it. `position` is the source's place in the build.
    fn list(&self, position: usize) -> Result<Listing>;

    /// The same in parts, one after the other, until one is not wanted any more: a long listing need
    /// not be in memory as a whole. What is known of a list is not read again; `runs` is for those who can
    /// do without it.
    fn list_parts(
        &self,
        position: usize,
        _runs: Option<&Runs>,
        take: &mut dyn FnMut(Listing) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        take(self.list(position)?).map(drop)
    }

    /// Opens a distribution that [`Source::list`] returned.
    fn open(&self, artifact: &Artifact) -> io::Result<Box<dyn ReadSeek>>;

    /// Whether this source can hand out the bytes of what it lists.
    fn has_bytes(&self) -> bool {
        true
    }

    /// The bytes lie on another machine; none where they lie here.
    fn traffic(&self) -> Option<&Arc<Traffic>> {
        None
    }

    /// What tells the source from others in the cache; none where nothing of it is remembered.
    fn identity(&self) -> Option<String> {
        None
    }

    /// The digest that the source has of a file, where it takes a request to learn it.
    fn digest(&self, artifact: &Artifact) -> Result<Option<Sha256>> {
        Ok(artifact.offered.sha256)
    }

    /// What somebody has read in a file of the digest that is offered, at the depth of metadata.
    fn facts(&self, artifact: &Artifact) -> Result<Option<Facts>> {
        let _ = artifact;
        Ok(None)
    }

    /// Digest of the `.metadata` file beside a distribution; none where there is none.
    fn sidecar(&self, artifact: &Artifact) -> Result<Option<Sha256>> {
        let _ = artifact;
        Ok(None)
    }

    /// What to do where pages shall link to files and the source has no public URLs.
    fn without_urls(&self) -> &'static str {
        "say where the files are served: `--files-url URL`"
    }
}

/// What sources need to know of the build that they are for.
#[derive(Default)]
pub struct Context<'a> {
    /// Folders that no directory source enters, as canonical paths.
    pub skip: &'a [PathBuf],
    /// What the environment says.
    pub environment: Environment,
    /// The repository of releases whose spec names none: who says so, and what.
    pub repository: Option<(&'static str, String)>,
    /// Whether what is remembered of other machines is believed.
    pub refresh: bool,
    /// How many requests are made at once, where somebody says so.
    pub jobs: Option<usize>,
}

impl Context<'_> {
    /// Of a command that makes no site.
    pub fn of_process() -> Result<Self> {
        Ok(Self { environment: Environment::of_process()?, ..Self::default() })
    }

    /// The repository of releases whose spec names none: as configured, else as the environment says.
    #[must_use]
    pub fn with_repository(mut self, configured: Option<&str>) -> Self {
        let of_environment = self.environment.github.repository.as_deref();
        let named = configured.map(|name| ("`repository`", name));
        let named = named.or(of_environment.map(|name| ("GITHUB_REPOSITORY", name)));
        self.repository = named.map(|(from, name)| (from, name.to_owned()));
        self
    }
}

/// Makes the source that settings name. Nothing is read yet.
pub fn connect(settings: &SourceSettings, context: &Context<'_>) -> Result<Box<dyn Source>> {
    Ok(match &settings.spec {
        SourceSpec::Directory(path) => Box::new(DirectorySource::new(path, context.skip)),
        SourceSpec::PackageList(path) => Box::new(PackageList::new(path)),
        SourceSpec::GithubReleases(spec) => Box::new(GithubReleases::new(spec, settings, context)?),
        SourceSpec::SimpleIndex(spec) => Box::new(SimpleIndex::new(spec, settings, context)?),
        SourceSpec::Bucket(spec) => Box::new(Bucket::new(spec, settings, context)?),
    })
}
