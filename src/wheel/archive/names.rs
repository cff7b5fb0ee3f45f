//! Names of members: what could escape, collide, or be read in two ways.

use std::collections::{HashMap, HashSet};

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::Entry;
use crate::wheel::anomaly::{Anomalies, Disorder, shown};

/// Bits of the mode that tell what kind of file a member is.
const KIND: u16 = 0o170_000;
const REGULAR: u16 = 0o100_000;
const FOLDER: u16 = 0o040_000;
const SYMLINK: u16 = 0o120_000;

/// The longest path that Linux takes, in bytes.
const MAX_PATH: usize = 4_095;
/// The longest name of a file or folder that file systems take, in bytes.
const MAX_PART: usize = 255;

/// The schemes that a `.data` folder may hold (binary distribution format).
const SCHEMES: [&str; 5] = ["data", "headers", "platlib", "purelib", "scripts"];

/// Looks at every name by itself and at all of them together.
pub(super) fn check(entries: &[Entry], anomalies: &mut Anomalies) {
    let tops = entries.iter().filter_map(|entry| entry.name.split('/').next());
    let stem = tops.filter_map(|top| top.strip_suffix(".dist-info")).min();
    for entry in entries {
        check_one(entry, anomalies);
        check_data(&entry.name, stem, anomalies);
    }
    check_together(entries, anomalies);
}

fn check_one(entry: &Entry, anomalies: &mut Anomalies) {
    let name = &*entry.name;
    let mut add = |kind, what: &str| anomalies.add(kind, || format!("{} {what}", shown(name)));
    if name.is_empty() {
        anomalies.add(Disorder::NameEmpty, || "a member has an empty name".to_owned());
        return;
    }
    // Without the flag readers take other bytes than ASCII for an encoding of the 1980s.
    if entry.raw.is_some() || (!name.is_ascii() && entry.flags & 0x800 == 0) {
        add(Disorder::NameEncoding, "is not marked as UTF-8, or is not UTF-8");
    }
    if name.chars().any(is_control) {
        add(Disorder::NameControl, "has control characters");
    }
    if name.contains('\\') {
        add(Disorder::NameBackslash, "has a backslash");
    }
    let drive = name.as_bytes();
    if name.starts_with('/')
        || (drive.len() > 1 && drive[0].is_ascii_alphabetic() && drive[1] == b':')
    {
        add(Disorder::NameAbsolute, "begins at the root of a file system");
    }
    let path = name.strip_suffix('/').unwrap_or(name);
    if path.split(['/', '\\']).any(|part| matches!(part, "" | "." | "..")) && !name.starts_with('/')
    {
        add(Disorder::NameParts, "has a part that is `..`, `.` or empty");
    }
    if name.len() > MAX_PATH || path.split('/').any(|part| part.len() > MAX_PART) {
        add(Disorder::NameLength, "is longer than file systems take");
    }
    match entry.mode & KIND {
        SYMLINK => add(Disorder::Symlink, "is a symbolic link"),
        0 | REGULAR => {}
        FOLDER if name.ends_with('/') => {}
        kind => anomalies.add(Disorder::Special, || {
            format!("{} has the file type {kind:#o}, expected a regular file", shown(name))
        }),
    }
    if name.ends_with('/') && (entry.size != 0 || entry.crc32 != 0) {
        anomalies.add(Disorder::DirectoryContents, || {
            format!("the folder {} has {} bytes of contents", shown(name), entry.size)
        });
    }
}

fn is_control(char: char) -> bool {
    char.is_ascii_control()
        || (!char.is_ascii() && char.general_category_group() == GeneralCategoryGroup::Other)
}

/// `{name}-{version}.data/` holds schemes, and schemes hold files; `stem` is what the
/// `.dist-info` folder is called.
fn check_data(name: &str, stem: Option<&str>, anomalies: &mut Anomalies) {
    let Some((top, rest)) = name.split_once('/') else { return };
    let Some(project) = top.strip_suffix(".data") else { return };
    // pip moves what any such folder holds, uv what that of the project does.
    if stem.is_some_and(|stem| stem != project) {
        anomalies.add(Disorder::DataName, || {
            format!("{} lies in no folder of this project", shown(name))
        });
        return;
    }
    let (scheme, inside) = rest.split_once('/').unwrap_or((rest, ""));
    if !rest.is_empty() && (!SCHEMES.contains(&scheme) || !rest.contains('/')) {
        anomalies.add(Disorder::Data, || {
            format!("{} lies in no scheme: expected one of `{}`", shown(name), SCHEMES.join("`, `"))
        });
    } else if scheme == "scripts" && inside.contains('/') {
        anomalies.add(Disorder::Data, || {
            format!("{} lies in a folder among the scripts, expected files only", shown(name))
        });
    }
}

fn check_together(entries: &[Entry], anomalies: &mut Anomalies) {
    let mut names: HashSet<&str> = HashSet::with_capacity(entries.len());
    let mut folded: HashMap<String, &str> = HashMap::new();
    for entry in entries {
        let name = &*entry.name;
        if !names.insert(name) {
            anomalies.add(Disorder::Duplicate, || format!("there are two members {}", shown(name)));
        }
        // Only names with capitals can collide with one that has none.
        if name.chars().any(char::is_uppercase)
            && let Some(other) = folded.insert(name.to_lowercase(), name)
            && other != name
        {
            anomalies.add(Disorder::NameCase, || differ_in_case(other, name));
        }
    }
    for (lower, name) in &folded {
        if lower != name && names.contains(&**lower) {
            anomalies.add(Disorder::NameCase, || differ_in_case(lower, name));
        }
    }
    // By order and not by walking up each path: a hostile one has thousands of folders.
    let mut sorted: Vec<&str> = names.into_iter().collect();
    sorted.sort_unstable();
    for name in &sorted {
        let folder = format!("{}/", name.trim_end_matches('/'));
        let inside = sorted.partition_point(|other| **other < *folder);
        let inside = sorted.get(inside).filter(|other| other.starts_with(&folder));
        if let (Some(inside), false) = (inside, name.ends_with('/')) {
            anomalies.add(Disorder::NameFolder, || {
                format!("{} is a file, and a folder that holds {}", shown(name), shown(inside))
            });
        }
    }
}

fn differ_in_case(one: &str, other: &str) -> String {
    let (one, other) = if one < other { (one, other) } else { (other, one) };
    format!("{} and {} differ in case only", shown(one), shown(other))
}
