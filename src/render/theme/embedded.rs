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

/// A file as it is served: scripts and style sheets without what only their readers need.
pub(super) fn served(name: &str, bytes: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(bytes) {
        Ok(text) if name.ends_with(".js") || name.ends_with(".css") => compact(text).into_bytes(),
        _ => bytes.to_vec(),
    }
}

/// Leaves out indentation, blank lines, and comments that have lines of their own.
///
/// Only for files whose texts end on the line that they begin on; a test looks after that.
fn compact(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_comment = false;
    for line in text.lines().map(str::trim) {
        in_comment |= line.starts_with("/*");
        if in_comment {
            in_comment = !line.contains("*/");
            // What stands behind a comment is kept with it.
            if !in_comment && !line.ends_with("*/") {
                out.push_str(line);
                out.push('\n');
            }
        } else if !line.is_empty() && !line.starts_with("//") {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_indentation_are_left_out() {
        let text = "/** What\n * it does. */\n(() => {\n  // why\n  x(\"//\"); // y\n\n  /* z */ w();\n})();\n";
        assert_eq!(compact(text), "(() => {\nx(\"//\"); // y\n/* z */ w();\n})();\n");
    }

    #[test]
    fn no_text_of_the_embedded_files_goes_over_lines() {
        for (name, bytes) in DEFAULT_FILES.iter().chain(PLAIN_FILES) {
            if name.ends_with(".js") || name.ends_with(".css") {
                let text = std::str::from_utf8(bytes).expect("is UTF-8");
                let code = text.lines().filter(|line| !line.trim_start().starts_with(['*', '/']));
                for line in code {
                    assert_eq!(line.matches('`').count() % 2, 0, "{name}: {line}");
                    assert!(!line.ends_with('\\'), "{name}: {line}");
                }
            }
        }
    }
}
