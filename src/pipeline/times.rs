//! When files were uploaded whose sources do not say.
//!
//! That belongs to the digest of a file: the first run that has seen it has said when, in its
//! shard. Shards are opened for the projects that are made anew; for all of them only
//! where a page shows the times of all.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::memory::Memory;
use crate::config::Settings;
use crate::error::Result;
use crate::facts::{Artifact, UploadTime};
use crate::index::{Index, Project};
use crate::report::Reporter;

/// The upload time of a file of which no earlier run knows.
pub(super) fn of_new(artifact: &Artifact, settings: &Settings) -> Option<UploadTime> {
    let offered = artifact.offered.upload_time;
    offered.or(settings.environment.source_date_epoch).or(artifact.offered.modified)
}

/// Gives files the times by which earlier runs knew them: those of all projects, or of some places.
pub(super) fn recall(
    index: &mut Index,
    of: Option<&[usize]>,
    settings: &Settings,
    memory: &Memory,
    reporter: &dyn Reporter,
) -> Result<()> {
    let new = AtomicU64::new(0);
    let one = |project: &mut Project| -> Result<()> {
        for file in project.files.iter_mut().filter(|file| file.offered_time.is_none()) {
            if let Some(time) = memory.upload_time(file.dist().name(), file.sha256())? {
                file.upload_time = Some(time);
            } else {
                new.fetch_add(u64::from(file.upload_time.is_some()), Ordering::Relaxed);
            }
        }
        Ok(())
    };
    match of {
        None => index.projects.par_iter_mut().try_for_each(one)?,
        Some(places) => {
            for place in places {
                one(&mut index.projects[*place])?;
            }
        }
    }
    let new = new.into_inner();
    if new > 0 && settings.environment.source_date_epoch.is_none() {
        reporter.note(&format!(
            "took the upload time of {new} new files from their modification time; \
             set SOURCE_DATE_EPOCH or keep the last site to make it the same everywhere"
        ));
    }
    Ok(())
}
