//! What the environment says.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::facts::UploadTime;
use crate::net::Network;

/// What the environment says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `SOURCE_DATE_EPOCH`: the upload time of files whose own is unknown.
    pub source_date_epoch: Option<UploadTime>,
    /// Whether this is a run under CI, which has no output folder of the last run.
    pub ci: bool,
    /// The folder for what is remembered between runs; none where there is no home.
    pub cache: Option<PathBuf>,
    /// How patient requests are: `WHEELSITE_HTTP_TIMEOUT`, `_RETRIES`, `_RETRY_DELAY`, `_MAX_WAIT`;
    /// and publishers: `WHEELSITE_PUBLISH_PATIENCE`.
    pub network: Network,
    /// What GitHub Actions and `gh` set.
    pub github: GithubEnvironment,
    /// Whether `PAGES_WRANGLER_MAJOR_VERSION` is 4, by which Cloudflare tells paid plans.
    pub cloudflare_paid: bool,
}

/// What GitHub Actions and `gh` set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GithubEnvironment {
    /// `GITHUB_REPOSITORY`, as `OWNER/REPO`.
    pub repository: Option<String>,
    /// `GH_TOKEN`, else `GITHUB_TOKEN`.
    pub token: Option<Secret>,
    /// `GITHUB_API_URL`, else that of the Enterprise server at `GITHUB_SERVER_URL`.
    pub api_url: Option<String>,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(...)")
    }
}

impl Environment {
    /// Reads the environment of this process.
    pub fn of_process() -> Result<Self> {
        Self::read(|name| std::env::var(name).ok())
    }

    fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let text = |name: &str| variable(name).filter(|value| !value.is_empty());
        let source_date_epoch = match text("SOURCE_DATE_EPOCH") {
            None => None,
            Some(value) => {
                let time = value.parse().ok().and_then(UploadTime::from_seconds);
                Some(time.ok_or_else(|| {
                    Error::config(format!(
                        "SOURCE_DATE_EPOCH: expected seconds since 1970, found `{value}`"
                    ))
                })?)
            }
        };
        let home = || text("HOME").map(|home| Path::new(&home).join(".cache"));
        // The XDG specification ignores relative paths.
        let cache = text("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let number = |name: &str, most: u64| match text(name) {
            None => Ok(None),
            Some(value) => match value.parse::<u64>() {
                Ok(number) if number <= most => Ok(Some(number)),
                _ => Err(Error::config(format!(
                    "{name}: expected a number of at most {most}, found `{value}`"
                ))),
            },
        };
        let mut network = Network::default();
        if let Some(seconds) = number("WHEELSITE_HTTP_TIMEOUT", 86_400)? {
            network.timeout = Duration::from_secs(seconds.max(1));
        }
        if let Some(retries) = number("WHEELSITE_HTTP_RETRIES", 100)? {
            network.retries = u32::try_from(retries).unwrap_or(network.retries);
        }
        if let Some(milliseconds) = number("WHEELSITE_HTTP_RETRY_DELAY", 60_000)? {
            network.delay = Duration::from_millis(milliseconds);
        }
        if let Some(seconds) = number("WHEELSITE_HTTP_MAX_WAIT", 86_400)? {
            network.max_wait = Duration::from_secs(seconds);
        }
        if let Some(seconds) = number("WHEELSITE_PUBLISH_PATIENCE", 86_400)? {
            network.patience = Duration::from_secs(seconds);
        }
        let enterprise = || {
            let server = text("GITHUB_SERVER_URL")?;
            let server = server.trim_end_matches('/');
            (server != "https://github.com").then(|| format!("{server}/api/v3"))
        };
        Ok(Self {
            source_date_epoch,
            ci: text("CI").is_some_and(|value| value != "false" && value != "0"),
            cache: cache.or_else(home).map(|path| path.join("wheelsite")),
            network,
            cloudflare_paid: text("PAGES_WRANGLER_MAJOR_VERSION").is_some_and(|it| it == "4"),
            github: GithubEnvironment {
                repository: text("GITHUB_REPOSITORY"),
                token: text("GH_TOKEN")
                    .or_else(|| text("GITHUB_TOKEN"))
                    // What comes from a file ends with its line.
                    .map(|token| Secret(token.trim().to_owned())),
                api_url: text("GITHUB_API_URL").or_else(enterprise),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment> {
        Environment::read(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn what_is_not_set_has_defaults() {
        let environment = read(&[("GITHUB_TOKEN", ""), ("CI", "false")]).expect("reads");
        assert_eq!(environment, Environment::default());
    }

    #[test]
    fn github() {
        let github = read(&[("GITHUB_TOKEN", "one"), ("GH_TOKEN", "two")]).expect("reads").github;
        assert_eq!(github.token.as_ref().map(Secret::reveal), Some("two"));
        assert!(!format!("{github:?}").contains("two"));
        let api = |variables: &[(&str, &str)]| read(variables).expect("reads").github.api_url;
        assert_eq!(api(&[("GITHUB_SERVER_URL", "https://github.com")]), None);
        assert_eq!(
            api(&[("GITHUB_SERVER_URL", "https://git.example/")]).as_deref(),
            Some("https://git.example/api/v3")
        );
    }

    #[test]
    fn nonsense_is_named() {
        for (name, value) in [
            ("SOURCE_DATE_EPOCH", "yesterday"),
            ("WHEELSITE_HTTP_TIMEOUT", "soon"),
            ("WHEELSITE_HTTP_RETRIES", "101"),
        ] {
            let error = read(&[(name, value)]).expect_err(name);
            assert!(error.to_string().contains(name), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }
}
