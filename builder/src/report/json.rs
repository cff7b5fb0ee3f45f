//! A report for programs.

use std::time::Duration;

use serde::Serialize;

use super::first_line;
use crate::engine::text::clean;
use crate::row::{Platform, Row};
use crate::run::{Ended, Outcome, OutcomeKind, Summary};

/// Longer messages are cut: a report is no log.
const LONGEST: usize = 500;

#[derive(Serialize)]
struct Report<'s> {
    generator: &'static str,
    exit_code: u8,
    seconds: f64,
    built: usize,
    from_earlier: usize,
    failed: usize,
    interrupted: usize,
    not_started: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<Problem>,
    rows: Vec<RowReport<'s>>,
}

#[derive(Serialize)]
struct RowReport<'s> {
    id: &'s str,
    package: &'s str,
    version: String,
    python: String,
    cuda: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    torch: Option<String>,
    platform: Platform,
    outcome: OutcomeKind,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    wheel: Option<Wheel<'s>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

#[derive(Serialize)]
struct Wheel<'s> {
    filename: String,
    path: String,
    sha256: &'s str,
    size: u64,
    stages: Vec<Stage<'s>>,
    not_tested: Vec<String>,
}

#[derive(Serialize)]
struct Stage<'s> {
    name: &'s str,
    seconds: f64,
}

#[derive(Serialize)]
struct Problem {
    message: String,
    first_line: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<u8>,
}

/// One JSON object with a line break at its end.
pub fn to_json(summary: &Summary) -> String {
    let report = Report {
        generator: super::junit::GENERATOR,
        exit_code: summary.exit_code(),
        seconds: seconds(summary.time),
        built: summary.count(OutcomeKind::Built),
        from_earlier: summary.count(OutcomeKind::FromEarlier),
        failed: summary.count(OutcomeKind::Failed),
        interrupted: summary.count(OutcomeKind::Interrupted),
        not_started: summary.count(OutcomeKind::NotStarted),
        stopped: summary
            .stopped
            .as_ref()
            .map(|stopped| problem(&stopped.message, stopped.hint.clone(), None)),
        rows: summary.rows.iter().map(row_report).collect(),
    };
    // Maps with text for keys always serialize.
    let mut text = serde_json::to_string_pretty(&report).unwrap_or_default();
    text.push('\n');
    text
}

fn row_report(ended: &Ended) -> RowReport<'_> {
    let Row { id, package, version, python, cuda, torch, platform, .. } = &*ended.row;
    let error = match &ended.outcome {
        Outcome::Made(_) => None,
        Outcome::Failed(error) => {
            Some(problem(&error.to_string(), error.hint(), Some(error.exit_code())))
        }
        Outcome::Interrupted | Outcome::NotStarted { .. } => {
            ended.reason().map(|reason| problem(&reason, None, None))
        }
    };
    let wheel = ended.made().map(|made| Wheel {
        filename: made.wheel.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        path: made.wheel.display().to_string(),
        sha256: &made.sha256,
        size: made.size,
        stages: (made.stages.iter())
            .map(|stage| Stage { name: &stage.name, seconds: seconds(stage.time) })
            .collect(),
        not_tested: made.not_tested.iter().map(|text| clean(text)).collect(),
    });
    RowReport {
        id,
        package: package.as_str(),
        version: version.to_string(),
        python: python.tag(),
        cuda: format!("{}.{}.{}", cuda.major, cuda.minor, cuda.patch),
        torch: torch.map(|torch| format!("{}.{}", torch.major, torch.minor)),
        platform: *platform,
        outcome: ended.kind(),
        seconds: seconds(ended.time),
        wheel,
        error,
    }
}

fn problem(message: &str, hint: Option<String>, exit_code: Option<u8>) -> Problem {
    let lines = message.lines().map(clean).collect::<Vec<_>>().join("\n");
    Problem { message: lines, first_line: first_line(message, LONGEST), hint, exit_code }
}

/// To the millisecond.
fn seconds(time: Duration) -> f64 {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::super::tests::summary;
    use super::*;

    #[test]
    fn a_report_says_what_became_of_each_row() {
        let text = to_json(&summary());
        let report: serde_json::Value = serde_json::from_str(&text).expect("is JSON");
        let counts = ["built", "from_earlier", "failed", "interrupted", "not_started"];
        assert_eq!(counts.map(|name| report[name].as_u64()), [1, 1, 2, 1, 1].map(Some));
        assert_eq!(report["exit_code"], 130);
        let rows = report["rows"].as_array().expect("is a list");
        let outcomes: Vec<_> =
            rows.iter().map(|row| row["outcome"].as_str().expect("is text")).collect();
        assert_eq!(
            outcomes,
            ["built", "from-earlier", "failed", "failed", "interrupted", "not-started"]
        );
        assert_eq!(rows[0]["wheel"]["size"], 1_234_567);
        assert_eq!(rows[0]["wheel"]["filename"], "demo-1-cp312-cp312-linux_x86_64.a.whl");
        assert_eq!(rows[0]["seconds"], 245.4);
        assert!(rows[0].get("error").is_none());
        let message = rows[2]["error"]["message"].as_str().expect("is text");
        assert!(message.ends_with("\nmore") && !message.contains('\u{1b}'), "{message}");
        assert_eq!(rows[2]["error"]["hint"], "fix <it>");
        assert_eq!(rows[3]["error"]["exit_code"], 3);
        assert!(rows[2].get("wheel").is_none());
    }
}
