//! METADATA, WHEEL and RECORD with a few values replaced and every other byte kept.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::wheel::Sha256;

/// A header: where it lies with the lines that continue it, and where its colon stands.
struct Field {
    line: Range<usize>,
    colon: usize,
}

impl Field {
    fn is(&self, bytes: &[u8], name: &str) -> bool {
        bytes[self.line.start..self.colon].eq_ignore_ascii_case(name.as_bytes())
    }

    /// What ends its last line; nothing at the end of a file that lacks it.
    fn end<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let line = &bytes[self.line.clone()];
        let text = line.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
        &line[text.map_or(0, |last| last + 1)..]
    }
}

/// The headers, by the rules of [`crate::wheel::Headers`], which reads values and not places.
fn fields(bytes: &[u8]) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    let mut at = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    while at < bytes.len() {
        let rest = &bytes[at..];
        let length = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let (line, past) = match length {
            None => (rest, bytes.len()),
            Some(length) => {
                let end = if rest[length..].starts_with(b"\r\n") { 2 } else { 1 };
                (&rest[..length], at + length + end)
            }
        };
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            let Some(last) = fields.last_mut() else { break };
            last.line.end = past;
        } else {
            // An empty line has no colon either.
            let colon = line.iter().position(|byte| *byte == b':').filter(|colon| *colon > 0);
            let Some(colon) = colon.filter(|colon| !line[..*colon].contains(&b' ')) else { break };
            if line[..colon].contains(&b'\t') {
                break;
            }
            fields.push(Field { line: at..past, colon: at + colon });
        }
        at = past;
    }
    fields
}

/// METADATA with another version. The body, which may hold such lines too, stays.
pub(super) fn with_version(metadata: &[u8], version: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(metadata.len() + version.len());
    let mut at = 0;
    for field in fields(metadata) {
        if field.is(metadata, "Version") {
            out.extend_from_slice(&metadata[at..=field.colon]);
            out.push(b' ');
            out.extend_from_slice(version.as_bytes());
            out.extend_from_slice(field.end(metadata));
            at = field.line.end;
        }
    }
    out.extend_from_slice(&metadata[at..]);
    out
}

/// METADATA with more requirements: behind those that it has, or behind all headers.
pub(super) fn with_requires(metadata: &[u8], requires: &[&str]) -> Vec<u8> {
    if requires.is_empty() {
        return metadata.to_vec();
    }
    let fields = fields(metadata);
    let newline = fields.iter().map(|field| field.end(metadata)).find(|end| !end.is_empty());
    let newline = newline.unwrap_or(b"\n").to_vec();
    let last = fields.iter().rev().find(|field| field.is(metadata, "Requires-Dist"));
    let at = last.or(fields.last()).map_or(0, |field| field.line.end);
    let mut out = metadata[..at].to_vec();
    // The last line of a file may lack its end.
    if at > 0 && !matches!(out.last(), Some(b'\r' | b'\n')) {
        out.extend_from_slice(&newline);
    }
    for line in requires {
        out.extend_from_slice(format!("Requires-Dist: {line}").as_bytes());
        out.extend_from_slice(&newline);
    }
    out.extend_from_slice(&metadata[at..]);
    out
}

/// The fields of WHEEL that change; none stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct WheelFields {
    /// All tags.
    pub(super) tags: Option<Vec<String>>,
    /// The build tag; an empty one is taken out.
    pub(super) build: Option<String>,
}

/// WHEEL with other tags and another build tag, which stand where the old ones stood.
pub(super) fn with_wheel_fields(file: &[u8], mut change: WheelFields) -> Vec<u8> {
    let fields = fields(file);
    let newline = fields.iter().map(|field| field.end(file)).find(|end| !end.is_empty());
    let newline = newline.unwrap_or(b"\n").to_vec();
    let has_build = fields.iter().any(|field| field.is(file, "Build"));
    let (sets_tags, sets_build) = (change.tags.is_some(), change.build.is_some());
    let mut out = Vec::with_capacity(file.len() + 200);
    let put = |out: &mut Vec<u8>, name: &str, value: &str| {
        // The last line of a file may lack its end.
        if out.last().is_some_and(|last| !matches!(last, b'\r' | b'\n')) {
            out.extend_from_slice(&newline);
        }
        out.extend_from_slice(format!("{name}: {value}").as_bytes());
        out.extend_from_slice(&newline);
    };
    let start = fields.first().map_or(0, |field| field.line.start);
    let past = fields.last().map_or(start, |field| field.line.end);
    out.extend_from_slice(&file[..start]);
    for field in &fields {
        let is_tag = field.is(file, "Tag");
        if (sets_build && field.is(file, "Build")) || (is_tag && !has_build) {
            // Build backends write it before the tags.
            if let Some(build) = change.build.take().filter(|build| !build.is_empty()) {
                put(&mut out, "Build", &build);
            }
        }
        if is_tag {
            for tag in change.tags.take().unwrap_or_default() {
                put(&mut out, "Tag", &tag);
            }
        }
        let replaced = (is_tag && sets_tags) || (sets_build && field.is(file, "Build"));
        if !replaced {
            out.extend_from_slice(&file[field.line.clone()]);
        }
    }
    if let Some(build) = change.build.filter(|build| !build.is_empty()) {
        put(&mut out, "Build", &build);
    }
    for tag in change.tags.unwrap_or_default() {
        put(&mut out, "Tag", &tag);
    }
    out.extend_from_slice(&file[past..]);
    out
}

/// What becomes of a row of RECORD.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RowChange {
    /// The new path.
    pub(super) path: Option<String>,
    /// The new hash and size, of these contents.
    pub(super) contents: Option<(Sha256, u64)>,
}

/// RECORD with some rows changed. Those that stay keep their spelling and their line ends.
pub(super) fn with_rows(
    record: &[u8],
    mut change: impl FnMut(&str) -> RowChange,
) -> Result<Vec<u8>, csv::Error> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(record);
    let mut out = Vec::with_capacity(record.len() + 1024);
    let mut fields = csv::StringRecord::new();
    let place = |reader: &csv::Reader<&[u8]>| {
        usize::try_from(reader.position().byte()).unwrap_or(usize::MAX).min(record.len())
    };
    let mut start = 0;
    while reader.read_record(&mut fields)? {
        let past = place(&reader).max(start);
        let raw = &record[start..past];
        start = past;
        let change = change(fields.get(0).unwrap_or_default());
        if change == RowChange::default() {
            out.extend_from_slice(raw);
            continue;
        }
        // The reader takes line ends to the row before them, or to the one behind; a row
        // itself has none at its edges, since a quote stands around those within a field.
        let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let first = raw.iter().position(|byte| !is_end(byte)).unwrap_or(raw.len());
        let last = raw.iter().rposition(|byte| !is_end(byte)).map_or(raw.len(), |last| last + 1);
        out.extend_from_slice(&raw[..first]);
        let (hash, size) = if let Some((sha256, size)) = change.contents {
            (format!("sha256={}", URL_SAFE_NO_PAD.encode(sha256.as_bytes())), size.to_string())
        } else {
            let field = |index| fields.get(index).unwrap_or_default().to_owned();
            (field(1), field(2))
        };
        let path = change.path.as_deref().or(fields.get(0)).unwrap_or_default();
        out.extend_from_slice(
            format!("{},{},{}", quoted(path), quoted(&hash), quoted(&size)).as_bytes(),
        );
        out.extend_from_slice(&raw[last..]);
    }
    out.extend_from_slice(&record[start..]);
    Ok(out)
}

/// A field as Python's `csv` writes it: in quotes where it must be.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wheel::{Headers, Record, WheelFile};
    use proptest::prelude::*;

    fn version(metadata: &str) -> String {
        String::from_utf8(with_version(metadata.as_bytes(), "2.8.3+cu128")).expect("is UTF-8")
    }

    #[test]
    fn only_the_version_of_the_headers_changes() {
        assert_eq!(
            version("Metadata-Version: 2.1\nName: x\nVersion: 2.8.3\n\nVersion: 2.8.3\n"),
            "Metadata-Version: 2.1\nName: x\nVersion: 2.8.3+cu128\n\nVersion: 2.8.3\n"
        );
        assert_eq!(
            version(
                "Name: x\r\nversion:   2.8.3 \t\r\nLicense: a\r\n Version: 1\r\n\r\nVersion: 1"
            ),
            "Name: x\r\nversion: 2.8.3+cu128\r\nLicense: a\r\n Version: 1\r\n\r\nVersion: 1"
        );
        assert_eq!(version("Version:\n 2.8.3\n \nName: x"), "Version: 2.8.3+cu128\nName: x");
        assert_eq!(version("\u{feff}Version:2.8.3"), "\u{feff}Version: 2.8.3+cu128");
        // Whatever is no header begins the body.
        assert_eq!(version("Name: x\nno header\nVersion: 1\n"), "Name: x\nno header\nVersion: 1\n");
    }

    fn requires(metadata: &str) -> String {
        let requires = ["torch==2.9.*", "a"];
        String::from_utf8(with_requires(metadata.as_bytes(), &requires)).expect("is UTF-8")
    }

    #[test]
    fn requirements_come_behind_those_that_are_there() {
        assert_eq!(
            requires("Name: x\nRequires-Dist: b\nProvides-Extra: y\n\nRequires-Dist: c\n"),
            "Name: x\nRequires-Dist: b\nRequires-Dist: torch==2.9.*\nRequires-Dist: a\n\
             Provides-Extra: y\n\nRequires-Dist: c\n"
        );
        assert_eq!(
            requires("Name: x\r\n\r\nbody"),
            "Name: x\r\nRequires-Dist: torch==2.9.*\r\nRequires-Dist: a\r\n\r\nbody"
        );
        assert_eq!(requires("Name: x"), "Name: x\nRequires-Dist: torch==2.9.*\nRequires-Dist: a\n");
    }

    fn wheel(file: &str, tags: Option<&[&str]>, build: Option<&str>) -> String {
        let tags = tags.map(|tags| tags.iter().map(ToString::to_string).collect());
        let change = WheelFields { tags, build: build.map(str::to_owned) };
        String::from_utf8(with_wheel_fields(file.as_bytes(), change)).expect("is UTF-8")
    }

    #[test]
    fn tags_and_build_stand_where_they_stood() {
        let file = "Wheel-Version: 1.0\nTag: a\nGenerator: x\nTag: b\nBuild: 1\n\nTag: body\n";
        assert_eq!(
            wheel(file, Some(&["c", "d"]), None),
            "Wheel-Version: 1.0\nTag: c\nTag: d\nGenerator: x\nBuild: 1\n\nTag: body\n"
        );
        assert_eq!(
            wheel(file, None, Some("2")),
            "Wheel-Version: 1.0\nTag: a\nGenerator: x\nTag: b\nBuild: 2\n\nTag: body\n"
        );
        assert_eq!(
            wheel(file, Some(&[]), Some("")),
            "Wheel-Version: 1.0\nGenerator: x\n\nTag: body\n"
        );
        assert_eq!(
            wheel("Wheel-Version: 1.0\r\nTag: a", Some(&["b"]), Some("3x")),
            "Wheel-Version: 1.0\r\nBuild: 3x\r\nTag: b\r\n"
        );
        assert_eq!(
            wheel("Wheel-Version: 1.0", Some(&["b"]), Some("1")),
            "Wheel-Version: 1.0\nBuild: 1\nTag: b\n"
        );
        assert_eq!(wheel(file, None, None), file);
    }

    #[test]
    fn rows_that_stay_keep_every_byte() {
        let record = "\"a\",sha256=x,1\r\n\r\nold/M,sha256=y,2\r\n\"old/a \"\"b\"\",c\",\"z\",3\r\n\
                      b, ,\nold/RECORD,,";
        let sha256 = Sha256::of(b"abc");
        let out = with_rows(record.as_bytes(), |path| RowChange {
            path: path.strip_prefix("old/").map(|rest| format!("new/{rest}")),
            contents: (path == "old/M").then_some((sha256, 3)),
        });
        assert_eq!(
            String::from_utf8(out.expect("reads")).expect("is UTF-8"),
            "\"a\",sha256=x,1\r\n\r\n\
             new/M,sha256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0,3\r\n\
             \"new/a \"\"b\"\",c\",z,3\r\nb, ,\nnew/RECORD,,"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn never_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            text in "([Vv]ersion|Tag|Build|a b|)?[ :\\t\\r\\n\u{feff}\",]{0,3}[ -~\\r\\n]{0,30}[\\r\\n]{0,2}",
        ) {
            for bytes in [&bytes[..], text.as_bytes()] {
                let _ = with_version(bytes, "1");
                let _ = with_requires(bytes, &["a"]);
                let change = WheelFields { tags: Some(vec!["x".into()]), build: Some("1".into()) };
                let _ = with_wheel_fields(bytes, change);
                prop_assert_eq!(with_wheel_fields(bytes, WheelFields::default()), bytes);
                let _ = with_rows(bytes, |path| RowChange {
                    path: Some(path.to_owned()),
                    contents: Some((Sha256::of(b""), 0)),
                });
                if let Ok(same) = with_rows(bytes, |_| RowChange::default()) {
                    prop_assert_eq!(same, bytes);
                }
            }
        }

        #[test]
        fn headers_read_what_was_set(
            lines in proptest::collection::vec("(Name|VERSION|Tag|Build|\t|)(:| |)[ a-z0-9:]{0,9}", 0..9),
            end in "\n|\r\n|\r",
        ) {
            let text = lines.join(&end);
            let before = Headers::parse(text.as_bytes()).expect("is UTF-8");
            let set = with_version(text.as_bytes(), "7");
            let after = Headers::parse(&set).expect("is UTF-8");
            prop_assert!(after.all("version").all(|version| version == "7"));
            prop_assert_eq!(after.all("version").count(), before.all("version").count());
            prop_assert_eq!(after.all("tag").collect::<Vec<_>>(), before.all("tag").collect::<Vec<_>>());
            prop_assert_eq!(after.body(), before.body());
            // A file that begins with its body has no place for headers.
            let named = format!("Name: x{end}{text}");
            let before = Headers::parse(named.as_bytes()).expect("is UTF-8");
            let set = with_requires(named.as_bytes(), &["a", "b"]);
            let after = Headers::parse(&set).expect("is UTF-8");
            prop_assert_eq!(after.all("requires-dist").collect::<Vec<_>>(), ["a", "b"]);
            prop_assert_eq!(after.all("tag").collect::<Vec<_>>(), before.all("tag").collect::<Vec<_>>());
            prop_assert_eq!(after.body(), before.body());
            let text = format!("Wheel-Version: 1.0{end}{text}");
            let change = WheelFields {
                tags: Some(vec!["x".into(), "y".into()]),
                build: Some("7".into()),
            };
            let set = with_wheel_fields(text.as_bytes(), change);
            let file = WheelFile::parse(&set).expect("parses");
            prop_assert_eq!(file.tags, ["x", "y"]);
            prop_assert_eq!(file.build.as_deref(), Some("7"));
            let body = Headers::parse(text.as_bytes()).expect("is UTF-8").body().to_owned();
            prop_assert_eq!(Headers::parse(&set).expect("is UTF-8").body(), body);
        }

        #[test]
        fn rows_read_as_they_were_set(
            paths in proptest::collection::vec("[a-c,\"\\r\\n /]{1,6}", 1..6),
            end in "\n|\r\n",
            quotes: bool,
        ) {
            let row = |path: &String| {
                let path = if quotes { format!("\"{}\"", path.replace('"', "\"\"")) } else { quoted(path) };
                format!("{path},sha256=x,1{end}")
            };
            let text: String = paths.iter().map(row).collect();
            // An empty line is refused, also where it is part of a path.
            let Ok(Record { rows: before }) = Record::parse(text.as_bytes()) else { return Ok(()) };
            let renamed = |path: &str| path.contains('a').then(|| format!("\"new\",{path}"));
            let set = with_rows(text.as_bytes(), |path| RowChange { path: renamed(path), contents: None });
            let after = Record::parse(&set.expect("reads")).expect("parses").rows;
            prop_assert_eq!(after.len(), before.len());
            for (before, after) in before.iter().zip(&after) {
                let expected = renamed(&before.path).unwrap_or_else(|| before.path.to_string());
                prop_assert_eq!(&*after.path, &*expected);
                prop_assert_eq!((&before.hash, before.size), (&after.hash, after.size));
            }
        }
    }
}
