//! The list of projects.

use std::collections::HashSet;

use url::Url;

use super::shown_link;
use crate::doctor::observe::View;
use crate::doctor::report::Findings;
use crate::doctor::table;
use crate::net::shown;
use crate::source::simple_index::RootSurvey;
use crate::wheel::{ProjectName, escaped};

/// Judges one form of the root, and gives the projects that it lists.
pub(in crate::doctor) fn root(
    view: &View<RootSurvey>,
    root: &Url,
    findings: &mut Findings,
) -> Vec<ProjectName> {
    let (Some(seen), Some(document)) = (view.seen(), view.document()) else { return Vec::new() };
    super::page::version(document.form, document.version.as_deref(), root, findings);
    if document.is_cut {
        let message = format!("it lists more than {} projects", document.projects.len());
        findings.add(&table::PAGE_LARGE, root, message);
    }
    let mut known = HashSet::new();
    let mut names = Vec::new();
    for (text, href) in &document.projects {
        let Ok(name) = text.parse::<ProjectName>() else {
            let message = format!("`{}` is no name of a project", escaped(text));
            findings.add(&table::ROOT_NAME, root, message);
            continue;
        };
        if let Some(href) = href {
            link(&name, href, root, &seen.url, findings);
        }
        if known.insert(name.clone()) {
            names.push(name);
        } else {
            findings.add(&table::ROOT_NAME, root, format!("`{name}` stands there twice"));
        }
    }
    names
}

/// Installers make the URL of a project themselves; everybody else follows the link.
fn link(name: &ProjectName, href: &str, root: &Url, page: &Url, findings: &mut Findings) {
    let (Ok(target), Ok(expected)) = (page.join(href), root.join(&format!("{name}/"))) else {
        let message = format!("`{name}`: `{}` is no URL", shown_link(href));
        findings.add(&table::ROOT_LINK, root, message);
        return;
    };
    if target.path() == expected.path() {
        return;
    }
    let message = if format!("{}/", target.path()) == expected.path() {
        format!("`{name}`: expected a link that ends in `/`, found `{}`", shown_link(href))
    } else {
        format!("`{name}`: expected a link to `{}`, found `{}`", shown(&expected), shown(&target))
    };
    findings.add(&table::ROOT_LINK, root, message);
}

/// Judges whether both forms of the root list the same.
pub(in crate::doctor) fn roots(
    json: &[ProjectName],
    html: &[ProjectName],
    root: &Url,
    findings: &mut Findings,
) {
    let (json, html): (HashSet<&ProjectName>, HashSet<&ProjectName>) =
        (json.iter().collect(), html.iter().collect());
    for (label, lacks, has) in [("JSON", &json, &html), ("HTML", &html, &json)] {
        if let Some(first) = has.difference(lacks).min() {
            let count = has.difference(lacks).count();
            let message =
                format!("{label} lacks {count} projects, which another form has: `{first}`");
            findings.add(&table::FORMS_DIFFER, root, message);
        }
    }
}
