//! The test of a wheel in a fresh container of its runtime image.

use std::path::Path;

use serde_json::Value;

use super::container::{Run, Telling};
use super::state::{RowFolder, remove};
use super::{Builder, Events, Smoke, blocking, images, inputs, relabel, source};
use crate::engine::{Cancel, Mount};
use crate::error::{Error, Result};
use crate::row::Row;

impl Builder {
    /// Tests a wheel as its row says, without building anything.
    pub async fn smoke(
        &self,
        row: &Row,
        wheel: &Path,
        events: &dyn Events,
        cancel: &Cancel,
    ) -> Result<Smoke> {
        cancel.check()?;
        let folder = RowFolder::open(&self.options.work, row)?;
        self.engine.remove_left(&folder.label()).await?;
        let mut telling = Telling::new(row, events);
        let (smoke, _) = self.smoke_row(row, &folder, wheel, &mut telling, cancel).await?;
        Ok(smoke)
    }

    /// What was and was not tested, and what the report tells of the image.
    pub(super) async fn smoke_row(
        &self,
        row: &Row,
        folder: &RowFolder,
        wheel: &Path,
        telling: &mut Telling<'_>,
        cancel: &Cancel,
    ) -> Result<(Smoke, Value)> {
        let failed = wheelsite::error::Error::output("read", wheel);
        let wheel = std::fs::canonicalize(wheel).map_err(failed)?;
        let labeled = {
            let (wheel, policy) = (wheel.clone(), self.options.policy.clone());
            blocking(move || relabel::read(&wheel, &policy)).await?
        };
        let name = &row.recipe.runtime_image;
        let image = self.pin(name, row, folder, telling, cancel).await?;
        let state = folder.fresh("smoke")?;
        inputs::write_smoke(row, &state)?;
        let target = format!("/wheelsite/wheel/{}", labeled.filename.as_str());
        let mut mounts = vec![Mount::read(&wheel, &target)];
        let stub = folder.stub();
        if stub.is_dir() {
            mounts.push(Mount::read(stub, "/wheelsite/stub"));
        }
        let mut env = inputs::variables(row);
        env.insert("PYTHON_HEADERS".to_owned(), "no".to_owned());
        env.insert("WHEEL".to_owned(), target);
        env.insert("EXPECTED_NAME".to_owned(), row.package.to_string());
        env.insert("EXPECTED_VERSION".to_owned(), labeled.filename.version().to_string());
        let run = Run {
            row,
            folder,
            script: "smoke.sh",
            prefix: "smoke: ",
            log: "smoke.log",
            image: &image,
            state: &state,
            mounts,
            env,
            limit: Some(self.options.timeout.unwrap_or(row.recipe.timeout)),
        };
        self.run(run, telling, cancel, &mut |_, _| ()).await?;
        let result = source::read_small(&state.join("result.json"))
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
            .ok_or_else(|| Error::failed("the test left no result", "run it again"))?;
        remove(&state)?;
        let needs_cuda = labeled.facts.get("cuda").is_some();
        Ok((told(row, result, needs_cuda), images::told(name, &image)))
    }
}

/// In plain words.
fn told(row: &Row, result: Value, needs_cuda: bool) -> Smoke {
    let mut smoke = Smoke::default();
    let is = |key: &str| result.get(key).and_then(Value::as_bool) == Some(true);
    let text = |key: &str| result.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut done = |what: String| smoke.tested.push(what);
    done("installed with its requirements".to_owned());
    done(format!("version `{}`", crate::engine::text::clean(text("version"))));
    for module in &row.recipe.test_import {
        done(format!("import `{module}`"));
    }
    if is("command") {
        done(format!(
            "command `{}`",
            row.recipe.test_command.as_deref().unwrap_or_default().join(" ")
        ));
    }
    let mut missing = |what: &str| smoke.not_tested.push(what.to_owned());
    if row.recipe.test_import.is_empty() {
        missing("no import: `test_import` is off");
    }
    if row.recipe.test_command.is_none() {
        missing("no function was called: there is no `test_command`");
    }
    if text("driver") == "stub" {
        missing("the driver: a stub of `libcuda.so.1` stood in for it");
    }
    if needs_cuda && !is("gpu") {
        missing("no kernel has run: there was no GPU (`--engine-arg=--gpus=all` offers one)");
    }
    smoke.result = result;
    smoke
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::build::tests::row;

    #[test]
    fn what_was_not_tested_is_said() {
        let row = row("a-b", "1");
        let result =
            json!({"version": "1+cu129", "driver": "stub", "gpu": false, "command": false});
        let smoke = told(&row, result, true);
        assert_eq!(
            smoke.tested,
            ["installed with its requirements", "version `1+cu129`", "import `a_b`"]
        );
        assert_eq!(smoke.not_tested.len(), 3);
        assert!(smoke.not_tested[2].contains("no kernel has run"), "{smoke:?}");
    }
}
