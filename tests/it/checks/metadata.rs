//! Names of files, METADATA, WHEEL, and the `.dist-info` folder.

use super::{Case, demo, tagged, zip};
use crate::support::Wheel;
use crate::support::wheel::archive;
use crate::support::zip::Member;

pub(super) fn filenames() -> Vec<Case> {
    let invalid = [
        "demo-1.0.whl",
        "demo-one-py3-none-any.whl",
        "demo-1.0-py3-none.whl",
        "demo-1.0-x-py3-none-any.whl",
        "demo__x-1.0-py3-none-any.whl",
        "_demo-1.0-py3-none-any.whl",
        "demo-1.0-py3-none-a ny.whl",
        "..-1.0-py3-none-any.whl",
        "demo-1.0-py3-none-any.WHL",
        "demo-1.0-py3.-none-any.whl",
        "demo-1.0-1-2-py3-none-any.whl",
    ];
    let capitals = "demo-1.0-PY3-none-any.whl";
    let invalid =
        invalid.map(|name| Case::new("filename-invalid", name, demo().bytes()).named(name));
    let form = |name: &str| Case::new("filename-not-normalized", name, demo().bytes()).named(name);
    let dotted = Wheel::new("my.demo", "1.0");
    let dotted = Case::new("filename-not-normalized", "a dot in the name", dotted.bytes());
    let local = Wheel::new("demo", "1.0+cu128");
    let sorted = demo().wheel_file(&tagged(true, &["py2-none-any", "py3-none-any"])).bytes();
    let linux = demo().wheel_file(&tagged(false, &["py3-none-linux_x86_64"])).bytes();
    let others = vec![
        Case::new("filename-invalid", capitals, demo().bytes()).named(capitals),
        form("Demo-1.0-py3-none-any.whl"),
        form("demo-01.0-py3-none-any.whl"),
        form("demo-v1.0-py3-none-any.whl"),
        dotted.named("my.demo-1.0-py3-none-any.whl"),
        Case::new("tags-unsorted", "py3.py2", sorted).named("demo-1.0-py3.py2-none-any.whl"),
        Case::new("local-version", "1.0+cu128", local.bytes()).named(local.filename()),
        Case::new("linux-tag", "linux_x86_64", linux).named("demo-1.0-py3-none-linux_x86_64.whl"),
        Case::new("sdist-unverified", "an sdist", b"is not opened".to_vec())
            .named("demo-1.0.tar.gz"),
    ];
    invalid.into_iter().chain(others).collect()
}

pub(super) fn cases() -> Vec<Case> {
    [dist_info(), metadata(), wheel()].into_iter().flatten().collect()
}

fn dist_info() -> Vec<Case> {
    let other = b"Metadata-Version: 2.1\nName: other\nVersion: 1.0\n";
    let files = [("a.txt".to_owned(), b"a zip, no wheel".to_vec())];
    let mismatch =
        |folder: &str| Case::new("dist-info-mismatch", folder, demo().dist_info(folder).bytes());
    vec![
        Case::new("dist-info-missing", "a ZIP that is no wheel", archive(&files)),
        Case::new("dist-info-missing", "no members", archive(&[])),
        Case::new(
            "dist-info-several",
            "that of another project",
            demo().file("other-1.0.dist-info/METADATA", other).bytes(),
        ),
        Case::new(
            "dist-info-several",
            "that of another version",
            demo().file("demo-2.0.dist-info/METADATA", other).bytes(),
        ),
        Case::new(
            "dist-info-several",
            "an empty one",
            zip(&demo()).and(Member::folder("other-1.0.dist-info/")).bytes(),
        ),
        Case::new(
            "dist-info-several",
            "a file with the name of one",
            demo().file("other-1.0.dist-info", b"x").bytes(),
        ),
        mismatch("other-1.0.dist-info"),
        mismatch("demo-2.0.dist-info"),
        mismatch("demo.dist-info"),
    ]
}

/// METADATA that would be sound without its first character.
const MARK: &str = "\u{feff}Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n";

/// METADATA of the demo with these lines more.
fn headed(version: &str, lines: &[&str]) -> Vec<u8> {
    let head = format!("Metadata-Version: {version}\nName: demo\nVersion: 1.0\n");
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    demo().metadata(format!("{head}{lines}").as_bytes()).bytes()
}

fn metadata() -> Vec<Case> {
    let with = |check, line: &str| Case::new(check, line, headed("2.1", &[line]));
    let text =
        |check, flaw: &str, text: &[u8]| Case::new(check, flaw, demo().metadata(text).bytes());
    let version =
        |check, version: &str| Case::new(check, version, headed(version, &["Summary: x"]));
    let stated = |check, field: &str, value: &str| {
        let name = if field == "Name" { value } else { "demo" };
        let version = if field == "Version" { value } else { "1.0" };
        let text = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n");
        Case::new(check, format!("{field}: {value}"), demo().metadata(text.as_bytes()).bytes())
    };
    let latin_1 = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nAuthor: Andr\xe9\n";
    let damaged = zip(&demo()).with("demo-1.0.dist-info/METADATA", |metadata| {
        metadata.raw(vec![0x07; 20]);
    });
    vec![
        text("metadata-invalid", "a byte order mark", MARK.as_bytes()),
        Case::new("metadata-missing", "none", demo().without("METADATA").bytes()),
        text("metadata-invalid", "no version", b"Metadata-Version: 2.1\nName: demo\n"),
        text("metadata-invalid", "no name", b"Metadata-Version: 2.1\nVersion: 1.0\n"),
        text("metadata-invalid", "no metadata version", b"Name: demo\nVersion: 1.0\n"),
        text("metadata-invalid", "empty", b""),
        text("metadata-invalid", "Latin-1", latin_1),
        Case::new("metadata-invalid", "cannot be inflated", damaged.bytes()).also(&["zip-inflate"]),
        version("metadata-version", "3.0"),
        version("metadata-version", "2"),
        version("metadata-version", "new"),
        version("metadata-version-new", "2.99"),
        with("metadata-repeated", "Name: demo"),
        with("metadata-repeated", "Version: 2.0"),
        with("metadata-repeated", "version: 1.0"),
        stated("name-mismatch", "Name", "other"),
        stated("name-mismatch", "Name", "d e m o"),
        stated("version-mismatch", "Version", "1.1"),
        stated("version-mismatch", "Version", "nonsense"),
        // A wheel that was renamed after its build, as flash-attn's are.
        Case::new("local-version-mismatch", "renamed", demo().bytes())
            .named("demo-1.0+cu128torch2.9-py3-none-any.whl"),
        stated("local-version-mismatch", "Version", "1.0+cu128"),
        with("requires-python-invalid", "Requires-Python: three"),
        with("requires-python-invalid", "Requires-Python: >=3.x"),
        with("requires-python-lenient", "Requires-Python: >=3.6.*"),
        with("requires-python-lenient", "Requires-Python: >=3.6,"),
        with("requires-python-lenient", "Requires-Python: '>=3.6'"),
        with("requires-python-lenient", "Requires-Python: >=3.6.*,<4.*"),
        with("requires-python-lenient", "Requires-Python: >=2.7!=3.0.*"),
        with("requires-python-invalid", "Requires-Python: >=3.6 <4"),
        with("requires-python-invalid", "Requires-Python: >=2.7 !=3.0.*"),
        with("requires-python-lenient", "Requires-Python: \">=3.6"),
        with("requires-dist-lenient", "Requires-Dist: six (>=1.0,) ; extra == 'x'"),
        with("requires-dist-lenient", "Requires-Dist: six>=1.0, ; extra == 'x'"),
        with("requires-dist-invalid", "Requires-Dist: six (1.0"),
        with("requires-dist-invalid", "Requires-Dist: six; python_version"),
        with("requires-dist-invalid", "Requires-Dist: "),
        with("requires-dist-invalid", "Requires-Dist: six-[x]"),
        with("requires-dist-invalid", "Requires-Dist: six[x-]"),
        with("provides-extra-invalid", "Provides-Extra: a b"),
        Case::new("license-missing", "2.4", headed("2.4", &["License-File: LICENSE"])),
    ]
}

fn wheel() -> Vec<Case> {
    let case =
        |check, flaw: &str, text: &str| Case::new(check, flaw, demo().wheel_file(text).bytes());
    let edited = |check, from: &str, to: &str| {
        case(check, to, &tagged(true, &["py3-none-any"]).replace(from, to))
    };
    let built = "demo-1.0-2x-py3-none-any.whl";
    let damaged = zip(&demo()).with("demo-1.0.dist-info/WHEEL", |wheel| {
        wheel.raw(vec![0x07; 20]);
    });
    vec![
        Case::new("wheel-missing", "none", demo().without("WHEEL").bytes()),
        case("wheel-invalid", "no version", "Tag: py3-none-any\n"),
        case("wheel-invalid", "empty", ""),
        edited("wheel-invalid", "Wheel-Version: 1.0", "\u{feff}Wheel-Version: 1.0"),
        Case::new("wheel-invalid", "cannot be inflated", damaged.bytes()).also(&["zip-inflate"]),
        edited("wheel-invalid", "Wheel-Version", "wheel-version"),
        edited("wheel-version", "1.0", "2.0"),
        edited("wheel-version", "1.0", "1"),
        edited("wheel-version", "1.0", "one"),
        edited("wheel-version-new", "1.0", "1.9"),
        case("wheel-tags", "none", &tagged(true, &[])),
        case("wheel-tags", "others", &tagged(true, &["cp312-cp312-linux_x86_64"])),
        case("wheel-tags", "one more", &tagged(true, &["py2-none-any", "py3-none-any"])),
        case("wheel-build", "in WHEEL only", &format!("{}Build: 1\n", demo_tags())),
        Case::new("wheel-build", "in the filename only", demo().bytes()).named(built),
        case("wheel-build", "another one", &format!("{}Build: 2y\n", demo_tags())).named(built),
        edited("wheel-purelib", "Purelib: true", "Purelib: perhaps"),
        edited("wheel-purelib", "Root-Is-Purelib: true\n", ""),
    ]
}

fn demo_tags() -> String {
    tagged(true, &["py3-none-any"])
}
