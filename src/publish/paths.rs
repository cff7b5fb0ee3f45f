//! Which paths of a folder are the site's.

use std::borrow::Cow;
use std::path::{Component, Path};

use crate::host::is_host_file;
use crate::index::Channel;
use crate::state::ROOT_FILE;

/// The folders of a site. All that lies in them is the site's.
pub(super) const FOLDERS: [&str; 8] =
    ["assets", "coverage", "files", "packages", "rejected", "search", "simple", "state"];

/// The files of a site that lie in none of its folders.
const FILES: [&str; 9] = [
    ".nojekyll",
    "404.html",
    "coverage.json",
    "feed.xml",
    "index.html",
    "rejected.json",
    "robots.txt",
    "search.json",
    ROOT_FILE,
];

/// Whether a path is one that a site has: whatever a state or a journal says, no other is touched.
pub(super) fn is_ours(path: &str) -> bool {
    let is_below = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let is_plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    is_below
        && is_plain
        && !path.contains(char::is_control)
        && match path.split_once('/') {
            Some((top, rest)) => FOLDERS.contains(&top) || is_index(top, rest),
            None => FILES.contains(&path) || is_host_file(path),
        }
}

/// The same of a key, which may be the second one of a page: that of its folder, with the slash.
pub(super) fn is_our_key(key: &str) -> bool {
    is_ours(&page_of(key))
}

/// The page that lies under a key.
pub(super) fn page_of(key: &str) -> Cow<'_, str> {
    if key.ends_with('/') { format!("{key}index.html").into() } else { key.into() }
}

/// Whether a path is one of an index that lies in a folder of its own: a channel, or `all`.
fn is_index(top: &str, rest: &str) -> bool {
    (top == ALL || top.parse::<Channel>().is_ok())
        && (rest.starts_with("simple/") || rest == "index.html")
}

/// The index of everything.
const ALL: &str = "all";

/// The folders of a site that is there: its own, and those of indexes.
pub(super) fn folders(root: &Path) -> std::io::Result<Vec<String>> {
    let mut folders: Vec<String> = FOLDERS.map(str::to_owned).to_vec();
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        if is_index(&name, "index.html") && entry.path().join("simple").is_dir() {
            folders.push(name);
        }
    }
    Ok(folders)
}

/// The project that a path belongs to.
pub fn owner(path: &str) -> Option<&str> {
    let (top, rest) = path.split_once('/')?;
    if is_index(top, rest) {
        return rest.strip_prefix("simple/")?.split_once('/').map(|(name, _)| name);
    }
    match top {
        "simple" | "packages" | "files" => rest.split_once('/').map(|(name, _)| name),
        "state" => rest.strip_suffix(".json"),
        _ => None,
    }
}

/// The place of a path among the deletions: a page goes before what it links to.
pub fn removal_rank(path: &str) -> u8 {
    match path.split_once('/').map_or(path, |(top, _)| top) {
        "simple" | "packages" => 0,
        top if path.split_once('/').is_some_and(|(_, rest)| is_index(top, rest)) => 0,
        "assets" => 2,
        "files" => 3,
        "state" => 4,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_know_their_project() {
        for (path, name) in [
            ("simple/a/index.html", Some("a")),
            ("files/a/0123456789abcdef/a-1.tar.gz", Some("a")),
            ("packages/a/index.html", Some("a")),
            ("state/a.json", Some("a")),
            ("simple/index.html", None),
            ("index.html", None),
            ("cu128/simple/a/index.html", Some("a")),
            ("all/simple/a/index.v1_json", Some("a")),
            ("cu128/simple/index.html", None),
            ("cu128/index.html", None),
            ("coverage/index.html", None),
            ("coverage.json", None),
            ("assets/style.css", None),
            ("packages/index.html", None),
            ("search/fl.json", None),
            ("search.json", None),
            ("feed.xml", None),
            ("_worker.js", None),
            ("wheelsite.nginx.conf", None),
        ] {
            assert_eq!(owner(path), name, "{path}");
            assert!(is_ours(path), "{path}");
        }
    }

    #[test]
    fn no_channel_lies_in_a_folder_of_the_site() {
        for folder in FOLDERS.into_iter().chain([ALL]) {
            assert!(folder.parse::<Channel>().is_err(), "{folder}");
        }
    }

    #[test]
    fn nothing_else_is_touched() {
        for path in [
            "",
            "/",
            "CNAME",
            "../x",
            "simple/../../x",
            "/simple/x",
            "simple",
            "simple//x",
            "simple/./x",
            "mine/x",
            "nginx.conf",
            "simple/../_worker.js",
            "mine/simpler/x",
            "Mine/simple/x",
            "cu128/files/x",
            ".wheelsite-journal",
            "simple/a\0/index.html",
            "files/a\n",
        ] {
            assert!(!is_ours(path), "{path:?}");
            assert!(!is_our_key(path), "{path:?}");
        }
    }

    #[test]
    fn a_page_has_a_second_key() {
        for key in ["simple/a/", "cu128/simple/", "packages/a/", "simple/a/index.html"] {
            assert!(is_our_key(key), "{key}");
        }
        for key in ["", "/", "simple//", "a/../", "files"] {
            assert!(!is_our_key(key), "{key}");
        }
    }

    #[test]
    fn pages_go_before_what_they_link_to() {
        let mut paths = [
            "state/a.json",
            "files/a/x/a.whl",
            "assets/s.css",
            "index.html",
            "simple/a/index.html",
        ];
        paths.sort_by_key(|path| removal_rank(path));
        assert_eq!(
            paths,
            [
                "simple/a/index.html",
                "index.html",
                "assets/s.css",
                "files/a/x/a.whl",
                "state/a.json"
            ]
        );
    }
}
