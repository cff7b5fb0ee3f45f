//! Files with every combination of what there may be to tell about one, for tests.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::needs::Needs;
use crate::config::{Environment, Options, Settings, SiteConfig};
use crate::cuda::{
    ComputeCapability, CudaSummary, CudaVersion, ToolkitSource, TorchUse, TorchVersion,
};
use crate::facts::{Artifact, Content, Depth, FACTS_VERSION, Facts, Location, Sidecar, UploadTime};
use crate::index::{Admitted, Channel, FileUrl, Index, IndexFile, Project, torch_of};
use crate::verify::{Finding, Severity};
use crate::wheel::Sha256;

/// A text with everything that HTML and JSON escape.
pub(super) const TEXT: &str = "a<b href=\"x\">'&amp;'\\ \u{7}é\n</b>";

const FILENAMES: [&str; 10] = [
    "many-0.9-py2.py3-none-any.whl",
    "many-1!1.0.tar.gz",
    "many-1.0-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "many-1.0-cp39-abi3-win_amd64.whl",
    "many-1.0.0+cu126-1build-cp312-cp312-linux_x86_64.whl",
    "many-1.0.0+cu128torch2.9-cp312-cp312-linux_x86_64.whl",
    "many-1.0.0+cu128torch2.9-cp313-cp313t-linux_x86_64.whl",
    "many-1.00+cu128-cp313-cp313-macosx_11_0_universal2.whl",
    "many-2.0rc1+cpu-py3-none-any.whl",
    "many-2.0rc1.zip",
];

pub(super) fn settings(config: &str) -> Settings {
    let config = SiteConfig::parse(config, "the test").expect("parses");
    Settings::resolve(config, Options::default(), Environment::default()).expect("resolves")
}

/// A project in which each number decides what there is to tell about a file, and what each needs.
pub(super) fn project(settings: &Settings, numbers: &[u32]) -> (Project, Vec<Needs>) {
    let admitted = FILENAMES.iter().map(|filename| Admitted {
        artifact: Artifact::new(filename, Location::File((*filename).into())).into(),
        facts: None,
        upload_time: None,
        url: FileUrl::FilesUrl,
    });
    let index = Index::build(admitted.collect(), settings).expect("builds");
    let mut project = index.projects.into_iter().next().expect("is there");
    let numbers = numbers.iter().copied().cycle();
    let needs = project.files.iter_mut().zip(numbers).map(|(file, number)| dress(file, number));
    let needs = needs.collect();
    (project, needs)
}

/// Takes what a number stands for, a few bits at a time.
struct Bits(u32);

impl Bits {
    fn one_of<T: Clone>(&mut self, values: &[T]) -> T {
        let count = u32::try_from(values.len()).expect("are few");
        let value = values[(self.0 % count) as usize].clone();
        self.0 /= count;
        value
    }
}

fn dress(file: &mut IndexFile, number: u32) -> Needs {
    let mut bits = Bits(number);
    let texts = [None, Some(""), Some(TEXT)];
    file.yanked = bits.one_of(&texts).map(Into::into);
    let artifact = Arc::make_mut(&mut file.artifact);
    artifact.offered.requires_python = bits.one_of(&texts).map(Into::into);
    file.channel = bits.one_of(&[None, Some("cu128")]).map(channel);
    file.in_default = bits.one_of(&[true, false]);
    let depth = bits.one_of(&[None, Some(Depth::Metadata), Some(Depth::Full)]);
    file.facts = depth.map(facts).map(Arc::new);
    artifact.size = bits.one_of(&[None, Some(0), Some(1_234_567)]);
    file.upload_time = bits.one_of(&[None, UploadTime::from_seconds(1_790_000_000)]);
    artifact.offered.sha256 = bits.one_of(&[None, Some(Sha256::of(b"x"))]);
    artifact.offered.core_metadata = bits.one_of(&[None, Some(Sidecar::Unhashed)]);
    let own = FileUrl::Own(format!("https://x.example/{TEXT}").into());
    file.url = bits.one_of(&[FileUrl::FilesUrl, FileUrl::Carried, own]);
    let finding = Finding {
        check: "record-hash",
        severity: Severity::Warning,
        message: TEXT.to_owned(),
        hint: None,
    };
    file.findings = bits.one_of(&[vec![], vec![finding.clone()], vec![finding; 2]]).into();
    let requires = bits.one_of(&texts);
    let uses_torch = bits.one_of(&[false, true]);
    let driver = bits.one_of(&[None, Some("525.60.13")]);
    // What is left of the number is the same for all small ones.
    let mut bits = Bits(number.rotate_left(16));
    let cuda = bits.one_of(&[None, Some(["sm_80", "compute_90"].as_slice()), Some(&[])]);
    let toolkit =
        bits.one_of(&[None, Some(CudaVersion::new(12, 8)), Some(CudaVersion::of_major(12))]);
    Needs {
        cuda: cuda.map(|architectures| CudaSummary {
            architectures: architectures.iter().map(|it| it.parse().expect("parses")).collect(),
            toolkit,
            toolkit_from: toolkit.map(|_| ToolkitSource::Libraries),
            needs: BTreeSet::from(["libcudart.so.12".to_owned()]),
            bundled: BTreeSet::new(),
            compute_capabilities: ComputeCapability::known().take(2).collect(),
            driver,
            files: Vec::new(),
        }),
        torch_use: uses_torch.then(|| TorchUse {
            libraries: BTreeSet::new(),
            cxx11_abi: None,
            version: None,
            requires: requires.map(str::to_owned),
        }),
        glibc: bits.one_of(&[None, Some("2.28"), Some("")]).map(str::to_owned),
        machines: bits.one_of(&[BTreeSet::new(), BTreeSet::from(["x86_64"])]),
    }
}

fn channel(name: &str) -> Channel {
    Channel::of_local_version(name).expect("is one")
}

fn facts(depth: Depth) -> Facts {
    let wheel = json!({
        "members": 1, "unpacked_size": 1, "dist_info": [], "wheel": "missing",
        "record": "missing", "metadata": "missing", "elf": [],
    });
    Facts {
        facts_version: FACTS_VERSION,
        depth,
        sha256: Sha256::of(b"x"),
        size: 1,
        content: Content::Wheel(serde_json::from_value(wheel).expect("reads")),
        reported: false,
    }
}

/// What `files_json` writes of whether a file fits, for serde.
#[derive(Serialize)]
pub(super) struct Fit<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    requires_python: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a Channel>,
    #[serde(skip_serializing_if = "is_true")]
    in_default: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    torch: Option<TorchVersion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    python: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    abi: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    platforms: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<Depth>,
}

impl<'a> Fit<'a> {
    pub(super) fn of(file: &'a IndexFile) -> Self {
        let wheel = file.dist().wheel();
        Self {
            requires_python: file.requires_python(),
            channel: file.channel.as_ref(),
            in_default: file.in_default,
            torch: torch_of(file.dist().version()),
            python: wheel.map(|wheel| wheel.python()),
            abi: wheel.map(|wheel| wheel.abi()),
            platforms: wheel.map(|wheel| wheel.platform().split('.').collect()).unwrap_or_default(),
            depth: file.facts.as_deref().map(|facts| facts.depth),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_true(value: &bool) -> bool {
    *value
}
