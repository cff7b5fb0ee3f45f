//! Every check of the verifier, and a flawed file that trips it and nothing else.
//!
//! [`Case`]s are data: what is wrong with a file, and which check must say so. The
//! same files are then given to pip, to uv and to unpackers ([`clients`]).

mod archive;
mod clients;
mod contents;
mod cuda;
mod documentation;
mod metadata;
mod outputs;
mod paths;
mod platform;
mod policies;
mod robustness;
mod sound;
mod together;

use std::collections::BTreeSet;

use serde_json::Value;
use wheelsite::verify::{CHECKS, Severity};

use crate::support::zip::Zip;
use crate::support::{Wheel, Workspace};

/// The name of most flawed wheels.
const NAME: &str = "demo-1.0-py3-none-any.whl";

/// A file, what is wrong with it, and what must be said of it.
pub(crate) struct Case {
    /// The check that it must trip; none where nothing is wrong.
    check: Option<&'static str>,
    flaw: String,
    filename: String,
    bytes: Vec<u8>,
    /// Checks that one cannot help tripping with this flaw.
    also: &'static [&'static str],
}

impl Case {
    fn new(check: &'static str, flaw: impl Into<String>, bytes: Vec<u8>) -> Self {
        let (flaw, filename) = (flaw.into(), NAME.to_owned());
        Self { check: Some(check), flaw, filename, bytes, also: &[] }
    }

    /// A file without a flaw.
    fn sound(what: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { check: None, ..Self::new("", what, bytes) }
    }

    fn named(mut self, filename: impl Into<String>) -> Self {
        self.filename = filename.into();
        self
    }

    fn also(mut self, checks: &'static [&'static str]) -> Self {
        self.also = checks;
        self
    }

    fn id(&self) -> &'static str {
        self.check.unwrap_or("none")
    }
}

/// Every flawed file, and some that look odd and are sound.
fn cases() -> Vec<Case> {
    let families = [
        metadata::filenames(),
        archive::cases(),
        paths::cases(),
        metadata::cases(),
        contents::records(),
        contents::entry_points(),
        platform::cases(),
        cuda::cases(),
        sound::cases(),
    ];
    families.into_iter().flatten().collect()
}

fn demo() -> Wheel {
    Wheel::new("demo", "1.0")
}

/// The archive of a wheel, for a test to spoil.
fn zip(wheel: &Wheel) -> Zip {
    Zip::of(&wheel.members())
}

/// A wheel whose RECORD is what an edit makes of the true one.
fn with_record(wheel: &Wheel, edit: impl Fn(&str) -> String) -> Vec<(String, Vec<u8>)> {
    let mut members = wheel.members();
    let (_, record) = members.last_mut().expect("has RECORD");
    *record = edit(std::str::from_utf8(record).expect("is text")).into_bytes();
    members
}

/// A wheel whose RECORD states no size for any file.
fn without_sizes(wheel: &Wheel) -> Zip {
    Zip::of(&with_record(wheel, |record| {
        let rows = record.lines().map(|row| row.rsplit_once(',').expect("has fields").0);
        rows.map(|row| format!("{row},\n")).collect()
    }))
}

/// A WHEEL file with these tags.
fn tagged(purelib: bool, tags: &[&str]) -> String {
    let tags: String = tags.iter().map(|tag| format!("Tag: {tag}\n")).collect();
    format!("Wheel-Version: 1.0\nGenerator: wheelsite tests\nRoot-Is-Purelib: {purelib}\n{tags}")
}

/// What the program finds in each of some files: check and severity.
fn findings(cases: &[Case], arguments: &[&str]) -> Vec<Vec<(String, String)>> {
    let workspace = Workspace::new();
    let paths: Vec<String> =
        (0..cases.len()).map(|index| format!("{index:04}/{}", cases[index].filename)).collect();
    for (path, case) in paths.iter().zip(cases) {
        workspace.write(path, &case.bytes);
    }
    let mut all = vec!["check", "--format", "json"];
    all.extend(arguments);
    all.extend(paths.iter().map(String::as_str));
    let run = workspace.run(&all);
    let report = run.json();
    let files = report["files"].as_array().expect("is a list");
    let rejected = files.iter().any(|file| file["accepted"] == false);
    assert_eq!(run.code, Some(i32::from(rejected)), "{}", run.stderr);
    paths
        .iter()
        .map(|path| {
            let file = files.iter().find(|file| file["location"] == **path).expect("is judged");
            let findings = file["findings"].as_array().expect("is a list").iter();
            let text = |value: &Value| value.as_str().expect("is text").to_owned();
            findings.map(|found| (text(&found["check"]), text(&found["severity"]))).collect()
        })
        .collect()
}

/// Compares what was found with what should be; gives what differs.
fn differences(cases: &[Case]) -> Vec<String> {
    let found = findings(cases, &[]);
    let mut differences = Vec::new();
    for (case, found) in cases.iter().zip(found) {
        let graver = found.iter().filter(|(_, severity)| severity != "note");
        let mut graver: BTreeSet<&str> = graver.map(|(check, _)| check.as_str()).collect();
        let mut expected: BTreeSet<&str> = case.also.iter().copied().collect();
        expected.extend(case.check);
        // A note is not grave, and must be there all the same.
        let note = |id: &str| CHECKS.iter().any(|c| c.id == id && c.severity == Severity::Note);
        graver.extend(
            found
                .iter()
                .map(|(check, _)| check.as_str())
                .filter(|id| note(id) && expected.contains(id)),
        );
        if graver != expected {
            differences.push(format!(
                "{} ({}): expected {expected:?}, found {graver:?}",
                case.id(),
                case.flaw
            ));
        }
    }
    differences
}

#[test]
fn each_flaw_trips_its_check_and_no_other() {
    assert_eq!(differences(&cases()), [""; 0]);
}

#[test]
fn every_check_has_a_flawed_file() {
    let cases = cases();
    let proven = cases.iter().filter_map(|case| case.check);
    let mut proven: BTreeSet<&str> = proven.collect();
    proven.extend(together::CHECKS);
    let known: BTreeSet<&str> = CHECKS.iter().map(|check| check.id).collect();
    assert_eq!(known.difference(&proven).collect::<Vec<_>>(), [&""; 0], "without a flawed file");
    assert_eq!(proven.difference(&known).collect::<Vec<_>>(), [&""; 0], "unknown checks");
}

/// A wheel by `zip` and one by a library are the same to everybody else.
#[test]
fn the_writer_of_archives_writes_what_others_read() {
    let files = demo().members();
    for bytes in [Zip::of(&files).bytes(), Zip::of(&files).wide().bytes()] {
        let mut archive =
            ::zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("is an archive");
        assert_eq!(archive.len(), files.len());
        for (name, contents) in &files {
            let mut member = archive.by_name(name).expect("is there");
            let mut read = Vec::new();
            std::io::Read::read_to_end(&mut member, &mut read).expect("reads");
            assert_eq!(&read, contents);
        }
    }
}
