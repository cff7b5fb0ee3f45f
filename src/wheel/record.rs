//! RECORD: the list of a wheel's files with their hashes.

use serde::{Deserialize, Serialize};

/// What a RECORD file says in sum.
///
/// Source: [recording installed projects](https://packaging.python.org/en/latest/specifications/recording-installed-packages/#the-record-file)
/// (PEP 376, PEP 627).
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

impl RecordSummary {
    /// A wheel of 100,000 files has a RECORD of about 12 MB.
    pub const MAX_SIZE: u64 = 256 * 1024 * 1024;

    /// Reads a RECORD file.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let mut summary = Self::default();
        let mut fields = csv::ByteRecord::new();
        loop {
            let row = summary.rows + 1;
            match reader.read_byte_record(&mut fields) {
                Ok(false) => return Ok(summary),
                Ok(true) => {}
                Err(error) => {
                    return Err(RecordError::NotCsv { row, reason: error.to_string() });
                }
            }
            let [Some(_), Some(hash), Some(size), None] =
                [fields.get(0), fields.get(1), fields.get(2), fields.get(3)]
            else {
                return Err(RecordError::Fields { row, found: fields.len() });
            };
            summary.rows = row;
            summary.hashed += u64::from(!hash.is_empty());
            if !size.is_empty() {
                let stated = std::str::from_utf8(size).ok().and_then(|text| text.parse().ok());
                let stated: u64 = stated.ok_or_else(|| RecordError::Size {
                    row,
                    found: String::from_utf8_lossy(size).chars().take(40).collect(),
                })?;
                summary.size = summary.size.saturating_add(stated);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sums_rows() {
        let record = b"a.py,sha256=x,10\n\"b,c.py\",sha256=y,5\nx.dist-info/RECORD,,\n";
        assert_eq!(
            RecordSummary::parse(record),
            Ok(RecordSummary { rows: 3, hashed: 2, size: 15 })
        );
    }

    #[test]
    fn names_the_row() {
        assert_eq!(
            RecordSummary::parse(b"a,b,1\nonly\n"),
            Err(RecordError::Fields { row: 2, found: 1 })
        );
        assert!(matches!(
            RecordSummary::parse(b"a,b,ten\n"),
            Err(RecordError::Size { row: 1, .. })
        ));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = RecordSummary::parse(&bytes);
        }
    }
}
