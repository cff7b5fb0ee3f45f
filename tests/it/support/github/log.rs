//! What was asked of the stand-in.

use std::sync::Arc;

use super::faults::Fault;
use super::http::Request;
use super::{Shared, lock};

/// One of the three hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Like api.github.com.
    Api,
    /// Like github.com.
    Web,
    /// Like the host of the objects, which signed URLs lead to.
    Blob,
}

/// A request and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) origin: Origin,
    pub(crate) method: String,
    /// With its query.
    pub(crate) path: String,
    pub(crate) range: Option<String>,
    /// Whether there was an `Authorization` header.
    pub(crate) authorized: bool,
    /// Whether the bytes of an asset were asked for.
    pub(crate) octet_stream: bool,
    /// 0 where there was no answer.
    pub(crate) status: u16,
    /// How many bytes of the body were sent.
    pub(crate) sent: u64,
    pub(crate) fault: Option<Fault>,
}

/// All requests, and how many there were at once.
#[derive(Default)]
pub(super) struct Log {
    pub(super) entries: Vec<Entry>,
    /// Which log an entry belongs to: one that was cleared is written to no more.
    age: u64,
    /// Requests under way, to the last byte.
    pub(super) open: u64,
    /// Requests under way by origin, to the moment before their last bytes are sent.
    now: [u64; 3],
    pub(super) most: [u64; 3],
}

impl Log {
    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.age += 1;
        self.most = self.now;
    }
}

/// A request under way; its end is noted with the value's.
pub(super) struct Ticket {
    shared: Arc<Shared>,
    origin: Origin,
    age: u64,
    index: usize,
    counted: bool,
}

impl Ticket {
    pub(super) fn new(shared: &Arc<Shared>, origin: Origin, request: &Request) -> Self {
        let mut log = lock(&shared.log);
        let index = log.entries.len();
        log.entries.push(Entry {
            origin,
            method: request.method.clone(),
            path: request.target.clone(),
            range: request.header("range").map(str::to_owned),
            authorized: request.header("authorization").is_some(),
            octet_stream: request.wants_bytes(),
            status: 0,
            sent: 0,
            fault: None,
        });
        log.open += 1;
        let at = origin as usize;
        log.now[at] += 1;
        log.most[at] = log.most[at].max(log.now[at]);
        Self { shared: shared.clone(), origin, age: log.age, index, counted: true }
    }

    pub(super) fn note(&self, edit: impl FnOnce(&mut Entry)) {
        let mut log = lock(&self.shared.log);
        if log.age == self.age {
            edit(&mut log.entries[self.index]);
        }
    }

    /// Counts no more among the concurrent ones. A client that has all bytes may ask again before
    /// this side knows that it has: so this comes before the last bytes.
    pub(super) fn almost_done(&mut self) {
        if std::mem::take(&mut self.counted) {
            lock(&self.shared.log).now[self.origin as usize] -= 1;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.almost_done();
        lock(&self.shared.log).open -= 1;
    }
}
