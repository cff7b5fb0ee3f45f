//! `WHEEL.build.json`: how a wheel was made, and the witness that it is done.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Stage;
use super::source::{read_small, sha256_of};
use crate::error::{Error, Result};
use crate::plan::missing::is_of;
use crate::row::Row;

/// What the file's name adds to the wheel's.
pub(super) const SUFFIX: &str = ".build.json";

/// Grows when the format changes in a way that older programs would misread.
pub(super) const FORMAT: u32 = 1;

/// What the smoke test has shown, and what it could not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Smoke {
    /// What was done, in plain words.
    pub tested: Vec<String>,
    /// What was not, and why.
    pub not_tested: Vec<String>,
    /// What it said: versions of all that was installed.
    #[serde(default)]
    pub result: Value,
}

/// The report of a wheel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct BuildReport {
    pub(super) format: u32,
    pub(super) generator: String,
    /// The row's id.
    pub(super) row: String,
    /// Digest of everything that decides what its bytes are.
    pub(super) recipe: String,
    /// Digest of everything that decides how it is tested; none where it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) test: Option<String>,
    pub(super) wheel: WheelReport,
    /// Python, CUDA, torch, platform, and what packages.yml says.
    pub(super) inputs: Value,
    /// How it is tested.
    #[serde(default)]
    pub(super) tests: Value,
    pub(super) source: Value,
    pub(super) images: BTreeMap<String, Value>,
    pub(super) engine: String,
    pub(super) command: Vec<String>,
    pub(super) environment: BTreeMap<String, String>,
    /// Variables whose values are not told: they may be secret.
    pub(super) passed_environment: Vec<String>,
    /// Versions of everything in the container.
    pub(super) tools: Value,
    /// What pip installed for an isolated build.
    pub(super) build_requirements: Vec<String>,
    pub(super) facts: Value,
    pub(super) findings: Value,
    pub(super) stages: Vec<Stage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) smoke: Option<Smoke>,
}

/// What became of the wheel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WheelReport {
    pub(super) filename: String,
    pub(super) sha256: String,
    pub(super) size: u64,
    /// Its name as it was compiled.
    pub(super) compiled_as: String,
    /// Its digest as it was compiled.
    pub(super) compiled_sha256: String,
}

/// A report that holds: the row's, and the wheel beside it has the digest that it states.
pub(super) struct Found {
    pub(super) report: BuildReport,
    pub(super) wheel: PathBuf,
    pub(super) path: PathBuf,
}

/// Looks in a folder for a wheel of a row by this recipe.
pub(super) fn find(folder: &Path, row: &Row, recipe: &str) -> Option<Found> {
    reports(folder, row)
        .find(|found| found.report.row == row.id && found.report.recipe == recipe)
        .filter(is_whole)
}

/// Looks in a folder for a wheel that another row has made of the same things but for its Python,
/// and that serves this one too, as wheels for the stable ABI do.
pub(super) fn find_serving(folder: &Path, row: &Row, recipe: &Value) -> Option<Found> {
    let wanted = without_python(recipe);
    let serves = |found: &Found| {
        found.report.row != row.id
            && without_python(&found.report.inputs) == wanted
            && found.report.wheel.filename.parse().is_ok_and(|wheel| is_of(&wheel, row))
    };
    reports(folder, row).filter(serves).find(is_whole)
}

/// What makes a wheel, apart from the Python and the image, whose name may hold it.
fn without_python(recipe: &Value) -> Value {
    let mut recipe = recipe.clone();
    if let Some(entries) = recipe.as_object_mut() {
        entries.remove("python");
        entries.remove("image");
    }
    recipe
}

/// The reports of a package's wheels, by name.
fn reports(folder: &Path, row: &Row) -> impl Iterator<Item = Found> {
    let stem = format!("{}-", row.package.as_str().replace('-', "_"));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(&stem)).collect();
    names.sort_unstable();
    let folder = folder.to_owned();
    names.into_iter().filter_map(move |name| {
        let filename = name.strip_suffix(SUFFIX)?;
        let path = folder.join(&name);
        let report: BuildReport = serde_json::from_slice(&read_small(&path)?).ok()?;
        let is_ours = report.format == FORMAT && report.wheel.filename == filename;
        is_ours.then(|| Found { wheel: folder.join(filename), report, path })
    })
}

/// Whether the wheel has the digest that its report states.
fn is_whole(found: &Found) -> bool {
    sha256_of(&found.wheel).is_ok_and(|(sha256, _)| sha256.to_string() == found.report.wheel.sha256)
}

/// Wheels of a row by other names: what an earlier recipe has made.
pub(super) fn others(folder: &Path, row: &Row, filename: &str) -> Vec<String> {
    let stem = format!("{}-", row.package.as_str().replace('-', "_"));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of_row = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let other = name.strip_suffix(SUFFIX).filter(|_| name.starts_with(&stem))?;
        let report: BuildReport = serde_json::from_slice(&read_small(&entry.path())?).ok()?;
        (report.row == row.id && other != filename && folder.join(other).exists())
            .then(|| other.to_owned())
    });
    of_row.collect()
}

/// Writes a file whole, or not at all.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let failed = |error| Error::from(wheelsite::error::Error::output("write", path)(error));
    let folder = path.parent().unwrap_or(Path::new("."));
    let mode = fs::Permissions::from_mode(0o644);
    let mut file = tempfile::Builder::new()
        .prefix(".wheelsite-")
        .permissions(mode)
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

impl BuildReport {
    /// The bytes of the file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Maps with text for keys always serialize.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// What pip installed for an isolated build, as the log tells.
pub(super) fn installed(line: &str) -> Vec<String> {
    let listed = line.trim().strip_prefix("Successfully installed ");
    listed.map_or_else(Vec::new, |listed| listed.split_whitespace().map(str::to_owned).collect())
}
