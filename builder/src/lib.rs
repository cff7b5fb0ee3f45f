//! From a package list to CUDA wheels, in containers.

pub mod build;
pub mod cli;
pub mod compatibility;
pub mod engine;
pub mod error;
pub mod lock;
pub mod packages;
pub mod plan;
pub mod python;
pub mod release;
pub mod report;
pub mod row;
pub mod run;
pub mod size;
