//! In which forms a theme asks for the files of a release: what it does not ask for is not made.

use super::templates::templates_of;
use super::tokens::{Tag, Token, tags};
use super::{PROJECT, Parts};

/// The releases of a project and their files, as values and as markup that is written already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::render) struct FileForms {
    /// `project.releases_html`.
    pub(in crate::render) html: bool,
    /// `project.releases`.
    pub(in crate::render) list: bool,
    /// `release.files`.
    pub(in crate::render) values: bool,
    /// `release.rows`.
    pub(in crate::render) rows: bool,
}

impl FileForms {
    /// For a template that shows all that there is.
    pub(super) const ALL: Self = Self { html: true, list: true, values: true, rows: true };

    /// By the names in the templates that the pages of projects are made of.
    ///
    /// To find too much costs nothing but time. What one can loop over is left out only where a
    /// template names the markup that stands for it, and none names it or something that may
    /// stand for it: a theme that has never heard of markup gets all values, whatever it does with
    /// them.
    pub(super) fn of(parts: &Parts) -> Self {
        let page = templates_of(parts, PROJECT);
        // Any of them may be called, whatever template it is in.
        let components = parts.templates.values().filter(|text| text.contains("component"));
        let components = components.map(|text| tags(text));
        let all: Vec<Tag<'_>> =
            page.into_iter().map(|template| template.tags).chain(components).flatten().collect();
        let names = |name: &str| all.iter().any(|tag| has_name(tag, name));
        let may_compute = names("get") || names(CONTEXT) || all.iter().any(computes_keys);
        let html = names("releases_html") || names(CONTEXT);
        let rows = names("rows") || names(CONTEXT);
        let list = !html || names("releases") || may_compute;
        Self {
            html,
            list,
            values: list && (!rows || names("files") || may_compute),
            rows: list && rows,
        }
    }
}

/// What templates call all of their data.
const CONTEXT: &str = "__tera_context";

/// Whether a name or a text of the tag is this. Blocks may be called like what they show.
fn has_name(tag: &Tag<'_>, name: &str) -> bool {
    let is_block = matches!(tag.keyword(), Some("block" | "endblock"));
    let mut words = if is_block { [].iter() } else { tag.words.iter() };
    words.any(|word| match word.token {
        Token::Name(found) | Token::Text(found) => found == name,
        Token::Number | Token::Sign(_) => false,
    })
}

/// Whether keys may come from somewhere else than the template's text: `release[key]`,
/// `for key, value in release`. Of assets there are paths alone.
fn computes_keys(tag: &Tag<'_>) -> bool {
    let is_loop_over_keys = tag.keyword() == Some("for") && tag.is_sign(2, ",");
    let is_literal = |index: usize| {
        let token = tag.words.get(index).map(|word| word.token);
        matches!(token, Some(Token::Text(_) | Token::Number)) && tag.is_sign(index + 1, "]")
    };
    let indexes = (1..tag.words.len()).any(|index| {
        (tag.is_sign(index, "[") || tag.is_sign(index, "?["))
            && tag.name(index - 1) != Some("assets")
            && !is_literal(index + 1)
    });
    is_loop_over_keys || indexes
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::config::ThemeChoice;

    const HTML: FileForms = FileForms { html: true, list: false, values: false, rows: false };
    const VALUES: FileForms = FileForms { html: false, list: true, values: true, rows: false };
    const ROWS: FileForms = FileForms { html: false, list: true, values: false, rows: true };
    const BOTH: FileForms = FileForms { html: false, ..FileForms::ALL };

    fn of(choice: &ThemeChoice) -> FileForms {
        FileForms::of(&Parts::read(choice).expect("reads"))
    }

    #[test]
    fn the_themes_of_the_program_ask_for_one_form() {
        assert_eq!(of(&ThemeChoice::Default), HTML);
        assert_eq!(of(&ThemeChoice::Plain), VALUES);
    }

    #[test]
    fn whatever_may_ask_for_values_gets_them() {
        let forms = |page: &str, other: &str| {
            let templates = [("mine/project.html", page), ("mine/other.html", other)];
            let templates = templates.map(|(name, text)| (name.to_owned(), text.to_owned()));
            FileForms::of(&Parts {
                name: "mine".to_owned(),
                layers: vec!["mine".to_owned()],
                templates: templates.into(),
                assets: BTreeMap::new(),
                omitted: BTreeSet::new(),
                specs: BTreeMap::new(),
            })
        };
        for (page, expected) in [
            ("", VALUES),
            ("<p class=\"rows\">files", VALUES),
            ("{% for f in r.files %}{% endfor %}", VALUES),
            ("{{ p.releases_html }}", HTML),
            ("{% block releases %}{{ p.releases_html }}{% endblock releases %}", HTML),
            ("{{ p.releases_html }}{{ p.releases | length }}", FileForms { html: true, ..VALUES }),
            ("{{ p.releases_html }}{{ p[key] }}", FileForms { html: true, ..VALUES }),
            ("{{ p.releases_html }}{{ p.releases }}{{ r.rows }}", FileForms { html: true, ..ROWS }),
            ("{{ r.rows | safe }} files <p class=\"files\">{# r.files #}", ROWS),
            ("{{ r['rows'] | safe }}{{ assets[name] }}{{ list[0] }}", ROWS),
            ("{{ r.rows }}{{ r.files | length }}", BOTH),
            ("{{ r.rows }}{{ r['files'] }}", BOTH),
            ("{{ r.rows }}{{ r?.files }}", BOTH),
            ("{{ r.rows }}{{ r[key] }}", BOTH),
            ("{{ r.rows }}{{ r?[key] }}", BOTH),
            ("{{ r.rows }}{{ r['fi' ~ 'les'] }}", BOTH),
            ("{{ r.rows }}{{ r | get(key=key) }}", BOTH),
            ("{{ r.rows }}{% for key, value in r %}{% endfor %}", BOTH),
            ("{{ __tera_context }}", FileForms::ALL),
        ] {
            assert_eq!(forms(page, "{{ r.files }}{{ r.rows }}"), expected, "{page}");
        }
        let rows = "{% include 'other.html' %}{{ r.rows }}";
        assert_eq!(forms(rows, "{{ r.files }}"), BOTH);
        let rows = "{% extends 'other.html' %}{% block a %}{{ r.rows }}{% endblock %}";
        assert_eq!(forms(rows, "{{ r.files }}"), BOTH);
        let component = "{% component list(r) %}{{ r.files }}{% endcomponent %}";
        assert_eq!(forms("{{ r.rows }}{{ <list r={r} /> }}", component), BOTH);
    }
}
