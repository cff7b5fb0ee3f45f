//! A package list: one JSON object a line, the format that dumb-pypi reads.

mod runs;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::Deserialize;

use super::naming::check_url;
use super::{Listing, ReadSeek, Source};
use crate::error::{Error, Result};
use crate::facts::{Artifact, Location, Offered, Sidecar, UploadTime};
use crate::wheel::{DistFilename, ProjectName, Sha256, Versions};
use runs::{Cutter, Span};

pub use runs::{Run, Runs, Stretch};

/// Lines that are parsed together; the list itself is never held in memory.
const BATCH_BYTES: usize = 1024 * 1024;
/// Of which one thread parses so many at once, and some of the line that they end in.
const PIECE_BYTES: usize = 64 * 1024;
/// No line of a real list comes near this many bytes.
const MAX_LINE: u64 = 1024 * 1024;

/// The entries of a package list.
///
/// Keys, as dumb-pypi's README has them:
/// `filename` (required), `hash` (`sha256=...`), `requires_python`,
/// `core_metadata` (`sha256=...` or `true`), `upload_timestamp` (seconds),
/// `yanked_reason`; and two that it has not: `url` and `size`. Others are
/// about things that an index does not show, and are passed over.
pub struct PackageList {
    path: PathBuf,
}

impl PackageList {
    /// A source for a file that may not exist.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    filename: Text<'a>,
    hash: Option<Text<'a>>,
    requires_python: Option<Text<'a>>,
    #[serde(borrow)]
    core_metadata: Option<CoreMetadataValue<'a>>,
    upload_timestamp: Option<f64>,
    yanked_reason: Option<Box<str>>,
    url: Option<Box<str>>,
    size: Option<u64>,
}

/// A text of the list itself where it has no escapes: serde takes a copy of an optional `Cow`.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
#[serde(untagged)]
enum CoreMetadataValue<'a> {
    Is(bool),
    #[serde(borrow)]
    Text(Text<'a>),
}

impl Source for PackageList {
    fn list(&self, position: usize) -> Result<Listing> {
        let mut whole = Listing::default();
        self.list_parts(position, None, &mut |part| {
            whole.artifacts.extend(part.artifacts);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(whole)
    }

    fn list_parts(
        &self,
        position: usize,
        runs: Option<&Runs>,
        take: &mut dyn FnMut(Listing) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let list: Arc<str> = self.path.display().to_string().into();
        let failed = |error: io::Error| {
            Error::source(format!("cannot read the package list `{list}`: {error}"))
        };
        let mut reader = File::open(&self.path).map(BufReader::new).map_err(failed)?;
        let (mut cutter, mut first_line) = (Cutter::default(), 1_u64);
        let mut batch = Vec::with_capacity(BATCH_BYTES + 4096);
        loop {
            let is_end = !read_batch(&mut reader, &mut batch).map_err(failed)?;
            if batch.is_empty() {
                return Ok(());
            }
            let (spans, read) = match runs.filter(|runs| !runs.is_empty()) {
                Some(runs) => cutter.cut(runs, &batch, is_end, project_of),
                None => (vec![Span::Unknown(0..batch.len())], batch.len()),
            };
            let (mut unknown, mut known) = (Vec::new(), Vec::new());
            for span in spans {
                match span {
                    Span::Known(run) => {
                        first_line = first_line.saturating_add(run.lines);
                        known.push(run);
                    }
                    Span::Unknown(range) => {
                        unknown.extend(pieces(&batch[range], first_line));
                        first_line = unknown.last().map_or(first_line, Piece::line_behind);
                    }
                }
            }
            let parsed: Vec<Result<Listing>> =
                unknown.par_iter().map(|piece| piece.parse(&list, position, runs)).collect();
            let known = Listing { known, ..Listing::default() };
            // One after the other: of several errors people are told the first.
            for listing in std::iter::once(Ok(known)).chain(parsed) {
                if take(listing?)?.is_break() {
                    return Ok(());
                }
            }
            batch.drain(..read);
        }
    }

    fn open(&self, _artifact: &Artifact) -> io::Result<Box<dyn ReadSeek>> {
        Err(io::Error::other("a package list holds no files"))
    }

    fn has_bytes(&self) -> bool {
        false
    }
}

/// Whole lines that one thread parses.
struct Piece<'a> {
    bytes: &'a [u8],
    first_line: u64,
}

/// Cuts a batch behind line ends.
fn pieces(batch: &[u8], first_line: u64) -> impl Iterator<Item = Piece<'_>> {
    let (mut rest, mut first_line) = (batch, first_line);
    std::iter::from_fn(move || {
        let least = rest.len().min(PIECE_BYTES);
        let end = memchr::memchr(b'\n', &rest[least..]).map_or(rest.len(), |at| least + at + 1);
        let (bytes, behind) = rest.split_at(end);
        let piece = Piece { bytes, first_line };
        (rest, first_line) = (behind, piece.line_behind());
        (!bytes.is_empty()).then_some(piece)
    })
}

impl Piece<'_> {
    /// The number of the line behind it.
    fn line_behind(&self) -> u64 {
        self.first_line + memchr::memchr_iter(b'\n', self.bytes).count() as u64
    }

    fn parse(&self, list: &Arc<str>, position: usize, runs: Option<&Runs>) -> Result<Listing> {
        let mut listing = Listing::default();
        listing.artifacts.reserve(self.bytes.len() / 160);
        let mut versions = Versions::default();
        let (mut at, mut number) = (0, self.first_line);
        let mut stretch = Stretching { at, number, artifacts: 0 };
        while at < self.bytes.len() {
            let rest = &self.bytes[at..];
            let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = Place { list, number, position };
            let before = listing.artifacts.last().map(|before| &**before);
            let artifact = line.parse(&rest[..end], before, &mut versions)?;
            if let (Some(runs), Some(artifact), Some(before)) = (runs, &artifact, before)
                && !artifact.is_beside(before)
            {
                listing.stretches.push(stretch.end(runs, self.bytes, at, number));
                stretch = Stretching { at, number, artifacts: 0 };
            }
            stretch.artifacts += usize::from(artifact.is_some());
            listing.artifacts.extend(artifact);
            at = self.bytes.len().min(at + end + 1);
            number += 1;
        }
        if let Some(runs) = runs.filter(|_| stretch.artifacts > 0) {
            listing.stretches.push(stretch.end(runs, self.bytes, at, number));
        }
        Ok(listing)
    }
}

/// Where lines of one project begin, and how many artifacts they have named so far.
struct Stretching {
    at: usize,
    number: u64,
    artifacts: usize,
}

impl Stretching {
    fn end(&self, runs: &Runs, bytes: &[u8], at: usize, number: u64) -> Stretch {
        runs.stretch(&bytes[self.at..at], self.artifacts, number - self.number)
    }
}

/// The project of the file that a line names.
fn project_of(line: &[u8]) -> Option<ProjectName> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        filename: Text<'a>,
    }
    let Named { filename: Text(filename) } = serde_json::from_slice(line).ok()?;
    let dist: DistFilename = filename.parse().ok()?;
    Some(dist.name().clone())
}

/// Reads whole lines of about [`BATCH_BYTES`] more; tells whether there were any.
fn read_batch(reader: &mut impl BufRead, batch: &mut Vec<u8>) -> io::Result<bool> {
    let more = reader.by_ref().take(BATCH_BYTES as u64).read_to_end(batch)?;
    if more > 0 && batch.last() != Some(&b'\n') {
        let rest = reader.by_ref().take(MAX_LINE).read_until(b'\n', batch)?;
        if rest as u64 == MAX_LINE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line has more than 1 MiB"));
        }
    }
    Ok(more > 0)
}

/// A line of a list.
struct Place<'a> {
    list: &'a Arc<str>,
    number: u64,
    /// Of the source among the sources of the build.
    position: usize,
}

impl Place<'_> {
    fn wrong(&self, reason: impl std::fmt::Display) -> Error {
        Error::source_hint(
            format!("line {} of the package list `{}`: {reason}", self.number, self.list),
            "each line is an object such as {\"filename\": \"foo-1.0-py3-none-any.whl\", \"hash\": \"sha256=...\"}",
        )
    }

    fn digest(&self, text: &str) -> Result<Sha256> {
        let digits = text.strip_prefix("sha256=").ok_or_else(|| {
            self.wrong(format_args!("expected `sha256=` and 64 hexadecimal digits, found `{text}`"))
        })?;
        digits.parse().map_err(|error| self.wrong(error))
    }

    /// None for an empty line. What the artifact `before` says too is shared with it.
    fn parse(
        &self,
        line: &[u8],
        before: Option<&Artifact>,
        versions: &mut Versions,
    ) -> Result<Option<Arc<Artifact>>> {
        // Some editors mark a file as UTF-8.
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        if line.trim_ascii().is_empty() {
            return Ok(None);
        }
        // Once for the line, and not for each of its texts.
        let line = str::from_utf8(line).map_err(|error| self.wrong(error))?;
        let line: Line<'_> = serde_json::from_str(line).map_err(|error| self.wrong(error))?;
        let sha256 = line.hash.map(|Text(text)| self.digest(&text)).transpose()?;
        let core_metadata = match line.core_metadata.as_ref() {
            None | Some(CoreMetadataValue::Is(false)) => None,
            Some(CoreMetadataValue::Is(true)) => Some(Sidecar::Unhashed),
            Some(CoreMetadataValue::Text(Text(text))) if text == "true" => Some(Sidecar::Unhashed),
            Some(CoreMetadataValue::Text(Text(text))) => Some(Sidecar::Sha256(self.digest(text)?)),
        };
        if let Some(url) = &line.url {
            check_url(url, &line.filename.0)
                .map_err(|reason| self.wrong(format_args!("`url`: {reason}")))?;
        }
        let upload_time = line
            .upload_timestamp
            .map(|seconds| {
                // Beyond 2^53 a float has no whole seconds; the check below refuses such times anyhow.
                #[expect(clippy::cast_possible_truncation)]
                UploadTime::from_seconds(seconds.floor() as i64).ok_or_else(|| {
                    self.wrong(format_args!("`upload_timestamp` {seconds} is no time"))
                })
            })
            .transpose()?;
        let requires_python = line.requires_python.map(|Text(text)| {
            let before = before.and_then(|before| before.offered.requires_python.as_ref());
            before.filter(|before| ***before == *text).map_or_else(|| text.into(), Arc::clone)
        });
        let filename: Arc<str> = line.filename.0.into();
        let named_before = before.and_then(|before| before.dist.as_ref().ok());
        Ok(Some(Arc::new(Artifact {
            dist: DistFilename::beside(filename.clone(), named_before, versions),
            filename,
            location: Location::Line(self.list.clone(), self.number),
            source: self.position,
            size: line.size,
            offered: Offered {
                sha256,
                url: line.url,
                requires_python,
                core_metadata,
                upload_time,
                modified: None,
                yanked: line.yanked_reason,
            },
            stamp: None,
            revision: None,
            sidecar: None,
            place: None,
        })))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(text: &str) -> Result<Listing> {
        let folder = tempfile::tempdir().expect("makes a folder");
        let path = folder.path().join("list.jsonl");
        std::fs::write(&path, text).expect("writes");
        PackageList::new(&path).list(0)
    }

    #[test]
    fn keeps_the_contract() {
        let folder = tempfile::tempdir().expect("makes a folder");
        let path = folder.path().join("list.jsonl");
        std::fs::write(
            &path,
            "{\"filename\":\"a-1-py3-none-any.whl\"}\n\n{\"filename\":\"b-1.tar.gz\"}",
        )
        .expect("writes");
        crate::source::contract::check(
            &PackageList::new(&path),
            &["a-1-py3-none-any.whl", "b-1.tar.gz"],
        );
    }

    #[test]
    fn reads_every_key() {
        let digest = "ab".repeat(32);
        let listing = list(&format!(
            "{{\"filename\": \"a-1-py3-none-any.whl\", \"hash\": \"sha256={digest}\", \
             \"requires_python\": \">=3.8\", \"requires_dist\": [\"x\"], \"uploaded_by\": \"me\", \
             \"core_metadata\": \"sha256={digest}\", \"upload_timestamp\": 1700000000, \
             \"yanked_reason\": \"bad\"}}\n"
        ))
        .expect("lists");
        let artifact = &listing.artifacts[0];
        let sha256 = digest.parse().expect("parses");
        assert_eq!(
            artifact.offered,
            Offered {
                sha256: Some(sha256),
                url: None,
                requires_python: Some(">=3.8".into()),
                core_metadata: Some(Sidecar::Sha256(sha256)),
                upload_time: UploadTime::from_seconds(1_700_000_000),
                modified: None,
                yanked: Some("bad".into()),
            }
        );
        assert!(artifact.location.to_string().ends_with("list.jsonl:1"));
    }

    #[test]
    fn names_the_line() {
        for (text, reason) in [
            ("{\"filename\":\"a\"}\n\nnot json\n", "line 3 "),
            ("{\"hash\":\"sha256=00\"}", "missing field `filename`"),
            ("{\"filename\":\"a\",\"hash\":\"md5=00\"}", "found `md5=00`"),
            ("{\"filename\":\"a\",\"upload_timestamp\":1e300}", "is no time"),
            ("{\"filename\":\"a\",\"upload_timestamp\":-1}", "is no time"),
            ("{\"filename\":\"a\",\"url\":\"javascript:alert(1)\"}", "expected https://"),
            ("{\"filename\":\"a\",\"url\":\"a\"}", "expected an absolute URL"),
            ("{\"filename\":\"a\",\"url\":\"https://x.example/a?sig=1\"}", "would be published"),
            ("{\"filename\":\"a\",\"url\":\"https://u:p@x.example/a\"}", "would be published"),
            ("{\"filename\":\"a\",\"url\":\"https://x.example/a#b\"}", "expected no fragment"),
            ("{\"filename\":\"a\",\"url\":\"https://x.example/b\"}", "end in the filename"),
        ] {
            let error = list(text).expect_err(text).to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn lines_are_counted_across_batches() {
        let line = format!(
            "{{\"filename\":\"a-1-py3-none-any.whl\",\"uploaded_by\":\"{}\"}}\n",
            "x".repeat(1000)
        );
        let mut text = line.repeat(9_000);
        text.push_str("broken");
        let error = list(&text).expect_err("fails").to_string();
        assert!(error.contains("line 9001 "), "{error}");
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,200}", value in "[\\[\\]{}\",:a-z0-9.e-]{0,60}") {
            let line = Place { list: &"list".into(), number: 1, position: 0 };
            let versions = &mut Versions::default();
            let _ = line.parse(text.as_bytes(), None, versions);
            let _ = line.parse(format!("{{\"filename\":{value}}}").as_bytes(), None, versions);
        }

        #[test]
        fn pieces_are_whole_lines(lines in proptest::collection::vec("[a-z]{0,9}", 0..9), end in "\n?") {
            let text = lines.join("\n") + &end;
            let pieces: Vec<Piece<'_>> = pieces(text.as_bytes(), 5).collect();
            let joined: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes).copied().collect();
            prop_assert_eq!(joined, text.as_bytes());
            for (piece, next) in pieces.iter().zip(pieces.iter().skip(1)) {
                prop_assert!(piece.bytes.ends_with(b"\n"));
                prop_assert_eq!(piece.line_behind(), next.first_line);
            }
        }
    }
}
