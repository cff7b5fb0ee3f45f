//! A release as a place to publish to: distributions, their sidecars, and what was read in them.
//!
//! What is there stays: nothing is deleted but uploads that never ended, and no asset is given
//! other bytes, but for `wheelsite-facts.json`, which follows from the others.

mod facts;
mod plan;
mod send;
mod series;
mod wheels;

use std::collections::BTreeMap;

pub use wheels::{Held, ReleaseReport, ReleaseWheel, Releases, WheelUpload, upload_wheels};

use super::local::LocalSite;
use super::report::Report;
use super::run::Publication;
use crate::config::Status;
use crate::error::{Error, Result};
use crate::facts::Facts;
use crate::host::Host;
use crate::report::Reporter;
use crate::source::ReleaseSpec;
use crate::source::github::upload::{Present, ReleaseTarget};
use crate::state::carried_path;
use crate::wheel::{ProjectName, Sha256};

/// What to do with a file whose name GitHub does not take.
const OTHER_PLACE: &str = "publish it to a bucket, a branch or a folder";

/// A distribution of the site.
struct Dist {
    project: ProjectName,
    filename: String,
    sha256: Sha256,
    size: Option<u64>,
    /// Digest of its METADATA.
    metadata: Option<Sha256>,
    facts: Option<Facts>,
    /// Where the site carries it.
    carried: Option<String>,
}

/// Publishes to a release.
pub(super) fn publish(
    site: &LocalSite,
    publication: &Publication<'_>,
    spec: &ReleaseSpec,
) -> Result<Report> {
    let repository = publication.repository.as_ref();
    let target = ReleaseTarget::new(spec, repository, publication.environment)?;
    let dists = dists(site)?;
    let release = target.find()?;
    let present = match &release {
        Some(release) => by_name(target.assets(release)?),
        None if publication.sidecars_only => {
            return Err(Error::target_hint(
                format!("`{}` does not exist", target.shown()),
                "`--sidecars-only` adds to a release that is there: check the tag",
            ));
        }
        None => BTreeMap::new(),
    };
    let work = Work::new(&target, publication.reporter, publication.host, present);
    let plan = work.plan(&dists, release.as_ref(), site, publication.sidecars_only)?;
    let mut report = Report { target: target.shown(), ..Report::default() };
    if publication.dry_run {
        report.dry_run = true;
        report.plan = plan.steps();
        return Ok(report);
    }
    if plan.is_empty() {
        return Ok(report);
    }
    let release = match release {
        Some(release) => release,
        None => target.create()?,
    };
    work.carry_out(plan, &release, &mut report)?;
    Ok(report)
}

fn by_name(present: Vec<Present>) -> BTreeMap<String, Present> {
    present.into_iter().map(|present| (present.name.clone(), present)).collect()
}

/// Every distribution that a site offers and whose digest it knows. Of what is under quarantine
/// nothing is told.
fn dists(site: &LocalSite) -> Result<Vec<Dist>> {
    let mut dists = Vec::new();
    for name in site.state.projects.keys() {
        let Some(shard) = site.shard(name)? else { continue };
        if shard.about.status == Status::Quarantined {
            continue;
        }
        for file in &shard.files {
            let Some(sha256) = file.sha256 else { continue };
            dists.push(Dist {
                project: name.clone(),
                filename: file.filename.to_string(),
                sha256,
                size: file.size,
                metadata: file.metadata_digest(),
                facts: file.facts().filter(|facts| !facts.reported),
                carried: file.carried.then(|| carried_path(name, sha256, &file.filename)),
            });
        }
    }
    Ok(dists)
}

/// What is done to one release.
struct Work<'a> {
    target: &'a ReleaseTarget,
    reporter: &'a dyn Reporter,
    host: Host,
    present: BTreeMap<String, Present>,
}

impl<'a> Work<'a> {
    fn new(
        target: &'a ReleaseTarget,
        reporter: &'a dyn Reporter,
        host: Host,
        present: BTreeMap<String, Present>,
    ) -> Self {
        Self { target, reporter, host, present }
    }

    /// The asset of a name that the release has, whole.
    fn whole(&self, name: &str) -> Option<&Present> {
        self.present.get(name).filter(|there| there.is_whole)
    }
}
