//! The workflows: sound by their linters, small in what they may, and right in what they do.

mod lint;
mod rules;

use std::path::{Path, PathBuf};

use serde_yaml::Value;

use crate::support::{Workspace, repository};

/// A workflow, or a composite action.
struct Workflow {
    path: PathBuf,
    text: String,
    value: Value,
}

impl Workflow {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("reads");
        let value = serde_yaml::from_str(&text).expect("is YAML");
        Self { path: path.to_owned(), text, value }
    }

    /// By its path in the repository.
    fn of_project(path: &str) -> Self {
        Self::read(&repository(path))
    }

    /// Its jobs by name; an action has none.
    fn jobs(&self) -> Vec<(&str, &Value)> {
        let jobs = self.value.get("jobs").and_then(Value::as_mapping);
        let jobs = jobs.into_iter().flatten();
        jobs.map(|(name, job)| (name.as_str().expect("is text"), job)).collect()
    }

    /// All steps, of whatever job.
    fn steps(&self) -> Vec<&Value> {
        let jobs = self.jobs();
        let owners = jobs.into_iter().map(|(_, job)| job).chain(self.value.get("runs"));
        let lists = owners.filter_map(|owner| owner.get("steps")?.as_sequence());
        lists.flatten().collect()
    }

    /// The scripts of all steps.
    fn scripts(&self) -> Vec<&str> {
        self.steps().into_iter().filter_map(|step| step.get("run")?.as_str()).collect()
    }
}

/// Every workflow and action of the project.
fn of_project() -> Vec<Workflow> {
    let files = walkdir::WalkDir::new(repository(".github")).sort_by_file_name();
    let files = files.into_iter().map(|entry| entry.expect("lists").into_path());
    files
        .filter(|path| path.extension().is_some_and(|it| it == "yml"))
        .map(|it| Workflow::read(&it))
        .collect()
}

/// A folder with what `init` writes for `octo/wheels`.
fn initialized() -> Workspace {
    let workspace = Workspace::new();
    let run = workspace.run(&["init", "made", "--repository", "octo/wheels"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    workspace
}
