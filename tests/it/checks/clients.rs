//! Flawed files by wheelsite, pip, uv and unpackers: nothing is listed that an installer refuses.
//!
//! Installers get each file twice: as a file, and from an index, where they look at other things
//! and read it in another way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::{Case, cases, findings};
use crate::support::{Run, Workspace, program, repository, tools};

/// Keeps clients from what the machine has configured, and from all hosts but this one.
const ENVIRONMENT: [(&str, &str); 7] = [
    ("ALL_PROXY", "http://127.0.0.1:9"),
    ("NO_PROXY", "127.0.0.1"),
    ("PIP_CONFIG_FILE", "/dev/null"),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("UV_HTTP_RETRIES", "0"),
    ("UV_NO_CONFIG", "1"),
    ("UV_PYTHON_DOWNLOADS", "never"),
];

/// Names the file that the table of all verdicts is written to.
const TABLE: &str = "WHEELSITE_TABLE";

/// Two processes each for pip and uv; the machines of those who run this have few cores.
const AT_ONCE: usize = 4;

/// What was made of a file.
struct Verdict {
    /// Accepted with nothing to say, with warnings, or rejected.
    wheelsite: &'static str,
    accepted: bool,
    pip: Answer,
    uv: Answer,
    zipfile: bool,
    /// None where there is no such program.
    unzip: Option<bool>,
    /// What pip and uv installed otherwise than each other, where both did.
    differs: Option<String>,
}

/// Whether a client took a file, and a file from an index.
struct Answer {
    file: Result<(), String>,
    /// None where it was not asked.
    index: Option<Result<(), String>>,
}

impl Answer {
    /// What it said when it refused. A wheel for another machine is refused for no flaw.
    fn refusal(&self) -> Option<&String> {
        let mut refusals = [Some(&self.file), self.index.as_ref()].into_iter().flatten();
        refusals.find_map(|result| result.as_ref().err().filter(|said| !is_elsewhere(said)))
    }

    fn shown(&self) -> &'static str {
        match (&self.file, &self.index) {
            (Err(said), _) if is_elsewhere(said) => "other platform",
            (Err(_), _) => "refuses",
            (Ok(()), Some(Err(_))) => "refuses from an index",
            (Ok(()), _) => "installs",
        }
    }
}

fn is_elsewhere(said: &str) -> bool {
    let texts = ["is not a supported wheel on this platform", "is not compatible with the current"];
    texts.iter().any(|text| said.contains(text))
}

/// Every case with what all clients make of it; none where clients are missing.
fn verdicts() -> Option<&'static [(Case, Verdict)]> {
    static VERDICTS: OnceLock<Option<Vec<(Case, Verdict)>>> = OnceLock::new();
    VERDICTS.get_or_init(|| tools::clients().map(judge_all)).as_deref()
}

fn judge_all(clients: &Path) -> Vec<(Case, Verdict)> {
    let cases = cases();
    let found = findings(&cases, &[]);
    // What is rejected is of interest for the table only.
    let wants_all = std::env::var_os(TABLE).is_some();
    let wanted = |found: &[(String, String)]| {
        wants_all || found.iter().all(|(_, severity)| severity != "error")
    };
    let (cases, found): (Vec<Case>, Vec<_>) =
        cases.into_iter().zip(found).filter(|(_, found)| wanted(found)).unzip();
    let workspace = Workspace::new();
    // The server serves sites only; the indexes lie beside the pages of an empty one.
    workspace.build(&["--allow-empty"]);
    let folders: Vec<PathBuf> =
        (0..cases.len()).map(|index| workspace.path(&format!("site/{index:04}"))).collect();
    for (folder, case) in folders.iter().zip(&cases) {
        std::fs::create_dir_all(folder).expect("makes a folder");
        std::fs::write(folder.join(&case.filename), &case.bytes).expect("writes");
    }
    let asked = Asked { workspace: &workspace, clients, unzips: tools::has_program("unzip") };
    let answers = at_once(&folders, |share| asked.about_files(share));
    let mut verdicts: Vec<Verdict> = answers
        .into_iter()
        .zip(&found)
        .map(|((python, uv, unzip), found)| {
            let graver = |grave: &str| found.iter().any(|(_, severity)| severity == grave);
            let (pip, uv) = (of_pip(&python), Answer { file: uv, index: None });
            Verdict {
                wheelsite: match (graver("error"), graver("warning")) {
                    (true, _) => "rejects",
                    (false, true) => "warns",
                    (false, false) => "accepts",
                },
                accepted: !graver("error"),
                zipfile: python["zipfile"] == true,
                pip: Answer { file: pip, index: None },
                uv,
                unzip,
                differs: None,
            }
        })
        .collect();
    // Of what is rejected, that alone is of interest which shows in an index only.
    let listed: Vec<usize> = (0..cases.len())
        .filter(|&index| {
            let wheel = cases[index].filename.ends_with(".whl");
            wheel && (verdicts[index].accepted || cases[index].id().ends_with("version-mismatch"))
        })
        .collect();
    for &index in &listed {
        list(&folders[index], &cases[index].filename);
    }
    let served = workspace.serve(&[]);
    let some: Vec<PathBuf> = listed.iter().map(|&index| folders[index].clone()).collect();
    let answers = at_once(&some, |share| asked.about_projects(share, &served.url));
    for (index, (pip, uv)) in listed.into_iter().zip(answers) {
        let verdict = &mut verdicts[index];
        (verdict.pip.index, verdict.uv.index) = (Some(pip), Some(uv));
        if verdict.pip.shown() == "installs" && verdict.uv.shown() == "installs" {
            verdict.differs = difference(&folders[index]);
        }
    }
    cases.into_iter().zip(verdicts).collect()
}

/// Shares some folders among a few threads.
fn at_once<T: Send>(folders: &[PathBuf], work: impl Fn(&[PathBuf]) -> Vec<T> + Sync) -> Vec<T> {
    let share = folders.len().div_ceil(AT_ONCE).max(1);
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            folders.chunks(share).map(|share| scope.spawn(|| work(share))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("does not panic")).collect()
    })
}

/// Makes an index of the one file in a folder.
fn list(folder: &Path, filename: &str) {
    let page = folder.join("simple").join(project(filename));
    std::fs::create_dir_all(&page).expect("makes a folder");
    let url = filename.replace('+', "%2B").replace('!', "%21");
    let html =
        format!("<!DOCTYPE html><html><body><a href=\"../../{url}\">{filename}</a></body></html>");
    std::fs::write(page.join("index.html"), html).expect("writes");
}

/// The normalized name of the project.
fn project(filename: &str) -> String {
    let name = filename.split('-').next().unwrap_or_default();
    name.to_lowercase().replace(['_', '.'], "-")
}

fn of_pip(answer: &Value) -> Result<(), String> {
    if answer["pip"] == true { Ok(()) } else { Err(answer["pip_said"].to_string()) }
}

fn of_run(run: Run) -> Result<(), String> {
    if run.code == Some(0) { Ok(()) } else { Err(run.stderr) }
}

/// Who is asked, and where.
struct Asked<'a> {
    workspace: &'a Workspace,
    clients: &'a Path,
    unzips: bool,
}

impl Asked<'_> {
    fn run(&self, command: &mut Command) -> Run {
        self.workspace.confine(command);
        Run::of(command.envs(ENVIRONMENT))
    }

    /// Gives files to Python: to pip and, where there is no index, to `zipfile`.
    fn python(&self, index: Option<&str>, folders: &[PathBuf]) -> Vec<Value> {
        let mut python = Command::new(self.clients.join("python"));
        python.arg("-I").arg(repository("tests/it/scripts/install_each.py"));
        python.args(index.map(|_| "--index")).args(index).args(folders);
        let run = self.run(&mut python);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let lines = run.stdout.lines().map(|line| serde_json::from_str(line).expect("is JSON"));
        let answers: Vec<Value> = lines.collect();
        assert_eq!(answers.len(), folders.len());
        answers
    }

    fn uv(&self, target: &Path, arguments: &[&str]) -> Result<(), String> {
        let mut uv = Command::new(self.clients.join("uv"));
        uv.args(["pip", "install", "--no-cache", "--quiet", "--python"])
            .arg(self.clients.join("python"))
            .arg("--target")
            .arg(target)
            .args(arguments);
        of_run(self.run(&mut uv))
    }

    fn about_files(&self, folders: &[PathBuf]) -> Vec<(Value, Result<(), String>, Option<bool>)> {
        let answers = self.python(None, folders);
        let ask = |(folder, answer): (&PathBuf, Value)| {
            let files = std::fs::read_dir(folder).expect("lists");
            let mut files = files.map(|file| file.expect("lists").path());
            let file = files.find(|file| file.is_file()).expect("is there");
            let path = file.to_str().expect("is UTF-8");
            let uv = self.uv(&folder.join("uv"), &["--no-deps", "--offline", "--no-index", path]);
            let unzip = self.unzips.then(|| {
                let mut unzip = Command::new("unzip");
                // A password must not be asked for.
                self.run(unzip.args(["-tqq", "-P", "none", path])).code == Some(0)
            });
            (answer, uv, unzip)
        };
        folders.iter().zip(answers).map(ask).collect()
    }

    fn about_projects(
        &self,
        folders: &[PathBuf],
        url: &str,
    ) -> Vec<(Result<(), String>, Result<(), String>)> {
        let answers = self.python(Some(url), folders);
        let ask = |(folder, answer): (&PathBuf, Value)| {
            let name = |path: &Path| path.file_name().expect("has one").to_owned();
            let number = name(folder).into_string().expect("is UTF-8");
            let page = std::fs::read_dir(folder.join("simple")).expect("lists").next();
            let project = page.expect("is there").expect("lists").file_name();
            let project = project.to_str().expect("is UTF-8");
            let index = format!("{url}{number}/simple/");
            let uv = self.uv(&folder.join("uv-index"), &["--default-index", &index, project]);
            (of_pip(&answer), uv)
        };
        folders.iter().zip(answers).map(ask).collect()
    }
}

/// The first file that pip and uv installed otherwise.
fn difference(folder: &Path) -> Option<String> {
    let installed = |client: &str| -> BTreeMap<String, Vec<u8>> {
        let mut files = program::tree(&folder.join(client));
        // What a client notes of its own, and what each puts elsewhere below a target.
        let own = ["bin/", "include/", ".lock"];
        files.retain(|path, _| !own.iter().any(|start| path.starts_with(start)));
        files.retain(|path, _| !path.contains(".dist-info/"));
        files
    };
    let (pip, uv) = (installed("pip-index"), installed("uv-index"));
    let mut paths = pip.keys().chain(uv.keys());
    paths.find(|path| pip.get(*path) != uv.get(*path)).cloned()
}

#[test]
fn nothing_is_accepted_that_pip_or_uv_refuses() {
    let Some(verdicts) = verdicts() else { return };
    let mut refused = Vec::new();
    for (case, verdict) in verdicts.iter().filter(|(_, verdict)| verdict.accepted) {
        for (client, answer) in [("pip", &verdict.pip), ("uv", &verdict.uv)] {
            if case.filename.ends_with(".whl")
                && let Some(said) = answer.refusal()
            {
                refused.push(format!("{} ({}): {client} says {said}", case.id(), case.flaw));
            }
        }
    }
    assert_eq!(refused, [""; 0]);
}

#[test]
fn what_is_accepted_is_one_archive_to_pip_and_to_uv() {
    let Some(verdicts) = verdicts() else { return };
    let accepted = verdicts.iter().filter(|(_, verdict)| verdict.accepted);
    let differ = accepted.filter_map(|(case, verdict)| {
        Some(format!("{} ({}): {}", case.id(), case.flaw, verdict.differs.as_ref()?))
    });
    assert_eq!(differ.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn what_is_accepted_can_be_unpacked() {
    let Some(verdicts) = verdicts() else { return };
    let wheels = verdicts.iter().filter(|(case, _)| case.filename.ends_with(".whl"));
    let cannot = wheels.filter(|(_, verdict)| {
        verdict.accepted && !(verdict.zipfile && verdict.unzip.unwrap_or(true))
    });
    let cannot: Vec<&str> = cannot.map(|(case, _)| case.flaw.as_str()).collect();
    assert_eq!(cannot, [""; 0]);
}

/// Writes the table where `WHEELSITE_TABLE` says.
#[test]
fn the_table_of_verdicts_is_written_on_demand() {
    let Some(path) = std::env::var_os(TABLE) else { return };
    let Some(verdicts) = verdicts() else { return };
    let mut table = String::from(
        "| check | flaw | wheelsite | pip | uv | zipfile -t | unzip -t |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for (case, verdict) in verdicts {
        let flaw = case.flaw.replace('|', "\\|");
        let flaw: String = flaw.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let unpacks = |passes| if passes { "passes" } else { "fails" };
        table.push_str(&format!(
            "| {} | {flaw} | {} | {} | {} | {} | {} |\n",
            case.id(),
            verdict.wheelsite,
            verdict.pip.shown(),
            verdict.uv.shown(),
            unpacks(verdict.zipfile),
            verdict.unzip.map_or("-", unpacks),
        ));
    }
    std::fs::write(path, table).expect("writes");
}
