//! Many rows on this machine: so many at once, whatever becomes of each.
//!
//! What is known of containers is behind [`RowBuilder`], and what is known of disks behind
//! [`Disk`]: this is about the order of things alone.

mod disk;
mod outcome;
mod work;

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use disk::{Disk, Free, Place, free_bytes, free_in};
pub use outcome::{Ended, Made, Outcome, OutcomeKind, StageTime, Stopped, Summary};

pub use crate::size::ByteSize;

use crate::engine::Cancel;
use crate::error::Result;
use crate::row::Row;

/// What comes of building a row.
pub type Building = Pin<Box<dyn Future<Output = Result<Made>> + Send>>;

/// Builds a row. One that is done already, by what its files hold, is passed over.
pub trait RowBuilder: Send + Sync {
    /// Builds it with so many CPUs, and ends soon, with nothing left, when it is cancelled.
    fn build(self: Arc<Self>, row: Arc<Row>, cpus: NonZeroUsize, cancel: Cancel) -> Building;
}

/// Hears of what happens.
pub trait Progress: Send + Sync {
    /// A row begins, as the so-manyth of so many.
    fn started(&self, row: &Row, number: usize, of: usize, cpus: NonZeroUsize);

    /// A row has come to its end.
    fn ended(&self, ended: &Ended);

    /// Something that people should know.
    fn warn(&self, message: &str);
}

/// How many rows are built.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Rows at once.
    pub jobs: NonZeroUsize,
    /// CPUs that they share.
    pub cpus: NonZeroUsize,
    /// Starts no row after one has failed.
    pub fail_fast: bool,
    /// Starts no row where less room than this is left.
    pub min_free: ByteSize,
    /// How often the room is looked at while rows are built.
    pub watch: Duration,
}

/// Builds rows, in their order. One that fails stops no other.
///
/// When it is cancelled, no further row begins, and those that are being built come to their
/// end first: nothing of theirs is left behind.
pub async fn run(
    rows: Vec<Row>,
    builder: Arc<dyn RowBuilder>,
    disk: &dyn Disk,
    progress: &dyn Progress,
    options: Options,
    cancel: &Cancel,
) -> Summary {
    let began = Instant::now();
    let mut work = work::Work::new(rows, builder, disk, progress, options, cancel);
    work.all().await;
    work.into_summary(began.elapsed())
}

#[cfg(test)]
pub(crate) mod tests;
