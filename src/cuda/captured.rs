//! An ELF file that goes by as a stream.

use super::watch::Watch;
use super::{DeviceCode, NotCaptured, ReadAt, elf, slice};

/// An ELF file that goes by as a stream: its first bytes are kept, and ranges behind them that
/// the parser asks for in time. What it asks for too late is added in a second pass. Device code
/// is looked for as it goes by.
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
    device_attempts: u32,
    device: Watch,
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
            device_attempts: 0,
            device: Watch::new(length),
        }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, mut chunk: &[u8]) {
        self.device.push(chunk);
        while !chunk.is_empty() && self.outcome.is_none() {
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
            Err(elf::ElfError::NotCaptured(range)) => {
                if self.attempts < MAX_ATTEMPTS
                    && range.offset >= self.position
                    && range.offset + range.length <= self.length
                {
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
        if let Some(outcome) = &self.outcome {
            return outcome.clone();
        }
        self.attempts = another(self.attempts)?;
        let outcome = elf::parse(self);
        if !matches!(outcome, Err(elf::ElfError::NotCaptured(_))) {
            self.outcome = Some(outcome.clone());
        }
        outcome
    }

    /// The device code that the file holds; asks for ranges as [`Captured::finish`] does.
    pub fn device(&mut self) -> Result<Option<DeviceCode>, elf::ElfError> {
        if !self.device.needs_sections() {
            return Ok(self.device.within(&[]));
        }
        self.device_attempts = another(self.device_attempts)?;
        let sections = elf::device_sections(self)?;
        Ok(self.device.within(&sections))
    }
}

/// Counts how often ranges were asked for.
fn another(attempts: u32) -> Result<u32, elf::ElfError> {
    if attempts < MAX_ATTEMPTS {
        return Ok(attempts + 1);
    }
    Err(elf::ElfError::Limit {
        what: "ranges that it needs",
        found: attempts.into(),
        limit: MAX_ATTEMPTS.into(),
    })
}

impl ReadAt for Captured {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<&[u8], NotCaptured> {
        slice(&self.head, offset, length)
            .or_else(|| self.device.slice(offset, length))
            .or_else(|| {
                self.ranges
                    .iter()
                    .find_map(|(start, bytes)| slice(bytes, offset.checked_sub(*start)?, length))
            })
            .ok_or(NotCaptured { offset, length: length as u64 })
    }
}
