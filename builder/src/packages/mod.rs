//! `config/packages.yml`: what the user wants built.
//!
//! Every key may stand in `defaults`, at a package, and at one of its versions; the nearest wins.

mod reading;
mod resolve;
#[cfg(test)]
mod schema;
pub mod values;

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use pep440_rs::Version;
use serde::Deserialize;
use wheelsite::wheel::ProjectName;

use crate::python::Python;
use crate::row::{Platform, PythonFrom, Torch};
use values::{
    AptName, Architecture, Bytes, CudaSpec, Digest, EnvName, EnvValue, GitUrl, ImageName, Imports,
    IndexUrl, Label, Library, LocalTemplate, Many, Parsed, Requirement, Subdirectory, TextOr, Time,
    Words,
};

pub(crate) use reading::read;
use reading::{or_default, unique};
pub use resolve::Axes;

/// The package list that is read when none is named.
pub const DEFAULT_PATH: &str = "config/packages.yml";

/// The package list that the program comes with: what `init` writes.
pub const EMBEDDED: &str = include_str!("../../../config/packages.yml");

/// What the user wants built.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(title = "The package list of wheelsite-builder"))]
#[serde(deny_unknown_fields)]
pub struct PackagesConfig {
    /// What holds for every package that says nothing else.
    #[serde(default, deserialize_with = "or_default")]
    #[cfg_attr(test, schemars(with = "Option<Options>"))]
    pub defaults: Options,
    /// The packages by name.
    #[serde(default, deserialize_with = "unique")]
    #[cfg_attr(test, schemars(with = "BTreeMap<String, Package>"))]
    pub packages: BTreeMap<Parsed<Name>, Package>,
}

/// Declares a mapping with the keys that packages, versions and `defaults` share.
macro_rules! with_options {
    ($(#[$meta:meta])* $name:ident { $($(#[$own:meta])* $key:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($(#[$own])* pub $key: $type,)*
            /// For which Pythons: `["3.12", "3.13t"]`. By default those that still get releases.
            pub python: Option<Many<Python>>,
            /// For which CUDA toolkits: `["12.9.1"]`, or `["12.9"]` for its newest patch.
            pub cuda: Option<Many<CudaSpec>>,
            /// For which torch releases, each a wheel of its own: `["2.8", "2.9"]`. Where nothing is
            /// said and `extra_deps` names torch: the newest one for the CUDA and the Python.
            pub torch: Option<Many<Torch>>,
            /// For which machines: `x86_64` (the default), `aarch64`.
            pub platforms: Option<Many<Platform>>,
            /// What `pip wheel` is given besides, as a text of words or a list.
            pub build_args: Option<Words>,
            /// Requirements that are installed before the build and before the smoke test.
            pub extra_deps: Option<Many<Requirement>>,
            /// Modules that the smoke test imports; `false` for none. By default the name with `_`.
            pub test_import: Option<Imports>,
            /// What the smoke test runs besides, as words: `python -m flash_attn.check`.
            pub test_command: Option<Words>,
            /// What the package is, in a line.
            pub description: Option<Parsed<String>>,
            /// Where the source comes from: `index` (the default), the URL or path of an sdist,
            /// `git+URL@REVISION`, `dir:PATH`, or a mapping.
            pub source: Option<TextOr<SourceText, SourceMap>>,
            /// Where Python comes from: `auto`, `image`, `deadsnakes` or `uv`.
            pub python_from: Option<Parsed<PythonFrom>>,
            /// The image that it is compiled in, or `manylinux`. `{cuda}`, `{cuda_release}`, `{cuda_tag}`,
            /// `{python}` and `{platform}` are filled in.
            pub image: Option<Parsed<ImageName>>,
            /// The image that the wheel is tried in.
            pub runtime_image: Option<Parsed<ImageName>>,
            /// Labels of the runner in a GitHub Actions matrix, for all platforms or for each.
            pub runs_on: Option<RunsOn>,
            /// Variables of the build.
            #[serde(deserialize_with = "unique")]
            #[cfg_attr(test, schemars(with = "BTreeMap<Parsed<EnvName>, EnvValue>"))]
            pub env: BTreeMap<Parsed<EnvName>, EnvValue>,
            /// Compute capabilities, as `["8.0", "9.0+PTX"]`: becomes `TORCH_CUDA_ARCH_LIST`.
            pub architectures: Option<Many<Architecture>>,
            /// How many compilers run at once: becomes `MAX_JOBS`.
            pub jobs: Option<NonZeroU16>,
            /// Debian packages that are installed before the build.
            pub apt: Option<Many<AptName>>,
            /// The local version of the wheels: `{cuda_tag}`, or `{cuda_tag}torch{torch}` where torch is
            /// listed. An empty text: none.
            pub local_version: Option<Parsed<LocalTemplate>>,
            /// Whether the wheel requires the torch that it was compiled against (`torch==2.9.*`).
            pub torch_pin: Option<bool>,
            /// `off` (the default), `show`, `repair`, or a mapping `repair: {exclude: [...]}`.
            pub auditwheel: Option<TextOr<AuditwheelText, AuditwheelMap>>,
            /// How long compiling may take: `5h`, `90m`.
            pub timeout: Option<Parsed<Time>>,
            /// How often a pull, or what failed for a passing reason, is tried again.
            pub retries: Option<u8>,
            /// The most memory of a container: `16GiB`.
            pub memory: Option<Parsed<Bytes>>,
            /// Indexes that requirements are looked for in besides the default one and PyTorch's.
            pub index_urls: Option<Many<IndexUrl>>,
            /// Rows that are built besides; what one leaves out is as for the package.
            pub include: Vec<Partial>,
            /// Rows that are not built: those that agree with all that one says.
            pub exclude: Vec<Partial>,
        }

        impl $name {
            /// What holds where this stands above something else: lists replace lists, variables
            /// and rows are added.
            fn over(&self, base: &Options) -> Options {
                macro_rules! nearest {
                    ($from:expr, $to:expr, $field:ident) => {
                        $from.$field.clone().or_else(|| $to.$field.clone())
                    };
                }
                let mut env = base.env.clone();
                env.extend(self.env.iter().map(|(name, value)| (name.clone(), value.clone())));
                Options {
                    python: nearest!(self, base, python),
                    cuda: nearest!(self, base, cuda),
                    torch: nearest!(self, base, torch),
                    platforms: nearest!(self, base, platforms),
                    build_args: nearest!(self, base, build_args),
                    extra_deps: nearest!(self, base, extra_deps),
                    test_import: nearest!(self, base, test_import),
                    test_command: nearest!(self, base, test_command),
                    description: nearest!(self, base, description),
                    source: nearest!(self, base, source),
                    python_from: nearest!(self, base, python_from),
                    image: nearest!(self, base, image),
                    runtime_image: nearest!(self, base, runtime_image),
                    runs_on: nearest!(self, base, runs_on),
                    env,
                    architectures: nearest!(self, base, architectures),
                    jobs: nearest!(self, base, jobs),
                    apt: nearest!(self, base, apt),
                    local_version: nearest!(self, base, local_version),
                    torch_pin: nearest!(self, base, torch_pin),
                    auditwheel: nearest!(self, base, auditwheel),
                    timeout: nearest!(self, base, timeout),
                    retries: nearest!(self, base, retries),
                    memory: nearest!(self, base, memory),
                    index_urls: nearest!(self, base, index_urls),
                    include: base.include.iter().chain(&self.include).cloned().collect(),
                    exclude: base.exclude.iter().chain(&self.exclude).cloned().collect(),
                }
            }
        }
    };
}

with_options! {
    /// What holds for everything, or for one version.
    Options {}
}

with_options! {
    /// A package.
    Package {
        /// Its releases: a list, or a mapping from each to what holds for it alone.
        versions: Versions,
    }
}

/// The releases of a package, in the order in which they were written.
#[derive(Debug, Clone, Default)]
pub struct Versions(pub Vec<(Version, Options)>);

/// A row, or a part of what it says.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Partial {
    /// The release.
    pub version: Option<Parsed<Version>>,
    /// The Python.
    pub python: Option<Parsed<Python>>,
    /// The CUDA toolkit.
    pub cuda: Option<Parsed<CudaSpec>>,
    /// The torch release.
    pub torch: Option<Parsed<Torch>>,
    /// The machine.
    pub platform: Option<Parsed<Platform>>,
}

/// A project's name, with a word on what is expected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(pub ProjectName);

/// The short form of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText(pub crate::row::Source);

/// The long form of a source: one of the first three keys.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SourceMap {
    /// The URL or path of an sdist; `{version}` is filled in.
    pub archive: Option<Parsed<String>>,
    /// The digest that the sdist must have.
    pub sha256: Option<Parsed<Digest>>,
    /// The URL of a git repository.
    pub git: Option<Parsed<GitUrl>>,
    /// Its tag, branch or commit; `{version}` is filled in. By default `v{version}`.
    pub rev: Option<Parsed<String>>,
    /// The folder in it that holds the project.
    pub subdirectory: Option<Parsed<Subdirectory>>,
    /// A folder of this machine.
    pub folder: Option<Parsed<String>>,
}

/// The short form of what `auditwheel` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditwheelText {
    /// Nothing.
    Off,
    /// It says which platform the wheel is for.
    Show,
    /// It takes libraries in.
    Repair,
}

/// The long form of what `auditwheel` does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AuditwheelMap {
    /// It takes libraries in.
    pub repair: AuditwheelRepair,
}

/// How `auditwheel repair` is run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct AuditwheelRepair {
    /// Libraries that stay outside. By default CUDA's and torch's.
    pub exclude: Option<Vec<Parsed<Library>>>,
}

/// Labels of runners: for all platforms, or for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunsOn {
    /// For all.
    All(Vec<Label>),
    /// For each.
    Each(BTreeMap<Parsed<Platform>, Many<Label>>),
}
