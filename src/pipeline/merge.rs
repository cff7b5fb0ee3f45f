//! A merge: the files of a site and of the one that is published, made into pages of both.
//!
//! The model is made from the shards of both, as if one build had seen all files. Pages are
//! written by the same writer as those of a build, into a folder that holds what differs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::memory::Memory;
use super::write::{Means, Work, Writer, Written, left_out, roots_stand};
use crate::config::{
    ChannelsConfig, ChannelsEntry, ChannelsMode, Environment, Options, PagesMode, Settings,
    SiteConfig, Status,
};
use crate::error::{Error, Result};
use crate::facts::{Depth, Facts};
use crate::index::{FileUrl, Index, IndexFile, Project};
use crate::publish::{
    Base, Beneath, Change, Compared, LocalSite, Merged, Merger, Plan, SiteDirectory, metadata_path,
};
use crate::render::people::wants_metadata;
use crate::render::theme::Theme;
use crate::report::Reporter;
use crate::state::{About, FileState, KnownSite, Look, ROOT_FILE, Shard, SiteState, carried_path};
use crate::wheel::{ProjectName, Sha256};

/// Merges by file.
pub(super) struct SiteMerger<'a> {
    pub(super) config: SiteConfig,
    pub(super) environment: &'a Environment,
    pub(super) reporter: &'a dyn Reporter,
}

impl Merger for SiteMerger<'_> {
    fn merge(&self, site: &LocalSite, base: &Base<'_>) -> Result<LocalSite> {
        self.reporter.stage("merging", None);
        let settings = self.settings(&site.state)?;
        let theme = Theme::load(&settings.theme, &settings.theme_options)?;
        if let Some(there) = base.state().and_then(|state| state.look.as_ref()) {
            keeps_kinds_of_pages(there, &settings)?;
        }
        let made_with = site.state.look.as_ref().map(|look| look.theme);
        if settings.pages == PagesMode::All && made_with != Some(theme.digest()) {
            return Err(Error::config_hint(
                "the site was built with another theme than the configuration names",
                "a merge makes pages anew: set `theme` and `theme_options` in the configuration",
            ));
        }
        let there: BTreeMap<ProjectName, Shard> = base
            .projects()
            .into_par_iter()
            .with_max_len(1)
            .map(|name| Ok(base.shard(&name)?.map(|shard| (name, shard))))
            .filter_map(Result::transpose)
            .collect::<Result<_>>()?;
        let lost: Vec<String> = base
            .projects()
            .into_iter()
            .filter(|name| !there.contains_key(name))
            .map(|name| format!("`{name}`"))
            .collect();
        if !lost.is_empty() {
            self.reporter.warn(&format!(
                "whoever was killed while it published here had not come to the end of {}: \
                    what it had added is not in the index until it is published again",
                lost.join(", ")
            ));
        }
        let mut merged = BTreeMap::new();
        let mut ours = BTreeMap::new();
        for (name, known) in &site.state.projects {
            if let Some(shard) = site.shard(name)? {
                merged.insert(name.clone(), known.shard);
                ours.insert(name.clone(), shard);
            }
        }
        let mut known = paths_of(base, &there);
        known.extend(ours.values().flat_map(|shard| shard.carried().map(|(path, ..)| path)));
        let names: BTreeSet<ProjectName> = there.keys().chain(ours.keys()).cloned().collect();
        let mut index = Index::default();
        for name in names {
            let theirs = there.get(&name).cloned().map(Shard::restored);
            let mine = ours.remove(&name).map(Shard::restored);
            let project = match (theirs, mine) {
                (Some(theirs), Some(mine)) => merge_project(theirs, mine)?,
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => continue,
            };
            if !project.files.is_empty() {
                index.projects.push(project);
            }
        }
        if !settings.channels.enabled {
            for file in index.projects.iter_mut().flat_map(|project| &mut project.files) {
                file.channel = None;
            }
        }
        index.assign_channels(&settings.channels);
        super::attach_warnings(&mut index, &settings);
        let merge = Merge { site, base, index: &index, settings: &settings, theme: &theme };
        merge.write(known, there, merged, self.reporter)
    }
}

impl SiteMerger<'_> {
    /// What the site was built with; what it does not say is configured.
    fn settings(&self, state: &SiteState) -> Result<Settings> {
        let Some(look) = &state.look else {
            return Err(Error::config_hint(
                "the site does not say what its pages were made with",
                "it was built by an older wheelsite: build it again, then publish",
            ));
        };
        let Look { title, description, site_url, files_url, files, pages, host, .. } = look.clone();
        let mode = if look.channels { ChannelsMode::On } else { ChannelsMode::Off };
        let default = look.default_channel.as_ref().map(ToString::to_string);
        let config = SiteConfig {
            title: Some(title),
            description,
            site_url,
            files_url,
            files,
            pages: Some(pages),
            host: Some(host),
            channels: Some(ChannelsEntry {
                mode,
                config: ChannelsConfig { default, ..ChannelsConfig::default() },
            }),
            sources: Vec::new(),
            ..self.config.clone()
        };
        Settings::resolve(config, Options::default(), self.environment.clone())
    }
}

/// What is written, and from what.
struct Merge<'a> {
    site: &'a LocalSite,
    base: &'a Base<'a>,
    index: &'a Index,
    settings: &'a Settings,
    theme: &'a Theme,
}

impl Merge<'_> {
    fn write(
        &self,
        known: BTreeSet<String>,
        there: BTreeMap<ProjectName, Shard>,
        merged: BTreeMap<ProjectName, Sha256>,
        reporter: &dyn Reporter,
    ) -> Result<LocalSite> {
        let folder = tempfile::Builder::new().prefix("wheelsite-merge-").tempdir();
        let folder = folder.map_err(Error::output("create", &std::env::temp_dir()))?;
        let mut before: BTreeMap<ProjectName, (Vec<FileState>, About)> = there
            .iter()
            .filter(|(name, _)| merged.contains_key(*name))
            .map(|(name, shard)| (name.clone(), (shard.files.clone(), shard.about.clone())))
            .collect();
        let standing = self.standing(there);
        let small = Arc::new(Mutex::new(HashMap::new()));
        let beneath = Both { known, small: small.clone(), site: self.site.folders() };
        let directory = SiteDirectory::on_top(folder.path(), Box::new(beneath));
        let (index, settings, theme) = (self.index, self.settings, self.theme);
        let standing = standing.as_ref();
        let compared = Compared::new(index, settings, theme, &directory, standing, true);
        let rejected = left_out(&[])?;
        let roots_stand = roots_stand(index, &directory, standing, compared.settings, &rejected);
        let plan = Plan::new(index, compared, standing)?;
        if plan.changes.is_empty()
            && let Some(state) = self.base.state()
        {
            return Ok(self.site.on_top(folder, state.clone(), BTreeMap::new()));
        }
        let fetched: Vec<Vec<(String, Vec<u8>)>> = plan
            .changes
            .par_iter()
            .with_max_len(1)
            .map(|change| self.metadata(change))
            .collect::<Result<_>>()?;
        small.lock().unwrap_or_else(PoisonError::into_inner).extend(fetched.into_iter().flatten());
        // Of what stays as it is nothing is written.
        let changed = plan.changes.iter().map(|change| &change.project.name);
        let changed: BTreeSet<&ProjectName> = changed.collect();
        before.retain(|name, _| changed.contains(name));
        let memory = Memory::nothing();
        let work = Work { index, rejected, roots_stand, written: Written::default() };
        let means = Means {
            settings,
            channels: &index.channels,
            sources: &[],
            site: &directory,
            standing,
            memory: &memory,
            caches: &[],
            theme,
            reporter,
        };
        Writer::new(work, means).write(&plan)?;
        drop(directory);
        let state = KnownSite::in_folder(folder.path(), true)?;
        let state = state.ok_or_else(|| Error::config("the merge made no state"))?.state;
        let mut site = self.site.on_top(folder, state, BTreeMap::new());
        for (name, shard) in merged {
            let replaces = match before.get(&name) {
                Some((files, about)) => site.shard(&name)?.is_some_and(|now| {
                    let by_name: HashMap<&str, &FileState> =
                        now.files.iter().map(|file| (&*file.filename, file)).collect();
                    let is_kept = |file: &FileState| by_name.get(&*file.filename) == Some(&file);
                    *about != now.about || !files.iter().all(is_kept)
                }),
                None => false,
            };
            site.merged.insert(name, Merged { shard, replaces });
        }
        Ok(site)
    }

    /// What is there, as the writer sees it: its files stand, and every page of what changes is made.
    fn standing(&self, mut there: BTreeMap<ProjectName, Shard>) -> Option<KnownSite> {
        let mut state = self.base.state()?.clone();
        if !self.base.is_settled() {
            // Every page of somebody's who was at work is made anew.
            state.settings = Sha256::of(b"");
        }
        state.pages.clear();
        for shard in there.values_mut() {
            shard.pages.clear();
        }
        Some(KnownSite::of(state, there))
    }

    /// The METADATA that pages of a project show, and sidecars that are not known to be there.
    fn metadata(&self, change: &Change<'_>) -> Result<Vec<(String, Vec<u8>)>> {
        let project = change.project;
        let standing = change.standing.as_deref().map(Shard::paths).unwrap_or_default();
        let shown = wants_metadata(project).map(|file| file.dist().as_str());
        let mut all = Vec::new();
        for file in project.offered() {
            let Some(expected) = file.facts.as_deref().and_then(Facts::metadata) else { continue };
            let carried = file.sha256().filter(|_| file.url == FileUrl::Carried);
            let carried = carried
                .map(|sha256| carried_path(&project.name, sha256, file.dist().as_str()))
                .map(|path| path + ".metadata");
            let is_shown = shown == Some(file.dist().as_str());
            let is_new = carried.as_ref().is_some_and(|path| !standing.contains(path));
            if !is_shown && !is_new {
                continue;
            }
            let path = carried.unwrap_or_else(|| metadata_path(&project.name));
            let ours = self.site.file(&path).and_then(|file| std::fs::read(file).ok());
            let fits = |bytes: &Vec<u8>| Sha256::of(bytes) == expected.sha256;
            let bytes = match ours.filter(fits) {
                Some(bytes) => Some(bytes),
                None => self.base.read(&path)?.filter(fits),
            };
            all.extend(bytes.map(|bytes| (path, bytes)));
        }
        Ok(all)
    }
}

/// Two sites, one on top of the other, of which one is elsewhere.
struct Both {
    /// What either has.
    known: BTreeSet<String>,
    /// What was fetched of it.
    small: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    site: Vec<PathBuf>,
}

impl Beneath for Both {
    fn has(&self, path: &str) -> bool {
        self.known.contains(path)
            || self.small.lock().unwrap_or_else(PoisonError::into_inner).contains_key(path)
    }

    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let small = self.small.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        match small {
            Some(bytes) => Ok(bytes),
            None => self
                .site
                .iter()
                .find_map(|layer| std::fs::read(layer.join(path)).ok())
                .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound)),
        }
    }
}

/// Every path that is there, as far as its state knows.
fn paths_of(base: &Base<'_>, there: &BTreeMap<ProjectName, Shard>) -> BTreeSet<String> {
    let pages = base.state().into_iter().flat_map(|state| state.pages.keys().cloned());
    let mut paths: BTreeSet<String> = pages.collect();
    paths.extend(there.values().flat_map(Shard::paths));
    paths.insert(ROOT_FILE.to_owned());
    paths
}

/// Pages of one kind or another are everybody's: a merge leaves out none that are there.
fn keeps_kinds_of_pages(there: &Look, settings: &Settings) -> Result<()> {
    let (what, how) = if there.pages == PagesMode::All && settings.pages == PagesMode::None {
        ("pages for people", "`--pages all`")
    } else if there.channels && !settings.channels.enabled {
        ("channels", "`--channels on`")
    } else {
        return Ok(());
    };
    Err(Error::config_hint(
        format!("the site that is there has {what}, and the one that was built has none"),
        format!(
            "a merge removes nothing: build with {how}; or publish the whole site without `--merge`"
        ),
    ))
}

/// How much was read of a file.
fn depth_of(file: &IndexFile) -> Option<Depth> {
    file.facts.as_deref().map(|facts| facts.depth)
}

/// The files of both. Of one that both have: what the newcomer says of it, but it stays carried
/// where it is, and yanked.
fn merge_project(theirs: Project, mine: Project) -> Result<Project> {
    let is_configured = |project: &Project| {
        let settings = &project.settings;
        settings.description.is_some()
            || settings.status_reason.is_some()
            || settings.status != Status::Active
    };
    let settings = if is_configured(&mine) { mine.settings } else { theirs.settings };
    let mut files: BTreeMap<String, IndexFile> =
        theirs.files.into_iter().map(|file| (file.dist().to_string(), file)).collect();
    for mut file in mine.files {
        let name = file.dist().to_string();
        if let Some(known) = files.get(&name) {
            if let (Some(there), Some(here)) = (known.sha256(), file.sha256())
                && there != here
            {
                return Err(Error::Guard {
                    message: format!(
                        "`{name}` is published with the sha256 {there}, and the site has it \
                            with {here}"
                    ),
                    hint: "a merge replaces no file: give the new one a version or a build \
                        number of its own; or publish the whole site without `--merge`"
                        .to_owned(),
                });
            }
            // These bytes were there before.
            if file.offered_time.is_none() {
                file.upload_time = known.upload_time.or(file.upload_time);
            }
            if known.url == FileUrl::Carried && file.url != FileUrl::Carried {
                file.url = FileUrl::Carried;
                // These are the bytes that are served there; whoever read more of them knows more.
                if depth_of(known) > depth_of(&file) {
                    file.facts.clone_from(&known.facts);
                }
            }
            if file.yanked.is_none() {
                file.yanked.clone_from(&known.yanked);
            }
        }
        files.insert(name, file);
    }
    let mut files: Vec<IndexFile> = files.into_values().collect();
    files.sort_by(|one, other| {
        let by_version = one.dist().version().cmp(other.dist().version());
        by_version.then_with(|| one.dist().as_str().cmp(other.dist().as_str()))
    });
    Ok(Project::new(mine.name, settings, files))
}
