//! Whether a theme can show everything, says nothing to anybody else, and lets nothing run.

use std::cell::RefCell;
use std::collections::BTreeSet;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use serde::Serialize;

use super::{PAGES, Theme, fixture};
use crate::error::{Error, Result};
use crate::index::coverage::Coverage;
use crate::render::needs::Needs;
use crate::render::people::{POLICY, People, Rejected};

/// Something that is wrong with a theme.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// The file, with line and column where they are known: `project.html:12:3`.
    pub place: String,
    /// What is wrong.
    pub message: String,
}

/// Variables that all pages get.
const COMMON: [&str; 9] = [
    "assets",
    "csp",
    "generator",
    "index_path",
    "index_url",
    "root",
    "site",
    "theme",
    "__tera_context",
];

/// Variables that a page gets beyond those.
fn own_variables(page: &str) -> &'static [&'static str] {
    match page {
        "index.html" => &[
            "channel",
            "channels",
            "feed",
            "is_cut",
            "more",
            "project",
            "projects",
            "rejected_count",
            "totals",
        ],
        "project.html" => &["project"],
        "projects.html" => &["count", "groups"],
        "coverage.html" => &["left_out", "projects"],
        "rejected.html" => &["rejected"],
        _ => &[],
    }
}

/// Renders every page of a site that has everything and of one that has nothing.
pub fn check(theme: &Theme) -> Result<Vec<Problem>> {
    let mut problems = BTreeSet::new();
    for page in PAGES {
        problems.extend(unknown_variables(theme, page)?);
    }
    for site in [fixture::full()?, fixture::empty()?] {
        for (page, rendered) in pages(theme, &site) {
            match rendered {
                Ok(html) => problems.extend(faults_of(page, &html)),
                Err(Error::Render { template, message }) => {
                    problems.insert(Problem { place: template, message });
                }
                Err(error) => return Err(error),
            }
        }
    }
    for (name, asset) in &theme.assets {
        if name.ends_with(".css") {
            problems.extend(foreign_links(name, &String::from_utf8_lossy(&asset.bytes)));
        }
    }
    Ok(problems.into_iter().collect())
}

/// Every page of a site, with the template that it is made of.
pub(super) fn pages(theme: &Theme, site: &fixture::Site) -> Vec<(&'static str, Result<Vec<u8>>)> {
    let people = People::new(&site.settings, theme);
    let rejected: Vec<Rejected<'_>> =
        site.rejected.iter().map(|(filename, findings)| Rejected { filename, findings }).collect();
    let index = &site.index;
    let mut pages = vec![
        ("index.html", people.home(index, &rejected, Some("feed.xml"))),
        ("index.html", people.home(index, &[], None)),
        ("projects.html", people.projects(index)),
        ("coverage.html", people.coverage(&Coverage::of(index))),
        ("rejected.html", people.rejected(&rejected)),
        ("404.html", people.not_found()),
    ];
    for channel in &index.channels.all {
        pages.push(("index.html", people.channel(index, channel)));
    }
    for project in &index.projects {
        let needs = Needs::of_project(project);
        pages.push(("project.html", people.project(project, &needs, Some(fixture::METADATA))));
        pages.push(("project.html", people.project(project, &needs, None)));
    }
    pages
}

/// Variables that a page does not get, also where no page of the fixture asks for them.
fn unknown_variables(theme: &Theme, page: &str) -> Result<Vec<Problem>> {
    let used = theme.tera.get_template_variables(page);
    let used = used.map_err(|error| super::template_error(page, &error))?;
    let is_known = |name: &str| COMMON.contains(&name) || own_variables(page).contains(&name);
    let unknown = used.into_iter().filter(|name| !is_known(name));
    Ok(unknown
        .map(|name| Problem {
            place: place_of(theme, page, name).unwrap_or_else(|| page.to_owned()),
            message: format!("`{page}` gets no variable `{name}`"),
        })
        .collect())
}

/// Where a name stands between the braces of a template for the first time; the page is asked first.
fn place_of(theme: &Theme, page: &str, name: &str) -> Option<String> {
    let is_part = |char: Option<char>| {
        char.is_some_and(|char| char.is_ascii_alphanumeric() || "_.\"'".contains(char))
    };
    let find = |(template, source): (&String, &String)| {
        let (at, _) = source.match_indices(name).find(|(at, _)| {
            let (before, after) = (&source[..*at], source[at + name.len()..].chars().next());
            let is_open = |open: &str, close: &str| before.rfind(open) > before.rfind(close);
            (is_open("{{", "}}") || is_open("{%", "%}"))
                && !after.is_some_and(|char| char.is_alphanumeric() || char == '_')
                && !is_part(before.chars().next_back())
        })?;
        Some(place(template, source, at))
    };
    let own = theme.sources.get_key_value(page).and_then(find);
    own.or_else(|| theme.sources.iter().find_map(find))
}

/// A place in a text as `FILE:LINE:COLUMN`.
fn place(file: &str, text: &str, at: usize) -> String {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{file}:{line}:{column}")
}

/// What a style sheet asks other hosts for.
fn foreign_links(name: &str, sheet: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (at, _) in sheet.match_indices("url(") {
        let link = sheet[at + 4..].trim_start_matches(['"', '\'', ' ']);
        if !link.starts_with("data:") && (link.starts_with("//") || is_absolute(link)) {
            problems.push(Problem {
                place: place(name, sheet, at),
                message: "the style sheet loads something from another host".to_owned(),
            });
        }
    }
    for (at, _) in sheet.match_indices("@import") {
        problems.push(Problem {
            place: place(name, sheet, at),
            message:
                "`@import` cannot know the names of assets: link the style sheet in `base.html`"
                    .to_owned(),
        });
    }
    problems
}

/// Whether a link begins with a scheme.
fn is_absolute(link: &str) -> bool {
    let scheme = link.split([':', '/', '?', '#']).next().unwrap_or_default();
    link[scheme.len()..].starts_with(':')
        && scheme.starts_with(|char: char| char.is_ascii_alphabetic())
}

/// What is wrong with a page.
fn faults_of(page: &str, html: &[u8]) -> Vec<Problem> {
    let mut sink = Sink(RefCell::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(String::from_utf8_lossy(html).as_ref()));
    let tokenizer = Tokenizer::new(std::mem::take(&mut sink), TokenizerOpts::default());
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let seen = tokenizer.sink.0.into_inner();
    let mut faults = seen.faults;
    if seen.policy.as_deref() != Some(POLICY) {
        faults.insert(
            "its head has no `<meta http-equiv=\"Content-Security-Policy\" content=\"{{ csp }}\">`"
                .to_owned(),
        );
    }
    for (has, what) in [
        (seen.has_language, "`<html>` has no `lang`"),
        (seen.has_title, "it has no `<title>`"),
        (
            seen.has_viewport,
            "its head has no `<meta name=\"viewport\">`: it will be tiny on phones",
        ),
    ] {
        if !has {
            faults.insert(what.to_owned());
        }
    }
    let problem = |message| Problem { place: page.to_owned(), message };
    faults.into_iter().map(problem).collect()
}

#[derive(Default)]
struct Seen {
    faults: BTreeSet<String>,
    policy: Option<String>,
    has_language: bool,
    has_title: bool,
    has_viewport: bool,
}

#[derive(Default)]
struct Sink(RefCell<Seen>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => self.start(&tag),
            _ => TokenSinkResult::Continue,
        }
    }
}

impl Sink {
    fn start(&self, tag: &Tag) -> TokenSinkResult<()> {
        let mut seen = self.0.borrow_mut();
        let name = &*tag.name;
        let attribute = |name: &str| {
            let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
            found.map(|attribute| &*attribute.value)
        };
        match name {
            "html" => seen.has_language = attribute("lang").is_some(),
            "title" => seen.has_title = true,
            "meta" => {
                let is = |key: &str, value: &str| {
                    attribute(key).is_some_and(|found| found.eq_ignore_ascii_case(value))
                };
                seen.has_viewport |= is("name", "viewport");
                if is("http-equiv", "content-security-policy") {
                    seen.policy = attribute("content").map(str::to_owned);
                }
            }
            fixture::HOSTILE => {
                seen.faults.insert("a text becomes part of the page: is it marked `safe`?".into());
            }
            "script" if attribute("src").is_none() => {
                seen.faults.insert("it has a script of its own, which does not run".into());
            }
            "style" => {
                seen.faults.insert("it has a style sheet of its own, which does not count".into());
            }
            _ => {}
        }
        for attribute in &tag.attrs {
            let (key, value) = (&*attribute.name.local, attribute.value.trim());
            let loads = match name {
                "link" => key == "href",
                "script" | "img" | "source" | "video" | "audio" | "iframe" | "embed" | "input" => {
                    matches!(key, "src" | "srcset")
                }
                _ => false,
            };
            if loads
                && (value.starts_with("//") || is_absolute(value) && !value.starts_with("data:"))
            {
                seen.faults.insert(format!("`<{name} {key}>` loads from another host"));
            }
            if key == "style" || key.starts_with("on") {
                seen.faults.insert(format!("`{key}` of `<{name}>` has no effect: use a file"));
            }
        }
        match name {
            "script" => TokenSinkResult::RawData(RawKind::ScriptData),
            "style" => TokenSinkResult::RawData(RawKind::Rawtext),
            "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
            _ => TokenSinkResult::Continue,
        }
    }
}
