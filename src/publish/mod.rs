//! Bringing pages to the world without anybody ever seeing half a site.
//!
//! [`Plan`] says which projects must be made anew, [`Known`] what a build would take
//! away; [`SiteDirectory`] writes a folder so that every page that can be read
//! is whole at every moment, also after a kill.
//!
//! [`publish`] brings a site to where it is served: what differs is told by the states of both
//! and sent in an order that keeps the site there whole, whoever is killed and whoever else
//! publishes at the same moment.

mod apply;
mod bucket;
mod changes;
mod claim;
mod directory;
mod folder;
mod git;
mod hosting;
mod inputs;
mod journal;
mod known;
mod local;
mod lock;
mod look;
mod marks;
mod merge;
mod paths;
mod plan;
mod release;
mod remote;
mod report;
mod run;
mod settings;
mod shards;
mod store;
mod target;
mod unsettled;

use std::path::Path;

pub use directory::{Beneath, Placement, SiteDirectory};
pub use known::Known;
pub use local::{LocalSite, Merged};
pub use merge::{Base, Merger};
pub use paths::{owner, removal_rank};
pub use plan::{
    Belongings, Carried, Change, Compared, PageKind, Plan, all_of, carried, inputs_of,
    is_unchanged, kinds, metadata_path, of_settings, pages,
};
pub use release::{Held, ReleaseReport, ReleaseWheel, Releases, WheelUpload, upload_wheels};
pub use report::{Report, Step};
pub use run::{Publication, publish};
pub use settings::{Grace, PublishOptions, PublishSettings};
pub use target::{GitTarget, ParseTargetError, Target};

use crate::error::Error;
use crate::wheel::Sha256;

/// A file of the site is not the one that was built.
fn changed(file: &Path, expected: Sha256, found: Sha256) -> Error {
    Error::Guard {
        message: format!(
            "`{}` has the sha256 {found}, and the site's state says {expected}",
            file.display()
        ),
        hint: "it was changed after the site was built: build it again, then publish".to_owned(),
    }
}
