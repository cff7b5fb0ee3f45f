//! Sends what a release lacks.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::plan::{Plan, Wanted};
use super::{OTHER_PLACE, Work, by_name};
use crate::error::{Error, Result};
use crate::publish::changed;
use crate::publish::report::Report;
use crate::source::github::upload::{AssetBytes, OpenRelease, Present, Uploaded};
use crate::wheel::sanitized;

impl Work<'_> {
    /// Sends all that, in the order in which it refers to each other.
    pub(super) fn carry_out(
        &self,
        plan: Plan<'_>,
        release: &OpenRelease,
        report: &mut Report,
    ) -> Result<()> {
        let reporter = self.reporter;
        let files = (plan.wheels.len() + plan.sidecars.len()) as u64;
        reporter.stage("uploading", Some(files));
        let sent = AtomicU64::new(0);
        for assets in [&plan.wheels, &plan.sidecars] {
            assets.par_iter().with_max_len(1).try_for_each(|wanted| {
                sent.fetch_add(self.send(release, wanted)?.size, Ordering::Relaxed);
                reporter.step();
                Ok::<_, Error>(())
            })?;
        }
        report.files_sent = files;
        report.bytes_sent = sent.into_inner();
        report.deleted = plan.starters.len() as u64;
        match plan.facts {
            Some((dists, facts)) => {
                self.replace_facts(release, &dists, facts, plan.is_full, report)
            }
            None => Ok(()),
        }
    }

    /// Sends an asset until it is there.
    pub(super) fn send(&self, release: &OpenRelease, wanted: &Wanted) -> Result<Present> {
        if let Some(starter) = self.present.get(&wanted.name)
            && !starter.is_whole
        {
            self.target.delete(starter)?;
        }
        let content_type = self.host.headers(&wanted.name).content_type;
        let mut retry = self.target.retry();
        loop {
            let uploaded =
                self.target.upload(release, &wanted.name, content_type, &wanted.bytes)?;
            let reason = match uploaded {
                Uploaded::Done(present) if present.name != wanted.name => {
                    self.target.delete(&present)?;
                    return Err(Error::target_hint(
                        format!(
                            "`{}` cannot be in `{}`: GitHub calls it `{}`",
                            wanted.name,
                            self.target.shown(),
                            sanitized(&present.name)
                        ),
                        OTHER_PLACE,
                    ));
                }
                Uploaded::Done(present) if present.is_whole => {
                    return self.as_wanted(*present, wanted);
                }
                Uploaded::Done(_) => "its upload did not end".to_owned(),
                Uploaded::Exists => "an asset of this name is there".to_owned(),
                Uploaded::Unsure(reason) => reason,
            };
            // What became of it: all of it is there, some of it, or nothing.
            let mut there = by_name(self.target.assets(release)?);
            match there.remove(&wanted.name) {
                Some(present) if present.is_whole => {
                    self.compare(&present, wanted)?;
                    return Ok(present);
                }
                Some(starter) => self.target.delete(&starter)?,
                None => {}
            }
            if !retry.pause() {
                return Err(self.target.failed(&wanted.name, &reason));
            }
        }
    }

    /// What this very upload has made, unless the file has changed since it was looked at: no
    /// other bytes stay under the name.
    fn as_wanted(&self, made: Present, wanted: &Wanted) -> Result<Present> {
        match made.sha256.filter(|found| *found != wanted.sha256) {
            None => {
                self.compare(&made, wanted)?;
                Ok(made)
            }
            Some(found) => {
                self.target.delete(&made)?;
                Err(match &wanted.bytes {
                    AssetBytes::File(file, _) => changed(file, wanted.sha256, found),
                    AssetBytes::Bytes(_) => {
                        let reason = "GitHub has got other bytes of it";
                        self.target.failed(&wanted.name, reason)
                    }
                })
            }
        }
    }
}
