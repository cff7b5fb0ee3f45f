//! The commands that the finder shows, run as they stand by real pip and uv on machines of many
//! kinds.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::sites::{self, CHANNELS, MARKER, put};
use crate::support::browser::Browser;
use crate::support::clients::{CLIENTS, Client};
use crate::support::{Run, Wheel, Workspace, tools};

/// What someone tells the finder, how clients are made to see the same machine, and what fits it.
struct Machine {
    project: &'static str,
    query: &'static str,
    python: &'static str,
    platform: Platform,
    file: &'static str,
}

/// A platform as wheel tags know it.
#[derive(Clone, Copy)]
enum Platform {
    /// An architecture, and the minor number of glibc 2.
    Linux(&'static str, u32),
    Musl(&'static str),
    Mac(&'static str),
    Windows(&'static str),
}

const fn machine(
    project: &'static str,
    query: &'static str,
    python: &'static str,
    platform: Platform,
    file: &'static str,
) -> Machine {
    Machine { project, query, python, platform, file }
}

const MACHINES: [Machine; 17] = [
    machine(
        "flash-attn",
        "platform=linux_x86_64&glibc=2.35&cuda=12.6&gpu=8.0&torch=2.8",
        "3.11",
        Platform::Linux("x86_64", 35),
        "flash_attn-2.8.3+cu126torch2.8-cp311-cp311-manylinux_2_28_x86_64.whl",
    ),
    machine(
        "flash-attn",
        "platform=linux_x86_64&glibc=2.35&cuda=12.8&gpu=8.9&torch=2.9",
        "3.12",
        Platform::Linux("x86_64", 35),
        "flash_attn-2.8.3+cu128torch2.9-cp312-cp312-manylinux_2_28_x86_64.whl",
    ),
    machine(
        "flash-attn",
        "platform=linux_x86_64&glibc=2.28&driver=575.57.08&torch=2.8",
        "3.13",
        Platform::Linux("x86_64", 28),
        "flash_attn-2.8.3+cu128torch2.8-cp313-cp313-manylinux_2_28_x86_64.whl",
    ),
    machine(
        "flash-attn",
        "platform=linux_x86_64&glibc=2.39&cuda=13.0&gpu=12.0&torch=2.9",
        "3.13",
        Platform::Linux("x86_64", 39),
        "flash_attn-2.8.3+cu130torch2.9-cp313-cp313-manylinux_2_28_x86_64.whl",
    ),
    // Older code runs on a newer driver, and here it is all that there is.
    machine(
        "flash-attn",
        "platform=linux_aarch64&glibc=2.39&cuda=13.0&torch=2.9",
        "3.12",
        Platform::Linux("aarch64", 39),
        "flash_attn-2.8.3+cu128torch2.9-cp312-cp312-manylinux_2_34_aarch64.whl",
    ),
    machine(
        "flash-attn",
        "platform=win_amd64&cuda=12.8&torch=2.8",
        "3.12",
        Platform::Windows("amd64"),
        "flash_attn-2.8.3+cu128torch2.8-cp312-cp312-win_amd64.whl",
    ),
    machine(
        "flash-attn",
        "platform=linux_x86_64&glibc=2.35&cuda=12.8&torch=2.9",
        "3.13t",
        Platform::Linux("x86_64", 35),
        "flash_attn-2.8.3+cu128torch2.9-cp313-cp313t-manylinux_2_28_x86_64.whl",
    ),
    machine(
        "tiny-kernels",
        "platform=linux_x86_64&glibc=2.35",
        "3.12",
        Platform::Linux("x86_64", 35),
        "tiny_kernels-1.0-cp312-cp312-manylinux_2_28_x86_64.whl",
    ),
    machine(
        "tiny-kernels",
        "platform=linux_x86_64&glibc=2.17&cuda=12.8",
        "3.12",
        Platform::Linux("x86_64", 17),
        "tiny_kernels-1.0-cp39-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    ),
    machine(
        "tiny-kernels",
        "platform=linux_x86_64&glibc=2.35",
        "3.13t",
        Platform::Linux("x86_64", 35),
        "tiny_kernels-1.0-cp313-cp313t-manylinux_2_28_x86_64.whl",
    ),
    machine(
        "tiny-kernels",
        "platform=musllinux_x86_64",
        "3.10",
        Platform::Musl("x86_64"),
        "tiny_kernels-1.0-cp39-abi3-musllinux_1_2_x86_64.whl",
    ),
    machine(
        "tiny-kernels",
        "platform=macosx_arm64&cuda=none",
        "3.13",
        Platform::Mac("arm64"),
        "tiny_kernels-1.0-cp39-abi3-macosx_11_0_universal2.whl",
    ),
    machine(
        "tiny-kernels",
        "platform=win_amd64",
        "3.13",
        Platform::Windows("amd64"),
        "tiny_kernels-1.0-cp39-abi3-win_amd64.whl",
    ),
    machine(
        "tiny-kernels",
        "platform=win_arm64",
        "3.12",
        Platform::Windows("arm64"),
        "tiny_kernels-1.0-py3-none-any.whl",
    ),
    machine(
        "tiny-kernels",
        "platform=linux_aarch64&glibc=2.31",
        "3.11",
        Platform::Linux("aarch64", 31),
        "tiny_kernels-1.0-py3-none-any.whl",
    ),
    // Other channels have a better tag, but the index of the command does not have them.
    machine(
        "mix",
        "platform=linux_x86_64&glibc=2.35&cuda=none",
        "3.12",
        Platform::Linux("x86_64", 35),
        "mix-1.0-py3-none-any.whl",
    ),
    // A build with a local part would answer for the version too.
    machine(
        "two-builds",
        "platform=linux_x86_64&glibc=2.35",
        "3.12",
        Platform::Linux("x86_64", 35),
        "two_builds-1.0-py3-none-any.whl",
    ),
];

/// Wheels for more than the machines have use for, old releases and yanked ones among them.
fn put_wheels(workspace: &Workspace) {
    sites::put_flash_attn(workspace);
    let plain = |wheel: Wheel| wheel;
    for torch in ["2.8", "2.9"] {
        for (channel, device) in CHANNELS {
            let version = sites::flash_attn_version(channel, torch);
            let put = |tags: &str| put(workspace, "flash-attn", &version, tags, plain);
            put("cp312-cp312-win_amd64");
            if channel != "cu130" {
                put("cp312-cp312-manylinux_2_34_aarch64");
            }
            sites::put(
                workspace,
                "flash-attn",
                &version,
                &format!("cp313-cp313t-{}", sites::LINUX),
                sites::with_device_code(device),
            );
        }
        for version in ["2.8.2", "2.9.0", "3.0rc1"] {
            let tags = format!("cp312-cp312-{}", sites::LINUX);
            put(workspace, "flash-attn", &format!("{version}+cu128torch{torch}"), &tags, plain);
        }
    }
    for tags in [
        "cp312-cp312-manylinux_2_28_x86_64",
        "cp313-cp313t-manylinux_2_28_x86_64",
        "cp39-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64",
        "cp39-abi3-musllinux_1_2_x86_64",
        "cp39-abi3-macosx_11_0_universal2",
        "cp39-abi3-win_amd64",
        "py3-none-any",
    ] {
        put(workspace, "tiny-kernels", "1.0", tags, plain);
    }
    put(workspace, "mix", "1.0", "py3-none-any", plain);
    for (channel, python) in [("cu126", "cp312"), ("cu128", "cp311")] {
        let file = put(workspace, "mix", "1.0", &format!("{python}-none-any"), plain);
        let folder = workspace.path("wheels").join(channel);
        std::fs::create_dir_all(&folder).expect("makes a folder");
        std::fs::rename(workspace.path("wheels").join(&file), folder.join(&file)).expect("moves");
    }
    put(workspace, "two-builds", "1.0", "py3-none-any", plain);
    put(workspace, "two-builds", "1.0+fast", "py312-none-win_amd64", plain);
    workspace.write(
        "config/site.yml",
        "projects:\n  flash-attn:\n    yanked:\n      \"2.9.0\": gives wrong gradients\n",
    );
}

impl Machine {
    /// Lets a client see this machine, all by its environment: the command stays as it is.
    fn confine(&self, command: &mut Command, client: Client, workspace: &Workspace, folder: &Path) {
        let python = self.python.trim_end_matches('t');
        match client {
            Client::Pip => {
                command
                    .env("PIP_CONFIG_FILE", "/dev/null")
                    .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
                    .env("PIP_TARGET", folder)
                    // Without it pip wants all to be binary when it is told of another machine.
                    .env("PIP_NO_DEPS", "1")
                    .env("PIP_IMPLEMENTATION", "cp")
                    .env("PIP_PYTHON_VERSION", python)
                    .env("PIP_PLATFORM", self.platform.for_pip());
                if python != self.python {
                    command.env("PIP_ABI", format!("cp{}", self.python.replace('.', "")));
                }
            }
            Client::Uv => {
                let config = folder.with_extension("toml");
                let text = format!(
                    "[pip]\npython-version = \"{python}\"\npython-platform = \"{}\"\n\
                     target = \"{}\"\n",
                    self.platform.for_uv(),
                    folder.display()
                );
                std::fs::write(&config, text).expect("writes");
                command
                    .env("UV_CONFIG_FILE", config)
                    .env("UV_PYTHON_DOWNLOADS", "never")
                    .env("UV_HTTP_TIMEOUT", "20")
                    .env("UV_CACHE_DIR", workspace.path("uv-cache"));
            }
        }
    }

    /// Whether a client can be told of such a machine: uv cannot of one without the GIL.
    fn suits(&self, client: Client) -> bool {
        matches!(client, Client::Pip) || !self.python.ends_with('t')
    }

    fn path(&self) -> String {
        format!("packages/{}/?python={}&{}", self.project, self.python, self.query)
    }
}

impl Platform {
    /// Every tag that such a machine takes.
    fn for_pip(self) -> String {
        let tags = match self {
            Self::Linux(machine, minor) => {
                let older = (5..=minor).rev().map(|minor| format!("manylinux_2_{minor}_{machine}"));
                older
                    .chain(["manylinux2014", "linux"].map(|tag| format!("{tag}_{machine}")))
                    .collect()
            }
            Self::Musl(machine) => ["musllinux_1_2", "musllinux_1_1", "linux"]
                .map(|tag| format!("{tag}_{machine}"))
                .to_vec(),
            // pip itself knows the older ones.
            Self::Mac(machine) => vec![format!("macosx_14_0_{machine}")],
            Self::Windows(machine) => vec![format!("win_{machine}")],
        };
        tags.join(" ")
    }

    fn for_uv(self) -> String {
        let of_llvm = |machine: &str| {
            match machine {
                "amd64" => "x86_64",
                "arm64" => "aarch64",
                other => other,
            }
            .to_owned()
        };
        match self {
            Self::Linux(machine, minor) => format!("{machine}-manylinux_2_{minor}"),
            Self::Musl(machine) => format!("{machine}-unknown-linux-musl"),
            Self::Mac(machine) => format!("{}-apple-darwin", of_llvm(machine)),
            Self::Windows(machine) => format!("{}-pc-windows-msvc", of_llvm(machine)),
        }
    }
}

/// What was installed into a folder: the one release, and the wheel that it came from.
fn installed(folder: &Path, project: &str) -> (Vec<String>, String) {
    let entries = std::fs::read_dir(folder).expect("lists");
    let names = entries.map(|entry| entry.expect("lists").file_name().into_string());
    let releases = names
        .filter_map(|name| Some(name.expect("is UTF-8").strip_suffix(".dist-info")?.to_owned()));
    let marker = folder.join(format!("{}_wheel", project.replace('-', "_"))).join(MARKER);
    (releases.collect(), std::fs::read_to_string(marker).expect("the wheel holds its name"))
}

#[test]
fn the_command_that_the_finder_shows_installs_the_file_that_it_names() {
    let Some(browser) = Browser::get() else { return };
    let Some(bin) = tools::clients() else { return };
    let workspace = Workspace::new();
    put_wheels(&workspace);
    workspace.build(&[]);
    let served = workspace.serve(&[]);
    // Stands for the public index, from which nothing is to come.
    let elsewhere = Workspace::new();
    elsewhere.wheel(&Wheel::new("unrelated", "1.0"));
    elsewhere.build(&[]);
    let public = elsewhere.serve(&[]);

    let asked = MACHINES.map(|machine| json!({"path": machine.path(), "file": machine.file}));
    let answers =
        browser.play(&workspace, "commands", &served.url, json!({"machines": asked.to_vec()}));
    let path = std::env::var("PATH").unwrap_or_default();
    let mut combinations = 0;
    for (machine, answer) in MACHINES.iter().zip(answers.as_array().expect("is a list")) {
        assert_ne!(answer["state"], "none", "{answer:#}");
        for client in CLIENTS.into_iter().filter(|client| machine.suits(*client)) {
            let shown: &Value = &answer["commands"][client.of("pip", "uv")];
            let shown = shown.as_str().expect("is shown");
            let folder = tempfile::tempdir_in(workspace.path("")).expect("makes a folder");
            let target = folder.path().join("target");
            let mut shell = Command::new("sh");
            workspace.confine(shell.args(["-c", shown]));
            shell
                .env("PATH", format!("{}:{path}", bin.display()))
                .env(client.of("PIP_INDEX_URL", "UV_DEFAULT_INDEX"), public.index());
            machine.confine(&mut shell, client, &workspace, &target);
            let run = Run::of(&mut shell);
            let case = format!("{client:?} on {}: {shown}", machine.path());
            assert_eq!(run.code, Some(0), "{case}: {}", run.stderr);
            let (releases, wheel) = installed(&target, machine.project);
            assert_eq!(wheel, machine.file, "{case}");
            let release: Vec<&str> = machine.file.splitn(3, '-').take(2).collect();
            assert_eq!(releases, [release.join("-")], "{case}");
            combinations += 1;
        }
    }
    assert!(combinations >= 12, "{combinations} combinations");
}
