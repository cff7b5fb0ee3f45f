//! Every byte of an archive, once, from the first to the last.

use std::io::{self, Read, SeekFrom};

use flate2::{Decompress, FlushDecompress, Status};
use sha2::Digest;

use super::bytes::{u16_at, u32_at, u64_at};
use super::directory::{MARK, zip64_field};
use super::{
    Archive, ArchiveError, DEFLATED, Entry, LOCAL, LOCAL_LENGTH, RangeRead, STORED, by_offset,
};
use crate::wheel::Sha256;
use crate::wheel::anomaly::{Anomalies, Disorder, shown};

/// Signature of a data descriptor; writers may leave it out.
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";

/// Hears of the contents of members as they are inflated.
pub trait Sink {
    /// A member begins; `index` is its place in the central directory.
    fn begin(&mut self, index: usize, entry: &Entry);
    /// The next bytes of its contents.
    fn contents(&mut self, bytes: &[u8]);
    /// It has ended; `whole` says whether its contents are what the archive states.
    fn end(&mut self, whole: bool);
}

/// What a walk found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    /// Digest of the whole file.
    pub sha256: Sha256,
    /// Size of the file in bytes.
    pub size: u64,
    /// Whether contents were inflated; those of a bomb are not.
    pub inflated: bool,
}

impl<R: RangeRead> Archive<R> {
    /// Reads the whole file once: hashes it, and inflates each member for `sink`.
    ///
    /// What is out of order is added to the anomalies. Memory does not depend on any length.
    pub fn walk(&mut self, sink: &mut dyn Sink) -> Result<Walk, ArchiveError> {
        self.reader.seek(SeekFrom::Start(0))?;
        let inflated = !self.anomalies.has(Disorder::Bomb);
        let mut walker = Walker {
            stream: Stream::new(&mut self.reader),
            anomalies: &mut self.anomalies,
            inflater: Decompress::new(false),
            output: vec![0; 128 * 1024],
            inflates: inflated,
        };
        for index in by_offset(&self.entries) {
            let entry = &self.entries[index];
            // Members that overlap have been noted; their bytes are read once.
            if entry.header_offset >= walker.stream.position {
                walker.unaccounted(entry.header_offset)?;
                walker.member(index, entry, sink)?;
            }
        }
        if walker.stream.position > self.directory_at {
            walker.anomalies.add(Disorder::LocalHeader, || {
                "the last member reaches into the central directory".to_owned()
            });
        }
        walker.unaccounted(self.directory_at)?;
        walker.stream.skip(u64::MAX)?;
        let (sha256, size) = walker.stream.finish();
        if size != self.length {
            return Err(io::Error::other("the file changed while it was being read").into());
        }
        Ok(Walk { sha256, size, inflated })
    }
}

struct Walker<'a, R> {
    stream: Stream<&'a mut R>,
    anomalies: &'a mut Anomalies,
    inflater: Decompress,
    output: Vec<u8>,
    inflates: bool,
}

impl<R: Read> Walker<'_, R> {
    /// Passes over bytes that belong to no member, if there are any.
    fn unaccounted(&mut self, until: u64) -> Result<(), ArchiveError> {
        let at = self.stream.position;
        let Some(length) = until.checked_sub(at).filter(|length| *length > 0) else {
            return Ok(());
        };
        if self.stream.peek(LOCAL.len())?.starts_with(&LOCAL) {
            self.anomalies.add(Disorder::Unlisted, || {
                format!("the central directory does not list the member at {at}")
            });
        } else if at > 0 {
            self.anomalies
                .add(Disorder::Gap, || format!("{length} bytes at {at} belong to no member"));
        }
        self.stream.skip(length)?;
        Ok(())
    }

    fn member(
        &mut self,
        index: usize,
        entry: &Entry,
        sink: &mut dyn Sink,
    ) -> Result<(), ArchiveError> {
        let header = self.stream.take(LOCAL_LENGTH)?;
        if header[..4] != LOCAL {
            self.anomalies.add(Disorder::LocalHeader, || {
                format!("{} has no local header at {}", shown(&entry.name), entry.header_offset)
            });
            return Ok(());
        }
        let name = self.stream.take(u16_at(&header, 26).into())?;
        let extra = self.stream.take(u16_at(&header, 28).into())?;
        let wide = self.compare(entry, &header, &name, &extra);
        if self.inflates && matches!(entry.method, STORED | DEFLATED) {
            sink.begin(index, entry);
            let whole = self.contents(entry, sink)?;
            sink.end(whole);
        } else {
            self.stream.skip(entry.compressed_size)?;
        }
        if entry.has_descriptor() {
            self.descriptor(entry, wide)?;
        }
        Ok(())
    }

    /// The local header against the central directory; says whether it has a ZIP64 field.
    fn compare(&mut self, entry: &Entry, header: &[u8], name: &[u8], extra: &[u8]) -> bool {
        let mut differs = |what: &str, local: String, central: String| {
            self.anomalies.add(Disorder::LocalHeader, || {
                format!(
                    "the local header of {} has {what} {local}, the central directory {central}",
                    shown(&entry.name)
                )
            });
        };
        if name != entry.raw_name() {
            let local = shown(&String::from_utf8_lossy(name));
            differs("the name", local, shown(&entry.name));
        }
        let flags = u16_at(header, 6);
        // Bits 1 and 2 say how hard a writer tried; some set them in one place only.
        if (flags ^ entry.flags) & !6 != 0 {
            differs("the flags", format!("{flags:#06x}"), format!("{:#06x}", entry.flags));
        }
        let method = u16_at(header, 8);
        if method != entry.method {
            differs("the method", method.to_string(), entry.method.to_string());
        }
        let zip64 = zip64_field(extra, &entry.name, self.anomalies);
        let [crc, mut compressed, mut size] = [14, 18, 22].map(|at| u64::from(u32_at(header, at)));
        if let Some(field) = zip64 {
            let wide = |at: usize| field.get(at..at + 8).map(|bytes| u64_at(bytes, 0));
            if size == MARK {
                size = wide(0).unwrap_or(size);
            }
            if compressed == MARK {
                compressed = wide(8).unwrap_or(compressed);
            }
        }
        let mut differs = |what: &str, local: u64, central: u64| {
            // A descriptor tells later what the header could not.
            if local != central && !(entry.has_descriptor() && local == 0) {
                self.anomalies.add(Disorder::LocalHeader, || {
                    format!(
                        "the local header of {} has the {what} {local}, the central directory {central}",
                        shown(&entry.name)
                    )
                });
            }
        };
        differs("CRC", crc, entry.crc32.into());
        differs("compressed size", compressed, entry.compressed_size);
        differs("size", size, entry.size);
        zip64.is_some()
    }

    /// Hands a member's contents on; says whether they are what the archive states.
    fn contents(&mut self, entry: &Entry, sink: &mut dyn Sink) -> Result<bool, ArchiveError> {
        let mut left = entry.compressed_size;
        let mut crc = crc32fast::Hasher::new();
        let mut size = 0u64;
        let mut broken = None;
        if entry.method == STORED {
            while left > 0 {
                let bytes = self.stream.fill(left)?;
                crc.update(bytes);
                sink.contents(bytes);
                let count = bytes.len();
                self.stream.consume(count);
                left -= count as u64;
                size += count as u64;
            }
        } else {
            self.inflater.reset(false);
            loop {
                let input = if left == 0 { &[][..] } else { self.stream.fill(left)? };
                let before = (self.inflater.total_in(), self.inflater.total_out());
                let status =
                    self.inflater.decompress(input, &mut self.output, FlushDecompress::None);
                // Both are at most the lengths of the buffers that were given.
                let consumed = usize::try_from(self.inflater.total_in() - before.0).unwrap_or(0);
                let made = usize::try_from(self.inflater.total_out() - before.1).unwrap_or(0);
                self.stream.consume(consumed);
                left -= consumed as u64;
                size += made as u64;
                crc.update(&self.output[..made]);
                sink.contents(&self.output[..made]);
                match status {
                    Err(error) => {
                        broken = Some(error.to_string());
                        break;
                    }
                    Ok(Status::StreamEnd) => break,
                    _ if size > entry.size => break,
                    _ if consumed == 0 && made == 0 => {
                        broken = Some("they are cut short".to_owned());
                        break;
                    }
                    _ => {}
                }
            }
        }
        let name = &entry.name;
        if let Some(reason) = broken {
            self.stream.skip(left)?;
            self.anomalies.add(Disorder::Inflate, || {
                format!("the contents of {} cannot be inflated: {reason}", shown(name))
            });
            return Ok(false);
        }
        if size != entry.size {
            self.stream.skip(left)?;
            let more = if size > entry.size { "more" } else { "only" };
            self.anomalies.add(Disorder::Size, || {
                format!(
                    "{} has {} bytes by the central directory, its contents have {more} {size}",
                    shown(name),
                    entry.size
                )
            });
            return Ok(false);
        }
        if left > 0 {
            self.stream.skip(left)?;
            self.anomalies.add(Disorder::Inflate, || {
                format!("the contents of {} leave {left} bytes over", shown(name))
            });
        }
        let crc = crc.finalize();
        if crc != entry.crc32 {
            self.anomalies.add(Disorder::Crc, || {
                format!(
                    "{} has the CRC {:08x} by the central directory, its contents have {crc:08x}",
                    shown(name),
                    entry.crc32
                )
            });
        }
        Ok(left == 0 && crc == entry.crc32)
    }

    /// What follows a member whose header left its sizes open.
    ///
    /// Behind a ZIP64 field its sizes have 64 bits (`wide`), elsewhere 32.
    fn descriptor(&mut self, entry: &Entry, wide: bool) -> Result<(), ArchiveError> {
        let ahead = self.stream.peek(24)?;
        let signature = if ahead.starts_with(&DESCRIPTOR) { 4 } else { 0 };
        let body = &ahead[signature..];
        let length = if wide { 20 } else { 12 };
        let agrees = body.len() >= length && u32_at(body, 0) == entry.crc32 && {
            let (compressed, size) = if wide {
                (u64_at(body, 4), u64_at(body, 12))
            } else {
                (u32_at(body, 4).into(), u32_at(body, 8).into())
            };
            compressed == entry.compressed_size && size == entry.size
        };
        match agrees.then_some(signature + length) {
            Some(length) => {
                self.stream.consume(length);
                self.anomalies.add(Disorder::Descriptor, || {
                    format!("{} has a data descriptor", shown(&entry.name))
                });
            }
            None => self.anomalies.add(Disorder::DescriptorMismatch, || {
                format!(
                    "{} should have a data descriptor, and none that agrees follows it",
                    shown(&entry.name)
                )
            }),
        }
        Ok(())
    }
}

/// A reader that hashes what it yields and shows what comes next.
struct Stream<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The part of the buffer that has been read and not been consumed.
    ahead: std::ops::Range<usize>,
    position: u64,
    hasher: sha2::Sha256,
    length: u64,
}

impl<R: Read> Stream<R> {
    fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: vec![0; 256 * 1024],
            ahead: 0..0,
            position: 0,
            hasher: sha2::Sha256::new(),
            length: 0,
        }
    }

    /// Reads once more, behind what is there; none at the end of the file.
    fn read_more(&mut self) -> io::Result<usize> {
        if self.ahead.is_empty() {
            self.ahead = 0..0;
        } else if self.ahead.end == self.buffer.len() {
            self.buffer.copy_within(self.ahead.clone(), 0);
            self.ahead = 0..self.ahead.len();
        }
        loop {
            match self.reader.read(&mut self.buffer[self.ahead.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    let read = self.ahead.end..self.ahead.end + count;
                    self.hasher.update(&self.buffer[read]);
                    self.ahead.end += count;
                    self.length += count as u64;
                    return Ok(count);
                }
            }
        }
    }

    /// Some bytes, at least one and at most `most`.
    fn fill(&mut self, most: u64) -> Result<&[u8], ArchiveError> {
        if self.ahead.is_empty() && self.read_more()? == 0 {
            return Err(ends_early(self.position));
        }
        let length = self.ahead.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        Ok(&self.buffer[self.ahead.start..self.ahead.start + length])
    }

    /// The next `length` bytes without consuming them; fewer at the end of the file.
    fn peek(&mut self, length: usize) -> Result<&[u8], ArchiveError> {
        while self.ahead.len() < length && self.read_more()? > 0 {}
        let length = length.min(self.ahead.len());
        Ok(&self.buffer[self.ahead.start..self.ahead.start + length])
    }

    /// Passes over bytes that [`Stream::fill`] or [`Stream::peek`] have shown.
    fn consume(&mut self, count: usize) {
        self.ahead.start += count;
        self.position += count as u64;
    }

    /// Exactly `length` bytes, at most 64 KiB.
    fn take(&mut self, length: usize) -> Result<Vec<u8>, ArchiveError> {
        let bytes = self.peek(length)?.to_vec();
        if bytes.len() < length {
            return Err(ends_early(self.position));
        }
        self.consume(length);
        Ok(bytes)
    }

    /// Passes over `length` bytes, or all that there are.
    fn skip(&mut self, length: u64) -> io::Result<()> {
        let mut left = length;
        while left > 0 {
            if self.ahead.is_empty() && self.read_more()? == 0 {
                return Ok(());
            }
            let count = self.ahead.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.consume(count);
            left -= count as u64;
        }
        Ok(())
    }

    fn finish(self) -> (Sha256, u64) {
        (self.hasher.into(), self.length)
    }
}

fn ends_early(at: u64) -> ArchiveError {
    ArchiveError::Corrupt(format!("the archive ends within a member, at {at}"))
}
