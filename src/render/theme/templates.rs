//! The templates of a theme that a page is made of.

use super::Parts;
use super::tokens::{Tag, Token, tags};

/// A template that a page is made of.
pub(super) struct Template<'p> {
    /// With the name of its theme.
    pub(super) name: &'p str,
    pub(super) text: &'p str,
    pub(super) tags: Vec<Tag<'p>>,
}

/// The templates that a page is made of: its own first, then all that those extend and include.
pub(super) fn templates_of<'p>(parts: &'p Parts, page: &str) -> Vec<Template<'p>> {
    let mut found: Vec<Template<'p>> = Vec::new();
    let mut names = vec![page.to_owned()];
    let mut next = 0;
    while let Some(name) = names.get(next) {
        next += 1;
        let Some((name, text)) = parts.resolve(name) else { continue };
        if found.iter().any(|template| template.name == name) {
            continue;
        }
        let tags = tags(text);
        for tag in &tags {
            if matches!(tag.keyword(), Some("extends" | "include")) {
                names.extend(tag.words.iter().filter_map(|word| match word.token {
                    Token::Text(name) => Some(name.to_owned()),
                    _ => None,
                }));
            }
        }
        found.push(Template { name, text, tags });
    }
    found
}
