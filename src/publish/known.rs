//! An index beside the site of an earlier run: what differs, and what would be taken away.

use std::collections::HashSet;
use std::sync::Arc;

use rayon::prelude::*;

use super::inputs;
use crate::error::{Error, Result};
use crate::index::Index;
use crate::state::{KnownSite, Shard};
use crate::wheel::ProjectName;

/// What an earlier site had of the projects that have changed since.
pub struct Known<'a> {
    site: &'a KnownSite,
    changed: Vec<(usize, ProjectName, Arc<Shard>)>,
}

impl<'a> Known<'a> {
    /// Reads the shards of the projects whose inputs are not those of the site.
    pub fn compare(index: &Index, site: &'a KnownSite) -> Result<Self> {
        let changed = index
            .projects
            .par_iter()
            .enumerate()
            .filter(|(_, project)| {
                let known = site.state.projects.get(&project.name);
                known.is_some_and(|known| {
                    known.inputs != inputs::of_project(project, &index.channels)
                })
            })
            .filter_map(|(position, project)| {
                let shard = site.shard(&project.name).transpose()?;
                Some(shard.map(|shard| (position, project.name.clone(), shard)))
            })
            .collect::<Result<_>>()?;
        Ok(Self { site, changed })
    }

    /// The changed projects: their places in the index, and what the site had of them.
    pub fn changed(&self) -> impl Iterator<Item = (usize, &Shard)> {
        self.changed.iter().map(|(position, _, shard)| (*position, &**shard))
    }

    /// Errors where a whole project or more than a tenth of the files would go.
    pub fn guard(&self, index: &Index) -> Result<()> {
        let state = &self.site.state;
        let gone: Vec<&ProjectName> =
            state.projects.keys().filter(|name| index.project(name).is_none()).collect();
        let mut files: u64 = gone.iter().map(|name| state.projects[*name].files).sum();
        for (_, name, shard) in &self.changed {
            let Some(project) = index.project(name) else { continue };
            let names: HashSet<&str> =
                project.files.iter().map(|file| file.dist().as_str()).collect();
            let missing = shard.files.iter().filter(|file| !names.contains(&*file.filename));
            files += missing.count() as u64;
        }
        let total: u64 = state.projects.values().map(|project| project.files).sum();
        if gone.is_empty() && files * 10 <= total {
            return Ok(());
        }
        let named: Vec<String> = gone.iter().take(5).map(|name| format!("`{name}`")).collect();
        let more = if gone.len() > 5 { ", ..." } else { "" };
        let projects = match gone.len() {
            0 => String::new(),
            1 => format!(", and the whole project {}", named[0]),
            count => format!(", and {count} whole projects: {}{more}", named.join(", ")),
        };
        Err(Error::Guard {
            message: format!(
                "this build would remove {files} of the {total} files of the last one{projects}"
            ),
            hint: "if that is meant, build with `--allow-removals`".to_owned(),
        })
    }
}
