//! Files that pages refer to, under their final names.

use std::collections::BTreeMap;

use super::sheet;
use crate::wheel::Sha256;

/// A file that pages refer to.
pub(super) struct Asset {
    /// Where it lies: the digest in its name lets browsers keep it for ever.
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
}

/// Gives each asset its final name; in style sheets those of other files stand for themselves.
pub(super) fn named(files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Asset> {
    let asset = |(name, bytes): (String, Vec<u8>)| {
        let path = hashed(&name, &bytes);
        (name, Asset { path, bytes })
    };
    let (sheets, others): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(name, _)| name.ends_with(".css"));
    let mut assets: BTreeMap<String, Asset> = others.into_iter().map(asset).collect();
    let linked: Vec<(String, Vec<u8>)> =
        sheets.into_iter().map(|(name, bytes)| (name, with_links(bytes, &assets))).collect();
    assets.extend(linked.into_iter().map(asset));
    assets
}

/// A style sheet in which `url(font.woff2)` leads to where that file lies.
fn with_links(sheet: Vec<u8>, assets: &BTreeMap<String, Asset>) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(&sheet) else { return sheet };
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for link in sheet::links(text) {
        let (name, fragment) = without_fragment(&link.address);
        let Some(asset) = assets.get(name) else { continue };
        out.push_str(&text[done..link.range.start]);
        out.push_str(asset.path.strip_prefix("assets/").unwrap_or_default());
        out.push_str(fragment);
        done = link.range.end;
    }
    out.push_str(&text[done..]);
    out.into_bytes()
}

/// The name of a file in an address, and what stands behind it.
pub(super) fn without_fragment(address: &str) -> (&str, &str) {
    let address = address.strip_prefix("./").unwrap_or(address);
    address.split_at(address.find(['#', '?']).unwrap_or(address.len()))
}

/// `style.css` becomes `assets/style.0123456789abcdef.css`.
fn hashed(name: &str, bytes: &[u8]) -> String {
    let digest = Sha256::of(bytes).short();
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("assets/{stem}.{digest}.{extension}"),
        None => format!("assets/{name}.{digest}"),
    }
}
