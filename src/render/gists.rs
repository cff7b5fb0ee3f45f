//! What pages of the root say of projects whose own pages are written and whose files are not in
//! memory any more.

use std::collections::BTreeMap;

use super::feed::Newest;
use super::people::Extent;
use super::search::Row;
use crate::facts::UploadTime;
use crate::index::{IndexFile, Project};
use crate::wheel::ProjectName;

/// Projects whose files are not here.
#[derive(Default)]
pub struct Gists {
    gists: BTreeMap<ProjectName, Gist>,
    /// What the feed may name of their files.
    pub(super) newest: Newest<(ProjectName, IndexFile, UploadTime)>,
}

/// What is left of a project.
///
/// Nothing is configured for it and no file of it was opened, or it would have more to say.
pub struct Gist {
    pub(super) row: Row,
    pub(super) extent: Extent,
    /// Its latest version.
    pub(super) latest: Option<String>,
}

impl Gist {
    /// The gist of a project that is offered as a whole.
    pub fn of(project: &Project) -> Self {
        let files: Vec<&IndexFile> = project.offered().iter().collect();
        let latest = project.representative().map(|file| file.dist().version().to_string());
        Self { row: Row::of(project), extent: Extent::of(&files), latest }
    }
}

impl Gists {
    /// Takes a project whose files go.
    pub fn add(&mut self, name: ProjectName, gist: Gist, files: Vec<IndexFile>) {
        for file in files {
            if let Some(time) = file.upload_time {
                self.newest.offer((name.clone(), file, time));
            }
        }
        self.gists.insert(name, gist);
    }

    /// That of a project; none where its files are in the index.
    pub(super) fn of(&self, project: &Project) -> Option<&Gist> {
        self.gists.get(&project.name)
    }
}
