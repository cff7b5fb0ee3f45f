//! How a source is written.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

use crate::net::shown;
use crate::wheel::ProjectName;

/// A source as flags and configuration write it.
///
/// ```
/// use wheelsite::source::SourceSpec;
/// let spec: SourceSpec = "wheels".parse()?;
/// assert_eq!(spec.to_string(), "dir:wheels");
/// # Ok::<(), wheelsite::source::ParseSpecError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// `dir:PATH`, or a path: the distributions in a folder and the folders in it.
    Directory(PathBuf),
    /// `list:FILE`: a package list, one JSON object a line.
    PackageList(PathBuf),
    /// `gh-release:...`: the assets of releases on GitHub.
    GithubReleases(ReleaseSpec),
    /// `s3://BUCKET/PREFIX` and its like: the objects in a bucket.
    Bucket(BucketSpec),
    /// `simple+URL`: the files of another index.
    SimpleIndex(IndexSpec),
}

/// Releases of a repository: `TAG`, `@TAG`, `OWNER/REPO@TAG`, or `OWNER/REPO` for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseSpec {
    /// The repository; none stands for the one of the configuration or the environment.
    pub repository: Option<Repository>,
    /// The tag of one release; none stands for all.
    pub tag: Option<String>,
}

/// The name of a repository on GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// A user or an organization.
    pub owner: String,
    /// The repository's own name.
    pub name: String,
}

/// Where a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Amazon S3, and whatever speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

/// The objects of a bucket below a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketSpec {
    /// Where the bucket is.
    pub provider: Provider,
    /// Its name; a container's on Azure.
    pub bucket: String,
    /// What keys begin with, without slashes around it; empty for all.
    pub prefix: String,
}

/// The files of another index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexSpec {
    /// Root of its simple API; ends in a slash. May hold a user name and a password.
    pub url: Url,
    /// The projects that are taken, as `#NAME,NAME` names them; empty for all.
    pub projects: Vec<ProjectName>,
}

/// A text that names no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseSpecError {
    /// Something is missing.
    #[error("`{text}` names no {what}: expected `{form}`")]
    Empty {
        /// What was written.
        text: String,
        /// What is missing.
        what: &'static str,
        /// How it is written.
        form: &'static str,
    },
    /// The scheme is unknown.
    #[error(
        "unknown source `{0}`: expected a path, `dir:PATH`, `list:FILE`, `gh-release:TAG`, `s3://BUCKET/PREFIX`, `gs://`, `az://` or `simple+https://HOST/simple/`"
    )]
    Scheme(String),
    /// Something is there and cannot be right.
    #[error("`{text}`: {reason}")]
    Invalid {
        /// What was written, without secrets.
        text: String,
        /// Why it is wrong.
        reason: String,
    },
}

impl FromStr for SourceSpec {
    type Err = ParseSpecError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = |path: &str, form| {
            if path.is_empty() {
                Err(ParseSpecError::Empty { text: without_user(text), what: "path", form })
            } else {
                Ok(PathBuf::from(path))
            }
        };
        match text.split_once(':') {
            Some(("dir", rest)) => path(rest, "dir:PATH").map(Self::Directory),
            Some(("list", rest)) => path(rest, "list:FILE").map(Self::PackageList),
            Some(("gh-release", rest)) => parse_release(text, rest).map(Self::GithubReleases),
            Some(("s3", rest)) => parse_bucket(text, rest, Provider::S3),
            Some(("gs", rest)) => parse_bucket(text, rest, Provider::Gcs),
            Some(("az", rest)) => parse_bucket(text, rest, Provider::Azure),
            Some(("simple+https" | "simple+http", _)) => {
                parse_index(&text["simple+".len()..]).map(Self::SimpleIndex)
            }
            // A single letter is a drive; anything with a slash before the colon is a path.
            Some((scheme, _)) if scheme.len() > 1 && is_scheme(scheme) => {
                Err(ParseSpecError::Scheme(without_user(text)))
            }
            _ => path(text, "dir:PATH").map(Self::Directory),
        }
    }
}

fn is_scheme(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// What stands before an @ may be a secret, and what cannot be parsed may hold one.
fn without_user(text: &str) -> String {
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme);
    match text.rfind('@') {
        // A repository and its tag hold no secret, if nothing else stands before them.
        Some(at) if text[..at].matches([':', '@']).count() > 1 || text.contains("//") => {
            format!("{scheme}:...{}", &text[at..])
        }
        _ => text.to_owned(),
    }
}

fn parse_release(text: &str, rest: &str) -> Result<ReleaseSpec, ParseSpecError> {
    const FORM: &str =
        "gh-release:TAG`, `gh-release:@TAG`, `gh-release:OWNER/REPO@TAG` or `gh-release:OWNER/REPO";
    let empty = |what| ParseSpecError::Empty { text: without_user(text), what, form: FORM };
    let (repository, tag) = match rest.split_once('@') {
        Some(("", tag)) => (None, Some(tag)),
        Some((repository, tag)) => (Some(repository), Some(tag)),
        None if rest.contains('/') => (Some(rest), None),
        None => (None, Some(rest)),
    };
    if tag.is_some_and(str::is_empty) {
        return Err(empty("release"));
    }
    let repository = repository.map(|name| {
        name.parse().map_err(|_| ParseSpecError::Invalid {
            text: without_user(text),
            reason: "expected a repository as `OWNER/REPO`; a tag with slashes is written `gh-release:@TAG`"
                .to_owned(),
        })
    });
    Ok(ReleaseSpec { repository: repository.transpose()?, tag: tag.map(str::to_owned) })
}

impl FromStr for Repository {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_name = |name: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            !matches!(name, "" | "." | "..") && name.bytes().all(plain)
        };
        match text.split_once('/') {
            Some((owner, name)) if is_name(owner) && is_name(name) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(format!("expected a repository as `OWNER/REPO`, found `{text}`")),
        }
    }
}

fn parse_bucket(text: &str, rest: &str, provider: Provider) -> Result<SourceSpec, ParseSpecError> {
    let path = rest.strip_prefix("//").unwrap_or_default();
    let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
    if bucket.is_empty() {
        let form = match provider {
            Provider::S3 => "s3://BUCKET/PREFIX",
            Provider::Gcs => "gs://BUCKET/PREFIX",
            Provider::Azure => "az://CONTAINER/PREFIX",
        };
        return Err(ParseSpecError::Empty { text: without_user(text), what: "bucket", form });
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.$".contains(&byte);
    if !bucket.bytes().all(plain) {
        return Err(ParseSpecError::Invalid {
            text: without_user(text),
            reason: "the name of a bucket has letters, digits, `-`, `_` and `.` only".to_owned(),
        });
    }
    let prefix = prefix.trim_matches('/');
    if prefix.split('/').any(|part| matches!(part, "." | "..")) || prefix.contains("//") {
        return Err(ParseSpecError::Invalid {
            text: without_user(text),
            reason: "a prefix has no empty parts, and no `.` or `..`".to_owned(),
        });
    }
    Ok(SourceSpec::Bucket(BucketSpec {
        provider,
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
    }))
}

fn parse_index(text: &str) -> Result<IndexSpec, ParseSpecError> {
    let wrong = |reason: String| ParseSpecError::Invalid {
        text: format!("simple+{}", without_user(text)),
        reason,
    };
    let mut url: Url = text.parse().map_err(|error| wrong(format!("{error}")))?;
    if url.query().is_some() {
        return Err(wrong("the URL of an index has no query".to_owned()));
    }
    let projects = url.fragment().unwrap_or_default().split(',').filter(|name| !name.is_empty());
    let projects = projects
        .map(|name| name.trim().parse().map_err(|error| wrong(format!("{error}"))))
        .collect::<Result<_, _>>()?;
    url.set_fragment(None);
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(IndexSpec { url, projects })
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl Provider {
    /// As the specs write it.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gcs => "gs",
            Self::Azure => "az",
        }
    }
}

impl fmt::Display for BucketSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.provider.scheme(), self.bucket)?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

/// As it was written, but for secrets.
impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "dir:{}", path.display()),
            Self::PackageList(path) => write!(f, "list:{}", path.display()),
            Self::GithubReleases(ReleaseSpec { repository, tag }) => {
                f.write_str("gh-release:")?;
                match (repository, tag) {
                    (Some(repository), Some(tag)) => write!(f, "{repository}@{tag}"),
                    (Some(repository), None) => write!(f, "{repository}"),
                    (None, Some(tag)) if tag.contains(['/', '@']) => write!(f, "@{tag}"),
                    (None, tag) => f.write_str(tag.as_deref().unwrap_or_default()),
                }
            }
            Self::Bucket(bucket) => write!(f, "{bucket}"),
            Self::SimpleIndex(IndexSpec { url, projects }) => {
                write!(f, "simple+{}", shown(url))?;
                for (index, project) in projects.iter().enumerate() {
                    write!(f, "{}{project}", if index == 0 { '#' } else { ',' })?;
                }
                Ok(())
            }
        }
    }
}

impl SourceSpec {
    /// Whether it lies on another machine.
    pub fn is_remote(&self) -> bool {
        match self {
            Self::Directory(_) | Self::PackageList(_) => false,
            Self::GithubReleases(_) | Self::Bucket(_) | Self::SimpleIndex(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<SourceSpec, ParseSpecError> {
        text.parse()
    }

    #[test]
    fn local_schemes() {
        assert_eq!(parse("dir:a b"), Ok(SourceSpec::Directory("a b".into())));
        assert_eq!(parse("list:x.jsonl"), Ok(SourceSpec::PackageList("x.jsonl".into())));
        assert_eq!(parse("C:\\wheels"), Ok(SourceSpec::Directory("C:\\wheels".into())));
        assert_eq!(parse("./a:b"), Ok(SourceSpec::Directory("./a:b".into())));
        assert!(matches!(parse("dir:"), Err(ParseSpecError::Empty { .. })));
        assert!(matches!(parse(""), Err(ParseSpecError::Empty { .. })));
        assert!(matches!(parse("ftp://x"), Err(ParseSpecError::Scheme(_))));
    }

    #[test]
    fn releases() {
        let release = |text: &str| match parse(text) {
            Ok(SourceSpec::GithubReleases(ReleaseSpec { repository, tag })) => {
                (repository.map(|repository| repository.to_string()), tag)
            }
            other => panic!("{text}: {other:?}"),
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(release("gh-release:v1"), (None, some("v1")));
        assert_eq!(release("gh-release:latest"), (None, some("latest")));
        assert_eq!(release("gh-release:@a/b"), (None, some("a/b")));
        assert_eq!(release("gh-release:o/r@a/b@c"), (some("o/r"), some("a/b@c")));
        assert_eq!(release("gh-release:o/r"), (some("o/r"), None));
        for text in ["gh-release:", "gh-release:@", "gh-release:o/r@"] {
            assert!(matches!(parse(text), Err(ParseSpecError::Empty { .. })), "{text}");
        }
        for text in ["gh-release:a/b/c", "gh-release:../r", "gh-release:o/r?x@v1"] {
            assert!(matches!(parse(text), Err(ParseSpecError::Invalid { .. })), "{text}");
        }
    }

    #[test]
    fn buckets() {
        let bucket = |text: &str| match parse(text) {
            Ok(SourceSpec::Bucket(bucket)) => (bucket.provider, bucket.bucket, bucket.prefix),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(bucket("s3://b"), (Provider::S3, "b".to_owned(), String::new()));
        assert_eq!(bucket("gs://b/c/d/"), (Provider::Gcs, "b".to_owned(), "c/d".to_owned()));
        assert!(matches!(parse("s3:"), Err(ParseSpecError::Empty { .. })));
        assert!(matches!(parse("az:///x"), Err(ParseSpecError::Empty { .. })));
        assert!(matches!(parse("s3://b/a/../c"), Err(ParseSpecError::Invalid { .. })));
    }

    #[test]
    fn indexes_show_no_secret() {
        let spec = parse("simple+https://me:secret@host/simple#A_b,c").expect("parses");
        assert_eq!(spec.to_string(), "simple+https://host/simple/#a-b,c");
        for text in
            ["simple+https://me:secret@host/?q", "simple+https://me:secret@", "x+y://me:secret@h"]
        {
            let error = parse(text).expect_err("fails").to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(
            scheme in "(dir:|list:|gh-release:|gh-release:@|gh-release:o/r@|s3://b/|az://)",
            // `.` and `..` are no prefixes.
            rest in "[a-zA-Z0-9_-][a-zA-Z0-9._-]{0,29}",
        ) {
            let spec: SourceSpec = format!("{scheme}{rest}").parse()?;
            prop_assert_eq!(spec.to_string().parse::<SourceSpec>()?, spec);
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<SourceSpec>();
        }
    }
}
