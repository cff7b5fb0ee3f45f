//! What machines and browsers parse is what the standards say, by other people's parsers.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Run, Wheel, Workspace, program, repository, tools};

/// Texts with everything that HTML and JSON have to escape.
const MARKUP: &str = r#"</title></script><script>alert("1")</script> & 'quotes' \ &lt; é 輪"#;

/// Runs one of the tests' scripts with the clients' packages; none where these are missing.
fn script(workspace: &Workspace, name: &str, arguments: &[&str]) -> Option<Run> {
    let mut python = Command::new(tools::clients()?.join("python"));
    workspace.confine(&mut python);
    python.arg("-I").arg(repository("tests/it/scripts").join(name)).args(arguments);
    Some(Run::of(&mut python))
}

/// Expects that both forms of the served index say the same, and the truth.
#[track_caller]
fn both_forms_agree(workspace: &Workspace, wheels: &Path, expected: &str) {
    let served = workspace.serve(&[]);
    let arguments = [&*served.index(), text(wheels)];
    let Some(run) = script(workspace, "compare_forms.py", &arguments) else { return };
    assert_eq!((run.code, &*run.stdout), (Some(0), expected), "{}", run.stderr);
}

/// Expects that a strict parser has nothing to say about any HTML file of the site.
#[track_caller]
fn html_is_valid(workspace: &Workspace) {
    let Some(run) = script(workspace, "strict_html.py", &[text(&workspace.site())]) else { return };
    let files = program::tree(&workspace.site());
    let count = files.keys().filter(|path| path.ends_with(".html")).count();
    assert_eq!((run.code, run.stdout), (Some(0), format!("{count} files\n")), "{}", run.stderr);
}

/// Every page of the simple API in JSON.
fn json_pages(workspace: &Workspace) -> Vec<(String, Value)> {
    let files = program::tree(&workspace.site());
    let pages = files.into_iter().filter(|(path, _)| path.ends_with(".v1_json"));
    pages
        .map(|(path, bytes)| {
            let page = serde_json::from_slice(&bytes);
            let page = page.unwrap_or_else(|error| panic!("{path}: {error}"));
            (path, page)
        })
        .collect()
}

/// The place of a null in a value.
fn null_in(value: &Value) -> Option<String> {
    let below = |key: &str, value| null_in(value).map(|place| format!("/{key}{place}"));
    match value {
        Value::Null => Some(String::new()),
        Value::Array(values) => {
            values.iter().enumerate().find_map(|(at, value)| below(&at.to_string(), value))
        }
        Value::Object(members) => members.iter().find_map(|(key, value)| below(key, value)),
        _ => None,
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("is UTF-8")
}

/// A site of the real wheels, with a project of each status and something yanked.
fn of_real_wheels() -> Option<(Workspace, &'static Path)> {
    let wheels = tools::real_wheels()?;
    let workspace = Workspace::new();
    workspace.write(
        "config/site.yml",
        "projects:\n  idna:\n    yanked:\n      \"3.20\": breaks on purpose\n  \
         six:\n    status: archived\n    status_reason: Python 2 is over\n  \
         networkx:\n    status: deprecated\n",
    );
    workspace.build(&["--source", text(wheels)]);
    Some((workspace, wheels))
}

/// A site of wheels whose every free text is markup.
fn of_markup() -> Workspace {
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new("plain", "1.0"));
    for (version, content_type) in [("1.0+cu128", "text/markdown"), ("1.1", "text/x-rst")] {
        workspace.wheel(
            &Wheel::new("Mark.Up", version)
                .header(&format!("Summary: {MARKUP}"))
                .header(&format!("Author: {MARKUP}"))
                .header(&format!("License: {MARKUP}"))
                .header(&format!("Project-URL: {MARKUP}, https://x.example/?a=\"<b>\"&c='d'"))
                .header("Requires-Python: >=3.8, <4, !=3.9.*")
                .header("Requires-Dist: plain>=1,<2; python_version<\"3.9\"")
                .description(content_type, &format!("# T\n\n{MARKUP}\n\n<p><b><div>x</p>")),
        );
    }
    let quoted = serde_json::to_string(MARKUP).expect("serializes");
    workspace.write(
        "config/site.yml",
        format!(
            "title: {quoted}\ndescription: {quoted}\nprojects:\n  mark-up:\n    \
             description: {quoted}\n    status: archived\n    status_reason: {quoted}\n    \
             yanked:\n      \"1.0\": {quoted}\n"
        ),
    );
    workspace.build(&[]);
    workspace
}

#[test]
fn an_index_client_reads_the_same_from_both_forms() {
    let Some((workspace, wheels)) = of_real_wheels() else { return };
    both_forms_agree(&workspace, wheels, "15 projects, 58 files\n");
}

#[test]
fn every_page_of_real_projects_is_valid_html() {
    let Some((workspace, _)) = of_real_wheels() else { return };
    html_is_valid(&workspace);
}

#[test]
fn no_json_page_has_a_null() {
    let Some((workspace, _)) = of_real_wheels() else { return };
    let pages = json_pages(&workspace);
    assert_eq!(pages.len(), 16, "the root and the projects");
    for (path, page) in pages {
        assert_eq!(null_in(&page), None, "{path}");
    }
}

#[test]
fn markup_in_metadata_and_configuration_stays_text() {
    let workspace = of_markup();
    for (path, page) in json_pages(&workspace) {
        assert_eq!(null_in(&page), None, "{path}");
    }
    let page = workspace.json("site/simple/mark-up/index.v1_json");
    assert_eq!(page["project-status"]["reason"], MARKUP);
    assert_eq!(page["files"][0]["yanked"], MARKUP);
    html_is_valid(&workspace);
    both_forms_agree(&workspace, &workspace.path("wheels"), "2 projects, 3 files\n");
}

#[test]
fn what_is_unknown_is_left_out_and_not_null() {
    let workspace = Workspace::new();
    let digest = "0".repeat(64);
    workspace.write(
        "list.jsonl",
        format!(
            "{{\"filename\": \"bare-1.0-py3-none-any.whl\"}}\n\
             {{\"filename\": \"hashed-1.0.tar.gz\", \"hash\": \"sha256={digest}\"}}\n"
        ),
    );
    workspace.build(&["--source", "list:list.jsonl", "--files-url", "https://files.example/"]);
    let pages = json_pages(&workspace);
    assert_eq!(pages.len(), 3);
    for (path, page) in &pages {
        assert_eq!(null_in(page), None, "{path}");
    }
    let bare = workspace.json("site/simple/bare/index.v1_json");
    let expected = serde_json::json!([{
        "filename": "bare-1.0-py3-none-any.whl",
        "url": "https://files.example/bare-1.0-py3-none-any.whl",
        "hashes": {},
    }]);
    assert_eq!(bare["files"], expected);
    html_is_valid(&workspace);
}
