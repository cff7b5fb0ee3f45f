//! An index that exists nowhere: every page of a theme must be able to show it.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::config::{Environment, Options, Settings, SiteConfig};
use crate::error::{Error, Result};
use crate::facts::{Artifact, Content, Depth, FACTS_VERSION, Facts, Location, UploadTime};
use crate::index::{Admitted, FileUrl, Index};
use crate::verify::{Finding, Severity};
use crate::wheel::Sha256;

/// Stands in texts of the index. As an element or an attribute of a page it was not escaped, or
/// stands in an attribute without quotes.
pub(super) const HOSTILE: &str = "wheelsite-hostile";

/// A text that gets out of every place that does not hold it.
pub(super) const TEXT: &str =
    "a wheelsite-hostile \" wheelsite-hostile ' wheelsite-hostile <wheelsite-hostile> & b";

/// Settings that fill every field that pages have. Texts are as in JSON, which YAML reads.
fn config() -> String {
    let text = json!(TEXT);
    format!(
        "title: {text}\n\
         description: {text}\n\
         projects:\n\
         \x20 hostile:\n\
         \x20   status: archived\n\
         \x20   status_reason: {text}\n\
         \x20   yanked: {{\"1.0\": {text}}}\n\
         \x20 kernels:\n\
         \x20   yanked: {{\"1.0\": \"\"}}\n\
         \x20 quarantined: {{status: quarantined, status_reason: {text}}}\n\
         \x20 old: {{status: deprecated, description: {text}}}\n"
    )
}

/// Where the site is served; pages must also do where that is not known.
const SITE_URL: &str = "site_url: https://wheels.example/index/\n";

/// Settings that leave every field empty that may be.
const BARE: &str = "title: Wheels\n";

/// More projects than the home and the pages of channels list in full.
const CROWD: usize = 110;

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

/// Every site that pages are rendered for; the first two have everything.
pub(super) fn all() -> Result<Vec<Site>> {
    Ok(vec![full(SITE_URL)?, full("")?, empty()?, crowd()?])
}

/// A site that has everything.
fn full(site_url: &str) -> Result<Site> {
    let settings = settings(&format!("{site_url}{}", config()))?;
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
    files.push(Admitted {
        url: FileUrl::Own(format!("https://x.example/{TEXT}").into()),
        ..admitted("hostile-1.1-py2.py3-none-any.whl", Some(hostile()))?
    });
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
        (format!("{TEXT}.whl"), vec![finding(Severity::Error), finding(Severity::Warning)]),
    ];
    Ok(Site { settings, index, rejected })
}

/// A site of so many projects that lists are cut.
fn crowd() -> Result<Site> {
    let settings = settings(BARE)?;
    let mut files = Vec::with_capacity(CROWD);
    for number in 0..CROWD {
        let mut file =
            admitted(&format!("many{number}-1.0+cu128-cp312-cp312-win_amd64.whl"), None)?;
        // Sizes add up where each is known.
        Arc::make_mut(&mut file.artifact).size = Some(1000);
        files.push(file);
    }
    let mut index = Index::build(files, &settings)?;
    index.assign_channels(&settings.channels);
    let rejected = vec![("broken-1.0-py3-none-any.whl".to_owned(), Vec::new())];
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
        message: format!("expected {TEXT}"),
        hint: (severity == Severity::Error).then(|| format!("build it again, {TEXT}")),
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
    artifact.offered.requires_python = Some(TEXT.into());
    Ok(Admitted {
        artifact: artifact.into(),
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
        "author": "Some Body", "requires_dist": ["torch>=2.9,<3", "numpy; extra == 'fast'"],
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
    let text = TEXT;
    let metadata = json!({
        "metadata_version": "2.4", "name": text, "version": "1.0", "summary": text,
        "requires_python": text,
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
