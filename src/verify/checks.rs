//! The table of checks, and the checks.

use pep440_rs::Version;
use serde::Serialize;

use super::Finding;
use crate::facts::{Artifact, Content, Facts, Part, WheelFacts};
use crate::wheel::{DistFilename, ProjectName, WheelFilename};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Should be mended; the file is listed.
    Warning,
    /// The file is not listed.
    Error,
}

/// A check: what it is called, how much it weighs, and why it is made.
#[derive(Debug, PartialEq, Eq)]
pub struct Check {
    /// Stable, kebab-case.
    pub id: &'static str,
    /// How much a finding of it weighs.
    pub severity: Severity,
    /// Why it matters, in one sentence.
    pub reason: &'static str,
    /// Where the rule is written.
    pub source: &'static str,
}

macro_rules! checks {
    ($($name:ident: $id:literal, $severity:ident, $reason:literal, $source:literal;)+) => {
        $(static $name: Check = Check {
            id: $id, severity: Severity::$severity, reason: $reason, source: $source,
        };)+
        /// Every check, in the order in which they run.
        pub static CHECKS: &[&Check] = &[$(&$name),+];
    };
}

checks! {
    FILENAME: "filename-invalid", Error,
        "Installers skip a file whose name they cannot parse.",
        "binary distribution format, PEP 427, PEP 625";
    SDIST: "sdist-unverified", Note,
        "Source distributions are listed with their digest and are not opened.",
        "wheelsite";
    ARCHIVE: "zip-unreadable", Error,
        "A wheel that cannot be unpacked cannot be installed.",
        "binary distribution format";
    DIST_INFO_MISSING: "dist-info-missing", Error,
        "Without its `.dist-info` folder a ZIP file is no wheel.",
        "binary distribution format";
    DIST_INFO_SEVERAL: "dist-info-several", Error,
        "With two `.dist-info` folders nobody can say which project the wheel is.",
        "binary distribution format";
    DIST_INFO_NAME: "dist-info-mismatch", Error,
        "Installers look for the `.dist-info` folder of the project that they asked for.",
        "binary distribution format";
    METADATA_MISSING: "metadata-missing", Error,
        "METADATA is what resolvers read.", "binary distribution format";
    METADATA_INVALID: "metadata-invalid", Error,
        "METADATA is what resolvers read.", "core metadata";
    WHEEL_MISSING: "wheel-missing", Error,
        "Installers refuse an archive without WHEEL.", "binary distribution format";
    WHEEL_INVALID: "wheel-invalid", Error,
        "Installers refuse an archive whose WHEEL they cannot read.", "binary distribution format";
    RECORD_MISSING: "record-missing", Error,
        "Installers need RECORD to verify and to uninstall.", "recording installed projects";
    RECORD_INVALID: "record-invalid", Error,
        "Installers need RECORD to verify and to uninstall.", "recording installed projects";
    NAME_MISMATCH: "name-mismatch", Error,
        "A wheel whose METADATA names another project is refused by installers.",
        "binary distribution format, PyPI";
    VERSION_MISMATCH: "version-mismatch", Error,
        "A wheel whose METADATA states another version is refused by installers.",
        "binary distribution format, PyPI";
    LOCAL_VERSION_MISMATCH: "local-version-mismatch", Error,
        "pip discards a wheel that was renamed to a local version its METADATA does not state.",
        "PEP 440, pip";
}

impl Check {
    fn found(&self, message: impl Into<String>, hint: Option<&str>) -> Finding {
        Finding {
            check: self.id,
            severity: self.severity,
            message: message.into(),
            hint: hint.map(str::to_owned),
        }
    }
}

const REBUILD: Option<&str> = Some("build the wheel again with a current build backend");
const REFETCH: Option<&str> = Some("copy or download the file again; it may have been cut short");

pub(super) fn run(artifact: &Artifact, facts: Option<&Facts>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(error) = &artifact.dist {
        findings.push(FILENAME.found(
            format!("`{}`: {error}", abridged(&artifact.filename)),
            Some("give the file the name that its build gave it"),
        ));
    }
    match facts.map(|facts| &facts.content) {
        None => {}
        Some(Content::Sdist) => {
            findings.push(SDIST.found("listed with its digest, not opened", None));
        }
        Some(Content::Unreadable(reason)) => {
            findings.push(ARCHIVE.found(format!("the archive cannot be read: {reason}"), REFETCH));
        }
        Some(Content::Wheel(wheel)) => {
            let filename = artifact.dist.as_ref().ok().and_then(DistFilename::wheel);
            inside(wheel, filename, &mut findings);
        }
    }
    findings
}

/// What the wheel says of itself, against its filename where that is valid.
fn inside(wheel: &WheelFacts, filename: Option<&WheelFilename>, findings: &mut Vec<Finding>) {
    match &wheel.dist_info[..] {
        [] => {
            findings.push(DIST_INFO_MISSING.found(
                format!(
                    "expected one `.dist-info` folder, found none among {} members",
                    wheel.members
                ),
                REBUILD,
            ));
            return;
        }
        [folder] => dist_info_name(folder, filename, findings),
        folders => findings.push(DIST_INFO_SEVERAL.found(
            format!("expected one `.dist-info` folder, found `{}`", folders.join("`, `")),
            REBUILD,
        )),
    }
    required(&wheel.metadata, "METADATA", [&METADATA_MISSING, &METADATA_INVALID], findings);
    required(&wheel.wheel, "WHEEL", [&WHEEL_MISSING, &WHEEL_INVALID], findings);
    required(&wheel.record, "RECORD", [&RECORD_MISSING, &RECORD_INVALID], findings);
    if let (Some(metadata), Some(filename)) = (wheel.metadata.read(), filename) {
        name(&metadata.fields.name, filename, findings);
        version(&metadata.fields.version, filename, findings);
    }
}

fn dist_info_name(folder: &str, filename: Option<&WheelFilename>, findings: &mut Vec<Finding>) {
    let Some(filename) = filename else { return };
    let stem = folder.strip_suffix(".dist-info").unwrap_or(folder);
    let agrees = stem.rsplit_once('-').is_some_and(|(name, version)| {
        name.parse::<ProjectName>().is_ok_and(|name| name == *filename.name())
            && version
                .parse::<Version>()
                .is_ok_and(|version| same_public(&version, filename.version()))
    });
    if !agrees {
        let expected =
            format!("{}-{}", filename.name().as_str().replace('-', "_"), filename.version());
        findings.push(DIST_INFO_NAME.found(
            format!("expected the folder `{expected}.dist-info`, found `{folder}`"),
            REBUILD,
        ));
    }
}

fn required<T>(
    part: &Part<T>,
    file: &str,
    [missing, invalid]: [&Check; 2],
    findings: &mut Vec<Finding>,
) {
    match part {
        Part::Missing => findings
            .push(missing.found(format!("the `.dist-info` folder holds no `{file}`"), REBUILD)),
        Part::Invalid(reason) => {
            findings.push(invalid.found(format!("`{file}` cannot be read: {reason}"), REBUILD));
        }
        Part::Read(_) => {}
    }
}

fn name(stated: &str, filename: &WheelFilename, findings: &mut Vec<Finding>) {
    if stated.parse::<ProjectName>().is_ok_and(|stated| stated == *filename.name()) {
        return;
    }
    findings.push(NAME_MISMATCH.found(
        format!("METADATA says `Name: {}`, the filename `{}`", abridged(stated), filename.name()),
        Some("give the file the name that its build gave it, or build it again"),
    ));
}

fn version(stated: &str, filename: &WheelFilename, findings: &mut Vec<Finding>) {
    let parsed = stated.parse::<Version>().ok();
    if parsed.as_ref() == Some(filename.version()) {
        return;
    }
    let message = format!(
        "METADATA says `Version: {}`, the filename `{}`",
        abridged(stated),
        filename.version_text()
    );
    let only_local = parsed.is_some_and(|stated| same_public(&stated, filename.version()));
    findings.push(if only_local {
        LOCAL_VERSION_MISMATCH.found(
            message,
            Some("build with the local version in the project's own version instead of renaming the file"),
        )
    } else {
        VERSION_MISMATCH.found(message, Some("give the file the name that its build gave it"))
    });
}

/// Whether two versions differ in their local parts at most.
fn same_public(one: &Version, other: &Version) -> bool {
    one.clone().without_local() == other.clone().without_local()
}

/// Enough of a foreign text to recognize it by.
fn abridged(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
