//! What people type to install a file.

use std::borrow::Cow;

use serde::Serialize;

use super::People;
use crate::index::{IndexFile, Project};
use crate::wheel::DistFilename;

/// Stands in commands for the index's URL where that is not known; the theme's script replaces it.
const INDEX_URL: &str = "INDEX_URL";

/// Commands and snippets that install one file.
#[derive(Default, Serialize)]
pub(super) struct Install {
    pip: Option<String>,
    uv: Option<String>,
    /// `pyproject.toml` for uv.
    toml: Option<String>,
    /// `pyproject.toml` for Poetry.
    poetry: Option<String>,
}

/// The index that a file is best installed from: with its channel's nobody gets another's.
pub(super) fn index_path(file: Option<&IndexFile>) -> String {
    match file.and_then(|file| file.channel.as_ref()) {
        Some(channel) => format!("{channel}/simple/"),
        None => "simple/".to_owned(),
    }
}

/// What commands and snippets are about.
struct Wanted<'a> {
    name: &'a str,
    version: &'a str,
    is_wheel: bool,
    /// The URL of the index, and what `pyproject.toml` calls it.
    url: &'a str,
    index: &'a str,
}

/// A requirement as a word of a shell.
///
/// Within double quotes an interactive bash takes `!` for a command of its history.
fn quote_pin(pin: &str) -> String {
    if pin.contains('!') { format!("'{pin}'") } else { format!("\"{pin}\"") }
}

/// A URL as a word of a shell; it holds no quote.
fn quote_url(url: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/._~%+-".contains(&byte);
    if url.bytes().all(is_plain) { url.into() } else { format!("'{url}'").into() }
}

impl Wanted<'_> {
    /// The finder of the default theme quotes alike. It also pins with `===` where a version with a
    /// local part would be taken instead, and gives Poetry a wheel's URL there.
    fn install(&self) -> Install {
        let Self { name, version, index, .. } = self;
        let pin = quote_pin(&format!("{name}=={version}"));
        let url = self.url.replace('\'', "%27");
        let word = quote_url(&url);
        let only_binary =
            if self.is_wheel { format!(" --only-binary {name}") } else { String::new() };
        Install {
            pip: Some(format!("pip install {pin}{only_binary} --extra-index-url {word}")),
            uv: Some(format!("uv pip install {pin}{only_binary} --index {word}")),
            toml: Some(format!(
                "[project]\ndependencies = [\"{name}=={version}\"]\n\n\
                 [[tool.uv.index]]\nname = \"{index}\"\nurl = \"{url}\"\nexplicit = true\n\n\
                 [tool.uv.sources]\n{name} = {{ index = \"{index}\" }}\n"
            )),
            poetry: Some(format!(
                "[tool.poetry.dependencies]\n\
                 {name} = {{ version = \"{version}\", source = \"{index}\" }}\n\n\
                 [[tool.poetry.source]]\nname = \"{index}\"\nurl = \"{url}\"\n\
                 priority = \"explicit\"\n"
            )),
        }
    }
}

impl People<'_> {
    /// Commands pin the version with its local part, and keep installers from compiling an sdist.
    pub(super) fn install(&self, project: &Project, file: &IndexFile) -> Install {
        let path = index_path(Some(file));
        let url = match &self.site.url {
            Some(site) => format!("{site}{path}"),
            None => INDEX_URL.to_owned(),
        };
        Wanted {
            name: project.name.as_str(),
            version: &file.dist().version().to_string(),
            is_wheel: matches!(file.dist(), DistFilename::Wheel(_)),
            url: &url,
            index: &self.site.index_name,
        }
        .install()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// The finder's own test reads the same.
    const CASES: &str = include_str!("../../../tests/it/scripts/finder/fixtures/shell.json");

    #[test]
    fn shells_and_files_read_what_is_meant() {
        let cases: Vec<Value> = serde_json::from_str(CASES).expect("is JSON");
        assert!(cases.len() > 5);
        for case in &cases {
            let text = |key: &str| case[key].as_str().expect("is text");
            let wanted = Wanted {
                name: "x",
                version: text("version"),
                is_wheel: true,
                url: &format!("{}cu128/simple/", text("site")),
                index: "w",
            };
            let Install { pip, uv, toml, poetry } = wanted.install();
            for (key, written) in [("pip", pip), ("uv", uv), ("uvToml", toml), ("poetry", poetry)] {
                assert_eq!(written.as_deref(), Some(text(key)), "{key} at {}", text("site"));
            }
        }
    }

    #[test]
    fn what_stands_for_a_url_is_left_for_scripts_to_find() {
        assert_eq!(quote_url(INDEX_URL), INDEX_URL);
    }
}
