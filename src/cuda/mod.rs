//! What the binaries inside a wheel say, and what it needs of GPUs, drivers and torch.
//!
//! A member of an archive is inflated as a stream, so the parsers here ask for
//! ranges of it through [`ReadAt`]. [`Captured`] keeps the beginning of a stream and
//! the ranges that are asked for before they go by; a parser that needs more says
//! which range it needs and is called again once that range was added.

mod architecture;
mod captured;
pub mod elf;
mod fatbin;
mod local_tag;
mod needs;
mod requirements;
mod summary;
mod version;
mod watch;

pub use architecture::{Architecture, CodeKind, ComputeCapability, ParseCudaError, Suffix};
pub use captured::Captured;
pub use fatbin::{DeviceCode, Scanner};
pub use local_tag::{LocalTag, TorchVersion};
pub use needs::{CudaLibrary, is_of_torch};
pub use requirements::Requirements;
pub(crate) use summary::abi_of;
pub use summary::{
    Binary, CudaSummary, DeviceFile, ToolkitSource, TorchUse, glibc_floor, machines,
};
pub use version::CudaVersion;

/// Types that are text wherever they are written.
macro_rules! text_in_serde {
    ($($name:ident),+) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::from_text::from_text(deserializer)
            }
        }
    )+};
}
use text_in_serde;

/// A range that is not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{length} bytes at {offset} were not kept")]
pub struct NotCaptured {
    /// Where the range begins, in bytes from the start of the file.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u64,
}

/// A file of known length of which ranges can be borrowed.
pub trait ReadAt {
    /// Length of the whole file in bytes, held or not.
    fn len(&self) -> u64;

    /// Whether the file has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Exactly `length` bytes from `offset`; what lies outside of the file is not held either.
    fn read_at(&self, offset: u64, length: usize) -> Result<&[u8], NotCaptured>;
}

impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<&[u8], NotCaptured> {
        slice(self, offset, length).ok_or(NotCaptured { offset, length: length as u64 })
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read_at(&self, offset: u64, length: usize) -> Result<&[u8], NotCaptured> {
        (**self).read_at(offset, length)
    }
}

fn slice(bytes: &[u8], offset: u64, length: usize) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    bytes.get(start..start.checked_add(length)?)
}
