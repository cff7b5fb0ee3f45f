//! A branch as a place to publish to: one commit without a parent. The branch moves to it at
//! once, or not at all where somebody else has moved it.
//!
//! The commit is made from the tree that the branch has: only what its state names as the
//! site's is changed, and everything else that lies there stays as it is, whatever it is.
//! Nothing is ever checked out, so that no link, attribute or filter of the branch has a say.

mod history;
mod objects;
mod said;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use self::objects::{Git, Pushed, Tip};
use self::tree::TreeStore;
use super::local::LocalSite;
use super::paths::{is_ours, owner};
use super::remote::Remote;
use super::report::{Report, Step};
use super::run::{Publication, to_store};
use super::shards::PACK;
use super::target::GitTarget;
use crate::error::{Error, Result};
use crate::state::{ROOT_FILE, Shard, shard_path};
use crate::wheel::{ProjectName, Sha256};

/// How often a merge begins anew because somebody else was faster.
const ATTEMPTS: u32 = 20;

/// Publishes to a branch.
pub(super) fn publish(
    site: &LocalSite,
    publication: &Publication<'_>,
    target: &GitTarget,
) -> Result<Report> {
    let git = Git::new(target)?;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            std::thread::sleep(std::time::Duration::from_millis(fastrand::u64(50..500)));
        }
        let tip = git.tip()?;
        let branch = Branch { git: &git, target, tip: &tip };
        let diff = if publication.merger.is_some() {
            branch.merged(site, publication)?
        } else {
            branch.replaced(site, publication)?
        };
        let report = diff.report(target, publication.dry_run);
        if publication.dry_run || diff.is_empty() {
            return Ok(report);
        }
        let commit = git.commit(tip.commit.as_deref(), &diff)?;
        publication.reporter.stage("pushing", None);
        match git.push(&commit, tip.commit.as_deref())? {
            Pushed::Done => return Ok(report),
            // Somebody else has moved the branch since it was looked at.
            Pushed::Late if publication.merger.is_some() => {}
            Pushed::Late => return Err(overtaken(target)),
        }
    }
    Err(overtaken(target))
}

fn overtaken(target: &GitTarget) -> Error {
    Error::Overtaken {
        target: target.to_string(),
        reason: "the branch has moved since this one began",
    }
}

/// A file that the branch is to have.
struct Wanted {
    path: String,
    /// Where its bytes are.
    file: PathBuf,
    /// What they must be; none where nobody has said it.
    sha256: Option<Sha256>,
}

/// What a commit changes in the tree of the branch.
#[derive(Default)]
struct Diff {
    /// By path: the blob, and its size.
    writes: BTreeMap<String, (String, u64)>,
    removes: BTreeSet<String>,
}

impl Diff {
    fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.removes.is_empty()
    }

    fn report(&self, target: &GitTarget, dry_run: bool) -> Report {
        let mut report = Report { target: target.to_string(), dry_run, ..Report::default() };
        let is_file = |path: &str| path.starts_with("files/") || path.starts_with("assets/");
        if dry_run {
            let rank = |path: &str| (!is_file(path), path == ROOT_FILE);
            let mut written: Vec<&String> = self.writes.keys().collect();
            written.sort_by_key(|path| rank(path));
            let action = |path: &str| if is_file(path) { "send" } else { "write" };
            let written = written.into_iter().map(|path| (action(path), path));
            let steps = written.chain(self.removes.iter().map(|path| ("delete", path)));
            let step = |(action, path): (_, &String)| Step { action, path: path.clone() };
            report.plan = steps.map(step).collect();
            return report;
        }
        report.files_sent = self.writes.keys().filter(|path| is_file(path)).count() as u64;
        report.pages_sent = self.writes.len() as u64 - report.files_sent;
        report.bytes_sent = self.writes.values().map(|(_, size)| size).sum();
        report.deleted = self.removes.len() as u64;
        report
    }
}

/// The branch as it is.
struct Branch<'b> {
    git: &'b Git<'b>,
    target: &'b GitTarget,
    tip: &'b Tip,
}

impl Branch<'_> {
    /// What makes the branch's site the given one.
    fn replaced(&self, site: &LocalSite, publication: &Publication<'_>) -> Result<Diff> {
        let tree = TreeStore::new(self.git, self.target, self.tip)?;
        let there = Remote::read(&tree)?;
        let named = self.named(site, &there)?;
        let wanted = wanted(site, publication)?;
        let mut diff = self.differences(&wanted)?;
        let stays: BTreeSet<&str> = wanted.iter().map(|wanted| &*wanted.path).collect();
        diff.removes = named
            .iter()
            .filter(|path| !stays.contains(&***path) && self.tip.is_file(path))
            .cloned()
            .collect();
        self.guard(&diff, there.state().is_some(), Some(&named))?;
        Ok(diff)
    }

    /// What brings the files of a site into that of the branch.
    fn merged(&self, site: &LocalSite, publication: &Publication<'_>) -> Result<Diff> {
        let tree = TreeStore::new(self.git, self.target, self.tip)?;
        let there = Remote::read(&tree)?;
        if there.state().is_none() {
            let paths = wanted(site, publication)?.into_iter();
            let writes = paths.map(|wanted| (wanted.path, (String::new(), 0))).collect();
            let diff = Diff { writes, ..Diff::default() };
            self.guard(&diff, false, Some(&BTreeSet::new()))?;
        }
        // A server that sends trees without blobs would be asked for these one by one: the state,
        // and where all pages are made anew, what they show of each wheel.
        let is_packed = there.published().is_some_and(|published| published.packed);
        let is_settled =
            there.published().is_some_and(|published| published.host == publication.host);
        let is_read = |path: &&str| match path.split_once('/') {
            Some(("state", _)) => !is_packed || *path == PACK,
            Some(("files", _)) => !is_settled && path.ends_with(".metadata"),
            Some(("packages", _)) => !is_settled && path.ends_with("/METADATA"),
            _ => false,
        };
        let read = self.tip.paths().filter(is_read).filter_map(|path| self.tip.file(path));
        self.git.prefetch(self.tip, &read.map(|entry| &*entry.object).collect::<Vec<_>>());
        // Nothing but the push is seen by anybody, so that a dry run may do all else.
        let publication = Publication {
            dry_run: false,
            repository: publication.repository.clone(),
            ..*publication
        };
        to_store(site, &publication, &tree)?;
        let (written, removed) = tree.changes()?;
        let mut diff = self.differences(&written)?;
        diff.removes = removed;
        // Whose the files of a site that is there are, the publication has looked after itself.
        self.guard(&diff, true, None)?;
        Ok(diff)
    }

    /// Stores the blobs of all files; gives those that the branch does not have at their paths.
    fn differences(&self, wanted: &[Wanted]) -> Result<Diff> {
        let blobs = self.git.store(wanted)?;
        let mut diff = Diff::default();
        for (wanted, (object, size)) in wanted.iter().zip(blobs) {
            let there = self.tip.entries.get(wanted.path.as_bytes());
            if !there.is_some_and(|there| there.is_file() && there.object == object) {
                diff.writes.insert(wanted.path.clone(), (object, size));
            }
        }
        Ok(diff)
    }

    /// The paths that are those of the site that is there, by its state.
    fn named(&self, site: &LocalSite, there: &Remote) -> Result<BTreeSet<String>> {
        let Some(state) = there.state() else { return Ok(BTreeSet::new()) };
        let mut named: BTreeSet<String> = state.pages.keys().cloned().collect();
        named.insert(ROOT_FILE.to_owned());
        if let Some(published) = there.published() {
            named.extend(published.gone.keys().cloned());
            named.extend(published.packed.then(|| PACK.to_owned()));
        }
        let mut unread: Vec<(&ProjectName, String)> = Vec::new();
        for name in state.projects.keys() {
            let path = shard_path(name);
            let ours = site.state.projects.get(name).map(|known| known.shard);
            // What is unchanged needs not be fetched.
            match site.shard(name)?.filter(|_| ours == there.from(name)) {
                Some(shard) => named.extend(shard.paths()),
                None => unread.push((name, path.clone())),
            }
            named.insert(path);
        }
        let object = |path: &str| self.tip.file(path).map(|entry| &*entry.object);
        let objects: Vec<&str> = unread.iter().filter_map(|(_, path)| object(path)).collect();
        self.git.prefetch(self.tip, &objects);
        for (name, path) in unread {
            let Some(object) = object(&path) else { continue };
            let bytes = self.git.blob(object, u64::MAX)?;
            match serde_json::from_slice::<Shard>(&bytes) {
                Ok(shard) if shard.name == *name => named.extend(shard.paths()),
                // Somebody has damaged it. What lies in the project's folders is the project's.
                _ => {
                    let is_its = |path: &&str| owner(path) == Some(name.as_str());
                    named.extend(self.tip.paths().filter(is_its).map(str::to_owned));
                }
            }
        }
        named.retain(|path| is_ours(path));
        Ok(named)
    }

    /// Errors where something would be lost that is not the site's. `named` is what is.
    fn guard(&self, diff: &Diff, is_site: bool, named: Option<&BTreeSet<String>>) -> Result<()> {
        if diff.is_empty() {
            return Ok(());
        }
        let own = "give the site a branch of its own behind `#`: one that is not there yet is made";
        if !is_site && self.tip.has_parents {
            return Err(Error::Guard {
                message: format!(
                    "`{}` has commits of others and no site: its history would be lost",
                    self.target
                ),
                hint: own.to_owned(),
            });
        }
        if !self.git.is_begun_by_us(self.tip)? {
            return Err(Error::Guard {
                message: format!(
                    "`{}` has a history besides that of the site: it would be lost",
                    self.target
                ),
                hint: format!("{own}; or make one commit of this one, if its history may go"),
            });
        }
        let foreign = |path: &str| Error::Guard {
            message: format!(
                "`{path}` is in `{}` already, and wheelsite did not write it",
                self.target
            ),
            hint: "give the site a branch of its own behind `#`, or remove that there".to_owned(),
        };
        let entries = &self.tip.entries;
        for path in diff.writes.keys() {
            let is_foreign = |there: &objects::Entry| {
                !there.is_file() || named.is_some_and(|named| !named.contains(path))
            };
            if entries.get(path.as_bytes()).is_some_and(is_foreign) {
                return Err(foreign(path));
            }
            // A file, or a link, where a folder is to be.
            for (at, _) in path.match_indices('/') {
                let above = &path[..at];
                if entries.contains_key(above.as_bytes()) && !diff.removes.contains(above) {
                    return Err(foreign(above));
                }
            }
            // A folder where a file is to be.
            let below = format!("{path}/").into_bytes();
            let mut inside = entries.range(below.clone()..);
            let mut inside = inside.by_ref().take_while(|(key, _)| key.starts_with(&below));
            let stays = |key: &[u8]| {
                !std::str::from_utf8(key).is_ok_and(|path| diff.removes.contains(path))
            };
            if inside.any(|(key, _)| stays(key)) {
                return Err(foreign(path));
            }
        }
        Ok(())
    }
}

/// Every file of a site, with where it lies.
fn wanted(site: &LocalSite, publication: &Publication<'_>) -> Result<Vec<Wanted>> {
    let mut paths: Vec<(String, Option<Sha256>)> =
        site.state.pages.iter().map(|(path, sha256)| (path.clone(), Some(*sha256))).collect();
    paths.push((ROOT_FILE.to_owned(), None));
    for (name, known) in &site.state.projects {
        if let Some(shard) = site.shard(name)? {
            paths.push((shard_path(name), Some(known.shard)));
            paths.extend(shard.carried().map(|(path, sha256, _)| (path, Some(sha256))));
            paths.extend(shard.pages.into_iter().map(|(path, sha256)| (path, Some(sha256))));
        }
    }
    paths.retain(|(path, _)| publication.host.takes(path));
    let find = |(path, sha256): (String, _)| match site.file(&path) {
        Some(file) => Ok(Wanted { path, file, sha256 }),
        None => Err(site.missing(&path)),
    };
    paths.into_iter().map(find).collect()
}
