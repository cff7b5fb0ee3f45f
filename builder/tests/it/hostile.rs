//! Package lists of others: no value becomes an option, a command or a path.

use crate::support::Workshop;

#[test]
fn values_that_could_be_something_else_are_refused() {
    let Some(workshop) = Workshop::new() else { return };
    let cases: [(&str, &str); 22] = [
        ("  \"tiny; id\":\n    versions: [\"1.0\"]\n", "tiny; id"),
        ("  \"../tiny\":\n    versions: [\"1.0\"]\n", "../tiny"),
        ("  --tiny:\n    versions: [\"1.0\"]\n", "--tiny"),
        ("  tiny:\n    versions: [\"$(id)\"]\n", "versions[0]"),
        ("  tiny:\n    versions: [\"1.0 --index-url=http://x\"]\n", "versions[0]"),
        ("  tiny:\n    versions: [\"1.0\"]\n    python: [\"3.11; id\"]\n", "3.11; id"),
        (
            "  tiny:\n    versions: [\"1.0\"]\n    extra_deps: [\"--index-url=http://x\"]\n",
            "--index-url",
        ),
        ("  tiny:\n    versions: [\"1.0\"]\n    extra_deps: [\"a\\nb\"]\n", "extra_deps"),
        (
            "  tiny:\n    versions: [\"1.0\"]\n    test_import: \"os; os.system('id')\"\n",
            "test_import",
        ),
        ("  tiny:\n    versions: [\"1.0\"]\n    test_import: \"-c\"\n", "test_import"),
        ("  tiny:\n    versions: [\"1.0\"]\n    apt: [\"-oAPT::x=y\"]\n", "-oAPT"),
        ("  tiny:\n    versions: [\"1.0\"]\n    apt: [\"git; id\"]\n", "git; id"),
        ("  tiny:\n    versions: [\"1.0\"]\n    image: \"--privileged\"\n", "--privileged"),
        ("  tiny:\n    versions: [\"1.0\"]\n    image: \"a b\"\n", "a b"),
        ("  tiny:\n    versions: [\"1.0\"]\n    env: {\"A=B\": \"1\"}\n", "A=B"),
        ("  tiny:\n    versions: [\"1.0\"]\n    env: {\"A\": \"1\\02\"}\n", "env"),
        ("  tiny:\n    versions: [\"1.0\"]\n    build_args: \"--x 'y\"\n", "build_args"),
        ("  tiny:\n    versions: [\"1.0\"]\n    source: \"git+ext::sh -c id@main\"\n", "ext::sh"),
        (
            "  tiny:\n    versions: [\"1.0\"]\n    source: \"git+https://h/r@--upload-pack=id\"\n",
            "--upload-pack",
        ),
        (
            "  tiny:\n    versions: [\"1.0\"]\n    index_urls: [\"https://u:s3cr3t@h/simple\"]\n",
            "index_urls",
        ),
        ("  tiny:\n    versions: [\"1.0\"]\n    local_version: \"../x\"\n", "../x"),
        ("  tiny:\n    versions: [\"1.0\"]\n    colour: red\n", "colour"),
    ];
    for (packages, named) in cases {
        workshop.packages(packages);
        for command in ["plan", "build", "run"] {
            let mut command = workshop.command(&[command]);
            if command.get_args().next().is_some_and(|it| it == "build") {
                command.arg("tiny-1.0-cp311-cu135-x86_64");
            }
            let run = crate::support::Run::of(&mut command);
            assert_eq!(run.code, Some(2), "{packages}\n{}", run.stderr);
            assert!(run.stderr.contains(named), "{packages}\n{}", run.stderr);
            assert!(run.stderr.contains("packages.yml"), "{packages}\n{}", run.stderr);
            assert!(!run.stderr.contains("s3cr3t"), "{}", run.stderr);
        }
    }
    workshop.is_clean();
}

/// Values are what they are, in the container too.
#[test]
fn words_of_the_shell_stay_words() {
    let Some(workshop) = Workshop::new() else { return };
    workshop.tiny(
        &[(
            "meanwhile.py",
            "import os\nassert os.environ['FLAGS'] == '$(touch /wheelsite/row/x) `id` \"\\'; * \\\\'\n",
        ), ("a.c", "")],
        "env:\n  FLAGS: \"$(touch /wheelsite/row/x) `id` \\\"'; * \\\\\"\n\
         build_args: [\"--config-settings=a=$(id); b\"]\n\
         test_command: [python, -c, \"import sys; assert sys.argv[1:] == ['$(id)', '*', 'a b']\", \
         \"$(id)\", \"*\", \"a b\"]",
    );
    workshop.build(&["tiny-1.0-cp311-cu135-x86_64"]).works();
    workshop.has("tiny-1.0+cu135-py3-none-linux_x86_64.whl");
    let kept = crate::support::workshop::files(&workshop.path(".wheelsite-builder"));
    assert!(!kept.iter().any(|path| path.ends_with("/x")), "{kept:?}");
}

/// What a build prints reaches a terminal without what would drive it.
#[test]
fn a_build_cannot_drive_the_terminal() {
    let Some(workshop) = Workshop::new() else { return };
    workshop.tiny(
        &[
            ("meanwhile.py", "raise SystemExit('\\x1b]0;owned\\x07 \\x1b[2J error: \\u202e it')\n"),
            ("a.c", ""),
        ],
        "",
    );
    let run = workshop.build(&["tiny-1.0-cp311-cu135-x86_64"]);
    run.fails(1, &["owned"]);
    assert!(!run.stderr.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{:?}", run.stderr);
    assert!(!run.stdout.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{:?}", run.stdout);
    workshop.is_clean();
}
