//! Downloads: github.com sends on to a signed URL, and the object store serves it.

use std::ops::Range;

use percent_encoding::percent_decode_str;

use super::faults::{Fault, hash, mix};
use super::http::{Answer, Body, Request};
use super::log::Origin;
use super::state::{Asset, World};
use super::{Shared, lock};

/// Answers `/{owner}/{name}/releases/download/{tag}/{file}`, the tag with or without slashes.
pub(super) fn web(shared: &Shared, request: &Request) -> Answer {
    let mut world = lock(&shared.world);
    match find(&world, request.path()) {
        Some(asset) => redirect(shared, &mut world, asset),
        None => page(404),
    }
}

/// The id of the public asset at a path.
fn find(world: &World, path: &str) -> Option<u64> {
    let path = percent_decode_str(path).decode_utf8_lossy();
    let segments: Vec<_> = path.strip_prefix('/')?.split('/').collect();
    let [owner, name, "releases", rest @ .., file] = &*segments else { return None };
    let repository = world
        .repositories
        .iter()
        .find(|it| it.owner.eq_ignore_ascii_case(owner) && it.name.eq_ignore_ascii_case(name))?;
    let mut releases = repository.newest_first();
    releases.retain(|release| !release.draft && repository.private.is_none());
    let release = match rest {
        ["latest", "download"] => releases.iter().find(|release| !release.prerelease)?,
        ["download", tag @ ..] => releases.iter().find(|release| release.tag == tag.join("/"))?,
        _ => return None,
    };
    let is_it = |asset: &&Asset| asset.name == *file && asset.state == "uploaded";
    release.assets.iter().find(is_it).map(|asset| asset.id)
}

/// Sends on to a fresh signed URL.
pub(super) fn redirect(shared: &Shared, world: &mut World, asset: u64) -> Answer {
    let url = format!("{}{}", shared.url(Origin::Blob), world.sign(asset));
    Answer::new(302, "text/html; charset=utf-8", "")
        .with("location", url)
        .with("cache-control", "no-cache")
}

/// Answers a signed URL.
pub(super) fn blob(shared: &Shared, request: &Request, fault: Option<Fault>) -> Answer {
    if request.header("authorization").is_some() {
        return refusal(
            400,
            "InvalidAuthenticationInfo",
            "Authentication information is not given in the correct format. Check the value of \
             Authorization header.",
        );
    }
    let mut world = lock(&shared.world);
    let signature = request.parameter("sig").unwrap_or_default();
    let used = world.use_signature(&signature, request.path());
    let Some(id) = used.filter(|_| fault != Some(Fault::ExpiredSignature)) else {
        return refusal(
            403,
            "AuthenticationFailed",
            "Server failed to authenticate the request. Make sure the value of Authorization \
             header is formed correctly including the signature.",
        );
    };
    let asset = world.assets().find(|asset| asset.id == id).cloned();
    drop(world);
    match asset {
        Some(asset) => file(&asset, request, fault),
        None => refusal(404, "BlobNotFound", "The specified blob does not exist."),
    }
}

/// The bytes of an asset, or the range of them that is asked for.
pub(super) fn file(asset: &Asset, request: &Request, fault: Option<Fault>) -> Answer {
    let size = asset.content.size();
    let tag = format!("\"0x8DE{:013X}\"", mix(asset.id ^ hash(&asset.updated_at)) >> 12);
    let modified: jiff::Timestamp = asset.updated_at.parse().expect("is a time");
    let modified = super::state::http_time(modified);
    if request.header("if-match").is_some_and(|tags| !lists(tags, &tag)) {
        let message = "The condition specified using HTTP conditional header(s) is not met.";
        return refusal(412, "ConditionNotMet", message);
    }
    let base = |status: u16, body: Body| {
        let disposition = format!("attachment; filename={}", asset.name);
        let mut answer = Answer::new(status, "application/octet-stream", "");
        answer.body = body;
        answer
            .with("accept-ranges", "bytes")
            .with("etag", &tag)
            .with("last-modified", &modified)
            .with("content-disposition", disposition)
    };
    if request.header("if-none-match").is_some_and(|tags| lists(tags, &tag)) {
        return base(304, Body::Bytes(Vec::new()));
    }
    let same = request.header("if-range").is_none_or(|it| it == tag || it == modified);
    let honored = same && fault != Some(Fault::IgnoreRange) && !request.is_head();
    let range = request.header("range").filter(|_| honored).and_then(|it| parse(it, size));
    match range {
        None => base(200, Body::Part(asset.content.clone(), 0..size)),
        Some(Err(())) => {
            let message = "The range specified is invalid for the current size of the resource.";
            refusal(416, "InvalidRange", message).with("content-range", format!("bytes */{size}"))
        }
        Some(Ok(range)) => {
            let excess = if let Some(Fault::WrongLength(excess)) = fault { excess } else { 0 };
            let stated = size.saturating_add_signed(excess);
            let last = range.end - 1;
            let content_range = format!("bytes {}-{last}/{stated}", range.start);
            base(206, Body::Part(asset.content.clone(), range)).with("content-range", content_range)
        }
    }
}

/// A single range of bytes. None where the header is to be ignored, an error where it lies beyond.
fn parse(header: &str, size: u64) -> Option<Result<Range<u64>, ()>> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let range = if first.is_empty() {
        size.saturating_sub(last.parse().ok()?)..size
    } else {
        let first: u64 = first.parse().ok()?;
        let last = if last.is_empty() { u64::MAX } else { last.parse().ok()? };
        if last < first {
            return None;
        }
        first..last.saturating_add(1).min(size)
    };
    Some(if range.is_empty() { Err(()) } else { Ok(range) })
}

/// Whether a condition's list has this tag. Weak ones are compared as if they were not.
pub(super) fn lists(tags: &str, tag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    tags.trim() == "*" || tags.split(',').any(|listed| bare(listed) == bare(tag))
}

/// An error of the object store.
pub(super) fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code>\
         <Message>{message}</Message></Error>"
    );
    Answer::new(status, "application/xml", body).with("x-ms-error-code", code)
}

/// A page of github.com that says what is wrong.
pub(super) fn page(status: u16) -> Answer {
    let text = match status {
        404 => "Not Found",
        429 => "Too many requests",
        _ => "Something went wrong",
    };
    Answer::new(status, "text/html; charset=utf-8", format!("<!DOCTYPE html><p>{text}</p>\n"))
}
