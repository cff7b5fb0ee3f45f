//! A live index as installers see it.
//!
//! [`examine`] asks as clients do (`probe`), keeps what came (`observe`), and judges it without
//! asking again (`judge`): so each opinion can be tested without a server. Pages are read by the
//! rules of [`crate::source`]. What a page says is kept only until it was judged, so that an index
//! of any size fits into memory.

mod hints;
mod judge;
mod observe;
mod probe;
mod report;
mod sample;
mod server;
mod site;
mod table;

use std::sync::Mutex;

use rayon::prelude::*;
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, VARY};
use url::Url;

pub use probe::Asker;
pub use report::{IndexReport, Report, Symptom, Told};
pub use server::Server;
pub use table::CHECKS;

use crate::config::Environment;
use crate::error::{Error, Result};
use crate::net::shown;
use crate::pipeline::request_threads;
use crate::report::Reporter;
use crate::source::simple_index::{Entry, Form, RootSurvey, Survey, sidecar_url};
use crate::wheel::{CoreMetadata, ProjectName, Sha256, escaped};
use judge::Paths;
use observe::{Document, FileSeen, ProjectSeen, Seen, View};
use probe::{Answer, Prober};
use report::Findings;
use sample::spread;
use site::Site;

/// The page of the largest project has some megabytes.
const MAX_PAGE: u64 = 32 << 20;
/// The largest root has some dozens.
const MAX_ROOT: u64 = 128 << 20;
/// No provenance comes near this many bytes.
const MAX_PROVENANCE: u64 = 1 << 20;
/// As much of a file as tells what it is.
const BEGINNING: u64 = 4;
/// A root of more bytes is read once in each form, and its beginning as the other clients see it.
const LARGE_ROOT: usize = 1 << 20;
/// As much of a page as tells its form.
const GLANCE: u64 = 256;

/// What is looked at, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The index, or the site that it belongs to. May hold a user name and a password.
    pub url: String,
    /// Only these projects; all that are listed where none is named.
    pub projects: Vec<ProjectName>,
    /// How many of the listed projects, chosen evenly; none for all.
    pub sample: Option<usize>,
    /// How many files of each project, chosen evenly; none for all.
    pub files: Option<usize>,
    /// Whether files are downloaded, and their hashes compared.
    pub download: bool,
    /// Whether the channels of a site that wheelsite has made are looked at, too.
    pub channels: bool,
    /// How many requests are made at once.
    pub jobs: usize,
}

/// Looks at an index. Fails where there is none; what is wrong with one is in the report.
pub fn examine(
    options: &Options,
    environment: &Environment,
    reporter: &dyn Reporter,
) -> Result<Report> {
    let mut prober = Prober::new(parse_url(&options.url)?, &environment.network)?;
    let root = locate(&prober);
    prober.move_to(&root);
    request_threads(Some(options.jobs.max(1)))?.install(|| {
        let mut seen = vec![Examination::new(&prober, &root, options, reporter).run()?];
        if options.channels {
            let channels = seen[0].site.as_ref().map(Site::channels);
            if channels.is_none() {
                let root = shown(&root);
                reporter.warn(&format!("`{root}` is no site of wheelsite, and has no channels"));
            }
            let channels = channels.unwrap_or_default();
            for url in channels.into_iter().filter(|url| *url != root) {
                seen.push(Examination::new(&prober, &url, options, reporter).run()?);
            }
        }
        let findings = seen.iter_mut().flat_map(|it| std::mem::take(&mut it.findings)).collect();
        let indexes = seen.into_iter().map(|it| it.report).collect();
        Ok(Report::new(indexes, prober.requests(), findings))
    })
}

/// What is wrong with the page of a project by itself, whatever served it. `url` is where it came
/// from; most severe first.
///
/// ```
/// let url = "https://host.example/simple/demo/".parse()?;
/// let page = br#"{"meta":{"api-version":"1.0"},"name":"demo","files":[
///     {"filename":"demo-1.tar.gz","url":"demo-1.tar.gz","hashes":{},"yanked":null}]}"#;
/// let json = "application/vnd.pypi.simple.v1+json";
/// let symptoms = wheelsite::doctor::examine_page(json, page, &url, &"demo".parse()?);
/// assert_eq!(symptoms[0].finding.check, "json-null");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn examine_page(
    content_type: &str,
    bytes: &[u8],
    url: &Url,
    project: &ProjectName,
) -> Vec<Symptom> {
    let mut findings = Findings::new(Server::Other);
    let headers = HeaderValue::from_str(content_type).map(|value| (CONTENT_TYPE, value));
    let received = probe::Received {
        status: 200,
        headers: headers.into_iter().collect(),
        url: url.clone(),
        redirected: Vec::new(),
        bytes: bytes.to_vec(),
        is_cut: false,
    };
    let views = [View::<Survey>::new(Asker::Pip, url, Ok(received))];
    judge::answers(&views, &mut findings);
    if let Some(survey) = views[0].document() {
        judge::document(survey, project, url, false, &mut findings);
    }
    Report::new(Vec::new(), 0, findings.found).findings
}

/// The URL of an index, with its slash.
fn parse_url(text: &str) -> Result<Url> {
    let hint = "give what `pip install --index-url` takes, for example `https://HOST/simple/`; a \
                folder is served by `wheelsite serve`";
    let wrong =
        |reason: &str| Error::config_hint(format!("expected the URL of an index: {reason}"), hint);
    let mut url: Url = text.parse().map_err(|error| wrong(&format!("{error}")))?;
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err(wrong("expected https:// or http://"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has neither a query nor a fragment"));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

/// Finds the index of a site: where there is one below `simple/`, that is meant.
fn locate(prober: &Prober) -> Url {
    let given = prober.url();
    if given.path().ends_with("simple/") {
        return given.clone();
    }
    let Ok(below) = given.join("simple/") else { return given.clone() };
    let look = |url: &Url| {
        let answer = prober.page(url, Asker::Pip, MAX_ROOT);
        View::<RootSurvey>::new(Asker::Pip, url, answer)
    };
    let view = look(&below);
    let has_projects = view.document().is_some_and(|root| !root.projects.is_empty());
    // Where every path answers with the home page, that page is no index.
    let is_other = || {
        let home = look(given);
        view.seen().map(|seen| seen.digests) != home.seen().map(|seen| seen.digests)
    };
    if has_projects && is_other() { below } else { given.clone() }
}

/// A look at one index.
struct Examination<'a> {
    prober: &'a Prober,
    root: &'a Url,
    options: &'a Options,
    reporter: &'a dyn Reporter,
}

/// What it gave.
struct Examined {
    report: IndexReport,
    findings: Vec<Symptom>,
    site: Option<Site>,
}

/// What all pages of an index have in common.
struct Scope {
    server: Server,
    site: Option<Site>,
    /// Whether forms depend on who asks, as far as is known.
    negotiates: bool,
}

/// A file that was chosen.
struct Chosen {
    project: ProjectName,
    entry: Entry,
    url: Url,
    /// Whether it stands for the others in what does not differ between them.
    is_example: bool,
}

impl<'a> Examination<'a> {
    fn new(
        prober: &'a Prober,
        root: &'a Url,
        options: &'a Options,
        reporter: &'a dyn Reporter,
    ) -> Self {
        Self { prober, root, options, reporter }
    }

    fn run(&self) -> Result<Examined> {
        let views = self.root_views();
        self.check_reachable(&views)?;
        let of_view = |view: &View<RootSurvey>| {
            let seen = view.outcome.as_ref().ok()?;
            Some(Server::of(&seen.headers))
        };
        let forms: Vec<Form> = views.iter().filter_map(|view| view.seen()?.declared()).collect();
        let scope = Scope {
            server: views.iter().find_map(of_view).unwrap_or_default(),
            site: Site::find(self.root, self.prober),
            negotiates: forms.is_empty() || forms.windows(2).any(|pair| pair[0] != pair[1]),
        };
        let mut findings = Findings::new(scope.server);
        let listed = self.judge_root(&views, &scope, &mut findings);
        let names = self.choose(&listed);
        let told = views.iter().map(told).collect();
        drop(views);

        if names.is_empty() {
            // A page that every path answers with is no index, though nothing is wrong with it.
            judge::missing(&self.missing(), &mut findings);
        }
        let files = Mutex::new((0, Vec::new()));
        self.reporter.stage("projects", Some(names.len() as u64));
        let places: Vec<(usize, &ProjectName)> = names.iter().enumerate().collect();
        let symptoms: Vec<Symptom> = places
            .par_iter()
            .with_max_len(1)
            .flat_map_iter(|(place, name)| {
                let (symptoms, count, chosen) = self.project(name, *place == 0, &scope);
                let mut files = files.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                files.0 += count;
                files.1.extend(chosen);
                self.reporter.step();
                symptoms
            })
            .collect();
        findings.found.extend(symptoms);
        let (count, mut chosen) =
            files.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        chosen.sort_by(|one, other| (&one.project, &one.url).cmp(&(&other.project, &other.url)));

        self.reporter.stage("files", Some(chosen.len() as u64));
        self.reporter.traffic(std::slice::from_ref(self.prober.traffic()));
        let of_files: Vec<Symptom> = chosen
            .par_iter()
            .with_max_len(1)
            .flat_map_iter(|chosen| {
                let mut findings = Findings::new(scope.server);
                judge::file(&self.file(chosen), &mut findings);
                self.reporter.step();
                findings.found
            })
            .collect();
        findings.found.extend(of_files);
        self.settle(&scope, &mut findings);
        let report = IndexReport {
            url: shown(self.root),
            server: scope.server,
            generator: scope.site.as_ref().map(|site| escaped(&site.state.generator)),
            root: told,
            projects: listed.len(),
            projects_seen: names.len(),
            files: count,
            files_seen: chosen.len(),
        };
        Ok(Examined { report, findings: findings.found, site: scope.site })
    }

    /// Asks for the root as all clients do.
    fn root_views(&self) -> Vec<View<RootSurvey>> {
        let mut views = self.views(self.root, &[Asker::Pip], MAX_ROOT);
        if views.iter().any(|view| view.status().is_none()) {
            // Whoever does not answer one does not answer the others either.
            return views;
        }
        views.extend(self.views(self.root, &[Asker::Browser], MAX_ROOT));
        let is_large = |view: &View<_>| view.seen().is_some_and(|seen| seen.length > LARGE_ROOT);
        let others = [Asker::Uv, Asker::Anybody, Asker::JsonOnly];
        if views.iter().any(is_large) {
            views.extend(others.map(|asker| {
                View::glance(asker, self.root, self.prober.page(self.root, asker, GLANCE))
            }));
        } else {
            views.extend(self.views(self.root, &others, MAX_ROOT));
        }
        views
    }

    /// Asks for a page as several clients do.
    fn views<T: Document>(&self, url: &Url, askers: &[Asker], limit: u64) -> Vec<View<T>> {
        let view = |asker: &Asker| View::new(*asker, url, self.prober.page(url, *asker, limit));
        askers.iter().map(view).collect()
    }

    /// An index is there if its root is, or if projects are named that may be.
    fn check_reachable(&self, views: &[View<RootSurvey>]) -> Result<()> {
        let root = shown(self.root);
        if views.iter().any(|view| view.seen().is_some()) {
            return Ok(());
        }
        let failure = views.iter().find_map(|view| view.outcome.as_ref().err());
        match (views.iter().find_map(View::status), failure) {
            (Some(_), _) if !self.options.projects.is_empty() => Ok(()),
            (None, Some(failure)) => Err(Error::source_hint(
                format!("cannot reach `{root}`: {failure}"),
                failure.hint().unwrap_or("check the URL, and whether the server runs"),
            )),
            (Some(status @ (401 | 403)), _) => Err(Error::source_hint(
                format!("`{root}` lets nobody in: the server answered {status}"),
                "if the index wants a user name: `https://USER:PASSWORD@HOST/simple/`; if it only \
                 lists no projects, name some with `--project NAME`",
            )),
            (Some(status @ 500..), _) => Err(Error::source_hint(
                format!("`{root}` cannot be read: the server answered {status}"),
                "the server failed: look into its log, then run again",
            )),
            (status, _) => Err(Error::source_hint(
                format!(
                    "there is no index at `{root}`: the server answered {}",
                    status.unwrap_or_default()
                ),
                "check the URL: it is what `pip install --index-url` takes, for example \
                 `https://HOST/simple/`; if the index lists no projects, name some with \
                 `--project NAME`",
            )),
        }
    }

    /// Judges the root, and gives the projects that it lists.
    fn judge_root(
        &self,
        views: &[View<RootSurvey>],
        scope: &Scope,
        findings: &mut Findings,
    ) -> Vec<ProjectName> {
        judge::answers(views, findings);
        if views.iter().all(|view| view.seen().is_none()) {
            let status = views.iter().find_map(View::status).unwrap_or_default();
            let message = format!("expected a list of projects, found {status}");
            findings.add(&table::ROOT_MISSING, self.root, message);
        }
        let mut listed: Vec<ProjectName> = Vec::new();
        let mut is_first = true;
        for form in [Form::Json, Form::Html] {
            let of_form =
                |view: &&View<RootSurvey>| view.document().is_some_and(|it| it.form == form);
            let Some(view) = views.iter().find(of_form) else { continue };
            let names = judge::root(view, self.root, findings);
            if is_first {
                listed = names;
                is_first = false;
            } else {
                judge::roots(&listed, &names, self.root, findings);
            }
        }
        // Some servers list them in another order each time.
        listed.sort();
        if let Some(site) = &scope.site {
            site.judge(findings);
            site.judge_root(views, findings);
        }
        listed
    }

    /// Those that are named, else some from all over the list.
    fn choose(&self, listed: &[ProjectName]) -> Vec<ProjectName> {
        if !self.options.projects.is_empty() {
            return self.options.projects.clone();
        }
        let places = spread(listed.len(), self.options.sample);
        places.into_iter().filter_map(|place| listed.get(place).cloned()).collect()
    }

    /// Looks at a project's page: what was found, how many files it has, and which to ask for.
    fn project(
        &self,
        name: &ProjectName,
        is_first: bool,
        scope: &Scope,
    ) -> (Vec<Symptom>, usize, Vec<Chosen>) {
        let mut findings = Findings::new(scope.server);
        let Ok(url) = self.root.join(&format!("{name}/")) else {
            return (findings.found, 0, Vec::new());
        };
        let askers: &[Asker] = if is_first {
            &[Asker::Pip, Asker::Uv, Asker::Browser]
        } else if scope.negotiates {
            &[Asker::Pip, Asker::Browser]
        } else {
            &[Asker::Pip]
        };
        let shard = scope.site.as_ref().and_then(|site| site.shard(name, self.prober));
        let views = self.views(&url, askers, MAX_PAGE);
        let seen = ProjectSeen { name: name.clone(), url, views };
        judge::answers(&seen.views, &mut findings);
        if seen.views.iter().all(|view| matches!(view.status(), Some(404 | 410))) {
            let message = format!("`{name}`: expected a page, found 404");
            findings.add(&table::PROJECT_MISSING, &seen.url, message);
        }
        let mixes = scope.site.as_ref().is_some_and(Site::mixes);
        for (_, survey) in seen.documents() {
            judge::document(survey, name, &seen.url, mixes, &mut findings);
        }
        judge::forms(&seen, &mut findings);
        if let (Some(site), Some(shard)) = (&scope.site, &shard) {
            site.judge_project(&seen, shard, &mut findings);
        }
        if is_first {
            judge::paths(&self.paths(&seen), self.root, &mut findings);
        }
        let first = seen.documents().next().map(|(_, survey)| survey);
        let entries = first.map_or(&[][..], |survey| &survey.entries[..]);
        let count = entries.len();
        let chosen = chosen(name, entries, self.options.files);
        (findings.found, count, chosen)
    }

    /// Asks for what is spelled otherwise, and for what is not there.
    fn paths(&self, seen: &ProjectSeen) -> Paths {
        let url = |path: &str| self.root.join(path).unwrap_or_else(|_| self.root.clone());
        let page =
            |url: &Url| View::new(Asker::Pip, url, self.prober.page(url, Asker::Pip, MAX_PAGE));
        let root_path = self.root.path().trim_end_matches('/');
        let bare_root = (!root_path.is_empty()).then(|| {
            let mut bare = self.root.clone();
            bare.set_path(root_path);
            let answer = self.prober.page(&bare, Asker::Pip, MAX_ROOT);
            View::new(Asker::Pip, &bare, answer)
        });
        let pip = seen.documents().next().map(|(_, survey)| survey);
        let listed = pip.map(|survey| {
            let names = survey.entries.iter().map(|entry| entry.filename.clone());
            names.collect::<Vec<_>>()
        });
        let mut spelling = seen.name.as_str().replace('-', "_");
        if let Some(first) = spelling.get_mut(0..1) {
            first.make_ascii_uppercase();
        }
        let respelled = listed.clone().map(|listed| (page(&url(&format!("{spelling}/"))), listed));
        let bare_project = listed.map(|_| (page(&url(seen.name.as_str())), seen.url.clone()));
        Paths { bare_root, bare_project, respelled, missing: self.missing() }
    }

    /// Asks for a project that does not exist.
    fn missing(&self) -> View<Survey> {
        let digest = Sha256::of(self.root.as_str().as_bytes()).short();
        let url = self.root.join(&format!("no-such-project-{digest}/"));
        let url = url.unwrap_or_else(|_| self.root.clone());
        View::new(Asker::Pip, &url, self.prober.page(&url, Asker::Pip, MAX_PAGE))
    }

    /// Asks for a file and for what lies beside it.
    fn file(&self, chosen: &Chosen) -> FileSeen {
        let (prober, url) = (self.prober, &chosen.url);
        let head = prober.head(url);
        let is_refused = !head.as_ref().is_ok_and(probe::Received::is_ok);
        let beginning = (chosen.is_example || is_refused).then(|| prober.beginning(url, BEGINNING));
        let whole = self.options.download.then(|| prober.digest(url));
        let sidecar: Option<Answer> =
            chosen.entry.sidecar().map(|_| prober.file(&sidecar_url(url), CoreMetadata::MAX_SIZE));
        let provenance = chosen.entry.provenance.as_deref().filter(|_| chosen.is_example);
        let provenance = provenance.and_then(|text| text.parse::<Url>().ok());
        let provenance = provenance.filter(|url| matches!(url.scheme(), "https" | "http"));
        FileSeen {
            entry: chosen.entry.clone(),
            url: url.clone(),
            head,
            beginning,
            whole,
            sidecar,
            provenance: provenance.map(|url| {
                let answer = prober.file(&url, MAX_PROVENANCE);
                (url, answer)
            }),
        }
    }

    /// What a publication at this very moment explains is no fault.
    fn settle(&self, scope: &Scope, findings: &mut Findings) {
        let Some(site) = &scope.site else { return };
        let of_state = [table::PAGE_STALE.id, table::PAGE_ALTERED.id, table::STATE_MIXED.id];
        let is_of_state = |symptom: &Symptom| of_state.contains(&symptom.finding.check);
        if findings.found.iter().any(is_of_state) && site.has_changed(self.prober) {
            findings.found.retain(|symptom| !is_of_state(symptom));
            let message = "the site was published while it was looked at: run again";
            findings.add(&table::STATE_WRITING, &site.state_url(), message);
        }
    }
}

/// Files from all over the page, and the first wheel as an example of how files answer.
fn chosen(project: &ProjectName, entries: &[Entry], count: Option<usize>) -> Vec<Chosen> {
    let mut chosen: Vec<Chosen> = spread(entries.len(), count)
        .into_iter()
        .filter_map(|place| {
            let entry = entries.get(place)?.clone();
            let url = entry.url.clone()?;
            Some(Chosen { project: project.clone(), entry, url, is_example: false })
        })
        .collect();
    let example = chosen.iter().position(|it| it.entry.filename.ends_with(".whl")).unwrap_or(0);
    if let Some(example) = chosen.get_mut(example) {
        example.is_example = true;
    }
    chosen
}

fn told(view: &View<RootSurvey>) -> Told {
    let seen = view.outcome.as_ref().ok();
    let header = |name: reqwest::header::HeaderName| {
        let value = seen.and_then(|seen: &Seen<RootSurvey>| seen.joined(name.as_str()));
        value.map(|value| escaped(&value))
    };
    Told {
        asked_as: view.asker,
        status: view.status(),
        content_type: header(CONTENT_TYPE),
        vary: header(VARY),
        cache_control: header(CACHE_CONTROL),
    }
}
