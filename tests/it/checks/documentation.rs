//! `docs/checks.md` says of each check what the table of checks says.

use std::collections::BTreeSet;

use wheelsite::verify::{CHECKS, Check, Severity};

use super::{cases, findings};
use crate::support::repository;

const HEAD: &str = "# Checks

<!-- Generated from `src/verify/table.rs` by the test `the_documentation_of_checks_is_fresh`. -->

wheelsite looks at every file before an index lists it. Each check has an id, by which
findings are told, counted and configured, and a level:

- **deny**: the file is rejected. By default a build with a rejected file fails and the old site
  stays; with `--on-reject exclude` the file is left out.
- **warn**: it is told, and the file is listed.
- **note**: worth knowing, and no more.

Denied by default is what pip, uv, or PyPI's rules for archives, RECORD and entry points
refuse, what lets two readers see two archives or a file escape, and what makes a resolver
believe a lie.

## Policy

`config/site.yml` sets levels by id, for `build` and for `check`:

```yaml
checks:
  zip-descriptor: deny
  record-duplicate: warn
  wheel-tags: allow
external_libraries: [\"libfoo.so.*\"]
```

`allow` silences a check. The flags `--allow CHECK` and `--deny CHECK` come last; both may be
repeated. An id that no check has is an error. Verdicts follow from what was found when a file
was read, so that another policy needs no file to be read again.

## Depth

`--depth full`, the default for local files, reads every byte once: members are
inflated, and compared with their CRC and with their hash in RECORD. `--depth metadata` reads
the central directory, METADATA, WHEEL, RECORD and `entry_points.txt`, which is what range
requests can reach. The verdict says which depth it had. Only at full depth are found:

";

/// A heading, and the checks below it: by the beginning of the id, or by the whole of it.
const FAMILIES: [(&str, &[&str]); 10] = [
    ("Filenames", &["filename-", "tags-", "local-version", "linux-tag", "sdist-"]),
    ("The archive", &["zip-"]),
    ("Names and kinds of members", &["path-", "data-"]),
    (
        "The `.dist-info` folder and METADATA",
        &[
            "dist-info-",
            "metadata-",
            "name-",
            "version-",
            "local-version-mismatch",
            "requires-",
            "provides-",
            "license-",
        ],
    ),
    ("WHEEL", &["wheel-"]),
    ("RECORD", &["record-"]),
    ("Entry points", &["entry-points-"]),
    ("Platforms", &["elf-"]),
    ("CUDA and torch", &["cuda-"]),
    ("Beside other files", &["channel-", "closure-", "digest-", "hash-", "sidecar-"]),
];

fn belongs(id: &str, to: &[&str]) -> bool {
    to.iter().any(|start| if start.ends_with('-') { id.starts_with(start) } else { id == *start })
}

fn row(check: &Check) -> String {
    let level = match check.severity {
        Severity::Error => "deny",
        Severity::Warning => "warn",
        Severity::Note => "note",
    };
    let cell = |text: &str| text.replace('|', "\\|");
    format!("| `{}` | {level} | {} | {} |\n", check.id, cell(check.reason), cell(check.source))
}

/// The checks of whose flawed files none is found out without reading all of it.
fn deep() -> BTreeSet<&'static str> {
    // To inflate is the point of the large ones.
    let cases = cases();
    let found = findings(&cases, &["--depth", "metadata"]);
    let shallow: BTreeSet<&str> = cases
        .iter()
        .zip(&found)
        .filter(|(case, found)| found.iter().any(|(check, _)| Some(check.as_str()) == case.check))
        .filter_map(|(case, _)| case.check)
        .collect();
    cases.iter().filter_map(|case| case.check).filter(|id| !shallow.contains(id)).collect()
}

#[test]
fn the_documentation_of_checks_is_fresh() {
    let deep: Vec<String> = deep().into_iter().map(|id| format!("`{id}`")).collect();
    let mut text = format!("{HEAD}{}.\n", wrapped(&deep.join(", ")));
    let mut left: Vec<&Check> = CHECKS.to_vec();
    for (heading, ids) in FAMILIES {
        text.push_str(&format!("\n## {heading}\n\n| id | default | why | source |\n"));
        text.push_str("| --- | --- | --- | --- |\n");
        let (family, others): (Vec<&Check>, _) =
            left.into_iter().partition(|check| belongs(check.id, ids));
        text.extend(family.into_iter().map(row));
        left = others;
    }
    assert_eq!(left, [] as [&Check; 0], "without a heading");
    let path = repository("docs/checks.md");
    if std::env::var_os("WHEELSITE_BLESS").is_some() {
        std::fs::write(&path, &text).expect("writes");
    }
    let written = std::fs::read_to_string(&path).expect("reads");
    assert!(written == text, "write it anew: WHEELSITE_BLESS=1 cargo test --test it documentation");
}

/// Breaks a text into lines.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("is there");
        if line.len() + word.len() > 95 {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}
