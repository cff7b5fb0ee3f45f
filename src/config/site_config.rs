//! `config/site.yml`, as the user writes it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::channels::ChannelsEntry;
use super::publishing::PublishConfig;
use super::settings::{FilesMode, Status};
use super::sources::SourceEntry;
use crate::error::{Error, Result};
use crate::host::Host;
use crate::verify::Level;

/// The configuration of a site. Every key is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SiteConfig {
    /// What the pages call the index.
    pub title: Option<String>,
    /// A sentence below the title.
    pub description: Option<String>,
    /// Where the site will be served.
    pub site_url: Option<String>,
    /// Where the files come from, as `--source` takes it or as a mapping with options.
    #[cfg_attr(test, schemars(with = "Vec<super::sources::EitherForm>"))]
    pub sources: Vec<SourceEntry>,
    /// The repository on GitHub, as `OWNER/REPO`, of releases whose source names none.
    pub repository: Option<String>,
    /// How pages refer to the files.
    pub files: Option<FilesMode>,
    /// Where the files are served when not by the site; implies `files: link`.
    pub files_url: Option<String>,
    /// `default`, `plain`, or a folder with a theme.
    pub theme: Option<String>,
    /// What the theme lets one set.
    pub theme_options: BTreeMap<String, Scalar>,
    /// Which pages for people are written.
    pub pages: Option<PagesMode>,
    /// Where the site will be served.
    pub host: Option<Host>,
    /// Sub-indexes for each CUDA version: `on`, `off`, or a mapping.
    #[cfg_attr(test, schemars(with = "Option<super::channels::EitherForm>"))]
    pub channels: Option<ChannelsEntry>,
    /// URLs of other indexes that have what wheels of this one require, for `check --closure`.
    pub upstreams: Vec<String>,
    /// What a rejected file does.
    pub on_reject: Option<OnReject>,
    /// What the same filename with different bytes at two places does.
    pub on_conflict: Option<OnConflict>,
    /// What a finding of each check does: `deny`, `warn` or `allow`, by the check's id.
    pub checks: BTreeMap<String, Level>,
    /// Names of libraries that wheels may need without holding them, with `*` for any text.
    pub external_libraries: Vec<String>,
    /// Where the site is published, and how.
    pub publish: PublishConfig,
    /// By project name, in any spelling.
    pub projects: BTreeMap<String, ProjectConfig>,
}

/// What is configured for one project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ProjectConfig {
    /// Shown instead of the summary in METADATA.
    pub description: Option<String>,
    /// PEP 792 status.
    pub status: Option<Status>,
    /// Why it has that status.
    pub status_reason: Option<String>,
    /// PEP 592: versions or filenames, and why each is yanked.
    pub yanked: BTreeMap<String, String>,
}

/// Which pages for people are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum PagesMode {
    /// All of them.
    #[default]
    All,
    /// None: only what installers read.
    None,
}

/// What a rejected file does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnReject {
    /// The build fails and the old site stays.
    #[default]
    Fail,
    /// The file is left out with a warning.
    Exclude,
}

/// What the same filename with different bytes at two places does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnConflict {
    /// The build fails and names both.
    #[default]
    Error,
    /// The one that was uploaded first is listed.
    Oldest,
    /// The one that was uploaded last is listed.
    Newest,
}

impl SiteConfig {
    /// The configuration that holds where there is no file: `config/site.yml` of this project.
    pub fn embedded() -> Result<Self> {
        Self::parse(include_str!("../../config/site.yml"), "the embedded defaults")
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::config(format!("cannot read `{shown}`: {error}")))?;
        Self::parse(&text, &format!("`{shown}`"))
    }

    /// Reads a text; `origin` is what errors call it.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        parse_yaml(text, origin)
    }
}

/// A value that is no list and no mapping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Scalar {
    /// `true` or `false`
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Anything else.
    Text(String),
}

impl std::fmt::Display for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// By hand: what serde derives says neither what was expected nor what was found.
impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Scalar;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`true`, `false`, a whole number or a text")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar::Boolean(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar::Integer(value))
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Scalar, E> {
                let unexpected = serde::de::Unexpected::Unsigned(value);
                i64::try_from(value)
                    .map(Scalar::Integer)
                    .map_err(|_| E::invalid_value(unexpected, &self))
            }

            fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(value.to_owned()))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// Reads a YAML file in which every key is optional; `origin` is what errors call it.
pub fn parse_yaml<T: serde::de::DeserializeOwned + Default>(text: &str, origin: &str) -> Result<T> {
    // A file of comments only is a null, not an empty mapping.
    let parsed: Option<T> = serde_yaml::from_str(text).map_err(|error| {
        let message = error.to_string();
        Error::Config { hint: nearest(&message), message: format!("{origin}: {message}") }
    })?;
    Ok(parsed.unwrap_or_default())
}

/// For a key or value that is unknown: the known one that is nearest to it.
///
/// The names are between backticks in the message of serde: first what was found, then what was expected.
fn nearest(message: &str) -> Option<String> {
    let (_, names) = message.split_once("unknown ")?;
    let mut names = names.split('`').skip(1).step_by(2);
    let found = names.next()?;
    let best = nearest_of(found, names)?;
    Some(format!("did you mean `{best}`?"))
}

/// Of these names the one that looks most like what was found.
pub fn nearest_of<'n>(found: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    names.min_by_key(|known| strsim::damerau_levenshtein(found, known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_file_parses() {
        let config = SiteConfig::embedded().expect("parses");
        assert_eq!(config.title.as_deref(), Some("Python packages"));
        assert!(config.sources.is_empty());
    }

    #[test]
    fn what_is_commented_out_parses_too() {
        let text: String = include_str!("../../config/site.yml")
            .lines()
            .filter_map(|line| {
                let rest = line.strip_prefix("# ").unwrap_or(line);
                let key = rest.trim_start().trim_start_matches("- ");
                // Keys and list items are code, the rest of the comments is prose.
                let code = (key.contains(": ") || key.ends_with(':') || key.contains(":wheels"))
                    && !rest.starts_with("  dir:PATH")
                    && !rest.starts_with("yaml-language")
                    && !key.starts_with('#')
                    && !key.contains(": `")
                    && key
                        .split(':')
                        .next()
                        .is_some_and(|word| !word.trim_matches('"').contains(' '));
                (line.starts_with('#') && code || !line.starts_with('#'))
                    .then(|| format!("{rest}\n"))
            })
            .collect();
        let config =
            SiteConfig::parse(&text, "example").unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(config.projects["flash-attn"].yanked.len(), 2);
        assert_eq!(config.sources[0].0.source, "dir:wheels");
    }

    #[test]
    fn unknown_keys_are_named_with_line_and_nearest() {
        let error = SiteConfig::parse("title: x\nsiet_url: y\n", "site.yml").expect_err("fails");
        let message = error.to_string();
        assert!(message.contains("`siet_url`") && message.contains("line 2"), "{message}");
        assert_eq!(error.hint().as_deref(), Some("did you mean `site_url`?"));
        let error =
            SiteConfig::parse("projects:\n  a:\n    stats: x\n", "site.yml").expect_err("fails");
        assert!(error.to_string().contains("line 3"), "{error}");
        assert_eq!(error.hint().as_deref(), Some("did you mean `status`?"));
        let error = SiteConfig::parse("files: hardlinks\n", "site.yml").expect_err("fails");
        assert_eq!(error.hint().as_deref(), Some("did you mean `hardlink`?"));
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn comments_alone_are_a_configuration() {
        assert_eq!(SiteConfig::parse("# nothing\n", "x").expect("parses"), SiteConfig::default());
    }

    #[test]
    fn the_schema_is_fresh() {
        let schema = schemars::schema_for!(SiteConfig);
        let mut text = serde_json::to_string_pretty(&schema).expect("serializes");
        text.push('\n');
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/site.schema.json");
        if std::env::var_os("WHEELSITE_BLESS").is_some() {
            std::fs::write(&path, &text).expect("writes");
        }
        assert!(
            std::fs::read_to_string(&path).is_ok_and(|standing| standing == text),
            "config/site.schema.json is stale: run the tests once with WHEELSITE_BLESS=1"
        );
    }
}
