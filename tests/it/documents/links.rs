//! Links between documents lead somewhere, and every document can be found from the README.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Parser, Tag};

use super::documents;
use crate::support::repository;

/// Where the links of a document lead, without those to the web.
fn links(path: &Path) -> Vec<(PathBuf, Option<String>)> {
    let text = std::fs::read_to_string(path).expect("reads");
    let mut found = Vec::new();
    for event in Parser::new(&text) {
        let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event else {
            continue;
        };
        if dest_url.contains("://") || dest_url.contains('@') {
            continue;
        }
        let (target, anchor) = match dest_url.split_once('#') {
            Some((target, anchor)) => (target, Some(anchor.to_owned())),
            None => (&*dest_url, None),
        };
        let target = match target {
            "" => path.to_owned(),
            target => path.parent().expect("lies somewhere").join(target),
        };
        found.push((target, anchor));
    }
    found
}

/// The anchors that GitHub gives the headings of a document.
fn anchors(path: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(path).expect("reads");
    let mut fenced = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let title = line.trim_start_matches('#');
        if fenced || title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let kept = |it: &char| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_');
        let title: String = title.trim().to_lowercase().chars().filter(kept).collect();
        found.insert(title.replace(' ', "-"));
    }
    found
}

#[test]
fn links_lead_to_what_is_there() {
    for path in documents() {
        for (target, anchor) in links(&path) {
            assert!(target.exists(), "{} links to {}", path.display(), target.display());
            if let Some(anchor) = anchor.filter(|_| target.extension().is_some_and(|it| it == "md"))
            {
                let there = anchors(&target).contains(&anchor);
                assert!(there, "{} links to #{anchor} of {}", path.display(), target.display());
            }
        }
    }
}

#[test]
fn the_readme_leads_to_every_document() {
    let mut seen = BTreeSet::new();
    let mut next = vec![repository("README.md")];
    while let Some(path) = next.pop() {
        let path = path.canonicalize().expect("is there");
        if path.extension().is_none_or(|it| it != "md") || !seen.insert(path.clone()) {
            continue;
        }
        next.extend(links(&path).into_iter().map(|(target, _)| target));
    }
    for path in documents() {
        let is_page = path.strip_prefix(repository("docs")).is_ok();
        assert!(!is_page || seen.contains(&path), "nothing links to {}", path.display());
    }
}
