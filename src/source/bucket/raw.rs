//! Objects of S3 whose keys end in a slash. `object_store` takes the slash away, so that the
//! requests are made here, signed and sent by its own parts.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AwsAuthorizer};
use object_store::client::{ClientOptions, HttpClient, HttpConnector, HttpRequest};
use object_store::path::Path;
use object_store::signer::Signer;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::client::Connector;

/// An answer to such a request.
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
    pub(crate) body: Vec<u8>,
}

/// What makes them.
pub(crate) struct RawS3 {
    store: Arc<AmazonS3>,
    region: String,
    options: ClientOptions,
    signs: bool,
}

/// No more is read of an answer: pages and refusals are small.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

impl RawS3 {
    pub(super) fn new(
        store: Arc<AmazonS3>,
        region: &str,
        options: ClientOptions,
        signs: bool,
    ) -> Self {
        Self { store, region: region.to_owned(), options, signs }
    }

    /// Asks for something of the object under `folder` with a slash behind it.
    pub(crate) async fn ask(
        &self,
        method: Method,
        folder: &Path,
        headers: &[(HeaderName, &str)],
        body: &[u8],
    ) -> Result<RawAnswer, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        // The signed URL tells where the bucket is; the signature is none for this key.
        let signed = self.store.signed_url(Method::GET, folder, Duration::from_secs(60));
        let mut url = signed.await.map_err(|error| text(&error))?;
        url.set_query(None);
        url.set_path(&format!("{}/", url.path().trim_end_matches('/')));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(name, HeaderValue::from_str(value).map_err(|error| text(&error))?);
        }
        let mut request = HttpRequest::new(body.to_vec().into());
        *request.method_mut() = method;
        *request.uri_mut() = url.as_str().parse().map_err(|_| "the URL is none".to_owned())?;
        *request.headers_mut() = map;
        if self.signs {
            let credential = self.store.credentials().get_credential().await;
            let credential = credential.map_err(|error| super::failure::innermost(&error))?;
            let signer = AwsAuthorizer::new(&credential, "s3", &self.region);
            signer
                .try_authorize(&mut request, None)
                .map_err(|error| super::failure::innermost(&error))?;
        }
        let client: HttpClient = Connector.connect(&self.options).map_err(|error| text(&error))?;
        let answer = client.execute(request).await;
        let answer = answer.map_err(|error| super::failure::innermost(&error))?;
        let status = answer.status().as_u16();
        let etag = answer.headers().get("etag").and_then(|etag| etag.to_str().ok());
        let etag = etag.map(str::to_owned);
        let body = answer.into_body().bytes().await;
        let mut body = body.map_err(|error| super::failure::innermost(&error))?.to_vec();
        body.truncate(MAX_ANSWER);
        Ok(RawAnswer { status, etag, body })
    }
}
