//! Which files of a source are taken.

use globset::{Glob, GlobMatcher};

/// Globs over names: what is included, and what of it is not.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    include: Vec<GlobMatcher>,
    exclude: Vec<GlobMatcher>,
}

impl Selection {
    /// A selection by globs; all names are included where none says which.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, globset::Error> {
        let compile = |globs: &[String]| -> Result<Vec<GlobMatcher>, globset::Error> {
            globs.iter().map(|glob| Ok(Glob::new(glob)?.compile_matcher())).collect()
        };
        Ok(Self { include: compile(include)?, exclude: compile(exclude)? })
    }

    /// Whether a name is taken.
    pub fn takes(&self, name: &str) -> bool {
        let any = |globs: &[GlobMatcher]| globs.iter().any(|glob| glob.is_match(name));
        (self.include.is_empty() || any(&self.include)) && !any(&self.exclude)
    }
}

/// Two are the same where their globs are.
impl PartialEq for Selection {
    fn eq(&self, other: &Self) -> bool {
        let same = |one: &[GlobMatcher], other: &[GlobMatcher]| {
            one.iter().map(GlobMatcher::glob).eq(other.iter().map(GlobMatcher::glob))
        };
        same(&self.include, &other.include) && same(&self.exclude, &other.exclude)
    }
}

impl Eq for Selection {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_excluded_is_never_taken() {
        let globs = |globs: &[&str]| globs.iter().map(ToString::to_string).collect::<Vec<_>>();
        let selection = Selection::new(&globs(&["a-*", "b-?-*"]), &globs(&["*-win_amd64.whl"]))
            .expect("parses");
        assert!(selection.takes("a-1-py3-none-any.whl"));
        assert!(selection.takes("b-1-py3-none-any.whl"));
        assert!(!selection.takes("b-10-py3-none-any.whl"));
        assert!(!selection.takes("a-1-py3-none-win_amd64.whl"));
        assert!(Selection::default().takes("anything"));
        assert!(Selection::new(&globs(&["[a"]), &[]).is_err());
    }
}
