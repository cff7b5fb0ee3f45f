//! What people see on stderr, and data on stdout.

use std::io::Write;
use std::path::Path;

use owo_colors::OwoColorize;
use serde::Serialize;

use crate::error::{Error, Result};

/// Writes progress, warnings and errors to stderr.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terminal {
    quiet: bool,
    verbose: bool,
}

impl Terminal {
    pub(super) fn new(quiet: bool, verbose: bool) -> Self {
        Self { quiet, verbose }
    }

    /// Whether only errors are wanted.
    pub(super) fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Whether everything is wanted.
    pub(super) fn is_verbose(self) -> bool {
        self.verbose
    }

    /// Writes text as it is. Nobody is left to tell if that fails.
    #[expect(clippy::unused_self, reason = "all that is said goes through the terminal")]
    pub(super) fn say(self, text: &str) {
        let mut stderr = anstream::stderr().lock();
        let _ = stderr.write_all(text.as_bytes());
        let _ = stderr.flush();
    }

    /// A line, unless only errors are wanted.
    pub(super) fn info(self, text: &str) {
        if !self.quiet {
            self.say(&format!("{text}\n"));
        }
    }

    /// A warning, unless only errors are wanted.
    pub(super) fn warn(self, text: &str) {
        if !self.quiet {
            self.say(&format!("{}: {text}\n", "warning".yellow().bold()));
        }
    }

    pub(super) fn error(self, error: &Error) {
        let mut text = format!("{}: {error}\n", "error".red().bold());
        if let Some(hint) = error.hint() {
            text.push_str(&format!("\n{}: {hint}\n", "hint".cyan().bold()));
        }
        self.say(&text);
    }
}

/// Prints data to stdout. A reader that went away is no error.
pub(super) fn print(text: &str) -> Result<()> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(wheelsite::error::Error::output("write", Path::new("stdout"))(error).into())
        }
        _ => Ok(()),
    }
}

/// Prints a value as JSON, for people's eyes too.
pub(super) fn print_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::from(format!("cannot write JSON: {error}")))?;
    print(&format!("{text}\n"))
}
