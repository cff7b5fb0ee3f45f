//! Which rows of a plan are wanted.

use std::str::FromStr;

use globset::{Glob, GlobMatcher};
use wheelsite::config::nearest_of;
use wheelsite::wheel::ProjectName;

use crate::error::{Error, Result};
use crate::packages::PackagesConfig;
use crate::packages::values::CudaSpec;
use crate::python::Python;
use crate::row::Cuda;

/// Which rows are wanted. Nothing named: all.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Of these packages.
    pub packages: Vec<ProjectName>,
    /// For these Pythons.
    pub python: Vec<Python>,
    /// For these toolkits.
    pub cuda: Vec<CudaSpec>,
    /// Rows whose identifier agrees with one of these.
    pub build: Vec<RowGlob>,
    /// Rows whose identifier agrees with none of these.
    pub skip: Vec<RowGlob>,
}

/// A pattern over identifiers: `flash-attn-*-cp312-*`.
#[derive(Debug, Clone)]
pub struct RowGlob(GlobMatcher);

impl RowGlob {
    /// Whether an identifier agrees.
    pub fn matches(&self, id: &str) -> bool {
        self.0.is_match(id)
    }
}

impl FromStr for RowGlob {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let glob = Glob::new(text).map_err(|error| format!("`{text}`: {}", error.kind()))?;
        Ok(Self(glob.compile_matcher()))
    }
}

impl Selection {
    /// Whether a row is wanted that has this identifier.
    pub(super) fn wants(&self, id: &str, python: Python, cuda: Cuda) -> bool {
        (self.build.is_empty() || self.build.iter().any(|glob| glob.matches(id)))
            && !self.skip.iter().any(|glob| glob.matches(id))
            && (self.python.is_empty() || self.python.contains(&python))
            && (self.cuda.is_empty() || self.cuda.iter().any(|spec| spec.matches(cuda)))
    }

    /// Errors for a package that the list does not have.
    pub(super) fn check(&self, config: &PackagesConfig) -> Result<()> {
        let names: Vec<String> = config.packages.keys().map(|name| name.0.0.to_string()).collect();
        for package in &self.packages {
            let package = package.to_string();
            if !names.contains(&package) {
                let nearest = nearest_of(&package, names.iter().map(String::as_str));
                return Err(Error::config(
                    format!("the package list has no `{package}`"),
                    match nearest {
                        Some(name) => format!("did you mean `{name}`?"),
                        None => "add it below `packages:`".to_owned(),
                    },
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{ids, plan_of};

    #[test]
    fn rows_are_chosen() {
        let list = "packages:\n  a: {versions: [\"1\"], python: [\"3.12\", \"3.13\"]}\n  \
                    b: {versions: [\"1\"], python: [\"3.12\"], cuda: [\"12.6\", \"12.9\"]}\n";
        let chosen = |selection: &Selection| {
            let plan = plan_of(list, selection).expect("plans");
            ids(&plan).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let glob = |text: &str| vec![text.parse::<RowGlob>().expect("is one")];
        assert_eq!(
            chosen(&Selection {
                build: glob("*cp312*"),
                skip: glob("b-*126*"),
                ..Selection::default()
            }),
            ["a-1-cp312-cu129-x86_64", "b-1-cp312-cu129-x86_64"]
        );
        assert_eq!(
            chosen(&Selection {
                packages: vec!["b".parse().expect("is one")],
                cuda: vec!["12.6".parse().expect("is one")],
                ..Selection::default()
            }),
            ["b-1-cp312-cu126-x86_64"]
        );
        assert_eq!(
            chosen(&Selection {
                python: vec!["3.13".parse().expect("is one")],
                ..Selection::default()
            }),
            ["a-1-cp313-cu129-x86_64"]
        );
        let unknown =
            Selection { packages: vec!["aa".parse().expect("is one")], ..Selection::default() };
        let error = plan_of(list, &unknown).expect_err("is refused");
        assert_eq!(error.hint().as_deref(), Some("did you mean `a`?"));
    }
}
