//! The files of another index, as its simple API has them (PEP 503, PEP 691).
//!
//! Its pages tell almost all that an index wants to know of a file. Wheels are read by
//! ranges all the same, for what a page says is true only if the bytes say it too.

mod html;
mod json;
mod page;
mod survey;
mod whole;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use url::Url;

use super::http_file::HttpFile;
use super::naming::{SIDECAR, check_url};
use super::ranges::RangeReader;
use super::{Context, IndexSpec, Listing, ReadSeek, Source, Traffic};
use crate::config::SourceSettings;
use crate::error::{Error, Result};
use crate::facts::{Artifact, Location, Offered, Sidecar, SidecarFile};
use crate::net::{Client, Failure, Fetched, Request, shown};
use crate::wheel::{CoreMetadata, ProjectName, Sha256, escaped};
use page::{MAX_PROJECTS, PageFile, is_html, passed_over};

pub(crate) use page::{Form, HTML, JSON, PageError, TEXT_HTML};
pub use page::{parse_page, parse_root};
pub(crate) use survey::{Entry, Fault, RootSurvey, Survey, survey_page, survey_root};

/// JSON before HTML: it alone tells sizes and times.
const WANTED: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";
/// The page of a project with a hundred thousand files comes to a hundred megabytes.
const MAX_PAGE: u64 = 128 * 1024 * 1024;
/// Of pages that are larger, one is held in memory at a time.
const LARGE_PAGE: u64 = 32 * 1024 * 1024;
/// Pages that are asked for at once, unless somebody says otherwise.
const REQUESTS: usize = 16;

/// Another index, or some of its projects.
pub struct SimpleIndex {
    client: Client,
    /// To the root, with the user of the spec, who is told to the root's own origin alone.
    root: Request,
    has_user: bool,
    /// In the order in which they were named; all where there are none.
    projects: Vec<ProjectName>,
    requests: usize,
    /// From which size on a page has to wait for its turn.
    large_page: u64,
    turn: Mutex<()>,
    traffic: Arc<Traffic>,
}

/// What the page of a project gives.
struct Found {
    listing: Listing,
    url: Url,
    /// Whether it has no distribution, and does not say that it withholds them.
    is_bare: bool,
}

impl SimpleIndex {
    /// A source for an index that may not exist.
    pub fn new(spec: &IndexSpec, settings: &SourceSettings, context: &Context<'_>) -> Result<Self> {
        let mut projects: Vec<ProjectName> = Vec::new();
        for project in spec.projects.iter().chain(&settings.projects) {
            if !projects.contains(project) {
                projects.push(project.clone());
            }
        }
        Ok(Self {
            client: Client::new(&context.environment.network)?,
            root: Request::new(spec.url.clone()),
            has_user: !spec.url.username().is_empty() || spec.url.password().is_some(),
            projects,
            requests: context.jobs.unwrap_or(REQUESTS).max(1),
            large_page: LARGE_PAGE,
            turn: Mutex::default(),
            traffic: Arc::default(),
        })
    }

    /// A request that names the user where that is known to be one of the index.
    fn request(&self, url: Url) -> Request {
        let has_own = !url.username().is_empty() || url.password().is_some();
        if has_own { Request::new(url) } else { self.root.clone().at(url) }
    }

    fn all_projects(&self, listing: &mut Listing) -> Result<Vec<ProjectName>> {
        let url = &self.root.url;
        let read = |answer: &Fetched| parse_root(content_type(answer), &answer.bytes, &answer.url);
        let Some((page, root)) = self.fetch(url, read)? else {
            return Err(Error::source_hint(
                format!("there is no index at `{}`: the server answered 404", shown(url)),
                "check the URL: it is what `pip install --index-url` takes, for example `simple+https://HOST/simple/`",
            ));
        };
        let root = match root {
            Ok(root) => root,
            Err(PageError::TooMany(_)) => {
                return Err(Error::config_hint(
                    format!("`{}` has more than {MAX_PROJECTS} projects", shown(url)),
                    format!(
                        "choose among them: `simple+{}#PROJECT,PROJECT`, or `projects` in the configuration",
                        shown(url)
                    ),
                ));
            }
            Err(error) => return Err(unusable(&page, &error)),
        };
        listing.ignored.extend(root.ignored);
        Ok(root.projects)
    }

    /// What one project has.
    fn project(&self, project: &ProjectName, position: usize) -> Result<Listing> {
        match self.look(project, position)? {
            Some(found) if found.is_bare => return Err(self.without_files(project, &found)),
            Some(found) => return Ok(found.listing),
            None => {}
        }
        // Without it the site would be shorter, and nobody would see what is missing.
        let hint = if self.projects.is_empty() {
            "the index lists it and has no page for it: run again, or name the projects that are wanted"
        } else {
            "check the name, or do not name it"
        };
        Err(Error::source_hint(
            format!(
                "`{}` has no project `{project}`: the server answered 404 for `{}`",
                shown(&self.root.url),
                shown(&self.page_of(project)?)
            ),
            hint,
        ))
    }

    fn page_of(&self, project: &ProjectName) -> Result<Url> {
        let failed = |error| Error::source(format!("the page of `{project}` has no URL: {error}"));
        self.root.url.join(&format!("{project}/")).map_err(failed)
    }

    /// What a project has, which need not be there; none where the index has no such project.
    pub fn find(&self, project: &ProjectName, position: usize) -> Result<Option<Listing>> {
        Ok(self.look(project, position)?.map(|found| found.listing))
    }

    fn look(&self, project: &ProjectName, position: usize) -> Result<Option<Found>> {
        let read = |answer: &Fetched| parse_page(content_type(answer), &answer.bytes, &answer.url);
        let Some((url, page)) = self.fetch(&self.page_of(project)?, read)? else { return Ok(None) };
        let page = page.map_err(|error| unusable(&url, &error))?;
        let is_bare = page.files.is_empty() && !page.quarantined;
        let mut listing = Listing { ignored: page.ignored, ..Listing::default() };
        if page.quarantined {
            let reason = "the index has put the project under quarantine";
            listing.ignored.push(passed_over(shown(&url), reason, true));
        }
        for file in page.files {
            let artifact = self.artifact(file, position);
            // Installers pass over it; here it would become a project that nobody has chosen.
            if artifact.dist.as_ref().is_ok_and(|dist| dist.name() != project) {
                let reason = "it is on the page of another project";
                listing.ignored.push(passed_over(artifact.location.to_string(), reason, true));
            } else {
                listing.artifacts.push(artifact.into());
            }
        }
        Ok(Some(Found { listing, url, is_bare }))
    }

    /// A page without a file is one for maintenance more often than not: taken for what it says,
    /// it would empty the project.
    fn without_files(&self, project: &ProjectName, found: &Found) -> Error {
        let ignored = &found.listing.ignored;
        let odd = ignored.iter().find(|ignored| ignored.suspicious).or(ignored.first());
        let instead = match odd {
            None => "nothing that is a link".to_owned(),
            Some(odd) => format!(
                "{} other links, among them `{}`: {}",
                ignored.len(),
                escaped(&odd.location),
                odd.reason
            ),
        };
        let message = format!(
            "the page of `{project}` lists no distribution: `{}` has {instead}",
            shown(&found.url)
        );
        let hint = if self.projects.is_empty() {
            format!(
                "run again later; if the project really has none, name those that are wanted: `simple+{}#PROJECT,PROJECT`",
                shown(&self.root.url)
            )
        } else {
            "run again later, or check the URL; if the project really has none, do not name it"
                .to_owned()
        };
        Error::source_hint(message, hint)
    }

    fn artifact(&self, file: PageFile, position: usize) -> Artifact {
        let sidecar = file.core_metadata.map(|sidecar| {
            Box::new(SidecarFile::Remote {
                key: sidecar_url(&file.url).as_str().into(),
                sha256: match sidecar {
                    Sidecar::Sha256(sha256) => Some(sha256),
                    Sidecar::Unhashed => None,
                },
                revision: None,
            })
        });
        // Where the index wants a user, links to its own server lead nobody else anywhere.
        let hidden = self.has_user && file.url.origin() == self.root.url.origin();
        let public = !hidden && check_url(file.url.as_str(), &file.filename).is_ok();
        Artifact {
            dist: file.filename.parse(),
            filename: file.filename.into(),
            location: Location::remote(shown(&file.url), file.url.as_str()),
            source: position,
            size: file.size,
            offered: Offered {
                sha256: file.sha256,
                url: public.then(|| file.url.as_str().into()),
                requires_python: file.requires_python.map(Into::into),
                // Only what was compared with the wheel is passed on.
                core_metadata: None,
                upload_time: file.upload_time,
                modified: None,
                yanked: file.yanked,
            },
            stamp: None,
            revision: None,
            sidecar,
            place: Some(self.root.url.path().trim_matches('/').into()),
        }
    }

    /// Fetches a page and reads it, and tells where it was; none where there is none.
    fn fetch<T>(&self, url: &Url, read: impl Fn(&Fetched) -> T) -> Result<Option<(Url, T)>> {
        let place = || format!("cannot read the page `{}`", shown(url));
        let request = self.request(url.clone()).header(ACCEPT, WANTED);
        let small = self.client.fetch(&request, self.large_page);
        // Held until the page has been read.
        let (_turn, limit, answer) = if let Err(Failure::TooLarge { .. }) = small {
            let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            (Some(turn), MAX_PAGE, self.client.fetch(&request, MAX_PAGE))
        } else {
            (None, self.large_page, small)
        };
        let failed = |failure: Failure| {
            let message = format!("{}: {failure}", place());
            match failure.hint() {
                Some(hint) => Error::source_hint(message, hint),
                None => Error::source(message),
            }
        };
        let mut answer = answer.map_err(failed)?;
        if breaks_off(&answer) {
            // What was packed for the way has lost the header that tells its length.
            let again = self.client.fetch(&request.raw(), limit).map_err(failed)?;
            // Whatever is packed knows its end.
            if !again.headers.contains_key(CONTENT_ENCODING) {
                answer = again;
                if breaks_off(&answer) {
                    return Err(Error::source_hint(
                        format!(
                            "{}: it broke off after {} bytes, before its `</html>`",
                            place(),
                            answer.bytes.len()
                        ),
                        "run again; the server does not tell how long its pages are, so that one without an end cannot be taken for whole",
                    ));
                }
            }
        }
        let refused = |hint: &str| {
            let failure = Failure::Status(answer.status);
            Err(Error::source_hint(format!("{}: {failure}", place()), hint))
        };
        match answer.status {
            StatusCode::OK => Ok(Some((answer.url.clone(), read(&answer)))),
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if self.has_user => {
                refused("check the user name and the password: the index does not let them in")
            }
            StatusCode::UNAUTHORIZED => {
                refused("the index wants a user name: `simple+https://USER:PASSWORD@HOST/simple/`")
            }
            // Buckets answer so for whatever is not there, too.
            StatusCode::FORBIDDEN => refused(
                "check the URL and the project's name; if the index wants a user name: `simple+https://USER:PASSWORD@HOST/simple/`",
            ),
            _ => refused("check the URL: it is what `pip install --index-url` takes"),
        }
    }
}

impl Source for SimpleIndex {
    fn list(&self, position: usize) -> Result<Listing> {
        let mut listing = Listing::default();
        let all;
        let projects = if self.projects.is_empty() {
            all = self.all_projects(&mut listing)?;
            &all
        } else {
            &self.projects
        };
        let threads = self.requests.min(projects.len().max(1));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool
            .map_err(|error| Error::config(format!("cannot start {threads} threads: {error}")))?;
        let pages: Vec<Listing> = pool.install(|| {
            let pages = projects.par_iter().with_max_len(1);
            pages.map(|project| self.project(project, position)).collect::<Result<_>>()
        })?;
        for page in pages {
            listing.artifacts.extend(page.artifacts);
            listing.ignored.extend(page.ignored);
        }
        Ok(listing)
    }

    fn open(&self, artifact: &Artifact) -> io::Result<Box<dyn ReadSeek>> {
        let url = artifact.location.key().and_then(|key| key.parse().ok());
        let url = url.ok_or_else(|| io::Error::other("the source does not list it"))?;
        let file = HttpFile::new(self.client.clone(), vec![self.request(url)]);
        let (network, traffic) = (self.client.network(), self.traffic.clone());
        Ok(Box::new(RangeReader::new(file, artifact.size, network, traffic)))
    }

    fn traffic(&self) -> Option<&Arc<Traffic>> {
        Some(&self.traffic)
    }

    fn identity(&self) -> Option<String> {
        Some(format!("simple {}", shown(&self.root.url)))
    }

    fn sidecar(&self, artifact: &Artifact) -> Result<Option<Sha256>> {
        let (key, sha256) = match artifact.sidecar.as_deref() {
            None | Some(SidecarFile::File(_)) => return Ok(None),
            Some(SidecarFile::Remote { key, sha256, .. }) => (key, *sha256),
        };
        if sha256.is_some() {
            return Ok(sha256);
        }
        let failed = |reason: String| {
            Error::source(format!("cannot read `{}{SIDECAR}`: {reason}", artifact.location))
        };
        let url: Url = key.parse().map_err(|error| failed(format!("{error}")))?;
        let answer = self.client.fetch(&self.request(url), CoreMetadata::MAX_SIZE);
        let answer = answer.map_err(|failure| failed(failure.to_string()))?;
        match answer.status.as_u16() {
            200 => Ok(Some(Sha256::of(&answer.bytes))),
            // Promised and not there: then nothing is passed on. Buckets say 403 for that.
            403 | 404 | 410 => Ok(None),
            _ => Err(failed(Failure::Status(answer.status).to_string())),
        }
    }

    fn without_urls(&self) -> &'static str {
        "an index that wants a user name, or a URL that is signed or does not end in the filename, is of no use to others: let the site carry the files with `--files copy`"
    }
}

/// Where the METADATA of a file is served (PEP 658).
pub(crate) fn sidecar_url(file: &Url) -> Url {
    let mut url = file.clone();
    url.set_path(&format!("{}{SIDECAR}", file.path()));
    url
}

fn content_type(answer: &Fetched) -> Option<&str> {
    answer.headers.get(CONTENT_TYPE)?.to_str().ok()
}

/// Whether a page in HTML came to no end, and nothing else would have told.
fn breaks_off(answer: &Fetched) -> bool {
    answer.status == StatusCode::OK
        && is_html(content_type(answer))
        && !whole::is_delimited(&answer.headers, answer.url.scheme())
        && whole::ends_early(&answer.bytes)
}

/// A page that is there and cannot be used.
fn unusable(url: &Url, error: &PageError) -> Error {
    let message = format!("`{}` is no page of a simple index: {error}", shown(url));
    let hint = match error {
        PageError::ContentType(_) => {
            "check the URL: it is what `pip install --index-url` takes; pip and uv refuse other content types as well"
        }
        PageError::Version(_) => "the index speaks a newer protocol: look for a newer wheelsite",
        PageError::TooMany(_) | PageError::Invalid(_) => {
            "check the URL; if it is right, tell whoever runs the index"
        }
    };
    Error::source_hint(message, hint)
}

#[cfg(test)]
mod tests;
