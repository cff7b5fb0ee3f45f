//! Everything that a build needs to know, resolved and validated once.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pep440_rs::{Version, VersionSpecifier};
use serde::{Deserialize, Serialize};
use url::Url;

use super::channels::{ChannelSettings, ChannelsMode};
use super::environment::Environment;
use super::site_config::{OnConflict, OnReject, PagesMode, ProjectConfig, Scalar, SiteConfig};
use super::sources::{SourceConfig, SourceEntry, SourceSettings, parse_upstreams};
use crate::error::{Error, Result};
use crate::facts::Depth;
use crate::host::Host;
use crate::source::{IndexSpec, SourceSpec};
use crate::verify::{Level, Policy};
use crate::wheel::{DistFilename, ProjectName};

/// How pages refer to the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FilesMode {
    /// The site carries copies.
    Copy,
    /// The site carries hard links to the source's files.
    Hardlink,
    /// The site carries none; pages link to where the files are.
    Link,
}

/// The status of a project (PEP 792).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// As usual.
    #[default]
    Active,
    /// No further releases are to be expected.
    Archived,
    /// Unsafe: the index offers no files.
    Quarantined,
    /// Obsolete, possibly superseded.
    Deprecated,
}

impl Status {
    /// The marker's text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
            Self::Quarantined => "quarantined",
            Self::Deprecated => "deprecated",
        }
    }
}

/// What is configured for one project, parsed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProjectSettings {
    /// Shown instead of the summary in METADATA.
    pub description: Option<String>,
    /// PEP 792 status.
    pub status: Status,
    /// Why it has that status.
    pub status_reason: Option<String>,
    /// PEP 592.
    pub yanked: Vec<Yank>,
}

/// What is yanked, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Yank {
    target: YankTarget,
    reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum YankTarget {
    /// A release, by PEP 440 equality: without a local part it stands for all of them.
    Release(Version),
    File(String),
}

impl Yank {
    fn parse(key: &str, reason: &str) -> Option<Self> {
        let target = match key.parse::<Version>() {
            Ok(version) => YankTarget::Release(version),
            Err(_) => YankTarget::File(key.parse::<DistFilename>().ok()?.to_string()),
        };
        Some(Self { target, reason: reason.to_owned() })
    }

    /// Whether it means this file.
    pub fn applies_to(&self, file: &DistFilename) -> bool {
        match &self.target {
            YankTarget::Release(version) => {
                VersionSpecifier::equals_version(version.clone()).contains(file.version())
            }
            YankTarget::File(filename) => filename == file.as_str(),
        }
    }

    /// Why; may be empty.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl std::fmt::Display for Yank {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.target {
            YankTarget::Release(version) => write!(f, "{version}"),
            YankTarget::File(filename) => f.write_str(filename),
        }
    }
}

/// Which theme renders the pages for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ThemeChoice {
    /// The embedded default.
    Default,
    /// The embedded one without scripts, for printing.
    Plain,
    /// A folder; what it does not have is taken from what it is built upon.
    Folder(PathBuf),
}

impl ThemeChoice {
    /// `default`, `plain`, or a folder.
    pub fn named(name: &str) -> Self {
        match name {
            "default" => Self::Default,
            "plain" => Self::Plain,
            folder => Self::Folder(folder.into()),
        }
    }
}

/// Where the state of the last run is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Previous {
    /// Another folder with a site.
    Folder(PathBuf),
    /// A live site.
    Site(Url),
}

/// What the command line said. What is `None` is taken from the configuration, then from the defaults.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--source`
    pub sources: Vec<SourceSpec>,
    /// What the flags say of the sources.
    pub source_flags: SourceConfig,
    /// `--output`
    pub output: Option<PathBuf>,
    /// `--site-url`
    pub site_url: Option<String>,
    /// `--files-url`
    pub files_url: Option<String>,
    /// `--files`
    pub files: Option<FilesMode>,
    /// `--theme`
    pub theme: Option<String>,
    /// `--pages`
    pub pages: Option<PagesMode>,
    /// `--host`
    pub host: Option<Host>,
    /// `--channels`
    pub channels: Option<ChannelsMode>,
    /// `--upstream`
    pub upstreams: Vec<String>,
    /// `--on-reject`
    pub on_reject: Option<OnReject>,
    /// `--on-conflict`
    pub on_conflict: Option<OnConflict>,
    /// `--depth`
    pub depth: Option<Depth>,
    /// `--allow` and `--deny`, in this order of precedence
    pub levels: Vec<(String, Level)>,
    /// `--previous`
    pub previous: Option<String>,
    /// `--refresh`
    pub refresh: bool,
    /// `--offline`
    pub offline: bool,
    /// `--allow-removals`
    pub allow_removals: bool,
    /// `--allow-empty`
    pub allow_empty: bool,
    /// `--force`
    pub force: bool,
    /// `--jobs`
    pub jobs: Option<usize>,
}

/// Everything that a build needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What the pages call the index.
    pub title: String,
    /// A sentence below the title.
    pub description: Option<String>,
    /// Where the site will be served; ends in `/`.
    pub site_url: Option<Url>,
    /// Where the files come from.
    pub sources: Vec<SourceSettings>,
    /// The repository of releases whose source names none, as it is written.
    pub repository: Option<String>,
    /// How pages refer to the files; `None` leaves it to each source.
    pub files: Option<FilesMode>,
    /// Where the files are served when not by the site; ends in `/`.
    pub files_url: Option<Url>,
    /// The folder that the site is written to.
    pub output: PathBuf,
    /// The theme.
    pub theme: ThemeChoice,
    /// What is set of what the theme lets one set.
    pub theme_options: BTreeMap<String, Scalar>,
    /// Which pages for people are written.
    pub pages: PagesMode,
    /// Where the site will be served.
    pub host: Host,
    /// Sub-indexes for each CUDA version.
    pub channels: ChannelSettings,
    /// Indexes that have what wheels of this one require; asked by `check --closure` alone.
    pub upstreams: Vec<IndexSpec>,
    /// What a rejected file does.
    pub on_reject: OnReject,
    /// What the same filename with different bytes at two places does.
    pub on_conflict: OnConflict,
    /// How much of each file is read; `None` is all of what is local.
    pub depth: Option<Depth>,
    /// What a finding of each check does.
    pub policy: Policy,
    /// Where the state of the last run is read, if not in the output.
    pub previous: Option<Previous>,
    /// Read everything anew.
    pub refresh: bool,
    /// Make no request.
    pub offline: bool,
    /// Let a build drop projects and files.
    pub allow_removals: bool,
    /// Let an index be empty.
    pub allow_empty: bool,
    /// Write into a folder that holds something else.
    pub force: bool,
    /// Threads; `None` is one for each core.
    pub jobs: Option<usize>,
    /// By project.
    pub projects: BTreeMap<ProjectName, ProjectSettings>,
    /// What the environment says.
    pub environment: Environment,
}

impl Settings {
    /// Resolves what was written; flags win over the configuration.
    pub fn resolve(config: SiteConfig, options: Options, environment: Environment) -> Result<Self> {
        let mut sources = resolve_sources(config.sources, options.sources, &options.source_flags)?;
        if sources.is_empty() {
            sources.push(SourceSettings::plain(SourceSpec::Directory("wheels".into())));
        }
        if options.offline
            && let Some(remote) = sources.iter().find(|source| source.spec.is_remote())
        {
            return Err(Error::config_hint(
                format!("`--offline` makes no request, and `{}` takes some", remote.spec),
                "leave out one of the two",
            ));
        }
        if options.files.is_some() {
            for source in &mut sources {
                source.files = None;
            }
        }
        let files_url = options.files_url.or(config.files_url);
        let files = options.files.or(config.files);
        if files_url.is_some() && matches!(files, Some(FilesMode::Copy | FilesMode::Hardlink)) {
            return Err(Error::config_hint(
                "a files URL says that the site does not carry the files, `copy` and `hardlink` that it does",
                "leave out one of the two",
            ));
        }
        let site_url = options.site_url.or(config.site_url);
        Ok(Self {
            title: config.title.unwrap_or_else(|| "Python packages".to_owned()),
            description: config.description,
            site_url: site_url.map(|url| parse_url("site_url", &url)).transpose()?,
            sources,
            repository: config.repository,
            files,
            files_url: files_url.map(|url| parse_url("files_url", &url)).transpose()?,
            output: options.output.unwrap_or_else(|| "site".into()),
            theme: ThemeChoice::named(
                options.theme.or(config.theme).as_deref().unwrap_or("default"),
            ),
            theme_options: config.theme_options,
            pages: options.pages.or(config.pages).unwrap_or_default(),
            host: options.host.or(config.host).unwrap_or_default(),
            channels: ChannelSettings::resolve(config.channels, options.channels)?,
            upstreams: parse_upstreams(&config.upstreams, &options.upstreams)?,
            on_reject: options.on_reject.or(config.on_reject).unwrap_or_default(),
            on_conflict: options.on_conflict.or(config.on_conflict).unwrap_or_default(),
            depth: options.depth,
            policy: parse_policy(&config.checks, config.external_libraries, &options.levels)?,
            previous: options.previous.map(parse_previous).transpose()?,
            refresh: options.refresh,
            offline: options.offline,
            allow_removals: options.allow_removals,
            allow_empty: options.allow_empty,
            force: options.force,
            jobs: options.jobs,
            projects: parse_projects(config.projects)?,
            environment,
        })
    }
}

/// The sources of the command line, else those of the configuration; flags narrow both.
fn resolve_sources(
    configured: Vec<SourceEntry>,
    named: Vec<SourceSpec>,
    flags: &SourceConfig,
) -> Result<Vec<SourceSettings>> {
    let written: Vec<(SourceSpec, SourceConfig)> = if named.is_empty() {
        let parse = |SourceEntry(config)| match config.source.parse() {
            Ok(spec) => Ok((spec, config)),
            Err(error) => Err(Error::config(format!("`sources`: {error}"))),
        };
        configured.into_iter().map(parse).collect::<Result<_>>()?
    } else {
        named.into_iter().map(|spec| (spec, SourceConfig::default())).collect()
    };
    let names_all = |spec: &SourceSpec| match spec {
        SourceSpec::GithubReleases(release) => release.tag.is_none(),
        _ => false,
    };
    if (flags.prereleases || flags.drafts) && !written.iter().any(|(spec, _)| names_all(spec)) {
        return Err(Error::config_hint(
            "`--prereleases` and `--drafts` choose among all releases, and no source names all",
            "a release that is named is taken, whatever it is; `gh-release:OWNER/REPO` names all",
        ));
    }
    let resolve = |(spec, mut config): (SourceSpec, SourceConfig)| {
        if !flags.include.is_empty() {
            config.include.clone_from(&flags.include);
        }
        config.exclude.extend(flags.exclude.iter().cloned());
        config.prereleases |= flags.prereleases && names_all(&spec);
        config.drafts |= flags.drafts && names_all(&spec);
        SourceSettings::resolve(spec, &config)
    };
    written.into_iter().map(resolve).collect()
}

/// A URL that pages will show; ends in a slash, so that relative paths resolve against it.
pub(crate) fn parse_url(what: &str, text: &str) -> Result<Url> {
    let url = parse_any_url(what, text)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::config(format!(
            "`{what}`: a URL with a user name or password would be published"
        )));
    }
    Ok(url)
}

fn parse_any_url(what: &str, text: &str) -> Result<Url> {
    // What stands before an @ may be a secret, and what cannot be parsed may hold one.
    let shown = if text.contains('@') { "a URL with a user name" } else { text };
    let wrong = |reason: String| {
        Error::config_hint(
            format!(
                "`{what}`: expected a URL that begins with https:// or http://, found `{shown}`: {reason}"
            ),
            "for example https://USER.github.io/REPO/",
        )
    };
    let slash = if text.ends_with('/') { "" } else { "/" };
    // Object stores read a plus in a path as a space.
    let text = text.replace('+', "%2B");
    let url: Url = format!("{text}{slash}").parse().map_err(|error| wrong(format!("{error}")))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(wrong(format!("its scheme is `{}`", url.scheme())));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has a query or a fragment".to_owned()));
    }
    // A path that begins with two slashes would name another host.
    if url.path().contains("//") {
        return Err(wrong("its path has an empty part".to_owned()));
    }
    Ok(url)
}

/// The levels of the configuration, then those of the command line.
pub(crate) fn parse_policy(
    checks: &BTreeMap<String, Level>,
    external_libraries: Vec<String>,
    levels: &[(String, Level)],
) -> Result<Policy> {
    let mut policy = Policy::default();
    policy.external_libraries = external_libraries;
    let written = checks.iter().map(|(id, level)| (id, *level));
    for (id, level) in written.chain(levels.iter().map(|(id, level)| (id, *level))) {
        policy.set(id, level).map_err(|error| {
            Error::config_hint(error.to_string(), format!("did you mean `{}`?", error.nearest))
        })?;
    }
    Ok(policy)
}

fn parse_previous(text: String) -> Result<Previous> {
    if text.starts_with("https://") || text.starts_with("http://") {
        parse_any_url("--previous", &text).map(Previous::Site)
    } else {
        Ok(Previous::Folder(text.into()))
    }
}

fn parse_projects(
    projects: BTreeMap<String, ProjectConfig>,
) -> Result<BTreeMap<ProjectName, ProjectSettings>> {
    let mut parsed = BTreeMap::new();
    for (text, config) in projects {
        let name: ProjectName =
            text.parse().map_err(|error| Error::config(format!("`projects`: {error}")))?;
        let yank = |(key, reason): (&String, &String)| {
            Yank::parse(key, reason).ok_or_else(|| {
                Error::config(format!(
                    "`projects.{text}.yanked`: expected a version or a filename, found `{key}`"
                ))
            })
        };
        let settings = ProjectSettings {
            yanked: config.yanked.iter().map(yank).collect::<Result<_>>()?,
            description: config.description,
            status: config.status.unwrap_or_default(),
            status_reason: config.status_reason,
        };
        if parsed.insert(name.clone(), settings).is_some() {
            return Err(Error::config(format!("`projects` has `{name}` in two spellings")));
        }
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(config: &str, options: Options) -> Result<Settings> {
        Settings::resolve(SiteConfig::parse(config, "test")?, options, Environment::default())
    }

    #[test]
    fn flags_win() {
        let options =
            Options { site_url: Some("https://flag.example/x".to_owned()), ..Options::default() };
        let settings = resolve("site_url: https://file.example\nhost: github-pages", options)
            .expect("resolves");
        assert_eq!(settings.site_url.expect("is set").as_str(), "https://flag.example/x/");
        assert_eq!(settings.host, Host::GithubPages);
        assert_eq!(settings.sources[0].spec, SourceSpec::Directory("wheels".into()));
    }

    #[test]
    fn contradictions_and_nonsense_are_refused() {
        for (config, part) in [
            ("files: copy\nfiles_url: https://x.example", "files URL"),
            ("site_url: ftp://x", "`ftp`"),
            ("site_url: nonsense", "site_url"),
            ("site_url: https://x.example//evil.example/", "an empty part"),
            ("site_url: https://me:secret@x.example", "user name or password"),
            ("site_url: https://me:secret@x.example/?q", "a query"),
            ("site_url: https://me:secret@x.example:99999", "port"),
            ("files_url: ftp://me:secret@x.example", "`ftp`"),
            ("sources: ['ftp://x']", "unknown source"),
            ("upstreams: ['ftp://me:secret@x']", "upstreams"),
            ("projects: {'..': {}}", "no project name"),
            ("projects: {Foo: {}, foo: {}}", "two spellings"),
            ("projects: {a: {yanked: {'not a version': ''}}}", "expected a version"),
        ] {
            let error = resolve(config, Options::default()).expect_err(config);
            assert!(error.to_string().contains(part), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn yanks_match_by_pep_440() {
        let yank = |key: &str| Yank::parse(key, "").expect("parses");
        let file = |name: &str| name.parse::<DistFilename>().expect("parses");
        assert!(yank("1.0").applies_to(&file("a-1.0.0-py3-none-any.whl")));
        assert!(yank("1").applies_to(&file("a-1.0+cu128-py3-none-any.whl")));
        assert!(!yank("1.0+cu126").applies_to(&file("a-1.0+cu128-py3-none-any.whl")));
        assert!(!yank("1.0+cu126").applies_to(&file("a-1.0.tar.gz")));
        assert!(yank("a-1.0.tar.gz").applies_to(&file("a-1.0.tar.gz")));
        assert!(!yank("a-1.0.tar.gz").applies_to(&file("a-1.0-py3-none-any.whl")));
    }
}
