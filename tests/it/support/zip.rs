//! ZIP archives to the byte: sound unless a test says otherwise, field by field.
//!
//! Writers that others made refuse to write what hostile archives consist of. This
//! one derives every field from the contents and lets a test overwrite each of them:
//! in the local header, in the central directory, and in the end records.

use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

pub(crate) const STORED: u16 = 0;
pub(crate) const DEFLATED: u16 = 8;
/// The contents' CRC and sizes follow them.
pub(crate) const DESCRIBED: u16 = 1 << 3;
/// The name is UTF-8.
pub(crate) const UTF_8: u16 = 1 << 11;
/// Stands for a value that does not fit 32 bits.
pub(crate) const MARK: u32 = u32::MAX;

/// The system whose attributes are those of POSIX, in the high byte.
const UNIX: u16 = 0x300;
/// A folder, in the attributes of DOS.
const DOS_FOLDER: u32 = 0x10;

/// What a local header and an entry of the central directory both say.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub(crate) name: Vec<u8>,
    /// The version of the format that it takes to read the member, times ten.
    pub(crate) version: u16,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    /// Date and time as DOS has them.
    pub(crate) modified: u32,
    pub(crate) crc: u32,
    pub(crate) compressed: u32,
    pub(crate) size: u32,
    pub(crate) extra: Vec<u8>,
}

/// A member of an archive.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Bytes before the local header that belong to nobody.
    pub(crate) gap: Vec<u8>,
    pub(crate) local: Header,
    /// The contents as they lie in the archive.
    pub(crate) data: Vec<u8>,
    pub(crate) descriptor: Vec<u8>,
    /// Whether the local header and what follows it are written.
    pub(crate) present: bool,
    /// Whether the central directory has an entry for it.
    pub(crate) listed: bool,
    pub(crate) central: Header,
    /// The high byte names the system whose attributes these are, 3 is Unix.
    pub(crate) made_by: u16,
    pub(crate) comment: Vec<u8>,
    pub(crate) disk: u16,
    /// The high half is the mode, the low byte the attributes of DOS.
    pub(crate) attributes: u32,
    /// Where the central directory says that it lies, if not where it does.
    pub(crate) offset: Option<u32>,
}

impl Member {
    /// A regular file, deflated.
    pub(crate) fn new(name: impl Into<Vec<u8>>, contents: &[u8]) -> Self {
        Self::with(name.into(), contents, DEFLATED, deflate(contents))
    }

    /// A regular file, not deflated.
    pub(crate) fn stored(name: impl Into<Vec<u8>>, contents: &[u8]) -> Self {
        Self::with(name.into(), contents, STORED, contents.to_vec())
    }

    /// A folder.
    pub(crate) fn folder(name: &str) -> Self {
        let mut member = Self::stored(name, b"");
        member.mode(0o040_755);
        member.attributes += DOS_FOLDER;
        member
    }

    fn with(name: Vec<u8>, contents: &[u8], method: u16, data: Vec<u8>) -> Self {
        let header = Header {
            version: 20,
            flags: if name.is_ascii() { 0 } else { UTF_8 },
            name,
            method,
            // The first moment that DOS knows.
            modified: 0x0021_0000,
            crc: crc32fast::hash(contents),
            compressed: length(&data),
            size: length(contents),
            extra: Vec::new(),
        };
        Self {
            gap: Vec::new(),
            local: header.clone(),
            data,
            descriptor: Vec::new(),
            present: true,
            listed: true,
            central: header,
            made_by: UNIX + 20,
            comment: Vec::new(),
            disk: 0,
            attributes: 0o100_644 << 16,
            offset: None,
        }
    }

    /// Edits the local header and the entry of the central directory alike.
    pub(crate) fn both(&mut self, edit: impl Fn(&mut Header)) -> &mut Self {
        edit(&mut self.local);
        edit(&mut self.central);
        self
    }

    /// Sets the contents as they lie in the archive, and their length in both places.
    pub(crate) fn raw(&mut self, data: Vec<u8>) -> &mut Self {
        let compressed = length(&data);
        self.data = data;
        self.both(|header| header.compressed = compressed)
    }

    pub(crate) fn mode(&mut self, mode: u32) -> &mut Self {
        self.attributes = mode << 16;
        self
    }

    /// Lets a data descriptor say what the local header does not.
    pub(crate) fn described(&mut self, signed: bool, wide: bool) -> &mut Self {
        self.both(|header| header.flags |= DESCRIBED);
        let Header { crc, compressed, size, .. } = self.central;
        (self.local.crc, self.local.compressed, self.local.size) = (0, 0, 0);
        self.descriptor = descriptor(signed, wide, [crc, compressed, size]);
        self
    }

    /// Moves the sizes of a header to a ZIP64 field.
    pub(crate) fn zip64(header: &mut Header) {
        let sizes = [header.size, header.compressed].map(u64::from);
        header.extra.extend(field(1, &sizes.map(u64::to_le_bytes).concat()));
        (header.size, header.compressed, header.version) = (MARK, MARK, 45);
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(b"PK\x03\x04");
        self.local.write(bytes);
        for part in [&self.local.name, &self.local.extra, &self.data, &self.descriptor] {
            bytes.extend_from_slice(part);
        }
    }

    fn list(&self, at: u32, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(b"PK\x01\x02");
        bytes.extend_from_slice(&self.made_by.to_le_bytes());
        self.central.write(bytes);
        for half in [short(&self.comment), self.disk, 0] {
            bytes.extend_from_slice(&half.to_le_bytes());
        }
        bytes.extend_from_slice(&self.attributes.to_le_bytes());
        bytes.extend_from_slice(&self.offset.unwrap_or(at).to_le_bytes());
        for part in [&self.central.name, &self.central.extra, &self.comment] {
            bytes.extend_from_slice(part);
        }
    }
}

impl Header {
    /// The part that both have, from the version to the lengths of name and extra fields.
    fn write(&self, bytes: &mut Vec<u8>) {
        for half in [self.version, self.flags, self.method] {
            bytes.extend_from_slice(&half.to_le_bytes());
        }
        for word in [self.modified, self.crc, self.compressed, self.size] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        for half in [short(&self.name), short(&self.extra)] {
            bytes.extend_from_slice(&half.to_le_bytes());
        }
    }
}

/// The end records.
#[derive(Debug, Clone)]
pub(crate) struct Ends {
    pub(crate) disk: u16,
    pub(crate) directory_disk: u16,
    pub(crate) here: u16,
    pub(crate) entries: u16,
    pub(crate) size: u32,
    pub(crate) offset: u32,
    /// The ZIP64 end record.
    pub(crate) wide: Option<WideEnd>,
    /// Where the locator finds it, and how many disks there are.
    pub(crate) locator: Option<(u64, u32)>,
}

/// The ZIP64 end record.
#[derive(Debug, Clone)]
pub(crate) struct WideEnd {
    /// How long it says that it is, without the first twelve bytes.
    pub(crate) stated: u64,
    pub(crate) here: u64,
    pub(crate) entries: u64,
    pub(crate) size: u64,
    pub(crate) offset: u64,
    /// What follows the known fields.
    pub(crate) extensible: Vec<u8>,
}

/// An archive.
pub(crate) struct Zip {
    /// Bytes before the first member; all offsets take them into account.
    pub(crate) prefix: Vec<u8>,
    pub(crate) members: Vec<Member>,
    /// Bytes before the central directory that belong to nobody.
    pub(crate) gap: Vec<u8>,
    /// Whether the central directory lists the last member first.
    pub(crate) reversed: bool,
    /// Whether there are ZIP64 end records.
    pub(crate) wide: bool,
    pub(crate) comment: Vec<u8>,
    edit: Box<dyn Fn(&mut Ends)>,
}

impl Zip {
    /// An archive of these files.
    pub(crate) fn of(files: &[(String, Vec<u8>)]) -> Self {
        let members = files.iter().map(|(name, contents)| Member::new(name.as_str(), contents));
        Self {
            prefix: Vec::new(),
            members: members.collect(),
            gap: Vec::new(),
            reversed: false,
            wide: false,
            comment: Vec::new(),
            edit: Box::new(|_| {}),
        }
    }

    /// The first member of this name.
    pub(crate) fn member(&mut self, name: &str) -> &mut Member {
        let mut members = self.members.iter_mut();
        members.find(|member| member.central.name == name.as_bytes()).expect("is a member")
    }

    /// Edits a member.
    pub(crate) fn with(mut self, name: &str, edit: impl FnOnce(&mut Member)) -> Self {
        edit(self.member(name));
        self
    }

    /// Adds a member.
    pub(crate) fn and(mut self, member: Member) -> Self {
        self.members.push(member);
        self
    }

    /// Edits the end records once all else is known.
    pub(crate) fn ends(mut self, edit: impl Fn(&mut Ends) + 'static) -> Self {
        self.edit = Box::new(edit);
        self
    }

    /// With ZIP64 end records.
    pub(crate) fn wide(mut self) -> Self {
        self.wide = true;
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.prefix.clone();
        let mut entries = Vec::new();
        for member in &self.members {
            bytes.extend_from_slice(&member.gap);
            let mut entry = Vec::new();
            member.list(length(&bytes), &mut entry);
            if member.listed {
                entries.push(entry);
            }
            if member.present {
                member.write(&mut bytes);
            }
        }
        bytes.extend_from_slice(&self.gap);
        let offset = bytes.len();
        if self.reversed {
            entries.reverse();
        }
        let count = entries.len() as u64;
        bytes.extend(entries.into_iter().flatten());
        let size = (bytes.len() - offset) as u64;
        let wide = self.wide.then_some(WideEnd {
            stated: 44,
            here: count,
            entries: count,
            size,
            offset: offset as u64,
            extensible: Vec::new(),
        });
        // What does not fit is left to the ZIP64 record, or is wrong where there is none.
        let fits = u16::try_from(count).is_ok();
        let kept = if fits || !self.wide { count & 0xffff } else { 0xffff };
        let kept = u16::try_from(kept).expect("is masked");
        let mut ends = Ends {
            disk: 0,
            directory_disk: 0,
            here: kept,
            entries: kept,
            size: u32::try_from(size).expect("is small"),
            offset: length(&bytes[..offset]),
            locator: wide.is_some().then_some((bytes.len() as u64, 1)),
            wide,
        };
        (self.edit)(&mut ends);
        ends.write(&self.comment, &mut bytes);
        bytes
    }
}

impl Ends {
    fn write(&self, comment: &[u8], bytes: &mut Vec<u8>) {
        if let Some(wide) = &self.wide {
            bytes.extend_from_slice(b"PK\x06\x06");
            bytes.extend_from_slice(&wide.stated.to_le_bytes());
            for half in [UNIX + 45, 45] {
                bytes.extend_from_slice(&half.to_le_bytes());
            }
            bytes.extend_from_slice(&[0; 8]);
            for long in [wide.here, wide.entries, wide.size, wide.offset] {
                bytes.extend_from_slice(&long.to_le_bytes());
            }
            bytes.extend_from_slice(&wide.extensible);
        }
        if let Some((at, disks)) = self.locator {
            bytes.extend_from_slice(b"PK\x06\x07");
            bytes.extend_from_slice(&[0; 4]);
            bytes.extend_from_slice(&at.to_le_bytes());
            bytes.extend_from_slice(&disks.to_le_bytes());
        }
        bytes.extend_from_slice(b"PK\x05\x06");
        for half in [self.disk, self.directory_disk, self.here, self.entries] {
            bytes.extend_from_slice(&half.to_le_bytes());
        }
        for word in [self.size, self.offset] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&short(comment).to_le_bytes());
        bytes.extend_from_slice(comment);
    }
}

/// An extra field.
pub(crate) fn field(id: u16, data: &[u8]) -> Vec<u8> {
    [&id.to_le_bytes()[..], &short(data).to_le_bytes(), data].concat()
}

/// A data descriptor with or without its signature, with sizes of 64 or of 32 bits.
pub(crate) fn descriptor(signed: bool, wide: bool, [crc, compressed, size]: [u32; 3]) -> Vec<u8> {
    let mut bytes = if signed { b"PK\x07\x08".to_vec() } else { Vec::new() };
    bytes.extend_from_slice(&crc.to_le_bytes());
    for size in [compressed, size] {
        let long = u64::from(size).to_le_bytes();
        bytes.extend_from_slice(if wide { &long } else { &long[..4] });
    }
    bytes
}

/// Contents as method 8 has them.
pub(crate) fn deflate(contents: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(contents).expect("writes to memory");
    encoder.finish().expect("writes to memory")
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("is small")
}

fn short(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).expect("is short")
}
