//! Indexes that others make: what is right about them is not found, and what is wrong is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use sha2::Digest;

use super::{Asked, Flawed, Reply, Said, examine};
use crate::support::stores::Server;
use crate::support::tools::{clean, environment, missing};
use crate::support::{Wheel, Workspace, repository};

/// The folder with the servers that `tests/indexes-requirements.txt` pins.
fn servers() -> Option<&'static Path> {
    static BIN: OnceLock<Option<PathBuf>> = OnceLock::new();
    let bin = BIN.get_or_init(|| environment("indexes", "tests/indexes-requirements.txt"));
    if bin.is_none() {
        missing("an environment with the packages of tests/indexes-requirements.txt");
    }
    bin.as_deref()
}

/// Wheels of two projects.
fn wheels() -> Workspace {
    let workspace = Workspace::new();
    for version in ["1.0", "1.1"] {
        workspace.wheel(&Wheel::new("demo-pkg", version));
    }
    workspace.wheel(&Wheel::new("other", "2.0"));
    workspace
}

#[test]
fn pypiserver_is_right() {
    let Some(bin) = servers() else { return };
    let workspace = wheels();
    let mut command = Server::command(bin);
    command.arg(bin.join("pypi-server"));
    command.args(["run", "-i", "127.0.0.1", "-p", "{port}", "--disable-fallback"]);
    let started = Server::start({
        command.arg(workspace.path("wheels"));
        command
    });
    let Some((_server, port)) = started else { return missing("a running pypiserver") };
    let root = format!("http://127.0.0.1:{port}/");
    for url in [root.clone(), format!("{root}simple/")] {
        let said = examine(&workspace, &url, &["--download", "--channels"]);
        assert!(said.run.stderr.contains("is no site of wheelsite"), "{}", said.run.stderr);
        // It has neither JSON nor sidecars, and that is no fault.
        said.has("json-missing", "note", &[]);
        said.has("core-metadata-missing", "note", &["0 of 2 wheels"]);
        assert_eq!(said.checks().len(), 2, "{:#}", said.report);
        let index = &said.report["indexes"][0];
        assert_eq!(index["url"], format!("{root}simple/"));
        assert_eq!((&index["projects"], &index["files_seen"]), (&2.into(), &3.into()));
    }
}

#[test]
fn devpi_is_right_but_for_slashes_and_ranges() {
    let Some(bin) = servers() else { return };
    let workspace = wheels();
    let mut command = Server::command(bin);
    let bin_of = |name: &str| bin.join(name).to_str().expect("is UTF-8").to_owned();
    command.args(["sh", "-c"]).arg(format!(
        "{} --serverdir state --no-root-pypi && exec {} --serverdir state --offline-mode \
         --host 127.0.0.1 --port {{port}}",
        bin_of("devpi-init"),
        bin_of("devpi-server")
    ));
    let Some((_server, port)) = Server::start(command) else { return missing("a running devpi") };
    let root = format!("http://127.0.0.1:{port}");
    let mut fill = Command::new(bin.join("python"));
    fill.arg(repository("tests/it/scripts/devpi_fill.py")).arg(&root);
    let filled = clean(&mut fill).arg(workspace.path("wheels")).output().expect("starts");
    assert!(filled.status.success(), "{}", String::from_utf8_lossy(&filled.stderr));

    let said = examine(&workspace, &format!("{root}/root/dev/+simple/"), &["--download"]);
    let index = &said.report["indexes"][0];
    assert_eq!((&index["server"], &index["files_seen"]), (&"devpi".into(), &3.into()));
    said.has("slash-missing", "warning", &["/root/dev/+simple/demo-pkg/", "found a page"]);
    said.has("range-missing", "warning", &["expected 206"]);
    for check in ["core-metadata-missing", "upload-time-missing"] {
        said.has(check, "note", &[]);
    }
    assert_eq!(said.checks().len(), 4, "{:#}", said.report);
}

/// A file as a bucket serves it.
fn object(asked: &Asked, bytes: &[u8]) -> Reply {
    let mut reply = Reply::new(200, "binary/octet-stream", bytes);
    reply.set("accept-ranges", "bytes");
    reply.set("content-length", &bytes.len().to_string());
    let last = asked.range.as_deref().and_then(|range| range.strip_prefix("bytes=0-"));
    if let Some(last) = last.and_then(|last| last.parse::<usize>().ok()) {
        let end = bytes.len().min(last + 1);
        reply.status = 206;
        reply.body.truncate(end);
        reply.set("content-range", &format!("bytes 0-{}/{}", end - 1, bytes.len()));
    }
    reply
}

/// PyTorch's layout: HTML alone, links that begin at the host's root, builds for several CUDA
/// versions side by side, a nightly build without a hash.
fn pytorch() -> Said {
    let release = |local: &str| Wheel::new("torchy", &format!("1.0+{local}"));
    let wheels = [release("cu126"), release("cu128"), Wheel::new("torchy", "1.1.dev1+cu128")];
    let anchor = |wheel: &Wheel| {
        let hash = if wheel.filename().contains("dev") {
            String::new()
        } else {
            format!("#sha256={}", hex::encode(sha2::Sha256::digest(wheel.bytes())))
        };
        let name = wheel.filename();
        let path = name.replace('+', "%2B");
        format!("    <a href=\"/whl/cu126/{path}{hash}\">{name}</a><br/>\n")
    };
    let page = format!(
        "<!DOCTYPE html>\n<html>\n  <body>\n    <h1>Links for torchy</h1>\n{}  </body>\n</html>\n\
         <!--TIMESTAMP 1779900000-->\n",
        wheels.iter().map(anchor).collect::<String>()
    );
    let root = "<!DOCTYPE html>\n<html>\n  <body>\n    <a href=\"torchy/\">torchy</a><br/>\n  \
                </body>\n</html>\n";
    let server = Flawed::start(move |asked| {
        let file = wheels.iter().find(|wheel| {
            asked.path == format!("/whl/cu126/{}", wheel.filename().replace('+', "%2B"))
        });
        let mut reply = match (&*asked.path, file) {
            ("/whl/cu126/", _) => Reply::new(200, "text/html", root),
            ("/whl/cu126/torchy/", _) => Reply::new(200, "text/html", page.clone()),
            (_, Some(wheel)) => object(asked, &wheel.bytes()),
            _ => Reply::new(403, "application/xml", "<Error><Code>AccessDenied</Code></Error>"),
        };
        reply.set("server", "AmazonS3");
        reply
    });
    examine(&Workspace::new(), &format!("{}whl/cu126/", server.url), &["--all", "--download"])
}

#[test]
fn what_is_wrong_with_the_layout_of_pytorch_is_found() {
    let said = pytorch();
    said.has("hash-partial", "error", &["1 of 3 files have no hash", "1.1.dev1+cu128"]);
    said.has(
        "local-versions",
        "warning",
        &["`1.0+cu126`, `1.0+cu128`: everybody gets `1.0+cu128`"],
    );
    said.has("missing-project-status", "warning", &["found 403"]);
    for check in ["json-missing", "slash-absent", "core-metadata-missing"] {
        said.has(check, "note", &[]);
    }
    assert_eq!(said.checks().len(), 6, "{:#}", said.report);
    let hints: Vec<&str> = said.findings().filter_map(|it| it["hint"].as_str()).collect();
    assert!(hints.iter().any(|hint| hint.contains("a bucket says 403")), "{hints:?}");
}
