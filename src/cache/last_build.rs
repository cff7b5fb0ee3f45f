//! What the last build into a folder found: a text of the pipeline's, kept on this machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::wheel::Sha256;

/// Where what the last build into a folder found is kept.
pub struct LastBuild {
    file: PathBuf,
}

impl LastBuild {
    /// For an output folder that is there; none where nothing is remembered on this machine.
    pub fn into(output: &Path, cache: Option<&Path>) -> Option<Self> {
        let output = output.canonicalize().ok()?;
        let key = Sha256::of(output.as_os_str().as_encoded_bytes()).short();
        Some(Self { file: cache?.join("builds-1").join(key) })
    }

    /// What was kept, if anything was.
    pub fn read(&self) -> Option<String> {
        fs::read_to_string(&self.file).ok()
    }

    /// Keeps a text.
    pub fn keep(&self, text: &str) -> io::Result<()> {
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let unfinished = self.file.with_extension(format!("{}.tmp", std::process::id()));
        fs::write(&unfinished, text)?;
        fs::rename(&unfinished, &self.file)
    }
}
