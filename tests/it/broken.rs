//! Broken input, and what it must not do: to a site, to its pages, to who reads the messages.
//!
//! What each check finds is tested in [`super::checks`].

use std::path::Path;

use crate::support::{Wheel, Workspace};

const NAME: &str = "demo-1.0-py3-none-any.whl";

fn demo() -> Wheel {
    Wheel::new("demo", "1.0")
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
fn metadata_invalid_in_latin_1() {
    let latin_1 = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nAuthor: Andr\xe9\n";
    let workspace = Workspace::new();
    workspace.wheel(&demo().metadata(latin_1));
    workspace.run(&["build"]).fails(1, &["metadata-invalid", "not UTF-8: byte 0xe9 at offset 58"]);
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
