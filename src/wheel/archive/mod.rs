//! A wheel's ZIP archive.
//!
//! [`Archive::open`] reads the end records and the central directory, and then only
//! the members that are asked for, so that a wheel behind range requests costs
//! kilobytes; [`Walk`] reads every byte once, from the first to the last. Both note
//! what is out of order and go on where they can. Every length is checked against
//! the file's own size or a cap before memory is reserved for it.

mod bytes;
mod copy;
mod directory;
mod end;
mod names;
mod walk;

use std::io::{self, Read, SeekFrom};
use std::ops::Range;

use super::anomaly::{Anomalies, Disorder, shown};
pub use bytes::RangeRead;
use bytes::{Watched, read_at, reserved, u16_at};
pub use copy::{Change, RewriteError};
pub use walk::{Sink, Walk};

/// Signature of a local file header.
const LOCAL: [u8; 4] = *b"PK\x03\x04";
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
    /// Bytes follow the end record.
    #[error("{length} bytes follow the end record, expected none")]
    Trailing {
        /// How many.
        length: u64,
    },
    /// The central directory is not where the end record says: something was put before the archive.
    #[error(
        "the central directory lies {length} bytes behind the place that the end record states"
    )]
    Displaced {
        /// By how many bytes.
        length: u64,
    },
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
    /// Name with `/` between folders, as stored; what is not UTF-8 is replaced.
    pub name: Box<str>,
    /// The name's bytes, where they are not UTF-8.
    raw: Option<Box<[u8]>>,
    flags: u16,
    /// The version of the format that it takes to read it, times ten.
    version_needed: u8,
    /// Compression method: 0 is stored, 8 is deflated.
    pub method: u16,
    /// CRC-32 of the contents.
    pub crc32: u32,
    /// Bytes in the archive.
    pub compressed_size: u64,
    /// Bytes of the contents.
    pub size: u64,
    /// File type and permissions as Unix has them; 0 where they are not known.
    pub mode: u16,
    /// Where the local header lies.
    pub header_offset: u64,
}

impl Entry {
    fn raw_name(&self) -> &[u8] {
        self.raw.as_deref().unwrap_or(self.name.as_bytes())
    }

    /// Whether it is a folder.
    pub fn is_folder(&self) -> bool {
        self.name.ends_with('/')
    }

    fn has_descriptor(&self) -> bool {
        self.flags & 8 != 0
    }
}

/// An opened archive.
pub struct Archive<R> {
    reader: R,
    /// Length of the file in bytes.
    length: u64,
    /// Where the central directory begins.
    directory_at: u64,
    entries: Vec<Entry>,
    anomalies: Anomalies,
    /// What the reader failed with while something was inflated.
    failure: Option<io::Error>,
}

impl<R: RangeRead> Archive<R> {
    /// The central directory of a wheel of 100,000 files takes about 15 MB.
    pub const MAX_DIRECTORY_SIZE: u64 = 64 * 1024 * 1024;
    /// More members than any wheel has.
    pub const MAX_ENTRIES: u64 = 1_000_000;

    /// Reads the end records and the central directory.
    pub fn open(mut reader: R) -> Result<Self, ArchiveError> {
        let mut anomalies = Anomalies::default();
        let length = reader.seek(SeekFrom::End(0))?;
        let end = end::find(&mut reader, length, &mut anomalies)?;
        limit("the central directory's size", end.size, Self::MAX_DIRECTORY_SIZE)?;
        limit("the number of members", end.entries, Self::MAX_ENTRIES)?;
        match end.offset.checked_add(end.size) {
            Some(past) if past == end.at => {}
            Some(past) if past < end.at => {
                return Err(ArchiveError::Displaced { length: end.at - past });
            }
            _ => {
                return Err(ArchiveError::Corrupt(format!(
                    "the central directory of {} bytes at {} does not end where the end record begins, at {}",
                    end.size, end.offset, end.at
                )));
            }
        }
        let directory = read_at(&mut reader, end.offset, end.size)?;
        let entries = directory::read(&directory, &end, &mut anomalies)?;
        names::check(&entries, &mut anomalies);
        check_layout(&entries, end.offset, &mut anomalies);
        check_contents(&entries, length, &mut anomalies);
        Ok(Self { reader, length, directory_at: end.offset, entries, anomalies, failure: None })
    }

    /// The members, in the order of the central directory.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What was found out of order so far.
    pub fn anomalies(&self) -> &Anomalies {
        &self.anomalies
    }

    /// The member of exactly this name.
    pub fn find(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| &*entry.name == name)
    }

    /// Tells the reader that these members will be read, those of at most so many bytes.
    pub fn announce<'e>(&mut self, members: impl IntoIterator<Item = (&'e Entry, u64)>) {
        let ranges: Vec<Range<u64>> = members
            .into_iter()
            // What takes more room packed than it may have unpacked is not fetched in advance.
            .filter(|(entry, max)| entry.size <= *max && entry.compressed_size / 2 <= *max)
            .map(|(entry, _)| entry.header_offset..self.past(entry))
            .collect();
        self.reader.announce(&ranges);
    }

    /// Where whatever follows a member begins: its local header does not tell before it is read.
    fn past(&self, entry: &Entry) -> u64 {
        let named = entry.header_offset + (LOCAL_LENGTH + entry.raw_name().len()) as u64;
        let least = named + entry.compressed_size;
        let later = self.entries.iter().map(|entry| entry.header_offset);
        let next = later.filter(|at| *at >= least).min().unwrap_or(self.directory_at);
        // The header's extra field and a descriptor are no longer than this.
        next.max(least).min(least + u64::from(u16::MAX) + 24)
    }

    /// Contents of a member: at most `max` bytes, size and CRC checked.
    pub fn read(&mut self, entry: &Entry, max: u64) -> Result<Vec<u8>, ArchiveError> {
        let name = &entry.name;
        limit("the member's size", entry.size, max)?;
        self.announce([(entry, max)]);
        let corrupt = |reason: String| ArchiveError::Corrupt(format!("{}: {reason}", shown(name)));
        let mut contents = reserved(entry.size + 1);
        // One byte more than stated shows that there is more.
        let outcome = self.inflater(entry)?.take(entry.size + 1).read_to_end(&mut contents);
        if let Some(failure) = self.failure.take() {
            return Err(failure.into());
        }
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

    /// Some bytes of a member's contents, from the place at `offset`, read by inflating up to them.
    pub fn read_range(
        &mut self,
        entry: &Entry,
        offset: u64,
        length: u64,
    ) -> Result<Vec<u8>, ArchiveError> {
        let mut inflater = self.inflater(entry)?;
        let skipped = io::copy(&mut (&mut inflater).take(offset), &mut io::sink())?;
        let mut bytes = reserved(length);
        inflater.take(length).read_to_end(&mut bytes)?;
        if skipped == offset && bytes.len() as u64 == length {
            Ok(bytes)
        } else {
            Err(ArchiveError::Corrupt(format!(
                "{} ends before {offset} + {length}",
                shown(&entry.name)
            )))
        }
    }

    /// Reads the contents of a member, wherever its local header says that they begin.
    fn inflater<'s>(&'s mut self, entry: &Entry) -> Result<Box<dyn Read + 's>, ArchiveError> {
        let header = read_at(&mut self.reader, entry.header_offset, LOCAL_LENGTH as u64)?;
        if header[..4] != LOCAL {
            return Err(ArchiveError::Corrupt(format!(
                "{}: no local header at {}",
                shown(&entry.name),
                entry.header_offset
            )));
        }
        let skip = u64::from(u16_at(&header, 26)) + u64::from(u16_at(&header, 28));
        self.reader.seek(SeekFrom::Start(entry.header_offset + LOCAL_LENGTH as u64 + skip))?;
        let watched = Watched { reader: &mut self.reader, failure: &mut self.failure };
        let compressed = watched.take(entry.compressed_size);
        match entry.method {
            STORED => Ok(Box::new(compressed)),
            DEFLATED => Ok(Box::new(flate2::read::DeflateDecoder::new(compressed))),
            method => Err(ArchiveError::Corrupt(format!(
                "{}: compression method {method} is not supported",
                shown(&entry.name)
            ))),
        }
    }
}

/// The members in the order in which they lie in the file.
fn by_offset(entries: &[Entry]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|index| entries[*index].header_offset);
    order
}

/// What the central directory alone tells of overlaps and of bytes that belong to nobody.
fn check_layout(entries: &[Entry], directory_at: u64, anomalies: &mut Anomalies) {
    // The local header's extra field and a descriptor are not known here.
    const SLACK: u64 = u16::MAX as u64 + 24;
    let mut past = 0;
    let mut latest = 0;
    for index in by_offset(entries) {
        let entry = &entries[index];
        if entry.header_offset < past {
            anomalies.add(Disorder::Overlap, || {
                format!(
                    "{} begins at {}, within another member",
                    shown(&entry.name),
                    entry.header_offset
                )
            });
        } else if past == 0 && entry.header_offset > 0 {
            anomalies.add(Disorder::Prefix, || {
                format!("{} bytes lie before the first member", entry.header_offset)
            });
        } else if entry.header_offset > latest && past > 0 {
            anomalies.add(Disorder::Gap, || {
                format!("bytes before {} belong to no member", shown(&entry.name))
            });
        }
        let header = (LOCAL_LENGTH + entry.raw_name().len()) as u64;
        past = past.max(entry.header_offset + header + entry.compressed_size);
        latest = past + SLACK;
    }
    if directory_at > latest && !entries.is_empty() {
        anomalies.add(Disorder::Gap, || {
            "bytes before the central directory belong to no member".to_owned()
        });
    }
    if entries.is_empty() && directory_at > 0 {
        anomalies.add(Disorder::Prefix, || {
            format!("{directory_at} bytes lie before the central directory")
        });
    }
}

/// Methods and sizes.
fn check_contents(entries: &[Entry], length: u64, anomalies: &mut Anomalies) {
    for entry in entries {
        let name = &entry.name;
        // The newest version of the format is 6.3; patched data needs its original.
        if entry.version_needed > 63 || entry.flags & 0x20 != 0 {
            anomalies.add(Disorder::Method, || {
                format!(
                    "{} takes version {} of the format and has the flags {:#06x}",
                    shown(name),
                    f32::from(entry.version_needed) / 10.0,
                    entry.flags
                )
            });
        }
        match entry.method {
            DEFLATED => {}
            STORED if entry.size == entry.compressed_size => {}
            STORED => anomalies.add(Disorder::Size, || {
                format!(
                    "{} is stored and has {} bytes, the archive holds {}",
                    shown(name),
                    entry.size,
                    entry.compressed_size
                )
            }),
            method => anomalies.add(Disorder::Method, || {
                format!(
                    "{} has the compression method {method}, expected stored or deflated",
                    shown(name)
                )
            }),
        }
    }
    let unpacked = unpacked_size(entries);
    // PyPI's rule; what is more than a disk holds is refused whatever its ratio.
    if (unpacked > 64 << 20 && unpacked / 50 > length) || unpacked > 1 << 38 {
        anomalies.add(Disorder::Bomb, || {
            format!("{length} bytes unpack to {unpacked}, expected at most fifty times as many")
        });
    }
}

/// Sum of the members' sizes in bytes.
pub(crate) fn unpacked_size(entries: &[Entry]) -> u64 {
    entries.iter().fold(0, |sum: u64, entry| sum.saturating_add(entry.size))
}

fn limit(what: &'static str, found: u64, limit: u64) -> Result<(), ArchiveError> {
    if found <= limit { Ok(()) } else { Err(ArchiveError::Limit { what, found, limit }) }
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
        assert!(matches!(open(prefixed), Err(ArchiveError::Displaced { length: 4 })));
        let mut trailing = bytes.clone();
        trailing.extend_from_slice(b"junk");
        assert!(matches!(open(trailing), Err(ArchiveError::Trailing { length: 4 })));
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
