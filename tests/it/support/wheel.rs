//! Wheels made to order: valid unless told otherwise.

use std::io::{Cursor, Write};

use sha2::Digest;
use zip::write::SimpleFileOptions;

/// A wheel that a test makes.
#[derive(Clone)]
pub(crate) struct Wheel {
    filename: String,
    dist_info: String,
    metadata: Vec<u8>,
    how_made: String,
    /// Members but for those of the `.dist-info` folder.
    files: Vec<(String, Vec<u8>)>,
    /// Files of the `.dist-info` folder that are left out.
    without: Vec<&'static str>,
}

impl Wheel {
    /// A pure wheel of a project, with a module that knows its version.
    pub(crate) fn new(name: &str, version: &str) -> Self {
        let escaped = name.replace(['-', '.'], "_");
        Self {
            filename: format!("{escaped}-{version}-py3-none-any.whl"),
            dist_info: format!("{}-{version}.dist-info", escaped.to_lowercase()),
            metadata: format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
                .into_bytes(),
            how_made: "Wheel-Version: 1.0\nGenerator: wheelsite tests\nRoot-Is-Purelib: true\n\
                    Tag: py3-none-any\n"
                .to_owned(),
            files: vec![(
                format!("{}.py", escaped.to_lowercase()),
                format!("__version__ = \"{version}\"\n").into_bytes(),
            )],
            without: Vec::new(),
        }
    }

    pub(crate) fn filename(&self) -> &str {
        &self.filename
    }

    /// Adds header lines to METADATA.
    pub(crate) fn header(mut self, line: &str) -> Self {
        self.metadata.extend_from_slice(format!("{line}\n").as_bytes());
        self
    }

    /// Sets the long description; headers cannot follow.
    pub(crate) fn description(mut self, content_type: &str, text: &str) -> Self {
        let lines = format!("Description-Content-Type: {content_type}\n\n{text}");
        self.metadata.extend_from_slice(lines.as_bytes());
        self
    }

    pub(crate) fn metadata(mut self, metadata: &[u8]) -> Self {
        self.metadata = metadata.to_vec();
        self
    }

    pub(crate) fn wheel_file(mut self, text: &str) -> Self {
        text.clone_into(&mut self.how_made);
        self
    }

    pub(crate) fn dist_info(mut self, folder: &str) -> Self {
        folder.clone_into(&mut self.dist_info);
        self
    }

    pub(crate) fn without(mut self, file: &'static str) -> Self {
        self.without.push(file);
        self
    }

    pub(crate) fn file(mut self, name: &str, contents: &[u8]) -> Self {
        self.files.push((name.to_owned(), contents.to_vec()));
        self
    }

    /// Every member, RECORD last.
    pub(crate) fn members(&self) -> Vec<(String, Vec<u8>)> {
        let mut members = self.files.clone();
        let file = |name: &str| format!("{}/{name}", self.dist_info);
        members.push((file("METADATA"), self.metadata.clone()));
        members.push((file("WHEEL"), self.how_made.clone().into_bytes()));
        // What is left out is missing everywhere, so that nothing else is wrong.
        members.retain(|(name, _)| !self.without.iter().any(|left_out| *name == file(left_out)));
        if !self.without.contains(&"RECORD") {
            let record = record(&members, &file("RECORD"));
            members.push((file("RECORD"), record));
        }
        members
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        archive(&self.members())
    }
}

/// A RECORD of some members that is true.
pub(crate) fn record(members: &[(String, Vec<u8>)], path: &str) -> Vec<u8> {
    let row = |(name, contents): &(String, Vec<u8>)| {
        format!("{name},sha256={},{}\n", base64(contents), contents.len())
    };
    let mut text: String = members.iter().map(row).collect();
    text.push_str(&format!("{path},,\n"));
    text.into_bytes()
}

/// A ZIP file of some members, the same for the same members.
pub(crate) fn archive(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, contents) in members {
        writer.start_file(name.as_str(), SimpleFileOptions::default()).expect("starts");
        writer.write_all(contents).expect("writes");
    }
    writer.finish().expect("finishes").into_inner()
}

/// SHA-256 in RECORD's spelling: URL-safe base64 without padding.
fn base64(contents: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digest = sha2::Sha256::digest(contents);
    let mut text = String::new();
    for chunk in digest.chunks(3) {
        let mut bits = 0u32;
        for index in 0..3 {
            bits = bits << 8 | u32::from(chunk.get(index).copied().unwrap_or(0));
        }
        for index in 0..=chunk.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * index) & 63) as usize]));
        }
    }
    text
}
