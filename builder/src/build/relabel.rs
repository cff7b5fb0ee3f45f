//! A wheel under another local version, judged as an index judges it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wheelsite::cuda::{LocalTag, glibc_floor};
use wheelsite::facts::{Artifact, Depth, Location};
use wheelsite::inspect::{Kind, inspect, read_metadata};
use wheelsite::repair::{self, Folder, Outcome};
use wheelsite::verify::{self, Evidence, Finding, Policy, Severity};
use wheelsite::wheel::{Sha256, WheelFilename};

use super::from_wheel::filename_of;
use crate::engine::text::clean;
use crate::error::{Error, Result};

/// A wheel that an index would list.
#[derive(Debug, Clone)]
pub struct Labeled {
    /// Where it lies.
    pub path: PathBuf,
    /// Its name.
    pub filename: WheelFilename,
    /// Its digest.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
    /// What an index would say of it; no errors.
    pub findings: Vec<Finding>,
    /// The bytes of METADATA, as a sidecar serves them.
    pub metadata: Vec<u8>,
    /// What it needs of a machine: CUDA, torch, glibc.
    pub facts: Value,
}

fn failed<'p>(action: &'static str, path: &'p Path) -> impl Fn(std::io::Error) -> Error + 'p {
    move |error| wheelsite::error::Error::output(action, path)(error).into()
}

/// The filename with another local version; an empty one leaves it as it is.
pub fn labeled_name(filename: &WheelFilename, local: &str) -> Result<WheelFilename> {
    if local.is_empty() {
        return Ok(filename.clone());
    }
    let public = filename.version().clone().without_local();
    let mut parts: Vec<String> = filename.as_str().split('-').map(str::to_owned).collect();
    if let Some(version) = parts.get_mut(1) {
        *version = format!("{public}+{local}");
    }
    let is_plain = local.split('.').all(|part| {
        !part.is_empty() && part.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
    });
    let name = parts.join("-").parse::<WheelFilename>().ok().filter(|_| is_plain);
    name.ok_or_else(|| {
        Error::config(
            format!("`{}` is no local version", clean(local)),
            "write lowercase letters and digits, joined with `.`: `cu129`, `cu129torch2.9`",
        )
    })
}

/// Gives a wheel a local version and requirements, as a new file in a folder, and judges it.
pub fn relabel(
    wheel: &Path,
    local: &str,
    requires: &[String],
    folder: &Path,
    policy: &Policy,
) -> Result<Labeled> {
    let given = filename_of(wheel)?;
    let filename = labeled_name(&given, local)?;
    let opened = fs::File::open(wheel).map_err(|error| {
        Error::unreachable(
            format!("`{}` cannot be read: {error}", wheel.display()),
            "check its name",
        )
    })?;
    // The filename is what a repair believes.
    let artifact = Artifact::new(filename.as_str(), Location::File(wheel.to_owned()));
    let folder_lock = Folder::open(folder)?;
    let outcome = repair::repair(&artifact, Ok(Box::new(opened)), &folder_lock, policy, requires)?;
    let name = match outcome {
        Outcome::Repaired(name) => name,
        Outcome::Fine => filename.as_str().into(),
        Outcome::Refused(refusal) => {
            return Err(Error::Failed {
                message: format!("`{}` cannot be relabeled: {}", given.as_str(), refusal.reason),
                hint: refusal.hint,
            });
        }
    };
    read(&folder.join(&*name), policy)
}

/// Reads a wheel and judges it as an index does.
pub fn read(path: &Path, policy: &Policy) -> Result<Labeled> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let filename: WheelFilename = name.parse().map_err(|error| {
        Error::failed(format!("`{}` is no wheel: {error}", clean(&name)), "give it its name back")
    })?;
    let open = || fs::File::open(path).map_err(failed("read", path));
    let facts = inspect(Kind::Wheel, Depth::Full, open()?).map_err(failed("read", path))?;
    let artifact = Artifact::new(&name, Location::File(path.to_owned()));
    let evidence = Evidence { artifact: &artifact, facts: Some(&facts), sidecar: None };
    let findings = verify::judge(evidence, policy);
    if let Some(error) = findings.iter().find(|finding| finding.severity == Severity::Error) {
        return Err(Error::Failed {
            message: format!("an index would reject `{name}`: {}: {}", error.check, error.message),
            hint: error.hint.clone(),
        });
    }
    let metadata = read_metadata(open()?).ok().flatten().unwrap_or_default();
    let tag = LocalTag::of(filename.version());
    let contents = facts.wheel();
    let mut told = BTreeMap::new();
    let mut tell = |key: &str, value: Option<Value>| {
        told.extend(value.filter(|it| !it.is_null()).map(|value| (key.to_owned(), value)));
    };
    let files = contents.map(|contents| contents.binaries()).unwrap_or_default();
    tell("glibc", glibc_floor(&files).map(Value::from));
    tell("cuda", contents.and_then(|it| it.cuda(&tag)).map(|it| json!(it)));
    tell("torch", contents.and_then(|it| it.torch(&tag)).map(|it| json!(it)));
    let requires = facts.metadata().map(|it| json!(it.fields.requires_dist));
    tell("requires_dist", requires);
    Ok(Labeled {
        path: path.to_owned(),
        filename,
        sha256: facts.sha256,
        size: facts.size,
        findings,
        metadata,
        facts: json!(told),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_version_is_set_or_replaced() {
        let name = |name: &str, local: &str| {
            labeled_name(&name.parse().expect("is one"), local).map(|it| it.as_str().to_owned())
        };
        assert_eq!(
            name("a-1.0-cp312-cp312-linux_x86_64.whl", "cu129").expect("is one"),
            "a-1.0+cu129-cp312-cp312-linux_x86_64.whl"
        );
        assert_eq!(
            name("a-1.0+cu12torch2.9cxx11abitrue-3-py3-none-any.whl", "cu129").expect("is one"),
            "a-1.0+cu129-3-py3-none-any.whl"
        );
        assert_eq!(
            name("a-1.0+x-py3-none-any.whl", "").expect("is one"),
            "a-1.0+x-py3-none-any.whl"
        );
        for local in ["cu-129", "a/b", "+", "cu 1", "../x"] {
            let error = name("a-1.0-py3-none-any.whl", local).expect_err("is refused");
            assert_eq!(error.exit_code(), 2, "{error}");
        }
    }

    #[test]
    fn a_wheel_is_relabeled_with_requirements_and_judged() {
        let demo = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../wheels"));
        let wheel = fs::read_dir(demo).expect("lists").flatten().map(|entry| entry.path());
        let wheel = wheel.filter(|it| it.extension().is_some_and(|it| it == "whl")).min();
        let wheel = wheel.expect("there are demo wheels");
        let folder = tempfile::tempdir().expect("is made");
        let requires = ["torch==2.9.*".to_owned()];
        let policy = Policy::default();
        let once = relabel(&wheel, "cu129", &requires, folder.path(), &policy).expect("works");
        assert!(once.filename.as_str().contains("+cu129-"), "{}", once.filename.as_str());
        let metadata = String::from_utf8(once.metadata.clone()).expect("is UTF-8");
        let version = format!("Version: {}", once.filename.version());
        assert!(metadata.lines().any(|line| line == version), "{metadata}");
        assert_eq!(metadata.matches("Requires-Dist: torch==2.9.*").count(), 1, "{metadata}");
        assert_eq!(once.facts["requires_dist"].as_array().map(Vec::is_empty), Some(false));
        let other = tempfile::tempdir().expect("is made");
        let again = relabel(&once.path, "cu129", &requires, other.path(), &policy).expect("works");
        assert_eq!(again.sha256, once.sha256, "nothing is left to do");
        let bad = ["torch==2.9.*\nEvil: 1".to_owned()];
        let error = relabel(&wheel, "cu129", &bad, other.path(), &policy).expect_err("is refused");
        assert_eq!(error.exit_code(), 1, "{error}");
    }
}
