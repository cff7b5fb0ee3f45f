//! Broken input, one flaw at a time, named after the check it must trip.

use std::path::Path;

use serde_json::Value;

use crate::support::{
    Wheel, Workspace,
    wheel::{archive, record},
};

const NAME: &str = "demo-1.0-py3-none-any.whl";

fn demo() -> Wheel {
    Wheel::new("demo", "1.0")
}

/// Checks a file of this name and these bytes; gives the ids of the errors.
fn errors(filename: &str, bytes: &[u8]) -> Vec<String> {
    let workspace = Workspace::new();
    workspace.write(&format!("wheels/{filename}"), bytes);
    let run = workspace.run(&["check", &format!("wheels/{filename}"), "--format", "json"]);
    let report: Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr));
    let findings = report["files"][0]["findings"].as_array().expect("has findings").clone();
    let errors: Vec<String> = findings
        .iter()
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| finding["check"].as_str().expect("is text").to_owned())
        .collect();
    assert_eq!(run.code, Some(i32::from(!errors.is_empty())));
    errors
}

#[track_caller]
fn trips(check: &str, filename: &str, bytes: &[u8]) {
    assert_eq!(errors(filename, bytes), [check]);
}

#[test]
fn a_wheel_without_a_flaw_trips_nothing() {
    assert_eq!(errors(NAME, &demo().bytes()), [""; 0]);
    assert_eq!(errors("demo-1.0.tar.gz", b"is not opened"), [""; 0]);
}

#[test]
fn filename_invalid() {
    for name in [
        "demo-1.0.whl",
        "demo-one-py3-none-any.whl",
        "demo-1.0-py3-none.whl",
        "demo-1.0-x-py3-none-any.whl",
        "demo__x-1.0-py3-none-any.whl",
        "_demo-1.0-py3-none-any.whl",
        "demo-1.0-py3-none-a ny.whl",
        "..-1.0-py3-none-any.whl",
        "demo-1.0-py3-none-any.WHL",
    ] {
        trips("filename-invalid", name, &demo().bytes());
    }
}

#[test]
fn filename_invalid_at_ten_thousand_characters() {
    let workspace = Workspace::new();
    let long = "a".repeat(10_000);
    workspace.write("list.jsonl", format!("{{\"filename\": \"{long}-1.0-py3-none-any.whl\"}}\n"));
    let run = workspace.run(&[
        "build",
        "--source",
        "list:list.jsonl",
        "--files-url",
        "https://x.example",
    ]);
    run.fails(1, &["filename-invalid", "10021 bytes, expected at most 246"]);
    assert!(run.stderr.len() < 4_000, "a long name is abridged");
}

#[test]
fn zip_unreadable() {
    let bytes = demo().bytes();
    trips("zip-unreadable", NAME, b"");
    trips("zip-unreadable", NAME, b"this is no zip file");
    trips("zip-unreadable", NAME, &bytes[..bytes.len() - 1]);
    trips("zip-unreadable", NAME, &bytes[..bytes.len() / 2]);
    trips("zip-unreadable", NAME, &bytes[1..]);
}

#[test]
fn dist_info_missing() {
    trips(
        "dist-info-missing",
        NAME,
        &archive(&[("a.txt".to_owned(), b"a zip, no wheel".to_vec())]),
    );
    trips("dist-info-missing", NAME, &archive(&[]));
}

#[test]
fn dist_info_several() {
    let wheel = demo().file("other-1.0.dist-info/METADATA", b"Metadata-Version: 2.1\n");
    trips("dist-info-several", NAME, &wheel.bytes());
}

#[test]
fn dist_info_mismatch() {
    trips("dist-info-mismatch", NAME, &demo().dist_info("other-1.0.dist-info").bytes());
    trips("dist-info-mismatch", NAME, &demo().dist_info("demo-2.0.dist-info").bytes());
    trips("dist-info-mismatch", NAME, &demo().dist_info("demo.dist-info").bytes());
}

#[test]
fn metadata_missing() {
    trips("metadata-missing", NAME, &demo().without("METADATA").bytes());
}

#[test]
fn metadata_invalid() {
    trips(
        "metadata-invalid",
        NAME,
        &demo().metadata(b"Metadata-Version: 2.1\nName: demo\n").bytes(),
    );
    trips("metadata-invalid", NAME, &demo().metadata(b"").bytes());
}

#[test]
fn metadata_invalid_in_latin_1() {
    let latin_1 = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nAuthor: Andr\xe9\n";
    let workspace = Workspace::new();
    workspace.wheel(&demo().metadata(latin_1));
    workspace.run(&["build"]).fails(1, &["metadata-invalid", "not UTF-8: byte 0xe9 at offset 58"]);
}

#[test]
fn wheel_missing() {
    trips("wheel-missing", NAME, &demo().without("WHEEL").bytes());
}

#[test]
fn wheel_invalid() {
    trips("wheel-invalid", NAME, &demo().wheel_file("Tag: py3-none-any\n").bytes());
}

#[test]
fn record_missing() {
    trips("record-missing", NAME, &demo().without("RECORD").bytes());
}

#[test]
fn record_invalid() {
    let path = "demo-1.0.dist-info/RECORD".to_owned();
    let members = [
        ("demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"),
        (
            "demo-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
    ]
    .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
    let with = |row: &str| {
        let mut record = record(&members, &path);
        record.extend_from_slice(row.as_bytes());
        let mut members = members.to_vec();
        members.push((path.clone(), record));
        archive(&members)
    };
    assert_eq!(errors(NAME, &with("")), [""; 0]);
    trips("record-invalid", NAME, &with("demo.py,sha256=x\n"));
    trips("record-invalid", NAME, &with("demo.py,sha256=x,many\n"));
}

#[test]
fn name_mismatch() {
    let other = b"Metadata-Version: 2.1\nName: other\nVersion: 1.0\n";
    trips("name-mismatch", NAME, &demo().metadata(other).bytes());
}

#[test]
fn version_mismatch() {
    let other = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.1\n";
    trips("version-mismatch", NAME, &demo().metadata(other).bytes());
    let other = b"Metadata-Version: 2.1\nName: demo\nVersion: nonsense\n";
    trips("version-mismatch", NAME, &demo().metadata(other).bytes());
}

#[test]
fn local_version_mismatch() {
    // A wheel that was renamed after its build, as flash-attn's are.
    trips("local-version-mismatch", "demo-1.0+cu128torch2.9-py3-none-any.whl", &demo().bytes());
}

#[test]
fn a_damaged_member_is_named() {
    let mut bytes = demo().bytes();
    let at =
        bytes.windows(16).position(|window| window == b"Metadata-Version").unwrap_or_else(|| {
            // Deflated: flip a bit within the compressed METADATA, found by its local header.
            let name = b"METADATA";
            bytes.windows(name.len()).position(|window| window == name).expect("is there")
                + name.len()
                + 4
        });
    bytes[at] ^= 0x10;
    assert_eq!(errors(NAME, &bytes), ["zip-inflate", "metadata-invalid"]);
}

#[test]
fn rejection_keeps_the_old_site_and_exclusion_builds_without() {
    let workspace = Workspace::new();
    workspace.wheel(&demo());
    workspace.build(&[]);
    let before = crate::support::program::tree(&workspace.site());
    workspace.wheel(&Wheel::new("bad", "1.0").without("METADATA"));
    workspace.wheel(&Wheel::new("demo", "1.1"));
    let run = workspace.run(&["build"]);
    run.fails(
        1,
        &[
            "bad-1.0-py3-none-any.whl",
            "metadata-missing",
            "1 of 3 files were rejected",
            "--on-reject exclude",
        ],
    );
    assert_eq!(crate::support::program::tree(&workspace.site()), before);
    let summary = workspace.build(&["--on-reject", "exclude"]);
    assert_eq!((&summary["files"], &summary["rejected"]), (&2.into(), &1.into()));
    let root = workspace.read("site/simple/index.html");
    assert!(root.contains(">demo<") && !root.contains("bad"));

    // The site says what was left out, and why; but not where it lay.
    let left_out = workspace.json("site/rejected.json");
    assert_eq!(left_out["files"][0]["filename"], "bad-1.0-py3-none-any.whl");
    assert_eq!(left_out["files"][0]["findings"][0]["check"], "metadata-missing");
    assert!(left_out["files"][0].get("location").is_none());
    assert!(workspace.read("site/rejected/index.html").contains("bad-1.0-py3-none-any.whl"));
    assert!(workspace.read("site/index.html").contains("href=\"rejected/\""));
    let again = workspace.build(&["--on-reject", "exclude"]);
    assert_eq!(again["pages_written"], 0);
    workspace.wheel(&Wheel::new("bad", "1.0").without("RECORD"));
    workspace.build(&["--on-reject", "exclude"]);
    assert!(workspace.read("site/rejected.json").contains("record-missing"));
    std::fs::remove_file(workspace.path("wheels/bad-1.0-py3-none-any.whl")).expect("removes");
    workspace.build(&[]);
    assert!(!workspace.site().join("rejected.json").exists());
    assert!(!workspace.site().join("rejected").exists());
}

#[test]
fn the_same_filename_with_other_bytes_names_both_places() {
    let workspace = Workspace::new();
    workspace.write(&format!("one/{NAME}"), demo().bytes());
    workspace.write(&format!("two/{NAME}"), demo().header("Summary: other").bytes());
    let both = ["build", "--source", "one", "--source", "two"];
    workspace.run(&both).fails(1, &["one/demo-1.0", "two/demo-1.0", "--on-conflict"]);
    assert!(!workspace.site().exists());
    workspace.write(&format!("two/{NAME}"), demo().bytes());
    assert_eq!(workspace.build(&["--source", "one", "--source", "two"])["files"], 1);
}

#[test]
fn nothing_of_a_hostile_description_gets_into_a_page() {
    let workspace = Workspace::new();
    let hostile =
        "<script>alert(1)</script>\n\n<img src=x onerror=alert(2)>\n\n[x](javascript:alert(3))\n";
    for (name, content_type) in [("a", "text/markdown"), ("b", "text/x-rst"), ("c", "text/html")] {
        workspace.wheel(
            &Wheel::new(name, "1.0")
                .header("Summary: <script>alert(4)</script>")
                .header("Author: \"><script>alert(5)</script>")
                .header("Project-URL: x, javascript:alert(6)")
                .header("Requires-Python: >=3.8,<4")
                .description(content_type, hostile),
        );
    }
    workspace.build(&[]);
    for (path, bytes) in crate::support::program::tree(&workspace.site()) {
        if Path::new(&path).extension().is_some_and(|extension| extension == "html") {
            let html = String::from_utf8(bytes).expect("is UTF-8").to_lowercase();
            assert!(!html.contains("<script>"), "{path}");
            assert!(!html.contains("<img src=\"x\" onerror"), "{path}");
            assert!(!html.contains("href=\"javascript:"), "{path}");
        }
    }
}

#[cfg(unix)]
#[test]
fn an_unreadable_folder_or_file_is_an_error_that_names_it() {
    use std::os::unix::fs::PermissionsExt;
    let workspace = Workspace::new();
    let path = workspace.wheel(&demo());
    let lock = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .expect("sets the mode");
    };
    lock(&path, 0);
    if std::fs::File::open(&path).is_ok() {
        // A superuser reads everything; a folder that is a file fails for everybody.
        workspace
            .run(&["build", "--source", "wheels/nowhere/deeper"])
            .fails(3, &["nowhere/deeper"]);
        return;
    }
    workspace.run(&["build"]).fails(3, &["demo-1.0-py3-none-any.whl", "ermission denied"]);
    lock(&workspace.path("wheels"), 0);
    workspace.run(&["build"]).fails(3, &["wheels", "ermission denied"]);
    lock(&workspace.path("wheels"), 0o755);
    assert!(!workspace.site().exists());
}
