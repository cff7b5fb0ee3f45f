//! A runner for workflows: the jobs of a file in order, their steps as GitHub runs them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

use super::actions::Kept;
use super::expression::Context;
use crate::support::{Run, Workshop};

/// How a run of a workflow ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// `success`, `failure` or `skipped`, by job.
    pub(super) results: BTreeMap<String, String>,
    /// The `id` of each row of a matrix, and whether it worked.
    pub(super) rows: BTreeMap<String, bool>,
    /// What each job gives to others.
    pub(super) outputs: BTreeMap<String, Value>,
    /// What the steps have said.
    pub(super) log: String,
}

impl Ended {
    pub(super) fn result(&self, job: &str) -> &str {
        self.results.get(job).map_or("", String::as_str)
    }
}

/// Runs workflows against what is kept of earlier runs.
pub(super) struct Runner<'r> {
    pub(super) workshop: &'r Workshop,
    pub(super) kept: &'r Kept,
    /// What GitHub says to every step.
    pub(super) environment: Vec<(String, String)>,
    /// How many runs there were.
    pub(super) runs: u32,
}

/// A job at work.
struct Job<'j> {
    context: Context,
    workspace: PathBuf,
    environment: BTreeMap<String, String>,
    runner: &'j Runner<'j>,
    log: String,
}

impl Runner<'_> {
    /// Runs the jobs of a workflow, each when those that it needs have ended.
    pub(super) fn run(&mut self, workflow: &str, inputs: &Value) -> Ended {
        self.runs += 1;
        let _ = std::fs::remove_dir_all(self.kept.folder.join("artifacts"));
        let workflow: Value = serde_yaml::from_str(workflow).expect("is YAML");
        let mut ended = Ended::default();
        let mut needs = Map::new();
        let jobs = workflow["jobs"].as_object().expect("has jobs");
        while needs.len() < jobs.len() {
            let ready = |job: &Value| needed(job).iter().all(|it| needs.contains_key(*it));
            let mut next = jobs.iter().filter(|(name, _)| !needs.contains_key(*name));
            let (name, job) = next.find(|(_, job)| ready(job)).expect("no job needs itself");
            let needed = needed(job);
            let seen: Map<_, _> =
                needed.iter().map(|it| ((*it).to_owned(), needs[*it].clone())).collect();
            let failed = seen.values().any(|job| job["result"] != "success");
            let run_id =
                json!({"run_id": self.runs.to_string(), "run_attempt": "1", "token": super::TOKEN});
            let values = json!({
                "github": run_id, "inputs": inputs, "needs": seen,
                "runner": {"environment": "self-hosted"},
            });
            let values = values.as_object().expect("is one").clone();
            let context = Context { values, failed };
            let mut outputs = json!({});
            let result = if context.holds(job.get("if")) {
                let mut works = true;
                let matrix = context.fill(job["strategy"]["matrix"].as_str().unwrap_or_default());
                // A job without a matrix is one row.
                let rows = matrix.get("include").and_then(Value::as_array).cloned();
                let rows = rows.unwrap_or_else(|| vec![Value::Null]);
                for row in rows {
                    let id = row["id"].as_str().map(str::to_owned);
                    let mut context = context.clone();
                    context.failed = false;
                    context.values.insert("matrix".to_owned(), row);
                    let worked =
                        self.job(name, &workflow, job, context, &mut outputs, &mut ended.log);
                    works &= worked;
                    ended.rows.extend(id.map(|id| (id, worked)));
                }
                if works { "success" } else { "failure" }
            } else {
                "skipped"
            };
            needs.insert(name.clone(), json!({"result": result, "outputs": outputs}));
            ended.results.insert(name.clone(), result.to_owned());
            ended.outputs.insert(name.clone(), outputs);
        }
        ended
    }

    /// Runs one job alone, as if those before it had ended in this way; gives its outputs if it worked.
    pub(super) fn only(&self, workflow: &str, name: &str, values: &Value) -> Option<Value> {
        let workflow: Value = serde_yaml::from_str(workflow).expect("is YAML");
        let job = &workflow["jobs"][name];
        let values = values.as_object().expect("is one").clone();
        let context = Context { values, failed: false };
        let (mut outputs, mut log) = (json!({}), String::new());
        let runs = context.holds(job.get("if"));
        let worked = runs && self.job(name, &workflow, job, context, &mut outputs, &mut log);
        assert!(worked || !runs, "{log}");
        worked.then_some(outputs)
    }

    /// Runs a job, or one row of it; says whether it worked.
    fn job(
        &self,
        name: &str,
        workflow: &Value,
        job: &Value,
        context: Context,
        outputs: &mut Value,
        log: &mut String,
    ) -> bool {
        let workspace = tempfile::tempdir_in(&self.kept.folder).expect("makes a folder");
        let mut environment: BTreeMap<String, String> = self.environment.iter().cloned().collect();
        for value in [&workflow["env"], &job["env"]] {
            environment.extend(filled(value, &context));
        }
        let path = workspace.path().join("workspace");
        std::fs::create_dir(&path).expect("makes a folder");
        let mut at_work =
            Job { context, workspace: path, environment, runner: self, log: String::new() };
        at_work.context.values.insert("steps".to_owned(), json!({}));
        for (number, step) in job["steps"].as_array().expect("has steps").iter().enumerate() {
            if !at_work.context.holds(step.get("if")) {
                continue;
            }
            at_work.log.push_str(&format!("== {name}, step {number}\n"));
            let given = at_work.step(step, workspace.path());
            at_work.context.failed |= given.is_none();
            if let Some(id) = step["id"].as_str() {
                let steps = at_work.context.values["steps"].as_object_mut().expect("is one");
                steps.insert(id.to_owned(), json!({"outputs": given.unwrap_or_default()}));
            }
        }
        for (name, value) in job["outputs"].as_object().into_iter().flatten() {
            outputs[name] = at_work.context.fill(value.as_str().expect("is text"));
        }
        log.push_str(&at_work.log);
        !at_work.context.failed
    }
}

/// The jobs that a job waits for.
fn needed(job: &Value) -> Vec<&str> {
    match &job["needs"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The values of a mapping, with expressions evaluated.
fn filled(mapping: &Value, context: &Context) -> BTreeMap<String, String> {
    let entries = mapping.as_object().into_iter().flatten();
    entries.map(|(name, value)| (name.clone(), context.text(value))).collect()
}

impl Job<'_> {
    /// Runs a step; gives its outputs, or none where it fails.
    fn step(&mut self, step: &Value, scratch: &Path) -> Option<Map<String, Value>> {
        if let Some(used) = step["uses"].as_str() {
            let (action, _) = used.split_once('@').expect("is pinned");
            let with = step["with"].as_object().cloned().unwrap_or_default();
            let fill = |value: Value| match value {
                Value::String(text) => self.context.fill(&text),
                other => other,
            };
            let with = with.into_iter().map(|(name, value)| (name, fill(value))).collect();
            return self.runner.kept.act(action, &with, &self.workspace);
        }
        let script = scratch.join("script.sh");
        std::fs::write(&script, step["run"].as_str().expect("runs something")).expect("writes");
        let [output, summary] = ["output.txt", "summary.md"].map(|name| scratch.join(name));
        std::fs::write(&output, "").expect("writes");
        let mut bash = Command::new("bash");
        bash.args(["--noprofile", "--norc", "-eo", "pipefail"]).arg(&script);
        self.runner.workshop.confine(&mut bash);
        bash.envs(&self.environment)
            .envs(filled(&step["env"], &self.context))
            .env("GITHUB_OUTPUT", &output)
            .env("GITHUB_STEP_SUMMARY", &summary)
            .env("GITHUB_WORKSPACE", &self.workspace)
            .current_dir(&self.workspace);
        let run = Run::of(&mut bash);
        self.log.push_str(&format!("{}{}", run.stdout, run.stderr));
        let written = std::fs::read_to_string(&output).expect("reads");
        let pairs = written.lines().map(|line| line.split_once('=').expect("is NAME=VALUE"));
        let outputs = pairs.map(|(name, value)| (name.to_owned(), value.into())).collect();
        (run.code == Some(0)).then_some(outputs)
    }
}
