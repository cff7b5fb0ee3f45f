//! SHA-256, the one digest that the index speaks.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest;

/// A SHA-256 digest, written as 64 lowercase hexadecimal digits.
///
/// ```
/// use wheelsite::wheel::Sha256;
/// let empty = Sha256::of(b"");
/// assert_eq!(empty.to_string().parse::<Sha256>(), Ok(empty));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; 32]);

/// The 64 hexadecimal digits of a digest.
pub(crate) type HexDigits = hex::Buffer<32>;

impl Sha256 {
    /// Digest of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Digest and length in bytes of all that a reader yields, streamed.
    pub fn of_reader(reader: impl Read) -> io::Result<(Self, u64)> {
        thread_local! {
            // One a thread: a buffer a file costs more than hashing a small file does.
            static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; 256 * 1024]);
        }
        let mut reader = HashingReader::new(reader);
        BUFFER.with_borrow_mut(|buffer| {
            while reader.read(buffer)? > 0 {}
            Ok(reader.finish())
        })
    }

    /// The first 16 hexadecimal digits: what names a file's folder below `files/`.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..8])
    }

    /// The digest's 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Appends the 64 hexadecimal digits.
    pub fn push_hex(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.digits().as_str().as_bytes());
    }

    /// The same, to a text.
    pub fn push_hex_text(&self, out: &mut String) {
        out.push_str(self.digits().as_str());
    }

    /// The 64 hexadecimal digits, which take no memory of their own.
    pub(crate) fn digits(&self) -> HexDigits {
        let mut digits = HexDigits::new();
        digits.format(&self.0);
        digits
    }
}

impl From<sha2::Sha256> for Sha256 {
    fn from(hasher: sha2::Sha256) -> Self {
        Self(hasher.finalize().into())
    }
}

/// A text that is not a SHA-256 digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 hexadecimal digits, found `{0}`")]
pub struct ParseDigestError(String);

impl FromStr for Sha256 {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| ParseDigestError(text.chars().take(80).collect()))?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.digits().as_str())
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.digits().as_str())
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::from_text::from_text(deserializer)
    }
}

/// A reader that hashes and counts what passes through it.
pub struct HashingReader<R> {
    inner: R,
    hasher: sha2::Sha256,
    length: u64,
}

impl<R: Read> HashingReader<R> {
    /// Wraps a reader that has not been read yet.
    pub fn new(inner: R) -> Self {
        Self { inner, hasher: sha2::Sha256::new(), length: 0 }
    }

    /// Digest and length in bytes of all that was read.
    pub fn finish(self) -> (Sha256, u64) {
        (self.hasher.into(), self.length)
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.length += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answer() {
        assert_eq!(
            Sha256::of(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(Sha256::of_reader(&b"abc"[..]).expect("reads"), (Sha256::of(b"abc"), 3));
    }

    #[test]
    fn refuses_what_is_no_digest() {
        for text in ["", "ba78", &"g".repeat(64), &"a".repeat(66)] {
            assert!(text.parse::<Sha256>().is_err(), "{text}");
        }
    }
}
