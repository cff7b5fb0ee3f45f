//! Reads themes: the chosen one, and all that it is built upon.

use std::collections::BTreeMap;
use std::fs::{File, symlink_metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::embedded;
use super::manifest::{MANIFEST, Manifest};
use crate::config::ThemeChoice;
use crate::error::{Error, Result};

/// No file of a theme comes near this many bytes.
const MAX_SIZE: u64 = 16 * 1024 * 1024;
/// Themes that are built upon each other.
const MAX_LAYERS: usize = 8;

/// A theme without what it is built upon.
pub(super) struct Layer {
    pub(super) name: String,
    pub(super) manifest: Manifest,
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

/// The chosen theme behind all that it is built upon.
pub(super) fn layers(choice: &ThemeChoice) -> Result<Vec<Layer>> {
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
        ThemeChoice::Folder(folder) => (folder_name(folder), read(folder)?),
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

/// What people put beside a theme and no page has a use for.
fn is_about(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".md") || name.starts_with("license")
}

/// A manifest under a name by which nobody looks for it: it would be published and do nothing.
fn is_misnamed_manifest(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    matches!(lower.as_str(), "theme.yml" | "theme.yaml" | "theme.json" | "theme.toml")
        && name != MANIFEST
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> Error {
    failed_hint(
        path,
        error,
        "`--theme` takes `default`, `plain`, or a folder with templates and assets",
    )
}

fn failed_hint(path: &Path, error: &dyn std::fmt::Display, hint: &str) -> Error {
    Error::config_hint(format!("cannot read the theme `{}`: {error}", path.display()), hint)
}

/// The files of a folder by name. Whatever lies there may end up on the site, so that it must be
/// nothing but a file of that folder.
fn read(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(folder, &error))? {
        let path = entry.map_err(|error| failed(folder, &error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name.starts_with('.') || is_about(&name) {
            continue;
        }
        let kind = symlink_metadata(&path).map_err(|error| failed(&path, &error))?.file_type();
        if kind.is_symlink() {
            return Err(failed_hint(
                &path,
                &"it is a link",
                "put the file itself there: a theme publishes only what lies in its folder",
            ));
        }
        if kind.is_dir() {
            return Err(failed(&path, &"a theme has no folders in it"));
        }
        // Pipes have no end, and devices no size.
        if !kind.is_file() {
            return Err(failed_hint(
                &path,
                &"it is not a regular file",
                "a theme is made of files: remove it from the folder",
            ));
        }
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
            return Err(failed(
                &path,
                &"expected a name of ASCII letters, digits, `-`, `_` and `.`",
            ));
        }
        if is_misnamed_manifest(&name) {
            return Err(failed_hint(
                &path,
                &"nothing reads a file of this name",
                "did you mean `theme.yml`?",
            ));
        }
        files.insert(name, read_file(&path)?);
    }
    Ok(files)
}

/// The bytes of a file; it may grow while it is read.
fn read_file(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| failed(path, &error))?;
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(|error| failed(path, &error))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(failed(path, &format!("expected at most {MAX_SIZE} bytes, found more")));
    }
    Ok(bytes)
}
