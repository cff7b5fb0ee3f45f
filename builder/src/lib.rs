//! From a package list to CUDA wheels, in containers.
//!
//! For now this crate has its command line only; what it will do is described
//! in the repository's issues.

pub mod cli;
