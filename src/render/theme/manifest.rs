//! `theme.yml`: what a theme is called, what it is built upon, and what may be set.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::THEME_FORMAT;
use super::embedded::DEFAULT;
use super::options::OptionSpec;
use crate::config::parse_yaml;
use crate::error::{Error, Result};

/// The file of a theme that is neither a template nor an asset.
pub(super) const MANIFEST: &str = "theme.yml";

/// A theme that is built upon nothing says so.
pub(super) const NONE: &str = "none";

/// `theme.yml`, as its author writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Manifest {
    /// Version of the data that its templates expect.
    theme_format: Option<u32>,
    /// What templates of themes that are built upon it call it; the folder's name otherwise.
    pub(super) name: Option<String>,
    /// For those who choose.
    description: Option<String>,
    /// `default`, `plain`, a folder beside it, or `none`.
    extends: Option<String>,
    /// Assets of what it is built upon that it has no use for.
    pub(super) omit: Vec<String>,
    /// What `theme_options` in `site.yml` may set.
    pub(super) options: BTreeMap<String, OptionSpec>,
}

impl Manifest {
    /// Reads the file; `origin` is what errors call it.
    pub(super) fn parse(bytes: &[u8], origin: &str) -> Result<Self> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| Error::config(format!("{origin}: expected UTF-8")))?;
        let manifest: Self = parse_yaml(text, origin)?;
        if manifest.extends.as_deref().is_some_and(|extends| extends.trim().is_empty()) {
            return Err(Error::config_hint(
                format!(
                    "{origin}: `extends` expects `default`, `plain`, `none` or the path of a \
                     folder, found nothing"
                ),
                "leave it out for `default`; `none` is for a theme that has every template",
            ));
        }
        match manifest.theme_format {
            Some(THEME_FORMAT) => Ok(manifest),
            None => Err(Error::config_hint(
                format!("{origin}: `theme_format` is missing"),
                format!("say which data its templates expect: `theme_format: {THEME_FORMAT}`"),
            )),
            Some(found) => Err(Error::config_hint(
                format!("{origin}: expected `theme_format: {THEME_FORMAT}`, found {found}"),
                "docs/themes.md says what has changed between versions",
            )),
        }
    }

    /// What it is built upon.
    pub(super) fn extends(&self) -> Option<&str> {
        match self.extends.as_deref() {
            None => Some(DEFAULT),
            Some(NONE) => None,
            Some(name) => Some(name),
        }
    }
}
