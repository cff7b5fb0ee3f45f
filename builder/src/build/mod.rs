//! One row, from an image to files.
//!
//! The source is brought, compiled in a container, given its local version, judged as an index
//! judges it, tried in a fresh container, and put into the output folder:
//! `WHEEL`, `WHEEL.metadata`, `WHEEL.build.json`.

mod container;
mod environment;
mod from_wheel;
mod images;
mod inputs;
mod relabel;
mod report;
mod scripts;
mod smoke;
mod source;
mod state;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wheelsite::verify::Policy;
use wheelsite::wheel::Sha256;

pub use environment::Network;
pub(crate) use from_wheel::python_of_text;
pub use from_wheel::{Wanted, row_of_wheel};
pub use relabel::{Labeled, labeled_name, read, relabel};
pub use report::Smoke;

pub use crate::engine::Cancel;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::lock::Lock;
use crate::row::Row;
use container::{Run, Telling};
use report::{BuildReport, FORMAT, Found, SUFFIX, WheelReport};
use state::{RowFolder, remove};

/// Hears of a build's progress. All methods may be called from several threads.
pub trait Events: Send + Sync {
    /// A stage of a row begins.
    fn stage(&self, _row: &Row, _stage: &str) {}

    /// A line of output, without secrets. It may hold control characters.
    fn line(&self, _row: &Row, _line: &str) {}

    /// Something that people should know.
    fn note(&self, _row: &Row, _message: &str) {}
}

/// Hears nothing.
pub struct Silent;

impl Events for Silent {}

/// How rows are built.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where finished wheels go.
    pub output: PathBuf,
    /// Caches, and the state of rows.
    pub work: PathBuf,
    /// The lock file; none: tags are believed.
    pub lock: Option<PathBuf>,
    /// Whether tags are pulled anew.
    pub update_lock: bool,
    /// Whether wheels are tried.
    pub smoke: bool,
    /// Whether a row is built although its wheel is there.
    pub force: bool,
    /// Whether sources and objects stay when a row is done.
    pub keep: bool,
    /// The most memory of a container in bytes, where its row says nothing.
    pub memory: Option<u64>,
    /// How many processors a container has.
    pub cpus: Option<u32>,
    /// How many compilers run at once, where the row does not say it.
    pub compilers: Option<u32>,
    /// The longest that a row may compile, where it says more.
    pub timeout: Option<Duration>,
    /// How long to wait before a second try; each further wait is twice as long.
    pub pause: Duration,
    /// Indexes, proxies and certificates.
    pub network: Network,
    /// The caller's `SOURCE_DATE_EPOCH`, instead of the source's own date.
    pub source_date_epoch: Option<String>,
    /// What an index thinks of wheels.
    pub policy: Policy,
}

impl Options {
    /// The defaults, for an output and a work folder.
    pub fn new(output: impl Into<PathBuf>, work: impl Into<PathBuf>) -> Self {
        Self {
            output: output.into(),
            work: work.into(),
            lock: None,
            update_lock: false,
            smoke: true,
            force: false,
            keep: false,
            memory: None,
            cpus: None,
            compilers: None,
            timeout: None,
            pause: Duration::from_secs(2),
            network: Network::default(),
            source_date_epoch: None,
            policy: Policy::default(),
        }
    }
}

/// A stage, and how long it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// As in `compile`.
    pub name: String,
    /// In seconds.
    pub seconds: f64,
}

/// What came of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// The wheel.
    pub wheel: PathBuf,
    /// Its digest.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it was there already.
    pub from_earlier: bool,
    /// What was done, in order.
    pub stages: Vec<Stage>,
    /// What its test has shown; none where it was not tested.
    pub smoke: Option<Smoke>,
    /// What an index says of it, besides that it is accepted: `check: message`.
    pub warnings: Vec<String>,
}

/// Builds rows. Can be shared: several rows may be built at once. Clones use the same images.
#[derive(Debug, Clone)]
pub struct Builder {
    engine: Engine,
    options: Options,
    /// Written when the first row is built.
    scripts: PathBuf,
    /// Pulls of one image must wait for each other.
    pinned: Arc<images::Pinned>,
    /// One row at a time puts its files into the output folder.
    putting: Arc<tokio::sync::Mutex<()>>,
}

/// The wheel of a row, if it is in the output folder, was made by the recipe that the row has now,
/// and was tested as the row says. The lock decides what images are meant.
pub fn is_done(row: &Row, options: &Options) -> Option<Built> {
    if options.force || options.update_lock {
        return None;
    }
    let source = source::fingerprint(row, &leave_out(options)).ok()?;
    let (recipe, test) = digests_of(row, options, &source).ok()?;
    let Some(found) = report::find(&options.output, row, &recipe) else {
        return served(row, options, &source);
    };
    let is_tested = !options.smoke || found.report.test.as_deref() == Some(&*test);
    if is_tested { built_before(&found) } else { None }
}

/// What another row has made, where that serves this one too: a wheel for the stable ABI, or for
/// any Python.
fn served(row: &Row, options: &Options, source: &Value) -> Option<Built> {
    let recipe = inputs::recipe(row, &row.recipe.image, source);
    let found = report::find_serving(&options.output, row, &recipe)?;
    let mut built = built_before(&found)?;
    let mut not_tested =
        format!("Python {}: row `{}` has made the wheel", row.python, found.report.row);
    not_tested.push_str(", which serves this one too");
    built.smoke = Some(Smoke { not_tested: vec![not_tested], ..built.smoke.unwrap_or_default() });
    Some(built)
}

fn built_before(found: &Found) -> Option<Built> {
    Some(Built {
        wheel: found.wheel.clone(),
        sha256: found.report.wheel.sha256.parse().ok()?,
        size: found.report.wheel.size,
        from_earlier: true,
        stages: Vec::new(),
        smoke: found.report.smoke.clone(),
        warnings: Vec::new(),
    })
}

/// The digests of what makes a row's wheel, and of how it is tested.
fn digests_of(row: &Row, options: &Options, source: &Value) -> Result<(String, String)> {
    let lock = match &options.lock {
        Some(path) => Lock::read(path)?,
        None => Lock::default(),
    };
    let locked = |image: &str| match lock.digest(image, row.platform) {
        Some(digest) => format!("{image}@{digest}"),
        None => image.to_owned(),
    };
    let recipe = inputs::recipe(row, &locked(&row.recipe.image), source);
    let test = inputs::test(row, &locked(&row.recipe.runtime_image));
    Ok((inputs::digest(&recipe), inputs::digest(&test)))
}

/// A short name for a text.
fn digest_of_text(text: &str) -> String {
    Sha256::of(text.as_bytes()).short()
}

/// Folders that are no source, even where they lie in one.
fn leave_out(options: &Options) -> Vec<PathBuf> {
    vec![options.work.clone(), options.output.clone()]
}

/// Runs what may take long on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::failed(format!("a task ended early: {error}"), "run again")),
    }
}

impl Builder {
    /// A builder. Makes the folders that it needs.
    pub fn new(engine: Engine, mut options: Options) -> Result<Self> {
        for folder in [&mut options.output, &mut options.work] {
            let failed = wheelsite::error::Error::output("create", folder);
            fs::create_dir_all(&*folder).map_err(&failed)?;
            // Engines want absolute paths.
            let absolute = fs::canonicalize(&*folder).map_err(failed)?;
            *folder = absolute;
        }
        let cache = options.work.join("cache");
        fs::create_dir_all(&cache).map_err(wheelsite::error::Error::output("create", &cache))?;
        let scripts = scripts::write(&options.work)?;
        Ok(Self { engine, options, scripts, pinned: Arc::default(), putting: Arc::default() })
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The same with so many compilers at once.
    #[must_use]
    pub fn with_compilers(&self, compilers: Option<u32>) -> Self {
        let mut same = self.clone();
        same.options.compilers = compilers;
        same
    }

    /// How rows are built.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Builds a row, unless that is done. What was begun by an earlier run goes on.
    pub async fn build(&self, row: &Row, events: &dyn Events, cancel: &Cancel) -> Result<Built> {
        cancel.check()?;
        let folder = RowFolder::open(&self.options.work, row)?;
        // The lock is held: whoever has made these containers is gone.
        let left = self.engine.remove_left(&folder.label()).await?;
        if left > 0 {
            events.note(row, &format!("removed {left} containers that a killed run had left"));
        }
        let source = {
            let (row, leave_out) = (row.clone(), leave_out(&self.options));
            blocking(move || source::fingerprint(&row, &leave_out)).await?
        };
        let mut telling = Telling::new(row, events);
        if self.options.update_lock {
            // Whether it is done depends on what the tags are now.
            self.pin(&row.recipe.image, row, &folder, &mut telling, cancel).await?;
            self.pin(&row.recipe.runtime_image, row, &folder, &mut telling, cancel).await?;
        }
        let (recipe, test) = digests_of(row, &self.options, &source)?;
        let found = {
            let (output, row) = (self.options.output.clone(), row.clone());
            let is_wanted = !self.options.force;
            blocking(move || Ok(report::find(&output, &row, &recipe).filter(|_| is_wanted))).await?
        };
        if let Some(mut found) = found {
            let is_tested = found.report.test.as_deref() == Some(&*test);
            if self.options.smoke && !is_tested {
                let wheel = found.wheel.clone();
                let smoke = self.smoke_row(row, &folder, &wheel, &mut telling, cancel).await?;
                let (_, test) = digests_of(row, &self.options, &source)?;
                found.report.test = Some(test);
                found.report.images.insert("runtime".to_owned(), smoke.1);
                found.report.smoke = Some(smoke.0);
                report::write(&found.path, &found.report.to_bytes())?;
            }
            let mut built = built_before(&found).ok_or_else(|| {
                Error::failed("a report states no digest", "build with `--force`")
            })?;
            built.stages = telling.finish();
            return Ok(built);
        }
        if !self.options.force {
            let (options, row, source) = (self.options.clone(), row.clone(), source.clone());
            if let Some(mut built) = blocking(move || Ok(served(&row, &options, &source))).await? {
                built.stages = telling.finish();
                return Ok(built);
            }
        }
        let built = self.build_row(row, &folder, &source, &mut telling, cancel).await?;
        if !self.options.keep {
            blocking(move || folder.clear()).await?;
        }
        Ok(Built { stages: telling.finish(), ..built })
    }

    async fn build_row(
        &self,
        row: &Row,
        folder: &RowFolder,
        source: &Value,
        telling: &mut Telling<'_>,
        cancel: &Cancel,
    ) -> Result<Built> {
        let image = self.pin(&row.recipe.image, row, folder, telling, cancel).await?;
        let pinned = inputs::recipe(row, &image.reference, source);
        let inputs = inputs::digest(&json!([
            pinned,
            scripts::digest(),
            inputs::build_variables(row, &self.options),
        ]));
        folder.begin(&inputs)?;
        if self.options.force {
            folder.forget_compiled()?;
        }
        let (compiled, path) = match folder.compiled(&inputs) {
            Some(compiled) => {
                telling.note(&format!("`{}` was compiled before", compiled.0.filename));
                compiled
            }
            None => self.compile(row, folder, &image, &inputs, telling, cancel).await?,
        };
        Self::check_name(row, &compiled.filename)?;
        telling.stage("relabel");
        let staged = folder.fresh("wheel")?;
        let labeled = {
            let (local, requires) = (row.recipe.local_version.clone(), row.recipe.requires.clone());
            let policy = self.options.policy.clone();
            blocking(move || relabel::relabel(&path, &local, &requires, &staged, &policy)).await?
        };
        let smoke = if self.options.smoke {
            Some(self.smoke_row(row, folder, &labeled.path, telling, cancel).await?)
        } else {
            None
        };
        cancel.check()?;
        telling.stage("finish");
        // Tags that were pulled just now are locked by now.
        let (recipe, test) = digests_of(row, &self.options, source)?;
        let mut images =
            BTreeMap::from([("devel".to_owned(), images::told(&row.recipe.image, &image))]);
        let smoke = smoke.map(|(smoke, image)| {
            images.insert("runtime".to_owned(), image);
            smoke
        });
        let state = folder.state();
        let tools = source::read_small(&state.join("report.json"))
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or(Value::Null);
        let passed = self.options.network.variables(&row.recipe.extra_index_urls);
        let mut told_source = json!(folder.origin());
        if let (Some(told), Some(named)) = (told_source.as_object_mut(), source.as_object()) {
            told.extend(named.clone());
        }
        let report = BuildReport {
            format: FORMAT,
            generator: concat!("wheelsite-builder ", env!("CARGO_PKG_VERSION")).to_owned(),
            row: row.id.clone(),
            recipe,
            test: smoke.as_ref().map(|_| test),
            wheel: WheelReport {
                filename: labeled.filename.as_str().to_owned(),
                sha256: labeled.sha256.to_string(),
                size: labeled.size,
                compiled_as: compiled.filename,
                compiled_sha256: compiled.sha256,
            },
            inputs: pinned,
            tests: inputs::test(row, &row.recipe.runtime_image),
            source: told_source,
            images,
            engine: self.engine.described(),
            command: inputs::command(row),
            environment: inputs::build_variables(row, &self.options),
            passed_environment: passed.into_keys().collect(),
            tools,
            build_requirements: compiled.build_requirements,
            facts: labeled.facts.clone(),
            findings: json!(labeled.findings),
            stages: telling.stages(),
            smoke: smoke.clone(),
        };
        // Rows that make the same wheel may come here at the same time.
        let putting = self.putting.lock().await;
        if !self.options.force
            && let Some(built) = served(row, &self.options, source)
        {
            telling.note(&format!(
                "`{}` is there from another row, and serves this one",
                labeled.filename.as_str()
            ));
            return Ok(built);
        }
        let wheel = self.put(&labeled, &report)?;
        drop(putting);
        for other in report::others(&self.options.output, row, labeled.filename.as_str()) {
            telling.note(&format!(
                "`{other}` of an earlier recipe of this row is still there: remove it if no index is to have it"
            ));
        }
        Ok(Built {
            wheel,
            sha256: labeled.sha256,
            size: labeled.size,
            from_earlier: false,
            stages: Vec::new(),
            smoke,
            warnings: labeled
                .findings
                .iter()
                .map(|finding| format!("{}: {}", finding.check, finding.message))
                .collect(),
        })
    }

    async fn compile(
        &self,
        row: &Row,
        folder: &RowFolder,
        image: &crate::engine::Image,
        inputs: &str,
        telling: &mut Telling<'_>,
        cancel: &Cancel,
    ) -> Result<(state::Compiled, PathBuf)> {
        folder.forget_compiled()?;
        let state = folder.state();
        if !state.join("src.done").exists() {
            telling.stage("bring the source");
            let (row, state, leave_out) = (row.clone(), state.clone(), leave_out(&self.options));
            blocking(move || source::bring(&row, &state, &leave_out)).await?;
            cancel.check()?;
        }
        inputs::write_build(row, &state)?;
        let run = Run {
            row,
            folder,
            script: "build.sh",
            prefix: "",
            log: "build.log",
            image,
            state: &state,
            mounts: Vec::new(),
            env: inputs::build_variables(row, &self.options),
            limit: Some(self.options.timeout.unwrap_or(Duration::MAX).min(row.recipe.timeout)),
        };
        let mut installed = Vec::new();
        self.run(run, telling, cancel, &mut |stage, line| {
            if stage == "compile" {
                installed.extend(report::installed(line));
            }
        })
        .await?;
        installed.sort();
        folder.keep_stub()?;
        folder.keep_compiled(inputs, installed)
    }

    /// A source may be of another project or release than the row says.
    fn check_name(row: &Row, filename: &str) -> Result<()> {
        let found = filename.parse::<wheelsite::wheel::WheelFilename>().ok();
        let is_it = found.as_ref().is_some_and(|it| {
            *it.name() == row.package && it.version().clone().without_local() == row.version
        });
        if is_it {
            return Ok(());
        }
        Err(Error::failed(
            format!(
                "the source made `{filename}`, expected version {} of `{}`",
                row.version, row.package
            ),
            "let `versions` say what the source is, or name another revision or archive",
        ))
    }

    /// Puts the files into the output folder: the report, which says that all is there, at last.
    fn put(&self, labeled: &Labeled, report: &BuildReport) -> Result<PathBuf> {
        let name = labeled.filename.as_str();
        let at = |end: &str| self.options.output.join(format!("{name}{end}"));
        let (wheel, told) = (at(""), at(SUFFIX));
        if let Ok((there, _)) = source::sha256_of(&wheel)
            && there != labeled.sha256
        {
            let other = source::read_small(&told)
                .and_then(|bytes| serde_json::from_slice::<BuildReport>(&bytes).ok());
            if let Some(other) = other.filter(|other| other.row != report.row) {
                return Err(Error::failed(
                    format!("row `{}` has made another `{name}`", other.row),
                    "one wheel serves both rows: leave one of them out, or let `local_version` tell \
                     them apart (`{cuda_tag}torch{torch}`)",
                ));
            }
        }
        // While the wheel changes, nothing says that it is whole.
        remove(&told)?;
        report::write(&at(".metadata"), &labeled.metadata)?;
        move_file(&labeled.path, &wheel)?;
        report::write(&told, &report.to_bytes())?;
        Ok(wheel)
    }
}

/// Moves a file, also to another file system, so that it is there whole or not at all.
fn move_file(from: &Path, to: &Path) -> Result<()> {
    if fs::rename(from, to).is_ok() {
        return Ok(());
    }
    let failed = |error| Error::from(wheelsite::error::Error::output("write", to)(error));
    let folder = to.parent().unwrap_or(Path::new("."));
    let new = tempfile::Builder::new().prefix(".wheelsite-").tempfile_in(folder).map_err(failed)?;
    fs::copy(from, new.path()).map_err(failed)?;
    new.persist(to).map_err(|error| failed(error.error))?;
    remove(from)
}

#[cfg(test)]
pub(crate) mod tests;
