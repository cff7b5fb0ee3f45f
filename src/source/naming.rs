//! What a name and a URL at a source tell before anything is read.

use crate::wheel::SdistFilename;

/// What the sidecar of a distribution is called: its name, and this.
pub(super) const SIDECAR: &str = ".metadata";

/// Why a file is no distribution, and whether a person may have expected it to be one.
pub(super) fn classify(name: &str) -> Option<(&'static str, bool)> {
    const UNFINISHED: [&str; 6] = [".part", ".partial", ".tmp", ".crdownload", ".download", "~"];
    if name.ends_with(".whl") {
        return None;
    }
    if UNFINISHED.iter().any(|end| name.ends_with(end)) {
        return Some(("a download that is not finished", true));
    }
    if name.ends_with(".tar.gz") || name.ends_with(".zip") {
        // Any archive may lie here; one whose name is that of an sdist is one.
        let is_sdist = name.parse::<SdistFilename>().is_ok();
        return (!is_sdist).then_some(("no name of a source distribution", true));
    }
    if name.to_ascii_lowercase().ends_with(".whl") {
        return Some(("the extension is not lowercase `.whl`", true));
    }
    Some(("no distribution", false))
}

/// A URL goes to every page as it is: it must lead to this file, and hold no secret.
pub(super) fn check_url(text: &str, filename: &str) -> Result<(), &'static str> {
    let url: url::Url = text.parse().map_err(|_| "expected an absolute URL")?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err("expected https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err("a URL with a user name, a password or a query would be published");
    }
    if url.fragment().is_some() {
        return Err("expected no fragment");
    }
    let last = url.path_segments().and_then(|mut path| path.next_back()).unwrap_or_default();
    let decoded = percent_encoding::percent_decode_str(last).decode_utf8_lossy();
    if decoded == filename { Ok(()) } else { Err("expected it to end in the filename") }
}
