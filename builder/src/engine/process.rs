//! A program of the engine that runs: its output by lines, its end, and how it is ended.

use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::cancel::Cancel;
use crate::error::{Error, Result};

/// Longer lines are cut: nobody reads them, and they would not end.
const MAX_LINE: usize = 16 * 1024;

/// How long a client may take to go when its container is gone, and short commands to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// How something that ran came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It ended by itself, with this code; none where a signal ended it.
    Exit(Option<i32>),
    /// It took longer than it may.
    Timeout,
    /// Somebody stopped it.
    Cancelled,
}

/// What a short command said.
pub(super) struct Answer {
    pub(super) success: bool,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

fn command(program: &str, argv: &[OsString]) -> Command {
    let mut command = Command::new(program);
    command.args(argv).stdin(Stdio::null()).kill_on_drop(true);
    // Ctrl-C is for this program, which then ends the container in order.
    command.process_group(0);
    command
}

/// Runs a command that answers at once.
pub(super) async fn ask(program: &str, argv: &[OsString]) -> std::io::Result<Answer> {
    let output = tokio::time::timeout(PATIENCE, command(program, argv).output());
    let output = output.await.map_err(|_| {
        std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!("no answer within {} seconds", PATIENCE.as_secs()),
        )
    })??;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    Ok(Answer {
        success: output.status.success(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    })
}

/// Runs a command that takes its time. Every line of its output is heard as it comes.
///
/// Where it is to stop, `stop` is run first, which makes what it began go away.
pub(super) async fn stream(
    program: &str,
    argv: &[OsString],
    env: impl IntoIterator<Item = (&String, &String)>,
    limit: Option<Duration>,
    cancel: &Cancel,
    hear: &mut (dyn FnMut(&str) + Send),
    stop: impl AsyncFnOnce(),
) -> Result<End> {
    let mut command = command(program, argv);
    command.envs(env).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| cannot_run(program, &error))?;
    let (sender, mut lines) = mpsc::channel(256);
    if let Some(stdout) = child.stdout.take() {
        tokio::spawn(split(stdout, sender.clone()));
    }
    if let Some(stderr) = child.stderr.take() {
        tokio::spawn(split(stderr, sender));
    }
    let deadline = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(deadline);
    let end = loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => break End::Cancelled,
            () = &mut deadline => break End::Timeout,
            line = lines.recv() => match line {
                Some(line) => hear(&line),
                None => break End::Exit(wait(&mut child, program, cancel).await?.code()),
            },
        }
    };
    if !matches!(end, End::Exit(_)) {
        stop().await;
        // What it still says is worth hearing; its pipes close when it ends.
        let rest = async {
            while let Some(line) = lines.recv().await {
                hear(&line);
            }
        };
        let _ = tokio::time::timeout(PATIENCE, rest).await;
        let _ = child.start_kill();
        let _ = tokio::time::timeout(PATIENCE, child.wait()).await;
    }
    Ok(end)
}

async fn wait(child: &mut Child, program: &str, cancel: &Cancel) -> Result<ExitStatus> {
    tokio::select! {
        status = child.wait() => status.map_err(|error| cannot_run(program, &error)),
        () = cancel.cancelled() => Err(Error::Interrupted),
    }
}

pub(super) fn cannot_run(program: &str, error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::NotFound {
        return Error::unreachable(
            format!("`{program}` is not on this machine"),
            "install podman or docker, or name the one that is there: `--engine podman`",
        );
    }
    Error::unreachable(
        format!("cannot run `{program}`: {error}"),
        "check that the engine works: `podman run` or `docker run` by hand",
    )
}

/// Sends each line of a stream. A bar that rewrites its line with `\r` is many lines.
async fn split(mut stream: impl AsyncRead + Unpin, lines: mpsc::Sender<String>) {
    let mut buffer = vec![0; 32 * 1024];
    let mut line: Vec<u8> = Vec::new();
    loop {
        let count = match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => count,
        };
        for part in buffer[..count].split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, is_end) = match part {
                [text @ .., b'\n' | b'\r'] => (text, true),
                text => (text, false),
            };
            let room = MAX_LINE.saturating_sub(line.len());
            line.extend_from_slice(&text[..text.len().min(room)]);
            if is_end {
                if !line.is_empty() && lines.send(lossy(&line)).await.is_err() {
                    return;
                }
                line.clear();
            }
        }
    }
    if !line.is_empty() {
        let _ = lines.send(lossy(&line)).await;
    }
}

fn lossy(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(script: &str, limit: Option<Duration>, cancel: &Cancel) -> (End, Vec<String>, bool) {
        let mut lines = Vec::new();
        let mut stopped = false;
        let argv = ["-c".into(), script.into()];
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let end = runtime.expect("starts").block_on(async {
            let hear = &mut |line: &str| {
                lines.push(line.to_owned());
                if line == "stop" {
                    cancel.cancel();
                }
            };
            stream("sh", &argv, [], limit, cancel, hear, async || stopped = true).await
        });
        (end.expect("runs"), lines, stopped)
    }

    #[test]
    fn lines_of_both_streams_are_heard_and_the_code_is_kept() {
        let script = r"printf 'a\n\nb\r50%%\r'; printf 'c' >&2; exit 7";
        let (end, mut lines, stopped) = heard(script, None, &Cancel::new());
        lines.sort();
        assert_eq!((end, stopped), (End::Exit(Some(7)), false));
        assert_eq!(lines, ["50%", "a", "b", "c"]);
    }

    #[test]
    fn long_lines_are_cut() {
        let (_, lines, _) = heard("head -c 100000 /dev/zero | tr '\\0' x", None, &Cancel::new());
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [MAX_LINE]);
    }

    #[test]
    fn what_takes_too_long_or_is_cancelled_is_stopped() {
        let limit = Some(Duration::ZERO);
        let (end, _, stopped) = heard("exec sleep 0.1", limit, &Cancel::new());
        assert_eq!((end, stopped), (End::Timeout, true));
        let (end, lines, stopped) = heard("echo stop; exec sleep 0.1", None, &Cancel::new());
        assert_eq!((end, stopped), (End::Cancelled, true));
        assert_eq!(lines, ["stop"]);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = cannot_run("dokcer", &std::io::ErrorKind::NotFound.into());
        assert_eq!(
            (error.exit_code(), error.to_string()),
            (3, "`dokcer` is not on this machine".into())
        );
    }
}
