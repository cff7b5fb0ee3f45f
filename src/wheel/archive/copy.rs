//! Writing an archive anew: some members change, all others are copied as they lie.

use std::collections::BTreeMap;
use std::io::{self, SeekFrom, Write};

use super::bytes::{RangeRead, read_at, u16_at, u64_at};
use super::directory::MARK;
use super::{
    Archive, ArchiveError, DEFLATED, Entry, LOCAL, LOCAL_LENGTH, STORED, by_offset, limit,
};
use crate::wheel::anomaly::shown;

/// Fixed part of an entry of the central directory.
const CENTRAL_LENGTH: usize = 46;
/// Extra field with the sizes that need more than 32 bits.
const ZIP64: u16 = 0x0001;
/// Extra field with another spelling of the name.
const UNICODE_PATH: u16 = 0x7075;
/// The flag that says that sizes follow the contents.
const DESCRIPTOR: u16 = 8;
/// The version of the format that knows ZIP64.
const VERSION_ZIP64: u16 = 45;

/// What becomes of a member; what is none stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// The new name.
    pub name: Option<Box<str>>,
    /// The new contents, which are compressed by the method that the member has.
    pub contents: Option<Vec<u8>>,
}

/// Why an archive could not be written anew.
#[derive(Debug, thiserror::Error)]
pub enum RewriteError {
    /// The archive cannot be read, or not be told apart from another one.
    #[error(transparent)]
    Read(#[from] ArchiveError),
    /// The bytes could not be written.
    #[error("cannot write: {0}")]
    Write(io::Error),
}

impl<R: RangeRead> Archive<R> {
    /// Writes the archive anew, with changes by a member's place in the central directory.
    ///
    /// Members keep their order, times, modes and extra fields, and those that do not change
    /// their compressed bytes. Data descriptors go: sizes are known by now. Memory does not
    /// depend on the size of members. What the central directory says is believed; whoever
    /// has not walked the archive does not know whether it is true.
    pub fn rewrite(
        &mut self,
        changes: &BTreeMap<usize, Change>,
        out: impl Write,
    ) -> Result<(), RewriteError> {
        let directory = self.raw_directory()?;
        let mut out = Counted { inner: out, position: 0 };
        let mut buffer = vec![0; 256 * 1024];
        let mut places = vec![Place::default(); self.entries.len()];
        let mut past = 0;
        for index in by_offset(&self.entries) {
            let entry = self.entries[index].clone();
            let change = changes.get(&index);
            let local = self.raw_local(&entry)?;
            let start = entry.header_offset + local.len() as u64;
            // Members that share bytes would be multiplied.
            if entry.header_offset < past || start + entry.compressed_size > self.directory_at {
                return Err(corrupt(&entry, "shares bytes with what lies beside it").into());
            }
            past = start + entry.compressed_size;
            let packed = match change.and_then(|change| change.contents.as_deref()) {
                Some(contents) => Some((pack(&entry, contents)?, contents)),
                None => None,
            };
            let place = match &packed {
                Some((packed, contents)) => Place {
                    offset: out.position,
                    crc32: crc32fast::hash(contents),
                    compressed_size: packed.len() as u64,
                    size: contents.len() as u64,
                },
                None => Place { offset: out.position, ..Place::of(&entry) },
            };
            if change.is_some() || entry.has_descriptor() {
                let name = change.and_then(|change| change.name.as_deref());
                out.put(&local_header(&entry, &local, name, &place)?)?;
            } else {
                out.put(&local)?;
            }
            match packed {
                Some((packed, _)) => out.put(&packed)?,
                None => self.copy(start, entry.compressed_size, &mut buffer, &mut out)?,
            }
            places[index] = place;
        }
        let directory_at = out.position;
        for (index, (entry, place)) in self.entries.iter().zip(&places).enumerate() {
            let name = changes.get(&index).and_then(|change| change.name.as_deref());
            let raw = directory
                .entries
                .get(index)
                .map_or(&[][..], |range| directory.bytes.get(range.clone()).unwrap_or_default());
            out.put(&central_header(entry, raw, name, place)?)?;
        }
        let size = out.position - directory_at;
        out.put(&end_records(places.len() as u64, directory_at, size, directory.comment()))?;
        out.inner.flush().map_err(RewriteError::Write)
    }

    /// The central directory and the archive's comment, as they lie in the file.
    fn raw_directory(&mut self) -> Result<RawDirectory, ArchiveError> {
        // Opening it has checked the length of the directory; end records and a comment follow.
        let length = self.length - self.directory_at;
        limit("the central directory's size", length, Self::MAX_DIRECTORY_SIZE + (1 << 17))?;
        let bytes = read_at(&mut self.reader, self.directory_at, length)?;
        let mut entries = Vec::with_capacity(self.entries.len());
        let mut at = 0;
        for entry in &self.entries {
            let lengths = bytes
                .get(at..at + CENTRAL_LENGTH)
                .map(|fixed| [28, 30, 32].map(|at| usize::from(u16_at(fixed, at))));
            let past = lengths.map(|lengths| at + CENTRAL_LENGTH + lengths.iter().sum::<usize>());
            let Some(past) = past.filter(|past| *past <= bytes.len()) else {
                return Err(corrupt(entry, "is not in the central directory any more"));
            };
            entries.push(at..past);
            at = past;
        }
        Ok(RawDirectory { bytes, entries })
    }

    /// A member's local header with name and extra fields, as it lies in the file.
    fn raw_local(&mut self, entry: &Entry) -> Result<Vec<u8>, ArchiveError> {
        let fixed = read_at(&mut self.reader, entry.header_offset, LOCAL_LENGTH as u64)?;
        let lengths = [26, 28].map(|at| u64::from(u16_at(&fixed, at)));
        let length = LOCAL_LENGTH as u64 + lengths.iter().sum::<u64>();
        let header = read_at(&mut self.reader, entry.header_offset, length)?;
        if header[..4] != LOCAL || local_name(&header) != entry.raw_name() {
            return Err(corrupt(entry, "has another local header"));
        }
        Ok(header)
    }

    fn copy(
        &mut self,
        at: u64,
        length: u64,
        buffer: &mut [u8],
        out: &mut Counted<impl Write>,
    ) -> Result<(), RewriteError> {
        self.reader.seek(SeekFrom::Start(at)).map_err(ArchiveError::from)?;
        let mut left = length;
        while left > 0 {
            let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            match self.reader.read(&mut buffer[..most]) {
                Ok(0) => {
                    let at = at + length - left;
                    return Err(ArchiveError::Corrupt(format!("the file ends at {at}")).into());
                }
                Ok(count) => {
                    out.put(&buffer[..count])?;
                    left -= count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ArchiveError::from(error).into()),
            }
        }
        Ok(())
    }
}

/// The central directory and what follows it.
struct RawDirectory {
    bytes: Vec<u8>,
    entries: Vec<std::ops::Range<usize>>,
}

impl RawDirectory {
    /// The archive's comment; empty where the end records are not as they should be.
    fn comment(&self) -> &[u8] {
        let at = self.entries.last().map_or(0, |last| last.end);
        let mut ends = &self.bytes[at..];
        if ends.starts_with(b"PK\x06\x06") && ends.len() >= 12 {
            let record = usize::try_from(u64_at(ends, 4)).unwrap_or(usize::MAX);
            // The record's first twelve bytes do not count themselves; its locator has twenty.
            ends = ends.get(record.saturating_add(32)..).unwrap_or_default();
        }
        ends.get(22..).unwrap_or_default()
    }
}

/// Where a member lies in the new archive, and what it has there.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    offset: u64,
    crc32: u32,
    compressed_size: u64,
    size: u64,
}

impl Place {
    fn of(entry: &Entry) -> Self {
        Self {
            offset: entry.header_offset,
            crc32: entry.crc32,
            compressed_size: entry.compressed_size,
            size: entry.size,
        }
    }
}

/// A writer that knows where it is.
struct Counted<W> {
    inner: W,
    position: u64,
}

impl<W: Write> Counted<W> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), RewriteError> {
        self.position += bytes.len() as u64;
        self.inner.write_all(bytes).map_err(RewriteError::Write)
    }
}

fn corrupt(entry: &Entry, reason: &str) -> ArchiveError {
    ArchiveError::Corrupt(format!("{} {reason}", shown(&entry.name)))
}

fn pack(entry: &Entry, contents: &[u8]) -> Result<Vec<u8>, ArchiveError> {
    match entry.method {
        STORED => Ok(contents.to_vec()),
        DEFLATED => {
            let mut encoder =
                flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(contents)?;
            Ok(encoder.finish()?)
        }
        _ => Err(corrupt(entry, "has a compression method that is not supported")),
    }
}

fn local_name(header: &[u8]) -> &[u8] {
    let length = usize::from(u16_at(header, 26));
    header.get(LOCAL_LENGTH..LOCAL_LENGTH + length).unwrap_or_default()
}

/// A local header that is what the old one was but for name, sizes and flag.
fn local_header(
    entry: &Entry,
    old: &[u8],
    name: Option<&str>,
    place: &Place,
) -> Result<Vec<u8>, ArchiveError> {
    let extra = old.get(LOCAL_LENGTH + local_name(old).len()..).unwrap_or_default();
    let raw = name.map_or(entry.raw_name(), str::as_bytes);
    let wide = place.size >= MARK || place.compressed_size >= MARK;
    // A local header has both sizes or none.
    let values = if wide { &[place.size, place.compressed_size][..] } else { &[] };
    let extra = extra_fields(extra, values, name);
    let mut header = old[..LOCAL_LENGTH].to_vec();
    if wide {
        put_u16(&mut header, 4, u16_at(old, 4).max(VERSION_ZIP64));
    }
    put_u16(&mut header, 6, u16_at(old, 6) & !DESCRIPTOR);
    put_u32(&mut header, 14, place.crc32);
    put_u32(&mut header, 18, if wide { u32::MAX } else { narrow(place.compressed_size) });
    put_u32(&mut header, 22, if wide { u32::MAX } else { narrow(place.size) });
    put_u16(&mut header, 26, length(entry, raw)?);
    put_u16(&mut header, 28, length(entry, &extra)?);
    header.extend_from_slice(raw);
    header.extend_from_slice(&extra);
    Ok(header)
}

/// An entry of the central directory that is what the old one was but for name, place, sizes and flag.
fn central_header(
    entry: &Entry,
    old: &[u8],
    name: Option<&str>,
    place: &Place,
) -> Result<Vec<u8>, ArchiveError> {
    let missing = || corrupt(entry, "is not in the central directory any more");
    let (fixed, rest) = old.split_at_checked(CENTRAL_LENGTH).ok_or_else(missing)?;
    let rest = rest.get(usize::from(u16_at(fixed, 28))..).ok_or_else(missing)?;
    let (extra, comment) = rest.split_at_checked(u16_at(fixed, 30).into()).ok_or_else(missing)?;
    let raw = name.map_or(entry.raw_name(), str::as_bytes);
    let values = [place.size, place.compressed_size, place.offset];
    let wide: Vec<u64> = values.into_iter().filter(|value| *value >= MARK).collect();
    let extra = extra_fields(extra, &wide, name);
    let mut header = fixed.to_vec();
    if !wide.is_empty() {
        put_u16(&mut header, 6, u16_at(fixed, 6).max(VERSION_ZIP64));
    }
    put_u16(&mut header, 8, u16_at(fixed, 8) & !DESCRIPTOR);
    put_u32(&mut header, 16, place.crc32);
    put_u32(&mut header, 20, narrow(place.compressed_size));
    put_u32(&mut header, 24, narrow(place.size));
    put_u16(&mut header, 28, length(entry, raw)?);
    put_u16(&mut header, 30, length(entry, &extra)?);
    put_u32(&mut header, 42, narrow(place.offset));
    header.extend_from_slice(raw);
    header.extend_from_slice(&extra);
    header.extend_from_slice(comment);
    Ok(header)
}

/// Extra fields with a ZIP64 field for these values in place of the old one.
fn extra_fields(old: &[u8], wide: &[u64], name: Option<&str>) -> Vec<u8> {
    let mut fields = Vec::with_capacity(old.len() + 28);
    if !wide.is_empty() {
        push_field(
            &mut fields,
            ZIP64,
            &wide.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>(),
        );
    }
    let mut rest = old;
    while rest.len() >= 4 {
        let past = (4 + usize::from(u16_at(rest, 2))).min(rest.len());
        let (field, after) = rest.split_at(past);
        match (u16_at(field, 0), name) {
            (ZIP64, _) => {}
            (UNICODE_PATH, Some(name)) => {
                // One byte of version, and the CRC of the name that it belongs to.
                let mut path = vec![1];
                path.extend_from_slice(&crc32fast::hash(name.as_bytes()).to_le_bytes());
                path.extend_from_slice(name.as_bytes());
                push_field(&mut fields, UNICODE_PATH, &path);
            }
            _ => fields.extend_from_slice(field),
        }
        rest = after;
    }
    fields.extend_from_slice(rest);
    fields
}

fn push_field(fields: &mut Vec<u8>, id: u16, contents: &[u8]) {
    // Names and numbers are far shorter; a lie would be seen when the result is read.
    let length = u16::try_from(contents.len()).unwrap_or(u16::MAX);
    fields.extend_from_slice(&id.to_le_bytes());
    fields.extend_from_slice(&length.to_le_bytes());
    fields.extend_from_slice(contents);
}

fn end_records(entries: u64, directory_at: u64, size: u64, comment: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(98 + comment.len());
    let many = u64::from(u16::MAX);
    if entries >= many || size >= MARK || directory_at >= MARK {
        bytes.extend_from_slice(b"PK\x06\x06");
        bytes.extend_from_slice(&44u64.to_le_bytes());
        bytes.extend_from_slice(&VERSION_ZIP64.to_le_bytes());
        bytes.extend_from_slice(&VERSION_ZIP64.to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
        for value in [entries, entries, size, directory_at] {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes.extend_from_slice(b"PK\x06\x07\0\0\0\0");
        bytes.extend_from_slice(&(directory_at + size).to_le_bytes());
        bytes.extend_from_slice(&1u32.to_le_bytes());
    }
    let count = u16::try_from(entries).unwrap_or(u16::MAX).to_le_bytes();
    bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    bytes.extend_from_slice(&count);
    bytes.extend_from_slice(&count);
    bytes.extend_from_slice(&narrow(size).to_le_bytes());
    bytes.extend_from_slice(&narrow(directory_at).to_le_bytes());
    // It was read from a comment whose length is such a number.
    bytes.extend_from_slice(&u16::try_from(comment.len()).unwrap_or(0).to_le_bytes());
    bytes.extend_from_slice(comment);
    bytes
}

/// The value, or the mark that says that it stands in a ZIP64 field.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn length(entry: &Entry, bytes: &[u8]) -> Result<u16, ArchiveError> {
    u16::try_from(bytes.len()).map_err(|_| corrupt(entry, "gets a header that is too long"))
}

fn put_u16(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
}

fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read, Seek};

    use zip::write::SimpleFileOptions;

    use super::*;

    /// Bytes of which long runs are nothing but zeros, which are not kept.
    #[derive(Default)]
    struct Sparse {
        /// Where each run begins, and its bytes.
        runs: Vec<(u64, Vec<u8>)>,
        length: u64,
        position: u64,
    }

    /// What is written at once and is no shorter is taken for zeros.
    const LONG: usize = 100_000;

    impl Write for Sparse {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.len() < LONG {
                self.runs.push((self.length, bytes.to_vec()));
            }
            self.length += bytes.len() as u64;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Read for Sparse {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let left = usize::try_from(self.length - self.position).unwrap_or(usize::MAX);
            let count = buffer.len().min(left);
            buffer[..count].fill(0);
            let past = self.position + count as u64;
            for (at, bytes) in &self.runs {
                let end = at + bytes.len() as u64;
                let (from, to) = (self.position.max(*at), past.min(end));
                if from < to {
                    let index =
                        |place: u64, base: u64| usize::try_from(place - base).expect("fits");
                    buffer[index(from, self.position)..index(to, self.position)]
                        .copy_from_slice(&bytes[index(from, *at)..index(to, *at)]);
                }
            }
            self.position = past;
            Ok(count)
        }
    }

    impl RangeRead for Sparse {}

    impl Seek for Sparse {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.position = match to {
                SeekFrom::Start(at) => at,
                SeekFrom::End(by) => self.length.saturating_add_signed(by),
                SeekFrom::Current(by) => self.position.saturating_add_signed(by),
            };
            Ok(self.position)
        }
    }

    fn rename(index: usize, name: &str) -> BTreeMap<usize, Change> {
        BTreeMap::from([(index, Change { name: Some(name.into()), contents: None })])
    }

    #[test]
    fn what_needs_more_than_32_bits_gets_them() {
        const SIZE: u64 = MARK + 5;
        let entry = |name: &str, size: u64, at: u64, contents: &[u8]| Entry {
            name: name.into(),
            raw: None,
            version_needed: 20,
            flags: 0,
            method: STORED,
            crc32: crc32fast::hash(contents),
            compressed_size: size,
            size,
            mode: 0,
            header_offset: at,
        };
        let mut sparse = Sparse::default();
        let fixed = |length: usize, signature: &[u8; 4]| {
            let mut fixed = vec![0; length];
            fixed[..4].copy_from_slice(signature);
            fixed
        };
        let mut directory = Vec::new();
        for (name, size, contents) in [("big", SIZE, &b""[..]), ("small", 3, b"abc")] {
            let entry = entry(name, size, sparse.length, contents);
            let place = Place::of(&entry);
            let old = fixed(LOCAL_LENGTH, &LOCAL);
            sparse
                .write_all(&local_header(&entry, &old, None, &place).expect("fits"))
                .expect("writes");
            if contents.is_empty() {
                sparse.length += size;
            }
            sparse.write_all(contents).expect("writes");
            let old = fixed(CENTRAL_LENGTH, b"PK\x01\x02");
            directory.extend(central_header(&entry, &old, None, &place).expect("fits"));
        }
        let (at, size) = (sparse.length, directory.len() as u64);
        sparse.write_all(&directory).expect("writes");
        sparse.write_all(&end_records(2, at, size, b"a comment")).expect("writes");
        let mut archive = Archive::open(sparse).expect("opens");
        assert_eq!(archive.entries().iter().map(|entry| entry.size).collect::<Vec<_>>(), [SIZE, 3]);
        let mut out = Sparse::default();
        archive.rewrite(&rename(0, "bigger"), &mut out).expect("rewrites");
        let same = |one: &Archive<Sparse>, other: &Archive<Sparse>| {
            one.entries[0].size == other.entries[0].size
                && one.entries[1].header_offset + 3 == other.entries[1].header_offset
                && one.length + 6 == other.length
        };
        let mut copied = Archive::open(out).expect("opens");
        assert!(same(&archive, &copied));
        assert_eq!(&*copied.entries[0].name, "bigger");
        let small = copied.find("small").expect("is there").clone();
        assert_eq!(copied.read(&small, 9).expect("reads"), b"abc");
        let kinds: Vec<_> = copied.anomalies().iter().map(|anomaly| anomaly.kind).collect();
        assert_eq!(kinds, [crate::wheel::Disorder::Comment]);
    }

    #[test]
    fn what_is_not_changed_is_copied_bit_for_bit() {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        writer.set_comment("a comment").expect("is short");
        for (name, large) in [("a", false), ("b", true), ("c", false)] {
            let options = SimpleFileOptions::default().large_file(large);
            writer.start_file(name, options).expect("starts");
            writer.write_all(&name.repeat(1000).into_bytes()).expect("writes");
        }
        let bytes = writer.finish().expect("finishes").into_inner();
        let mut out = Vec::new();
        let mut archive = Archive::open(Cursor::new(&bytes)).expect("opens");
        archive.rewrite(&BTreeMap::new(), &mut out).expect("rewrites");
        let mut copied = Archive::open(Cursor::new(&out)).expect("opens");
        assert_eq!(copied.entries(), archive.entries());
        let mut again = Vec::new();
        copied.rewrite(&BTreeMap::new(), &mut again).expect("rewrites");
        assert_eq!(again, out);
        let mut contents = rename(1, "longer");
        contents.entry(2).or_default().contents = Some(b"new".to_vec());
        let mut out = Vec::new();
        archive.rewrite(&contents, &mut out).expect("rewrites");
        let mut archive = zip::ZipArchive::new(Cursor::new(out)).expect("opens");
        assert_eq!(archive.comment(), b"a comment");
        for (name, expected) in
            [("a", "a".repeat(1000)), ("longer", "b".repeat(1000)), ("c", "new".to_owned())]
        {
            let found = io::read_to_string(archive.by_name(name).expect("is there"));
            assert_eq!(found.expect("reads"), expected);
        }
    }

    #[test]
    fn extra_fields_stay_but_for_those_that_tell_of_sizes_and_names() {
        let field = |id: u16, contents: &[u8]| {
            let mut field = Vec::new();
            push_field(&mut field, id, contents);
            field
        };
        let (times, zip64) = (field(0x5455, b"\x01abcd"), field(ZIP64, &[0; 16]));
        let mut path = vec![1];
        path.extend_from_slice(&crc32fast::hash(b"new").to_le_bytes());
        path.extend_from_slice(b"new");
        let old = [&times[..], &zip64, &field(UNICODE_PATH, b"\x01....old"), b"cut"].concat();
        let new = [
            &field(ZIP64, &[7, 0, 0, 0, 0, 0, 0, 0])[..],
            &times,
            &field(UNICODE_PATH, &path),
            b"cut",
        ];
        assert_eq!(extra_fields(&old, &[7], Some("new")), new.concat());
        assert_eq!(extra_fields(&times, &[], None), times);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(at in 0usize..400, value: u8, name in "[a-z]{1,9}") {
            let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
            for name in ["a", "b/c"] {
                writer.start_file(name, SimpleFileOptions::default()).expect("starts");
                writer.write_all(b"contents").expect("writes");
            }
            let mut bytes = writer.finish().expect("finishes").into_inner();
            let length = bytes.len();
            bytes[at % length] = value;
            if let Ok(mut archive) = Archive::open(Cursor::new(bytes)) {
                let mut changes = rename(0, &name);
                changes.entry(1).or_default().contents = Some(Vec::new());
                let _ = archive.rewrite(&changes, io::sink());
            }
        }
    }
}
