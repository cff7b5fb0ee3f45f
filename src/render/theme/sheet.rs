//! Finds what style sheets load, as browsers do: in any case, with escapes, and not in comments.

use std::ops::Range;

/// Something that a style sheet names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Where the function or the rule begins.
    pub(super) at: usize,
    /// Where the address stands; its quotes are not part of it.
    pub(super) range: Range<usize>,
    /// The address without escapes.
    pub(super) address: String,
    /// Whether it is another style sheet.
    pub(super) is_import: bool,
}

/// Functions whose bare texts are addresses.
const TAKING_TEXTS: [&str; 5] = ["image-set", "-webkit-image-set", "image", "src", "cross-fade"];

/// All that a style sheet loads, in its order.
pub(super) fn links(sheet: &str) -> Vec<Link> {
    let mut reader = Reader { sheet, at: 0 };
    let mut links = Vec::new();
    // The functions that are open, with their places.
    let mut open: Vec<(String, usize)> = Vec::new();
    // Where the `@import` began whose address comes next.
    let mut import: Option<usize> = None;
    let mut is_namespace = false;
    while let Some(char) = reader.peek() {
        let at = reader.at;
        match char {
            '/' if reader.rest().starts_with("/*") => reader.skip_comment(),
            '"' | '\'' => {
                let (range, address) = reader.text(char);
                let function = open.last();
                let taking = function.filter(|(name, _)| TAKING_TEXTS.contains(&name.as_str()));
                if let Some(at) = import.take() {
                    links.push(Link { at, range, address, is_import: true });
                } else if let Some((_, at)) = taking {
                    links.push(Link { at: *at, range, address, is_import: false });
                }
            }
            '@' => {
                reader.at += 1;
                match reader.name().as_str() {
                    "import" => import = Some(at),
                    "namespace" => is_namespace = true,
                    _ => {}
                }
            }
            '(' => {
                reader.at += 1;
                open.push((String::new(), at));
            }
            ')' => {
                reader.at += 1;
                open.pop();
            }
            ';' | '{' | '}' => {
                reader.at += 1;
                open.clear();
                import = None;
                is_namespace = false;
            }
            char if is_part_of_name(char) => {
                let name = reader.name();
                if reader.peek() != Some('(') {
                    continue;
                }
                reader.at += 1;
                if name != "url" {
                    open.push((name, at));
                    continue;
                }
                let (range, address) = reader.address();
                if !is_namespace {
                    let is_import = import.is_some();
                    links.push(Link { at: import.take().unwrap_or(at), range, address, is_import });
                }
            }
            char => reader.at += char.len_utf8(),
        }
    }
    links
}

fn is_part_of_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '\\') || !char.is_ascii()
}

struct Reader<'s> {
    sheet: &'s str,
    at: usize,
}

impl<'s> Reader<'s> {
    fn rest(&self) -> &'s str {
        self.sheet.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_comment(&mut self) {
        let rest = self.rest();
        let end = rest.get(2..).and_then(|rest| rest.find("*/")).map(|end| end + 4);
        self.at += end.unwrap_or(rest.len());
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|char| char.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// A name without its escapes, in lowercase: CSS knows no case.
    fn name(&mut self) -> String {
        let mut name = String::new();
        while let Some(char) = self.peek().filter(|char| is_part_of_name(*char)) {
            if char == '\\' {
                name.extend(self.escaped());
            } else {
                self.at += char.len_utf8();
                name.push(char);
            }
        }
        name.to_ascii_lowercase()
    }

    /// What an escape stands for; nothing for the end of a line.
    fn escaped(&mut self) -> Option<char> {
        self.at += 1;
        let rest = self.rest();
        let digits = rest.bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
        if digits > 0 {
            let code = u32::from_str_radix(&rest[..digits], 16).ok().and_then(char::from_u32);
            self.at += digits;
            // One space belongs to the escape.
            if self.peek().is_some_and(|char| char.is_ascii_whitespace()) {
                self.at += 1;
            }
            return Some(code.unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let char = rest.chars().next()?;
        self.at += char.len_utf8();
        (char != '\n').then_some(char)
    }

    /// A text between quotes: where it stands, and what it says.
    fn text(&mut self, quote: char) -> (Range<usize>, String) {
        self.at += 1;
        let start = self.at;
        let mut text = String::new();
        while let Some(char) = self.peek() {
            match char {
                '\\' => text.extend(self.escaped()),
                '\n' => break,
                char if char == quote => {
                    let range = start..self.at;
                    self.at += 1;
                    return (range, text);
                }
                char => {
                    self.at += char.len_utf8();
                    text.push(char);
                }
            }
        }
        (start..self.at, text)
    }

    /// What stands between the parentheses of `url(…)`.
    fn address(&mut self) -> (Range<usize>, String) {
        self.skip_space();
        if let Some(quote @ ('"' | '\'')) = self.peek() {
            let found = self.text(quote);
            self.skip_space();
            if self.peek() == Some(')') {
                self.at += 1;
            }
            return found;
        }
        let start = self.at;
        let mut end = start;
        let mut text = String::new();
        while let Some(char) = self.peek() {
            match char {
                ')' => {
                    self.at += 1;
                    break;
                }
                '\\' => {
                    text.extend(self.escaped());
                    end = self.at;
                }
                char => {
                    self.at += char.len_utf8();
                    text.push(char);
                    if !char.is_ascii_whitespace() {
                        end = self.at;
                    }
                }
            }
        }
        (start..end, text.trim_ascii_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(sheet: &str) -> Vec<String> {
        links(sheet).into_iter().map(|link| link.address).collect()
    }

    #[test]
    fn addresses_are_found_however_they_are_written() {
        for (sheet, expected) in [
            ("a { b: url(x.png) }", "x.png"),
            ("a { b: URL( x.png ) }", "x.png"),
            ("a { b: url( 'x.png' ) }", "x.png"),
            ("a { b: \\75rl(x.png) }", "x.png"),
            ("a { b: u\\72 l(x.png) }", "x.png"),
            ("a { b: url(\\78.png) }", "x.png"),
            ("a { b: image-set(\"x.png\" type(\"image/png\") 1x) }", "x.png"),
            ("a { b: -WEBKIT-image-set(url(x.png) 1x) }", "x.png"),
            ("@IMPORT/**/'x.png';", "x.png"),
            ("@import url(x.png);", "x.png"),
            ("a { b: url(x.png", "x.png"),
        ] {
            assert_eq!(addresses(sheet), [expected], "{sheet}");
        }
        for sheet in [
            "/* url(x.png) */ a { b: 'url(x.png)' }",
            "@namespace url(http://www.w3.org/2000/svg);",
            "a { content: \"x\"; --b: format('woff2') }",
            "/* ",
            "\\",
        ] {
            assert_eq!(addresses(sheet), [""; 0], "{sheet}");
        }
        assert!(links("@import url(x.css);")[0].is_import);
        let sheet = "é { b: url( 'x.png' ) }";
        assert_eq!(&sheet[links(sheet)[0].range.clone()], "x.png");
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(sheet in "([a-z@(){};'\"/*\\\\ é]|url\\(|/\\*)*") {
            for link in links(&sheet) {
                proptest::prop_assert!(sheet.get(link.range).is_some());
            }
        }
    }
}
