//! White space at the end of all that is written under a claim, by which no two claims ever
//! write the same bytes.
//!
//! On many stores an ETag is a digest of the bytes. Were a page ever again what it once was, a
//! publisher that was stopped long ago would still find the ETag that its write is conditional on.
//! The mark also tells what wheelsite has written from what others have put there.

use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

/// Bits of a mark, one byte each.
const BITS: usize = 64;

/// What nobody else comes up with, also on another machine at the same moment.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one((SystemTime::now(), fastrand::u64(..)))
}

/// The same page in other bytes: with white space behind its last line, where it means nothing.
pub(super) fn marked(path: &str, bytes: &[u8], mark: u64) -> Vec<u8> {
    let mut marked = bytes.to_vec();
    if !takes(path) {
        return marked;
    }
    if is_one_line(path) {
        marked.pop_if(|byte| *byte == b'\n');
    }
    marked.extend((0..BITS).map(|bit| if mark >> bit & 1 == 0 { b' ' } else { b'\t' }));
    marked.push(b'\n');
    marked
}

/// Whether bytes are those of a page that wheelsite has published. Of what takes no mark nobody
/// can tell.
pub(super) fn is_marked(path: &str, bytes: &[u8]) -> bool {
    let Some((b'\n', line)) = bytes.split_last() else { return !takes(path) };
    let mark = line.len().checked_sub(BITS).map(|start| &line[start..]);
    !takes(path) || mark.is_some_and(|mark| mark.iter().all(|byte| matches!(byte, b' ' | b'\t')))
}

/// METADATA is what the wheel has; digests of files are in their paths.
fn takes(path: &str) -> bool {
    let top = path.split_once('/').map_or("", |(top, _)| top);
    !path.ends_with("/METADATA") && !matches!(top, "files" | "assets")
}

/// Packs of shards have a line for each.
fn is_one_line(path: &str) -> bool {
    path.starts_with("state/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_changes_bytes_and_no_meaning() {
        let page = b"<!DOCTYPE html>\n<p>x</p>\n";
        let path = "simple/a/index.html";
        let one = marked(path, page, 5);
        assert!(one.starts_with(page) && one.trim_ascii_end() == page.trim_ascii_end());
        assert_ne!(one, marked(path, page, 6));
        assert!(is_marked(path, &one) && !is_marked(path, page));
        let json = marked("state/a.json", b"{\"a\":1}\n", random());
        let value: serde_json::Value = serde_json::from_slice(&json).expect("is JSON");
        assert_eq!(value["a"], 1);
        assert_eq!(json.split(|byte| *byte == b'\n').count(), 2, "it is one line");
        assert!(is_marked("state/a.json", &json));
        let metadata = "packages/a/METADATA";
        assert_eq!(marked(metadata, b"Name: a\n", 1), b"Name: a\n");
        assert!(is_marked(metadata, b"Name: a\n"));
        for others in [&b""[..], b"\n", b" \n", b"mine", b"mine\n"] {
            assert!(!is_marked("robots.txt", others), "{others:?}");
        }
        assert!(is_marked(".nojekyll", &marked(".nojekyll", b"", 7)));
        assert_ne!(random(), random());
    }
}
