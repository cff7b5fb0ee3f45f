//! What a look at an index gives.

use serde::Serialize;
use url::Url;

use super::hints::hint;
use super::probe::Asker;
use super::server::Server;
use crate::net::shown;
use crate::verify::{Check, Finding, Severity};

/// Of one kind at one place so many findings are told, and the rest is counted.
const KEPT: u64 = 5;

/// Something to say about a live index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Symptom {
    /// Which page or file; never with a user name, a password or a query.
    pub url: String,
    /// What is wrong, how much it weighs, and how to mend it.
    #[serde(flatten)]
    pub finding: Finding,
    /// How many more of the kind are at the same place, beyond those that are told.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// How the root answered one client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Who asked.
    pub asked_as: Asker,
    /// The status; absent where there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `Content-Type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Vary`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vary: Option<String>,
    /// `Cache-Control`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
}

/// An index that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IndexReport {
    /// Its root, without a user.
    pub url: String,
    /// What serves it.
    pub server: Server,
    /// The version of wheelsite that made it, where it is one of ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator: Option<String>,
    /// How its root answers.
    pub root: Vec<Told>,
    /// How many projects it lists.
    pub projects: usize,
    /// How many of them were looked at.
    pub projects_seen: usize,
    /// How many files these have.
    pub files: usize,
    /// How many of them were asked for.
    pub files_seen: usize,
}

/// All that was seen and found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The index, and its channels where they were asked for.
    pub indexes: Vec<IndexReport>,
    /// How many requests were made.
    pub requests: u64,
    /// How many findings break an install.
    pub errors: u64,
    /// How many should be mended.
    pub warnings: u64,
    /// How many are worth knowing.
    pub notes: u64,
    /// Most severe first, then by check and URL.
    pub findings: Vec<Symptom>,
}

impl Report {
    /// Sorts and counts.
    pub(super) fn new(
        indexes: Vec<IndexReport>,
        requests: u64,
        mut findings: Vec<Symptom>,
    ) -> Self {
        let order = |it: &Symptom| (std::cmp::Reverse(it.finding.severity), it.finding.check);
        findings.sort_by(|one, other| {
            (order(one), &one.url, &one.finding.message).cmp(&(
                order(other),
                &other.url,
                &other.finding.message,
            ))
        });
        // Channels and what offers all of them lead to the same files.
        findings.dedup_by(|later, one| {
            let is_same = later.url == one.url && later.finding == one.finding;
            one.more = one.more.max(if is_same { later.more } else { 0 });
            is_same
        });
        let count = |severity| {
            let of = findings.iter().filter(|it| it.finding.severity == severity);
            of.map(|it| 1 + it.more).sum()
        };
        Self {
            indexes,
            requests,
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            notes: count(Severity::Note),
            findings,
        }
    }
}

/// Findings about a few pages or files, as they come.
#[derive(Debug)]
pub(super) struct Findings {
    server: Server,
    pub(super) found: Vec<Symptom>,
}

impl Findings {
    pub(super) fn new(server: Server) -> Self {
        Self { server, found: Vec::new() }
    }

    /// Adds a finding.
    pub(super) fn add(&mut self, check: &Check, url: &Url, message: impl Into<String>) {
        self.add_as(check.severity, check, url, message);
    }

    /// Adds a finding that weighs less here than elsewhere.
    pub(super) fn add_as(
        &mut self,
        severity: Severity,
        check: &Check,
        url: &Url,
        message: impl Into<String>,
    ) {
        let (url, message) = (shown(url), message.into());
        let same = self.found.iter_mut().filter(|it| it.finding.check == check.id && it.url == url);
        let (mut count, mut last) = (0, None);
        for symptom in same {
            if symptom.finding.message == message {
                return;
            }
            count += 1;
            last = Some(symptom);
        }
        if let Some(last) = last.filter(|_| count >= KEPT) {
            last.more += 1;
            return;
        }
        let finding = Finding {
            check: check.id,
            severity,
            message,
            hint: Some(hint(check.id, self.server).to_owned()),
        };
        self.found.push(Symptom { url, finding, more: 0 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::table;

    #[test]
    fn the_same_is_told_a_few_times_and_counted() {
        let url: Url = "https://me:secret@host.example/simple/?token=secret".parse().expect("is");
        let mut findings = Findings::new(Server::Other);
        for number in 0..50 {
            findings.add(&table::JSON_NULL, &url, format!("file {}", number / 2));
        }
        findings.add(&table::HASH_MISSING, &url, "none");
        assert_eq!(findings.found.len(), 6);
        let report = Report::new(Vec::new(), 1, findings.found);
        assert_eq!((report.warnings, report.notes), (1, 0));
        assert!(report.errors >= 25, "{}", report.errors);
        let text = serde_json::to_string(&report).expect("is JSON");
        assert!(!text.contains("secret"), "{text}");
        assert_eq!(report.findings[0].finding.check, "json-null");
    }
}
