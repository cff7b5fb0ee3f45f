//! What is said to docker and podman: pure functions from a wish to arguments.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Program;
use crate::error::{Error, Result};
use crate::row::Platform;

/// The label that every container of this program has, with what it works on.
pub const LABEL: &str = "wheelsite-builder";

/// A container to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its name, by which it is removed whatever becomes of the client.
    pub name: String,
    /// What the label [`LABEL`] says: who may remove it.
    pub label: String,
    /// The image, by digest or id.
    pub image: String,
    /// For which machine.
    pub platform: Platform,
    /// What it sees of this machine.
    pub mounts: Vec<Mount>,
    /// Variables whose values anybody may see.
    pub env: BTreeMap<String, String>,
    /// Variables whose values are handed over by the client's own environment: they may be secret.
    pub passed: BTreeMap<String, String>,
    /// The most memory, swap included, in bytes.
    pub memory: Option<u64>,
    /// How many processors.
    pub cpus: Option<u32>,
    /// The script and its arguments, for `/bin/sh`.
    pub command: Vec<String>,
}

/// A file or folder that a container sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Absolute, on this machine.
    pub source: PathBuf,
    /// Absolute, in the container.
    pub target: String,
    /// Whether it may write there.
    pub writable: bool,
}

impl Mount {
    /// A mount that is only read.
    pub fn read(source: impl Into<PathBuf>, target: impl Into<String>) -> Self {
        Self { source: source.into(), target: target.into(), writable: false }
    }

    /// A mount that is written to.
    pub fn write(source: impl Into<PathBuf>, target: impl Into<String>) -> Self {
        Self { source: source.into(), target: target.into(), writable: true }
    }

    fn argument(&self) -> Result<OsString> {
        let source = mountable(&self.source)?;
        let end = if self.writable { "" } else { ",readonly" };
        Ok(format!("type=bind,source={source},target={}{end}", self.target).into())
    }
}

/// A path as `--mount` can carry it: engines read the argument as a line of comma-separated values.
fn mountable(path: &Path) -> Result<&str> {
    let text = path.to_str().filter(|text| {
        !text.contains([',', '"']) && !text.chars().any(char::is_control) && path.is_absolute()
    });
    text.ok_or_else(|| {
        Error::config(
            format!(
                "container engines cannot mount `{}`: expected an absolute path of UTF-8 without \
                 commas, quotes and control characters",
                path.display().to_string().escape_debug()
            ),
            "give the folder another name, or choose another with `--work` and `--output`",
        )
    })
}

/// `linux/amd64`, as engines call it.
pub fn platform_name(platform: Platform) -> &'static str {
    match platform {
        Platform::X86_64 => "linux/amd64",
        Platform::Aarch64 => "linux/arm64",
    }
}

/// `run`, in the foreground. `more` comes last of the options, so that it wins.
pub fn run(container: &Container, more: &[String]) -> Result<Vec<OsString>> {
    let mut argv: Vec<OsString> = Vec::with_capacity(40 + more.len());
    let mut put = |values: &[&str]| argv.extend(values.iter().map(OsString::from));
    put(&["run", "--name", &container.name, "--label", &format!("{LABEL}={}", container.label)]);
    // What is run was pinned before; a tag that is pulled now could be another image.
    put(&["--pull", "never", "--platform", platform_name(container.platform)]);
    // Root may install packages; SELinux would hide the mounts, or relabel the user's folders.
    put(&["--user", "0:0", "--workdir", "/", "--security-opt", "label=disable"]);
    // The log is written by this program.
    put(&["--log-driver", "none"]);
    if let Some(memory) = container.memory {
        // As much swap as memory is no swap: a build that swaps never ends.
        let memory = format!("{memory}b");
        put(&["--memory", &memory, "--memory-swap", &memory]);
    }
    if let Some(cpus) = container.cpus {
        put(&["--cpus", &cpus.to_string()]);
    }
    for (name, value) in &container.env {
        put(&["--env", &format!("{name}={value}")]);
    }
    for name in container.passed.keys() {
        put(&["--env", name]);
    }
    for mount in &container.mounts {
        argv.push("--mount".into());
        argv.push(mount.argument()?);
    }
    let mut put = |values: &[String]| argv.extend(values.iter().map(OsString::from));
    put(more);
    // Entry points of images print banners, or want other arguments.
    put(&["--entrypoint".to_owned(), "/bin/sh".to_owned(), container.image.clone()]);
    put(&container.command);
    Ok(argv)
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// `pull` of an image for one kind of machine.
pub fn pull(image: &str, platform: Platform) -> Vec<OsString> {
    words(&["pull", "--platform", platform_name(platform), image])
}

/// Everything about an image that is here, as a JSON list.
pub fn image_inspect(image: &str) -> Vec<OsString> {
    words(&["image", "inspect", image])
}

/// Removes an image, unless something else uses it.
pub fn image_remove(id: &str) -> Vec<OsString> {
    words(&["image", "rm", id])
}

/// Where the engine keeps its images.
pub fn storage(program: Program) -> Vec<OsString> {
    let format = match program {
        Program::Docker => "{{.DockerRootDir}}",
        Program::Podman => "{{.Store.GraphRoot}}",
    };
    words(&["info", "--format", format])
}

/// Whether the kernel ended a container because it had used up its memory.
pub fn oom_killed(name: &str) -> Vec<OsString> {
    words(&["container", "inspect", "--format", "{{.State.OOMKilled}}", name])
}

/// Ends a container at once.
pub fn kill(name: &str) -> Vec<OsString> {
    words(&["kill", "--signal", "KILL", name])
}

/// Removes a container, also one that runs, with its anonymous volumes.
pub fn remove(name: &str) -> Vec<OsString> {
    words(&["rm", "--force", "--volumes", name])
}

/// The ids of containers with a label.
pub fn list_labeled(label: &str) -> Vec<OsString> {
    words(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &format!("label={LABEL}={label}")])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container() -> Container {
        Container {
            name: "wheelsite-x-0f".into(),
            label: "4a".into(),
            image: "docker.io/nvidia/cuda@sha256:11".into(),
            platform: Platform::X86_64,
            mounts: vec![
                Mount::read("/home/me/a b/scripts", "/wheelsite/scripts"),
                Mount::write("/w/row", "/wheelsite/row"),
            ],
            env: BTreeMap::from([("MAX_JOBS".into(), "4 $(id)".into())]),
            passed: BTreeMap::from([("PIP_INDEX_URL".into(), "https://u:secret@h/".into())]),
            memory: Some(16 << 30),
            cpus: Some(4),
            command: vec!["/wheelsite/scripts/build.sh".into()],
        }
    }

    fn text(argv: &[OsString]) -> Vec<&str> {
        argv.iter().map(|it| it.to_str().expect("is UTF-8")).collect()
    }

    #[test]
    fn both_engines_are_told_the_same_to_run() {
        let argv = run(&container(), &["--network=host".into()]).expect("can be mounted");
        assert_eq!(
            text(&argv),
            [
                "run",
                "--name",
                "wheelsite-x-0f",
                "--label",
                "wheelsite-builder=4a",
                "--pull",
                "never",
                "--platform",
                "linux/amd64",
                "--user",
                "0:0",
                "--workdir",
                "/",
                "--security-opt",
                "label=disable",
                "--log-driver",
                "none",
                "--memory",
                "17179869184b",
                "--memory-swap",
                "17179869184b",
                "--cpus",
                "4",
                "--env",
                "MAX_JOBS=4 $(id)",
                "--env",
                "PIP_INDEX_URL",
                "--mount",
                "type=bind,source=/home/me/a b/scripts,target=/wheelsite/scripts,readonly",
                "--mount",
                "type=bind,source=/w/row,target=/wheelsite/row",
                "--network=host",
                "--entrypoint",
                "/bin/sh",
                "docker.io/nvidia/cuda@sha256:11",
                "/wheelsite/scripts/build.sh",
            ]
        );
        assert!(!text(&argv).iter().any(|it| it.contains("secret")), "{argv:?}");
    }

    #[test]
    fn paths_that_would_become_options_are_refused() {
        for path in ["/a,readonly=false", "/a\"b", "/a\nb", "relative"] {
            let mut it = container();
            it.mounts = vec![Mount::read(path, "/x")];
            let error = run(&it, &[]).expect_err("is refused");
            assert_eq!(error.exit_code(), 2, "{error}");
        }
    }

    #[test]
    fn other_commands() {
        assert_eq!(
            text(&pull("nvidia/cuda:12.9.1-devel-ubuntu22.04", Platform::Aarch64)),
            ["pull", "--platform", "linux/arm64", "nvidia/cuda:12.9.1-devel-ubuntu22.04"]
        );
        assert_eq!(text(&image_inspect("a")), ["image", "inspect", "a"]);
        assert_eq!(text(&image_remove("sha256:1d")), ["image", "rm", "sha256:1d"]);
        assert_eq!(text(&storage(Program::Docker)), ["info", "--format", "{{.DockerRootDir}}"]);
        assert_eq!(text(&storage(Program::Podman)), ["info", "--format", "{{.Store.GraphRoot}}"]);
        assert_eq!(
            text(&oom_killed("a")),
            ["container", "inspect", "--format", "{{.State.OOMKilled}}", "a"]
        );
        assert_eq!(text(&kill("a")), ["kill", "--signal", "KILL", "a"]);
        assert_eq!(text(&remove("a")), ["rm", "--force", "--volumes", "a"]);
        assert_eq!(
            text(&list_labeled("4a")),
            ["ps", "--all", "--quiet", "--no-trunc", "--filter", "label=wheelsite-builder=4a"]
        );
    }
}
