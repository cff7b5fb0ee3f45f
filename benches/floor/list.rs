//! `floor_list LIST`: the least that a build from a package list must do, and nothing else.
//!
//! It reads, parses and hashes the list with the program's own code and drops what it gets, so that
//! `compare.py` shows what a second build costs beyond that. `cargo build --example floor_list`.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;

use wheelsite::source::{PackageList, Source};
use wheelsite::wheel::Sha256;

/// As in the program: an allocator of its own would make it another floor.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own")]
fn main() -> ExitCode {
    let Some(list) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: floor_list LIST.jsonl");
        return ExitCode::from(2);
    };
    let mut files = 0;
    let listed = PackageList::new(&list).list_parts(0, None, &mut |part| {
        files += part.artifacts.len();
        Ok(ControlFlow::Continue(()))
    });
    if let Err(error) = listed {
        eprintln!("floor_list: {error}");
        return ExitCode::FAILURE;
    }
    match File::open(&list).and_then(Sha256::of_reader) {
        Ok((digest, bytes)) => println!("{files} files, {bytes} bytes, {digest}"),
        Err(error) => {
            eprintln!("floor_list: {}: {error}", list.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
