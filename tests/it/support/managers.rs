//! Poetry and PDM, which lock a project before they install what it needs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::clients::packages_in;
use super::tools::{environment, missing};
use super::{Run, Workspace};

pub(crate) const MANAGERS: [Manager; 2] = [Manager::Poetry, Manager::Pdm];

#[derive(Debug, Clone, Copy)]
pub(crate) enum Manager {
    Poetry,
    Pdm,
}

/// The folder with both: made once with what `tests/managers-requirements.txt` pins.
pub(crate) fn managers() -> Option<&'static Path> {
    static BIN: OnceLock<Option<PathBuf>> = OnceLock::new();
    let bin = BIN.get_or_init(|| environment("managers", "tests/managers-requirements.txt"));
    if bin.is_none() {
        missing("an environment with the packages of tests/managers-requirements.txt");
    }
    bin.as_deref()
}

impl Manager {
    /// Locks and installs a project that needs these, each as `name==version`, from one index.
    /// What the manager says where it fails.
    pub(crate) fn install(
        self,
        bin: &Path,
        workspace: &Workspace,
        index: &str,
        projects: &[&str],
    ) -> Result<BTreeSet<String>, String> {
        let folder = tempfile::tempdir_in(workspace.path("")).expect("makes a folder");
        let project = folder.path();
        let needs = serde_json::json!(projects);
        let tool = match self {
            Self::Poetry => format!(
                "[tool.poetry]\npackage-mode = false\n[[tool.poetry.source]]\n\
                    name = \"wheels\"\nurl = \"{index}\"\npriority = \"primary\"\n"
            ),
            // Under this name it stands in for PyPI.
            Self::Pdm => format!(
                "[tool.pdm]\ndistribution = false\n[[tool.pdm.source]]\nname = \"pypi\"\n\
                    url = \"{index}\"\n"
            ),
        };
        let text = format!(
            "[project]\nname = \"needy\"\nversion = \"0\"\nrequires-python = \">=3.9,<4\"\n\
                dependencies = {needs}\n{tool}"
        );
        std::fs::write(project.join("pyproject.toml"), text).expect("writes");
        let commands: [&[&str]; 2] = match self {
            Self::Poetry => [&["lock", "--no-ansi"], &["install", "--no-ansi"]],
            Self::Pdm => [&["lock"], &["sync", "--no-self"]],
        };
        for arguments in commands {
            let name = match self {
                Self::Poetry => "poetry",
                Self::Pdm => "pdm",
            };
            let mut command = Command::new(bin.join(name));
            workspace.confine(&mut command);
            command
                .args(arguments)
                .current_dir(project)
                // Each keeps what it has downloaded, and must not find that of another test.
                .env("XDG_CACHE_HOME", project.join("cache"))
                .env("POETRY_CACHE_DIR", project.join("cache"))
                .env("POETRY_KEYRING_ENABLED", "false")
                .env("POETRY_NO_INTERACTION", "1")
                .env("POETRY_REQUESTS_TIMEOUT", "20")
                .env("POETRY_VIRTUALENVS_IN_PROJECT", "true")
                .env("PDM_CACHE_DIR", project.join("cache"))
                .env("PDM_CHECK_UPDATE", "0")
                .env("PDM_NON_INTERACTIVE", "1")
                .env("PDM_REQUEST_TIMEOUT", "20")
                .env("NO_PROXY", "127.0.0.1,localhost");
            let run = Run::of(&mut command);
            if run.code != Some(0) {
                return Err(format!("{self:?} {arguments:?}: {}{}", run.stdout, run.stderr));
            }
        }
        let lib = std::fs::read_dir(project.join(".venv/lib")).expect("has an environment");
        let python = lib.map(|entry| entry.expect("lists").path()).next().expect("has a Python");
        let mut packages = packages_in(&python.join("site-packages"));
        packages.retain(|package| !package.starts_with("pip=="));
        Ok(packages)
    }
}
