//! What a release lacks of a site, and whether GitHub would take it: nothing is sent before all
//! of it is known.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rayon::prelude::*;

use super::facts::NewFacts;
use super::{Dist, OTHER_PLACE, Work};
use crate::error::{Error, Result};
use crate::facts_file::FACTS_FILE;
use crate::inspect::read_metadata;
use crate::publish::LocalSite;
use crate::publish::report::Step;
use crate::publish::{changed, metadata_path};
use crate::source::github::upload::{AssetBytes, OpenRelease, Present};
use crate::wheel::Sha256;

/// GitHub takes no larger file.
const MAX_SIZE: u64 = 2 << 30;
/// GitHub takes no more assets in one release.
pub(super) const MAX_ASSETS: usize = 1000;

/// An asset that the release is to have.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) sha256: Sha256,
    pub(super) bytes: AssetBytes,
}

impl Wanted {
    /// A file, unless GitHub takes none of its size.
    pub(super) fn file(name: &str, sha256: Sha256, path: PathBuf, size: u64) -> Result<Self> {
        if size >= MAX_SIZE {
            return Err(Error::Guard {
                message: format!("`{name}` has {size} bytes, and GitHub takes less than 2 GiB"),
                hint: "publish it to a bucket".to_owned(),
            });
        }
        Ok(Self { name: name.to_owned(), sha256, bytes: AssetBytes::File(path, size) })
    }
}

/// What the release lacks.
pub(super) struct Plan<'d> {
    pub(super) wheels: Vec<Wanted>,
    pub(super) sidecars: Vec<Wanted>,
    /// What the facts are about, and what they are; none where they are as they should be.
    pub(super) facts: Option<(Vec<&'d Dist>, NewFacts)>,
    /// Whether there is no room for one more asset beside all these.
    pub(super) is_full: bool,
    /// The names of all these that uploads have which never ended: those go first.
    pub(super) starters: BTreeSet<String>,
}

impl Plan<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.wheels.is_empty() && self.sidecars.is_empty() && self.facts.is_none()
    }

    /// The names of the assets that are sent.
    fn sent(&self) -> impl Iterator<Item = &str> {
        let files = self.wheels.iter().chain(&self.sidecars).map(|wanted| &*wanted.name);
        let facts = self.facts.iter().filter(|(_, facts)| !facts.is_there);
        files.chain(facts.map(|_| FACTS_FILE))
    }

    pub(super) fn steps(&self) -> Vec<Step> {
        let step = |action, path: &str| Step { action, path: path.to_owned() };
        let mut steps = Vec::new();
        for name in self.sent() {
            steps.extend(self.starters.get(name).map(|name| step("delete", name)));
            steps.push(step("send", name));
        }
        let left = self.facts.iter().flat_map(|(_, facts)| &facts.left);
        steps.extend(left.map(|left| step("delete", &left.name)));
        steps
    }
}

fn keep(all: Vec<Wanted>, test: impl Fn(&Wanted) -> Result<bool>) -> Result<Vec<Wanted>> {
    let mut kept = Vec::new();
    for wanted in all {
        if test(&wanted)? {
            kept.push(wanted);
        }
    }
    Ok(kept)
}

impl Work<'_> {
    /// What is to be sent; errors where that cannot be.
    pub(super) fn plan<'d>(
        &self,
        dists: &'d [Dist],
        release: Option<&OpenRelease>,
        site: &LocalSite,
        sidecars_only: bool,
    ) -> Result<Plan<'d>> {
        let wheels = if sidecars_only { Vec::new() } else { Self::wheels(dists, site)? };
        // Of what is neither sent nor there, the release has nothing to tell.
        let is_sent = |dist: &Dist| !sidecars_only && dist.carried.is_some();
        let is_listed = |dist: &&Dist| is_sent(dist) || self.has(dist);
        let listed: Vec<&Dist> = dists.iter().filter(is_listed).collect();
        if sidecars_only && listed.is_empty() {
            let place = self.target.shown();
            return Err(Error::Guard {
                message: format!(
                    "`{place}` has no file of the site, by name and digest (or size, where \
                        GitHub knows no digest)"
                ),
                hint: "build the site from that release: `build --source gh-release:TAG`"
                    .to_owned(),
            });
        }
        self.tell_of_undigested(listed.iter().filter(|dist| !is_sent(dist)));
        let sidecars = self.sidecars(&listed, site)?;
        self.lacking(wheels, sidecars, listed, release)
    }

    /// What the release lacks of all these; errors where GitHub would not take it.
    pub(super) fn lacking<'d>(
        &self,
        wheels: Vec<Wanted>,
        sidecars: Vec<Wanted>,
        listed: Vec<&'d Dist>,
        release: Option<&OpenRelease>,
    ) -> Result<Plan<'d>> {
        let facts = self.facts_now(&listed, release)?;
        let facts = facts.filter(|facts| !facts.is_there || !facts.left.is_empty());
        let missing = |wanted: &Wanted| -> Result<bool> { self.is_missing(wanted) };
        let mut plan = Plan {
            wheels: keep(wheels, missing)?,
            sidecars: keep(sidecars, missing)?,
            facts: facts.map(|facts| (listed, facts)),
            is_full: false,
            starters: BTreeSet::new(),
        };
        plan.wheels.sort_by(|one, other| one.name.cmp(&other.name));
        plan.sidecars.sort_by(|one, other| one.name.cmp(&other.name));
        plan.is_full = self.room(&plan)? == 0;
        let is_starter = |name: &&str| self.present.get(*name).is_some_and(|it| !it.is_whole);
        plan.starters = plan.sent().filter(is_starter).map(str::to_owned).collect();
        Ok(plan)
    }

    /// Whether the release has a distribution: GitHub says its digest, or, of what was uploaded
    /// before it knew digests, its size.
    fn has(&self, dist: &Dist) -> bool {
        self.whole(&dist.filename).is_some_and(|there| match there.sha256 {
            Some(found) => found == dist.sha256,
            None => Some(there.size) == dist.size,
        })
    }

    fn tell_of_undigested<'d>(&self, there: impl Iterator<Item = &'d &'d Dist>) {
        let is_undigested =
            |dist: &&&Dist| self.whole(&dist.filename).is_some_and(|there| there.sha256.is_none());
        let mut undigested = there.filter(is_undigested);
        if let Some(first) = undigested.next() {
            let count = undigested.count() + 1;
            self.reporter.warn(&format!(
                "GitHub knows no digest of {count} files in `{}`, of which `{}` is the first: \
                    by name and size they are taken for the site's",
                self.target.shown(),
                first.filename
            ));
        }
    }

    /// How many more assets the release could have. What is replaced counts once.
    fn room(&self, plan: &Plan<'_>) -> Result<usize> {
        let sent = plan.wheels.iter().chain(&plan.sidecars).map(|wanted| &*wanted.name);
        let sent = sent.chain(plan.facts.as_ref().map(|_| FACTS_FILE));
        let names: BTreeSet<&str> = sent.chain(self.present.keys().map(String::as_str)).collect();
        let all = names.len();
        MAX_ASSETS.checked_sub(all).ok_or_else(|| Error::Guard {
            message: format!(
                "`{}` would have {all} assets, and GitHub takes {MAX_ASSETS}",
                self.target.shown()
            ),
            hint: "publish to several releases".to_owned(),
        })
    }

    /// The distributions that the site carries.
    fn wheels(dists: &[Dist], site: &LocalSite) -> Result<Vec<Wanted>> {
        let mut wheels = Vec::new();
        for dist in dists {
            let Some(path) = &dist.carried else { continue };
            let file = site.file(path).ok_or_else(|| site.missing(path))?;
            let (found, size) = std::fs::File::open(&file)
                .and_then(Sha256::of_reader)
                .map_err(Error::output("read", &file))?;
            if found != dist.sha256 {
                return Err(changed(&file, dist.sha256, found));
            }
            wheels.push(Wanted::file(&dist.filename, dist.sha256, file, size)?);
        }
        if wheels.is_empty() && !dists.is_empty() {
            return Err(Error::config_hint(
                "the site carries no files that a release could be given",
                "build it with `--files copy`; to add sidecars to a release that has the \
                    wheels, use `--sidecars-only`",
            ));
        }
        Ok(wheels)
    }

    /// The METADATA of each wheel: as the site has it, else as the asset itself says.
    fn sidecars(&self, dists: &[&Dist], site: &LocalSite) -> Result<Vec<Wanted>> {
        let wanted: Vec<Result<Option<Wanted>>> = dists
            .par_iter()
            .with_max_len(1)
            .map(|dist| {
                let Some(sha256) = dist.metadata else { return Ok(None) };
                let name = format!("{}.metadata", dist.filename);
                if self.whole(&name).is_some_and(|there| there.sha256 == Some(sha256)) {
                    return Ok(None);
                }
                let bytes = AssetBytes::Bytes(self.metadata(dist, sha256, site)?);
                Ok(Some(Wanted { name, sha256, bytes }))
            })
            .collect();
        wanted.into_iter().filter_map(Result::transpose).collect()
    }

    fn metadata(&self, dist: &Dist, expected: Sha256, site: &LocalSite) -> Result<Vec<u8>> {
        let fits = |bytes: &Vec<u8>| Sha256::of(bytes) == expected;
        let beside = dist.carried.as_ref().map(|path| format!("{path}.metadata"));
        let paths = beside.into_iter().chain([metadata_path(&dist.project)]);
        for path in paths {
            let file = site.file(&path);
            if let Some(bytes) = file.and_then(|file| std::fs::read(file).ok()).filter(fits) {
                return Ok(bytes);
            }
        }
        let unreadable = |reason: String| {
            Error::target(format!(
                "cannot read METADATA of `{}` in `{}`: {reason}",
                dist.filename,
                self.target.shown()
            ))
        };
        let Some(present) = self.present.get(&dist.filename) else {
            return Err(unreadable("the site does not have it".to_owned()));
        };
        match read_metadata(self.target.read(present)) {
            Ok(Some(bytes)) if fits(&bytes) => Ok(bytes),
            Ok(_) => Err(unreadable("it is not what the site says".to_owned())),
            Err(error) => Err(unreadable(error.to_string())),
        }
    }

    /// Whether an asset is to be sent. Errors where there is another of its name.
    fn is_missing(&self, wanted: &Wanted) -> Result<bool> {
        match self.present.get(&wanted.name) {
            Some(present) if present.is_whole => self.compare(present, wanted).map(|()| false),
            _ => self.check_name(&wanted.name).map(|()| true),
        }
    }

    /// Errors where GitHub would give an asset another name than this one.
    fn check_name(&self, name: &str) -> Result<()> {
        let stays = |char: char| char.is_ascii_alphanumeric() || "._-+@".contains(char);
        let Some(other) = name.chars().find(|char| !stays(*char)) else { return Ok(()) };
        Err(Error::Guard {
            message: format!(
                "`{name}` cannot be in `{}`: GitHub puts a `.` in the place of `{other}`",
                self.target.shown()
            ),
            hint: OTHER_PLACE.to_owned(),
        })
    }

    pub(super) fn compare(&self, present: &Present, wanted: &Wanted) -> Result<()> {
        let size = match &wanted.bytes {
            AssetBytes::File(_, size) => *size,
            AssetBytes::Bytes(bytes) => bytes.len() as u64,
        };
        let found = match present.sha256 {
            Some(found) if found == wanted.sha256 => return Ok(()),
            Some(found) => format!("the sha256 {found}, expected {}", wanted.sha256),
            None if present.size == size => {
                self.reporter.warn(&format!(
                    "`{}` is there with as many bytes; GitHub knows no digest of it, and it stays",
                    wanted.name
                ));
                return Ok(());
            }
            None => format!("{} bytes, expected {size}", present.size),
        };
        Err(Error::Guard {
            message: format!(
                "`{}` is in `{}` already and has {found}",
                wanted.name,
                self.target.shown()
            ),
            hint: "nothing overwrites a file of a release: give the new one another version, or \
                remove the old one yourself"
                .to_owned(),
        })
    }
}
