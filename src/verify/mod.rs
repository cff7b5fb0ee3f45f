//! Opinions about facts: which files an index may list.
//!
//! [`judge`] is a pure function of what is known of a file; it opens nothing, so
//! that a verdict can be computed again under any [`Policy`].

mod archive;
mod contents;
mod cuda;
mod filename;
mod metadata;
pub mod platform;
mod policies;
mod policy;
mod table;

use serde::Serialize;

use crate::facts::{Artifact, Content, Depth, Facts, SidecarFile};
use crate::wheel::{DistFilename, Sha256};

pub use policy::{Level, Policy, UnknownCheck};
pub(crate) use table::checks;
pub use table::{CHECKS, Check, Severity};

/// Something to say about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Id of the check that found it.
    pub check: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// What is wrong: expected and found.
    pub message: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What was found about a file, and whether an index may list it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The file's name.
    pub filename: String,
    /// Where it lies.
    pub location: String,
    /// Whether no finding is an error.
    pub accepted: bool,
    /// How much of the file was read for it; absent where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<Depth>,
    /// Findings, most severe first.
    pub findings: Vec<Finding>,
}

/// All that is known of a file.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// The file, and what its source says of it.
    pub artifact: &'a Artifact,
    /// What its bytes say, where they were read.
    pub facts: Option<&'a Facts>,
    /// Digest of the sidecar that lies beside it.
    pub sidecar: Option<Sha256>,
}

/// Judges a file by all that is known of it. Most severe first.
pub fn judge(evidence: Evidence<'_>, policy: &Policy) -> Vec<Finding> {
    judge_from(evidence, policy, Severity::Note)
}

/// The same without what weighs less than `least`: of most files there is something to note.
pub fn judge_from(evidence: Evidence<'_>, policy: &Policy, least: Severity) -> Vec<Finding> {
    let Evidence { artifact, facts, .. } = evidence;
    let filename = &artifact.filename;
    let mut findings = Findings { policy, filename, least, found: Vec::new() };
    filename::judge(artifact, &mut findings);
    match facts.map(|facts| &facts.content) {
        None => {}
        Some(Content::Sdist) => {
            findings.add(&table::SDIST, "listed with its digest, not opened", None);
        }
        Some(Content::Unreadable { reason, detail }) => {
            archive::unreadable(*reason, detail, &mut findings);
        }
        Some(Content::Wheel(wheel)) => {
            let filename = artifact.dist.as_ref().ok().and_then(DistFilename::wheel);
            archive::judge(&wheel.anomalies, &mut findings);
            contents::judge(wheel, filename, &mut findings);
            cuda::judge(wheel, filename, &mut findings);
            if let Some(fields) = wheel.metadata.read() {
                metadata::judge(&fields.fields, filename, &mut findings);
            }
        }
    }
    together(evidence, &mut findings);
    let mut found = findings.found;
    found.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found
}

/// What shows only beside other files.
fn together(evidence: Evidence<'_>, findings: &mut Findings<'_>) {
    if evidence.facts.is_none() && evidence.artifact.offered.sha256.is_none() {
        findings.add(
            &table::HASH_MISSING,
            "its source states no digest",
            Some("add the digest to the list: `\"hash\": \"sha256=...\"`"),
        );
    }
    if let (Some(stated), Some(facts)) = (evidence.artifact.offered.sha256, evidence.facts)
        && stated != facts.sha256
    {
        findings.add(
            &table::HASH_MISMATCH,
            format!("its source states the sha256 {stated}, its bytes have {}", facts.sha256),
            Some("it was damaged or exchanged after the digest was taken: upload it again"),
        );
    }
    let metadata = evidence.facts.and_then(Facts::metadata).map(|metadata| metadata.sha256);
    if let (Some(sidecar), Some(metadata)) = (evidence.sidecar, metadata)
        && sidecar != metadata
    {
        let is_remote =
            matches!(evidence.artifact.sidecar.as_deref(), Some(SidecarFile::Remote { .. }));
        let message = format!(
            "the `.metadata` file beside it has the sha256 {sidecar}, METADATA in the wheel {metadata}"
        );
        if is_remote {
            let hint =
                "remove it, or upload the METADATA of this wheel; until then pages do not name it";
            findings.add(&table::SIDECAR_UNUSED, message, Some(hint));
        } else {
            let hint = "remove the sidecar: wheelsite makes it from the wheel";
            findings.add(&table::SIDECAR_MISMATCH, message, Some(hint));
        }
    }
}

/// Judges a file by the digest under which an earlier site had its name.
pub fn judge_published(
    filename: &str,
    found: Option<Sha256>,
    published: Option<Sha256>,
    policy: &Policy,
) -> Option<Finding> {
    let (found, published) = (found?, published?);
    if found == published {
        return None;
    }
    let mut findings = Findings::new(filename, policy);
    findings.add(
        &table::DIGEST_CHANGED,
        format!("the last site had the sha256 {published} under this name, found {found}"),
        Some(
            "publish other bytes under another version or build tag; if it is meant, build with \
             `--allow digest-changed:FILENAME`",
        ),
    );
    findings.found.pop()
}

/// Judges a file by what else its channel has; `higher` is a build of the same release, for the same
/// machines, that installers prefer.
pub fn judge_in_channel(
    filename: &str,
    sha256: Option<Sha256>,
    channel: &str,
    higher: Option<&str>,
    policy: &Policy,
) -> Vec<Finding> {
    let mut findings = Findings::new(filename, policy);
    if sha256.is_none() {
        findings.add(
            &table::CHANNEL_HASH,
            format!("it belongs to the channel `{channel}`, and its source states no digest"),
            Some("state the digest, or build with `--channels off`"),
        );
    }
    if let Some(higher) = higher {
        findings.add(
            &table::CHANNEL_LOCAL,
            format!("installers of the channel `{channel}` take {higher} instead"),
            Some("give it a channel of its own by a rule in `channels.rules`, or leave one of both out"),
        );
    }
    findings.found
}

/// Judges a wheel by a requirement that nothing satisfies, which the message names.
pub fn judge_closure(filename: &str, message: &str, policy: &Policy) -> Option<Finding> {
    let mut findings = Findings::new(filename, policy);
    let hint = "add a file that fits, or name an index that has one: `--upstream URL`";
    findings.add(&table::CLOSURE_UNSATISFIED, message, Some(hint));
    findings.found.pop()
}

/// Findings as they come, each weighed by the policy.
struct Findings<'a> {
    policy: &'a Policy,
    filename: &'a str,
    /// What weighs less is not told.
    least: Severity,
    found: Vec<Finding>,
}

impl<'a> Findings<'a> {
    fn new(filename: &'a str, policy: &'a Policy) -> Self {
        Self { policy, filename, least: Severity::Note, found: Vec::new() }
    }

    /// Whether a finding of a check would be told: its text may not be worth making.
    fn tell(&self, check: &Check) -> bool {
        let severity = self.policy.severity(check, self.filename);
        severity.is_some_and(|severity| severity >= self.least)
    }

    fn add(&mut self, check: &Check, message: impl Into<String>, hint: Option<&str>) {
        let severity = self.policy.severity(check, self.filename);
        if let Some(severity) = severity.filter(|severity| *severity >= self.least) {
            self.found.push(Finding {
                check: check.id,
                severity,
                message: message.into(),
                hint: hint.map(str::to_owned),
            });
        }
    }
}

impl Verdict {
    /// The verdict that follows from the findings about a file.
    pub fn new(artifact: &Artifact, facts: Option<&Facts>, findings: Vec<Finding>) -> Self {
        Self {
            filename: artifact.filename.to_string(),
            location: artifact.location.to_string(),
            accepted: findings.iter().all(|finding| finding.severity < Severity::Error),
            depth: facts.map(|facts| facts.depth),
            findings,
        }
    }

    /// Adds what was found later.
    pub fn add(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
        self.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        self.accepted = self.findings.iter().all(|finding| finding.severity < Severity::Error);
    }
}
