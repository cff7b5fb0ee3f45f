//! Where files come from, as the user writes it and as the program needs it.

use serde::{Deserialize, Deserializer, de};
use url::Url;

use super::settings::{FilesMode, parse_url};
use crate::error::{Error, Result};
use crate::source::{IndexSpec, Selection, SourceSpec};
use crate::wheel::ProjectName;

/// What is written of a source: its spec, and what differs from the defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct SourceConfig {
    /// Where the files come from, as `--source` takes it.
    pub source: String,
    /// Globs of filenames that are taken; all where there are none.
    pub include: Vec<String>,
    /// Globs of filenames that are not taken.
    pub exclude: Vec<String>,
    /// Whether the build goes on without it when it cannot be read.
    pub optional: bool,
    /// How pages refer to its files.
    pub files: Option<FilesMode>,
    /// Of all releases of a repository: globs of tags that are taken.
    pub tags: Vec<String>,
    /// Of all releases of a repository: whether prereleases are taken.
    pub prereleases: bool,
    /// Of all releases of a repository: whether drafts are taken, which takes a token.
    pub drafts: bool,
    /// Of an index: the projects that are taken; all where there are none.
    pub projects: Vec<String>,
    /// Of a bucket: where what lies below its prefix is served to everybody.
    pub public_url: Option<String>,
    /// Of a bucket: the server, where it is not the provider's own.
    pub endpoint: Option<String>,
    /// Of a bucket: its region.
    pub region: Option<String>,
    /// Of a bucket: whether its name stands in the path of URLs, not in the host.
    pub path_style: Option<bool>,
    /// Of a bucket: the profile of `~/.aws` with the credentials.
    pub profile: Option<String>,
    /// Of a bucket: whether it is read without credentials.
    pub anonymous: bool,
}

/// A source in `config/site.yml`: a spec alone, or a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceEntry(pub SourceConfig);

impl<'de> Deserialize<'de> for SourceEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = SourceConfig;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a source such as `dir:wheels`, or a mapping with the key `source`")
            }

            fn visit_str<E>(self, source: &str) -> Result<SourceConfig, E> {
                Ok(SourceConfig { source: source.to_owned(), ..SourceConfig::default() })
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<SourceConfig, A::Error> {
                let config = SourceConfig::deserialize(de::value::MapAccessDeserializer::new(map))?;
                if config.source.is_empty() {
                    return Err(de::Error::missing_field("source"));
                }
                Ok(config)
            }
        }

        deserializer.deserialize_any(Visitor).map(Self)
    }
}

/// Both forms, for editors.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "read by the schema alone")]
pub(super) enum EitherForm {
    /// Where the files come from, as `--source` takes it.
    Spec(String),
    /// A source with options.
    Mapping(SourceConfig),
}

/// A source, with all that is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSettings {
    /// Which source.
    pub spec: SourceSpec,
    /// Filenames that are taken.
    pub files_taken: Selection,
    /// Whether the build goes on without it when it cannot be read.
    pub optional: bool,
    /// How pages refer to its files; `None` leaves it to the build.
    pub files: Option<FilesMode>,
    /// Tags that are taken, where all releases of a repository are read.
    pub tags_taken: Selection,
    /// Whether prereleases are taken too.
    pub prereleases: bool,
    /// Whether drafts are taken too.
    pub drafts: bool,
    /// The projects that are taken of an index; all where there are none.
    pub projects: Vec<ProjectName>,
    /// What is said of a bucket.
    pub bucket: BucketSettings,
}

/// How a bucket is reached. What is not said is taken from the provider's environment variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketSettings {
    /// Where what lies below the prefix is served to everybody; ends in `/`.
    pub public_url: Option<Url>,
    /// The server.
    pub endpoint: Option<Url>,
    /// The region.
    pub region: Option<String>,
    /// Whether the bucket's name stands in the path.
    pub path_style: Option<bool>,
    /// The profile with the credentials.
    pub profile: Option<String>,
    /// Whether to read without credentials.
    pub anonymous: bool,
}

impl SourceSettings {
    /// Resolves what was written of one source.
    pub fn resolve(spec: SourceSpec, options: &SourceConfig) -> Result<Self> {
        let selection = |include: &[String], exclude: &[String]| {
            Selection::new(include, exclude)
                .map_err(|error| Error::config(format!("`{spec}`: {error}")))
        };
        let project = |name: &String| {
            name.parse().map_err(|error| Error::config(format!("`{spec}`: `projects`: {error}")))
        };
        let url = |what: &str, url: &Option<String>| {
            url.as_ref().map(|url| parse_url(&format!("{spec}: {what}"), url)).transpose()
        };
        let bucket = BucketSettings {
            public_url: url("public_url", &options.public_url)?,
            endpoint: url("endpoint", &options.endpoint)?,
            region: options.region.clone(),
            path_style: options.path_style,
            profile: options.profile.clone(),
            anonymous: options.anonymous,
        };
        let settings = Self {
            files_taken: selection(&options.include, &options.exclude)?,
            optional: options.optional,
            files: options.files,
            tags_taken: selection(&options.tags, &[])?,
            prereleases: options.prereleases,
            drafts: options.drafts,
            projects: options.projects.iter().map(project).collect::<Result<_>>()?,
            bucket,
            spec,
        };
        settings.check(options)?;
        Ok(settings)
    }

    /// A source of which nothing more is said.
    pub fn plain(spec: SourceSpec) -> Self {
        Self {
            spec,
            files_taken: Selection::default(),
            optional: false,
            files: None,
            tags_taken: Selection::default(),
            prereleases: false,
            drafts: false,
            projects: Vec::new(),
            bucket: BucketSettings::default(),
        }
    }

    /// What does nothing is refused: whoever wrote it expects that it does something.
    fn check(&self, options: &SourceConfig) -> Result<()> {
        let Self { spec, .. } = self;
        let bucket = self.bucket != BucketSettings::default();
        let of_releases = [
            ("tags", !options.tags.is_empty()),
            ("prereleases", options.prereleases),
            ("drafts", options.drafts),
        ];
        let idle = match spec {
            SourceSpec::GithubReleases(release) => {
                let of_one = release.tag.is_some();
                let tags = of_releases.iter().find(|(_, set)| *set && of_one);
                tags.map(|(key, _)| *key)
                    .or(bucket.then_some("endpoint"))
                    .or((!options.projects.is_empty()).then_some("projects"))
            }
            other => {
                let releases = of_releases.iter().find(|(_, set)| *set).map(|(key, _)| *key);
                let is_index = matches!(other, SourceSpec::SimpleIndex(_));
                let is_bucket = matches!(other, SourceSpec::Bucket(_));
                releases
                    .or((bucket && !is_bucket).then_some("endpoint` and its like"))
                    .or((!is_index && !options.projects.is_empty()).then_some("projects"))
            }
        };
        match idle {
            None => Ok(()),
            Some(key) => Err(Error::config_hint(
                format!("`{spec}` has no use for `{key}`"),
                "docs/sources.md says which source takes what",
            )),
        }
    }
}

/// The upstream indexes of the configuration and of the flags, each once.
pub(super) fn parse_upstreams(configured: &[String], named: &[String]) -> Result<Vec<IndexSpec>> {
    let mut upstreams: Vec<IndexSpec> = Vec::new();
    let configured = configured.iter().map(|url| ("upstreams", url));
    for (what, url) in configured.chain(named.iter().map(|url| ("--upstream", url))) {
        let wrong = |reason: &dyn std::fmt::Display| {
            Error::config_hint(
                format!("`{what}`: {reason}"),
                "for example https://HOST/simple/, as `pip install --index-url` takes it",
            )
        };
        let plain = url.strip_prefix("simple+").unwrap_or(url);
        match format!("simple+{plain}").parse() {
            Ok(SourceSpec::SimpleIndex(spec)) if spec.projects.is_empty() => {
                if !upstreams.contains(&spec) {
                    upstreams.push(spec);
                }
            }
            Ok(SourceSpec::SimpleIndex(_)) => {
                return Err(wrong(&"expected the URL of an index, found projects behind it"));
            }
            Ok(_) => return Err(wrong(&format!("expected a URL, found `{plain}`"))),
            Err(error) => return Err(wrong(&error)),
        }
    }
    Ok(upstreams)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SourceConfig, String> {
        let entry: Result<SourceEntry, _> = serde_yaml::from_str(text);
        entry.map(|SourceEntry(config)| config).map_err(|error| error.to_string())
    }

    fn resolve(text: &str) -> Result<SourceSettings> {
        let config = parse(text).expect("parses");
        SourceSettings::resolve(config.source.parse().expect("parses"), &config)
    }

    #[test]
    fn both_forms_and_what_is_unknown() {
        assert_eq!(parse("dir:wheels").expect("parses").source, "dir:wheels");
        let config = parse("source: gh-release:o/r\nprereleases: true").expect("parses");
        assert!(config.prereleases);
        assert!(parse("source: x\nprerelease: true").expect_err("fails").contains("prerelease"));
        assert!(parse("include: [x]").expect_err("fails").contains("source"));
        assert!(parse("[1]").expect_err("fails").contains("a source such as"));
    }

    #[test]
    fn upstreams_are_indexes_and_nothing_else() {
        let parse = |urls: &[&str]| {
            let urls: Vec<String> = urls.iter().map(ToString::to_string).collect();
            parse_upstreams(&urls[..1], &urls[1..])
        };
        let twice = ["https://x.example/simple", "simple+https://x.example/simple/"];
        assert_eq!(parse(&twice).expect("parses").len(), 1);
        for (url, part) in [
            ("nonsense", "expected a URL"),
            ("ftp://me:secret@x", "ftp"),
            ("https://x.example/simple/#a", "projects"),
        ] {
            let error = parse(&[url]).expect_err(url);
            assert!(error.to_string().contains(part), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn options_that_do_nothing_are_refused() {
        assert!(resolve("source: gh-release:o/r\ntags: ['v*']\nexclude: ['*.tar.gz']").is_ok());
        for (text, key) in [
            ("source: gh-release:o/r@v1\nprereleases: true", "`prereleases`"),
            ("source: dir:x\ndrafts: true", "`drafts`"),
            ("source: dir:x\nprofile: me", "`endpoint`"),
            ("source: s3://b\nprojects: [a]", "`projects`"),
        ] {
            let error = resolve(text).expect_err(text);
            assert!(error.to_string().contains(key), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
        let error = resolve("source: dir:x\ninclude: ['[']").expect_err("fails");
        assert!(error.to_string().contains("`dir:x`"), "{error}");
    }
}
