//! The walk from the file header to the dynamic segment and to what that names.

use std::ops::Range;

use super::{ElfError, ElfFacts, is_elf};
use crate::cuda::needs::{cxx11_abi, is_of_torch};
use crate::cuda::{NotCaptured, ReadAt};

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const SHT_DYNAMIC: u32 = 6;
const SHT_GNU_VERNEED: u32 = 0x6fff_fffe;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_STRSZ: u64 = 10;
const DT_SONAME: u64 = 14;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;
const DT_VERNEED: u64 = 0x6fff_fffe;
const DT_VERNEEDNUM: u64 = 0x6fff_ffff;

/// The dynamic section has about thirty entries, and one more per needed library.
const MAX_DYNAMIC: u64 = 16_384;
/// Needed symbol versions of one file; a large C++ library has about fifty.
const MAX_VERSIONS: u64 = 16_384;
/// The longest path that an operating system takes.
const MAX_STRING: u64 = 4096;
/// All the names of one file together, in bytes.
const MAX_TEXT: u64 = 1 << 20;
/// How much of a table is asked for when a part of it is missing, in bytes.
const TABLE_WINDOW: u64 = 16 << 10;
/// How many bytes of strings are asked for at once.
const STRINGS_WINDOW: u64 = 4 << 20;
/// How many bytes of strings show which ABI the names of symbols follow.
const ABI_WINDOW: u64 = 2 << 20;
/// How many bytes around the section headers are kept: linkers put the names of sections there.
const SECTIONS_MARGIN: u64 = 4 << 10;
/// A table of section headers larger than this is not kept as it goes by.
const MAX_SECTIONS: u64 = 256 << 10;
/// Sections with fatbins: of code for the GPU, and of code that is still to be linked.
const DEVICE_SECTIONS: [&str; 2] = [".nv_fatbin", "__nv_relfatbin"];

pub(super) fn malformed<T>(reason: String) -> Result<T, ElfError> {
    Err(ElfError::Malformed(reason))
}

fn limit(what: &'static str, found: u64, limit: u64) -> Result<(), ElfError> {
    if found <= limit { Ok(()) } else { Err(ElfError::Limit { what, found, limit }) }
}

/// The parts of a program header or a section header that matter here.
struct Part {
    /// Where the name of a section is.
    name: u32,
    kind: u32,
    offset: u64,
    address: u64,
    size: u64,
    link: u32,
    info: u32,
}

/// Where the names are that other tables refer to.
struct Strings {
    offset: u64,
    length: u64,
}

/// Where the needed symbol versions are, and of how many libraries.
struct Versions {
    offset: u64,
    libraries: u64,
}

/// A file whose class and byte order are known.
pub(super) struct Elf<'a> {
    pub(super) file: &'a dyn ReadAt,
    pub(super) wide: bool,
    pub(super) little: bool,
}

impl<'a> Elf<'a> {
    /// A file, and its header.
    pub(super) fn open(file: &'a dyn ReadAt) -> Result<(Self, Block<'a>), ElfError> {
        if file.len() < 16 || !is_elf(file.read_at(0, 16)?) {
            return Err(ElfError::NotElf);
        }
        let ident = file.read_at(0, 16)?;
        let wide = match ident[4] {
            1 => false,
            2 => true,
            class => return malformed(format!("the ELF class is {class}, expected 1 or 2")),
        };
        let little = match ident[5] {
            1 => true,
            2 => false,
            order => return malformed(format!("the byte order is {order}, expected 1 or 2")),
        };
        let elf = Self { file, wide, little };
        let header = elf.block(0, if wide { 64 } else { 52 })?;
        Ok((elf, header))
    }

    /// The part of the file in which its section headers are, and mostly their names.
    pub(super) fn sections_window(&self, header: Block<'a>) -> Option<Range<u64>> {
        let (offset, size, count) =
            if self.wide { (40, 64, header.u16(60)) } else { (32, 40, header.u16(48)) };
        let begin = header.word(offset);
        let size = u64::from(count) * size;
        let end = begin.checked_add(size)?;
        // What lies before the end of the header has gone by.
        let range = begin.saturating_sub(SECTIONS_MARGIN).max(64)
            ..end.saturating_add(SECTIONS_MARGIN).min(self.file.len());
        (size > 0 && size <= MAX_SECTIONS && end <= self.file.len()).then_some(range)
    }

    /// Where fatbins are; a file without section headers may have them anywhere.
    pub(super) fn device_sections(&self, header: Block<'a>) -> Result<Vec<Range<u64>>, ElfError> {
        let sections = self.sections(header)?;
        if sections.is_empty() {
            return Ok(std::iter::once(0..self.file.len()).collect());
        }
        let names = usize::from(header.u16(if self.wide { 62 } else { 50 }));
        let Some(names) = sections.get(names) else {
            return malformed("the names of sections are in none".to_owned());
        };
        let table = Strings { offset: names.offset, length: names.size };
        let wanted: Vec<u64> = sections.iter().map(|section| section.name.into()).collect();
        let named = sections.iter().zip(self.strings(&table, &wanted)?);
        let device = named.filter(|(_, name)| DEVICE_SECTIONS.contains(&name.as_str()));
        Ok(device.map(|(part, _)| part.offset..part.offset.saturating_add(part.size)).collect())
    }

    /// A range that must lie in the file; callers have capped its length.
    pub(super) fn block(&self, offset: u64, length: u64) -> Result<Block<'a>, ElfError> {
        let inside = offset.checked_add(length).is_some_and(|end| end <= self.file.len());
        match usize::try_from(length) {
            Ok(length) if inside => {
                let bytes = self.file.read_at(offset, length)?;
                Ok(Block { bytes, wide: self.wide, little: self.little })
            }
            _ => malformed(format!(
                "{length} bytes at {offset} are outside of the file of {} bytes",
                self.file.len()
            )),
        }
    }

    /// A record of a table whose length nobody states. Asks for more than the
    /// record if it is missing, so that the next ones are there too.
    fn record(&self, offset: u64, length: u64) -> Result<Block<'a>, ElfError> {
        self.block(offset, length).map_err(|error| match error {
            ElfError::NotCaptured(missing) => {
                let length = TABLE_WINDOW.min(self.file.len() - missing.offset);
                ElfError::NotCaptured(NotCaptured { length, ..missing })
            }
            other => other,
        })
    }

    /// Fills in what is known of a file that was linked.
    pub(super) fn linked(&self, header: Block<'a>, facts: &mut ElfFacts) -> Result<(), ElfError> {
        let segments = self.segments(header)?;
        if let Some(part) = segments.iter().find(|part| part.kind == PT_INTERP && part.size > 0) {
            let path = Strings { offset: part.offset, length: part.size };
            facts.interpreter = self.strings(&path, &[0])?.pop();
        }
        let segment = segments.iter().find(|part| part.kind == PT_DYNAMIC);
        let sections = match segment {
            Some(_) => Vec::new(),
            None => self.sections(header)?,
        };
        let section = sections.iter().find(|part| part.kind == SHT_DYNAMIC);
        let Some(dynamic) = segment.or(section) else { return Ok(()) };

        let entry = if self.wide { 16 } else { 8 };
        limit("the number of dynamic entries", dynamic.size / entry, MAX_DYNAMIC)?;
        let block = self.block(dynamic.offset, dynamic.size - dynamic.size % entry)?;
        let entries: Vec<(u64, u64)> = block
            .records(entry)
            .map(|entry| (entry.word(0), entry.word(if self.wide { 8 } else { 4 })))
            .take_while(|(tag, _)| *tag != 0)
            .collect();
        let value = |wanted: u64| entries.iter().find(|(tag, _)| *tag == wanted).map(|(_, v)| *v);

        let (strings, versions) = if segment.is_some() {
            let Some(address) = value(DT_STRTAB) else { return Ok(()) };
            let mut strings = within(&segments, address)?;
            strings.length = value(DT_STRSZ).unwrap_or(strings.length);
            let versions = match (value(DT_VERNEED), value(DT_VERNEEDNUM)) {
                (Some(address), Some(libraries)) => {
                    Some(Versions { offset: within(&segments, address)?.offset, libraries })
                }
                _ => None,
            };
            (strings, versions)
        } else {
            let link = usize::try_from(dynamic.link).ok().and_then(|link| sections.get(link));
            let Some(part) = link else {
                return malformed("the dynamic section names no string table".to_owned());
            };
            let versions = sections.iter().find(|part| part.kind == SHT_GNU_VERNEED);
            let versions =
                versions.map(|part| Versions { offset: part.offset, libraries: part.info.into() });
            (Strings { offset: part.offset, length: part.size }, versions)
        };
        let versions = versions.map_or_else(|| Ok(Vec::new()), |table| self.versions(&table))?;

        // The beginning of the table at once, for torch's names; and all others at once, so that
        // those that are missing are fetched at once.
        let inside = self.file.len().saturating_sub(strings.offset).min(strings.length);
        let table = self.block(strings.offset, inside.min(ABI_WINDOW))?;
        let tags = [DT_NEEDED, DT_SONAME, DT_RUNPATH, DT_RPATH];
        let named: Vec<(u64, u64)> =
            entries.iter().copied().filter(|(tag, _)| tags.contains(tag)).collect();
        let mut wanted: Vec<u64> = named.iter().map(|(_, offset)| *offset).collect();
        wanted.extend(versions.iter().flat_map(|(library, version)| [*library, *version]));
        let mut names = self.strings(&strings, &wanted)?.into_iter();
        let mut rpath = None;
        for ((tag, _), name) in named.iter().zip(names.by_ref()) {
            match *tag {
                DT_NEEDED => facts.needed.push(name),
                DT_SONAME => facts.soname = Some(name),
                DT_RUNPATH => facts.runpath = Some(name),
                _ => rpath = Some(name),
            }
        }
        facts.runpath = facts.runpath.take().or(rpath);
        if facts.needed.iter().any(|name| is_of_torch(name)) {
            facts.cxx11_abi = cxx11_abi(table.bytes);
        }
        while let (Some(library), Some(version)) = (names.next(), names.next()) {
            facts.versions.entry(library).or_default().push(version);
        }
        for versions in facts.versions.values_mut() {
            versions.sort_unstable();
            versions.dedup();
        }
        Ok(())
    }

    fn segments(&self, header: Block<'a>) -> Result<Vec<Part>, ElfError> {
        let fields = if self.wide { (32, 54, 56, 56) } else { (28, 42, 44, 32) };
        let (offset, address, size) = if self.wide { (8, 16, 32) } else { (4, 8, 16) };
        let records = self.table("program header", header, fields)?.map(|record| Part {
            name: 0,
            kind: record.u32(0),
            offset: record.word(offset),
            address: record.word(address),
            size: record.word(size),
            link: 0,
            info: 0,
        });
        Ok(records.collect())
    }

    fn sections(&self, header: Block<'a>) -> Result<Vec<Part>, ElfError> {
        let fields = if self.wide { (40, 58, 60, 64) } else { (32, 46, 48, 40) };
        let (address, offset, size, link) =
            if self.wide { (16, 24, 32, 40) } else { (12, 16, 20, 24) };
        let records = self.table("section header", header, fields)?.map(|record| Part {
            name: record.u32(0),
            kind: record.u32(4),
            offset: record.word(offset),
            address: record.word(address),
            size: record.word(size),
            link: record.u32(link),
            info: record.u32(link + 4),
        });
        Ok(records.collect())
    }

    /// A table of headers. The numbers say where the file header holds the table's
    /// offset, the length of a record and their count, and which length records have.
    fn table(
        &self,
        what: &str,
        header: Block<'a>,
        (offset, length, count, expected): (usize, usize, usize, u16),
    ) -> Result<impl Iterator<Item = Block<'a>> + use<'a>, ElfError> {
        let (offset, found) = (header.word(offset), header.u16(length));
        let (count, length) = (u64::from(header.u16(count)), u64::from(expected));
        if count > 0 && found != expected {
            return malformed(format!("a {what} has {found} bytes, expected {expected}"));
        }
        // Counts have 16 bits, so a table has 4 MiB at most.
        let block = self.block(if count > 0 { offset } else { 0 }, count * length)?;
        Ok(block.records(length))
    }

    /// Pairs of offsets of names: a library's, and that of a version that is needed of it.
    fn versions(&self, table: &Versions) -> Result<Vec<(u64, u64)>, ElfError> {
        let mut pairs = Vec::new();
        let mut at = table.offset;
        limit("the number of libraries with versions", table.libraries, MAX_VERSIONS)?;
        for _ in 0..table.libraries {
            let library = self.record(at, 16)?;
            let mut version_at = advance(at, library.u32(8))?;
            for _ in 0..library.u16(2) {
                let version = self.record(version_at, 16)?;
                limit("the number of symbol versions", pairs.len() as u64 + 1, MAX_VERSIONS)?;
                pairs.push((library.u32(4).into(), version.u32(8).into()));
                match version.u32(12) {
                    0 => break,
                    next => version_at = advance(version_at, next)?,
                }
            }
            match library.u32(12) {
                0 => break,
                next => at = advance(at, next)?,
            }
        }
        Ok(pairs)
    }

    /// The names at these offsets of a string table.
    fn strings(&self, table: &Strings, wanted: &[u64]) -> Result<Vec<String>, ElfError> {
        let end = table.offset.checked_add(table.length);
        if end.is_none_or(|end| end > self.file.len()) {
            return malformed(format!(
                "the string table of {} bytes at {} is not inside the file of {} bytes",
                table.length,
                table.offset,
                self.file.len()
            ));
        }
        let mut names = Vec::new();
        let mut length = 0;
        let mut missing: Option<(u64, u64)> = None;
        for &offset in wanted {
            match self.string(table, offset) {
                Ok(name) => {
                    length += name.len() as u64;
                    limit("the length of all names", length, MAX_TEXT)?;
                    names.push(name);
                }
                Err(ElfError::NotCaptured(range)) => {
                    let end = range.offset + range.length;
                    let (first, last) = missing.unwrap_or((range.offset, end));
                    missing = Some((first.min(range.offset), last.max(end)));
                }
                Err(error) => return Err(error),
            }
        }
        match missing {
            None => Ok(names),
            Some((offset, end)) => {
                let length = (end - offset).min(STRINGS_WINDOW);
                Err(NotCaptured { offset, length }.into())
            }
        }
    }

    fn string(&self, table: &Strings, offset: u64) -> Result<String, ElfError> {
        let start = table.offset.checked_add(offset);
        let rest = table.length.checked_sub(offset);
        let (Some(start), Some(rest @ 1..)) = (start, rest) else {
            return malformed(format!(
                "a name at {offset} is outside of the string table of {} bytes",
                table.length
            ));
        };
        let whole = rest.min(MAX_STRING);
        // Most names are short, and what lies behind them may not be held.
        for window in [32, 256, MAX_STRING] {
            let found = self.block(start, window.min(rest)).map_err(|error| match error {
                ElfError::NotCaptured(_) => NotCaptured { offset: start, length: whole }.into(),
                other => other,
            })?;
            if let Some(end) = found.bytes.iter().position(|byte| *byte == 0) {
                return Ok(String::from_utf8_lossy(&found.bytes[..end]).into_owned());
            }
        }
        malformed(format!("the name at {offset} does not end within {whole} bytes"))
    }
}

/// Where an address lies in the file, and how many bytes from there are mapped with it.
fn within(segments: &[Part], address: u64) -> Result<Strings, ElfError> {
    let found = segments.iter().filter(|part| part.kind == PT_LOAD).find_map(|part| {
        let into = address.checked_sub(part.address)?;
        let length = part.size.checked_sub(into).filter(|length| *length > 0)?;
        Some(Strings { offset: part.offset.checked_add(into)?, length })
    });
    found.ok_or_else(|| {
        ElfError::Malformed(format!("the address {address:#x} is in no loaded segment"))
    })
}

/// Tables of versions are linked by distances that only lead forward.
fn advance(at: u64, distance: u32) -> Result<u64, ElfError> {
    at.checked_add(distance.into()).ok_or_else(|| {
        ElfError::Malformed(format!("the version table leads outside of the file at {at}"))
    })
}

/// Bytes of the file whose numbers are read in its own byte order.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    bytes: &'a [u8],
    wide: bool,
    little: bool,
}

impl<'a> Block<'a> {
    /// Its records of so many bytes; callers have checked that there are only whole ones.
    fn records(self, length: u64) -> impl Iterator<Item = Self> + use<'a> {
        let length = usize::try_from(length).unwrap_or(usize::MAX).max(1);
        self.bytes.chunks_exact(length).map(move |bytes| Block { bytes, ..self })
    }

    fn array<const N: usize>(self, at: usize) -> [u8; N] {
        // Offsets of fields are constants below the length of their record.
        let mut array = self.bytes.get(at..).and_then(<[u8]>::first_chunk).copied();
        if !self.little {
            array = array.map(|mut array: [u8; N]| {
                array.reverse();
                array
            });
        }
        array.unwrap_or([0; N])
    }

    pub(super) fn u16(self, at: usize) -> u16 {
        u16::from_le_bytes(self.array(at))
    }

    pub(super) fn u32(self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    /// A number as wide as the file's addresses.
    fn word(self, at: usize) -> u64 {
        if self.wide { u64::from_le_bytes(self.array(at)) } else { self.u32(at).into() }
    }
}
