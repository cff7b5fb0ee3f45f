//! RECORD: the list of a wheel's files with their hashes.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::anomaly::{Anomalies, Disorder, shown};
use super::archive::Entry;

/// A RECORD file, row by row.
///
/// Source: [recording installed projects](https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file)
/// (PEP 376, PEP 627) and the binary distribution format (PEP 427).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// In the order of the file.
    pub rows: Vec<Row>,
}

/// A row of RECORD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The file's path in the archive.
    pub path: Box<str>,
    /// `algorithm=digest`, as written; may be empty.
    pub hash: Box<str>,
    /// Size in bytes, where one is stated.
    pub size: Option<u64>,
}

/// What a RECORD file says in sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSummary {
    /// Rows.
    pub rows: u64,
    /// Rows with a hash.
    pub hashed: u64,
    /// Sum of the sizes that the rows state, in bytes.
    pub size: u64,
}

/// Why some bytes are no RECORD.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The CSV reader gave up.
    #[error("row {row} is no CSV: {reason}")]
    NotCsv {
        /// Counted from 1.
        row: u64,
        /// What the reader said.
        reason: String,
    },
    /// More rows than an archive has members.
    #[error("more than {} rows", Record::MAX_ROWS)]
    TooMany,
    /// A row has another number of fields than three.
    #[error("row {row} has {found} fields, expected 3: path, hash, size")]
    Fields {
        /// Counted from 1.
        row: u64,
        /// How many there are.
        found: usize,
    },
    /// A row's size is no number.
    #[error("row {row} states the size `{found}`, expected a number of bytes")]
    Size {
        /// Counted from 1.
        row: u64,
        /// What stands there.
        found: String,
    },
}

impl Record {
    /// A wheel of 100,000 files has a RECORD of about 12 MB.
    pub const MAX_SIZE: u64 = 64 * 1024 * 1024;

    /// More rows than any wheel has members.
    pub const MAX_ROWS: usize = 500_000;

    /// Reads a RECORD file.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        // The CSV reader passes over empty rows; installers fail at them.
        let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes).split(|byte| *byte == b'\n');
        if let Some(empty) = lines.map(<[u8]>::trim_ascii).position(<[u8]>::is_empty)
            && !bytes.is_empty()
        {
            return Err(RecordError::Fields { row: empty as u64 + 1, found: 0 });
        }
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let mut rows = Vec::new();
        let mut fields = csv::StringRecord::new();
        loop {
            let row = rows.len() as u64 + 1;
            match reader.read_record(&mut fields) {
                Ok(false) => return Ok(Self { rows }),
                Ok(true) if rows.len() == Self::MAX_ROWS => return Err(RecordError::TooMany),
                Ok(true) => {}
                Err(error) => return Err(RecordError::NotCsv { row, reason: error.to_string() }),
            }
            let [Some(path), Some(hash), Some(size), None] =
                [fields.get(0), fields.get(1), fields.get(2), fields.get(3)]
            else {
                return Err(RecordError::Fields { row, found: fields.len() });
            };
            let size = match size {
                "" => None,
                size => Some(size.parse().map_err(|_| RecordError::Size {
                    row,
                    found: size.chars().take(40).collect(),
                })?),
            };
            rows.push(Row { path: path.into(), hash: hash.into(), size });
        }
    }

    /// What it says in sum.
    pub fn summary(&self) -> RecordSummary {
        let sizes = self.rows.iter().filter_map(|row| row.size);
        RecordSummary {
            rows: self.rows.len() as u64,
            hashed: self.rows.iter().filter(|row| !row.hash.is_empty()).count() as u64,
            size: sizes.fold(0, u64::saturating_add),
        }
    }

    /// Compares the list with the members of the archive, as far as that needs no contents.
    ///
    /// Gives for each member the hash that its contents must have, if one is stated.
    pub fn compare(
        &self,
        entries: &[Entry],
        dist_info: &str,
        anomalies: &mut Anomalies,
    ) -> Vec<Option<RecordHash>> {
        let mut rows: HashMap<&str, &Row> = HashMap::with_capacity(self.rows.len());
        for row in &self.rows {
            if rows.insert(&row.path, row).is_some() {
                anomalies.add(Disorder::RecordDuplicate, || {
                    format!("RECORD lists {} twice", shown(&row.path))
                });
            }
        }
        let mut absent = rows.clone();
        let hashes = entries
            .iter()
            .map(|entry| {
                let row = rows.get(&*entry.name);
                absent.remove(&*entry.name);
                if entry.is_folder() || is_exempt(&entry.name, dist_info) {
                    return None;
                }
                let Some(row) = row else {
                    anomalies.add(Disorder::RecordUnlisted, || {
                        format!("RECORD does not list {}", shown(&entry.name))
                    });
                    return None;
                };
                if let Some(size) = row.size.filter(|size| *size != entry.size) {
                    anomalies.add(Disorder::RecordSize, || {
                        format!(
                            "RECORD says {size} bytes for {}, the archive {}",
                            shown(&row.path),
                            entry.size
                        )
                    });
                }
                expected_hash(row, anomalies)
            })
            .collect();
        // What is left has no member.
        let mut absent: Vec<&str> = absent.into_keys().collect();
        absent.retain(|path| !is_exempt(path, dist_info) && !path.ends_with('/'));
        absent.sort_unstable();
        for path in absent {
            anomalies.add(Disorder::RecordAbsent, || {
                format!("RECORD lists {}, and the archive has no such member", shown(path))
            });
        }
        hashes
    }
}

/// RECORD cannot hash itself, and signatures are made after it.
fn is_exempt(path: &str, dist_info: &str) -> bool {
    path.strip_prefix(dist_info)
        .is_some_and(|file| matches!(file, "/RECORD" | "/RECORD.jws" | "/RECORD.p7s"))
}

fn expected_hash(row: &Row, anomalies: &mut Anomalies) -> Option<RecordHash> {
    if row.hash.is_empty() {
        anomalies
            .add(Disorder::RecordNoHash, || format!("RECORD has no hash for {}", shown(&row.path)));
        return None;
    }
    let hash = RecordHash::parse(&row.hash);
    if hash.is_none() {
        anomalies.add(Disorder::RecordWeakHash, || {
            format!(
                "RECORD has the hash {} for {}, expected sha256, sha384 or sha512",
                shown(&row.hash),
                shown(&row.path)
            )
        });
    }
    hash
}

/// A hash that RECORD states, strong enough to be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordHash {
    algorithm: Algorithm,
    /// In base64 without padding, as installers compare it.
    digest: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl RecordHash {
    fn parse(text: &str) -> Option<Self> {
        let (algorithm, digest) = text.split_once('=')?;
        let algorithm = match algorithm {
            "sha256" => Algorithm::Sha256,
            "sha384" => Algorithm::Sha384,
            "sha512" => Algorithm::Sha512,
            _ => return None,
        };
        Some(Self { algorithm, digest: digest.trim_end_matches('=').into() })
    }

    /// A hasher for contents that should have this hash.
    pub fn hasher(&self) -> RecordHasher {
        use sha2::Digest;
        match self.algorithm {
            Algorithm::Sha256 => RecordHasher::Sha256(sha2::Sha256::new()),
            Algorithm::Sha384 => RecordHasher::Sha384(sha2::Sha384::new()),
            Algorithm::Sha512 => RecordHasher::Sha512(sha2::Sha512::new()),
        }
    }
}

/// Hashes contents by the algorithm that RECORD names.
pub enum RecordHasher {
    /// SHA-256
    Sha256(sha2::Sha256),
    /// SHA-384
    Sha384(sha2::Sha384),
    /// SHA-512
    Sha512(sha2::Sha512),
}

impl RecordHasher {
    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        use sha2::Digest;
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha384(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// Notes it where the contents have another hash than RECORD states.
    pub fn finish(self, expected: &RecordHash, name: &str, anomalies: &mut Anomalies) {
        use sha2::Digest;
        let found = match self {
            Self::Sha256(hasher) => URL_SAFE_NO_PAD.encode(hasher.finalize()),
            Self::Sha384(hasher) => URL_SAFE_NO_PAD.encode(hasher.finalize()),
            Self::Sha512(hasher) => URL_SAFE_NO_PAD.encode(hasher.finalize()),
        };
        if found != *expected.digest {
            anomalies.add(Disorder::RecordHash, || {
                format!(
                    "RECORD says {} for {}, its contents have {found}",
                    shown(&expected.digest),
                    shown(name)
                )
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sums_rows() {
        let record = b"a.py,sha256=x,10\n\"b,c.py\",sha256=y,5\nx.dist-info/RECORD,,\n";
        let record = Record::parse(record).expect("parses");
        assert_eq!(&*record.rows[1].path, "b,c.py");
        assert_eq!(record.summary(), RecordSummary { rows: 3, hashed: 2, size: 15 });
    }

    #[test]
    fn names_the_row() {
        assert_eq!(Record::parse(b"a,b,1\nonly\n"), Err(RecordError::Fields { row: 2, found: 1 }));
        assert!(matches!(Record::parse(b"a,b,ten\n"), Err(RecordError::Size { row: 1, .. })));
        assert!(matches!(Record::parse(b"\xff,b,1\n"), Err(RecordError::NotCsv { row: 1, .. })));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(record) = Record::parse(&bytes) {
                let _ = record.compare(&[], "x.dist-info", &mut Anomalies::default());
            }
        }
    }
}
