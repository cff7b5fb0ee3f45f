//! The matrix: which wheels there are to build, and which cannot be.

mod expansion;
pub mod github;
pub mod kubernetes;
pub(crate) mod missing;
mod selection;
pub mod table;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use wheelsite::config::nearest_of;

use crate::compatibility::Compatibility;
use crate::error::{Error, Result};
use crate::packages::{Axes, PackagesConfig};
use crate::row::Row;
use expansion::{Expansion, check_partials, fitting_torch, row_of};

pub use missing::Offered;
pub use selection::{RowGlob, Selection};

/// What is built, and what is not.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Plan {
    /// In the order of packages, then versions as written, Pythons, toolkits, torch, platforms.
    pub rows: Vec<Row>,
    /// Rows that the package list asks for, and that cannot be built.
    pub impossible: Vec<Impossible>,
    /// What is strange, and built all the same.
    pub notes: Vec<String>,
}

/// A row that cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Impossible {
    /// The name that the row would have.
    pub id: String,
    /// Why it cannot be built, and what could.
    pub reason: String,
}

impl Plan {
    /// The rows of a package list that are wanted, each with its recipe.
    pub fn of(
        config: &PackagesConfig,
        data: &Compatibility,
        selection: &Selection,
    ) -> Result<Self> {
        selection.check(config)?;
        let mut plan = Self::default();
        let mut doubts = BTreeSet::new();
        for (name, package) in &config.packages {
            let name = &name.0.0;
            if !selection.packages.is_empty() && !selection.packages.contains(name) {
                continue;
            }
            for (version, own) in &package.versions.0 {
                let options = config.options(Some(package), Some(own));
                let expansion = Expansion { name, version, options: &options, data };
                expansion.expand(&mut plan, &mut doubts, selection)?;
            }
            check_partials(name, package)?;
        }
        plan.notes.splice(0..0, doubts);
        plan.check_filenames()?;
        Ok(plan)
    }

    /// A row that is named by its parts: of the package list, or outside of it.
    pub fn outside(config: &PackagesConfig, data: &Compatibility, axes: Axes<'_>) -> Result<Row> {
        let package = config.packages.iter().find(|(name, _)| name.0.0 == *axes.package);
        let package = package.map(|(_, package)| package);
        let own = package.and_then(|package| {
            package.versions.0.iter().find(|(version, _)| version == axes.version)
        });
        let options = config.options(package, own.map(|(_, options)| options));
        let mut axes = axes;
        let listed = options.lists_torch() || axes.torch.is_some();
        axes.torch = fitting_torch(&options, data, axes)
            .map_err(|reason| Error::config(reason, "see `wheelsite-builder plan`"))?;
        let recipe = options.recipe(axes, data).map_err(|reason| {
            Error::config(
                format!("package `{}` {}: {reason}", axes.package, axes.version),
                "see docs/builder.md",
            )
        })?;
        Ok(row_of(axes, listed, recipe))
    }

    /// The rows with these identifiers, in their order.
    pub fn named(&self, ids: &[String]) -> Result<Vec<Row>> {
        ids.iter()
            .map(|id| {
                if let Some(row) = self.rows.iter().find(|row| row.id == *id) {
                    return Ok(row.clone());
                }
                if let Some(row) = self.impossible.iter().find(|row| row.id == *id) {
                    return Err(Error::config(
                        format!("row `{id}` cannot be built: {}", row.reason),
                        "change the package list",
                    ));
                }
                let nearest = nearest_of(id, self.rows.iter().map(|row| row.id.as_str()));
                Err(Error::config(
                    format!("the plan has no row `{id}`"),
                    match nearest {
                        Some(near) => {
                            format!("did you mean `{near}`? `wheelsite-builder plan` lists all")
                        }
                        None => "the package list has no rows".to_owned(),
                    },
                ))
            })
            .collect()
    }

    /// Two rows must not make the same file.
    fn check_filenames(&self) -> Result<()> {
        let mut seen = BTreeMap::new();
        for row in &self.rows {
            let file = (
                &row.package,
                &row.version,
                row.python,
                row.platform,
                row.recipe.local_version.as_str(),
            );
            if let Some(other) = seen.insert(file, &row.id) {
                return Err(Error::config(
                    format!(
                        "rows `{other}` and `{}` would make a wheel of the same name: both have the \
                         local version `{}`",
                        row.id, row.recipe.local_version
                    ),
                    "tell them apart by `local_version`, as `{cuda_tag}torch{torch}`",
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn plan(yaml: &str) -> Result<Plan> {
        plan_of(yaml, &Selection::default())
    }

    pub(crate) fn plan_of(yaml: &str, selection: &Selection) -> Result<Plan> {
        let config = PackagesConfig::parse(yaml, "packages.yml")?;
        Plan::of(&config, &Compatibility::embedded()?, selection)
    }

    pub(crate) fn ids(plan: &Plan) -> Vec<&str> {
        plan.rows.iter().map(|row| row.id.as_str()).collect()
    }

    const FLASH: &str = "packages:\n  flash-attn:\n    versions: [\"2.8.3\"]\n    \
                         build_args: \"--no-build-isolation\"\n    \
                         extra_deps: [\"torch\", \"ninja\", \"psutil\"]\n    \
                         test_import: \"flash_attn\"\n    description: \"Fast attention\"\n";

    #[test]
    fn the_smallest_list_is_a_plan() {
        let plan = plan(FLASH).expect("plans");
        assert_eq!(
            ids(&plan),
            [
                "flash-attn-2.8.3-cp311-cu129-x86_64",
                "flash-attn-2.8.3-cp312-cu129-x86_64",
                "flash-attn-2.8.3-cp313-cu129-x86_64",
            ]
        );
        let impossible: Vec<_> = plan.impossible.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(
            impossible,
            ["flash-attn-2.8.3-cp314-cu129-x86_64", "flash-attn-2.8.3-cp315-cu129-x86_64"]
        );
        assert!(
            plan.impossible[0]
                .reason
                .starts_with("no torch for CUDA 12.9 has a build for Python 3.14")
        );
        assert_eq!(plan.rows[0].recipe.extra_deps, ["torch==2.8.*", "ninja", "psutil"]);
    }

    #[test]
    fn two_rows_never_make_the_same_file() {
        let same = "packages:\n  a:\n    versions: [\"1\"]\n    python: \"3.12\"\n    \
                    cuda: [\"12.6\", \"12.9\"]\n    local_version: cuda\n";
        let error = plan(same).expect_err("is refused");
        assert!(error.to_string().contains("would make a wheel of the same name"), "{error}");
        let patches = "packages:\n  a: {versions: [\"1\"], python: \"3.12\", cuda: [\"12.9.0\", \"12.9.1\"]}\n";
        let error = plan(patches).expect_err("is refused");
        assert!(error.to_string().contains("is there twice"), "{error}");
    }

    #[test]
    fn identifiers_are_unique_and_rows_are_found_by_them() {
        let plan = plan(FLASH).expect("plans");
        let unique: BTreeSet<_> = ids(&plan).into_iter().collect();
        assert_eq!(unique.len(), plan.rows.len());
        let id = "flash-attn-2.8.3-cp312-cu129-x86_64".to_owned();
        assert_eq!(plan.named(std::slice::from_ref(&id)).expect("is there")[0].id, id);
        let error = plan.named(&["flash-attn-2.8.3-cp314-cu129-x86_64".to_owned()]);
        assert!(error.expect_err("is impossible").to_string().contains("cannot be built"));
        let error = plan.named(&["flash-attn-2.8.3-cp311-cu128-x86_64".to_owned()]);
        assert!(error.expect_err("is unknown").hint().expect("has one").contains("did you mean"));
    }
}
