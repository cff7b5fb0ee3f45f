//! What a container of a row is given: files of values, and variables.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use wheelsite::verify::platform::CUDA_AND_TORCH;
use wheelsite::wheel::Sha256;

use super::{Options, source};
use crate::engine::text::clean;
use crate::error::{Error, Result};
use crate::python::Python;
use crate::row::{Auditwheel, PythonFrom, Row, Source};

/// `3.12`, `3.13t`
pub(super) fn python_text(python: Python) -> String {
    format!("3.{}{}", python.minor, if python.free_threaded { "t" } else { "" })
}

fn python_from_text(from: PythonFrom) -> &'static str {
    match from {
        PythonFrom::Auto => "auto",
        PythonFrom::Image => "image",
        PythonFrom::Deadsnakes => "deadsnakes",
        PythonFrom::Uv => "uv",
    }
}

/// What pip is told that holds for builds as for tests.
pub(super) fn variables(row: &Row) -> BTreeMap<String, String> {
    let mut env = BTreeMap::from([
        ("PYTHON_WANTED".to_owned(), python_text(row.python)),
        ("PYTHON_FROM".to_owned(), python_from_text(row.recipe.python_from).to_owned()),
    ]);
    if row.torch.is_some() {
        // Isolated builds get their own torch: it must be this one, too.
        for name in ["PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"] {
            env.insert(name.to_owned(), "/wheelsite/row/input/constraints".to_owned());
        }
    }
    env
}

/// Variables of the container that compiles, but for those that are handed over.
pub(super) fn build_variables(row: &Row, options: &Options) -> BTreeMap<String, String> {
    let mut env = variables(row);
    env.insert("PYTHON_HEADERS".to_owned(), "yes".to_owned());
    // The same source gives the same bytes.
    env.insert("PYTHONHASHSEED".to_owned(), "0".to_owned());
    env.insert("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned());
    let auditwheel = match row.recipe.auditwheel {
        Auditwheel::Off => "off",
        Auditwheel::Show => "show",
        Auditwheel::Repair { .. } => "repair",
    };
    env.insert("AUDITWHEEL".to_owned(), auditwheel.to_owned());
    match &row.recipe.source {
        Source::Archive { sha256: Some(sha256), .. } => {
            env.insert("ARCHIVE_SHA256".to_owned(), sha256.clone());
        }
        Source::Git { subdirectory: Some(subdirectory), .. } => {
            env.insert("SUBDIRECTORY".to_owned(), subdirectory.clone());
        }
        _ => {}
    }
    if let Some(epoch) = &options.source_date_epoch {
        env.insert("SOURCE_DATE_EPOCH".to_owned(), epoch.clone());
    }
    env.extend(row.recipe.env.clone());
    env
}

/// `torch==2.9.*` as a constraint on everything that is installed.
fn torch_pin(row: &Row) -> Option<String> {
    row.torch.map(|torch| format!("=={}.{}.*", torch.major, torch.minor))
}

/// What pip is asked to download, if the source comes from an index or a URL.
fn download(row: &Row) -> Vec<String> {
    let what = match &row.recipe.source {
        Source::Index => format!("{}=={}", row.package, row.version),
        Source::Archive { location, sha256 } if source::is_url(location) => match sha256 {
            Some(sha256) => format!("{location}#sha256={sha256}"),
            None => location.clone(),
        },
        _ => return Vec::new(),
    };
    // Its METADATA is prepared as in the build itself.
    let shared =
        ["--no-build-isolation", "--use-pep517", "--config-settings", "--config-setting", "-C"];
    let mut arguments: Vec<String> = Vec::new();
    let mut is_value = false;
    for argument in &row.recipe.build_args {
        let is_option = shared.iter().any(|option| {
            argument == option
                || argument.strip_prefix(option).is_some_and(|rest| {
                    rest.starts_with('=') || (*option == "-C" && !rest.is_empty())
                })
        });
        if is_option || is_value {
            arguments.push(argument.clone());
        }
        is_value = is_option
            && ["--config-settings", "--config-setting", "-C"].contains(&argument.as_str());
    }
    arguments.extend(["--no-binary".to_owned(), row.package.to_string(), "--".to_owned(), what]);
    arguments
}

/// The command that makes the wheel, as its report has it.
pub(super) fn command(row: &Row) -> Vec<String> {
    let mut argv: Vec<String> = [
        "python",
        "-m",
        "pip",
        "wheel",
        "--verbose",
        "--no-deps",
        "--wheel-dir",
        "/wheelsite/row/out",
    ]
    .map(str::to_owned)
    .to_vec();
    argv.extend(row.recipe.build_args.iter().cloned());
    let below = match &row.recipe.source {
        Source::Git { subdirectory: Some(below), .. } => format!("/{below}"),
        _ => String::new(),
    };
    argv.extend(["--".to_owned(), format!("/wheelsite/row/src{below}")]);
    argv
}

/// Writes the values that the build script reads.
pub(super) fn write_build(row: &Row, state: &Path) -> Result<()> {
    let folder = state.join("input");
    write(&folder, "apt", &row.recipe.apt)?;
    write(&folder, "dependencies", &row.recipe.extra_deps)?;
    write(&folder, "download", &download(row))?;
    write(&folder, "build_args", &row.recipe.build_args)?;
    let exclude = match &row.recipe.auditwheel {
        Auditwheel::Repair { exclude } => {
            CUDA_AND_TORCH.iter().map(ToString::to_string).chain(exclude.iter().cloned()).collect()
        }
        _ => Vec::new(),
    };
    write(&folder, "exclude", &exclude)?;
    write_constraints(row, &folder)
}

/// Writes the values that the smoke test reads.
pub(super) fn write_smoke(row: &Row, state: &Path) -> Result<()> {
    let folder = state.join("input");
    write(&folder, "dependencies", &row.recipe.extra_deps)?;
    write(&folder, "imports", &row.recipe.test_import)?;
    write(&folder, "command", row.recipe.test_command.as_deref().unwrap_or_default())?;
    write_constraints(row, &folder)
}

fn write_constraints(row: &Row, folder: &Path) -> Result<()> {
    let pin = torch_pin(row).map(|pin| format!("torch{pin}"));
    write(folder, "constraints", &pin.into_iter().collect::<Vec<_>>())
}

/// Writes a value a line. None can be taken for two, or for an option of what reads it.
fn write(folder: &Path, name: &str, values: &[String]) -> Result<()> {
    let is_bad = |value: &&String| {
        value.is_empty() || value.chars().any(char::is_control) || value.len() > 8_192
    };
    if let Some(value) = values.iter().find(is_bad) {
        return Err(Error::config(
            format!("`{}` among the {name} is no value", clean(value)),
            "write one line of text without control characters",
        ));
    }
    let is_option = |value: &&String| value.starts_with('-');
    if ["apt", "dependencies", "imports"].contains(&name)
        && let Some(value) = values.iter().find(is_option)
    {
        return Err(Error::config(
            format!("`{}` among the {name} begins with `-`", clean(value)),
            "only `build_args` are options of pip",
        ));
    }
    fs::create_dir_all(folder).map_err(wheelsite::error::Error::output("create", folder))?;
    let path = folder.join(name);
    let text: String = values.iter().map(|value| format!("{value}\n")).collect();
    fs::write(&path, text)
        .map_err(wheelsite::error::Error::output("write", &path))
        .map_err(Into::into)
}

/// Everything that decides what a wheel's bytes are, as far as packages.yml and the lock say it.
pub(super) fn recipe(row: &Row, image: &str, source: &Value) -> Value {
    let recipe = &row.recipe;
    json!({
        "package": row.package.as_str(),
        "version": row.version.to_string(),
        "python": python_text(row.python),
        "cuda": [row.cuda.major, row.cuda.minor, row.cuda.patch],
        "torch": row.torch.map(|torch| [torch.major, torch.minor]),
        "platform": row.platform,
        "source": source,
        "build_args": recipe.build_args,
        "extra_deps": recipe.extra_deps,
        "extra_index_urls": recipe.extra_index_urls,
        "python_from": python_from_text(recipe.python_from),
        "image": image,
        "env": recipe.env,
        "apt": recipe.apt,
        "local_version": recipe.local_version,
        "requires": recipe.requires,
        "auditwheel": format!("{:?}", recipe.auditwheel),
    })
}

/// Everything that decides how it is tested.
pub(super) fn test(row: &Row, image: &str) -> Value {
    json!({
        "image": image,
        "extra_deps": row.recipe.extra_deps,
        "test_import": row.recipe.test_import,
        "test_command": row.recipe.test_command,
    })
}

/// A digest of a value: maps are sorted.
pub(super) fn digest(value: &Value) -> String {
    Sha256::of(value.to_string().as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::tests::row;

    #[test]
    fn the_download_prepares_metadata_as_the_build_does() {
        let mut row = row("flash-attn", "2.8.3");
        row.recipe.build_args = ["--no-build-isolation", "-C", "a=b", "--no-clean", "-Cx=y"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(
            download(&row),
            [
                "--no-build-isolation",
                "-C",
                "a=b",
                "-Cx=y",
                "--no-binary",
                "flash-attn",
                "--",
                "flash-attn==2.8.3"
            ]
        );
        row.recipe.source =
            Source::Archive { location: "https://host/a.tar.gz".into(), sha256: Some("11".into()) };
        assert_eq!(download(&row).last().expect("is there"), "https://host/a.tar.gz#sha256=11");
        row.recipe.source = Source::Folder("/x".into());
        assert_eq!(download(&row), [""; 0]);
    }

    #[test]
    fn values_that_would_be_two_or_options_are_refused() {
        let folder = tempfile::tempdir().expect("is made");
        for (name, value) in [
            ("dependencies", "a\nb"),
            ("dependencies", "-r/etc/passwd"),
            ("apt", "--x"),
            ("imports", ""),
        ] {
            let error = write(folder.path(), name, &[value.to_owned()]).expect_err("is refused");
            assert_eq!(error.exit_code(), 2, "{error}");
        }
        write(folder.path(), "build_args", &["--a b".into(), "$(id)".into()]).expect("writes");
        let text = fs::read_to_string(folder.path().join("build_args")).expect("reads");
        assert_eq!(text, "--a b\n$(id)\n");
    }
}
