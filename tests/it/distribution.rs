//! The programs as Python people install them: wheels that pass our own check, lie in our own index,
//! and run where pip and uv install them from there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::clients::Index;
use crate::support::{Run, repository, tools};

/// The programs, each of the wheel that its crate makes.
const PROGRAMS: [(&str, &str); 2] =
    [("wheelsite", "Cargo.toml"), ("wheelsite-builder", "builder/Cargo.toml")];

/// The target folder of this build, so that what is compiled already is not compiled again.
fn target() -> PathBuf {
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
    kept.parent().expect("lies in the target folder").to_owned()
}

/// Makes the wheels of both programs into a folder, as a release does.
fn make_wheels(folder: &Path) -> Option<()> {
    let Some(bin) = tools::environment("maturin", "tests/distribution-requirements.txt") else {
        tools::missing("maturin");
        return None;
    };
    for (_, manifest) in PROGRAMS {
        let mut maturin = Command::new(bin.join("maturin"));
        maturin
            .args(["build", "--release", "--locked", "--manifest-path"])
            .arg(repository(manifest))
            .arg("--out")
            .arg(folder)
            .env("CARGO_TARGET_DIR", target());
        let run = Run::of(&mut maturin);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
    }
    Some(())
}

/// The shortest of some runs: what others do on the machine makes it longer, nothing shorter.
fn shortest(mut run: impl FnMut()) -> Duration {
    let times = (0..10).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    times.min().expect("there are some")
}

#[test]
fn the_programs_install_from_their_own_index() {
    let Some(index) = Index::new() else { return };
    let workspace = &index.workspace;
    if make_wheels(&workspace.path("wheels")).is_none() {
        return;
    }

    let checked = workspace.run(&["check", "--depth", "full", "wheels"]);
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
    let found = workspace.run(&["check", "--depth", "full", "--format", "json", "wheels"]);
    let found = found.json();
    for file in found["files"].as_array().expect("is a list") {
        assert_eq!(file["findings"], serde_json::json!([]), "{file}");
    }
    assert_eq!(found["accepted"], 2);

    let built = workspace.build(&[]);
    assert_eq!(built["projects"], 2);
    let served = index.serve();
    let simple = format!("{}simple/", served.url);

    let version = env!("CARGO_PKG_VERSION");
    let uv = index.bin.join("uv");
    for client in ["pip", "uv"] {
        let environment = workspace.path(client);
        let made =
            Run::of(Command::new(index.bin.join("python")).args(["-m", "venv"]).arg(&environment));
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        let python = environment.join("bin/python");
        let mut install = Command::new(if client == "pip" { &python } else { &uv });
        if client == "pip" {
            install.args(["-I", "-m", "pip", "install", "--no-cache-dir", "--index-url"]);
        } else {
            install.args(["pip", "install", "--no-cache", "--python"]).arg(&python);
            install.arg("--default-index");
        }
        install.arg(&simple).args(PROGRAMS.map(|(name, _)| name));
        workspace.confine(&mut install);
        let installed = Run::of(&mut install);
        assert_eq!(installed.code, Some(0), "{client}: {}", installed.stderr);
        for (name, _) in PROGRAMS {
            let program = environment.join("bin").join(name);
            let said = Run::of(Command::new(&program).arg("--version"));
            assert_eq!((said.code, said.stdout), (Some(0), format!("{name} {version}\n")));
            let took = shortest(|| {
                Command::new(&program).arg("--version").output().expect("starts");
            });
            assert!(took < Duration::from_millis(50), "{name}: {took:?}");
        }
    }

    // As `uvx wheelsite build` does it: nothing is installed before.
    let mut uvx = Command::new(&uv);
    uvx.args(["tool", "run", "--no-cache", "--default-index", &simple, "wheelsite", "build"])
        .args(["--output", "of-uvx"]);
    workspace.confine(&mut uvx);
    let run = Run::of(&mut uvx);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let page = workspace.read("of-uvx/simple/wheelsite/index.html");
    assert!(page.contains(&format!("wheelsite-{version}-py3-none-")), "{page}");
}

#[test]
fn cargo_installs_the_program_from_its_folder() {
    let folder = tempfile::tempdir().expect("makes a folder");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["install", "--quiet", "--locked", "--no-track", "--path"])
        .arg(repository(""))
        .arg("--root")
        .arg(folder.path())
        .env("CARGO_TARGET_DIR", target());
    let run = Run::of(&mut cargo);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let said = Run::of(Command::new(folder.path().join("bin/wheelsite")).arg("--version"));
    assert_eq!(said.stdout, format!("wheelsite {}\n", env!("CARGO_PKG_VERSION")));
}
