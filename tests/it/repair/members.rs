//! What a repair keeps: every member's bytes, times, modes and extra fields.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use zip::write::{ExtendedFileOptions, FileOptions, SimpleFileOptions};
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::{RENAMED, Raw, Repair, contents, demo, keeps_all_but, noise, raw};
use crate::support::Wheel;
use crate::support::wheel::record;
use crate::support::zip::{Member, Zip, field};

/// A wheel with all kinds of members, each with its time, mode and extra field.
fn full_wheel(stem: &str, crlf: bool) -> Vec<u8> {
    let end = if crlf { "\r\n" } else { "\n" };
    let lines = |lines: &[&str]| {
        lines.iter().map(|line| format!("{line}{end}")).collect::<String>().into_bytes()
    };
    let info = |name: &str| format!("{stem}.dist-info/{name}");
    let data = |name: &str| format!("{stem}.data/{name}");
    let mut files: Vec<(String, Vec<u8>)> = vec![
        ("demo/__init__.py".to_owned(), b"x = 1\n".repeat(400)),
        ("demo/native.so.bin".to_owned(), noise(70_000)),
        ("demo/a,b \"c\".txt".to_owned(), b"quoted".to_vec()),
        ("demo/empty.py".to_owned(), Vec::new()),
        ("demo/größe.txt".to_owned(), "größe".as_bytes().to_vec()),
        (data("scripts/demo, too"), b"#!python\n".to_vec()),
        (data("data/share/demo.txt"), b"shared".to_vec()),
        (info("licenses/LICENSE"), b"MIT".to_vec()),
        (
            info("METADATA"),
            lines(&[
                "Metadata-Version: 2.4",
                "Name: demo",
                "VERSION:   1.0  ",
                "License-File: LICENSE",
                "Summary: Version: 1.0",
                "",
                "Version: 1.0",
                "",
                "Version: 1.0",
            ]),
        ),
        (
            info("WHEEL"),
            lines(&["Wheel-Version: 1.0", "Root-Is-Purelib: true", "Tag: py3-none-any"]),
        ),
    ];
    let mut rows: String = String::new();
    for (name, contents) in &files {
        let row = record(&[(name.clone(), contents.clone())], "");
        let row = String::from_utf8(row).expect("is UTF-8");
        let row = row.lines().next().expect("has a row");
        let rest = row.strip_prefix(name.as_str()).expect("begins with the name");
        // Every other one in quotes that it would not need.
        if name.contains([',', '"']) || name.len() % 2 == 0 {
            rows.push_str(&format!("\"{}\"{rest}{end}", name.replace('"', "\"\"")));
        } else {
            rows.push_str(&format!("{row}{end}"));
        }
    }
    rows.push_str(&format!("{},,{end}", info("RECORD")));
    files.push((info("RECORD"), rows.into_bytes()));
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.set_comment("kept").expect("is short");
    for (seconds, folder) in [(0, "demo/".to_owned()), (2, data("")), (4, info(""))] {
        let time = DateTime::from_date_and_time(2001, 2, 3, 4, 5, seconds).expect("is one");
        let options = SimpleFileOptions::default().last_modified_time(time).unix_permissions(0o750);
        writer.add_directory(folder, options).expect("adds");
    }
    for (day, (name, contents)) in (2..).zip(&files) {
        let time = DateTime::from_date_and_time(1999, 1, day, 3, 4, 6).expect("is one");
        let stored = day % 2 == 1;
        let mut options: FileOptions<'_, '_, ExtendedFileOptions> = FileOptions::default()
            .last_modified_time(time)
            .unix_permissions(if day % 3 == 0 { 0o755 } else { 0o640 })
            .large_file(day % 4 == 0)
            .compression_method(if stored {
                CompressionMethod::Stored
            } else {
                CompressionMethod::Deflated
            });
        options.add_extra_field(0x6375, [1, 4, 0, 0, 0, 0], false).expect("adds");
        writer.start_file(name.as_str(), options).expect("starts");
        writer.write_all(contents).expect("writes");
    }
    writer.finish().expect("finishes").into_inner()
}

#[test]
fn untouched_members_keep_their_bytes_times_modes_and_extra_fields() {
    for crlf in [false, true] {
        let bytes = full_wheel("demo-1.0", crlf);
        let repaired = Repair::of(RENAMED, &bytes).makes("repaired", RENAMED);
        keeps_all_but(&["METADATA", "RECORD"], ["demo-1.0", "demo-1.0+cu128"], &bytes, &repaired);
        let comment =
            |bytes: &[u8]| ZipArchive::new(Cursor::new(bytes)).expect("opens").comment().to_vec();
        assert_eq!(comment(&repaired), comment(&bytes));
        let end = if crlf { "\r\n" } else { "\n" };
        assert_eq!(
            contents(&repaired, "demo-1.0+cu128.dist-info/METADATA"),
            contents(&bytes, "demo-1.0.dist-info/METADATA").replacen(
                "VERSION:   1.0  ",
                "VERSION: 1.0+cu128",
                1
            )
        );
        // Rows of files that stay keep their spelling, down to the quotes.
        let before = contents(&bytes, "demo-1.0.dist-info/RECORD");
        let after = contents(&repaired, "demo-1.0+cu128.dist-info/RECORD");
        let (before, after): (Vec<&str>, Vec<&str>) =
            (before.split(end).collect(), after.split(end).collect());
        assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            if before.trim_start_matches('"').starts_with("demo/") {
                assert_eq!(before, after);
            }
        }
        assert!(
            after
                .iter()
                .any(|row| row.starts_with("\"demo-1.0+cu128.data/scripts/demo, too\",sha256="))
        );
        assert!(after.contains(&"demo-1.0+cu128.dist-info/RECORD,,"));
    }
}

#[test]
fn local_headers_say_what_the_central_directory_says() {
    let files = demo().file("demo-1.0.data/data/x", b"x").members();
    let mut zip = Zip::of(&files).wide();
    zip.comment = b"kept".to_vec();
    for (index, member) in zip.members.iter_mut().enumerate() {
        let times = field(0x5455, &[1, 0, 0, 0, u8::try_from(index).expect("is small")]);
        member.both(|header| header.extra = times.clone());
        match index {
            0 => Member::zip64(&mut member.local),
            _ => {
                member.described(index % 2 == 0, false);
            }
        }
    }
    let named = |name: &str| {
        let mut path = vec![1];
        path.extend_from_slice(&crc32fast::hash(name.as_bytes()).to_le_bytes());
        path.extend_from_slice(name.as_bytes());
        field(0x7075, &path)
    };
    let zip = zip.with("demo-1.0.data/data/x", |member| {
        member.both(|header| header.extra.extend(named("demo-1.0.data/data/x")));
    });
    let bytes = zip.bytes();
    let repaired = Repair::of(RENAMED, &bytes).makes("repaired", RENAMED);
    assert!(repaired.ends_with(b"\x04\0kept"));
    assert!(!repaired.windows(4).any(|bytes| bytes == b"PK\x07\x08" || bytes == b"PK\x06\x06"));
    let run = Repair::of(RENAMED, &repaired);
    let check = run.workspace.run(&["check", "wheels", "--format", "json"]);
    assert!(!check.stdout.contains("zip-descriptor"), "{}", check.stdout);
    let extras: Vec<_> = raw(&repaired).into_iter().map(|(_, raw)| raw.extra).collect();
    assert!(
        extras.iter().all(|extra| extra.as_ref().is_some_and(|extra| extra.starts_with(b"UT")))
    );
}

/// A wheel whose members and their compression are made up.
#[derive(Debug, Clone)]
struct Made {
    files: Vec<(String, Vec<u8>)>,
    stored: Vec<bool>,
}

fn made() -> impl Strategy<Value = Made> {
    let name = "[a-z]{1,6}(/[a-z é,\"']{0,5}[a-z]){0,2}\\.[a-z]{1,3}";
    let contents = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..300),
        (any::<u8>(), 0usize..5000).prop_map(|(byte, length)| vec![byte; length]),
    ];
    let files = proptest::collection::btree_map(name, contents, 0..8);
    (files, proptest::collection::vec(any::<bool>(), 12))
        .prop_map(|(files, stored)| Made { files: files.into_iter().collect(), stored })
}

impl Made {
    fn bytes(&self) -> Vec<u8> {
        let mut files = self.files.clone();
        let wheel = Wheel::new("demo", "1.0").members();
        files.extend(wheel.into_iter().filter(|(name, _)| !name.ends_with("RECORD")));
        let path = "demo-1.0.dist-info/RECORD";
        let rows: String = files
            .iter()
            .map(|(name, contents)| {
                let row = String::from_utf8(record(&[("x".to_owned(), contents.clone())], ""));
                let row = row.expect("is UTF-8");
                let rest =
                    row.lines().next().expect("has a row").trim_start_matches('x').to_owned();
                format!("\"{}\"{rest}\n", name.replace('"', "\"\""))
            })
            .collect();
        files.push((path.to_owned(), format!("{rows}{path},,\n").into_bytes()));
        let mut zip = Zip::of(&[]);
        for ((name, contents), stored) in files.iter().zip(self.stored.iter().cycle()) {
            zip.members.push(if *stored {
                Member::stored(name.as_str(), contents)
            } else {
                Member::new(name.as_str(), contents)
            });
        }
        zip.bytes()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_in_a_wheel_survives(made in made(), local in "[a-z0-9]{1,8}(\\.[a-z0-9]{1,4})?") {
        let bytes = made.bytes();
        let repair = Repair::new();
        repair.workspace.write("built/demo-1.0-py3-none-any.whl", &bytes);
        // Names that differ in more than their spelling may be a folder to one and a file to another.
        let valid = repair.workspace.run(&["check", "built"]);
        prop_assume!(valid.code == Some(0));
        let name = format!("demo-1.0+{local}-py3-none-any.whl");
        repair.workspace.write(&format!("wheels/{name}"), &bytes);
        let report = repair.run(&[]);
        prop_assert_eq!(report.run.code, Some(0), "{}", report.json);
        let output = report.json["files"][0]["output"].as_str().expect("is text").to_owned();
        let check = repair.workspace.run(&["check", "repaired", "--format", "json"]);
        prop_assert_eq!(check.code, Some(0), "{}", check.stdout);
        let path: PathBuf = repair.workspace.path("repaired").join(&output);
        let payload = |bytes: &[u8]| -> Vec<(String, Raw)> {
            raw(bytes).into_iter().filter(|(name, _)| !name.contains(".dist-info/")).collect()
        };
        prop_assert_eq!(payload(&std::fs::read(Path::new(&path)).expect("reads")), payload(&bytes));
    }
}
