//! What several pages of a project say of a file in the same words, made once for all of them.

use std::ops::Range;

use url::Url;

use crate::facts::{Sidecar, UploadTime};
use crate::index::{FileUrl, IndexFile, Project, View};
use crate::markup::{is_plain, push_html_bytes, push_json, push_segment};
use crate::wheel::{HexDigits, ProjectName};

/// From the page of a project to the root of the site, in `simple/` and in `packages/`.
pub(super) const PROJECT_ROOT: &str = "../../";

/// The files that the indexes of a site offer of a project.
#[derive(Debug)]
pub struct Listed<'p> {
    files: Vec<ListedFile<'p>>,
    /// Their URLs, one behind the other, as they are seen from below [`PROJECT_ROOT`].
    urls: String,
}

/// A file as pages spell it.
#[derive(Debug)]
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
        let mut files = Vec::with_capacity(offered.len());
        let mut urls = Vec::with_capacity(offered.len() * (base.len() + 90));
        for file in offered {
            let begin = urls.len();
            push_url(&mut urls, &project.name, file, base);
            let url = begin..urls.len();
            let is_plain = match &file.url {
                FileUrl::Own(url) => is_plain(url.as_bytes()),
                FileUrl::Carried | FileUrl::FilesUrl => is_base_plain,
            };
            let sha256 = file.sha256();
            let sidecar = match file.core_metadata() {
                Some(Sidecar::Sha256(sha256)) => Some(sha256.digits()),
                Some(Sidecar::Unhashed) | None => None,
            };
            files.push(ListedFile {
                file,
                url,
                is_below_root: file.url == FileUrl::Carried && sha256.is_some(),
                is_plain,
                sha256: sha256.map(|sha256| sha256.digits()),
                sidecar,
                upload_time: file.upload_time.map(UploadTime::text),
            });
        }
        // They are made of texts, so that nothing is ever lost here.
        Self { files, urls: String::from_utf8(urls).unwrap_or_default() }
    }

    /// The URLs of all files, in the order of the project, as its page has them.
    pub(super) fn urls(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|listed| self.url(listed))
    }

    fn url(&self, listed: &ListedFile<'_>) -> &str {
        self.urls.get(listed.url.clone()).unwrap_or_default()
    }

    /// The files that an index offers.
    pub(super) fn files(&self, view: View<'_>) -> impl Iterator<Item = &ListedFile<'p>> {
        self.files.iter().filter(move |listed| view.takes(listed.file))
    }

    /// Appends the URL of a file for use in HTML, as it is seen from an index.
    pub(super) fn push_url_html(&self, listed: &ListedFile<'_>, view: View<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(listed.further_up(view).as_bytes());
        let url = self.url(listed).as_bytes();
        if listed.is_plain { out.extend_from_slice(url) } else { push_html_bytes(out, url) }
    }

    /// The same as a JSON string, quotes included.
    pub(super) fn push_url_json(&self, listed: &ListedFile<'_>, view: View<'_>, out: &mut Vec<u8>) {
        let (further_up, url) = (listed.further_up(view), self.url(listed));
        if listed.is_plain {
            out.push(b'"');
            out.extend_from_slice(further_up.as_bytes());
            out.extend_from_slice(url.as_bytes());
            out.push(b'"');
        } else {
            push_json(out, &[further_up, url].concat());
        }
    }
}

impl ListedFile<'_> {
    /// What an index that is further from the root has before the URL.
    fn further_up(&self, view: View<'_>) -> &'static str {
        let root = if self.is_below_root { view.root() } else { PROJECT_ROOT };
        root.strip_prefix(PROJECT_ROOT).unwrap_or_default()
    }
}

/// Appends the URL of a file, where those are below `base` that have none of their own.
fn push_url(out: &mut Vec<u8>, name: &ProjectName, file: &IndexFile, base: &str) {
    match (&file.url, file.sha256()) {
        (FileUrl::Carried, Some(sha256)) => {
            out.extend_from_slice(PROJECT_ROOT.as_bytes());
            out.extend_from_slice(b"files/");
            out.extend_from_slice(name.as_str().as_bytes());
            out.push(b'/');
            out.extend_from_slice(sha256.short().as_bytes());
            out.push(b'/');
            push_segment(out, file.dist());
        }
        (FileUrl::Own(url), _) => out.extend_from_slice(url.as_bytes()),
        // A carried file has been read, so it has a digest; the name alone would still be right.
        (FileUrl::FilesUrl | FileUrl::Carried, _) => {
            out.extend_from_slice(base.as_bytes());
            push_segment(out, file.dist());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{Artifact, Location, Offered};
    use crate::index::{Admitted, Index};
    use crate::render::samples;
    use crate::wheel::Sha256;

    /// The URL of the one file of a project, in HTML and in JSON.
    fn spelled(filename: &str, url: FileUrl, base: Option<&str>, view: View<'_>) -> [String; 2] {
        let settings = samples::settings("title: x\n");
        let offered = Offered { sha256: Some(Sha256::of(b"x")), ..Offered::default() };
        let location = Location::File(filename.into());
        let artifact = Artifact { offered, ..Artifact::new(filename, location) };
        let file = Admitted { artifact: artifact.into(), facts: None, upload_time: None, url };
        let index = Index::build(vec![file], &settings).expect("builds");
        let base = base.map(|base| base.parse().expect("is a URL"));
        let listed = Listed::of(&index.projects[0], base.as_ref());
        let file = listed.files(View::All).next().expect("is listed");
        let (mut html, mut json) = (Vec::new(), Vec::new());
        listed.push_url_html(file, view, &mut html);
        listed.push_url_json(file, view, &mut json);
        [html, json].map(|text| String::from_utf8(text).expect("is UTF-8"))
    }

    #[test]
    fn what_the_site_carries_is_seen_from_each_index() {
        let name = "a_b-1+cu128-py3-none-any.whl";
        for (view, root) in [(View::Default, "../../"), (View::All, "../../../")] {
            let url = format!("{root}files/a-b/2d711642b726b044/a_b-1%2Bcu128-py3-none-any.whl");
            let expected = [url.clone(), format!("\"{url}\"")];
            assert_eq!(spelled(name, FileUrl::Carried, None, view), expected);
        }
    }

    #[test]
    fn other_urls_are_the_same_from_everywhere() {
        let name = "a-1-py3-none-any.whl";
        for view in [View::Default, View::All] {
            let [html, json] = spelled(name, FileUrl::FilesUrl, Some("https://x.example/'"), view);
            assert_eq!(html, "https://x.example/&#39;a-1-py3-none-any.whl");
            assert_eq!(json, "\"https://x.example/'a-1-py3-none-any.whl\"");
            let own = FileUrl::Own("https://x.example/\"a&b".into());
            let [html, json] = spelled(name, own, None, view);
            assert_eq!(html, "https://x.example/&quot;a&amp;b");
            assert_eq!(json, "\"https://x.example/\\\"a&b\"");
        }
    }
}
