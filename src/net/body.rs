//! The body of an answer, as plain `Read`.

use std::io::{self, Read};

use futures::stream::{BoxStream, StreamExt};
use tokio::runtime::Runtime;

/// Chunks as they come from the network. What was not read when it is dropped is not fetched.
pub(crate) struct Body {
    chunks: BoxStream<'static, io::Result<Vec<u8>>>,
    current: Vec<u8>,
    read: usize,
    runtime: &'static Runtime,
}

impl Body {
    /// The body that a stream of chunks is.
    pub(crate) fn new<B, E>(
        chunks: impl futures::Stream<Item = Result<B, E>> + Send + 'static,
        runtime: &'static Runtime,
        failed: impl Fn(E) -> io::Error + Send + 'static,
    ) -> Self
    where
        B: Into<Vec<u8>>,
    {
        let chunks = chunks.map(move |chunk| chunk.map(Into::into).map_err(&failed)).boxed();
        Self { chunks, current: Vec::new(), read: 0, runtime }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read == self.current.len() {
            match self.runtime.block_on(self.chunks.next()) {
                None => return Ok(0),
                Some(chunk) => self.current = chunk?,
            }
            self.read = 0;
        }
        let count = buffer.len().min(self.current.len() - self.read);
        buffer[..count].copy_from_slice(&self.current[self.read..self.read + count]);
        self.read += count;
        Ok(count)
    }
}
