//! What each static host needs and cannot do: one file a profile.
//!
//! A profile decides which files of a site a host takes, under which keys and with which content
//! types, and which files it reads itself (`_headers`, a configuration). It knows what the
//! host takes at most, and what clients have to live without.

mod caddy;
mod cloudflare_pages;
mod github_pages;
mod layout;
mod limits;
mod nginx;
mod plain;
mod r2;
mod s3_website;

use std::borrow::Cow;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

pub use layout::Layout;
use limits::Limits;
pub use limits::{Load, Terms, Unfit};

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
    /// The website endpoint of a bucket on S3, or on what speaks like it.
    S3Website,
    /// A bucket of Cloudflare R2, which serves objects by their keys and has no index documents.
    R2,
    /// Cloudflare Pages, with a worker that gives installers JSON.
    CloudflarePages,
    /// nginx, configured by a file that the site brings.
    Nginx,
    /// Caddy, configured by a file that the site brings.
    Caddy,
}

/// What a host is told with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headers {
    /// `Content-Type`.
    pub content_type: &'static str,
    /// `Cache-Control`.
    pub cache_control: &'static str,
}

/// A file that a host reads: its path in the site, and its bytes.
pub type HostFile = (&'static str, Cow<'static, str>);

/// What a profile says of a host.
#[derive(Debug, Clone, Copy)]
struct Profile {
    /// Whether PEP 691 JSON can be had: installers refuse it under any type but its own.
    serves_json: bool,
    /// Whether a page is looked for under the very path that is asked for, with its slash.
    slash_keys: bool,
    /// Whether it shows `404.html` for what is not there.
    shows_not_found: bool,
    /// What goes with a file.
    headers: fn(&str) -> Headers,
    /// The files that the host itself reads.
    files: fn(&Layout) -> Result<Vec<HostFile>, Unfit>,
    /// What it takes at most.
    limits: Limits,
    /// What it cannot do, and what follows for clients.
    notes: &'static [&'static str],
}

/// The page for what is not there.
const NOT_FOUND: &str = "404.html";

/// Every file that some host reads. They lie in the root of a site, and are of use to that host only.
const FILES: [(&str, Host); 5] = [
    (cloudflare_pages::HEADERS, Host::CloudflarePages),
    (cloudflare_pages::ROUTES, Host::CloudflarePages),
    (cloudflare_pages::WORKER, Host::CloudflarePages),
    (nginx::CONFIGURATION, Host::Nginx),
    (caddy::CONFIGURATION, Host::Caddy),
];

/// Whether a path is that of a file that some host reads.
pub fn is_host_file(path: &str) -> bool {
    FILES.iter().any(|(file, _)| *file == path)
}

impl Host {
    fn profile(self) -> Profile {
        match self {
            Self::Plain => plain::PROFILE,
            Self::GithubPages => github_pages::PROFILE,
            Self::S3Website => s3_website::PROFILE,
            Self::R2 => r2::PROFILE,
            Self::CloudflarePages => cloudflare_pages::PROFILE,
            Self::Nginx => nginx::PROFILE,
            Self::Caddy => caddy::PROFILE,
        }
    }

    /// As `--host` takes it.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether PEP 691 JSON can be had: installers refuse it under any type but its own.
    pub fn serves_json(self) -> bool {
        self.profile().serves_json
    }

    /// What goes with a file of a site, by its path.
    pub fn headers(self, path: &str) -> Headers {
        (self.profile().headers)(path)
    }

    /// Whether a file of a site is of any use here.
    pub fn takes(self, path: &str) -> bool {
        let is_of_other = FILES.iter().any(|(file, host)| *file == path && *host != self);
        !is_of_other && (self.serves_json() || !path.ends_with("index.v1_json"))
    }

    /// A second key that a page must have, where the host knows no index documents.
    pub fn slash_key(self, path: &str) -> Option<&str> {
        let folder = path.strip_suffix("index.html")?;
        // An object that is called nothing cannot be.
        (self.profile().slash_keys && folder.ends_with('/')).then_some(folder)
    }

    /// The files that the host needs beside those of the site, all of them in its root.
    pub fn files(self, layout: &Layout) -> Result<Vec<HostFile>, Unfit> {
        let profile = self.profile();
        let mut files = (profile.files)(layout)?;
        if profile.shows_not_found && !layout.has_not_found() {
            files.push((NOT_FOUND, include_str!("files/404.html").into()));
        }
        Ok(files)
    }

    /// What counts the files of a site against the limits of the host; none where it states none.
    pub fn load(self, terms: Terms) -> Option<Load> {
        Load::new(self, self.profile().limits, terms)
    }

    /// What the host cannot do, and what follows for clients: a sentence each.
    pub fn notes(self) -> &'static [&'static str] {
        self.profile().notes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn indexes() -> Vec<String> {
        ["", "all/", "cu128/"].map(str::to_owned).to_vec()
    }

    fn layout(base: &str) -> Layout {
        Layout::new(base, indexes(), false)
    }

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

    #[test]
    fn a_host_gets_its_own_files_and_those_of_no_other() {
        for &host in Host::value_variants() {
            let files = host.files(&layout("/")).expect("are made");
            for (path, _) in &files {
                assert!(host.takes(path), "{} {path}", host.name());
                assert!(*path == NOT_FOUND || is_host_file(path), "{path}");
            }
            for (path, owner) in FILES {
                let is_made = files.iter().any(|(made, _)| *made == path);
                assert_eq!(is_made, owner == host, "{} {path}", host.name());
                assert_eq!(host.takes(path), owner == host);
            }
            let files = host.files(&Layout::new("/", indexes(), true)).expect("are made");
            assert!(!files.iter().any(|(path, _)| *path == NOT_FOUND), "the site's own stays");
        }
        assert!(!is_host_file("simple/_headers"));
    }

    #[test]
    fn what_a_host_does_not_take_is_named() {
        let (free, branch) = (Terms::default(), Terms { is_branch: true, ..Terms::default() });
        let mut load = Host::CloudflarePages.load(free).expect("has limits");
        for size in [26_214_400, 30_000_000, 40_000_000, 3] {
            load.add(&format!("files/a/{size}"), Some(size));
        }
        let unfit = load.check().expect_err("is too large");
        assert!(unfit.message.contains("`files/a/40000000` has 40000000 bytes"), "{unfit:?}");
        assert!(unfit.hint.contains("r2"), "{unfit:?}");

        let mut load = Host::GithubPages.load(branch).expect("has limits");
        load.add("a", Some(104_857_601));
        assert!(load.check().expect_err("fails").message.contains("104857600"));
        let mut load = Host::GithubPages.load(free).expect("has limits");
        load.add("a", Some(104_857_601));
        load.check().expect("is no branch");
        load.add("b", Some(u64::MAX));
        assert!(load.check().expect_err("fails").message.contains("the site has"));
        for (terms, fits) in [(free, false), (Terms { is_paid: true, ..free }, true)] {
            let mut load = Host::CloudflarePages.load(terms).expect("has limits");
            (0..20_001).for_each(|_| load.add("a", None));
            assert_eq!(load.check().is_ok(), fits);
        }
        for host in [Host::Plain, Host::Nginx, Host::R2] {
            assert!(host.load(branch).is_none());
        }
    }

    #[test]
    fn paths_that_would_have_to_be_quoted_are_refused() {
        for base in ["/a b/", "/a%20b/", "/{}/", "/$x/", "/a;/", "/\"/", "/é/", "/(/", "/a\n/"] {
            for host in [Host::Nginx, Host::Caddy, Host::CloudflarePages] {
                let unfit = host.files(&layout(base)).expect_err(base);
                assert!(unfit.message.contains("site_url"), "{unfit:?}");
            }
            assert!(Host::Plain.files(&layout(base)).is_ok());
        }
    }

    proptest! {
        #[test]
        fn configurations_hold_the_path_and_nothing_to_fill_in(base in "(/[a-zA-Z0-9._~-]{1,9}){0,3}") {
            for host in [Host::Nginx, Host::Caddy, Host::CloudflarePages] {
                for (path, text) in host.files(&layout(&base)).expect("are made") {
                    prop_assert!(!text.contains("{{"), "{path}");
                    prop_assert!(!text.contains("}}"), "{path}");
                    prop_assert!(path == NOT_FOUND || path == cloudflare_pages::WORKER
                        || text.contains(&format!("{base}/")), "{path}");
                }
            }
        }

        #[test]
        fn any_path_is_taken_or_refused(base in ".*") {
            for &host in Host::value_variants() {
                let _ = host.files(&layout(&base));
                let _ = (host.takes(&base), host.slash_key(&base), host.headers(&base));
            }
        }
    }
}
