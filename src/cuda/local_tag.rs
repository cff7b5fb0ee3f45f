//! What builders write into the local part of a version: `+cu128torch2.9cxx11abiTRUE`.

use std::fmt;

use pep440_rs::Version;
use serde::{Serialize, Serializer};

use super::CudaVersion;

/// A version of torch, as far as a local version names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TorchVersion {
    /// `2` in `2.9`.
    pub major: u16,
    /// `9` in `2.9`.
    pub minor: u16,
    /// The third number, where there is one.
    pub patch: Option<u16>,
}

impl fmt::Display for TorchVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

impl Serialize for TorchVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a local version says of CUDA and torch. There is no standard for it; known are the
/// forms of torch (`cu128`), flash-attn (`cu12torch2.9cxx11abiTRUE`) and PyG (`pt29cu128`).
///
/// ```
/// use wheelsite::cuda::LocalTag;
/// let tag = LocalTag::parse("cu128torch2.9cxx11abitrue");
/// assert_eq!(tag.cuda, Some("12.8".parse()?));
/// assert_eq!(tag.cxx11_abi, Some(true));
/// # Ok::<(), wheelsite::cuda::ParseCudaError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LocalTag {
    /// `cu128`, `cu12`, `cuda12.8`.
    pub cuda: Option<CudaVersion>,
    /// `torch2.9`, `pt29`.
    pub torch: Option<TorchVersion>,
    /// `cxx11abiTRUE`.
    pub cxx11_abi: Option<bool>,
}

impl LocalTag {
    /// What the local part of a version says.
    pub fn of(version: &Version) -> Self {
        let parts: Vec<String> = version.local().iter().map(|part| part.to_string()).collect();
        Self::parse(&parts.join("."))
    }

    /// Reads the local part of a version; what it does not know it passes over.
    pub fn parse(local: &str) -> Self {
        let text = local.to_ascii_lowercase().replace(['-', '_'], ".");
        let mut tag = Self::default();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            rest = match tag.word(rest) {
                Some(behind) => behind.strip_prefix('.').unwrap_or(behind),
                // Such as a commit, in which anything may stand.
                None => rest.split_once('.').map_or("", |(_, behind)| behind),
            };
        }
        tag
    }

    /// Takes a word that is known; what is said first counts.
    fn word<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let after = |words: &[&str]| words.iter().find_map(|word| text.strip_prefix(word));
        if let Some(rest) = after(&["cxx11abi"]) {
            let values = [("true", true), ("false", false), ("1", true), ("0", false)];
            let value = |(word, value)| Some((rest.strip_prefix(word)?, value));
            let (behind, value) = values.into_iter().find_map(value)?;
            self.cxx11_abi = self.cxx11_abi.or(Some(value));
            return Some(behind);
        }
        if let Some(rest) = after(&["cuda", "cu"]) {
            let (version, behind) = cuda(rest)?;
            self.cuda = self.cuda.or(Some(version));
            return Some(behind);
        }
        let (version, behind) = torch(after(&["torch", "pt"])?)?;
        self.torch = self.torch.or(Some(version));
        Some(behind)
    }
}

impl fmt::Display for LocalTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cuda {
            Some(CudaVersion { major, minor: Some(minor) }) => write!(f, "cu{major}{minor}")?,
            Some(CudaVersion { major, minor: None }) => write!(f, "cu{major}")?,
            None => {}
        }
        self.torch.map_or(Ok(()), |torch| write!(f, "torch{torch}"))?;
        match self.cxx11_abi {
            Some(abi) => write!(f, "cxx11abi{}", if abi { "TRUE" } else { "FALSE" }),
            None => Ok(()),
        }
    }
}

/// The digits at the beginning, and what follows them.
fn digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    (1..=4).contains(&end).then(|| text.split_at(end))
}

/// A number behind a dot, if it is no word of its own.
fn dotted(text: &str) -> Option<(u16, &str)> {
    let (found, rest) = digits(text.strip_prefix('.')?)?;
    (found.len() <= 2).then_some((found.parse().ok()?, rest))
}

/// `12`, `12.8`, `128`, `92`: up to CUDA 9 the major number has one digit.
fn cuda(text: &str) -> Option<(CudaVersion, &str)> {
    let (found, rest) = digits(text)?;
    let number: u16 = found.parse().ok()?;
    let version = match (found.len(), number) {
        (1, 8..=9) | (2, 10..=19) => match dotted(rest) {
            Some((minor, behind)) => return Some((CudaVersion::new(number, minor), behind)),
            None => CudaVersion::of_major(number),
        },
        (2, 75..=99) | (3, 100..=199) => CudaVersion::new(number / 10, number % 10),
        // Down to the patch.
        (4, 1000..=1999) => CudaVersion::new(number / 100, number / 10 % 10),
        _ => return None,
    };
    Some((version, rest))
}

/// `2.9`, `2.9.1`, `29`, `210`, `291`: without dots the minor number has two digits up to 2.19.
fn torch(text: &str) -> Option<(TorchVersion, &str)> {
    let (found, rest) = digits(text)?;
    let number: u16 = found.parse().ok()?;
    let of = |major, minor, patch| TorchVersion { major, minor, patch };
    match (found.len(), number) {
        (1, _) => {
            let (minor, rest) = dotted(rest)?;
            let patch = dotted(rest);
            let behind = patch.map_or(rest, |(_, behind)| behind);
            Some((of(number, minor, patch.map(|(patch, _)| patch)), behind))
        }
        (2, _) => Some((of(number / 10, number % 10, None), rest)),
        (3, _) if (10..20).contains(&(number % 100)) => {
            Some((of(number / 100, number % 100, None), rest))
        }
        (3, _) => Some((of(number / 100, number / 10 % 10, Some(number % 10)), rest)),
        (_, _) => Some((of(number / 1000, number / 10 % 100, Some(number % 10)), rest)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(local: &str) -> [String; 3] {
        let tag = LocalTag::parse(local);
        let show = |text: Option<String>| text.unwrap_or_default();
        [
            show(tag.cuda.map(|it| it.to_string())),
            show(tag.torch.map(|it| it.to_string())),
            show(tag.cxx11_abi.map(|it| it.to_string())),
        ]
    }

    #[test]
    fn the_forms_of_real_projects_are_read() {
        for (local, expected) in [
            ("cu128", ["12.8", "", ""]),
            ("cu118", ["11.8", "", ""]),
            ("cu130", ["13.0", "", ""]),
            ("cu12", ["12", "", ""]),
            ("cu92", ["9.2", "", ""]),
            ("cu102", ["10.2", "", ""]),
            ("cuda12.8", ["12.8", "", ""]),
            ("cu1281", ["12.8", "", ""]),
            ("cu12torch2.9cxx11abiTRUE", ["12", "2.9", "true"]),
            ("cu12torch2.9cxx11abifalse", ["12", "2.9", "false"]),
            ("cu12.4torch2.5.1", ["12.4", "2.5.1", ""]),
            ("pt29cu128", ["12.8", "2.9", ""]),
            ("pt210cu130", ["13.0", "2.10", ""]),
            ("torch2.10.cu128", ["12.8", "2.10", ""]),
            ("torch291", ["", "2.9.1", ""]),
            ("d20250101.cu126", ["12.6", "", ""]),
            ("gitabc123.pt2.9", ["", "2.9", ""]),
            ("gita1cu128", ["", "", ""]),
            ("cpu", ["", "", ""]),
            ("custom.1", ["", "", ""]),
            ("torch", ["", "", ""]),
            ("cu12.20250101", ["12", "", ""]),
            ("rocm6.4", ["", "", ""]),
        ] {
            assert_eq!(shown(local), expected, "{local}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(
            cuda in proptest::option::of((10u16..20, proptest::option::of(0u16..10))),
            torch in proptest::option::of((1u16..4, 0u16..100, proptest::option::of(0u16..20))),
            cxx11_abi: Option<bool>,
        ) {
            let tag = LocalTag {
                cuda: cuda.map(|(major, minor)| CudaVersion { major, minor }),
                torch: torch.map(|(major, minor, patch)| TorchVersion { major, minor, patch }),
                cxx11_abi,
            };
            prop_assert_eq!(LocalTag::parse(&tag.to_string()), tag);
            prop_assert_eq!(LocalTag::parse(&tag.to_string().to_lowercase()), tag);
        }

        #[test]
        fn never_panics(text in "\\PC{0,20}", like in "(cu|pt|torch|cxx11abi|[0-9.]){0,8}") {
            let _ = (LocalTag::parse(&text), LocalTag::parse(&like));
        }
    }
}
