//! Requests to other machines: one client, with retries, with redirects that it follows
//! itself, and with secrets that go to the origin they are meant for and nowhere else.
//!
//! The rest of the program is plain functions on threads: what is asynchronous ends here.

mod body;
mod client;
mod failure;
mod retry;
mod send;
mod traffic;

use std::sync::OnceLock;
use std::time::Duration;

use tokio::runtime::Runtime;
use url::Url;

pub(crate) use body::Body;
pub(crate) use client::{Client, Fetched, Request, Response};
pub(crate) use failure::Failure;
pub(crate) use retry::Retry;
pub(crate) use send::Sent;
pub use traffic::Traffic;

/// How patient requests are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// How long a server may say nothing.
    pub timeout: Duration,
    /// How often a request that failed is made again.
    pub retries: u32,
    /// How long the first pause before that is; each further one is twice as long.
    pub delay: Duration,
    /// How long a request waits in all when a server says that it must.
    pub max_wait: Duration,
    /// How long another publisher may show no life before it is taken for dead.
    pub patience: Duration,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            retries: 5,
            delay: Duration::from_millis(250),
            max_wait: Duration::from_secs(120),
            patience: Duration::from_secs(15),
        }
    }
}

/// The runtime that drives all requests of this process.
pub(crate) fn runtime() -> std::io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("requests")
        .enable_all()
        .build()?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// A URL as it may be shown: user names, passwords and signatures are left out.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Only URLs without a host refuse, and those hold no user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_holds_no_secret() {
        let url: Url = "https://me:pass@host/a%2Bb?sig=secret#x".parse().expect("parses");
        assert_eq!(shown(&url), "https://host/a%2Bb");
    }
}
