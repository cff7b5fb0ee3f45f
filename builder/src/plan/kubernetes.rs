//! The plan as Jobs of Kubernetes.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use wheelsite::wheel::Sha256;

use crate::error::{Error, Result};
use crate::packages::values::ImageName;
use crate::row::{Platform, Row, Source};

/// The longest name of a Job, whose Pods get it as a label.
const MAX_NAME: usize = 63;
/// Digits of the digest that a name ends with.
const DIGITS: usize = 12;
/// Where the claim is mounted; relative paths begin there.
const MOUNT: &str = "/wheelsite";

/// What Jobs need besides their rows.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    /// The image with `wheelsite-builder` and an engine.
    pub image: String,
    /// The PersistentVolumeClaim with the package list, for caches and wheels.
    pub claim: String,
    /// Arguments of `build` besides the row: `--config`, `--compatibility`.
    pub args: Vec<String>,
}

impl Cluster {
    /// Refuses what no cluster takes.
    fn check(&self) -> Result<()> {
        if self.image.parse::<ImageName>().is_err() || self.image.contains(['{', '}']) {
            return Err(Error::config(
                format!(
                    "`--k8s-image`: expected the name of an image, found `{}`",
                    self.image.escape_debug()
                ),
                "name the image that has wheelsite-builder and podman: `--k8s-image HOST/NAME:TAG`",
            ));
        }
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        let claim = self.claim.as_bytes();
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        if !(edge(claim.first()) && edge(claim.last()))
            || claim.len() > 253
            || !self.claim.bytes().all(plain)
        {
            return Err(Error::config(
                format!(
                    "`--k8s-claim`: expected the name of a PersistentVolumeClaim, found `{}`",
                    self.claim.escape_debug()
                ),
                "name the claim that has the package list and takes the wheels: `--k8s-claim NAME`",
            ));
        }
        Ok(())
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Value>,
}

/// A List of Jobs as YAML, one a row.
pub fn jobs(rows: &[Row], cluster: &Cluster) -> Result<String> {
    cluster.check()?;
    let items = rows.iter().map(|row| job(row, cluster)).collect::<Result<Vec<Value>>>()?;
    serde_yaml::to_string(&List { api_version: "v1", kind: "List", items }).map_err(|error| {
        Error::config(format!("cannot write YAML: {error}"), "see the plan as a table")
    })
}

fn job(row: &Row, cluster: &Cluster) -> Result<Value> {
    if let Source::Folder(path) = &row.recipe.source {
        return Err(Error::config(
            format!(
                "`{}` is built from the folder `{}`, which is on this machine and not in the cluster",
                row.id,
                path.display()
            ),
            "use an sdist or a git repository as `source`, or leave the row out: `--skip`",
        ));
    }
    let mut args = vec!["build".to_owned(), row.id.clone()];
    args.extend(cluster.args.iter().cloned());
    // Jobs run at once: each has its own state.
    let work = format!(".wheelsite-builder/{}", row.id);
    args.extend(["--output", "wheels", "--work", &work].map(str::to_owned));
    let mut requests = BTreeMap::new();
    let mut limits = BTreeMap::new();
    if let Some(memory) = row.recipe.memory {
        requests.insert("memory", memory.to_string());
        limits.insert("memory", memory.to_string());
    }
    if let Some(jobs) = row.recipe.env.get("MAX_JOBS").filter(|it| it.parse::<u16>().is_ok()) {
        requests.insert("cpu", jobs.clone());
    }
    let architecture = match row.platform {
        Platform::X86_64 => "amd64",
        Platform::Aarch64 => "arm64",
    };
    Ok(json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name(row, cluster)?,
            "labels": {"app.kubernetes.io/name": "wheelsite-builder"},
            "annotations": {"wheelsite-builder/row": row.id},
        },
        "spec": {
            // What failed for a passing reason was tried again already.
            "backoffLimit": 0,
            "template": {
                "metadata": {"labels": {"app.kubernetes.io/name": "wheelsite-builder"}},
                "spec": {
                    "restartPolicy": "Never",
                    "nodeSelector": {"kubernetes.io/os": "linux", "kubernetes.io/arch": architecture},
                    "containers": [{
                        "name": "build",
                        "image": cluster.image,
                        "command": ["wheelsite-builder"],
                        "args": args,
                        "workingDir": MOUNT,
                        // An engine that starts containers in a container.
                        "securityContext": {"privileged": true},
                        "resources": {"requests": requests, "limits": limits},
                        "volumeMounts": [{"name": "wheelsite", "mountPath": MOUNT}],
                    }],
                    "volumes": [{
                        "name": "wheelsite",
                        "persistentVolumeClaim": {"claimName": cluster.claim},
                    }],
                },
            },
        },
    }))
}

/// A name that is valid, and another one for another recipe: a Job cannot be changed.
fn name(row: &Row, cluster: &Cluster) -> Result<String> {
    let plain =
        |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_lowercase() } else { '-' };
    let mut name: String = row.id.chars().map(plain).take(MAX_NAME - DIGITS - 1).collect();
    name.truncate(name.trim_end_matches('-').len());
    let recipe = serde_json::to_vec(row)
        .map_err(|error| Error::from(format!("cannot write JSON: {error}")))?;
    let digest = Sha256::of(&[recipe.as_slice(), cluster.args.join("\n").as_bytes()].concat());
    Ok(format!("{name}-{}", &digest.to_string()[..DIGITS]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::tests::plan;

    fn cluster() -> Cluster {
        Cluster {
            image: "registry.example/builder:1".to_owned(),
            claim: "wheels".to_owned(),
            args: vec!["--config".to_owned(), "config/packages.yml".to_owned()],
        }
    }

    fn items(yaml: &str) -> Vec<Value> {
        let list = jobs(&plan(yaml).expect("plans").rows, &cluster()).expect("prints");
        let list: Value = serde_yaml::from_str(&list).expect("is YAML");
        assert_eq!((&list["apiVersion"], &list["kind"]), (&json!("v1"), &json!("List")));
        list["items"].as_array().expect("is a list").clone()
    }

    const LIST: &str = "packages:\n  a.very-long-name-of-a-package-that-nobody-would-type-by-hand:\n    \
                        versions: [\"1.0\", \"1.1\"]\n    python: [\"3.12\", \"3.13t\"]\n    \
                        platforms: [x86_64, aarch64]\n    memory: 2GiB\n    jobs: 4\n";

    #[test]
    fn each_row_is_a_job_that_is_tried_once() {
        let items = items(LIST);
        assert_eq!(items.len(), 8);
        let mut names = BTreeSet::new();
        for item in &items {
            let name = item["metadata"]["name"].as_str().expect("is text").to_owned();
            // A label of DNS (RFC 1123), as names of Jobs are.
            assert!(name.len() <= 63 && !name.starts_with('-') && !name.ends_with('-'), "{name}");
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            );
            assert!(names.insert(name));
            assert_eq!(item["spec"]["backoffLimit"], 0);
            let pod = &item["spec"]["template"]["spec"];
            assert_eq!(pod["restartPolicy"], "Never");
            let container = &pod["containers"][0];
            assert_eq!(
                container["args"][1],
                item["metadata"]["annotations"]["wheelsite-builder/row"]
            );
            assert_eq!(container["resources"]["limits"]["memory"], "2147483648");
            assert_eq!(container["resources"]["requests"]["cpu"], "4");
        }
        assert_eq!(
            items[1]["spec"]["template"]["spec"]["nodeSelector"]["kubernetes.io/arch"],
            "arm64"
        );
    }

    #[test]
    fn another_recipe_has_another_name() {
        let name = |item: &Value| item["metadata"]["name"].clone();
        let (first, second) = (items(LIST), items(&LIST.replace("jobs: 4", "jobs: 5")));
        assert_ne!(name(&first[0]), name(&second[0]));
        assert_eq!(name(&first[0]), name(&items(LIST)[0]));
    }

    #[test]
    fn what_no_cluster_takes_is_refused() {
        let rows =
            plan("packages:\n  a: {versions: [\"1\"], python: \"3.12\", source: \"dir:src\"}\n");
        let rows = rows.expect("plans").rows;
        let error = jobs(&rows, &cluster()).expect_err("is refused");
        assert!(error.to_string().contains("which is on this machine"), "{error}");
        for claim in ["", "A", "-a", "a b"] {
            let error = jobs(&[], &Cluster { claim: claim.to_owned(), ..cluster() });
            assert_eq!(error.expect_err("is refused").exit_code(), 2, "{claim}");
        }
        for image in ["", "-v", "a b", "a:{cuda}"] {
            let error = jobs(&[], &Cluster { image: image.to_owned(), ..cluster() });
            assert_eq!(error.expect_err("is refused").exit_code(), 2, "{image}");
        }
    }
}
