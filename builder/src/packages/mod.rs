//! `config/packages.yml`: what the user wants built.
//!
//! Every key may stand in `defaults`, at a package, and at one of its versions; the nearest wins.

mod resolve;
#[cfg(test)]
mod schema;
pub mod values;

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU16;
use std::path::Path;

use pep440_rs::Version;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use wheelsite::config::parse_yaml;
use wheelsite::wheel::ProjectName;

use crate::error::{Error, Result};
use crate::python::Python;
use crate::row::{Platform, PythonFrom, Torch};
use values::{
    AptName, Architecture, Bytes, CudaSpec, Digest, EnvName, EnvValue, GitUrl, ImageName, Imports,
    IndexUrl, Label, Library, LocalTemplate, Many, Parsed, Requirement, Subdirectory, TextOr, Time,
    Words,
};

pub use resolve::Axes;

/// The package list that is read when none is named.
pub const DEFAULT_PATH: &str = "config/packages.yml";

/// The package list that the program comes with: what `init` writes.
pub const EMBEDDED: &str = include_str!("../../../config/packages.yml");

/// The most bytes of a package list.
const MOST: u64 = 4 << 20;

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

impl std::str::FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // It is part of the names of folders and containers, which have limits of their own.
        if text.len() > 100 {
            return Err(format!("a package's name of {} characters: at most 100", text.len()));
        }
        let error = |_| format!("`{text}` is no package: expected a name as `flash-attn`");
        text.parse().map(Self).map_err(error)
    }
}

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

impl std::str::FromStr for AuditwheelText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "show" => Ok(Self::Show),
            "repair" => Ok(Self::Repair),
            _ => Err(format!("`{text}`: expected `off`, `show` or `repair`")),
        }
    }
}

impl std::str::FromStr for PythonFrom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "image" => Ok(Self::Image),
            "deadsnakes" => Ok(Self::Deadsnakes),
            "uv" => Ok(Self::Uv),
            _ => Err(format!("`{text}`: expected `auto`, `image`, `deadsnakes` or `uv`")),
        }
    }
}

impl<'de> Deserialize<'de> for RunsOn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Labels;
        impl<'de> Visitor<'de> for Labels {
            type Value = RunsOn;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a label, a list of labels, or a mapping from platforms to labels")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Many::deserialize(de::value::StrDeserializer::new(text)).map(|it| RunsOn::All(it.0))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                let labels = Many::deserialize(de::value::SeqAccessDeserializer::new(seq))?;
                Ok(RunsOn::All(labels.0))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                unique(de::value::MapAccessDeserializer::new(map)).map(RunsOn::Each)
            }
        }
        deserializer.deserialize_any(Labels)
    }
}

impl<'de> Deserialize<'de> for Versions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Releases;
        impl Releases {
            fn push<E: de::Error>(
                versions: &mut Vec<(Version, Options)>,
                version: Version,
                options: Options,
            ) -> Result<(), E> {
                if version.is_local() {
                    return Err(E::custom(format_args!(
                        "`{version}` has a local part: the build adds it, see `local_version`"
                    )));
                }
                if versions.iter().any(|(known, _)| *known == version) {
                    return Err(E::custom(format_args!("version `{version}` is there twice")));
                }
                versions.push((version, options));
                Ok(())
            }
        }
        impl<'de> Visitor<'de> for Releases {
            type Value = Versions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of versions, or a mapping from versions to what holds for each")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut versions = Vec::new();
                while let Some(Parsed(version)) = seq.next_element()? {
                    Self::push(&mut versions, version, Options::default())?;
                }
                Ok(Versions(versions))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut versions = Vec::new();
                while let Some((Parsed(version), options)) =
                    map.next_entry::<_, Option<Options>>()?
                {
                    Self::push(&mut versions, version, options.unwrap_or_default())?;
                }
                Ok(Versions(versions))
            }
        }
        deserializer.deserialize_any(Releases)
    }
}

/// A mapping that refuses a key that is there twice: YAML's readers would take the last.
fn unique<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + fmt::Debug,
    V: Deserialize<'de>,
{
    struct Unique<K, V>(std::marker::PhantomData<(K, V)>);
    impl<'de, K, V> Visitor<'de> for Unique<K, V>
    where
        K: Deserialize<'de> + Ord + fmt::Debug,
        V: Deserialize<'de>,
    {
        type Value = BTreeMap<K, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a mapping")
        }

        /// `packages:` with nothing below it.
        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(BTreeMap::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = BTreeMap::new();
            while let Some((key, value)) = map.next_entry()? {
                if entries.insert(key, value).is_some() {
                    return Err(de::Error::custom("a key is there twice"));
                }
            }
            Ok(entries)
        }
    }
    deserializer.deserialize_any(Unique(std::marker::PhantomData))
}

/// A key with nothing behind it says as much as no key.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a small text file.
pub(crate) fn read(path: &Path) -> Result<String> {
    let cannot = |error: std::io::Error| {
        Error::config(
            format!("cannot read `{}`: {error}", path.display()),
            "name another file with `--config`, or let `wheelsite init` write one",
        )
    };
    let length = std::fs::metadata(path).map_err(cannot)?.len();
    if length > MOST {
        return Err(Error::config(
            format!("`{}` has {length} bytes, and at most {MOST} are read", path.display()),
            "name a package list with `--config`",
        ));
    }
    std::fs::read_to_string(path).map_err(cannot)
}

impl PackagesConfig {
    /// Reads a package list. Errors name the line, and the nearest key where one is unknown.
    pub fn read(path: &Path) -> Result<Self> {
        Self::parse(&read(path)?, &path.display().to_string())
    }

    /// Reads the text of a package list; `origin` is what errors call it.
    pub fn parse(text: &str, origin: &str) -> Result<Self> {
        let config: Self = parse_yaml(text, origin)?;
        for (name, package) in &config.packages {
            if package.versions.0.is_empty() {
                return Err(Error::config(
                    format!("{origin}: package `{}` has no versions", name.0.0),
                    "list them: `versions: [\"2.8.3\"]`",
                ));
            }
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(text: &str) -> (String, Option<String>) {
        let error = PackagesConfig::parse(text, "packages.yml").expect_err("is refused");
        (error.to_string(), error.hint())
    }

    #[test]
    fn the_embedded_list_parses() {
        let config = PackagesConfig::parse(EMBEDDED, "packages.yml").expect("parses");
        assert!(config.packages.keys().all(|name| !name.0.0.to_string().is_empty()));
    }

    #[test]
    fn what_the_embedded_list_shows_in_comments_parses_too() {
        let text: String = EMBEDDED
            .lines()
            .filter(|line| *line != "packages: {}")
            .map(|line| format!("{}\n", line.strip_prefix("#: ").unwrap_or(line)))
            .collect();
        assert_ne!(text, EMBEDDED);
        let config = PackagesConfig::parse(&text, "packages.yml")
            .unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert!(config.packages.len() >= 3, "{text}");
    }

    #[test]
    fn the_schema_is_fresh() {
        let schema = schemars::schema_for!(PackagesConfig);
        let expected = format!("{}\n", serde_json::to_string_pretty(&schema).expect("is JSON"));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/packages.schema.json");
        if std::env::var_os("WHEELSITE_BLESS").is_some() {
            std::fs::write(&path, &expected).expect("writes");
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == expected, "run `WHEELSITE_BLESS=1 cargo test the_schema_is_fresh`");
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let (message, hint) = error("packages:\n  a:\n    versions: [\"1\"]\n    buildargs: x\n");
        assert!(message.contains("packages.a") && message.contains("line 4"), "{message}");
        assert_eq!(hint.as_deref(), Some("did you mean `build_args`?"));
        let cases = [
            ("versions: 1.0", "expected a list of versions"),
            ("versions: [\"1\", \"1.0\"]", "is there twice"),
            ("versions: [\"1+cu129\"]", "has a local part"),
            ("versions: [\"1\"]\n    python: 3.10", "put the text in quotes"),
            ("versions: [\"1\"]\n    python: \"2.7\"", "is no Python"),
            ("versions: [\"1\"]\n    cuda: \"twelve\"", "is no version of CUDA"),
            ("versions: [\"1\"]\n    extra_deps: [\"--index-url=x\"]", "is no requirement"),
            ("versions: [\"1\"]\n    build_args: \"'\"", "a quote is not closed"),
            ("versions: [\"1\"]\n    apt: [\"a;id\"]", "is no Debian package"),
            ("versions: [\"1\"]\n    env: {\"A B\": x}", "is no name of a variable"),
            ("versions: [\"1\"]\n    env: {PATH: x}", "is set by the build itself"),
            ("versions: [\"1\"]\n    env: {A: \"x\\ny\"}", "a control character"),
            ("versions: [\"1\"]\n    image: \"-v/:/x\"", "is no image"),
            ("versions: [\"1\"]\n    test_import: \"os;id\"", "is no module"),
            ("versions: [\"1\"]\n    source: \"ftp://x/y\"", "is no source"),
            ("versions: [\"1\"]\n    timeout: \"6\"", "is no time"),
            ("versions: [\"1\"]\n    platforms: windows", "unknown platform"),
            ("versions: [\"1\"]\n    index_urls: \"https://u:p@h/\"", "a user name or a password"),
            ("description: x", "has no versions"),
        ];
        for (line, expected) in cases {
            let (message, _) = error(&format!("packages:\n  a:\n    {line}\n"));
            assert!(message.contains(expected), "{line}: {message}");
        }
        for name in ["-a", "../a", "a b", "a;id", "$(id)", "a/b"] {
            let (message, _) = error(&format!("packages:\n  \"{name}\":\n    versions: [\"1\"]\n"));
            assert!(message.contains("is no package"), "{name}: {message}");
        }
        let (message, _) = error("packages:\n  a: {versions: [\"1\"]}\n  A: {versions: [\"1\"]}\n");
        assert!(message.contains("twice"), "{message}");
    }

    #[test]
    fn hostile_values_are_refused_at_their_line() {
        let values = [
            "build_args: \"a\\nb\"",
            "build_args: [\"\\e[2J\"]",
            "extra_deps: ['-r /etc/passwd']",
            "extra_deps: ['x @ https://me:hunter2@h.example/x.whl']",
            "versions: ['1; rm -rf /']",
            "versions: ['$(id)']",
            "test_import: -c",
            "env: {'A=B': c}",
            "env: {A: \"x\\0y\"}",
            "env: {LD_PRELOAD: x}",
            "apt: ['-oDpkg::Pre-Invoke=id']",
            "image: '--privileged'",
            "image: 'a b'",
            "runtime_image: 'http://h/x'",
            "index_urls: ['file:///etc']",
            "source: 'git+https://h.example/x@--upload-pack=id'",
            "source: {git: 'ext::sh -c id', rev: x}",
            "source: {folder: x, pyhton: y}",
            "local_version: '../x'",
            "architectures: ['8.0 -ccbin=x']",
            "runs_on: '-x'",
            "memory: lots",
            "jobs: 0",
            "retries: 1000",
            "test_command: \"a\\u202eb\"",
            "description: \"a\\x1b]0;x\\x07\"",
        ];
        for value in values {
            let (message, hint) = error(&format!("packages:\n  a:\n    {value}\n"));
            assert!(message.contains("line 3"), "{value}: {message}");
            let said = format!("{message}{}", hint.unwrap_or_default());
            assert!(!said.contains("hunter2") && !said.chars().any(char::is_control), "{said:?}");
        }
    }

    #[test]
    fn unquoted_numbers_and_empty_keys_mean_what_is_written() {
        let text =
            "defaults: {python: [3.10], cuda: [12.9], torch: [2.10], env: {A: 1}}\npackages:\n";
        let config = PackagesConfig::parse(text, "x").expect("parses");
        let defaults = config.defaults;
        assert_eq!(defaults.python.expect("is there").0[0].to_string(), "3.10");
        assert_eq!(defaults.torch.expect("is there").0[0].to_string(), "2.10");
        for text in ["", "# nothing\n", "defaults:\npackages:\n"] {
            assert!(
                PackagesConfig::parse(text, "x").expect("parses").packages.is_empty(),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_list_stops_the_program(text in "\\PC{0,80}", key in "[a-z_]{1,12}", value in "[a-z0-9\"'{}\\[\\]:,.* &-]{0,24}") {
            let _ = PackagesConfig::parse(&text, "x");
            let _ = PackagesConfig::parse(&format!("packages:\n  a:\n    {key}: {value}\n"), "x");
        }
    }
}
