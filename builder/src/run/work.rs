//! The rows that wait, those that are built, and those that were.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{Id, JoinError, JoinSet};

use super::disk::{Disk, lack};
use super::outcome::{Ended, Made, Outcome, Stopped, Summary};
use super::{Options, Progress, RowBuilder};
use crate::engine::Cancel;
use crate::error::{Error, Result};
use crate::row::Row;

/// A row with its place in the plan.
struct Numbered {
    index: usize,
    row: Arc<Row>,
}

/// What is built at the moment.
struct Running {
    numbered: Numbered,
    began: Instant,
}

pub(super) struct Work<'a> {
    builder: Arc<dyn RowBuilder>,
    disk: &'a dyn Disk,
    progress: &'a dyn Progress,
    options: Options,
    cancel: &'a Cancel,
    total: usize,
    waiting: VecDeque<Numbered>,
    running: BTreeMap<Id, Running>,
    tasks: JoinSet<Result<Made>>,
    ended: BTreeMap<usize, Ended>,
    stopped: Option<Stopped>,
    /// Images that were to be removed already.
    pruned: BTreeSet<String>,
    /// Whether it was said that there is too little room.
    told_of_lack: bool,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        rows: Vec<Row>,
        builder: Arc<dyn RowBuilder>,
        disk: &'a dyn Disk,
        progress: &'a dyn Progress,
        options: Options,
        cancel: &'a Cancel,
    ) -> Self {
        let rows = rows.into_iter().map(Arc::new).enumerate();
        let waiting: VecDeque<Numbered> =
            rows.map(|(index, row)| Numbered { index, row }).collect();
        Self {
            builder,
            disk,
            progress,
            options,
            cancel,
            total: waiting.len(),
            waiting,
            running: BTreeMap::new(),
            tasks: JoinSet::new(),
            ended: BTreeMap::new(),
            stopped: None,
            pruned: BTreeSet::new(),
            told_of_lack: false,
        }
    }

    /// Builds all that can be built.
    pub(super) async fn all(&mut self) {
        loop {
            self.start_some().await;
            if self.tasks.is_empty() {
                return;
            }
            tokio::select! {
                joined = self.tasks.join_next_with_id() => {
                    if let Some(joined) = joined {
                        self.end(joined);
                    }
                }
                () = tokio::time::sleep(self.options.watch) => {
                    self.lack().await;
                }
            }
        }
    }

    /// Starts as many rows as there is room for.
    async fn start_some(&mut self) {
        while !self.waiting.is_empty()
            && self.running.len() < self.options.jobs.get()
            && self.stopped.is_none()
        {
            if self.cancel.is_cancelled() {
                self.stop("interrupted", None, true);
                return;
            }
            if let Some(lack) = self.lack().await {
                // What is built now may leave more room when it has ended.
                if self.running.is_empty() {
                    let hint = "make room, or choose another disk (`--output`, `--work`, the \
                        engine's storage) or a smaller `--min-free`, then run again: what is \
                        done is passed over";
                    self.stop(&lack, Some(hint), false);
                }
                return;
            }
            // It may have been cancelled while images were removed.
            if !self.cancel.is_cancelled() {
                self.start_next();
            }
        }
    }

    fn start_next(&mut self) {
        let cpus = self.share();
        let Some(numbered) = self.waiting.pop_front() else { return };
        let number = self.total - self.waiting.len();
        self.progress.started(&numbered.row, number, self.total, cpus);
        let builder = Arc::clone(&self.builder);
        let building = builder.build(Arc::clone(&numbered.row), cpus, self.cancel.clone());
        let id = self.tasks.spawn(building).id();
        self.running.insert(id, Running { numbered, began: Instant::now() });
    }

    /// The CPUs of the next row: all of them, shared with as many others as there can be at its
    /// side from now on. So all that run have no more than there are.
    fn share(&self) -> NonZeroUsize {
        let others = self.running.len() + self.waiting.len();
        let at_once = self.options.jobs.get().min(others).max(1);
        NonZeroUsize::new(self.options.cpus.get() / at_once).unwrap_or(NonZeroUsize::MIN)
    }

    fn end(&mut self, joined: Result<(Id, Result<Made>), JoinError>) {
        let (id, result) = match joined {
            Ok((id, result)) => (id, result),
            // One row's fault is no other's.
            Err(error) => {
                let message = format!("the builder itself failed: {error}");
                let hint = "this is a bug of the program: please report it";
                (error.id(), Err(Error::failed(message, hint)))
            }
        };
        let Some(running) = self.running.remove(&id) else { return };
        let outcome = match result {
            Ok(made) => Outcome::Made(made),
            Err(Error::Interrupted) => Outcome::Interrupted,
            Err(error) => Outcome::Failed(error),
        };
        if self.options.fail_fast && matches!(outcome, Outcome::Failed(_)) {
            let id = &running.numbered.row.id;
            self.stop(&format!("`{id}` failed (`--fail-fast`)"), None, false);
        }
        let Numbered { index, row } = running.numbered;
        let ended = Ended { row, outcome, time: running.began.elapsed() };
        self.progress.ended(&ended);
        self.ended.insert(index, ended);
    }

    /// Starts no further row. The first reason counts, but for somebody's wish.
    fn stop(&mut self, message: &str, hint: Option<&str>, interrupted: bool) {
        if self.stopped.is_none() {
            let (message, hint) = (message.to_owned(), hint.map(str::to_owned));
            self.stopped = Some(Stopped { message, hint, interrupted });
        }
    }

    /// What is too little room, after images that no coming row needs were removed.
    async fn lack(&mut self) -> Option<String> {
        let floor = self.options.min_free;
        lack(&self.disk.free(), floor)?;
        let images = self.superfluous();
        if !images.is_empty() {
            let removed = self.disk.prune(&images).await;
            self.pruned.extend(images);
            if !removed.is_empty() {
                let count = removed.len();
                let first = crate::engine::text::clean(&removed[0]);
                let more =
                    if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
                self.progress.warn(&format!(
                    "disk space is short: removed images that no coming row needs: `{first}`{more}"
                ));
            }
        }
        let lack = lack(&self.disk.free(), floor);
        match &lack {
            None => self.told_of_lack = false,
            Some(lack) if !self.told_of_lack => {
                self.told_of_lack = true;
                self.progress.warn(&format!("{lack}; no further row begins"));
            }
            Some(_) => {}
        }
        lack
    }

    /// Images of rows that have ended, and that no other row needs.
    fn superfluous(&self) -> BTreeSet<String> {
        let images = |row: &Row| [row.recipe.image.clone(), row.recipe.runtime_image.clone()];
        let waiting = self.waiting.iter().map(|numbered| &numbered.row);
        let running = self.running.values().map(|running| &running.numbered.row);
        let needed: BTreeSet<String> = waiting.chain(running).flat_map(|row| images(row)).collect();
        let ended = self.ended.values().flat_map(|ended| images(&ended.row));
        ended.filter(|image| !needed.contains(image) && !self.pruned.contains(image)).collect()
    }

    /// What became of all rows.
    pub(super) fn into_summary(mut self, time: Duration) -> Summary {
        let reason: Arc<str> = match &self.stopped {
            Some(stopped) => Arc::from(stopped.message.as_str()),
            None => Arc::from("interrupted"),
        };
        for Numbered { index, row } in self.waiting.drain(..) {
            let outcome = Outcome::NotStarted { reason: Arc::clone(&reason) };
            self.ended.insert(index, Ended { row, outcome, time: Duration::ZERO });
        }
        Summary { rows: self.ended.into_values().collect(), time, stopped: self.stopped }
    }
}
