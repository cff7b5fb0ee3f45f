//! A build, stage by stage. Read [`build`] and you know the program.

mod again;
mod hosting;
mod memory;
mod merge;
mod read;
mod sieve;
mod times;
mod write;

use std::any::Any;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;

use crate::config::{Environment, FilesMode, OnReject, PagesMode, Settings, SiteConfig};
use crate::error::{Error, Result};
use crate::facts::{Artifact, Facts, Sidecar};
use crate::host::Host;
use crate::index::{Admitted, FileUrl, Index, IndexFile, NO_CHANNELS};
use crate::publish::{
    Compared, Known, LocalSite, Merger, Plan, Publication, PublishSettings, Report, SiteDirectory,
};
use crate::render::theme::Theme;
use crate::report::Reporter;
use crate::source::Runs;
use crate::verify::{self, Evidence, Finding, Severity, Verdict};
use crate::wheel::escaped;
use again::{Again, Built, Last, Listening};
use memory::Memory;
use read::{Connected, Inspected};
use sieve::{Rest, Sieve};
use write::{Means, Work, Writer, left_out, roots_stand};

/// What a build did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Projects of the index.
    pub projects: usize,
    /// Files of the index.
    pub files: usize,
    /// Files that passed verification.
    pub accepted: usize,
    /// Files that did not.
    pub rejected: usize,
    /// Pages and other files that were made and written.
    pub pages_written: u64,
    /// Pages that were as they should be.
    pub unchanged: u64,
    /// Distributions that were copied or linked into the site.
    pub files_placed: u64,
    /// Files of the last site that were removed.
    pub removed: u64,
    /// Bytes of distributions that were read.
    pub bytes_read: u64,
    /// Requests for distributions on other machines, redirects and listings not counted.
    pub requests: u64,
}

/// What a build had in memory when it was done. To give that back takes a while, and a program that
/// ends has nothing of it.
pub struct Leftovers {
    _all: Vec<Box<dyn Any + Send>>,
}

/// Makes a site: lists, inspects, verifies, indexes, renders, writes.
///
/// Without `jobs` it runs on a thread of rayon's global pool, which several builds would share.
pub fn build(settings: &Settings, reporter: &dyn Reporter) -> Result<Summary> {
    build_and_leave(settings, reporter).map(|(summary, _)| summary)
}

/// The same, and hands out what is left.
pub fn build_and_leave(
    settings: &Settings,
    reporter: &dyn Reporter,
) -> Result<(Summary, Leftovers)> {
    match settings.jobs {
        // On a thread of the pool: others need not be woken for each stage.
        None => rayon::scope(|_| run(settings, reporter)),
        Some(jobs) => {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build();
            let pool = pool.map_err(|error| Error::config(format!("`--jobs {jobs}`: {error}")))?;
            pool.install(|| run(settings, reporter))
        }
    }
}

/// Publishes a site that was built.
///
/// A merge makes pages anew, from what the site was built with and what is configured now.
pub fn publish(
    site: &Path,
    config: SiteConfig,
    settings: &PublishSettings,
    environment: &Environment,
    reporter: &dyn Reporter,
) -> Result<Report> {
    let repository = config.repository.clone();
    let repository = repository.map(|name| ("`repository`", name)).or_else(|| {
        let name = environment.github.repository.clone();
        name.map(|name| ("GITHUB_REPOSITORY", name))
    });
    let local = LocalSite::open(site)?;
    let host = settings.host.unwrap_or_else(|| local.host());
    let merger = settings.merge.then_some(merge::SiteMerger { config, environment, reporter });
    let publication = Publication {
        target: &settings.target,
        host,
        merger: merger.as_ref().map(|merger| merger as &dyn Merger),
        sidecars_only: settings.sidecars_only,
        grace: settings.grace,
        jobs: settings.jobs,
        dry_run: settings.dry_run,
        bucket: &settings.bucket,
        repository,
        environment,
        reporter,
    };
    let report = crate::publish::publish(&local, &publication)?;
    Ok(Report { host, ..report })
}

/// Requests at once, unless `--jobs` says otherwise: they wait more than they work.
const REQUESTS: usize = 16;

/// Threads for requests, which wait for servers and not for the processor.
pub fn request_threads(jobs: Option<usize>) -> Result<rayon::ThreadPool> {
    let threads = jobs.unwrap_or(REQUESTS);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|error| Error::config(format!("cannot start {threads} threads: {error}")))
}

fn run(settings: &Settings, reporter: &dyn Reporter) -> Result<(Summary, Leftovers)> {
    let listening = Listening::new(reporter);
    let reporter: &dyn Reporter = &listening;
    let theme = Theme::load(&settings.theme, &settings.theme_options)?;
    let again = Again::new(settings, &theme, reporter);
    let site = SiteDirectory::open(&settings.output, settings.force, settings.refresh)?;
    let mut sources = read::connect(settings)?;
    let mut last = None;
    if let Some(again) = &again {
        again.mark_lists(&mut sources);
        last = again.last(settings, &site);
    }
    let told = again
        .as_ref()
        .zip(last.as_mut())
        .and_then(|(again, last)| again.told(last, &mut sources, settings, &site, reporter));
    if let Some(summary) = told {
        site.finish()?;
        return Ok((summary, Leftovers { _all: vec![Box::new(sources)] }));
    }
    let memory = Memory::recall(settings, &site, reporter)?;

    let means = Means {
        settings,
        channels: &NO_CHANNELS,
        sources: &[],
        site: &site,
        standing: memory.standing.as_deref(),
        memory: &memory,
        caches: &[],
        theme: &theme,
        reporter,
    };
    let Rest { artifacts, let_go, written, runs } =
        list(&mut sources, again.as_ref(), last.as_ref(), means)?;
    let mut reading = read::inspect_all(artifacts, &sources, settings, &memory, reporter)?;
    let (caches, bytes_read) = (reading.take_caches(), reading.bytes_read);
    let files_let_go: usize = let_go.iter().map(|project| project.absent).sum();
    let files = reading.files.len() + files_let_go;
    let mut tally = Tally { files, verdicts: Vec::new() };
    let accepted = judge_all(reading.files, settings, reporter.least(), &mut tally);
    let mut index = admit(accepted, &sources, settings, &memory)?;
    index.add_written(let_go);
    index.assign_channels(&settings.channels);
    let judged = tally.verdicts.len();
    attach(&tally.verdicts, &mut index);
    let known: Vec<Known> =
        memory.sites().map(|site| Known::compare(&index, site)).collect::<Result<_>>()?;
    let listed = index.files();
    judge_published(&mut index, &known, settings, &mut tally);
    judge_channels(&mut index, settings, &mut tally);
    if index.files() < listed {
        // What was just rejected may have been all of a channel.
        index.assign_channels(&settings.channels);
    }
    attach(&tally.verdicts[judged..], &mut index);
    let rejected = tally.report(settings, reporter)?;
    warn_of_idle_settings(&index, settings, reporter);
    guard(&index, settings, &known)?;
    drop(known);
    hosting::check(&index, settings)?;

    let standing = memory.standing.as_deref();
    let skip = memory.is_of_standing();
    let compared = Compared::new(&index, settings, &theme, &site, standing, skip);
    let rejected_files = left_out(&tally.verdicts)?;
    let roots_stand = roots_stand(&index, &site, standing, compared.settings, &rejected_files);
    let changed: Vec<usize> = compared.changed().collect();
    let shows_all = settings.pages == PagesMode::All && !(compared.is_nothing() && roots_stand);
    let places = (!shows_all).then_some(&*changed);
    times::recall(&mut index, places, settings, &memory, reporter)?;
    let plan = Plan::new(&index, compared, standing)?;
    let work = Work { index: &index, rejected: rejected_files, roots_stand, written };
    let means = Means { channels: &index.channels, sources: &sources, caches: &caches, ..means };
    let writer = Writer::new(work, means);
    let counts = if downloads(&sources) {
        request_threads(settings.jobs)?.install(|| writer.write(&plan))?
    } else {
        writer.write(&plan)?
    };
    let traffic = read::traffic(&sources);
    let summary = Summary {
        projects: index.projects.len(),
        files: index.files(),
        accepted: tally.files - rejected,
        rejected,
        pages_written: counts.written.into_inner(),
        unchanged: counts.unchanged.into_inner(),
        files_placed: counts.placed.into_inner(),
        removed: counts.removed.into_inner(),
        bytes_read: bytes_read + traffic.iter().map(|traffic| traffic.bytes()).sum::<u64>(),
        requests: traffic.iter().map(|traffic| traffic.requests()).sum(),
    };
    let report = again.and_then(|again| {
        let (summary, runs, told) = (&summary, runs.as_ref(), listening.told());
        let built = Built { index: &index, summary, runs, told };
        again.report(&sources, settings, &site, built)
    });
    site.finish()?;
    let placed = summary.files_placed > 0 || summary.removed > 0;
    read::save_caches(caches, &sources, placed, reporter);
    Again::keep(settings, report.as_deref());
    drop(plan);
    let left: Vec<Box<dyn Any + Send>> = vec![Box::new(index), Box::new(memory)];
    Ok((summary, Leftovers { _all: left }))
}

/// What the sources hold, but for what could be let go already.
fn list(
    sources: &mut [Connected],
    again: Option<&Again>,
    last: Option<&Last>,
    means: Means<'_>,
) -> Result<Rest> {
    let Means { settings, site, reporter, .. } = means;
    if let Some(mut sieve) = Sieve::new(means, sources, reporter.least()) {
        let last = last.filter(|_| sieve.looks_back());
        let runs = || last.map_or_else(Runs::none, |last| last.runs(means));
        // Of several lists one may go on where another ended.
        let is_of_use = sources.len() == 1 && settings.pages == PagesMode::None;
        let runs = again.filter(|_| is_of_use).map(|_| runs());
        let runs = runs.as_ref();
        let rest = read::list(sources, settings, again, Some(&mut sieve), runs, reporter)?;
        debug_assert!(rest.is_empty(), "all of it went through the sieve");
        if let Some(rest) = sieve.finish(runs) {
            return Ok(rest);
        }
        site.start_over()?;
    }
    let artifacts = read::list(sources, settings, again, None, None, reporter)?;
    Ok(Rest { artifacts, ..Rest::default() })
}

/// Whether files may have to come over the network while the site is written.
fn downloads(sources: &[Connected]) -> bool {
    sources.iter().any(|connected| connected.source.traffic().is_some())
}

/// How many files were judged, and what there is to say about them.
struct Tally {
    files: usize,
    verdicts: Vec<Verdict>,
}

impl Tally {
    /// Tells what was found; errors where something was rejected and that fails the build.
    fn report(&mut self, settings: &Settings, reporter: &dyn Reporter) -> Result<usize> {
        self.verdicts.sort_by(|one, other| {
            (&one.filename, &one.location).cmp(&(&other.filename, &other.location))
        });
        for verdict in &self.verdicts {
            reporter.verdict(verdict);
        }
        let mut rejected = self.verdicts.iter().filter(|verdict| !verdict.accepted);
        match rejected.next() {
            None => Ok(0),
            Some(first) => {
                let count = 1 + rejected.count();
                if settings.on_reject == OnReject::Exclude {
                    return Ok(count);
                }
                let first = format!("`{}`", escaped(&first.filename));
                Err(Error::Rejected { rejected: count, total: self.files, first })
            }
        }
    }
}

/// Gives listed files the warnings about them, for those who read the pages.
fn attach(verdicts: &[Verdict], index: &mut Index) {
    for verdict in verdicts.iter().filter(|verdict| verdict.accepted) {
        let warnings = verdict.findings.iter().filter(|it| it.severity == Severity::Warning);
        let mut warnings = warnings.cloned().peekable();
        if warnings.peek().is_some()
            && let Some(file) = index.file_mut(&verdict.filename)
            && file.artifact.location.to_string() == verdict.location
        {
            file.findings = file.findings.iter().cloned().chain(warnings).collect();
        }
    }
}

/// Judges the files of an index once more, for the warnings that its pages show.
///
/// Verdicts are not part of a site's state: they follow from facts, under the policy of today.
fn attach_warnings(index: &mut Index, settings: &Settings) {
    index.projects.par_iter_mut().for_each(|project| {
        let in_channels = found_in_channels(&project.files, settings);
        for (file, in_channel) in project.files.iter_mut().zip(in_channels) {
            let facts = file.facts.as_deref();
            let evidence = Evidence { artifact: &file.artifact, facts, sidecar: None };
            let found = verify::judge_from(evidence, &settings.policy, Severity::Warning);
            let found = found.into_iter().chain(in_channel);
            file.findings = found.filter(|it| it.severity == Severity::Warning).collect();
        }
    });
}

/// Judges each file by itself; gives those that may be listed.
///
/// Of accepted files only findings are told that somebody wants to hear of.
fn judge_all(
    mut files: Vec<Inspected>,
    settings: &Settings,
    least: Severity,
    tally: &mut Tally,
) -> Vec<Inspected> {
    let least = least.min(Severity::Warning);
    let verdicts: Vec<(usize, Verdict)> = files
        .par_iter()
        .enumerate()
        .filter_map(|(position, Inspected { artifact, facts, sidecar })| {
            let facts = facts.as_deref();
            let evidence = Evidence { artifact, facts, sidecar: sidecar.as_deref().copied() };
            let findings = verify::judge_from(evidence, &settings.policy, least);
            let verdict =
                (!findings.is_empty()).then(|| Verdict::new(artifact, facts, findings))?;
            let whole = || Verdict::new(artifact, facts, verify::judge(evidence, &settings.policy));
            Some((position, if verdict.accepted { verdict } else { whole() }))
        })
        .collect();
    let mut rejected = verdicts.iter().filter(|(_, verdict)| !verdict.accepted).peekable();
    if rejected.peek().is_some() {
        let mut position = 0;
        files.retain(|_| {
            let is_rejected = rejected.next_if(|(of, _)| *of == position).is_some();
            position += 1;
            !is_rejected
        });
    }
    tally.verdicts.extend(verdicts.into_iter().map(|(_, verdict)| verdict));
    files
}

/// Judges files by what earlier sites had under their names; takes out what may not be listed.
fn judge_published(index: &mut Index, known: &[Known], settings: &Settings, tally: &mut Tally) {
    for (position, shard) in known.iter().flat_map(Known::changed) {
        index.projects[position].retain(|file| {
            let before = shard.files.iter().find(|known| *known.filename == *file.dist().as_str());
            let published = before.and_then(|known| known.sha256);
            let finding = verify::judge_published(
                file.dist().as_str(),
                file.sha256(),
                published,
                &settings.policy,
            );
            let Some(finding) = finding else { return true };
            let verdict = Verdict::new(&file.artifact, file.facts.as_deref(), vec![finding]);
            let accepted = verdict.accepted;
            tally.verdicts.push(verdict);
            accepted
        });
    }
    index.projects.retain(|project| !project.is_empty());
}

/// Judges files by what else their channels have; takes out what may not be listed.
fn judge_channels(index: &mut Index, settings: &Settings, tally: &mut Tally) {
    if index.channels.all.is_empty() {
        return;
    }
    for project in &mut index.projects {
        let mut found = found_in_channels(&project.files, settings).into_iter();
        project.retain(|file| {
            let findings = found.next().unwrap_or_default();
            if findings.is_empty() {
                return true;
            }
            let verdict = Verdict::new(&file.artifact, file.facts.as_deref(), findings);
            let accepted = verdict.accepted;
            tally.verdicts.push(verdict);
            accepted
        });
    }
    index.projects.retain(|project| !project.is_empty());
}

/// For each file what there is to say about it beside the others of its channel.
fn found_in_channels(files: &[IndexFile], settings: &Settings) -> Vec<Vec<Finding>> {
    let judge = |(file, higher): (&IndexFile, Option<String>)| {
        let Some(channel) = &file.channel else { return Vec::new() };
        let (name, channel, higher) = (file.dist().as_str(), channel.as_str(), higher.as_deref());
        verify::judge_in_channel(name, file.sha256(), channel, higher, &settings.policy)
    };
    files.iter().zip(preferred(files)).map(judge).collect()
}

/// For each file the version that installers of its channel take instead, on the same machines.
fn preferred(files: &[IndexFile]) -> Vec<Option<String>> {
    let mut highest: BTreeMap<_, &IndexFile> = BTreeMap::new();
    let key = |file: &IndexFile| {
        let (channel, wheel) = (file.channel.clone()?, file.dist().wheel()?);
        let release = file.dist().version().clone().without_local();
        let tags = format!("{}-{}-{}", wheel.python(), wheel.abi(), wheel.platform());
        Some((channel, release, tags))
    };
    // Files are in the order of their versions: the last is the highest.
    for file in files {
        if let Some(key) = key(file) {
            highest.insert(key, file);
        }
    }
    let instead = |file: &IndexFile| {
        let highest = highest.get(&key(file)?)?;
        let version = highest.dist().version();
        (version != file.dist().version()).then(|| version.to_string())
    };
    files.iter().map(instead).collect()
}

/// The index of the accepted files: each with its URL, and the upload time that it has if no earlier
/// run knows it.
fn admit(
    accepted: Vec<Inspected>,
    sources: &[Connected],
    settings: &Settings,
    memory: &Memory,
) -> Result<Index> {
    let repeated = repeated(&accepted);
    let admit = |Inspected { mut artifact, facts, sidecar }: Inspected| {
        let mut upload_time = times::of_new(&artifact, settings);
        // Which of several files of one name is listed may depend on their times.
        if artifact.offered.upload_time.is_none()
            && repeated.contains(&artifact.filename)
            && let Ok(dist) = &artifact.dist
        {
            let sha256 = facts.as_ref().map(|facts| facts.sha256).or(artifact.offered.sha256);
            upload_time = memory.upload_time(dist.name(), sha256)?.or(upload_time);
        }
        let url = file_url(&artifact, &sources[artifact.source], settings)?;
        let metadata = facts.as_deref().and_then(Facts::metadata);
        // A sidecar at the source is of use where pages link to the source, if it is the wheel's.
        if matches!(url, FileUrl::Own(_))
            && let Some(&sidecar) = sidecar.as_deref()
            && metadata.is_some_and(|metadata| metadata.sha256 == sidecar)
        {
            Arc::make_mut(&mut artifact).offered.core_metadata = Some(Sidecar::Sha256(sidecar));
        }
        Ok(Admitted { artifact, facts, upload_time, url })
    };
    Index::admit(accepted, |file| &file.artifact, admit, settings)
}

/// The names that more than one file has, if there is a file whose source states no time.
fn repeated(accepted: &[Inspected]) -> HashSet<Arc<str>> {
    let is_timed = |it: &Inspected| it.artifact.offered.upload_time.is_some();
    if accepted.iter().all(is_timed) {
        return HashSet::new();
    }
    let mut seen = HashSet::with_capacity(accepted.len());
    let names = accepted.iter().map(|inspected| &inspected.artifact.filename);
    names.filter(|name| !seen.insert(&***name)).cloned().collect()
}

fn file_url(artifact: &Artifact, connected: &Connected, settings: &Settings) -> Result<FileUrl> {
    match (connected.mode, &artifact.offered.url) {
        (FilesMode::Copy | FilesMode::Hardlink, _) => Ok(FileUrl::Carried),
        (FilesMode::Link, _) if settings.files_url.is_some() => Ok(FileUrl::FilesUrl),
        (FilesMode::Link, Some(url)) => Ok(FileUrl::Own(url.clone())),
        (FilesMode::Link, None) => Err(Error::config_hint(
            format!("`{}` has no URL of its own (`{}`)", artifact.location, connected.spec),
            "say where the files are served: `--files-url URL`",
        )),
    }
}

/// Stops a build that would make an empty index, or take away more than was meant.
fn guard(index: &Index, settings: &Settings, known: &[Known]) -> Result<()> {
    if index.files() == 0 && !settings.allow_empty {
        let sources: Vec<String> =
            settings.sources.iter().map(|source| format!("`{}`", source.spec)).collect();
        return Err(Error::Guard {
            message: format!("no distribution was found in {}", sources.join(", ")),
            hint: "if an empty index is meant, build with `--allow-empty`".to_owned(),
        });
    }
    if settings.allow_removals {
        return Ok(());
    }
    known.iter().try_for_each(|known| known.guard(index))
}

fn warn_of_idle_settings(index: &Index, settings: &Settings, reporter: &dyn Reporter) {
    if settings.host == Host::GithubPages && settings.site_url.is_none() {
        reporter.note(
            "without `site_url` the links of `404.html` lead to the root of the host, where a project's pages are not",
        );
    }
    if index.default_is_a_guess(&settings.channels)
        && let Some(default) = &index.channels.default
    {
        let reason = match &settings.channels.default {
            None => "`channels.default` chooses another".to_owned(),
            Some(wanted) => format!("no file belongs to `{wanted}`, the configured default"),
        };
        reporter.warn(&format!(
            "`simple/` offers the files for `{default}` of releases that have several channels; {reason}"
        ));
    }
    for (name, configured) in &settings.projects {
        let Some(project) = index.project(name) else {
            reporter.warn(&format!(
                "`projects.{name}` is configured and the index has no such project"
            ));
            continue;
        };
        for yank in &configured.yanked {
            if !project.files.iter().any(|file| yank.applies_to(file.dist())) {
                reporter.warn(&format!("`projects.{name}.yanked`: no file of it is `{yank}`"));
            }
        }
    }
}
