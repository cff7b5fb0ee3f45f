//! How much room there is, and how some is made.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use crate::size::ByteSize;

/// A place that builds write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What it is: `output`, `work`, `images`.
    pub what: &'static str,
    /// Where it is.
    pub path: PathBuf,
}

/// How much room a place has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Free {
    /// Which one.
    pub place: Place,
    /// What this user may still write, in bytes.
    pub bytes: u64,
}

/// The room that builds have.
pub trait Disk: Send + Sync {
    /// How much there is in each place that can be asked.
    fn free(&self) -> Vec<Free>;

    /// Removes those of these images that can be pulled again, and gives their names.
    fn prune<'a>(
        &'a self,
        images: &'a BTreeSet<String>,
    ) -> Pin<Box<dyn Future<Output = Vec<String>> + Send + 'a>>;
}

/// What this user may still write below a path, in bytes. What does not exist yet will be made
/// in the nearest folder above it that does.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let path = std::path::absolute(path)?;
    let mut last = io::ErrorKind::NotFound.into();
    for folder in path.ancestors() {
        match rustix::fs::statvfs(folder) {
            // Blocks are counted in fragments.
            Ok(stat) => return Ok(stat.f_bavail.saturating_mul(stat.f_frsize)),
            Err(error) => last = io::Error::from(error),
        }
        if last.kind() != io::ErrorKind::NotFound {
            break;
        }
    }
    Err(last)
}

/// How much room each of these places has; those that cannot be asked are left out.
pub fn free_in(places: &[Place]) -> Vec<Free> {
    let known = |place: &Place| {
        free_bytes(&place.path).ok().map(|bytes| Free { place: place.clone(), bytes })
    };
    places.iter().filter_map(known).collect()
}

/// The places with less room than that, in words; none where all have it.
pub(super) fn lack(free: &[Free], floor: ByteSize) -> Option<String> {
    let low = free.iter().filter(|free| free.bytes < floor.0);
    let words: Vec<String> = low
        .map(|free| {
            let (what, path) = (free.place.what, free.place.path.display().to_string());
            format!("{} of {what} (`{}`)", shown(free.bytes), crate::engine::text::clean(&path))
        })
        .collect();
    (!words.is_empty())
        .then(|| format!("too little disk space: {}, expected {floor}", words.join(", ")))
}

/// An amount in the unit of limits, rounded down.
fn shown(bytes: u64) -> String {
    match bytes {
        0..0x10_0000 => format!("{} KiB", bytes >> 10),
        0x10_0000..0x4000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{}.{} GiB", bytes >> 30, ((bytes & 0x3fff_ffff) * 10) >> 30),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_asked_where_it_will_be_used() {
        let folder = tempfile::tempdir().expect("is made");
        let here = free_bytes(folder.path()).expect("is known");
        assert!(here > 0);
        assert!(free_bytes(&folder.path().join("a/b/c")).expect("is known") > 0);
        let file = folder.path().join("file");
        std::fs::write(&file, "x").expect("is written");
        assert!(free_bytes(&file.join("below")).is_err());
        let places = [
            Place { what: "work", path: file.join("below") },
            Place { what: "output", path: file },
        ];
        let free = free_in(&places);
        assert_eq!(free.iter().map(|free| free.place.what).collect::<Vec<_>>(), ["output"]);
    }

    #[test]
    fn too_little_is_told_in_words() {
        let free = |what, bytes| Free { place: Place { what, path: "/x/y".into() }, bytes };
        let all =
            [free("work", (5 << 30) + (1 << 29)), free("output", 10 << 30), free("images", 9)];
        assert_eq!(
            lack(&all, ByteSize(10 << 30)).as_deref(),
            Some(
                "too little disk space: 5.5 GiB of work (`/x/y`), 0 KiB of images (`/x/y`), \
                    expected 10GiB"
            )
        );
        assert_eq!(lack(&all, ByteSize(0)), None);
    }
}
