//! Real releases: what people's packages need of a build.

use std::collections::BTreeMap;
use std::process::Command;

use crate::support::workshop::tree;
use crate::support::{Run, Workshop};

const MARKUPSAFE: &str = "markupsafe-3.0.3-cp311-cu135-x86_64";

fn build_markupsafe(workshop: &Workshop) -> BTreeMap<String, Vec<u8>> {
    workshop.packages(
        "  markupsafe:\n    versions: [\"3.0.3\"]\n    \
        test_import: [markupsafe, markupsafe._speedups]\n",
    );
    workshop.build(&[MARKUPSAFE]).works();
    workshop.has("markupsafe-3.0.3+cu135-cp311-cp311-linux_x86_64.whl");
    tree(&workshop.path("wheels"))
}

/// On machines that know nothing of each other.
#[test]
fn two_builds_of_a_c_extension_have_the_same_bytes() {
    let (Some(first), Some(second)) = (Workshop::new(), Workshop::new()) else { return };
    let [one, other] = [&first, &second].map(build_markupsafe);
    for end in ["whl", "metadata"] {
        let name = one.keys().find(|name| name.ends_with(end)).expect("is there");
        assert!(one[name] == other[name], "`{name}` differs");
    }
}

/// Its backend asks for setuptools-scm, which pip finds in an environment of the build's own.
#[test]
fn what_a_build_asks_for_is_installed_in_isolation() {
    let Some(workshop) = Workshop::new() else { return };
    workshop.packages("  lazy-object-proxy:\n    versions: [\"1.12.0\"]\n");
    workshop.build(&["lazy-object-proxy-1.12.0-cp311-cu135-x86_64"]).works();
    workshop.has("lazy_object_proxy-1.12.0+cu135-cp311-cp311-linux_x86_64.whl");
}

/// As flash-attn has it: nothing is installed for the build but what `extra_deps` says.
#[test]
fn without_isolation_a_build_sees_extra_deps() {
    let Some(workshop) = Workshop::new() else { return };
    let packages = |deps: &str| {
        workshop.packages(&format!(
            "  cymem:\n    versions: [\"2.0.11\"]\n    build_args: \"--no-build-isolation\"\n    \
             extra_deps: [{deps}]\n    test_import: [cymem, cymem.cymem]\n"
        ));
    };
    let row = "cymem-2.0.11-cp311-cu135-x86_64";
    packages("\"setuptools==80.9.0\"");
    let run = workshop.build(&[row]);
    run.fails(1, &["Cython", "hint:"]);
    workshop.is_clean();
    packages("\"setuptools==80.9.0\", \"cython==3.1.2\"");
    workshop.build(&[row]).works();
    workshop.has("cymem-2.0.11+cu135-cp311-cp311-linux_x86_64.whl");
    let report = workshop.read("wheels/cymem-2.0.11+cu135-cp311-cp311-linux_x86_64.whl.build.json");
    assert!(report.contains("3.1.2"), "{report}");
}

/// A repository is read on this machine, which may have the right to.
#[test]
fn a_repository_is_a_source_too() {
    let Some(workshop) = Workshop::new() else { return };
    workshop.project("tiny");
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        workshop.confine(git.args(arguments).current_dir(workshop.path("tiny")));
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").current_dir(workshop.path("tiny"));
        Run::of(&mut git).works().stdout
    };
    git(&["init", "--quiet", "--initial-branch", "main"]);
    git(&["add", "."]);
    let as_who = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
    git(&[&as_who[..], &["commit", "--quiet", "--message", "First"]].concat());
    git(&["tag", "v1.0"]);
    let commit = git(&["rev-parse", "HEAD"]);
    workshop.packages(&format!(
        "  tiny:\n    versions: [\"1.0\"]\n    source: git+file://{}@v{{version}}\n",
        workshop.path("tiny").display()
    ));
    workshop.build(&["tiny-1.0-cp311-cu135-x86_64"]).works();
    workshop.has("tiny-1.0+cu135-py3-none-any.whl");
    let report = workshop.read("wheels/tiny-1.0+cu135-py3-none-any.whl.build.json");
    assert!(report.contains(commit.trim()), "{report}");
}
