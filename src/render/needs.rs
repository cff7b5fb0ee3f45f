//! What a file needs of a machine, as pages tell it.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::cuda::{CudaSummary, LocalTag, TorchUse, glibc_floor, machines};
use crate::index::{IndexFile, Project};

/// What a file needs of a machine, beyond what its name says. Keys without a value are left out.
///
/// What is added here must be in the digest of the project's inputs, or grow with `FACTS_VERSION`.
#[derive(Debug, Default, Serialize)]
pub struct Needs {
    /// Of a GPU and its driver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cuda: Option<CudaSummary>,
    /// Of torch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub torch_use: Option<TorchUse>,
    /// The oldest glibc that loads every binary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glibc: Option<String>,
    /// The machines that its binaries are for.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub machines: BTreeSet<&'static str>,
}

impl Needs {
    /// What is known of a file.
    pub fn of(file: &IndexFile) -> Self {
        let Some(wheel) = file.facts.as_deref().and_then(|facts| facts.wheel()) else {
            return Self::default();
        };
        let tag = LocalTag::of(file.dist().version());
        let binaries = wheel.binaries();
        Self {
            cuda: wheel.cuda(&tag),
            torch_use: wheel.torch(&tag),
            glibc: glibc_floor(&binaries),
            machines: machines(&binaries),
        }
    }

    /// Of each file that is offered, in their order.
    pub fn of_project(project: &Project) -> Vec<Self> {
        project.offered().iter().map(Self::of).collect()
    }
}
