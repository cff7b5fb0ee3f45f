//! Little-endian numbers, and exact reads.

use std::io::{Read, Seek, SeekFrom};

use super::ArchiveError;

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
    reader: &mut (impl Read + Seek),
    at: u64,
    length: u64,
) -> Result<Vec<u8>, ArchiveError> {
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
