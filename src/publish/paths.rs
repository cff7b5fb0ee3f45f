//! Which paths of a folder are the site's.

use std::path::{Component, Path};

use crate::state::ROOT_FILE;

/// The folders of a site. All that lies in them is the site's.
pub(super) const FOLDERS: [&str; 6] =
    ["assets", "files", "packages", "rejected", "simple", "state"];

/// The files of a site that lie in none of its folders.
const FILES: [&str; 6] =
    [".nojekyll", "404.html", "index.html", "rejected.json", "robots.txt", ROOT_FILE];

/// Whether a path is one that a site has: whatever a state or a journal says, no other is touched.
pub(super) fn is_ours(path: &str) -> bool {
    let is_below = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let is_plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    is_below
        && is_plain
        && match path.split_once('/') {
            Some((top, _)) => FOLDERS.contains(&top),
            None => FILES.contains(&path),
        }
}

/// The project that a path belongs to.
pub fn owner(path: &str) -> Option<&str> {
    let (top, rest) = path.split_once('/')?;
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
            ("assets/style.css", None),
        ] {
            assert_eq!(owner(path), name, "{path}");
            assert!(is_ours(path), "{path}");
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
            ".wheelsite-journal",
        ] {
            assert!(!is_ours(path), "{path:?}");
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
