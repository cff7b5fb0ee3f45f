//! The state of a site that wheelsite has made, and whether its pages are those of the state.

use std::collections::BTreeMap;

use url::Url;

use super::observe::{ProjectSeen, View};
use super::probe::Prober;
use super::report::Findings;
use super::table;
use crate::index::Channel;
use crate::net::shown;
use crate::source::simple_index::{Form, RootSurvey, Survey};
use crate::state::{ROOT_FILE, Shard, SiteState, shard_path};
use crate::wheel::{ProjectName, Sha256};

/// Neither the state nor a shard of a real site comes near this many bytes.
const MAX_SIZE: u64 = 64 << 20;

/// A site whose state can be read.
pub(super) struct Site {
    /// Its home; ends in a slash.
    url: Url,
    /// Where the index is in it: nothing, or a channel with its slash.
    prefix: String,
    pub(super) state: SiteState,
    digest: Sha256,
}

impl Site {
    /// Looks for a state where one would be; none where the index is none of ours.
    pub(super) fn find(root: &Url, prober: &Prober) -> Option<Self> {
        let home = root.path().strip_suffix("/simple/")?;
        let mut folder = root.clone();
        folder.set_path(&format!("{home}/"));
        if let Some(site) = Self::at(&folder, String::new(), prober) {
            return Some(site);
        }
        let (above, name) = home.rsplit_once('/')?;
        if name != "all" && name.parse::<Channel>().is_err() {
            return None;
        }
        folder.set_path(&format!("{above}/"));
        Self::at(&folder, format!("{name}/"), prober)
    }

    fn at(url: &Url, prefix: String, prober: &Prober) -> Option<Self> {
        let answer = prober.file(&url.join(ROOT_FILE).ok()?, MAX_SIZE).ok()?;
        let state = serde_json::from_slice(&answer.bytes).ok().filter(|_| answer.is_ok())?;
        Some(Self { url: url.clone(), prefix, state, digest: Sha256::of(&answer.bytes) })
    }

    /// Whether the state is another one than it was.
    pub(super) fn has_changed(&self, prober: &Prober) -> bool {
        let url = self.url.join(ROOT_FILE).ok();
        let answer = url.and_then(|url| prober.file(&url, MAX_SIZE).ok());
        answer.is_none_or(|answer| Sha256::of(&answer.bytes) != self.digest)
    }

    /// Whether it offers all local versions of a release side by side, for who pins one.
    pub(super) fn mixes(&self) -> bool {
        self.prefix == "all/"
    }

    /// Where its state is.
    pub(super) fn state_url(&self) -> Url {
        self.url.join(ROOT_FILE).unwrap_or_else(|_| self.url.clone())
    }

    /// The roots of its channels, in the order of their names; `all/simple/` last.
    pub(super) fn channels(&self) -> Vec<Url> {
        let roots = self.state.pages.keys().filter_map(|path| path.strip_suffix("index.html"));
        let mut roots: Vec<&str> = roots.filter(|path| path.ends_with("/simple/")).collect();
        roots.sort_by_key(|path| (*path == "all/simple/", *path));
        roots.into_iter().filter_map(|path| self.url.join(path).ok()).collect()
    }

    /// The shard of a project, if the state knows the project, and whether it is of the same
    /// publication as the state.
    pub(super) fn shard(&self, name: &ProjectName, prober: &Prober) -> Option<(Shard, bool)> {
        let expected = self.state.projects.get(name)?.shard;
        let url = self.url.join(&shard_path(name)).ok()?;
        let answer = prober.file(&url, MAX_SIZE).ok().filter(|answer| answer.is_ok())?;
        let shard = serde_json::from_slice(&answer.bytes).ok()?;
        Some((shard, Sha256::of(&answer.bytes) == expected))
    }

    /// Judges what publishers have left in the state.
    pub(super) fn judge(&self, findings: &mut Findings) {
        let Some(published) = &self.state.published else { return };
        let url = self.state_url();
        if let Some(writing) = &published.writing {
            let message = format!(
                "generation {} is being written: {} projects, among them `{}`",
                published.generation,
                writing.projects.len(),
                writing.projects.keys().next().map_or("none", |name| name.as_str())
            );
            findings.add(&table::STATE_WRITING, &url, message);
        }
        if let Some(path) = published.unsettled.keys().next() {
            let message = format!(
                "{} objects are noted as not settled, among them `{path}`",
                published.unsettled.len()
            );
            findings.add(&table::STATE_UNSETTLED, &url, message);
        }
    }

    /// Judges whether the root is that of the state.
    pub(super) fn judge_root(&self, views: &[View<RootSurvey>], findings: &mut Findings) {
        for view in views {
            let (Some(seen), Some(document)) = (view.seen(), view.document()) else { continue };
            let path = self.path(None, document.form);
            if let Some(expected) = self.state.pages.get(&path)
                && !seen.digests.contains(expected)
            {
                self.add_stale(&view.asked, &path, *expected, seen.digests[1], findings);
            }
        }
    }

    /// Judges whether a project's pages are those of its shard.
    pub(super) fn judge_project(
        &self,
        seen: &ProjectSeen,
        shard: &(Shard, bool),
        findings: &mut Findings,
    ) {
        let (shard, is_same) = shard;
        if !is_same {
            let path = shard_path(&seen.name);
            let url = self.url.join(&path).unwrap_or_else(|_| self.url.clone());
            let message = format!("`{path}` is not the one that `{}` names", self.state_url());
            findings.add(&table::STATE_MIXED, &url, message);
            return;
        }
        let expected = |survey: &Survey| {
            let path = self.path(Some(&seen.name), survey.form);
            shard.pages.get(&path).map(|digest| (path, *digest))
        };
        let is_true = |view: &View<Survey>, survey: &Survey| {
            let digests = view.seen().map(|seen| seen.digests);
            digests.zip(expected(survey)).is_some_and(|(found, (_, it))| found.contains(&it))
        };
        // What the page says where it is as it was published, else what the state says.
        let true_files = seen.documents().find(|(view, survey)| is_true(view, survey));
        let true_files = true_files.map_or_else(|| files_of_shard(shard), |(_, it)| files(it));
        for (view, survey) in seen.documents() {
            let Some((path, expected)) = expected(survey) else { continue };
            let Some(page) = view.seen().filter(|page| !page.digests.contains(&expected)) else {
                continue;
            };
            if files(survey) == true_files {
                let message = format!("`{path}` lists the right files, and has other bytes");
                findings.add(&table::PAGE_ALTERED, &view.asked, message);
            } else {
                self.add_stale(&view.asked, &path, expected, page.digests[1], findings);
            }
        }
    }

    fn add_stale(
        &self,
        url: &Url,
        path: &str,
        expected: Sha256,
        found: Sha256,
        findings: &mut Findings,
    ) {
        let message = format!(
            "`{path}`: the state at `{}` expects the sha256 `{expected}`, found `{found}`",
            shown(&self.state_url())
        );
        findings.add(&table::PAGE_STALE, url, message);
    }

    /// Where a page lies in the site.
    fn path(&self, project: Option<&ProjectName>, form: Form) -> String {
        let file = if form == Form::Json { "index.v1_json" } else { "index.html" };
        let folder = project.map(|name| format!("{name}/")).unwrap_or_default();
        format!("{}simple/{folder}{file}", self.prefix)
    }
}

fn files(survey: &Survey) -> BTreeMap<String, Option<String>> {
    let entries = survey.entries.iter();
    entries.map(|entry| (entry.filename.clone(), entry.hash("sha256").map(str::to_owned))).collect()
}

fn files_of_shard(shard: &Shard) -> BTreeMap<String, Option<String>> {
    let files = shard.files.iter();
    files
        .map(|file| (file.filename.to_string(), file.sha256.map(|sha256| sha256.to_string())))
        .collect()
}
