//! What the tests share: the program, wheels made to order, real clients, a crawler.

pub(crate) mod browser;
pub(crate) mod clients;
pub(crate) mod crawl;
pub(crate) mod garage;
pub(crate) mod github;
pub(crate) mod head;
pub(crate) mod managers;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod reader;
pub(crate) mod stores;
pub(crate) mod synthetic;
pub(crate) mod tools;
pub(crate) mod wheel;
pub(crate) mod zip;

use std::path::{Path, PathBuf};

pub(crate) use program::{Run, Served, Workspace};
pub(crate) use wheel::Wheel;

/// A path inside of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
