//! Opens a distribution and says what is in it: the only place where a wheel is opened.

use std::collections::{BTreeSet, HashSet};
use std::io::{self, SeekFrom};

use crate::cuda::Captured;
use crate::cuda::elf::{ElfError, is_elf};
use crate::facts::{
    Artifact, Content, Depth, ElfFile, FACTS_VERSION, Facts, MAX_DIST_INFO, MAX_ELF, Metadata,
    Part, Unreadable, WheelFacts,
};
use crate::source::Source;
use crate::wheel::{
    Anomalies, Archive, ArchiveError, CoreMetadata, Entry, MetadataError, RangeRead, Record,
    RecordHash, RecordHasher, Sha256, Sink, Walk, WheelFile, check_entry_points, unpacked_size,
};

/// What kind of distribution some bytes claim to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A wheel.
    Wheel,
    /// A source distribution.
    Sdist,
}

impl Kind {
    /// The kind that a filename claims: whatever is no sdist is judged as a wheel.
    pub fn of_filename(filename: &str) -> Self {
        if filename.ends_with(".tar.gz") || filename.ends_with(".zip") {
            Self::Sdist
        } else {
            Self::Wheel
        }
    }
}

/// What was read, and the bytes of METADATA that were read for it.
pub struct Inspection {
    /// What the bytes say.
    pub facts: Facts,
    /// The bytes of METADATA, as a sidecar serves them.
    pub metadata: Option<Vec<u8>>,
}

/// Reads a distribution.
///
/// At full depth every byte is read once: for the digest, and inflated for what RECORD
/// says of it. Never rejects: what is wrong becomes part of the facts. Errors only
/// where the bytes cannot be had.
pub fn inspect(kind: Kind, depth: Depth, reader: impl RangeRead) -> io::Result<Facts> {
    read_all(kind, depth, reader).map(|inspection| inspection.facts)
}

/// Reads a distribution at its source, as deep as is asked for.
///
/// With a digest that is known already it takes kilobytes to read one at the depth of
/// metadata; without, every byte.
pub fn inspect_artifact(
    source: &dyn Source,
    artifact: &Artifact,
    depth: Depth,
    digest: Option<Sha256>,
) -> io::Result<Inspection> {
    let kind = Kind::of_filename(&artifact.filename);
    let mut reader = source.open(artifact)?;
    match digest {
        Some(sha256) if depth == Depth::Metadata => {
            let size = match artifact.size {
                Some(size) => size,
                None => reader.seek(SeekFrom::End(0))?,
            };
            let described = read_described(kind, &mut reader, sha256, size)?;
            match described.facts.content {
                // Before that is held against a file, all of it is looked at, and its digest.
                Content::Unreadable { .. } => read_all(kind, Depth::Full, reader),
                _ => Ok(described),
            }
        }
        _ => read_all(kind, depth, reader),
    }
}

fn read_all(kind: Kind, depth: Depth, mut reader: impl RangeRead) -> io::Result<Inspection> {
    let content = match (kind, depth) {
        (Kind::Wheel, Depth::Full) => match inspect_wheel(&mut reader, true) {
            Ok(WheelRead { facts, metadata, walk: Some(walk) }) => {
                let depth = if walk.inflated { Depth::Full } else { Depth::Metadata };
                let content = Content::Wheel(Box::new(facts));
                let facts = facts_of(depth, walk.sha256, walk.size, content);
                return Ok(Inspection { facts, metadata });
            }
            Ok(WheelRead { walk: None, .. }) => None,
            Err(error) => Some(is_unreadable(error)?),
        },
        _ => None,
    };
    reader.seek(SeekFrom::Start(0))?;
    let (sha256, size) = Sha256::of_reader(&mut reader)?;
    match content {
        Some(content) => {
            let facts = facts_of(Depth::Full, sha256, size, content);
            Ok(Inspection { facts, metadata: None })
        }
        None => read_described(kind, reader, sha256, size),
    }
}

/// Reads what a file whose digest and size in bytes are known says of itself, at the depth of metadata.
fn read_described(
    kind: Kind,
    mut reader: impl RangeRead,
    sha256: Sha256,
    size: u64,
) -> io::Result<Inspection> {
    let (content, metadata) = match kind {
        Kind::Sdist => (Content::Sdist, None),
        Kind::Wheel => match inspect_wheel(&mut reader, false) {
            Ok(read) => (Content::Wheel(Box::new(read.facts)), read.metadata),
            Err(error) => (is_unreadable(error)?, None),
        },
    };
    // Nothing more can be learned of what cannot be read.
    let depth = if matches!(content, Content::Wheel(_)) { Depth::Metadata } else { Depth::Full };
    Ok(Inspection { facts: facts_of(depth, sha256, size, content), metadata })
}

/// What is read of every wheel, each of at most so many bytes.
const DESCRIPTIONS: [(&str, u64); 4] = [
    ("METADATA", CoreMetadata::MAX_SIZE),
    ("WHEEL", WheelFile::MAX_SIZE),
    ("RECORD", Record::MAX_SIZE),
    ("entry_points.txt", MAX_ENTRY_POINTS),
];

fn facts_of(depth: Depth, sha256: Sha256, size: u64, content: Content) -> Facts {
    Facts { facts_version: FACTS_VERSION, depth, sha256, size, content, reported: false }
}

/// The bytes of a wheel's METADATA, as a sidecar serves them. None where there are none to be had.
pub fn read_metadata(reader: impl RangeRead) -> Result<Option<Vec<u8>>, ArchiveError> {
    let mut archive = Archive::open(reader)?;
    let folders = dist_info_folders(archive.entries());
    let Some(entry) = folders.first().and_then(|folder| member(&archive, folder, "METADATA"))
    else {
        return Ok(None);
    };
    archive.read(&entry, CoreMetadata::MAX_SIZE).map(Some)
}

/// What an archive is that cannot be read. Errors where it is the reader that failed.
fn is_unreadable(error: ArchiveError) -> io::Result<Content> {
    let reason = match error {
        ArchiveError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            return Err(error);
        }
        ArchiveError::Trailing { .. } => Unreadable::Trailing,
        ArchiveError::Displaced { .. } => Unreadable::Prefix,
        _ => Unreadable::Damaged,
    };
    Ok(Content::Unreadable { reason, detail: error.to_string() })
}

struct WheelRead {
    facts: WheelFacts,
    metadata: Option<Vec<u8>>,
    /// Of every byte, where all were read.
    walk: Option<Walk>,
}

fn inspect_wheel<R: RangeRead>(reader: R, full: bool) -> Result<WheelRead, ArchiveError> {
    let mut archive = Archive::open(reader)?;
    let members = archive.entries().len() as u64;
    let unpacked_size = unpacked_size(archive.entries());
    let dist_info = dist_info_folders(archive.entries());
    // With several folders none is the right one; the first by name shows what is meant.
    let folder = dist_info.first().cloned().unwrap_or_default();
    let described: Vec<(Entry, u64)> = DESCRIPTIONS
        .iter()
        .filter_map(|(file, max)| Some((member(&archive, &folder, file)?, *max)))
        .collect();
    archive.announce(described.iter().map(|(entry, max)| (entry, *max)));
    let mut metadata_bytes = None;
    let metadata = part(&mut archive, &folder, "METADATA", CoreMetadata::MAX_SIZE, |bytes| {
        let fields = CoreMetadata::parse(bytes)?;
        metadata_bytes = Some(bytes.to_vec());
        Ok::<_, MetadataError>(Metadata { sha256: Sha256::of(bytes), fields })
    })?;
    let wheel = part(&mut archive, &folder, "WHEEL", WheelFile::MAX_SIZE, WheelFile::parse)?;
    let record = part(&mut archive, &folder, "RECORD", Record::MAX_SIZE, Record::parse)?;
    let mut anomalies = Anomalies::default();
    check_scripts(&mut archive, &folder, &mut anomalies)?;
    let hashes = match record.read() {
        Some(record) => record.compare(archive.entries(), &folder, &mut anomalies),
        None => Vec::new(),
    };
    let licenses_absent = licenses_absent(&metadata, archive.entries(), &folder);
    let (mut walk, mut elf) = (None, Vec::new());
    if full {
        let mut contents = Contents::new(&hashes, &mut anomalies);
        walk = Some(archive.walk(&mut contents)?);
        let (found, missed) = (contents.elf, contents.missed);
        elf = found;
        for (index, captured) in missed {
            elf.extend(read_again(&mut archive, index, captured)?);
        }
        elf.sort_by(|one, other| one.path.cmp(&other.path));
    }
    let mut all = archive.anomalies().clone();
    all.extend(anomalies);
    let facts = WheelFacts {
        members,
        unpacked_size,
        dist_info,
        metadata,
        wheel,
        record: match record {
            Part::Missing => Part::Missing,
            Part::Invalid(reason) => Part::Invalid(reason),
            Part::Read(record) => Part::Read(record.summary()),
        },
        licenses_absent,
        elf,
        anomalies: all,
    };
    Ok(WheelRead { facts, metadata: metadata_bytes, walk })
}

/// How much of the beginning of an ELF file is kept: tables of symbols lie there.
const ELF_HEAD: usize = 4 * 1024 * 1024;
/// ELF files whose tables lie elsewhere and are fetched in a second pass.
const MAX_MISSED: usize = 4;

/// Compares the contents of members with what RECORD says of them, and looks into ELF files.
struct Contents<'a> {
    hashes: &'a [Option<RecordHash>],
    anomalies: &'a mut Anomalies,
    member: Option<Member<'a>>,
    elf: Vec<ElfFile>,
    missed: Vec<(usize, Captured)>,
}

/// The member that is being read.
struct Member<'a> {
    index: usize,
    name: Box<str>,
    size: u64,
    hash: Option<(&'a RecordHash, RecordHasher)>,
    begun: bool,
    elf: Option<Captured>,
}

impl<'a> Contents<'a> {
    fn new(hashes: &'a [Option<RecordHash>], anomalies: &'a mut Anomalies) -> Self {
        Self { hashes, anomalies, member: None, elf: Vec::new(), missed: Vec::new() }
    }

    fn look_into(&mut self, index: usize, name: &str, mut captured: Captured) {
        match read_elf(name, &mut captured) {
            Ok(file) if self.elf.len() < MAX_ELF => self.elf.push(file),
            Err(ElfError::NotCaptured(_)) if self.missed.len() < MAX_MISSED => {
                self.missed.push((index, captured));
            }
            // What cannot be read as ELF no loader loads.
            _ => {}
        }
    }
}

/// What an ELF file says, if enough of it was kept.
fn read_elf(name: &str, captured: &mut Captured) -> Result<ElfFile, ElfError> {
    let facts = captured.finish()?;
    let device = match captured.device() {
        // What has no sections that can be read has none that the CUDA runtime finds.
        Err(ElfError::NotElf | ElfError::Malformed(_) | ElfError::Limit { .. }) => None,
        Err(missing @ ElfError::NotCaptured(_)) => return Err(missing),
        Ok(device) => device,
    };
    Ok(ElfFile { path: name.to_owned(), facts, device })
}

/// Fetches what an ELF file needs of its contents, after they have gone by.
fn read_again<R: RangeRead>(
    archive: &mut Archive<R>,
    index: usize,
    mut captured: Captured,
) -> Result<Option<ElfFile>, ArchiveError> {
    let entry = archive.entries()[index].clone();
    loop {
        match read_elf(&entry.name, &mut captured) {
            Ok(file) => return Ok(Some(file)),
            Err(ElfError::NotCaptured(range)) => {
                let bytes = archive.read_range(&entry, range.offset, range.length)?;
                captured.add_range(range.offset, bytes);
            }
            Err(_) => return Ok(None),
        }
    }
}

impl Sink for Contents<'_> {
    fn begin(&mut self, index: usize, entry: &Entry) {
        let expected = self.hashes.get(index).and_then(Option::as_ref);
        self.member = Some(Member {
            index,
            name: entry.name.clone(),
            size: entry.size,
            hash: expected.map(|expected| (expected, expected.hasher())),
            begun: false,
            elf: None,
        });
    }

    fn contents(&mut self, bytes: &[u8]) {
        let Some(member) = &mut self.member else { return };
        if let Some((_, hasher)) = &mut member.hash {
            hasher.update(bytes);
        }
        if !member.begun && !bytes.is_empty() {
            member.begun = true;
            member.elf = is_elf(bytes).then(|| Captured::new(member.size, ELF_HEAD));
        }
        if let Some(elf) = &mut member.elf {
            elf.push(bytes);
        }
    }

    fn end(&mut self, whole: bool) {
        // What the archive itself contradicts has been noted; its hash says nothing more.
        let Some(member) = self.member.take().filter(|_| whole) else { return };
        if let Some((expected, hasher)) = member.hash {
            hasher.finish(expected, &member.name, self.anomalies);
        }
        if let Some(captured) = member.elf {
            self.look_into(member.index, &member.name, captured);
        }
    }
}

fn dist_info_folders(entries: &[Entry]) -> Vec<String> {
    let folders: BTreeSet<&str> = entries
        .iter()
        // pip counts files of such a name too.
        .filter_map(|entry| entry.name.split('/').next())
        .filter(|top| top.ends_with(".dist-info"))
        .collect();
    folders.into_iter().take(MAX_DIST_INFO).map(str::to_owned).collect()
}

fn member<R: RangeRead>(archive: &Archive<R>, folder: &str, file: &str) -> Option<Entry> {
    archive.find(&format!("{folder}/{file}")).cloned()
}

/// Reads one file of the `.dist-info` folder. Only a failing reader is an error.
fn part<R: RangeRead, T, E: std::fmt::Display>(
    archive: &mut Archive<R>,
    folder: &str,
    file: &str,
    max: u64,
    parse: impl FnOnce(&[u8]) -> Result<T, E>,
) -> Result<Part<T>, ArchiveError> {
    let Some(entry) = member(archive, folder, file) else { return Ok(Part::Missing) };
    Ok(match archive.read(&entry, max) {
        Ok(bytes) => match parse(&bytes) {
            Ok(value) => Part::Read(value),
            Err(error) => Part::Invalid(error.to_string()),
        },
        Err(ArchiveError::Io(error)) => return Err(error.into()),
        Err(error) => Part::Invalid(error.to_string()),
    })
}

/// No real `entry_points.txt` comes near this many bytes.
const MAX_ENTRY_POINTS: u64 = 4 * 1024 * 1024;

fn check_scripts<R: RangeRead>(
    archive: &mut Archive<R>,
    folder: &str,
    anomalies: &mut Anomalies,
) -> Result<(), ArchiveError> {
    let Some(entry) = member(archive, folder, "entry_points.txt") else { return Ok(()) };
    match archive.read(&entry, MAX_ENTRY_POINTS) {
        Ok(bytes) => check_entry_points(&bytes, anomalies),
        Err(ArchiveError::Io(error)) => return Err(error.into()),
        // Damage is found by whoever reads every byte.
        Err(_) => {}
    }
    Ok(())
}

/// License files lie in `licenses/` (PEP 639), in old wheels in the `.dist-info` folder itself.
fn licenses_absent(metadata: &Part<Metadata>, entries: &[Entry], folder: &str) -> Vec<String> {
    /// A hostile METADATA may name millions.
    const MAX: usize = 8;
    let Some(metadata) = metadata.read().filter(|it| !it.fields.license_files.is_empty()) else {
        return Vec::new();
    };
    let there: HashSet<&str> = entries
        .iter()
        .filter_map(|entry| entry.name.strip_prefix(folder)?.strip_prefix('/'))
        .map(|path| path.strip_prefix("licenses/").unwrap_or(path))
        .collect();
    // Old tools left out the folders of such paths.
    let base = |file: &str| file.rsplit('/').next().is_some_and(|base| there.contains(base));
    let absent = metadata
        .fields
        .license_files
        .iter()
        .filter(|file| !there.contains(&***file) && !base(file));
    absent.take(MAX).cloned().collect()
}
