//! What several pages of a project say of a file in the same words, made once for all of them.

use std::ops::Range;

use url::Url;

use super::Links;
use super::markup::{is_plain, push_html_bytes, push_json_bytes};
use crate::facts::{Sidecar, UploadTime};
use crate::index::{FileUrl, IndexFile, Project, View};
use crate::wheel::HexDigits;

/// The files that the indexes of a site offer of a project.
pub struct Listed<'p> {
    files: Vec<ListedFile<'p>>,
    /// Their URLs, one behind the other.
    urls: Vec<u8>,
}

/// A file as pages spell it.
pub(super) struct ListedFile<'p> {
    pub(super) file: &'p IndexFile,
    /// In the URLs of all.
    url: Range<usize>,
    /// Whether that begins at the root of the site.
    is_below_root: bool,
    /// Whether neither HTML nor JSON has another form of the URL.
    is_plain: bool,
    pub(super) sha256: Option<HexDigits>,
    pub(super) sidecar: Option<HexDigits>,
    pub(super) upload_time: Option<[u8; UploadTime::LENGTH]>,
}

impl<'p> Listed<'p> {
    /// The files of a project; those that have no URL of their own are served below `files_url`,
    /// which ends in `/`, unless the site carries them.
    pub fn of(project: &'p Project, files_url: Option<&Url>) -> Self {
        let offered = project.offered();
        let base = files_url.map(Url::as_str).unwrap_or_default();
        let is_base_plain = is_plain(base.as_bytes());
        let links = Links { files_url, root: "" };
        let mut listed = Self {
            files: Vec::with_capacity(offered.len()),
            urls: Vec::with_capacity(offered.len() * (base.len() + 90)),
        };
        for file in offered {
            let begin = listed.urls.len();
            links.push_url(&project.name, file, &mut listed.urls);
            let url = begin..listed.urls.len();
            let is_plain = match &file.url {
                FileUrl::Own(url) => is_plain(url.as_bytes()),
                FileUrl::Carried | FileUrl::FilesUrl => is_base_plain,
            };
            let sha256 = file.sha256();
            let sidecar = match file.core_metadata() {
                Some(Sidecar::Sha256(sha256)) => Some(sha256.digits()),
                Some(Sidecar::Unhashed) | None => None,
            };
            listed.files.push(ListedFile {
                file,
                url,
                is_below_root: file.url == FileUrl::Carried && sha256.is_some(),
                is_plain,
                sha256: sha256.map(|sha256| sha256.digits()),
                sidecar,
                upload_time: file.upload_time.map(UploadTime::text),
            });
        }
        listed
    }

    /// The files that an index offers.
    pub(super) fn files(&self, view: View<'_>) -> impl Iterator<Item = &ListedFile<'p>> {
        self.files.iter().filter(move |listed| view.takes(listed.file))
    }

    /// Appends the URL of a file for use in HTML, as it is seen from below this root.
    pub(super) fn push_url_html(&self, listed: &ListedFile<'_>, root: &str, out: &mut Vec<u8>) {
        if listed.is_below_root {
            out.extend_from_slice(root.as_bytes());
        }
        let url = &self.urls[listed.url.clone()];
        if listed.is_plain { out.extend_from_slice(url) } else { push_html_bytes(out, url) }
    }

    /// The same as a JSON string, quotes included.
    pub(super) fn push_url_json(&self, listed: &ListedFile<'_>, root: &str, out: &mut Vec<u8>) {
        let url = &self.urls[listed.url.clone()];
        if listed.is_plain {
            out.push(b'"');
            if listed.is_below_root {
                out.extend_from_slice(root.as_bytes());
            }
            out.extend_from_slice(url);
            out.push(b'"');
        } else {
            let root = if listed.is_below_root { root } else { "" };
            push_json_bytes(out, &[root.as_bytes(), url].concat());
        }
    }
}
