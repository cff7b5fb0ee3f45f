//! Opinions about what came. Nothing here makes a request.

mod answers;
mod entries;
mod file;
mod forms;
mod page;
mod paths;
mod root;

use url::Url;

pub(super) use answers::answers;
pub(super) use file::file;
pub(super) use forms::forms;
pub(super) use page::document;
pub(super) use paths::{Paths, missing, paths};
pub(super) use root::{root, roots};

use crate::wheel::escaped;

/// A link as it may be shown: its query may be a signature.
fn shown_link(href: &str) -> String {
    escaped(href.split('?').next().unwrap_or_default())
}

/// Whether a URL leads to this machine, which clients trust without TLS.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether a way led from TLS to a place without.
fn loses_tls(redirected: &[Url], end: &Url) -> bool {
    let mut way = redirected.iter().chain([end]);
    let begun = way.next().is_some_and(|url| url.scheme() == "https");
    begun && way.any(|url| url.scheme() != "https")
}

#[cfg(test)]
mod tests;
