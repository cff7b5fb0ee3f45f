//! pip and uv install from what wheelsite makes: the right files, and nothing else.
//!
//! A client sees one index alone, so nothing else can satisfy it, and what counts is
//! what lies in the target folder afterwards. Whatever both must do alike, both do in one test.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use crate::support::clients::{CLIENTS, Client, Index};
use crate::support::{Run, Served, Wheel, program, repository, tools};

/// What the index of real wheels says besides what the wheels do.
const CONFIG: &str = "projects:\n  idna:\n    yanked:\n      \"3.20\": breaks on purpose\n  \
                      six:\n    status: archived\n    status_reason: Python 2 is over\n";

/// An index of the real wheels. Building takes less time than a client needs to start, so each test
/// has its own.
fn of_real_wheels(arguments: &[&str]) -> Option<Index> {
    let wheels = tools::real_wheels()?;
    let index = Index::new()?;
    if !runs_real_wheels(index.bin) {
        return None;
    }
    index.workspace.write("config/site.yml", CONFIG);
    build_from(&index, wheels, arguments);
    Some(index)
}

fn build_from(index: &Index, wheels: &Path, arguments: &[&str]) {
    let mut all = vec!["--source", wheels.to_str().expect("is UTF-8")];
    all.extend(arguments);
    index.workspace.build(&all);
}

/// Whether the clients run the Python that the real wheels were chosen for.
fn runs_real_wheels(bin: &Path) -> bool {
    const CODE: &str = "import platform, sys\n\
        print(sys.platform, platform.machine(), *sys.version_info[:2])";
    static RUNS: OnceLock<bool> = OnceLock::new();
    let runs = *RUNS.get_or_init(|| {
        Run::of(Command::new(bin.join("python")).args(["-I", "-c", CODE])).stdout.trim()
            == "linux x86_64 3 11"
    });
    if !runs {
        tools::missing("Python 3.11 on Linux for x86-64, which the real wheels were chosen for,");
    }
    runs
}

/// What was asked of the server so far.
fn requests(served: &Served) -> Vec<String> {
    // Lines are in order: with this one, all before it are there.
    served.get("/so-far", &[]);
    assert!(served.wait_for(|line| line.contains("/so-far")), "{:?}", served.log());
    served.log().into_iter().filter(|line| !line.contains("/so-far")).collect()
}

/// How many requests of a log have this in their path, and were answered with this.
fn count(log: &[String], path: &str, answer: &str) -> usize {
    let parts = log.iter().filter_map(|line| line.strip_prefix("GET ")?.split_once(' '));
    parts.filter(|(asked, answered)| asked.ends_with(path) && answered.starts_with(answer)).count()
}

/// The digest of a real wheel.
fn pinned_sha256(filename: &str) -> String {
    let pins = std::fs::read_to_string(repository("tests/fixtures/real-wheels.txt"));
    let pins = pins.expect("reads");
    let pin = pins.lines().find(|line| line.split(' ').nth(1) == Some(filename));
    let (_, sha256) = pin.and_then(|pin| pin.split_once("sha256=")).expect("is pinned");
    sha256.to_owned()
}

/// A plain server of a folder's files; ends with the value.
struct FileServer {
    child: Child,
    url: String,
}

impl FileServer {
    fn start(bin: &Path, folder: &Path) -> Self {
        let mut python = Command::new(bin.join("python"));
        let mut child = tools::clean(&mut python)
            .args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("is piped");
        BufReader::new(stdout).read_line(&mut line).expect("says where it serves");
        // `Serving HTTP on 127.0.0.1 port 1 (http://127.0.0.1:1/) ...`
        let url = line.split(['(', ')']).nth(1).expect("names a URL").to_owned();
        Self { child, url }
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_newest_releases_come_with_their_dependencies() {
    let Some(index) = of_real_wheels(&[]) else { return };
    for client in CLIENTS {
        let served = index.serve();
        let projects = [
            "requests",
            "Jinja2",
            "zope.interface",
            "ruamel.yaml",
            "PyYAML",
            "psutil",
            "python-dateutil",
        ];
        let installed = index.install(client, &served.index(), &projects);
        // `idna` 3.20 is yanked, and `six` is archived, which keeps nobody from it.
        installed.has(&[
            "certifi==2026.10.18",
            "charset-normalizer==3.5.2",
            "idna==3.10",
            "jinja2==3.1.6",
            "markupsafe==3.0.4",
            "psutil==7.2.2",
            "python-dateutil==2.9.0.post0",
            "pyyaml==6.0.3",
            "requests==2.34.2",
            "ruamel-yaml==0.19.1",
            "six==1.17.0",
            "urllib3==2.8.0",
            "zope-interface==8.7",
        ]);
        installed.runs(
            &index,
            "import dateutil.parser, jinja2, markupsafe, psutil, requests, ruamel.yaml, yaml\n\
             import zope.interface\n\
             assert requests.__version__ == '2.34.2'\n\
             assert jinja2.Template('{{ x }}').render(x=1) == '1'",
        );
        let log = requests(&served);
        let json = "200 application/vnd.pypi.simple.v1+json";
        assert_eq!(count(&log, "/simple/zope-interface/", json), 1, "{log:?}");
        assert_eq!(count(&log, ".whl", "200 application/octet-stream"), 13, "{log:?}");
        assert_eq!(count(&log, "", "404"), 0, "{log:?}");
    }
}

#[test]
fn pinned_releases_are_found_under_any_spelling_of_their_names() {
    let Some(index) = of_real_wheels(&[]) else { return };
    let served = index.serve();
    for client in CLIENTS {
        index.install(client, &served.index(), &["requests==2.28.2"]).has(&[
            "certifi==2026.10.18",
            "charset-normalizer==3.5.2",
            "idna==3.10",
            "requests==2.28.2",
            "urllib3==1.26.20",
        ]);
        // Filenames have the spellings of their time; the index has one page for all of them.
        let odd = [
            "Zope.Interface",
            "ruamel_yaml",
            "markupsafe==2.1.2",
            "JINJA2==3.0.3",
            "PYTHON.dateutil==2.8.2",
            "pyyaml==6.0",
        ];
        index.install(client, &served.index(), &odd).has(&[
            "jinja2==3.0.3",
            "markupsafe==2.1.2",
            "python-dateutil==2.8.2",
            "pyyaml==6.0",
            "ruamel-yaml==0.19.1",
            "six==1.17.0",
            "zope-interface==8.7",
        ]);
    }
}

#[test]
fn required_hashes_hold_and_a_wrong_digit_installs_nothing() {
    let Some(index) = of_real_wheels(&[]) else { return };
    let served = index.serve();
    let six = pinned_sha256("six-1.16.0-py2.py3-none-any.whl");
    let idna = pinned_sha256("idna-3.4-py3-none-any.whl");
    let last = if six.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{last}", &six[..six.len() - 1]);
    let lines =
        |six: &str| format!("idna==3.4 --hash=sha256:{idna}\nsix==1.16.0 --hash=sha256:{six}\n");
    index.workspace.write("right.txt", lines(&six));
    index.workspace.write("wrong.txt", lines(&wrong));
    for client in CLIENTS {
        let install = |requirements| {
            let arguments = ["--require-hashes", "-r", requirements];
            index.install(client, &served.index(), &arguments)
        };
        install("right.txt").has(&["idna==3.4", "six==1.16.0"]);
        install("wrong.txt")
            .is_refused("DO NOT MATCH THE HASHES", "Hash mismatch for `six==1.16.0`");
    }
}

#[test]
fn a_release_for_newer_pythons_is_passed_over() {
    let Some(index) = of_real_wheels(&[]) else { return };
    let served = index.serve();
    for client in CLIENTS {
        index.install(client, &served.index(), &["networkx"]).has(&["networkx==3.6.1"]);
        index
            .install(client, &served.index(), &["networkx==3.7"])
            .is_refused("Requires-Python >=3.12", "networkx==3.7 cannot be used");
    }
}

#[test]
fn a_yanked_release_is_installed_only_when_it_is_pinned() {
    let Some(index) = of_real_wheels(&[]) else { return };
    let served = index.serve();
    for client in CLIENTS {
        index.install(client, &served.index(), &["idna"]).has(&["idna==3.10"]);
        let pinned = index.install(client, &served.index(), &["idna==3.20"]);
        pinned.has(&["idna==3.20"]);
        let told = &pinned.run.stderr;
        assert!(told.contains("breaks on purpose"), "{client:?}: {told}");
    }
}

#[test]
fn html_alone_is_enough() {
    let Some(index) = of_real_wheels(&["--host", "github-pages"]) else { return };
    let files = program::tree(&index.workspace.site());
    assert!(!files.keys().any(|path| path.ends_with(".v1_json")));
    for client in CLIENTS {
        let served = index.serve();
        let arguments = ["requests==2.28.2", "networkx"];
        index.install(client, &served.index(), &arguments).has(&[
            "certifi==2026.10.18",
            "charset-normalizer==3.5.2",
            "idna==3.10",
            "networkx==3.6.1",
            "requests==2.28.2",
            "urllib3==1.26.20",
        ]);
        let log = requests(&served);
        let html = "200 application/vnd.pypi.simple.v1+html";
        assert_eq!(count(&log, "/simple/idna/", html), 1, "{log:?}");
        assert!(count(&log, ".whl.metadata", "200") >= 6, "{log:?}");
    }
}

/// Wheels of two years.
fn of_two_years() -> Option<Index> {
    let index = Index::new()?;
    // Seconds since 1970 of 2024-01-01 and 2026-01-01.
    for (version, seconds) in [("1.0", 1_704_067_200), ("2.0", 1_767_225_600)] {
        let path = index.workspace.wheel(&Wheel::new("demo", version));
        let file = File::options().write(true).open(path).expect("opens");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).expect("sets");
    }
    Some(index)
}

const DATE: &str = "2025-01-01T00:00:00Z";

#[test]
fn a_date_limits_what_is_installed_to_what_was_uploaded_before() {
    let Some(index) = of_two_years() else { return };
    index.workspace.build(&[]);
    let served = index.serve();
    for client in CLIENTS {
        let limit = client.of("--uploaded-prior-to", "--exclude-newer");
        index.install(client, &served.index(), &["demo"]).has(&["demo==2.0"]);
        index.install(client, &served.index(), &["demo", limit, DATE]).has(&["demo==1.0"]);
    }
}

#[test]
fn uv_reads_upload_times_from_html_too() {
    let Some(index) = of_two_years() else { return };
    index.workspace.build(&["--host", "github-pages"]);
    let served = index.serve();
    let arguments = ["demo", "--exclude-newer", DATE];
    index.install(Client::Uv, &served.index(), &arguments).has(&["demo==1.0"]);
}

#[test]
fn resolving_reads_sidecars_and_no_wheel() {
    let Some(index) = of_real_wheels(&[]) else { return };
    for client in CLIENTS {
        let served = index.serve();
        let resolved = index.install(client, &served.index(), &["requests", "--dry-run"]);
        resolved.has(&[]);
        for (pip, uv) in [
            ("requests-2.34.2", "requests==2.34.2"),
            ("urllib3-2.8.0", "urllib3==2.8.0"),
            ("idna-3.10", "idna==3.10"),
        ] {
            let told = format!("{}{}", resolved.run.stdout, resolved.run.stderr);
            assert!(told.contains(client.of(pip, uv)), "{client:?}: {told}");
        }
        let log = requests(&served);
        assert_eq!(count(&log, ".whl.metadata", "200 text/plain"), 5, "{client:?}: {log:?}");
        assert_eq!(count(&log, ".whl", ""), 0, "{client:?}: {log:?}");
    }
}

#[test]
fn a_site_in_a_folder_needs_no_server() {
    let Some(index) = of_real_wheels(&[]) else { return };
    let url = index.file_url();
    let path = index.workspace.site().join("simple").to_str().expect("is UTF-8").to_owned();
    for (client, place) in [(Client::Pip, &url), (Client::Uv, &url), (Client::Uv, &path)] {
        index.install(client, place, &["requests==2.28.2", "zope.interface"]).has(&[
            "certifi==2026.10.18",
            "charset-normalizer==3.5.2",
            "idna==3.10",
            "requests==2.28.2",
            "urllib3==1.26.20",
            "zope-interface==8.7",
        ]);
    }
}

#[test]
fn local_versions_survive_urls_and_the_highest_one_wins() {
    let Some(index) = Index::new() else { return };
    build_from(&index, &repository("wheels"), &["--channels", "off"]);
    let served = index.serve();
    for client in CLIENTS {
        for url in [served.index(), index.file_url()] {
            for (requirement, expected) in [
                ("wheelsite-demo-cuda", "wheelsite-demo-cuda==0.3.0+cu128"),
                ("wheelsite-demo-cuda==0.3.0+cu126", "wheelsite-demo-cuda==0.3.0+cu126"),
                // A release without its local part stands for all of them.
                ("wheelsite-demo-cuda==0.3.0", "wheelsite-demo-cuda==0.3.0+cu128"),
                ("wheelsite-demo-cuda<0.3", "wheelsite-demo-cuda==0.2.0+cu126"),
            ] {
                let installed = index.install(client, &url, &[requirement]);
                installed.has(&[expected, "wheelsite-demo-pure==1.1.0"]);
            }
        }
    }
    let log = requests(&served);
    assert_eq!(count(&log, "", "404"), 0, "{log:?}");
}

#[test]
fn a_prerelease_is_installed_only_when_it_is_asked_for() {
    let Some(index) = Index::new() else { return };
    build_from(&index, &repository("wheels"), &[]);
    let served = index.serve();
    for client in CLIENTS {
        for (requirement, expected) in [
            ("wheelsite-demo-pure", "wheelsite-demo-pure==1.1.0"),
            ("wheelsite-demo-pure==2.0.0rc1", "wheelsite-demo-pure==2.0.0rc1"),
        ] {
            index.install(client, &served.index(), &[requirement]).has(&[expected]);
        }
    }
}

#[test]
fn files_are_taken_from_where_the_files_url_says() {
    let (Some(wheels), Some(bin)) = (tools::real_wheels(), tools::clients()) else { return };
    let files = FileServer::start(bin, wheels);
    let Some(index) = of_real_wheels(&["--files-url", &files.url]) else { return };
    assert!(!index.workspace.path("site/files").exists(), "the site carries no files");
    for client in CLIENTS {
        let served = index.serve();
        index.install(client, &served.index(), &["requests==2.28.2"]).has(&[
            "certifi==2026.10.18",
            "charset-normalizer==3.5.2",
            "idna==3.10",
            "requests==2.28.2",
            "urllib3==1.26.20",
        ]);
        let log = requests(&served);
        assert_eq!(count(&log, ".whl", ""), 0, "{log:?}");
    }
}

#[test]
fn a_file_that_was_replaced_behind_its_files_url_is_refused() {
    let Some(index) = Index::new() else { return };
    let files = FileServer::start(index.bin, &index.workspace.path("wheels"));
    let path = index.workspace.wheel(&Wheel::new("demo", "1.0"));
    index.workspace.build(&["--files-url", &files.url]);
    let json = index.workspace.json("site/simple/demo/index.v1_json");
    let sha256 = json["files"][0]["hashes"]["sha256"].as_str().expect("has a digest").to_owned();
    index.workspace.write("locked.txt", format!("demo==1.0 --hash=sha256:{sha256}\n"));
    let served = index.serve();
    let install = |client, arguments: &[&str]| index.install(client, &served.index(), arguments);
    for client in CLIENTS {
        install(client, &["-r", "locked.txt"]).has(&["demo==1.0"]);
    }
    let other = Wheel::new("demo", "1.0").file("demo_extra.py", b"evil = True\n");
    std::fs::write(path, other.bytes()).expect("writes");
    for client in CLIENTS {
        install(client, &["-r", "locked.txt"])
            .is_refused("DO NOT MATCH THE HASHES", "Hash mismatch for `demo==1.0`");
    }
    // pip holds an index to its own digests even where nothing is locked.
    install(Client::Pip, &["demo"]).is_refused("DO NOT MATCH THE HASHES", "");
}

#[test]
fn of_a_quarantined_project_nothing_is_installed() {
    let Some(index) = Index::new() else { return };
    index.workspace.wheel(&Wheel::new("demo", "1.0"));
    index.workspace.wheel(&Wheel::new("other", "1.0"));
    index.workspace.write(
        "config/site.yml",
        "projects:\n  demo:\n    status: quarantined\n    status_reason: its key was stolen\n",
    );
    index.workspace.build(&[]);
    let served = index.serve();
    for client in CLIENTS {
        for requirement in ["demo", "demo==1.0"] {
            index
                .install(client, &served.index(), &[requirement, "other"])
                .is_refused("No matching distribution found for demo", "no version");
        }
        index.install(client, &served.index(), &["other"]).has(&["other==1.0"]);
    }
}
