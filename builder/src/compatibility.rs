//! What exists together: torch, CUDA, Python and images. Data, not code.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use wheelsite::config::parse_yaml;

use crate::error::{Error, Result};
use crate::packages::values::{CudaSpec, Month, Parsed};
use crate::python::Python;
use crate::row::{Cuda, CudaRelease, Platform, Torch};

/// The data that the program comes with.
const EMBEDDED: &str = include_str!("../data/compatibility.yml");

/// What exists together. A file of a user's replaces the whole of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compatibility {
    updated: Option<Parsed<Month>>,
    #[serde(default)]
    torch: TorchReleases,
    #[serde(default)]
    cuda: Toolkits,
    #[serde(default)]
    python: Pythons,
    images: Option<Images>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TorchReleases {
    #[serde(rename = "source")]
    _source: Option<String>,
    #[serde(default)]
    releases: BTreeMap<Parsed<Torch>, TorchRelease>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct TorchRelease {
    cuda: Vec<Parsed<CudaRelease>>,
    python: Vec<Parsed<Python>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Toolkits {
    #[serde(rename = "source")]
    _source: Option<String>,
    #[serde(default)]
    toolkits: BTreeMap<Parsed<CudaRelease>, Vec<Parsed<Cuda>>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pythons {
    #[serde(rename = "source")]
    _source: Option<String>,
    #[serde(default)]
    releases: BTreeMap<Parsed<Python>, Parsed<Month>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Images {
    #[serde(rename = "source")]
    _source: Option<String>,
    devel: String,
    runtime: String,
    manylinux: BTreeMap<Parsed<Platform>, String>,
}

/// A torch that fits, or the reason why there is none.
pub type Fit = std::result::Result<Torch, String>;

impl Compatibility {
    /// What the program comes with.
    pub fn embedded() -> Result<Self> {
        Self::parse(EMBEDDED, "the embedded compatibility data")
    }

    /// A file of a user's.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&crate::packages::read(path)?, &path.display().to_string())
    }

    fn parse(text: &str, origin: &str) -> Result<Self> {
        Ok(parse_yaml(text, origin)?)
    }

    /// The Pythons that still get releases, without the free-threaded builds.
    pub fn supported_pythons(&self) -> Vec<Python> {
        let releases = self.python.releases.iter();
        let supported = releases.filter(|(_, end)| self.updated.is_none_or(|now| end.0 >= now.0));
        supported.map(|(python, _)| python.0).collect()
    }

    /// The month after which a Python gets no more releases, if that was before the data was written.
    pub fn ended(&self, python: Python) -> Option<Month> {
        let end = self.python.releases.get(&Parsed(Python { free_threaded: false, ..python }))?.0;
        self.updated.is_some_and(|now| end < now.0).then_some(end)
    }

    /// The whole version of a toolkit that may be written without its patch.
    pub fn toolkit(&self, spec: CudaSpec) -> Result<Cuda, String> {
        match spec {
            CudaSpec::Whole(cuda) => Ok(cuda),
            CudaSpec::Release(release) => {
                let known = self.cuda.toolkits.get(&Parsed(release));
                known.and_then(|patches| patches.last()).map(|cuda| cuda.0).ok_or_else(|| {
                    format!(
                        "no patch release of CUDA {release} is known: write the whole version \
                         that the image's tag has, as `{release}.0`"
                    )
                })
            }
        }
    }

    /// What is strange about a toolkit's version, if anything: no image is known to have it.
    pub fn doubt(&self, cuda: Cuda) -> Option<String> {
        let known = self.cuda.toolkits.get(&Parsed(cuda.release()));
        if known.is_some_and(|patches| patches.iter().any(|patch| patch.0 == cuda)) {
            return None;
        }
        let known: Vec<String> = match known {
            Some(patches) => patches.iter().map(|patch| patch.0.to_string()).collect(),
            None => self.cuda.toolkits.keys().map(|release| release.0.to_string()).collect(),
        };
        Some(format!("no image of CUDA {cuda} is known; known are {}", known.join(", ")))
    }

    /// The images that a row is compiled and tried in, where nothing else is said: templates.
    pub fn images(&self, platform: Platform) -> Option<[&str; 3]> {
        let images = self.images.as_ref()?;
        let manylinux = images.manylinux.get(&Parsed(platform))?;
        Some([&images.devel, &images.runtime, manylinux])
    }

    /// The newest torch that is built for a CUDA and a Python.
    pub fn newest_torch(&self, cuda: CudaRelease, python: Python) -> Fit {
        let for_cuda: Vec<_> = self
            .torch
            .releases
            .iter()
            .filter(|(_, release)| release.cuda.contains(&Parsed(cuda)))
            .collect();
        let mut newest = for_cuda.iter().rev();
        if let Some((torch, _)) = newest.find(|(_, it)| it.python.contains(&Parsed(python))) {
            return Ok(torch.0);
        }
        if for_cuda.is_empty() {
            return Err(format!("CUDA {cuda} has no torch build: use {}", self.nearest(cuda)));
        }
        let pythons = self.pythons_with(cuda);
        let others: Vec<String> = self
            .all_cuda()
            .into_iter()
            .filter(|&other| self.pythons_with(other).contains(&python))
            .map(|other| other.to_string())
            .collect();
        let others = match others.as_slice() {
            [] => String::new(),
            others => format!(", or CUDA {}", others.join(", ")),
        };
        Err(format!(
            "no torch for CUDA {cuda} has a build for Python {python}: use Python {}{others}",
            joined(&pythons)
        ))
    }

    /// Whether a torch is built for a CUDA and a Python.
    pub fn torch(&self, torch: Torch, cuda: CudaRelease, python: Python) -> Fit {
        let Some(release) = self.torch.releases.get(&Parsed(torch)) else {
            let known: Vec<_> = self.torch.releases.keys().map(|known| known.0).collect();
            return Err(format!("no torch {torch} is known: use {}", joined(&known)));
        };
        let all = self.torch.releases.iter();
        let mut others = all.filter(|(_, it)| it.cuda.contains(&Parsed(cuda))).map(|(it, _)| it.0);
        if !release.cuda.contains(&Parsed(cuda)) {
            let own = release.cuda.iter().map(|it| it.0);
            // The same major version first: its drivers are there.
            let own = own.clone().filter(|it| it.major == cuda.major).max().or(own.max());
            let others: Vec<_> = others.collect();
            let other = others.iter().find(|&&it| it > torch).or(others.last());
            return Err(format!(
                "CUDA {cuda} has no torch {torch} build: use {}",
                [own.map(|own| own.to_string()), other.map(|other| format!("torch {other}"))]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(", or ")
            ));
        }
        if !release.python.contains(&Parsed(python)) {
            let fitting = others.rfind(|it| self.has_python(*it, python));
            let other = fitting.map(|it| format!(", or torch {it}")).unwrap_or_default();
            let own: Vec<_> = release.python.iter().map(|it| it.0).collect();
            return Err(format!(
                "torch {torch} has no build for Python {python}: use Python {}{other}",
                joined(&own)
            ));
        }
        Ok(torch)
    }

    fn has_python(&self, torch: Torch, python: Python) -> bool {
        self.torch
            .releases
            .get(&Parsed(torch))
            .is_some_and(|it| it.python.contains(&Parsed(python)))
    }

    fn all_cuda(&self) -> Vec<CudaRelease> {
        let releases = self.torch.releases.values();
        let mut all: Vec<_> = releases.flat_map(|it| it.cuda.iter().map(|cuda| cuda.0)).collect();
        all.sort();
        all.dedup();
        all
    }

    fn pythons_with(&self, cuda: CudaRelease) -> Vec<Python> {
        let releases = self.torch.releases.values();
        let fitting = releases.filter(|it| it.cuda.contains(&Parsed(cuda)));
        let mut all: Vec<_> = fitting.flat_map(|it| it.python.iter().map(|it| it.0)).collect();
        all.sort();
        all.dedup();
        all
    }

    /// The releases of CUDA with a torch that lie beside one without.
    fn nearest(&self, cuda: CudaRelease) -> String {
        let all = self.all_cuda();
        let below = all.iter().rev().find(|&&it| it < cuda);
        let above = all.iter().find(|&&it| it > cuda);
        let near = [below, above].into_iter().flatten().map(|it| it.to_string());
        near.collect::<Vec<_>>().join(" or ")
    }
}

fn joined<T: ToString>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

impl From<String> for Error {
    fn from(message: String) -> Self {
        wheelsite::error::Error::config(message).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data() -> Compatibility {
        Compatibility::embedded().expect("parses")
    }

    fn reason(torch: &str, cuda: &str, python: &str) -> String {
        data()
            .torch(
                torch.parse().expect("is one"),
                cuda.parse().expect("is one"),
                python.parse().expect("is one"),
            )
            .expect_err("does not fit")
    }

    #[test]
    fn what_does_not_exist_is_explained_with_what_does() {
        assert_eq!(
            reason("2.9", "13.4", "3.12"),
            "CUDA 13.4 has no torch 2.9 build: use 13.0, or torch 2.14"
        );
        assert_eq!(
            reason("2.14", "12.9", "3.12"),
            "CUDA 12.9 has no torch 2.14 build: use 12.6, or torch 2.8"
        );
        assert_eq!(
            reason("2.8", "12.8", "3.14"),
            "torch 2.8 has no build for Python 3.14: use Python 3.9, 3.10, 3.11, 3.12, 3.13, 3.13t, \
             or torch 2.11"
        );
        assert!(reason("9.9", "12.8", "3.12").starts_with("no torch 9.9 is known: use 2.4, 2.5"));
    }

    #[test]
    fn the_newest_torch_fits_cuda_and_python() {
        let newest = |cuda: &str, python: &str| {
            let (cuda, python) = (cuda.parse().expect("is one"), python.parse().expect("is one"));
            data().newest_torch(cuda, python).map(|torch| torch.to_string())
        };
        assert_eq!(newest("12.9", "3.12").as_deref(), Ok("2.8"));
        assert_eq!(newest("12.6", "3.9").as_deref(), Ok("2.8"));
        assert_eq!(newest("12.6", "3.12").as_deref(), Ok("2.14"));
        assert_eq!(
            newest("13.1", "3.12").expect_err("there is none"),
            "CUDA 13.1 has no torch build: use 13.0 or 13.2"
        );
        assert_eq!(
            newest("12.9", "3.14").expect_err("there is none"),
            "no torch for CUDA 12.9 has a build for Python 3.14: use Python 3.9, 3.10, 3.11, 3.12, \
             3.13, 3.13t, or CUDA 12.6, 12.8, 13.0, 13.2, 13.4"
        );
    }

    #[test]
    fn pythons_are_supported_until_their_last_month() {
        let data = data();
        let supported = joined(&data.supported_pythons());
        assert_eq!(supported, "3.11, 3.12, 3.13, 3.14, 3.15");
        let python = |text: &str| text.parse().expect("is one");
        assert_eq!(
            data.ended(python("3.9")).map(|end| end.to_string()).as_deref(),
            Some("2025-10")
        );
        assert_eq!(data.ended(python("3.13t")), None);
    }

    #[test]
    fn toolkits_may_be_written_short() {
        let data = data();
        let whole =
            |text: &str| data.toolkit(text.parse().expect("is one")).map(|it| it.to_string());
        assert_eq!(whole("12.9").as_deref(), Ok("12.9.1"));
        assert_eq!(whole("12.0.7").as_deref(), Ok("12.0.7"));
        assert!(whole("14.0").is_err());
        assert_eq!(
            data.doubt("12.9.7".parse().expect("is one")).as_deref(),
            Some("no image of CUDA 12.9.7 is known; known are 12.9.0, 12.9.1")
        );
        assert_eq!(data.doubt("12.9.1".parse().expect("is one")), None);
    }
}
