//! `docs/doctor.md` says of each check what the table of checks says.

use wheelsite::doctor::CHECKS;
use wheelsite::verify::{Check, Severity};

use crate::support::repository;

const BEGIN: &str = "<!-- Generated from `src/doctor/table.rs` by the test \
    `the_documentation_of_doctor_is_fresh`. -->\n";

fn row(check: &Check) -> String {
    let level = match check.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    format!("| `{}` | {level} | {} | {} |\n", check.id, check.reason, check.source)
}

#[test]
fn the_documentation_of_doctor_is_fresh() {
    let path = repository("docs/doctor.md");
    let written = std::fs::read_to_string(&path).expect("reads");
    let (head, _) = written.split_once(BEGIN).expect("has a table of checks");
    let rows: String = CHECKS.iter().copied().map(row).collect();
    let table = format!("\n| id | weighs | why | source |\n| --- | --- | --- | --- |\n{rows}");
    let fresh = format!("{head}{BEGIN}{table}");
    if std::env::var_os("WHEELSITE_BLESS").is_some() {
        std::fs::write(&path, &fresh).expect("writes");
    }
    let written = std::fs::read_to_string(&path).expect("reads");
    assert!(
        written == fresh,
        "write it anew: WHEELSITE_BLESS=1 cargo test --test it documentation"
    );
}

#[test]
fn every_check_has_a_test() {
    let of = |path: &str| {
        let files = walkdir::WalkDir::new(repository(path)).into_iter().filter_map(Result::ok);
        let files = files.filter(|entry| entry.file_type().is_file());
        files.map(|entry| std::fs::read_to_string(entry.path()).expect("reads")).collect::<String>()
    };
    let tests = of("tests/it/doctor") + &of("src/doctor/judge/tests.rs");
    let without = CHECKS.iter().filter(|check| !tests.contains(&format!("\"{}", check.id)));
    let without: Vec<&str> = without.map(|check| check.id).collect();
    assert_eq!(without, [""; 0]);
}
