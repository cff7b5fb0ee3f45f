//! What a page says of its files.

use std::collections::{BTreeSet, HashMap};

use pep440_rs::{Version, VersionSpecifiers};
use url::Url;

use super::{is_loopback, shown_link};
use crate::doctor::report::Findings;
use crate::doctor::table;
use crate::facts::UploadTime;
use crate::net::shown;
use crate::source::simple_index::{Entry, Fault, Form, Survey};
use crate::verify::Severity;
use crate::wheel::{DistFilename, ProjectName, escaped};

/// The hashes that uv knows, and how many digits each has.
const ALGORITHMS: [(&str, usize); 5] =
    [("md5", 32), ("sha256", 64), ("sha384", 96), ("sha512", 128), ("blake2b", 64)];

/// Judges each file by itself.
pub(super) fn entries(survey: &Survey, project: &ProjectName, page: &Url, findings: &mut Findings) {
    let mut known: HashMap<&str, &Entry> = HashMap::new();
    for entry in &survey.entries {
        let name = escaped(&entry.filename);
        faults(entry, &name, page, findings);
        link(entry, &name, page, findings);
        filename(entry, &name, project, page, findings);
        sidecar(entry, &name, survey.form, page, findings);
        if let Some(text) = entry.requires_python.as_deref().filter(|text| !text.trim().is_empty())
            && text.parse::<VersionSpecifiers>().is_err()
        {
            let message =
                format!("`{name}`: expected versions of Python, found `{}`", escaped(text));
            findings.add(&table::REQUIRES_PYTHON, page, message);
        }
        if entry.is_reason_empty {
            let message = format!("`{name}`: expected `true` or a reason, found `\"\"`");
            findings.add(&table::YANKED_EMPTY, page, message);
        }
        if let Some(text) = &entry.provenance
            && !text.parse::<Url>().is_ok_and(|url| url.scheme() == "https")
        {
            let message = format!("`{name}`: expected an https URL, found `{}`", shown_link(text));
            findings.add(&table::PROVENANCE_URL, page, message);
        }
        match known.get(&*entry.filename) {
            None => {
                known.insert(&entry.filename, entry);
            }
            Some(first) => {
                let is_same = first.hashes == entry.hashes && first.url == entry.url;
                let severity = if is_same { Severity::Warning } else { Severity::Error };
                let message = format!(
                    "`{name}` stands there twice, {}",
                    if is_same { "with the same link" } else { "with different links or hashes" }
                );
                findings.add_as(severity, &table::FILE_DUPLICATE, page, message);
            }
        }
    }
    let wheels = || survey.entries.iter().filter(|entry| entry.filename.ends_with(".whl"));
    if wheels().next().is_some() && wheels().all(|entry| entry.sidecar().is_none()) {
        let message = format!("0 of {} wheels have METADATA beside them", wheels().count());
        findings.add(&table::CORE_METADATA_MISSING, page, message);
    }
}

fn faults(entry: &Entry, name: &str, page: &Url, findings: &mut Findings) {
    for fault in &entry.faults {
        match fault {
            Fault::Null(key) => {
                let message = format!("`{name}`: expected no `{key}` or a value, found `null`");
                findings.add(&table::JSON_NULL, page, message);
            }
            Fault::Wrong { key, expected, found } => {
                let message = format!("`{name}`: `{key}`: expected {expected}, found {found}");
                findings.add(&table::JSON_VALUE, page, message);
            }
        }
    }
}

fn link(entry: &Entry, name: &str, page: &Url, findings: &mut Findings) {
    let Some(url) = &entry.url else {
        let href = shown_link(&entry.href);
        let message = format!("`{name}`: expected a link to a web server, found `{href}`");
        findings.add(&table::LINK_SCHEME, page, message);
        return;
    };
    // Of the page's own host the page has been told of already.
    let is_told = page.scheme() == "http" && url.host() == page.host();
    if url.scheme() == "http" && !is_loopback(url) && !is_told {
        let message = format!("`{name}`: expected a link by https, found `{}`", shown(url));
        findings.add(&table::LINK_INSECURE, page, message);
    }
}

fn filename(entry: &Entry, name: &str, project: &ProjectName, page: &Url, findings: &mut Findings) {
    if let Some(last) = entry.last().filter(|last| *last != entry.filename) {
        let message = format!("`{name}` leads to a URL that ends in `{}`", escaped(&last));
        findings.add(&table::ANCHOR_TEXT, page, message);
    }
    match entry.filename.parse::<DistFilename>() {
        Ok(dist) if dist.name() != project => {
            let message = format!("`{name}` is a file of `{}`", dist.name());
            findings.add(&table::FILENAME_FOREIGN, page, message);
        }
        Err(error) if entry.filename.ends_with(".whl") => {
            let message = format!("`{name}`: {}", escaped(&error.to_string()));
            findings.add(&table::FILENAME_INVALID, page, message);
        }
        _ => {}
    }
}

fn sidecar(entry: &Entry, name: &str, form: Form, page: &Url, findings: &mut Findings) {
    match (&entry.core_metadata, &entry.dist_info_metadata) {
        (None, Some(_)) => {
            let message = format!("`{name}` has `dist-info-metadata` alone");
            findings.add(&table::CORE_METADATA_LEGACY, page, message);
        }
        (Some(new), Some(old)) if new != old => {
            let message = format!("`{name}`: `core-metadata` and `dist-info-metadata` differ");
            findings.add(&table::CORE_METADATA_DIFFERS, page, message);
        }
        (Some(_), Some(_)) if form == Form::Json => {
            let message =
                format!("`{name}` has `dist-info-metadata`, which old pips misread in JSON");
            findings.add(&table::CORE_METADATA_LEGACY, page, message);
        }
        _ => {}
    }
}

/// Judges whether all files have hashes that installers take.
pub(super) fn hashes(survey: &Survey, page: &Url, findings: &mut Findings) {
    let mut without = Vec::new();
    for entry in &survey.entries {
        let name = escaped(&entry.filename);
        let known: Vec<(&str, &str)> = entry
            .hashes
            .iter()
            .filter(|(algorithm, _)| digits(algorithm).is_some())
            .map(|(algorithm, hex)| (&**algorithm, &**hex))
            .collect();
        // Keys that are not known are passed over; of a fragment uv wants one part that it knows.
        let unknown =
            entry.hashes.first().filter(|_| survey.form == Form::Html && known.is_empty());
        if let Some((algorithm, _)) = unknown {
            let message = format!(
                "`{name}`: expected a fragment such as `#sha256=...`, found `#{}=`",
                escaped(algorithm)
            );
            findings.add(&table::HASH_ALGORITHM, page, message);
            continue;
        }
        for (algorithm, hex) in &known {
            let length = digits(algorithm).unwrap_or_default();
            if hex.len() != length || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                let message = format!(
                    "`{name}`: `{algorithm}`: expected {length} hexadecimal digits, found `{}`",
                    escaped(hex)
                );
                findings.add(&table::HASH_INVALID, page, message);
            }
        }
        match &known[..] {
            // What is wrong with its hashes has been told.
            [] if is_told(entry, "hashes") => {}
            [] => without.push(name),
            [("md5", _)] => {
                findings.add(&table::HASH_WEAK, page, format!("`{name}` has nothing but an MD5"));
            }
            _ => {}
        }
    }
    let (count, all) = (without.len(), survey.entries.len());
    if count == all && count > 0 {
        findings.add(&table::HASH_MISSING, page, format!("0 of {all} files have a hash"));
    } else if count > 0 {
        let message = format!("{count} of {all} files have no hash, among them `{}`", without[0]);
        findings.add(&table::HASH_PARTIAL, page, message);
    }
}

fn digits(algorithm: &str) -> Option<usize> {
    let known = ALGORITHMS.iter().find(|(name, _)| *name == algorithm);
    known.map(|(_, digits)| *digits)
}

/// Whether it has been said that a value is none.
fn is_told(entry: &Entry, key: &str) -> bool {
    entry.faults.iter().any(|fault| fault.key() == key)
}

/// Judges whether all files have a size, as JSON has to say from version 1.1 on.
pub(super) fn sizes(survey: &Survey, page: &Url, findings: &mut Findings) {
    for entry in &survey.entries {
        if entry.size.is_none() && !is_told(entry, "size") {
            let message = format!("`{}` has no `size`", escaped(&entry.filename));
            findings.add(&table::SIZE_MISSING, page, message);
        }
    }
}

/// Judges the times of a page in JSON; HTML has none in the standard.
pub(super) fn upload_times(survey: &Survey, page: &Url, findings: &mut Findings) {
    let mut without = Vec::new();
    for entry in &survey.entries {
        let name = escaped(&entry.filename);
        match &entry.upload_time {
            None if is_told(entry, "upload-time") => {}
            None => without.push(name),
            Some(text) if text.parse::<UploadTime>().is_err() => {
                let message = format!("`{name}`: expected a time, found `{}`", escaped(text));
                findings.add(&table::UPLOAD_TIME_INVALID, page, message);
            }
            Some(text) if !text.ends_with('Z') => {
                let message =
                    format!("`{name}`: expected `Z` at the end, found `{}`", escaped(text));
                findings.add(&table::UPLOAD_TIME_FORM, page, message);
            }
            Some(_) => {}
        }
    }
    let (count, all) = (without.len(), survey.entries.len());
    if count == all && count > 0 {
        let message = format!("0 of {all} files have an `upload-time`");
        findings.add(&table::UPLOAD_TIME_MISSING, page, message);
    } else if count > 0 {
        let message =
            format!("{count} of {all} files have no `upload-time`, among them `{}`", without[0]);
        findings.add(&table::UPLOAD_TIME_PARTIAL, page, message);
    }
}

/// Judges whether one machine would see several builds of a release.
pub(super) fn local_versions(survey: &Survey, page: &Url, findings: &mut Findings) {
    let mut builds: HashMap<(Version, String), BTreeSet<Version>> = HashMap::new();
    for entry in survey.entries.iter().filter(|entry| entry.yanked.is_none()) {
        let Ok(dist) = entry.filename.parse::<DistFilename>() else { continue };
        let Some(wheel) = dist.wheel() else { continue };
        let tags = format!("{}-{}-{}", wheel.python(), wheel.abi(), wheel.platform());
        let public = wheel.version().clone().without_local();
        builds.entry((public, tags)).or_default().insert(wheel.version().clone());
    }
    let mut mixed: Vec<_> = builds.into_iter().filter(|(_, builds)| builds.len() > 1).collect();
    mixed.sort();
    for ((public, tags), builds) in mixed {
        let names: Vec<String> = builds.iter().take(4).map(|build| format!("`{build}`")).collect();
        let message = format!(
            "for `{tags}` release `{public}` is there as {}{}: everybody gets `{}`",
            names.join(", "),
            if builds.len() > names.len() { ", ..." } else { "" },
            builds.last().unwrap_or(&public)
        );
        findings.add(&table::LOCAL_VERSIONS, page, message);
    }
}
