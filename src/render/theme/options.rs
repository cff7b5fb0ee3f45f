//! What may be set in a theme: options with types.

use std::collections::BTreeMap;

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
    /// `#rgb`, `#rrggbb`, `#rrggbbaa`
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

impl Options {
    /// Checks what was set against what is declared.
    pub(super) fn resolve(
        specs: &BTreeMap<String, OptionSpec>,
        set: &BTreeMap<String, Scalar>,
        is_asset: impl Fn(&str) -> bool,
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
                    "`theme.yml`: expected the name of an option in lowercase letters, digits and `_`, found `{name}`"
                )));
            }
            let value = set.get(name).or(spec.default.as_ref()).cloned();
            if let Some(value) = &value {
                spec.accepts(value, &is_asset).map_err(|expected| {
                    let place = if set.contains_key(name) { "theme_options" } else { "theme.yml" };
                    Error::config(format!(
                        "`{place}`: `{name}` expects {expected}, found `{value}`"
                    ))
                })?;
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
    /// Says what is expected where a value is not that.
    fn accepts(&self, value: &Scalar, is_asset: impl Fn(&str) -> bool) -> Result<(), String> {
        let (fits, expected) = match (self.kind, value) {
            (Kind::Text, value) => (matches!(value, Scalar::Text(_)), "a text".to_owned()),
            (Kind::Color, Scalar::Text(text)) => (is_color(text), String::new()),
            (Kind::Boolean, value) => {
                (matches!(value, Scalar::Boolean(_)), "`true` or `false`".to_owned())
            }
            (Kind::Integer, Scalar::Integer(number)) => {
                let above = self.min.is_none_or(|min| min <= *number);
                (above && self.max.is_none_or(|max| *number <= max), String::new())
            }
            (Kind::Choice, Scalar::Text(text)) => (self.values.contains(text), String::new()),
            (Kind::Asset, Scalar::Text(text)) => (is_asset(text), String::new()),
            (Kind::Color | Kind::Integer | Kind::Choice | Kind::Asset, _) => (false, String::new()),
        };
        if fits {
            return Ok(());
        }
        Err(match self.kind {
            Kind::Color => "a color such as `#0a6a70`".to_owned(),
            Kind::Integer => match (self.min, self.max) {
                (Some(min), Some(max)) => format!("a whole number from {min} to {max}"),
                (Some(min), None) => format!("a whole number from {min}"),
                (None, Some(max)) => format!("a whole number up to {max}"),
                (None, None) => "a whole number".to_owned(),
            },
            Kind::Choice => format!("one of `{}`", self.values.join("`, `")),
            Kind::Asset => "the name of a file of the theme".to_owned(),
            Kind::Text | Kind::Boolean => expected,
        })
    }
}

/// Nothing else gets into the style sheet.
fn is_color(text: &str) -> bool {
    text.strip_prefix('#').is_some_and(|digits| {
        matches!(digits.len(), 3 | 4 | 6 | 8) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}
