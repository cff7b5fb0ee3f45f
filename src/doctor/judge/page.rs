//! What the page of a project says as a whole.

use std::collections::HashSet;

use pep440_rs::Version;
use url::Url;

use super::{entries, shown_link};
use crate::doctor::report::Findings;
use crate::doctor::table;
use crate::source::simple_index::{Form, Survey};
use crate::wheel::{DistFilename, ProjectName, escaped};

/// The version of the standard that is known here.
const NEWEST: u32 = 4;
const STATUSES: [&str; 4] = ["active", "archived", "deprecated", "quarantined"];

/// Judges one form of a project's page. `mixes` says whether the index is meant to have several
/// local versions of a release.
pub(in crate::doctor) fn document(
    survey: &Survey,
    project: &ProjectName,
    page: &Url,
    mixes: bool,
    findings: &mut Findings,
) {
    let minor = version(survey.form, survey.version.as_deref(), page, findings);
    if survey.is_cut {
        let message = format!("it lists more than {} files", survey.entries.len());
        findings.add(&table::PAGE_LARGE, page, message);
    }
    if let Some(base) = &survey.base
        && base.parse::<Url>().is_err()
    {
        let message = format!("expected no `<base>`, found `<base href=\"{}\">`", shown_link(base));
        findings.add(&table::BASE_RELATIVE, page, message);
    }
    if survey.form == Form::Json {
        name(survey, project, page, findings);
        if minor.is_some_and(|minor| minor >= 1) {
            versions(survey, page, findings);
            entries::sizes(survey, page, findings);
        }
        entries::upload_times(survey, page, findings);
    }
    status(survey, page, findings);
    if survey.entries.is_empty() && survey.status.as_deref() != Some("quarantined") {
        findings.add(&table::PROJECT_EMPTY, page, "it lists no distribution");
    }
    entries::entries(survey, project, page, findings);
    entries::hashes(survey, page, findings);
    if !mixes {
        entries::local_versions(survey, page, findings);
    }
}

/// Judges what a page says of the standard, and gives its minor version.
pub(super) fn version(
    form: Form,
    text: Option<&str>,
    page: &Url,
    findings: &mut Findings,
) -> Option<u32> {
    let Some(text) = text else {
        if form == Form::Json {
            let message = "expected `meta.api-version`, found none";
            findings.add(&table::API_VERSION_MISSING, page, message);
        }
        return Some(0);
    };
    let parsed = text
        .split_once('.')
        .and_then(|(major, minor)| Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?)));
    let Some((1, minor)) = parsed else {
        let message = format!("expected version 1 of the simple API, found `{}`", escaped(text));
        findings.add(&table::API_VERSION, page, message);
        return None;
    };
    if minor > NEWEST {
        let message = format!("expected at most `1.{NEWEST}`, found `{}`", escaped(text));
        findings.add(&table::API_VERSION_NEW, page, message);
    }
    Some(minor)
}

fn name(survey: &Survey, project: &ProjectName, page: &Url, findings: &mut Findings) {
    let parsed = survey.name.as_deref().map(str::parse::<ProjectName>);
    let found = match (&survey.name, parsed) {
        (_, Some(Ok(name))) if name == *project => return,
        (None, _) => "none".to_owned(),
        (Some(name), _) => format!("`{}`", escaped(name)),
    };
    findings.add(&table::JSON_NAME, page, format!("expected the name `{project}`, found {found}"));
}

fn versions(survey: &Survey, page: &Url, findings: &mut Findings) {
    let Some(versions) = &survey.versions else {
        findings.add(&table::VERSIONS_MISSING, page, "expected `versions`, found none");
        return;
    };
    let listed: HashSet<Version> = versions.iter().filter_map(|text| text.parse().ok()).collect();
    for entry in &survey.entries {
        if let Ok(dist) = entry.filename.parse::<DistFilename>()
            && !listed.contains(dist.version())
        {
            let message =
                format!("`versions` lacks `{}` of `{}`", dist.version(), escaped(&entry.filename));
            findings.add(&table::VERSIONS_INCOMPLETE, page, message);
        }
    }
}

fn status(survey: &Survey, page: &Url, findings: &mut Findings) {
    let Some(status) = survey.status.as_deref().map(str::trim) else { return };
    if !STATUSES.contains(&status) {
        let expected = STATUSES.join("`, `");
        let message = format!("expected a status of `{expected}`, found `{}`", escaped(status));
        findings.add(&table::STATUS_UNKNOWN, page, message);
    }
    if survey.is_status_in_meta {
        let message = format!("`project-status` (`{}`) stands inside of `meta`", escaped(status));
        findings.add(&table::STATUS_PLACE, page, message);
    }
    if status == "quarantined" && !survey.entries.is_empty() {
        let count = survey.entries.len();
        let message = format!("expected no files, for it is quarantined, found {count}");
        findings.add(&table::STATUS_QUARANTINED, page, message);
    }
}
