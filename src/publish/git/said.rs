//! What `git` says when it fails, as people are told of it.

use crate::wheel::sanitized;

/// No more characters of it are shown.
const MOST: usize = 300;

/// What to do, by words of which one is said. The first that fits counts.
const HINTS: [(&[&str], &str); 5] = [
    (
        &["hash algorithm", "mismatched algorithms"],
        "the repository names its objects by SHA-256, expected SHA-1, as hosts of pages have it \
            (`git init --object-format=sha1`)",
    ),
    (
        &["gh001"],
        "a file is larger than the host takes on a branch: publish to a bucket, or build with \
            `--files link`",
    ),
    (
        &[
            "non-fast-forward",
            "protected branch",
            "force push",
            "force-push",
            "gh006",
            "gh013",
            "rule violations",
            "hook declined",
        ],
        "the rules of the repository are against it: each publication replaces the branch's \
            commit, so that the branch must allow force pushes",
    ),
    (
        &["denied", "authentication", "could not read username", "403", "401"],
        "git signs in by its own means (a credential helper, an SSH key, `http.extraHeader`): \
            check that, and that it may push",
    ),
    (
        &["not found", "does not appear to be"],
        "check the URL: publishing makes a branch, and no repository",
    ),
];

/// What to do after `git` has said that.
pub(super) fn hint(said: &str) -> &'static str {
    let said = said.to_ascii_lowercase();
    let fits = |signs: &[&str]| signs.iter().any(|sign| said.contains(sign));
    let hint = HINTS.iter().find(|(signs, _)| fits(signs));
    hint.map_or("the branch is as it was; run again", |(_, hint)| hint)
}

/// The same in one line, without secrets.
pub(super) fn told(said: &str) -> String {
    let said = hide_users(said);
    let lines = said.lines().filter(|line| !line.trim().is_empty());
    let lines: Vec<&str> = lines.map(|line| line.trim_start_matches("fatal: ").trim()).collect();
    sanitized(&lines.join("; ").chars().take(MOST).collect::<String>())
}

/// Takes out of a text what stands between `//` and `@`.
fn hide_users(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let end = after.find(['/', ' ', '\'', '\n']).unwrap_or(after.len());
        let host = after[..end].rsplit('@').next().unwrap_or_default();
        shown.push_str(host);
        rest = &after[end..];
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_git_says_is_told_without_secrets() {
        let said = "fatal: unable to access 'https://me:secret@host/r.git/': 403";
        assert_eq!(hide_users(said), "fatal: unable to access 'https://host/r.git/': 403");
        assert_eq!(hide_users("a://b@c"), "a://c");
        assert_eq!(hide_users("nothing"), "nothing");
    }

    #[test]
    fn what_a_server_refuses_for_good_is_not_to_be_run_again() {
        for (said, text) in [
            ("remote: error: GH006: Protected branch update failed for x.", "force pushes"),
            ("remote: GitLab: You are not allowed to force push code to a", "force pushes"),
            ("remote: error: denying non-fast-forward refs/heads/x", "force pushes"),
            ("remote: error: GH001: Large files detected. (pre-receive hook declined)", "bucket"),
            ("fatal: mismatched algorithms: client sha1; server sha256", "expected SHA-1"),
            ("fatal: Authentication failed for 'https://host/r/'", "signs in"),
            ("fatal: 'r.git' does not appear to be a git repository", "check the URL"),
            ("fatal: the remote end hung up unexpectedly", "run again"),
        ] {
            assert!(hint(said).contains(text), "{said}: {}", hint(said));
        }
    }

    proptest! {
        #[test]
        fn is_one_line_of_bounded_length(said in "(?s).*") {
            let told = told(&said);
            prop_assert!(told.lines().count() <= 1);
            prop_assert!(!hint(&said).is_empty());
        }
    }
}
