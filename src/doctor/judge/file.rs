//! How a file answers, and what lies beside it.

use std::ops::ControlFlow;

use reqwest::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
};

use super::answers::Caching;
use super::loses_tls;
use crate::doctor::observe::FileSeen;
use crate::doctor::probe::{Answer, Received};
use crate::doctor::report::Findings;
use crate::doctor::table;
use crate::net::shown;
use crate::source::simple_index::{TEXT_HTML, sidecar_url};
use crate::verify::Severity;
use crate::wheel::{CoreMetadata, DistFilename, Sha256, escaped};

/// Judges a file and its sidecars.
pub(in crate::doctor) fn file(seen: &FileSeen, findings: &mut Findings) {
    if reachable(seen, findings).is_continue() {
        if let Ok(head) = &seen.head
            && head.is_ok()
        {
            headers(seen, head, findings);
        }
        if let Some(Ok(received)) = &seen.beginning {
            beginning(seen, received, findings);
        }
        whole(seen, findings);
    }
    if let Some(answer) = &seen.sidecar {
        sidecar(seen, answer, findings);
    }
    if let Some((url, answer)) = &seen.provenance
        && let Some(found) = not_there(answer)
    {
        let message = format!("the provenance of `{}`: expected a file, found {found}", name(seen));
        findings.add(&table::PROVENANCE_MISSING, url, message);
    }
}

fn name(seen: &FileSeen) -> String {
    escaped(&seen.entry.filename)
}

/// What there is instead of what was asked for.
fn not_there(answer: &Answer) -> Option<String> {
    match answer {
        Ok(received) if matches!(received.status, 200 | 206) => None,
        Ok(received) => Some(received.status.to_string()),
        Err(failure) => Some(format!("nothing: {failure}")),
    }
}

/// Some servers refuse `HEAD`; the file may be there all the same.
fn reachable(seen: &FileSeen, findings: &mut Findings) -> ControlFlow<()> {
    let Some(found) = not_there(&seen.head) else { return ControlFlow::Continue(()) };
    match &seen.beginning {
        Some(answer) if not_there(answer).is_none() => {
            let message = format!("`HEAD` of `{}`: expected 200, found {found}", name(seen));
            findings.add(&table::HEAD_REFUSED, &seen.url, message);
            ControlFlow::Continue(())
        }
        _ => {
            let message = format!("`{}`: expected a file, found {found}", name(seen));
            findings.add(&table::FILE_MISSING, &seen.url, message);
            ControlFlow::Break(())
        }
    }
}

fn headers(seen: &FileSeen, head: &Received, findings: &mut Findings) {
    let name = name(seen);
    if loses_tls(&head.redirected, &head.url) {
        let message = format!("`{name}` redirects to `{}`", shown(&head.url));
        findings.add(&table::REDIRECT_INSECURE, &seen.url, message);
    }
    let encoding = head.header(CONTENT_ENCODING.as_str()).filter(|it| *it != "identity");
    if let Some(encoding) = encoding {
        // Of an archive that is packed already most clients make nothing of it.
        let severity = if is_wheel(seen) { Severity::Error } else { Severity::Warning };
        let message =
            format!("`{name}`: expected no `Content-Encoding`, found `{}`", escaped(encoding));
        findings.add_as(severity, &table::FILE_ENCODING, &seen.url, message);
    }
    let content_type = head.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    if content_type.to_ascii_lowercase().starts_with(TEXT_HTML) {
        let message = format!("`{name}`: expected a file, found one of type `{TEXT_HTML}`");
        findings.add(&table::FILE_BYTES, &seen.url, message);
        return;
    }
    let length = head.header(CONTENT_LENGTH.as_str()).and_then(|text| text.parse().ok());
    if encoding.is_none() {
        size(seen, length, findings);
    }
    if let Some(header) = head.header(CACHE_CONTROL.as_str()) {
        let caching = Caching::of(header);
        if caching.is_never || caching.max_age == Some(0) {
            let message = format!(
                "`{name}`: expected that caches may keep it, found `Cache-Control: {}`",
                escaped(header)
            );
            findings.add(&table::FILE_CACHE, &seen.url, message);
        }
    }
    let is_cut = matches!(&seen.beginning, Some(Ok(received)) if received.status == 206);
    let says_so = |value: &str| value.to_ascii_lowercase().contains("bytes");
    if is_cut && !head.header(ACCEPT_RANGES.as_str()).is_some_and(says_so) {
        let message = format!("`{name}` has ranges, and `HEAD` does not say so");
        findings.add(&table::RANGE_UNTOLD, &seen.url, message);
    }
}

fn size(seen: &FileSeen, found: Option<u64>, findings: &mut Findings) {
    if let (Some(expected), Some(found)) = (seen.entry.size, found)
        && expected != found
    {
        let message = format!("`{}`: expected {expected} bytes, found {found}", name(seen));
        findings.add(&table::FILE_SIZE, &seen.url, message);
    }
}

fn is_wheel(seen: &FileSeen) -> bool {
    seen.entry.filename.ends_with(".whl")
}

/// What a file begins with.
fn magic(filename: &str) -> Option<&'static [u8]> {
    if filename.ends_with(".whl") || filename.ends_with(".zip") {
        Some(b"PK\x03\x04")
    } else if filename.ends_with(".gz") {
        Some(b"\x1f\x8b")
    } else {
        None
    }
}

/// The first bytes, which were asked for as a range.
fn beginning(seen: &FileSeen, received: &Received, findings: &mut Findings) {
    let name = name(seen);
    if received.status == 200 {
        // METADATA that lies beside a wheel is read from there.
        let has_sidecar = seen.entry.sidecar().is_some();
        let severity = if has_sidecar { Severity::Note } else { Severity::Warning };
        let message = format!("`{name}`: expected 206 with a part of the file, found 200");
        findings.add_as(severity, &table::RANGE_MISSING, &seen.url, message);
    } else if received.status == 206 {
        let range = received.header(CONTENT_RANGE.as_str()).unwrap_or_default();
        let (part, all) = range.split_once('/').unwrap_or((range, ""));
        let length = received.bytes.len();
        let stated = format!("bytes 0-{}", length.saturating_sub(1));
        if received.is_cut || length == 0 || part != stated {
            let more = if received.is_cut { " and more" } else { "" };
            let message = format!(
                "`{name}`: expected the first bytes, found {length}{more} as `{}`",
                escaped(range)
            );
            findings.add(&table::RANGE_WRONG, &seen.url, message);
            return;
        }
        size(seen, all.trim().parse().ok(), findings);
    }
    let begins = &received.bytes[..];
    if let Some(expected) = magic(&seen.entry.filename)
        && !begins.starts_with(&expected[..expected.len().min(begins.len())])
        && matches!(received.status, 200 | 206)
    {
        let found = String::from_utf8_lossy(begins);
        let message = format!("`{name}`: expected an archive, found `{}`", escaped(&found));
        findings.add(&table::FILE_BYTES, &seen.url, message);
    }
}

fn whole(seen: &FileSeen, findings: &mut Findings) {
    let name = name(seen);
    let whole = match &seen.whole {
        None => return,
        Some(Ok(whole)) => whole,
        Some(Err(failure)) => {
            let message = format!("`{name}`: expected the whole file, found: {failure}");
            findings.add(&table::FILE_MISSING, &seen.url, message);
            return;
        }
    };
    if whole.status != 200 {
        let message = format!("`{name}`: expected the whole file, found {}", whole.status);
        findings.add(&table::FILE_MISSING, &seen.url, message);
        return;
    }
    for (algorithm, digest) in &whole.digests {
        if let Some(expected) = seen.entry.hash(algorithm)
            && !expected.eq_ignore_ascii_case(digest)
        {
            let message = format!(
                "`{name}`: expected the {algorithm} `{}`, found `{digest}` in {} bytes",
                escaped(expected),
                whole.size
            );
            findings.add(&table::FILE_HASH, &seen.url, message);
        }
    }
    size(seen, Some(whole.size), findings);
}

fn sidecar(seen: &FileSeen, answer: &Answer, findings: &mut Findings) {
    let (name, url) = (name(seen), sidecar_url(&seen.url));
    let received = match answer {
        Ok(received) if received.is_ok() => received,
        other => {
            let found = not_there(other).unwrap_or_else(|| "a part of one".to_owned());
            let message =
                format!("METADATA of `{name}` is promised: expected a file, found {found}");
            findings.add(&table::SIDECAR_MISSING, &url, message);
            return;
        }
    };
    let found = Sha256::of(&received.bytes).to_string();
    let promised = seen.entry.sidecar().and_then(|promise| promise.sha256());
    if let Some(expected) = promised.filter(|hex| !hex.eq_ignore_ascii_case(&found)) {
        let message = format!(
            "METADATA of `{name}`: expected the sha256 `{}`, found `{found}`",
            escaped(expected)
        );
        findings.add(&table::SIDECAR_HASH, &url, message);
    }
    let wrong = match CoreMetadata::parse(&received.bytes) {
        _ if received.is_cut => Some(format!("it has more than {} bytes", CoreMetadata::MAX_SIZE)),
        Err(error) => Some(error.to_string()),
        Ok(fields) => seen.entry.filename.parse().ok().and_then(|dist| of_another(&fields, &dist)),
    };
    if let Some(wrong) = wrong {
        let message = format!("METADATA of `{name}`: {}", escaped(&wrong));
        findings.add(&table::SIDECAR_INVALID, &url, message);
    }
}

/// How METADATA belongs to another release than a filename says.
fn of_another(fields: &CoreMetadata, dist: &DistFilename) -> Option<String> {
    let is_name =
        fields.name.parse().is_ok_and(|name: crate::wheel::ProjectName| name == *dist.name());
    let is_version =
        fields.version.parse().is_ok_and(|it: pep440_rs::Version| it == *dist.version());
    let expected = format!("{} {}", dist.name(), dist.version());
    let found = format!("{} {}", fields.name, fields.version);
    (!is_name || !is_version).then(|| format!("expected that of {expected}, found that of {found}"))
}
