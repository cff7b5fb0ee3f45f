//! `init`: a folder becomes a repository for an index, and works as it is.

use std::process::Command;

use serde_yaml::Value;

use crate::support::clients::{CLIENTS, Index};
use crate::support::{Run, Wheel, Workspace, program, repository, tools};

const FILES: [&str; 5] = [
    "config/site.yml",
    "config/packages.yml",
    ".github/workflows/build-wheels.yml",
    "README.md",
    ".gitignore",
];

fn git(workspace: &Workspace, folder: &str, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.arg("-C").arg(workspace.path(folder)).args(arguments);
    workspace.confine(&mut git);
    let run = Run::of(&mut git);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

fn site_url(workspace: &Workspace, path: &str) -> Option<String> {
    let config: Value = serde_yaml::from_str(&workspace.read(path)).expect("is YAML");
    config.get("site_url").map(|url| url.as_str().expect("is text").to_owned())
}

#[test]
fn the_git_remote_says_all_that_there_is_to_know() {
    if !tools::has_program("git") {
        return;
    }
    for remote in [
        "https://github.com/Octo/wheels.git",
        "git@github.com:Octo/wheels.git",
        "ssh://git@github.com/Octo/wheels",
    ] {
        let workspace = Workspace::new();
        git(&workspace, "", &["init", "--quiet", "made"]);
        git(&workspace, "made", &["remote", "add", "upstream", "https://example.com/x/y.git"]);
        git(&workspace, "made", &["remote", "add", "origin", remote]);
        // The environment speaks where the folder has nothing to say.
        let mut command = workspace.command(&["init", "made"]);
        let run = Run::of(command.env("GITHUB_REPOSITORY", "other/other"));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let wrote: String = FILES.iter().map(|path| format!("wrote {path}\n")).collect();
        assert_eq!(run.stdout, wrote);
        assert!(run.stderr.contains("https://octo.github.io/wheels/simple/"), "{}", run.stderr);
        let url = site_url(&workspace, "made/config/site.yml");
        assert_eq!(url.as_deref(), Some("https://octo.github.io/wheels/"));
        let readme = workspace.read("made/README.md");
        assert!(readme.starts_with("# wheels\n"), "{readme}");
        let install = "pip install NAME --index-url https://octo.github.io/wheels/simple/";
        assert!(readme.contains(install), "{readme}");
        assert!(readme.contains("gh-release:Octo/wheels"), "{readme}");
    }
}

#[test]
fn flags_win_and_the_environment_comes_last() {
    let workspace = Workspace::new();
    let run = workspace.run(&["init", "flag", "--repository", "octo/octo.github.io"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let url = site_url(&workspace, "flag/config/site.yml");
    assert_eq!(url.as_deref(), Some("https://octo.github.io/"));
    let mut command = workspace.command(&["init", "environment"]);
    let run = Run::of(command.env("GITHUB_REPOSITORY", "octo/other"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let url = site_url(&workspace, "environment/config/site.yml");
    assert_eq!(url.as_deref(), Some("https://octo.github.io/other/"));
    let mut command = workspace.command(&["init", "bad"]);
    Run::of(command.env("GITHUB_REPOSITORY", "nonsense"))
        .fails(2, &["GITHUB_REPOSITORY", "`nonsense`"]);
    workspace
        .run(&["init", "bad", "--repository", "nonsense"])
        .fails(2, &["--repository", "OWNER/REPO"]);
    assert!(!workspace.path("bad").exists());
}

#[test]
fn a_repository_around_the_folder_is_another_one() {
    if !tools::has_program("git") {
        return;
    }
    let workspace = Workspace::new();
    git(&workspace, "", &["init", "--quiet", "outer"]);
    git(&workspace, "outer", &["remote", "add", "origin", "https://github.com/octo/outer.git"]);
    let run = workspace.run(&["init", "outer/inner"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("no repository on GitHub is known"), "{}", run.stderr);
    assert_eq!(site_url(&workspace, "outer/inner/config/site.yml"), None);
    assert!(
        workspace.read("outer/inner/README.md").contains("https://OWNER.github.io/REPO/simple/")
    );
}

#[test]
fn nothing_is_overwritten() {
    let workspace = Workspace::new();
    workspace.write("made/README.md", "mine\n");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", workspace.path("made/.gitignore")).expect("links");
    }
    let run = workspace.run(&["init", "made", "--repository", "octo/wheels"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(
        run.stdout.contains("left README.md as it is\nleft .gitignore as it is\n"),
        "{}",
        run.stdout
    );
    assert_eq!(workspace.read("made/README.md"), "mine\n");
    assert!(!workspace.path("made/nowhere").exists());
    // The second time there is nothing left to do.
    let before = program::tree(&workspace.path("made"));
    let run = workspace.run(&["init", "made", "--repository", "other/other"]);
    let left: String = FILES.iter().map(|path| format!("left {path} as it is\n")).collect();
    assert_eq!((run.code, run.stdout), (Some(0), left));
    assert!(program::tree(&workspace.path("made")) == before);
    // Where nothing can be written, that is said.
    workspace.write("file", "");
    workspace.run(&["init", "file"]).fails(3, &["cannot create", "file"]);
}

#[test]
fn the_demo_wheel_is_served_from_what_init_has_made() {
    let Some(mut index) = Index::new() else { return };
    // An empty folder, `init`, one wheel, `build`, `serve`, `pip install`.
    let folder = Workspace::new();
    std::fs::remove_dir(folder.path("wheels")).expect("is empty");
    index.workspace = folder;
    let run = index.workspace.run(&["init"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let wheel = "wheelsite_demo_pure-1.1.0-py3-none-any.whl";
    let bytes = std::fs::read(repository("wheels").join(wheel)).expect("reads");
    index.workspace.write(&format!("wheels/{wheel}"), bytes);
    let run = index.workspace.run(&["build"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let served = index.serve();
    for client in CLIENTS {
        let installed = index.install(client, &served.index(), &["wheelsite-demo-pure"]);
        installed.has(&["wheelsite-demo-pure==1.1.0"]);
        installed.runs(&index, "import wheelsite_demo_pure");
    }
}

#[test]
fn what_init_writes_is_a_configuration_of_the_index() {
    let workspace = Workspace::new();
    let run = workspace.run(&["init", "--repository", "octo/wheels"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    workspace.wheel(&Wheel::new("demo", "1.0"));
    workspace.build(&["--offline"]);
    let page = workspace.read("site/index.html");
    assert!(page.contains("<h1>wheels</h1>"), "{page}");
    assert!(page.contains("https://octo.github.io/wheels/simple/"), "{page}");
    let packages: Value =
        serde_yaml::from_str(&workspace.read("config/packages.yml")).expect("is YAML");
    assert!(packages.get("packages").is_some());
}
