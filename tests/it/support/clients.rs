//! pip and uv, and what they leave.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use url::Url;

use super::{Run, Served, Workspace, tools};

/// Keeps clients from what the machine has configured, and from waiting long.
const ENVIRONMENT: [(&str, &str); 5] = [
    ("PIP_CONFIG_FILE", "/dev/null"),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("UV_NO_CONFIG", "1"),
    ("UV_PYTHON_DOWNLOADS", "never"),
    ("UV_HTTP_TIMEOUT", "20"),
];

pub(crate) const CLIENTS: [Client; 2] = [Client::Pip, Client::Uv];

#[derive(Debug, Clone, Copy)]
pub(crate) enum Client {
    Pip,
    Uv,
}

impl Client {
    /// Installs from one index.
    pub(crate) fn install(self, bin: &Path, index: &str) -> Command {
        let python = bin.join("python");
        let mut command = match self {
            Self::Pip => Command::new(&python),
            Self::Uv => Command::new(bin.join("uv")),
        };
        match self {
            Self::Pip => command
                .args(["-m", "pip", "install", "--no-cache-dir", "--timeout", "20"])
                .args(["--retries", "1", "--index-url"]),
            Self::Uv => command
                .args(["pip", "install", "--no-cache", "--python"])
                .arg(python)
                .arg("--default-index"),
        };
        command.arg(index);
        command
    }

    /// The text that says which of these is meant, for pip or for uv.
    pub(crate) fn of<'t>(self, pip: &'t str, uv: &'t str) -> &'t str {
        match self {
            Self::Pip => pip,
            Self::Uv => uv,
        }
    }
}

/// A folder for a site, and the clients that install from it.
pub(crate) struct Index {
    pub(crate) bin: &'static Path,
    pub(crate) workspace: Workspace,
}

impl Index {
    /// Without wheels so far.
    pub(crate) fn new() -> Option<Self> {
        Some(Self { bin: tools::clients()?, workspace: Workspace::new() })
    }

    pub(crate) fn serve(&self) -> Served {
        self.workspace.serve(&[])
    }

    /// The index without a server.
    pub(crate) fn file_url(&self) -> String {
        let simple = self.workspace.site().join("simple");
        Url::from_directory_path(simple).expect("is absolute").into()
    }

    /// Installs into a new folder.
    pub(crate) fn install(&self, client: Client, index: &str, arguments: &[&str]) -> Installed {
        let folder = tempfile::tempdir_in(self.workspace.path("")).expect("makes a folder");
        let mut command = client.install(self.bin, index);
        command.arg("--target").arg(folder.path()).args(arguments);
        self.workspace.confine(&mut command);
        let run = Run::of(command.envs(ENVIRONMENT));
        Installed { client, run, folder }
    }
}

/// What is installed in a folder: each as `name==version`, by its `.dist-info` folder.
pub(super) fn packages_in(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).expect("lists");
    let names = entries.map(|entry| entry.expect("lists").file_name().into_string());
    let names = names.map(|name| name.expect("is UTF-8"));
    names
        .filter_map(|name| {
            let (name, version) = name.strip_suffix(".dist-info")?.rsplit_once('-')?;
            let normalized = name.to_lowercase().replace(['_', '.'], "-");
            Some(format!("{normalized}=={version}"))
        })
        .collect()
}

/// What an installation left.
pub(crate) struct Installed {
    pub(crate) client: Client,
    pub(crate) run: Run,
    pub(crate) folder: TempDir,
}

impl Installed {
    /// Each as `name==version`, by its `.dist-info` folder.
    pub(crate) fn packages(&self) -> BTreeSet<String> {
        packages_in(self.folder.path())
    }

    /// Expects these packages and no others.
    #[track_caller]
    pub(crate) fn has(&self, expected: &[&str]) {
        assert_eq!(self.run.code, Some(0), "{:?}: {}", self.client, self.run.stderr);
        let expected: BTreeSet<String> = expected.iter().map(|&text| text.to_owned()).collect();
        assert_eq!(self.packages(), expected, "{:?}", self.client);
    }

    /// Expects that the client refused, with this text of pip or that of uv, and left nothing.
    #[track_caller]
    pub(crate) fn is_refused(&self, pip: &str, uv: &str) {
        self.run.fails(1, &[self.client.of(pip, uv)]);
        assert_eq!(self.packages(), BTreeSet::new(), "{:?}", self.client);
    }

    /// Expects that Python runs this with what was installed, and with nothing else.
    #[track_caller]
    pub(crate) fn runs(&self, index: &Index, code: &str) {
        let mut python = Command::new(index.bin.join("python"));
        index.workspace.confine(&mut python);
        // `-S` leaves out the clients' own packages.
        python.args(["-S", "-c", code]).env("PYTHONPATH", self.folder.path());
        let run = Run::of(&mut python);
        assert_eq!(run.code, Some(0), "{:?}: {}", self.client, run.stderr);
    }
}
