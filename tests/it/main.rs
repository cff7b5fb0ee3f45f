//! The tests that drive the real program, and real clients through it.
//!
//! A test whose client is not on the machine says so and passes; with
//! `WHEELSITE_REQUIRE=all` it fails instead.

#![expect(clippy::print_stderr, reason = "a skipped test says why")]

mod support;

mod again;
mod broken;
mod browser;
mod buckets;
mod build;
mod channels;
mod checks;
mod clients;
mod closure;
mod command_line;
mod coverage;
mod cuda;
mod distribution;
mod doctor;
mod documents;
mod economy;
mod feeds;
mod filenames;
mod finder;
mod formats;
mod hosts;
mod incremental;
mod init;
mod interruption;
mod pages;
mod publish;
mod releases;
mod repair;
mod serve;
mod simple_index;
mod standin;
mod stores;
mod themes;
mod workflows;
