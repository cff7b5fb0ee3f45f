//! What the host of a site needs beside its pages, and whether it takes the site at all.

use crate::config::{PagesMode, Settings};
use crate::error::{Error, Result};
use crate::host::{HostFile, Layout, Terms};
use crate::index::Index;
use crate::publish::{carried, pages};
use crate::state::shard_path;

/// The files that the host of a site reads itself.
pub(super) fn files(index: &Index, settings: &Settings) -> Result<Vec<HostFile>> {
    let base = settings.site_url.as_ref().map_or("/", |url| url.path());
    let indexes = index.channels.views().map(|view| view.prefix()).collect();
    let layout = Layout::new(base, indexes, settings.pages == PagesMode::All);
    settings.host.files(&layout).map_err(Error::unfit)
}

/// Errors where the host would not take the site, before anything is changed that stands.
///
/// Pages are few and small beside what projects have: who publishes counts them, too.
pub(super) fn check(index: &Index, settings: &Settings) -> Result<()> {
    files(index, settings)?;
    let terms = Terms { is_branch: false, is_paid: settings.environment.cloudflare_paid };
    let Some(mut load) = settings.host.load(terms) else { return Ok(()) };
    for project in &index.projects {
        for carried in carried(project) {
            load.add(&carried.path, carried.size());
        }
        for (path, _) in pages(project, &index.channels, settings) {
            load.add(&path, None);
        }
        load.add(&shard_path(&project.name), None);
    }
    load.check().map_err(Error::unfit)
}
