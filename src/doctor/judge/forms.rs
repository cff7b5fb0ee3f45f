//! Whether the forms of a page, and what several clients saw, say the same.

use std::collections::BTreeMap;

use crate::doctor::observe::{ProjectSeen, View};
use crate::doctor::report::Findings;
use crate::doctor::table;
use crate::source::simple_index::{Entry, Form, Survey};
use crate::wheel::escaped;

/// Compares all that was seen of a project's page with what was seen first.
pub(in crate::doctor) fn forms(seen: &ProjectSeen, findings: &mut Findings) {
    let mut documents = seen.documents().filter(|(_, survey)| !survey.is_cut);
    let Some((first, one)) = documents.next() else { return };
    for (view, other) in documents {
        let label = |view: &View<Survey>, survey: &Survey| {
            let form = if survey.form == Form::Json { "JSON" } else { "HTML" };
            format!("{form} (as {} asks)", view.asker.name())
        };
        compare(seen, (&label(first, one), one), (&label(view, other), other), findings);
    }
}

fn compare(
    seen: &ProjectSeen,
    (one_label, one): (&str, &Survey),
    (other_label, other): (&str, &Survey),
    findings: &mut Findings,
) {
    let (files, others) = (by_name(one), by_name(other));
    let mut lacks =
        |files: &BTreeMap<&str, &Entry>, label: &str, others: &BTreeMap<&str, &Entry>| {
            let mut lacking = files.keys().filter(|name| !others.contains_key(*name));
            if let Some(first) = lacking.next() {
                let more = lacking.count();
                let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
                let message =
                    format!("{label} lacks `{}`{rest}, which another form has", escaped(first));
                findings.add(&table::FORMS_DIFFER, &seen.url, message);
            }
        };
    lacks(&files, other_label, &others);
    lacks(&others, one_label, &files);
    for (name, entry) in &files {
        let Some(other) = others.get(name) else { continue };
        let name = escaped(name);
        for (algorithm, hex) in &entry.hashes {
            if let Some(found) = other.hash(algorithm)
                && !found.eq_ignore_ascii_case(hex)
            {
                let message = format!(
                    "`{name}`: {one_label} has the {algorithm} `{}`, {other_label} `{}`",
                    escaped(hex),
                    escaped(found)
                );
                findings.add(&table::FORMS_DIFFER, &seen.url, message);
            }
        }
        if let Some(attribute) = differing(entry, other) {
            let message = format!("`{name}`: {one_label} and {other_label} differ in {attribute}");
            findings.add(&table::ATTRIBUTES_DIFFER, &seen.url, message);
        }
    }
    if one.status.as_deref().unwrap_or("active") != other.status.as_deref().unwrap_or("active") {
        let message = format!("{one_label} and {other_label} differ in the project's status");
        findings.add(&table::ATTRIBUTES_DIFFER, &seen.url, message);
    }
}

fn by_name(survey: &Survey) -> BTreeMap<&str, &Entry> {
    survey.entries.iter().map(|entry| (&*entry.filename, entry)).collect()
}

/// What two forms say differently of a file.
fn differing(one: &Entry, other: &Entry) -> Option<&'static str> {
    // White space means nothing, and nothing means all.
    let pythons = |entry: &Entry| {
        let text = entry.requires_python.as_deref().unwrap_or_default();
        text.chars().filter(|char| !char.is_whitespace()).collect::<String>()
    };
    if pythons(one) != pythons(other) {
        return Some("`requires-python`");
    }
    // What is wrong with a value in JSON has been told.
    let is_told =
        |key: &str| one.faults.iter().chain(&other.faults).any(|fault| fault.key() == key);
    if one.yanked.is_some() != other.yanked.is_some() && !is_told("yanked") {
        return Some("`yanked`");
    }
    if one.sidecar() != other.sidecar() && !is_told("core-metadata") {
        return Some("`core-metadata`");
    }
    None
}
