//! Where files come from.
//!
//! A [`Source`] lists [`Artifact`]s without reading a byte of them, and opens
//! one when its bytes are asked for. To add a backend: one file here, one
//! variant of [`SourceSpec`], and `contract::check` in its tests.

#[cfg(test)]
mod contract;
mod directory;
mod package_list;
mod spec;

use std::io::{self, Read, Seek};

use crate::error::Result;
use crate::facts::Artifact;
use crate::report::Reporter;
use crate::wheel::escaped;

pub use directory::{DirectorySource, artifact_of_file, open_file};
pub(crate) use directory::{sidecar_digest, stamp_of};
pub use package_list::PackageList;
pub use spec::{ParseSpecError, SourceSpec};

/// The one door through which the bytes of a distribution come.
pub trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

/// What a source holds.
#[derive(Debug, Default)]
pub struct Listing {
    /// The distributions, in an order that does not change between runs.
    pub artifacts: Vec<Artifact>,
    /// What was passed over, and why.
    pub ignored: Vec<Ignored>,
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

    /// Opens a distribution that [`Source::list`] returned.
    fn open(&self, artifact: &Artifact) -> io::Result<Box<dyn ReadSeek>>;

    /// Whether this source can hand out the bytes of what it lists.
    fn has_bytes(&self) -> bool;
}

/// Makes the source that a spec names. Nothing is read yet.
pub fn connect(spec: &SourceSpec, skip: &[std::path::PathBuf]) -> Box<dyn Source> {
    match spec {
        SourceSpec::Directory(path) => Box::new(DirectorySource::new(path, skip)),
        SourceSpec::PackageList(path) => Box::new(PackageList::new(path)),
    }
}
