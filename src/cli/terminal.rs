//! What people see on stderr.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use owo_colors::OwoColorize;

use crate::error::Error;
use crate::net::Traffic;
use crate::render::people::human_size;
use crate::report::Reporter;
use crate::verify::{Finding, Severity, Verdict};
use crate::wheel::sanitized;

/// Writes progress, findings and errors to stderr.
pub(super) struct Terminal {
    quiet: bool,
    verbose: bool,
    /// The current stage; none where stderr is no terminal.
    bar: Mutex<Option<ProgressBar>>,
    draws: bool,
}

impl Terminal {
    pub(super) fn new(quiet: bool, verbose: bool) -> Self {
        let draws = !quiet && std::io::stderr().is_terminal();
        Self { quiet, verbose, bar: Mutex::new(None), draws }
    }

    /// Ends the current bar and writes some lines. Nobody is left to tell if that fails.
    pub(super) fn say(&self, text: &str) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = bar.take() {
            bar.finish_and_clear();
        }
        let mut stderr = anstream::stderr().lock();
        let _ = stderr.write_all(text.as_bytes());
        let _ = stderr.flush();
    }

    pub(super) fn info(&self, text: &str) {
        if !self.quiet {
            self.say(&format!("{text}\n"));
        }
    }

    pub(super) fn error(&self, error: &Error) {
        let mut text = format!("{}: {error}\n", "error".red().bold());
        if let Some(hint) = error.hint() {
            text.push_str(&format!("\n{}: {hint}\n", "hint".cyan().bold()));
        }
        self.say(&text);
    }
}

impl Reporter for Terminal {
    fn stage(&self, name: &'static str, steps: Option<u64>) {
        tracing::debug!(stage = name, steps);
        if !self.draws {
            return;
        }
        let bar = match steps {
            Some(steps) => ProgressBar::new(steps).with_style(
                ProgressStyle::with_template("{msg:>10} [{bar:30}] {pos}/{len} {eta}")
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .progress_chars("=> "),
            ),
            None => ProgressBar::new_spinner(),
        };
        bar.set_message(name);
        bar.enable_steady_tick(Duration::from_millis(100));
        let previous = self.bar.lock().unwrap_or_else(PoisonError::into_inner).replace(bar);
        if let Some(previous) = previous {
            previous.finish_and_clear();
        }
    }

    fn traffic(&self, traffic: &[Arc<Traffic>]) {
        if !self.draws || traffic.is_empty() {
            return;
        }
        let traffic = traffic.to_vec();
        let before: u64 = traffic.iter().map(|traffic| traffic.bytes()).sum();
        let bytes = move |_: &ProgressState, text: &mut dyn std::fmt::Write| {
            let now: u64 = traffic.iter().map(|traffic| traffic.bytes()).sum();
            let _ = text.write_str(&human_size(now.saturating_sub(before)));
        };
        if let Some(bar) = &*self.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            let template = "{msg:>10} [{bar:30}] {pos}/{len} {received} {eta}";
            let style = ProgressStyle::with_template(template)
                .unwrap_or_else(|_| ProgressStyle::default_bar())
                .progress_chars("=> ")
                .with_key("received", bytes);
            bar.set_style(style);
        }
    }

    fn step(&self) {
        if self.draws
            && let Some(bar) = &*self.bar.lock().unwrap_or_else(PoisonError::into_inner)
        {
            bar.inc(1);
        }
    }

    fn warn(&self, message: &str) {
        if !self.quiet {
            self.say(&format!("{}: {message}\n", "warning".yellow().bold()));
        }
    }

    fn note(&self, message: &str) {
        if self.verbose {
            self.say(&format!("{message}\n"));
        }
    }

    fn least(&self) -> Severity {
        if self.verbose { Severity::Note } else { Severity::Warning }
    }

    fn verdict(&self, verdict: &Verdict) {
        if !self.quiet || !verdict.accepted {
            self.say(&verdict_text(verdict, self.least()));
        }
    }
}

/// A verdict for people: nothing where no finding weighs enough.
pub(super) fn verdict_text(verdict: &Verdict, least: Severity) -> String {
    let findings = verdict.findings.iter().filter(|finding| finding.severity >= least);
    let mut text: String = findings.map(finding_text).collect();
    if !text.is_empty() {
        let head = if verdict.accepted {
            "accepted".green().to_string()
        } else {
            "rejected".red().bold().to_string()
        };
        text.insert_str(0, &format!("{head} {}\n", sanitized(&verdict.location).bold()));
    }
    text
}

/// How much something weighs, in its color.
pub(super) fn severity_text(severity: Severity) -> String {
    match severity {
        Severity::Error => "error".red().to_string(),
        Severity::Warning => "warning".yellow().to_string(),
        Severity::Note => "note".blue().to_string(),
    }
}

fn finding_text(finding: &Finding) -> String {
    let severity = severity_text(finding.severity);
    let mut text = format!("  {severity}[{}]: {}\n", finding.check, finding.message);
    if let Some(hint) = &finding.hint {
        text.push_str(&format!("    {}: {hint}\n", "hint".cyan()));
    }
    text
}
