//! Pages that list projects: the home, those of channels, and the one of all names.

use std::borrow::Cow;

use serde::Serialize;
use tera::Context;

use super::{People, Rejected, human_size, same_release, same_text, status, summary};
use crate::error::Result;
use crate::facts::UploadTime;
use crate::index::{Channel, Index, IndexFile, Project, View, representative};
use crate::render::gists::{Gist, Gists};
use crate::render::{cut, display_name, name_by};

/// The projects that a page lists in full; of others it has the names, or the search has them.
const ROWS: usize = 100;
/// The projects that the home lists where there are more: those that are news.
const LATEST: usize = 50;

/// The letters of a summary that a row has room for, whatever METADATA says.
const SUMMARY: usize = 300;

#[derive(Serialize)]
struct Totals {
    projects: usize,
    releases: usize,
    files: usize,
    size_human: Option<String>,
}

#[derive(Serialize)]
struct ProjectRow<'a> {
    name: &'a str,
    url: String,
    summary: Option<Cow<'a, str>>,
    latest: Option<String>,
    releases: usize,
    files: usize,
    updated: Option<String>,
    status: Option<&'static str>,
}

#[derive(Serialize)]
struct ChannelRow<'a> {
    name: &'a str,
    url: String,
    is_default: bool,
}

/// A project of which a page shows the name alone.
#[derive(Serialize)]
struct Name<'a> {
    name: &'a str,
    url: String,
}

/// Projects whose names begin alike.
#[derive(Serialize)]
struct Group<'a> {
    letter: String,
    projects: Vec<Name<'a>>,
}

impl People<'_> {
    /// `index.html`: every project, or the latest of them.
    pub fn home(
        &self,
        index: &Index,
        gists: &Gists,
        rejected: &[Rejected<'_>],
        feed: Option<&str>,
    ) -> Result<Vec<u8>> {
        let mut context = self.context("", "simple/");
        context.insert("channel", &None::<&str>);
        context.insert("feed", &feed);
        context.insert("rejected_count", &rejected.len());
        self.listing(index, gists, View::All, context)
    }

    /// `<channel>/index.html`: the projects of a channel.
    pub fn channel(&self, index: &Index, channel: &Channel) -> Result<Vec<u8>> {
        let mut context = self.context("../", &format!("{channel}/simple/"));
        context.insert("channel", channel.as_str());
        context.insert("feed", &None::<&str>);
        context.insert("rejected_count", &0);
        self.listing(index, &Gists::default(), View::Channel(channel), context)
    }

    fn listing(
        &self,
        index: &Index,
        gists: &Gists,
        view: View<'_>,
        mut context: Context,
    ) -> Result<Vec<u8>> {
        let mut listed: Vec<Listed<'_>> = index
            .projects
            .iter()
            .filter(|project| view.has(project))
            .map(|project| Listed::of(project, gists.of(project), view))
            .collect();
        context.insert("totals", &totals(&listed));
        context.insert("channels", &channels(index));
        let cut = listed.len() > ROWS;
        let mut more = Vec::new();
        if cut && matches!(view, View::All) {
            // The search has all of them.
            listed.sort_by_key(|listed| std::cmp::Reverse(listed.extent.newest));
            listed.truncate(LATEST);
        } else if cut {
            more = listed.split_off(ROWS).iter().map(|listed| Name::of(listed.project)).collect();
        }
        let rows: Vec<ProjectRow<'_>> = listed.iter().map(|listed| listed.row(view)).collect();
        context.insert("projects", &rows);
        context.insert("more", &more);
        context.insert("is_cut", &cut);
        // What both kinds of pages include asks for it.
        context.insert("project", &None::<&str>);
        self.render("index.html", &context)
    }

    /// `packages/index.html`: the names of all projects, for those without scripting.
    pub fn projects(&self, index: &Index) -> Result<Vec<u8>> {
        let letter = |project: &Project| project.name.as_str().chars().next();
        let groups = index.projects.chunk_by(|one, other| letter(one) == letter(other));
        let groups: Vec<Group<'_>> = groups
            .map(|projects| Group {
                letter: letter(&projects[0]).into_iter().flat_map(char::to_uppercase).collect(),
                projects: projects.iter().map(Name::of).collect(),
            })
            .collect();
        let mut context = self.context("../", "simple/");
        context.insert("groups", &groups);
        context.insert("count", &index.projects.len());
        self.render("projects.html", &context)
    }
}

impl<'a> Name<'a> {
    fn of(project: &'a Project) -> Self {
        Self { name: display_name(project), url: format!("packages/{}/", project.name) }
    }
}

/// How much there is of a project.
#[derive(Debug, Clone, Copy)]
pub(in crate::render) struct Extent {
    releases: usize,
    files: usize,
    /// In bytes, if the sizes of all files are known.
    size: Option<u64>,
    newest: Option<UploadTime>,
}

impl Extent {
    /// Of these files.
    pub(in crate::render) fn of(files: &[&IndexFile]) -> Self {
        let mut sizes = files.iter().map(|file| file.size());
        Self {
            releases: releases(files),
            files: files.len(),
            size: sizes.try_fold(0u64, |sum, size| Some(sum.saturating_add(size?))),
            newest: files.iter().filter_map(|file| file.upload_time).max(),
        }
    }
}

/// A project that a page lists.
struct Listed<'p> {
    project: &'p Project,
    gist: Option<&'p Gist>,
    files: Vec<&'p IndexFile>,
    extent: Extent,
}

impl<'p> Listed<'p> {
    fn of(project: &'p Project, gist: Option<&'p Gist>, view: View<'_>) -> Self {
        let files = view.files(project);
        let extent = gist.map_or_else(|| Extent::of(&files), |gist| gist.extent);
        Self { project, gist, files, extent }
    }

    fn row(&self, view: View<'_>) -> ProjectRow<'p> {
        let Self { project, gist, .. } = *self;
        let Extent { releases, files, newest, .. } = self.extent;
        let named_by = project.representative();
        let latest = || {
            let speaks = match view {
                View::Channel(_) => representative(self.files.iter().copied()),
                View::Default | View::All => named_by,
            };
            speaks.map(|file| file.dist().version().to_string())
        };
        ProjectRow {
            name: name_by(project, named_by),
            url: format!("packages/{}/", project.name),
            summary: summary(project, named_by).map(|summary| cut(summary, SUMMARY)),
            latest: gist.map_or_else(latest, |gist| gist.latest.clone()),
            releases,
            files,
            updated: newest.map(UploadTime::date),
            status: status(project),
        }
    }
}

fn totals(listed: &[Listed<'_>]) -> Totals {
    let extents = || listed.iter().map(|listed| listed.extent);
    let size = extents().try_fold(0u64, |sum, it| Some(sum.saturating_add(it.size?)));
    Totals {
        projects: listed.len(),
        releases: extents().map(|it| it.releases).sum(),
        files: extents().map(|it| it.files).sum(),
        size_human: size.map(human_size),
    }
}

fn channels(index: &Index) -> Vec<ChannelRow<'_>> {
    let channels = index.channels.all.iter().rev();
    channels
        .map(|channel| ChannelRow {
            name: channel.as_str(),
            url: format!("{channel}/"),
            is_default: index.channels.default.as_ref() == Some(channel),
        })
        .collect()
}

fn releases(files: &[&IndexFile]) -> usize {
    let are_of_one = |one: &&IndexFile, other: &&IndexFile| {
        same_text(one, other) || same_release(one.dist().version(), other.dist().version())
    };
    files.chunk_by(are_of_one).count()
}
