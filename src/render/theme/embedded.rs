//! The themes that the program brings with it.

/// A file of a theme.
pub(super) type File = (&'static str, &'static [u8]);

macro_rules! embedded {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../themes/", $folder, "/", $name)))),+]
    };
}

/// What every other theme is built upon, unless it says otherwise.
pub(super) const DEFAULT: &str = "default";
/// Without scripts, for printing and for old browsers.
pub(super) const PLAIN: &str = "plain";

static DEFAULT_FILES: &[File] = embedded![
    "default": "404.html",
    "base.html",
    "coverage.html",
    "favicon.svg",
    "finder.css",
    "finder.html",
    "finder.js",
    "fit.js",
    "gpus.js",
    "icon.png",
    "index.html",
    "project.html",
    "projects.html",
    "rejected.html",
    "site.js",
    "style.css",
    "theme.yml",
];

static PLAIN_FILES: &[File] = embedded![
    "plain": "base.html",
    "index.html",
    "project.html",
    "style.css",
    "theme.yml",
];

/// The files of an embedded theme.
pub(super) fn files(name: &str) -> Option<&'static [File]> {
    match name {
        DEFAULT => Some(DEFAULT_FILES),
        PLAIN => Some(PLAIN_FILES),
        _ => None,
    }
}
