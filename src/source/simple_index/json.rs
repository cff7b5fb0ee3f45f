//! Pages in JSON (PEP 691, 592, 700, 714, 792). Keys that are not known are passed over.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, SeqAccess, Visitor};
use url::Url;

use super::page::{
    MAX_FILES, MAX_PROJECTS, Page, PageError, PageFile, check_version, digest, passed_over,
    resolve, sidecar,
};
use crate::facts::Sidecar;
use crate::net::shown;
use crate::source::naming::classify;
use crate::wheel::escaped;

#[derive(serde::Deserialize)]
struct ProjectPage {
    meta: Option<Meta>,
    files: Capped<File, MAX_FILES>,
    #[serde(rename = "project-status")]
    project_status: Option<Status>,
}

#[derive(serde::Deserialize)]
struct RootPage {
    meta: Option<Meta>,
    projects: Capped<Project, MAX_PROJECTS>,
}

#[derive(serde::Deserialize)]
struct Meta {
    #[serde(rename = "api-version")]
    api_version: Option<String>,
    /// Here the standard's example has it; its text has it beside `meta`.
    #[serde(rename = "project-status")]
    project_status: Option<Status>,
}

#[derive(serde::Deserialize)]
struct Project {
    name: String,
}

#[derive(serde::Deserialize)]
struct File {
    filename: Box<str>,
    url: String,
    hashes: Option<Hashes>,
    #[serde(rename = "requires-python")]
    requires_python: Option<Box<str>>,
    #[serde(rename = "core-metadata")]
    core_metadata: Option<CoreMetadata>,
    #[serde(rename = "dist-info-metadata")]
    dist_info_metadata: Option<CoreMetadata>,
    yanked: Option<Yanked>,
    size: Option<u64>,
    #[serde(rename = "upload-time")]
    upload_time: Option<String>,
}

#[derive(serde::Deserialize)]
struct Hashes {
    sha256: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(untagged, expecting = "expected a boolean, or an object of digests")]
enum CoreMetadata {
    Is(bool),
    Hashes(Hashes),
}

#[derive(serde::Deserialize)]
#[serde(untagged, expecting = "expected a boolean, or a text")]
enum Yanked {
    Is(bool),
    Reason(Box<str>),
}

#[derive(serde::Deserialize)]
#[serde(untagged, expecting = "expected an object with a `status`")]
enum Status {
    Object { status: Option<String> },
    Text(String),
}

impl Status {
    fn is_quarantined(&self) -> bool {
        let status = match self {
            Self::Object { status } => status.as_deref(),
            Self::Text(text) => Some(&**text),
        };
        status == Some("quarantined")
    }
}

/// A list of which no more than so many are kept.
pub(super) struct Capped<T, const MAX: usize> {
    pub(super) items: Vec<T>,
    pub(super) overfull: bool,
}

impl<T, const MAX: usize> Capped<T, MAX> {
    fn checked(self) -> Result<Vec<T>, PageError> {
        if self.overfull { Err(PageError::TooMany(MAX)) } else { Ok(self.items) }
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Capped<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T, const MAX: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for Items<T, MAX> {
            type Value = Capped<T, MAX>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while items.len() < MAX {
                    match list.next_element()? {
                        Some(item) => items.push(item),
                        None => return Ok(Capped { items, overfull: false }),
                    }
                }
                let mut overfull = false;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    overfull = true;
                }
                Ok(Capped { items, overfull })
            }
        }

        deserializer.deserialize_seq(Items(PhantomData))
    }
}

/// The files of a project's page.
pub(super) fn page(bytes: &[u8], url: &Url) -> Result<Page, PageError> {
    let read: ProjectPage = read(bytes)?;
    let (version, in_meta) = match read.meta {
        Some(meta) => (meta.api_version, meta.project_status),
        None => (None, None),
    };
    check_version(version.as_deref())?;
    let statuses = [read.project_status, in_meta];
    let mut page = Page {
        quarantined: statuses.iter().flatten().any(Status::is_quarantined),
        ..Page::default()
    };
    for file in read.files.checked()? {
        let Some((file_url, _)) = resolve(url, &file.url) else {
            let location = format!("{} at {}", file.filename, shown(url));
            let reason = "its URL leads to nothing that can be downloaded";
            page.ignored.push(passed_over(location, reason, true));
            continue;
        };
        match classify(&file.filename) {
            None => page.files.push(file.into_file(file_url)?),
            Some((reason, suspicious)) => {
                page.ignored.push(passed_over(shown(&file_url), reason, suspicious));
            }
        }
    }
    Ok(page)
}

/// The names on a root page.
pub(super) fn projects(bytes: &[u8]) -> Result<Vec<String>, PageError> {
    let read: RootPage = read(bytes)?;
    check_version(read.meta.and_then(|meta| meta.api_version).as_deref())?;
    Ok(read.projects.checked()?.into_iter().map(|project| project.name).collect())
}

pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, PageError> {
    serde_json::from_slice(bytes).map_err(|error| {
        PageError::Invalid(format!("it is not what it should be: {}", escaped(&error.to_string())))
    })
}

impl File {
    fn into_file(self, url: Url) -> Result<PageFile, PageError> {
        let sha256 = self.hashes.and_then(|hashes| hashes.sha256);
        let core_metadata = match self.core_metadata.or(self.dist_info_metadata) {
            None | Some(CoreMetadata::Is(false)) => None,
            Some(CoreMetadata::Is(true)) => Some(Sidecar::Unhashed),
            Some(CoreMetadata::Hashes(hashes)) => Some(sidecar(hashes.sha256.as_deref())),
        };
        let yanked = match self.yanked {
            None | Some(Yanked::Is(false)) => None,
            Some(Yanked::Is(true)) => Some("".into()),
            // The standard has no empty reason; pip takes one for `false`.
            Some(Yanked::Reason(reason)) => Some(reason).filter(|reason| !reason.is_empty()),
        };
        Ok(PageFile {
            sha256: sha256.map(|hex| digest(&self.filename, &hex)).transpose()?,
            filename: self.filename,
            url,
            requires_python: self.requires_python.filter(|text| !text.trim().is_empty()),
            core_metadata,
            yanked,
            size: self.size,
            upload_time: self.upload_time.and_then(|text| text.trim().parse().ok()),
        })
    }
}

#[cfg(test)]
mod tests;
