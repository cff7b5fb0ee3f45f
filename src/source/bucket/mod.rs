//! The objects in a bucket of Amazon S3, Google Cloud Storage or Azure, or of a server that
//! speaks as one of them does.
//!
//! A listing names sizes and ETags and no digests. A digest that is kept with an object is
//! asked for one by one; where there is none, the object is streamed once and remembered by
//! its ETag. Pages can link to objects only where they are served to everybody.

mod checksum;
mod client;
pub(crate) mod connect;
pub(crate) mod failure;
mod listing;
mod profile;
pub(crate) mod raw;
mod s3;
mod variables;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::runtime::Runtime;
use url::Url;

use super::naming::{SIDECAR, check_url, classify};
use super::ranges::{Part, RangeReader, Remote, Span};
use super::{BucketSpec, Context, Ignored, Listing, ReadSeek, Source, Traffic};
use crate::config::SourceSettings;
use crate::error::{Error, Result};
use crate::facts::{Artifact, Location, Offered, SidecarFile, UploadTime};
use crate::net::{Body, Network, runtime};
use crate::wheel::{CoreMetadata, Sha256};
use connect::Server;
use failure::Trouble;

/// What a segment of a path holds as it is (RFC 3986): a plus, too, would be read as a space.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The objects of a bucket below a prefix.
pub struct Bucket {
    spec: BucketSpec,
    prefix: Path,
    server: Server,
    public_url: Option<Url>,
    network: Network,
    runtime: &'static Runtime,
    traffic: Arc<Traffic>,
}

impl Bucket {
    /// A source for a bucket that may not exist. Nothing is asked for yet.
    pub fn new(
        spec: &BucketSpec,
        settings: &SourceSettings,
        context: &Context<'_>,
    ) -> Result<Self> {
        let network = &context.environment.network;
        let server = connect::connect(spec, &settings.bucket, network)?;
        Self::at(server, spec, settings, network)
    }

    fn at(
        server: Server,
        spec: &BucketSpec,
        settings: &SourceSettings,
        network: &Network,
    ) -> Result<Self> {
        let prefix = Path::parse(&spec.prefix)
            .map_err(|error| Error::config(format!("`{spec}`: {}", failure::innermost(&error))))?;
        let runtime =
            runtime().map_err(|error| Error::source(format!("cannot make requests: {error}")))?;
        Ok(Self {
            spec: spec.clone(),
            prefix,
            server,
            public_url: settings.bucket.public_url.clone(),
            network: network.clone(),
            runtime,
            traffic: Arc::default(),
        })
    }

    /// What lies below the prefix, by key.
    fn objects(&self) -> Result<Vec<ObjectMeta>> {
        let listed = self.server.objects.list(Some(&self.prefix)).try_collect::<Vec<_>>();
        let listed = self.runtime.block_on(listed);
        let mut objects = listed.map_err(|error| self.server.not_listed(&self.spec, &error))?;
        // The marker of the prefix itself loses its slash on the way.
        objects.retain(|object| self.below_prefix(object.location.as_ref()).is_some());
        objects.sort_unstable_by(|one, other| one.location.cmp(&other.location));
        Ok(objects)
    }

    /// A key as it is seen from the prefix; none where it lies elsewhere.
    fn below_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        let prefix = self.prefix.as_ref();
        let below = match prefix {
            "" => Some(key),
            _ => key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')),
        };
        below.filter(|below| !below.is_empty())
    }

    fn shown(&self, key: &str) -> String {
        format!("{}://{}/{key}", self.spec.provider.scheme(), self.spec.bucket)
    }

    /// Where everybody can download what lies there.
    fn url(&self, below: &str, filename: &str) -> Option<Box<str>> {
        let mut url = self.public_url.as_ref()?.to_string();
        for (index, part) in below.split('/').enumerate() {
            url.push_str(if index == 0 { "" } else { "/" });
            url.extend(utf8_percent_encode(part, ENCODED));
        }
        check_url(&url, filename).is_ok().then(|| url.into())
    }

    fn artifact(&self, object: &ObjectMeta, below: &str, position: usize) -> Artifact {
        let filename = name_of(below);
        let uploaded = UploadTime::from_seconds(object.last_modified.timestamp());
        Artifact {
            filename: filename.into(),
            dist: filename.parse(),
            location: Location::remote(
                self.shown(object.location.as_ref()),
                object.location.as_ref(),
            ),
            source: position,
            size: Some(object.size),
            offered: Offered {
                url: self.url(below, filename),
                upload_time: uploaded,
                ..Offered::default()
            },
            stamp: None,
            revision: Some(revision(object)),
            sidecar: None,
            place: object.location.as_ref().rsplit_once('/').map(|(folders, _)| folders.into()),
        }
    }

    fn path(&self, key: &str) -> Result<Path> {
        Path::parse(key).map_err(|error| {
            Error::source(format!(
                "cannot read `{}`: {}",
                self.shown(key),
                failure::innermost(&error)
            ))
        })
    }

    fn read_sidecar(&self, path: &Path) -> io::Result<Sha256> {
        let limit = CoreMetadata::MAX_SIZE;
        let read = self.runtime.block_on(async {
            let answer = self.server.objects.get(path).await?;
            if answer.meta.size > limit { Ok(None) } else { answer.bytes().await.map(Some) }
        });
        match read.map_err(|error| Trouble::of(&error))? {
            None => Err(io::Error::other(format!("it has more than {limit} bytes"))),
            Some(bytes) => {
                self.traffic.add(bytes.len() as u64);
                Ok(Sha256::of(&bytes))
            }
        }
    }
}

impl Source for Bucket {
    fn list(&self, position: usize) -> Result<Listing> {
        let objects = self.objects()?;
        let keys = || objects.iter().map(|object| object.location.as_ref());
        let sidecars: HashMap<&str, &ObjectMeta> = objects
            .iter()
            .map(|object| (object.location.as_ref(), object))
            .filter(|(key, _)| key.ends_with(SIDECAR))
            .collect();
        let folders: HashSet<&str> = keys().flat_map(folders_of).collect();
        let sites: HashSet<&str> = keys()
            .filter(|key| name_of(key) == crate::state::ROOT_FILE)
            .filter_map(|key| folders_of(key).next())
            .filter(|folder| self.below_prefix(folder).is_some())
            .collect();
        let mut listing = Listing::default();
        let mut ignore = |location: String, reason, suspicious| {
            listing.ignored.push(Ignored { location, reason, suspicious });
        };
        let mut seen = BTreeSet::new();
        for object in &objects {
            let key = object.location.as_ref();
            let Some(below) = self.below_prefix(key) else { continue };
            if let Some(site) = folders_of(key).find(|folder| sites.contains(folder)) {
                seen.insert(site);
                continue;
            }
            // Consoles make an empty object for each folder.
            let is_folder = object.size == 0 && folders.contains(key);
            let name = name_of(below);
            if is_folder || name.ends_with(SIDECAR) {
                continue;
            }
            if below.split('/').any(|part| part.starts_with('.')) {
                ignore(self.shown(key), "hidden", false);
            } else if let Some((reason, suspicious)) = classify(name) {
                ignore(self.shown(key), reason, suspicious);
            } else {
                let mut artifact = self.artifact(object, below, position);
                let sidecar = format!("{key}{SIDECAR}");
                artifact.sidecar = sidecars.get(&*sidecar).map(|object| {
                    Box::new(SidecarFile::Remote {
                        key: sidecar.as_str().into(),
                        sha256: None,
                        revision: Some(revision(object)),
                    })
                });
                listing.artifacts.push(artifact.into());
            }
        }
        for site in seen {
            ignore(self.shown(site), "a generated site", false);
        }
        Ok(listing)
    }

    fn open(&self, artifact: &Artifact) -> io::Result<Box<dyn ReadSeek>> {
        let (Some(key), Some(revision)) = (artifact.location.key(), &artifact.revision) else {
            return Err(io::Error::other("the source does not list it"));
        };
        let object = Object {
            objects: self.server.objects.clone(),
            path: Path::parse(key).map_err(io::Error::other)?,
            etag: etag_of_revision(revision).map(Into::into),
            runtime: self.runtime,
        };
        let traffic = self.traffic.clone();
        Ok(Box::new(RangeReader::new(object, artifact.size, &self.network, traffic)))
    }

    fn traffic(&self) -> Option<&Arc<Traffic>> {
        Some(&self.traffic)
    }

    fn identity(&self) -> Option<String> {
        Some(format!("{} at {}", self.spec, self.server.address))
    }

    fn digest(&self, artifact: &Artifact) -> Result<Option<Sha256>> {
        let Some(key) = artifact.location.key() else { return Ok(None) };
        let path = self.path(key)?;
        let options = GetOptions { head: true, ..GetOptions::default() };
        match self.runtime.block_on(self.server.heads.get_opts(&path, options)) {
            Ok(head) => {
                let listed = artifact.revision.as_deref().and_then(etag_of_revision);
                let found = head.meta.e_tag.as_deref().map(plain);
                // Of what was replaced since, reading says so.
                let same = listed.is_none() || found.is_none() || listed == found;
                Ok(if same { checksum::kept_with(&head) } else { None })
            }
            Err(error) => {
                let trouble = Trouble::of(&error);
                // Whoever may read objects may not be allowed to ask for their heads; and a
                // server may not know what it is asked. Reading says whether it is there.
                if matches!(trouble.status(), Some(400 | 403 | 404 | 405 | 501)) {
                    tracing::debug!(key, %trouble, "has no digest");
                    return Ok(None);
                }
                Err(Error::source(format!("cannot read `{}`: {trouble}", artifact.location)))
            }
        }
    }

    fn sidecar(&self, artifact: &Artifact) -> Result<Option<Sha256>> {
        let Some(SidecarFile::Remote { key, .. }) = artifact.sidecar.as_deref() else {
            return Ok(None);
        };
        let read = self.read_sidecar(&self.path(key)?);
        read.map(Some).map_err(|error| {
            Error::source(format!("cannot read `{}{SIDECAR}`: {error}", artifact.location))
        })
    }

    fn without_urls(&self) -> &'static str {
        "say where the bucket is served to everybody: `public_url` of the source in the configuration, or `--files-url URL`; or let the site carry the files with `--files copy`"
    }
}

fn name_of(key: &str) -> &str {
    key.rsplit_once('/').map_or(key, |(_, name)| name)
}

/// The folders that a key lies in, the innermost first.
fn folders_of(key: &str) -> impl Iterator<Item = &str> {
    key.rmatch_indices('/').map(|(at, _)| &key[..at])
}

/// What tells these bytes from those that were or will be there. Without an ETag, the moment.
fn revision(object: &ObjectMeta) -> Box<str> {
    let size = object.size;
    match &object.e_tag {
        Some(etag) => format!("{} {size}", plain(etag)).into(),
        None => format!("@{} {size}", object.last_modified.timestamp()).into(),
    }
}

fn etag_of_revision(revision: &str) -> Option<&str> {
    let (etag, _) = revision.rsplit_once(' ')?;
    (!etag.starts_with('@')).then_some(etag)
}

/// Azure quotes an ETag in an answer, and not in a listing.
fn plain(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"')
}

/// An object, read in parts.
struct Object {
    objects: Arc<dyn ObjectStore>,
    path: Path,
    /// What it was listed with.
    etag: Option<Box<str>>,
    runtime: &'static Runtime,
}

impl Remote for Object {
    fn fetch(&mut self, span: &Span) -> io::Result<Part> {
        let range = match span {
            Span::From(0) => None,
            Span::From(start) => Some(GetRange::Offset(*start)),
            Span::Within(range) => Some(GetRange::Bounded(range.clone())),
            Span::Last(count) => Some(GetRange::Suffix(*count)),
        };
        let get = |range: Option<GetRange>| {
            let options = GetOptions { range, ..GetOptions::default() };
            self.runtime.block_on(self.objects.get_opts(&self.path, options))
        };
        let ranged = range.is_some();
        let answer = match get(range) {
            // A server that ignores ranges gives the whole file, which `object_store` refuses.
            Err(error) if ranged && Trouble::of(&error).is_whole_file() => get(None),
            answer => answer,
        };
        let answer = answer.map_err(|error| Trouble::of(&error))?;
        let etag = answer.meta.e_tag.as_deref().map(plain);
        // Not every server heeds a condition, so what came is compared.
        if let (Some(listed), Some(found)) = (self.etag.as_deref(), etag)
            && listed != found
        {
            let reason = "it changed after it was listed";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok(Part {
            start: answer.range.start,
            total: Some(answer.meta.size),
            version: etag.map(Into::into),
            reader: Box::new(Body::new(answer.into_stream(), self.runtime, |error| {
                Trouble::of(&error).into()
            })),
        })
    }
}

#[cfg(test)]
mod tests;
