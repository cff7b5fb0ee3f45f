//! What people type to install a file.

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

impl People<'_> {
    /// Commands pin the version with its local part, and keep installers from compiling an sdist.
    ///
    /// The finder of the default theme writes the same.
    pub(super) fn install(&self, project: &Project, file: &IndexFile) -> Install {
        let (name, version) = (&project.name, file.dist.version());
        let path = index_path(Some(file));
        let url = match &self.site.url {
            Some(site) => format!("{site}{path}"),
            None => INDEX_URL.to_owned(),
        };
        let only_binary = match file.dist {
            DistFilename::Wheel(_) => format!(" --only-binary {name}"),
            DistFilename::Sdist(_) => String::new(),
        };
        let index = &self.site.index_name;
        Install {
            pip: Some(format!(
                "pip install \"{name}=={version}\"{only_binary} --extra-index-url {url}"
            )),
            uv: Some(format!("uv pip install \"{name}=={version}\"{only_binary} --index {url}")),
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
