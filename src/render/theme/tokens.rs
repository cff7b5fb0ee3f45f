//! Reads templates as far as `theme check` needs it: what stands between braces, word by word.
//!
//! The template engine has parsed them already, but keeps to itself what it found.

/// What stands in a template between `{{` and `}}`, or between `{%` and `%}`.
#[derive(Debug)]
pub(super) struct Tag<'s> {
    /// Where it begins.
    pub(super) at: usize,
    /// Where what is behind it begins.
    pub(super) end: usize,
    /// Whether it is a statement.
    pub(super) is_statement: bool,
    pub(super) words: Vec<Word<'s>>,
}

/// A name, a text, or a sign, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'s> {
    pub(super) at: usize,
    pub(super) token: Token<'s>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'s> {
    Name(&'s str),
    /// Without its quotes.
    Text(&'s str),
    Number,
    Sign(&'s str),
}

impl<'s> Tag<'s> {
    /// The word at this place, where it is a name.
    pub(super) fn name(&self, index: usize) -> Option<&'s str> {
        match self.words.get(index)?.token {
            Token::Name(name) => Some(name),
            _ => None,
        }
    }

    /// What the statement is.
    pub(super) fn keyword(&self) -> Option<&'s str> {
        self.name(0).filter(|_| self.is_statement)
    }

    pub(super) fn is_sign(&self, index: usize, sign: &str) -> bool {
        self.words.get(index).is_some_and(|word| word.token == Token::Sign(sign))
    }
}

/// Every tag of a template, without comments and without what is raw.
pub(super) fn tags(source: &str) -> Vec<Tag<'_>> {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some(found) = source.get(at..).and_then(|rest| rest.find('{')) {
        let start = at + found;
        let rest = &source[start..];
        if rest.starts_with("{#") {
            let end = rest.find("#}").map_or(rest.len(), |end| end + 2);
            at = start + end;
        } else if rest.starts_with("{{") || rest.starts_with("{%") {
            let is_statement = rest.starts_with("{%");
            let (words, end) = words(source, start + 2, if is_statement { "%}" } else { "}}" });
            let tag = Tag { at: start, end, is_statement, words };
            at = if tag.keyword() == Some("raw") { end_of_raw(source, end) } else { end };
            tags.push(tag);
        } else {
            at = start + 1;
        }
    }
    tags
}

/// Where `{% endraw %}` begins.
fn end_of_raw(source: &str, mut at: usize) -> usize {
    while let Some(found) = source.get(at..).and_then(|rest| rest.find("{%")) {
        let rest = &source[at + found + 2..];
        if rest.trim_start_matches('-').trim_start().starts_with("endraw") {
            return at + found;
        }
        at += found + 2;
    }
    source.len()
}

/// The words up to this end, and where that is over.
fn words<'s>(source: &'s str, start: usize, end: &str) -> (Vec<Word<'s>>, usize) {
    let mut words = Vec::new();
    // A dash at either end takes away the spaces beside the tag, and is no word.
    let mut at = start + usize::from(source[start..].starts_with('-'));
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(end) {
            return (words, at + end.len());
        }
        if rest.strip_prefix('-').is_some_and(|rest| rest.starts_with(end)) {
            return (words, at + 1 + end.len());
        }
        let Some(char) = rest.chars().next() else { break };
        let (token, length) = match char {
            char if char.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            '"' | '\'' | '`' => {
                let length = length_of_text(rest, char);
                (Token::Text(rest.get(1..length - 1).unwrap_or_default()), length)
            }
            char if char.is_ascii_alphabetic() || char == '_' => {
                let length = rest
                    .find(|char: char| !char.is_ascii_alphanumeric() && char != '_')
                    .unwrap_or(rest.len());
                (Token::Name(&rest[..length]), length)
            }
            char if char.is_ascii_digit() => {
                let length = rest.find(|char: char| !char.is_ascii_digit() && char != '.');
                (Token::Number, length.unwrap_or(rest.len()))
            }
            char => {
                let two = ["==", "!=", ">=", "<=", "</", "?.", "?[", "//", "**"];
                let length = match rest.get(..2) {
                    Some(sign) if two.contains(&sign) => 2,
                    _ => char.len_utf8(),
                };
                (Token::Sign(&rest[..length]), length)
            }
        };
        words.push(Word { at, token });
        at += length;
    }
    (words, source.len())
}

/// How long a text is, both quotes with it; at least as long as they are.
fn length_of_text(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, char) in text.char_indices().skip(1) {
        match char {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            char if char == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_tags() {
        let source = "a {# {{ x }} #}{{- p.name | default(value=\"}}\") -}}\n{% raw %}{{ y }}{% \
         endraw %}{% if z %}";
        let tags = tags(source);
        let names: Vec<Vec<&str>> = tags
            .iter()
            .map(|tag| (0..tag.words.len()).filter_map(|index| tag.name(index)).collect())
            .collect();
        assert_eq!(
            names,
            [vec!["p", "name", "default", "value"], vec!["raw"], vec!["endraw"], vec!["if", "z"]]
        );
        assert_eq!(&source[tags[0].words[0].at..][..6], "p.name");
    }

    proptest::proptest! {
        #[test]
        fn no_template_is_too_odd(source in "(\\{\\{|\\{%|%\\}|\\}\\}|raw|endraw|[a-z.\"'\\\\|é# \
         ])*") {
            for tag in tags(&source) {
                let all = tag.words.iter().all(|word| source.get(word.at..).is_some());
                proptest::prop_assert!(all);
            }
        }
    }
}
