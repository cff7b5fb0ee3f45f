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
    let mut text = layout.fill(include_str!("files/wheelsite.caddyfile"))?;
    if layout.base() == "/" {
        // A root has no other spelling.
        text = text.replace("redir  / 308\n\n", "");
    }
    Ok(vec![(CONFIGURATION, text.into())])
}
