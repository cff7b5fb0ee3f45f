//! The command line: flags become options, results become text.
//!
//! One file a command. Data goes to stdout; progress, findings and errors go to
//! stderr, where colors and bars are used as the terminal and `NO_COLOR` allow.

mod build;
mod check;
mod completions;
mod doctor;
mod init;
mod inspect;
mod publish;
mod repair;
mod serve;
mod terminal;
mod theme;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::error::{Error, Result};
use terminal::Terminal;

/// Turn Python wheels into a verified, hashed, static package index.
#[derive(Debug, Parser)]
#[command(
    name = "wheelsite",
    version,
    about,
    propagate_version = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    verbosity: Verbosity,
}

#[derive(Debug, Clone, Copy, clap::Args)]
struct Verbosity {
    /// Say nothing but errors
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say more
    #[arg(long, short, global = true)]
    verbose: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Build(build::BuildArgs),
    Check(check::CheckArgs),
    Inspect(inspect::InspectArgs),
    Repair(repair::RepairArgs),
    Publish(publish::PublishArgs),
    Serve(serve::ServeArgs),
    Doctor(doctor::DoctorArgs),
    Theme(theme::ThemeArgs),
    Init(init::InitArgs),
    Completions(completions::CompletionsArgs),
}

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Human,
    /// One JSON object
    Json,
}

/// Runs the program with the arguments of this process.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and versions go to stdout, usage errors to stderr; nobody is left to tell if that fails.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    start_log();
    let terminal = Terminal::new(cli.verbosity.quiet, cli.verbosity.verbose);
    match dispatch(cli.command, &terminal) {
        Ok(code) => code,
        Err(error) => {
            terminal.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(command: Command, terminal: &Terminal) -> Result<ExitCode> {
    match command {
        Command::Build(args) => build::run(args, terminal),
        Command::Check(args) => check::run(&args, terminal),
        Command::Inspect(args) => inspect::run(&args),
        Command::Repair(args) => repair::run(&args, terminal),
        Command::Publish(args) => publish::run(&args, terminal),
        Command::Serve(args) => serve::run(&args, terminal),
        Command::Doctor(args) => doctor::run(&args, terminal),
        Command::Theme(args) => theme::run(&args),
        Command::Init(args) => init::run(&args, terminal),
        Command::Completions(args) => completions::run(&args),
    }
}

/// `WHEELSITE_LOG` turns on the log, in the syntax of `tracing`: `debug`, `wheelsite=trace`.
fn start_log() {
    let Ok(filter) = std::env::var("WHEELSITE_LOG") else { return };
    // The program's own lines alone: those of libraries may hold URLs with signatures.
    let ours = tracing_subscriber::filter::filter_fn(|line| line.target().starts_with("wheelsite"));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_filter(ours);
    // A second subscriber in one process is refused, and there is none.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}

/// Prints data to stdout. A reader that went away is no error.
fn print(text: &str) -> Result<()> {
    use std::io::Write;
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::output("write", std::path::Path::new("stdout"))(error))
        }
        _ => Ok(()),
    }
}

/// Prints a value as JSON, for people's eyes too.
fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::config(format!("cannot write JSON: {error}")))?;
    print(&format!("{text}\n"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
