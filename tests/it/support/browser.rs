//! A real browser: Chromium, driven by playwright-core, and axe-core, which knows who is kept out.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::tools::{has_program, missing, npm};
use super::{Run, Workspace, repository};

/// Neither depends on anything else.
const PACKAGES: [&str; 2] = ["axe-core@4.14.1", "playwright-core@1.65.1"];

/// What drives Chromium.
pub(crate) struct Browser {
    /// The folder that the packages are installed in.
    modules: PathBuf,
}

/// What came of a scenario.
pub(crate) struct Told {
    pub(crate) result: Value,
    /// What pages did that they may not; see `tests/it/browser/harness.mjs`.
    pub(crate) complaints: Vec<String>,
}

impl Browser {
    /// None where there is no Chromium, or no way to install what drives it.
    pub(crate) fn get() -> Option<&'static Self> {
        static BROWSER: OnceLock<Option<Browser>> = OnceLock::new();
        if !["chromium", "node", "npm"].into_iter().all(has_program) {
            return None;
        }
        let browser = BROWSER.get_or_init(|| Some(Self { modules: npm("browser", &PACKAGES)? }));
        if browser.is_none() {
            missing("playwright-core, or a registry to install it from");
        }
        browser.as_ref()
    }

    /// Plays a scenario of `tests/it/browser/` on a site, and expects that no page does what it
    /// may not.
    #[track_caller]
    pub(crate) fn play(
        &self,
        workspace: &Workspace,
        scenario: &str,
        url: &str,
        parameters: Value,
    ) -> Value {
        let told = self.tell(workspace, scenario, url, parameters);
        assert!(told.complaints.is_empty(), "{scenario}: {:#?}", told.complaints);
        told.result
    }

    /// Plays a scenario, and tells of complaints too.
    #[track_caller]
    pub(crate) fn tell(
        &self,
        workspace: &Workspace,
        scenario: &str,
        url: &str,
        mut parameters: Value,
    ) -> Told {
        parameters["modules"] = json!(self.modules);
        parameters["url"] = json!(url);
        let mut node = Command::new("node");
        workspace.confine(&mut node);
        node.arg(repository("tests/it/browser").join(format!("{scenario}.mjs")));
        let run = Run::of(node.arg(parameters.to_string()));
        assert_eq!(run.code, Some(0), "{scenario}: {}", run.stderr);
        let told = run.json();
        let complaints = told["complaints"].as_array().expect("is a list").iter();
        let text = |complaint: &Value| complaint.as_str().expect("is text").to_owned();
        Told { result: told["result"].clone(), complaints: complaints.map(text).collect() }
    }
}
