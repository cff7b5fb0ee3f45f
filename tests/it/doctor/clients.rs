//! What is called an error breaks an install: of pip, of uv, or of both.

use std::path::Path;

use super::{Asked, Index, Reply, examine};
use crate::support::Run;
use crate::support::clients::Client;
use crate::support::tools::{clean, clients};

type Plant = fn(&Asked, &mut Reply);

/// Changes the JSON page of `other`.
fn json(asked: &Asked, reply: &mut Reply, from: &str, to: &str) {
    if asked.path == "/simple/other/" && reply.is_json() {
        reply.replace(from, to);
    }
}

/// Errors, and which clients they stop.
const ERRORS: [(&str, Plant, &[Client]); 8] = [
    (
        "json-type",
        |asked, reply| {
            if asked.is_page() && reply.is_json() {
                reply.set("content-type", "application/json");
            }
        },
        &[Client::Pip, Client::Uv],
    ),
    (
        "file-missing",
        |asked, reply| {
            if asked.is_wheel() {
                *reply = Reply::new(404, "text/plain", "");
            }
        },
        &[Client::Pip, Client::Uv],
    ),
    (
        "file-hash",
        |asked, reply| {
            if asked.is_wheel() && reply.body.len() > 100 {
                reply.body[60] ^= 1;
            }
        },
        &[Client::Pip, Client::Uv],
    ),
    (
        "json-null",
        |asked, reply| json(asked, reply, ",\"size\":", ",\"size\":null,\"_size\":"),
        &[Client::Uv],
    ),
    (
        "json-value",
        |asked, reply| json(asked, reply, ",\"size\":", ",\"size\":-1,\"_size\":"),
        &[Client::Uv],
    ),
    (
        "upload-time-invalid",
        |asked, reply| json(asked, reply, "\"upload-time\":\"", "\"upload-time\":\"soon"),
        &[Client::Uv],
    ),
    (
        "sidecar-hash",
        |asked, reply| {
            if asked.path.ends_with(".metadata") {
                reply.body.extend(b"Summary: another\n");
            }
        },
        &[Client::Pip],
    ),
    (
        "sidecar-missing",
        |asked, reply| {
            if asked.path.ends_with(".metadata") {
                *reply = Reply::new(404, "text/plain", "");
            }
        },
        &[Client::Pip],
    ),
];

/// Errors that only HTML can have.
const ERRORS_OF_HTML: [(&str, Plant, &[Client]); 3] = [
    ("hash-algorithm", |_, reply| html(reply, "#sha256=", "#sha1="), &[Client::Uv]),
    (
        "base-relative",
        |_, reply| html(reply, "<title>", "<base href=\"./\"><title>"),
        &[Client::Uv],
    ),
    (
        "link-scheme",
        |_, reply| html(reply, "href=\"../../", "href=\"gopher://host.example/"),
        &[Client::Pip, Client::Uv],
    ),
];

fn html(reply: &mut Reply, from: &str, to: &str) {
    if reply.is_html() {
        reply.replace(from, to);
    }
}

fn install(index: &Index, client: Client, bin: &Path, root: &str, target: &str) -> Run {
    let mut command = client.install(bin, root);
    command.args(["--target", target, "other"]);
    index.workspace.confine(&mut command);
    clean(&mut command).env("PIP_CONFIG_FILE", "/dev/null").env("UV_NO_CONFIG", "1");
    Run::of(command.env("PIP_DISABLE_PIP_VERSION_CHECK", "1").env("UV_HTTP_RETRIES", "0"))
}

/// Expects that the index can be installed from, and with each error cannot.
fn break_installs(index: &Index, errors: &[(&str, Plant, &[Client])]) {
    let Some(bin) = clients() else { return };
    for client in [Client::Pip, Client::Uv] {
        let run = install(index, client, bin, &index.served.index(), &format!("{client:?}"));
        assert_eq!(run.code, Some(0), "{client:?}: {}", run.stderr);
    }
    for (check, plant, stopped) in errors {
        let flawed = index.flawed(*plant);
        let root = format!("{}simple/", flawed.url);
        let said = examine(&index.workspace, &root, &["--download"]);
        said.has(check, "error", &[]);
        for client in *stopped {
            let run = install(index, *client, bin, &root, &format!("{check}-{client:?}"));
            assert_ne!(run.code, Some(0), "{check}: {client:?} installs all the same");
        }
    }
}

#[test]
fn errors_break_installs() {
    break_installs(&Index::new(), &ERRORS);
}

#[test]
fn errors_of_html_break_installs() {
    break_installs(&Index::html(), &ERRORS_OF_HTML);
}
