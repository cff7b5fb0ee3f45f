//! The page of a project.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Serialize;
use tera::Value;
use url::Url;

use super::install::{Install, index_path};
use super::rows::{Beside, Head, Rows};
use super::{
    PROJECT_ROOT, People, Remark, human_size, metadata_of, newest_upload, public, remarks,
    same_release, same_text, status, summary,
};
use crate::cuda::{Architecture, ComputeCapability, CudaSummary, CudaVersion, TorchUse};
use crate::error::Result;
use crate::facts::{Depth, UploadTime};
use crate::index::{Channel, IndexFile, Project};
use crate::render::files_json::Torches;
use crate::render::listed::Listed;
use crate::render::needs::Needs;
use crate::render::{cut, description, name_by};
use crate::wheel::DistFilename;

/// The letters of a summary that a page shows: more than an index takes is no summary.
const SUMMARY: usize = 1_000;

#[derive(Serialize)]
struct ProjectPage<'a> {
    name: &'a str,
    normalized: &'a str,
    summary: Option<Cow<'a, str>>,
    latest: Option<String>,
    status: Option<&'static str>,
    status_reason: Option<&'a str>,
    requires_python: Option<&'a str>,
    license: Option<&'a str>,
    author: Option<&'a str>,
    links: Vec<Link<'a>>,
    requires_dist: &'a [String],
    provides_extra: &'a [String],
    description_html: Option<String>,
    install: Install,
    release_count: usize,
    /// Of these two, and of those of a release, a theme gets what it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    releases: Option<Vec<Release<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    releases_html: Option<Value>,
}

/// The releases of a project, in the forms that a theme asks for.
struct Releases<'a> {
    count: usize,
    list: Option<Vec<Release<'a>>>,
    html: Option<Value>,
    /// Bytes of what is written already.
    written: usize,
}

#[derive(Serialize)]
struct Link<'a> {
    label: &'a str,
    url: &'a str,
}

/// The files of a public version, whatever their local parts.
#[derive(Serialize)]
struct Release<'a> {
    version: String,
    is_latest: bool,
    is_yanked: bool,
    yanked: Option<&'a str>,
    prerelease: bool,
    date: Option<String>,
    file_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<Vec<FileRow<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Value>,
}

#[derive(Serialize)]
struct FileRow<'a> {
    filename: &'a str,
    url: String,
    kind: &'static str,
    python: &'a str,
    abi: &'a str,
    /// One for each tag.
    platforms: Vec<&'a str>,
    size_human: Option<String>,
    sha256: Option<String>,
    requires_python: Option<&'a str>,
    date: Option<String>,
    is_yanked: bool,
    yanked: Option<&'a str>,
    metadata_url: Option<String>,
    channel: Option<&'a str>,
    /// `full` or `metadata`; none where the file was not opened.
    depth: Option<Depth>,
    cuda: Option<Cuda<'a>>,
    torch: Option<Torch<'a>>,
    glibc: Option<&'a str>,
    findings: Vec<Remark<'a>>,
}

/// What a file needs of a GPU and its driver.
#[derive(Serialize)]
struct Cuda<'a> {
    toolkit: Option<CudaVersion>,
    driver: Option<&'a str>,
    architectures: &'a BTreeSet<Architecture>,
    compute_capabilities: &'a [ComputeCapability],
    needs: &'a BTreeSet<String>,
}

/// What a file needs of torch.
#[derive(Serialize)]
struct Torch<'a> {
    version: Option<String>,
    requires: Option<&'a str>,
    cxx11_abi: Option<bool>,
}

impl People<'_> {
    /// `packages/<name>/index.html`; `metadata` are the bytes of the representative file's
    /// METADATA, `needs` and `of_files` those of the files that are offered, in their order.
    pub fn project(
        &self,
        project: &Project,
        needs: &[Needs],
        of_files: &Listed<'_>,
        metadata: Option<&[u8]>,
    ) -> Result<Vec<u8>> {
        let representative = project.representative();
        let fields = representative.and_then(metadata_of).map(|metadata| &metadata.fields);
        let description = metadata.and_then(crate::wheel::CoreMetadata::description);
        let content_type = fields.and_then(|fields| fields.description_content_type.as_deref());
        let releases = self.releases(project, needs, of_files, representative);
        let page = ProjectPage {
            name: name_by(project, representative),
            normalized: project.name.as_str(),
            summary: summary(project, representative).map(|summary| cut(summary, SUMMARY)),
            latest: representative.map(|file| file.dist().version().to_string()),
            status: status(project),
            status_reason: project.settings.status_reason.as_deref(),
            requires_python: representative.and_then(|file| file.requires_python()),
            license: fields.and_then(|fields| fields.license.as_deref()),
            author: fields.and_then(|fields| fields.author.as_deref()),
            links: fields.map(|fields| links(&fields.project_urls)).unwrap_or_default(),
            requires_dist: fields.map_or(&[], |fields| &fields.requires_dist),
            provides_extra: fields.map_or(&[], |fields| &fields.provides_extra),
            description_html: description.map(|text| description::to_html(&text, content_type)),
            install: representative.map(|file| self.install(project, file)).unwrap_or_default(),
            release_count: releases.count,
            releases: releases.list,
            releases_html: releases.html,
        };
        let mut context = self.context(PROJECT_ROOT, &index_path(representative));
        context.insert("project", &page);
        self.render_project(&context, releases.written)
    }

    /// Newest first, and in each those of the newest local version.
    fn releases<'p>(
        &self,
        project: &'p Project,
        needs: &'p [Needs],
        of_files: &Listed<'_>,
        representative: Option<&IndexFile>,
    ) -> Releases<'p> {
        let with_needs = project.offered().iter().zip(needs).zip(of_files.urls());
        let listed: Vec<(&IndexFile, &Needs, &str)> =
            with_needs.map(|((file, needs), url)| (file, needs, url)).collect();
        let latest = representative.map(|file| file.dist().version());
        let forms = self.theme.file_forms();
        let writes = forms.html || forms.rows;
        let mut writer = writes.then(|| Rows::new(PROJECT_ROOT, listed.len()));
        let mut torches = Torches::default();
        let mut list = forms.list.then(Vec::new);
        let mut count = 0;
        let by_release = listed.chunk_by(|(one, ..), (other, ..)| {
            same_text(one, other) || same_release(one.dist().version(), other.dist().version())
        });
        for listed in by_release.rev() {
            count += 1;
            let first = listed[0].0;
            let files = || listed.iter().map(|(file, ..)| *file);
            let version = release_text(first);
            let is_latest = latest.is_some_and(|one| same_release(one, first.dist().version()));
            let prerelease = first.dist().version().any_prerelease();
            let is_yanked = files().all(|file| file.yanked.is_some());
            let yanked = first.yanked.as_deref().filter(|_| is_yanked);
            let date = newest_upload(files());
            if let Some(writer) = &mut writer {
                writer.open(&Head {
                    version: &version,
                    is_latest,
                    is_prerelease: prerelease,
                    yanked,
                    file_count: listed.len(),
                    date: date.as_deref(),
                });
            }
            let start = writer.as_ref().map_or(0, Rows::len);
            let mut values = forms.values.then(|| Vec::with_capacity(listed.len()));
            let by_local = listed.chunk_by(|(one, ..), (other, ..)| {
                same_text(one, other) || one.dist().version() == other.dist().version()
            });
            for listed in by_local.rev() {
                let torch = torches.of(listed[0].0).map(|torch| torch.to_string());
                let torch = torch.as_deref();
                if let Some(rows) = &mut writer {
                    for (file, needs, url) in listed {
                        let is_release_yanked = is_yanked;
                        rows.push(file, Beside { needs, url, torch, is_release_yanked });
                    }
                }
                if let Some(values) = &mut values {
                    values.extend(
                        listed.iter().map(|(file, needs, url)| row(file, needs, url, torch)),
                    );
                }
            }
            let rows = writer.as_ref().filter(|_| forms.rows).map(|writer| writer.behind(start));
            if let Some(writer) = &mut writer {
                writer.close();
            }
            if let Some(list) = &mut list {
                list.push(Release {
                    version: version.into_owned(),
                    is_latest,
                    is_yanked,
                    yanked,
                    prerelease,
                    date,
                    file_count: listed.len(),
                    files: values,
                    rows,
                });
            }
        }
        Releases {
            count,
            list,
            html: writer.as_ref().filter(|_| forms.html).map(|writer| writer.behind(0)),
            written: writer.as_ref().map_or(0, Rows::len),
        }
    }
}

/// `torch` is the one that the version names.
fn row<'p>(file: &'p IndexFile, needs: &'p Needs, url: &str, torch: Option<&str>) -> FileRow<'p> {
    let wheel = file.dist().wheel();
    FileRow {
        filename: file.dist().as_str(),
        kind: if wheel.is_some() { "wheel" } else { "sdist" },
        python: wheel.map_or("", |wheel| wheel.python()),
        abi: wheel.map_or("", |wheel| wheel.abi()),
        platforms: wheel.map(|wheel| wheel.platform().split('.').collect()).unwrap_or_default(),
        size_human: file.size().map(human_size),
        sha256: file.sha256().map(|sha256| sha256.to_string()),
        requires_python: file.requires_python(),
        date: file.upload_time.map(UploadTime::date),
        is_yanked: file.yanked.is_some(),
        yanked: file.yanked.as_deref(),
        metadata_url: file.core_metadata().map(|_| format!("{url}.metadata")),
        channel: file.channel.as_ref().map(Channel::as_str),
        depth: file.facts.as_deref().filter(|_| wheel.is_some()).map(|facts| facts.depth),
        cuda: needs.cuda.as_ref().map(Cuda::of),
        torch: Torch::of(torch, needs.torch_use.as_ref()),
        glibc: needs.glibc.as_deref(),
        findings: remarks(file),
        url: url.to_owned(),
    }
}

/// What the release of a file is called: its version without the local part.
fn release_text(file: &IndexFile) -> Cow<'_, str> {
    match file.dist() {
        // It is in its normal form, or written anew.
        DistFilename::Wheel(wheel) if wheel.has_normal_version() => {
            let text = wheel.version_text();
            text.split_once('+').map_or(text, |(public, _)| public).into()
        }
        dist => public(dist.version()).to_string().into(),
    }
}

impl<'a> Cuda<'a> {
    fn of(cuda: &'a CudaSummary) -> Self {
        Self {
            toolkit: cuda.toolkit,
            driver: cuda.driver,
            architectures: &cuda.architectures,
            compute_capabilities: &cuda.compute_capabilities,
            needs: &cuda.needs,
        }
    }
}

impl<'a> Torch<'a> {
    /// Also of a file that was not opened, whose version names its torch.
    fn of(version: Option<&str>, used: Option<&'a TorchUse>) -> Option<Self> {
        let version = version.map(str::to_owned);
        (version.is_some() || used.is_some()).then(|| Self {
            version,
            requires: used.and_then(|used| used.requires.as_deref()),
            cxx11_abi: used.and_then(|used| used.cxx11_abi),
        })
    }
}

/// Only links that a page may hold: METADATA is foreign text.
fn links(project_urls: &[(String, String)]) -> Vec<Link<'_>> {
    let safe = |url: &str| {
        Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http" | "mailto"))
    };
    project_urls
        .iter()
        .filter(|(_, url)| safe(url))
        .map(|(label, url)| Link { label, url })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_cannot_run() {
        let urls = [("a", "https://x.example"), ("b", "javascript:alert(1)"), ("c", "nonsense")]
            .map(|(label, url)| (label.to_owned(), url.to_owned()));
        let labels: Vec<&str> = links(&urls).iter().map(|link| link.label).collect();
        assert_eq!(labels, ["a"]);
    }
}
