//! What reading a wheel finds out of order, as facts: whether it matters is [`crate::verify`]'s to say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is out of order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disorder {
    /// The end record has a comment.
    Comment,
    /// A second end record, with a comment that reaches to the end of the file too.
    SecondEnd,
    /// Bytes before the first member.
    Prefix,
    /// Bytes between members that belong to none.
    Gap,
    /// A member that the central directory does not list.
    Unlisted,
    /// Members that share bytes.
    Overlap,
    /// Two members of one name.
    Duplicate,
    /// A local header that is not what the central directory says.
    LocalHeader,
    /// A member with a data descriptor that agrees with the central directory.
    Descriptor,
    /// A data descriptor that is missing or disagrees.
    DescriptorMismatch,
    /// A member that is encrypted.
    Encrypted,
    /// A compression method other than stored and deflated.
    Method,
    /// Contents that cannot be inflated, or leave bytes over.
    Inflate,
    /// Contents of another size than stated.
    Size,
    /// Contents of another CRC than stated.
    Crc,
    /// A directory entry with contents.
    DirectoryContents,
    /// A member with a comment.
    MemberComment,
    /// Counts or disk numbers of the end records that disagree.
    Counts,
    /// ZIP64 records or fields that are not as the format wants them.
    Zip64,
    /// Extra fields that are cut short, doubled, or name another file.
    Extra,
    /// More contents than the archive's size explains.
    Bomb,
    /// A name that is empty.
    NameEmpty,
    /// A name that readers decode differently.
    NameEncoding,
    /// A name with control characters.
    NameControl,
    /// A name with backslashes.
    NameBackslash,
    /// A name that begins at the root, or with a drive.
    NameAbsolute,
    /// A name, or a part of it, that is longer than file systems take.
    NameLength,
    /// A name with a part `..` or `.` or an empty part.
    NameParts,
    /// Names that are one on a file system that ignores case.
    NameCase,
    /// A name that is a file and a folder at once.
    NameFolder,
    /// A symbolic link.
    Symlink,
    /// Neither a file nor a folder.
    Special,
    /// A `.data` folder that is not as the format wants it.
    Data,
    /// A `.data` folder that is not called as the `.dist-info` folder is.
    DataName,
    /// A member that RECORD does not list.
    RecordUnlisted,
    /// A row of RECORD whose file is absent.
    RecordAbsent,
    /// A row of RECORD without a hash.
    RecordNoHash,
    /// A row of RECORD with a hash that is too weak or unknown.
    RecordWeakHash,
    /// A hash of RECORD that the contents have not.
    RecordHash,
    /// A size of RECORD that the contents have not.
    RecordSize,
    /// A path that RECORD lists twice.
    RecordDuplicate,
    /// `entry_points.txt` is not UTF-8.
    EntryPointsEncoding,
    /// A line of `entry_points.txt` that is no section and no entry.
    EntryPointsSyntax,
    /// An entry or section that `entry_points.txt` has twice.
    EntryPointsDuplicate,
    /// An entry whose object reference is none.
    EntryPointsObject,
    /// A script whose name could leave its folder.
    EntryPointsScript,
}

/// Something out of order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomaly {
    /// What it is.
    pub kind: Disorder,
    /// Expected and found, with the member's name.
    pub detail: String,
}

/// What was found out of order: a few of each kind, and how many more there were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomalies {
    found: Vec<Anomaly>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    more: BTreeMap<Disorder, u64>,
}

impl Anomalies {
    /// How many of a kind are kept: a hostile archive has millions.
    pub const MAX_EACH: usize = 3;

    /// Notes an anomaly; the text is made only if it is kept.
    pub fn add(&mut self, kind: Disorder, detail: impl FnOnce() -> String) {
        if self.found.iter().filter(|anomaly| anomaly.kind == kind).count() < Self::MAX_EACH {
            self.found.push(Anomaly { kind, detail: abridged(&detail()) });
        } else {
            *self.more.entry(kind).or_default() += 1;
        }
    }

    /// Adds what another reading found.
    pub fn extend(&mut self, other: Self) {
        for Anomaly { kind, detail } in other.found {
            self.add(kind, || detail);
        }
        for (kind, count) in other.more {
            *self.more.entry(kind).or_default() += count;
        }
    }

    /// Whether nothing is out of order.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Whether something of this kind is.
    pub fn has(&self, kind: Disorder) -> bool {
        self.found.iter().any(|anomaly| anomaly.kind == kind)
    }

    /// Those that were kept, in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Anomaly> {
        self.found.iter()
    }

    /// How many of a kind were not kept.
    pub fn more(&self, kind: Disorder) -> u64 {
        self.more.get(&kind).copied().unwrap_or(0)
    }
}

/// Foreign names can be long and can hold anything.
fn abridged(text: &str) -> String {
    const MAX: usize = 300;
    let mut short: String = text.chars().take(MAX).collect();
    if short.len() < text.len() {
        short.push_str("...");
    }
    short
}

/// A foreign name as a message shows it: in backticks, as [`escaped`].
pub(crate) fn shown(name: &str) -> String {
    format!("`{}`", escaped(name))
}

/// A foreign text as a message shows it: what plays tricks on terminals and logs is escaped,
/// and no more is shown than it takes to recognize it.
pub(crate) fn escaped(text: &str) -> String {
    const MAX: usize = 120;
    match text.char_indices().nth(MAX) {
        None => sanitized(text),
        Some((end, _)) => format!("{}... ({} bytes)", sanitized(&text[..end]), text.len()),
    }
}

/// A foreign text, control characters and changes of the writing direction escaped.
pub(crate) fn sanitized(text: &str) -> String {
    let plays_tricks = |char: char| {
        char.is_control() || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut clean = String::with_capacity(text.len());
    for char in text.chars() {
        if plays_tricks(char) {
            clean.extend(char.escape_unicode());
        } else {
            clean.push(char);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_of_each_kind_are_kept_and_the_rest_is_counted() {
        let mut anomalies = Anomalies::default();
        for number in 0..1000 {
            anomalies.add(Disorder::Crc, || format!("{number}"));
        }
        anomalies.add(Disorder::Gap, || "x".repeat(10_000));
        assert_eq!(anomalies.iter().count(), Anomalies::MAX_EACH + 1);
        assert_eq!(anomalies.more(Disorder::Crc), 1000 - Anomalies::MAX_EACH as u64);
        assert!(anomalies.iter().all(|anomaly| anomaly.detail.len() < 400));
    }

    #[test]
    fn names_cannot_play_tricks_on_a_terminal() {
        assert_eq!(shown("a\u{1b}[2Jb\u{202e}c"), "`a\\u{1b}[2Jb\\u{202e}c`");
    }
}
