//! `wheelsite inspect`

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::{Format, print, print_json};
use crate::config::Environment;
use crate::cuda::{CudaSummary, LocalTag, TorchUse, glibc_floor, machines};
use crate::error::Result;
use crate::facts::{Content, Depth, Facts, Part};
use crate::render::people::human_size;
use crate::source;
use crate::wheel::{DistFilename, Sha256, escaped};

/// Show what one file says of itself
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// A wheel or a source distribution, or its URL
    #[arg(value_name = "WHEEL|URL")]
    file: String,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// The form that scripts rely on; what is unknown is left out.
#[derive(Serialize)]
struct Report<'a> {
    filename: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    tags: Vec<String>,
    size: u64,
    sha256: Sha256,
    #[serde(skip_serializing_if = "Option::is_none")]
    requires_python: Option<&'a str>,
    requires_dist: &'a [String],
    depth: Depth,
    #[serde(skip_serializing_if = "Option::is_none")]
    glibc: Option<String>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    machines: BTreeSet<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cuda: Option<CudaSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    torch: Option<TorchUse>,
    #[serde(flatten)]
    content: Option<&'a Content>,
}

pub(super) fn run(args: &InspectArgs) -> Result<ExitCode> {
    let is_url = args.file.starts_with("https://") || args.file.starts_with("http://");
    let (artifact, opened) = if is_url {
        let environment = Environment::of_process()?;
        let (artifact, reader) = source::open_url(&args.file, &environment.network)?;
        (artifact, Ok(reader))
    } else {
        let artifact = source::artifact_of_file(Path::new(&args.file), 0)?;
        let opened = source::open_file(&artifact);
        (artifact, opened)
    };
    let facts = super::check::read(&artifact, opened, None)?;
    let dist = artifact.dist.as_ref().ok();
    let fields = facts.metadata().map(|metadata| &metadata.fields);
    let wheel = dist.and_then(DistFilename::wheel);
    let contents = facts.wheel();
    let files = contents.map(|contents| contents.binaries()).unwrap_or_default();
    let tag = dist.map(|dist| LocalTag::of(dist.version())).unwrap_or_default();
    let report = Report {
        filename: &artifact.filename,
        name: fields
            .map(|fields| fields.name.clone())
            .or_else(|| dist.map(|dist| dist.name().to_string())),
        version: fields
            .map(|fields| fields.version.clone())
            .or_else(|| dist.map(|dist| dist.version().to_string())),
        tags: wheel.map(|wheel| wheel.tags().collect()).unwrap_or_default(),
        size: facts.size,
        sha256: facts.sha256,
        requires_python: fields.and_then(|fields| fields.requires_python.as_deref()),
        requires_dist: fields.map_or(&[], |fields| &fields.requires_dist),
        depth: facts.depth,
        glibc: glibc_floor(&files),
        machines: machines(&files),
        cuda: contents.and_then(|contents| contents.cuda(&tag)),
        torch: contents.and_then(|contents| contents.torch(&tag)),
        // There is nothing to say of what is not opened.
        content: Some(&facts.content).filter(|content| **content != Content::Sdist),
    };
    match args.format {
        Format::Json => print_json(&report)?,
        Format::Human => print(&human(&report, &facts))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn human(report: &Report<'_>, facts: &Facts) -> String {
    let mut lines = vec![("filename", report.filename.to_owned())];
    lines.extend(report.name.clone().map(|name| ("name", name)));
    lines.extend(report.version.clone().map(|version| ("version", version)));
    lines.extend(report.tags.iter().map(|tag| ("tag", tag.clone())));
    lines.push(("size", format!("{} ({} bytes)", human_size(report.size), report.size)));
    lines.push(("sha256", report.sha256.to_string()));
    lines.extend(report.requires_python.map(|python| ("requires-python", python.to_owned())));
    lines.extend(
        report.requires_dist.iter().map(|requirement| ("requires-dist", requirement.clone())),
    );
    match &facts.content {
        Content::Sdist => lines.push(("content", "source distribution, not opened".to_owned())),
        Content::Unreadable { detail, .. } => {
            lines.push(("content", format!("unreadable: {detail}")));
        }
        Content::Wheel(wheel) => {
            lines.push((
                "members",
                format!("{} ({} unpacked)", wheel.members, human_size(wheel.unpacked_size)),
            ));
            lines.push((
                "metadata",
                part(&wheel.metadata, |metadata| format!("sha256 {}", metadata.sha256)),
            ));
            let generator = |generator: Option<&str>| generator.unwrap_or("unknown").to_owned();
            lines.push((
                "generator",
                part(&wheel.wheel, |file| generator(file.generator.as_deref())),
            ));
            lines.push(("record", part(&wheel.record, |record| format!("{} rows", record.rows))));
            lines.extend(machine_lines(report));
        }
    }
    let line = |(key, value): &(&str, String)| format!("{key:>15}  {}\n", escaped(value));
    lines.iter().map(line).collect()
}

/// What the wheel needs of a machine.
fn machine_lines(report: &Report<'_>) -> Vec<(&'static str, String)> {
    type Lines = Vec<(&'static str, String)>;
    /// A dozen to a line.
    fn listed(key: &'static str, items: impl IntoIterator<Item: ToString>) -> Lines {
        let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
        if items.is_empty() {
            return vec![(key, "none".to_owned())];
        }
        items.chunks(12).map(|items| (key, items.join(" "))).collect()
    }
    let mut lines: Lines = report.machines.iter().map(|it| ("machine", (*it).to_owned())).collect();
    lines.extend(report.glibc.clone().map(|glibc| ("glibc", format!("{glibc} or later"))));
    if let Some(cuda) = &report.cuda {
        lines.extend(cuda.toolkit.map(|toolkit| ("cuda", toolkit.to_string())));
        lines.extend(cuda.driver.map(|driver| ("cuda-driver", format!("{driver} or later"))));
        lines.extend(cuda.needs.iter().map(|library| ("cuda-needs", library.clone())));
        if !cuda.files.is_empty() {
            lines.extend(listed("cuda-code", &cuda.architectures));
            lines.extend(listed("cuda-gpus", &cuda.compute_capabilities));
        }
        // Of one file all has been said.
        for file in cuda.files.iter().filter(|_| cuda.files.len() > 1) {
            lines.push(("cuda-file", file.path.clone()));
            lines.extend(listed("", &file.architectures));
        }
    }
    if let Some(torch) = &report.torch {
        lines.extend(torch.version.clone().map(|version| ("torch", version)));
        lines.extend(torch.libraries.iter().map(|library| ("torch-needs", library.clone())));
        let word = |abi| if abi { "yes" } else { "no" };
        lines.extend(torch.cxx11_abi.map(|abi| ("torch-cxx11-abi", word(abi).to_owned())));
    }
    lines
}

fn part<T>(part: &Part<T>, describe: impl Fn(&T) -> String) -> String {
    match part {
        Part::Missing => "missing".to_owned(),
        Part::Invalid(reason) => format!("invalid: {reason}"),
        Part::Read(value) => describe(value),
    }
}
