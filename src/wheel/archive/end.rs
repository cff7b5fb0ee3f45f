//! The end records: where the central directory lies, and whether all of them say the same.

use super::ArchiveError;
use super::bytes::{RangeRead, read_at, u16_at, u32_at, u64_at};
use crate::wheel::anomaly::{Anomalies, Disorder};

/// Signature of the end of central directory record.
const END: [u8; 4] = *b"PK\x05\x06";
/// Signature of the ZIP64 end of central directory locator.
const LOCATOR: [u8; 4] = *b"PK\x06\x07";
/// Signature of the ZIP64 end of central directory record.
const END64: [u8; 4] = *b"PK\x06\x06";

/// Length of the end record without its comment.
const END_LENGTH: usize = 22;
/// Length of the ZIP64 end record without extensible data.
const END64_LENGTH: u64 = 56;
/// Length of the ZIP64 locator.
const LOCATOR_LENGTH: usize = 20;

/// What the end records say of the central directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    /// Where the first end record begins.
    pub(super) at: u64,
    /// How many members there are.
    pub(super) entries: u64,
    /// Size of the central directory in bytes.
    pub(super) size: u64,
    /// Where it begins.
    pub(super) offset: u64,
}

/// Finds the end records of a file of this length.
pub(super) fn find(
    reader: &mut impl RangeRead,
    length: u64,
    anomalies: &mut Anomalies,
) -> Result<End, ArchiveError> {
    if length == 0 {
        return Err(ArchiveError::Empty);
    }
    let longest = END_LENGTH + usize::from(u16::MAX) + LOCATOR_LENGTH;
    let window = length.min(longest as u64);
    let start = length - window;
    let tail = read_at(reader, start, window)?;
    let at = find_record(&tail, anomalies)?;
    let record = &tail[at..];
    check_comment(&record[END_LENGTH..], anomalies);
    let end = End {
        at: start + at as u64,
        entries: u16_at(record, 10).into(),
        size: u32_at(record, 12).into(),
        offset: u32_at(record, 16).into(),
    };
    let disks = [u16_at(record, 4), u16_at(record, 6)];
    if disks != [0, 0] || u16_at(record, 8) != u16_at(record, 10) {
        anomalies.add(Disorder::Counts, || {
            format!(
                "the end record counts {} members on disk {} of {} in all",
                u16_at(record, 8),
                disks[0],
                end.entries
            )
        });
    }
    let locator = at.checked_sub(LOCATOR_LENGTH).map(|from| &tail[from..at]);
    match locator {
        Some(locator) if locator.starts_with(&LOCATOR) => {
            read_end64(reader, locator, end, anomalies)
        }
        _ => Ok(end),
    }
}

/// The last end record whose comment reaches exactly to the end of the file.
fn find_record(tail: &[u8], anomalies: &mut Anomalies) -> Result<usize, ArchiveError> {
    // Forward, in steps of a vector: of a small wheel this is most of what there is to search.
    let places: Vec<usize> = memchr::memmem::find_iter(tail, &END).collect();
    let places = places.into_iter().rev().filter(|at| tail.len() - at >= END_LENGTH);
    let (mut found, mut short) = (None, None);
    for at in places {
        let past = at + END_LENGTH + usize::from(u16_at(tail, at + 20));
        if past == tail.len() {
            if found.is_some() {
                anomalies.add(Disorder::SecondEnd, || {
                    format!(
                        "a second end record lies {} bytes before the end of the file",
                        tail.len() - at
                    )
                });
            } else {
                found = Some(at);
            }
        } else if past < tail.len() && short.is_none() {
            short = Some(tail.len() - past);
        }
    }
    match (found, short) {
        (Some(at), _) => Ok(at),
        (None, Some(trailing)) => Err(ArchiveError::Trailing { length: trailing as u64 }),
        (None, None) => Err(ArchiveError::NoEnd),
    }
}

/// A comment is text; bytes as records have them are a ZIP in the ZIP to streaming readers.
fn check_comment(comment: &[u8], anomalies: &mut Anomalies) {
    if comment.iter().any(|byte| (1..=8).contains(byte)) {
        anomalies.add(Disorder::SecondEnd, || {
            format!("the comment of {} bytes holds bytes of ZIP records", comment.len())
        });
    } else if !comment.is_empty() {
        anomalies.add(Disorder::Comment, || {
            format!("the archive has a comment of {} bytes", comment.len())
        });
    }
}

fn read_end64(
    reader: &mut impl RangeRead,
    locator: &[u8],
    end: End,
    anomalies: &mut Anomalies,
) -> Result<End, ArchiveError> {
    let at = u64_at(locator, 8);
    let corrupt =
        |reason: &str| ArchiveError::Corrupt(format!("the ZIP64 end record at {at} {reason}"));
    let locator_at = end.at - LOCATOR_LENGTH as u64;
    if at.checked_add(END64_LENGTH).is_none_or(|past| past > locator_at) {
        return Err(corrupt("does not lie before its locator"));
    }
    let record = read_at(reader, at, END64_LENGTH)?;
    if record[..4] != END64 {
        return Err(corrupt("has no signature"));
    }
    let stated = u64_at(&record, 4);
    if stated != END64_LENGTH - 12 || at + END64_LENGTH != locator_at {
        anomalies.add(Disorder::Zip64, || {
            format!(
                "the ZIP64 end record states {stated} bytes, expected 44 and its locator behind it"
            )
        });
    }
    if u32_at(locator, 4) != 0 || u32_at(locator, 16) > 1 || u64_at(&record, 16) != 0 {
        anomalies.add(Disorder::Counts, || "the ZIP64 end record counts several disks".to_owned());
    }
    let end64 = End {
        at,
        entries: u64_at(&record, 32),
        size: u64_at(&record, 40),
        offset: u64_at(&record, 48),
    };
    // A value of the old record either says the same or defers to this one.
    let agrees = |old: u64, new: u64, mark: u64| old == new || old == mark;
    let long = u64::from(u32::MAX);
    if u64_at(&record, 24) != end64.entries
        || !agrees(end.entries, end64.entries, u16::MAX.into())
        || !agrees(end.size, end64.size, long)
        || !agrees(end.offset, end64.offset, long)
    {
        anomalies.add(Disorder::Counts, || {
            "the end record and the ZIP64 end record describe different central directories"
                .to_owned()
        });
    }
    Ok(end64)
}
