//! One wheel to build: a row of the matrix, with everything that its build needs resolved.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use pep440_rs::Version;
use serde::{Serialize, Serializer};
use wheelsite::wheel::ProjectName;

use crate::python::Python;

/// A wheel to build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Unique in a plan, and the same in every plan: `flash-attn-2.8.3-cp312-cu129-x86_64`,
    /// with `-torch2.9` at the end where torch is an axis.
    pub id: String,
    /// The project, as it is normalized.
    pub package: ProjectName,
    /// The release, without a local part.
    pub version: Version,
    /// For which Python.
    pub python: Python,
    /// The CUDA toolkit, whole: `12.9.1`.
    pub cuda: Cuda,
    /// The torch release (`2.9`) that the build compiles against; none where it needs no torch.
    pub torch: Option<Torch>,
    /// For which machines.
    pub platform: Platform,
    /// How it is built.
    pub recipe: Recipe,
}

/// A CUDA toolkit by its whole version, as image tags have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cuda {
    /// `12` of `12.9.1`.
    pub major: u32,
    /// `9` of `12.9.1`.
    pub minor: u32,
    /// `1` of `12.9.1`.
    pub patch: u32,
}

impl Cuda {
    /// The name that indexes and local versions have for it: `cu129`.
    pub fn tag(self) -> String {
        format!("cu{}{}", self.major, self.minor)
    }

    /// The toolkit without the patch: torch and wheels know no more of it.
    pub fn release(self) -> CudaRelease {
        CudaRelease { major: self.major, minor: self.minor }
    }
}

/// A CUDA toolkit by its first two numbers: `12.9`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CudaRelease {
    /// `12` of `12.9`.
    pub major: u32,
    /// `9` of `12.9`.
    pub minor: u32,
}

/// A torch release by its first two numbers: wheels of one release share their ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Torch {
    /// `2` of `2.9`.
    pub major: u32,
    /// `9` of `2.9`.
    pub minor: u32,
}

/// The machines that wheels are built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// 64-bit Intel and AMD.
    X86_64,
    /// 64-bit Arm.
    Aarch64,
}

/// How a wheel is built: what `packages.yml` says of it, resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recipe {
    /// Where the source comes from.
    pub source: Source,
    /// What `pip wheel` is given besides.
    pub build_args: Vec<String>,
    /// Requirements that are installed before the build, and before the smoke test.
    /// `torch` is pinned to the row's release.
    pub extra_deps: Vec<String>,
    /// Index that requirements are looked for in besides the default one: PyTorch's for the row's CUDA.
    pub extra_index_urls: Vec<String>,
    /// Where Python comes from.
    pub python_from: PythonFrom,
    /// The image that it is compiled in; may end in `@sha256:...`.
    pub image: String,
    /// The image that it is tried in.
    pub runtime_image: String,
    /// Variables of the build, in order: `MAX_JOBS`, `TORCH_CUDA_ARCH_LIST`.
    pub env: BTreeMap<String, String>,
    /// Debian packages that are installed before the build.
    pub apt: Vec<String>,
    /// The local version that the wheel gets: `cu129`. Empty: none.
    pub local_version: String,
    /// `Requires-Dist` lines that are added: `torch==2.9.*`.
    pub requires: Vec<String>,
    /// What is done about libraries from outside.
    pub auditwheel: Auditwheel,
    /// How long compiling may take; in seconds where it is written.
    #[serde(serialize_with = "in_seconds")]
    pub timeout: Duration,
    /// How often what failed for a passing reason is tried again.
    pub retries: u32,
    /// The most memory of a container, in bytes.
    pub memory: Option<u64>,
    /// What the smoke test imports, each in turn.
    pub test_import: Vec<String>,
    /// What the smoke test runs after that, as argv.
    pub test_command: Option<Vec<String>>,
    /// The runner's labels in a GitHub Actions matrix.
    pub runs_on: Vec<String>,
    /// What it is, in a line.
    pub description: Option<String>,
}

/// Where the source of a release comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The sdist that pip finds for `NAME==VERSION`.
    Index,
    /// An sdist by its URL or path, with the digest that it must have, if one is known.
    Archive {
        /// `https://...` or a path.
        location: String,
        /// In hex.
        sha256: Option<String>,
    },
    /// A git repository, with submodules.
    Git {
        /// Where it is.
        url: String,
        /// A tag, branch or commit.
        revision: String,
        /// The folder in it that holds the project.
        subdirectory: Option<String>,
    },
    /// A folder of this machine.
    Folder(PathBuf),
}

/// Where the container's Python comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PythonFrom {
    /// The image's, if it has this one; else deadsnakes on Ubuntu, else uv.
    Auto,
    /// The image must have it (`/opt/python/cp312-cp312` counts).
    Image,
    /// The deadsnakes packages of Ubuntu.
    Deadsnakes,
    /// The builds that uv brings.
    Uv,
}

/// What `auditwheel` does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Auditwheel {
    /// Nothing.
    Off,
    /// It says which platform the wheel is for.
    Show,
    /// It takes libraries in, and gives the wheel its platform tag.
    Repair {
        /// Libraries that stay outside: `libcuda.so.1`, `libtorch*.so`.
        exclude: Vec<String>,
    },
}

/// A number as versions have it: digits alone, no zero in front, not longer than any version's.
pub(crate) fn number(text: &str) -> Option<u32> {
    let plain = !text.is_empty()
        && text.len() <= 6
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

/// Numbers between points, exactly so many.
fn numbers<const N: usize>(text: &str) -> Option<[u32; N]> {
    let mut parts = text.split('.');
    let mut numbers = [0; N];
    for place in &mut numbers {
        *place = number(parts.next()?)?;
    }
    parts.next().is_none().then_some(numbers)
}

impl fmt::Display for Cuda {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Cuda {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let [major, minor, patch] = numbers(text).ok_or_else(|| {
            format!("`{text}` is no whole version of CUDA: expected three numbers, as `12.9.1`")
        })?;
        Ok(Self { major, minor, patch })
    }
}

impl fmt::Display for CudaRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for CudaRelease {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let [major, minor] = numbers(text)
            .ok_or_else(|| format!("`{text}` is no release of CUDA: expected `12.9`"))?;
        Ok(Self { major, minor })
    }
}

impl fmt::Display for Torch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for Torch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let [major, minor] = numbers(text)
            .ok_or_else(|| format!("`{text}` is no release of torch: expected `2.9`"))?;
        Ok(Self { major, minor })
    }
}

impl Platform {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::X86_64, Self::Aarch64];
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        })
    }
}

impl FromStr for Platform {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|platform| platform.to_string() == text)
            .ok_or_else(|| format!("unknown platform `{text}`: expected `x86_64` or `aarch64`"))
    }
}

/// Writes each as the text that it is read from.
macro_rules! serialized_as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}
serialized_as_text!(Cuda, CudaRelease, Torch, Platform);

fn in_seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again(major in 0_u32..100, minor in 0_u32..100, patch in 0_u32..100) {
            let cuda = Cuda { major, minor, patch };
            prop_assert_eq!(cuda.to_string().parse(), Ok(cuda));
            prop_assert_eq!(cuda.release().to_string().parse(), Ok(cuda.release()));
            let torch = Torch { major, minor };
            prop_assert_eq!(torch.to_string().parse(), Ok(torch));
        }

        #[test]
        fn what_is_read_is_written_again(text in "[0-9.t]{0,9}") {
            if let Ok(cuda) = text.parse::<Cuda>() {
                prop_assert_eq!(cuda.to_string(), text.clone());
            }
            if let Ok(torch) = text.parse::<Torch>() {
                prop_assert_eq!(torch.to_string(), text);
            }
        }
    }

    #[test]
    fn platforms_are_read_as_they_are_written() {
        for platform in Platform::ALL {
            assert_eq!(platform.to_string().parse(), Ok(platform));
        }
        assert!("amd64".parse::<Platform>().is_err());
    }
}
