//! Wheels of gigabytes that take hardly any memory.
//!
//! Small members come first, then one big member of zeros that is not compressed, then
//! the `.dist-info` folder and the central directory. Only the zeros have a size to
//! speak of, and those are made when they are read.

#![allow(dead_code, reason = "it has the whole of an interface, whichever parts tests use yet")]

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::github::{Content, index};
use super::zip::{DEFLATED, MARK, STORED, deflate};

const PACKAGE: &str = "synthetic_data";
const BIG: &str = "synthetic_data/weights.bin";
/// How long RECORD becomes, about.
const RECORD_SIZE: usize = 100_000;
/// How far apart states of the digest of zeros are kept.
const STEP: u64 = 64 << 20;

/// How many bytes there are to read in a wheel for one who wants but its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// With the end records.
    pub(crate) central_directory: u64,
    /// Of this and all below: compressed, without the local header.
    pub(crate) metadata: u64,
    pub(crate) wheel: u64,
    pub(crate) record: u64,
    pub(crate) entry_points: u64,
}

/// A valid wheel of a given size.
pub(crate) struct SyntheticWheel {
    filename: String,
    front: Arc<Front>,
    tail: Vec<u8>,
    sizes: Sizes,
    sha256: OnceLock<String>,
}

/// All up to the last zero: the same for all wheels of one size and number of members.
struct Front {
    /// Small members and the local header of the big one.
    head: Vec<u8>,
    zeros: u64,
    directory: Vec<u8>,
    members: u64,
    record: String,
    /// The digest of it all, not finished.
    state: OnceLock<Sha256>,
}

impl SyntheticWheel {
    /// A wheel of about `size` bytes, with `members` small members and one big one.
    pub(crate) fn new(name: &str, version: &str, size: u64, members: usize) -> Self {
        let escaped = name.replace(['-', '.'], "_");
        let front = Front::shared(size, members);
        let file = |name: &str| format!("{escaped}-{version}.dist-info/{name}");
        let metadata = metadata(name, version);
        let how_made = "Wheel-Version: 1.0\nGenerator: wheelsite tests\nRoot-Is-Purelib: true\n\
                        Tag: py3-none-any\n";
        let entry_points = format!("[console_scripts]\n{escaped} = {PACKAGE}:main\n");
        let mut files = vec![
            (file("METADATA"), metadata),
            (file("WHEEL"), how_made.to_owned()),
            (file("entry_points.txt"), entry_points),
        ];
        let mut record = front.record.clone();
        for (name, contents) in &files {
            record.push_str(&row(name, contents.as_bytes()));
        }
        record.push_str(&format!("{},,\n", file("RECORD")));
        files.push((file("RECORD"), record));

        let start = front.head.len() as u64 + front.zeros;
        let (mut tail, mut directory) = (Vec::new(), front.directory.clone());
        let sizes = files.into_iter().map(|(name, contents)| {
            let at = start + tail.len() as u64;
            let (member, data) = Member::deflated(name, contents.as_bytes(), at);
            tail.extend(member.local());
            tail.extend(&data);
            directory.extend(member.central());
            member.compressed
        });
        let sizes: Vec<u64> = sizes.collect();
        let directory_at = start + tail.len() as u64;
        let ends = ends(front.members + sizes.len() as u64, directory.len() as u64, directory_at);
        directory.extend(ends);
        let sizes = Sizes {
            central_directory: directory.len() as u64,
            metadata: sizes[0],
            wheel: sizes[1],
            entry_points: sizes[2],
            record: sizes[3],
        };
        tail.extend(directory);
        let filename = format!("{escaped}-{version}-py3-none-any.whl");
        Self { filename, front, tail, sizes, sha256: OnceLock::new() }
    }

    pub(crate) fn filename(&self) -> &str {
        &self.filename
    }

    pub(crate) fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// The wheel as if it were a file.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader { wheel: self, at: 0 }
    }
}

impl Content for SyntheticWheel {
    fn size(&self) -> u64 {
        self.front.head.len() as u64 + self.front.zeros + self.tail.len() as u64
    }

    fn read(&self, range: Range<u64>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(index(range.end - range.start));
        let mut start = 0;
        let zeros = self.front.zeros;
        for (part, size) in [
            (Some(&self.front.head), self.front.head.len() as u64),
            (None, zeros),
            (Some(&self.tail), self.tail.len() as u64),
        ] {
            // What of the range lies in this part, counted from the part's start.
            let from = range.start.saturating_sub(start).min(size);
            let to = range.end.saturating_sub(start).min(size);
            match part {
                Some(part) => bytes.extend(&part[index(from)..index(to)]),
                None => bytes.resize(bytes.len() + index(to - from), 0),
            }
            start += size;
        }
        bytes
    }

    fn sha256(&self) -> String {
        let digest = self.sha256.get_or_init(|| {
            let mut state = self.front.state().clone();
            state.update(&self.tail);
            hex::encode(state.finalize())
        });
        digest.clone()
    }
}

/// Reads a wheel as if it were a file.
pub(crate) struct Reader<'w> {
    wheel: &'w SyntheticWheel,
    at: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let end = (self.at + buffer.len() as u64).min(self.wheel.size());
        let bytes = self.wheel.read(self.at..end.max(self.at));
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.wheel.size().checked_add_signed(by),
        };
        self.at = at.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl Front {
    fn shared(size: u64, members: usize) -> Arc<Self> {
        type Fronts = Mutex<HashMap<(u64, usize), Arc<Front>>>;
        static FRONTS: LazyLock<Fronts> = LazyLock::new(Fronts::default);
        let mut fronts = FRONTS.lock().unwrap_or_else(PoisonError::into_inner);
        fronts.entry((size, members)).or_insert_with(|| Arc::new(Self::new(size, members))).clone()
    }

    fn new(size: u64, members: usize) -> Self {
        // A row has about 60 bytes beside the name; names are as long as it takes.
        let length = (RECORD_SIZE / members.max(1)).clamp(100, 250) - 60;
        let (mut head, mut directory, mut record) = (Vec::new(), Vec::new(), String::new());
        let mut add = |name: String, contents: &[u8]| {
            record.push_str(&row(&name, contents));
            let (member, data) = Member::deflated(name, contents, head.len() as u64);
            head.extend(member.local());
            head.extend(data);
            directory.extend(member.central());
        };
        add(format!("{PACKAGE}/__init__.py"), b"def main():\n    print(\"synthetic\")\n");
        for number in 1..members {
            let stem = format!("{PACKAGE}/part_{number:05}_");
            let name = format!("{stem:x<width$}.py", width = length - 3);
            add(name, format!("NUMBER = {number}\n# Part {number} of many.\n").as_bytes());
        }
        let zeros = size.saturating_sub(head.len() as u64);
        let big = Member {
            name: BIG.to_owned(),
            method: STORED,
            crc: crc_of_zeros(zeros),
            compressed: zeros,
            size: zeros,
            at: head.len() as u64,
        };
        head.extend(big.local());
        directory.extend(big.central());
        let digest = URL_SAFE_NO_PAD.encode(sha256_of_zeros(zeros).finalize());
        record.push_str(&format!("{BIG},sha256={digest},{zeros}\n"));
        let members = members.max(1) as u64 + 1;
        Self { head, zeros, directory, members, record, state: OnceLock::new() }
    }

    fn state(&self) -> &Sha256 {
        self.state.get_or_init(|| {
            let mut state = Sha256::new();
            state.update(&self.head);
            update_with_zeros(&mut state, self.zeros);
            state
        })
    }
}

/// A member of the archive, at its place.
struct Member {
    name: String,
    method: u16,
    crc: u32,
    compressed: u64,
    size: u64,
    at: u64,
}

impl Member {
    /// A deflated one, and its data.
    fn deflated(name: String, contents: &[u8], at: u64) -> (Self, Vec<u8>) {
        let data = deflate(contents);
        let (compressed, size) = (data.len() as u64, contents.len() as u64);
        let crc = crc32fast::hash(contents);
        (Self { name, method: DEFLATED, crc, compressed, size, at }, data)
    }

    fn local(&self) -> Vec<u8> {
        let wide: Vec<u64> =
            if is_wide(self.size) { vec![self.size, self.compressed] } else { Vec::new() };
        [b"PK\x03\x04".to_vec(), self.common(&wide), self.name.clone().into_bytes(), field(&wide)]
            .concat()
    }

    fn central(&self) -> Vec<u8> {
        let mut wide =
            if is_wide(self.size) { vec![self.size, self.compressed] } else { Vec::new() };
        wide.extend(Some(self.at).filter(|at| is_wide(*at)));
        let mut bytes = b"PK\x01\x02".to_vec();
        // Made on Unix.
        bytes.extend(0x32D_u16.to_le_bytes());
        bytes.extend(self.common(&wide));
        // No comment, the first disk, no attributes of the contents.
        bytes.extend([0; 6]);
        bytes.extend((0o100_644_u32 << 16).to_le_bytes());
        bytes.extend(narrow(self.at).to_le_bytes());
        bytes.extend(self.name.bytes());
        bytes.extend(field(&wide));
        bytes
    }

    /// What both headers have, from the version to the length of the extra field.
    fn common(&self, wide: &[u64]) -> Vec<u8> {
        let version: u16 = if wide.is_empty() { 20 } else { 45 };
        let mut bytes = [version, 0, self.method].map(u16::to_le_bytes).concat();
        // The first moment that DOS knows.
        bytes.extend(0x0021_0000_u32.to_le_bytes());
        for word in [self.crc, narrow(self.compressed), narrow(self.size)] {
            bytes.extend(word.to_le_bytes());
        }
        for length in [self.name.len(), field(wide).len()] {
            bytes.extend(u16::try_from(length).expect("is short").to_le_bytes());
        }
        bytes
    }
}

/// Whether a number takes a ZIP64 field.
fn is_wide(number: u64) -> bool {
    number >= u64::from(MARK)
}

/// A number in its 32-bit field.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(MARK)
}

/// The ZIP64 extra field, where there is something for it.
fn field(wide: &[u64]) -> Vec<u8> {
    if wide.is_empty() {
        return Vec::new();
    }
    super::zip::field(1, &wide.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>())
}

/// The records that end an archive.
fn ends(entries: u64, size: u64, at: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let fits = u16::try_from(entries).is_ok_and(|entries| entries < u16::MAX);
    if is_wide(at) || !fits {
        bytes.extend(b"PK\x06\x06");
        bytes.extend(44_u64.to_le_bytes());
        bytes.extend([45, 0, 45, 0]);
        bytes.extend([0; 8]);
        for number in [entries, entries, size, at] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(b"PK\x06\x07");
        bytes.extend([0; 4]);
        bytes.extend((at + size).to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
    }
    bytes.extend(b"PK\x05\x06");
    bytes.extend([0; 4]);
    let entries = u16::try_from(entries).unwrap_or(u16::MAX);
    bytes.extend([entries, entries].map(u16::to_le_bytes).concat());
    bytes.extend([narrow(size), narrow(at)].map(u32::to_le_bytes).concat());
    bytes.extend([0; 2]);
    bytes
}

fn metadata(name: &str, version: &str) -> String {
    let mut text = format!(
        "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: A big wheel\n\
         Requires-Python: >=3.9\nRequires-Dist: typing-extensions>=4\n\
         Description-Content-Type: text/markdown\n\n# {name}\n\n"
    );
    for line in 0..40 {
        text.push_str(&format!("Line {line} of what {name} {version} has to say for itself.\n"));
    }
    text
}

/// A row of RECORD.
fn row(name: &str, contents: &[u8]) -> String {
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(contents));
    format!("{name},sha256={digest},{}\n", contents.len())
}

/// The CRC of so many zeros, in as many steps as their number has bits.
fn crc_of_zeros(mut count: u64) -> u32 {
    let (mut all, mut power) = (crc32fast::Hasher::new(), crc32fast::Hasher::new());
    power.update(&[0]);
    while count > 0 {
        if count % 2 == 1 {
            all.combine(&power);
        }
        let same = power.clone();
        power.combine(&same);
        count /= 2;
    }
    all.finalize()
}

/// The digest of so many zeros, not finished. States on the way are kept, so that each
/// step is hashed once for all sizes.
fn sha256_of_zeros(count: u64) -> Sha256 {
    static STATES: Mutex<BTreeMap<u64, Sha256>> = Mutex::new(BTreeMap::new());
    let mut states = STATES.lock().unwrap_or_else(PoisonError::into_inner);
    let last = states.range(..=count).next_back();
    let (mut done, mut state) =
        last.map_or_else(|| (0, Sha256::new()), |(at, state)| (*at, state.clone()));
    while done < count {
        let next = (done / STEP * STEP + STEP).min(count);
        update_with_zeros(&mut state, next - done);
        done = next;
        states.insert(done, state.clone());
    }
    state
}

fn update_with_zeros(state: &mut Sha256, mut count: u64) {
    static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
    while count > 0 {
        let part = count.min(ZEROS.len() as u64);
        state.update(&ZEROS[..index(part)]);
        count -= part;
    }
}
