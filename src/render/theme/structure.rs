//! What keeps a theme's templates from being used at all, each fault once and with its place.

use std::collections::BTreeSet;

use tera::{ErrorKind, Tera};

use super::check::Problem;
use super::tokens::{Token, tags};
use super::{Parts, place};

/// What is wrong, where the engine says this of the templates.
pub(super) fn problems(parts: &Parts, error: &tera::Error) -> BTreeSet<Problem> {
    // The engine gives up at the first template that it cannot parse; the others are asked too.
    let syntax: BTreeSet<Problem> = parts
        .templates
        .iter()
        .filter_map(|(name, text)| {
            let error = Tera::default().add_raw_template(name, text).err()?;
            let ErrorKind::SyntaxError(report) = error.kind() else { return None };
            let span = report.span();
            let file = parts.shown(name);
            Some(Problem {
                place: format!("{file}:{}:{}", span.start_line, span.start_col + 1),
                message: report.message().to_owned(),
            })
        })
        .collect();
    if !syntax.is_empty() {
        return syntax;
    }
    let problem = |name: &str, keyword: &str, message: String| {
        BTreeSet::from([Problem { place: place_of_tag(parts, name, keyword), message }])
    };
    match error.kind() {
        ErrorKind::MissingParent { current, parent } => {
            problem(current, "extends", format!("no template is called `{parent}`"))
        }
        ErrorKind::CircularExtend { tpl, inheritance_chain } => problem(
            tpl,
            "extends",
            format!(
                "it is built upon itself: `{}`; `default/FILE` names what the default theme has",
                inheritance_chain.join("`, `")
            ),
        ),
        ErrorKind::CircularInclude { tpl, include_chain } => {
            problem(tpl, "include", format!("it includes itself: `{}`", include_chain.join("`, `")))
        }
        _ => reports(parts, &error.to_string()),
    }
}

/// Where a template has a statement for the first time.
fn place_of_tag(parts: &Parts, name: &str, keyword: &str) -> String {
    let Some((name, text)) = parts.resolve(name) else { return parts.shown(name).to_owned() };
    let tags = tags(text);
    let tag = tags.iter().find(|tag| tag.keyword() == Some(keyword));
    tag.map_or_else(|| parts.shown(name).to_owned(), |tag| place(parts.shown(name), text, tag.at))
}

/// The reports that the engine joins into one text: `error: MESSAGE`, and `--> PLACE` below.
fn reports(parts: &Parts, text: &str) -> BTreeSet<Problem> {
    let mut problems = BTreeSet::new();
    let mut message = None;
    for line in text.lines() {
        if let Some(found) = line.strip_prefix("error: ") {
            message = Some(found);
        } else if let Some(found) = line.trim_start().strip_prefix("--> ")
            && let Some(message) = message.take()
        {
            problems.insert(Problem {
                place: parts.shown(found).to_owned(),
                message: message.to_owned(),
            });
        }
    }
    if problems.is_empty() {
        problems.insert(Problem { place: place_of_text(parts, text), message: text.to_owned() });
    }
    problems
}

/// A message without a place names a template and what is wrong with it: two components that are
/// called alike.
fn place_of_text(parts: &Parts, message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let found = quoted.iter().find_map(|name| parts.templates.get_key_value(*name));
    let Some((name, text)) = found else { return parts.name.clone() };
    let tags = tags(text);
    let tag = tags.iter().find(|tag| {
        tag.keyword() == Some("component")
            && tag.words.iter().any(
                |word| matches!(word.token, Token::Name(name) if quoted.first() == Some(&name)),
            )
    });
    tag.map_or_else(|| parts.shown(name).to_owned(), |tag| place(parts.shown(name), text, tag.at))
}
