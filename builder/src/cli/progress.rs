//! How the progress of rows is shown: on stderr, as lines.

use std::sync::Mutex;

use anstream::eprintln;
use owo_colors::OwoColorize;

use crate::build::Events;
use crate::engine::text::clean;
use crate::error::Error;
use crate::row::Row;

/// Prints what happens.
pub(super) struct Progress {
    /// Whether every line of output is shown, or stages alone.
    pub(super) lines: bool,
    /// The stage that was shown last, so that none is shown twice.
    last: Mutex<Option<(String, String)>>,
}

impl Progress {
    pub(super) fn new(lines: bool) -> Self {
        Self { lines, last: Mutex::new(None) }
    }
}

impl Events for Progress {
    fn stage(&self, row: &Row, stage: &str) {
        let now = (row.id.clone(), stage.to_owned());
        if let Ok(mut last) = self.last.lock() {
            if last.as_ref() == Some(&now) {
                return;
            }
            *last = Some(now);
        }
        eprintln!("{} {}", row.id.bold(), stage.cyan());
    }

    fn line(&self, _row: &Row, line: &str) {
        if self.lines {
            // Control characters of foreign programs are not for this terminal.
            eprintln!("  {}", clean(line));
        }
    }

    fn note(&self, row: &Row, message: &str) {
        eprintln!("{} {}: {message}", row.id.bold(), "note".blue());
    }
}

/// What went wrong with a row, at once.
pub(super) fn tell_error(what: &str, error: &Error) {
    eprintln!("{} {}: {error}", what.bold(), "error".red().bold());
    if let Some(hint) = error.hint().filter(|hint| !hint.is_empty()) {
        eprintln!("  {}: {hint}", "hint".cyan());
    }
}
