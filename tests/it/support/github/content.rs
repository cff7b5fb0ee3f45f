//! What assets hold.

use std::ops::Range;
use std::sync::OnceLock;

use sha2::Digest;

/// Bytes that can be had piece by piece, so that a file of gigabytes need not be in memory.
pub(crate) trait Content: Send + Sync {
    fn size(&self) -> u64;

    /// The bytes of a range that lies within.
    fn read(&self, range: Range<u64>) -> Vec<u8>;

    /// SHA-256 of it all, in hex.
    fn sha256(&self) -> String;
}

/// Bytes in memory.
pub(crate) struct Memory {
    bytes: Vec<u8>,
    sha256: OnceLock<String>,
}

impl Memory {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), sha256: OnceLock::new() }
    }
}

impl Content for Memory {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, range: Range<u64>) -> Vec<u8> {
        self.bytes[index(range.start)..index(range.end)].to_vec()
    }

    fn sha256(&self) -> String {
        self.sha256.get_or_init(|| hex::encode(sha2::Sha256::digest(&self.bytes))).clone()
    }
}

/// A place in memory.
pub(crate) fn index(at: u64) -> usize {
    usize::try_from(at).expect("fits into memory")
}
