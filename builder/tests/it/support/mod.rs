//! What the tests share: the program in a folder of its own, images, projects to build.

/// The stand-in for GitHub that the index's own tests use.
#[path = "../../../../tests/it/support/github/mod.rs"]
pub(crate) mod github;
pub(crate) mod images;
pub(crate) mod registry;
pub(crate) mod tools;
/// Wheels made to order, as in the index's own tests.
#[path = "../../../../tests/it/support/wheel.rs"]
#[expect(dead_code, reason = "the index's tests use more of it")]
pub(crate) mod wheel;
pub(crate) mod workshop;

pub(crate) use registry::Registry;
pub(crate) use workshop::{Run, Workshop};
