//! How the library tells what it does. Text, colors and bars are made in [`crate::cli`].

use std::sync::Arc;

use crate::net::Traffic;
use crate::verify::{Severity, Verdict};

/// Hears of a build's progress. All methods may be called from several threads.
pub trait Reporter: Sync {
    /// A stage begins that has so many steps, if that is known.
    fn stage(&self, _name: &'static str, _steps: Option<u64>) {}

    /// Bytes of the current stage come over the network, counted here.
    fn traffic(&self, _traffic: &[Arc<Traffic>]) {}

    /// A step of the current stage is done.
    fn step(&self) {}

    /// Something that people should know, and that does not stop the build.
    fn warn(&self, _message: &str) {}

    /// Something worth a line.
    fn note(&self, _message: &str) {}

    /// What a finding weighs at least that it wants to hear of; rejected files are told whole.
    fn least(&self) -> Severity {
        Severity::Note
    }

    /// A file was judged and there is something to say about it.
    fn verdict(&self, _verdict: &Verdict) {}
}

/// A reporter that says nothing.
pub struct Silent;

impl Reporter for Silent {}
