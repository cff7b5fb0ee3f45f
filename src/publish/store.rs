//! What publishing asks of a place: objects under keys, written whole, and written only if
//! nobody else has written them meanwhile.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Result;
use crate::host::Headers;
use crate::state::Tag;
use crate::wheel::Sha256;

/// What must hold for an object to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// Nothing: the key says what the bytes are.
    Always,
    /// There is none yet.
    Absent,
    /// It is the one that the store calls so.
    Is(Tag),
}

/// What came of writing an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Put {
    /// It is there, and the store calls it so.
    Done(Tag),
    /// The condition does not hold, and there are other bytes.
    Refused,
}

/// A local file with the bytes of an object.
pub(super) struct Upload<'a> {
    pub(super) file: &'a Path,
    /// What they must be.
    pub(super) sha256: Sha256,
    pub(super) headers: Headers,
    /// How many parts of it may be under way at once.
    pub(super) parts: usize,
}

/// A place with objects. All methods block, and are called from several threads.
pub(super) trait Store: Sync {
    /// What people call it, without secrets.
    fn shown(&self) -> &str;

    /// An object's bytes, no more than so many; none where there is none.
    fn get(&self, key: &str, limit: u64) -> Result<Option<(Vec<u8>, Tag)>>;

    /// What the store calls an object; none where there is none.
    fn head(&self, key: &str) -> Result<Option<Tag>>;

    /// Writes an object, whole or not at all.
    ///
    /// An object that is refused and has these very bytes is done: an answer may have been lost.
    fn put(&self, key: &str, bytes: &[u8], headers: Headers, condition: &Condition) -> Result<Put>;

    /// Writes an object from a file, whole or not at all; gives its size.
    fn upload(&self, key: &str, upload: &Upload<'_>) -> Result<u64>;

    /// Removes an object, if it is there.
    fn delete(&self, key: &str) -> Result<()>;

    /// Whether keys may end in a slash here.
    fn takes_slash_keys(&self) -> bool {
        false
    }

    /// Leaves nothing of the work behind.
    fn finish(&self) {}
}

/// A store whose operations are counted.
pub(super) struct Counted<'s> {
    store: &'s dyn Store,
    count: AtomicU64,
}

impl<'s> Counted<'s> {
    pub(super) fn new(store: &'s dyn Store) -> Self {
        Self { store, count: AtomicU64::new(0) }
    }

    /// How many operations there were. Parts of an upload are not counted each.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn one(&self) -> &'s dyn Store {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.store
    }
}

impl Store for Counted<'_> {
    fn shown(&self) -> &str {
        self.store.shown()
    }

    fn get(&self, key: &str, limit: u64) -> Result<Option<(Vec<u8>, Tag)>> {
        self.one().get(key, limit)
    }

    fn head(&self, key: &str) -> Result<Option<Tag>> {
        self.one().head(key)
    }

    fn put(&self, key: &str, bytes: &[u8], headers: Headers, condition: &Condition) -> Result<Put> {
        self.one().put(key, bytes, headers, condition)
    }

    fn upload(&self, key: &str, upload: &Upload<'_>) -> Result<u64> {
        self.one().upload(key, upload)
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.one().delete(key)
    }

    fn takes_slash_keys(&self) -> bool {
        self.store.takes_slash_keys()
    }

    fn finish(&self) {
        self.store.finish();
    }
}
