//! The head of a request, as a server of a test reads it.

use std::io::{Read, Result};

/// Request line and headers.
pub(crate) struct Head(String);

impl Head {
    /// Reads no byte beyond the head.
    pub(crate) fn read(stream: &mut impl Read) -> Result<Self> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? > 0 {
            head.push(byte[0]);
        }
        Ok(Self(String::from_utf8_lossy(&head).into_owned()))
    }

    pub(crate) fn method(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }

    /// Path and query; empty where there is no request.
    pub(crate) fn path(&self) -> &str {
        self.0.split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}
