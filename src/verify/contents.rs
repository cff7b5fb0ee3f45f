//! What a wheel must have, and what its WHEEL says, against its filename.

use std::collections::BTreeSet;

use pep440_rs::Version;

use super::Findings;
use super::metadata::same_public;
use super::platform::{self, DisproofKind};
use super::table::{self, Check};
use crate::cuda::elf::ElfFacts;
use crate::facts::{Part, WheelFacts};
use crate::wheel::{ProjectName, WheelFile, WheelFilename, escaped};

const REBUILD: Option<&str> = Some("build the wheel again with a current build backend");
const RENAMED: Option<&str> =
    Some("the file was renamed after its build: mend it with `wheelsite repair`");

pub(super) fn judge(
    wheel: &WheelFacts,
    filename: Option<&WheelFilename>,
    findings: &mut Findings<'_>,
) {
    match &wheel.dist_info[..] {
        [] => {
            let members = wheel.members;
            findings.add(
                &table::DIST_INFO_MISSING,
                format!("expected one `.dist-info` folder, found none among {members} members"),
                REBUILD,
            );
            return;
        }
        [folder] => dist_info_name(folder, filename, findings),
        folders => findings.add(
            &table::DIST_INFO_SEVERAL,
            format!(
                "expected one `.dist-info` folder, found `{}`",
                folders.iter().map(|folder| escaped(folder)).collect::<Vec<_>>().join("`, `")
            ),
            REBUILD,
        ),
    }
    required(
        &wheel.metadata,
        "METADATA",
        [&table::METADATA_MISSING, &table::METADATA_INVALID],
        findings,
    );
    required(&wheel.wheel, "WHEEL", [&table::WHEEL_MISSING, &table::WHEEL_INVALID], findings);
    required(&wheel.record, "RECORD", [&table::RECORD_MISSING, &table::RECORD_INVALID], findings);
    for file in &wheel.licenses_absent {
        findings.add(
            &table::LICENSE_MISSING,
            format!(
                "METADATA names the license file `{}`, and the wheel has it not",
                escaped(file)
            ),
            REBUILD,
        );
    }
    if let Some(file) = wheel.wheel.read() {
        wheel_file(file, filename, findings);
    }
    platform(wheel, filename, findings);
}

/// The platform tag against what the ELF files of the wheel say.
fn platform(wheel: &WheelFacts, filename: Option<&WheelFilename>, findings: &mut Findings<'_>) {
    let Some(filename) = filename.filter(|_| !wheel.elf.is_empty()) else { return };
    let tags: Vec<&str> = filename.platform().split('.').collect();
    let files: Vec<(&str, &ElfFacts)> =
        wheel.elf.iter().map(|file| (&*file.path, &file.facts)).collect();
    let external = |soname: &str| findings.policy.is_external(soname);
    let disproofs = platform::judge(&tags, &files, &external);
    let in_any = disproofs.iter().any(|disproof| disproof.kind == DisproofKind::Any);
    let mut told: Vec<DisproofKind> = Vec::new();
    for disproof in disproofs {
        // A wheel may hold a thousand files with one and the same fault.
        let before = told.iter().filter(|kind| **kind == disproof.kind).count();
        told.push(disproof.kind);
        if before >= MAX_DISPROOFS {
            continue;
        }
        let (check, hint) = match disproof.kind {
            DisproofKind::Any => (&table::ELF_ANY, "give the wheel the tag of its platform"),
            DisproofKind::Machine => {
                (&table::ELF_MACHINE, "give the wheel the tag of its platform")
            }
            DisproofKind::Symbols => {
                (&table::ELF_SYMBOLS, "`auditwheel repair` finds the manylinux tag that is true")
            }
            DisproofKind::Library => (
                &table::ELF_LIBRARY,
                "bundle it with `auditwheel repair`, or name it in `external_libraries` if \
                 another package brings it",
            ),
            DisproofKind::Libc => (&table::ELF_LIBC, "build for this C library"),
        };
        let hint = (before == 0).then_some(hint);
        findings.add(check, format!("`{}` {}", escaped(&disproof.path), disproof.message), hint);
    }
    let purelib = wheel.wheel.read().and_then(|file| file.root_is_purelib.as_deref());
    if purelib.is_some_and(|text| text.eq_ignore_ascii_case("true")) && !in_any {
        let count = wheel.elf.len();
        findings.add(
            &table::ELF_PURELIB,
            format!("WHEEL says `Root-Is-Purelib: true`, and the wheel holds {count} ELF files"),
            None,
        );
    }
}

/// How many findings of a kind say enough.
const MAX_DISPROOFS: usize = 3;

fn dist_info_name(folder: &str, filename: Option<&WheelFilename>, findings: &mut Findings<'_>) {
    let Some(filename) = filename else { return };
    let stem = folder.strip_suffix(".dist-info").unwrap_or(folder);
    // Old tools put the build tag behind the version, and installers take it.
    let build = filename.build().map(|build| format!("-{}{}", build.number, build.suffix));
    let stem = build.and_then(|build| stem.strip_suffix(&*build)).unwrap_or(stem);
    let agrees = stem.rsplit_once('-').is_some_and(|(name, version)| {
        name.parse::<ProjectName>().is_ok_and(|name| name == *filename.name())
            && version
                .parse::<Version>()
                .is_ok_and(|version| same_public(&version, filename.version()))
    });
    if !agrees {
        let name = filename.name().as_str().replace('-', "_");
        findings.add(
            &table::DIST_INFO_MISMATCH,
            format!(
                "expected the folder `{name}-{}.dist-info`, found `{}`",
                filename.version(),
                escaped(folder)
            ),
            RENAMED,
        );
    }
}

fn required<T>(
    part: &Part<T>,
    file: &str,
    [missing, invalid]: [&Check; 2],
    findings: &mut Findings<'_>,
) {
    match part {
        Part::Missing => {
            findings.add(missing, format!("the `.dist-info` folder holds no `{file}`"), REBUILD);
        }
        Part::Invalid(reason) => {
            findings.add(invalid, format!("`{file}` cannot be read: {reason}"), REBUILD);
        }
        Part::Read(_) => {}
    }
}

fn wheel_file(file: &WheelFile, filename: Option<&WheelFilename>, findings: &mut Findings<'_>) {
    let version = &file.wheel_version;
    match version.split_once('.').map(|(major, minor)| (major.parse::<u64>(), minor.parse::<u64>()))
    {
        Some((Ok(1), Ok(0))) => {}
        Some((Ok(1), Ok(_))) => findings.add(
            &table::WHEEL_VERSION_NEW,
            format!("expected `Wheel-Version: 1.0`, found `{}`", escaped(version)),
            None,
        ),
        _ => findings.add(
            &table::WHEEL_VERSION,
            format!("expected `Wheel-Version: 1.0`, found `{}`", escaped(version)),
            REBUILD,
        ),
    }
    match file.root_is_purelib.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("true" | "false") => {}
        found => findings.add(
            &table::WHEEL_PURELIB,
            format!(
                "expected `Root-Is-Purelib` with `true` or `false`, found `{}`",
                escaped(found.unwrap_or("nothing"))
            ),
            REBUILD,
        ),
    }
    let Some(filename) = filename else { return };
    let expected: BTreeSet<String> = filename.tags().map(|tag| in_full(&tag)).collect();
    // A line may itself hold a compressed set; old tools wrote such lines.
    let found: BTreeSet<String> =
        file.tags.iter().flat_map(|tag| expand(tag)).map(|tag| in_full(&tag)).collect();
    if expected != found {
        let list = |tags: &BTreeSet<String>| {
            let shown: Vec<&str> = tags.iter().take(4).map(String::as_str).collect();
            let more = if tags.len() > 4 { ", ..." } else { "" };
            format!("`{}`{more}", shown.join("`, `"))
        };
        findings.add(
            &table::WHEEL_TAGS,
            format!(
                "the filename has the tags {}, WHEEL {}",
                list(&expected),
                escaped(&list(&found))
            ),
            RENAMED,
        );
    }
    let build = filename.build().map(|build| format!("{}{}", build.number, build.suffix));
    let normal = |build: &str| build.trim_start_matches('0').to_owned();
    if build.as_deref().map(normal) != file.build.as_deref().map(normal) {
        findings.add(
            &table::WHEEL_BUILD,
            format!(
                "the filename has the build tag `{}`, WHEEL `{}`",
                build.as_deref().unwrap_or("none"),
                escaped(file.build.as_deref().unwrap_or("none"))
            ),
            RENAMED,
        );
    }
}

/// The old names of three manylinux tags, in the form that replaced them (PEP 600).
fn in_full(tag: &str) -> String {
    tag.replace("-manylinux1_", "-manylinux_2_5_")
        .replace("-manylinux2010_", "-manylinux_2_12_")
        .replace("-manylinux2014_", "-manylinux_2_17_")
}

fn expand(tag: &str) -> Vec<String> {
    let parts: Vec<&str> = tag.split('-').collect();
    let [python, abi, platform] = parts[..] else { return vec![tag.to_ascii_lowercase()] };
    let mut tags = Vec::new();
    for python in python.split('.').take(50) {
        for abi in abi.split('.').take(50) {
            for platform in platform.split('.').take(50) {
                tags.push(format!("{python}-{abi}-{platform}").to_ascii_lowercase());
            }
        }
    }
    tags
}
