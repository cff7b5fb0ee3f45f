//! The command line of the builder.

use std::process::ExitCode;

use clap::Parser;

/// Turn a package list into CUDA container builds.
#[derive(Debug, Parser)]
#[command(name = "wheelsite-builder", version, about, arg_required_else_help = true)]
struct Cli {}

/// Runs the program with the arguments of this process.
///
/// ```
/// // Parsing never ends the process: what goes wrong becomes the exit code.
/// let _: fn() -> std::process::ExitCode = wheelsite_builder::cli::run;
/// ```
pub fn run() -> ExitCode {
    match Cli::try_parse() {
        Ok(Cli {}) => ExitCode::SUCCESS,
        Err(error) => {
            // Help and versions go to stdout, usage errors to stderr; nobody is left to tell if that fails.
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { 2 } else { 0 })
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
