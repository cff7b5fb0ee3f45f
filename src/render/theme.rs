//! Themes: templates and assets, embedded, and overridable file by file.

use std::collections::BTreeMap;
use std::path::Path;

use tera::Tera;

use crate::config::ThemeChoice;
use crate::error::{Error, Result};
use crate::wheel::Sha256;

macro_rules! embedded {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../themes/default/", $name)))),+]
    };
}

/// The default theme.
static DEFAULT: &[(&str, &[u8])] = embedded![
    "404.html",
    "base.html",
    "coverage.html",
    "favicon.svg",
    "index.html",
    "project.html",
    "rejected.html",
    "site.js",
    "style.css",
];

/// No file of a theme comes near this many bytes.
const MAX_SIZE: u64 = 16 * 1024 * 1024;

/// Templates that are parsed and assets that have their final names.
pub struct Theme {
    /// The templates.
    pub(super) tera: Tera,
    /// By the name that templates use.
    assets: BTreeMap<String, Asset>,
    digest: Sha256,
}

/// A file that pages refer to.
struct Asset {
    /// Where it lies: the digest in its name lets browsers keep it for ever.
    path: String,
    bytes: Vec<u8>,
}

impl Theme {
    /// Loads the chosen theme; what a folder does not have is taken from the default.
    ///
    /// Files that end in `.html` are templates, all others are assets.
    pub fn load(choice: &ThemeChoice) -> Result<Self> {
        let mut files: BTreeMap<String, Vec<u8>> =
            DEFAULT.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        if let ThemeChoice::Folder(folder) = choice {
            files.extend(read_folder(folder)?);
        }
        let mut everything = Vec::new();
        for (name, bytes) in &files {
            everything.extend_from_slice(format!("{name} {}\n", Sha256::of(bytes)).as_bytes());
        }
        let mut templates = Vec::new();
        let mut assets = BTreeMap::new();
        for (name, bytes) in files {
            if name.ends_with(".html") {
                let text = String::from_utf8(bytes)
                    .map_err(|_| Error::config(format!("the template `{name}` is not UTF-8")))?;
                templates.push((name, text));
            } else {
                let path = hashed(&name, &bytes);
                assets.insert(name, Asset { path, bytes });
            }
        }
        let mut tera = Tera::default();
        tera.add_raw_templates(templates).map_err(|error| Error::Render {
            template: theme_name(choice),
            message: error.to_string(),
        })?;
        Ok(Self { tera, assets, digest: Sha256::of(&everything) })
    }

    /// Digest of every file of the theme.
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
}

fn theme_name(choice: &ThemeChoice) -> String {
    match choice {
        ThemeChoice::Default => "default".to_owned(),
        ThemeChoice::Folder(folder) => folder.display().to_string(),
    }
}

/// `style.css` becomes `assets/style.0123456789abcdef.css`.
fn hashed(name: &str, bytes: &[u8]) -> String {
    let digest = Sha256::of(bytes).short();
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("assets/{stem}.{digest}.{extension}"),
        None => format!("assets/{name}.{digest}"),
    }
}

fn read_folder(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| {
        Error::config_hint(
            format!("cannot read the theme `{}`: {error}", path.display()),
            "`--theme` takes `default` or a folder with templates and assets",
        )
    };
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(|error| failed(folder, &error))? {
        let path = entry.map_err(|error| failed(folder, &error))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if name.starts_with('.') || !path.is_file() {
            continue;
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
mod tests {
    use super::*;

    #[test]
    fn a_folder_overrides_file_by_file() {
        let folder = tempfile::tempdir().expect("makes a folder");
        std::fs::write(folder.path().join("style.css"), "body {}").expect("writes");
        std::fs::write(folder.path().join("logo.png"), "png").expect("writes");
        let default = Theme::load(&ThemeChoice::Default).expect("loads");
        let theme = Theme::load(&ThemeChoice::Folder(folder.path().into())).expect("loads");
        let style = |theme: &Theme| theme.asset_paths()["style.css"].to_owned();
        assert_ne!(style(&theme), style(&default));
        assert_eq!(theme.asset_paths()["site.js"], default.asset_paths()["site.js"]);
        assert!(theme.asset_paths()["logo.png"].starts_with("assets/logo."));
        assert_ne!(theme.digest(), default.digest());
    }

    #[test]
    fn a_broken_template_is_named_with_its_line() {
        let folder = tempfile::tempdir().expect("makes a folder");
        std::fs::write(folder.path().join("index.html"), "\n{% if %}").expect("writes");
        let error = Theme::load(&ThemeChoice::Folder(folder.path().into())).err().expect("fails");
        assert!(error.to_string().contains("index.html:2"), "{error}");
        assert_eq!(error.exit_code(), 2);
        let error = Theme::load(&ThemeChoice::Folder("nowhere".into())).err().expect("fails");
        assert!(error.hint().is_some());
    }
}
