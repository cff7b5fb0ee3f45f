//! What the binaries inside a wheel say.
//!
//! A member of an archive is inflated as a stream, so the parsers here ask for
//! ranges of it through [`ReadAt`]. [`Captured`] keeps the beginning of a stream and
//! the ranges that are asked for before they go by; a parser that needs more says
//! which range it needs and is called again once that range was added.

pub mod elf;

/// A range that is not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{length} bytes at {offset} were not kept")]
pub struct NotCaptured {
    /// Where the range begins, in bytes from the start of the file.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u64,
}

/// A file of known length of which ranges can be borrowed.
pub trait ReadAt {
    /// Length of the whole file in bytes, held or not.
    fn len(&self) -> u64;

    /// Whether the file has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Exactly `length` bytes from `offset`; what lies outside of the file is not held either.
    fn read_at(&self, offset: u64, length: usize) -> Result<&[u8], NotCaptured>;
}

impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<&[u8], NotCaptured> {
        slice(self, offset, length).ok_or(NotCaptured { offset, length: length as u64 })
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<&[u8], NotCaptured> {
        (**self).read_at(offset, length)
    }
}

fn slice(bytes: &[u8], offset: u64, length: usize) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    bytes.get(start..start.checked_add(length)?)
}

/// An ELF file that goes by as a stream: its first bytes are kept, and ranges behind them that
/// the parser asks for in time. What it asks for too late is added in a second pass.
///
/// ```
/// use wheelsite::cuda::elf::ElfError;
/// use wheelsite::cuda::{Captured, ReadAt};
/// let mut file = Captured::new(20, 1024);
/// file.push(b"0123456789");
/// assert_eq!(file.len(), 20);
/// assert_eq!(file.read_at(1, 3), Ok(&b"123"[..]));
/// file.push(b"abcdefghij");
/// assert_eq!(file.finish(), Err(ElfError::NotElf));
/// ```
#[derive(Debug, Clone)]
pub struct Captured {
    length: u64,
    head_limit: usize,
    head: Vec<u8>,
    ranges: Vec<(u64, Vec<u8>)>,
    /// How much has gone by.
    position: u64,
    /// A range that is still to come.
    wanted: Option<NotCaptured>,
    outcome: Option<Result<elf::ElfFacts, elf::ElfError>>,
    attempts: u32,
}

/// Enough for the headers of the file and of its segments.
const PROBE: u64 = 64 * 1024;
/// A well-formed file asks for a few ranges; one that goes on asking is none.
const MAX_ATTEMPTS: u32 = 32;

impl Captured {
    /// A file of this length in bytes, of which the first `head_limit` bytes are kept.
    pub fn new(length: u64, head_limit: usize) -> Self {
        Self {
            length,
            head_limit,
            head: Vec::new(),
            ranges: Vec::new(),
            position: 0,
            wanted: None,
            outcome: None,
            attempts: 0,
        }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, mut chunk: &[u8]) {
        if self.outcome.is_some() {
            return;
        }
        while !chunk.is_empty() {
            // Stops where a wanted range ends, or where there is enough for a first look.
            let stop = match self.wanted {
                Some(wanted) => wanted.offset + wanted.length,
                None if self.position < PROBE => PROBE.min(self.length),
                None => u64::MAX,
            };
            let room = stop.saturating_sub(self.position).max(1);
            let count = chunk.len().min(usize::try_from(room).unwrap_or(usize::MAX));
            let (part, rest) = chunk.split_at(count);
            self.keep(part);
            self.position += count as u64;
            chunk = rest;
            if self.position >= stop {
                self.wanted = None;
                self.attempt();
            }
        }
    }

    fn keep(&mut self, part: &[u8]) {
        let room = self.head_limit.saturating_sub(self.head.len()).min(part.len());
        self.head.extend_from_slice(&part[..room]);
        if let (Some(wanted), Some((_, bytes))) = (self.wanted, self.ranges.last_mut()) {
            let skip = wanted.offset.saturating_sub(self.position);
            if let Ok(skip) = usize::try_from(skip)
                && skip < part.len()
            {
                bytes.extend_from_slice(&part[skip..]);
            }
        }
    }

    fn attempt(&mut self) {
        self.attempts += 1;
        match elf::parse(self) {
            Err(elf::ElfError::NotCaptured(range)) if self.attempts < MAX_ATTEMPTS => {
                if range.offset >= self.position && range.offset + range.length <= self.length {
                    self.wanted = Some(range);
                    self.ranges.push((range.offset, Vec::new()));
                }
            }
            outcome => {
                self.outcome = Some(outcome);
                // Nothing more is asked for.
                self.head = Vec::new();
                self.ranges = Vec::new();
            }
        }
    }

    /// Adds bytes that lie at `offset`.
    pub fn add_range(&mut self, offset: u64, bytes: Vec<u8>) {
        self.ranges.push((offset, bytes));
    }

    /// What the file says; on [`elf::ElfError::NotCaptured`] that range is to be added first.
    pub fn finish(&mut self) -> Result<elf::ElfFacts, elf::ElfError> {
        match self.outcome.take() {
            Some(outcome) => outcome,
            None if self.attempts >= MAX_ATTEMPTS => Err(elf::ElfError::Limit {
                what: "ranges that it needs",
                found: self.attempts.into(),
                limit: MAX_ATTEMPTS.into(),
            }),
            None => {
                self.attempts += 1;
                elf::parse(self)
            }
        }
    }
}

impl ReadAt for Captured {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<&[u8], NotCaptured> {
        slice(&self.head, offset, length)
            .or_else(|| {
                self.ranges
                    .iter()
                    .find_map(|(start, bytes)| slice(bytes, offset.checked_sub(*start)?, length))
            })
            .ok_or(NotCaptured { offset, length: length as u64 })
    }
}
