//! Requests that change something. They are made once: whether they were done, callers find out.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use futures::stream;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH};
use reqwest::{Body as HttpBody, Method, StatusCode};
use tokio::io::AsyncReadExt;

use super::client::{Client, Request};
use super::{Body, Failure};

/// No slower is a connection that is worth waiting for, in bytes a second.
const SLOWEST: u64 = 32 * 1024;
/// Bytes of a file that are read at once.
const CHUNK: usize = 256 * 1024;

/// What a request carries.
pub(crate) enum Sent<'a> {
    Nothing,
    Bytes(Vec<u8>),
    /// A file of this size.
    File(&'a Path, u64),
}

impl Client {
    /// Makes a request once, and reads no more than so many bytes of its answer.
    pub(crate) fn change(
        &self,
        method: Method,
        request: &Request,
        sent: &Sent<'_>,
        limit: u64,
    ) -> Result<(StatusCode, Vec<u8>), Failure> {
        let length = match sent {
            Sent::Nothing => 0,
            Sent::Bytes(bytes) => bytes.len() as u64,
            Sent::File(_, size) => *size,
        };
        // The client's own limit is one of silence, and while a body is sent servers are silent.
        let patience = self.network.timeout + Duration::from_secs(length / SLOWEST);
        let answer = self.runtime.block_on(async {
            let client = reqwest::Client::builder()
                .user_agent(concat!("wheelsite/", env!("CARGO_PKG_VERSION")))
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(self.network.timeout)
                .timeout(patience)
                .build()
                .map_err(Failure::of_transport)?;
            let mut asked =
                client.request(method, request.url.clone()).headers(request.headers.clone());
            if let Some((origin, value)) = &request.authorization
                && *origin == request.url.origin()
            {
                asked = asked.header(AUTHORIZATION, value.clone());
            }
            asked = match sent {
                Sent::Nothing => asked,
                Sent::Bytes(bytes) => asked.body(bytes.clone()),
                Sent::File(path, size) => {
                    asked.header(CONTENT_LENGTH, *size).body(file_body(path, *size).await?)
                }
            };
            asked.send().await.map_err(Failure::of_transport)
        })?;
        let status = answer.status();
        let failed = |error| Failure::of_transport(error).into();
        let body = Body::new(answer.bytes_stream(), self.runtime, failed);
        let mut bytes = Vec::new();
        let read = body.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|error| Failure::Transport(error.to_string()))?;
        if bytes.len() as u64 > limit {
            return Err(Failure::TooLarge { limit });
        }
        Ok((status, bytes))
    }
}

/// A file as it is read, no more of it than its size was.
async fn file_body(path: &Path, size: u64) -> Result<HttpBody, Failure> {
    let unreadable = |error: std::io::Error| Failure::Transport(error.to_string());
    let file = tokio::fs::File::open(path).await.map_err(unreadable)?.take(size);
    let chunks = stream::try_unfold(file, |mut file| async move {
        let mut chunk = vec![0; CHUNK];
        let count = file.read(&mut chunk).await?;
        chunk.truncate(count);
        Ok::<_, std::io::Error>((count > 0).then_some((chunk, file)))
    });
    Ok(HttpBody::wrap_stream(chunks))
}
