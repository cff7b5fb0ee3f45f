//! What a filename says of CUDA and torch, against METADATA and the files themselves.
//!
//! A build for `cu128` may hold code of older toolkits, from libraries that it was linked with; what
//! contradicts the name is a CUDA of which nothing in the wheel is.

use std::collections::BTreeSet;

use super::{Findings, table};
use crate::cuda::{Binary, CudaVersion, LocalTag, Requirements, abi_of};
use crate::facts::WheelFacts;
use crate::wheel::WheelFilename;

pub(super) fn judge(
    wheel: &WheelFacts,
    filename: Option<&WheelFilename>,
    findings: &mut Findings<'_>,
) {
    let Some(filename) = filename else { return };
    let tag = LocalTag::of(filename.version());
    if tag == LocalTag::default() {
        return;
    }
    let files = wheel.binaries();
    if let Some(named) = tag.cuda {
        version(named, &files, findings);
        toolkit(named, &files, findings);
    }
    torch(&tag, &wheel.requirements(), findings);
    if let (Some(named), Some(found)) = (tag.cxx11_abi, abi_of(&files))
        && named != found
    {
        let word = |abi: bool| if abi { "TRUE" } else { "FALSE" };
        findings.add(
            &table::CUDA_ABI,
            format!(
                "the local version says `cxx11abi{}`, and the names of torch's functions are those of `cxx11abi{}`",
                word(named),
                word(found)
            ),
            RENAME,
        );
    }
}

const RENAME: Option<&str> =
    Some("give the file the local version of what it was built with, or build it again");

/// The major version of libraries, and where none tells, that of device code.
fn version(named: CudaVersion, files: &[Binary<'_>], findings: &mut Findings<'_>) {
    let libraries = files.iter().flat_map(Binary::cuda_libraries);
    let libraries: BTreeSet<(u16, &str)> =
        libraries.filter_map(|(name, library)| Some((library.version()?.major, name))).collect();
    let of_code = toolkits(files);
    let contradicts = |majors: &BTreeSet<u16>| !majors.is_empty() && !majors.contains(&named.major);
    let found = if contradicts(&libraries.iter().map(|(major, _)| *major).collect()) {
        let names: BTreeSet<&str> = libraries.iter().map(|(_, name)| *name).take(4).collect();
        format!("files need `{}`", names.into_iter().collect::<Vec<_>>().join("`, `"))
    } else if contradicts(&of_code.iter().map(|version| version.major).collect()) {
        let versions: Vec<String> = of_code.iter().map(|version| version.to_string()).collect();
        format!("the device code was made by CUDA {}", versions.join(" and "))
    } else {
        return;
    };
    findings.add(
        &table::CUDA_VERSION,
        format!("the local version names CUDA {named}, and {found}"),
        RENAME,
    );
}

/// Code that is newer than the name, when none is of the version that the name says.
fn toolkit(named: CudaVersion, files: &[Binary<'_>], findings: &mut Findings<'_>) {
    let oldest = toolkits(files).into_iter().next();
    if let Some(oldest) = oldest.filter(|oldest| oldest.major == named.major)
        && named.minor.is_some()
        && oldest > named
    {
        findings.add(
            &table::CUDA_TOOLKIT,
            format!(
                "the local version names CUDA {named}, and all device code was made by {oldest} or later"
            ),
            RENAME,
        );
    }
}

fn toolkits(files: &[Binary<'_>]) -> BTreeSet<CudaVersion> {
    files.iter().filter_map(|file| file.device).flat_map(|code| code.toolkits.clone()).collect()
}

fn torch(tag: &LocalTag, requirements: &Requirements, findings: &mut Findings<'_>) {
    if let Some(named) = tag.torch
        && !requirements.allow_torch(named)
    {
        let required = requirements.torch().unwrap_or_default();
        findings.add(
            &table::CUDA_TORCH,
            format!("the local version names torch {named}, and METADATA requires `{required}`"),
            RENAME,
        );
    }
}
