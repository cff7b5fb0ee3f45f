//! What the actions of a workflow do, as far as it takes no GitHub.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value};

use crate::support::Run;
use crate::support::workshop::files;

/// What GitHub keeps between jobs and runs: the repository, artifacts, caches, the site.
pub(super) struct Kept {
    /// Below it lie `repository`, `artifacts`, `caches`, `live`.
    pub(super) folder: PathBuf,
}

/// Copies what lies in a folder into another.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("makes a folder");
    let mut cp = Command::new("cp");
    Run::of(cp.arg("-a").arg(from.join(".")).arg(to)).works();
}

impl Kept {
    fn place(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Does what an action does in a workspace; gives its outputs, or none where it fails.
    pub(super) fn act(
        &self,
        action: &str,
        with: &Map<String, Value>,
        workspace: &Path,
    ) -> Option<Map<String, Value>> {
        let given = |name: &str| with.get(name).and_then(Value::as_str).unwrap_or_default();
        let path = workspace.join(given("path"));
        match action {
            "actions/checkout" => copy(&self.place("repository"), workspace),
            "actions/cache/restore" => {
                if let Some(cache) = self.cache(given("key"), given("restore-keys")) {
                    copy(&cache, &path);
                }
            }
            // A cache never changes, and what is not there is not kept.
            "actions/cache/save" => {
                let cache = self.place("caches").join(given("key"));
                if path.exists() && !cache.exists() {
                    copy(&path, &cache);
                }
            }
            "actions/upload-artifact" => {
                if files(&path).is_empty() {
                    return (given("if-no-files-found") != "error").then(Map::new);
                }
                copy(&path, &self.place("artifacts").join(given("name")));
            }
            "actions/download-artifact" => {
                assert!(!with.contains_key("merge-multiple"), "files of one name would be mixed");
                let start = given("pattern").strip_suffix('*').expect("is a prefix");
                for name in names(&self.place("artifacts")) {
                    if name.starts_with(start) {
                        copy(&self.place("artifacts").join(&name), &path.join(&name));
                    }
                }
            }
            "actions/upload-pages-artifact" => {
                let mut tar = Command::new("tar");
                tar.args(["--dereference", "--hard-dereference", "--exclude=.[^/]*", "-cf"])
                    .arg(self.place("artifact.tar"))
                    .arg("--directory")
                    .arg(&path)
                    .arg(".");
                Run::of(&mut tar).works();
            }
            "actions/deploy-pages" => self.deploy(),
            _ => panic!("`{action}` is an action that no workflow has used yet"),
        }
        Some(Map::new())
    }

    /// The cache of this key, else the last one whose key begins with one of the others, tried in order.
    fn cache(&self, key: &str, begins: &str) -> Option<PathBuf> {
        let caches = self.place("caches");
        let known = names(&caches);
        let exact = known.iter().find(|name| *name == key);
        let mut begins = begins.lines().map(str::trim).filter(|it| !it.is_empty());
        let begun = |begin: &str| known.iter().rfind(|name| name.starts_with(begin));
        let found = exact.or_else(|| begins.find_map(begun))?;
        Some(caches.join(found))
    }

    /// Pages takes files and folders that everybody may read, and nothing else; all at once.
    fn deploy(&self) {
        let artifact = self.place("artifact.tar");
        let listed = Run::of(Command::new("tar").arg("-tvf").arg(&artifact)).works().stdout;
        assert!(listed.lines().count() > 5, "{listed}");
        for line in listed.lines() {
            let readable = match line.as_bytes() {
                [b'-', mode @ ..] => mode.starts_with(b"rw-r--r--"),
                [b'd', mode @ ..] => mode.starts_with(b"rwxr-xr-x"),
                _ => false,
            };
            assert!(readable, "{line}");
        }
        let live = self.place("live");
        for name in names(&live) {
            let path = live.join(name);
            let gone = if path.is_dir() {
                std::fs::remove_dir_all(path)
            } else {
                std::fs::remove_file(path)
            };
            gone.expect("is removed");
        }
        Run::of(Command::new("tar").arg("-xf").arg(&artifact).arg("--directory").arg(&live))
            .works();
    }
}

/// The names in a folder, in order; none where there is no folder.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let names = entries.map(|entry| entry.expect("lists").file_name().into_string());
    let mut names: Vec<String> = names.map(|name| name.expect("is UTF-8")).collect();
    names.sort();
    names
}
