//! Names of members that escape, collide, or are read in two ways; and what is no file.

use super::{Case, demo, zip};
use crate::support::zip::{Member, UTF_8};

const CONTENTS: &[u8] = b"print('x')\n";

/// A wheel with a file of this name, which RECORD lists.
fn with(name: &str) -> Vec<u8> {
    zip(&demo().file(name, CONTENTS)).bytes()
}

/// A wheel with a file whose name has these bytes, and is listed in RECORD as readers replace them.
fn with_bytes(name: &[u8], flags: u16) -> Vec<u8> {
    let listed = String::from_utf8_lossy(name).into_owned();
    let mut archive = zip(&demo().file(&listed, CONTENTS));
    archive.member(&listed).both(|header| {
        header.name = name.to_vec();
        header.flags = flags;
    });
    archive.bytes()
}

pub(super) fn cases() -> Vec<Case> {
    [names(), lengths(), collisions(), kinds(), data()].into_iter().flatten().collect()
}

fn names() -> Vec<Case> {
    let case = |check, flaw: &str, name| Case::new(check, flaw, with(name));
    vec![
        case("path-empty", "no name", ""),
        Case::new("path-encoding", "Latin-1", with_bytes(b"d\xe9mo.py", 0)),
        Case::new("path-encoding", "Latin-1, marked as UTF-8", with_bytes(b"d\xe9mo.py", UTF_8)),
        Case::new(
            "path-encoding",
            "UTF-8 that is not marked",
            with_bytes("d\u{e9}mo.py".as_bytes(), 0),
        ),
        case("path-control", "a tabulator", "demo\t.py"),
        case("path-control", "NUL", "demo.py\0.txt"),
        case("path-control", "DEL", "demo\u{7f}.py"),
        case("path-control", "a space of no width", "demo\u{200b}.py"),
        case("path-control", "another writing direction", "demo\u{202e}yp.txt"),
        case("path-control", "a code point for private use", "demo\u{e000}.py"),
        case("path-control", "a code point that nobody has assigned", "demo\u{378}.py"),
        case("path-backslash", "a backslash", "demo\\x.py"),
        case("path-backslash", "a way out by backslashes", "..\\x.py").also(&["path-parts"]),
        case("path-absolute", "root", "/nonexistent-of-wheelsite/x.py"),
        case("path-absolute", "a drive", "C:/x.py"),
        case("path-absolute", "a drive's current folder", "c:x.py"),
        case("path-parts", "a way out", "../x.py"),
        case("path-parts", "a way out and in again", "demo/../../site/x.py"),
        case("path-parts", "a way up and down", "demo/../x.py"),
        case("path-parts", "a folder that is this one", "./x.py"),
        case("path-parts", "two slashes", "demo//x.py"),
    ]
}

fn lengths() -> Vec<Case> {
    let folders = "folder/".repeat(700);
    vec![
        Case::new("path-length", "a name of 300 bytes", with(&format!("{}.py", "x".repeat(297)))),
        Case::new("path-length", "a path of 4,900 bytes", with(&format!("{folders}x.py"))),
    ]
}

fn collisions() -> Vec<Case> {
    let two = |one, other| zip(&demo().file(one, CONTENTS).file(other, CONTENTS)).bytes();
    let folder = |name| zip(&demo().file("demo/x", CONTENTS)).and(Member::folder(name)).bytes();
    vec![
        Case::new("path-case", "two files", two("Data.txt", "data.txt")),
        Case::new("path-case", "two files with capitals", two("DATA.txt", "Data.txt")),
        Case::new("path-case", "two files in folders", two("x/Data.txt", "X/data.txt")),
        Case::new("path-folder", "a file in a file", two("demo/data", "demo/data/x")),
        Case::new("path-folder", "a file deep in a file", two("demo/data/x/y/z", "demo/data")),
        Case::new("path-folder", "a folder's entry for a file", folder("demo/x/")),
    ]
}

fn kinds() -> Vec<Case> {
    let mode = |check, flaw: &str, mode| {
        let bytes = zip(&demo()).with("demo.py", |module| {
            module.mode(mode);
        });
        Case::new(check, flaw, bytes.bytes())
    };
    let mut link = zip(&demo().file("demo/link", b"/etc/passwd"));
    link.member("demo/link").mode(0o120_777);
    let mut folder = Member::folder("package/");
    folder.mode(0o120_777);
    vec![
        Case::new("path-symlink", "a link", link.bytes()),
        Case::new("path-symlink", "a link that is a folder", zip(&demo()).and(folder).bytes()),
        mode("path-special", "a pipe", 0o010_644),
        mode("path-special", "a device", 0o060_644),
        mode("path-special", "a socket", 0o140_755),
        mode("path-special", "a folder without its slash", 0o040_755),
    ]
}

fn data() -> Vec<Case> {
    let case = |flaw: &str, name: &str| Case::new("data-scheme", flaw, with(name));
    let named = |flaw: &str, name: &str| Case::new("data-mismatch", flaw, with(name));
    let deep = zip(&demo()).and(Member::folder("demo-1.0.data/scripts/deep/"));
    vec![
        case("an unknown scheme", "demo-1.0.data/nonsense/x.py"),
        case("a scheme in capitals", "demo-1.0.data/Purelib/x.py"),
        case("no scheme", "demo-1.0.data/x.py"),
        case("a file for a scheme", "demo-1.0.data/scripts"),
        named("a folder of another project", "other-1.0.data/purelib/x.py"),
        named("a folder in another spelling", "Demo-1.0.data/purelib/x.py"),
        Case::new("data-scheme", "an empty folder among the scripts", deep.bytes()),
        case("a folder among the scripts", "demo-1.0.data/scripts/deep/run"),
    ]
}
