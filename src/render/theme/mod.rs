//! Themes: templates and assets, embedded or in folders, each built upon another file by file.

mod check;
mod embedded;
mod fixture;
mod manifest;
mod options;
mod starter;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tera::{ErrorKind, Tera};

use crate::config::{Scalar, ThemeChoice};
use crate::error::{Error, Result};
use crate::wheel::Sha256;

pub use check::{Problem, check};
pub use starter::create;

use manifest::{MANIFEST, Manifest};
use options::{Options, Shown};

/// Version of the data that templates get; grows when it changes in a way that breaks themes.
pub const THEME_FORMAT: u32 = 1;

/// No file of a theme comes near this many bytes.
const MAX_SIZE: u64 = 16 * 1024 * 1024;
/// Themes that are built upon each other.
const MAX_LAYERS: usize = 8;
/// The templates that pages are made of.
const PAGES: [&str; 6] =
    ["404.html", "coverage.html", "index.html", "project.html", "projects.html", "rejected.html"];

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
    /// The texts of templates, by the name that pages use: to say where in them something is.
    sources: BTreeMap<String, String>,
    digest: Sha256,
}

/// A file that pages refer to.
struct Asset {
    /// Where it lies: the digest in its name lets browsers keep it for ever.
    path: String,
    bytes: Vec<u8>,
}

/// A theme without what it is built upon.
struct Layer {
    name: String,
    manifest: Manifest,
    files: BTreeMap<String, Vec<u8>>,
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
    /// Files that end in `.html` are templates, all others are assets. Each template is also there
    /// as `<name of the theme>/<file>`, so that one can be built upon the one that it replaces.
    pub fn load(choice: &ThemeChoice, set: &BTreeMap<String, Scalar>) -> Result<Self> {
        let layers = layers(choice)?;
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut qualified = Vec::new();
        let mut specs = BTreeMap::new();
        let mut name = String::new();
        let mut everything = Vec::new();
        for layer in layers {
            for asset in &layer.manifest.omit {
                if files.remove(asset).is_none() || asset.ends_with(".html") {
                    return Err(Error::config(format!(
                        "`theme.yml` of `{}`: `omit` expects assets of what it is built upon, found `{asset}`",
                        layer.name
                    )));
                }
            }
            for (file, bytes) in layer.files {
                everything.extend_from_slice(
                    format!("{}/{file} {}\n", layer.name, Sha256::of(&bytes)).as_bytes(),
                );
                if file.ends_with(".html") {
                    qualified.push((format!("{}/{file}", layer.name), bytes.clone()));
                }
                files.insert(file, bytes);
            }
            specs.extend(layer.manifest.options);
            name = layer.name;
        }
        let options = Options::resolve(&specs, set, |asset| files.contains_key(asset))?;
        if let Some(css) = &options.css {
            files.insert(OPTIONS_CSS.to_owned(), css.clone());
        }
        everything.extend_from_slice(format!("{:?}", options.values).as_bytes());

        let (templates, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            files.into_iter().partition(|(file, _)| file.ends_with(".html"));
        let sources: BTreeMap<String, String> =
            templates.into_iter().map(text).collect::<Result<_>>()?;
        let qualified: Vec<(String, String)> =
            qualified.into_iter().map(text).collect::<Result<_>>()?;
        if let Some(missing) = PAGES.iter().find(|page| !sources.contains_key(**page)) {
            return Err(Error::config_hint(
                format!("the theme `{name}` has no template `{missing}`"),
                "`extends: default` in `theme.yml` takes what is missing from the default theme",
            ));
        }
        let mut tera = Tera::default();
        let all = sources.iter().chain(qualified.iter().map(|(name, text)| (name, text)));
        tera.add_raw_templates(all.map(|(name, text)| (name.as_str(), text.as_str())))
            .map_err(|error| template_error(&name, &error))?;
        let digest = Sha256::of(&everything);
        Ok(Self { tera, name, options, assets: assets(others), sources, digest })
    }

    /// Digest of every file of the theme and of its options.
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

    pub(super) fn data(&self) -> ThemeData<'_> {
        ThemeData { name: &self.name, options: Shown(&self.options.values) }
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

fn text((name, bytes): (String, Vec<u8>)) -> Result<(String, String)> {
    let text = String::from_utf8(bytes)
        .map_err(|_| Error::config(format!("the template `{name}` is not UTF-8")))?;
    Ok((name, text))
}

/// The chosen theme behind all that it is built upon.
fn layers(choice: &ThemeChoice) -> Result<Vec<Layer>> {
    let mut layers: Vec<Layer> = Vec::new();
    let mut next = Some(choice.clone());
    while let Some(choice) = next {
        let layer = layer(&choice)?;
        if layers.iter().any(|other| other.name == layer.name) || layers.len() == MAX_LAYERS {
            return Err(Error::config_hint(
                format!("the theme `{}` is built upon itself, or upon too many others", layer.name),
                "`extends` in `theme.yml` names another theme, by a `name` of its own",
            ));
        }
        next =
            layer.manifest.extends().map(|extends| match (ThemeChoice::named(extends), &choice) {
                // Where the theme lies, not where the program runs.
                (ThemeChoice::Folder(path), ThemeChoice::Folder(folder)) => {
                    ThemeChoice::Folder(folder.join(path))
                }
                (named, _) => named,
            });
        layers.push(layer);
    }
    layers.reverse();
    Ok(layers)
}

fn layer(choice: &ThemeChoice) -> Result<Layer> {
    let (name, mut files) = match choice {
        ThemeChoice::Default => (embedded::DEFAULT.to_owned(), embedded(embedded::DEFAULT)),
        ThemeChoice::Plain => (embedded::PLAIN.to_owned(), embedded(embedded::PLAIN)),
        ThemeChoice::Folder(folder) => (folder_name(folder), read_folder(folder)?),
    };
    let origin = match choice {
        ThemeChoice::Folder(folder) => format!("`{}`", folder.join(MANIFEST).display()),
        ThemeChoice::Default | ThemeChoice::Plain => format!("`{MANIFEST}` of `{name}`"),
    };
    let manifest = match files.remove(MANIFEST) {
        Some(bytes) => Manifest::parse(&bytes, &origin)?,
        // Its files replace those of the default theme, and that is all.
        None => Manifest::default(),
    };
    let name = manifest.name.clone().unwrap_or(name);
    let is_taken = matches!(choice, ThemeChoice::Folder(_)) && embedded::files(&name).is_some();
    if name.is_empty() || !name.chars().all(is_part_of_name) || is_taken {
        return Err(Error::config_hint(
            format!(
                "the theme `{name}` needs a name of its own, of ASCII letters, digits, `-` and `_`"
            ),
            "give it one in its `theme.yml`: `name: mine`",
        ));
    }
    Ok(Layer { name, manifest, files })
}

fn embedded(name: &str) -> BTreeMap<String, Vec<u8>> {
    let files = embedded::files(name).unwrap_or_default().iter();
    files.map(|(name, bytes)| ((*name).to_owned(), embedded::served(name, bytes))).collect()
}

/// What a theme without a name of its own is called: as its folder, as far as that can be.
fn folder_name(folder: &Path) -> String {
    let path = std::path::absolute(folder).unwrap_or_else(|_| PathBuf::from(folder));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default().replace(|char: char| !is_part_of_name(char), "-");
    if name.is_empty() || embedded::files(&name).is_some() { format!("my-{name}") } else { name }
}

fn is_part_of_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '_')
}

/// Gives each asset its final name; in style sheets those of other files stand for themselves.
fn assets(files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Asset> {
    let asset = |(name, bytes): (String, Vec<u8>)| {
        let path = hashed(&name, &bytes);
        (name, Asset { path, bytes })
    };
    let (sheets, others): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(name, _)| name.ends_with(".css"));
    let mut assets: BTreeMap<String, Asset> = others.into_iter().map(asset).collect();
    let linked: Vec<(String, Vec<u8>)> =
        sheets.into_iter().map(|(name, bytes)| (name, with_links(bytes, &assets))).collect();
    assets.extend(linked.into_iter().map(asset));
    assets
}

/// A style sheet in which `url(font.woff2)` leads to where that file lies.
fn with_links(sheet: Vec<u8>, assets: &BTreeMap<String, Asset>) -> Vec<u8> {
    let Ok(mut text) = String::from_utf8(sheet.clone()) else { return sheet };
    let used: BTreeSet<&String> = assets.keys().filter(|name| text.contains(*name)).collect();
    for name in used {
        let path = assets[name].path.strip_prefix("assets/").unwrap_or_default();
        for quote in ["", "\"", "'"] {
            let link = |to: &str| format!("url({quote}{to}{quote})");
            text = text.replace(&link(name), &link(path));
        }
    }
    text.into_bytes()
}

/// `style.css` becomes `assets/style.0123456789abcdef.css`.
fn hashed(name: &str, bytes: &[u8]) -> String {
    let digest = Sha256::of(bytes).short();
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("assets/{stem}.{digest}.{extension}"),
        None => format!("assets/{name}.{digest}"),
    }
}

/// What people put beside a theme and no page has a use for.
fn is_about(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".md") || name.starts_with("license")
}

fn read_folder(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        Error::config_hint(
            format!("cannot read the theme `{}`: {error}", path.display()),
            "`--theme` takes `default`, `plain`, or a folder with templates and assets",
        )
    };
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(folder, &error))? {
        let path = entry.map_err(|error| failed(folder, &error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name.starts_with('.') || is_about(&name) {
            continue;
        }
        if path.is_dir() {
            return Err(failed(&path, &"a theme has no folders in it"));
        }
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Err(failed(
                &path,
                &"expected a name of ASCII letters, digits, `-`, `_` and `.`",
            ));
        }
        let size = path.metadata().map_err(|error| failed(&path, &error))?.len();
        if size > MAX_SIZE {
            return Err(failed(
                &path,
                &format!("it has {size} bytes, expected at most {MAX_SIZE}"),
            ));
        }
        let bytes = std::fs::read(&path).map_err(|error| failed(&path, &error))?;
        files.insert(name, bytes);
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
