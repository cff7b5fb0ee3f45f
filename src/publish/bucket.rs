//! A bucket as a place to publish to, whoever's it is.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};

use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, Error as StoreError, GetOptions, ObjectStore, ObjectStoreExt, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, UpdateVersion,
};
use reqwest::Method;
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, IF_MATCH, IF_NONE_MATCH};
use tokio::runtime::Runtime;

use super::store::{Condition, Put, Store, Upload};
use crate::config::BucketSettings;
use crate::error::{Error, Result};
use crate::host::Headers;
use crate::net::{Network, Retry, runtime};
use crate::source::BucketSpec;
use crate::source::bucket::connect::{Server, connect};
use crate::source::bucket::failure::{Trouble, innermost, one_line};
use crate::source::bucket::raw::RawAnswer;
use crate::state::Tag;
use crate::wheel::{HashingReader, Sha256};

/// What is larger is uploaded in parts of this size: S3 takes no smaller ones.
const PART: u64 = 5 << 20;
/// S3 takes no more than ten thousand parts.
const PARTS: u64 = 9_000;

/// A bucket, below a prefix.
pub(super) struct BucketStore {
    shown: String,
    prefix: String,
    server: Server,
    network: Network,
    runtime: &'static Runtime,
}

impl BucketStore {
    /// Makes ready to reach a bucket. Nothing is asked for yet.
    pub(super) fn new(
        spec: &BucketSpec,
        settings: &BucketSettings,
        network: &Network,
    ) -> Result<Self> {
        Key::parse(&spec.prefix)
            .map_err(|error| Error::config(format!("`{spec}`: {}", innermost(&error))))?;
        Ok(Self {
            shown: spec.to_string(),
            prefix: spec.prefix.clone(),
            server: connect(spec, settings, network)?,
            network: network.clone(),
            runtime: runtime()
                .map_err(|error| Error::target(format!("cannot make requests: {error}")))?,
        })
    }

    /// For what the library does not repeat by itself.
    fn retry(&self) -> Retry {
        Retry::new(&Network { retries: self.network.retries.min(3), ..self.network.clone() })
    }

    fn objects(&self) -> &dyn ObjectStore {
        &*self.server.objects
    }

    fn key(&self, key: &str) -> Result<Key> {
        let whole = match &*self.prefix {
            "" => key.to_owned(),
            prefix => format!("{prefix}/{key}"),
        };
        Key::parse(whole).map_err(|error| {
            Error::target(format!("cannot write `{}/{key}`: {}", self.shown, innermost(&error)))
        })
    }

    fn failed(&self, action: &str, key: &str, error: &StoreError) -> Error {
        self.explain(action, key, Trouble::of(error).status(), &Trouble::of(error).to_string())
    }

    fn explain(&self, action: &str, key: &str, status: Option<u16>, said: &str) -> Error {
        let address = &self.server.address;
        let message = format!("cannot {action} `{}/{key}` at `{address}`: {said}", self.shown);
        let text = said.to_ascii_lowercase();
        let says = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
        let hint = if says(&["timetooskewed", "too skewed", "requestexpired", "clock"]) {
            "the clock of this machine is off by minutes, and signatures hold for minutes: set it"
                .to_owned()
        } else if is_no_bucket(&text) {
            "check the bucket's name and the endpoint: publishing makes no bucket".to_owned()
        } else if says(&["redirect", "authorizationheadermalformed"]) {
            "say in which region the bucket is: `publish.region` in the configuration, or \
                AWS_REGION"
                .to_owned()
        } else {
            match (status, &self.server.asks) {
                (Some(400 | 401 | 403), Some(asks)) => format!(
                    "it was asked with {asks}: check that, and that it may list the bucket, and \
                        read, write and delete objects"
                ),
                (Some(400 | 401 | 403), None) => {
                    "it was asked without credentials: nobody writes without them".to_owned()
                }
                (Some(404), _) => "check the bucket's name and the endpoint".to_owned(),
                (Some(_), _) => "what is there is whole; run again to go on".to_owned(),
                (None, _) => {
                    "check the endpoint and the network; what is there is whole, and another \
                        run goes on"
                        .to_owned()
                }
            }
        };
        Error::target_hint(message, hint)
    }

    /// An object that its store calls a page without a name.
    fn raw(
        &self,
        method: &Method,
        key: &str,
        headers: &[(HeaderName, &str)],
        body: &[u8],
    ) -> Result<RawAnswer> {
        let Some(raw) = &self.server.raw else {
            return Err(Error::config_hint(
                format!("`{}` takes no keys that end in a slash", self.shown),
                "`--host r2` is for `s3://` targets",
            ));
        };
        let place = self.key(key.trim_end_matches('/'))?;
        let mut retry = Retry::new(&self.network);
        loop {
            let answer = raw.ask(method.clone(), &place, headers, body);
            let (status, said) = match self.runtime.block_on(answer) {
                Ok(answer) if answer.status < 500 && !matches!(answer.status, 409 | 429) => {
                    return Ok(answer);
                }
                Ok(answer) => {
                    (Some(answer.status), format!("the server answered {}", answer.status))
                }
                Err(reason) => (None, one_line(&reason)),
            };
            if !retry.pause() {
                return Err(self.explain("reach", key, status, &said));
            }
        }
    }

    fn refused(&self, action: &str, key: &str, answer: &RawAnswer) -> Error {
        let said = format!("the server answered {}", answer.status);
        self.explain(action, key, Some(answer.status), &said)
    }

    fn put_raw(
        &self,
        key: &str,
        bytes: &[u8],
        headers: Headers,
        condition: &Condition,
    ) -> Result<Put> {
        let mut sent =
            vec![(CONTENT_TYPE, headers.content_type), (CACHE_CONTROL, headers.cache_control)];
        match condition {
            Condition::Always => {}
            Condition::Absent => sent.push((IF_NONE_MATCH, "*")),
            Condition::Is(Tag { e_tag: Some(etag), .. }) => sent.push((IF_MATCH, etag)),
            // Without a condition it would overwrite whatever is there.
            Condition::Is(_) => {
                return Err(Error::target_hint(
                    format!(
                        "`{}/{key}` has no ETag, so that no write can depend on it",
                        self.shown
                    ),
                    "a proxy in front of the store may take it away",
                ));
            }
        }
        let answer = self.raw(&Method::PUT, key, &sent, bytes)?;
        match answer.status {
            200..=299 => Ok(Put::Done(Tag { e_tag: answer.etag.map(Into::into), version: None })),
            404 | 412 if *condition != Condition::Always => self.settle(key, bytes),
            _ => Err(self.refused("write", key, &answer)),
        }
    }

    /// A write that was refused: by another's bytes, or by one's own whose answer was lost.
    fn settle(&self, key: &str, bytes: &[u8]) -> Result<Put> {
        let limit = bytes.len() as u64;
        // What has more bytes is another's.
        match self.get_within(key, limit)? {
            Found::Whole(found, tag) if found == bytes => Ok(Put::Done(tag)),
            _ => Ok(Put::Refused),
        }
    }

    /// An object, as far as it has no more than so many bytes.
    fn get_within(&self, key: &str, limit: u64) -> Result<Found> {
        if key.ends_with('/') {
            let answer = self.raw(&Method::GET, key, &[], &[])?;
            return match answer.status {
                404 => Ok(Found::Nothing),
                200 if answer.body.len() as u64 > limit => Ok(Found::More),
                200 => {
                    let tag = Tag { e_tag: answer.etag.map(Into::into), version: None };
                    Ok(Found::Whole(answer.body, tag))
                }
                _ => Err(self.refused("read", key, &answer)),
            };
        }
        let place = self.key(key)?;
        let mut retry = self.retry();
        loop {
            let answer = match self.runtime.block_on(self.objects().get(&place)) {
                Ok(answer) => answer,
                Err(error @ StoreError::NotFound { .. }) => {
                    let said = Trouble::of(&error).to_string();
                    if is_no_bucket(&said.to_ascii_lowercase()) {
                        return Err(self.explain("read", key, Some(404), &said));
                    }
                    return Ok(Found::Nothing);
                }
                Err(error) => return Err(self.failed("read", key, &error)),
            };
            let tag = tag(answer.meta.e_tag.clone(), answer.meta.version.clone());
            if answer.meta.size > limit {
                return Ok(Found::More);
            }
            match self.runtime.block_on(answer.bytes()) {
                Ok(bytes) => return Ok(Found::Whole(bytes.to_vec(), tag)),
                Err(error) if !retry.pause() => return Err(self.failed("read", key, &error)),
                Err(error) => tracing::debug!(key, error = %Trouble::of(&error), "broke off"),
            }
        }
    }

    /// Uploads once; the hash is made while the file is read.
    fn upload_once(&self, key: &str, upload: &Upload<'_>) -> Result<u64, Failed> {
        let file = File::open(upload.file)?;
        let size = file.metadata()?.len();
        let place = self.key(key).map_err(Failed::Lasting)?;
        let store = |error: StoreError| Failed::Store(error);
        if size <= PART {
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
            file.take(PART + 1).read_to_end(&mut bytes)?;
            check(upload, Sha256::of(&bytes))?;
            let size = bytes.len() as u64;
            let options =
                PutOptions { attributes: attributes(upload.headers), ..Default::default() };
            let put = self.objects().put_opts(&place, bytes.into(), options);
            self.runtime.block_on(put).map_err(store)?;
            return Ok(size);
        }
        let part = PART.max(size.div_ceil(PARTS));
        let options =
            PutMultipartOptions { attributes: attributes(upload.headers), ..Default::default() };
        let begun = self.objects().put_multipart_opts(&place, options);
        let mut parts = self.runtime.block_on(begun).map_err(store)?;
        let mut under_way = VecDeque::new();
        let mut reader = HashingReader::new(file);
        let mut sent = || -> Result<u64, Failed> {
            loop {
                let mut bytes = Vec::with_capacity(usize::try_from(part).unwrap_or_default());
                reader.by_ref().take(part).read_to_end(&mut bytes)?;
                if bytes.is_empty() {
                    break;
                }
                under_way.push_back(self.runtime.spawn(parts.put_part(PutPayload::from(bytes))));
                while under_way.len() >= upload.parts.max(1) {
                    self.end_of_part(&mut under_way)?;
                }
            }
            while !under_way.is_empty() {
                self.end_of_part(&mut under_way)?;
            }
            Ok(size)
        };
        let sent = sent();
        let (found, length) = reader.finish();
        match sent.and_then(|_| check(upload, found)) {
            Ok(()) => {
                self.runtime.block_on(parts.complete()).map_err(store)?;
                Ok(length)
            }
            Err(error) => {
                for task in under_way {
                    task.abort();
                }
                // What cannot be taken back costs its owner space until the bucket's rules end it.
                let _ = self.runtime.block_on(parts.abort());
                Err(error)
            }
        }
    }

    fn end_of_part(&self, under_way: &mut VecDeque<Part>) -> Result<(), Failed> {
        let Some(first) = under_way.pop_front() else { return Ok(()) };
        match self.runtime.block_on(first) {
            Ok(done) => done.map_err(Failed::Store),
            Err(error) => Err(Failed::File(io::Error::other(error.to_string()))),
        }
    }
}

/// An object that was asked for.
enum Found {
    /// There is none.
    Nothing,
    /// All of it.
    Whole(Vec<u8>, Tag),
    /// It has more bytes than were asked for.
    More,
}

type Part = tokio::task::JoinHandle<object_store::Result<()>>;

/// Why an upload did not end well.
enum Failed {
    /// The local file cannot be read.
    File(io::Error),
    /// The store said no.
    Store(StoreError),
    /// Trying again is of no use.
    Lasting(Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

fn check(upload: &Upload<'_>, found: Sha256) -> Result<(), Failed> {
    if found == upload.sha256 {
        return Ok(());
    }
    Err(Failed::Lasting(super::changed(upload.file, upload.sha256, found)))
}

fn is_no_bucket(text: &str) -> bool {
    let signs = ["nosuchbucket", "containernotfound", "specified bucket does not exist"];
    signs.iter().any(|sign| text.contains(sign))
        || text.contains("bucket") && (text.contains("not found") || text.contains("not exist"))
}

fn attributes(headers: Headers) -> Attributes {
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::ContentType, headers.content_type.into());
    attributes.insert(Attribute::CacheControl, headers.cache_control.into());
    attributes
}

fn tag(e_tag: Option<String>, version: Option<String>) -> Tag {
    Tag { e_tag: e_tag.map(Into::into), version: version.map(Into::into) }
}

impl Store for BucketStore {
    fn shown(&self) -> &str {
        &self.shown
    }

    fn get(&self, key: &str, limit: u64) -> Result<Option<(Vec<u8>, Tag)>> {
        match self.get_within(key, limit)? {
            Found::Nothing => Ok(None),
            Found::Whole(bytes, tag) => Ok(Some((bytes, tag))),
            Found::More => Err(Error::TooLarge { place: format!("{}/{key}", self.shown), limit }),
        }
    }

    fn head(&self, key: &str) -> Result<Option<Tag>> {
        if key.ends_with('/') {
            let answer = self.raw(&Method::HEAD, key, &[], &[])?;
            return match answer.status {
                404 => Ok(None),
                200 => Ok(Some(Tag { e_tag: answer.etag.map(Into::into), version: None })),
                _ => Err(self.refused("read", key, &answer)),
            };
        }
        let place = self.key(key)?;
        let options = GetOptions { head: true, ..GetOptions::default() };
        match self.runtime.block_on(self.objects().get_opts(&place, options)) {
            Ok(answer) => Ok(Some(tag(answer.meta.e_tag, answer.meta.version))),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed("read", key, &error)),
        }
    }

    fn put(&self, key: &str, bytes: &[u8], headers: Headers, condition: &Condition) -> Result<Put> {
        if key.ends_with('/') {
            return self.put_raw(key, bytes, headers, condition);
        }
        let place = self.key(key)?;
        let mode = match condition {
            Condition::Always => PutMode::Overwrite,
            Condition::Absent => PutMode::Create,
            Condition::Is(tag) => PutMode::Update(UpdateVersion {
                e_tag: tag.e_tag.as_deref().map(str::to_owned),
                version: tag.version.as_deref().map(str::to_owned),
            }),
        };
        let mut retry = self.retry();
        loop {
            let options = PutOptions {
                mode: mode.clone(),
                attributes: attributes(headers),
                ..PutOptions::default()
            };
            let put = self.objects().put_opts(&place, bytes.to_vec().into(), options);
            match self.runtime.block_on(put) {
                Ok(PutResult { e_tag, version, .. }) => return Ok(Put::Done(tag(e_tag, version))),
                Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => {
                    return self.settle(key, bytes);
                }
                // Of a write whose answer was lost nobody knows whether it was done.
                Err(error) => {
                    let status = Trouble::of(&error).status();
                    let passes = matches!(status, None | Some(408 | 409 | 429 | 500..=599));
                    if !passes || *condition == Condition::Always || !retry.pause() {
                        return Err(self.failed("write", key, &error));
                    }
                    if let Put::Done(tag) = self.settle(key, bytes)? {
                        return Ok(Put::Done(tag));
                    }
                }
            }
        }
    }

    fn upload(&self, key: &str, upload: &Upload<'_>) -> Result<u64> {
        let mut retry = self.retry();
        loop {
            match self.upload_once(key, upload) {
                Ok(size) => return Ok(size),
                Err(Failed::Lasting(error)) => return Err(error),
                Err(Failed::File(error)) => return Err(Error::output("read", upload.file)(error)),
                Err(Failed::Store(error)) => {
                    // A refusal stays one. All else may be an upload in parts that was lost.
                    let lasts = matches!(Trouble::of(&error).status(), Some(400..=403));
                    if lasts || !retry.pause() {
                        return Err(self.failed("write", key, &error));
                    }
                }
            }
        }
    }

    fn takes_slash_keys(&self) -> bool {
        self.server.raw.is_some()
    }

    fn delete(&self, key: &str) -> Result<()> {
        if key.ends_with('/') {
            let answer = self.raw(&Method::DELETE, key, &[], &[])?;
            return match answer.status {
                200..=299 | 404 => Ok(()),
                _ => Err(self.refused("delete", key, &answer)),
            };
        }
        let place = self.key(key)?;
        match self.runtime.block_on(self.objects().delete(&place)) {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed("delete", key, &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use crate::source::Provider;

    #[test]
    fn a_write_that_depends_on_nothing_is_none() {
        let spec = BucketSpec {
            provider: Provider::S3,
            bucket: "bucket".to_owned(),
            prefix: String::new(),
        };
        let settings = BucketSettings {
            endpoint: Some("http://127.0.0.1:9".parse().expect("is a URL")),
            region: Some("us-east-1".to_owned()),
            anonymous: true,
            ..BucketSettings::default()
        };
        let store = BucketStore::new(&spec, &settings, &Network::default()).expect("is made");
        let nameless = Condition::Is(Tag::default());
        let headers = Host::R2.headers("simple/a/");
        let error = store.put("simple/a/", b"x", headers, &nameless).expect_err("is refused");
        assert!(error.to_string().contains("has no ETag"), "{error}");
    }
}
