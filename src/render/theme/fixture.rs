//! An index that exists nowhere: every page of a theme must be able to show it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::config::{Environment, Options, Settings, SiteConfig};
use crate::error::{Error, Result};
use crate::facts::{Artifact, Content, Depth, FACTS_VERSION, Facts, Location, UploadTime};
use crate::index::{Admitted, FileUrl, Index};
use crate::verify::{Finding, Severity};
use crate::wheel::Sha256;

/// Stands in texts of the index. As an element of a page it was not escaped.
pub(super) const HOSTILE: &str = "wheelsite-hostile";

/// Settings that fill every field that pages have.
const FULL: &str = "\
title: \"Wheels & <wheelsite-hostile>\"
description: \"For \\\"CUDA\\\" & <wheelsite-hostile>\"
site_url: https://wheels.example/index/
projects:
  hostile:
    status: archived
    status_reason: \"<wheelsite-hostile> & 'more'\"
    yanked: {\"1.0\": \"<wheelsite-hostile> \\\"reason\\\"\"}
  kernels:
    yanked: {\"1.0\": \"\"}
  quarantined: {status: quarantined}
  old: {status: deprecated, description: Replaced by kernels}
";

/// Settings that leave every field empty that may be.
const BARE: &str = "title: Wheels\n";

/// A site, as pages are made from it.
pub(super) struct Site {
    pub(super) settings: Settings,
    pub(super) index: Index,
    pub(super) rejected: Vec<(String, Vec<Finding>)>,
}

/// METADATA whose description tries to run.
pub(super) const METADATA: &[u8] = b"Metadata-Version: 2.4\nName: hostile\nVersion: 1.0\n\
    Description-Content-Type: text/markdown\n\n# Title\n\n\
    <wheelsite-hostile><script>x</script></wheelsite-hostile> ![badge](https://x.example/a.svg)\n";

/// A site that has everything.
pub(super) fn full() -> Result<Site> {
    let settings = settings(FULL)?;
    let mut files = Vec::new();
    for (version, toolkit) in
        [("1.0", "12.6"), ("2.0", "12.6"), ("2.0", "12.8"), ("2.1rc1", "12.8")]
    {
        for python in ["cp311", "cp312"] {
            let channel = toolkit.replace('.', "");
            let name = format!(
                "kernels-{version}+cu{channel}torch2.9-{python}-{python}-manylinux_2_28_x86_64.whl"
            );
            files.push(admitted(&name, Some(kernels(version, toolkit)))?);
        }
    }
    files.push(admitted("kernels-2.0.tar.gz", None)?);
    files.push(admitted("hostile-1.0-py3-none-any.whl", Some(hostile()))?);
    files.push(admitted("hostile-1.1-py2.py3-none-any.whl", Some(hostile()))?);
    files.push(admitted("quarantined-1.0-py3-none-any.whl", None)?);
    files.push(admitted("old-0.1-cp39-abi3-win_amd64.whl", None)?);
    files.push(admitted("sources-1.0.tar.gz", None)?);
    let mut index = Index::build(files, &settings)?;
    index.assign_channels(&settings.channels);
    for filename in ["kernels-2.0+cu128torch2.9-cp312-cp312-manylinux_2_28_x86_64.whl"] {
        if let Some(file) = index.file_mut(filename) {
            file.findings = [finding(Severity::Warning)].into();
        }
    }
    let rejected = vec![
        ("broken-1.0-py3-none-any.whl".to_owned(), vec![finding(Severity::Error)]),
        (format!("<{HOSTILE}>.whl"), vec![finding(Severity::Error), finding(Severity::Warning)]),
    ];
    Ok(Site { settings, index, rejected })
}

/// A site that has nothing.
pub(super) fn empty() -> Result<Site> {
    Ok(Site { settings: settings(BARE)?, index: Index::default(), rejected: Vec::new() })
}

fn settings(config: &str) -> Result<Settings> {
    let config = SiteConfig::parse(config, "the fixture")?;
    Settings::resolve(config, Options::default(), Environment::default())
}

fn finding(severity: Severity) -> Finding {
    Finding {
        check: "record-hash",
        severity,
        message: format!("expected <{HOSTILE}>, found \"'&"),
        hint: (severity == Severity::Error).then(|| format!("build it again, <{HOSTILE}>")),
    }
}

fn admitted(filename: &str, wheel: Option<Value>) -> Result<Admitted> {
    let broken = |error: serde_json::Error| Error::config(format!("the fixture: {error}"));
    let facts = wheel.map(serde_json::from_value).transpose().map_err(broken)?.map(|wheel| {
        Arc::new(Facts {
            facts_version: FACTS_VERSION,
            depth: Depth::Full,
            sha256: Sha256::of(filename.as_bytes()),
            size: 1_234_567,
            content: Content::Wheel(wheel),
            reported: false,
        })
    });
    let mut artifact = Artifact::new(filename, Location::File(filename.into()));
    artifact.size = facts.is_some().then_some(1_234_567);
    artifact.offered.requires_python = Some(">=3.8".into());
    Ok(Admitted {
        artifact,
        upload_time: facts.as_ref().and_then(|_| UploadTime::from_seconds(1_790_000_000)),
        facts,
        url: FileUrl::Carried,
    })
}

/// The contents of a wheel with device code that is linked with torch.
fn kernels(version: &str, toolkit: &str) -> Value {
    let metadata = json!({
        "metadata_version": "2.4", "name": "kernels", "version": version,
        "summary": "Fast kernels", "requires_python": ">=3.10", "license": "MIT",
        "author": "Some Body", "requires_dist": ["torch==2.9.*", "numpy; extra == 'fast'"],
        "provides_extra": ["fast"], "project_urls": [["Homepage", "https://kernels.example/"]],
    });
    let library = json!({
        "path": "kernels/_C.so", "machine": 62, "bits": 64, "little_endian": true,
        "kind": "shared", "flags": 0, "needed": ["libcudart.so.12", "libtorch.so"],
        "device": {"architectures": ["sm_80", "sm_90a", "compute_90"], "toolkits": [toolkit]},
    });
    wheel(&metadata, &json!([library]))
}

/// The contents of a wheel whose every text is an attack.
fn hostile() -> Value {
    let text = format!("<{HOSTILE}>\"'&");
    let metadata = json!({
        "metadata_version": "2.4", "name": "hostile", "version": "1.0", "summary": text,
        "license": text, "author": text, "requires_dist": [text], "provides_extra": [text],
        "project_urls": [[text, format!("https://x.example/{text}")]],
        "description_content_type": "text/markdown",
    });
    wheel(&metadata, &json!([]))
}

fn wheel(metadata: &Value, elf: &Value) -> Value {
    let mut read = json!({"sha256": Sha256::of(b"metadata").to_string()});
    if let (Some(read), Some(fields)) = (read.as_object_mut(), metadata.as_object()) {
        read.extend(fields.clone());
    }
    json!({
        "members": 1, "unpacked_size": 1, "dist_info": [], "wheel": "missing",
        "record": "missing", "metadata": {"read": read}, "elf": elf,
    })
}
