//! Many rows: what one does to the others, and what is said of all.

use crate::support::{Run, Workshop, tools};

fn three(workshop: &Workshop) {
    let mut packages = String::new();
    for name in ["first", "second", "third"] {
        workshop.project("tiny");
        std::fs::rename(workshop.path("tiny"), workshop.path(name)).expect("renames");
        let project = workshop.read(&format!("{name}/pyproject.toml"));
        workshop.write(
            &format!("{name}/pyproject.toml"),
            project.replace("\"tiny\"", &format!("\"{name}\"")),
        );
        let source = workshop.path(name);
        packages.push_str(&format!(
            "  {name}:\n    versions: [\"1.0\"]\n    source: dir:{}\n",
            source.display()
        ));
    }
    workshop.packages(&packages);
    workshop.write("second/a.c", "int a = <b>& ]]> \u{7};\n");
}

#[test]
fn one_failure_does_not_stop_the_rest() {
    let (Some(workshop), Some(clients)) = (Workshop::new(), tools::clients()) else { return };
    three(&workshop);
    let arguments =
        ["--jobs", "2", "--report", "junit.xml", "--report", "report.json", "--min-free", "0"];
    let run = Run::of(&mut workshop.containers_of("run", &arguments));
    run.fails(1, &["second-1.0-cp311-cu135-x86_64", "a.c:1:"]);
    assert_eq!(workshop.containers(), [""; 0]);
    assert_eq!(
        workshop.wheels(),
        ["first-1.0+cu135-py3-none-any.whl", "third-1.0+cu135-py3-none-any.whl"]
    );
    // It parses, and says the same.
    let mut read = std::process::Command::new(clients.join("python"));
    read.args([
        "-c",
        "
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
cases = {case.get('name'): [part.tag for part in case] for case in root.iter('testcase')}
for name, parts in sorted(cases.items()):
    print(name, 'failed' if 'failure' in parts or 'error' in parts else 'passed')
",
    ]);
    let run = Run::of(read.arg(workshop.path("junit.xml"))).works();
    let row = |name: &str| format!("{name}-1.0-cp311-cu135-x86_64");
    assert_eq!(
        run.stdout.lines().collect::<Vec<_>>(),
        [
            format!("{} passed", row("first")),
            format!("{} failed", row("second")),
            format!("{} passed", row("third")),
        ]
    );
    let report = workshop.json("report.json").to_string();
    assert!(["first", "second", "third"].iter().all(|it| report.contains(&row(it))), "{report}");

    // The next run takes up what failed, and nothing else; the one after that has nothing to do.
    workshop.write("second/a.c", "int a;\n");
    Run::of(&mut workshop.containers_of("run", &arguments)).works();
    assert_eq!(workshop.wheels().len(), 3);
    let before = crate::support::workshop::tree(&workshop.path("wheels"));
    let mut again = workshop.containers_of("run", &arguments);
    Run::of(again.env("CONTAINERS_STORAGE_CONF", "/nowhere")).works();
    assert!(crate::support::workshop::tree(&workshop.path("wheels")) == before);
}
