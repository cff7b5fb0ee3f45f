//! Where a site is published, as it is written.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use url::Url;

use crate::net::shown;
use crate::source::{BucketSpec, ReleaseSpec, SourceSpec};

/// The branch that GitHub Pages serves when nobody says otherwise.
const BRANCH: &str = "gh-pages";

/// A place that a site is published to.
///
/// ```
/// use wheelsite::publish::Target;
/// let target: Target = "git+https://github.com/me/wheels".parse()?;
/// assert_eq!(target.to_string(), "git+https://github.com/me/wheels#gh-pages");
/// # Ok::<(), wheelsite::publish::ParseTargetError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `PATH`, `dir:PATH`: a folder.
    Folder(PathBuf),
    /// `s3://BUCKET/PREFIX` and its like.
    Bucket(BucketSpec),
    /// `git+URL#BRANCH`: one commit of a branch.
    Git(GitTarget),
    /// `gh-release:TAG`: the assets of a release.
    Release(ReleaseSpec),
}

/// A branch of a repository.
#[derive(Clone, PartialEq, Eq)]
pub struct GitTarget {
    /// As `git` takes it. May hold a user name and a password.
    url: String,
    /// The branch.
    branch: String,
}

/// A text that names no such place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseTargetError {
    /// The scheme is unknown.
    #[error(
        "unknown target `{0}`: expected a folder, `s3://BUCKET/PREFIX`, `gs://`, `az://`, \
            `git+URL#BRANCH` or `gh-release:TAG`"
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

impl FromStr for Target {
    type Err = ParseTargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(rest) = text.strip_prefix("git+") {
            return GitTarget::parse(rest).map(Self::Git);
        }
        // Whatever is wrong with it, the texts of sources hold no secret.
        let spec = text.parse::<SourceSpec>().map_err(|error| match error {
            crate::source::ParseSpecError::Scheme(text) => ParseTargetError::Scheme(text),
            other => ParseTargetError::Invalid {
                text: text.split(':').next().unwrap_or_default().to_owned(),
                reason: other.to_string(),
            },
        })?;
        match spec {
            SourceSpec::Directory(path) => Ok(Self::Folder(path)),
            SourceSpec::Bucket(spec) => Ok(Self::Bucket(spec)),
            SourceSpec::GithubReleases(spec) if spec.tag.is_some() => Ok(Self::Release(spec)),
            SourceSpec::GithubReleases(spec) => Err(ParseTargetError::Invalid {
                text: SourceSpec::GithubReleases(spec).to_string(),
                reason: "one release takes the files: `gh-release:OWNER/REPO@TAG`".to_owned(),
            }),
            SourceSpec::PackageList(_) | SourceSpec::SimpleIndex(_) => {
                let scheme = text.split(':').next().unwrap_or_default();
                Err(ParseTargetError::Scheme(format!("{scheme}:...")))
            }
        }
    }
}

impl GitTarget {
    fn parse(text: &str) -> Result<Self, ParseTargetError> {
        let (url, branch) = text.split_once('#').unwrap_or((text, BRANCH));
        let wrong = |reason: &str| ParseTargetError::Invalid {
            text: format!("git+{}", without_user(url)),
            reason: reason.to_owned(),
        };
        // What begins with a dash would be an option, and `ext::` a command.
        let is_plain = !url.is_empty()
            && !url.starts_with('-')
            && !url.contains("::")
            && !url.chars().any(|char| char.is_control() || char == ' ');
        if !is_plain {
            return Err(wrong("expected `git+https://HOST/PATH#BRANCH`"));
        }
        if let Some((scheme, _)) = url.split_once("://")
            && !matches!(scheme, "https" | "http" | "ssh" | "git" | "file")
        {
            return Err(wrong("expected https://, ssh://, file:// or a path behind `git+`"));
        }
        if let Some(name) = branch.strip_prefix("refs/") {
            let name = name.strip_prefix("heads/").filter(|name| is_branch(name));
            let name = name.map(|name| format!(", as in `#{name}`")).unwrap_or_default();
            return Err(wrong(&format!(
                "expected the name of a branch behind `#`, without `refs/heads/`{name}"
            )));
        }
        if !is_branch(branch) {
            return Err(wrong("the branch behind `#` is none that git allows"));
        }
        Ok(Self { url: url.to_owned(), branch: branch.to_owned() })
    }

    /// As `git` takes it, in whatever folder that runs. May hold a user name and a password.
    pub(super) fn location(&self) -> String {
        // What has a colon before its first slash names a server.
        let is_path = !self.url.split('/').next().unwrap_or_default().contains(':');
        let absolute = std::path::absolute(&self.url).ok().filter(|_| is_path);
        absolute.and_then(|path| path.to_str().map(str::to_owned)).unwrap_or(self.url.clone())
    }

    /// The branch's full name.
    pub(super) fn reference(&self) -> String {
        format!("refs/heads/{}", self.branch)
    }
}

/// The rules of `git check-ref-format`, and no more characters than branches need.
fn is_branch(text: &str) -> bool {
    let plain = |char: char| char.is_alphanumeric() || "-_./+@".contains(char);
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && !part.ends_with('.')
            && !part.ends_with(".lock")
    };
    text.len() <= 200
        && text.chars().all(plain)
        && text.split('/').all(part)
        && !text.contains("..")
        && !text.contains("@{")
        && text != "@"
        && text != "HEAD"
}

/// What stands before an @ may be a secret.
fn without_user(url: &str) -> String {
    match url.parse::<Url>() {
        Ok(url) if url.has_host() => shown(&url).trim_end_matches('/').to_owned(),
        _ => match url.rsplit_once('@') {
            Some((_, rest)) => format!("...@{rest}"),
            None => url.to_owned(),
        },
    }
}

impl fmt::Display for GitTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "git+{}#{}", without_user(&self.url), self.branch)
    }
}

impl fmt::Debug for GitTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GitTarget({self})")
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Bucket(spec) => write!(f, "{spec}"),
            Self::Git(target) => write!(f, "{target}"),
            Self::Release(spec) => write!(f, "{}", SourceSpec::GithubReleases(spec.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_target_is_written_as_it_is_read() {
        for (text, shown) in [
            ("site-live", "site-live"),
            ("dir:site-live", "site-live"),
            ("s3://bucket/a/b/", "s3://bucket/a/b"),
            ("gs://bucket", "gs://bucket"),
            ("az://container/p", "az://container/p"),
            ("git+https://host/me/r.git#pages", "git+https://host/me/r.git#pages"),
            ("git+https://me:secret@host/r", "git+https://host/r#gh-pages"),
            ("git+git@github.com:me/r.git", "git+...@github.com:me/r.git#gh-pages"),
            ("git+/srv/r.git#a/b", "git+/srv/r.git#a/b"),
            ("gh-release:me/r@v1", "gh-release:me/r@v1"),
        ] {
            let target: Target = text.parse().expect(text);
            assert_eq!(target.to_string(), shown);
            assert!(!format!("{target:?}").contains("secret"));
        }
    }

    #[test]
    fn a_path_is_the_same_in_every_folder() {
        let here = std::env::current_dir().expect("is somewhere");
        for (url, location) in [
            ("r.git", &*here.join("r.git").display().to_string()),
            ("https://host/r.git", "https://host/r.git"),
            ("git@host:me/r.git", "git@host:me/r.git"),
        ] {
            assert_eq!(GitTarget::parse(url).expect(url).location(), location);
        }
    }

    #[test]
    fn what_is_none_is_told_without_its_secrets() {
        for text in [
            "ftp://me:secret@x",
            "list:x.jsonl",
            "simple+https://me:secret@x/simple/",
            "gh-release:me/r",
            "git+--upload-pack=x",
            "git+ext::sh -c x",
            "git+https://me:secret@host/r#-x",
            "git+https://host/r#a..b",
            "git+https://host/r#",
            "git+https://host/r#HEAD",
            "git+https://host/r#refs/heads/main",
            "git+https://host/r#refs/pull/1/head",
            "git+ftp://me:secret@host/r",
            "git+",
            "s3://",
        ] {
            let error = text.parse::<Target>().expect_err(text).to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<Target>();
            let _ = format!("git+{text}").parse::<Target>();
        }
    }
}
