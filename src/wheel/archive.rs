//! A wheel's ZIP archive, read from its end.
//!
//! Reads the end records and the central directory and then only the members
//! that are asked for, so a wheel behind range requests costs kilobytes. Every
//! length is checked against the file's own size or a cap before memory is
//! reserved for it.

use std::io::{self, Read, Seek, SeekFrom};

/// Signature of the end of central directory record.
const END: [u8; 4] = *b"PK\x05\x06";
/// Signature of the ZIP64 end of central directory locator.
const END64_LOCATOR: [u8; 4] = *b"PK\x06\x07";
/// Signature of the ZIP64 end of central directory record.
const END64: [u8; 4] = *b"PK\x06\x06";
/// Signature of an entry of the central directory.
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
/// Signature of a local file header.
const LOCAL: [u8; 4] = *b"PK\x03\x04";

/// Length of the end record without its comment.
const END_LENGTH: usize = 22;
/// Length of the ZIP64 end record as every writer in use makes it.
const END64_LENGTH: u64 = 56;
/// Length of the ZIP64 locator.
const LOCATOR_LENGTH: usize = 20;
/// Fixed part of a central directory entry.
const CENTRAL_LENGTH: usize = 46;
/// Fixed part of a local header.
const LOCAL_LENGTH: usize = 30;

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// Why an archive, or a member of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The bytes could not be had.
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
    /// Nothing to read.
    #[error("the file is empty")]
    Empty,
    /// There is no end record: cut short, or no ZIP at all.
    #[error("no ZIP end record was found: the file is cut short, or no ZIP")]
    NoEnd,
    /// A record says something that cannot be.
    #[error("{0}")]
    Corrupt(String),
    /// A length or count is beyond what wheels have.
    #[error("{what} is {found}, expected at most {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// How large it says it is.
        found: u64,
        /// How large it may be.
        limit: u64,
    },
}

/// A member as the central directory describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name with `/` between folders, as stored.
    pub name: Box<str>,
    /// Compression method: 0 is stored, 8 is deflated.
    pub method: u16,
    /// CRC-32 of the contents.
    pub crc32: u32,
    /// Bytes in the archive.
    pub compressed_size: u64,
    /// Bytes of the contents.
    pub size: u64,
    /// Where the local header lies.
    pub header_offset: u64,
}

/// An opened archive.
pub struct Archive<R> {
    reader: R,
    entries: Vec<Entry>,
}

impl<R: Read + Seek> Archive<R> {
    /// The central directory of a wheel of 100,000 files takes about 15 MB.
    pub const MAX_DIRECTORY_SIZE: u64 = 256 * 1024 * 1024;
    /// More members than any wheel has.
    pub const MAX_ENTRIES: u64 = 1_000_000;

    /// Reads the end records and the central directory.
    pub fn open(mut reader: R) -> Result<Self, ArchiveError> {
        let length = reader.seek(SeekFrom::End(0))?;
        let end = find_end(&mut reader, length)?;
        limit("the central directory's size", end.size, Self::MAX_DIRECTORY_SIZE)?;
        limit("the number of members", end.entries, Self::MAX_ENTRIES)?;
        if end.offset.checked_add(end.size) != Some(end.at) {
            return Err(ArchiveError::Corrupt(format!(
                "the central directory of {} bytes at {} does not end where the end record begins, at {}",
                end.size, end.offset, end.at
            )));
        }
        let directory = read_at(&mut reader, end.offset, end.size)?;
        let entries = read_directory(&directory, &end)?;
        Ok(Self { reader, entries })
    }

    /// The members, in the order of the central directory.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The member of exactly this name.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| &*entry.name == name)
    }

    /// Contents of a member: at most `limit` bytes, size and CRC checked.
    pub fn read(&mut self, entry: &Entry, max: u64) -> Result<Vec<u8>, ArchiveError> {
        let name = &entry.name;
        limit("the member's size", entry.size, max)?;
        let corrupt = |reason: String| ArchiveError::Corrupt(format!("`{name}`: {reason}"));
        let header = read_at(&mut self.reader, entry.header_offset, LOCAL_LENGTH as u64)?;
        if header[..4] != LOCAL {
            return Err(corrupt(format!("no local header at {}", entry.header_offset)));
        }
        let skip = u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28));
        let start = entry.header_offset + LOCAL_LENGTH as u64 + skip;
        self.reader.seek(SeekFrom::Start(start))?;
        let compressed = (&mut self.reader).take(entry.compressed_size);
        // One byte more than stated shows that there is more.
        let mut contents = reserved(entry.size + 1);
        let outcome = match entry.method {
            STORED => compressed.take(entry.size + 1).read_to_end(&mut contents),
            DEFLATED => flate2::read::DeflateDecoder::new(compressed)
                .take(entry.size + 1)
                .read_to_end(&mut contents),
            method => return Err(corrupt(format!("compression method {method} is not supported"))),
        };
        outcome.map_err(|error| corrupt(format!("cannot be inflated: {error}")))?;
        if contents.len() as u64 != entry.size {
            let found = contents.len();
            return Err(corrupt(format!("expected {} bytes, found {found}", entry.size)));
        }
        let crc = crc32fast::hash(&contents);
        if crc != entry.crc32 {
            return Err(corrupt(format!("expected the CRC {:08x}, found {crc:08x}", entry.crc32)));
        }
        Ok(contents)
    }
}

/// What the end records say of the central directory, and where they begin.
struct End {
    at: u64,
    entries: u64,
    size: u64,
    offset: u64,
}

fn find_end(reader: &mut (impl Read + Seek), length: u64) -> Result<End, ArchiveError> {
    if length == 0 {
        return Err(ArchiveError::Empty);
    }
    let longest = END_LENGTH + usize::from(u16::MAX) + LOCATOR_LENGTH;
    let window = length.min(longest as u64);
    let start = length - window;
    let tail = read_at(reader, start, window)?;
    let fixed = END_LENGTH;
    // The record is the last whose comment reaches exactly to the end of the file.
    let found = (0..=tail.len().saturating_sub(fixed)).rev().find(|&at| {
        tail[at..].starts_with(&END)
            && tail.len() - at >= fixed
            && usize::from(u16_at(&tail, at + 20)) == tail.len() - at - fixed
    });
    let at = found.ok_or(ArchiveError::NoEnd)?;
    let record = &tail[at..];
    let end = End {
        at: start + at as u64,
        entries: u16_at(record, 10).into(),
        size: u32_at(record, 12).into(),
        offset: u32_at(record, 16).into(),
    };
    if u16_at(record, 4) != 0 || u16_at(record, 6) != 0 {
        return Err(ArchiveError::Corrupt("the archive is split over several disks".to_owned()));
    }
    let locator = at.checked_sub(LOCATOR_LENGTH).map(|from| &tail[from..at]);
    match locator {
        Some(locator) if locator.starts_with(&END64_LOCATOR) => {
            read_end64(reader, u64_at(locator, 8), end.at - LOCATOR_LENGTH as u64)
        }
        _ => Ok(end),
    }
}

fn read_end64(reader: &mut (impl Read + Seek), at: u64, locator: u64) -> Result<End, ArchiveError> {
    let corrupt =
        |reason: &str| ArchiveError::Corrupt(format!("the ZIP64 end record at {at} {reason}"));
    if at.checked_add(END64_LENGTH) != Some(locator) {
        return Err(corrupt("does not end where its locator begins"));
    }
    let record = read_at(reader, at, END64_LENGTH)?;
    if record[..4] != END64 {
        return Err(corrupt("has no signature"));
    }
    Ok(End {
        at,
        entries: u64_at(&record, 32),
        size: u64_at(&record, 40),
        offset: u64_at(&record, 48),
    })
}

fn read_directory(directory: &[u8], end: &End) -> Result<Vec<Entry>, ArchiveError> {
    let corrupt = |reason: String| ArchiveError::Corrupt(format!("the central directory {reason}"));
    // An entry takes 46 bytes at least: a count that cannot be reserves nothing.
    let plausible = (directory.len() / CENTRAL_LENGTH) as u64;
    let mut entries = Vec::with_capacity(usize::try_from(end.entries.min(plausible)).unwrap_or(0));
    let mut rest = directory;
    while !rest.is_empty() {
        let index = entries.len();
        if rest.len() < CENTRAL_LENGTH || rest[..4] != CENTRAL {
            return Err(corrupt(format!("has no entry where entry {index} should begin")));
        }
        let (name, extra, comment) =
            (u16_at(rest, 28).into(), u16_at(rest, 30).into(), u16_at(rest, 32).into());
        let variable: [usize; 3] = [name, extra, comment];
        let total = CENTRAL_LENGTH + variable.iter().sum::<usize>();
        if rest.len() < total {
            return Err(corrupt(format!("ends within entry {index}")));
        }
        let (name, extra) = rest[CENTRAL_LENGTH..].split_at(variable[0]);
        let text = std::str::from_utf8(name)
            .map_err(|_| corrupt(format!("names entry {index} in bytes that are not UTF-8")))?;
        let mut entry = Entry {
            name: text.into(),
            method: u16_at(rest, 10),
            crc32: u32_at(rest, 16),
            compressed_size: u32_at(rest, 20).into(),
            size: u32_at(rest, 24).into(),
            header_offset: u32_at(rest, 42).into(),
        };
        widen(&mut entry, &extra[..variable[1]])
            .ok_or_else(|| corrupt(format!("lacks the ZIP64 field of `{text}`")))?;
        let inside = entry
            .header_offset
            .checked_add(LOCAL_LENGTH as u64)
            .and_then(|start| start.checked_add(entry.compressed_size))
            .is_some_and(|past| past <= end.offset);
        if !inside {
            return Err(corrupt(format!("places `{text}` outside of the archive")));
        }
        entries.push(entry);
        rest = &rest[total..];
    }
    if entries.len() as u64 != end.entries {
        let (found, expected) = (entries.len(), end.entries);
        return Err(corrupt(format!("has {found} entries, the end record says {expected}")));
    }
    Ok(entries)
}

/// Replaces the values that do not fit 32 bits by those of the ZIP64 extra field.
fn widen(entry: &mut Entry, mut extra: &[u8]) -> Option<()> {
    const MARK: u64 = u32::MAX as u64;
    let wanted = [&mut entry.size, &mut entry.compressed_size, &mut entry.header_offset];
    let mut wanted: Vec<&mut u64> = wanted.into_iter().filter(|value| **value == MARK).collect();
    if wanted.is_empty() {
        return Some(());
    }
    while extra.len() >= 4 {
        let (id, length) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let field = extra.get(4..4 + length)?;
        if id == 1 {
            for (index, value) in wanted.iter_mut().enumerate() {
                **value = u64_at(field.get(index * 8..index * 8 + 8)?, 0);
            }
            return Some(());
        }
        extra = &extra[4 + length..];
    }
    None
}

fn limit(what: &'static str, found: u64, limit: u64) -> Result<(), ArchiveError> {
    if found <= limit { Ok(()) } else { Err(ArchiveError::Limit { what, found, limit }) }
}

/// Exactly `length` bytes from `at`; callers have bounded the length.
fn read_at(reader: &mut (impl Read + Seek), at: u64, length: u64) -> Result<Vec<u8>, ArchiveError> {
    reader.seek(SeekFrom::Start(at))?;
    let mut bytes = reserved(length);
    reader.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length {
        Ok(bytes)
    } else {
        Err(ArchiveError::Corrupt(format!(
            "expected {length} bytes at {at}, found {}",
            bytes.len()
        )))
    }
}

/// A buffer for so many bytes. Reserves for what is usual only: a length may be a lie.
fn reserved(length: u64) -> Vec<u8> {
    Vec::with_capacity(usize::try_from(length.min(1 << 20)).unwrap_or(0))
}

/// A little-endian number; callers have checked that its bytes are there.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use proptest::prelude::*;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, contents) in members {
            writer.start_file(*name, SimpleFileOptions::default()).expect("starts");
            writer.write_all(contents).expect("writes");
        }
        writer.finish().expect("finishes").into_inner()
    }

    fn open(bytes: Vec<u8>) -> Result<Archive<Cursor<Vec<u8>>>, ArchiveError> {
        Archive::open(Cursor::new(bytes))
    }

    #[test]
    fn reads_what_zip_wrote() {
        let long = vec![b'x'; 100_000];
        let mut archive = open(archive(&[("a/b.txt", b"hello"), ("c", &long)])).expect("opens");
        assert_eq!(archive.entries().len(), 2);
        for (name, contents) in [("a/b.txt", &b"hello"[..]), ("c", &long)] {
            let entry = archive.find(name).expect("is there").clone();
            assert_eq!(archive.read(&entry, 1 << 20).expect("reads"), contents);
        }
        let entry = archive.find("c").expect("is there").clone();
        assert!(matches!(archive.read(&entry, 99_999), Err(ArchiveError::Limit { .. })));
    }

    #[test]
    fn zip64_entries_are_read() {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("big", SimpleFileOptions::default().large_file(true)).expect("starts");
        writer.write_all(b"contents").expect("writes");
        let bytes = writer.finish().expect("finishes").into_inner();
        let mut archive = open(bytes).expect("opens");
        let entry = archive.find("big").expect("is there").clone();
        assert_eq!(archive.read(&entry, 100).expect("reads"), b"contents");
    }

    #[test]
    fn damage_is_named() {
        let bytes = archive(&[("a", b"hello")]);
        assert!(matches!(open(Vec::new()), Err(ArchiveError::Empty)));
        assert!(matches!(open(b"no zip".to_vec()), Err(ArchiveError::NoEnd)));
        assert!(matches!(open(bytes[..bytes.len() - 1].to_vec()), Err(ArchiveError::NoEnd)));
        let mut prefixed = b"junk".to_vec();
        prefixed.extend_from_slice(&bytes);
        assert!(matches!(open(prefixed), Err(ArchiveError::Corrupt(_))));
        let mut flipped = bytes;
        flipped[31] ^= 1;
        let mut archive = open(flipped).expect("opens");
        let entry = archive.entries()[0].clone();
        assert!(matches!(archive.read(&entry, 100), Err(ArchiveError::Corrupt(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn damage_never_panics(at in 0usize..200, value: u8, cut in 0usize..200) {
            let mut bytes = archive(&[("a", b"hello"), ("b/METADATA", b"Name: x")]);
            let length = bytes.len();
            bytes[at % length] = value;
            bytes.truncate(length - cut % 40);
            if let Ok(mut archive) = open(bytes) {
                for entry in archive.entries().to_vec() {
                    let _ = archive.read(&entry, 1 << 16);
                }
            }
        }
    }
}
