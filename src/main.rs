//! The `wheelsite` program: see [`wheelsite::cli`].

use std::process::ExitCode;

/// Facts live long among buffers that do not: the system's allocator would
/// keep a hole of tens of kilobytes for every wheel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    wheelsite::cli::run()
}
