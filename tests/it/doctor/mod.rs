//! What `doctor` finds in indexes that are right but for one thing, and that it finds nothing else.

mod clients;
mod documentation;
mod flawed;
mod hostile;
mod others;
mod pages;
mod planted;
mod site;

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Run, Served, Wheel, Workspace};
use flawed::{Asked, Flawed, Reply};

/// An index that is right, and the server that has it.
struct Index {
    workspace: Workspace,
    served: Served,
}

/// What `doctor` said.
struct Said {
    run: Run,
    report: Value,
}

impl Index {
    /// Two projects, one with two releases.
    fn new() -> Self {
        Self::built(&[])
    }

    /// In HTML alone.
    fn html() -> Self {
        Self::built(&["--host", "github-pages"])
    }

    fn built(arguments: &[&str]) -> Self {
        let workspace = Workspace::new();
        for version in ["1.0", "1.1"] {
            workspace.wheel(&Wheel::new("demo-pkg", version).header("Requires-Python: >=3.8"));
        }
        workspace.wheel(&Wheel::new("other", "2.0"));
        workspace.build(arguments);
        let served = workspace.serve(&[]);
        Self { workspace, served }
    }

    /// With a flaw on the way. The state of the site is hidden, for pages are not those of the state.
    fn flawed(&self, plant: impl Fn(&Asked, &mut Reply) + Send + Sync + 'static) -> Flawed {
        Flawed::before(&self.served.url, move |asked, reply| {
            if asked.path.ends_with("wheelsite.json") {
                *reply = Reply::new(404, "text/plain", "");
            }
            plant(asked, reply);
        })
    }
}

/// Looks at an index, without patience.
fn doctor(workspace: &Workspace, arguments: &[&str]) -> Run {
    let mut command = workspace.command(&["doctor"]);
    command.args(arguments);
    command
        .env("WHEELSITE_HTTP_RETRIES", "1")
        .env("WHEELSITE_HTTP_RETRY_DELAY", "1")
        .env("WHEELSITE_HTTP_TIMEOUT", "20")
        .env("NO_PROXY", "127.0.0.1");
    Run::of(&mut command)
}

fn examine(workspace: &Workspace, url: &str, arguments: &[&str]) -> Said {
    let mut all = vec![url, "--format", "json"];
    all.extend(arguments);
    let run = doctor(workspace, &all);
    let report = serde_json::from_str(&run.stdout);
    let report = report.unwrap_or_else(|error| panic!("{error}: {}", run.stderr));
    Said { run, report }
}

/// What is found with a flaw on the way.
fn planted(plant: impl Fn(&Asked, &mut Reply) + Send + Sync + 'static) -> Said {
    let index = Index::new();
    let flawed = index.flawed(plant);
    examine(&index.workspace, &format!("{}simple/", flawed.url), &["--download"])
}

impl Said {
    /// The checks that found something, each once.
    fn checks(&self) -> BTreeSet<&str> {
        self.findings().map(|finding| finding["check"].as_str().expect("is a text")).collect()
    }

    fn findings(&self) -> impl Iterator<Item = &Value> {
        self.report["findings"].as_array().expect("is a list").iter()
    }

    /// Expects findings of one check alone, with this severity, one of them with these texts.
    #[track_caller]
    fn is(&self, check: &str, severity: &str, texts: &[&str]) -> &Self {
        assert_eq!(self.checks(), BTreeSet::from([check]), "{:#}", self.report["findings"]);
        self.has(check, severity, texts)
    }

    /// Expects a finding of a check, with this severity and these texts.
    #[track_caller]
    fn has(&self, check: &str, severity: &str, texts: &[&str]) -> &Self {
        let is_it = |finding: &&Value| {
            let message = finding["message"].as_str().expect("is a text");
            finding["check"] == check && texts.iter().all(|text| message.contains(text))
        };
        let found = self.findings().find(is_it);
        let found = found.unwrap_or_else(|| panic!("{check} {texts:?}: {:#}", self.report));
        assert_eq!(found["severity"], severity, "{found:#}");
        assert!(found["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{found:#}");
        let breaks = self.findings().any(|finding| finding["severity"] == "error");
        assert_eq!(self.run.code, Some(i32::from(breaks)), "{}", self.run.stderr);
        self
    }

    #[track_caller]
    fn is_clean(&self) -> &Self {
        assert_eq!(self.checks(), BTreeSet::new(), "{:#}", self.report["findings"]);
        assert_eq!(self.run.code, Some(0), "{}", self.run.stderr);
        self
    }
}
