//! Which repository on GitHub a folder belongs to.

use std::path::Path;
use std::process::{Command, Stdio};

use url::Url;

use crate::source::Repository;

/// The repository on GitHub that the git remote of a folder leads to: `origin`, else the first.
///
/// None where the folder is not the root of a repository, or its remote leads elsewhere, or `git` is missing.
pub fn repository_in(folder: &Path) -> Option<Repository> {
    let folder = folder.canonicalize().ok()?;
    let origin = git(&folder, &["remote", "get-url", "origin"]).or_else(|| {
        let remotes = git(&folder, &["remote"])?;
        let first = remotes.lines().next()?;
        git(&folder, &["remote", "get-url", "--", first])
    })?;
    repository_of(origin.trim())
}

/// What `git` prints for a folder, if it has something to say.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
    // GitHub reads workflows at the root alone: a repository around the folder is another one.
    if let Some(parent) = folder.parent() {
        command.env("GIT_CEILING_DIRECTORIES", parent);
    }
    for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR"] {
        command.env_remove(variable);
    }
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// The repository that a URL of git leads to, if it is one on GitHub.
///
/// As `git help urls` has them: `https://github.com/OWNER/REPO.git`, `ssh://git@github.com/OWNER/REPO.git`,
/// `git@github.com:OWNER/REPO.git`, and `ssh.github.com`, which GitHub has for port 443.
pub fn repository_of(url: &str) -> Option<Repository> {
    let (host, path) = if url.contains("://") {
        let url = Url::parse(url).ok()?;
        let speaks_git = matches!(url.scheme(), "https" | "http" | "ssh" | "git" | "git+ssh");
        if !speaks_git {
            return None;
        }
        (url.host_str()?.to_owned(), url.path().to_owned())
    } else {
        let (host, path) = url.split_once(':')?;
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        (host.to_owned(), path.to_owned())
    };
    if !["github.com", "www.github.com", "ssh.github.com"]
        .iter()
        .any(|known| host.eq_ignore_ascii_case(known))
    {
        return None;
    }
    let path = path.trim_matches('/');
    path.strip_suffix(".git").unwrap_or(path).parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_way_to_write_it() {
        for url in [
            "https://github.com/octo/wheels.git",
            "https://github.com/octo/wheels",
            "https://github.com/octo/wheels/",
            "https://user:t0ken@github.com/octo/wheels.git",
            "https://GitHub.com:443/octo/wheels",
            "ssh://git@github.com/octo/wheels.git",
            "ssh://git@ssh.github.com:443/octo/wheels.git",
            "git@github.com:octo/wheels.git",
            "github.com:octo/wheels",
            "git@github.com:/octo/wheels.git",
            "git://github.com/octo/wheels.git",
        ] {
            let repository = repository_of(url).map(|it| it.to_string());
            assert_eq!(repository.as_deref(), Some("octo/wheels"), "{url}");
        }
    }

    #[test]
    fn what_leads_elsewhere_is_none() {
        for url in [
            "",
            "wheels",
            "../wheels.git",
            "/srv/git/octo/wheels.git",
            "file:///srv/github.com/octo/wheels.git",
            "https://example.com/octo/wheels.git",
            "https://github.com.example.com/octo/wheels.git",
            "git@example.com:github.com/wheels.git",
            "https://github.com/octo",
            "https://github.com/octo/wheels/tree/main",
            "https://github.com/octo/..",
            "C:\\wheels",
        ] {
            assert_eq!(repository_of(url), None, "{url}");
        }
    }

    proptest! {
        #[test]
        fn any_name_is_found_in_any_form(owner in "[A-Za-z0-9-]{1,39}", name in "[A-Za-z0-9_-]{1,40}") {
            for url in [
                format!("https://github.com/{owner}/{name}.git"),
                format!("git@github.com:{owner}/{name}.git"),
                format!("ssh://git@github.com/{owner}/{name}"),
            ] {
                let found = repository_of(&url).map(|it| it.to_string());
                prop_assert_eq!(found, Some(format!("{owner}/{name}")));
            }
        }

        #[test]
        fn nothing_panics(url in ".{0,200}") {
            let _ = repository_of(&url);
        }
    }
}
