//! The forms that values have in YAML: a text, a list, a mapping, and what YAML makes of words.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};

use super::scalars::Words;
use super::texts::ImportName;

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
