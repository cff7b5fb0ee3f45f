//! Names that templates ask for and no page has, also where no page of the fixture comes by.
//!
//! What is said here must be true: where it cannot be known what a name stands for, nothing is.

use std::collections::{BTreeMap, BTreeSet};

use super::Problem;
use super::shape::Shape;
use crate::config::nearest_of;
use crate::render::theme::templates::{Template, templates_of};
use crate::render::theme::tokens::{Tag, Token, Word};
use crate::render::theme::{Parts, place};

/// Filters that give a list of the same things.
const KEEPING: [&str; 3] = ["reverse", "sort", "unique"];
/// Words of expressions that are no variables.
const WORDS: [&str; 12] =
    ["and", "elif", "else", "false", "if", "in", "is", "loop", "none", "not", "or", "true"];
/// Statements whose words name no data.
const WITHOUT_DATA: [&str; 12] = [
    "block",
    "break",
    "continue",
    "else",
    "endblock",
    "endfilter",
    "endfor",
    "endif",
    "endset",
    "extends",
    "filter",
    "include",
];

static ANY: Shape = Shape::Any;

/// Names that one of these templates gives to what it includes and to the blocks that others fill:
/// of loops around them, and whatever is set.
pub(super) fn passed_on<'p>(templates: &[Template<'p>]) -> BTreeSet<&'p str> {
    let mut passed = BTreeSet::new();
    for template in templates {
        let mut loops: Vec<Vec<&str>> = Vec::new();
        for tag in &template.tags {
            match tag.keyword() {
                Some("for") => loops.push(loop_variables(tag)),
                Some("endfor") => {
                    loops.pop();
                }
                Some("block" | "include") => passed.extend(loops.iter().flatten()),
                _ => passed.extend(set_variable(tag)),
            }
        }
    }
    passed
}

/// `key` and `value` of `{% for key, value in … %}`.
fn loop_variables<'s>(tag: &Tag<'s>) -> Vec<&'s str> {
    let names = (1..tag.words.len()).map_while(|index| match tag.words[index].token {
        Token::Name("in") => None,
        Token::Name(name) => Some(name),
        _ => Some(""),
    });
    names.filter(|name| !name.is_empty()).collect()
}

fn set_variable<'s>(tag: &Tag<'s>) -> Option<&'s str> {
    tag.name(1).filter(|_| matches!(tag.keyword(), Some("set" | "set_global")))
}

/// Whether a page has what a template asks for at some place.
enum Verdict {
    Has,
    Lacks(String),
}

/// What a template asks for that no page has which is made of it.
pub(super) fn problems(parts: &Parts, data: &BTreeMap<&'static str, Shape>) -> BTreeSet<Problem> {
    // By template and place.
    let mut verdicts: BTreeMap<(String, usize), (String, Vec<Verdict>)> = BTreeMap::new();
    for (page, shape) in data {
        let templates = templates_of(parts, page);
        let passed = passed_on(&templates);
        for template in &templates {
            let mut reader = Reader {
                data: shape,
                unsure: &passed,
                guarded: guarded(&template.tags),
                set: template.tags.iter().filter_map(set_variable).collect(),
                loops: Vec::new(),
                found: Vec::new(),
            };
            reader.read(&template.tags);
            for (at, verdict) in reader.found {
                let shown = place(parts.shown(template.name), template.text, at);
                let entry = verdicts.entry((template.name.to_owned(), at));
                entry.or_insert_with(|| (shown, Vec::new())).1.push(verdict);
            }
        }
    }
    verdicts
        .into_values()
        .filter(|(_, verdicts)| verdicts.iter().all(|it| matches!(it, Verdict::Lacks(_))))
        .filter_map(|(place, verdicts)| match verdicts.into_iter().next()? {
            Verdict::Lacks(message) => Some(Problem { place, message }),
            Verdict::Has => None,
        })
        .collect()
}

/// A name and what is asked of it: `project.install.pip`.
fn path<'s>(words: &[Word<'s>]) -> Option<(Vec<&'s str>, usize)> {
    let Token::Name(root) = words.first()?.token else { return None };
    let mut keys = vec![root];
    let mut length = 1;
    while let [Word { token: Token::Sign("."), .. }, Word { token: Token::Name(key), .. }, ..] =
        &words[length..]
    {
        keys.push(key);
        length += 2;
    }
    Some((keys, length))
}

/// Paths of which a template asks somewhere whether they are there.
fn guarded(tags: &[Tag<'_>]) -> BTreeSet<String> {
    let mut guarded = BTreeSet::new();
    for tag in tags {
        for index in 0..tag.words.len() {
            let Some((keys, length)) = path(&tag.words[index..]) else { continue };
            let name = |offset: usize| tag.name(index + length + offset);
            let test = if name(1) == Some("not") { name(2) } else { name(1) };
            let is_tested = name(0) == Some("is") && matches!(test, Some("defined" | "undefined"));
            let is_defaulted =
                tag.is_sign(index + length, "|") && matches!(name(1), Some("default" | "get"));
            if is_tested || is_defaulted || tag.is_sign(index + length, "?.") {
                guarded.insert(keys.join("."));
            }
        }
    }
    guarded
}

struct Reader<'d, 's> {
    data: &'d Shape,
    /// Names of which nobody knows what they stand for.
    unsure: &'d BTreeSet<&'s str>,
    guarded: BTreeSet<String>,
    /// Names that the template sets.
    set: BTreeSet<&'s str>,
    /// Variables of the loops that are open.
    loops: Vec<Vec<(&'s str, &'d Shape)>>,
    found: Vec<(usize, Verdict)>,
}

impl<'d, 's> Reader<'d, 's> {
    fn read(&mut self, tags: &[Tag<'s>]) {
        let mut in_component = false;
        for tag in tags {
            match tag.keyword() {
                // A component sees its arguments and nothing else.
                Some("component") => in_component = true,
                Some("endcomponent") => in_component = false,
                _ if in_component => {}
                Some("for") => {
                    let expression = (1..tag.words.len())
                        .find(|index| tag.name(*index) == Some("in"))
                        .map_or(tag.words.len(), |index| index + 1);
                    self.expression(tag, expression);
                    self.open_loop(tag, expression);
                }
                Some("endfor") => {
                    self.loops.pop();
                }
                Some("set" | "set_global") => self.expression(tag, 2),
                Some(keyword) if WITHOUT_DATA.contains(&keyword) => {}
                Some(_) => self.expression(tag, 1),
                None => self.expression(tag, 0),
            }
        }
    }

    fn open_loop(&mut self, tag: &Tag<'s>, expression: usize) {
        let names = loop_variables(tag);
        let words = tag.words.get(expression..).unwrap_or_default();
        let shape = match path(words) {
            Some((keys, length)) if keeps(&words[length..]) => self.resolve(&keys).ok(),
            _ => None,
        };
        let item = match (shape, &names[..]) {
            (Some(Shape::List(item)), [_]) => item,
            _ => &ANY,
        };
        let shape_of = |name| if self.set.contains(name) { &ANY } else { item };
        let variables = names.into_iter().map(|name| (name, shape_of(name))).collect();
        self.loops.push(variables);
    }

    fn expression(&mut self, tag: &Tag<'s>, start: usize) {
        let mut index = start;
        while index < tag.words.len() {
            let Some((keys, length)) = path(&tag.words[index..]) else {
                index += 1;
                continue;
            };
            let before = |sign: &str| index > 0 && tag.is_sign(index - 1, sign);
            let is_test = index > 0
                && (tag.name(index - 1) == Some("is")
                    || tag.name(index - 1) == Some("not")
                        && index > 1
                        && tag.name(index - 2) == Some("is"));
            let is_other = WORDS.contains(&keys[0].to_ascii_lowercase().as_str())
                || is_test
                // Filters, parts of something, components.
                || [".", "?.", "|", "<", "</", "@"].into_iter().any(before)
                // Functions and arguments.
                || ["(", "="].into_iter().any(|sign| tag.is_sign(index + length, sign));
            if is_other {
                // `is` and others may stand before something that is asked for.
                index += if keys.len() == 1 { 1 } else { length };
                continue;
            }
            self.judge(tag.words[index].at, &keys);
            index += length;
        }
    }

    fn judge(&mut self, at: usize, keys: &[&str]) {
        let is_guarded =
            (2..=keys.len()).any(|length| self.guarded.contains(&keys[..length].join(".")));
        if keys.len() < 2 || is_guarded {
            return;
        }
        match self.resolve(keys) {
            Ok(Shape::Any) => {}
            Ok(_) => self.found.push((at, Verdict::Has)),
            Err(message) => self.found.push((at, Verdict::Lacks(message))),
        }
    }

    /// What a path stands for; a message where it stands for nothing.
    fn resolve(&self, keys: &[&str]) -> Result<&'d Shape, String> {
        let Some((root, rest)) = keys.split_first() else { return Ok(&ANY) };
        let looped = self.loops.iter().rev().flatten().find(|(name, _)| name == root);
        let mut shape = match (looped, self.data) {
            (Some((_, shape)), _) => shape,
            (None, Shape::Map(fields)) if !self.unsure.contains(root) => {
                fields.get(*root).unwrap_or(&ANY)
            }
            _ => return Ok(&ANY),
        };
        for (index, key) in rest.iter().enumerate() {
            let lacks = |known: Option<&str>| {
                let owner = keys[..=index].join(".");
                let hint = known.map(|known| format!(": did you mean `{known}`?"));
                format!("`{owner}` has no `{key}`{}", hint.unwrap_or_default())
            };
            shape = match shape {
                Shape::Any => return Ok(&ANY),
                Shape::Map(fields) => match fields.get(*key) {
                    Some(shape) => shape,
                    None => return Err(lacks(nearest_of(key, fields.keys().map(String::as_str)))),
                },
                Shape::Plain | Shape::List(_) => return Err(lacks(None)),
            };
        }
        Ok(shape)
    }
}

/// Whether what stands behind a list leaves its items as they are.
fn keeps(words: &[Word<'_>]) -> bool {
    match words {
        [] => true,
        [
            Word { token: Token::Sign("|"), .. },
            Word { token: Token::Name(filter), .. },
            rest @ ..,
        ] => {
            let arguments = match rest.first() {
                Some(Word { token: Token::Sign("("), .. }) => rest
                    .iter()
                    .position(|word| word.token == Token::Sign(")"))
                    .map_or(rest.len(), |end| end + 1),
                _ => 0,
            };
            KEEPING.contains(filter) && keeps(&rest[arguments..])
        }
        _ => false,
    }
}
