//! The command line of the builder: one file a command.

mod build;
mod completions;
mod engine;
mod plan;
mod progress;
mod relabel;
mod release;
mod rows;
mod run;
mod smoke;
mod terminal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{Error, Result};
use terminal::Terminal;

/// Turn a package list into CUDA wheels, in containers.
#[derive(Debug, Parser)]
#[command(
    name = "wheelsite-builder",
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
    Plan(Box<plan::PlanArgs>),
    Build(Box<rows::RowsArgs>),
    Run(Box<run::RunArgs>),
    Smoke(Box<smoke::SmokeArgs>),
    Relabel(relabel::RelabelArgs),
    Release(release::ReleaseArgs),
    Completions(completions::CompletionsArgs),
}

/// Runs the program with the arguments of this process.
///
/// ```
/// // Parsing never ends the process: what goes wrong becomes the exit code.
/// let _: fn() -> std::process::ExitCode = wheelsite_builder::cli::run;
/// ```
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and versions go to stdout, usage errors to stderr; nobody is left to tell if that fails.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let terminal = Terminal::new(cli.verbosity.quiet, cli.verbosity.verbose);
    match dispatch(cli.command, terminal) {
        Ok(code) => code,
        Err(error) => {
            terminal.error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(command: Command, terminal: Terminal) -> Result<ExitCode> {
    match command {
        Command::Plan(args) => plan::run(&args, terminal),
        Command::Build(args) => done(rows::run(&args, terminal)),
        Command::Run(args) => run::run(&args, terminal),
        Command::Smoke(args) => done(smoke::run(&args, terminal)),
        Command::Relabel(args) => done(relabel::run(&args)),
        Command::Release(args) => release::run(&args, terminal),
        Command::Completions(args) => completions::run(&args),
    }
}

fn done(result: Result<()>) -> Result<ExitCode> {
    result.map(|()| ExitCode::SUCCESS)
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::failed(format!("cannot start the runtime: {error}"), "run again"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
