//! Channels, as the user writes them and as the program needs them.

use globset::{Glob, GlobMatcher};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::cuda::LocalTag;
use crate::error::{Error, Result};
use crate::index::{Channel, IndexFile};

/// Whether there are channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ChannelsMode {
    /// Where files name several.
    On,
    /// Never: `simple/` offers everything.
    Off,
}

/// The configuration of channels: `on`, `off`, or a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelsEntry {
    /// Whether there are channels.
    pub mode: ChannelsMode,
    /// What else is written.
    pub config: ChannelsConfig,
}

/// The mapping.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ChannelsConfig {
    /// The channel whose files `simple/` offers where a release has several; else the newest of CUDA.
    pub default: Option<String>,
    /// Which files belong where; the first that fits decides, before what the file itself says.
    pub rules: Vec<ChannelRule>,
}

/// A rule: all patterns that it has must fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ChannelRule {
    /// The channel of files that fit; `none` for those that fit every channel.
    pub channel: String,
    /// Glob of filenames.
    pub filename: Option<String>,
    /// Glob of local versions.
    pub local: Option<String>,
    /// Glob of what the file lies in: the folders below the source, or the tag of its release.
    pub place: Option<String>,
}

/// Both forms, for editors.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "read by the schema alone")]
pub(super) enum EitherForm {
    /// Whether there are channels.
    Mode(ChannelsMode),
    /// With options.
    Mapping(ChannelsConfig),
}

impl<'de> Deserialize<'de> for ChannelsEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = ChannelsEntry;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`on`, `off`, or a mapping with `default` and `rules`")
            }

            fn visit_bool<E>(self, on: bool) -> Result<ChannelsEntry, E> {
                let mode = if on { ChannelsMode::On } else { ChannelsMode::Off };
                Ok(ChannelsEntry { mode, config: ChannelsConfig::default() })
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ChannelsEntry, E> {
                match text {
                    "on" => self.visit_bool(true),
                    "off" => self.visit_bool(false),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<ChannelsEntry, A::Error> {
                let config =
                    ChannelsConfig::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(ChannelsEntry { mode: ChannelsMode::On, config })
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// Channels, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSettings {
    /// Whether there are any.
    pub enabled: bool,
    /// The one that `simple/` prefers.
    pub default: Option<Channel>,
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
struct Rule {
    written: ChannelRule,
    channel: Option<Channel>,
    filename: Option<GlobMatcher>,
    local: Option<GlobMatcher>,
    place: Option<GlobMatcher>,
}

/// Two are the same where what was written is.
impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Rule {}

impl ChannelSettings {
    /// Resolves what was written; the flag wins.
    pub fn resolve(entry: Option<ChannelsEntry>, flag: Option<ChannelsMode>) -> Result<Self> {
        let wrong = |what: &str, reason: &dyn std::fmt::Display| {
            Error::config(format!("`channels.{what}`: {reason}"))
        };
        let ChannelsEntry { mode, config } = entry
            .unwrap_or(ChannelsEntry { mode: ChannelsMode::On, config: ChannelsConfig::default() });
        let channel =
            |what: &str, name: &str| name.parse::<Channel>().map_err(|error| wrong(what, &error));
        let glob = |pattern: &Option<String>| {
            let compile = |pattern: &String| {
                let glob = Glob::new(pattern).map_err(|error| wrong("rules", &error))?;
                Ok(glob.compile_matcher())
            };
            pattern.as_ref().map(compile).transpose()
        };
        let rule = |written: ChannelRule| {
            if written.filename.is_none() && written.local.is_none() && written.place.is_none() {
                let reason = "a rule needs `filename`, `local` or `place`";
                return Err(wrong("rules", &reason));
            }
            Ok(Rule {
                channel: match written.channel.as_str() {
                    "none" => None,
                    name => Some(channel("rules", name)?),
                },
                filename: glob(&written.filename)?,
                local: glob(&written.local)?,
                place: glob(&written.place)?,
                written,
            })
        };
        Ok(Self {
            enabled: flag.unwrap_or(mode) == ChannelsMode::On,
            default: config.default.map(|name| channel("default", &name)).transpose()?,
            rules: config.rules.into_iter().map(rule).collect::<Result<_>>()?,
        })
    }

    /// The channel of a file by rule, else by its local version, else by where it lies.
    pub fn channel_of(&self, file: &IndexFile) -> Option<Channel> {
        if let Some(rule) = self.rule(file) {
            return rule.channel.clone();
        }
        let local = local_of(file).as_deref().and_then(Channel::of_local_version);
        // Some builders name torch first: `pt29cu128`.
        let named = || LocalTag::of(file.dist().version()).cuda.and_then(Channel::of_toolkit);
        local.or_else(named).or_else(|| file.artifact.place.as_deref().and_then(Channel::of_place))
    }

    /// Whether a rule has decided.
    pub fn is_settled(&self, file: &IndexFile) -> bool {
        self.rule(file).is_some()
    }

    fn rule(&self, file: &IndexFile) -> Option<&Rule> {
        let local = if self.rules.is_empty() { None } else { local_of(file) };
        let fits = |pattern: &Option<GlobMatcher>, text: Option<&str>| match pattern {
            None => true,
            Some(pattern) => text.is_some_and(|text| pattern.is_match(text)),
        };
        self.rules.iter().find(|rule| {
            fits(&rule.filename, Some(file.dist().as_str()))
                && fits(&rule.local, local.as_deref())
                && fits(&rule.place, file.artifact.place.as_deref())
        })
    }
}

/// The local part of a file's version.
fn local_of(file: &IndexFile) -> Option<String> {
    let version = file.dist().version();
    version.is_local().then(|| {
        let text = version.to_string();
        text.split_once('+').map(|(_, local)| local.to_owned()).unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(text: &str) -> Result<ChannelSettings> {
        let entry: ChannelsEntry =
            serde_yaml::from_str(text).map_err(|error| Error::config(error.to_string()))?;
        ChannelSettings::resolve(Some(entry), None)
    }

    #[test]
    fn forms() {
        assert!(resolve("on").expect("resolves").enabled);
        assert!(!resolve("off").expect("resolves").enabled);
        assert!(!resolve("false").expect("resolves").enabled);
        let settings = resolve("default: cu128").expect("resolves");
        assert_eq!(settings.default, Some("cu128".parse().expect("parses")));
        let entry = serde_yaml::from_str("default: cu128").expect("parses");
        let off = ChannelSettings::resolve(Some(entry), Some(ChannelsMode::Off)).expect("resolves");
        assert!(!off.enabled);
    }

    #[test]
    fn nonsense_is_named() {
        for (text, part) in [
            ("default: simple", "channels.default"),
            ("default: Cu 1", "channels.default"),
            ("rules: [{channel: cu128}]", "needs `filename`"),
            ("rules: [{channel: '', local: x}]", "channels.rules"),
            ("rules: [{channel: a, local: '['}]", "channels.rules"),
            ("maybe", "`on`, `off`"),
            ("defualt: x", "defualt"),
        ] {
            let error = resolve(text).expect_err(text);
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }
}
