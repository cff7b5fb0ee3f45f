//! Renamed wheels made true again: the filename is believed, and what it contradicts is mended.
//!
//! What a wheel is called in its METADATA, its `.dist-info` and `.data` folders, WHEEL and RECORD
//! becomes what its filename says. Every other member is copied as it lies, compressed. What is not
//! a matter of names is not mended: such a file is refused.

mod folder;
mod plan;
mod text;

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

use crate::error::{Error, Result};
use crate::facts::{Artifact, Depth, Facts, Location, WheelFacts};
use crate::inspect::{Kind, inspect};
use crate::source::ReadSeek;
use crate::verify::{self, Evidence, Finding, Policy, Severity};
use crate::wheel::{
    Archive, ArchiveError, DistFilename, HashingReader, RewriteError, Sha256, WheelFilename,
    sanitized,
};

pub use folder::Folder;
use folder::{Target, Unfinished};
pub use plan::{MENDED, Plan, plan};

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was mended, under this filename.
    Repaired(Box<str>),
    /// There was nothing to mend; the copy has its filename.
    Fine,
    /// It cannot be mended.
    Refused(Refusal),
}

/// Why a file cannot be mended, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What stands against it.
    pub reason: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Refusal {
    fn new(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: Some(hint.into()) }
    }
}

/// Why a repair did not come to its end.
#[derive(Debug)]
pub enum Trouble {
    /// The file is refused; others go on.
    Refused(Refusal),
    /// The file's bytes cannot be had.
    Read(io::Error),
    /// Anything else.
    Failed(Error),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The filename that a file will have, if it is a wheel that can be repaired.
///
/// Files of the same name must not be repaired at the same time.
pub fn output_name(artifact: &Artifact) -> Option<Box<str>> {
    artifact.dist.as_ref().ok().and_then(DistFilename::wheel).map(plan::normal_filename)
}

/// Repairs one wheel into a folder. Errors where it cannot be read, or the folder not be written.
///
/// `requires` are requirements, such as `torch==2.9.*`, that its METADATA gets where it lacks them.
pub fn repair(
    artifact: &Artifact,
    opened: io::Result<Box<dyn ReadSeek>>,
    folder: &Folder,
    policy: &Policy,
    requires: &[String],
) -> Result<Outcome> {
    let outcome = opened.map_err(Trouble::Read).and_then(|reader| {
        let filename = match &artifact.dist {
            Ok(DistFilename::Wheel(filename)) => filename,
            Ok(DistFilename::Sdist(_)) => return Err(no_wheel("it is a source distribution")),
            Err(error) => return Err(no_wheel(&error.to_string())),
        };
        Job { artifact, filename, folder, policy, requires }.run(reader)
    });
    match outcome {
        Ok(outcome) => Ok(outcome),
        Err(Trouble::Refused(refusal)) => Ok(Outcome::Refused(refusal)),
        Err(Trouble::Failed(error)) => Err(error),
        Err(Trouble::Read(error)) => {
            Err(Error::source(format!("cannot read `{}`: {error}", artifact.location)))
        }
    }
}

fn no_wheel(reason: &str) -> Trouble {
    Refusal::new(
        sanitized(reason),
        "a repair believes the filename: give the file the name that it should have",
    )
    .into()
}

struct Job<'a> {
    artifact: &'a Artifact,
    filename: &'a WheelFilename,
    folder: &'a Folder,
    policy: &'a Policy,
    requires: &'a [String],
}

impl Job<'_> {
    fn run(&self, mut reader: Box<dyn ReadSeek>) -> Result<Outcome, Trouble> {
        let facts = inspect(Kind::Wheel, Depth::Full, &mut reader).map_err(Trouble::Read)?;
        let is_counted = |check: &str| !MENDED.contains(&check);
        refuse_errors(&judge(self.artifact, &facts, self.policy), is_counted, "")?;
        // A policy may pass over what is to be mended all the same.
        let findings = judge(self.artifact, &facts, &Policy::default());
        let mut archive = Archive::open(&mut reader).map_err(refused_archive)?;
        let plan = plan(&mut archive, self.filename, wheel_of(&facts)?, &findings, self.requires)?;
        let target = self.folder.target(&plan.output);
        let is_fine = *plan.output == *self.filename.as_str() && plan.changes.is_empty();
        if plan.changes.is_empty() {
            // The bytes stay, and what they say has been judged.
            if !is_there(&target, facts.sha256)? {
                let unfinished = target.begin()?;
                self.copy(&mut reader, &unfinished, facts.sha256)?;
                unfinished.finish()?;
            }
        } else {
            let unfinished = target.begin()?;
            let out = BufWriter::with_capacity(256 * 1024, unfinished.file());
            archive.rewrite(&plan.changes, out).map_err(|error| match error {
                RewriteError::Read(error) => refused_archive(error),
                RewriteError::Write(error) => unfinished.failed(error).into(),
            })?;
            let repaired = self.examine(&plan.output, &unfinished)?;
            // Whether it is there already shows only when its bytes are known.
            if !is_there(&target, repaired)? {
                unfinished.finish()?;
            }
        }
        Ok(if is_fine { Outcome::Fine } else { Outcome::Repaired(plan.output) })
    }

    /// Reads what was written as any other wheel, and gives its digest.
    fn examine(&self, output: &str, unfinished: &Unfinished<'_>) -> Result<Sha256, Trouble> {
        let path = unfinished.path();
        let read = File::open(path).and_then(|file| inspect(Kind::Wheel, Depth::Full, file));
        let facts = read.map_err(Error::output("read", path))?;
        let artifact = Artifact {
            filename: output.into(),
            dist: output.parse(),
            location: Location::File(path.to_owned()),
            ..self.artifact.clone()
        };
        let still = "the repaired wheel would not be accepted: ";
        refuse_errors(&judge(&artifact, &facts, self.policy), |_| true, still)?;
        // Whatever the policy passes over: a second repair must find nothing to do.
        let findings = judge(&artifact, &facts, &Policy::default());
        match findings.iter().find(|finding| MENDED.contains(&finding.check)) {
            None => Ok(facts.sha256),
            Some(finding) => Err(refusal(finding, still, 0).into()),
        }
    }

    /// Copies a file whose digest is known.
    fn copy(
        &self,
        reader: &mut Box<dyn ReadSeek>,
        unfinished: &Unfinished<'_>,
        expected: Sha256,
    ) -> Result<(), Trouble> {
        reader.seek(SeekFrom::Start(0)).map_err(Trouble::Read)?;
        let mut reader = HashingReader::new(reader);
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => unfinished
                    .file()
                    .write_all(&buffer[..count])
                    .map_err(|error| unfinished.failed(error))?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Trouble::Read(error)),
            }
        }
        if reader.finish().0 == expected {
            return Ok(());
        }
        Err(Trouble::Failed(Error::source_hint(
            format!("`{}` changed while it was being read", self.artifact.location),
            "run again when nothing writes to the source any more",
        )))
    }
}

fn judge(artifact: &Artifact, facts: &Facts, policy: &Policy) -> Vec<Finding> {
    // A sidecar tells of the METADATA that is to be mended, and does not come along.
    verify::judge(Evidence { artifact, facts: Some(facts), sidecar: None }, policy)
}

fn wheel_of(facts: &Facts) -> Result<&WheelFacts, Refusal> {
    facts.wheel().ok_or_else(|| Refusal::new("the archive cannot be read", "fetch it again"))
}

/// Refuses for the first of the errors that count.
fn refuse_errors(
    findings: &[Finding],
    counts: impl Fn(&str) -> bool,
    introduction: &str,
) -> Result<(), Refusal> {
    let mut errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error && counts(finding.check));
    match errors.next() {
        None => Ok(()),
        Some(first) => Err(refusal(first, introduction, errors.count())),
    }
}

fn refusal(finding: &Finding, introduction: &str, more: usize) -> Refusal {
    let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    Refusal {
        reason: format!("{introduction}{}: {}{more}", finding.check, finding.message),
        hint: finding.hint.clone(),
    }
}

/// An archive that could be read when it was inspected.
fn refused_archive(error: ArchiveError) -> Trouble {
    match error {
        ArchiveError::Io(error) => Trouble::Read(error),
        error => Refusal::new(error.to_string(), "run again when nothing writes to it").into(),
    }
}

/// Whether the same bytes are there already. Other bytes are not touched.
fn is_there(target: &Target<'_>, new: Sha256) -> Result<bool, Trouble> {
    match target.digest()? {
        None => Ok(false),
        Some(there) if there == new => Ok(true),
        Some(_) => Err(Refusal::new(
            format!("the output folder holds another `{}`", target.name()),
            "remove it, or choose another folder with `--output`",
        )
        .into()),
    }
}
