//! What became of rows.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::error::Error;
use crate::row::Row;

/// A wheel that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Where.
    pub wheel: PathBuf,
    /// Its digest, in hex.
    pub sha256: String,
    /// Its size in bytes.
    pub size: u64,
    /// Whether an earlier run has made it.
    pub from_earlier: bool,
    /// How long each stage took, in their order.
    pub stages: Vec<StageTime>,
    /// What the smoke test could not show, and why.
    pub not_tested: Vec<String>,
}

/// How long a stage took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageTime {
    /// `compile`
    pub name: String,
    /// How long.
    pub time: Duration,
}

/// What became of a row.
#[derive(Debug)]
pub enum Outcome {
    /// Its wheel is there.
    Made(Made),
    /// It was not built, or its wheel does not do what it must.
    Failed(Error),
    /// Somebody stopped it; it can go on where it was.
    Interrupted,
    /// It did not begin.
    NotStarted {
        /// Why.
        reason: Arc<str>,
    },
}

/// The same in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// This run has made the wheel.
    Built,
    /// An earlier run has.
    FromEarlier,
    /// It could not be built.
    Failed,
    /// Somebody stopped it.
    Interrupted,
    /// It did not begin.
    NotStarted,
}

impl OutcomeKind {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Built => "built",
            Self::FromEarlier => "done before",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::NotStarted => "not started",
        }
    }
}

/// A row that has come to its end, if it ever began.
#[derive(Debug)]
pub struct Ended {
    /// The row.
    pub row: Arc<Row>,
    /// What became of it.
    pub outcome: Outcome,
    /// How long it took.
    pub time: Duration,
}

impl Ended {
    /// What became of it, in a word.
    pub fn kind(&self) -> OutcomeKind {
        match &self.outcome {
            Outcome::Made(made) if made.from_earlier => OutcomeKind::FromEarlier,
            Outcome::Made(_) => OutcomeKind::Built,
            Outcome::Failed(_) => OutcomeKind::Failed,
            Outcome::Interrupted => OutcomeKind::Interrupted,
            Outcome::NotStarted { .. } => OutcomeKind::NotStarted,
        }
    }

    /// Its wheel, if it has one.
    pub fn made(&self) -> Option<&Made> {
        match &self.outcome {
            Outcome::Made(made) => Some(made),
            _ => None,
        }
    }

    /// Why there is none.
    pub fn reason(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Made(_) => None,
            Outcome::Failed(error) => Some(error.to_string()),
            Outcome::Interrupted => Some("interrupted; the next run goes on with it".to_owned()),
            Outcome::NotStarted { reason } => Some(reason.to_string()),
        }
    }
}

/// What became of all rows, in the order of the plan.
#[derive(Debug)]
pub struct Summary {
    /// The rows.
    pub rows: Vec<Ended>,
    /// How long it all took.
    pub time: Duration,
    /// Why not all of them began, if they did not: a message and a hint.
    pub stopped: Option<Stopped>,
}

/// Why no further row began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// What was the matter.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Whether somebody wanted it.
    pub interrupted: bool,
}

impl Summary {
    /// How many rows have come to this end.
    pub fn count(&self, kind: OutcomeKind) -> usize {
        self.rows.iter().filter(|ended| ended.kind() == kind).count()
    }

    /// The exit code of the program: 0 where every row has its wheel, 130 after an
    /// interruption; else what the failed rows have in common, or 1.
    pub fn exit_code(&self) -> u8 {
        let is_interrupted = self.stopped.as_ref().is_some_and(|stopped| stopped.interrupted);
        if is_interrupted || self.count(OutcomeKind::Interrupted) > 0 {
            return 130;
        }
        // Where rows wait because another has failed, that one decides.
        let code = |ended: &Ended| match &ended.outcome {
            Outcome::Failed(error) => Some(error.exit_code()),
            _ => None,
        };
        let mut codes = self.rows.iter().filter_map(code);
        let Some(first) = codes.next() else {
            return u8::from(self.count(OutcomeKind::NotStarted) > 0);
        };
        if codes.all(|code| code == first) { first } else { 1 }
    }
}
