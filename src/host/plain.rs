//! A server, or a bucket, that keeps the content type that it is told.

use super::limits::Limits;
use super::{Headers, HostFile, Layout, Profile, Unfit};

pub(super) const PROFILE: Profile = Profile {
    serves_json: true,
    slash_keys: false,
    shows_not_found: false,
    headers,
    files: no_files,
    limits: NO_LIMITS,
    notes: &[],
};

/// Of hosts that state none.
pub(super) const NO_LIMITS: Limits = Limits {
    file: None,
    file_in_branch: None,
    files: None,
    files_if_paid: None,
    total: None,
    source: "",
    hint: "",
};

/// Of hosts that read nothing but what they serve.
#[expect(clippy::unnecessary_wraps, reason = "as profiles want it")]
pub(super) fn no_files(_: &Layout) -> Result<Vec<HostFile>, Unfit> {
    Ok(Vec::new())
}

/// For what its name says the bytes of: files and assets have digests in their paths.
pub(super) const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// For pages. Half of the time that anybody would wait for a release to show.
pub(super) const SHORT: &str = "public, max-age=60, must-revalidate";
/// For the state, which decides what is written.
pub(super) const NEVER: &str = "no-cache";

/// What goes with a file.
pub(super) fn headers(path: &str) -> Headers {
    Headers { content_type: content_type(path), cache_control: cache_control(path) }
}

fn cache_control(path: &str) -> &'static str {
    let top = path.split_once('/').map_or("", |(top, _)| top);
    match top {
        "files" | "assets" => FOR_EVER,
        "state" => NEVER,
        _ if path == "wheelsite.json" => NEVER,
        _ => SHORT,
    }
}

fn content_type(path: &str) -> &'static str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    match extension {
        // A page under its folder's own key has no name.
        _ if name.is_empty() => "text/html; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "v1_json" => "application/vnd.pypi.simple.v1+json",
        "json" => "application/json",
        "metadata" | "txt" => "text/plain; charset=utf-8",
        _ if name == "METADATA" => "text/plain; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript",
        "svg" => "image/svg+xml",
        "xml" if name == "feed.xml" => "application/atom+xml",
        "xml" => "application/xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}
