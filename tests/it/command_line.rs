//! The command line is a contract: names, exit codes, and the JSON that scripts read.

use serde_json::Value;

use crate::support::{Wheel, Workspace};

#[test]
fn help_names_every_command_and_nothing_that_is_not_there() {
    let help = Workspace::new().run(&["--help"]);
    assert_eq!(help.code, Some(0));
    for command in [
        "build",
        "check",
        "inspect",
        "repair",
        "publish",
        "serve",
        "doctor",
        "theme",
        "init",
        "completions",
    ] {
        assert!(help.stdout.contains(&format!("  {command} ")), "{command} in {}", help.stdout);
    }
    let help = Workspace::new().run(&["check", "--help"]);
    for flag in ["--closure", "--upstream <URL>"] {
        assert!(help.stdout.contains(flag), "{flag} in {}", help.stdout);
    }
}

#[test]
fn usage_errors_exit_with_2() {
    let workspace = Workspace::new();
    for arguments in [
        &["nonsense"][..],
        &["build", "--nonsense"],
        &["build", "--files", "teleport"],
        &["build", "--host", "nowhere"],
        &["build", "--jobs", "0"],
        &["build", "--source", "ftp://x"],
        &["build", "--files-url", "nonsense"],
        &["build", "--config", "missing.yml"],
        &["build", "--theme", "missing"],
        &["check"],
        &["build", "--quiet", "--verbose"],
    ] {
        let run = workspace.run(arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}: {}", run.stderr);
        assert!(!run.stderr.is_empty());
        assert!(!workspace.site().exists());
    }
}

#[test]
fn a_missing_folder_exits_with_3_and_an_empty_one_with_1() {
    let workspace = Workspace::new();
    workspace
        .run(&["build", "--source", "nowhere"])
        .fails(3, &["`nowhere` does not exist", "hint:"]);
    workspace
        .run(&["build"])
        .fails(1, &["no distribution was found in `dir:wheels`", "--allow-empty"]);
    assert!(!workspace.site().exists());
    workspace.build(&["--allow-empty"]);
    assert!(workspace.site().join("simple/index.html").is_file());
}

#[test]
fn configuration_errors_name_key_line_and_nearest_key() {
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new("demo", "1.0"));
    workspace.write("config/site.yml", "title: x\nsite-url: https://x.example\n");
    workspace.run(&["build"]).fails(2, &["`site-url`", "line 2", "did you mean `site_url`?"]);
    workspace.write("config/site.yml", "title: [\n");
    workspace.run(&["build"]).fails(2, &["config/site.yml"]);
    workspace.write("config/site.yml", "title: Mine\n");
    workspace.build(&[]);
    assert!(workspace.read("site/index.html").contains("<h1>Mine</h1>"));
}

#[test]
fn stdout_is_data_and_nothing_else() {
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new("demo", "1.0"));
    let run = workspace.run(&["build"]);
    assert_eq!((run.code, &*run.stdout), (Some(0), ""));
    assert!(run.stderr.contains("1 file in 1 project"), "{}", run.stderr);
    assert!(!run.stderr.contains('\u{1b}'), "no colors where there is no terminal");
    let quiet = workspace.run(&["build", "--quiet", "--refresh"]);
    assert_eq!((&*quiet.stdout, &*quiet.stderr), ("", ""));
    let json = workspace.build(&["--refresh"]);
    assert_eq!(json["projects"], 1);
    assert_eq!(json["accepted"], 1);
    assert!(json["bytes_read"].as_u64().is_some_and(|bytes| bytes > 0));
}

#[test]
fn check_prints_the_object_that_scripts_rely_on() {
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new("good", "1.0"));
    workspace.wheel(&Wheel::new("bad", "1.0").without("RECORD"));
    let run = workspace.run(&["check", "wheels", "--format", "json"]);
    assert_eq!(run.code, Some(1));
    let report = run.json();
    assert_eq!((&report["accepted"], &report["rejected"]), (&1.into(), &1.into()));
    let bad = &report["files"][0];
    assert_eq!(bad["filename"], "bad-1.0-py3-none-any.whl");
    assert_eq!(bad["location"], "wheels/bad-1.0-py3-none-any.whl");
    assert_eq!(bad["accepted"], false);
    let finding = &bad["findings"][0];
    assert_eq!(
        (&finding["check"], &finding["severity"]),
        (&"record-missing".into(), &"error".into())
    );
    assert!(finding["message"].is_string() && finding["hint"].is_string());
    assert_eq!(report["files"][1]["findings"], Value::Array(Vec::new()));
    let good = workspace.run(&["check", "wheels/good-1.0-py3-none-any.whl", "--format", "json"]);
    assert_eq!(good.code, Some(0));
}

#[test]
fn a_named_file_is_judged_whatever_its_name() {
    let workspace = Workspace::new();
    workspace.write("wheels/good.zip.bak", Wheel::new("good", "1.0").bytes());
    let run = workspace.run(&["check", "wheels/good.zip.bak", "--format", "json"]);
    assert_eq!(run.code, Some(1));
    assert_eq!(run.json()["files"][0]["findings"][0]["check"], "filename-invalid");
    // In a folder it is no distribution.
    let run = workspace.run(&["check", "wheels", "--format", "json"]);
    assert_eq!((run.code, &run.json()["files"]), (Some(0), &Value::Array(Vec::new())));
    workspace.run(&["check", "wheels/nowhere.whl"]).fails(3, &["nowhere.whl"]);
}

#[test]
fn inspect_says_what_a_wheel_says_of_itself() {
    let workspace = Workspace::new();
    let wheel = Wheel::new("Demo.Pkg", "1.0+cu128")
        .header("Requires-Python: >=3.9")
        .header("Requires-Dist: numpy>=2 ; extra == \"fast\"");
    let path = workspace.wheel(&wheel);
    let path = path.to_str().expect("is UTF-8");
    let run = workspace.run(&["inspect", path, "--format", "json"]);
    let report = run.json();
    assert_eq!(report["filename"], "Demo_Pkg-1.0+cu128-py3-none-any.whl");
    assert_eq!((&report["name"], &report["version"]), (&"Demo.Pkg".into(), &"1.0+cu128".into()));
    assert_eq!(report["tags"][0], "py3-none-any");
    assert_eq!(report["requires_python"], ">=3.9");
    assert_eq!(report["requires_dist"][0], "numpy>=2 ; extra == \"fast\"");
    assert_eq!(report["size"], std::fs::metadata(path).expect("is there").len());
    assert_eq!(report["sha256"].as_str().map(str::len), Some(64));
    assert!(workspace.run(&["inspect", path]).stdout.contains("requires-python  >=3.9"));
    workspace.run(&["inspect", "nowhere.whl"]).fails(3, &["nowhere.whl"]);
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let run = Workspace::new().run(&["completions", shell]);
        assert_eq!(run.code, Some(0));
        assert!(run.stdout.contains("on-conflict"), "{shell}");
    }
}

#[test]
fn a_source_that_cannot_be_carried_or_linked_is_a_usage_error() {
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new("demo", "1.0"));
    workspace.write("list.jsonl", "{\"filename\": \"demo-1.0-py3-none-any.whl\"}\n");
    workspace
        .run(&["build", "--source", "list:list.jsonl"])
        .fails(2, &["has no URL of its own", "--files-url"]);
    workspace
        .run(&["build", "--source", "list:list.jsonl", "--files", "copy"])
        .fails(2, &["cannot carry them", "--files-url"]);
    workspace
        .run(&["build", "--files", "link"])
        .fails(2, &["has no URL of its own", "--files-url"]);
    workspace
        .run(&["build", "--files", "copy", "--files-url", "https://x.example"])
        .fails(2, &["leave out one of the two"]);
    workspace.write("list.jsonl", "{\"filename\": \n");
    let list = ["build", "--source", "list:list.jsonl", "--files-url", "https://x.example"];
    workspace.run(&list).fails(3, &["line 1 of the package list"]);
    assert!(!workspace.site().exists());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let workspace = Workspace::new();
    let mut child = workspace
        .command(&["completions", "bash"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
