//! A site made fit for the host that it is published for, which may be another than the one that it
//! was built for.

use std::fs;
use std::path::Path;

use url::Url;

use super::local::LocalSite;
use super::run::Publication;
use super::target::Target;
use crate::error::{Error, Result};
use crate::host::{Host, HostFile, Layout, Terms};
use crate::state::ROOT_FILE;
use crate::wheel::Sha256;

/// The site with the files that the host reads, if it takes the site at all; none where the site
/// has them already.
pub(super) fn prepared(
    site: &LocalSite,
    publication: &Publication<'_>,
) -> Result<Option<LocalSite>> {
    // A release gets distributions, and is no host.
    if matches!(publication.target, Target::Release(_)) {
        return Ok(None);
    }
    check(site, publication)?;
    adapted(site, publication.host)
}

/// The site with the files that the host reads; none where it has them already.
///
/// What only other hosts read is passed over by [`Host::takes`].
pub(super) fn adapted(site: &LocalSite, host: Host) -> Result<Option<LocalSite>> {
    let mut missing = files(site, host)?;
    missing.retain(|(path, text)| {
        let standing = site.state.pages.get(*path);
        standing != Some(&Sha256::of(text.as_bytes()))
    });
    if missing.is_empty() {
        return Ok(None);
    }
    let folder = tempfile::Builder::new().prefix("wheelsite-host-").tempdir();
    let folder = folder.map_err(Error::output("create", &std::env::temp_dir()))?;
    let mut state = site.state.clone();
    for (path, text) in missing {
        let file = folder.path().join(path);
        fs::write(&file, &*text).map_err(Error::output("write", &file))?;
        state.pages.insert(path.to_owned(), Sha256::of(text.as_bytes()));
    }
    Ok(Some(site.beneath(folder, state)))
}

/// The files that the host reads, by what the state says of the site.
fn files(site: &LocalSite, host: Host) -> Result<Vec<HostFile>> {
    let state = &site.state;
    let url = state.look.as_ref().and_then(|look| look.site_url.as_deref()?.parse::<Url>().ok());
    let base = url.as_ref().map_or("/", Url::path);
    let roots = state.pages.keys();
    let indexes = roots.filter_map(|path| path.strip_suffix("simple/index.html"));
    // `packages/simple/index.html` is the page of a project.
    let indexes = indexes.filter(|folder| *folder != "packages/").map(str::to_owned).collect();
    let has_not_found = state.pages.contains_key("404.html");
    host.files(&Layout::new(base, indexes, has_not_found)).map_err(Error::unfit)
}

/// Errors where the host would not take the site, before anything is sent.
fn check(site: &LocalSite, publication: &Publication<'_>) -> Result<()> {
    let host = publication.host;
    let terms = Terms {
        is_branch: matches!(publication.target, Target::Git(_)),
        is_paid: publication.environment.cloudflare_paid,
    };
    let Some(mut load) = host.load(terms) else { return Ok(()) };
    let mut add = |path: &str| {
        if host.takes(path) {
            let size = site.file(path).and_then(|file| size(&file));
            load.add(path, size);
        }
    };
    site.state.pages.keys().for_each(|path| add(path));
    add(ROOT_FILE);
    for name in site.state.projects.keys() {
        let shard = site.shard(name)?;
        shard.iter().flat_map(|shard| shard.paths()).for_each(|path| add(&path));
    }
    load.check().map_err(Error::unfit)
}

fn size(file: &Path) -> Option<u64> {
    fs::metadata(file).ok().map(|found| found.len())
}
