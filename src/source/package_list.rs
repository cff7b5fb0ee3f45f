//! A package list: one JSON object a line, the format that dumb-pypi reads.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::Deserialize;

use super::naming::check_url;
use super::{Listing, ReadSeek, Source};
use crate::error::{Error, Result};
use crate::facts::{Artifact, Location, Offered, Sidecar, UploadTime};
use crate::wheel::Sha256;

/// Lines that are parsed together; the list itself is never held in memory.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
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
    filename: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    hash: Option<std::borrow::Cow<'a, str>>,
    requires_python: Option<Box<str>>,
    #[serde(borrow)]
    core_metadata: Option<CoreMetadataValue<'a>>,
    upload_timestamp: Option<f64>,
    yanked_reason: Option<Box<str>>,
    url: Option<Box<str>>,
    size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum CoreMetadataValue<'a> {
    Is(bool),
    Text(#[serde(borrow)] std::borrow::Cow<'a, str>),
}

impl Source for PackageList {
    fn list(&self, position: usize) -> Result<Listing> {
        let shown: Arc<str> = self.path.display().to_string().into();
        let failed = |error: io::Error| {
            Error::source(format!("cannot read the package list `{shown}`: {error}"))
        };
        let mut reader = BufReader::with_capacity(1 << 18, File::open(&self.path).map_err(failed)?);
        let mut artifacts = Vec::new();
        let mut first_line = 1;
        loop {
            let batch = read_batch(&mut reader).map_err(failed)?;
            if batch.is_empty() {
                return Ok(Listing { artifacts, ignored: Vec::new() });
            }
            let lines: Vec<&[u8]> = batch.split(|byte| *byte == b'\n').collect();
            let parsed: Vec<Option<Artifact>> = lines
                .par_iter()
                .enumerate()
                .with_min_len(256)
                .map(|(index, line)| parse_line(line, &shown, first_line + index as u64, position))
                .collect::<Result<_>>()?;
            artifacts.extend(parsed.into_iter().flatten());
            // A batch ends with the line end that its last line has.
            first_line += lines.len() as u64 - 1;
        }
    }

    fn open(&self, _artifact: &Artifact) -> io::Result<Box<dyn ReadSeek>> {
        Err(io::Error::other("a package list holds no files"))
    }

    fn has_bytes(&self) -> bool {
        false
    }
}

/// Whole lines of about [`BATCH_BYTES`]; empty at the end of the list.
fn read_batch(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut batch = Vec::with_capacity(BATCH_BYTES + 4096);
    reader.by_ref().take(BATCH_BYTES as u64).read_to_end(&mut batch)?;
    if !batch.is_empty() && batch.last() != Some(&b'\n') {
        let rest = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut batch)?;
        if rest as u64 == MAX_LINE {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a line has more than 1 MiB"));
        }
        if batch.last() != Some(&b'\n') {
            batch.push(b'\n');
        }
    }
    Ok(batch)
}

fn parse_line(
    line: &[u8],
    list: &Arc<str>,
    number: u64,
    position: usize,
) -> Result<Option<Artifact>> {
    // Some editors mark a file as UTF-8.
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let wrong = |reason: String| {
        Error::source_hint(
            format!("line {number} of the package list `{list}`: {reason}"),
            "each line is an object such as {\"filename\": \"foo-1.0-py3-none-any.whl\", \"hash\": \"sha256=...\"}",
        )
    };
    let line: Line<'_> = serde_json::from_slice(line).map_err(|error| wrong(error.to_string()))?;
    let digest = |text: &str| -> Result<Sha256> {
        text.strip_prefix("sha256=")
            .ok_or_else(|| {
                wrong(format!("expected `sha256=` and 64 hexadecimal digits, found `{text}`"))
            })?
            .parse()
            .map_err(|error| wrong(format!("{error}")))
    };
    let sha256 = line.hash.as_deref().map(digest).transpose()?;
    let core_metadata = match line.core_metadata.as_ref() {
        None | Some(CoreMetadataValue::Is(false)) => None,
        Some(CoreMetadataValue::Is(true)) => Some(Sidecar::Unhashed),
        Some(CoreMetadataValue::Text(text)) if text == "true" => Some(Sidecar::Unhashed),
        Some(CoreMetadataValue::Text(text)) => Some(Sidecar::Sha256(digest(text)?)),
    };
    if let Some(url) = &line.url {
        check_url(url, &line.filename).map_err(|reason| wrong(format!("`url`: {reason}")))?;
    }
    let upload_time = line
        .upload_timestamp
        .map(|seconds| {
            // Beyond 2^53 a float has no whole seconds; the check below refuses such times anyhow.
            #[expect(clippy::cast_possible_truncation)]
            UploadTime::from_seconds(seconds.floor() as i64)
                .ok_or_else(|| wrong(format!("`upload_timestamp` {seconds} is no time")))
        })
        .transpose()?;
    Ok(Some(Artifact {
        dist: line.filename.parse(),
        filename: line.filename.into(),
        location: Location::Line(list.clone(), number),
        source: position,
        size: line.size,
        offered: Offered {
            sha256,
            url: line.url,
            requires_python: line.requires_python,
            core_metadata,
            upload_time,
            modified: None,
            yanked: line.yanked_reason,
        },
        stamp: None,
        revision: None,
        sidecar: None,
        place: None,
    }))
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
            let list = "list".into();
            let _ = parse_line(text.as_bytes(), &list, 1, 0);
            let _ = parse_line(format!("{{\"filename\":{value}}}").as_bytes(), &list, 1, 0);
        }
    }
}
