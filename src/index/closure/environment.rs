//! The machines that a wheel may be installed on, as markers see them.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use pep440_rs::{Version, VersionSpecifiers};
use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder};

use crate::index::{Index, Platform, Python};

/// The minor versions of Python 3 that are in use, where an index says nothing else.
const CURRENT: std::ops::RangeInclusive<u16> = 9..=14;
/// No release of a minor version has a higher number than this.
const LAST_PATCH: u64 = 99;

/// A Python on a platform.
pub(super) struct Environment {
    minor: u16,
    free_threaded: bool,
    pub(super) platform: Platform,
    /// With the first and with the last release of the minor version.
    markers: [MarkerEnvironment; 2],
}

impl Environment {
    /// None on a platform whose markers nobody knows.
    fn new(minor: u16, free_threaded: bool, platform: Platform) -> Option<Self> {
        let (os, sys, system, machine) = match &platform {
            Platform::Linux(machine) | Platform::Musl(machine) => {
                ("posix", "linux", "Linux", machine.to_string())
            }
            Platform::Windows(machine) if **machine == *"x86" => {
                ("nt", "win32", "Windows", machine.to_string())
            }
            Platform::Windows(machine) => ("nt", "win32", "Windows", machine.to_uppercase()),
            Platform::MacOs(machine) => ("posix", "darwin", "Darwin", machine.to_string()),
            Platform::Any | Platform::Other(_) => return None,
        };
        let markers = |patch: u64| {
            let full = format!("3.{minor}.{patch}");
            MarkerEnvironment::try_from(MarkerEnvironmentBuilder {
                implementation_name: "cpython",
                implementation_version: &full,
                os_name: os,
                platform_machine: &machine,
                platform_python_implementation: "CPython",
                platform_release: "",
                platform_system: system,
                platform_version: "",
                python_full_version: &full,
                python_version: &format!("3.{minor}"),
                sys_platform: sys,
            })
            .ok()
        };
        let markers = [markers(0)?, markers(LAST_PATCH)?];
        Some(Self { minor, free_threaded, platform, markers })
    }

    pub(super) fn python(&self) -> Python {
        if self.free_threaded {
            Python::FreeThreaded(self.minor)
        } else {
            Python::Exactly(self.minor)
        }
    }

    pub(super) fn markers(&self) -> impl Iterator<Item = &MarkerEnvironment> {
        self.markers.iter()
    }

    /// Whether `Requires-Python` lets some release of the minor version in.
    pub(super) fn is_allowed(&self, requires_python: Option<&VersionSpecifiers>) -> bool {
        is_allowed(self.minor, requires_python)
    }
}

fn is_allowed(minor: u16, requires_python: Option<&VersionSpecifiers>) -> bool {
    requires_python.is_none_or(|specifiers| {
        [0, LAST_PATCH]
            .iter()
            .any(|patch| specifiers.contains(&Version::new([3, u64::from(minor), *patch])))
    })
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free_threaded = if self.free_threaded { "t" } else { "" };
        write!(f, "Python 3.{}{free_threaded} on {}", self.minor, self.platform)
    }
}

/// The environments of an index, each once.
pub(super) struct Environments {
    pub(super) all: Vec<Environment>,
    positions: HashMap<(u16, bool, Platform), Option<usize>>,
    /// The minor versions that wheels of the index are for.
    minors: BTreeSet<u16>,
    /// Where a wheel for any platform is thought to be installed.
    platforms: Vec<Platform>,
}

impl Environments {
    pub(super) fn of(index: &Index) -> Self {
        let files = index.projects.iter().flat_map(|project| project.offered());
        let wheels = || files.clone().filter_map(|file| file.dist().wheel());
        let minor = |python: Python| match python {
            Python::Exactly(minor) | Python::FreeThreaded(minor) => Some(minor),
            _ => None,
        };
        let is_known =
            |platform: &Platform| !matches!(platform, Platform::Any | Platform::Other(_));
        let here: BTreeSet<Platform> =
            wheels().flat_map(Platform::of_wheel).filter(is_known).collect();
        let usual = Platform::Linux("x86_64".into());
        let is_usual = here.is_empty() || here.contains(&usual);
        Self {
            all: Vec::new(),
            positions: HashMap::new(),
            minors: wheels().flat_map(Python::of_wheel).filter_map(minor).collect(),
            platforms: if is_usual { vec![usual] } else { here.into_iter().collect() },
        }
    }

    /// Those that a wheel may be installed in, by its tags and its `Requires-Python`.
    pub(super) fn of_wheel(
        &mut self,
        pythons: &[Python],
        platforms: &[Platform],
        requires_python: Option<&VersionSpecifiers>,
    ) -> Vec<usize> {
        let platforms = match platforms {
            [Platform::Any] => self.platforms.clone(),
            named => named.to_vec(),
        };
        let pythons: BTreeSet<(u16, bool)> =
            pythons.iter().flat_map(|python| self.minors_of(python, requires_python)).collect();
        let mut found = Vec::new();
        for (minor, free_threaded) in pythons {
            for platform in &platforms {
                let key = (minor, free_threaded, platform.clone());
                let position = *self.positions.entry(key).or_insert_with(|| {
                    self.all.push(Environment::new(minor, free_threaded, platform.clone())?);
                    Some(self.all.len() - 1)
                });
                found.extend(position);
            }
        }
        found
    }

    /// The Pythons that a tag stands for here, and whether they lack the global lock.
    fn minors_of(
        &self,
        python: &Python,
        requires_python: Option<&VersionSpecifiers>,
    ) -> Vec<(u16, bool)> {
        let (first, free_threaded) = match python {
            Python::Exactly(minor) => return vec![(*minor, false)],
            Python::FreeThreaded(minor) => return vec![(*minor, true)],
            Python::Other(_) => return Vec::new(),
            Python::Any => (0, false),
            Python::PureFrom(minor) | Python::StableFrom(minor) => (*minor, false),
            Python::FreeThreadedFrom(minor) => (*minor, true),
        };
        let fits = |minor: &u16| *minor >= first && is_allowed(*minor, requires_python);
        let here: Vec<u16> = self.minors.iter().copied().filter(fits).collect();
        let minors = if here.is_empty() { CURRENT.filter(fits).collect() } else { here };
        // Newer than all that is known: then its own.
        let minors = if minors.is_empty() && first > 0 { vec![first] } else { minors };
        minors.into_iter().map(|minor| (minor, free_threaded)).collect()
    }
}
