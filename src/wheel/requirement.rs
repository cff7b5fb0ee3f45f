//! One line of `Requires-Dist`.

use std::str::FromStr;

use pep508_rs::Requirement;
use url::Url;

/// What follows a comma that separates nothing, and what should stand there.
const TRAILING_COMMAS: [(&str, &str); 3] = [(",)", ")"), (",;", ";"), (", ;", ";")];

/// A requirement as pip and uv read it: they pass over a comma behind the last version.
pub(crate) fn read_requirement(text: &str) -> Option<Requirement<Url>> {
    parse_requirement(text).ok().or_else(|| {
        let goodwill = TRAILING_COMMAS
            .iter()
            .fold(text.trim().to_owned(), |text, (from, to)| text.replace(from, to));
        parse_requirement(goodwill.trim_end_matches(',')).ok()
    })
}

/// Parses a requirement (PEP 508). Errors say why it is none.
pub fn parse_requirement(text: &str) -> Result<Requirement<Url>, String> {
    // The library panics on names of projects and extras that end so.
    let ends_well = |name: &str| !name.ends_with(['.', '-', '_']);
    let is_of_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_');
    let text = text.trim_start();
    let (name, rest) = text.split_at(text.find(|char| !is_of_name(char)).unwrap_or(text.len()));
    let extras = rest.trim_start().strip_prefix('[').unwrap_or_default();
    let extras = extras.split(']').next().unwrap_or_default();
    let mut names = extras.split(|char: char| char == ',' || char.is_whitespace());
    if !ends_well(name) || !names.all(ends_well) {
        return Err("names end with a letter or a digit".to_owned());
    }
    // So it does on a text on the left of `~=`, where it expects a variable.
    let marker = rest.split_once(';').map_or("", |(_, marker)| marker);
    let mut compared = marker.match_indices("~=").map(|(at, _)| marker[..at].trim_end());
    if compared.any(|left| left.ends_with(['\'', '"'])) {
        return Err("expected a variable on the left of `~=`".to_owned());
    }
    Requirement::from_str(text).map_err(|error| error.message.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn never_panics(text in "\\PC{0,20}", like in "[a1_.-]{0,4}[ ]?[\\[\\],;@<=>a1_.-]{0,12}") {
            let _ = parse_requirement(&text);
            let _ = parse_requirement(&like);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_requirement_stops_the_program(
            any in ".{0,40}",
            name in "[a-z._ -]{1,4}",
            extras in "(\\[[a-z._, -]{0,6}\\]?)?",
            version in "([<>=!~]{1,3} ?[0-9a-z.*+]{0,6},?){0,2}",
            marker in "(; ?\\(?(python_version|python_full_version|sys_platform|extra|'[a-z0-9._]{0,4}') \
                       ?(==|>=|<|~=|===|in|not in|!=) ?('[0-9a-z._* ]{0,6}'|os_name|python_version)\\)?)?",
        ) {
            let _ = parse_requirement(&any);
            let _ = read_requirement(&any);
            let _ = read_requirement(&format!("{name}{extras}{version}{marker}"));
        }
    }

    #[test]
    fn names_that_end_badly_are_no_requirements() {
        for text in
            ["a_", "a_ >=1", "a.", "b[c_]", "b [c, d. ]", "b[c- ", "a_\u{a1}", "a; 'x' ~= os_name"]
        {
            assert!(read_requirement(text).is_none(), "{text}");
        }
        for text in ["a", " a >= 1", "b[c]", "b [c, d]>=1", "a_b[]", "a; python_version ~= '3.8'"] {
            assert!(read_requirement(text).is_some(), "{text}");
        }
    }
}
