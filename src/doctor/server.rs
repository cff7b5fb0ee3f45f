//! What serves an index, as far as its answers tell: hints depend on it.

use reqwest::header::{HeaderMap, SERVER, VIA};
use serde::Serialize;

/// A kind of server or host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Server {
    /// GitHub Pages.
    GithubPages,
    /// Cloudflare: Pages, Workers, R2, or its cache before another server.
    Cloudflare,
    /// Amazon CloudFront.
    Cloudfront,
    /// Amazon S3, and what speaks like it.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
    /// Fastly.
    Fastly,
    /// nginx.
    Nginx,
    /// Caddy.
    Caddy,
    /// The HTTP server of Apache.
    Apache,
    /// devpi-server.
    Devpi,
    /// None of those that are told apart.
    #[default]
    Other,
}

impl Server {
    /// Tells it by what it says of itself. What stands before an origin decides how that is seen,
    /// and so goes first.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_ascii_lowercase()
        };
        let has = |name: &str| headers.contains_key(name);
        let name = text(SERVER.as_str());
        // GitHub Pages is served through Fastly.
        if has("x-github-request-id") || name.starts_with("github.com") {
            Self::GithubPages
        } else if has("cf-ray") || name.starts_with("cloudflare") {
            Self::Cloudflare
        } else if has("x-amz-cf-id") || text(VIA.as_str()).contains("cloudfront") {
            Self::Cloudfront
        } else if has("x-fastly-request-id") || has("x-served-by") && has("x-timer") {
            Self::Fastly
        } else if has("x-devpi-api-version") || has("x-devpi-serial") {
            Self::Devpi
        } else if has("x-goog-generation") || name.starts_with("uploadserver") {
            Self::Gcs
        } else if has("x-ms-request-id") {
            Self::Azure
        } else if has("x-amz-request-id") || name.starts_with("amazons3") {
            Self::S3
        } else if name.starts_with("caddy") {
            Self::Caddy
        } else if name.starts_with("nginx") || name.starts_with("openresty") {
            Self::Nginx
        } else if name.starts_with("apache") {
            Self::Apache
        } else {
            Self::Other
        }
    }

    /// What it is called.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::GithubPages => "GitHub Pages",
            Self::Cloudflare => "Cloudflare",
            Self::Cloudfront => "CloudFront",
            Self::S3 => "S3",
            Self::Gcs => "Google Cloud Storage",
            Self::Azure => "Azure Blob Storage",
            Self::Fastly => "Fastly",
            Self::Nginx => "nginx",
            Self::Caddy => "Caddy",
            Self::Apache => "Apache",
            Self::Devpi => "devpi",
            Self::Other => return None,
        })
    }

    /// Whether it keeps objects under keys, with a content type that is stored with each.
    pub(super) fn is_bucket(self) -> bool {
        matches!(self, Self::S3 | Self::Gcs | Self::Azure | Self::Cloudfront)
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn what_stands_before_goes_first() {
        let of = |fields: &[(&'static str, &'static str)]| {
            let fields = fields.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            Server::of(&fields.collect())
        };
        assert_eq!(of(&[("server", "GitHub.com"), ("x-served-by", "cache")]), Server::GithubPages);
        assert_eq!(of(&[("cf-ray", "1"), ("x-amz-request-id", "1")]), Server::Cloudflare);
        assert_eq!(of(&[("via", "1.1 abc.cloudfront.net (CloudFront)")]), Server::Cloudfront);
        assert_eq!(of(&[("server", "AmazonS3")]), Server::S3);
        assert_eq!(of(&[("server", "nginx/1.22.1")]), Server::Nginx);
        assert_eq!(of(&[("server", "Caddy")]), Server::Caddy);
        assert_eq!(of(&[("server", "Apache/2.4.71 (Debian)")]), Server::Apache);
        assert_eq!(of(&[("x-devpi-api-version", "2")]), Server::Devpi);
        assert_eq!(of(&[("server", "gunicorn")]), Server::Other);
        assert_eq!(Server::of(&HeaderMap::new()).name(), None);
    }
}
