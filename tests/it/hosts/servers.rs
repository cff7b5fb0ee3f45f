//! The servers that sites are tried on. Each ends with the value.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::stores::Server;
use crate::support::tools::{clients, has_program, missing, npm};
use crate::support::{Workspace, repository};

/// The last wrangler that runs on Node.js 20; it brings workerd and miniflare.
const WRANGLER: &str = "wrangler@4.86.0";

/// A running server.
pub(super) struct Running {
    pub(super) port: u64,
    _server: Server,
}

impl Running {
    fn start(what: &str, command: Command) -> Option<Self> {
        let started = Server::start(command);
        if started.is_none() {
            missing(what);
        }
        let (server, port) = started?;
        Some(Self { port, _server: server })
    }

    /// Its root, with a slash at the end.
    pub(super) fn url(&self) -> String {
        format!("http://localhost:{}/", self.port)
    }
}

/// What runs a program that takes `{port}` and `{data}` in its arguments.
fn command(bin: &Path, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Server::command(bin);
    command.env("NO_PROXY", "127.0.0.1,localhost").arg(program);
    command
}

/// What writes a configuration with `@PORT@` and `@DATA@` filled in, and then runs a program.
fn configured(workspace: &Workspace, bin: &Path, name: &str, configuration: &str) -> Command {
    workspace.write(name, configuration);
    let script = "sed -e \"s|@PORT@|{port}|g\" -e \"s|@DATA@|{data}|g\" \"$0\" > {data}/server.conf && \
            exec \"$@\"";
    let mut command = command(bin, "sh");
    command.args(["-c", script]).arg(workspace.path(name));
    command
}

/// A server that knows nothing but the extensions of files.
pub(super) fn file_server(folder: &Path) -> Option<Running> {
    let bin = clients()?;
    let mut command = command(bin, bin.join("python"));
    command.args(["-m", "http.server", "{port}", "--bind", "127.0.0.1", "--directory"]).arg(folder);
    Running::start("a server of files", command)
}

/// nginx with a root, and in its server what a site has brought.
pub(super) fn nginx(workspace: &Workspace, root: &Path, included: &Path) -> Option<Running> {
    let bin = clients().filter(|_| has_program("nginx"))?;
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path @DATA@/{name};"))
        .concat();
    let configuration = format!(
        "user root; worker_processes 1; daemon off; pid @DATA@/pid; error_log stderr;\n\
            events {{ worker_connections 64; }}\n\
            http {{ access_log off; {temporary}\n\
            server {{ listen 127.0.0.1:@PORT@; root {}; include {}; }} }}\n",
        root.display(),
        included.display()
    );
    let mut command = configured(workspace, bin, "nginx.conf", &configuration);
    command.args(["nginx", "-c", "{data}/server.conf"]);
    Running::start("a running nginx", command)
}

/// Caddy with a root, and in its site what a site has brought.
pub(super) fn caddy(workspace: &Workspace, root: &Path, imported: &Path) -> Option<Running> {
    let bin = clients().filter(|_| has_program("caddy"))?;
    let configuration = format!(
        "{{\n\tadmin off\n\tauto_https off\n}}\nhttp://:@PORT@ {{\n\tbind 127.0.0.1\n\
            \troot * {}\n\timport {}\n}}\n",
        root.display(),
        imported.display()
    );
    let mut command = configured(workspace, bin, "Caddyfile", &configuration);
    command.args(["env", "HOME={data}", "XDG_CONFIG_HOME={data}", "XDG_DATA_HOME={data}"]);
    command.args(["caddy", "run", "--adapter", "caddyfile", "--config", "{data}/server.conf"]);
    Running::start("a running Caddy", command)
}

/// Cloudflare's own runtime, with a folder as it would be deployed.
pub(super) fn pages(folder: &Path) -> Option<Running> {
    let (bin, modules) = (clients()?, wrangler()?);
    let mut command = command(bin, "env");
    command
        .args(["HOME={data}", "CI=1", "WRANGLER_SEND_METRICS=false"])
        // It would ask the network what a request from here looks like.
        .args(["CLOUDFLARE_CF_FETCH_ENABLED=false", "node"])
        .arg(modules.join("node_modules/wrangler/bin/wrangler.js"))
        .args(["pages", "dev"])
        .arg(folder)
        .args(["--ip", "127.0.0.1", "--port", "{port}", "--inspector-port", "{port1}"])
        .args(["--compatibility-date", "2026-04-01", "--show-interactive-dev-session=false"]);
    Running::start("a running workerd", command)
}

/// A bucket of R2; see `tests/it/scripts/r2.mjs`.
pub(super) fn r2() -> Option<Running> {
    let (bin, modules) = (clients()?, wrangler()?);
    let mut command = command(bin, "node");
    command.arg(repository("tests/it/scripts/r2.mjs")).arg(modules).arg("{port}");
    Running::start("a running miniflare", command)
}

/// The folder that wrangler is installed in.
fn wrangler() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    if !has_program("node") || !has_program("npm") {
        return None;
    }
    let folder = FOLDER.get_or_init(|| npm("wrangler", &[WRANGLER]));
    if folder.is_none() {
        missing("wrangler, or a registry to install it from");
    }
    folder.as_deref()
}
