//! The matrix: which wheels there are to build, and which cannot be.

pub mod github;
pub mod kubernetes;
pub(crate) mod missing;
pub mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use globset::{Glob, GlobMatcher};
use pep440_rs::Version;
use serde::Serialize;
use wheelsite::config::nearest_of;
use wheelsite::wheel::ProjectName;

use crate::compatibility::Compatibility;
use crate::error::{Error, Result};
use crate::packages::values::{CudaSpec, Many};
use crate::packages::{Axes, Options, Package, PackagesConfig, Partial};
use crate::python::Python;
use crate::row::{Cuda, Platform, Row, Torch};

pub use missing::Offered;

/// The most rows of a plan: more are a mistake, and would be in memory.
const MOST: usize = 100_000;

/// The toolkit where nobody names one.
const CUDA: Cuda = Cuda { major: 12, minor: 9, patch: 1 };

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
    fn wants(&self, row: &Row) -> bool {
        self.wants_id(&row.id)
            && (self.python.is_empty() || self.python.contains(&row.python))
            && (self.cuda.is_empty() || self.cuda.iter().any(|cuda| cuda.matches(row.cuda)))
    }

    fn wants_id(&self, id: &str) -> bool {
        (self.build.is_empty() || self.build.iter().any(|glob| glob.matches(id)))
            && !self.skip.iter().any(|glob| glob.matches(id))
    }

    /// Errors for a package that the list does not have.
    fn check(&self, config: &PackagesConfig) -> Result<()> {
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
        let fits = match axes.torch {
            Some(torch) => data.torch(torch, axes.cuda.release(), axes.python).map(Some),
            None if options.uses_torch() => {
                data.newest_torch(axes.cuda.release(), axes.python).map(Some)
            }
            None => Ok(None),
        };
        let listed = options.lists_torch() || axes.torch.is_some();
        axes.torch =
            fits.map_err(|reason| Error::config(reason, "see `wheelsite-builder plan`"))?;
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

/// One version of a package on its way to rows.
struct Expansion<'a> {
    name: &'a ProjectName,
    version: &'a Version,
    options: &'a Options,
    data: &'a Compatibility,
}

impl Expansion<'_> {
    fn expand(
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
        let fit = match axes.torch {
            Some(torch) => self.data.torch(torch, axes.cuda.release(), axes.python).map(Some),
            None if options.uses_torch() => {
                self.data.newest_torch(axes.cuda.release(), axes.python).map(Some)
            }
            None => Ok(None),
        };
        let fit = match fit {
            Ok(fit) => fit,
            Err(reason) => {
                let id = id_of(axes, listed);
                let wanted = selection.wants_id(&id)
                    && (selection.python.is_empty() || selection.python.contains(&axes.python))
                    && (selection.cuda.is_empty()
                        || selection.cuda.iter().any(|cuda| cuda.matches(axes.cuda)));
                if wanted {
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
        if !selection.wants(&row) {
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

/// A version that an added or excluded row names must be there: else nothing comes of it, silently.
/// Those of `defaults` are for all packages, and need not fit each.
fn check_partials(name: &ProjectName, package: &Package) -> Result<()> {
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

fn row_of(axes: Axes<'_>, listed: bool, recipe: crate::row::Recipe) -> Row {
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
