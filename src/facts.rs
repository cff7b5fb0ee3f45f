//! What flows through a build: an [`Artifact`] is a file at a source, and
//! [`Facts`] are what its bytes say. Data only; whoever has an opinion about
//! it lives in [`crate::verify`].

use std::fmt;
use std::num::NonZeroI64;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cuda::elf::ElfFacts;
use crate::cuda::{Binary, CudaSummary, DeviceCode, LocalTag, Requirements, TorchUse};
use crate::wheel::{
    Anomalies, CoreMetadata, DistFilename, FilenameError, RecordSummary, Sha256, WheelFile,
};

/// A file at a source, before a byte of it is read.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The filename, verbatim.
    pub filename: Arc<str>,
    /// The filename parsed, or why it cannot be.
    pub dist: Result<DistFilename, FilenameError>,
    /// Where it lies, for people and for the source that opens it.
    pub location: Location,
    /// Position of its source among the sources of the build.
    pub source: usize,
    /// Size in bytes, where the source tells.
    pub size: Option<u64>,
    /// What the source says of the file without reading it.
    pub offered: Offered,
    /// Tells whether a local file has changed since it was last read.
    pub stamp: Option<Box<Stamp>>,
    /// What the source calls these bytes, where that is no digest: an ETag, the number of an upload.
    pub revision: Option<Box<str>>,
    /// The `.metadata` file that lies beside it.
    pub sidecar: Option<Box<SidecarFile>>,
    /// What it lies in, where that may name a channel: folders below the source, the tag of a release.
    pub place: Option<Box<str>>,
}

impl Artifact {
    /// An artifact of which no more is known than its name and its place.
    pub fn new(filename: &str, location: Location) -> Self {
        let filename: Arc<str> = filename.into();
        Self {
            dist: filename.parse(),
            filename,
            location,
            source: 0,
            size: None,
            offered: Offered::default(),
            stamp: None,
            revision: None,
            sidecar: None,
            place: None,
        }
    }

    /// Whether two files belong to one project.
    pub fn is_beside(&self, other: &Self) -> bool {
        match (&self.dist, &other.dist) {
            (Ok(one), Ok(other)) => one.name() == other.name(),
            _ => false,
        }
    }

    /// What tells whether it has changed since it was last read.
    pub fn mark(&self) -> Mark {
        Mark { stamp: self.stamp.as_deref().copied(), revision: self.revision.clone() }
    }

    /// The revision as a site shows it, where it has to stand in for a digest.
    pub fn published_revision(&self) -> Option<Box<str>> {
        let revision = self.revision.as_ref().filter(|_| self.offered.sha256.is_none())?;
        Some(Sha256::of(revision.as_bytes()).short().into())
    }
}

impl Mark {
    /// Whether it tells nothing.
    pub fn is_empty(&self) -> bool {
        self.stamp.is_none() && self.revision.is_none()
    }
}

/// The digest of a sidecar as it was when its source called it so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownSidecar {
    /// What the source called its bytes.
    pub revision: Box<str>,
    /// Their digest.
    pub sha256: Sha256,
}

/// What tells whether an artifact has changed since it was last read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Of a local file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stamp: Option<Stamp>,
    /// Of a file on another machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Box<str>>,
}

/// The `.metadata` file beside an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SidecarFile {
    /// A local file.
    File(Box<Path>),
    /// At the artifact's source.
    Remote {
        /// By which the source knows it.
        key: Box<str>,
        /// Its digest, where the source tells.
        sha256: Option<Sha256>,
        /// What the source calls its bytes, where it tells.
        revision: Option<Box<str>>,
    },
}

/// Where an artifact lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A local file.
    File(PathBuf),
    /// A line of a package list, counted from 1.
    Line(Arc<str>, u64),
    /// On another machine.
    Remote(Box<RemoteLocation>),
}

/// A place on another machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteLocation {
    /// For people: holds no secret.
    pub shown: Box<str>,
    /// By which the source knows it.
    pub key: Box<str>,
}

impl Location {
    /// A place on another machine.
    pub fn remote(shown: impl Into<Box<str>>, key: impl Into<Box<str>>) -> Self {
        Self::Remote(Box::new(RemoteLocation { shown: shown.into(), key: key.into() }))
    }

    /// By which a remote source knows it.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Remote(remote) => Some(&remote.key),
            Self::File(_) | Self::Line(..) => None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Line(list, line) => write!(f, "{list}:{line}"),
            Self::Remote(remote) => f.write_str(&remote.shown),
        }
    }
}

/// What a source says of a file without reading it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offered {
    /// Digest of the file.
    pub sha256: Option<Sha256>,
    /// Public URL of the file.
    pub url: Option<Box<str>>,
    /// `Requires-Python`.
    pub requires_python: Option<Arc<str>>,
    /// The sidecar that is served beside the file.
    pub core_metadata: Option<Sidecar>,
    /// When the file was uploaded, by the source's own clock.
    pub upload_time: Option<UploadTime>,
    /// When the file was last modified: the upload time of last resort.
    pub modified: Option<UploadTime>,
    /// Why the file is yanked.
    pub yanked: Option<Box<str>>,
}

/// A `.metadata` file beside a distribution (PEP 658, PEP 714).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sidecar {
    /// There is one, of unknown digest.
    Unhashed,
    /// There is one with this digest.
    Sha256(Sha256),
}

/// A local file's size, times and inode: as long as they stay, its bytes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Size in bytes.
    pub size: u64,
    /// Modification time, in nanoseconds since 1970.
    pub modified: i128,
    /// Change time, in nanoseconds since 1970; 0 where the platform has none.
    pub changed: i128,
    /// Inode; 0 where the platform has none.
    pub inode: u64,
}

/// A moment in whole seconds, UTC (PEP 700 `upload-time`).
///
/// ```
/// use wheelsite::facts::UploadTime;
/// let time: UploadTime = "2026-01-28T12:00:00Z".parse()?;
/// assert_eq!(time.to_string(), "2026-01-28T12:00:00Z");
/// # Ok::<(), wheelsite::facts::ParseTimeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UploadTime(
    /// Seconds, and one more: an index holds many of these, and most of them optional.
    NonZeroI64,
);

/// Bytes of the day at the beginning of `2026-01-28T12:00:00Z`.
const DATE_LENGTH: usize = 10;

impl UploadTime {
    /// Of its text, in bytes.
    pub(crate) const LENGTH: usize = "2026-01-28T12:00:00Z".len();

    /// From seconds since 1970; none before that, and none after the year 9999.
    pub fn from_seconds(seconds: i64) -> Option<Self> {
        let seconds = Some(seconds).filter(|seconds| (0..=253_402_300_799).contains(seconds))?;
        NonZeroI64::new(seconds + 1).map(Self)
    }

    /// Seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0.get() - 1
    }

    /// The day alone, as `2026-01-28`.
    pub fn date(self) -> String {
        let text = self.text();
        str::from_utf8(&text[..DATE_LENGTH]).unwrap_or_default().to_owned()
    }

    /// Whether both are of one day.
    pub fn is_same_day(self, other: Self) -> bool {
        self.seconds() / 86_400 == other.seconds() / 86_400
    }

    /// Appends it, as [`Display`](fmt::Display) has it.
    pub fn push(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.text());
    }

    /// Its text. Each file has a time: `jiff`, which can do much more, takes ten times as long.
    pub(crate) fn text(self) -> [u8; Self::LENGTH] {
        const DAY: u32 = 86_400;
        // Four centuries have as many days, whichever they are.
        const ERA: u32 = 146_097;
        // The range of the type bounds all of these by 2^32.
        let seconds = self.seconds().unsigned_abs();
        let days = u32::try_from(seconds / u64::from(DAY)).unwrap_or_default();
        let second = u32::try_from(seconds % u64::from(DAY)).unwrap_or_default();
        // Years that begin in March, from the year 0 on, so that a leap day is the last of its year.
        let days = days + 719_468;
        let (era, day) = (days / ERA, days % ERA);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + u32::from(month <= 2);
        let mut text = *b"0000-00-00T00:00:00Z";
        let mut put = |at: usize, two_digits: u32| {
            let number = u8::try_from(two_digits).unwrap_or_default();
            text[at] += number / 10;
            text[at + 1] += number % 10;
        };
        put(0, year / 100);
        put(2, year % 100);
        put(5, month);
        put(8, day);
        put(11, second / 3_600);
        put(14, second / 60 % 60);
        put(17, second % 60);
        text
    }
}

impl fmt::Display for UploadTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.text()).unwrap_or_default())
    }
}

/// A text that is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a time such as `2026-01-28T12:00:00Z`, found `{0}`")]
pub struct ParseTimeError(String);

impl FromStr for UploadTime {
    type Err = ParseTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time: jiff::Timestamp = text.parse().map_err(|_| ParseTimeError(text.to_owned()))?;
        Self::from_seconds(time.as_second()).ok_or_else(|| ParseTimeError(text.to_owned()))
    }
}

impl Serialize for UploadTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for UploadTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::from_text::from_text(deserializer)
    }
}

/// What the bytes of a distribution say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// [`FACTS_VERSION`] of the program that read them.
    pub facts_version: u32,
    /// How much was read.
    pub depth: Depth,
    /// Digest of the whole file.
    pub sha256: Sha256,
    /// Size in bytes.
    pub size: u64,
    /// What is inside.
    pub content: Content,
    /// Whether it was somebody else who read them, and this program believes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reported: bool,
}

/// Grows whenever reading finds more than before, so that files are read again.
pub const FACTS_VERSION: u32 = 3;

/// How much of a file was read.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Depth {
    /// The central directory, METADATA, WHEEL, RECORD and `entry_points.txt`.
    Metadata,
    /// Every byte.
    Full,
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metadata => "metadata",
            Self::Full => "full",
        })
    }
}

/// What is inside a distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    /// A source distribution, which is not opened.
    Sdist,
    /// A wheel whose archive could not be read, and why.
    Unreadable {
        /// What hinders reading it.
        reason: Unreadable,
        /// What was found.
        detail: String,
    },
    /// A wheel.
    Wheel(Box<WheelFacts>),
}

/// What hinders reading an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unreadable {
    /// Bytes follow it.
    Trailing,
    /// Bytes were put before it.
    Prefix,
    /// Anything else: it is cut short, damaged, or none.
    Damaged,
}

/// What is inside a wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WheelFacts {
    /// Members of the archive.
    pub members: u64,
    /// Sum of their sizes in bytes.
    pub unpacked_size: u64,
    /// Folders at the top that end in `.dist-info`, sorted, at most [`MAX_DIST_INFO`].
    pub dist_info: Vec<String>,
    /// METADATA.
    pub metadata: Part<Metadata>,
    /// WHEEL.
    pub wheel: Part<WheelFile>,
    /// RECORD.
    pub record: Part<RecordSummary>,
    /// The license files of METADATA (2.4) that are not in the archive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses_absent: Vec<String>,
    /// The ELF files, read at full depth only; at most [`MAX_ELF`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elf: Vec<ElfFile>,
    /// What is out of order.
    #[serde(default, skip_serializing_if = "Anomalies::is_empty")]
    pub anomalies: Anomalies,
}

/// More ELF files than this are not looked into.
pub const MAX_ELF: usize = 4_096;

/// An ELF file in a wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElfFile {
    /// Its name in the archive.
    pub path: String,
    /// What its headers say.
    #[serde(flatten)]
    pub facts: ElfFacts,
    /// The device code that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceCode>,
}

impl WheelFacts {
    /// The ELF files.
    pub fn binaries(&self) -> Vec<Binary<'_>> {
        let files = self.elf.iter();
        files
            .map(|ElfFile { path, facts, device }| Binary { path, facts, device: device.as_ref() })
            .collect()
    }

    /// What METADATA requires of CUDA and torch.
    pub fn requirements(&self) -> Requirements {
        let lines = self.metadata.read().map_or(&[][..], |it| &it.fields.requires_dist);
        Requirements::parse(lines.iter().map(String::as_str))
    }

    /// What it needs of a machine with GPUs; `tag` is the local part of its version.
    pub fn cuda(&self, tag: &LocalTag) -> Option<CudaSummary> {
        CudaSummary::of(&self.binaries(), &self.requirements(), tag)
    }

    /// What it needs of torch.
    pub fn torch(&self, tag: &LocalTag) -> Option<TorchUse> {
        TorchUse::of(&self.binaries(), &self.requirements(), tag)
    }
}

/// More `.dist-info` folders than this are not listed: two are wrong already.
pub const MAX_DIST_INFO: usize = 8;

/// METADATA with the digest of its bytes, which are what a sidecar serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Digest of the file as it lies in the wheel.
    pub sha256: Sha256,
    /// Its fields.
    #[serde(flatten)]
    pub fields: CoreMetadata,
}

/// A file that a wheel must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part<T> {
    /// It is not there.
    Missing,
    /// It is there and cannot be read.
    Invalid(String),
    /// What it says.
    Read(T),
}

impl<T> Part<T> {
    /// What it says, if it could be read.
    pub fn read(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            Self::Missing | Self::Invalid(_) => None,
        }
    }
}

impl Facts {
    /// What is inside, if this is a wheel whose archive could be read.
    pub fn wheel(&self) -> Option<&WheelFacts> {
        match &self.content {
            Content::Wheel(wheel) => Some(wheel),
            Content::Sdist | Content::Unreadable { .. } => None,
        }
    }

    /// METADATA, if it could be read.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.wheel()?.metadata.read()
    }

    /// Whether they were read by this version of the program, and at least at this depth.
    pub fn suffice(&self, depth: Depth) -> bool {
        self.facts_version == FACTS_VERSION && self.depth >= depth
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_absent_time_takes_no_room() {
        assert_eq!(size_of::<Option<UploadTime>>(), 8);
    }

    proptest! {
        #[test]
        fn times_are_written_as_by_others(seconds in prop_oneof![0i64..=253_402_300_799, 0i64..5_000_000_000]) {
            let time = UploadTime::from_seconds(seconds).expect("is a time");
            let others = jiff::Timestamp::from_second(seconds).expect("is a time");
            prop_assert_eq!(time.to_string(), others.to_string());
            prop_assert_eq!(time.to_string().parse::<UploadTime>()?, time);
            prop_assert_eq!(time.seconds(), seconds);
        }
    }

    #[test]
    fn times_have_ends() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            let time = UploadTime::from_seconds(seconds).expect("is a time");
            assert_eq!(time.to_string(), text);
        }
        assert_eq!(UploadTime::from_seconds(-1), None);
        assert_eq!(UploadTime::from_seconds(253_402_300_800), None);
    }
}
