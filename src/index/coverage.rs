//! Which wheels exist of each release, and where the holes are.
//!
//! A cell is a Python, a channel, a torch and a platform. What a file leaves open fits
//! all: one without a channel is in every channel, `py3` runs on every Python 3.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use pep440_rs::Version;
use rayon::prelude::*;
use serde::Serialize;

use super::{Channel, Index, IndexFile, Platform, Project, Python, torch_of};
use crate::cuda::TorchVersion;

/// Grows when the format changes in a way that older readers would misread.
const COVERAGE_FORMAT: u32 = 1;
/// The releases of a project that are looked at, newest first.
const RELEASES: usize = 10;
/// A release whose values span more cells than this is no grid, and has no holes.
const MAX_GRID: usize = 10_000;

/// What exists of each project that comes in channels, or for more than one Python.
#[derive(Debug, Serialize)]
pub struct Coverage<'a> {
    coverage_format: u32,
    /// By normalized name.
    pub projects: BTreeMap<&'a str, ProjectCoverage<'a>>,
}

/// What exists of a project.
#[derive(Debug, Serialize)]
pub struct ProjectCoverage<'a> {
    /// Newest first.
    pub releases: Vec<ReleaseCoverage<'a>>,
}

/// What exists of a release: of a public version, whatever the local one.
#[derive(Debug, Serialize)]
pub struct ReleaseCoverage<'a> {
    /// The public version.
    pub version: String,
    /// Whether it is a prerelease.
    #[serde(skip)]
    pub prerelease: bool,
    /// How many files it has, source distributions too, yanked ones not.
    pub files: usize,
    /// Values that occur, in order.
    pub pythons: BTreeSet<Python>,
    /// Values that occur, from old to new.
    pub channels: BTreeSet<Channel>,
    /// Values that occur, in order.
    pub torch: BTreeSet<TorchVersion>,
    /// Values that occur, in order.
    pub platforms: BTreeSet<Platform>,
    /// What exists.
    pub cells: Vec<Filled<'a>>,
    /// What does not, among the values that occur.
    pub holes: Vec<Cell>,
    /// What the release before had and this one has not.
    pub lost: Vec<Cell>,
}

/// A place in the grid of a release.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Cell {
    /// For which Python.
    pub python: Python,
    /// In which channel; none is in all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// For which torch, where the version names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub torch: Option<TorchVersion>,
    /// For which machines.
    pub platform: Platform,
}

/// A cell that a wheel fills.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Filled<'a> {
    /// The place.
    #[serde(flatten)]
    pub cell: Cell,
    /// The wheel.
    pub filename: &'a str,
}

impl Cell {
    /// Whether a wheel of this cell is one for another cell as well.
    pub fn covers(&self, other: &Self) -> bool {
        self.platform.covers(&other.platform)
            && self.is_for(&other.python, other.channel.as_ref(), other.torch.as_ref())
    }

    /// Whether a wheel of this cell is one for these, on its own platform.
    pub fn is_for(
        &self,
        python: &Python,
        channel: Option<&Channel>,
        torch: Option<&TorchVersion>,
    ) -> bool {
        self.python.covers(python)
            && fits(self.channel.as_ref(), channel)
            && fits(self.torch.as_ref(), torch)
    }

    /// Whether it may cover other cells than itself.
    fn is_broad(&self) -> bool {
        let one_python =
            matches!(self.python, Python::Exactly(_) | Python::FreeThreaded(_) | Python::Other(_));
        !one_python
            || self.platform == Platform::Any
            || self.channel.is_none()
            || self.torch.is_none()
    }
}

/// What is not said fits everything.
fn fits<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
    one.is_none() || other.is_none() || one == other
}

/// The cells of a release, to be asked.
struct Present<'a> {
    exact: HashSet<&'a Cell>,
    broad: Vec<&'a Cell>,
}

impl<'a> Present<'a> {
    fn new(cells: &'a [Filled<'_>]) -> Self {
        let exact: HashSet<&Cell> = cells.iter().map(|filled| &filled.cell).collect();
        let broad = exact.iter().copied().filter(|cell| cell.is_broad()).collect();
        Self { exact, broad }
    }

    fn has(&self, wanted: &Cell) -> bool {
        self.exact.contains(wanted)
            || self.broad.iter().any(|cell| cell.covers(wanted))
            || wanted.is_broad() && self.exact.iter().any(|cell| cell.covers(wanted))
    }
}

impl<'a> Coverage<'a> {
    /// Looks at every project of an index.
    pub fn of(index: &'a Index) -> Self {
        let projects: Vec<_> = index
            .projects
            .par_iter()
            .filter_map(|project| Some((project.name.as_str(), of_project(project)?)))
            .collect();
        Self { coverage_format: COVERAGE_FORMAT, projects: projects.into_iter().collect() }
    }
}

fn of_project(project: &Project) -> Option<ProjectCoverage<'_>> {
    let has_channels = || project.files.iter().any(|file| file.channel.is_some());
    let has_pythons = || {
        let mut tags = project.files.iter().filter_map(|file| Some(file.dist().wheel()?.python()));
        let first = tags.next();
        tags.any(|tag| Some(tag) != first)
    };
    if !has_channels() && !has_pythons() {
        return None;
    }
    let same_release = |one: &&IndexFile, other: &&IndexFile| public(one) == public(other);
    let files: Vec<&IndexFile> =
        project.offered().iter().filter(|file| file.yanked.is_none()).collect();
    // One more than is told, for the last to be compared with.
    let releases = files.chunk_by(same_release).rev().take(RELEASES + 1);
    let mut releases: Vec<ReleaseCoverage<'_>> = releases.map(of_release).collect();
    for position in 0..releases.len() {
        let (newer, older) = releases.split_at_mut(position + 1);
        let before = older.iter().find(|release| !release.prerelease).or(older.first());
        if let (Some(release), Some(before)) = (newer.last_mut(), before) {
            let present = Present::new(&release.cells);
            let had = before.cells.iter().map(|filled| &filled.cell);
            let lost: BTreeSet<&Cell> = had.filter(|cell| !present.has(cell)).collect();
            release.lost = lost.into_iter().cloned().collect();
        }
    }
    releases.truncate(RELEASES);
    (!releases.is_empty()).then_some(ProjectCoverage { releases })
}

fn public(file: &IndexFile) -> Version {
    file.dist().version().clone().without_local()
}

fn of_release<'a>(files: &[&'a IndexFile]) -> ReleaseCoverage<'a> {
    let version = files.first().map(|file| public(file));
    let mut cells: Vec<Filled<'a>> = files.iter().flat_map(|file| cells_of(file)).collect();
    cells.sort();
    let all = || cells.iter().map(|filled| &filled.cell);
    ReleaseCoverage {
        prerelease: version.as_ref().is_some_and(Version::any_prerelease),
        version: version.map(|version| version.to_string()).unwrap_or_default(),
        files: files.len(),
        pythons: all().map(|cell| cell.python.clone()).collect(),
        channels: all().filter_map(|cell| cell.channel.clone()).collect(),
        torch: all().filter_map(|cell| cell.torch).collect(),
        platforms: all().map(|cell| cell.platform.clone()).collect(),
        holes: holes(&cells),
        lost: Vec::new(),
        cells,
    }
}

/// The cells that a file fills; a source distribution fills none.
fn cells_of(file: &IndexFile) -> Vec<Filled<'_>> {
    let Some(wheel) = file.dist().wheel() else { return Vec::new() };
    let torch = torch_of(wheel.version());
    let platforms = Platform::of_wheel(wheel);
    let cell = |python: &Python, platform: &Platform| Filled {
        cell: Cell {
            python: python.clone(),
            channel: file.channel.clone(),
            torch,
            platform: platform.clone(),
        },
        filename: wheel.as_str(),
    };
    let pythons = Python::of_wheel(wheel);
    let of_python = |python| platforms.iter().map(move |platform| cell(python, platform));
    pythons.iter().flat_map(of_python).collect()
}

/// The cells without a wheel: of each platform, the Pythons of the release by the channels and the
/// torches that the platform has.
fn holes(cells: &[Filled<'_>]) -> Vec<Cell> {
    let present = Present::new(cells);
    let all = || cells.iter().map(|filled| &filled.cell);
    let pythons: BTreeSet<&Python> = all().map(|cell| &cell.python).collect();
    let mut platforms: BTreeSet<&Platform> = all().map(|cell| &cell.platform).collect();
    if platforms.len() > 1 {
        // What runs anywhere is no place of its own.
        platforms.remove(&Platform::Any);
    }
    let mut holes = Vec::new();
    let mut size = 0;
    for platform in platforms {
        let here = || all().filter(|cell| cell.platform.covers(platform));
        let channels = axis(here().filter_map(|cell| cell.channel.clone()));
        let torches = axis(here().filter_map(|cell| cell.torch));
        size += pythons.len() * channels.len() * torches.len();
        if size > MAX_GRID {
            return Vec::new();
        }
        for &python in &pythons {
            for channel in &channels {
                for torch in &torches {
                    let cell = Cell {
                        python: python.clone(),
                        channel: channel.clone(),
                        torch: *torch,
                        platform: platform.clone(),
                    };
                    if !present.has(&cell) {
                        holes.push(cell);
                    }
                }
            }
        }
    }
    holes.sort();
    holes
}

/// The values of an axis; where there are none, one that says nothing.
pub fn axis<T: Ord>(values: impl Iterator<Item = T>) -> Vec<Option<T>> {
    let values: BTreeSet<T> = values.collect();
    if values.is_empty() { vec![None] } else { values.into_iter().map(Some).collect() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{Environment, Options, Settings, SiteConfig};
    use crate::facts::{Artifact, Location};
    use crate::index::{Admitted, FileUrl};

    fn index<S: AsRef<str>>(filenames: &[S]) -> Index {
        let admitted = |filename: &S| Admitted {
            artifact: Artifact::new(filename.as_ref(), Location::File(filename.as_ref().into()))
                .into(),
            facts: None,
            upload_time: None,
            url: FileUrl::FilesUrl,
        };
        let settings =
            Settings::resolve(SiteConfig::default(), Options::default(), Environment::default())
                .expect("resolves");
        let admitted = filenames.iter().map(admitted).collect();
        let mut index = Index::build(admitted, &settings).expect("builds");
        index.assign_channels(&settings.channels);
        index
    }

    fn shown(cells: &[Cell]) -> Vec<String> {
        let cell = |cell: &Cell| {
            let mut text = cell.python.to_string();
            if let Some(channel) = &cell.channel {
                text.push_str(&format!(" {channel}"));
            }
            if let Some(torch) = &cell.torch {
                text.push_str(&format!(" {torch}"));
            }
            format!("{text} {}", cell.platform)
        };
        cells.iter().map(cell).collect()
    }

    #[test]
    fn a_cell_without_a_wheel_is_a_hole_and_one_that_was_there_is_lost() {
        let mut files = Vec::new();
        for (version, local) in
            [("1.0", "cu126"), ("1.0", "cu128"), ("2.0", "cu126"), ("2.0", "cu128")]
        {
            for python in ["cp311", "cp312"] {
                for platform in ["manylinux_2_28_x86_64", "win_amd64"] {
                    files.push(format!("a-{version}+{local}-{python}-{python}-{platform}.whl"));
                }
            }
        }
        files.retain(|file| file != "a-2.0+cu128-cp311-cp311-win_amd64.whl");
        let index = index(&files);
        let coverage = Coverage::of(&index);
        let releases = &coverage.projects["a"].releases;
        assert_eq!(releases.len(), 2);
        let newest = &releases[0];
        assert_eq!((newest.version.as_str(), newest.files, newest.cells.len()), ("2.0", 7, 7));
        assert_eq!(shown(&newest.holes), ["cp311 cu128 windows amd64"]);
        assert_eq!(shown(&newest.lost), ["cp311 cu128 windows amd64"]);
        assert_eq!(shown(&releases[1].holes), [""; 0]);
        assert_eq!(shown(&releases[1].lost), [""; 0]);
    }

    #[test]
    fn what_is_left_open_fits_all() {
        let holes = |files: &[&str]| {
            let index = index(files);
            let coverage = Coverage::of(&index);
            coverage.projects.get("a").map(|project| shown(&project.releases[0].holes))
        };
        let none = Some(Vec::new());
        // The stable ABI covers what follows it.
        assert_eq!(
            holes(&[
                "a-1+cu126-cp310-abi3-linux_x86_64.whl",
                "a-1+cu128-cp310-abi3-linux_x86_64.whl",
                "a-1+cu128-cp312-cp312-linux_x86_64.whl",
            ]),
            none
        );
        // Nothing but the newer Python.
        assert_eq!(
            holes(&[
                "a-1+cu126-cp310-abi3-linux_x86_64.whl",
                "a-1+cu128-cp312-cp312-linux_x86_64.whl",
            ]),
            Some(vec!["cp310+ cu128 linux x86_64".to_owned()])
        );
        // A file without a channel or a platform.
        assert_eq!(
            holes(&["a-1+cu126-cp312-cp312-linux_x86_64.whl", "a-1-py3-none-any.whl"]),
            none
        );
        // Another system has no CUDA.
        assert_eq!(
            holes(&[
                "a-1+cu126-cp312-cp312-linux_x86_64.whl",
                "a-1+cpu-cp312-cp312-macosx_11_0_arm64.whl",
            ]),
            none
        );
        // Torch is an axis of its own.
        assert_eq!(
            holes(&[
                "a-1+cu126torch2.8-cp312-cp312-linux_x86_64.whl",
                "a-1+cu126torch2.9-cp312-cp312-linux_x86_64.whl",
                "a-1+cu128torch2.9-cp312-cp312-linux_x86_64.whl",
            ]),
            Some(vec!["cp312 cu128 2.8 linux x86_64".to_owned()])
        );
        // One Python and no channel: there is no grid.
        assert_eq!(holes(&["a-1-py3-none-any.whl", "a-2-py3-none-any.whl", "a-3.tar.gz"]), None);
    }

    #[test]
    fn a_prerelease_is_no_measure() {
        let index = index(&[
            "a-1-cp311-cp311-linux_x86_64.whl",
            "a-1-cp312-cp312-linux_x86_64.whl",
            "a-2rc1-cp312-cp312-linux_x86_64.whl",
            "a-2-cp312-cp312-linux_x86_64.whl",
        ]);
        let coverage = Coverage::of(&index);
        let releases = &coverage.projects["a"].releases;
        let lost: Vec<Vec<String>> = releases.iter().map(|release| shown(&release.lost)).collect();
        let cp311 = vec!["cp311 linux x86_64".to_owned()];
        assert_eq!(lost, [cp311.clone(), cp311, Vec::new()]);
    }

    #[test]
    fn only_the_newest_releases_are_told() {
        let files: Vec<String> = (1..=15)
            .map(|version| format!("a-{version}+cu128-cp312-cp312-linux_x86_64.whl"))
            .collect();
        let index = index(&files);
        let coverage = Coverage::of(&index);
        let releases = &coverage.projects["a"].releases;
        let versions: Vec<&str> = releases.iter().map(|release| &*release.version).collect();
        assert_eq!((versions.len(), versions[0], versions[9]), (RELEASES, "15", "6"));
    }

    proptest! {
        /// Cells and holes are apart, and taking the wheel of a cell away makes it lost.
        #[test]
        fn cells_and_holes_are_apart(
            picks in proptest::collection::btree_set((0usize..3, 0usize..3, 0usize..2, 0usize..3), 1..20),
            gone in any::<prop::sample::Index>(),
        ) {
            let name = |version: u8, pick: &(usize, usize, usize, usize)| {
                let local = ["cu126", "cu128", "cu130"][pick.1];
                let torch = ["torch2.8", "torch2.9"][pick.2];
                let python = ["cp311-cp311", "cp312-cp312", "cp313-cp313t"][pick.0];
                let platform = ["linux_x86_64", "win_amd64", "manylinux_2_28_aarch64"][pick.3];
                format!("a-{version}+{local}{torch}-{python}-{platform}.whl")
            };
            let removed = *gone.get(&picks.iter().copied().collect::<Vec<_>>());
            let mut files: Vec<String> = picks.iter().map(|pick| name(1, pick)).collect();
            files.extend(picks.iter().filter(|pick| **pick != removed).map(|pick| name(2, pick)));
            let index = index(&files);
            let coverage = Coverage::of(&index);
            let releases = &coverage.projects["a"].releases;
            for release in releases {
                let cells: HashSet<&Cell> = release.cells.iter().map(|filled| &filled.cell).collect();
                prop_assert!(release.holes.iter().all(|hole| !cells.contains(hole)));
                let grid = release.pythons.len() * release.channels.len()
                    * release.torch.len() * release.platforms.len();
                prop_assert!(cells.len() + release.holes.len() <= grid);
            }
            if picks.len() > 1 {
                prop_assert_eq!(releases[0].lost.len(), 1);
            }
        }
    }
}
