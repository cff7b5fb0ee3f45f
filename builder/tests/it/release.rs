//! Wheels of a folder become assets of releases, against the stand-in for GitHub.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::Run;
use crate::support::github::{
    Asset, Digest, Fault, Faults, Github, Origin, Release, Repository, Secondary,
};
use crate::support::wheel::Wheel;

const REPOSITORY: &str = "octo/wheels";
const TOKEN: &str = "tkn-5ecret";

/// A folder with `wheels/`.
struct Folder(TempDir);

impl Folder {
    /// Two wheels, one of them with a build report.
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().expect("makes a folder"));
        std::fs::create_dir(folder.path("wheels")).expect("makes a folder");
        folder.wheel(&Wheel::new("alpha", "1.0+cu129"), true);
        folder.wheel(&Wheel::new("beta", "2.0"), false);
        folder
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn wheel(&self, wheel: &Wheel, is_reported: bool) {
        let path = self.path("wheels").join(wheel.filename());
        write(&path, &wheel.bytes());
        if is_reported {
            let sha256 = digest(&wheel.bytes());
            let report = serde_json::json!({"format": 1, "wheel": {"sha256": sha256}}).to_string();
            write(&beside(&path, ".build.json"), report.as_bytes());
        }
    }

    fn command(&self, github: &Github, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wheelsite-builder"));
        command
            .arg("release")
            .args(arguments)
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("WHEELSITE_HTTP_RETRY_DELAY", "5")
            .env("NO_PROXY", "127.0.0.1,localhost")
            .stdin(Stdio::null());
        github.env_with_token(&mut command, TOKEN);
        command
    }

    #[track_caller]
    fn release(&self, github: &Github, arguments: &[&str]) -> Value {
        let arguments = [&["--tag", "v1", "--format", "json"], arguments].concat();
        let run = Run::of(&mut self.command(github, &arguments));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert!(!run.stderr.contains(TOKEN), "the token is told: {}", run.stderr);
        run.json()
    }
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("writes");
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn digest(bytes: &[u8]) -> String {
    Asset::new("x", bytes).content.sha256()
}

fn github(releases: Vec<Release>) -> Github {
    let repository = releases.into_iter().fold(Repository::new(REPOSITORY), Repository::release);
    Github::builder().repository(repository).token(TOKEN).start()
}

/// A release that holds so many files, none of them a distribution.
fn filled(tag: &str, count: usize) -> Release {
    (0..count).fold(Release::new(tag), |release, number| {
        release.asset(Asset::new(&format!("file-{number}.txt"), number.to_string()))
    })
}

/// Digests of the assets of a release by name; all of them are whole.
fn assets(github: &Github, tag: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    github.edit_release(REPOSITORY, tag, |release| {
        for asset in &release.assets {
            assert_eq!(asset.state, "uploaded", "{}", asset.name);
            found.insert(asset.name.clone(), asset.content.sha256());
        }
    });
    found
}

fn uploads(github: &Github) -> usize {
    let log = github.log();
    let is_upload = |path: &str| path.contains("assets?name=");
    log.iter().filter(|entry| entry.method == "POST" && is_upload(&entry.path)).count()
}

const ALPHA: &str = "alpha-1.0+cu129-py3-none-any.whl";
const BETA: &str = "beta-2.0-py3-none-any.whl";

/// Every wheel with its sidecar and facts, and the report of the first.
fn all_there(github: &Github, folder: &Folder, tag: &str) {
    let assets = assets(github, tag);
    for name in [ALPHA, BETA] {
        let wheel = std::fs::read(folder.path("wheels").join(name)).expect("reads");
        assert_eq!(assets.get(name), Some(&digest(&wheel)), "{name}");
        assert!(assets.contains_key(&format!("{name}.metadata")), "{assets:?}");
    }
    assert!(assets.contains_key(&format!("{ALPHA}.build.json")), "{assets:?}");
    assert!(!assets.contains_key(&format!("{BETA}.build.json")), "{assets:?}");
    assert!(assets.contains_key("wheelsite-facts.json"), "{assets:?}");
}

#[test]
fn wheels_are_sent_once() {
    let (folder, github) = (Folder::new(), github(Vec::new()));
    let plan = folder.release(&github, &["--dry-run"]);
    let steps = plan["releases"][0]["plan"].as_array().expect("is a list").len();
    assert_eq!((steps, uploads(&github)), (6, 0), "{plan}");
    let sent = folder.release(&github, &[]);
    assert_eq!(sent["tags"], serde_json::json!(["v1"]));
    assert_eq!((&sent["files_sent"], uploads(&github)), (&6.into(), 6), "{sent}");
    assert_eq!(sent["releases"][0]["is_new"], true);
    all_there(&github, &folder, "v1");
    let metadata = b"Metadata-Version: 2.1\nName: beta\nVersion: 2.0\n";
    assert_eq!(assets(&github, "v1")[&format!("{BETA}.metadata")], digest(metadata));
    github.clear_log();
    let again = folder.release(&github, &[]);
    assert_eq!((&again["files_sent"], uploads(&github)), (&0.into(), 0), "{again}");
    assert_eq!(again["tags"], serde_json::json!(["v1"]));
    assert_eq!(again["held"].as_array().map(Vec::len), Some(2), "{again}");
    // A wheel that is new joins them.
    folder.wheel(&Wheel::new("gamma", "3"), false);
    let more = folder.release(&github, &[]);
    assert_eq!(more["releases"][0]["wheels"], serde_json::json!(["gamma-3-py3-none-any.whl"]));
    assert_eq!(more["releases"][0]["is_new"], false);
    assert_eq!(assets(&github, "v1").len(), 8);
}

#[test]
fn the_tag_is_the_day_and_people_are_told() {
    let (folder, github) = (Folder::new(), github(Vec::new()));
    let day = || jiff::Timestamp::now().strftime("v%Y-%m-%d").to_string();
    let before = day();
    let run = Run::of(&mut folder.command(&github, &["wheels", "--repository", REPOSITORY]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let tag = run.stdout.trim();
    assert!([before, day()].contains(&tag.to_owned()), "{tag}");
    assert!(run.stderr.contains(&format!("made gh-release:octo/wheels@{tag}: 6 files")));
    all_there(&github, &folder, tag);
}

#[test]
fn a_release_that_is_full_is_followed_by_the_next() {
    for there in [999, 1000] {
        let (folder, github) = (Folder::new(), github(vec![filled("v1", there)]));
        let sent = folder.release(&github, &[]);
        assert_eq!(sent["tags"], serde_json::json!(["v1-2"]), "{sent}");
        all_there(&github, &folder, "v1-2");
        assert_eq!(assets(&github, "v1").len(), there);
        github.clear_log();
        assert_eq!(folder.release(&github, &[])["files_sent"], 0);
        assert_eq!(uploads(&github), 0);
    }
    // Room for one of them: what belongs together stays together.
    let (folder, github) = (Folder::new(), github(vec![filled("v1", 996), filled("v1-2", 1000)]));
    let sent = folder.release(&github, &[]);
    assert_eq!(sent["tags"], serde_json::json!(["v1", "v1-3"]), "{sent}");
    let (first, third) = (assets(&github, "v1"), assets(&github, "v1-3"));
    assert_eq!((first.len(), third.len()), (1000, 3));
    for end in ["", ".metadata", ".build.json"] {
        assert!(first.contains_key(&format!("{ALPHA}{end}")), "{end}");
    }
    for end in ["", ".metadata"] {
        assert!(third.contains_key(&format!("{BETA}{end}")), "{end}");
    }
    assert!(first.contains_key("wheelsite-facts.json"));
    assert_eq!(folder.release(&github, &[])["files_sent"], 0);
}

#[test]
fn what_other_releases_have_is_not_sent_again() {
    let alpha = Wheel::new("alpha", "1.0+cu129").bytes();
    let release = Release::new("v0").asset(Asset::new(ALPHA, alpha));
    let (folder, github) = (Folder::new(), github(vec![release]));
    let sent = folder.release(&github, &[]);
    assert_eq!(sent["held"], serde_json::json!([{"filename": ALPHA, "tag": "v0"}]));
    assert_eq!(sent["tags"], serde_json::json!(["v0", "v1"]));
    // Its sidecar joins it, where clients look for it.
    assert!(assets(&github, "v0").contains_key(&format!("{ALPHA}.metadata")));
    let new = assets(&github, "v1");
    assert!(new.contains_key(BETA) && !new.keys().any(|name| name.starts_with("alpha")), "{new:?}");
    github.clear_log();
    assert_eq!(folder.release(&github, &[])["files_sent"], 0);
    // Nobody else sees a draft: its wheels are not there.
    let draft = Release::new("draft").draft().asset(Asset::new("gamma-3-py3-none-any.whl", "x"));
    github.add_release(REPOSITORY, draft);
    folder.wheel(&Wheel::new("gamma", "3"), false);
    folder.release(&github, &[]);
    assert!(assets(&github, "v1").contains_key("gamma-3-py3-none-any.whl"));
}

#[test]
fn no_name_gets_other_bytes_anywhere() {
    for (tag, asset) in [
        ("v1", Asset::new(ALPHA, "others")),
        ("v0", Asset::new(ALPHA, "others")),
        ("v0", Asset::new(ALPHA, "others").digest(Digest::Null)),
        ("v1", Asset::new(&format!("{BETA}.metadata"), "others")),
    ] {
        let (folder, github) = (Folder::new(), github(vec![Release::new(tag).asset(asset)]));
        let run = Run::of(&mut folder.command(&github, &["--tag", "v1"]));
        run.fails(
            1,
            &[&format!("gh-release:octo/wheels@{tag}` already"), "hint: nothing overwrites"],
        );
        assert_eq!(uploads(&github), 0, "nothing is sent before all is compared");
    }
}

#[test]
fn limits_and_failures_are_waited_out() {
    for fault in [Fault::Status(502), Fault::Status(503), Fault::Reset, Fault::ResetAfter(20)] {
        let (folder, github) = (Folder::new(), github(Vec::new()));
        let faults = Faults::on(Origin::Api, "/releases?", 1..=1, fault).and_on(
            Origin::Api,
            "assets?name=",
            1..=4,
            fault,
        );
        github.faults(faults);
        folder.release(&github, &[]);
        all_there(&github, &folder, "v1");
    }
    let (folder, github) = (Folder::new(), github(Vec::new()));
    github.options(|options| {
        options.secondary = Some(Secondary { times: 3, status: 403, retry_after: 0 });
    });
    folder.release(&github, &[]);
    all_there(&github, &folder, "v1");
    github.options(|options| {
        options.secondary = Some(Secondary { times: 1, status: 429, retry_after: 600 });
    });
    let run = Run::of(&mut folder.command(&github, &["--tag", "v1"]));
    run.fails(3, &["rate limit is used up until"]);
}

#[test]
fn a_run_that_was_killed_is_taken_up_by_the_next() {
    let (folder, github) = (Folder::new(), github(Vec::new()));
    // Wheels come first: the sidecars never do.
    github.faults(Faults::on(Origin::Api, "assets?name=", 3.., Fault::Status(500)));
    let mut command = folder.command(&github, &["--tag", "v1", "--jobs", "1"]);
    let run = Run::of(command.env("WHEELSITE_HTTP_RETRIES", "1"));
    run.fails(3, &["cannot upload", "hint: what is there is whole"]);
    assert_eq!(assets(&github, "v1").len(), 2);
    github.faults(Faults::none());
    github.clear_log();
    // The next day, under another tag.
    let mut command = folder.command(&github, &["--tag", "v2", "--format", "json"]);
    let sent = Run::of(&mut command).json();
    assert_eq!((&sent["files_sent"], uploads(&github)), (&4.into(), 4), "{sent}");
    all_there(&github, &folder, "v1");
}

#[test]
fn nothing_is_sent_that_an_index_would_reject() {
    let (folder, github) = (Folder::new(), github(Vec::new()));
    write(&folder.path("wheels/gamma-3-py3-none-any.whl"), b"no archive");
    let run = Run::of(&mut folder.command(&github, &["--tag", "v1"]));
    run.fails(1, &["rejected wheels/gamma-3-py3-none-any.whl", "1 of 3 wheels", "hint: mend"]);
    std::fs::remove_file(folder.path("wheels/gamma-3-py3-none-any.whl")).expect("removes");
    // A sidecar that is not the wheel's.
    write(&folder.path(&format!("wheels/{BETA}.metadata")), b"Name: other\n");
    let run = Run::of(&mut folder.command(&github, &["--tag", "v1"]));
    run.fails(1, &["1 of 2 wheels"]);
    assert!(github.log().is_empty(), "nobody was asked");
    std::fs::remove_file(folder.path(&format!("wheels/{BETA}.metadata"))).expect("removes");
    // A report about other bytes is left out, and that is said.
    write(&folder.path(&format!("wheels/{BETA}.build.json")), b"{\"wheel\": {\"sha256\": \"00\"}}");
    let run = Run::of(&mut folder.command(&github, &["--tag", "v1"]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("is not about the wheel beside it"), "{}", run.stderr);
    all_there(&github, &folder, "v1");
}

#[test]
fn what_cannot_be_meant_is_told_before_anything_is_asked() {
    let (folder, github) = (Folder::new(), github(Vec::new()));
    for (arguments, code, text) in [
        (&["--tag", "a b"][..], 2, "`a b` is no tag"),
        (&["--tag=-x"], 2, "is no tag"),
        (&["--repository", "nobody"], 2, "--repository"),
        (&["nowhere"], 3, "cannot list `nowhere`"),
        (&["."], 1, "`.` has no wheels"),
    ] {
        Run::of(&mut folder.command(&github, arguments)).fails(code, &[text, "hint: "]);
    }
    let mut command = folder.command(&github, &[]);
    Run::of(command.env_remove("GITHUB_REPOSITORY")).fails(2, &["--repository OWNER/REPO"]);
    let mut command = folder.command(&github, &[]);
    Run::of(command.env_remove("GITHUB_TOKEN")).fails(2, &["without a token"]);
    assert!(github.log().is_empty(), "nobody was asked");
}
