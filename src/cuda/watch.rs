//! Looks for device code in a stream, and keeps what says where it has to lie.
//!
//! Fatbins count in certain sections only, and the headers of sections are at the end of a file.
//! Where they will be is known from its beginning; their names mostly lie just before them. Tools
//! that make room for longer names, such as patchelf, leave the names of sections where they were and put
//! the headers further on, so that the names are also kept by how they look.

use std::ops::Range;

use super::{DeviceCode, NotCaptured, ReadAt, Scanner, elf, slice};

/// How long a file header is at most.
const START: usize = 64;
/// The name of the section with the names.
const NAMES: &[u8] = b"\0.shstrtab\0";
/// Linkers put it among the first names.
const BEFORE: usize = 4 << 10;
/// What is kept of the names. Real tables have a few hundred bytes.
const KEPT: usize = 16 << 10;

#[derive(Debug, Clone)]
pub(super) struct Watch {
    length: u64,
    scanner: Scanner,
    start: Vec<u8>,
    headers: Option<(Range<u64>, Vec<u8>)>,
    names: Option<(u64, Vec<u8>)>,
}

impl Watch {
    pub(super) fn new(length: u64) -> Self {
        let scanner = Scanner::new(length);
        Self { length, scanner, start: Vec::new(), headers: None, names: None }
    }

    /// Takes the next bytes of the stream.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        let begin = self.scanner.position();
        self.scanner.push(chunk);
        if self.start.len() < START {
            let room = (START - self.start.len()).min(chunk.len());
            self.start.extend_from_slice(&chunk[..room]);
            let start = Start { length: self.length, bytes: &self.start };
            self.headers = elf::sections_window(&start).map(|range| (range, Vec::new()));
        }
        if let Some((range, bytes)) = &mut self.headers {
            let within = |at: u64| usize::try_from(at.saturating_sub(begin)).unwrap_or(usize::MAX);
            let [from, to] = [range.start, range.end].map(|at| within(at).min(chunk.len()));
            bytes.extend_from_slice(&chunk[from..to]);
        }
        self.look_for_names(chunk, begin);
    }

    /// The last text that looks like the names of sections and is no part of device code. If it
    /// is cut in two by chunks it is missed, and fetched in a second pass.
    fn look_for_names(&mut self, chunk: &[u8], begin: u64) {
        if let Some((_, bytes)) = &mut self.names {
            let room = (KEPT - bytes.len()).min(chunk.len());
            bytes.extend_from_slice(&chunk[..room]);
        }
        let Some(since) = self.scanner.searching_since() else { return };
        let from = usize::try_from(since.saturating_sub(begin)).unwrap_or(usize::MAX);
        let rest = chunk.get(from..).unwrap_or_default();
        if let Some(at) = memchr::memmem::rfind(rest, NAMES) {
            let at = (from + at).saturating_sub(BEFORE);
            let bytes = &chunk[at..chunk.len().min(at + KEPT)];
            self.names = Some((begin + at as u64, bytes.to_vec()));
        }
    }

    /// What is held at this place.
    pub(super) fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let held = |start: u64, bytes| slice(bytes, offset.checked_sub(start)?, length);
        held(0, &self.start)
            .or_else(|| self.headers.as_ref().and_then(|(range, bytes)| held(range.start, bytes)))
            .or_else(|| self.names.as_ref().and_then(|(start, bytes)| held(*start, bytes)))
    }

    /// Whether it matters where sections are.
    pub(super) fn needs_sections(&self) -> bool {
        !self.scanner.is_empty() && !self.scanner.is_cubin()
    }

    /// What was found in these sections.
    pub(super) fn within(&self, sections: &[Range<u64>]) -> Option<DeviceCode> {
        self.scanner.finish(sections)
    }
}

/// The beginning of a file.
struct Start<'a> {
    length: u64,
    bytes: &'a [u8],
}

impl ReadAt for Start<'_> {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<&[u8], NotCaptured> {
        slice(self.bytes, offset, length).ok_or(NotCaptured { offset, length: length as u64 })
    }
}
