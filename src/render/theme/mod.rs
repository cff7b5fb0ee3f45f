//! Themes: templates and assets, embedded or in folders, each built upon another file by file.

mod asked;
mod assets;
mod check;
mod embedded;
mod fixed;
mod folder;
mod manifest;
mod options;
mod sheet;
mod starter;
mod structure;
mod templates;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tera::{Context, ErrorKind, Tera};

use crate::config::{Scalar, ThemeChoice};
use crate::error::{Error, Result};
use crate::markup;
use crate::wheel::Sha256;

pub use check::{Problem, check};
pub use starter::create;

use asked::FileForms;
use assets::Asset;
use fixed::Sources;
use options::{Files, OptionSpec, Options, Shown};

/// Version of the data that templates get; grows when it changes in a way that breaks themes.
pub const THEME_FORMAT: u32 = 1;

/// The template of the pages of projects.
const PROJECT: &str = "project.html";
/// The templates that pages are made of.
const PAGES: [&str; 6] =
    ["404.html", "coverage.html", "index.html", PROJECT, "projects.html", "rejected.html"];

/// The style sheet that holds the options that are colors and numbers.
const OPTIONS_CSS: &str = "options.css";

/// Templates that are parsed and assets that have their final names.
pub struct Theme {
    /// The templates.
    pub(super) tera: Tera,
    name: String,
    options: Options,
    /// By the name that templates use.
    assets: BTreeMap<String, Asset>,
    file_forms: FileForms,
    /// Of the templates that the pages of projects are made of, what can be fixed.
    sources: Sources,
    digest: Sha256,
}

/// What templates know of their theme.
#[derive(Serialize)]
pub(super) struct ThemeData<'a> {
    name: &'a str,
    options: Shown<'a>,
}

impl Theme {
    /// Loads the chosen theme; what it does not have is taken from what it is built upon.
    ///
    /// Files that end in `.html` are templates, all others are assets. Templates are called
    /// `<name of the theme>/<file>`; of a file alone, the topmost that there is is taken.
    pub fn load(choice: &ThemeChoice, set: &BTreeMap<String, Scalar>) -> Result<Self> {
        let parts = Parts::read(choice)?;
        let tera = parts.tera().map_err(|error| {
            let first = structure::problems(&parts, &error).into_iter().next();
            first.map_or_else(
                || template_error(&parts.name, &error),
                |problem| Error::Render { template: problem.place, message: problem.message },
            )
        })?;
        parts.theme(tera, set)
    }

    /// Digest of the theme as pages see it, whatever files that came from.
    pub fn digest(&self) -> Sha256 {
        self.digest
    }

    /// Path and bytes of each asset.
    pub fn assets(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.assets.values().map(|asset| (asset.path.as_str(), asset.bytes.as_slice()))
    }

    /// The path of each asset by the name that templates use.
    pub(super) fn asset_paths(&self) -> BTreeMap<&str, &str> {
        self.assets.iter().map(|(name, asset)| (name.as_str(), asset.path.as_str())).collect()
    }

    /// In which forms its templates ask for the files of a release.
    pub(super) fn file_forms(&self) -> FileForms {
        self.file_forms
    }

    /// The templates of the pages of projects with what `context`, which is the same for all of
    /// them, says of them: they render the same pages faster. None where that cannot be told.
    pub(super) fn fixed(&self, context: &Context) -> Option<Tera> {
        self.sources.fixed(&self.tera, context)
    }

    pub(super) fn data(&self) -> ThemeData<'_> {
        ThemeData { name: &self.name, options: Shown(&self.options.values) }
    }
}

/// What a theme and all that it is built upon come to, before templates are parsed.
struct Parts {
    name: String,
    /// Names of the themes, the topmost first.
    layers: Vec<String>,
    /// By qualified name: `<theme>/<file>`.
    templates: BTreeMap<String, String>,
    assets: BTreeMap<String, Vec<u8>>,
    /// Assets that were there until a theme left them out.
    omitted: BTreeSet<String>,
    specs: BTreeMap<String, OptionSpec>,
}

impl Parts {
    fn read(choice: &ThemeChoice) -> Result<Self> {
        let mut parts = Self {
            name: String::new(),
            layers: Vec::new(),
            templates: BTreeMap::new(),
            assets: BTreeMap::new(),
            omitted: BTreeSet::new(),
            specs: BTreeMap::new(),
        };
        for layer in folder::layers(choice)? {
            for asset in layer.manifest.omit {
                if parts.assets.remove(&asset).is_none() {
                    return Err(Error::config(format!(
                        "`theme.yml` of `{}`: `omit` expects assets of what it is built upon, \
                         found `{asset}`",
                        layer.name
                    )));
                }
                parts.omitted.insert(asset);
            }
            for (file, bytes) in layer.files {
                if file.ends_with(".html") {
                    let name = format!("{}/{file}", layer.name);
                    let text = String::from_utf8(bytes).map_err(|_| {
                        Error::config(format!("the template `{name}` is not UTF-8"))
                    })?;
                    parts.templates.insert(name, text);
                } else {
                    parts.omitted.remove(&file);
                    parts.assets.insert(file, bytes);
                }
            }
            parts.specs.extend(layer.manifest.options);
            parts.layers.insert(0, layer.name.clone());
            parts.name = layer.name;
        }
        match PAGES.iter().find(|page| parts.resolve(page).is_none()) {
            None => Ok(parts),
            Some(missing) => Err(Error::config_hint(
                format!("the theme `{}` has no template `{missing}`", parts.name),
                "`extends: default` in `theme.yml` takes what is missing from the default theme",
            )),
        }
    }

    /// The template that a name means in `extends` and `include`, as the engine finds it.
    fn resolve(&self, name: &str) -> Option<(&str, &str)> {
        let qualified = self.layers.iter().map(|layer| format!("{layer}/{name}"));
        let found = std::iter::once(name.to_owned())
            .chain(qualified)
            .find_map(|name| self.templates.get_key_value(&name))?;
        Some((found.0, found.1))
    }

    /// What the author of the topmost theme calls a template.
    fn shown<'n>(&self, name: &'n str) -> &'n str {
        let own = name.strip_prefix(&self.name).and_then(|name| name.strip_prefix('/'));
        own.unwrap_or(name)
    }

    /// The templates, each once: it is the prefixes that make the topmost answer to the bare name.
    /// A component that were there under two names would be refused.
    fn tera(&self) -> tera::TeraResult<Tera> {
        let mut tera = Tera::default();
        tera.set_escape_fn(markup::escape);
        tera.set_fallback_prefixes(self.layers.iter().map(|layer| format!("{layer}/")))?;
        tera.add_raw_templates(&self.templates)?;
        Ok(tera)
    }

    fn theme(&self, tera: Tera, set: &BTreeMap<String, Scalar>) -> Result<Theme> {
        let has = Files { assets: &self.assets, omitted: &self.omitted };
        let options = Options::resolve(&self.specs, set, &has)?;
        let mut assets = self.assets.clone();
        if let Some(css) = &options.css {
            assets.insert(OPTIONS_CSS.to_owned(), css.clone());
        }
        let assets = assets::named(assets);
        let digest = self.digest(&options, &assets);
        Ok(Theme {
            tera,
            name: self.name.clone(),
            options,
            assets,
            file_forms: FileForms::of(self),
            sources: Sources::of(self),
            digest,
        })
    }

    /// Digest of all that decides what pages look like. What is set in `theme.yml` has had its
    /// effect already.
    fn digest(&self, options: &Options, assets: &BTreeMap<String, Asset>) -> Sha256 {
        let mut all = Vec::new();
        let mut add = |bytes: &[u8]| {
            all.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            all.extend_from_slice(bytes);
        };
        add(&self.layers.len().to_le_bytes());
        for layer in &self.layers {
            add(layer.as_bytes());
        }
        add(&self.templates.len().to_le_bytes());
        for (name, text) in &self.templates {
            add(name.as_bytes());
            add(text.as_bytes());
        }
        add(&assets.len().to_le_bytes());
        for (name, asset) in assets {
            add(name.as_bytes());
            add(asset.path.as_bytes());
            add(Sha256::of(&asset.bytes).as_bytes());
        }
        add(format!("{:?}", options.values).as_bytes());
        Sha256::of(&all)
    }
}

/// What the template engine says, with the template, the line and the column.
pub(super) fn template_error(template: &str, error: &tera::Error) -> Error {
    let (template, message) = match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            let (file, span) = (report.filename(), report.span());
            let place = format!("{file}:{}:{}", span.start_line, span.start_col + 1);
            (place, report.message().to_owned())
        }
        _ => (template.to_owned(), error.to_string()),
    };
    Error::Render { template, message }
}

/// A place in a text as `FILE:LINE:COLUMN`.
fn place(file: &str, text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{file}:{line}:{column}")
}

#[cfg(test)]
mod tests;
