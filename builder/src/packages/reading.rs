//! How a package list is read: what has several forms in YAML, and what each mistake is called.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;
use std::str::FromStr;

use pep440_rs::Version;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use wheelsite::config::parse_yaml;

use super::values::{Digest, GitUrl, IndexUrl, Many, Parsed, Revision, Subdirectory};
use super::{AuditwheelText, Name, Options, PackagesConfig, RunsOn, SourceText, Versions};
use crate::error::{Error, Result};
use crate::row::{PythonFrom, Source};

/// The most bytes of a package list.
const MOST: u64 = 4 << 20;

impl FromStr for Name {
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

impl FromStr for SourceText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let none = || {
            format!(
                "`{text}` is no source: expected `index`, `git+URL@REVISION`, `dir:PATH`, or the URL or \
                 path of an sdist (`.tar.gz`)"
            )
        };
        if text == "index" {
            return Ok(Self(Source::Index));
        }
        if let Some(path) = text.strip_prefix("dir:").filter(|path| !path.is_empty()) {
            return Ok(Self(Source::Folder(path.into())));
        }
        if let Some(git) = text.strip_prefix("git+") {
            let (git, subdirectory) = match git.split_once("#subdirectory=") {
                Some((git, folder)) => (git, Some(folder.parse::<Subdirectory>()?.0)),
                None => (git, None),
            };
            let path = git.find("://").map_or(0, |at| at + 3);
            let path = git[path..].find('/').map_or(git.len(), |at| path + at);
            let (url, revision) = match git[path..].rfind('@') {
                Some(at) => (&git[..path + at], &git[path + at + 1..]),
                None => (git, "v{version}"),
            };
            let url = url.parse::<GitUrl>()?.0;
            revision.replace("{version}", "1").parse::<Revision>()?;
            return Ok(Self(Source::Git { url, revision: revision.to_owned(), subdirectory }));
        }
        let (location, sha256) = match text.split_once("#sha256=") {
            Some((location, digest)) => (location, Some(digest.parse::<Digest>()?.0)),
            None => (text, None),
        };
        let is_sdist = [".tar.gz", ".tgz", ".zip"].iter().any(|suffix| location.ends_with(suffix));
        if !is_sdist || location.starts_with('-') {
            return Err(none());
        }
        if location.contains("://") {
            let url = location.parse::<IndexUrl>().map_err(|error| {
                // What it says of secrets is better than our own words.
                if error.starts_with('`') { none() } else { error }
            })?;
            return Ok(Self(Source::Archive { location: url.0, sha256 }));
        }
        Ok(Self(Source::Archive { location: location.to_owned(), sha256 }))
    }
}

impl FromStr for AuditwheelText {
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

impl FromStr for PythonFrom {
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
pub(super) fn unique<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + fmt::Debug,
    V: Deserialize<'de>,
{
    struct Unique<K, V>(PhantomData<(K, V)>);
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
    deserializer.deserialize_any(Unique(PhantomData))
}

/// A key with nothing behind it says as much as no key.
pub(super) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
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
    use crate::packages::EMBEDDED;

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

        #[test]
        fn no_source_stops_the_program(any in "\\PC{0,24}", like in "(git\\+|dir:)?[a-z0-9:/@#=.{}-]{0,32}") {
            let _ = any.parse::<SourceText>();
            let _ = like.parse::<SourceText>();
        }
    }
}
