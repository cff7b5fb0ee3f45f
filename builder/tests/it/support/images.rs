//! podman with a storage of its own, and the two images that builds run in.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::{Run, tools};

/// As `{cuda}` puts it together: NVIDIA's tags have the whole version too.
pub(crate) const DEVEL: &str = "wheelsite.invalid/cuda:13.5.0-devel";
pub(crate) const RUNTIME: &str = "wheelsite.invalid/cuda:13.5.0-runtime";

/// What makes the images.
const SCRIPT: &str = include_str!("../images/make");

/// podman, where it keeps the tests' images and containers.
pub(crate) struct Podman {
    /// Variables that name its files of configuration.
    variables: [(&'static str, PathBuf); 3],
}

impl Podman {
    /// With both images; None where a program that this needs is not on the machine.
    pub(crate) fn get() -> Option<&'static Self> {
        static PODMAN: OnceLock<Option<Podman>> = OnceLock::new();
        PODMAN.get_or_init(Self::make).as_ref()
    }

    fn make() -> Option<Self> {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return None;
        }
        if !["podman", "mmdebstrap"].into_iter().all(tools::has_program) {
            return None;
        }
        let cuda = tools::cuda()?;
        let folder = tools::kept().join("builder");
        let podman = Self::configure(&folder);
        if !podman.command(&["info"]).output().is_ok_and(|output| output.status.success()) {
            tools::missing("a podman that answers, with runc");
            return None;
        }
        // Another run of the tests may be about to make them too.
        let lock = File::create(folder.join("lock")).expect("makes a file");
        lock.lock().expect("locks");
        let marker = folder.join("images.txt");
        let made = std::fs::read_to_string(&marker).is_ok_and(|made| made == SCRIPT)
            && [DEVEL, RUNTIME].iter().all(|image| {
                podman.command(&["image", "exists", image]).status().is_ok_and(|it| it.success())
            });
        if !made {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/images/make");
            let mut make = Command::new("bash");
            make.arg(script).arg(cuda).args([DEVEL, RUNTIME]);
            let output = podman.confine(&mut make).output().expect("starts");
            if !output.status.success() {
                eprintln!("{}", String::from_utf8_lossy(&output.stderr));
                tools::missing("a Debian mirror to make images from");
                return None;
            }
            std::fs::write(&marker, SCRIPT).expect("writes");
        }
        Some(podman)
    }

    /// Writes podman's configuration below a folder.
    fn configure(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("makes a folder");
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            // Whole at every moment: another run of the tests may be reading it.
            let aside = tempfile::NamedTempFile::new_in(folder).expect("makes a file");
            std::fs::write(aside.path(), text).expect("writes");
            aside.persist(&path).expect("renames");
            path
        };
        let shown = folder.display();
        // Locks in files, or those of other storages on this machine would be counted too.
        // The network and the certificates are the machine's, as pip is told of them.
        let containers = format!(
            "[engine]\nruntime = \"runc\"\nlock_type = \"file\"\ntmp_dir = \"{shown}/tmp\"\n\
             cgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n\n\
             [containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=4096:4096\"]\n\
             netns = \"host\"\nvolumes = [\"/etc/ssl/certs:/etc/ssl/certs:ro\"]\n"
        );
        let storage = format!(
            "[storage]\ndriver = \"overlay\"\ngraphroot = \"{shown}/storage\"\n\
             runroot = \"{shown}/run\"\n"
        );
        // Registries of the tests speak HTTP.
        let registries = "unqualified-search-registries = []\n\n[[registry]]\n\
                          location = \"127.0.0.1\"\nprefix = \"127.0.0.1\"\ninsecure = true\n";
        Self {
            variables: [
                ("CONTAINERS_CONF", write("containers.conf", containers)),
                ("CONTAINERS_STORAGE_CONF", write("storage.conf", storage)),
                ("CONTAINERS_REGISTRIES_CONF", write("registries.conf", registries.to_owned())),
            ],
        }
    }

    /// Lets a command use this storage.
    pub(crate) fn confine<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.envs(self.variables.iter().map(|(name, path)| (name, path)))
    }

    /// podman with these arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("podman");
        self.confine(command.args(arguments));
        command
    }

    /// What podman prints, which must end well.
    pub(crate) fn says(&self, arguments: &[&str]) -> String {
        let run = Run::of(&mut self.command(arguments));
        assert_eq!(run.code, Some(0), "podman {arguments:?}: {}", run.stderr);
        run.stdout
    }
}
