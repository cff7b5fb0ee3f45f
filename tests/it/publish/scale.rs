//! A site of 100,000 files: requests, concurrency and memory. `bash .ci/soak` runs it.

use std::time::Instant;

use super::command;
use crate::support::proxy::Proxy;
use crate::support::{Run, Workspace, stores};

/// What `time -v` says of a child process.
fn measured(run: &str, what: &str) -> f64 {
    let line = run.lines().find(|line| line.contains(what));
    let text = line.and_then(|line| line.rsplit(' ').next()).expect("is measured");
    text.parse().expect("is a number")
}

/// The most memory that a child process had, in MiB.
fn peak(run: &str) -> f64 {
    measured(run, "Maximum resident set size") / 1024.0
}

#[test]
#[ignore = "takes minutes; `bash .ci/soak` runs it"]
#[expect(clippy::print_stderr, reason = "the numbers are what it is for")]
fn a_hundred_thousand_files() {
    let Some(s3) = stores::s3() else { return };
    let bucket = s3.bucket("publish-scale");
    let workspace = Workspace::new();
    let list = |changed: bool| {
        let mut lines = String::new();
        for project in 0..2_000 {
            for file in 0..50 {
                let version = format!("{}.{}", file / 5, file % 5);
                let last = if changed && project == 77 && file == 49 { "9.9" } else { &*version };
                let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(format!(
                    "{project} {last}"
                )));
                lines.push_str(&format!(
                    "{{\"filename\": \"project_{project}-{last}-py3-none-any.whl\", \"hash\": \
                        \"sha256={digest}\", \"upload_timestamp\": 1700000000, \"size\": 1000}}\n"
                ));
            }
        }
        workspace.write("list.jsonl", lines);
    };
    let build = || {
        let source = ["--source", "list:list.jsonl", "--files-url", "https://f.example/"];
        workspace.build(&source);
    };
    let proxy = Proxy::start(&s3.endpoint);
    let mut environment = s3.environment();
    environment.push(("AWS_ENDPOINT_URL", proxy.url.clone()));
    let to = format!("s3://{bucket}");
    let publish = |what: &str| {
        proxy.let_through(u64::MAX);
        let plain = command(&workspace, &environment, &["--to", &to]);
        let mut timed = std::process::Command::new("/usr/bin/time");
        timed.arg("-v").arg(plain.get_program()).args(plain.get_args());
        timed.current_dir(workspace.path("")).env_clear();
        timed.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let began = Instant::now();
        let run = Run::of(&mut timed);
        let seconds = began.elapsed().as_secs_f64();
        let report = run.works().json();
        eprintln!(
            "{what}: {seconds:.1} s, {:.2} s of CPU, {} requests, {} at once, {:.0} MiB, {report}",
            measured(&run.stderr, "User time") + measured(&run.stderr, "System time"),
            proxy.count(),
            proxy.most(),
            peak(&run.stderr)
        );
        assert!(peak(&run.stderr) < 150.0, "{} MiB", peak(&run.stderr));
        report
    };
    list(false);
    build();
    publish("first");
    // The seventeenth is the sign of life of a publication that takes its time.
    assert!((16..=17).contains(&proxy.most()), "{} at once", proxy.most());
    publish("nothing changed");
    assert_eq!(proxy.count(), 1);
    list(true);
    build();
    let report = publish("one project changed");
    let changed = report["pages_sent"].as_u64().expect("is a number") + 1;
    assert!(proxy.count() <= changed + 4, "{} requests for {changed} objects", proxy.count());
}
