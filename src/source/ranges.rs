//! The byte door: a file on another machine, read as if it were here.
//!
//! What was announced is fetched by ranges, neighbors together; what is read from somewhere
//! on is streamed; and where a server ignores ranges the file is downloaded once, to a
//! temporary file. Memory stays bounded whatever the file's size.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::Arc;

use crate::net::{Network, Retry, Traffic};
use crate::wheel::RangeRead;

/// Ranges with no more bytes than this between them are fetched together.
const GAP: u64 = 16 * 1024;
/// No announced range that is longer is held in memory.
const LONGEST: u64 = 96 * 1024 * 1024;
/// A file of unknown length is asked for its last so many bytes: where a ZIP's end records lie.
const TAIL: u64 = 22 + 20 + u16::MAX as u64;
/// A connection that brings less than this before it breaks off brings nothing on.
const PROGRESS: usize = 64 * 1024;
/// No file whose length nobody tells is longer.
const LONGEST_FILE: u64 = 16 * 1024 * 1024 * 1024;
/// Reading on is cheaper than another request up to this distance.
const SKIP: u64 = 64 * 1024;

/// Which bytes of a file are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Span {
    /// From here to the end.
    From(u64),
    /// These.
    Within(Range<u64>),
    /// The last so many.
    Last(u64),
}

/// A part of a file, as a server hands it out.
pub(crate) struct Part {
    /// Where it begins: at the front of the file where the server ignored the range.
    pub(crate) start: u64,
    /// Length of the whole file, where the server tells.
    pub(crate) total: Option<u64>,
    /// What tells versions of the file apart, where the server tells.
    pub(crate) version: Option<Box<str>>,
    pub(crate) reader: Box<dyn Read + Send>,
}

/// A file on another machine.
pub(crate) trait Remote: Send {
    /// Asks for a part. What failed for a reason that may pass was tried again already.
    fn fetch(&mut self, span: &Span) -> io::Result<Part>;
}

/// A file on another machine as `Read + Seek`.
pub(crate) struct RangeReader<R> {
    remote: R,
    network: Network,
    traffic: Arc<Traffic>,
    length: Option<u64>,
    version: Option<Box<str>>,
    position: u64,
    /// Announced and not fetched yet; they do not overlap.
    announced: Vec<Range<u64>>,
    /// Fetched; they do not overlap.
    held: Vec<Held>,
    stream: Option<Stream>,
    /// How often the stream broke off without getting on, and where it last began again.
    broken: u32,
    resumed: u64,
    whole: Option<File>,
}

struct Held {
    start: u64,
    bytes: Vec<u8>,
}

impl Held {
    fn range(&self) -> Range<u64> {
        self.start..self.start + self.bytes.len() as u64
    }
}

struct Stream {
    position: u64,
    reader: Box<dyn Read + Send>,
}

impl<R: Remote> RangeReader<R> {
    /// A file of this length in bytes, where that is known. Nothing is asked for yet.
    pub(crate) fn new(
        remote: R,
        length: Option<u64>,
        network: &Network,
        traffic: Arc<Traffic>,
    ) -> Self {
        Self {
            remote,
            network: network.clone(),
            traffic,
            length,
            version: None,
            position: 0,
            announced: Vec::new(),
            held: Vec::new(),
            stream: None,
            broken: 0,
            resumed: 0,
            whole: None,
        }
    }

    fn ask(&mut self, span: &Span) -> io::Result<Part> {
        self.traffic.request();
        let part = self.remote.fetch(span)?;
        if let (Some(expected), Some(found)) = (self.length, part.total)
            && expected != found
        {
            return Err(invalid(format!("expected {expected} bytes, the server has {found}")));
        }
        self.length = self.length.or(part.total);
        if let Some(version) = &part.version {
            match &self.version {
                None => self.version = Some(version.clone()),
                Some(first) if first == version => {}
                Some(_) => {
                    return Err(invalid("it changed while it was being read".to_owned()));
                }
            }
        }
        Ok(part)
    }

    fn length(&mut self) -> io::Result<u64> {
        if self.length.is_none() {
            let part = self.ask(&Span::Last(TAIL))?;
            match part.total {
                Some(total)
                    if part.start == total.saturating_sub(TAIL)
                        && (part.start > 0 || total <= TAIL) =>
                {
                    self.hold(part.start..total, Some(part))?;
                }
                _ => self.spool(Some(part))?,
            }
        }
        self.length.ok_or_else(|| invalid("the server does not tell its length".to_owned()))
    }

    /// Fetches a range into memory; `part` is an answer that has been got for it already.
    fn hold(&mut self, range: Range<u64>, mut part: Option<Part>) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut retry = Retry::new(&self.network);
        loop {
            let at = range.start + bytes.len() as u64;
            let Part { start, mut reader, total, version } = match part.take() {
                Some(part) => part,
                None => self.ask(&Span::Within(at..range.end))?,
            };
            // From the front on: the server has no ranges.
            if start != at {
                return self.spool(Some(Part { start, total, version, reader }));
            }
            let before = bytes.len();
            let outcome = (&mut reader).take(range.end - at).read_to_end(&mut bytes);
            self.traffic.add((bytes.len() - before) as u64);
            if range.start + bytes.len() as u64 == range.end {
                self.held.push(Held { start: range.start, bytes });
                return Ok(());
            }
            if bytes.len() - before >= PROGRESS {
                retry.progress();
            }
            let failure = outcome.err().unwrap_or_else(broke_off);
            if !retry.pause() {
                return Err(failure);
            }
        }
    }

    /// Downloads the file: the server has no ranges.
    fn spool(&mut self, mut part: Option<Part>) -> io::Result<()> {
        let mut retry = Retry::new(&self.network);
        loop {
            let part = match part.take() {
                Some(part) => part,
                None => self.ask(&Span::From(0))?,
            };
            if part.start != 0 {
                return Err(invalid("the server answers another range".to_owned()));
            }
            let mut file = tempfile::tempfile()?;
            let most = self.length.unwrap_or(LONGEST_FILE).min(u64::MAX - 1);
            let (copied, outcome) = copy(part.reader.take(most + 1), &mut file, &self.traffic);
            match outcome {
                Ok(()) if self.length.is_none_or(|length| length == copied) => {
                    self.length = Some(copied);
                    self.whole = Some(file);
                    self.held.clear();
                    self.announced.clear();
                    return Ok(());
                }
                Ok(()) if copied > most => {
                    return Err(invalid(format!("expected {most} bytes, the server sends more")));
                }
                Err(Trouble::Disk(error)) => return Err(error),
                Err(Trouble::Network(error)) if !retry.pause() => return Err(error),
                Ok(()) if !retry.pause() => return Err(broke_off()),
                _ => {}
            }
        }
    }

    /// Bytes from memory or the temporary file; none where those at the position are in neither.
    fn read_at_hand(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if let Some(file) = &mut self.whole {
            file.seek(SeekFrom::Start(self.position))?;
            return file.read(buffer).map(Some);
        }
        let position = self.position;
        let Some(held) = self.held.iter().find(|held| held.range().contains(&position)) else {
            return Ok(None);
        };
        // What is held fits into memory.
        let rest = &held.bytes[usize::try_from(position - held.start).unwrap_or(usize::MAX)..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(Some(count))
    }

    fn read_streamed(&mut self, buffer: &mut [u8], length: u64) -> io::Result<usize> {
        let mut retry = Retry::new(&self.network);
        loop {
            // What is asked for has been asked for again already; only a body that breaks off
            // is worth another request.
            let mut stream = self.stream_here()?;
            let outcome = stream.read_from(self.position, buffer, &self.traffic);
            match outcome {
                Ok(count) if count > 0 => {
                    self.stream = Some(stream);
                    return Ok(count);
                }
                // A server that hands out less than the file has broke off.
                outcome => {
                    let failure = outcome.err().unwrap_or_else(broke_off);
                    tracing::debug!(position = self.position, length, %failure, "broke off");
                    if self.position.saturating_sub(self.resumed) >= PROGRESS as u64 {
                        self.broken = 0;
                    }
                    self.resumed = self.position;
                    self.broken += 1;
                    if self.broken > self.network.retries || !retry.pause() {
                        return Err(failure);
                    }
                }
            }
        }
    }

    /// The stream that comes by the position soon, or a new one.
    fn stream_here(&mut self) -> io::Result<Stream> {
        let here = self.position;
        let near = |stream: &Stream| stream.position <= here && here - stream.position <= SKIP;
        if let Some(stream) = self.stream.take().filter(near) {
            return Ok(stream);
        }
        let part = self.ask(&Span::From(here))?;
        if part.start > here {
            return Err(invalid("the server answers another range".to_owned()));
        }
        Ok(Stream { position: part.start, reader: part.reader })
    }
}

impl Stream {
    fn read_from(
        &mut self,
        position: u64,
        buffer: &mut [u8],
        traffic: &Traffic,
    ) -> io::Result<usize> {
        skip(&mut self.reader, position - self.position, traffic)?;
        self.position = position;
        let count = self.reader.read(buffer)?;
        traffic.add(count as u64);
        self.position += count as u64;
        Ok(count)
    }
}

impl<R: Remote> Read for RangeReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.length()?;
        let left = length.saturating_sub(self.position);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let buffer = &mut buffer[..most];
        let here = self.position;
        let continues = self.stream.as_ref().is_some_and(|stream| stream.position == here);
        if !continues
            && let Some(index) = self.announced.iter().position(|range| range.contains(&here))
        {
            let range = self.announced.swap_remove(index);
            self.hold(range, None)?;
        }
        let count = match if continues { None } else { self.read_at_hand(buffer)? } {
            Some(count) => count,
            None => self.read_streamed(buffer, length)?,
        };
        self.position += count as u64;
        Ok(count)
    }
}

impl<R: Remote> Seek for RangeReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.length()?.checked_add_signed(by),
        };
        self.position = target.ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "a seek before the start")
        })?;
        Ok(self.position)
    }
}

impl<R: Remote> RangeRead for RangeReader<R> {
    fn announce(&mut self, ranges: &[Range<u64>]) {
        if self.whole.is_some() {
            return;
        }
        let length = self.length.unwrap_or(u64::MAX);
        let mut wanted = std::mem::take(&mut self.announced);
        for range in ranges {
            let range = range.start..range.end.min(length);
            if !range.is_empty() {
                wanted.extend(without(range, &self.held));
            }
        }
        self.announced = merge(wanted);
        // Where too much is announced at once, it is read as it comes.
        self.announced.retain(|range| range.end - range.start <= LONGEST);
    }
}

/// What of a range is not held.
fn without(range: Range<u64>, held: &[Held]) -> Vec<Range<u64>> {
    let mut missing = vec![range];
    for held in held.iter().map(Held::range) {
        missing = missing
            .into_iter()
            .flat_map(|range| {
                [range.start..range.end.min(held.start), range.start.max(held.end)..range.end]
            })
            .filter(|range| !range.is_empty())
            .collect();
    }
    missing
}

/// Ranges in order, with neighbors joined.
fn merge(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(GAP) => {
                last.end = last.end.max(range.end);
            }
            _ => merged.push(range),
        }
    }
    merged
}

fn skip(reader: &mut impl Read, bytes: u64, traffic: &Traffic) -> io::Result<()> {
    let skipped = io::copy(&mut reader.take(bytes), &mut io::sink())?;
    traffic.add(skipped);
    if skipped == bytes { Ok(()) } else { Err(broke_off()) }
}

enum Trouble {
    Network(io::Error),
    Disk(io::Error),
}

fn copy(mut from: impl Read, to: &mut File, traffic: &Traffic) -> (u64, Result<(), Trouble>) {
    let mut buffer = vec![0; 64 * 1024];
    let mut copied = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return (copied, Ok(())),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (copied, Err(Trouble::Network(error))),
            Ok(count) => {
                if let Err(error) = to.write_all(&buffer[..count]) {
                    return (copied, Err(Trouble::Disk(error)));
                }
                copied += count as u64;
                traffic.add(count as u64);
            }
        }
    }
}

/// Trying again does not help.
fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn broke_off() -> io::Error {
    // Never `UnexpectedEof`: that would say that the file itself is cut short.
    io::Error::other("the server broke off before the end")
}

#[cfg(test)]
mod tests;
