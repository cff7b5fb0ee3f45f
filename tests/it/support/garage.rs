//! Garage: a real S3 server with a website endpoint, which heeds no conditions on writes.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;

use super::repository;
use super::stores::bin;
use super::tools::{clean, missing};

/// A running Garage, one for all tests.
pub(crate) struct Garage {
    /// Of the S3 API, without a slash at the end.
    pub(crate) endpoint: String,
    pub(crate) web_port: u64,
    key: String,
    secret: String,
    talk: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    _child: Child,
}

/// `target/tools/bin/garage`, where `.ci/run` installs it, else what is on the PATH.
fn program() -> Option<PathBuf> {
    let installed = repository("target/tools/bin/garage");
    if installed.is_file() {
        return Some(installed);
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join("garage"));
    let found = found.into_iter().find(|program| program.is_file());
    if found.is_none() {
        missing("garage (`bash .ci/run` installs it)");
    }
    found
}

/// The server, started once.
pub(crate) fn garage() -> Option<&'static Garage> {
    static GARAGE: OnceLock<Option<Garage>> = OnceLock::new();
    let (bin, program) = (bin()?, program()?);
    let garage = GARAGE.get_or_init(|| {
        let mut command = Command::new(bin.join("python"));
        let mut child = clean(&mut command)
            .arg("-B")
            .arg(repository("tests/it/scripts/garage.py"))
            .arg(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let stdin = child.stdin.take().expect("is piped");
        let mut stdout = BufReader::new(child.stdout.take().expect("is piped"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("says how it went");
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        let (Some(s3), Some(web)) = (said["s3"].as_u64(), said["web"].as_u64()) else {
            eprintln!("Garage did not start: {said}");
            let _ = child.wait();
            return None;
        };
        Some(Garage {
            endpoint: format!("http://127.0.0.1:{s3}"),
            web_port: web,
            key: said["key"].as_str().unwrap_or_default().to_owned(),
            secret: said["secret"].as_str().unwrap_or_default().to_owned(),
            talk: Mutex::new((stdin, stdout)),
            _child: child,
        })
    });
    if garage.is_none() {
        missing("a running Garage");
    }
    garage.as_ref()
}

impl Garage {
    /// A new bucket that is served as a website.
    pub(crate) fn bucket(&self, name: &str) {
        let mut talk = self.talk.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(talk.0, "{name}").expect("is asked");
        let mut line = String::new();
        talk.1.read_line(&mut line).expect("answers");
        assert_eq!(line, "\n", "cannot make the bucket {name}");
    }

    /// What the program reads from the environment to get here, through `endpoint`.
    pub(crate) fn environment(&self, endpoint: &str) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", endpoint.to_owned()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "garage".to_owned()),
            ("AWS_ACCESS_KEY_ID", self.key.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret.clone()),
        ]
    }

    /// All objects of a bucket, by key, with `type`, `cache` and `sha256`.
    pub(crate) fn objects(&self, bucket: &str) -> BTreeMap<String, Value> {
        let bin = bin().expect("is there");
        let mut script = Command::new(bin.join("python"));
        let mut child = clean(&mut script)
            .args(["-B".as_ref(), repository("tests/it/scripts/s3_put.py").as_os_str()])
            .arg(&self.endpoint)
            .env("AWS_ACCESS_KEY_ID", &self.key)
            .env("AWS_SECRET_ACCESS_KEY", &self.secret)
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_REGION", "garage")
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let plan = serde_json::json!([{"bucket": bucket, "list": true}]);
        let mut pipe = child.stdin.take().expect("is piped");
        pipe.write_all(plan.to_string().as_bytes()).expect("takes the plan");
        drop(pipe);
        let output = child.wait_with_output().expect("ends");
        assert!(output.status.success());
        let said: Vec<BTreeMap<String, Value>> =
            serde_json::from_slice(&output.stdout).expect("prints JSON");
        said.into_iter().next().expect("is listed")
    }
}
