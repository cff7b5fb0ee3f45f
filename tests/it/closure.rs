//! `check --closure`: whether each channel has what its wheels require.

use serde_json::Value;

use crate::support::{Run, Wheel, Workspace};

/// `demo` for three CUDA versions, each with its torch, and a helper that fits all.
fn fill(workspace: &Workspace) {
    for local in ["cu126", "cu128", "cu130"] {
        workspace.wheel(
            &Wheel::new("demo", &format!("1.0+{local}"))
                .header("Requires-Dist: torch==2.9.0")
                .header("Requires-Dist: helper"),
        );
        workspace.wheel(&Wheel::new("torch", &format!("2.9.0+{local}")));
    }
    workspace.wheel(&Wheel::new("helper", "1.0"));
}

fn check(workspace: &Workspace, arguments: &[&str]) -> Run {
    let mut all = vec!["check", "wheels", "--closure"];
    all.extend(arguments);
    workspace.run(&all)
}

/// Files and messages of what is not satisfied.
fn unsatisfied(run: &Run) -> Vec<(String, String)> {
    let report = run.json();
    let mut all = Vec::new();
    for file in report["files"].as_array().expect("is a list") {
        for finding in file["findings"].as_array().expect("is a list") {
            if finding["check"] == "closure-unsatisfied" {
                assert_eq!(
                    (&finding["severity"], &file["accepted"]),
                    (&"error".into(), &false.into())
                );
                let text = |value: &Value| value.as_str().expect("is text").to_owned();
                all.push((text(&file["filename"]), text(&finding["message"])));
            }
        }
    }
    assert_eq!(run.code, Some(i32::from(!all.is_empty())), "{}", run.stderr);
    all
}

fn remove(workspace: &Workspace, name: &str) {
    std::fs::remove_file(workspace.path("wheels").join(name)).expect("removes");
}

#[test]
fn a_removed_pin_is_found_in_its_channel_and_only_there() {
    let workspace = Workspace::new();
    fill(&workspace);
    assert_eq!(unsatisfied(&check(&workspace, &["--format", "json"])), []);
    remove(&workspace, "torch-2.9.0+cu128-py3-none-any.whl");
    let found = unsatisfied(&check(&workspace, &["--format", "json"]));
    let name = "demo-1.0+cu128-py3-none-any.whl";
    let message = format!(
        "`{name}` requires `torch==2.9.0` for Python 3.9 on linux x86_64 and 5 more, found no version \
         of `torch` in the channel `cu128`; upstreams asked: none"
    );
    assert_eq!(found, [(name.to_owned(), message)]);
    workspace.wheel(&Wheel::new("torch", "2.8.0+cu128"));
    let found = unsatisfied(&check(&workspace, &["--format", "json"]));
    assert!(
        found.len() == 1 && found[0].1.contains("only 2.8.0+cu128 in the channel `cu128`"),
        "{found:?}"
    );
    // Without the flag, and where the policy allows it, nothing is said.
    let without = workspace.run(&["check", "wheels"]);
    assert_eq!(without.code, Some(0), "{}", without.stderr);
    assert_eq!(check(&workspace, &["--allow", "closure-unsatisfied"]).code, Some(0));
    let allowed = format!("closure-unsatisfied:{name}");
    assert_eq!(check(&workspace, &["--allow", &allowed]).code, Some(0));
    // Without channels there is one index, and it has another torch.
    workspace.write("config/site.yml", "channels: off\n");
    assert_eq!(unsatisfied(&check(&workspace, &["--format", "json"])), []);
}

#[test]
fn a_helper_that_fits_all_is_checked_in_each_channel() {
    let workspace = Workspace::new();
    fill(&workspace);
    workspace.wheel(&Wheel::new("helper", "1.1").header("Requires-Dist: torch==2.9.0+cu126"));
    let found = unsatisfied(&check(&workspace, &["--format", "json"]));
    let files: Vec<&str> = found.iter().map(|(file, _)| file.as_str()).collect();
    assert_eq!(files, ["helper-1.1-py3-none-any.whl"; 2]);
    assert!(found[0].1.contains("`cu128`") && found[1].1.contains("`cu130`"), "{found:?}");
}

#[test]
fn markers_and_extras_decide_what_is_required() {
    let workspace = Workspace::new();
    workspace.wheel(
        &Wheel::new("demo", "1.0+cu128")
            .header("Requires-Python: >=3.10")
            .header("Requires-Dist: gone ; python_version < '3.10'")
            .header("Requires-Dist: gone ; sys_platform == 'win32'")
            .header("Requires-Dist: gone ; extra == 'dev'")
            .header("Requires-Dist: gone @ https://gone.invalid/gone.tar.gz")
            .header("Requires-Dist: helper[fast]"),
    );
    workspace.wheel(&Wheel::new("helper", "1.0").header("Requires-Dist: faster ; extra == 'fast'"));
    let run = check(&workspace, &["--format", "json"]);
    let found = unsatisfied(&run);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].0.starts_with("helper-1.0") && found[0].1.contains("`faster ; extra == 'fast'`")
    );
    assert!(
        run.stderr.contains("passed over a requirement that names a URL: `gone @"),
        "{}",
        run.stderr
    );
    workspace.wheel(&Wheel::new("faster", "1.0"));
    assert_eq!(unsatisfied(&check(&workspace, &["--format", "json"])), []);
}

#[test]
fn upstream_is_asked_only_when_named_and_once_for_a_name() {
    let upstream = Workspace::new();
    upstream.wheel(&Wheel::new("torch", "2.9.0"));
    upstream.wheel(&Wheel::new("never", "1.0"));
    upstream.build(&[]);
    let served = upstream.serve(&[]);
    let workspace = Workspace::new();
    fill(&workspace);
    for local in ["cu126", "cu128", "cu130"] {
        remove(&workspace, &format!("torch-2.9.0+{local}-py3-none-any.whl"));
    }
    workspace.wheel(&Wheel::new("extra", "1.0").header("Requires-Dist: absent"));
    assert_eq!(unsatisfied(&check(&workspace, &["--format", "json"])).len(), 6);
    assert_eq!(served.log(), [""; 0]);
    let index = served.index();
    for (config, arguments) in [
        (String::new(), vec!["--format", "json", "--upstream", &index]),
        (format!("upstreams: [{index}]\n"), vec!["--format", "json"]),
    ] {
        workspace.write("config/site.yml", config);
        let before = served.log().len();
        let found = unsatisfied(&check(&workspace, &arguments));
        assert_eq!(found.len(), 3, "{found:?}");
        for (file, message) in &found {
            assert!(file.starts_with("extra-1.0"), "{file}");
            assert!(message.contains(&format!("upstreams asked: `{index}`")), "{message}");
            assert!(message.contains("no version of `absent`"), "{message}");
        }
        let log = served.log();
        let asked: Vec<&str> =
            log[before..].iter().filter_map(|line| line.split(' ').nth(1)).collect();
        assert_eq!(asked.len(), 2, "{asked:?}");
        for name in ["torch", "absent"] {
            assert!(asked.contains(&&*format!("/simple/{name}/")), "{asked:?}");
        }
    }
    // A build asks nobody.
    let before = served.log().len();
    workspace.build(&[]);
    assert_eq!(served.log().len(), before);
    let refused = check(&workspace, &["--upstream", "http://127.0.0.1:1/simple/"]);
    refused.fails(3, &["127.0.0.1:1"]);
}

#[test]
fn every_output_names_it() {
    let workspace = Workspace::new();
    fill(&workspace);
    remove(&workspace, "torch-2.9.0+cu130-py3-none-any.whl");
    let name = "demo-1.0+cu130-py3-none-any.whl";
    let human = check(&workspace, &[]);
    assert_eq!(human.code, Some(1));
    for text in
        ["rejected wheels/demo-1.0+cu130", "error[closure-unsatisfied]", "`torch==2.9.0`", "hint: "]
    {
        assert!(human.stdout.contains(text), "{text} in {}", human.stdout);
    }
    assert!(human.stderr.contains("5 accepted, 1 rejected"), "{}", human.stderr);
    let github = check(&workspace, &["--format", "github"]);
    let expected =
        format!("::error file=wheels/{name},title=closure-unsatisfied::`{name}` requires");
    assert!(github.stdout.lines().any(|line| line.starts_with(&expected)), "{}", github.stdout);
    let sarif = check(&workspace, &["--format", "sarif"]);
    let log = sarif.json();
    let results = log["runs"][0]["results"].as_array().expect("is a list");
    assert_eq!(results.iter().filter(|it| it["ruleId"] == "closure-unsatisfied").count(), 1);
}

#[test]
fn usage_is_checked() {
    let workspace = Workspace::new();
    fill(&workspace);
    workspace
        .run(&["check", "wheels", "--upstream", "https://x.example/"])
        .fails(2, &["--closure"]);
    check(&workspace, &["--upstream", "nonsense"]).fails(2, &["--upstream", "expected a URL"]);
    workspace.write("config/site.yml", "upstreams: ['ftp://x']\n");
    check(&workspace, &[]).fails(2, &["`upstreams`"]);
    // Files that are named, and wheels that are rejected for another reason.
    workspace.write("config/site.yml", "");
    let run = workspace.run(&[
        "check",
        "wheels/demo-1.0+cu126-py3-none-any.whl",
        "--closure",
        "--format",
        "json",
    ]);
    assert_eq!(unsatisfied(&run).len(), 2);
    workspace.wheel(&Wheel::new("helper", "1.0").without("RECORD"));
    let run = check(&workspace, &["--format", "json"]);
    assert_eq!(run.code, Some(1));
    assert_eq!(unsatisfied(&run).len(), 3, "what is rejected satisfies nothing");
}
