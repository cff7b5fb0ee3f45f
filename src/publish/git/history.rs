//! Whether the commits below the tip of a branch may go.

use super::objects::{EMAIL, Git, NAME, REMOTE, Tip};
use crate::error::Result;

/// So many commits on top of one of wheelsite's are looked through. They are what was done by
/// hand since the last publication: a `CNAME`, mostly.
const MOST_ON_TOP: usize = 20;

impl Git<'_> {
    /// Whether all that lies below the tip began with a publication: what others have committed
    /// on top of that lives on in the tree of the tip, and nothing older is there.
    ///
    /// Only commits are fetched, where the server allows that.
    pub(super) fn is_begun_by_us(&self, tip: &Tip) -> Result<bool> {
        let Some(commit) = tip.commit.as_deref().filter(|_| tip.has_parents) else {
            return Ok(true);
        };
        let deep = self.fetch(&format!("--depth={}", MOST_ON_TOP + 1), "--filter=tree:0")?;
        if deep != commit {
            // The branch has moved: its lease does not hold any more, and the push says so.
            return Ok(true);
        }
        // Where the history was cut off, a commit ends it as if it had no parents; its text
        // names them all the same.
        let roots = self.run("read", &["rev-list", "--max-parents=0", commit])?;
        let mut roots = roots.lines();
        let is_ours = match (roots.next(), roots.next()) {
            (Some(root), None) => self.is_ours(root)?,
            _ => false,
        };
        // As shallow as it was: of a branch that is not, a push would send everything again.
        self.fetch("--depth=1", "--filter=blob:none")?;
        Ok(is_ours)
    }

    /// Whether a publication has made a commit.
    fn is_ours(&self, commit: &str) -> Result<bool> {
        let text = self.bytes("read", &["cat-file", "commit", commit])?;
        Ok(is_publication(&text))
    }

    /// Fetches the branch; gives the commit that it is at.
    pub(super) fn fetch(&self, depth: &str, filter: &str) -> Result<String> {
        let reference = self.target.reference();
        let fetch = ["fetch", "--quiet", depth, "--no-tags", filter, REMOTE, &reference];
        self.run("fetch", &fetch)?;
        let commit = self.run("read", &["rev-parse", "--verify", "FETCH_HEAD^{commit}"])?;
        Ok(commit.trim().to_owned())
    }
}

/// The lines of a commit's text that stand before its message.
fn head(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty())
}

/// Whether the text of a commit names parents.
pub(super) fn has_parents(text: &[u8]) -> bool {
    head(text).any(|line| line.starts_with(b"parent "))
}

/// Whether it is that of a commit which a publication has made.
fn is_publication(text: &[u8]) -> bool {
    let is_by_us = |who: &str| {
        let by_us = format!("{who} {NAME} <{EMAIL}> ");
        head(text).any(|line| line.starts_with(by_us.as_bytes()))
    };
    !has_parents(text) && is_by_us("author") && is_by_us("committer")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OURS: &str = "tree 0\nauthor wheelsite <wheelsite@localhost> 86400 +0000\n\
        committer wheelsite <wheelsite@localhost> 86400 +0000\n\nPublish the package index\n";

    #[test]
    fn only_a_commit_of_ours_without_parents_is_a_publication() {
        assert!(is_publication(OURS.as_bytes()));
        for other in [
            OURS.replace("tree 0\n", "tree 0\nparent 1\n"),
            OURS.replace("author wheelsite <", "author somebody <"),
            OURS.replace("committer wheelsite <", "committer somebody <"),
            OURS.replace("tree 0\n", "tree 0\n\n"),
            String::new(),
        ] {
            assert!(!is_publication(other.as_bytes()), "{other}");
        }
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            let _ = is_publication(&bytes);
        }
    }
}
