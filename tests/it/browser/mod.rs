//! The site in a real browser: what one sees, types, copies, and what comes of it.
//!
//! A test builds a site, and plays a scenario on it: a script of this folder that drives Chromium
//! and prints what it saw. Nothing that a page may not do goes by unseen (`harness.mjs`).

mod commands;
mod finder;
mod large;
mod looks;
mod sites;
