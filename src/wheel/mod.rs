//! What a wheel is: names, tags, the archive and the files that describe it.
//!
//! Nothing here has an opinion (that is [`crate::verify`]) and nothing does
//! I/O of its own: an [`Archive`] reads through any [`std::io::Read`] +
//! [`std::io::Seek`], be it a local file or a remote one behind range requests.

pub(crate) mod anomaly;
mod archive;
mod digest;
mod entry_points;
mod filename;
mod headers;
mod metadata;
mod project_name;
mod record;
mod requirement;
mod wheel_file;

pub use anomaly::{Anomalies, Anomaly, Disorder};
pub(crate) use anomaly::{escaped, sanitized};
pub(crate) use archive::unpacked_size;
pub use archive::{Archive, ArchiveError, Change, Entry, RangeRead, RewriteError, Sink, Walk};
pub(crate) use digest::HexDigits;
pub use digest::{HashingReader, ParseDigestError, Sha256};
pub(crate) use entry_points::check_entry_points;
pub use filename::{BuildTag, DistFilename, FilenameError, SdistFilename, Versions, WheelFilename};
pub use headers::{HeaderError, Headers};
pub use metadata::{CoreMetadata, MetadataError};
pub use project_name::{ParseProjectNameError, ProjectName};
pub use record::{Record, RecordError, RecordHash, RecordHasher, RecordSummary, Row};
pub use requirement::parse_requirement;
pub(crate) use requirement::read_requirement;
pub use wheel_file::{WheelFile, WheelFileError};
