//! What the name of a wheel says of the machines that it is for, as far as an index compares them.

use std::fmt;

use pep440_rs::Version;
use serde::{Serialize, Serializer};

use crate::cuda::{LocalTag, TorchVersion};
use crate::wheel::WheelFilename;

/// The Pythons that a pair of a Python tag and an ABI tag stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Python {
    /// `py3`: each Python 3.
    Any,
    /// `py38`: 3.8 and what follows it.
    PureFrom(u16),
    /// `cp39-abi3`: CPython 3.9 and what follows it.
    StableFrom(u16),
    /// `cp315-abi3t`: the same without a global lock.
    FreeThreadedFrom(u16),
    /// `cp312`: CPython 3.12.
    Exactly(u16),
    /// `cp313t`: CPython 3.13 without a global lock.
    FreeThreaded(u16),
    /// Others, by their tag.
    Other(Box<str>),
}

impl Python {
    /// The Pythons of a wheel, each once and in order; `py2` is not named beside `py3`.
    pub fn of_wheel(wheel: &WheelFilename) -> Vec<Self> {
        let mut pythons: Vec<Self> = wheel
            .python()
            .split('.')
            .flat_map(|python| wheel.abi().split('.').map(move |abi| Self::of_tags(python, abi)))
            .collect();
        pythons.sort();
        pythons.dedup();
        if pythons.first() == Some(&Self::Any) {
            pythons.truncate(1);
        }
        pythons
    }

    fn of_tags(python: &str, abi: &str) -> Self {
        let other = || Self::Other(python.into());
        let (pure, version) = match (python.strip_prefix("py"), python.strip_prefix("cp")) {
            (Some(version), _) => (true, version),
            (_, Some(version)) => (false, version),
            _ => return other(),
        };
        let minor = match version.strip_prefix('3') {
            Some("") => return Self::Any,
            Some(minor) => minor.parse::<u16>().ok(),
            None => None,
        };
        let Some(minor) = minor else { return other() };
        match (pure, abi) {
            (true, _) => Self::PureFrom(minor),
            (_, "abi3") => Self::StableFrom(minor),
            (_, "abi3t") => Self::FreeThreadedFrom(minor),
            _ => match abi.strip_prefix(python) {
                Some(flags) if flags.contains('t') => Self::FreeThreaded(minor),
                _ => Self::Exactly(minor),
            },
        }
    }

    /// Whether wheels for these Pythons run wherever wheels for the others do.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, Self::Other(tag)) => !tag.starts_with("py") && !tag.starts_with("cp2"),
            (Self::Any, _) => true,
            (
                Self::PureFrom(first),
                Self::PureFrom(minor)
                | Self::StableFrom(minor)
                | Self::FreeThreadedFrom(minor)
                | Self::Exactly(minor)
                | Self::FreeThreaded(minor),
            )
            | (Self::StableFrom(first), Self::StableFrom(minor) | Self::Exactly(minor))
            | (
                Self::FreeThreadedFrom(first),
                Self::FreeThreadedFrom(minor) | Self::FreeThreaded(minor),
            ) => first <= minor,
            _ => self == other,
        }
    }
}

impl fmt::Display for Python {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("py3"),
            Self::PureFrom(minor) => write!(f, "py3{minor}+"),
            Self::StableFrom(minor) => write!(f, "cp3{minor}+"),
            Self::FreeThreadedFrom(minor) => write!(f, "cp3{minor}t+"),
            Self::Exactly(minor) => write!(f, "cp3{minor}"),
            Self::FreeThreaded(minor) => write!(f, "cp3{minor}t"),
            Self::Other(tag) => f.write_str(tag),
        }
    }
}

/// The machines that a platform tag stands for, whatever the age of their systems.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Platform {
    /// All of them.
    Any,
    /// Linux with glibc.
    Linux(Box<str>),
    /// Linux with musl.
    Musl(Box<str>),
    /// Windows.
    Windows(Box<str>),
    /// macOS.
    MacOs(Box<str>),
    /// Others, by their tag.
    Other(Box<str>),
}

impl Platform {
    /// The platforms of a wheel, each once and in order.
    pub fn of_wheel(wheel: &WheelFilename) -> Vec<Self> {
        let mut platforms: Vec<Self> = wheel.platform().split('.').flat_map(Self::of_tag).collect();
        platforms.sort();
        platforms.dedup();
        if platforms.first() == Some(&Self::Any) {
            platforms.truncate(1);
        }
        platforms
    }

    fn of_tag(tag: &str) -> Vec<Self> {
        if tag == "any" {
            return vec![Self::Any];
        }
        if let Some(machine) = tag.strip_prefix("win_") {
            return vec![Self::Windows(machine.into())];
        }
        if tag == "win32" {
            return vec![Self::Windows("x86".into())];
        }
        if let Some(rest) = tag.strip_prefix("macosx_") {
            return match without_numbers(rest) {
                "universal2" => vec![Self::MacOs("arm64".into()), Self::MacOs("x86_64".into())],
                // What there was before ARM came.
                "intel" | "universal" | "fat" | "fat32" | "fat64" => {
                    vec![Self::MacOs("x86_64".into())]
                }
                machine => vec![Self::MacOs(machine.into())],
            };
        }
        if let Some(machine) = tag.strip_prefix("linux_") {
            return vec![Self::Linux(machine.into())];
        }
        if let Some(rest) = tag.strip_prefix("musllinux_") {
            return vec![Self::Musl(without_numbers(rest).into())];
        }
        if let Some((_, rest)) = tag.strip_prefix("manylinux").and_then(|rest| rest.split_once('_'))
        {
            return vec![Self::Linux(without_numbers(rest).into())];
        }
        vec![Self::Other(tag.into())]
    }

    /// Whether wheels for these machines run on the others.
    pub fn covers(&self, other: &Self) -> bool {
        *self == Self::Any || self == other
    }
}

/// `x86_64` of `2_28_x86_64`.
fn without_numbers(rest: &str) -> &str {
    let parts = rest.split('_');
    let numbers = parts.take_while(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let length: usize = numbers.map(|part| part.len() + 1).sum();
    rest.get(length..).unwrap_or_default()
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Linux(machine) => write!(f, "linux {machine}"),
            Self::Musl(machine) => write!(f, "musllinux {machine}"),
            Self::Windows(machine) => write!(f, "windows {machine}"),
            Self::MacOs(machine) => write!(f, "macOS {machine}"),
            Self::Other(tag) => f.write_str(tag),
        }
    }
}

/// The torch that a local version names, without its third number: releases are built for the
/// first two.
pub fn torch_of(version: &Version) -> Option<TorchVersion> {
    let torch = LocalTag::of(version).torch?;
    Some(TorchVersion { patch: None, ..torch })
}

impl Serialize for Python {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Platform {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wheel(tags: &str) -> WheelFilename {
        format!("a-1-{tags}.whl").parse().expect("parses")
    }

    fn shown<T: fmt::Display>(values: &[T]) -> Vec<String> {
        values.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tags_name_pythons_and_platforms() {
        for (tags, pythons, platforms) in [
            ("cp312-cp312-linux_x86_64", "cp312", "linux x86_64"),
            ("cp313-cp313t-win_amd64", "cp313t", "windows amd64"),
            ("cp39-abi3-manylinux_2_28_aarch64", "cp39+", "linux aarch64"),
            ("cp315-abi3.abi3t-win_arm64", "cp315+ cp315t+", "windows arm64"),
            ("cp37-cp37m-manylinux1_i686.manylinux2014_i686", "cp37", "linux i686"),
            ("cp312-none-win32", "cp312", "windows x86"),
            ("py2.py3-none-any", "py3", "any"),
            ("py38-none-any", "py38+", "any"),
            ("py2-none-any", "py2", "any"),
            ("pp310-pypy310_pp73-musllinux_1_2_x86_64", "pp310", "musllinux x86_64"),
            ("cp312-cp312-macosx_10_9_universal2", "cp312", "macOS arm64,macOS x86_64"),
            ("cp312-cp312-macosx_11_0_arm64", "cp312", "macOS arm64"),
            ("cp312-cp312-pyodide_2024_0_wasm32", "cp312", "pyodide_2024_0_wasm32"),
        ] {
            let wheel = wheel(tags);
            assert_eq!(shown(&Python::of_wheel(&wheel)).join(" "), pythons, "{tags}");
            assert_eq!(shown(&Platform::of_wheel(&wheel)).join(","), platforms, "{tags}");
        }
    }

    #[test]
    fn what_runs_where() {
        use Python::*;
        assert!(Any.covers(&Exactly(9)) && Any.covers(&FreeThreaded(13)) && Any.covers(&Any));
        assert!(!Any.covers(&Other("py2".into())) && !Exactly(9).covers(&Any));
        assert!(StableFrom(9).covers(&Exactly(12)) && StableFrom(9).covers(&StableFrom(10)));
        assert!(!StableFrom(9).covers(&Exactly(8)) && !StableFrom(9).covers(&FreeThreaded(13)));
        assert!(!Exactly(12).covers(&StableFrom(12)) && !Exactly(12).covers(&FreeThreaded(12)));
        assert!(PureFrom(8).covers(&FreeThreaded(13)) && !StableFrom(8).covers(&PureFrom(8)));
    }

    #[test]
    fn local_versions_name_torch() {
        for (local, torch) in [
            ("cu128torch2.9cxx11abitrue", Some("2.9")),
            ("torch2.8.cu126", Some("2.8")),
            ("torch2.10.1", Some("2.10")),
            ("pt29", Some("2.9")),
            ("pt24cu118", Some("2.4")),
            ("cu128.torch210", Some("2.10")),
            ("torch291", Some("2.9")),
            ("cu128", None),
            ("opt29", None),
            ("torch", None),
        ] {
            let version: Version = format!("1.0+{local}").parse().expect("parses");
            let found = torch_of(&version).map(|torch| torch.to_string());
            assert_eq!(found.as_deref(), torch, "{local}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(
            python in "[a-z]{2}[0-9]{0,3}",
            abi in "[a-z0-9_]{1,9}",
            platform in "(manylinux|musllinux|macosx|win|linux)[a-z0-9_]{0,12}",
        ) {
            let wheel = wheel(&format!("{python}-{abi}-{platform}"));
            prop_assert!(!Python::of_wheel(&wheel).is_empty());
            prop_assert!(!Platform::of_wheel(&wheel).is_empty());
        }

        #[test]
        fn covering_is_reflexive(python in "(cp|py|pp)[23]?[0-9]{0,2}", abi in "(abi3t?|none|cp39t?)") {
            for python in Python::of_wheel(&wheel(&format!("{python}-{abi}-any"))) {
                prop_assert!(python.covers(&python), "{}", python);
            }
        }
    }
}
