use super::*;

const EXIT: Ended = Ended { end: End::Exit(Some(25)), oom: false };

fn tail(stage: &str, text: &str) -> Tail {
    let mut tail = Tail::default();
    if !stage.is_empty() {
        tail.hear(&format!("== stage: {stage}"));
    }
    for line in text.lines() {
        tail.hear(line);
    }
    tail
}

fn of(ended: Ended, stage: &str, text: &str) -> Failure {
    let context = Context {
        limit: 60,
        memory: Some(1 << 30),
        python: "3.12",
        image: "nvidia/cuda:12.9.1-devel-ubuntu22.04",
        log: "build.log".into(),
    };
    of_run(ended, &tail(stage, text), &context)
}

#[test]
fn each_cause_has_its_words_and_its_exit_code() {
    let rows = [
        (
            "compile",
            "  a.cu(3): error: identifier \"x\" is undefined\nerror: command 'nvcc' failed",
            Cause::Compile,
            "identifier \"x\" is undefined",
            1,
        ),
        (
            "compile",
            "a.c:1:10: fatal error: cudnn.h: No such file or directory",
            Cause::MissingHeader,
            "`cudnn.h`",
            1,
        ),
        (
            "compile",
            "/usr/bin/ld: cannot find -lcublas: No such file or directory",
            Cause::MissingHeader,
            "`cublas`",
            1,
        ),
        (
            "compile",
            "ModuleNotFoundError: No module named 'torch'",
            Cause::MissingModule,
            "`torch`",
            1,
        ),
        (
            "compile",
            "OSError: CUDA_HOME environment variable is not set. Please set it",
            Cause::MissingProgram,
            "no CUDA compiler",
            1,
        ),
        (
            "compile",
            "g++: fatal error: Killed signal terminated program cc1plus",
            Cause::OutOfMemory,
            "1024 MiB",
            1,
        ),
        (
            "compile",
            "fatal error: error writing to /tmp/x.s: No space left on device",
            Cause::DiskFull,
            "disk is full",
            1,
        ),
        (
            "python",
            "error: no Python 3.12 (python_from: image)",
            Cause::PythonMissing,
            "no Python 3.12",
            1,
        ),
        (
            "python",
            "error: Failed to install cpython-3.12\n  cause: client error (Connect)\nerror: no Python 3.12",
            Cause::Network,
            "could not reach",
            3,
        ),
        (
            "dependencies",
            "ERROR: No matching distribution found for torch==9.9.*",
            Cause::Dependency,
            "torch==9.9.*",
            1,
        ),
        (
            "source",
            "ERROR: No matching distribution found for x==1",
            Cause::NoSource,
            "no source of this release",
            1,
        ),
        (
            "dependencies",
            "WARNING: Retrying after connection broken by 'NewConnectionError(...)': /simple/x/\nERROR: No matching distribution found for x",
            Cause::Network,
            "could not reach",
            3,
        ),
        (
            "source",
            "ERROR: HTTP error 503 while getting https://h/x.tar.gz",
            Cause::Network,
            "could not reach",
            3,
        ),
        ("apt", "E: Unable to locate package nope", Cause::Dependency, "nope", 1),
        (
            "import",
            "Traceback\nModuleNotFoundError: No module named 'nope'",
            Cause::Import,
            "`nope`",
            1,
        ),
        (
            "import",
            "ImportError: /x/_c.so: undefined symbol: _ZN3c10",
            Cause::Import,
            "undefined symbol",
            1,
        ),
        (
            "",
            "Error: runc: exec: \"/bin/sh\": stat /bin/sh: no such file or directory",
            Cause::Engine,
            "no `/bin/sh`",
            3,
        ),
        ("", "Error: cannot set up namespaces", Cause::Engine, "did not start", 3),
    ];
    for (stage, text, cause, words, code) in rows {
        let failure = of(EXIT, stage, text);
        assert_eq!(failure.cause, cause, "{text}: {failure:?}");
        assert!(failure.message.contains(words), "{text}: {failure:?}");
        assert!(!failure.hint.is_empty(), "{failure:?}");
        assert_eq!(failure.is_passing, cause == Cause::Network);
        assert_eq!(failure.into_error().exit_code(), code, "{text}");
    }
}

#[test]
fn the_end_of_a_container_tells_more_than_its_words() {
    let words = "g++: error: x";
    let timeout = Ended { end: End::Timeout, oom: false };
    assert_eq!(of(timeout, "compile", words).cause, Cause::Timeout);
    let oom = Ended { end: End::Exit(Some(137)), oom: true };
    assert_eq!(of(oom, "compile", words).cause, Cause::OutOfMemory);
    let failed = of(EXIT, "compile", "error: subprocess-exited-with-error\n== oom");
    assert_eq!(failed.cause, Cause::OutOfMemory);
    let killed = Ended { end: End::Exit(Some(137)), oom: false };
    let failure = of(killed, "compile", "[3/9] nvcc x.cu");
    assert!(failure.message.contains("killed from outside"), "{failure:?}");
}

#[test]
fn a_compile_error_is_never_tried_again() {
    let text = "a.c:1: error: x\nConnection reset by peer";
    assert_eq!(of(EXIT, "compile", text).cause, Cause::Compile);
    assert_eq!(of(EXIT, "compile", "curl: Could not resolve host: h").cause, Cause::Network);
}

#[test]
fn pulls_that_may_go_well_later_are_told_from_others() {
    for (text, cause) in [
        (
            "Error: initializing source docker://h/x:1: reading manifest 1 in h/x: manifest unknown",
            Cause::ImageMissing,
        ),
        (
            "Error response from daemon: manifest for nvidia/cuda:9-x not found: manifest unknown: manifest unknown",
            Cause::ImageMissing,
        ),
        (
            "Error response from daemon: pull access denied for x, repository does not exist or may require 'docker login'",
            Cause::ImageMissing,
        ),
        (
            "Error: initializing source: pinging container registry h: Get \"https://h/v2/\": dial tcp: lookup h: no such host",
            Cause::Network,
        ),
        ("received unexpected HTTP status: 503 Service Unavailable", Cause::Network),
        ("toomanyrequests: You have reached your pull rate limit", Cause::Network),
        ("write /var/lib/x: no space left on device", Cause::DiskFull),
        ("something else", Cause::Engine),
    ] {
        let failure = of_pull("h/x:1", &tail("", text));
        assert_eq!(failure.cause, cause, "{text}: {failure:?}");
        assert_eq!(failure.is_passing, cause == Cause::Network);
    }
}

#[test]
fn libraries_that_are_missing_are_named() {
    let text =
        "ImportError: libcublas.so.12: cannot open shared object file: No such file or directory";
    let failure = of(EXIT, "import", text);
    assert!(failure.hint.contains("`libcublas.so.12`"), "{failure:?}");
}

proptest::proptest! {
    #[test]
    fn foreign_output_never_panics_and_is_shown_without_control_characters(
        stage in "(compile|import|source|)", text in "(\\PC|[\u{1b}\r\n']){0,200}",
        prefix in "(No module named '|fatal error: |cannot find -l|E: |error: |)",
    ) {
        let failure = of(EXIT, &stage, &format!("{prefix}{text}"));
        proptest::prop_assert!(!failure.message.chars().any(char::is_control), "{:?}", failure);
        proptest::prop_assert!(!failure.hint.chars().any(char::is_control), "{:?}", failure);
        let _ = of_pull("x", &tail("", &text));
    }
}

#[test]
fn a_killed_client_is_no_failure_of_the_compiler() {
    let killed = Ended { end: End::Exit(None), oom: false };
    let failure = of(killed, "compile", "cc -c a.c");
    assert_eq!(failure.cause, Cause::Other);
    assert_eq!(failure.message, "the engine's client was killed in stage `compile`");
    assert!(failure.hint.contains("goes on"), "{}", failure.hint);
}
