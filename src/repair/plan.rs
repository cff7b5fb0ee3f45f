//! What must change in a wheel so that it is what its filename says.

use std::collections::{BTreeMap, BTreeSet};

use pep440_rs::Version;

use super::text::{self, RowChange, WheelFields};
use super::{Refusal, Trouble};
use crate::facts::WheelFacts;
use crate::verify::Finding;
use crate::wheel::{
    Archive, ArchiveError, Change, CoreMetadata, Disorder, ProjectName, RangeRead, Record, Sha256,
    WheelFile, WheelFilename, escaped, read_requirement,
};

/// The checks whose findings a repair mends.
pub const MENDED: [&str; 7] = [
    "data-mismatch",
    "local-version-mismatch",
    "dist-info-mismatch",
    "wheel-tags",
    "wheel-build",
    "filename-not-normalized",
    "tags-unsorted",
];

/// What leaves in doubt what an archive holds. Errors by default, and to allow them does not help here.
const DOUBTFUL: [Disorder; 15] = [
    Disorder::SecondEnd,
    Disorder::Prefix,
    Disorder::Gap,
    Disorder::Unlisted,
    Disorder::Overlap,
    Disorder::Duplicate,
    Disorder::LocalHeader,
    Disorder::DescriptorMismatch,
    Disorder::Encrypted,
    // Its contents are not read.
    Disorder::Bomb,
    Disorder::Counts,
    Disorder::Zip64,
    Disorder::Extra,
    Disorder::NameEncoding,
    Disorder::RecordDuplicate,
];

/// What a repair does to a wheel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The filename in its normal form.
    pub output: Box<str>,
    /// What changes in the archive, by a member's place in the central directory.
    pub changes: BTreeMap<usize, Change>,
}

/// Plans the repair of a wheel, by its facts and by what was found about it under the default policy.
///
/// A wheel that says everywhere what its filename says is left alone, however it spells it.
/// Of one that does not, everything gets its normal form. Those of `requires` that it lacks are added.
pub fn plan<R: RangeRead>(
    archive: &mut Archive<R>,
    filename: &WheelFilename,
    facts: &WheelFacts,
    findings: &[Finding],
    requires: &[String],
) -> Result<Plan, Trouble> {
    let output = normal_filename(filename);
    if let Err(error) = output.parse::<WheelFilename>() {
        let reason = format!("its normal name would be `{output}`: {error}");
        return Err(Refusal::new(reason, "give the file a shorter name").into());
    }
    let [dist_info] = &facts.dist_info[..] else {
        return Err(Refusal::new("it has not one `.dist-info` folder", REBUILD).into());
    };
    if let Some(doubt) = facts.anomalies.iter().find(|found| DOUBTFUL.contains(&found.kind)) {
        return Err(Refusal::new(escaped(&doubt.detail), REBUILD).into());
    }
    let old = dist_info.strip_suffix(".dist-info").unwrap_or(dist_info);
    let folders = Folders::new(archive, filename, old)?;
    let found = |check: &str| findings.iter().any(|finding| finding.check == check);
    let agrees = !MENDED.iter().any(|check| found(check))
        && *output == *filename.as_str()
        && is_stem_of(old, filename, |version| version == filename.version())
        && folders.data.as_deref().is_none_or(|data| data == old);
    let requires = lacking(facts, requires)?;
    let mut plan = Plan { output, changes: BTreeMap::new() };
    if !agrees || !requires.is_empty() {
        let tags = found("wheel-tags").then(|| tags(&plan.output)).flatten();
        let build = found("wheel-build").then(|| build_text(filename).to_owned());
        let fields = WheelFields { tags, build };
        let version = filename.version().to_string();
        plan.changes = changes(archive, &folders, &version, &requires, fields)?;
    }
    Ok(plan)
}

/// Those of the requirements that METADATA does not have, however it spells them.
fn lacking<'r>(facts: &WheelFacts, requires: &'r [String]) -> Result<Vec<&'r str>, Refusal> {
    let there = facts.metadata.read().map_or(&[][..], |metadata| &metadata.fields.requires_dist);
    let there: Vec<_> = there.iter().filter_map(|line| read_requirement(line)).collect();
    let mut lacking = Vec::new();
    for line in requires {
        let Some(requirement) = read_requirement(line).filter(|_| !line.contains(['\r', '\n']))
        else {
            return Err(Refusal::new(
                format!("`{}` is no requirement", escaped(line)),
                "write it as in `torch==2.9.*`",
            ));
        };
        if !there.contains(&requirement) && !lacking.contains(&line.as_str()) {
            lacking.push(line.as_str());
        }
    }
    Ok(lacking)
}

const REBUILD: &str = "build the wheel again with a current build backend";

/// The filename with the project's name, the version and the tags as the standards spell them.
pub(super) fn normal_filename(filename: &WheelFilename) -> Box<str> {
    let sorted = |tags: &str| {
        // A set has each tag once.
        let tags: BTreeSet<&str> = tags.split('.').collect();
        tags.into_iter().collect::<Vec<_>>().join(".")
    };
    let build = build_text(filename);
    let dash = if build.is_empty() { "" } else { "-" };
    format!(
        "{}{dash}{build}-{}-{}-{}.whl",
        stem(filename),
        sorted(filename.python()),
        sorted(filename.abi()),
        sorted(filename.platform())
    )
    .into()
}

/// `{name}-{version}`, as folders and filenames begin.
fn stem(filename: &WheelFilename) -> String {
    format!("{}-{}", filename.name().as_str().replace('-', "_"), filename.version())
}

/// The build tag as the filename spells it; empty where it has none.
fn build_text(filename: &WheelFilename) -> &str {
    match filename.build() {
        Some(_) => filename.as_str().split('-').nth(2).unwrap_or_default(),
        None => "",
    }
}

/// Every tag of a filename.
fn tags(filename: &str) -> Option<Vec<String>> {
    let filename: WheelFilename = filename.parse().ok()?;
    Some(filename.tags().collect())
}

/// Whether a folder's name without its end names this project, and such a version of it.
fn is_stem_of(
    folder: &str,
    filename: &WheelFilename,
    is_version: impl Fn(&Version) -> bool,
) -> bool {
    folder.rsplit_once('-').is_some_and(|(name, version)| {
        name.parse::<ProjectName>().is_ok_and(|name| name == *filename.name())
            && version.parse::<Version>().is_ok_and(|version| is_version(&version))
    })
}

/// The folders that carry the name and the version.
struct Folders {
    /// Of the `.dist-info` folder, without its end.
    old: String,
    /// Of the `.data` folder, if there is one that belongs to it.
    data: Option<String>,
    new: String,
}

impl Folders {
    fn new<R: RangeRead>(
        archive: &Archive<R>,
        filename: &WheelFilename,
        old: &str,
    ) -> Result<Self, Refusal> {
        let new = stem(filename);
        let public = filename.version().clone().without_local();
        let belongs = |stem: &str| {
            stem == old
                || is_stem_of(stem, filename, |version| version.clone().without_local() == public)
        };
        let tops = archive.entries().iter().filter_map(|entry| entry.name.split_once('/'));
        let found: BTreeSet<&str> = tops
            .filter_map(|(top, _)| top.strip_suffix(".data"))
            .filter(|stem| belongs(stem))
            .collect();
        if found.len() > 1 {
            let found: Vec<String> = found.iter().map(|stem| escaped(stem)).collect();
            return Err(Refusal::new(
                format!("expected one `.data` folder, found those of `{}`", found.join("` and `")),
                REBUILD,
            ));
        }
        let data = found.first().map(|stem| (*stem).to_owned());
        Ok(Self { old: old.to_owned(), data, new })
    }

    /// The new name of a member or of what RECORD lists; none where it stays.
    fn renamed(&self, path: &str) -> Option<String> {
        let inside = |stem: &str, end: &str| {
            let rest = path.strip_prefix(stem)?.strip_prefix(end)?;
            (rest.starts_with('/') && stem != self.new).then(|| format!("{}{end}{rest}", self.new))
        };
        inside(&self.old, ".dist-info").or_else(|| inside(self.data.as_ref()?, ".data"))
    }

    /// The name of a file of the `.dist-info` folder.
    fn file(&self, name: &str) -> String {
        format!("{}.dist-info/{name}", self.old)
    }
}

fn changes<R: RangeRead>(
    archive: &mut Archive<R>,
    folders: &Folders,
    version: &str,
    requires: &[&str],
    fields: WheelFields,
) -> Result<BTreeMap<usize, Change>, Trouble> {
    let mut contents: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let metadata = read(archive, &folders.file("METADATA"), CoreMetadata::MAX_SIZE)?;
    let described = text::with_requires(&text::with_version(&metadata, version), requires);
    contents.insert(folders.file("METADATA"), described);
    let file = read(archive, &folders.file("WHEEL"), WheelFile::MAX_SIZE)?;
    contents.insert(folders.file("WHEEL"), text::with_wheel_fields(&file, fields));
    contents.retain(|name, contents| {
        *contents != *if name.ends_with("METADATA") { &metadata } else { &file }
    });
    let mut changes: BTreeMap<usize, Change> = BTreeMap::new();
    for (index, entry) in archive.entries().iter().enumerate() {
        if let Some(name) = folders.renamed(&entry.name) {
            changes.insert(index, Change { name: Some(name.into()), contents: None });
        }
    }
    if changes.is_empty() && contents.is_empty() {
        return Ok(changes);
    }
    for signature in ["RECORD.jws", "RECORD.p7s"] {
        if archive.find(&folders.file(signature)).is_some() {
            return Err(Refusal::new(
                format!("RECORD is signed by `{signature}`, and must change"),
                "give the file the name that its build gave it, or build and sign it again",
            )
            .into());
        }
    }
    let record = read(archive, &folders.file("RECORD"), Record::MAX_SIZE)?;
    let rows = text::with_rows(&record, |path| RowChange {
        path: folders.renamed(path),
        contents: contents.get(path).map(|bytes| (Sha256::of(bytes), bytes.len() as u64)),
    });
    let rows =
        rows.map_err(|error| Refusal::new(format!("RECORD cannot be read: {error}"), REBUILD))?;
    if rows != record {
        contents.insert(folders.file("RECORD"), rows);
    }
    for (index, entry) in archive.entries().iter().enumerate() {
        if let Some(contents) = contents.remove(&*entry.name) {
            changes.entry(index).or_default().contents = Some(contents);
        }
    }
    Ok(changes)
}

fn read<R: RangeRead>(archive: &mut Archive<R>, name: &str, max: u64) -> Result<Vec<u8>, Trouble> {
    let entry = archive.find(name).cloned();
    let entry =
        entry.ok_or_else(|| Refusal::new(format!("it has no `{}`", escaped(name)), REBUILD))?;
    archive.read(&entry, max).map_err(|error| match error {
        ArchiveError::Io(error) => Trouble::Read(error),
        error => Refusal::new(error.to_string(), REBUILD).into(),
    })
}
