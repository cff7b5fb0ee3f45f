//! `entry_points.txt`: what a distribution offers under names.

use std::collections::HashSet;

use super::anomaly::{Anomalies, Disorder, shown};

/// Looks through an `entry_points.txt` and notes what is out of order.
///
/// Source: [entry points](https://packaging.python.org/en/latest/specifications/entry-points/),
/// as PyPI reads it: INI with `=` only, names of scripts of letters, digits, `_`, `.` and `-`.
pub(crate) fn check_entry_points(bytes: &[u8], anomalies: &mut Anomalies) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        anomalies
            .add(Disorder::EntryPointsEncoding, || "`entry_points.txt` is not UTF-8".to_owned());
        return;
    };
    let mut sections = HashSet::new();
    let mut names = HashSet::new();
    let mut section = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let number = index + 1;
        let wrong = |anomalies: &mut Anomalies, kind, what: &str| {
            anomalies.add(kind, || {
                format!("line {number} of `entry_points.txt`: {} {what}", shown(line))
            });
        };
        if let Some(name) = line.strip_prefix('[') {
            let name = name.strip_suffix(']').map(str::trim).filter(|name| !name.is_empty());
            match name {
                None => wrong(anomalies, Disorder::EntryPointsSyntax, "is no section"),
                Some(name) if !sections.insert(name) => {
                    wrong(anomalies, Disorder::EntryPointsDuplicate, "is there twice");
                }
                Some(_) => {}
            }
            section = name;
            names.clear();
            continue;
        }
        let (Some(section), Some((name, object))) = (section, line.split_once('=')) else {
            wrong(anomalies, Disorder::EntryPointsSyntax, "is no `name = object` in a section");
            continue;
        };
        let (name, object) = (name.trim(), object.trim());
        if name.is_empty() {
            wrong(anomalies, Disorder::EntryPointsSyntax, "has no name");
        } else if !names.insert(name) {
            wrong(anomalies, Disorder::EntryPointsDuplicate, "has a name that is there twice");
        }
        let is_script = matches!(section, "console_scripts" | "gui_scripts");
        if is_script && !is_script_name(name) {
            wrong(
                anomalies,
                Disorder::EntryPointsScript,
                "has a name that is no file name of a script",
            );
        }
        // What other groups refer to is a matter between their projects.
        if is_script && !(is_object_reference(object) && is_callable(object)) {
            wrong(
                anomalies,
                Disorder::EntryPointsObject,
                "refers to no object: expected `module:object`",
            );
        }
    }
}

/// Letters, digits, `_`, `.` and `-`; and not the interpreter's own name, which uv refuses.
fn is_script_name(name: &str) -> bool {
    let valid = |char: char| char.is_alphanumeric() || "_.-".contains(char);
    let interpreter = name.strip_prefix("pythonw").or_else(|| name.strip_prefix("python"));
    let reserved = interpreter
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    !reserved && !name.is_empty() && name.chars().all(valid) && name.chars().any(|char| char != '.')
}

/// Installers make scripts of `module:object` only, and of no spaces but those around extras.
fn is_callable(text: &str) -> bool {
    let (reference, extras) = text.split_once('[').unwrap_or((text, ""));
    reference.contains(':')
        && !reference.trim_end().contains(char::is_whitespace)
        && !extras.contains(" ,")
}

/// `importable.module`, or `importable.module:object.attr`, with extras that nobody uses any more.
fn is_object_reference(text: &str) -> bool {
    let text = match text.split_once('[') {
        Some((reference, extras)) if extras.trim_end().ends_with(']') => reference.trim_end(),
        Some(_) => return false,
        None => text,
    };
    let dotted = |path: &str| {
        path.split('.').all(|part| {
            let part = part.trim();
            part.starts_with(|char: char| char.is_alphabetic() || char == '_')
                && part.chars().all(|char| char.is_alphanumeric() || char == '_')
        })
    };
    match text.split_once(':') {
        None => dotted(text),
        Some((module, object)) => dotted(module.trim()) && dotted(object.trim()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds(text: &[u8]) -> Vec<Disorder> {
        let mut anomalies = Anomalies::default();
        check_entry_points(text, &mut anomalies);
        anomalies.iter().map(|anomaly| anomaly.kind).collect()
    }

    #[test]
    fn what_is_written_is_fine() {
        let text =
            b"# comment\n[console_scripts]\npip3.11 = pip._internal.cli.main:main\na-b=x:y\npython-x = a:b\n\n\
            [x.y]\nname with space = a.b:c.d [extra]\nname: with colon = a:b\n";
        assert_eq!(kinds(text), []);
    }

    #[test]
    fn each_flaw_is_named() {
        for (text, kind) in [
            (&b"\xff"[..], Disorder::EntryPointsEncoding),
            (b"x = y\n", Disorder::EntryPointsSyntax),
            (b"[a\nx = y\n", Disorder::EntryPointsSyntax),
            (b"[a]\nx : y\n", Disorder::EntryPointsSyntax),
            (b"[a]\nx = y\nx = z\n", Disorder::EntryPointsDuplicate),
            (b"[a]\n[a]\n", Disorder::EntryPointsDuplicate),
            (b"[console_scripts]\nx = 1y:z\n", Disorder::EntryPointsObject),
            (b"[console_scripts]\nx =\n", Disorder::EntryPointsObject),
            (b"[console_scripts]\n../x = y:z\n", Disorder::EntryPointsScript),
            (b"[gui_scripts]\na b = y:z\n", Disorder::EntryPointsScript),
            (b"[console_scripts]\npython3.11 = y:z\n", Disorder::EntryPointsScript),
            (b"[console_scripts]\nx = y\n", Disorder::EntryPointsObject),
        ] {
            assert_eq!(kinds(text).first(), Some(&kind), "{}", String::from_utf8_lossy(text));
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(\\[|\\]|=|:|a|\\.|\n| |;|é){0,40}", bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = kinds(text.as_bytes());
            let _ = kinds(&bytes);
        }
    }
}
