//! What each static host needs and cannot do: one file a profile.

mod github_pages;
mod plain;
mod r2;

use serde::{Deserialize, Serialize};

/// Where the site will be served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Host {
    /// A server that can be told which content type a file has.
    #[default]
    Plain,
    /// GitHub Pages, which types files by their extension and lets nobody change that.
    GithubPages,
    /// A bucket of Cloudflare R2, which serves objects by their keys and has no index documents.
    R2,
}

/// What a host is told with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers {
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `Cache-Control`.
    pub cache_control: &'static str,
}

/// What a profile says of a host.
#[derive(Debug, Clone, Copy)]
struct Profile {
    /// Whether PEP 691 JSON can reach installers: they refuse it under any type but its own.
    serves_json: bool,
    /// Whether a page is looked for under the very path that is asked for, with its slash.
    slash_keys: bool,
    /// What goes with a file.
    headers: fn(&str) -> Headers,
}

impl Host {
    fn profile(self) -> Profile {
        match self {
            Self::Plain => plain::PROFILE,
            Self::GithubPages => github_pages::PROFILE,
            Self::R2 => r2::PROFILE,
        }
    }

    /// Whether PEP 691 JSON can reach installers: they refuse it under any type but its own.
    pub fn serves_json(self) -> bool {
        self.profile().serves_json
    }

    /// What goes with a file of a site, by its path.
    pub fn headers(self, path: &str) -> Headers {
        (self.profile().headers)(path)
    }

    /// Whether a file of a site is of any use here.
    pub fn takes(self, path: &str) -> bool {
        self.serves_json() || !path.ends_with("index.v1_json")
    }

    /// A second key that a page must have, where the host knows no index documents.
    pub fn slash_key(self, path: &str) -> Option<&str> {
        let folder = path.strip_suffix("index.html")?;
        // An object that is called nothing cannot be.
        (self.profile().slash_keys && folder.ends_with('/')).then_some(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_caching_go_by_class() {
        let page = Host::Plain.headers("simple/a/index.html");
        assert_eq!(page.content_type, "text/html; charset=utf-8");
        assert_eq!(page.cache_control, plain::SHORT);
        let json = Host::R2.headers("cu128/simple/a/index.v1_json");
        assert_eq!(json.content_type, "application/vnd.pypi.simple.v1+json");
        let wheel = Host::Plain.headers("files/a/0123/a-1-py3-none-any.whl");
        assert_eq!(wheel.content_type, "application/octet-stream");
        assert_eq!(wheel.cache_control, plain::FOR_EVER);
        let sidecar = Host::Plain.headers("files/a/0123/a-1-py3-none-any.whl.metadata");
        assert_eq!(sidecar.content_type, "text/plain; charset=utf-8");
        assert_eq!(Host::Plain.headers("assets/site.0123.js").content_type, "text/javascript");
        assert_eq!(Host::Plain.headers("wheelsite.json").cache_control, plain::NEVER);
    }

    #[test]
    fn pages_of_r2_have_a_key_with_a_slash() {
        assert_eq!(Host::R2.slash_key("simple/a/index.html"), Some("simple/a/"));
        for path in ["index.html", "simple/a/index.v1_json", "404.html"] {
            assert_eq!(Host::R2.slash_key(path), None, "{path}");
        }
        assert_eq!(Host::Plain.slash_key("simple/a/index.html"), None);
    }

    #[test]
    fn json_is_kept_from_where_it_has_the_wrong_type() {
        assert!(!Host::GithubPages.takes("simple/a/index.v1_json"));
        assert!(Host::GithubPages.takes("packages/a/files.json"));
        assert!(Host::R2.takes("simple/index.v1_json"));
    }
}
