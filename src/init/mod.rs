//! A new repository for an index: configuration, package list, workflow, README.
//!
//! Nothing is asked: the repository on GitHub is that of the folder's git remote, and
//! everything else follows from it. Nothing that is there is ever overwritten.

mod remote;

use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::source::Repository;

pub use remote::{repository_in, repository_of};

/// The files, by path in the repository.
static FILES: [(&str, &str); 5] = [
    ("config/site.yml", include_str!("files/site.yml")),
    ("config/packages.yml", include_str!("files/packages.yml")),
    // What this project's own wheels are built by.
    (
        ".github/workflows/build-wheels.yml",
        include_str!("../../.github/workflows/build-wheels.yml"),
    ),
    ("README.md", include_str!("files/README.md")),
    (".gitignore", include_str!("files/gitignore")),
];

/// What became of each file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Initialized {
    /// Those that were written.
    pub written: Vec<&'static str>,
    /// Those that were there, and were left as they are.
    pub left: Vec<&'static str>,
    /// Where the index will be served, if the repository is known.
    pub site_url: Option<String>,
}

/// Makes a folder a repository for an index; `repository` is the one that it has on GitHub, if known.
pub fn initialize(folder: &Path, repository: Option<&Repository>) -> Result<Initialized> {
    let mut done = Initialized { site_url: repository.map(site_url), ..Initialized::default() };
    let texts = Texts::of(folder, repository, done.site_url.as_deref());
    for (path, template) in FILES {
        if write_new(&folder.join(path), &texts.fill(template))? {
            done.written.push(path);
        } else {
            done.left.push(path);
        }
    }
    Ok(done)
}

/// Where GitHub Pages serves the site of a repository.
///
/// `https://OWNER.github.io/REPO/`, and without the path for the repository `OWNER.github.io`
/// (docs.github.com, What is GitHub Pages).
fn site_url(Repository { owner, name }: &Repository) -> String {
    let host = format!("{}.github.io", owner.to_lowercase());
    if name.eq_ignore_ascii_case(&host) {
        format!("https://{host}/")
    } else {
        format!("https://{host}/{name}/")
    }
}

/// What stands for the names in the files.
struct Texts {
    /// By name, as `@NAME@` stands for it.
    values: [(&'static str, String); 5],
}

impl Texts {
    fn of(folder: &Path, repository: Option<&Repository>, url: Option<&str>) -> Self {
        let title = repository.map_or_else(|| folder_name(folder), |it| it.name.clone());
        let named = repository.map_or_else(|| "OWNER/REPO".to_owned(), ToString::to_string);
        let source = match repository {
            Some(repository) => format!("gh-release:{repository}"),
            None => "wheels".to_owned(),
        };
        let key = match url {
            Some(url) => format!("site_url: {url}"),
            None => "# site_url: https://OWNER.github.io/REPO/".to_owned(),
        };
        let url = url.unwrap_or("https://OWNER.github.io/REPO/").to_owned();
        Self {
            values: [
                ("@TITLE@", title),
                ("@REPOSITORY@", named),
                ("@SOURCE@", source),
                ("@SITE_URL@", key),
                ("@URL@", url),
            ],
        }
    }

    /// A name that is no file's business stays as it is, `${{ ... }}` of the workflow too.
    fn fill(&self, template: &str) -> String {
        let mut text = template.to_owned();
        for (name, value) in &self.values {
            text = text.replace(name, value);
        }
        text
    }
}

/// What the folder is called, as a title: letters, digits and what goes between them.
fn folder_name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = whole.file_name().map(|name| name.to_string_lossy().into_owned());
    // It becomes YAML and Markdown: nothing in it may mean something there.
    let plain = |it: char| it.is_alphanumeric() || matches!(it, '-' | '_' | '.' | ' ');
    match name {
        Some(name)
            if name.chars().all(plain) && name.starts_with(|it: char| it.is_alphabetic()) =>
        {
            name
        }
        _ => "Python packages".to_owned(),
    }
}

/// Writes a file where none is; says whether it did.
fn write_new(path: &Path, text: &str) -> Result<bool> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(Error::output("create", parent))?;
    }
    // A link that leads nowhere is there too.
    match std::fs::File::create_new(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes()).map_err(Error::output("write", path))?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Error::output("write", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_the_address_that_github_gives_them() {
        for (repository, url) in [
            ("octo/wheels", "https://octo.github.io/wheels/"),
            ("Octo-Org/CUDA.wheels", "https://octo-org.github.io/CUDA.wheels/"),
            ("Octo/octo.github.io", "https://octo.github.io/"),
        ] {
            assert_eq!(site_url(&repository.parse().expect("is one")), url);
        }
    }

    #[test]
    fn a_title_means_nothing_in_yaml_or_markdown() {
        for (folder, title) in [
            ("wheels of ours", "wheels of ours"),
            ("räder", "räder"),
            ("a: b", "Python packages"),
            ("x\n- y", "Python packages"),
            ("# x", "Python packages"),
            ("1e3", "Python packages"),
        ] {
            assert_eq!(folder_name(&Path::new("/nowhere").join(folder)), title);
        }
    }

    #[test]
    fn every_name_in_the_files_is_filled_in() {
        let repository: Repository = "octo/wheels".parse().expect("is one");
        for known in [Some(&repository), None] {
            let url = known.map(site_url);
            let texts = Texts::of(Path::new("/nowhere/x"), known, url.as_deref());
            for (path, template) in FILES {
                let text = texts.fill(template);
                let left = text.match_indices('@').filter(|(at, _)| {
                    text[at + 1..].starts_with(|it: char| it.is_ascii_uppercase())
                });
                assert_eq!(left.count(), 0, "{path}: {text}");
            }
        }
    }
}
