//! Releases and assets in the shape that GitHub's REST API gives them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::state::{Asset, Digest, Release, Repository};

/// What stays as it is in a segment of a URL's path; a slash and a plus do not.
const KEPT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'!');

/// Writes one repository and all below it.
pub(super) struct Json<'a> {
    /// Where the API is, with its prefix.
    pub(super) api: &'a str,
    pub(super) web: &'a str,
    pub(super) repository: &'a Repository,
    pub(super) embedded_assets: usize,
    /// How much larger each asset is said to be than it is.
    pub(super) excess: i64,
}

impl Json<'_> {
    fn api_url(&self) -> String {
        format!("{}/repos/{}", self.api, self.repository.full_name())
    }

    fn web_url(&self) -> String {
        format!("{}/{}", self.web, self.repository.full_name())
    }

    pub(super) fn repository(&self) -> Value {
        let Repository { id, owner, name, private, .. } = self.repository;
        let (api, web) = (self.api_url(), self.web_url());
        json!({
            "id": id,
            "node_id": node_id("Repository", *id),
            "name": name,
            "full_name": self.repository.full_name(),
            "private": private.is_some(),
            "owner": self.user(owner),
            "html_url": web,
            "description": null,
            "fork": false,
            "url": api,
            "tags_url": format!("{api}/tags"),
            "releases_url": format!("{api}/releases{{/id}}"),
            "created_at": "2026-01-01T00:00:00Z",
            "updated_at": "2026-01-01T00:00:00Z",
            "pushed_at": "2026-01-01T00:00:00Z",
            "archived": false,
            "disabled": false,
            "visibility": if private.is_some() { "private" } else { "public" },
            "default_branch": "main",
        })
    }

    pub(super) fn release(&self, release: &Release) -> Value {
        let Release { id, tag, name, body, draft, prerelease, .. } = release;
        let (api, web) = (self.api_url(), self.web_url());
        let url = format!("{api}/releases/{id}");
        let upload_url =
            format!("{}/assets{{?name,label}}", url.replace("/api/v3", "/api/uploads"));
        // The list is cut short, as is that of a release with very many files.
        let assets: Vec<_> = release
            .assets
            .iter()
            .take(self.embedded_assets)
            .map(|asset| self.asset(release, asset))
            .collect();
        let source = |kind: &str| (!draft).then(|| format!("{api}/{kind}/{tag}"));
        json!({
            "url": url,
            "assets_url": format!("{url}/assets"),
            "upload_url": upload_url,
            "html_url": format!("{web}/releases/tag/{}", encode(&Self::shown_tag(release))),
            "id": id,
            "author": self.user(&self.repository.owner),
            "node_id": node_id("Release", *id),
            "tag_name": tag,
            "target_commitish": "main",
            "name": name,
            "draft": draft,
            "immutable": release.immutable,
            "prerelease": prerelease,
            "created_at": release.created_at,
            "updated_at": release.created_at,
            "published_at": (!draft).then_some(&release.published_at),
            "assets": assets,
            "tarball_url": source("tarball"),
            "zipball_url": source("zipball"),
            "body": body,
        })
    }

    pub(super) fn asset(&self, release: &Release, asset: &Asset) -> Value {
        let Asset { id, name, state, .. } = asset;
        let digest = match &asset.digest {
            Digest::True => Some(asset.content.sha256()),
            Digest::Null => None,
            Digest::Given(digits) => Some(digits.clone()),
        };
        let size = asset.listed_size.unwrap_or_else(|| asset.content.size());
        let browser_download_url = format!(
            "{}/releases/download/{}/{}",
            self.web_url(),
            encode(&Self::shown_tag(release)),
            encode(name)
        );
        json!({
            "url": format!("{}/releases/assets/{id}", self.api_url()),
            "id": id,
            "node_id": node_id("ReleaseAsset", *id),
            "name": name,
            "label": "",
            "uploader": self.user(&self.repository.owner),
            "content_type": "application/octet-stream",
            "state": state,
            "size": size.saturating_add_signed(self.excess),
            "digest": digest.map(|digits| format!("sha256:{digits}")),
            "download_count": asset.downloads,
            "created_at": asset.created_at,
            "updated_at": asset.updated_at,
            "browser_download_url": browser_download_url,
        })
    }

    /// The tag in URLs for people: a draft has none yet.
    fn shown_tag(release: &Release) -> String {
        if release.draft { format!("untagged-{:020x}", release.id) } else { release.tag.clone() }
    }

    fn user(&self, login: &str) -> Value {
        let url = format!("{}/users/{login}", self.api);
        json!({
            "login": login,
            "id": 1,
            "node_id": node_id("User", 1),
            "avatar_url": format!("{}/{login}.png", self.web),
            "gravatar_id": "",
            "url": url,
            "html_url": format!("{}/{login}", self.web),
            "repos_url": format!("{url}/repos"),
            "type": "User",
            "site_admin": false,
        })
    }
}

fn node_id(kind: &str, id: u64) -> String {
    STANDARD.encode(format!("0{}:{kind}{id}", kind.len()))
}

fn encode(segment: &str) -> String {
    utf8_percent_encode(segment, KEPT).to_string()
}
