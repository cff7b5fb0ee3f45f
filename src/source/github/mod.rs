//! The assets of releases on GitHub.
//!
//! GitHub has the digest of every asset that was uploaded since June 2025; the rest of a
//! wheel is read by ranges. Pages link to the assets, which everybody can download from a
//! public repository.

mod api;
mod model;
pub(crate) mod upload;

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use url::Url;

use super::http_file::HttpFile;
use super::naming::{SIDECAR, check_url, classify};
use super::ranges::RangeReader;
use super::{
    Context, Ignored, Listing, ReadSeek, ReleaseSpec, Repository, Selection, Source, SourceSpec,
    Traffic,
};
use crate::config::{Environment, SourceSettings};
use crate::error::{Error, Result};
use crate::facts::{Artifact, Facts, Location, Offered, SidecarFile};
use crate::facts_file::{FACTS_FILE, FactsFile};
use crate::net::Client;
use crate::wheel::{CoreMetadata, Sha256};
use api::Api;
use model::{Asset, Release, RepositoryInfo};

/// The address of GitHub itself.
const GITHUB: &str = "https://api.github.com/";
/// This many assets within a release may be some of more.
const FEW: usize = 30;

/// The releases of a repository, or one of them.
pub struct GithubReleases {
    api: Api,
    tag: Option<String>,
    tags_taken: Selection,
    prereleases: bool,
    drafts: bool,
    traffic: Arc<Traffic>,
    listed: Mutex<Arc<Listed>>,
}

/// What the last listing found.
#[derive(Default)]
struct Listed {
    /// Whether only some may see it.
    private: bool,
    /// By number.
    assets: HashMap<u64, Asset>,
    /// The facts that the asset's release holds, by the asset's number.
    facts_of: HashMap<u64, Arc<HeldFacts>>,
}

/// The facts that a release holds, fetched when they are asked for.
struct HeldFacts {
    asset: Asset,
    file: OnceLock<Option<FactsFile>>,
}

impl GithubReleases {
    /// A source for releases that may not exist.
    pub fn new(
        spec: &ReleaseSpec,
        settings: &SourceSettings,
        context: &Context<'_>,
    ) -> Result<Self> {
        let environment = &context.environment;
        let cache = environment.cache.clone().filter(|_| !context.refresh);
        Ok(Self {
            api: connect(spec, context.repository.as_ref(), environment, cache)?,
            tag: spec.tag.clone(),
            tags_taken: settings.tags_taken.clone(),
            prereleases: settings.prereleases,
            drafts: settings.drafts,
            traffic: Arc::default(),
            listed: Mutex::default(),
        })
    }

    fn listed(&self) -> Arc<Listed> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn releases(&self) -> Result<Vec<Release>> {
        let Some(tag) = &self.tag else {
            return Ok(all_releases(&self.api)?
                .into_iter()
                .filter(|release| self.prereleases || !release.prerelease)
                .filter(|release| self.drafts || !release.draft)
                .filter(|release| self.tags_taken.takes(&release.tag_name))
                .collect());
        };
        let named = self.api.one("release", &self.api.url(&["releases", "tags", tag]))?;
        let release: Option<Release> = match named {
            // A tag may well be called so; otherwise it is GitHub's word for the newest one.
            None if tag == "latest" => {
                self.api.one("latest release", &self.api.url(&["releases", "latest"]))?
            }
            named => named,
        };
        release
            .map(|release| vec![release])
            .ok_or_else(|| self.api.not_found(&format!("release `{tag}`")))
    }

    /// Whether only some may see the repository. Without a token nobody sees one that is private.
    fn is_private(&self) -> Result<bool> {
        if !self.api.has_token() {
            return Ok(false);
        }
        let info: Option<RepositoryInfo> = self.api.one("repository", &self.api.url(&[]))?;
        Ok(info.is_some_and(|info| info.private))
    }

    fn artifact(&self, asset: &Asset, place: &Place<'_>) -> Artifact {
        let public = !place.hidden && check_url(&asset.browser_download_url, &asset.name).is_ok();
        let sidecar = place.sidecars.get(&*format!("{}{SIDECAR}", asset.name));
        Artifact {
            filename: asset.name.as_str().into(),
            dist: asset.name.parse(),
            location: Location::remote(
                format!("{}@{}/{}", self.api.repository, place.tag, asset.name),
                asset.id.to_string(),
            ),
            source: place.position,
            size: Some(asset.size),
            offered: Offered {
                sha256: asset.sha256(),
                url: public.then(|| asset.browser_download_url.as_str().into()),
                upload_time: Some(asset.created_at),
                ..Offered::default()
            },
            stamp: None,
            revision: Some(asset.revision().into()),
            place: Some(place.tag.into()),
            sidecar: sidecar.map(|sidecar| {
                Box::new(SidecarFile::Remote {
                    key: sidecar.id.to_string().into(),
                    sha256: sidecar.sha256(),
                    revision: Some(sidecar.revision().into()),
                })
            }),
        }
    }

    fn reader(&self, asset: &Asset, private: bool) -> RangeReader<HttpFile> {
        let by_api = self.api.request(asset.url.clone(), "application/octet-stream");
        let by_browser = asset.browser_download_url.parse().ok().map(crate::net::Request::new);
        // The API counts requests; where everybody may download, nobody needs it.
        let requests = match by_browser {
            Some(by_browser) if !private => vec![by_browser, by_api],
            _ => vec![by_api],
        };
        let client = self.api.client.clone();
        let network = client.network().clone();
        let file = HttpFile::new(client, requests);
        RangeReader::new(file, Some(asset.size), &network, self.traffic.clone())
    }

    fn read_small(&self, asset: &Asset, private: bool, limit: u64) -> io::Result<Vec<u8>> {
        if asset.size > limit {
            return Err(io::Error::other(format!("it has more than {limit} bytes")));
        }
        let mut bytes = Vec::new();
        self.reader(asset, private).read_to_end(&mut bytes)?;
        match asset.sha256() {
            Some(expected) if Sha256::of(&bytes) != expected => {
                Err(io::Error::other(format!("expected the sha256 {expected}")))
            }
            _ => Ok(bytes),
        }
    }
}

impl Listed {
    fn find(&self, key: Option<&str>) -> io::Result<&Asset> {
        let asset = key.and_then(|key| self.assets.get(&key.parse().ok()?));
        asset.ok_or_else(|| io::Error::other("the source does not list it"))
    }
}

/// Where an asset is.
struct Place<'a> {
    tag: &'a str,
    position: usize,
    /// Whether not everybody can download it.
    hidden: bool,
    /// Assets that are sidecars, by name.
    sidecars: HashMap<&'a str, &'a Asset>,
}

impl Source for GithubReleases {
    fn list(&self, position: usize) -> Result<Listing> {
        let mut listing = Listing::default();
        let mut listed = Listed::default();
        let mut releases = self.releases()?;
        listed.private = self.is_private()?;
        // Old releases first: what was there keeps its place.
        releases.sort_by_key(|release| release.id);
        for mut release in releases {
            let mut assets = assets(&self.api, &mut release, self.tag.is_none())?;
            assets.sort_by(|one, other| one.name.cmp(&other.name).then(one.id.cmp(&other.id)));
            assets.dedup_by_key(|asset| asset.id);
            let uploaded = |asset: &&Asset| asset.is_uploaded();
            let place = Place {
                tag: &release.tag_name,
                position,
                hidden: listed.private || release.draft,
                sidecars: assets
                    .iter()
                    .filter(uploaded)
                    .filter(|asset| asset.name.ends_with(SIDECAR))
                    .map(|asset| (asset.name.as_str(), asset))
                    .collect(),
            };
            let facts = assets.iter().filter(uploaded).find(|asset| asset.name == FACTS_FILE);
            let facts = facts
                .map(|asset| Arc::new(HeldFacts { asset: asset.clone(), file: OnceLock::new() }));
            for asset in &assets {
                let ignored = if !asset.is_uploaded() {
                    Some(("its upload is not finished", true))
                } else if asset.name == FACTS_FILE || asset.name.ends_with(SIDECAR) {
                    None
                } else {
                    classify(&asset.name)
                };
                if let Some((reason, suspicious)) = ignored {
                    let repository = &self.api.repository;
                    let location = format!("{repository}@{}/{}", release.tag_name, asset.name);
                    listing.ignored.push(Ignored { location, reason, suspicious });
                    continue;
                }
                listed.assets.insert(asset.id, asset.clone());
                if asset.name == FACTS_FILE || asset.name.ends_with(SIDECAR) {
                    continue;
                }
                listing.artifacts.push(self.artifact(asset, &place).into());
                if let Some(facts) = &facts {
                    listed.facts_of.insert(asset.id, facts.clone());
                }
            }
        }
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(listed);
        Ok(listing)
    }

    fn open(&self, artifact: &Artifact) -> io::Result<Box<dyn ReadSeek>> {
        let listed = self.listed();
        let asset = listed.find(artifact.location.key())?;
        Ok(Box::new(self.reader(asset, listed.private)))
    }

    fn traffic(&self) -> Option<&Arc<Traffic>> {
        Some(&self.traffic)
    }

    fn identity(&self) -> Option<String> {
        // What one release has says nothing of what others have.
        let tag = self.tag.as_deref().unwrap_or_default();
        Some(format!("{} {tag}", self.api.identity()))
    }

    fn facts(&self, artifact: &Artifact) -> Result<Option<Facts>> {
        let listed = self.listed();
        let key = artifact.location.key().and_then(|key| key.parse::<u64>().ok());
        let (Some(sha256), Some(held)) =
            (artifact.offered.sha256, key.and_then(|key| listed.facts_of.get(&key)))
        else {
            return Ok(None);
        };
        let file = held.file.get_or_init(|| {
            // Without it the wheels are read, as they are where there is none.
            let read = self.read_small(&held.asset, listed.private, FactsFile::MAX_SIZE);
            let file = read.map_err(|error| error.to_string());
            match file.and_then(|bytes| FactsFile::parse(&bytes)) {
                Ok(file) => Some(file),
                Err(error) => {
                    tracing::warn!(%error, "{FACTS_FILE} of a release cannot be used");
                    None
                }
            }
        });
        Ok(file.as_ref().and_then(|file| file.facts(&artifact.filename, sha256, artifact.size)))
    }

    fn sidecar(&self, artifact: &Artifact) -> Result<Option<Sha256>> {
        match artifact.sidecar.as_deref() {
            None | Some(SidecarFile::File(_)) => Ok(None),
            Some(SidecarFile::Remote { sha256: Some(sha256), .. }) => Ok(Some(*sha256)),
            Some(SidecarFile::Remote { key, sha256: None, .. }) => {
                let listed = self.listed();
                let read = listed.find(Some(key)).and_then(|asset| {
                    self.read_small(asset, listed.private, CoreMetadata::MAX_SIZE)
                });
                match read {
                    Ok(bytes) => Ok(Some(Sha256::of(&bytes))),
                    Err(error) => Err(Error::source(format!(
                        "cannot read `{}{SIDECAR}`: {error}",
                        artifact.location
                    ))),
                }
            }
        }
    }

    fn without_urls(&self) -> &'static str {
        "installers cannot download what is private, or a draft: let the site carry the files with `--files copy`"
    }
}

/// All releases of a repository, drafts too where the token sees them.
fn all_releases(api: &Api) -> Result<Vec<Release>> {
    let all = api.all::<Release>("releases", api.url(&["releases"]))?;
    let all = all.ok_or_else(|| api.not_found("releases"))?;
    // One that is made while pages are read moves the others on to the next page.
    let mut seen = HashSet::new();
    Ok(all.into_iter().filter(|release| seen.insert(release.id)).collect())
}

/// All assets of a release, which may be one of many.
fn assets(api: &Api, release: &mut Release, is_of_many: bool) -> Result<Vec<Asset>> {
    let within = std::mem::take(&mut release.assets);
    // Asking for each release of many would use up the rate limit.
    let complete = is_of_many && within.len() < 100 && within.len() != FEW;
    if complete {
        return Ok(within);
    }
    let url = api.url(&["releases", &release.id.to_string(), "assets"]);
    let what = format!("assets of `{}`", release.tag_name);
    let all = api.all(&what, url)?;
    all.ok_or_else(|| api.not_found(&format!("release `{}` any more", release.tag_name)))
}

/// The API, as the repository of a spec is seen through it. Nothing is asked for yet.
fn connect(
    spec: &ReleaseSpec,
    otherwise: Option<&(&'static str, String)>,
    environment: &Environment,
    cache: Option<PathBuf>,
) -> Result<Api> {
    let repository: Repository = match (&spec.repository, otherwise) {
        (Some(repository), _) => repository.clone(),
        (None, Some((from, name))) => {
            name.parse().map_err(|error| Error::config(format!("{from}: {error}")))?
        }
        (None, None) => {
            return Err(Error::config_hint(
                format!("`{}` names no repository", SourceSpec::GithubReleases(spec.clone())),
                "write `gh-release:OWNER/REPO@TAG`, or set `repository` in the configuration or GITHUB_REPOSITORY",
            ));
        }
    };
    if let Some(token) = &environment.github.token
        && !token.reveal().bytes().all(|byte| (0x21..0x7f).contains(&byte))
    {
        return Err(Error::config_hint(
            "the token for GitHub holds characters that no token has",
            "check `GH_TOKEN` and `GITHUB_TOKEN`",
        ));
    }
    let base = api_url(environment.github.api_url.as_deref().unwrap_or(GITHUB))?;
    let client = Client::new(&environment.network)?;
    Ok(Api::new(client, base, repository, environment.github.token.clone(), cache))
}

/// The API's address; ends in a slash.
fn api_url(text: &str) -> Result<Url> {
    let wrong = |reason: &str| {
        Error::config_hint(
            format!("GITHUB_API_URL: expected the URL of an API, {reason}"),
            "for example https://github.example.com/api/v3",
        )
    };
    let url: Url = format!("{}/", text.trim_end_matches('/'))
        .parse()
        .map_err(|error| wrong(&format!("found something else: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("found one with a user name: a token goes into GITHUB_TOKEN"));
    }
    if !matches!(url.scheme(), "https" | "http") || url.cannot_be_a_base() {
        return Err(wrong("found one that is not https:// or http://"));
    }
    Ok(url)
}
