//! Little-endian numbers, and exact reads.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;

use super::ArchiveError;

/// A file of bytes that is read here and there.
///
/// Told in advance which ranges will be read, one behind a network fetches them with few
/// requests; one that is at hand need not care.
pub trait RangeRead: Read + Seek {
    /// These ranges will be read next.
    fn announce(&mut self, ranges: &[Range<u64>]) {
        let _ = ranges;
    }
}

impl RangeRead for File {}
impl<R: Read + Seek> RangeRead for BufReader<R> {}
impl<T: AsRef<[u8]>> RangeRead for Cursor<T> {}

impl<R: RangeRead + ?Sized> RangeRead for &mut R {
    fn announce(&mut self, ranges: &[Range<u64>]) {
        (**self).announce(ranges);
    }
}

impl<R: RangeRead + ?Sized> RangeRead for Box<R> {
    fn announce(&mut self, ranges: &[Range<u64>]) {
        (**self).announce(ranges);
    }
}

/// Passes reads on, and keeps what the reader itself fails with: whoever inflates what comes
/// out would take it for damage of the archive.
pub(super) struct Watched<'a, R> {
    pub(super) reader: R,
    pub(super) failure: &'a mut Option<io::Error>,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                let copy = io::Error::new(error.kind(), error.to_string());
                self.failure.get_or_insert(copy);
            }
        })
    }
}

/// A little-endian number; callers have checked that its bytes are there.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// As [`u16_at`].
pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

/// As [`u16_at`].
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// A buffer for so many bytes. Reserves for what is usual only: a length may be a lie.
pub(super) fn reserved(length: u64) -> Vec<u8> {
    Vec::with_capacity(usize::try_from(length.min(1 << 20)).unwrap_or(0))
}

/// Exactly `length` bytes from `at`; callers have bounded the length.
pub(super) fn read_at(
    reader: &mut impl RangeRead,
    at: u64,
    length: u64,
) -> Result<Vec<u8>, ArchiveError> {
    reader.announce(std::slice::from_ref(&(at..at.saturating_add(length))));
    reader.seek(SeekFrom::Start(at))?;
    let mut bytes = reserved(length);
    reader.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length {
        Ok(bytes)
    } else {
        let found = bytes.len();
        Err(ArchiveError::Corrupt(format!("expected {length} bytes at {at}, found {found}")))
    }
}
