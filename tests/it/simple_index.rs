//! The files of another index become a site of their own, and nothing is said that is not so.

mod host;
mod whole;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use sha2::Digest;

use crate::support::{Run, Served, Wheel, Workspace, program::tree, tools};
use host::{Answer, Host, of_folder};

/// Bytes that no compression makes shorter, the same every time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(sha2::Sha256::digest(bytes))
}

/// A site with two projects, of which one file is yanked, and one has a size that shows.
fn origin() -> Workspace {
    let workspace = Workspace::new();
    workspace.wheel(&Wheel::new("Foo.Bar", "1.0+cu128").header("Requires-Python: >=3.8,<4"));
    workspace.wheel(&Wheel::new("Foo.Bar", "1.1").file("data.bin", &noise(1_000_000)));
    workspace.wheel(&Wheel::new("other", "2.0"));
    workspace.write("wheels/other-1.0.tar.gz", b"a source distribution");
    workspace.write(
        "config/site.yml",
        "projects:\n  foo-bar:\n    yanked:\n      \"1.1\": \"it <breaks> & burns\"\n",
    );
    for (index, name) in tree(&workspace.path("wheels")).keys().enumerate() {
        let date = format!("2026-01-0{}T03:04:05Z", index + 1);
        let file = workspace.path("wheels").join(name);
        let touched = Command::new("touch").args(["-d", &date]).arg(file).status();
        assert!(touched.expect("starts").success());
    }
    workspace.build(&[]);
    workspace
}

fn spec(index: &str) -> String {
    format!("simple+{index}")
}

/// Builds `site/` of a new workspace from an index.
fn mirror(source: &str, arguments: &[&str]) -> (Workspace, Value) {
    let workspace = Workspace::new();
    let mut all = vec!["--source", source];
    all.extend(arguments);
    let summary = workspace.build(&all);
    (workspace, summary)
}

fn run(source: &str, arguments: &[&str]) -> Run {
    let mut all = vec!["build", "--source", source];
    all.extend(arguments);
    Workspace::new().run(&all)
}

/// The files of a project as a site's JSON page has them, without their URLs.
fn files(workspace: &Workspace, project: &str) -> Vec<Value> {
    let page = workspace.json(&format!("site/simple/{project}/index.v1_json"));
    let mut files = page["files"].as_array().expect("is a list").clone();
    for file in &mut files {
        file.as_object_mut().expect("is an object").remove("url");
    }
    files
}

/// The requests for files that end so, as the log of `wheelsite serve` has them.
fn requests(served: &Served, end: &str) -> Vec<String> {
    let is_for = |line: &String| line.split(' ').nth(1).is_some_and(|path| path.ends_with(end));
    served.log().into_iter().filter(is_for).collect()
}

fn assert_same_index(copy: &Workspace, origin: &Workspace, url: &str) {
    for project in ["foo-bar", "other"] {
        assert_eq!(files(copy, project), files(origin, project), "{project}");
        let page = copy.json(&format!("site/simple/{project}/index.v1_json"));
        for file in page["files"].as_array().expect("is a list") {
            let link = file["url"].as_str().expect("is a text");
            assert!(link.starts_with(&format!("{url}files/{project}/")), "{link}");
        }
    }
    let yanked = &files(copy, "foo-bar")[1];
    assert_eq!(yanked["yanked"], "it <breaks> & burns");
    assert_eq!(yanked["upload-time"].as_str().map(str::len), Some(20));
    assert!(yanked["core-metadata"]["sha256"].is_string());
}

#[test]
fn an_index_in_json_is_taken_over() {
    let origin = origin();
    let served = origin.serve(&[]);
    let (copy, summary) = mirror(&spec(&served.index()), &[]);
    assert_eq!((&summary["projects"], &summary["files"]), (&2.into(), &4.into()));
    assert_same_index(&copy, &origin, &served.url);
    assert!(!copy.path("site/files").exists(), "pages link to where the files are");
    let pages = requests(&served, "/simple/foo-bar/");
    assert_eq!(pages.len(), 1);
    assert!(pages[0].contains("application/vnd.pypi.simple.v1+json"), "{}", pages[0]);
    assert!(requests(&served, ".metadata").is_empty(), "the digests are on the pages");
}

#[test]
fn an_index_in_html_is_taken_over() {
    let origin = origin();
    let host = Host::of_folder(&origin.site());
    let (copy, _) = mirror(&spec(&format!("{}simple/", host.url)), &[]);
    assert_same_index(&copy, &origin, &host.url);
    let pages = host.asked_for("/simple/other/");
    assert_eq!(pages.len(), 1);
    assert!(pages[0].accept.starts_with("application/vnd.pypi.simple.v1+json,"));
}

#[test]
fn pip_installs_from_the_copy() {
    let Some(bin) = tools::clients() else { return };
    let served = origin();
    let served = served.serve(&[]);
    let (copy, _) = mirror(&spec(&served.index()), &[]);
    let copied = copy.serve(&[]);
    let mut pip = Command::new(bin.join("python"));
    pip.args(["-m", "pip", "install", "--no-cache-dir", "--retries", "1", "--target", "installed"])
        .args(["--index-url", &copied.index(), "foo-bar", "other"]);
    copy.confine(&mut pip);
    let run =
        Run::of(pip.env("PIP_CONFIG_FILE", "/dev/null").env("PIP_DISABLE_PIP_VERSION_CHECK", "1"));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let installed = copy.read("installed/foo_bar.py");
    assert_eq!(installed, "__version__ = \"1.0+cu128\"\n", "1.1 is yanked");
    assert!(copy.path("installed/other-2.0.dist-info").is_dir());
    assert!(requests(&served, ".whl.metadata").len() >= 2, "pip takes METADATA from the origin");
}

#[test]
fn wheels_are_read_by_ranges_and_only_once() {
    let origin = origin();
    let served = origin.serve(&[]);
    let source = spec(&served.index());
    let (copy, summary) = mirror(&source, &[]);
    for wheel in ["Foo_Bar-1.0%2Bcu128-py3-none-any.whl", "Foo_Bar-1.1-py3-none-any.whl"] {
        let lines = requests(&served, wheel);
        assert!((1..=3).contains(&lines.len()), "{lines:?}");
        assert!(lines.iter().all(|line| line.contains(" 206 ")), "{lines:?}");
    }
    let read = summary["bytes_read"].as_u64().expect("is a number");
    assert!(read < 300_000, "{read} bytes of a megabyte and more");
    assert!(requests(&served, ".tar.gz").is_empty(), "the page has all of it");

    let before = requests(&served, ".whl").len();
    let again = copy.build(&["--source", &source]);
    assert_eq!(requests(&served, ".whl").len(), before);
    assert_eq!(
        (&again["requests"], &again["bytes_read"], &again["pages_written"]),
        (&0.into(), &0.into(), &0.into())
    );
}

/// PyTorch's layout: project pages below a folder for each CUDA version, links that begin at the
/// host's root, no sizes; a nightly build has no digest.
struct Torch {
    wheel: Wheel,
    nightly: Wheel,
    /// What the page says of the first wheel's digest.
    sha256: String,
}

impl Torch {
    fn new() -> Self {
        let wheel = Wheel::new("torchy", "1.0+cu126").file("data.bin", &noise(500_000));
        let sha256 = sha256(&wheel.bytes());
        Self { wheel, nightly: Wheel::new("torchy", "1.1.dev20260101+cu126"), sha256 }
    }

    fn host(self) -> Host {
        let metadata = |wheel: &Wheel| {
            let mut members = wheel.members().into_iter();
            let found = members.find(|(name, _)| name.ends_with("/METADATA"));
            found.expect("has METADATA").1
        };
        let (wheel, nightly) = (self.wheel.bytes(), self.nightly.bytes());
        let (sidecar, nightly_sidecar) = (metadata(&self.wheel), metadata(&self.nightly));
        let page = format!(
            "<!DOCTYPE html>\n<html>\n  <body>\n    <h1>Links for torchy</h1>\n    \
             <a href=\"/whl/cu126/torchy-1.0%2Bcu126-py3-none-any.whl#sha256={}\" \
             data-dist-info-metadata=\"sha256={digest}\" data-core-metadata=\"sha256={digest}\">\
             torchy-1.0+cu126-py3-none-any.whl</a><br/>\n    \
             <a href=\"/whl/nightly/torchy-1.1.dev20260101%2Bcu126-py3-none-any.whl\" \
             data-core-metadata=\"true\">torchy-1.1.dev20260101+cu126-py3-none-any.whl</a><br/>\n    \
             <a href=\"/whl/cu126/torchy-0.1-py2.7.egg\">torchy-0.1-py2.7.egg</a><br/>\n  \
             </body>\n</html>\n<!--TIMESTAMP 1779900000-->\n",
            self.sha256,
            digest = sha256(&sidecar),
        );
        Host::new(move |path, _| match path {
            "/whl/cu126/" => Answer::new("text/html", "<a href=\"torchy/\">torchy</a><br/>\n"),
            "/whl/cu126/torchy/" => Answer::new("text/html", page.clone()),
            "/whl/cu126/torchy-1.0%2Bcu126-py3-none-any.whl" => {
                Answer::new("binary/octet-stream", wheel.clone())
            }
            "/whl/nightly/torchy-1.1.dev20260101%2Bcu126-py3-none-any.whl" => {
                Answer::new("binary/octet-stream", nightly.clone())
            }
            "/whl/nightly/torchy-1.1.dev20260101%2Bcu126-py3-none-any.whl.metadata" => {
                Answer::new("binary/octet-stream", nightly_sidecar.clone())
            }
            // What a bucket says of an object that is not there.
            _ => Answer { status: 403, ..Answer::new("application/xml", "<Error/>") },
        })
    }
}

#[test]
fn the_layout_of_pytorch() {
    let torch = Torch::new();
    let (first, second) = (torch.wheel.bytes(), torch.nightly.bytes());
    let host = torch.host();
    let (copy, _) = mirror(&spec(&format!("{}whl/cu126", host.url)), &[]);
    let page = copy.json("site/simple/torchy/index.v1_json");
    let files: Vec<_> = page["files"].as_array().expect("is a list").iter().collect();
    assert_eq!(files.len(), 2);
    for (file, bytes, folder) in [(files[0], &first, "cu126"), (files[1], &second, "nightly")] {
        assert_eq!(file["hashes"]["sha256"], sha256(bytes));
        assert_eq!(file["size"], bytes.len());
        let url = file["url"].as_str().expect("is a text");
        assert!(url.starts_with(&format!("{}whl/{folder}/torchy-1.", host.url)), "{url}");
        assert!(url.ends_with("%2Bcu126-py3-none-any.whl"), "{url}");
        assert!(file["core-metadata"]["sha256"].is_string(), "{file}");
    }
    let asked = host.asked_for("torchy-1.0%2Bcu126-py3-none-any.whl");
    assert!((1..=3).contains(&asked.len()), "{asked:?}");
    assert!(asked.iter().all(|asked| asked.status == 206), "{asked:?}");
    assert!(asked.iter().map(|asked| asked.sent).sum::<usize>() < 100_000, "{asked:?}");

    let missing = run(&spec(&format!("{}whl/cu126/#nope", host.url)), &[]);
    missing.fails(3, &["whl/cu126/nope/", "403", "USER:PASSWORD"]);
}

#[test]
fn bytes_that_do_not_match_their_page_are_rejected() {
    let host = Torch { sha256: sha256(b"other bytes"), ..Torch::new() }.host();
    let source = spec(&format!("{}whl/cu126/", host.url));
    run(&source, &["--depth", "full"]).fails(1, &["hash-mismatch", "torchy-1.0+cu126"]);
}

#[test]
fn sidecars_that_are_not_the_wheels_are_not_passed_on() {
    let wheel = Wheel::new("demo", "1.0");
    let (bytes, name) = (wheel.bytes(), wheel.filename().to_owned());
    let page = |sidecar: &str| {
        format!("<a href=/{name}#sha256={} data-core-metadata={sidecar}>{name}</a>", sha256(&bytes))
    };
    let wrong = page(&format!("sha256={}", "0".repeat(64)));
    for page in [wrong, page("true"), page("false")] {
        let bytes = bytes.clone();
        let host = Host::new(move |path, _| match path {
            "/simple/demo/" => Answer::new("text/html", page.clone()),
            path if path.ends_with(".whl") => Answer::new("application/zip", bytes.clone()),
            _ => Answer::status(404),
        });
        let (copy, _) = mirror(&spec(&format!("{}simple/#demo", host.url)), &[]);
        assert_eq!(files(&copy, "demo")[0].get("core-metadata"), None);
    }
}

#[test]
fn projects_can_be_chosen() {
    let origin = origin();
    let served = origin.serve(&[]);
    let (copy, _) = mirror(&spec(&format!("{}#OTHER", served.index())), &[]);
    assert_eq!(files(&copy, "other").len(), 2);
    assert!(!copy.path("site/simple/foo-bar").exists());
    assert!(requests(&served, "/simple/").is_empty(), "nobody needs the root page");

    let copy = Workspace::new();
    copy.write(
        "config/site.yml",
        format!("sources:\n  - source: {}#other\n    projects: [Foo_Bar]\n", spec(&served.index())),
    );
    assert_eq!(copy.build(&[])["projects"], 2);

    let missing = run(&format!("{}#other,Not_There", spec(&served.index())), &[]);
    missing.fails(3, &["has no project `not-there`", "404", "/simple/not-there/", "hint"]);
}

#[test]
fn too_many_projects_must_be_chosen() {
    let names: Vec<_> = (0..2001).map(|number| json!({"name": format!("p{number}")})).collect();
    let root = json!({"meta": {"api-version": "1.4"}, "projects": names}).to_string();
    let host = Host::new(move |path, _| match path {
        "/simple/" => Answer::new("application/vnd.pypi.simple.v1+json", root.clone()),
        _ => Answer::status(404),
    });
    let index = format!("{}simple/", host.url);
    run(&spec(&index), &[]).fails(2, &["more than 2000 projects", &format!("simple+{index}#")]);
    assert_eq!(host.log().len(), 1);
}

#[test]
fn pages_that_are_none_are_named() {
    let host = Host::new(|path, _| match path {
        "/json/a/" => Answer::new("application/json; charset=utf-8", "{\"files\":[]}"),
        "/none/a/" => Answer::new("", "x"),
        "/major/a/" => Answer::new(
            "application/vnd.pypi.simple.v1+json",
            "{\"meta\":{\"api-version\":\"2.0\"},\"files\":[]}",
        ),
        "/major/b/" => Answer::new("text/html", "<meta name=pypi:repository-version content=2.0>"),
        "/broken/a/" => Answer::new("application/vnd.pypi.simple.v1+json", "{\"files\":["),
        _ => Answer::status(404),
    });
    let page = |path: &str| run(&spec(&format!("{}{path}", host.url)), &[]);
    let wanted = ["application/vnd.pypi.simple.v1+json", "text/html"];
    page("json/#a").fails(3, &["/json/a/", "`application/json; charset=utf-8`", wanted[0]]);
    page("none/#a").fails(3, &["/none/a/", "found none", wanted[1]]);
    page("major/#a").fails(3, &["/major/a/", "version 1", "`2.0`"]);
    page("major/#b").fails(3, &["/major/b/", "version 1", "`2.0`"]);
    page("broken/#a").fails(3, &["/broken/a/", "EOF"]);
    page("nowhere/").fails(3, &["no index at", "/nowhere/", "hint"]);
}

#[test]
fn what_an_index_withholds_is_told() {
    let file = "<a href=/a-1.0-py3-none-any.whl>a-1.0-py3-none-any.whl</a>";
    let quarantined = format!("<meta name=pypi:project-status content=quarantined>{file}");
    let odd = "<a href=/b-1.0-py3-none-any.whl>b-1.0-py3-no..&gt;</a><a href=/b-1.1.tar.gz>b-1.1.tar.gz</a>";
    let host = Host::new(move |path, _| match path {
        "/simple/a/" => Answer::new("text/html", quarantined.clone()),
        "/simple/b/" => Answer::new("text/html", odd),
        "/simple/d/" => Answer::new("text/html", file),
        "/b-1.1.tar.gz" => Answer::new("application/gzip", "b"),
        _ => Answer::status(404),
    });
    let run = run(&spec(&format!("{}simple/#a,b,d", host.url)), &["--allow-empty"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for text in [
        "/simple/a/`: the index has put",
        "/b-1.0-py3-none-any.whl`: its text",
        "/a-1.0-py3-none-any.whl`: it is on the page of another",
    ] {
        assert!(run.stderr.contains(text), "expected `{text}` in:\n{}", run.stderr);
    }
}

/// A site behind a password: `me` with `s3cr/et`, whose files are at another server where told so.
fn closed(site: &Path) -> Host {
    use base64::Engine;
    let expected = base64::engine::general_purpose::STANDARD.encode("me:s3cr/et");
    let (site, expected) = (site.to_owned(), format!("Basic {expected}"));
    Host::new(move |path, authorization| {
        if authorization == Some(&expected) { of_folder(&site, path) } else { Answer::status(401) }
    })
}

fn with_user(host: &Host, user: &str) -> String {
    spec(&host.url.replace("http://", &format!("http://{user}@")))
}

#[test]
fn a_user_name_is_used_and_never_shown() {
    let origin = origin();
    let host = closed(&origin.site());
    let source = format!("{}simple/", with_user(&host, "me:s3cr%2Fet"));
    let anonymous = run(&spec(&format!("{}simple/", host.url)), &[]);
    anonymous.fails(3, &["401", "wants a user name", "simple+https://USER:PASSWORD@HOST"]);
    let wrong = run(&format!("{}simple/", with_user(&host, "me:wr0ng")), &[]);
    wrong.fails(3, &["401", "check the user name"]);
    assert!(!wrong.stderr.contains("wr0ng"), "{}", wrong.stderr);

    let linked = run(&source, &[]);
    linked.fails(2, &["has no URL of its own", "--files copy"]);
    let copy = Workspace::new();
    let run = copy.run(&["build", "-v", "--source", &source, "--files", "copy"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for project in ["foo-bar", "other"] {
        assert_eq!(files(&copy, project), files(&origin, project));
    }
    let all = ["build", "--refresh", "--source", &source, "--files", "copy"];
    let log = Run::of(copy.command(&all).env("WHEELSITE_LOG", "trace"));
    assert!(log.code == Some(0) && log.stderr.contains("DEBUG"), "{}", log.stderr);
    let written = tree(&copy.path("")).into_iter();
    let told = [&linked, &run, &log].map(|run| ("output".to_owned(), run.stderr.clone().into()));
    for (path, bytes) in written.chain(told) {
        let text = String::from_utf8_lossy(&bytes);
        for secret in ["s3cr", "bWU6czNjci9ldA"] {
            assert!(!text.contains(secret), "{path}");
        }
    }
}

#[test]
fn a_user_name_is_told_to_no_other_server() {
    let wheel = Wheel::new("demo", "1.0");
    let (bytes, name) = (wheel.bytes(), wheel.filename().to_owned());
    let page = format!("#sha256={}>{name}</a>", sha256(&bytes));
    let other = Host::new(move |_, _| Answer::new("application/zip", bytes.clone()));
    let page = format!("<a href={}{name}{page}", other.url);
    let host = Host::new(move |path, authorization| match (path, authorization) {
        ("/simple/demo/", Some(_)) => Answer::new("text/html", page.clone()),
        _ => Answer::status(401),
    });
    let source = format!("{}simple/#demo", with_user(&host, "me:secret"));
    // What lies elsewhere may be linked to: it is public.
    let (copy, _) = mirror(&source, &[]);
    let page = copy.read("site/simple/demo/index.html");
    assert!(page.contains(&format!("{}demo-1.0", other.url)), "{page}");
    assert!(!other.log().is_empty());
    assert!(other.log().iter().all(|asked| asked.authorization.is_none()), "{:?}", other.log());
}

#[test]
fn names_that_are_none_harm_nothing() {
    let names = ["../../../evil-1.0-py3-none-any.whl", "a/b-1.0-py3-none-any.whl", "x\u{202e}.whl"];
    let files: Vec<_> = names.map(|name| json!({"filename": name, "url": "/x.whl"})).into();
    let page = json!({"files": files}).to_string();
    let host = Host::new(move |path, _| match path {
        "/simple/x/" => Answer::new("application/vnd.pypi.simple.v1+json", page.clone()),
        _ => Answer::new("application/zip", Wheel::new("evil", "1.0").bytes()),
    });
    let source = spec(&format!("{}simple/#x", host.url));
    let run = run(&source, &["--files", "copy"]);
    run.fails(1, &["3 of 3 files were rejected"]);
    assert!(!run.stderr.contains('\u{202e}'), "{}", run.stderr);
}
