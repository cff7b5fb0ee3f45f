//! Whether a theme can show everything, says nothing to anybody else, and lets nothing run.

mod address;
mod fixture;
mod page;
mod paths;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tera::Tera;

use super::options::Files;
use super::templates::{Template, templates_of};
use super::{PAGES, Parts, Theme, assets, place, sheet, structure};
use crate::config::{Scalar, ThemeChoice};
use crate::error::{Error, Result};
use crate::index::coverage::Coverage;
use crate::render::gists::Gists;
use crate::render::listed::Listed;
use crate::render::needs::Needs;
use crate::render::people::{People, Rejected};
use address::Address;
use fixture::Site;
use page::{Fault, Trace};
use shape::Shape;

/// Something that is wrong with a theme.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The file, with line and column where they are known: `project.html:12:3`.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

/// Project pages of a site that are rendered: one of each kind, and not those of a crowd.
const PROJECTS: usize = 8;

/// A page of the fixture.
struct Page {
    /// The template that it is made of.
    template: &'static str,
    /// What leads from it to the root of the site.
    root: String,
    html: Result<Vec<u8>>,
}

/// Reads templates and style sheets, and renders every page of sites that have everything, nothing,
/// and much, with every option set and unset.
pub fn check(choice: &ThemeChoice) -> Result<Vec<Problem>> {
    let parts = Parts::read(choice)?;
    let mut problems = sheets(&parts);
    let tera = match parts.tera() {
        Ok(tera) => tera,
        Err(error) => {
            problems.extend(structure::problems(&parts, &error));
            return Ok(problems.into_iter().collect());
        }
    };
    let sites = fixture::all()?;
    let data = shape::of_pages(&parts, &sites)?;
    let mut asked = paths::problems(&parts, &data);
    asked.extend(unknown_variables(&parts, &tera, &data)?);
    let mut rendered = BTreeSet::new();
    for (number, set) in sets(&parts).iter().enumerate() {
        let theme = parts.theme(tera.clone(), set)?;
        // Options have no more to do with a crowd than with one project.
        let count = if number == 0 { sites.len() } else { 1 };
        for site in sites.iter().take(count) {
            rendered.extend(faults_of_site(&parts, &theme, site)?);
        }
    }
    // What the templates say by themselves, pages say again: once is enough.
    let lines: BTreeSet<&str> = asked.iter().map(|problem| line_of(&problem.place)).collect();
    problems.extend(
        rendered
            .into_iter()
            .filter(|(is_error, problem)| !is_error || !lines.contains(line_of(&problem.place)))
            .map(|(_, problem)| problem),
    );
    problems.extend(asked);
    Ok(problems.into_iter().collect())
}

/// A place without its column.
fn line_of(place: &str) -> &str {
    place.rsplit_once(':').map_or(place, |(line, _)| line)
}

/// Values of options: none, each of a few alone, and many at once.
fn sets(parts: &Parts) -> Vec<BTreeMap<String, Scalar>> {
    let files = Files { assets: &parts.assets, omitted: &parts.omitted };
    let mut sets = vec![BTreeMap::new()];
    let (mut first, mut last) = (BTreeMap::new(), BTreeMap::new());
    for (name, spec) in &parts.specs {
        let samples = spec.samples(fixture::TEXT, &files);
        first.extend(samples.first().map(|value| (name.clone(), value.clone())));
        last.extend(samples.last().map(|value| (name.clone(), value.clone())));
        sets.extend(samples.into_iter().map(|value| BTreeMap::from([(name.clone(), value)])));
    }
    sets.extend([first, last]);
    sets
}

/// What is wrong with the pages of a site; with each, whether it kept a page from being rendered.
fn faults_of_site(parts: &Parts, theme: &Theme, site: &Site) -> Result<BTreeSet<(bool, Problem)>> {
    let mut problems = BTreeSet::new();
    let assets = theme.asset_paths();
    let names = assets.keys().copied().collect();
    let paths = assets.values().copied().collect();
    for Page { template, root, html } in pages(theme, site) {
        match html {
            Ok(html) => {
                let place = page::Place { root: &root, paths: &paths, names: &names };
                let faults = page::faults_of(&html, &place).into_iter();
                problems.extend(faults.map(|fault| (false, problem_of(parts, template, fault))));
            }
            Err(Error::Render { template, message }) => {
                let place = parts.shown(&template).to_owned();
                problems.insert((true, Problem { place, message }));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(problems)
}

/// Every page of a site.
fn pages(theme: &Theme, site: &Site) -> Vec<Page> {
    let people = People::new(&site.settings, theme);
    let gists = Gists::default();
    let rejected: Vec<Rejected<'_>> =
        site.rejected.iter().map(|(filename, findings)| Rejected { filename, findings }).collect();
    let index = &site.index;
    let anywhere = site.settings.site_url.as_ref().map_or("/", url::Url::path);
    let page = |template, root: &str, html| Page { template, root: root.to_owned(), html };
    let mut pages = vec![
        page("index.html", "", people.home(index, &gists, &rejected, Some("feed.xml"))),
        page("index.html", "", people.home(index, &gists, &[], None)),
        page("projects.html", "../", people.projects(index)),
        page("coverage.html", "../", people.coverage(&Coverage::of(index))),
        page("rejected.html", "../", people.rejected(&rejected)),
        page("404.html", anywhere, people.not_found()),
    ];
    for channel in &index.channels.all {
        pages.push(page("index.html", "../", people.channel(index, channel)));
    }
    for project in index.projects.iter().take(PROJECTS) {
        let needs = Needs::of_project(project);
        let listed = Listed::of(project, site.settings.files_url.as_ref());
        for metadata in [Some(fixture::METADATA), None] {
            let html = people.project(project, &needs, &listed, metadata);
            pages.push(page("project.html", "../../", html));
        }
    }
    pages
}

/// A fault of a page, with the place in the template that it comes from where that is known.
fn problem_of(parts: &Parts, page: &str, fault: Fault) -> Problem {
    let templates = templates_of(parts, page);
    let found = templates.iter().find_map(|template| {
        let at = match &fault.trace {
            Trace::Nowhere => None,
            Trace::Text(text) if text.is_empty() => None,
            Trace::Text(text) => template.text.find(text.as_str()),
            Trace::Safe => place_of_safe(template),
        };
        Some(place(parts.shown(template.name), template.text, at?))
    });
    Problem { place: found.unwrap_or_else(|| page.to_owned()), message: fault.message }
}

/// Where a template marks a text as safe that is not.
fn place_of_safe(template: &Template<'_>) -> Option<usize> {
    template.tags.iter().find_map(|tag| {
        let safe = (1..tag.words.len())
            .find(|index| tag.is_sign(index - 1, "|") && tag.name(*index) == Some("safe"))?;
        let is_markup = |name| matches!(name, Some("description_html" | "releases_html" | "rows"));
        (!(0..safe).any(|index| is_markup(tag.name(index)))).then(|| tag.words[safe].at)
    })
}

/// Variables that a page does not get, also where no page of the fixture asks for them.
fn unknown_variables(
    parts: &Parts,
    tera: &Tera,
    data: &BTreeMap<&'static str, Shape>,
) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for page in PAGES {
        let used = tera.get_template_variables(page);
        let used = used.map_err(|error| super::template_error(page, &error))?;
        let templates = templates_of(parts, page);
        let passed = paths::passed_on(&templates);
        let is_known = |name: &str| {
            let is_there = data.get(page).is_some_and(|shape| match shape {
                Shape::Map(fields) => fields.contains_key(name),
                _ => false,
            });
            is_there || name == "__tera_context" || passed.contains(name)
        };
        for name in used.into_iter().filter(|name| !is_known(name)) {
            let found = templates.iter().find_map(|template| {
                let at = place_of_variable(template, name)?;
                Some(place(parts.shown(template.name), template.text, at))
            });
            problems.push(Problem {
                place: found.unwrap_or_else(|| page.to_owned()),
                message: format!("`{page}` gets no variable `{name}`"),
            });
        }
    }
    Ok(problems)
}

/// Where a template asks for a variable for the first time.
fn place_of_variable(template: &Template<'_>, name: &str) -> Option<usize> {
    template.tags.iter().find_map(|tag| {
        let index = (0..tag.words.len()).find(|index| {
            let is_part =
                *index > 0 && [".", "?.", "|"].iter().any(|sign| tag.is_sign(index - 1, sign));
            tag.name(*index) == Some(name) && !is_part && !tag.is_sign(index + 1, "=")
        })?;
        Some(tag.words[index].at)
    })
}

/// What is wrong with style sheets.
fn sheets(parts: &Parts) -> BTreeSet<Problem> {
    let mut problems = BTreeSet::new();
    for (name, bytes) in parts.assets.iter().filter(|(name, _)| name.ends_with(".css")) {
        let text = String::from_utf8_lossy(bytes);
        for link in sheet::links(&text) {
            if let Some(message) = fault_of_sheet(parts, &link) {
                problems.insert(Problem { place: place(name, &text, link.at), message });
            }
        }
    }
    problems
}

fn fault_of_sheet(parts: &Parts, link: &sheet::Link) -> Option<String> {
    if link.is_import {
        return Some(
            "`@import` cannot know the names of assets: link the style sheet in `base.html`"
                .to_owned(),
        );
    }
    match Address::of(&link.address) {
        Address::Data | Address::Fragment => None,
        Address::Foreign | Address::Script => {
            Some("the style sheet loads something from another host".to_owned())
        }
        Address::Nowhere => Some("the style sheet loads nothing: the address is empty".to_owned()),
        Address::Rooted(path) => Some(format!(
            "the style sheet loads `{path}` from the root of the host: name a file of the theme"
        )),
        Address::Relative(_) => {
            let (name, _) = assets::without_fragment(link.address.trim());
            let is_sheet = name.ends_with(".css");
            (is_sheet || !parts.assets.contains_key(name))
                .then(|| format!("the style sheet loads `{name}`, which is no asset of the theme"))
        }
    }
}

#[cfg(test)]
mod tests;
