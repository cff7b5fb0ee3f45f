//! The tests that drive the real program with podman, from a package list to what pip installs.
//!
//! A test for which the machine lacks something says so and passes; with
//! `WHEELSITE_REQUIRE=all` it fails instead.

#![expect(clippy::print_stderr, reason = "a skipped test says why")]

mod support;

mod cuda;
mod failures;
mod hostile;
mod plan;
mod pulls;
mod release;
mod resume;
mod run;
mod sdists;
mod stops;
mod workflow;
