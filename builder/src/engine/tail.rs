//! What of a container's output says why it failed.

use std::collections::VecDeque;

use crate::engine::text::clean;

/// As many of the last lines as a person wants to see, and classification needs.
const KEPT: usize = 120;

/// What a script says before each of its stages.
const STAGE: &str = "== stage: ";
/// What it says when one failed, with the exit code of what failed in it.
const FAILED: &str = "== failed: ";
/// What it says when the kernel has ended a process of it for its memory.
const OOM: &str = "== oom";

/// The end of an output, and the first error in it: both of the stage that runs.
#[derive(Debug, Default, Clone)]
pub struct Tail {
    stage: String,
    /// The exit code of the command that failed.
    code: Option<i32>,
    oom: bool,
    first_error: Option<String>,
    last: VecDeque<String>,
}

impl Tail {
    /// Hears a line. Gives the name of the stage that begins with it, if one does.
    pub fn hear(&mut self, line: &str) -> Option<&str> {
        if let Some(stage) = line.strip_prefix(STAGE) {
            // What an earlier stage said is not why this one fails.
            *self = Self { stage: clean(stage), ..Self::default() };
            return Some(&self.stage);
        }
        if let Some(failed) = line.strip_prefix(FAILED) {
            self.code = failed.split_whitespace().nth(1).and_then(|code| code.parse().ok());
            return None;
        }
        if line == OOM {
            self.oom = true;
            return None;
        }
        if self.first_error.is_none() && is_error(line) {
            self.first_error = Some(clean(line.trim()));
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line.to_owned());
        None
    }

    /// The stage that ran last; empty before the first.
    pub fn stage(&self) -> &str {
        &self.stage
    }

    /// The exit code of what failed in it, as its script says.
    pub fn code(&self) -> Option<i32> {
        self.code
    }

    /// Whether a process in it was ended for its memory, as its script says.
    pub fn is_oom(&self) -> bool {
        self.oom
    }

    /// The first line of the stage that looks like an error, without control characters.
    pub fn first_error(&self) -> Option<&str> {
        self.first_error.as_deref()
    }

    /// The last lines of the stage, as they came.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.first_error.as_deref().into_iter().chain(self.last.iter().map(String::as_str))
    }

    /// The first of its lines with one of these texts.
    pub fn find(&self, texts: &[&str]) -> Option<&str> {
        self.lines().find(|line| texts.iter().any(|text| line.contains(text)))
    }
}

/// Whether a line says what went wrong: compilers, linkers, Python, pip, apt, CMake and ninja.
fn is_error(line: &str) -> bool {
    const BEGINS: [&str; 8] = [
        "error:",
        "ERROR:",
        "E: ",
        "fatal:",
        "FAILED:",
        "CMake Error",
        "ninja: error",
        "make: ***",
    ];
    const HOLDS: [&str; 7] = [
        ": error:",
        ": fatal error:",
        ": error #",
        " error : ",
        "undefined reference to",
        "No space left on device",
        "Killed signal terminated program",
    ];
    // pip's word for that something else failed, which has said what.
    const IDLE: [&str; 3] =
        ["error: subprocess-exited-with-error", "ERROR: Failed to build", "ERROR: Failed building"];
    let line = line.trim_start();
    // `ModuleNotFoundError: ...`, `torch.cuda.Error: ...`
    let is_exception = line.split_once(": ").is_some_and(|(kind, _)| {
        (kind.ends_with("Error") || kind.ends_with("Exception"))
            && kind.bytes().all(|it| it.is_ascii_alphanumeric() || b"._".contains(&it))
    });
    !IDLE.iter().any(|idle| line.starts_with(idle))
        && (is_exception
            || BEGINS.iter().any(|begin| line.starts_with(begin))
            || HOLDS.iter().any(|part| line.contains(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_that_of_the_stage_that_failed() {
        let mut tail = Tail::default();
        assert_eq!(tail.hear("== stage: dependencies"), Some("dependencies"));
        tail.hear("ERROR: a warning that was survived");
        assert_eq!(tail.hear("== stage: compile"), Some("compile"));
        assert_eq!(tail.first_error(), None);
        tail.hear("a.cu(3): error: identifier \"x\" is undefined\u{1b}[0m");
        tail.hear("  error: command 'nvcc' failed");
        tail.hear("== failed: compile 1");
        assert_eq!(
            tail.first_error(),
            Some("a.cu(3): error: identifier \"x\" is undefined\\u{1b}[0m")
        );
        assert_eq!((tail.stage(), tail.code()), ("compile", Some(1)));
    }

    #[test]
    fn the_first_error_is_found_however_much_follows() {
        let mut tail = Tail::default();
        tail.hear("x.c:1:10: fatal error: cudnn.h: No such file or directory");
        for line in 0..1000 {
            tail.hear(&format!("line {line}"));
        }
        assert!(tail.find(&["cudnn.h"]).is_some());
        assert_eq!(tail.lines().count(), KEPT + 1);
    }
}
