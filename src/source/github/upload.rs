//! A release as a place to bring files to.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use url::Url;

use super::api::Api;
use super::model::{Asset, Refusal, Release};
use super::{HttpFile, RangeReader, ReadSeek};
use crate::config::Environment;
use crate::error::{Error, Result};
use crate::facts::UploadTime;
use crate::net::{Failure, Retry, Sent};
use crate::source::ReleaseSpec;
use crate::wheel::{Sha256, sanitized};

/// An answer about one asset or one release comes to kilobytes.
const MAX_ANSWER: u64 = 32 << 20;

/// A release that may not exist yet.
pub(crate) struct ReleaseTarget {
    api: Api,
    tag: String,
}

/// A release that exists.
pub(crate) struct OpenRelease {
    id: u64,
    upload_url: Url,
}

/// A release that was listed among others.
pub(crate) struct Existing {
    pub(crate) target: ReleaseTarget,
    /// Whether it takes no more assets.
    pub(crate) is_immutable: bool,
    pub(crate) assets: Vec<Present>,
    release: Release,
}

/// An asset that is there.
#[derive(Debug, Clone)]
pub(crate) struct Present {
    pub(crate) name: String,
    pub(crate) size: u64,
    /// None for what was uploaded before June 2025.
    pub(crate) sha256: Option<Sha256>,
    /// Whether all of it is there.
    pub(crate) is_whole: bool,
    asset: Asset,
}

/// What came of an upload.
pub(crate) enum Uploaded {
    /// It is there, by this name.
    Done(Box<Present>),
    /// An asset of this name is there already.
    Exists,
    /// It may or may not be there.
    Unsure(String),
}

/// What came of giving an asset another name.
pub(crate) enum Renamed {
    /// It has it.
    Done,
    /// Another asset has it.
    Taken,
    /// There is no such asset any more.
    Gone,
    /// It may or may not have it.
    Unsure(String),
}

/// Where the bytes of an asset are.
pub(crate) enum AssetBytes {
    File(PathBuf, u64),
    Bytes(Vec<u8>),
}

impl ReleaseTarget {
    /// Makes ready to reach a release. Nothing is asked for yet.
    pub(crate) fn new(
        spec: &ReleaseSpec,
        otherwise: Option<&(&'static str, String)>,
        environment: &Environment,
    ) -> Result<Self> {
        let api = super::connect(spec, otherwise, environment, None)?;
        if !api.has_token() {
            return Err(Error::config_hint(
                format!("nobody uploads to a release of `{}` without a token", api.repository),
                "set `GH_TOKEN` or `GITHUB_TOKEN`, with the permission to write the \
                    repository's contents",
            ));
        }
        Ok(Self { api, tag: spec.tag.clone().unwrap_or_default() })
    }

    /// What people call it.
    pub(crate) fn shown(&self) -> String {
        format!("gh-release:{}@{}", self.api.repository, self.tag)
    }

    /// Another release of the same repository.
    pub(crate) fn with_tag(&self, tag: &str) -> Self {
        Self { api: self.api.clone(), tag: tag.to_owned() }
    }

    /// Every release of the repository that is no draft, with its assets, oldest first.
    pub(crate) fn all(&self) -> Result<Vec<Existing>> {
        let mut releases = super::all_releases(&self.api)?;
        releases.retain(|release| !release.draft);
        releases.sort_by_key(|release| release.id);
        let existing = |mut release: Release| {
            let assets = super::assets(&self.api, &mut release, true)?;
            Ok(Existing {
                target: self.with_tag(&release.tag_name),
                is_immutable: release.immutable,
                assets: assets.into_iter().map(Present::new).collect(),
                release,
            })
        };
        releases.into_iter().map(existing).collect()
    }

    /// Its tag.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// The repository, as `OWNER/REPO`.
    pub(crate) fn repository(&self) -> String {
        self.api.repository.to_string()
    }

    /// The release, if it exists.
    pub(crate) fn find(&self) -> Result<Option<OpenRelease>> {
        let url = self.api.url(&["releases", "tags", &self.tag]);
        let release: Option<Release> = self.api.one("release", &url)?;
        release.map(|release| self.open(&release)).transpose()
    }

    /// Makes the release.
    pub(crate) fn create(&self) -> Result<OpenRelease> {
        let url = self.api.url(&["releases"]);
        let text = serde_json::json!({"tag_name": self.tag, "name": self.tag}).to_string();
        let request = self.api.request(url, "application/vnd.github+json");
        let request = request.header(CONTENT_TYPE, "application/json");
        let sent = Sent::Bytes(text.into_bytes());
        let answer = self.api.client.change(Method::POST, &request, &sent, MAX_ANSWER);
        match answer {
            Ok((status, bytes)) if status.as_u16() == 201 => {
                let release: Release = serde_json::from_slice(&bytes).map_err(|error| {
                    Error::target(format!("cannot make `{}`: {error}", self.shown()))
                })?;
                self.open(&release)
            }
            // Somebody else may have made it, or this one whose answer was lost.
            other => match self.find()? {
                Some(release) => Ok(release),
                None => Err(match other {
                    Ok((status, bytes)) => {
                        self.refused("make the release", status.as_u16(), &bytes)
                    }
                    Err(failure) => self.broke("make the release", &failure),
                }),
            },
        }
    }

    fn open(&self, release: &Release) -> Result<OpenRelease> {
        let url = release.upload_url.split('{').next().unwrap_or_default();
        let url: Option<Url> = url.parse().ok().filter(|url| may_have_token(&self.api.base, url));
        let upload_url = url.ok_or_else(|| {
            Error::target(format!(
                "`{}` takes its uploads at a server that is none of GitHub's",
                self.shown()
            ))
        })?;
        Ok(OpenRelease { id: release.id, upload_url })
    }

    /// The assets that the release has.
    pub(crate) fn assets(&self, release: &OpenRelease) -> Result<Vec<Present>> {
        let url = self.api.url(&["releases", &release.id.to_string(), "assets"]);
        let assets: Option<Vec<Asset>> = self.api.all("assets", url)?;
        Ok(assets.unwrap_or_default().into_iter().map(Present::new).collect())
    }

    /// Removes an asset, if it is there.
    pub(crate) fn delete(&self, present: &Present) -> Result<()> {
        let url = self.api.url(&["releases", "assets", &present.asset.id.to_string()]);
        let request = self.api.request(url, "application/vnd.github+json");
        let mut retry = Retry::new(self.api.client.network());
        loop {
            let answer =
                self.api.client.change(Method::DELETE, &request, &Sent::Nothing, MAX_ANSWER);
            let error = match answer {
                Ok((status, _)) if matches!(status.as_u16(), 204 | 404) => return Ok(()),
                Ok((status, bytes)) => {
                    let error = self.refused("remove an asset of", status.as_u16(), &bytes);
                    if !status.is_server_error() && status.as_u16() != 429 {
                        return Err(error);
                    }
                    error
                }
                Err(failure) => self.broke("remove an asset of", &failure),
            };
            if !retry.pause() {
                return Err(error);
            }
        }
    }

    /// Sends a file, once.
    pub(crate) fn upload(
        &self,
        release: &OpenRelease,
        name: &str,
        content_type: &str,
        bytes: &AssetBytes,
    ) -> Result<Uploaded> {
        let mut url = release.upload_url.clone();
        url.query_pairs_mut().append_pair("name", name);
        let origin = url.origin();
        let mut request = self.api.request(url, "application/vnd.github+json");
        if let Some(token) = &self.api.token {
            request = request.authorized(origin, &format!("Bearer {}", token.reveal()));
        }
        let request = request.header(CONTENT_TYPE, content_type);
        let sent = match bytes {
            AssetBytes::File(path, size) => Sent::File(path, *size),
            AssetBytes::Bytes(bytes) => Sent::Bytes(bytes.clone()),
        };
        let answer = self.api.client.change(Method::POST, &request, &sent, MAX_ANSWER);
        match answer {
            Ok((status, bytes)) => match status.as_u16() {
                200 | 201 => match serde_json::from_slice::<Asset>(&bytes) {
                    Ok(asset) => Ok(Uploaded::Done(Box::new(Present::new(asset)))),
                    Err(error) => Ok(Uploaded::Unsure(error.to_string())),
                },
                422 if is_taken(&bytes) => Ok(Uploaded::Exists),
                429 | 500..=599 => Ok(Uploaded::Unsure(format!("the server answered {status}"))),
                403 if is_limited(&bytes) => {
                    Ok(Uploaded::Unsure("GitHub's rate limit is used up".to_owned()))
                }
                status => Err(self.refused(&format!("upload `{name}` to"), status, &bytes)),
            },
            Err(failure) => Ok(Uploaded::Unsure(failure.to_string())),
        }
    }

    /// Gives an asset another name, once.
    pub(crate) fn rename(&self, present: &Present, name: &str) -> Result<Renamed> {
        let url = self.api.url(&["releases", "assets", &present.asset.id.to_string()]);
        let text = serde_json::json!({"name": name}).to_string();
        let request = self.api.request(url, "application/vnd.github+json");
        let request = request.header(CONTENT_TYPE, "application/json");
        let sent = Sent::Bytes(text.into_bytes());
        match self.api.client.change(Method::PATCH, &request, &sent, MAX_ANSWER) {
            Ok((status, bytes)) => match status.as_u16() {
                200 => Ok(Renamed::Done),
                404 => Ok(Renamed::Gone),
                422 if is_taken(&bytes) => Ok(Renamed::Taken),
                429 | 500..=599 => Ok(Renamed::Unsure(format!("the server answered {status}"))),
                403 if is_limited(&bytes) => {
                    Ok(Renamed::Unsure("GitHub's rate limit is used up".to_owned()))
                }
                status => Err(self.refused(&format!("put `{name}` in place in"), status, &bytes)),
            },
            Err(failure) => Ok(Renamed::Unsure(failure.to_string())),
        }
    }

    /// Reads an asset by ranges.
    pub(crate) fn read(&self, present: &Present) -> Box<dyn ReadSeek> {
        let client = self.api.client.clone();
        let request = self.api.request(present.asset.url.clone(), "application/octet-stream");
        let network = client.network().clone();
        let file = HttpFile::new(client, vec![request]);
        Box::new(RangeReader::new(file, Some(present.size), &network, Arc::default()))
    }

    /// All of a small asset.
    pub(crate) fn read_all(&self, present: &Present, limit: u64) -> io::Result<Vec<u8>> {
        use std::io::Read;
        let mut bytes = Vec::new();
        self.read(present).take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A pause before something is tried again.
    pub(crate) fn retry(&self) -> Retry {
        Retry::new(self.api.client.network())
    }

    pub(crate) fn failed(&self, name: &str, reason: &str) -> Error {
        Error::target_hint(
            format!("cannot upload `{name}` to `{}`: {reason}", self.shown()),
            "what is there is whole; run again to go on",
        )
    }

    fn refused(&self, what: &str, status: u16, bytes: &[u8]) -> Error {
        let refusal: Refusal = serde_json::from_slice(bytes).unwrap_or_default();
        let said = sanitized(&refusal.message.chars().take(300).collect::<String>());
        let message = format!("cannot {what} `{}`: GitHub answered {status} {said}", self.shown());
        let hint = match status {
            401 => "check `GH_TOKEN` and `GITHUB_TOKEN`: the token may be wrong or have expired",
            403 | 404 => {
                "the token needs the permission to write the repository's contents (in a \
                    workflow: `permissions: contents: write`)"
            }
            422 => {
                "the release may be immutable, or the file's name is one that GitHub does not take"
            }
            _ => "what is there is whole; run again to go on",
        };
        Error::target_hint(message, hint)
    }

    fn broke(&self, what: &str, failure: &Failure) -> Error {
        let message = format!("cannot {what} `{}`: {failure}", self.shown());
        Error::target_hint(message, "what is there is whole; run again to go on")
    }
}

impl Existing {
    /// Makes ready to change it.
    pub(crate) fn open(&self) -> Result<OpenRelease> {
        self.target.open(&self.release)
    }
}

impl Present {
    fn new(asset: Asset) -> Self {
        Self {
            name: asset.name.clone(),
            size: asset.size,
            sha256: asset.sha256(),
            is_whole: asset.is_uploaded(),
            asset,
        }
    }

    /// Whether it is the same upload, whatever it is called.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.asset.id == other.asset.id
    }

    /// When its upload began.
    pub(crate) fn created(&self) -> UploadTime {
        self.asset.created_at
    }
}

/// The token goes to the API, and to where GitHub itself takes uploads: a server at another port
/// is another server.
fn may_have_token(base: &Url, url: &Url) -> bool {
    let origin = |url: &Url| url.origin().ascii_serialization();
    let is_github =
        origin(base) == "https://api.github.com" && origin(url) == "https://uploads.github.com";
    is_github || url.origin() == base.origin()
}

fn is_taken(bytes: &[u8]) -> bool {
    let refusal: Refusal = serde_json::from_slice(bytes).unwrap_or_default();
    refusal.errors.iter().any(|error| error.code == "already_exists")
}

fn is_limited(bytes: &[u8]) -> bool {
    let refusal: Refusal = serde_json::from_slice(bytes).unwrap_or_default();
    refusal.message.contains("rate limit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_goes_to_no_other_server() {
        let url = |text: &str| text.parse::<Url>().expect(text);
        for (base, other, may) in [
            ("https://api.github.com/", "https://uploads.github.com/x", true),
            ("https://api.github.com/", "https://uploads.github.com:444/x", false),
            ("https://api.github.com/", "http://uploads.github.com/x", false),
            ("https://api.github.com:444/", "https://uploads.github.com/x", false),
            ("https://github.example/api/v3", "https://github.example/api/uploads/x", true),
            ("https://github.example/api/v3", "https://github.example:8443/x", false),
            ("https://github.example/api/v3", "https://uploads.github.com/x", false),
            ("http://127.0.0.1:8001/", "http://127.0.0.1:8002/", false),
        ] {
            assert_eq!(may_have_token(&url(base), &url(other)), may, "{base} {other}");
        }
    }
}
