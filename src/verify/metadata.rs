//! What METADATA says: whether it parses, and whether the filename says the same.

use pep440_rs::{Version, VersionSpecifiers};

use super::{Findings, table};
use crate::wheel::{
    CoreMetadata, ProjectName, WheelFilename, escaped, parse_requirement, read_requirement,
};

/// The newest version of the standard whose fields are known here.
const KNOWN_MINOR: u64 = 5;
/// A hostile METADATA may have millions of requirements; a few wrong ones say enough.
const MAX_EACH: usize = 3;

pub(super) fn judge(
    fields: &CoreMetadata,
    filename: Option<&WheelFilename>,
    findings: &mut Findings<'_>,
) {
    metadata_version(&fields.metadata_version, findings);
    for field in &fields.repeated {
        findings.add(
            &table::METADATA_REPEATED,
            format!("METADATA has the field `{field}` more than once"),
            Some("build the wheel again with a current build backend"),
        );
    }
    if let Some(filename) = filename {
        name(&fields.name, filename, findings);
        version(&fields.version, filename, findings);
    }
    if let Some(text) = &fields.requires_python {
        requires_python(text, findings);
    }
    let wrong =
        fields.requires_dist.iter().filter_map(|text| Some((text, parse_requirement(text).err()?)));
    for (text, reason) in wrong.take(MAX_EACH) {
        if read_requirement(text).is_some() {
            let message = format!("METADATA says `Requires-Dist: {}`", escaped(text));
            findings.add(&table::REQUIRES_DIST_LENIENT, message, None);
            continue;
        }
        findings.add(
            &table::REQUIRES_DIST,
            format!("METADATA says `Requires-Dist: {}`: {}", escaped(text), escaped(&reason)),
            Some("mend the requirement in the project, and build it again"),
        );
    }
    let wrong = fields.provides_extra.iter().filter(|extra| extra.parse::<ProjectName>().is_err());
    for extra in wrong.take(MAX_EACH) {
        findings.add(
            &table::PROVIDES_EXTRA,
            format!("METADATA says `Provides-Extra: {}`, expected a name", escaped(extra)),
            None,
        );
    }
}

fn metadata_version(text: &str, findings: &mut Findings<'_>) {
    let parts = text
        .split_once('.')
        .and_then(|(major, minor)| Some((major.parse::<u64>().ok()?, minor.parse::<u64>().ok()?)));
    match parts {
        Some((1, _) | (2, 0..=KNOWN_MINOR)) => {}
        Some((2, _)) => findings.add(
            &table::METADATA_VERSION_NEW,
            format!("has `Metadata-Version: {}`, known is 2.{KNOWN_MINOR}", escaped(text)),
            None,
        ),
        _ => findings.add(
            &table::METADATA_VERSION,
            format!("expected `Metadata-Version` 1.x or 2.x, found `{}`", escaped(text)),
            Some("build the wheel again with a current build backend"),
        ),
    }
}

fn name(stated: &str, filename: &WheelFilename, findings: &mut Findings<'_>) {
    if stated.parse::<ProjectName>().is_ok_and(|stated| stated == *filename.name()) {
        return;
    }
    findings.add(
        &table::NAME_MISMATCH,
        format!("METADATA says `Name: {}`, the filename `{}`", escaped(stated), filename.name()),
        Some("give the file the name that its build gave it, or build it again"),
    );
}

fn version(stated: &str, filename: &WheelFilename, findings: &mut Findings<'_>) {
    let parsed = stated.parse::<Version>().ok();
    if parsed.as_ref() == Some(filename.version()) {
        return;
    }
    let message = format!(
        "METADATA says `Version: {}`, the filename `{}`",
        escaped(stated),
        filename.version_text()
    );
    if parsed.is_some_and(|stated| same_public(&stated, filename.version())) {
        findings.add(
            &table::LOCAL_VERSION_MISMATCH,
            message,
            Some("the file was renamed after its build: mend it with `wheelsite repair`"),
        );
    } else {
        findings.add(
            &table::VERSION_MISMATCH,
            message,
            Some("give the file the name that its build gave it"),
        );
    }
}

fn requires_python(text: &str, findings: &mut Findings<'_>) {
    if text.parse::<VersionSpecifiers>().is_ok() {
        return;
    }
    let message =
        format!("METADATA says `Requires-Python: {}`, expected PEP 440 specifiers", escaped(text));
    let hint = Some("mend `requires-python` in the project, and build it again");
    if lenient(text).parse::<VersionSpecifiers>().is_ok() {
        findings.add(&table::REQUIRES_PYTHON_LENIENT, message, hint);
    } else {
        findings.add(&table::REQUIRES_PYTHON, message, hint);
    }
}

/// What uv makes of specifiers that old projects wrote: `>=3.6.*`, trailing commas, missing commas, quotes.
fn lenient(text: &str) -> String {
    let text = text.trim().trim_matches(['"', '\'']).trim_end_matches(',');
    let mut parts: Vec<String> = Vec::new();
    for part in text.split(',') {
        // A comma is missing where an operator follows a version.
        let mut rest = part.trim();
        while let Some(at) = rest.char_indices().skip(1).find_map(|(at, char)| {
            let before = &rest[..at];
            let starts =
                "<>=!~".contains(char) && before.ends_with(|char: char| char.is_ascii_digit());
            starts.then_some(at)
        }) {
            parts.push(rest[..at].trim().to_owned());
            rest = rest[at..].trim();
        }
        parts.push(rest.to_owned());
    }
    for part in &mut parts {
        let ordered = part.starts_with(['<', '>']);
        if ordered && let Some(stem) = part.strip_suffix(".*") {
            *part = stem.to_owned();
        }
    }
    parts.join(",")
}

/// Whether two versions differ in their local parts at most.
pub(super) fn same_public(one: &Version, other: &Version) -> bool {
    one.clone().without_local() == other.clone().without_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goodwill_reads_what_old_projects_wrote() {
        for (text, read) in [
            (">=3.6.*", ">=3.6"),
            (">=3.6,", ">=3.6"),
            (">=2.7!=3.0.*", ">=2.7,!=3.0.*"),
            ("'>=3.6'", ">=3.6"),
            (">=3.6,<4", ">=3.6,<4"),
        ] {
            assert_eq!(lenient(text), read);
        }
    }
}
