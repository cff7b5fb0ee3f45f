//! Pages for people, rendered by a theme.

use serde::Serialize;
use tera::Context;
use url::Url;

use super::theme::Theme;
use super::{Links, description, display_name};
use crate::config::{Settings, Status};
use crate::error::{Error, Result};
use crate::facts::Metadata;
use crate::index::{Channel, Index, IndexFile, Project, View};
use crate::state::generator;
use crate::verify::Finding;
use crate::wheel::DistFilename;

/// Stands in commands for the index's URL where that is not known; the theme's script replaces it.
const INDEX_URL: &str = "INDEX_URL";

/// A file that was left out. Where it lay is nobody's business.
#[derive(Debug, Serialize)]
pub struct Rejected<'a> {
    /// Its name.
    pub filename: &'a str,
    /// Why it was left out.
    pub findings: &'a [Finding],
}

/// Renders pages for people.
pub struct People<'a> {
    theme: &'a Theme,
    site: Site,
    site_url: Option<&'a Url>,
    links: Links<'a>,
    /// What the uv snippet calls the index.
    index_name: String,
    /// Path of the site on its host: what a page that is served anywhere links to.
    absolute_root: String,
}

#[derive(Clone, Serialize)]
struct Site {
    title: String,
    description: Option<String>,
    index_url: Option<String>,
}

#[derive(Serialize)]
struct Totals {
    projects: usize,
    releases: usize,
    files: usize,
    size_human: Option<String>,
}

#[derive(Serialize)]
struct ProjectRow<'a> {
    name: &'a str,
    url: String,
    summary: Option<&'a str>,
    latest: Option<String>,
    releases: usize,
    files: usize,
    updated: Option<String>,
    status: Option<&'static str>,
}

#[derive(Serialize)]
struct ProjectPage<'a> {
    name: &'a str,
    normalized: &'a str,
    summary: Option<&'a str>,
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
struct ChannelRow<'a> {
    name: &'a str,
    url: String,
    is_default: bool,
}

#[derive(Serialize)]
struct Link<'a> {
    label: &'a str,
    url: &'a str,
}

#[derive(Default, Serialize)]
struct Install {
    pip: Option<String>,
    uv: Option<String>,
    toml: Option<String>,
}

#[derive(Serialize)]
struct Release<'a> {
    version: String,
    is_yanked: bool,
    yanked: Option<&'a str>,
    prerelease: bool,
    date: Option<String>,
    files: Vec<FileRow<'a>>,
}

#[derive(Serialize)]
struct FileRow<'a> {
    filename: &'a str,
    url: String,
    kind: &'static str,
    python: &'a str,
    abi: &'a str,
    platform: &'a str,
    size_human: Option<String>,
    sha256: Option<String>,
    requires_python: Option<&'a str>,
    date: Option<String>,
    is_yanked: bool,
    yanked: Option<&'a str>,
    metadata_url: Option<String>,
    channel: Option<&'a str>,
}

impl<'a> People<'a> {
    /// A renderer for these settings.
    pub fn new(settings: &'a Settings, theme: &'a Theme) -> Self {
        Self {
            theme,
            site: Site {
                title: settings.title.clone(),
                description: settings.description.clone(),
                index_url: None,
            },
            site_url: settings.site_url.as_ref(),
            links: Links { files_url: settings.files_url.as_ref(), root: "../../" },
            index_name: slug(&settings.title),
            absolute_root: settings.site_url.as_ref().map_or("/", Url::path).to_owned(),
        }
    }

    /// `index.html`: every project.
    pub fn home(&self, index: &Index, rejected: &[Rejected<'_>]) -> Result<Vec<u8>> {
        self.listing(index, View::All, rejected, self.context("", "simple/"))
    }

    /// `<channel>/index.html`: the projects of a channel.
    pub fn channel(&self, index: &Index, channel: &Channel) -> Result<Vec<u8>> {
        let mut context = self.context("../", &format!("{channel}/simple/"));
        context.insert("channel", channel.as_str());
        self.listing(index, View::Channel(channel), &[], context)
    }

    fn listing(
        &self,
        index: &Index,
        view: View<'_>,
        rejected: &[Rejected<'_>],
        mut context: Context,
    ) -> Result<Vec<u8>> {
        let projects = || index.projects.iter().filter(|project| view.has(project));
        let rows: Vec<ProjectRow<'_>> =
            projects().map(|project| project_row(project, &view.files(project))).collect();
        let mut sizes = projects().flat_map(|project| view.files(project)).map(|file| file.size);
        let size = sizes.try_fold(0u64, |sum, size| Some(sum.saturating_add(size?)));
        let channels: Vec<ChannelRow<'_>> = index
            .channels
            .all
            .iter()
            .rev()
            .map(|channel| ChannelRow {
                name: channel.as_str(),
                url: format!("{channel}/"),
                is_default: index.channels.default.as_ref() == Some(channel),
            })
            .collect();
        context.insert("channels", &channels);
        context.insert(
            "totals",
            &Totals {
                projects: rows.len(),
                releases: rows.iter().map(|row| row.releases).sum(),
                files: rows.iter().map(|row| row.files).sum(),
                size_human: size.map(human_size),
            },
        );
        context.insert("projects", &rows);
        context.insert("rejected_count", &rejected.len());
        self.render("index.html", &context)
    }

    /// `packages/<name>/index.html`; `metadata` are the bytes of the representative file's METADATA.
    pub fn project(&self, project: &Project, metadata: Option<&[u8]>) -> Result<Vec<u8>> {
        let representative = project.representative();
        let fields = representative.and_then(metadata_of).map(|metadata| &metadata.fields);
        let description = metadata.and_then(crate::wheel::CoreMetadata::description);
        let content_type = fields.and_then(|fields| fields.description_content_type.as_deref());
        let page = ProjectPage {
            name: display_name(project),
            normalized: project.name.as_str(),
            summary: summary(project),
            latest: representative.map(|file| file.dist.version().to_string()),
            status: status(project),
            status_reason: project.settings.status_reason.as_deref(),
            requires_python: representative.and_then(|file| file.requires_python.as_deref()),
            license: fields.and_then(|fields| fields.license.as_deref()),
            author: fields.and_then(|fields| fields.author.as_deref()),
            links: fields.map(|fields| links(&fields.project_urls)).unwrap_or_default(),
            requires_dist: fields.map_or(&[], |fields| &fields.requires_dist),
            provides_extra: fields.map_or(&[], |fields| &fields.provides_extra),
            description_html: description.map(|text| description::to_html(&text, content_type)),
            install: representative.map(|file| self.install(project, file)).unwrap_or_default(),
            releases: self.releases(project),
        };
        let mut context = self.context("../../", &index_path(representative));
        context.insert("project", &page);
        self.render("project.html", &context)
    }

    /// `rejected/index.html`: what was left out, and why.
    pub fn rejected(&self, rejected: &[Rejected<'_>]) -> Result<Vec<u8>> {
        let mut context = self.context("../", "simple/");
        context.insert("rejected", rejected);
        self.render("rejected.html", &context)
    }

    /// `404.html`: served at any depth, so its links are absolute.
    pub fn not_found(&self) -> Result<Vec<u8>> {
        self.render("404.html", &self.context(&self.absolute_root, "simple/"))
    }

    /// `index` is the path of the index whose URL the page shows, from the root of the site.
    pub(super) fn context(&self, root: &str, index: &str) -> Context {
        let mut context = Context::new();
        context.insert("root", root);
        context.insert("index_path", index);
        context.insert("assets", &self.theme.asset_paths());
        context.insert("generator", &generator());
        context.insert("site", &Site { index_url: self.index_url(index), ..self.site.clone() });
        context
    }

    fn index_url(&self, path: &str) -> Option<String> {
        self.site_url.and_then(|url| url.join(path).ok()).map(String::from)
    }

    pub(super) fn render(&self, template: &str, context: &Context) -> Result<Vec<u8>> {
        let mut page = Vec::with_capacity(16 * 1024);
        self.theme.tera.render_to(template, context, &mut page).map_err(|error| Error::Render {
            template: template.to_owned(),
            message: error.to_string(),
        })?;
        Ok(page)
    }

    /// Commands pin the version with its local part, and keep installers from compiling an sdist.
    fn install(&self, project: &Project, file: &IndexFile) -> Install {
        let (name, version) = (&project.name, file.dist.version());
        let url = self.index_url(&index_path(Some(file)));
        let url = url.as_deref().unwrap_or(INDEX_URL);
        let only_binary = match file.dist {
            DistFilename::Wheel(_) => format!(" --only-binary {name}"),
            DistFilename::Sdist(_) => String::new(),
        };
        let index = &self.index_name;
        Install {
            pip: Some(format!(
                "pip install \"{name}=={version}\"{only_binary} --extra-index-url {url}"
            )),
            uv: Some(format!("uv pip install \"{name}=={version}\"{only_binary} --index {url}")),
            toml: Some(format!(
                "[project]\ndependencies = [\"{name}=={version}\"]\n\n\
                 [[tool.uv.index]]\nname = \"{index}\"\nurl = \"{url}\"\nexplicit = true\n\n\
                 [tool.uv.sources]\n{name} = {{ index = \"{index}\" }}\n"
            )),
        }
    }

    /// Newest first.
    fn releases<'p>(&self, project: &'p Project) -> Vec<Release<'p>> {
        let by_version =
            project.offered().chunk_by(|one, other| one.dist.version() == other.dist.version());
        let releases = by_version.map(|files| {
            let version = files[0].dist.version();
            let is_yanked = files.iter().all(|file| file.yanked.is_some());
            Release {
                version: version.to_string(),
                is_yanked,
                yanked: files[0].yanked.as_deref().filter(|_| is_yanked),
                prerelease: version.any_prerelease(),
                date: files
                    .iter()
                    .filter_map(|file| file.upload_time)
                    .max()
                    .map(super::super::facts::UploadTime::date),
                files: files.iter().map(|file| self.file_row(project, file)).collect(),
            }
        });
        let mut releases: Vec<_> = releases.collect();
        releases.reverse();
        releases
    }

    fn file_row<'p>(&self, project: &Project, file: &'p IndexFile) -> FileRow<'p> {
        let url = self.links.url(&project.name, file);
        let wheel = file.dist.wheel();
        FileRow {
            filename: file.dist.as_str(),
            kind: if wheel.is_some() { "wheel" } else { "sdist" },
            python: wheel.map_or("", |wheel| wheel.python()),
            abi: wheel.map_or("", |wheel| wheel.abi()),
            platform: wheel.map_or("", |wheel| wheel.platform()),
            size_human: file.size.map(human_size),
            sha256: file.sha256.map(|sha256| sha256.to_string()),
            requires_python: file.requires_python.as_deref(),
            date: file.upload_time.map(super::super::facts::UploadTime::date),
            is_yanked: file.yanked.is_some(),
            yanked: file.yanked.as_deref(),
            metadata_url: file.core_metadata.map(|_| format!("{url}.metadata")),
            channel: file.channel.as_ref().map(Channel::as_str),
            url,
        }
    }
}

/// Whether the project page shows METADATA that only the wheel's bytes have: its description.
pub fn wants_metadata(project: &Project) -> Option<&IndexFile> {
    project.representative().filter(|file| metadata_of(file).is_some())
}

fn metadata_of(file: &IndexFile) -> Option<&Metadata> {
    file.facts.as_deref()?.metadata()
}

/// The index that a file is best installed from: with its channel's nobody gets another's.
fn index_path(file: Option<&IndexFile>) -> String {
    match file.and_then(|file| file.channel.as_ref()) {
        Some(channel) => format!("{channel}/simple/"),
        None => "simple/".to_owned(),
    }
}

fn project_row<'p>(project: &'p Project, files: &[&IndexFile]) -> ProjectRow<'p> {
    let versions = files.chunk_by(|one, other| one.dist.version() == other.dist.version()).count();
    ProjectRow {
        name: display_name(project),
        url: format!("packages/{}/", project.name),
        summary: summary(project),
        latest: project.representative().map(|file| file.dist.version().to_string()),
        releases: versions,
        files: files.len(),
        updated: files
            .iter()
            .filter_map(|file| file.upload_time)
            .max()
            .map(super::super::facts::UploadTime::date),
        status: status(project),
    }
}

fn summary(project: &Project) -> Option<&str> {
    project
        .settings
        .description
        .as_deref()
        .or_else(|| project.representative().and_then(metadata_of)?.fields.summary.as_deref())
}

fn status(project: &Project) -> Option<&'static str> {
    (project.settings.status != Status::Active).then(|| project.settings.status.as_str())
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

/// A size in bytes, as `1.5 MB`.
pub fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // Sizes below 2^53 are exact, and one digit after the point is shown.
    #[expect(clippy::cast_precision_loss)]
    let mut size = bytes as f64 / 1000.0;
    let mut unit = 0;
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// Lowercase letters, digits and single dashes.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for char in title.chars() {
        if char.is_ascii_alphanumeric() {
            slug.push(char.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "wheels".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (999_960, "1.0 MB"),
            (2_400_000_000, "2.4 GB"),
            (u64::MAX, "18446.7 PB"),
        ] {
            assert_eq!(human_size(bytes), text);
        }
    }

    #[test]
    fn slugs_name_an_index() {
        assert_eq!(slug("My CUDA  wheels!"), "my-cuda-wheels");
        assert_eq!(slug("車輪"), "wheels");
    }

    #[test]
    fn links_cannot_run() {
        let urls = [("a", "https://x.example"), ("b", "javascript:alert(1)"), ("c", "nonsense")]
            .map(|(label, url)| (label.to_owned(), url.to_owned()));
        let labels: Vec<&str> = links(&urls).iter().map(|link| link.label).collect();
        assert_eq!(labels, ["a"]);
    }
}
