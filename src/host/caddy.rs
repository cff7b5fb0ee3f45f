//! Caddy: negotiates by a configuration that lies in the site, is copied from there, and hides
//! itself.

use super::{HostFile, Layout, Profile, Unfit, plain};

/// What is imported into a site block.
pub(super) const CONFIGURATION: &str = "wheelsite.caddyfile";

pub(super) const PROFILE: Profile = Profile {
    shows_not_found: true,
    files,
    notes: &["Caddy needs `wheelsite.caddyfile` of the site: copy it into its configuration"],
    ..plain::PROFILE
};

fn files(layout: &Layout) -> Result<Vec<HostFile>, Unfit> {
    let text = layout.fill(include_str!("files/wheelsite.caddyfile"))?;
    Ok(vec![(CONFIGURATION, text.into())])
}
