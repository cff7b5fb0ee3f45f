//! How the server treats what is spelled otherwise, and what is not there.

use url::Url;

use super::is_loopback;
use crate::doctor::observe::View;
use crate::doctor::report::Findings;
use crate::doctor::table;
use crate::net::shown;
use crate::source::simple_index::{Form, RootSurvey, Survey};

/// URLs beside those that installers ask for.
#[derive(Debug)]
pub(in crate::doctor) struct Paths {
    /// The root without its slash; none where the root is that of the host.
    pub(in crate::doctor) bare_root: Option<View<RootSurvey>>,
    /// A project's page without its slash, and with it.
    pub(in crate::doctor) bare_project: Option<(View<Survey>, Url)>,
    /// A project's name in another spelling, and what its page lists.
    pub(in crate::doctor) respelled: Option<(View<Survey>, Vec<String>)>,
    /// A project that does not exist.
    pub(in crate::doctor) missing: View<Survey>,
}

/// Judges them.
pub(in crate::doctor) fn paths(seen: &Paths, root: &Url, findings: &mut Findings) {
    if root.scheme() == "http" && !is_loopback(root) {
        let message = "expected an index by https, found one by http";
        findings.add(&table::INDEX_INSECURE, root, message);
    }
    if let Some(view) = &seen.bare_root {
        bare(view, root, findings);
    }
    if let Some((view, url)) = &seen.bare_project {
        bare(view, url, findings);
    }
    if let Some((view, expected)) = &seen.respelled {
        respelled(view, expected, findings);
    }
    missing(&seen.missing, findings);
}

/// A URL without its slash leads to the one with it.
fn bare<T>(view: &View<T>, whole: &Url, findings: &mut Findings) {
    match &view.outcome {
        Ok(seen) if seen.url.path() == whole.path() => {}
        Ok(seen) if seen.status == 200 && seen.redirected.is_empty() => {
            let message = format!("expected a redirect to `{}`, found a page", shown(whole));
            findings.add(&table::SLASH_MISSING, &view.asked, message);
        }
        Ok(seen) if seen.status == 200 => {
            let message = format!(
                "expected a redirect to `{}`, found one to `{}`",
                shown(whole),
                shown(&seen.url)
            );
            findings.add(&table::SLASH_MISSING, &view.asked, message);
        }
        _ => {
            let found = view.status().map_or("no answer".to_owned(), |status| status.to_string());
            let message = format!("expected a redirect to `{}`, found {found}", shown(whole));
            findings.add(&table::SLASH_ABSENT, &view.asked, message);
        }
    }
}

fn respelled(view: &View<Survey>, expected: &[String], findings: &mut Findings) {
    match view.status() {
        Some(200) => {
            let Some(survey) = view.document() else { return };
            let listed = survey.entries.iter().map(|entry| entry.filename.clone());
            let listed: Vec<String> = listed.collect();
            if listed != expected {
                let message = format!(
                    "expected the {} files of the project, or 404, found {} others",
                    expected.len(),
                    listed.len()
                );
                findings.add(&table::NAME_FORM, &view.asked, message);
            }
        }
        Some(status) if status < 500 => {}
        status => {
            let found = status.map_or("no answer".to_owned(), |status| status.to_string());
            let message = format!("expected a redirect or 404, found {found}");
            findings.add(&table::NAME_FORM, &view.asked, message);
        }
    }
}

/// Judges how a project is answered that does not exist.
pub(in crate::doctor) fn missing(view: &View<Survey>, findings: &mut Findings) {
    match view.status() {
        Some(404 | 410) => {}
        Some(200) => {
            let form = view.seen().and_then(|seen| seen.declared());
            let found = match form {
                Some(Form::Json) => "a page in JSON",
                Some(Form::Html) => "a page in HTML",
                None => "something",
            };
            let message = format!("no such project exists: expected 404, found 200 with {found}");
            findings.add(&table::MISSING_FOUND, &view.asked, message);
        }
        status => {
            let found = match (&view.outcome, status) {
                (_, Some(status)) => status.to_string(),
                (Err(failure), None) => failure.to_string(),
                (Ok(_), None) => "no answer".to_owned(),
            };
            let message = format!("no such project exists: expected 404, found {found}");
            findings.add(&table::MISSING_STATUS, &view.asked, message);
        }
    }
}
