//! The central directory: what it says of each member, and what is out of order in it.

use super::bytes::{u16_at, u32_at, u64_at};
use super::end::End;
use super::{ArchiveError, Entry, LOCAL_LENGTH};
use crate::wheel::anomaly::{Anomalies, Disorder, shown};

/// Signature of an entry of the central directory.
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
/// Fixed part of an entry.
const CENTRAL_LENGTH: usize = 46;
/// Extra field with the sizes that need more than 32 bits.
const ZIP64: u16 = 0x0001;
/// Extra field with another spelling of the name.
const UNICODE_PATH: u16 = 0x7075;
/// Extra field of an encryption that hides in a compression method.
const AES: u16 = 0x9901;
/// Stands for a value that does not fit 32 bits.
pub(super) const MARK: u64 = u32::MAX as u64;

/// Reads every entry. Errors where the directory itself cannot be followed.
pub(super) fn read(
    directory: &[u8],
    end: &End,
    anomalies: &mut Anomalies,
) -> Result<Vec<Entry>, ArchiveError> {
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
        let lengths = [28, 30, 32].map(|at| usize::from(u16_at(rest, at)));
        let total = CENTRAL_LENGTH + lengths.iter().sum::<usize>();
        if rest.len() < total {
            return Err(corrupt(format!("ends within entry {index}")));
        }
        let (raw, extra) = rest[CENTRAL_LENGTH..].split_at(lengths[0]);
        let entry = read_entry(rest, raw, &extra[..lengths[1]], anomalies)?;
        let inside = entry
            .header_offset
            .checked_add((LOCAL_LENGTH + raw.len()) as u64)
            .and_then(|start| start.checked_add(entry.compressed_size))
            .is_some_and(|past| past <= end.offset);
        if !inside {
            return Err(corrupt(format!("places {} outside of the archive", shown(&entry.name))));
        }
        if lengths[2] != 0 {
            anomalies.add(Disorder::MemberComment, || {
                format!("{} has a comment of {} bytes", shown(&entry.name), lengths[2])
            });
        }
        entries.push(entry);
        rest = &rest[total..];
    }
    if entries.len() as u64 != end.entries {
        anomalies.add(Disorder::Counts, || {
            format!(
                "the end record counts {} members, the central directory has {}",
                end.entries,
                entries.len()
            )
        });
    }
    Ok(entries)
}

fn read_entry(
    fixed: &[u8],
    raw: &[u8],
    extra: &[u8],
    anomalies: &mut Anomalies,
) -> Result<Entry, ArchiveError> {
    let name = String::from_utf8_lossy(raw);
    let mut entry = Entry {
        name: name.as_ref().into(),
        raw: if matches!(name, std::borrow::Cow::Owned(_)) { Some(raw.into()) } else { None },
        version_needed: fixed[6],
        flags: u16_at(fixed, 8),
        method: u16_at(fixed, 10),
        crc32: u32_at(fixed, 16),
        compressed_size: u32_at(fixed, 20).into(),
        size: u32_at(fixed, 24).into(),
        mode: (u32_at(fixed, 38) >> 16) as u16,
        header_offset: u32_at(fixed, 42).into(),
    };
    if u16_at(fixed, 34) != 0 {
        anomalies.add(Disorder::Counts, || format!("{} begins on another disk", shown(&name)));
    }
    let extras = check_extras(extra, &name, anomalies);
    if extras.encrypted || entry.flags & 0x2041 != 0 {
        anomalies.add(Disorder::Encrypted, || format!("{} is encrypted", shown(&name)));
    }
    widen(&mut entry, extras.zip64, anomalies).ok_or_else(|| {
        ArchiveError::Corrupt(format!(
            "the central directory lacks the ZIP64 field of {}",
            shown(&name)
        ))
    })?;
    Ok(entry)
}

/// What the extra fields of an entry hold that matters.
struct Extras<'a> {
    zip64: Option<&'a [u8]>,
    encrypted: bool,
}

fn check_extras<'a>(mut extra: &'a [u8], name: &str, anomalies: &mut Anomalies) -> Extras<'a> {
    let mut extras = Extras { zip64: None, encrypted: false };
    let mut renamed = false;
    while !extra.is_empty() {
        let field = (extra.len() >= 4).then(|| usize::from(u16_at(extra, 2)));
        let Some(field) = field.and_then(|length| extra.get(4..4 + length)) else {
            anomalies
                .add(Disorder::Extra, || format!("an extra field of {} is cut short", shown(name)));
            return extras;
        };
        match u16_at(extra, 0) {
            ZIP64 if extras.zip64.is_some() => {
                anomalies.add(Disorder::Extra, || format!("{} has two ZIP64 fields", shown(name)));
            }
            ZIP64 => extras.zip64 = Some(field),
            UNICODE_PATH if renamed => {
                anomalies.add(Disorder::Extra, || format!("{} has two Unicode paths", shown(name)));
            }
            UNICODE_PATH => {
                renamed = true;
                // One byte of version, four of a CRC, then the name.
                let other = field.get(5..).and_then(|other| std::str::from_utf8(other).ok());
                if other != Some(name) {
                    let other = other.unwrap_or("something that is not UTF-8");
                    anomalies.add(Disorder::Extra, || {
                        format!("an extra field calls {} {}", shown(name), shown(other))
                    });
                }
            }
            AES => extras.encrypted = true,
            _ => {}
        }
        extra = &extra[4 + field.len()..];
    }
    extras
}

/// The ZIP64 field among the extra fields of a local header.
pub(super) fn zip64_field<'a>(
    extra: &'a [u8],
    name: &str,
    anomalies: &mut Anomalies,
) -> Option<&'a [u8]> {
    check_extras(extra, name, anomalies).zip64
}

/// Replaces the values that do not fit 32 bits by those of the ZIP64 field; none where it lacks one.
fn widen(entry: &mut Entry, zip64: Option<&[u8]>, anomalies: &mut Anomalies) -> Option<()> {
    let name = entry.name.clone();
    let values = [&mut entry.size, &mut entry.compressed_size, &mut entry.header_offset];
    let wanted: Vec<&mut u64> = values.into_iter().filter(|value| **value == MARK).collect();
    let Some(mut field) = zip64 else { return wanted.is_empty().then_some(()) };
    if !matches!(field.len(), 0 | 8 | 16 | 24 | 28) || (field.is_empty() && !wanted.is_empty()) {
        anomalies.add(Disorder::Zip64, || {
            format!(
                "the ZIP64 field of {} has {} bytes, expected 8, 16, 24 or 28",
                shown(&name),
                field.len()
            )
        });
    }
    for value in wanted {
        let (number, rest) = field.split_at_checked(8)?;
        *value = u64_at(number, 0);
        field = rest;
    }
    Some(())
}
