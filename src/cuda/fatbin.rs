//! Finds device code in an ELF file that goes by as a stream.
//!
//! nvcc puts cubins and PTX for several architectures into a fatbin: a header of 16 bytes, then
//! entries, each with a header of at least 64 bytes and a payload. Architectures stand in the
//! entries' headers, so that no payload is decompressed. Of a cubin that is stored as it is,
//! the header and the note of the tool that made it say which toolkit that was.
//!
//! Source: NVIDIA documents none of this; the fields are those that cuobjdump 13.5 agrees on for
//! what nvcc 10.2 to 13.5 made, and that ZLUDA and cuda-fatbin-decompression name.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};

use super::elf::EM_CUDA;
use super::{Architecture, CodeKind, CudaVersion, Suffix};

/// The first word of a fatbin.
const MAGIC: [u8; 4] = 0xBA55_ED50_u32.to_le_bytes();
/// Fatbins are aligned.
const WORD: usize = 8;
const FATBIN_HEADER: usize = 16;
const ENTRY_HEADER: usize = 64;
const ELF_HEADER: usize = 64;
const PTX: u16 = 1;
const CUBIN: u16 = 2;
/// Flags of compressed payloads: LZ77, LZ4, Zstandard.
const COMPRESSED: u64 = 0x1000 | 0x2000 | 0x8000;
const SPECIFIC: u64 = 0x10_0000;
const FAMILY: u64 = 0x20_0000;
/// Of a cubin up to CUDA 12, and of one for newer GPUs or by a newer toolkit.
const ABI_OLD: [u8; 2] = [0x33, 7];
const ABI_NEW: u8 = 0x41;
/// What stands before the version in a note of ptxas or nvlink.
const RELEASE: &[u8] = b"Cuda compilation tools, release ";
/// How much is read behind it: the version, the build, and the options.
const RELEASE_ROOM: usize = 256;
/// Entries of one file that are kept. The largest library of torch has some ten thousand.
const MAX_ENTRIES: usize = 1 << 17;

static RELEASE_FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(RELEASE));

/// The device code of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCode {
    /// What it is for.
    pub architectures: BTreeSet<Architecture>,
    /// What made it, as far as that shows without decompression.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub toolkits: BTreeSet<CudaVersion>,
}

/// An entry of a fatbin.
#[derive(Debug, Clone, Copy)]
struct Found {
    /// Where its fatbin begins.
    fatbin: u64,
    architecture: Architecture,
    toolkit: Option<CudaVersion>,
}

/// What the next bytes are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The first bytes of the file.
    Start,
    /// Anything, until a fatbin begins.
    Search,
    /// The header of a fatbin.
    Fatbin,
    /// The header of an entry.
    Entry,
    /// The header of a cubin.
    Cubin,
    /// The rest of a cubin, whose note is looked for.
    Note,
    /// What stands behind the beginning of the note's text.
    Release,
    /// Nothing of interest, until there.
    Skip(u64),
    /// The rest of an entry's header, until the cubin begins there.
    Before(u64),
}

/// Watches the bytes of an ELF file go by.
///
/// Keeps a few hundred bytes of them at most. What it finds does not depend on how the file is
/// cut into chunks.
#[derive(Debug, Clone)]
pub struct Scanner {
    length: u64,
    position: u64,
    step: Step,
    /// What the step has collected so far.
    held: Vec<u8>,
    /// The fatbin that is being read: where it begins and ends.
    fatbin: Range<u64>,
    /// Where the entry ends that is being read.
    end: u64,
    entry: Option<Found>,
    found: Vec<Found>,
    /// Whether the file itself is a cubin.
    is_cubin: bool,
}

impl Scanner {
    /// For a file of this length in bytes.
    pub fn new(length: u64) -> Self {
        Self {
            length,
            position: 0,
            step: Step::Start,
            held: Vec::new(),
            fatbin: 0..0,
            end: 0,
            entry: None,
            found: Vec::new(),
            is_cubin: false,
        }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, mut chunk: &[u8]) {
        while !chunk.is_empty() {
            let used = match self.step {
                Step::Search => self.search(chunk),
                Step::Note => self.look_for_note(chunk),
                Step::Skip(until) | Step::Before(until) => self.within(chunk, until).len(),
                Step::Start | Step::Cubin => self.collect(chunk, ELF_HEADER),
                Step::Fatbin => self.collect(chunk, FATBIN_HEADER),
                Step::Entry => self.collect(chunk, ENTRY_HEADER),
                Step::Release => self.collect(self.within(chunk, self.end), RELEASE_ROOM),
            };
            // Each step is left before it has nothing more to take; a file that is longer than
            // was said must not hold it up either.
            let used = used.max(1);
            self.position += used as u64;
            chunk = &chunk[used..];
            self.settle();
        }
    }

    /// How many bytes have gone by.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Since where nothing but fatbins has been looked for, if one was found before.
    pub(super) fn searching_since(&self) -> Option<u64> {
        (self.step == Step::Search && !self.found.is_empty()).then_some(self.fatbin.end)
    }

    /// Whether nothing was found, so that nobody needs to know where sections are.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty() && self.entry.is_none()
    }

    /// Whether the file itself is a cubin, which has no sections for fatbins.
    pub fn is_cubin(&self) -> bool {
        self.is_cubin
    }

    /// What was found in these ranges of the file; for a cubin ranges do not matter.
    pub fn finish(&self, sections: &[Range<u64>]) -> Option<DeviceCode> {
        let inside = |at: u64| self.is_cubin || sections.iter().any(|range| range.contains(&at));
        let all = self.found.iter().chain(&self.entry).filter(|found| inside(found.fatbin));
        let mut code = DeviceCode::default();
        let mut of_ptx = BTreeSet::new();
        for found in all {
            code.architectures.insert(found.architecture);
            match found.architecture.kind {
                CodeKind::Cubin => code.toolkits.extend(found.toolkit),
                CodeKind::Ptx => of_ptx.extend(found.toolkit),
            }
        }
        // Two toolkits write the same PTX; a cubin beside it knows which one it was.
        if code.toolkits.contains(&CudaVersion::new(12, 5)) {
            of_ptx.remove(&CudaVersion::new(12, 6));
        }
        code.toolkits.extend(of_ptx);
        (!code.architectures.is_empty()).then_some(code)
    }

    /// The part of a chunk that lies before a place.
    fn within<'c>(&self, chunk: &'c [u8], until: u64) -> &'c [u8] {
        let left = usize::try_from(until.saturating_sub(self.position)).unwrap_or(usize::MAX);
        &chunk[..chunk.len().min(left)]
    }

    fn collect(&mut self, chunk: &[u8], wanted: usize) -> usize {
        let count = chunk.len().min(wanted.saturating_sub(self.held.len()));
        self.held.extend_from_slice(&chunk[..count]);
        count
    }

    /// Looks for the first word of a fatbin, word by word.
    fn search(&mut self, chunk: &[u8]) -> usize {
        let into = usize::try_from(self.position % WORD as u64).unwrap_or(0);
        if into > 0 || chunk.len() < WORD {
            let count = chunk.len().min(WORD - into);
            // A word of which the beginning went by unseen is none.
            if self.held.len() == into {
                self.held.extend_from_slice(&chunk[..count]);
            }
            if into + count == WORD {
                if self.held.len() == WORD && self.held.starts_with(&MAGIC) {
                    self.step = Step::Fatbin;
                } else {
                    self.held.clear();
                }
            }
            return count;
        }
        let words = chunk.chunks_exact(WORD);
        let whole = chunk.len() - words.remainder().len();
        let Some(index) = words.map(|word| &word[..4]).position(|start| start == MAGIC) else {
            return whole;
        };
        let end = (index + 1) * WORD;
        self.held.extend_from_slice(&chunk[end - WORD..end]);
        self.step = Step::Fatbin;
        end
    }

    /// Looks for the text that names the release; it may begin in one chunk and end in the next.
    fn look_for_note(&mut self, chunk: &[u8]) -> usize {
        let part = self.within(chunk, self.end);
        let mut seam = std::mem::take(&mut self.held);
        let before = seam.len();
        seam.extend_from_slice(&part[..part.len().min(RELEASE.len() - 1)]);
        let behind = match RELEASE_FINDER.find(&seam) {
            Some(at) => Some(at + RELEASE.len() - before),
            None => RELEASE_FINDER.find(part).map(|at| at + RELEASE.len()),
        };
        if let Some(behind) = behind {
            self.step = Step::Release;
            return behind;
        }
        // The beginning of the text may be all that there is so far.
        seam.truncate(before);
        let keep = part.len().min(RELEASE.len() - 1);
        seam.extend_from_slice(&part[part.len() - keep..]);
        let excess = seam.len().saturating_sub(RELEASE.len() - 1);
        self.held = seam.split_off(excess);
        part.len()
    }

    /// Goes on to the step that takes the next byte.
    fn settle(&mut self) {
        loop {
            let held = self.held.len();
            self.step = match self.step {
                Step::Start if held == ELF_HEADER => self.started(),
                Step::Fatbin if held == FATBIN_HEADER => self.fatbin_begun(),
                Step::Entry if held == ENTRY_HEADER => self.entry_begun(),
                Step::Cubin if held == ELF_HEADER => self.cubin_begun(),
                Step::Release if held == RELEASE_ROOM || self.position >= self.end => {
                    self.released()
                }
                Step::Note if self.position >= self.end => Step::Skip(self.end),
                Step::Before(until) if self.position >= until => Step::Cubin,
                Step::Skip(until) if self.position >= until => self.next(),
                _ => return,
            };
            self.held.clear();
        }
    }

    fn started(&mut self) -> Step {
        let Some(header) = CubinHeader::parse(&self.held) else { return Step::Search };
        self.is_cubin = true;
        self.end = self.length;
        self.entry = Architecture::new(CodeKind::Cubin, header.number())
            .map(|architecture| Found { fatbin: 0, architecture, toolkit: None });
        self.cubin_begun()
    }

    fn fatbin_begun(&mut self) -> Step {
        let begin = self.position - FATBIN_HEADER as u64;
        let header = u64::from(u16_at(&self.held, 6));
        let end = (begin + header).checked_add(u64_at(&self.held, 8));
        match end {
            Some(end) if end <= self.length && header >= FATBIN_HEADER as u64 => {
                self.fatbin = begin..end;
                Step::Skip((begin + header).min(end))
            }
            _ => Step::Search,
        }
    }

    fn entry_begun(&mut self) -> Step {
        let begin = self.position - ENTRY_HEADER as u64;
        let entry = &self.held;
        let header = u64::from(u32_at(entry, 4));
        let size = u64_at(entry, 8);
        let end = (begin + header).checked_add(size);
        let Some(end) = end.filter(|end| header >= ENTRY_HEADER as u64 && *end <= self.fatbin.end)
        else {
            // What is not understood is gone through like anything else.
            return Step::Search;
        };
        self.end = end;
        let kind = match u16_at(entry, 0) {
            PTX => CodeKind::Ptx,
            CUBIN => CodeKind::Cubin,
            // Such as code for a later link, which no driver loads.
            _ => return Step::Skip(end),
        };
        let flags = u64_at(entry, 40);
        let suffix = match (flags & SPECIFIC, flags & FAMILY) {
            (0, 0) => Suffix::None,
            (0, _) => Suffix::Family,
            _ => Suffix::Specific,
        };
        let Some(architecture) = Architecture::new(kind, u32_at(entry, 28)) else {
            return Step::Skip(end);
        };
        let toolkit = match kind {
            CodeKind::Ptx => CudaVersion::of_ptx(u16_at(entry, 26), u16_at(entry, 24)),
            CodeKind::Cubin => None,
        };
        let architecture = Architecture { suffix, ..architecture };
        let stored = u32_at(entry, 16) == 0 && flags & COMPRESSED == 0;
        self.entry = Some(Found { fatbin: self.fatbin.start, architecture, toolkit });
        if kind == CodeKind::Cubin && stored && size >= ELF_HEADER as u64 {
            Step::Before(begin + header)
        } else {
            Step::Skip(end)
        }
    }

    fn cubin_begun(&mut self) -> Step {
        match (CubinHeader::parse(&self.held), &mut self.entry) {
            (Some(header), Some(_)) if header.is_new() => Step::Note,
            (Some(header), Some(entry)) => {
                entry.toolkit = header.toolkit();
                Step::Skip(self.end)
            }
            _ => Step::Skip(self.end),
        }
    }

    /// Reads the version, and of a lone cubin for which GPU it is: its header has no suffix.
    fn released(&mut self) -> Step {
        let text = String::from_utf8_lossy(&self.held);
        let is_part = |letter: char| letter.is_ascii_digit() || letter == '.';
        let version = text.split(|letter| !is_part(letter)).next();
        if let Some(entry) = &mut self.entry {
            entry.toolkit = version.and_then(|version| version.parse().ok());
            let option = text.split_once("-arch ").map(|(_, rest)| rest);
            let target = option.and_then(|rest| rest.split([' ', '\0']).next());
            let target = target.and_then(|target| target.parse::<Architecture>().ok());
            if let Some(target) = target.filter(|_| self.is_cubin)
                && target.number == entry.architecture.number
            {
                entry.architecture = target;
            }
        }
        Step::Skip(self.end)
    }

    /// What comes behind an entry, or behind the header of a fatbin.
    fn next(&mut self) -> Step {
        if self.found.len() < MAX_ENTRIES {
            self.found.extend(self.entry);
        }
        self.entry = None;
        match self.fatbin.end.saturating_sub(self.position) {
            0 => Step::Search,
            left if left < ENTRY_HEADER as u64 => Step::Skip(self.fatbin.end),
            _ => Step::Entry,
        }
    }
}

/// The header of a cubin, which is an ELF file itself.
struct CubinHeader<'a>(&'a [u8]);

impl<'a> CubinHeader<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        // 64 bits, little-endian, for a machine of CUDA.
        let is_cubin = bytes.starts_with(b"\x7fELF\x02\x01") && u16_at(bytes, 18) == EM_CUDA;
        is_cubin.then_some(Self(bytes))
    }

    fn is_new(&self) -> bool {
        self.0[7] == ABI_NEW
    }

    /// Where the old ABI has the version of the format, it has that of the toolkit.
    fn toolkit(&self) -> Option<CudaVersion> {
        let version = u32_at(self.0, 20);
        CudaVersion::of_tenfold(version).filter(|_| self.0[7..9] == ABI_OLD)
    }

    /// The number behind `sm_`.
    fn number(&self) -> u32 {
        let flags = u32_at(self.0, 48);
        if self.is_new() { flags >> 8 & 0xff } else { flags & 0xff }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array_at(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    // Offsets of fields are constants below the length of their record.
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests;
