//! `wheelsite serve`

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::time::Duration;

use clap::Args;
use notify::{RecursiveMode, Watcher};

use super::build::{WhatArgs, summary_text};
use super::terminal::Terminal;
use crate::config::{DEFAULT_PATH, Options, Settings, ThemeChoice};
use crate::error::{Error, Result};
use crate::pipeline;
use crate::serve::{Reload, Server, bind};
use crate::source::SourceSpec;
use crate::state::ROOT_FILE;
use crate::verify::Level;

/// Changes that follow each other faster than this are one.
const SETTLE: Duration = Duration::from_millis(200);

/// Preview a site as installers and people will see it
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// The site
    #[arg(default_value = "site")]
    site: PathBuf,
    /// Port; 0 takes a free one
    #[arg(long, short, default_value_t = 8000)]
    port: u16,
    /// Address; anything but loopback lets others in
    #[arg(long, default_value = "127.0.0.1")]
    address: IpAddr,
    /// Build first, and again whenever sources, configuration or theme change; open pages reload
    #[arg(long, short)]
    watch: bool,
    #[command(flatten, next_help_heading = "With --watch")]
    what: WhatArgs,
}

pub(super) fn run(args: &ServeArgs, terminal: &Terminal) -> Result<ExitCode> {
    let reload = args.watch.then(Reload::default);
    if args.watch {
        build(args, terminal)?;
    } else if !args.site.join(ROOT_FILE).is_file() {
        return Err(Error::config_hint(
            format!("`{}` holds no site", args.site.display()),
            "make one with `wheelsite build`, or serve and build at once with `--watch`",
        ));
    }
    let runtime = tokio::runtime::Runtime::new().map_err(Error::output("start", &args.site))?;
    std::thread::scope(|scope| {
        let (stop, stopped) = channel();
        if let Some(reload) = &reload {
            let reload = reload.clone();
            scope.spawn(move || {
                if let Err(error) = watch(args, &reload, &stopped, terminal) {
                    terminal.error(&error);
                }
            });
        }
        let served = runtime.block_on(serve(args, reload, terminal));
        drop(stop);
        served
    })
}

async fn serve(args: &ServeArgs, reload: Option<Reload>, terminal: &Terminal) -> Result<ExitCode> {
    let address = SocketAddr::new(args.address, args.port);
    let listener = bind(address).await.map_err(|error| {
        Error::config_hint(
            format!("cannot listen on {address}: {error}"),
            "choose another port with `--port`, or any free one with `--port 0`",
        )
    })?;
    let bound = listener.local_addr().unwrap_or(address);
    terminal.info(&format!("serving {} at http://{bound}/", args.site.display()));
    let (lines, mut log) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::new(&args.site, reload, move |access| {
        let content_type = access.content_type.as_deref().unwrap_or("-");
        // The receiver lives as long as the server.
        let _ = lines
            .send(format!("{} {} {} {content_type}", access.method, access.path, access.status));
    });
    let write_log = async {
        while let Some(line) = log.recv().await {
            terminal.info(&line);
        }
    };
    tokio::select! {
        served = server.run(listener) => {
            served.map_err(|error| Error::config(format!("cannot serve: {error}")))?;
            Ok(ExitCode::SUCCESS)
        }
        () = write_log => Ok(ExitCode::SUCCESS),
        _ = tokio::signal::ctrl_c() => Ok(ExitCode::from(130)),
    }
}

fn settings(args: &ServeArgs) -> Result<Settings> {
    let mut settings = args.what.clone().settings(Options {
        output: Some(args.site.clone()),
        // A preview follows its sources wherever they go.
        allow_removals: true,
        allow_empty: true,
        ..Options::default()
    })?;
    // Whoever works on a project builds the same version again and again.
    settings.policy.default_to("digest-changed", Level::Allow);
    Ok(settings)
}

fn build(args: &ServeArgs, terminal: &Terminal) -> Result<()> {
    let settings = settings(args)?;
    let summary = pipeline::build(&settings, terminal)?;
    terminal.info(&summary_text(&summary, &settings.output));
    Ok(())
}

/// Builds again after each change, until the server ends. A failed build is told and the old site stays.
fn watch(
    args: &ServeArgs,
    reload: &Reload,
    stopped: &Receiver<()>,
    terminal: &Terminal,
) -> Result<()> {
    loop {
        // Anew each time: a folder or file that was put in the place of another is another.
        let (watcher, changed) = start_watching(args)?;
        loop {
            match changed.recv_timeout(SETTLE) {
                Ok(()) => break,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if matches!(stopped.try_recv(), Err(TryRecvError::Disconnected)) {
                return Ok(());
            }
        }
        while changed.recv_timeout(SETTLE).is_ok() {}
        drop(watcher);
        match build(args, terminal) {
            Ok(()) => reload.notify(),
            Err(error) => terminal.error(&error),
        }
    }
}

/// Hears of changes to what a build is made from.
fn start_watching(args: &ServeArgs) -> Result<(impl Watcher, Receiver<()>)> {
    let failed = |error: notify::Error| Error::source(format!("cannot watch: {error}"));
    let (changes, changed) = channel();
    let output = absolute(&args.site);
    let watched: Vec<PathBuf> = watched(args)?.iter().map(|path| absolute(path)).collect();
    let made_from = watched.clone();
    let matters = move |path: &PathBuf| {
        let path = absolute(path);
        // The site may lie inside of a source; what a build writes must not start the next.
        let by_build = path.starts_with(&output)
            || path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().ends_with(b".wheelsite-new"));
        !by_build && made_from.iter().any(|watched| path.starts_with(watched))
    };
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access() && event.paths.iter().any(&matters)) {
            // The receiver ends when the server does.
            let _ = changes.send(());
        }
    })
    .map_err(failed)?;
    for path in &watched {
        if path.is_dir() {
            watcher.watch(path, RecursiveMode::Recursive).map_err(failed)?;
        }
        // Editors replace files, and what is replaced is seen from its folder only.
        if let Some(parent) = path.parent().filter(|parent| parent.is_dir()) {
            watcher.watch(parent, RecursiveMode::NonRecursive).map_err(failed)?;
        }
    }
    Ok((watcher, changed))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Sources, configuration and theme.
fn watched(args: &ServeArgs) -> Result<Vec<PathBuf>> {
    let settings = settings(args)?;
    let mut paths: Vec<PathBuf> = settings
        .sources
        .iter()
        .filter_map(|source| match &source.spec {
            SourceSpec::Directory(path) | SourceSpec::PackageList(path) => Some(path.clone()),
            // What lies on other machines tells nobody that it has changed.
            _ => None,
        })
        .collect();
    if let ThemeChoice::Folder(folder) = &settings.theme {
        paths.push(folder.clone());
    }
    paths.push(args.what.config.clone().unwrap_or_else(|| DEFAULT_PATH.into()));
    Ok(paths)
}
