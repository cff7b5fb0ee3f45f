//! What the headers of an ELF file say of the libraries that it needs.
//!
//! Walks from the file header to the dynamic segment (the dynamic section where
//! there is no such segment), its strings, and the table of needed symbol
//! versions; code, data and symbols stay unread. Nothing that the file says is
//! believed: each offset is checked against the file's length, and each count
//! against a cap, before it is followed.
//!
//! Source: the System V ABI's gABI, chapters 4 and 5, and the LSB's section on
//! symbol versioning.

#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{NotCaptured, ReadAt};
use walk::Elf;

/// The first bytes of every ELF file.
const MAGIC: [u8; 4] = *b"\x7fELF";
/// The machine of cubins.
pub(super) const EM_CUDA: u16 = 190;

/// Why an ELF file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ElfError {
    /// It does not begin as an ELF file does.
    #[error("no ELF header was found")]
    NotElf,
    /// A range is needed that is not held: add it and parse again.
    #[error(transparent)]
    NotCaptured(#[from] NotCaptured),
    /// A header says something that cannot be.
    #[error("{0}")]
    Malformed(String),
    /// A count or length is beyond what linkers write.
    #[error("{what} is {found}, expected at most {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// How large it says it is.
        found: u64,
        /// How large it may be.
        limit: u64,
    },
}

/// What sort of ELF file it is: `e_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ElfKind {
    /// An object file, which a linker makes something of.
    Relocatable,
    /// A program at a fixed address.
    Executable,
    /// A shared library, a Python extension, or a position-independent program.
    Shared,
    /// A memory dump.
    Core,
    /// Anything else, such as what an operating system defines for itself.
    Other,
}

/// What the headers of an ELF file say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElfFacts {
    /// `e_machine`, such as 62 for x86-64 and 190 for device code of CUDA.
    pub machine: u16,
    /// 32 or 64: the width of its addresses.
    pub bits: u8,
    /// Whether its numbers begin with their lowest byte.
    pub little_endian: bool,
    /// `e_type`.
    pub kind: ElfKind,
    /// `e_flags`: what the machine's ABI says there, such as the float ABI on ARM.
    pub flags: u32,
    /// The name by which other files need it: `DT_SONAME`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soname: Option<String>,
    /// The libraries that it needs, in the order in which they are searched: `DT_NEEDED`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needed: Vec<String>,
    /// Where it looks for them first: `DT_RUNPATH`, or `DT_RPATH` where that is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runpath: Option<String>,
    /// The loader that a program asks for: `PT_INTERP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// Symbol versions, such as `GLIBC_2.17`, that it needs of each library,
    /// sorted as text: `DT_VERNEED`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, Vec<String>>,
    /// Whether its names of torch's functions are those of the C++11 ABI; for what needs torch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cxx11_abi: Option<bool>,
}

impl ElfFacts {
    /// The highest `GLIBC_x.y` that it needs: the oldest glibc that can load it.
    pub fn glibc_floor(&self) -> Option<(u32, u32)> {
        let versions = self.versions.values().flatten();
        let numbers = versions.filter_map(|version| {
            let mut numbers = version.strip_prefix("GLIBC_")?.split('.').map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        });
        numbers.max()
    }

    /// Whether it is code for a GPU, and not for the machine that loads it.
    pub fn is_device_code(&self) -> bool {
        self.machine == EM_CUDA
    }

    /// The architecture as wheel tags spell it; none for machines that no Linux tag names.
    pub fn architecture(&self) -> Option<&'static str> {
        Some(match (self.machine, self.bits, self.little_endian) {
            (3, 32, true) => "i686",
            (21, 64, false) => "ppc64",
            (21, 64, true) => "ppc64le",
            (22, 64, false) => "s390x",
            (40, 32, true) => "armv7l",
            (62, 64, true) => "x86_64",
            (183, 64, true) => "aarch64",
            (243, 64, true) => "riscv64",
            (258, 64, true) => "loongarch64",
            _ => return None,
        })
    }
}

/// Whether a file that begins with these bytes is an ELF file.
pub fn is_elf(head: &[u8]) -> bool {
    head.starts_with(&MAGIC)
}

/// Reads the headers of an ELF file.
///
/// On [`ElfError::NotCaptured`] the caller adds that range, which lies in the file
/// and has 4 MiB at most, and calls again. A well-formed file asks six times at
/// most: for the file header, the program headers, the interpreter, the dynamic
/// segment, the version table and the strings. A hostile one may go on asking.
pub fn parse(file: &dyn ReadAt) -> Result<ElfFacts, ElfError> {
    let (elf, header) = Elf::open(file)?;
    let mut facts = ElfFacts {
        machine: header.u16(18),
        bits: if elf.wide { 64 } else { 32 },
        little_endian: elf.little,
        kind: match header.u16(16) {
            1 => ElfKind::Relocatable,
            2 => ElfKind::Executable,
            3 => ElfKind::Shared,
            4 => ElfKind::Core,
            _ => ElfKind::Other,
        },
        flags: header.u32(if elf.wide { 48 } else { 36 }),
        soname: None,
        needed: Vec::new(),
        runpath: None,
        interpreter: None,
        versions: BTreeMap::new(),
        cxx11_abi: None,
    };
    // Only what is linked needs libraries; the sections of an object may be many.
    if matches!(facts.kind, ElfKind::Executable | ElfKind::Shared) {
        elf.linked(header, &mut facts)?;
    }
    Ok(facts)
}

/// The part of a file that `start` begins in which its section headers are: what a stream has
/// to keep for [`device_sections`].
pub(super) fn sections_window(start: &dyn ReadAt) -> Option<Range<u64>> {
    let (elf, header) = Elf::open(start).ok()?;
    elf.sections_window(header)
}

/// Where a file holds device code, by the names of its sections. Asks for ranges as [`parse`] does.
pub(super) fn device_sections(file: &dyn ReadAt) -> Result<Vec<Range<u64>>, ElfError> {
    let (elf, header) = Elf::open(file)?;
    elf.device_sections(header)
}
