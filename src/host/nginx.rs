//! nginx: negotiates by a configuration that lies in the site, is copied from there, and hides
//! itself.

use super::{HostFile, Layout, Profile, Unfit, plain};

/// What is included in a `server` block.
pub(super) const CONFIGURATION: &str = "wheelsite.nginx.conf";

pub(super) const PROFILE: Profile = Profile {
    shows_not_found: true,
    files,
    notes: &["nginx needs `wheelsite.nginx.conf` of the site: copy it into its configuration"],
    ..plain::PROFILE
};

fn files(layout: &Layout) -> Result<Vec<HostFile>, Unfit> {
    let text = layout.fill(include_str!("files/wheelsite.nginx.conf"))?;
    Ok(vec![(CONFIGURATION, text.into())])
}
