//! What a wheel is: names, tags, the archive and the files that describe it.
//!
//! Nothing here has an opinion (that is [`crate::verify`]) and nothing does
//! I/O of its own: an [`Archive`] reads through any [`std::io::Read`] +
//! [`std::io::Seek`], be it a local file or a remote one behind range requests.

mod archive;
mod digest;
mod filename;
mod headers;
mod metadata;
mod project_name;
mod record;
mod wheel_file;

pub use archive::{Archive, ArchiveError, Entry};
pub use digest::{HashingReader, ParseDigestError, Sha256};
pub use filename::{BuildTag, DistFilename, FilenameError, SdistFilename, WheelFilename};
pub use headers::{HeaderError, Headers};
pub use metadata::{CoreMetadata, MetadataError};
pub use project_name::{ParseProjectNameError, ProjectName};
pub use record::{RecordError, RecordSummary};
pub use wheel_file::{WheelFile, WheelFileError};
