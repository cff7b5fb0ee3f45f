//! `build-wheels.yml`, step by step, from a push to what pip installs; GitHub is a stand-in.

mod actions;
mod expression;
mod runner;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use self::actions::{Kept, names};
use self::runner::{Ended, Runner};
use crate::support::github::{Asset, Github, Origin, Repository};
use crate::support::images::{DEVEL, RUNTIME};
use crate::support::workshop::{files, tree};
use crate::support::{Run, Workshop, tools};

const REPOSITORY: &str = "octo/wheels";
pub(crate) const TOKEN: &str = "tkn-5ecret";

/// A static host; ends with the value.
struct Host {
    child: Child,
    url: String,
}

impl Host {
    fn start(folder: &Path) -> Self {
        let mut python = Command::new("python3");
        python.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"]);
        let python = python.arg(folder).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = python.spawn().expect("starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("is piped");
        BufReader::new(stdout).read_line(&mut line).expect("says where it serves");
        // `Serving HTTP on 127.0.0.1 port 1 (http://127.0.0.1:1/) ...`
        let url = line.split(['(', ')']).nth(1).expect("names a URL").to_owned();
        Self { child, url }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A repository with its workflow, and all that GitHub has of it.
struct World {
    workshop: Workshop,
    clients: &'static Path,
    github: Github,
    kept: Kept,
    host: Host,
}

impl World {
    /// None where the machine lacks something.
    fn new() -> Option<Self> {
        let clients = tools::clients()?;
        if !["python3", "jq", "tar"].into_iter().all(tools::has_program) {
            return None;
        }
        let mut workshop = Workshop::new()?;
        // What pipx would install is there already.
        let version = env!("CARGO_PKG_VERSION");
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in\n  'install wheelsite=={version}' | \
             'install wheelsite-builder=={version}') ;;\n  *) exit 1 ;;\nesac\n"
        );
        workshop.program("pipx", &script);
        let programs = [tools::wheelsite(), env!("CARGO_BIN_EXE_wheelsite-builder").into()];
        for program in programs {
            let name = program.file_name().expect("has a name");
            let link = workshop.path("programs").join(name);
            std::os::unix::fs::symlink(&program, link).expect("links");
        }
        let kept = Kept { folder: workshop.path("github") };
        std::fs::create_dir_all(kept.folder.join("live")).expect("makes a folder");
        let host = Host::start(&kept.folder.join("live"));
        let github = Github::builder().repository(Repository::new(REPOSITORY)).token(TOKEN).start();
        Some(Self { workshop, clients, github, kept, host })
    }

    /// `wheelsite init`, and what a maintainer writes after it.
    fn init(&self) {
        let mut init = Command::new(tools::wheelsite());
        init.args(["init", "github/repository", "--repository", REPOSITORY]);
        self.workshop.confine(&mut init);
        Run::of(&mut init).works();
        // As if by a domain of its own: the site's address is one of this machine.
        let path = "github/repository/config/site.yml";
        let site = self.workshop.read(path);
        let known = "site_url: https://octo.github.io/wheels/";
        assert!(site.contains(known), "{site}");
        self.workshop.write(path, site.replace(known, &format!("site_url: {}", self.host.url)));
    }

    /// A project of this name, which compiles a C file.
    fn project(&self, name: &str, source: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/projects/tiny");
        for (path, bytes) in tree(&from) {
            self.workshop.write(&format!("github/repository/projects/{name}/{path}"), bytes);
        }
        let path = format!("github/repository/projects/{name}/pyproject.toml");
        let project = self.workshop.read(&path).replace("\"tiny\"", &format!("\"{name}\""));
        self.workshop.write(&path, project);
        self.workshop.write(&format!("github/repository/projects/{name}/a.c"), source);
    }

    /// Writes the package list.
    fn packages(&self, names: &[&str]) {
        let mut text = format!(
            "defaults:\n  python: [\"3.11\"]\n  cuda: [\"13.5.0\"]\n  image: {DEVEL}\n  \
             runtime_image: {RUNTIME}\n  runs_on: ubuntu-latest\npackages:\n"
        );
        for name in names {
            text.push_str(&format!(
                "  {name}:\n    versions: [\"1.0\"]\n    source: dir:projects/{name}\n"
            ));
        }
        self.workshop.write("github/repository/config/packages.yml", text);
    }

    /// The names of a release's assets with their digests.
    fn assets(&self, tag: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        self.github.edit_release(REPOSITORY, tag, |release| {
            let digest = |asset: &Asset| (asset.name.clone(), asset.content.sha256());
            found = release.assets.iter().map(digest).collect();
        });
        found
    }

    /// What runs workflows here.
    fn runner(&self) -> Runner<'_> {
        let environment = [
            ("CI", "true"),
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", REPOSITORY),
            ("GITHUB_REF_NAME", "main"),
            ("GITHUB_API_URL", &*self.github.url(Origin::Api)),
            ("GITHUB_SERVER_URL", &*self.github.url(Origin::Web)),
            ("WHEELSITE_HTTP_RETRY_DELAY", "0"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = environment.into();
        Runner { workshop: &self.workshop, kept: &self.kept, environment, runs: 0 }
    }

    fn workflow(&self) -> String {
        self.workshop.read("github/repository/.github/workflows/build-wheels.yml")
    }

    fn live(&self, path: &str) -> String {
        self.workshop.read(&format!("github/live/{path}"))
    }

    /// Installs from the live index, and imports.
    fn installs(&self, name: &str) {
        let target = tempfile::tempdir_in(self.workshop.path("")).expect("makes a folder");
        let mut pip = Command::new(self.clients.join("python"));
        self.workshop.confine(&mut pip);
        tools::clean(&mut pip)
            .args(["-m", "pip", "install", "--no-cache-dir", "--no-deps", "--index-url"])
            .arg(format!("{}simple/", self.host.url))
            .arg("--target")
            .arg(target.path())
            .arg(name)
            .env("PIP_CONFIG_FILE", "/dev/null");
        Run::of(&mut pip).works();
        let installed = files(target.path());
        let information = format!("{name}-1.0+cu135.dist-info/METADATA");
        assert!(installed.contains(&information), "{installed:?}");
    }
}

#[track_caller]
fn expects(ended: &Ended, results: &[(&str, &str)]) {
    for (job, result) in results {
        assert_eq!(ended.result(job), *result, "{job}: {:?}\n{}", ended.results, ended.log);
    }
}

#[test]
fn a_push_makes_an_index_and_the_next_one_adds_to_it() {
    let Some(world) = World::new() else { return };
    world.init();
    let workflow = world.workflow();
    let mut runner = world.runner();

    // The first push, as `init` has left it: nothing is planned, and the empty index is live.
    let ended = runner.run(&workflow, &json!({}));
    expects(&ended, &[("plan", "success"), ("build", "skipped"), ("release", "skipped")]);
    expects(&ended, &[("index", "success"), ("deploy", "success"), ("again", "skipped")]);
    assert!(world.live("simple/index.html").contains("<html"));

    // Two packages: two builds, one release, one index.
    world.project("one", "int one(void) { return 1; }\n");
    world.project("two", "int two(void) { return 2; }\n");
    world.packages(&["one", "two"]);
    let ended = runner.run(&workflow, &json!({}));
    expects(&ended, &[("plan", "success"), ("build", "success"), ("release", "success")]);
    expects(&ended, &[("index", "success"), ("deploy", "success"), ("again", "skipped")]);
    let rows: Vec<&str> = ended.rows.keys().map(String::as_str).collect();
    assert_eq!(rows, ["one-1.0-cp311-cu135-x86_64", "two-1.0-cp311-cu135-x86_64"]);
    // What the workflow takes from the matrix is what `plan` prints.
    let matrix: Value =
        serde_json::from_str(ended.outputs["plan"]["matrix"].as_str().expect("is text"))
            .expect("is JSON");
    for row in matrix["include"].as_array().expect("is a list") {
        assert!(row["id"].is_string(), "{row}");
        assert_eq!(row["runs_on"], json!(["ubuntu-latest"]), "{row}");
    }
    let tag = world.github.tags(REPOSITORY);
    let [tag] = &*tag else { panic!("{tag:?}") };
    let is_date =
        |tag: &str| tag.len() == 11 && tag.starts_with("v20") && tag.matches('-').count() == 2;
    assert!(is_date(tag), "{tag}");
    let first = world.assets(tag);
    for name in ["one", "two"] {
        let wheel = format!("{name}-1.0+cu135-py3-none-linux_x86_64.whl");
        assert!(first.contains_key(&wheel), "{first:?}");
        assert!(first.contains_key(&format!("{wheel}.metadata")), "{first:?}");
        world.installs(name);
    }
    assert!(first.contains_key("wheelsite-facts.json"), "{first:?}");
    // Of what was compiled, the compiler's cache alone is kept.
    for cache in names(&world.kept.folder.join("caches")) {
        assert!(!world.kept.folder.join("caches").join(&cache).join("rows").exists(), "{cache}");
    }

    // One package more, and one that does not compile: nothing is built twice, nothing is lost.
    world.project("three", "int three(void) { return 3; }\n");
    world.project("broken", "int broken(void) { return this_is_no_name; }\n");
    world.packages(&["one", "two", "three", "broken"]);
    let ended = runner.run(&workflow, &json!({}));
    let rows: Vec<(&str, bool)> = ended.rows.iter().map(|(id, works)| (&**id, *works)).collect();
    let expected =
        [("broken-1.0-cp311-cu135-x86_64", false), ("three-1.0-cp311-cu135-x86_64", true)];
    assert_eq!(rows, expected, "{}", ended.log);
    assert!(ended.log.contains("this_is_no_name"), "{}", ended.log);
    expects(&ended, &[("build", "failure"), ("release", "success"), ("index", "success")]);
    expects(&ended, &[("deploy", "success"), ("again", "skipped")]);
    let second = world.assets(tag);
    let kept = first.iter().filter(|(name, _)| *name != "wheelsite-facts.json");
    for (name, digest) in kept {
        assert_eq!(second.get(name), Some(digest), "{name}");
    }
    for name in ["one", "two", "three"] {
        world.installs(name);
    }
    // What failed has left its state for the next try.
    let left = names(&world.kept.folder.join("caches"));
    assert!(left.iter().any(|name| name.contains("broken")), "{left:?}");

    // By hand, for one package: it is mended, and the others stay.
    world.project("broken", "int broken(void) { return 0; }\n");
    let ended = runner.run(&workflow, &json!({"package": "broken", "tag": "v-mended", "part": ""}));
    let rows: Vec<&str> = ended.rows.keys().map(String::as_str).collect();
    assert_eq!(rows, ["broken-1.0-cp311-cu135-x86_64"], "{}", ended.log);
    expects(&ended, &[("build", "success"), ("release", "success"), ("deploy", "success")]);
    assert_eq!(world.assets(tag), second, "another release");
    for name in ["one", "two", "three", "broken"] {
        world.installs(name);
    }

    // Nothing is missing any more: no job compiles, and the site is the same.
    let before = tree(&world.kept.folder.join("live"));
    let ended = runner.run(&workflow, &json!({}));
    expects(&ended, &[("plan", "success"), ("build", "skipped"), ("release", "skipped")]);
    expects(&ended, &[("index", "success"), ("deploy", "success")]);
    let after = tree(&world.kept.folder.join("live"));
    let differ: Vec<&String> =
        before.keys().filter(|path| before.get(*path) != after.get(*path)).collect();
    assert!(before == after, "{differ:?}");
}

#[test]
fn more_wheels_than_a_matrix_has_jobs_take_several_runs() {
    let Some(mut world) = World::new() else { return };
    world.init();
    let versions: String = (0..300).map(|it| format!("\"1.{it}\", ")).collect();
    world.packages(&["many"]);
    let list = "github/repository/config/packages.yml";
    let text = world.workshop.read(list).replace("\"1.0\"", &versions);
    world.workshop.write(list, text);
    let gh = world.workshop.path("gh.txt");
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >\"{}\"\n", gh.display());
    world.workshop.program("gh", &script);
    let workflow = world.workflow();
    let runner = world.runner();
    let rows = |inputs: Value| {
        let values = json!({"github": {"token": TOKEN}, "inputs": inputs});
        let outputs = runner.only(&workflow, "plan", &values).expect("runs");
        let matrix = outputs["matrix"].as_str().expect("is text");
        let matrix: Value = serde_json::from_str(matrix).expect("is JSON");
        let ids = matrix["include"].as_array().expect("is a list").iter();
        let ids: Vec<String> = ids.map(|it| it["id"].to_string()).collect();
        assert_eq!(outputs["rows"], ids.len().to_string());
        assert_eq!(outputs["parts"], "2");
        ids
    };
    let first = rows(json!({}));
    let second = rows(json!({"part": "2/2"}));
    assert!(first.len() <= 256 && first.len() + second.len() == 300);
    assert!(second.iter().all(|id| !first.contains(id)));

    // The next run is started where this one has come further, and where nobody has said which part it is.
    let again = |inputs: Value, parts: &str, wheels: &str, deployed: &str| {
        let needs = json!({
            "plan": {"outputs": {"parts": parts}, "result": "success"},
            "release": {"outputs": {"wheels": wheels}, "result": "success"},
            "deploy": {"outputs": {}, "result": deployed},
        });
        let values = json!({"github": {"token": TOKEN}, "inputs": inputs, "needs": needs});
        runner.only(&workflow, "again", &values).is_some()
    };
    assert!(again(json!({"package": "many $(x)"}), "2", "250", "success"));
    let asked = world.workshop.read("gh.txt");
    let expected = "workflow\nrun\nbuild-wheels.yml\n--repo\nocto/wheels\n--ref\nmain\n--field\n\
                    package=many $(x)\n--field\npython=\n--field\ncuda=\n--field\ntag=\n";
    assert_eq!(asked, expected);
    assert!(!again(json!({}), "1", "250", "success"), "that was all");
    assert!(!again(json!({}), "2", "0", "success"), "it would fail again");
    assert!(!again(json!({}), "2", "250", "failure"));
    assert!(!again(json!({"part": "1/2"}), "2", "250", "success"));
}
