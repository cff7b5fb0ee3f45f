//! Opinions about facts: which files an index may list.
//!
//! [`judge`] is a pure function of an [`Artifact`] and its [`Facts`]; it opens
//! nothing, so that a verdict can be computed again under any policy.

mod checks;

use serde::Serialize;

use crate::facts::{Artifact, Depth, Facts};

pub use checks::{CHECKS, Check, Severity};

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

/// Judges a file by its name and, where it was read, by its facts. Most severe first.
pub fn judge(artifact: &Artifact, facts: Option<&Facts>) -> Vec<Finding> {
    let mut findings = checks::run(artifact, facts);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
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
}
