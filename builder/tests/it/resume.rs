//! What is done is not done again, and what is not the same is.

use crate::support::Workshop;
use crate::support::workshop::tree;

const ROW: &str = "tiny-1.0-cp311-cu135-x86_64";
const WHEEL: &str = "tiny-1.0+cu135-py3-none-linux_x86_64.whl";

#[test]
fn what_is_done_is_told_by_content() {
    let Some(workshop) = Workshop::new() else { return };
    workshop.tiny(&[("a.c", "int a;\n")], "");
    workshop.build(&[ROW]).works();
    workshop.has(WHEEL);
    let first = tree(&workshop.path("wheels"));

    let again = workshop.build(&[ROW]).works();
    assert!(again.stdout.contains("was there"), "{}", again.stdout);
    assert!(tree(&workshop.path("wheels")) == first);

    // A wheel with other bytes is not the one that was built.
    workshop.write(&format!("wheels/{WHEEL}"), "not a wheel");
    workshop.build(&[ROW]).works();
    assert!(tree(&workshop.path("wheels"))[WHEEL] == first[WHEEL]);

    // Another recipe is another build.
    workshop.tiny(&[("a.c", "int a;\n")], "env:\n  MAX_JOBS: \"3\"");
    workshop.build(&[ROW]).works();
    let report = format!("wheels/{WHEEL}.build.json");
    assert!(workshop.read(&report).contains("MAX_JOBS"), "{}", workshop.read(&report));
}

#[test]
fn a_folder_with_the_work_in_it_is_not_copied_into_itself() {
    let Some(workshop) = Workshop::new() else { return };
    workshop.tiny(&[("a.c", "int a;\n")], "");
    let (work, output) = ("tiny/.wheelsite-builder", "tiny/wheels");
    workshop.build(&[ROW, "--work", work, "--output", output]).works();
    let mut again = workshop.containers_of("build", &[ROW, "--work", work, "--output", output]);
    crate::support::Run::of(&mut again).works();
    let nested: Vec<String> = crate::support::workshop::files(&workshop.path(work))
        .into_iter()
        .filter(|path| path.matches("compiled.txt").count() == 1 && path.contains("wheelsite-b"))
        .collect();
    assert_eq!(nested, [""; 0]);
}

/// Files of root in the work folder would be in the user's way.
#[test]
fn what_a_build_leaves_belongs_to_its_caller() {
    use std::os::unix::fs::MetadataExt;
    let Some(workshop) = Workshop::new() else { return };
    workshop.tiny(&[("a.c", "int a = ;\n")], "");
    workshop.build(&[ROW]).fails(1, &["a.c:1:"]);
    workshop.tiny(&[("a.c", "int a;\n")], "");
    workshop.build(&[ROW]).works();
    let own = std::fs::metadata(workshop.path("tiny")).expect("is there").uid();
    for folder in [".wheelsite-builder", "wheels"] {
        for entry in walkdir::WalkDir::new(workshop.path(folder)) {
            let entry = entry.expect("lists");
            assert_eq!(
                entry.metadata().expect("is there").uid(),
                own,
                "{}",
                entry.path().display()
            );
        }
    }
}
