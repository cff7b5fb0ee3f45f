//! What is out of order in an archive, and the check that each disorder trips.

use super::table::{self, Check};
use super::{Findings, Severity};
use crate::facts::Unreadable;
use crate::wheel::{Anomalies, Disorder};

const REFETCH: &str = "copy or download the file again; it may have been cut short";
const REPACK: &str = "build the wheel again with a current build backend";

pub(super) fn unreadable(reason: Unreadable, detail: &str, findings: &mut Findings<'_>) {
    let (check, hint) = match reason {
        Unreadable::Trailing => (&table::ZIP_TRAILING, REPACK),
        Unreadable::Prefix => (&table::ZIP_PREFIX, REPACK),
        Unreadable::Damaged => (&table::ZIP_UNREADABLE, REFETCH),
    };
    findings.add(check, format!("the archive cannot be read: {detail}"), Some(hint));
}

pub(super) fn judge(anomalies: &Anomalies, findings: &mut Findings<'_>) {
    let mut last = None;
    for anomaly in anomalies.iter() {
        let check = check(anomaly.kind);
        // The kept ones of a kind stand in for the others, and one hint is enough.
        let more = anomalies.more(anomaly.kind);
        let more = if more > 0 && last != Some(anomaly.kind) {
            format!(" (and {more} more of this kind)")
        } else {
            String::new()
        };
        let hint = (check.severity == Severity::Error && last != Some(anomaly.kind))
            .then(|| hint(anomaly.kind));
        findings.add(check, format!("{}{more}", anomaly.detail), hint);
        last = Some(anomaly.kind);
    }
}

fn hint(kind: Disorder) -> &'static str {
    match kind {
        Disorder::Inflate | Disorder::Crc | Disorder::Size => REFETCH,
        Disorder::RecordHash
        | Disorder::RecordSize
        | Disorder::RecordUnlisted
        | Disorder::RecordAbsent => {
            "a file was changed after the build: build the wheel again, or pack it with `wheel pack`"
        }
        Disorder::EntryPointsEncoding
        | Disorder::EntryPointsSyntax
        | Disorder::EntryPointsDuplicate
        | Disorder::EntryPointsObject
        | Disorder::EntryPointsScript => "mend the entry points of the project, and build it again",
        _ => REPACK,
    }
}

fn check(kind: Disorder) -> &'static Check {
    match kind {
        Disorder::Comment => &table::ZIP_COMMENT,
        Disorder::SecondEnd => &table::ZIP_SECOND_END,
        Disorder::Prefix => &table::ZIP_PREFIX,
        Disorder::Gap => &table::ZIP_GAP,
        Disorder::Unlisted => &table::ZIP_UNLISTED,
        Disorder::Overlap => &table::ZIP_OVERLAP,
        Disorder::Duplicate => &table::ZIP_DUPLICATE,
        Disorder::LocalHeader => &table::ZIP_LOCAL_HEADER,
        Disorder::Descriptor => &table::ZIP_DESCRIPTOR,
        Disorder::DescriptorMismatch => &table::ZIP_DESCRIPTOR_MISMATCH,
        Disorder::Encrypted => &table::ZIP_ENCRYPTED,
        Disorder::Method => &table::ZIP_METHOD,
        Disorder::Inflate => &table::ZIP_INFLATE,
        Disorder::Size => &table::ZIP_SIZE,
        Disorder::Crc => &table::ZIP_CRC,
        Disorder::DirectoryContents => &table::ZIP_FOLDER_CONTENTS,
        Disorder::MemberComment => &table::ZIP_MEMBER_COMMENT,
        Disorder::Counts => &table::ZIP_COUNTS,
        Disorder::Zip64 => &table::ZIP_ZIP64,
        Disorder::Extra => &table::ZIP_EXTRA,
        Disorder::Bomb => &table::ZIP_BOMB,
        Disorder::NameEmpty => &table::PATH_EMPTY,
        Disorder::NameEncoding => &table::PATH_ENCODING,
        Disorder::NameControl => &table::PATH_CONTROL,
        Disorder::NameBackslash => &table::PATH_BACKSLASH,
        Disorder::NameAbsolute => &table::PATH_ABSOLUTE,
        Disorder::NameLength => &table::PATH_LENGTH,
        Disorder::NameParts => &table::PATH_PARTS,
        Disorder::NameCase => &table::PATH_CASE,
        Disorder::NameFolder => &table::PATH_FOLDER,
        Disorder::Symlink => &table::PATH_SYMLINK,
        Disorder::Special => &table::PATH_SPECIAL,
        Disorder::Data => &table::DATA_SCHEME,
        Disorder::DataName => &table::DATA_MISMATCH,
        Disorder::RecordUnlisted => &table::RECORD_UNLISTED,
        Disorder::RecordAbsent => &table::RECORD_ABSENT,
        Disorder::RecordNoHash => &table::RECORD_NO_HASH,
        Disorder::RecordWeakHash => &table::RECORD_WEAK_HASH,
        Disorder::RecordHash => &table::RECORD_HASH,
        Disorder::RecordSize => &table::RECORD_SIZE,
        Disorder::RecordDuplicate => &table::RECORD_DUPLICATE,
        Disorder::EntryPointsEncoding => &table::ENTRY_POINTS_ENCODING,
        Disorder::EntryPointsSyntax => &table::ENTRY_POINTS_SYNTAX,
        Disorder::EntryPointsDuplicate => &table::ENTRY_POINTS_DUPLICATE,
        Disorder::EntryPointsObject => &table::ENTRY_POINTS_OBJECT,
        Disorder::EntryPointsScript => &table::ENTRY_POINTS_SCRIPT,
    }
}
