//! Renamed wheels are made true again, and nothing else in them changes.

mod members;

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::process::Command;

use serde_json::Value;
use url::Url;
use zip::{CompressionMethod, DateTime, ZipArchive};

use crate::support::wheel::{archive, record};
use crate::support::zip::Zip;
use crate::support::{Run, Wheel, Workspace, program, tools};

/// The demo wheel after somebody gave it a local version.
const RENAMED: &str = "demo-1.0+cu128-py3-none-any.whl";

fn demo() -> Wheel {
    Wheel::new("demo", "1.0")
}

/// A folder with files to repair, in `wheels/`, into `repaired/`.
struct Repair {
    workspace: Workspace,
}

/// How a repair ended, in the object that scripts rely on.
struct Report {
    run: Run,
    json: Value,
}

impl Repair {
    fn new() -> Self {
        Self { workspace: Workspace::new() }
    }

    /// A folder with one file.
    fn of(filename: &str, bytes: &[u8]) -> Self {
        let repair = Self::new();
        repair.workspace.write(&format!("wheels/{filename}"), bytes);
        repair
    }

    fn run(&self, arguments: &[&str]) -> Report {
        let mut all = vec!["repair", "wheels", "--output", "repaired", "--format", "json"];
        all.extend(arguments);
        let run = self.workspace.run(&all);
        let json = run.json();
        Report { run, json }
    }

    /// Expects that one file was repaired or fine, and that everybody accepts it; gives its bytes.
    #[track_caller]
    fn makes(&self, outcome: &str, filename: &str) -> Vec<u8> {
        let report = self.run(&[]);
        assert_eq!(report.run.code, Some(0), "{}", report.json);
        assert_eq!(report.json["files"][0]["outcome"], outcome, "{}", report.json);
        assert_eq!(report.json["files"][0]["output"], filename);
        let made = program::tree(&self.workspace.path("repaired"));
        assert_eq!(made.keys().collect::<Vec<_>>(), [filename], "nothing else is left");
        self.is_sound(&format!("repaired/{filename}"));
        made.into_values().next().expect("is there")
    }

    /// Expects that our own check, Python and `unzip` accept a file.
    #[track_caller]
    fn is_sound(&self, path: &str) {
        let run = self.workspace.run(&["check", path, "--format", "json"]);
        let report = run.json();
        assert_eq!(report["files"][0]["accepted"], true, "{report}");
        for finding in report["files"][0]["findings"].as_array().expect("is a list") {
            let check = finding["check"].as_str().expect("is text");
            assert!(!wheelsite::repair::MENDED.contains(&check), "{report}");
        }
        let full = self.workspace.path(path);
        succeeds(Command::new("python3").args(["-m", "zipfile", "-t"]).arg(&full));
        if tools::has_program("unzip") {
            succeeds(Command::new("unzip").arg("-tq").arg(&full));
        }
    }

    /// Expects that the one file is refused, with this in the reason, and leaves nothing.
    #[track_caller]
    fn is_refused(&self, reason: &str) {
        let report = self.run(&[]);
        assert_eq!(report.run.code, Some(1), "{}", report.json);
        let file = &report.json["files"][0];
        assert_eq!(file["outcome"], "refused", "{file}");
        assert!(file["reason"].as_str().expect("is text").contains(reason), "{file}");
        assert!(!file["hint"].as_str().expect("is text").is_empty(), "{file}");
        assert!(file["output"].is_null());
        assert_eq!(program::tree(&self.workspace.path("repaired")), BTreeMap::new());
    }
}

#[track_caller]
fn succeeds(command: &mut Command) {
    let run = Run::of(command);
    assert_eq!(run.code, Some(0), "{command:?}: {}{}", run.stdout, run.stderr);
}

/// All that an archive says of a member but its name, and its compressed bytes.
#[derive(Debug, PartialEq)]
struct Raw {
    data: Vec<u8>,
    method: CompressionMethod,
    crc32: u32,
    size: u64,
    modified: Option<DateTime>,
    mode: Option<u32>,
    extra: Option<Vec<u8>>,
}

/// The members by another reader than our own, in their order.
fn raw(bytes: &[u8]) -> Vec<(String, Raw)> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("opens");
    let length = archive.len();
    let read = |index| {
        let mut file = archive.by_index_raw(index).expect("is there");
        let mut data = Vec::new();
        file.read_to_end(&mut data).expect("reads");
        let raw = Raw {
            data,
            method: file.compression(),
            crc32: file.crc32(),
            size: file.size(),
            modified: file.last_modified(),
            mode: file.unix_mode(),
            extra: file.extra_data().map(|extra| without_zip64(&extra)),
        };
        (file.name().expect("is UTF-8").into_owned(), raw)
    };
    (0..length).map(read).collect()
}

/// Sizes may stand in a field of their own that they do not need.
fn without_zip64(extra: &[u8]) -> Vec<u8> {
    let Some(length) = extra.get(2..4) else { return extra.to_vec() };
    let length = 4 + usize::from(u16::from_le_bytes([length[0], length[1]]));
    let (field, rest) = extra.split_at(length);
    let kept = if field.starts_with(&[1, 0]) { &[] } else { field };
    [kept, &without_zip64(rest)].concat()
}

fn contents(bytes: &[u8], name: &str) -> String {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("opens");
    let file = archive.by_name(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    std::io::read_to_string(file).expect("is UTF-8")
}

/// Expects that members are the same but for those that must change, and their folders' names.
#[track_caller]
fn keeps_all_but(changed: &[&str], [old, new]: [&str; 2], before: &[u8], after: &[u8]) {
    let (before, after) = (raw(before), raw(after));
    assert_eq!(before.len(), after.len());
    for ((was, raw_was), (is, raw_is)) in before.iter().zip(&after) {
        let renamed = [".dist-info/", ".data/"].iter().find_map(|end| {
            Some(format!("{new}{end}{}", was.strip_prefix(&format!("{old}{end}"))?))
        });
        assert_eq!(*is, renamed.unwrap_or_else(|| was.clone()));
        if changed.iter().any(|name| was.ends_with(&format!(".dist-info/{name}"))) {
            assert_ne!(raw_was.crc32, raw_is.crc32, "{is}");
            assert_eq!(
                (raw_was.method, raw_was.modified, raw_was.mode, &raw_was.extra),
                (raw_is.method, raw_is.modified, raw_is.mode, &raw_is.extra),
                "{is}"
            );
        } else {
            assert_eq!(raw_was, raw_is, "{is}");
        }
    }
}

/// Rows of a wheel's RECORD, which are true by `is_sound`.
fn rows(bytes: &[u8], folder: &str) -> Vec<String> {
    contents(bytes, &format!("{folder}.dist-info/RECORD")).lines().map(str::to_owned).collect()
}

const FLASH: &str = "flash_attn-2.8.3+cu128torch2.9cxx11abiTRUE-cp312-cp312-linux_x86_64.whl";
const FLASH_REPAIRED: &str =
    "flash_attn-2.8.3+cu128torch2.9cxx11abitrue-cp312-cp312-linux_x86_64.whl";

fn flash(tag: &str) -> Wheel {
    Wheel::new("flash_attn", "2.8.3")
        .wheel_file(&format!("Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n"))
        .description("text/markdown", "# Flash\n\nVersion: 2.8.3\n")
        .file("flash_attn_2_cuda.bin", &noise(200_000))
}

/// Bytes that do not compress, always the same.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn the_flash_attn_case() {
    let bytes = flash("cp312-cp312-linux_x86_64").bytes();
    let repair = Repair::of(FLASH, &bytes);
    repair.workspace.run(&["check", "wheels"]).fails(1, &[]);
    let repaired = repair.makes("repaired", FLASH_REPAIRED);
    let new = "flash_attn-2.8.3+cu128torch2.9cxx11abitrue";
    keeps_all_but(&["METADATA", "RECORD"], ["flash_attn-2.8.3", new], &bytes, &repaired);
    assert_eq!(
        contents(&repaired, &format!("{new}.dist-info/METADATA")),
        "Metadata-Version: 2.1\nName: flash_attn\nVersion: 2.8.3+cu128torch2.9cxx11abitrue\n\
         Description-Content-Type: text/markdown\n\n# Flash\n\nVersion: 2.8.3\n"
    );
    assert_eq!(std::fs::read(repair.workspace.path("wheels").join(FLASH)).expect("reads"), bytes);
}

#[test]
fn pip_discards_the_renamed_wheel_and_both_install_the_repaired_one() {
    let Some(bin) = tools::clients() else { return };
    let name = "flash_attn-2.8.3+cu128torch2.9cxx11abiTRUE-py3-none-any.whl";
    let repair = Repair::of(name, &flash("py3-none-any").bytes());
    let workspace = &repair.workspace;
    workspace.build(&["--allow", "local-version-mismatch", "--output", "before"]);
    repair.makes("repaired", &name.replace("TRUE", "true"));
    workspace.build(&["--source", "repaired", "--output", "after"]);
    let install = |client: &str, site: &str| {
        let target = workspace.path(&format!("{client}-{site}"));
        let index = Url::from_directory_path(workspace.path(site).join("simple"));
        let index: String = index.expect("is absolute").into();
        let mut command = Command::new(bin.join(if client == "pip" { "python" } else { "uv" }));
        match client {
            "pip" => command.args(["-m", "pip", "install", "--no-cache-dir", "--index-url"]),
            _ => command
                .args(["pip", "install", "--no-cache", "--python"])
                .arg(bin.join("python"))
                .arg("--default-index"),
        };
        command.arg(index).arg("--target").arg(&target).arg("flash-attn");
        workspace.confine(&mut command);
        let run = Run::of(
            command
                .env("PIP_CONFIG_FILE", "/dev/null")
                .env("UV_NO_CONFIG", "1")
                .env("UV_PYTHON_DOWNLOADS", "never"),
        );
        let names = program::tree(workspace.path("").as_path()).into_keys().filter_map(|path| {
            let path = path.strip_prefix(&format!("{client}-{site}/"))?;
            path.strip_suffix("/METADATA").map(str::to_owned)
        });
        (run, names.collect::<Vec<String>>())
    };
    let repaired = ["flash_attn-2.8.3+cu128torch2.9cxx11abitrue.dist-info".to_owned()];
    // pip discards the renamed wheel; uv installs it, and what is installed is another version.
    let (run, left) = install("pip", "before");
    assert_eq!((run.code, &*left), (Some(1), &[][..]), "{}", run.stderr);
    assert!((run.stdout + &run.stderr).contains("inconsistent version"));
    let (run, left) = install("uv", "before");
    assert!(run.code != Some(0) || left != repaired, "{}", run.stderr);
    for client in ["pip", "uv"] {
        let (run, left) = install(client, "after");
        assert_eq!((run.code, &*left), (Some(0), &repaired[..]), "{client}: {}", run.stderr);
    }
}

#[test]
fn a_repaired_wheel_is_fine_and_copied_bit_for_bit() {
    let repair = Repair::of(FLASH, &flash("cp312-cp312-linux_x86_64").bytes());
    let first = repair.makes("repaired", FLASH_REPAIRED);
    let again = Repair::of(FLASH_REPAIRED, &first);
    assert_eq!(again.makes("fine", FLASH_REPAIRED), first);
    // Into the same folder: what is there already is the same.
    assert_eq!(repair.makes("repaired", FLASH_REPAIRED), first);
    // Another run makes the same bytes.
    let other = Repair::of(FLASH, &flash("cp312-cp312-linux_x86_64").bytes());
    assert_eq!(other.makes("repaired", FLASH_REPAIRED), first);
}

#[test]
fn what_is_right_is_left_alone() {
    // Folders may spell the name as its author does, a signature stays true, a descriptor stays.
    let wheel = Wheel::new("Demo.Pkg", "1.0+cu128").dist_info("Demo.Pkg-1.0+cu128.dist-info");
    let mut files = wheel.file("Demo.Pkg-1.0+cu128.dist-info/RECORD.jws", b"{}").members();
    files.retain(|(name, _)| !name.ends_with("/RECORD"));
    let path = "Demo.Pkg-1.0+cu128.dist-info/RECORD".to_owned();
    files.push((path.clone(), record(&files, &path)));
    let zip = Zip::of(&files).with("demo_pkg.py", |member| {
        member.described(true, false);
    });
    let name = "demo_pkg-1.0+cu128-py3-none-any.whl";
    assert_eq!(Repair::of(name, &zip.bytes()).makes("fine", name), zip.bytes());
    // A name alone is mended without a new archive.
    let wheel = Wheel::new("demo", "1.0");
    let bytes = wheel
        .wheel_file(
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\n",
        )
        .bytes();
    let repaired = Repair::of("DEMO-1.0-py3.py2.py3-none-any.whl", &bytes)
        .makes("repaired", "demo-1.0-py2.py3-none-any.whl");
    assert_eq!(repaired, bytes);
}

#[test]
fn tags_and_build_tag_become_those_of_the_filename() {
    let bytes = demo()
        .wheel_file("Wheel-Version: 1.0\r\nGenerator: x\r\nRoot-Is-Purelib: true\r\nTag: py3-none-any\r\n\r\n")
        .bytes();
    let repair = Repair::of("demo-1.0-007cu128-py3.py2-none-linux_x86_64.any.whl", &bytes);
    let name = "demo-1.0-007cu128-py2.py3-none-any.linux_x86_64.whl";
    let repaired = repair.makes("repaired", name);
    keeps_all_but(&["WHEEL", "RECORD"], ["demo-1.0", "demo-1.0"], &bytes, &repaired);
    assert_eq!(
        contents(&repaired, "demo-1.0.dist-info/WHEEL"),
        "Wheel-Version: 1.0\r\nGenerator: x\r\nRoot-Is-Purelib: true\r\nBuild: 007cu128\r\n\
         Tag: py2-none-any\r\nTag: py2-none-linux_x86_64\r\nTag: py3-none-any\r\n\
         Tag: py3-none-linux_x86_64\r\n\r\n"
    );
    // And back.
    let repair = Repair::of("demo-1.0-py3-none-any.whl", &repaired);
    let repaired = repair.makes("repaired", "demo-1.0-py3-none-any.whl");
    assert_eq!(
        contents(&repaired, "demo-1.0.dist-info/WHEEL"),
        contents(&bytes, "demo-1.0.dist-info/WHEEL")
    );
}

#[test]
fn folders_become_those_of_the_filename() {
    for (folder, data, filename) in [
        ("other-1.0", "other-1.0", "demo-1.0-py3-none-any.whl"),
        ("demo-2.0", "demo-2.0", "demo-1.0-py3-none-any.whl"),
        ("demo", "demo", "demo-1.0-py3-none-any.whl"),
        // Which installers take, and which says another version all the same.
        ("demo-1.0+cpu", "demo-1.0+cpu", "demo-1.0-py3-none-any.whl"),
        ("Demo-1.0", "demo-1.0", "demo-1.0-py3-none-any.whl"),
        ("demo-1.0", "demo-1.0", "Demo-1.0.0-py3-none-any.whl"),
    ] {
        let bytes = demo()
            .dist_info(&format!("{folder}.dist-info"))
            .file(&format!("{data}.data/scripts/x"), b"#!python\n")
            .bytes();
        let stem = if filename.starts_with('D') { "demo-1.0.0" } else { "demo-1.0" };
        let repaired =
            Repair::of(filename, &bytes).makes("repaired", &format!("{stem}-py3-none-any.whl"));
        let names: Vec<String> = raw(&repaired).into_iter().map(|(name, _)| name).collect();
        assert!(names.contains(&format!("{stem}.data/scripts/x")), "{names:?}");
        assert!(names.contains(&format!("{stem}.dist-info/RECORD")), "{names:?}");
        assert_eq!(rows(&repaired, stem).len(), names.len());
    }
}

#[test]
fn what_is_no_matter_of_names_is_refused() {
    let refused = |filename: &str, bytes: &[u8], reason: &str| {
        Repair::of(filename, bytes).is_refused(reason);
    };
    refused("other-1.0-py3-none-any.whl", &demo().bytes(), "name-mismatch");
    refused("demo-1.1+cu128-py3-none-any.whl", &demo().bytes(), "version-mismatch");
    refused("demo-1.0.whl", &demo().bytes(), "expected 5 parts between dashes");
    let bytes = demo().bytes();
    refused(RENAMED, &bytes[..bytes.len() - 1], "zip-unreadable");
    refused(RENAMED, b"", "zip-unreadable");
    refused(RENAMED, &archive(&[]), "dist-info-missing");
    let two = demo().file("other-1.0.dist-info/x", b"");
    refused(RENAMED, &two.bytes(), "dist-info-several");
    refused(RENAMED, &demo().without("RECORD").bytes(), "record-missing");
    refused(RENAMED, &demo().header("Version: 1.0").bytes(), "metadata-repeated");
    for signature in ["RECORD.jws", "RECORD.p7s"] {
        let mut files = demo().members();
        files.push((format!("demo-1.0.dist-info/{signature}"), b"{}".to_vec()));
        refused(RENAMED, &archive(&files), &format!("RECORD is signed by `{signature}`"));
    }
    let data = demo().file("demo-1.0.data/data/x", b"").file("demo-1.0+cu128.data/data/y", b"");
    refused(RENAMED, &data.bytes(), "expected one `.data` folder");
    // A version that gets longer in its normal form.
    let long =
        format!("{}-1.0a-py3-none-any.whl", "d".repeat(246 - "-1.0a-py3-none-any.whl".len()));
    refused(&long, &demo().bytes(), "name-mismatch");
    let wheel = Wheel::new(&"d".repeat(246 - "-1.0a-py3-none-any.whl".len()), "1.0a0");
    refused(&long, &wheel.bytes(), "its normal name would be");
    // Damage that only reading every byte shows.
    let mut damaged = Zip::of(&demo().members());
    damaged.member("demo.py").both(|header| header.crc ^= 1);
    refused(RENAMED, &damaged.bytes(), "zip-crc");
}

#[test]
fn what_is_allowed_is_carried_along_unless_it_leaves_doubt() {
    let repair = Repair::of(RENAMED, &demo().header("Requires-Dist: nonsense >").bytes());
    repair.is_refused("requires-dist-invalid");
    let report = repair.run(&["--allow", "requires-dist-invalid"]);
    assert_eq!(report.json["repaired"], 1, "{}", report.json);
    // As the site's configuration allows it.
    let repair = Repair::of(RENAMED, &demo().header("Requires-Dist: nonsense >").bytes());
    repair.workspace.write("config/site.yml", "checks:\n  requires-dist-invalid: warn\n");
    assert_eq!(repair.run(&[]).json["repaired"], 1);
    let mut gap = Zip::of(&demo().members());
    gap.members[1].gap = b"nobody's".to_vec();
    let repair = Repair::of(RENAMED, &gap.bytes());
    repair.is_refused("zip-gap");
    let report = repair.run(&["--allow", "zip-gap"]);
    assert_eq!(report.json["refused"], 1, "{}", report.json);
    // What is mended is mended even if nobody minds it.
    let repair = Repair::of(RENAMED, &demo().bytes());
    let report = repair.run(&["--allow", "local-version-mismatch"]);
    assert_eq!(report.json["repaired"], 1, "{}", report.json);
}

#[test]
fn a_folder_with_a_mix() {
    let repair = Repair::new();
    let workspace = &repair.workspace;
    workspace.write(&format!("wheels/a/{RENAMED}"), demo().bytes());
    workspace.wheel(&Wheel::new("fine", "2.0"));
    workspace.write("wheels/other-1.0-py3-none-any.whl", demo().bytes());
    workspace.write("wheels/notes.txt", "no wheel");
    workspace.write("wheels/demo-1.0.tar.gz", "a source distribution");
    let report = repair.run(&[]);
    assert_eq!(report.run.code, Some(1));
    let json = &report.json;
    assert_eq!(
        (&json["repaired"], &json["fine"], &json["refused"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(
        json["files"][0],
        serde_json::json!({
            "filename": RENAMED, "outcome": "repaired", "output": RENAMED,
        })
    );
    assert_eq!(json["files"][1]["outcome"], "fine");
    assert_eq!(json["files"][2]["filename"], "other-1.0-py3-none-any.whl");
    assert!(report.run.stderr.contains("demo-1.0.tar.gz`: a source distribution"));
    let made = program::tree(&workspace.path("repaired"));
    assert_eq!(made.keys().collect::<Vec<_>>(), [RENAMED, "fine-2.0-py3-none-any.whl"]);
    // For people, a line a file; named files and a folder below the source.
    let file = format!("wheels/a/{RENAMED}");
    let run = workspace.run(&["repair", &file, "dir:wheels", "--output", "wheels/repaired"]);
    assert_eq!(run.code, Some(1));
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[0], format!("repaired {RENAMED} -> {RENAMED}"));
    assert_eq!(lines[2], "fine fine-2.0-py3-none-any.whl");
    assert!(
        lines[3].starts_with("refused other-1.0-py3-none-any.whl: name-mismatch: METADATA says")
    );
    assert_eq!(lines.len(), 4);
    assert!(run.stderr.ends_with("2 repaired, 1 fine, 1 refused\n"), "{}", run.stderr);
    let run = workspace.run(&["repair", "wheels", "--output", "wheels/repaired"]);
    assert_eq!(run.stdout.lines().count(), 3, "{}", run.stdout);
    let bytes = flash("py3-none-any").bytes();
    let repair = Repair::of("Flash_Attn-2.8.3-py3-none-any.whl", &bytes);
    let run = repair.workspace.run(&["repair", "wheels", "--output", "out", "--quiet"]);
    let line = "repaired Flash_Attn-2.8.3-py3-none-any.whl -> flash_attn-2.8.3-py3-none-any.whl\n";
    assert_eq!((&*run.stdout, &*run.stderr), (line, ""));
}

#[test]
fn nothing_is_overwritten() {
    let repair = Repair::of(RENAMED, &demo().bytes());
    repair.workspace.write(&format!("repaired/{RENAMED}"), "something else");
    let report = repair.run(&[]);
    assert_eq!(report.run.code, Some(1));
    assert!(report.json["files"][0]["reason"].as_str().expect("is text").contains("holds another"));
    assert_eq!(repair.workspace.read(&format!("repaired/{RENAMED}")), "something else");
    assert_eq!(program::tree(&repair.workspace.path("repaired")).len(), 1);
    // Two files that get one name: the first by name and place wins.
    let repair = Repair::of(&format!("b/{RENAMED}"), &demo().header("Summary: b").bytes());
    repair.workspace.write(&format!("wheels/a/{RENAMED}"), demo().header("Summary: a").bytes());
    repair.workspace.write(&format!("wheels/c/{RENAMED}"), demo().header("Summary: a").bytes());
    for _ in 0..2 {
        let report = repair.run(&[]);
        let outcomes: Vec<&Value> = report.json["files"]
            .as_array()
            .expect("is a list")
            .iter()
            .map(|file| &file["outcome"])
            .collect();
        assert_eq!(outcomes, ["repaired", "refused", "repaired"]);
    }
    // What a killed run left is no obstacle, and does not stay.
    let name = hex::encode(&<sha2::Sha256 as sha2::Digest>::digest(RENAMED)[..8]);
    let repair = Repair::of(RENAMED, &demo().bytes());
    repair.workspace.write(&format!("repaired/.{name}.wheelsite-unfinished"), "half");
    repair.makes("repaired", RENAMED);
}

#[test]
fn usage_errors_and_unreadable_sources() {
    let repair = Repair::of(RENAMED, &demo().bytes());
    let workspace = &repair.workspace;
    let file = format!("wheels/{RENAMED}");
    workspace.run(&["repair", "wheels"]).fails(2, &["--output"]);
    workspace.run(&["repair", "--output", "out"]).fails(2, &["WHEEL|SPEC"]);
    for what in ["wheels", "dir:wheels", "./wheels/../wheels", &file] {
        workspace
            .run(&["repair", what, "--output", "wheels"])
            .fails(2, &["cannot be the output", "hint:"]);
    }
    workspace.write("list.jsonl", format!("{{\"filename\": \"{RENAMED}\"}}\n"));
    workspace.run(&["repair", "list:list.jsonl", "--output", "out"]).fails(2, &["has none"]);
    workspace.run(&["repair", "ftp://x", "--output", "out"]).fails(2, &["unknown source"]);
    workspace
        .run(&["repair", "wheels", "--output", "out", "--allow", "zip-crcs"])
        .fails(2, &["did you mean `zip-crc`?"]);
    workspace
        .run(&["repair", "nowhere", "--output", "out"])
        .fails(3, &["`nowhere` does not exist"]);
    assert!(!workspace.path("out").exists());
    assert_eq!(program::tree(&workspace.path("wheels")).len(), 1);
    workspace.write("file", "");
    workspace.run(&["repair", "wheels", "--output", "file"]).fails(3, &["cannot create `file`"]);
}
