//! The `wheelsite` program: see [`wheelsite::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    wheelsite::cli::run()
}
