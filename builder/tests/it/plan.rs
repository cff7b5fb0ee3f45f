//! Plans that other programs read.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::Workshop;

fn rows(matrix: &Value) -> BTreeSet<String> {
    let include = matrix["include"].as_array().expect("is a list");
    let rows = include.iter().map(|row| row["id"].as_str().expect("is text").to_owned());
    let rows: BTreeSet<String> = rows.collect();
    assert_eq!(rows.len(), include.len());
    rows
}

#[test]
fn a_matrix_names_what_build_takes() {
    let Some(workshop) = Workshop::new() else { return };
    workshop.tiny(&[], "runs_on: [self-hosted, big]");
    let run = workshop.run(&["plan", "--format", "github"]).works();
    assert_eq!(run.stdout.lines().count(), 1, "`matrix=$(...)` takes one line: {}", run.stdout);
    let matrix = run.json();
    let rows = rows(&matrix);
    assert_eq!(rows.len(), 1);
    assert!(matrix.to_string().contains("self-hosted"), "{matrix}");
    for row in rows {
        workshop.build(&[&row]).works();
    }
    workshop.has("tiny-1.0+cu135-py3-none-any.whl");
}

#[test]
fn more_than_a_matrix_holds_comes_in_parts() {
    let Some(workshop) = Workshop::new() else { return };
    let versions: Vec<String> = (0..300).map(|number| format!("\"1.{number}\"")).collect();
    workshop.packages(&format!("  tiny:\n    versions: [{}]\n", versions.join(", ")));
    workshop.run(&["plan", "--format", "github"]).fails(2, &["256", "--part", "2", "hint:"]);
    let mut all = BTreeSet::new();
    for part in ["1/2", "2/2"] {
        let matrix = workshop.run(&["plan", "--format", "github", "--part", part]).works().json();
        let rows = rows(&matrix);
        assert!(rows.len() <= 256);
        let before = all.len();
        all.extend(rows.clone());
        assert_eq!(all.len(), before + rows.len(), "the parts have a row in common");
    }
    assert_eq!(all.len(), 300);
    let other = workshop.run(&["plan", "--format", "json"]).works().json();
    assert!(all.iter().all(|row| other.to_string().contains(row)));
}

#[test]
fn a_cluster_takes_a_job_for_each_row() {
    let Some(workshop) = Workshop::new() else { return };
    workshop.packages("  tiny:\n    versions: [\"1.0\", \"1.1\"]\n    python: \"3.11\"\n");
    let of_cluster = ["plan", "--format", "k8s", "--k8s-image", "h.example/builder:1"];
    let run = workshop.run(&[&of_cluster[..], &["--k8s-claim", "wheels"]].concat()).works();
    let list: Value = serde_yaml::from_str(&run.stdout).expect("is YAML");
    let jobs = list["items"].as_array().expect("is a list");
    let rows: Vec<_> = jobs
        .iter()
        .map(|job| job["spec"]["template"]["spec"]["containers"][0]["args"][1].clone())
        .collect();
    assert_eq!(rows, ["tiny-1.0-cp311-cu135-x86_64", "tiny-1.1-cp311-cu135-x86_64"]);
    workshop.run(&of_cluster).fails(2, &["--k8s-claim", "hint:"]);
    workshop.run(&["plan", "--k8s-claim", "wheels"]).fails(2, &["--format k8s", "hint:"]);
}
