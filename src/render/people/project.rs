//! The page of a project.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Serialize;
use tera::Value;
use url::Url;

use super::install::{Install, index_path};
use super::rows::{Beside, Rows};
use super::{
    People, Remark, human_size, metadata_of, newest_upload, public, remarks, same_release, status,
    summary,
};
use crate::cuda::{Architecture, ComputeCapability, CudaSummary, CudaVersion, TorchUse};
use crate::error::Result;
use crate::facts::{Depth, UploadTime};
use crate::index::{Channel, IndexFile, Project};
use crate::render::files_json::Torches;
use crate::render::needs::Needs;
use crate::render::{cut, description, name_by};

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
    releases: Vec<Release<'a>>,
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
    /// Of these two a theme gets what it asks for.
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
    /// METADATA, `needs` those of the files that are offered, in their order.
    pub fn project(
        &self,
        project: &Project,
        needs: &[Needs],
        metadata: Option<&[u8]>,
    ) -> Result<Vec<u8>> {
        let representative = project.representative();
        let fields = representative.and_then(metadata_of).map(|metadata| &metadata.fields);
        let description = metadata.and_then(crate::wheel::CoreMetadata::description);
        let content_type = fields.and_then(|fields| fields.description_content_type.as_deref());
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
            releases: self.releases(project, needs, representative),
        };
        let mut context = self.context("../../", &index_path(representative));
        context.insert("project", &page);
        let rows = page.releases.iter().filter_map(|release| release.rows.as_ref()?.as_str());
        self.render_around("project.html", &context, rows.map(str::len).sum())
    }

    /// Newest first, and in each those of the newest local version.
    fn releases<'p>(
        &self,
        project: &'p Project,
        needs: &'p [Needs],
        representative: Option<&IndexFile>,
    ) -> Vec<Release<'p>> {
        let listed: Vec<(&IndexFile, &Needs)> = project.offered().iter().zip(needs).collect();
        let latest = representative.map(|file| file.dist().version());
        let forms = self.theme.file_forms();
        let mut writer = forms.rows.then(|| Rows::new(self.links, &project.name, listed.len()));
        let mut torches = Torches::default();
        let by_release = listed.chunk_by(|(one, _), (other, _)| {
            same_text(one, other) || same_release(one.dist().version(), other.dist().version())
        });
        let releases = by_release.rev().map(|listed| {
            let files = || listed.iter().map(|(file, _)| *file);
            let version = files().next().map(|file| file.dist().version());
            let is_yanked = files().all(|file| file.yanked.is_some());
            let mut values = forms.values.then(|| Vec::with_capacity(listed.len()));
            let by_local = listed.chunk_by(|(one, _), (other, _)| {
                same_text(one, other) || one.dist().version() == other.dist().version()
            });
            for listed in by_local.rev() {
                let torch = torches.of(listed[0].0).map(|torch| torch.to_string());
                let torch = torch.as_deref();
                if let Some(rows) = &mut writer {
                    for (file, needs) in listed {
                        rows.push(file, Beside { needs, torch, is_release_yanked: is_yanked });
                    }
                }
                if let Some(values) = &mut values {
                    values.extend(
                        listed.iter().map(|(file, needs)| self.row(project, file, needs, torch)),
                    );
                }
            }
            Release {
                is_latest: latest.zip(version).is_some_and(|(one, other)| same_release(one, other)),
                is_yanked,
                yanked: listed[0].0.yanked.as_deref().filter(|_| is_yanked),
                prerelease: version.is_some_and(|version| version.any_prerelease()),
                date: newest_upload(files()),
                file_count: listed.len(),
                files: values,
                rows: writer.as_mut().map(Rows::take),
                version: version.map(|version| public(version).to_string()).unwrap_or_default(),
            }
        });
        releases.collect()
    }

    /// `torch` is the one that the version names.
    fn row<'p>(
        &self,
        project: &Project,
        file: &'p IndexFile,
        needs: &'p Needs,
        torch: Option<&str>,
    ) -> FileRow<'p> {
        let url = self.links.url(&project.name, file);
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
            url,
        }
    }
}

/// Whether the versions of two files are spelled alike; to compare what they mean takes longer.
fn same_text(one: &IndexFile, other: &IndexFile) -> bool {
    match (one.dist().wheel(), other.dist().wheel()) {
        (Some(one), Some(other)) => one.version_text() == other.version_text(),
        _ => false,
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
