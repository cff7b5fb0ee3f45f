//! Bringing pages to the world without anybody ever seeing half a site.
//!
//! [`Plan`] says which projects must be made anew, [`Known`] what a build would take
//! away; [`SiteDirectory`] writes a folder so that every page that can be read
//! is whole at every moment, also after a kill.

mod directory;
mod inputs;
mod known;
mod paths;
mod plan;

pub use directory::{Placement, SiteDirectory};
pub use known::Known;
pub use paths::{owner, removal_rank};
pub use plan::{Carried, Change, PageKind, Plan, carried, metadata_path, pages};
