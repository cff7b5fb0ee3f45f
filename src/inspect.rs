//! Opens a distribution and says what is in it: the only place where a wheel is opened.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom};

use crate::facts::{
    Content, Depth, FACTS_VERSION, Facts, MAX_DIST_INFO, Metadata, Part, WheelFacts,
};
use crate::wheel::{Archive, ArchiveError, CoreMetadata, Entry, RecordSummary, Sha256, WheelFile};

/// What kind of distribution some bytes claim to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A wheel.
    Wheel,
    /// A source distribution.
    Sdist,
}

impl Kind {
    /// The kind that a filename claims: whatever is no sdist is judged as a wheel.
    pub fn of_filename(filename: &str) -> Self {
        if filename.ends_with(".tar.gz") || filename.ends_with(".zip") {
            Self::Sdist
        } else {
            Self::Wheel
        }
    }
}

/// Reads a distribution: its digest in one streamed pass, then what its archive says.
///
/// Never rejects: what is wrong becomes part of the facts. Errors only where the bytes cannot be had.
pub fn inspect(kind: Kind, mut reader: impl Read + Seek) -> io::Result<Facts> {
    let (sha256, size) = Sha256::of_reader(&mut reader)?;
    inspect_hashed(kind, reader, sha256, size)
}

/// As [`inspect`], for a file whose digest and size in bytes are known.
pub fn inspect_hashed(
    kind: Kind,
    mut reader: impl Read + Seek,
    sha256: Sha256,
    size: u64,
) -> io::Result<Facts> {
    let content = match kind {
        Kind::Sdist => Content::Sdist,
        Kind::Wheel => {
            reader.seek(SeekFrom::Start(0))?;
            match inspect_wheel(reader) {
                Ok(facts) => Content::Wheel(Box::new(facts)),
                Err(ArchiveError::Io(error)) if error.kind() != io::ErrorKind::UnexpectedEof => {
                    return Err(error);
                }
                Err(error) => Content::Unreadable(error.to_string()),
            }
        }
    };
    Ok(Facts { facts_version: FACTS_VERSION, depth: Depth::Metadata, sha256, size, content })
}

/// The bytes of a wheel's METADATA, as a sidecar serves them. None where there are none to be had.
pub fn read_metadata(reader: impl Read + Seek) -> Result<Option<Vec<u8>>, ArchiveError> {
    let mut archive = Archive::open(reader)?;
    let folders = dist_info_folders(archive.entries());
    let Some(entry) = folders.first().and_then(|folder| member(&archive, folder, "METADATA"))
    else {
        return Ok(None);
    };
    archive.read(&entry, CoreMetadata::MAX_SIZE).map(Some)
}

fn inspect_wheel<R: Read + Seek>(reader: R) -> Result<WheelFacts, ArchiveError> {
    let mut archive = Archive::open(reader)?;
    let entries = archive.entries();
    let members = entries.len() as u64;
    let unpacked_size = entries.iter().fold(0u64, |sum, entry| sum.saturating_add(entry.size));
    let dist_info = dist_info_folders(entries);
    // With several folders none is the right one; the first by name shows what is meant.
    let folder = dist_info.first().cloned().unwrap_or_default();
    Ok(WheelFacts {
        members,
        unpacked_size,
        metadata: part(&mut archive, &folder, "METADATA", CoreMetadata::MAX_SIZE, |bytes| {
            CoreMetadata::parse(bytes).map(|fields| Metadata { sha256: Sha256::of(bytes), fields })
        })?,
        wheel: part(&mut archive, &folder, "WHEEL", WheelFile::MAX_SIZE, WheelFile::parse)?,
        record: part(
            &mut archive,
            &folder,
            "RECORD",
            RecordSummary::MAX_SIZE,
            RecordSummary::parse,
        )?,
        dist_info,
    })
}

fn dist_info_folders(entries: &[Entry]) -> Vec<String> {
    let folders: BTreeSet<&str> = entries
        .iter()
        .filter_map(|entry| entry.name.split_once('/'))
        .map(|(top, _)| top)
        .filter(|top| top.ends_with(".dist-info"))
        .collect();
    folders.into_iter().take(MAX_DIST_INFO).map(str::to_owned).collect()
}

fn member<R: Read + Seek>(archive: &Archive<R>, folder: &str, file: &str) -> Option<Entry> {
    archive.find(&format!("{folder}/{file}")).cloned()
}

/// Reads one file of the `.dist-info` folder. Only a failing reader is an error.
fn part<R: Read + Seek, T, E: std::fmt::Display>(
    archive: &mut Archive<R>,
    folder: &str,
    file: &str,
    max: u64,
    parse: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<Part<T>, ArchiveError> {
    let Some(entry) = member(archive, folder, file) else { return Ok(Part::Missing) };
    Ok(match archive.read(&entry, max) {
        Ok(bytes) => match parse(&bytes) {
            Ok(value) => Part::Read(value),
            Err(error) => Part::Invalid(error.to_string()),
        },
        Err(ArchiveError::Io(error)) => return Err(error.into()),
        Err(error) => Part::Invalid(error.to_string()),
    })
}
