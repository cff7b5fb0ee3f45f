//! What the tests need on the machine besides the program.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub(crate) use shared::{clean, has_program, missing};

/// The same clients and environments as those of the index's own tests, in the same place.
#[path = "../../../../tests/it/support/tools.rs"]
#[expect(dead_code, reason = "the index's tests use more of it")]
mod shared;

/// Where the environments are described.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Where what the tests make is kept between runs.
pub(crate) fn kept() -> PathBuf {
    shared::kept()
}

/// The folder with `python`, `pip` and `uv`.
pub(crate) fn clients() -> Option<&'static Path> {
    shared::clients()
}

/// The folder that NVIDIA's wheels bring: `bin/nvcc`, `include`, `lib`.
pub(crate) fn cuda() -> Option<&'static Path> {
    static CUDA: OnceLock<Option<PathBuf>> = OnceLock::new();
    let cuda = CUDA.get_or_init(|| {
        let bin = shared::environment("cuda", "tests/cuda-requirements.txt")?;
        let libraries = std::fs::read_dir(bin.parent()?.join("lib")).ok()?;
        let mut python = libraries.flatten().map(|entry| entry.path());
        python.find_map(|path| {
            let cuda = path.join("site-packages/nvidia/cu13");
            cuda.is_dir().then_some(cuda)
        })
    });
    if cuda.is_none() {
        missing("an environment with the packages of tests/cuda-requirements.txt");
    }
    cuda.as_deref()
}

/// The `wheelsite` program, which lies beside the builder.
pub(crate) fn wheelsite() -> PathBuf {
    let builder = Path::new(env!("CARGO_BIN_EXE_wheelsite-builder"));
    let wheelsite = builder.with_file_name("wheelsite");
    assert!(
        wheelsite.is_file(),
        "`{}` is not there: run `cargo test --workspace`, or `cargo build` first",
        wheelsite.display()
    );
    wheelsite
}
