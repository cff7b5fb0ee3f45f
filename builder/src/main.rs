//! The `wheelsite-builder` program: see [`wheelsite_builder::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    wheelsite_builder::cli::run()
}
