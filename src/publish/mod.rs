//! Bringing pages to the world without anybody ever seeing half a site.
//!
//! [`Plan`] says which projects must be made anew and what a build would take
//! away; [`SiteDirectory`] writes a folder so that every page that can be read
//! is whole at every moment, also after a kill.

mod directory;
mod plan;

pub use directory::{Placement, SiteDirectory};
pub use plan::{Change, Plan, Removals, owner, page_paths};
