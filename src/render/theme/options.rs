//! What may be set in a theme: options with types.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::config::{Scalar, nearest_of};
use crate::error::{Error, Result};

/// An option, as `theme.yml` declares it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OptionSpec {
    /// What values it takes.
    #[serde(rename = "type")]
    kind: Kind,
    /// What it is where nobody sets it; without it the option is null then.
    #[serde(default)]
    default: Option<Scalar>,
    /// For those who set it.
    #[serde(default)]
    #[expect(dead_code, reason = "for people who read the file")]
    description: Option<String>,
    /// Of an integer.
    #[serde(default)]
    min: Option<i64>,
    /// Of an integer.
    #[serde(default)]
    max: Option<i64>,
    /// Of a choice.
    #[serde(default)]
    values: Vec<String>,
}

/// What values an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Text,
    /// `#rgb`, `#rgba`, `#rrggbb`, `#rrggbbaa`
    Color,
    Boolean,
    Integer,
    /// One of several texts.
    Choice,
    /// The name of a file of the theme.
    Asset,
}

/// What templates and the style sheet get.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// By name; null where nothing is set.
    pub(super) values: BTreeMap<String, Option<Scalar>>,
    /// Custom properties for the style sheet: colors and numbers.
    pub(super) css: Option<Vec<u8>>,
}

/// What an option's value is served as, by the name that templates use.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Shown<'a>(pub(super) &'a BTreeMap<String, Option<Scalar>>);

/// The assets that an option may name.
pub(super) struct Files<'a> {
    pub(super) assets: &'a BTreeMap<String, Vec<u8>>,
    /// Those that were there, but for `omit`.
    pub(super) omitted: &'a BTreeSet<String>,
}

impl Options {
    /// Checks what was set against what is declared.
    pub(super) fn resolve(
        specs: &BTreeMap<String, OptionSpec>,
        set: &BTreeMap<String, Scalar>,
        files: &Files<'_>,
    ) -> Result<Self> {
        if let Some(unknown) = set.keys().find(|name| !specs.contains_key(*name)) {
            let nearest = nearest_of(unknown, specs.keys().map(String::as_str));
            let hint = nearest.map_or_else(
                || "this theme has no options".to_owned(),
                |nearest| format!("did you mean `{nearest}`?"),
            );
            return Err(Error::config_hint(
                format!("`theme_options`: the theme has no option `{unknown}`"),
                hint,
            ));
        }
        let mut options = Self::default();
        let mut properties = String::new();
        for (name, spec) in specs {
            let is_name = name.starts_with(|char: char| char.is_ascii_lowercase())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_name {
                return Err(Error::config(format!(
                    "`theme.yml`: expected the name of an option in lowercase letters, digits \
                     and `_`, found `{name}`"
                )));
            }
            let value = set.get(name).or(spec.default.as_ref()).cloned();
            if let Some(value) = &value {
                if !spec.accepts(value, files) {
                    let place = if set.contains_key(name) { "theme_options" } else { "theme.yml" };
                    return Err(spec.refuses(place, name, value, files));
                }
                if matches!(spec.kind, Kind::Color | Kind::Integer) {
                    let property = name.replace('_', "-");
                    properties.push_str(&format!("  --option-{property}: {value};\n"));
                }
            }
            options.values.insert(name.clone(), value);
        }
        options.css =
            (!properties.is_empty()).then(|| format!(":root {{\n{properties}}}\n").into());
        Ok(options)
    }
}

impl OptionSpec {
    fn accepts(&self, value: &Scalar, files: &Files<'_>) -> bool {
        match (self.kind, value) {
            (Kind::Text, Scalar::Text(_)) | (Kind::Boolean, Scalar::Boolean(_)) => true,
            (Kind::Color, Scalar::Text(text)) => is_color(text),
            (Kind::Integer, Scalar::Integer(number)) => {
                self.min.is_none_or(|min| min <= *number)
                    && self.max.is_none_or(|max| *number <= max)
            }
            (Kind::Choice, Scalar::Text(text)) => self.values.contains(text),
            (Kind::Asset, Scalar::Text(text)) => files.assets.contains_key(text),
            _ => false,
        }
    }

    /// What is said of a value that does not fit.
    fn refuses(&self, place: &str, name: &str, value: &Scalar, files: &Files<'_>) -> Error {
        let expected = match self.kind {
            Kind::Text => "a text".to_owned(),
            Kind::Color => "a color such as `#0a6a70`".to_owned(),
            Kind::Boolean => "`true` or `false`".to_owned(),
            Kind::Integer => match (self.min, self.max) {
                (Some(min), Some(max)) => format!("a whole number from {min} to {max}"),
                (Some(min), None) => format!("a whole number from {min}"),
                (None, Some(max)) => format!("a whole number up to {max}"),
                (None, None) => "a whole number".to_owned(),
            },
            Kind::Choice => format!("one of `{}`", self.values.join("`, `")),
            Kind::Asset => "the name of a file of the theme".to_owned(),
        };
        let message = format!("`{place}`: `{name}` expects {expected}, found `{value}`");
        let Scalar::Text(text) = value else { return Error::config(message) };
        if self.kind != Kind::Asset {
            return Error::config(message);
        }
        if files.omitted.contains(text) {
            return Error::config_hint(
                format!("{message}, which `omit` leaves out"),
                format!("keep it, or say in `theme.yml` what `{name}` is instead"),
            );
        }
        if text.ends_with(".html") {
            return Error::config(format!("{message}, a template, which is not published"));
        }
        match nearest_of(text, files.assets.keys().map(String::as_str)) {
            Some(nearest) => Error::config_hint(message, format!("did you mean `{nearest}`?")),
            None => Error::config(message),
        }
    }

    /// Values that make a theme show all it can: where it is wrong, one of them shows it.
    pub(super) fn samples(&self, text: &str, files: &Files<'_>) -> Vec<Scalar> {
        let named = |value: &str| Scalar::Text(value.to_owned());
        match self.kind {
            Kind::Text => vec![named(text), named("")],
            Kind::Color => vec![named("#123456")],
            Kind::Boolean => vec![Scalar::Boolean(true), Scalar::Boolean(false)],
            Kind::Integer => {
                let values = [self.min, self.max].into_iter().flatten();
                let zero = Scalar::Integer(0);
                let values = values.map(Scalar::Integer).chain([zero]);
                values.filter(|value| self.accepts(value, files)).collect()
            }
            Kind::Choice => self.values.iter().map(|value| named(value)).collect(),
            Kind::Asset => files.assets.keys().take(1).map(|name| named(name)).collect(),
        }
    }
}

/// Nothing else gets into the style sheet.
fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|digits| {
        matches!(digits.len(), 3 | 4 | 6 | 8) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}
