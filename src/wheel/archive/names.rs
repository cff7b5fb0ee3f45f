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

/// The schemes that a `.data` folder may hold (binary distribution format).
const SCHEMES: [&str; 5] = ["data", "headers", "platlib", "purelib", "scripts"];

/// Looks at every name by itself and at all of them together.
pub(super) fn check(entries: &[Entry], anomalies: &mut Anomalies) {
    for entry in entries {
        check_one(entry, anomalies);
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
    check_data(name, anomalies);
}

fn is_control(char: char) -> bool {
    char.is_ascii_control()
        || (!char.is_ascii() && char.general_category_group() == GeneralCategoryGroup::Other)
}

/// `{name}-{version}.data/` holds schemes, and schemes hold files.
fn check_data(name: &str, anomalies: &mut Anomalies) {
    let Some((top, rest)) = name.split_once('/') else { return };
    if !top.ends_with(".data") || rest.is_empty() {
        return;
    }
    let scheme = rest.split('/').next().unwrap_or_default();
    if !SCHEMES.contains(&scheme) || !rest.contains('/') {
        anomalies.add(Disorder::Data, || {
            format!("{} lies in no scheme: expected one of `{}`", shown(name), SCHEMES.join("`, `"))
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
    for name in &names {
        let mut path = name.strip_suffix('/').unwrap_or(name);
        while let Some((parent, _)) = path.rsplit_once('/') {
            if names.contains(parent) {
                anomalies.add(Disorder::NameFolder, || {
                    format!("{} is a file, and a folder that holds {}", shown(parent), shown(name))
                });
            }
            path = parent;
        }
    }
}

fn differ_in_case(one: &str, other: &str) -> String {
    let (one, other) = if one < other { (one, other) } else { (other, one) };
    format!("{} and {} differ in case only", shown(one), shown(other))
}
