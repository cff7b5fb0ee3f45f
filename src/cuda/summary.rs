//! What the binaries of a wheel need together.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::elf::ElfFacts;
use super::{
    Architecture, ComputeCapability, CudaLibrary, CudaVersion, DeviceCode, LocalTag, Requirements,
    is_of_torch,
};

/// A file of a wheel.
#[derive(Debug, Clone, Copy)]
pub struct Binary<'a> {
    /// Its path in the wheel.
    pub path: &'a str,
    /// What its headers say.
    pub facts: &'a ElfFacts,
    /// What it holds for GPUs.
    pub device: Option<&'a DeviceCode>,
}

impl Binary<'_> {
    /// The libraries of CUDA that it needs.
    pub fn cuda_libraries(&self) -> impl Iterator<Item = (&str, CudaLibrary<'_>)> {
        let needed = self.facts.needed.iter().map(String::as_str);
        needed.filter_map(|name| Some((name, CudaLibrary::parse(name)?)))
    }
}

/// Where the version of the toolkit is known from, the most trustworthy first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolkitSource {
    /// Cubins and PTX.
    DeviceCode,
    /// The names of libraries.
    Libraries,
    /// `Requires-Dist`.
    Requirements,
    /// The local part of the version.
    LocalVersion,
}

/// What a wheel needs of a machine with GPUs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CudaSummary {
    /// What any file holds code for.
    pub architectures: BTreeSet<Architecture>,
    /// The newest toolkit that made some of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toolkit: Option<CudaVersion>,
    /// Where that is known from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub toolkit_from: Option<ToolkitSource>,
    /// The libraries of CUDA that files need.
    pub needs: BTreeSet<String>,
    /// Those of them that the wheel brings itself.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub bundled: BTreeSet<String>,
    /// The GPUs for which every file with device code has some: a library beside an extension
    /// cannot lend it its own. Cubins that are files of their own count as one file, from which
    /// the program chooses.
    pub compute_capabilities: Vec<ComputeCapability>,
    /// The oldest Linux driver that all files can do with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub driver: Option<&'static str>,
    /// The files with device code.
    pub files: Vec<DeviceFile>,
}

/// A file with device code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceFile {
    /// Its path in the wheel.
    pub path: String,
    /// What it holds code for.
    pub architectures: BTreeSet<Architecture>,
    /// What made it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub toolkits: BTreeSet<CudaVersion>,
    /// The libraries of CUDA that it needs.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub needs: BTreeSet<String>,
}

impl CudaSummary {
    /// Sums up what is known of a wheel; none where it has nothing to do with CUDA.
    pub fn of(files: &[Binary<'_>], requirements: &Requirements, tag: &LocalTag) -> Option<Self> {
        let needs: BTreeSet<String> = files.iter().flat_map(needs_of).collect();
        let device: Vec<DeviceFile> = files.iter().filter_map(device_file).collect();
        if needs.is_empty() && device.is_empty() {
            return None;
        }
        let names: BTreeSet<&str> = files
            .iter()
            .flat_map(|file| [file.path.rsplit('/').next(), file.facts.soname.as_deref()])
            .flatten()
            .collect();
        let made = device.iter().flat_map(|file| file.toolkits.iter().copied()).max();
        let libraries = files.iter().flat_map(Binary::cuda_libraries);
        let linked = libraries.filter_map(|(_, library)| library.version()).max();
        let known = [
            (made, ToolkitSource::DeviceCode),
            (linked, ToolkitSource::Libraries),
            (requirements.cuda.last().copied(), ToolkitSource::Requirements),
            (tag.cuda, ToolkitSource::LocalVersion),
        ];
        let known = known.into_iter().filter_map(|(version, from)| Some((version?, from)));
        // Of what agrees with the first the most precise.
        let toolkit = known.reduce(|first, next| {
            let finer = first.0.minor.is_none() && next.0.minor.is_some();
            if finer && first.0.agrees(next.0) { next } else { first }
        });
        let driver = made.max(linked).or(toolkit.map(|(version, _)| version));
        Some(Self {
            architectures: device.iter().flat_map(|file| file.architectures.clone()).collect(),
            toolkit: toolkit.map(|(version, _)| version),
            toolkit_from: toolkit.map(|(_, from)| from),
            bundled: needs.iter().filter(|name| names.contains(name.as_str())).cloned().collect(),
            needs,
            compute_capabilities: supported(files),
            driver: driver.and_then(CudaVersion::driver),
            files: device,
        })
    }
}

fn needs_of(file: &Binary<'_>) -> BTreeSet<String> {
    file.cuda_libraries().map(|(name, _)| name.to_owned()).collect()
}

fn device_file(file: &Binary<'_>) -> Option<DeviceFile> {
    let code = file.device?;
    Some(DeviceFile {
        path: file.path.to_owned(),
        architectures: code.architectures.clone(),
        toolkits: code.toolkits.clone(),
        needs: needs_of(file),
    })
}

/// The known GPUs on which every file can run.
fn supported(files: &[Binary<'_>]) -> Vec<ComputeCapability> {
    // Cubins that lie in the wheel as files are one.
    let mut groups: BTreeMap<Option<&str>, BTreeSet<Architecture>> = BTreeMap::new();
    for file in files {
        if let Some(code) = file.device {
            let group = Some(file.path).filter(|_| !file.facts.is_device_code());
            groups.entry(group).or_default().extend(&code.architectures);
        }
    }
    let runs = |gpu: &ComputeCapability| {
        groups.values().all(|codes| codes.iter().any(|code| code.runs_on(*gpu)))
    };
    if groups.is_empty() { Vec::new() } else { ComputeCapability::known().filter(runs).collect() }
}

/// What a wheel needs of torch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TorchUse {
    /// The libraries of torch that its files are linked with.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub libraries: BTreeSet<String>,
    /// Whether they expect torch to be built with the C++11 ABI.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cxx11_abi: Option<bool>,
    /// The version for which it was built, by the local part of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What its METADATA requires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requires: Option<String>,
}

impl TorchUse {
    /// Sums up what is known of a wheel; none where it is not linked with torch and does not
    /// require it.
    pub fn of(files: &[Binary<'_>], requirements: &Requirements, tag: &LocalTag) -> Option<Self> {
        let needed = files.iter().flat_map(|file| &file.facts.needed);
        let libraries: BTreeSet<String> =
            needed.filter(|name| is_of_torch(name)).cloned().collect();
        let requires = requirements.torch();
        let told = !libraries.is_empty() || requires.is_some();
        told.then(|| Self {
            cxx11_abi: abi_of(files).or(tag.cxx11_abi.filter(|_| !libraries.is_empty())),
            libraries,
            version: tag.torch.map(|version| version.to_string()),
            requires,
        })
    }
}

/// The C++ ABI of all files that show it; none where they differ.
pub(crate) fn abi_of(files: &[Binary<'_>]) -> Option<bool> {
    let shown: BTreeSet<bool> = files.iter().filter_map(|file| file.facts.cxx11_abi).collect();
    shown.first().copied().filter(|_| shown.len() == 1)
}

/// The oldest glibc on which every file can be loaded: `2.28`.
pub fn glibc_floor(files: &[Binary<'_>]) -> Option<String> {
    let floors = files.iter().filter_map(|file| file.facts.glibc_floor());
    floors.max().map(|(major, minor)| format!("{major}.{minor}"))
}

/// The machines that files are for, as wheel tags spell them.
pub fn machines(files: &[Binary<'_>]) -> BTreeSet<&'static str> {
    files.iter().filter_map(|file| file.facts.architecture()).collect()
}
