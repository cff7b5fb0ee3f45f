//! The page that shows where there are wheels, and where there are none.

use std::collections::BTreeMap;

use serde::Serialize;

use super::People;
use crate::cuda::TorchVersion;
use crate::error::Result;
use crate::index::coverage::{Cell, Coverage, ReleaseCoverage, axis};
use crate::index::{Channel, Platform, Python};

/// The projects that the page shows; the JSON file has all.
const PROJECTS: usize = 500;

#[derive(Serialize)]
struct Table<'a> {
    name: &'a str,
    version: &'a str,
    files: usize,
    holes: usize,
    channels: Vec<Heading>,
    /// One for each column; empty where no version names a torch.
    torches: Vec<String>,
    rows: Vec<Row>,
    lost: Vec<String>,
}

#[derive(Serialize)]
struct Heading {
    name: String,
    /// Where the channel's page lies, from the root of the site.
    url: Option<String>,
    columns: usize,
}

#[derive(Serialize)]
struct Row {
    python: String,
    cells: Vec<Place>,
}

#[derive(Serialize)]
struct Place {
    /// Whether there is no wheel at all.
    is_hole: bool,
    platforms: Vec<OnPlatform>,
}

/// What a place has for a platform: a wheel, or a hole.
#[derive(Serialize)]
struct OnPlatform {
    platform: String,
    filename: Option<String>,
}

impl People<'_> {
    /// `coverage/index.html`: the newest release of each project.
    pub fn coverage(&self, coverage: &Coverage<'_>) -> Result<Vec<u8>> {
        let newest = |releases: &'_ [ReleaseCoverage<'_>]| {
            releases.iter().position(|release| !release.prerelease).unwrap_or_default()
        };
        let tables: Vec<Table<'_>> = coverage
            .projects
            .iter()
            .take(PROJECTS)
            .filter_map(|(name, project)| {
                Some(table(name, project.releases.get(newest(&project.releases))?))
            })
            .collect();
        let mut context = self.context("../", "simple/");
        context.insert("projects", &tables);
        context.insert("left_out", &coverage.projects.len().saturating_sub(PROJECTS));
        self.render("coverage.html", &context)
    }
}

fn table<'a>(name: &'a str, release: &'a ReleaseCoverage<'_>) -> Table<'a> {
    let channels: Vec<Option<Channel>> = axis(release.channels.iter().cloned());
    let torches: Vec<Option<TorchVersion>> = axis(release.torch.iter().copied());
    let mut places: BTreeMap<&Cell, Option<&str>> =
        release.cells.iter().map(|filled| (&filled.cell, Some(filled.filename))).collect();
    places.extend(release.holes.iter().map(|hole| (hole, None)));
    let cell = |python: &Python, channel: Option<&Channel>, torch: Option<&TorchVersion>| {
        let here = places.iter().filter(|(cell, filename)| match filename {
            Some(_) => cell.is_for(python, channel, torch),
            None => {
                cell.python == *python
                    && cell.channel.as_ref() == channel
                    && cell.torch.as_ref() == torch
            }
        });
        let by_platform: BTreeMap<&Platform, Option<&str>> =
            here.map(|(cell, filename)| (&cell.platform, *filename)).collect();
        let place = |(platform, filename): (&Platform, Option<&str>)| OnPlatform {
            platform: platform.to_string(),
            filename: filename.map(str::to_owned),
        };
        let is_hole = by_platform.values().all(Option::is_none);
        Place { is_hole, platforms: by_platform.into_iter().map(place).collect() }
    };
    let columns =
        || channels.iter().flat_map(|channel| torches.iter().map(move |it| (channel, it)));
    let row = |python: &Python| Row {
        python: python.to_string(),
        cells: columns()
            .map(|(channel, torch)| cell(python, channel.as_ref(), torch.as_ref()))
            .collect(),
    };
    let heading = |channel: &Option<Channel>| Heading {
        name: channel.as_ref().map_or_else(|| "any".to_owned(), ToString::to_string),
        url: channel.as_ref().map(|channel| format!("{channel}/")),
        columns: torches.len(),
    };
    let named = release.torch.is_empty();
    let torch = |(_, torch): (&Option<Channel>, &Option<TorchVersion>)| {
        torch.as_ref().map(ToString::to_string).unwrap_or_default()
    };
    Table {
        name,
        version: &release.version,
        files: release.files,
        holes: release.holes.len(),
        channels: channels.iter().map(heading).collect(),
        torches: if named { Vec::new() } else { columns().map(torch).collect() },
        rows: release.pythons.iter().map(row).collect(),
        lost: release.lost.iter().map(shown).collect(),
    }
}

/// A cell in words: `cp312, cu128, torch 2.9, linux x86_64`.
fn shown(cell: &Cell) -> String {
    let mut words = vec![cell.python.to_string()];
    words.extend(cell.channel.as_ref().map(ToString::to_string));
    words.extend(cell.torch.as_ref().map(|torch| format!("torch {torch}")));
    words.push(cell.platform.to_string());
    words.join(", ")
}
