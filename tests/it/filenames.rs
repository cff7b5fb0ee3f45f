//! Agreement with the `packaging` library over thousands of real and mutated filenames.

use serde::Deserialize;
use wheelsite::wheel::{FilenameError, SdistFilename, WheelFilename};

use crate::support::repository;

#[derive(Deserialize)]
struct Case {
    filename: String,
    kind: String,
    ok: bool,
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    build: Vec<serde_json::Value>,
    #[serde(default)]
    tags: Vec<String>,
}

fn cases() -> Vec<Case> {
    let text =
        std::fs::read_to_string(repository("tests/fixtures/filenames.jsonl")).expect("reads");
    // The first line says how the others were made.
    text.lines().skip(1).map(|line| serde_json::from_str(line).expect("is a case")).collect()
}

#[test]
fn what_packaging_refuses_is_refused_and_what_both_take_reads_the_same() {
    let (mut same, mut stricter) = (0, Vec::new());
    for case in cases() {
        let filename = &case.filename;
        let parsed = if case.kind == "wheel" {
            filename.parse::<WheelFilename>().map(|wheel| {
                let mut tags: Vec<String> = wheel.tags().collect();
                tags.sort();
                tags.dedup();
                let build = wheel
                    .build()
                    .map(|build| vec![build.number.into(), build.suffix.to_string().into()])
                    .unwrap_or_default();
                (wheel.name().to_string(), wheel.version().to_string(), build, tags)
            })
        } else {
            filename.parse::<SdistFilename>().map(|sdist| {
                (sdist.name().to_string(), sdist.version().to_string(), Vec::new(), Vec::new())
            })
        };
        match parsed {
            Ok(parsed) => {
                assert!(case.ok, "packaging refuses {filename:?}");
                let mut tags = case.tags;
                tags.sort();
                assert_eq!(parsed, (case.name, case.version, case.build, tags), "{filename:?}");
                same += 1;
            }
            Err(error) if case.ok => stricter.push((case.filename, error)),
            Err(_) => same += 1,
        }
    }
    for (filename, error) in &stricter {
        assert!(is_meant(filename, error), "packaging takes {filename:?}, we say: {error}");
    }
    assert!(
        same > 5_000 && stricter.len() < 1_000,
        "{same} agree, {} are stricter",
        stricter.len()
    );
}

/// The refusals that go beyond `packaging`, as the module of filenames explains them.
fn is_meant(filename: &str, error: &FilenameError) -> bool {
    match error {
        // Names must be names (PEP 508): ASCII, with a letter or digit at both ends.
        FilenameError::Name { found } => {
            let edge = |char: Option<char>| char.is_some_and(|char| char.is_ascii_alphanumeric());
            !found.is_ascii()
                || !edge(found.chars().next())
                || !edge(found.chars().next_back())
                || found
                    .contains(|char: char| !char.is_ascii_alphanumeric() && !"-_.".contains(char))
        }
        // Tags and build tags hold ASCII letters, digits and `_` (a build tag `.` too), as uv wants it.
        FilenameError::Tag { found, .. } => {
            found.contains(|char: char| char.is_ascii_uppercase())
                || found
                    .contains(|char: char| !char.is_ascii_alphanumeric() && !"_.".contains(char))
        }
        FilenameError::Build { found } => {
            found.contains(|char: char| !char.is_ascii_alphanumeric() && !"_.".contains(char))
                || found.len() > 19
        }
        // No white space, no number beyond 64 bits, no separator that separates nothing.
        FilenameError::Version { found } => {
            found.contains(char::is_whitespace)
                || found.contains(|char: char| char.is_control())
                || found.split(|char: char| !char.is_ascii_digit()).any(|digits| digits.len() > 19)
                || found.ends_with(['.', '_', '-'])
        }
        FilenameError::TooLong { .. } => filename.len() > 255,
        FilenameError::Extension | FilenameError::Parts { .. } | FilenameError::NoDash => false,
    }
}

#[test]
fn every_real_filename_is_taken() {
    let text =
        std::fs::read_to_string(repository("tests/fixtures/real-filenames.txt")).expect("reads");
    let names: Vec<&str> =
        text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(names.len() >= 2_000);
    for name in names {
        let parsed: wheelsite::wheel::DistFilename =
            name.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(parsed.as_str(), name);
    }
}
