//! Values of `packages.yml`, each parsed at the door: what is wrong is said with its line.
//!
//! Everything here ends up as an argument or a variable of a program in a container, never in a
//! shell; what could be taken for an option, or break a line, is refused all the same.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::row::{Cuda, CudaRelease};

/// The most bytes of a value: longer ones are mistakes, or worse.
const MOST: usize = 4_096;

/// A value that a text is parsed into, with the parser's own words where it is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Parsed<T>(pub T);

/// One value, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Many<T>(pub Vec<T>);

/// A text, or a mapping that says more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextOr<T, M> {
    /// The short form.
    Text(T),
    /// The long one.
    Map(M),
}

fn parse<T: FromStr<Err: fmt::Display>, E: de::Error>(text: &str) -> Result<T, E> {
    if text.len() > MOST {
        return Err(E::custom(format_args!("a value of {} bytes: at most {MOST}", text.len())));
    }
    // The latter turn the direction of writing: what people read is not what is meant.
    let is_odd = |char: &char| {
        char.is_control() || matches!(char, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if let Some(char) = text.chars().find(is_odd) {
        let at = char.escape_unicode();
        return Err(E::custom(format_args!("a control character, {at}, in a value")));
    }
    text.parse().map_err(E::custom)
}

/// YAML reads `3.10` as the number 3.1: a text must be written as one.
fn number<T, E: de::Error>(number: impl fmt::Display) -> Result<T, E> {
    Err(E::custom(format_args!("the number {number}: put the text in quotes, as \"3.10\"")))
}

/// The methods that refuse numbers.
macro_rules! refuses_numbers {
    () => {
        fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
            number(value)
        }

        fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
            number(value)
        }

        fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
            number(value)
        }
    };
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<T>(PhantomData<T>);
        impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
            type Value = Parsed<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                parse(text).map(Parsed)
            }
        }
        // The text as it is written, also where YAML would take it for the number 3.1.
        deserializer.deserialize_str(Text(PhantomData))
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts<T>(PhantomData<T>);
        impl<'de, T: FromStr<Err: fmt::Display>> Visitor<'de> for Texts<T> {
            type Value = Many<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                parse(text).map(|value| Many(vec![value]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = seq.next_element::<Parsed<T>>()? {
                    values.push(value.0);
                }
                Ok(Many(values))
            }

            refuses_numbers!();
        }
        deserializer.deserialize_any(Texts(PhantomData))
    }
}

impl<'de, T: FromStr<Err: fmt::Display>, M: DeserializeOwned> Deserialize<'de> for TextOr<T, M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T, M>(PhantomData<(T, M)>);
        impl<'de, T: FromStr<Err: fmt::Display>, M: DeserializeOwned> Visitor<'de> for Either<T, M> {
            type Value = TextOr<T, M>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a mapping")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                parse(text).map(TextOr::Text)
            }

            /// `auditwheel: off` is the word, whatever YAML takes it for.
            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
                self.visit_str(if value { "on" } else { "off" })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                M::deserialize(de::value::MapAccessDeserializer::new(map)).map(TextOr::Map)
            }

            refuses_numbers!();
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

/// `test_import: false`, or what is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imports(pub Vec<ImportName>);

impl<'de> Deserialize<'de> for Imports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Imports;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a module, a list of modules, or `false`")
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
                if value {
                    return Err(E::custom("`true`: expected the name of a module, or `false`"));
                }
                Ok(Imports(Vec::new()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                parse(text).map(|name| Imports(vec![name]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = seq.next_element::<Parsed<ImportName>>()? {
                    names.push(name.0);
                }
                Ok(Imports(names))
            }
        }
        deserializer.deserialize_any(Names)
    }
}

/// A word or a number, as values of variables are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvValue(pub String);

impl<'de> Deserialize<'de> for EnvValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;
        impl Visitor<'_> for Value {
            type Value = EnvValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a whole number")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                parse::<String, E>(text).map(EnvValue)
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
                Ok(EnvValue(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
                Ok(EnvValue(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
                number(value)
            }
        }
        deserializer.deserialize_any(Value)
    }
}

/// A toolkit: whole, or without its patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CudaSpec {
    /// `12.9.1`.
    Whole(Cuda),
    /// `12.9`: the newest patch that is known.
    Release(CudaRelease),
}

impl CudaSpec {
    /// Whether a toolkit is meant.
    pub fn matches(self, cuda: Cuda) -> bool {
        match self {
            Self::Whole(whole) => whole == cuda,
            Self::Release(release) => release == cuda.release(),
        }
    }
}

impl fmt::Display for CudaSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(cuda) => cuda.fmt(f),
            Self::Release(release) => release.fmt(f),
        }
    }
}

impl FromStr for CudaSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let release = || text.parse().map(Self::Release);
        text.parse()
            .map(Self::Whole)
            .or_else(|_: String| release())
            .map_err(|_| format!("`{text}` is no version of CUDA: expected `12.9.1`, or `12.9`"))
    }
}

/// A month, as `2026-10`; a day behind it is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(u32, u32);

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0, self.1)
    }
}

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let mut parts = text.splitn(3, '-');
            let mut digits = |count: usize| {
                let part = parts.next()?;
                (part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit()))
                    .then(|| part.parse::<u32>().ok())
                    .flatten()
            };
            let (year, month) = (digits(4)?, digits(2)?);
            (1..=12).contains(&month).then_some(Self(year, month))
        };
        parse().ok_or_else(|| format!("`{text}` is no month: expected `2026-10`"))
    }
}

/// Declares texts that are checked and kept as they are.
macro_rules! checked_texts {
    ($($(#[$meta:meta])* $name:ident, $check:expr;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub String);

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let check: fn(&str) -> Result<(), String> = $check;
                check(text).map(|()| Self(text.to_owned()))
            }
        }
    )*};
}

checked_texts! {
    /// A module: `flash_attn`, `xformers.ops`.
    ImportName, |text| {
        let is_identifier = |part: &str| {
            part.starts_with(|char: char| char.is_alphabetic() || char == '_')
                && part.chars().all(|char| char.is_alphanumeric() || char == '_')
        };
        let is_module = text.split('.').all(is_identifier);
        is_module.then_some(()).ok_or_else(|| format!("`{text}` is no module: expected `flash_attn`"))
    };
    /// A variable: `MAX_JOBS`.
    EnvName, |text| {
        let mut chars = text.chars();
        let starts = chars.next().is_some_and(|char| char.is_ascii_alphabetic() || char == '_');
        if !starts || !chars.all(|char| char.is_ascii_alphanumeric() || char == '_') {
            return Err(format!("`{text}` is no name of a variable: expected `MAX_JOBS`"));
        }
        // They decide what the program itself runs.
        if matches!(text, "PATH" | "LD_PRELOAD" | "LD_LIBRARY_PATH" | "HOME" | "IFS" | "ENV" | "BASH_ENV")
            || text.starts_with("WHEELSITE_")
        {
            return Err(format!("`{text}` is set by the build itself: remove it"));
        }
        Ok(())
    };
    /// A Debian package: `libopenmpi-dev`, `libc6:arm64`, `ninja-build=1.11.1-1`.
    AptName, |text| {
        let plain = text.starts_with(|char: char| char.is_ascii_lowercase() || char.is_ascii_digit())
            && text.len() > 1
            && text.chars().all(|char| char.is_ascii_alphanumeric() || "+-.:=~_".contains(char))
            && !text.ends_with(['+', '-', '='])
            // apt takes both for an order to install or remove something else.
            || matches!(text, "g++" | "libstdc++");
        plain.then_some(()).ok_or_else(|| format!("`{text}` is no Debian package: expected `libopenmpi-dev`"))
    };
    /// An image: `nvidia/cuda:12.9.1-devel-ubuntu22.04`, with placeholders in braces, perhaps by digest.
    ImageName, |text| {
        let plain = text.starts_with(|char: char| char.is_ascii_alphanumeric() || char == '{')
            && text.chars().all(|char| char.is_ascii_alphanumeric() || "-._/:@{}".contains(char))
            && !text.contains("//")
            && text.len() <= 512;
        plain.then_some(()).ok_or_else(|| format!("`{text}` is no image: expected `nvidia/cuda:12.9.1-devel-ubuntu22.04`"))
    };
    /// A compute capability as torch writes it: `8.0`, `9.0a`, `9.0+PTX`.
    Architecture, |text| {
        let plain = text.strip_suffix("+PTX").unwrap_or(text);
        let plain = plain.strip_suffix(['a', 'f']).unwrap_or(plain);
        match plain.parse::<CudaRelease>() {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("`{text}` is no architecture: expected `8.0`, `9.0a` or `9.0+PTX`")),
        }
    };
    /// A template of a local version: `{cuda_tag}torch{torch}`.
    LocalTemplate, |text| {
        let plain = text.chars().all(|char| char.is_ascii_alphanumeric() || "._{}-".contains(char));
        plain.then_some(()).ok_or_else(|| format!("`{text}` is no local version: letters, digits and points, as `{{cuda_tag}}`"))
    };
    /// The address of an index, without a user and a password.
    IndexUrl, |text| {
        let url = url(text)?;
        if !matches!(url.0, "https" | "http") {
            return Err(format!("`{text}` is no index: expected `https://HOST/simple/`"));
        }
        Ok(())
    };
    /// A label of a runner.
    Label, |text| {
        let plain = !text.is_empty() && !text.starts_with('-') && text.chars().all(|char| !char.is_whitespace() && !"${}`\"'\\".contains(char));
        plain.then_some(()).ok_or_else(|| format!("`{text}` is no label of a runner: expected `ubuntu-latest`"))
    };
    /// A library that a wheel leaves outside: `libcuda.so.1`, `libtorch*`.
    Library, |text| {
        let plain = text.starts_with(|char: char| char.is_ascii_alphanumeric() || char == '*')
            && text.chars().all(|char| char.is_ascii_alphanumeric() || "-._+*?".contains(char));
        plain.then_some(()).ok_or_else(|| format!("`{text}` is no library: expected `libcuda.so.1`"))
    };
    /// A requirement of pip's, as `torch>=2.4` (PEP 508).
    Requirement, |text| {
        requirement(text)?;
        Ok(())
    };
    /// A digest in hex.
    Digest, |text| {
        let plain = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        plain.then_some(()).ok_or_else(|| format!("`{text}` is no SHA-256: expected 64 lower-case hex digits"))
    };
    /// A tag, branch or commit.
    Revision, |text| {
        let plain = text.starts_with(|char: char| char.is_ascii_alphanumeric())
            && text.chars().all(|char| char.is_ascii_alphanumeric() || "-._/+".contains(char))
            && !text.contains("..");
        plain.then_some(()).ok_or_else(|| format!("`{text}` is no tag, branch or commit"))
    };
    /// A folder within a source.
    Subdirectory, |text| {
        let plain = !text.is_empty() && !text.starts_with(['/', '-'])
            && text.split('/').all(|part| !matches!(part, "" | "." | ".."));
        plain.then_some(()).ok_or_else(|| format!("`{text}` is no folder within the source: expected `python` or `a/b`"))
    };
    /// A repository of git's.
    GitUrl, |text| {
        let (scheme, _) = url(text)?;
        if !matches!(scheme, "https" | "http" | "ssh" | "file" | "git") {
            return Err(format!("`{text}` is no repository: expected `https://HOST/OWNER/NAME.git`"));
        }
        Ok(())
    };
}

/// Of a URL that holds a secret. It is not said again.
const NAMED_USER: &str = "a URL with a user name or a password, which would be in every log: \
                          let the environment say it, as `PIP_EXTRA_INDEX_URL`";

/// The scheme and the rest of a URL that names nobody.
fn url(text: &str) -> Result<(&str, &str), String> {
    let none = || format!("`{text}` is no URL");
    let (scheme, rest) = text.split_once("://").ok_or_else(none)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some((user, _)) = authority.rsplit_once('@')
        && (scheme != "ssh" || user.contains(':'))
    {
        return Err(NAMED_USER.to_owned());
    }
    let plain = !rest.is_empty() && !text.chars().any(char::is_whitespace);
    plain.then_some((scheme, rest)).ok_or_else(none)
}

/// The parts of a requirement: its name, what stands between that and the marker, the marker.
/// Errors where it is none.
pub fn requirement(text: &str) -> Result<(&str, &str, &str), String> {
    if let Some((_, rest)) = text.split_once("://")
        && rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
    {
        return Err(NAMED_USER.to_owned());
    }
    let error = |reason: String| format!("`{text}` is no requirement: {reason}");
    wheelsite::wheel::parse_requirement(text).map_err(error)?;
    let (name, rest, marker) = parts(text);
    if is_url(rest) {
        url(rest.trim_start().trim_start_matches('@').trim())?;
    }
    Ok((name, rest, marker))
}

/// Whether what follows a requirement's name is a URL.
fn is_url(rest: &str) -> bool {
    rest.trim_start().starts_with('@') || rest.contains("://")
}

/// The parts of what is known to be a requirement.
fn parts(text: &str) -> (&str, &str, &str) {
    let text = text.trim();
    let is_of_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_');
    let (name, rest) = text.split_at(text.find(|char| !is_of_name(char)).unwrap_or(text.len()));
    if is_url(rest) {
        // A semicolon may be part of it, and no marker is looked for.
        return (name, rest, "");
    }
    let (rest, marker) = rest.split_once(';').unwrap_or((rest, ""));
    (name, rest.trim(), marker.trim())
}

impl Requirement {
    /// Its name, what stands between that and the marker, the marker.
    pub fn parts(&self) -> (&str, &str, &str) {
        // It was parsed when it was made, and plans have many rows.
        parts(&self.0)
    }
}

/// Words as a shell would part them: they are handed on as they are, to no shell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

impl FromStr for Words {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = shlex::split(text).ok_or_else(|| format!("`{text}`: a quote is not closed"))?;
        Ok(Self(words))
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("words in a text, or a list of words")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                parse(text)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = seq.next_element::<Parsed<String>>()? {
                    words.push(word.0);
                }
                Ok(Words(words))
            }

            refuses_numbers!();
        }
        deserializer.deserialize_any(Either)
    }
}

/// A time that something may take: `6h`, `90m`, `1h30m`, `45s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Duration);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (mut rest, mut seconds) = (text, 0_u64);
            for (unit, factor) in [('h', 3_600), ('m', 60), ('s', 1)] {
                if let Some((amount, after)) = rest.split_once(unit) {
                    seconds += u64::from(crate::row::number(amount)?) * factor;
                    rest = after;
                }
            }
            (rest.is_empty() && seconds > 0).then_some(Self(Duration::from_secs(seconds)))
        };
        parse().ok_or_else(|| format!("`{text}` is no time: expected `6h`, `90m` or `45s`"))
    }
}

/// A number of bytes: `16GiB`, `512MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const UNITS: [(&str, u64); 8] = [
            ("GiB", 1 << 30),
            ("MiB", 1 << 20),
            ("KiB", 1 << 10),
            ("TiB", 1 << 40),
            ("GB", 1_000_000_000),
            ("MB", 1_000_000),
            ("g", 1 << 30),
            ("m", 1 << 20),
        ];
        let parse = || {
            let (amount, factor) =
                UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
            let amount = crate::row::number(amount.trim_end()).filter(|&amount| amount > 0)?;
            Some(Self(u64::from(amount) * factor))
        };
        parse().ok_or_else(|| format!("`{text}` is no amount of memory: expected `16GiB`"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_text_stops_the_program(any in "\\PC{0,24}", like in "[a-z0-9_.:/@{}+;=<>, \\[\\]-]{0,24}") {
            for text in [any.as_str(), &like] {
                let _ = text.parse::<ImportName>();
                let _ = text.parse::<AptName>();
                let _ = text.parse::<ImageName>();
                let _ = text.parse::<Architecture>();
                let _ = text.parse::<LocalTemplate>();
                let _ = text.parse::<IndexUrl>();
                let _ = text.parse::<GitUrl>();
                let _ = text.parse::<Words>();
                let _ = text.parse::<Time>();
                let _ = text.parse::<Bytes>();
                let _ = text.parse::<Month>();
                let _ = text.parse::<CudaSpec>();
                let _ = requirement(text);
            }
        }

        #[test]
        fn nothing_that_is_accepted_can_be_taken_for_an_option(text in "-{0,2}[a-z0-9.=]{0,8}") {
            let accepted = [
                text.parse::<AptName>().is_ok(),
                text.parse::<ImageName>().is_ok(),
                text.parse::<ImportName>().is_ok(),
                text.parse::<Requirement>().is_ok(),
                text.parse::<Revision>().is_ok(),
                text.parse::<Library>().is_ok(),
                text.parse::<Subdirectory>().is_ok(),
            ];
            prop_assert!(!text.starts_with('-') || accepted == [false; 7], "{text}: {accepted:?}");
        }
    }

    #[test]
    fn values_are_read() {
        assert_eq!("1h30m".parse(), Ok(Time(Duration::from_secs(5_400))));
        assert_eq!("45s".parse(), Ok(Time(Duration::from_secs(45))));
        assert!("0h".parse::<Time>().is_err() && "1m1h".parse::<Time>().is_err());
        assert_eq!("16GiB".parse(), Ok(Bytes(16 << 30)));
        assert!("16".parse::<Bytes>().is_err());
        assert_eq!("a 'b c'".parse(), Ok(Words(vec!["a".into(), "b c".into()])));
        for text in ["8.0", "9.0a", "9.0+PTX", "12.0f"] {
            assert!(text.parse::<Architecture>().is_ok(), "{text}");
        }
        for text in ["g++", "libopenmpi-dev", "ninja-build=1.11.1-1"] {
            assert!(text.parse::<AptName>().is_ok(), "{text}");
        }
        for text in ["vim-", "-y", "a b", "x;id", "$(id)", "A"] {
            assert!(text.parse::<AptName>().is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_are_not_said_again() {
        let error = "https://me:hunter2@host/simple".parse::<IndexUrl>().expect_err("is refused");
        assert!(!error.contains("hunter2") && error.contains("password"), "{error}");
        let error =
            "a @ https://hunter2@host/a.whl".parse::<Requirement>().expect_err("is refused");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn requirements_are_parted() {
        assert_eq!(
            requirement("torch [a] >= 2.4 ; python_version < '4'"),
            Ok(("torch", "[a] >= 2.4", "python_version < '4'"))
        );
        assert_eq!(requirement("ninja"), Ok(("ninja", "", "")));
    }
}
