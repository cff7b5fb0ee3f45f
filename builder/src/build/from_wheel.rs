//! The row of a wheel that is there: what its build report and its name say of it.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use wheelsite::wheel::{FilenameError, WheelFilename};

use super::report::{BuildReport, SUFFIX};
use super::source::read_small;
use crate::engine::text::clean;
use crate::error::{Error, Result};
use crate::python::Python;
use crate::row::{Auditwheel, Cuda, Platform, PythonFrom, Recipe, Row, Source, Torch};

/// What is asked for instead of what the report says.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The image that it is tested in.
    pub image: Option<String>,
    /// The Python that it is tested with.
    pub python: Option<Python>,
    /// Where that comes from.
    pub python_from: Option<PythonFrom>,
    /// What is imported; none: what the report says, or the project's name with `_`.
    pub imports: Option<Vec<String>>,
    /// What is run, as argv.
    pub command: Option<Vec<String>>,
    /// What is installed besides.
    pub extra_deps: Option<Vec<String>>,
    /// Further indexes.
    pub extra_index_urls: Option<Vec<String>>,
}

/// The filename of a wheel that a user names.
pub(super) fn filename_of(wheel: &Path) -> Result<WheelFilename> {
    let name = wheel.file_name().unwrap_or_default().to_string_lossy();
    name.parse().map_err(|error: FilenameError| {
        // Both say what stands there.
        Error::config(
            format!("`{}` is no wheel: {}", clean(&name), clean(&error.to_string())),
            "name a file that ends in `.whl`",
        )
    })
}

/// A row that a wheel can be tested by.
pub fn row_of_wheel(wheel: &Path, wanted: Wanted) -> Result<Row> {
    let filename = filename_of(wheel)?;
    let name = filename.as_str();
    let report = read_small(&wheel.with_file_name(format!("{name}{SUFFIX}")))
        .and_then(|bytes| serde_json::from_slice::<BuildReport>(&bytes).ok());
    // The row's own folder may hold a stub of the driver.
    let id = report.as_ref().map_or_else(
        || format!("smoke-{}", super::digest_of_text(&wheel.display().to_string())),
        |report| report.row.clone(),
    );
    let (inputs, tests) =
        report.map_or((Value::Null, Value::Null), |report| (report.inputs, report.tests));
    let list = |value: Option<&Value>| -> Option<Vec<String>> {
        serde_json::from_value(value?.clone()).ok()
    };
    let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
    let python = wanted
        .python
        .or_else(|| text(&inputs, "python").and_then(|it| python_of_text(&it)))
        .or_else(|| python_of_tag(filename.python(), filename.abi()))
        .ok_or_else(|| {
            Error::config(
                format!("`{name}` does not say for which Python it is"),
                "say with which one it is to be tested: `--python 3.12`",
            )
        })?;
    let image = wanted.image.or_else(|| text(&tests, "image")).ok_or_else(|| {
        Error::config(
            format!("there is no report beside `{name}` that names an image"),
            "say in which image it is to be tested: `--image nvidia/cuda:12.9.1-runtime-ubuntu22.04`",
        )
    })?;
    let platform = match filename.platform() {
        it if it.ends_with("aarch64") => Platform::Aarch64,
        _ if inputs.get("platform").and_then(Value::as_str) == Some("aarch64") => Platform::Aarch64,
        _ => Platform::X86_64,
    };
    let numbers =
        |key: &str| -> Option<Vec<u32>> { serde_json::from_value(inputs.get(key)?.clone()).ok() };
    let cuda = match numbers("cuda").as_deref() {
        Some(&[major, minor, patch]) => Cuda { major, minor, patch },
        _ => Cuda { major: 0, minor: 0, patch: 0 },
    };
    let torch = match numbers("torch").as_deref() {
        Some(&[major, minor]) => Some(Torch { major, minor }),
        _ => None,
    };
    let python_from = wanted.python_from.unwrap_or(match text(&inputs, "python_from").as_deref() {
        Some("image") => PythonFrom::Image,
        Some("deadsnakes") => PythonFrom::Deadsnakes,
        Some("uv") => PythonFrom::Uv,
        _ => PythonFrom::Auto,
    });
    let default_import = || vec![filename.name().as_str().replace('-', "_")];
    let command = wanted.command.or_else(|| list(tests.get("test_command")));
    Ok(Row {
        id,
        package: filename.name().clone(),
        version: filename.version().clone().without_local(),
        python,
        cuda,
        torch,
        platform,
        recipe: Recipe {
            source: Source::Index,
            build_args: Vec::new(),
            extra_deps: wanted
                .extra_deps
                .or_else(|| list(tests.get("extra_deps")))
                .unwrap_or_default(),
            extra_index_urls: wanted
                .extra_index_urls
                .or_else(|| list(inputs.get("extra_index_urls")))
                .unwrap_or_default(),
            python_from,
            image: image.clone(),
            runtime_image: image,
            env: std::collections::BTreeMap::new(),
            apt: Vec::new(),
            local_version: String::new(),
            requires: Vec::new(),
            auditwheel: Auditwheel::Off,
            timeout: Duration::from_secs(3_600),
            retries: 2,
            memory: None,
            test_import: wanted
                .imports
                .or_else(|| list(tests.get("test_import")))
                .unwrap_or_else(default_import),
            test_command: command,
            runs_on: Vec::new(),
            description: None,
        },
    })
}

pub(crate) fn python_of_text(text: &str) -> Option<Python> {
    let rest = text.strip_prefix("3.")?;
    let (minor, free_threaded) = match rest.strip_suffix('t') {
        Some(minor) => (minor, true),
        None => (rest, false),
    };
    Some(Python { minor: minor.parse().ok()?, free_threaded })
}

/// The Python of `cp312-cp312`, and the oldest of `cp310-abi3`.
fn python_of_tag(python: &str, abi: &str) -> Option<Python> {
    let minor = python.split('.').next()?.strip_prefix("cp3")?.parse().ok()?;
    Some(Python { minor, free_threaded: abi.ends_with('t') && abi.starts_with("cp") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_without_a_report_is_tested_by_its_name() {
        let wheel = Path::new("/x/a_b-1.0+cu129-cp313-cp313t-linux_aarch64.whl");
        let image = Some("i:1".to_owned());
        let row = row_of_wheel(wheel, Wanted { image, ..Wanted::default() }).expect("is one");
        assert_eq!(row.python, Python { minor: 13, free_threaded: true });
        assert_eq!((row.platform, row.version.to_string()), (Platform::Aarch64, "1.0".into()));
        assert_eq!(row.recipe.test_import, ["a_b"]);
        let error = row_of_wheel(wheel, Wanted::default()).expect_err("has no image");
        assert_eq!(error.exit_code(), 2, "{error}");
        let any = Path::new("/x/a-1-py3-none-any.whl");
        let image = Some("i:1".to_owned());
        let error =
            row_of_wheel(any, Wanted { image, ..Wanted::default() }).expect_err("no Python");
        assert!(error.hint().expect("has one").contains("--python"), "{error}");
    }

    #[test]
    fn what_is_no_wheel_is_refused_by_its_name() {
        for name in ["/x/a-1.0.tar.gz", "/x/a.whl", "/x/a-\u{1b}[2J-py3-none-any.whl", "/", ""] {
            let error = filename_of(Path::new(name)).expect_err("is refused");
            assert_eq!(error.exit_code(), 2, "{error}");
            assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
        }
    }
}
