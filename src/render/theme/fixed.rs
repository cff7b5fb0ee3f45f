//! Puts into the templates of the pages of projects what is the same on all of these: addresses of
//! assets, options, the title of the site. A site has thousands of such pages, and a template asks
//! for these things some fifty times a page.
//!
//! What an expression comes to the engine itself says; here is decided only which expressions know
//! nothing but what is the same everywhere. Where that is in doubt they stay as they are.

use std::collections::BTreeSet;

use tera::{Context, Tera};

use super::templates::templates_of;
use super::tokens::{Tag, Token, tags};
use super::{PROJECT, Parts, markup};

/// Ends what an expression comes to.
const END: char = '\u{1}';
/// Words of expressions that are no variables.
const WORDS: [&str; 10] = ["and", "else", "false", "if", "in", "is", "none", "not", "or", "true"];

/// Templates by their names, and the names that are given within them.
pub(super) struct Sources {
    templates: Vec<(String, String)>,
    given: BTreeSet<String>,
}

impl Sources {
    pub(super) fn of(parts: &Parts) -> Self {
        let mut given = BTreeSet::new();
        let mut templates = Vec::new();
        for template in templates_of(parts, PROJECT) {
            let defines = |tag: &Tag<'_>| tag.keyword() == Some("component");
            for tag in &template.tags {
                if matches!(tag.keyword(), Some("for" | "set" | "set_global")) {
                    let names = tag.words.iter().take_while(|word| {
                        !matches!(word.token, Token::Name("in") | Token::Sign("="))
                    });
                    given.extend(names.filter_map(|word| match word.token {
                        Token::Name(name) => Some(name.to_owned()),
                        _ => None,
                    }));
                }
            }
            // Where tags eat the spaces around them, these must not be what a value ends in; and a
            // component sees nothing but its arguments.
            let eats_spaces = ["{%-", "{{-", "{#-", "-%}", "-}}", "-#}"];
            if !eats_spaces.iter().any(|sign| template.text.contains(sign))
                && !template.tags.iter().any(defines)
            {
                templates.push((template.name.to_owned(), template.text.to_owned()));
            }
        }
        Self { templates, given }
    }

    /// The templates with all that `context` says of them.
    pub(super) fn fixed(&self, tera: &Tera, context: &Context) -> Option<Tera> {
        // Conditions first: what is behind one that does not hold may not be there at all.
        let chosen = self.rewritten(&self.templates, context, conditions)?;
        let filled = self.rewritten(&chosen, context, outputs)?;
        let mut fixed = tera.clone();
        fixed.add_raw_templates(filled).ok()?;
        Some(fixed)
    }

    fn rewritten(
        &self,
        templates: &[(String, String)],
        context: &Context,
        ask: fn(&[Tag<'_>]) -> Vec<Question>,
    ) -> Option<Vec<(String, String)>> {
        let tags: Vec<Vec<Tag<'_>>> = templates.iter().map(|(_, text)| tags(text)).collect();
        let is_fixed = |name: &str| context.contains_key(name) && !self.given.contains(name);
        let mut questions: Vec<Vec<Question>> = Vec::new();
        let mut asked = String::new();
        for ((_, text), tags) in templates.iter().zip(&tags) {
            let mut known = ask(tags);
            known.retain(|question| question.tags().all(|tag| is_constant(&tags[tag], &is_fixed)));
            for tag in known.iter().flat_map(Question::tags) {
                let tag = &tags[tag];
                let first = usize::from(tag.is_statement);
                let expression = text.get(tag.words.get(first)?.at..tag.end - 2)?;
                if tag.is_statement {
                    asked.push_str(&format!("{{% if {expression} %}}1{{% endif %}}{END}"));
                } else {
                    asked.push_str(&format!("{{{{ {expression} }}}}{END}"));
                }
            }
            questions.push(known);
        }
        let mut engine = Tera::default();
        engine.set_escape_fn(markup::escape);
        engine.add_raw_template(PROJECT, &asked).ok()?;
        let answers = engine.render(PROJECT, context).ok()?;
        let mut answers = answers.split(END);
        let mut rewritten = Vec::new();
        for (((name, text), tags), questions) in templates.iter().zip(&tags).zip(&questions) {
            let mut cuts = Vec::new();
            for question in questions {
                let answers =
                    question.tags().map(|_| answers.next()).collect::<Option<Vec<_>>>()?;
                cuts.extend(question.cuts(tags, &answers));
            }
            rewritten.push((name.clone(), cut(text, cuts)));
        }
        // Nothing is behind the last end: no value held one.
        (answers.next() == Some("") && answers.next().is_none()).then_some(rewritten)
    }
}

/// What is asked of the engine.
enum Question {
    /// What an output comes to.
    Output { tag: usize },
    /// Whether the condition holds that a statement begins with, and what follows next in it:
    /// `elif`, `else`, or `endif`, which ends it.
    Condition { tag: usize, next: usize, end: usize },
}

/// What takes the place of a part of a template.
struct Cut {
    start: usize,
    end: usize,
    text: String,
}

impl Question {
    fn tags(&self) -> impl Iterator<Item = usize> + use<> {
        let (Self::Output { tag } | Self::Condition { tag, .. }) = self;
        std::iter::once(*tag)
    }

    fn cuts(&self, tags: &[Tag<'_>], answers: &[&str]) -> Vec<Cut> {
        let answer = answers.first().copied().unwrap_or_default();
        let cut = |start, end, text: &str| Cut { start, end, text: text.to_owned() };
        match self {
            // A brace might begin a tag.
            Self::Output { .. } if answer.contains('{') => Vec::new(),
            Self::Output { tag } => vec![cut(tags[*tag].at, tags[*tag].end, answer)],
            Self::Condition { tag, next, end } => {
                let (tag, next, end) = (&tags[*tag], &tags[*next], &tags[*end]);
                if !answer.is_empty() {
                    vec![cut(tag.at, tag.end, ""), cut(next.at, end.end, "")]
                } else if next.keyword() == Some("elif") {
                    let behind = next.words[0].at + "elif".len();
                    vec![cut(tag.at, behind, "{% if")]
                } else if next.keyword() == Some("else") {
                    vec![cut(tag.at, next.end, ""), cut(end.at, end.end, "")]
                } else {
                    vec![cut(tag.at, end.end, "")]
                }
            }
        }
    }
}

/// Whether all that a tag names is fixed.
fn is_constant(tag: &Tag<'_>, is_fixed: &impl Fn(&str) -> bool) -> bool {
    let first = usize::from(tag.is_statement);
    let is_sign = |index: usize, sign: &str| tag.is_sign(index, sign);
    (first..tag.words.len()).all(|index| match tag.words[index].token {
        // Of components, and of more than one line of thought.
        Token::Sign(sign) => !["<", "</", "@", "{"].contains(&sign),
        Token::Text(_) | Token::Number => true,
        Token::Name(name) => {
            let before =
                |signs: &[&str]| index > 0 && signs.iter().any(|sign| is_sign(index - 1, sign));
            let is_test = index > 0
                && (tag.name(index - 1) == Some("is")
                    || index > 1
                        && tag.name(index - 1) == Some("not")
                        && tag.name(index - 2) == Some("is"));
            before(&[".", "?."])
                || before(&["|"])
                || is_test
                || WORDS.contains(&name)
                || is_sign(index + 1, "=")
                || !is_sign(index + 1, "(") && is_fixed(name)
        }
    })
}

fn outputs(tags: &[Tag<'_>]) -> Vec<Question> {
    let outputs = tags.iter().enumerate().filter(|(_, tag)| !tag.is_statement);
    outputs.map(|(tag, _)| Question::Output { tag }).collect()
}

fn conditions(tags: &[Tag<'_>]) -> Vec<Question> {
    let mut found = Vec::new();
    // What is open: its tag, and for a condition the first that follows in it.
    let mut open: Vec<(usize, Option<usize>)> = Vec::new();
    for (index, tag) in tags.iter().enumerate() {
        match tag.keyword() {
            Some("if" | "for") => open.push((index, None)),
            Some("elif" | "else") => {
                if let Some((_, next)) = open.last_mut() {
                    next.get_or_insert(index);
                }
            }
            Some("endfor") => {
                open.pop();
            }
            Some("endif") => {
                if let Some((tag, next)) = open.pop() {
                    let next = next.unwrap_or(index);
                    found.push(Question::Condition { tag, next, end: index });
                }
            }
            _ => {}
        }
    }
    found
}

/// A text without what is cut out; what lies within something that is cut out goes with it.
fn cut(text: &str, mut cuts: Vec<Cut>) -> String {
    cuts.sort_by_key(|cut| cut.start);
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for cut in cuts {
        if cut.start >= at {
            out.push_str(text.get(at..cut.start).unwrap_or_default());
            out.push_str(&cut.text);
            at = cut.end;
        }
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The page of a project as it becomes, of these templates and `root`, `on`, `off` and `none`.
    fn fixed(page: &str, base: &str) -> Option<String> {
        let templates = [("m/project.html", page), ("m/base.html", base)];
        let templates = templates.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let parts = Parts {
            name: "m".to_owned(),
            layers: vec!["m".to_owned()],
            templates: templates.into(),
            assets: BTreeMap::new(),
            omitted: BTreeSet::new(),
            specs: BTreeMap::new(),
        };
        let mut context = Context::new();
        context.insert("root", "<x>");
        context.insert("on", &true);
        context.insert("off", &false);
        context.insert("brace", "{{ p }}");
        context.insert("none_of_it", &None::<String>);
        context.insert("assets", &BTreeMap::from([("a.css", "b.css")]));
        let sources = Sources::of(&parts);
        let chosen = sources.rewritten(&sources.templates, &context, conditions)?;
        let filled = sources.rewritten(&chosen, &context, outputs)?;
        filled.into_iter().find(|(name, _)| name == "m/project.html").map(|(_, text)| text)
    }

    #[test]
    fn what_is_the_same_is_put_in() {
        for (page, expected) in [
            ("{{ root }}{{ p.root }}{{ assets[\"a.css\"] }}", "&lt;x&gt;{{ p.root }}b.css"),
            ("{{ assets[p] }}{{ now() }}{{ root | upper }}", "{{ assets[p] }}{{ now() }}&lt;X&gt;"),
            (
                "{{ none_of_it | default(value=\"-\") }}{{ brace }}{# {{ root }} #}",
                "{{ none_of_it | default(value=\"-\") }}{{ brace }}{# {{ root }} #}",
            ),
            ("{% if on %}a{% endif %}b", "ab"),
            ("{% if off %}a{% endif %}b", "b"),
            ("{% if off %}a{% else %}b{% endif %}", "b"),
            ("{% if on %}a{% else %}b{% endif %}", "a"),
            (
                "{% if off %}a{% elif p %}b{% else %}c{% endif %}",
                "{% if p %}b{% else %}c{% endif %}",
            ),
            ("{% if on %}a{% elif p %}b{% else %}c{% endif %}", "a"),
            ("{% if p %}{% if off %}a{% endif %}{% endif %}", "{% if p %}{% endif %}"),
            (
                "{% if off %}{{ assets.no }}{% if on %}b{% endif %}{% endif %}{{ root }}",
                "&lt;x&gt;",
            ),
            ("{% if assets[\"b.css\"] %}{{ assets[\"b.css\"] }}{% endif %}", ""),
            ("{% if on and p %}a{% endif %}", "{% if on and p %}a{% endif %}"),
            (
                "{% for q in p %}{% if on %}a{% endif %}{% else %}b{% endfor %}",
                "{% for q in p %}a{% else %}b{% endfor %}",
            ),
            (
                "{% for root in p %}{{ root }}{% endfor %}",
                "{% for root in p %}{{ root }}{% endfor %}",
            ),
            ("{% set on = p %}{% if on %}a{% endif %}", "{% set on = p %}{% if on %}a{% endif %}"),
            (
                "{% raw %}{{ root }}{% endraw %}{{ root }}",
                "{% raw %}{{ root }}{% endraw %}&lt;x&gt;",
            ),
        ] {
            let expected = expected.replace(
                "{{ none_of_it | default(value=\"-\") }}",
                &fixed("{{ none_of_it | default(value=\"-\") }}", "").expect("is fixed"),
            );
            assert_eq!(fixed(page, "").as_deref(), Some(expected.as_str()), "{page}");
        }
    }

    #[test]
    fn where_it_is_in_doubt_all_stays() {
        assert_eq!(fixed("{{ assets.no }}", ""), None);
        assert_eq!(fixed("{{ root }} {%- if on %}a{% endif %}", ""), None);
        let given = "{% extends \"base.html\" %}{% block a %}{{ root }}{% endblock %}";
        let base = "{% for root in p %}{% block a %}{% endblock %}{% endfor %}";
        assert_eq!(fixed(given, base).as_deref(), Some(given));
    }
}
