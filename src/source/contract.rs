//! What every source must keep, as a test that each backend runs.

use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom};

use super::Source;

/// Checks a source that holds exactly these filenames. Panics where it breaks the contract.
///
/// - Two listings of the same source are the same, in the same order.
/// - Filenames are as at the source; each knows the position that was given.
/// - Where the source has bytes, a file opens, has the size that was listed,
///   can be read from any position, and can be opened again.
pub(crate) fn check(source: &dyn Source, filenames: &[&str]) {
    let listing = source.list(7).expect("lists");
    let again = source.list(7).expect("lists again");
    let names = |listing: &super::Listing| -> Vec<std::sync::Arc<str>> {
        listing.artifacts.iter().map(|artifact| artifact.filename.clone()).collect()
    };
    assert_eq!(names(&listing), names(&again), "the order of a listing must not change");
    let found: BTreeSet<String> = names(&listing).iter().map(ToString::to_string).collect();
    let expected: BTreeSet<String> = filenames.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected, "a listing holds every file");
    for artifact in &listing.artifacts {
        assert_eq!(artifact.source, 7, "an artifact knows its source");
        if !source.has_bytes() {
            continue;
        }
        let mut whole = Vec::new();
        source.open(artifact).expect("opens").read_to_end(&mut whole).expect("reads");
        if let Some(size) = artifact.size {
            assert_eq!(whole.len() as u64, size, "the listed size is the true one");
        }
        let mut reader = source.open(artifact).expect("opens again");
        let half = whole.len() / 2;
        reader.seek(SeekFrom::Start(half as u64)).expect("seeks");
        let mut tail = Vec::new();
        reader.read_to_end(&mut tail).expect("reads");
        assert_eq!(tail, &whole[half..], "a seek goes where it was told");
        assert_eq!(reader.seek(SeekFrom::End(0)).expect("seeks"), whole.len() as u64);
    }
}
