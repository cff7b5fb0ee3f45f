//! From one version of a package to its rows, and to what cannot be built.

use std::collections::BTreeSet;

use pep440_rs::Version;
use wheelsite::wheel::ProjectName;

use super::{Impossible, Plan, Selection};
use crate::compatibility::Compatibility;
use crate::error::{Error, Result};
use crate::packages::values::{CudaSpec, Many};
use crate::packages::{Axes, Options, Package, Partial};
use crate::row::{Cuda, Platform, Recipe, Row, Torch};

/// The most rows of a plan: more are a mistake, and would be in memory.
const MOST: usize = 100_000;

/// The toolkit where nobody names one.
const CUDA: Cuda = Cuda { major: 12, minor: 9, patch: 1 };

/// One version of a package on its way to rows.
pub(super) struct Expansion<'a> {
    pub(super) name: &'a ProjectName,
    pub(super) version: &'a Version,
    pub(super) options: &'a Options,
    pub(super) data: &'a Compatibility,
}

impl Expansion<'_> {
    pub(super) fn expand(
        &self,
        plan: &mut Plan,
        doubts: &mut BTreeSet<String>,
        selection: &Selection,
    ) -> Result<()> {
        let options = self.options;
        let pythons = match &options.python {
            Some(Many(pythons)) => pythons.clone(),
            None => self.data.supported_pythons(),
        };
        let cuda = match &options.cuda {
            Some(Many(specs)) => specs.clone(),
            None => vec![CudaSpec::Whole(CUDA)],
        };
        let platforms = options.platforms.clone().map_or_else(|| vec![Platform::X86_64], |it| it.0);
        let torch: Vec<Option<Torch>> = match &options.torch {
            Some(Many(torch)) => torch.iter().copied().map(Some).collect(),
            None => vec![None],
        };
        let mut seen = BTreeSet::new();
        let mut places = Vec::new();
        for &python in &pythons {
            for &cuda in &cuda {
                for &torch in &torch {
                    for &platform in &platforms {
                        places.push((python, self.toolkit(cuda)?, torch, platform, false));
                    }
                }
            }
        }
        for partial in options.include.iter().filter(|partial| self.is_ours(partial)) {
            let pythons = partial.python.map_or_else(|| pythons.clone(), |it| vec![it.0]);
            let cuda = partial.cuda.map_or_else(|| cuda.clone(), |it| vec![it.0]);
            let torch = partial.torch.map_or_else(|| torch.clone(), |it| vec![Some(it.0)]);
            let platforms = partial.platform.map_or_else(|| platforms.clone(), |it| vec![it.0]);
            for &python in &pythons {
                for &cuda in &cuda {
                    for &torch in &torch {
                        for &platform in &platforms {
                            let place = (python, self.toolkit(cuda)?, torch, platform, true);
                            // What is there already is not there twice.
                            if !places.iter().any(|other| {
                                (other.0, other.1, other.2, other.3)
                                    == (place.0, place.1, place.2, place.3)
                            }) {
                                places.push(place);
                            }
                        }
                    }
                }
            }
        }
        for (python, cuda, torch, platform, included) in places {
            let axes =
                Axes { package: self.name, version: self.version, python, cuda, torch, platform };
            let excluded = options.exclude.iter().any(|partial| self.agrees(partial, axes));
            if excluded && !included {
                continue;
            }
            if plan.rows.len() + plan.impossible.len() >= MOST {
                return Err(Error::config(
                    format!("the plan has more than {MOST} rows"),
                    "list fewer versions, or split the package list",
                ));
            }
            self.place(axes, plan, doubts, selection, &mut seen)?;
        }
        Ok(())
    }

    /// One place of the matrix: a row, or the reason why there is none.
    fn place(
        &self,
        mut axes: Axes<'_>,
        plan: &mut Plan,
        doubts: &mut BTreeSet<String>,
        selection: &Selection,
        seen: &mut BTreeSet<String>,
    ) -> Result<()> {
        let options = self.options;
        let listed = options.lists_torch() || axes.torch.is_some();
        let fit = match fitting_torch(options, self.data, axes) {
            Ok(fit) => fit,
            Err(reason) => {
                let id = id_of(axes, listed);
                if selection.wants(&id, axes.python, axes.cuda) {
                    plan.impossible.push(Impossible { id, reason });
                }
                return Ok(());
            }
        };
        axes.torch = fit;
        let recipe = options.recipe(axes, self.data).map_err(|reason| {
            Error::config(
                format!("package `{}` {}: {reason}", self.name, self.version),
                "change the package list: docs/builder.md says what each key takes",
            )
        })?;
        let row = row_of(axes, listed, recipe);
        if !selection.wants(&row.id, row.python, row.cuda) {
            return Ok(());
        }
        if !seen.insert(row.id.clone()) {
            return Err(Error::config(
                format!(
                    "package `{}` {}: row `{}` is there twice",
                    self.name, self.version, row.id
                ),
                "list each Python, CUDA release and torch release once: a wheel's name holds no patch \
                 of CUDA's",
            ));
        }
        if options.image.is_none() {
            doubts.extend(self.data.doubt(axes.cuda));
        }
        if let Some(end) = self.data.ended(axes.python) {
            doubts.insert(format!("Python {} gets no more releases since {end}", axes.python));
        }
        plan.rows.push(row);
        Ok(())
    }

    fn toolkit(&self, spec: CudaSpec) -> Result<Cuda> {
        self.data.toolkit(spec).map_err(|reason| {
            let place = format!("package `{}` {}: {reason}", self.name, self.version);
            Error::config(place, "tags of nvidia/cuda have three numbers")
        })
    }

    /// Whether an added row is one of this version.
    fn is_ours(&self, partial: &Partial) -> bool {
        partial.version.as_ref().is_none_or(|version| version.0 == *self.version)
    }

    /// Whether a row agrees with all that a partial one says.
    fn agrees(&self, partial: &Partial, axes: Axes<'_>) -> bool {
        // The torch of a row that does not list it is the one that fits.
        let torch = || {
            let newest = || self.data.newest_torch(axes.cuda.release(), axes.python).ok();
            axes.torch.or_else(|| self.options.uses_torch().then(newest).flatten())
        };
        self.is_ours(partial)
            && partial.python.is_none_or(|python| python.0 == axes.python)
            && partial.cuda.is_none_or(|cuda| cuda.0.matches(axes.cuda))
            && partial.platform.is_none_or(|platform| platform.0 == axes.platform)
            && partial.torch.is_none_or(|wanted| torch() == Some(wanted.0))
    }
}

/// The torch that a row is built against: the one that it names, the newest that fits where the
/// build needs one, none elsewhere. Errors say why none fits.
pub(super) fn fitting_torch(
    options: &Options,
    data: &Compatibility,
    axes: Axes<'_>,
) -> Result<Option<Torch>, String> {
    let cuda = axes.cuda.release();
    match axes.torch {
        Some(torch) => data.torch(torch, cuda, axes.python).map(Some),
        None if options.uses_torch() => data.newest_torch(cuda, axes.python).map(Some),
        None => Ok(None),
    }
}

/// A version that an added or excluded row names must be there: else nothing comes of it, silently.
/// Those of `defaults` are for all packages, and need not fit each.
pub(super) fn check_partials(name: &ProjectName, package: &Package) -> Result<()> {
    for partial in package.include.iter().chain(&package.exclude) {
        if let Some(version) = &partial.version
            && !package.versions.0.iter().any(|(known, _)| *known == version.0)
        {
            return Err(Error::config(
                format!(
                    "package `{name}`: `include` or `exclude` names version `{}`, which is not there",
                    version.0
                ),
                "add it to `versions`, or mend the number",
            ));
        }
    }
    Ok(())
}

fn id_of(axes: Axes<'_>, listed: bool) -> String {
    let Axes { package, version, python, cuda, torch, platform } = axes;
    let mut id = format!("{package}-{version}-{}-{}-{platform}", python.tag(), cuda.tag());
    if let Some(torch) = torch.filter(|_| listed) {
        id.push_str(&format!("-torch{torch}"));
    }
    // An epoch's `!` has a meaning in shells, and in the names of containers.
    id.replace('!', "_")
}

pub(super) fn row_of(axes: Axes<'_>, listed: bool, recipe: Recipe) -> Row {
    Row {
        id: id_of(axes, listed),
        package: axes.package.clone(),
        version: axes.version.clone(),
        python: axes.python,
        cuda: axes.cuda,
        torch: axes.torch,
        platform: axes.platform,
        recipe,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::{ids, plan};

    #[test]
    fn torch_is_an_axis_where_it_is_listed() {
        let list = "packages:\n  a:\n    versions: [\"1\"]\n    python: \"3.12\"\n    \
                    cuda: [\"12.6\", \"13.4\"]\n    torch: [\"2.9\", \"2.14\"]\n";
        let plan = plan(list).expect("plans");
        assert_eq!(
            ids(&plan),
            [
                "a-1-cp312-cu126-x86_64-torch2.9",
                "a-1-cp312-cu126-x86_64-torch2.14",
                "a-1-cp312-cu134-x86_64-torch2.14",
            ]
        );
        assert_eq!(
            plan.impossible,
            [Impossible {
                id: "a-1-cp312-cu134-x86_64-torch2.9".to_owned(),
                reason: "CUDA 13.4 has no torch 2.9 build: use 13.0, or torch 2.14".to_owned(),
            }]
        );
    }

    #[test]
    fn rows_are_added_and_left_out() {
        let list = "packages:\n  a:\n    versions: {\"1\": , \"2\": {python: \"3.13\"}}\n    \
                    python: [\"3.11\", \"3.12\"]\n    platforms: [x86_64, aarch64]\n    \
                    include: [{version: \"1\", python: \"3.13t\", platform: x86_64}]\n    \
                    exclude: [{platform: aarch64, python: \"3.11\"}, {version: \"2\", platform: aarch64}]\n";
        assert_eq!(
            ids(&plan(list).expect("plans")),
            [
                "a-1-cp311-cu129-x86_64",
                "a-1-cp312-cu129-x86_64",
                "a-1-cp312-cu129-aarch64",
                "a-1-cp313t-cu129-x86_64",
                "a-2-cp313-cu129-x86_64",
            ]
        );
        let error =
            plan(&list.replace("{version: \"2\", ", "{version: \"3\", ")).expect_err("is refused");
        assert!(error.to_string().contains("names version `3`"), "{error}");
    }

    #[test]
    fn what_is_strange_is_said_once() {
        let list =
            "packages:\n  a: {versions: [\"1\", \"2\"], python: \"3.9\", cuda: \"12.9.7\"}\n";
        let plan = plan(list).expect("plans");
        assert_eq!(
            plan.notes,
            [
                "Python 3.9 gets no more releases since 2025-10",
                "no image of CUDA 12.9.7 is known; known are 12.9.0, 12.9.1",
            ]
        );
    }
}
