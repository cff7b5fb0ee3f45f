//! What METADATA says of CUDA and torch: `Requires-Dist`.

use std::collections::BTreeSet;

use pep440_rs::{Operator, Version, VersionSpecifier, VersionSpecifiers};
use pep508_rs::VersionOrUrl;

use super::{CudaVersion, TorchVersion};
use crate::wheel::parse_requirement;

/// The requirements of a wheel that bear on CUDA.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    /// The versions that each requirement on torch allows.
    torch: Vec<VersionSpecifiers>,
    /// The CUDA versions of the libraries that it asks for.
    pub cuda: BTreeSet<CudaVersion>,
}

impl Requirements {
    /// Reads requirements; those of extras, and what does not parse, are passed over.
    pub fn parse<'t>(lines: impl IntoIterator<Item = &'t str>) -> Self {
        let mut requirements = Self::default();
        for line in lines {
            let lower = line.trim_start().to_ascii_lowercase();
            let matters = ["torch", "nvidia", "cuda"].iter().any(|name| lower.starts_with(name));
            let marker = lower.split_once(';').map_or("", |(_, marker)| marker);
            if matters && !marker.contains("extra") {
                requirements.add(line);
            }
        }
        requirements
    }

    fn add(&mut self, line: &str) {
        let Ok(requirement) = parse_requirement(line) else { return };
        let specifiers = match requirement.version_or_url {
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => specifiers,
            Some(VersionOrUrl::Url(_)) => return,
            None => VersionSpecifiers::empty(),
        };
        let name = requirement.name.to_string();
        if name == "torch" {
            self.torch.push(specifiers);
        } else if name == "cuda-toolkit" {
            self.cuda.extend(specifiers.iter().find_map(pinned));
        } else if let Some((_, major)) =
            name.rsplit_once("-cu").filter(|_| name.starts_with("nvidia-"))
            && let Ok(major @ 9..=99) = major.parse()
        {
            self.cuda.insert(CudaVersion::of_major(major));
        }
    }

    /// What is required of torch, as text; none where nothing is.
    pub fn torch(&self) -> Option<String> {
        let texts = self.torch.iter().map(|specifiers| format!("torch{specifiers}"));
        texts.reduce(|one, other| format!("{one}; {other}"))
    }

    /// Whether a release of this version of torch can satisfy a requirement on it, or there is none.
    pub fn allow_torch(&self, torch: TorchVersion) -> bool {
        /// No minor version of torch has had so many patches.
        const PATCHES: u16 = 20;
        let patches = torch.patch.map_or(0..=PATCHES, |patch| patch..=patch);
        let allows = |specifiers: &VersionSpecifiers| {
            patches.clone().any(|patch| {
                let version = Version::new([torch.major, torch.minor, patch].map(u64::from));
                specifiers.iter().all(|specifier| is_met(specifier, &version))
            })
        };
        self.torch.is_empty() || self.torch.iter().any(allows)
    }
}

/// Whether a version fits, whatever local part the specifier names.
fn is_met(specifier: &VersionSpecifier, version: &Version) -> bool {
    let local = specifier.version().local().to_vec();
    specifier.contains(&version.clone().with_local(local)) || specifier.contains(version)
}

/// The version that a specifier asks for exactly.
fn pinned(specifier: &VersionSpecifier) -> Option<CudaVersion> {
    let exact = [Operator::Equal, Operator::EqualStar, Operator::TildeEqual];
    let release = specifier.version().release();
    let numbers: Vec<u16> = release.iter().filter_map(|part| u16::try_from(*part).ok()).collect();
    if !exact.contains(specifier.operator()) {
        return None;
    }
    // `~=12.8` goes up to the end of 12.
    let open = usize::from(*specifier.operator() == Operator::TildeEqual);
    let known = numbers.len().saturating_sub(open);
    let major = *numbers.first()?;
    Some(CudaVersion { major, minor: numbers[..known].get(1).copied() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cuda(line: &str) -> String {
        let versions = Requirements::parse([line]).cuda;
        versions.iter().map(|version| version.to_string()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn libraries_name_their_cuda() {
        for (line, expected) in [
            ("nvidia-cublas-cu12 (==12.8.4.1); platform_system == 'Linux'", "12"),
            ("nvidia_cudnn_cu13==9.26", "13"),
            ("cuda-toolkit[cublas,cudart]==13.2.2", "13.2"),
            ("cuda-toolkit==12.*", "12"),
            ("cuda-toolkit~=12.8", "12"),
            ("cuda-toolkit>=12", ""),
            ("nvidia-cublas-cu12; extra == 'gpu'", ""),
            ("nvidia-ml-py>=12", ""),
            ("cupy-cuda12x", ""),
            ("nvidia-", ""),
        ] {
            assert_eq!(cuda(line), expected, "{line}");
        }
    }

    #[test]
    fn torch_is_allowed_or_not() {
        for (line, version, allowed) in [
            ("torch", (2, 9, None), true),
            ("torch==2.9.0", (2, 9, None), true),
            ("torch==2.9.0", (2, 9, Some(1)), false),
            ("torch==2.9.0+cu128", (2, 9, None), true),
            ("torch==2.9.*", (2, 9, Some(1)), true),
            ("torch>=2.4", (2, 10, None), true),
            ("torch>=2.8,<2.9", (2, 9, None), false),
            ("torch==2.8.0", (2, 9, None), false),
            ("torch>2.9", (2, 9, None), true),
            ("torchvision==0.1", (2, 9, None), true),
            ("torch==2.8.0; extra == 'x'", (2, 9, None), true),
        ] {
            let (major, minor, patch) = version;
            let torch = TorchVersion { major, minor, patch };
            assert_eq!(Requirements::parse([line]).allow_torch(torch), allowed, "{line}");
        }
        let several = ["torch==2.8.0; python_version < '3.10'", "torch==2.9.0"];
        let torch = TorchVersion { major: 2, minor: 9, patch: None };
        let requirements = Requirements::parse(several);
        assert!(requirements.allow_torch(torch));
        assert_eq!(requirements.torch().as_deref(), Some("torch==2.8.0; torch==2.9.0"));
    }

    proptest! {
        #[test]
        fn never_panics(text in "(torch|nvidia-|cuda-toolkit)\\PC{0,20}", like in "(torch|cuda-toolkit)[a1_.\\[\\]<=>,;-]{0,8}") {
            let _ = Requirements::parse([text.as_str(), like.as_str()]);
        }
    }
}
