//! Real clients: pip, uv and the libraries that read indexes, in an environment of their own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::repository;

/// Where what the tests install is kept between runs.
pub(super) fn kept() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// Says that a test is skipped for want of something, or fails it where nothing may be missing.
pub(crate) fn missing(what: &str) {
    assert!(
        std::env::var("WHEELSITE_REQUIRE").as_deref() != Ok("all"),
        "{what} is missing, and WHEELSITE_REQUIRE=all says that nothing may be"
    );
    eprintln!("skipped: {what} is missing");
}

/// Whether a program is on the PATH; says so where it is not.
pub(crate) fn has_program(name: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join(name).is_file());
    if !found {
        missing(name);
    }
    found
}

/// The folder with `python`, `pip` and `uv`: made once with what `tests/requirements.txt` pins.
pub(crate) fn clients() -> Option<&'static Path> {
    static CLIENTS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let clients = CLIENTS.get_or_init(|| environment("clients", "tests/requirements.txt"));
    if clients.is_none() {
        missing("an environment with pip, uv and the packages of tests/requirements.txt");
    }
    clients.as_deref()
}

/// The `bin` folder of a Python environment with what a file of the repository pins; made once.
pub(crate) fn environment(name: &str, requirements: &str) -> Option<PathBuf> {
    let requirements = repository(requirements);
    let pins = std::fs::read_to_string(&requirements).expect("reads");
    let environment = kept().join(name);
    let marker = environment.join("installed.txt");
    if std::fs::read_to_string(&marker).is_ok_and(|installed| installed == pins) {
        return Some(environment.join("bin"));
    }
    let made = succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment))
        && succeeds(
            clean(&mut Command::new(environment.join("bin/python")))
                .args(["-m", "pip", "install", "--quiet", "-r"])
                .arg(&requirements),
        );
    if !made {
        return None;
    }
    std::fs::write(&marker, pins).expect("writes");
    Some(environment.join("bin"))
}

/// The folder with what npm installs of these packages, each as `name@version`; made once.
pub(crate) fn npm(name: &str, packages: &[&str]) -> Option<PathBuf> {
    let folder = kept().join(name);
    std::fs::create_dir_all(&folder).expect("makes a folder");
    // Another run of the tests may be about to install them too.
    let lock = File::create(folder.join("lock")).expect("makes a file");
    lock.lock().expect("locks");
    let marker = folder.join("installed.txt");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Some(folder);
    }
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--save-exact",
        "--prefix",
    ])
    .arg(&folder)
    .args(packages);
    if !succeeds(&mut npm) {
        return None;
    }
    std::fs::write(&marker, wanted).expect("writes");
    Some(folder)
}

/// The folder with the real wheels that `tests/fixtures/real-wheels.txt` names.
pub(crate) fn real_wheels() -> Option<&'static Path> {
    static WHEELS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let clients = clients()?;
    let wheels = WHEELS.get_or_init(|| {
        let folder = kept().join("real-wheels");
        let mut fetch = Command::new(clients.join("python"));
        clean(&mut fetch).arg(repository("tests/fetch_wheels.py")).arg(&folder);
        succeeds(&mut fetch).then_some(folder)
    });
    if wheels.is_none() {
        missing("a package index to download real wheels from");
    }
    wheels.as_deref()
}

/// Takes from a command all that could let a client install from elsewhere.
pub(crate) fn clean(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let certificates = text == "PIP_CERT" || text == "PIP_DEFAULT_TIMEOUT";
        if (text.starts_with("PIP_") && !certificates)
            || text.starts_with("UV_")
            || text.starts_with("PYTHON")
        {
            command.env_remove(&name);
        }
    }
    command
}

/// Whether a command ends well; says on stderr how it failed.
pub(super) fn succeeds(command: &mut Command) -> bool {
    match command.output() {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            eprintln!("{}", String::from_utf8_lossy(&output.stderr));
            false
        }
        Err(error) => {
            eprintln!("{error}");
            false
        }
    }
}
