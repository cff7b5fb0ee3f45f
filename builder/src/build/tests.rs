//! Rows for tests.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::python::Python;
use crate::row::{Auditwheel, Cuda, Platform, PythonFrom, Recipe, Source};

/// A row with nothing special.
pub(crate) fn row(package: &str, version: &str) -> Row {
    Row {
        id: format!("{package}-{version}-cp311-cu129-x86_64"),
        package: package.parse().expect("is a name"),
        version: version.parse().expect("is a version"),
        python: Python { minor: 11, free_threaded: false },
        cuda: Cuda { major: 12, minor: 9, patch: 1 },
        torch: None,
        platform: Platform::X86_64,
        recipe: Recipe {
            source: Source::Index,
            build_args: vec![],
            extra_deps: vec![],
            extra_index_urls: vec![],
            python_from: PythonFrom::Image,
            image: "localhost/devel:1".into(),
            runtime_image: "localhost/devel:1".into(),
            env: BTreeMap::new(),
            apt: vec![],
            local_version: "cu129".into(),
            requires: vec![],
            auditwheel: Auditwheel::Off,
            timeout: Duration::from_secs(600),
            retries: 0,
            memory: None,
            test_import: vec![package.replace('-', "_")],
            test_command: None,
            runs_on: vec![],
            description: None,
        },
    }
}

#[test]
fn rows_can_be_built_by_tasks() {
    fn can<T: Send>(_: impl FnOnce(&'static Builder, &'static Row, &'static Cancel) -> T) {}
    can(|builder, row, cancel| builder.build(row, &Silent, cancel));
    can(|builder, row, cancel| builder.smoke(row, Path::new(""), &Silent, cancel));
}

#[test]
fn a_row_is_done_by_its_recipe_and_its_bytes() {
    let folder = tempfile::tempdir().expect("is made");
    let options = Options { smoke: false, ..Options::new(folder.path(), folder.path().join("w")) };
    let row = row("a-b", "1");
    let source = source::fingerprint(&row, &leave_out(&options)).expect("reads");
    let (recipe, _) = digests_of(&row, &options, &source).expect("reads");
    let name = "a_b-1+cu129-py3-none-any.whl";
    let report = json!({
        "format": FORMAT, "generator": "", "row": row.id, "recipe": recipe,
        "wheel": {"filename": name, "sha256": Sha256::of(b"x").to_string(), "size": 1,
                  "compiled_as": "", "compiled_sha256": ""},
        "inputs": {}, "source": {}, "images": {}, "engine": "", "command": [], "environment": {},
        "passed_environment": [], "tools": {}, "build_requirements": [], "facts": {}, "findings": [],
        "stages": [],
    });
    let put = |end: &str, bytes: &[u8]| {
        fs::write(folder.path().join(format!("{name}{end}")), bytes).expect("writes");
    };
    put(SUFFIX, report.to_string().as_bytes());
    assert_eq!(is_done(&row, &options), None, "there is no wheel");
    put("", b"y");
    assert_eq!(is_done(&row, &options), None, "it has other bytes");
    put("", b"x");
    let built = is_done(&row, &options).expect("is done");
    assert!(built.from_earlier && built.size == 1 && built.smoke.is_none());
    let tested = Options { smoke: true, ..options.clone() };
    assert_eq!(is_done(&row, &tested), None, "it was not tested");
    assert_eq!(is_done(&row, &Options { force: true, ..options.clone() }), None);
    let mut other = row.clone();
    other.recipe.env.insert("MAX_JOBS".into(), "2".into());
    assert_eq!(is_done(&other, &options), None, "another recipe");
    let mut same = row.clone();
    same.recipe.timeout = Duration::from_secs(1);
    assert!(is_done(&same, &options).is_some(), "limits are no part of the recipe");
    put(SUFFIX, b"{}");
    assert_eq!(is_done(&row, &options), None, "a report that is none");

    // A row for another Python is served by the same wheel, if all else is the same.
    let other = Row {
        id: "a-b-of-another".to_owned(),
        python: "3.13".parse().expect("is one"),
        ..row.clone()
    };
    assert_eq!(is_done(&other, &options), None, "the report says nothing of what it was made of");
    let mut report = report;
    report["inputs"] = inputs::recipe(&row, "by@digest", &source);
    put(SUFFIX, report.to_string().as_bytes());
    let built = is_done(&other, &options).expect("is served");
    let not_tested = built.smoke.expect("says so").not_tested;
    assert!(
        not_tested[0].contains("Python 3.13") && not_tested[0].contains(&row.id),
        "{not_tested:?}"
    );
    let mut changed = other.clone();
    changed.recipe.build_args.push("-v".to_owned());
    assert_eq!(is_done(&changed, &options), None, "it is made of other things");
    put("", b"y");
    assert_eq!(is_done(&other, &options), None, "it has other bytes");
}
