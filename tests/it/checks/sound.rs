//! Files that look odd and are sound, or whose flaw is no business of a check.

use super::{Case, demo, tagged, with_record, zip};
use crate::support::Wheel;
use crate::support::wheel::archive;
use crate::support::zip::{Member, Zip, deflate, field};

const MODULE: &str = "demo.py";

pub(super) fn cases() -> Vec<Case> {
    [archives(), members(), records(), texts(), names()].into_iter().flatten().collect()
}

fn archives() -> Vec<Case> {
    let case = |what: &str, archive: &Zip| Case::sound(what, archive.bytes());
    let mut reversed = zip(&demo());
    reversed.reversed = true;
    let mut rotated = zip(&demo());
    rotated.members.rotate_left(3);
    let deferred = zip(&demo()).wide().ends(|ends| {
        (ends.here, ends.entries) = (u16::MAX, u16::MAX);
        (ends.size, ends.offset) = (u32::MAX, u32::MAX);
    });
    let inner = zip(&demo()).bytes();
    let mut nested = zip(&demo().file("demo/inner.whl", &inner));
    *nested.member("demo/inner.whl") = Member::stored("demo/inner.whl", &inner);
    let mut folders = zip(&demo());
    folders.members.insert(0, Member::folder("demo-1.0.dist-info/"));
    let dos = zip(&demo()).with(MODULE, |module| {
        (module.made_by, module.attributes) = (20, 0);
    });
    vec![
        Case::sound("a wheel", demo().bytes()),
        case("a directory in reverse", &reversed),
        case("RECORD first", &rotated),
        case("ZIP64 end records", &zip(&demo()).wide()),
        case("ZIP64 end records that the old one defers to", &deferred),
        case("a ZIP in a stored member", &nested),
        case("a folder of its own", &folders),
        case("made on DOS", &dos),
    ]
}

fn members() -> Vec<Case> {
    let case = |what: &str, edit: &dyn Fn(&mut Member)| {
        Case::sound(what, zip(&demo()).with(MODULE, edit).bytes())
    };
    let folder = |what: &str, edit: fn(&mut Member)| {
        let mut member = Member::folder("package/");
        edit(&mut member);
        Case::sound(what, zip(&demo()).and(member).bytes())
    };
    let unicode = {
        let crc = crc32fast::hash(MODULE.as_bytes()).to_le_bytes();
        field(0x7075, &[&[1], &crc[..], MODULE.as_bytes()].concat())
    };
    let mut empty = zip(&demo().file("demo/empty.py", b""));
    *empty.member("demo/empty.py") = Member::stored("demo/empty.py", b"");
    vec![
        case("stored", &|module| *module = Member::stored(MODULE, b"__version__ = \"1.0\"\n")),
        case("another version to read it locally", &|module| module.local.version = 45),
        case("another effort to deflate stated locally", &|module| module.local.flags |= 2),
        case("ZIP64 fields in both places", &|module| {
            module.both(Member::zip64);
        }),
        // So does Python's `zipfile` with `force_zip64`.
        case("a ZIP64 field in the local header", &|module| Member::zip64(&mut module.local)),
        // So does Info-ZIP.
        case("times, longer in the local header", &|module| {
            module.local.extra = field(0x5455, &[3, 0, 0, 0, 0, 0, 0, 0, 0]);
            module.central.extra = field(0x5455, &[3, 0, 0, 0, 0]);
        }),
        case("its own name in Unicode", &|module| {
            module.both(|header| header.extra.clone_from(&unicode));
        }),
        case("an unknown extra field", &|module| {
            module.both(|header| header.extra = field(0x7777, b"anything"));
        }),
        case("a date that there never was", &|module| {
            module.both(|header| header.modified = 0);
        }),
        case("a folder to DOS", &|module| module.attributes |= 0x10),
        case("for version 4.5", &|module| {
            module.both(|header| header.version = 45);
        }),
        case("made on another system", &|module| module.made_by = 0x1314),
        case("unused flags", &|module| {
            module.both(|header| header.flags |= 0xc780);
        }),
        case("executable", &|module| {
            module.mode(0o100_755);
        }),
        case("permissions without a file type", &|module| {
            module.mode(0o644);
        }),
        folder("a folder", |_| {}),
        folder("a folder without a mode", |folder| folder.attributes = 0),
        folder("a folder that is deflated", |folder| {
            let data = deflate(b"");
            folder.both(|header| header.method = 8).raw(data);
        }),
        Case::sound("an empty file, stored", empty.bytes()),
        Case::sound("an empty file, deflated", zip(&demo().file("demo/empty.py", b"")).bytes()),
        Case::sound("a name in UTF-8", zip(&demo().file("d\u{e9}mo.py", b"")).bytes()),
        Case::sound("a name of 255 bytes", demo().file(&"x".repeat(255), b"").bytes()),
    ]
}

fn records() -> Vec<Case> {
    let case = |what: &str, edit: &dyn Fn(&str) -> String| {
        Case::sound(what, archive(&with_record(&demo(), edit)))
    };
    let signed = {
        let mut members = demo().members();
        members.push(("demo-1.0.dist-info/RECORD.jws".to_owned(), b"{}".to_vec()));
        members.push(("demo-1.0.dist-info/RECORD.p7s".to_owned(), b"x".to_vec()));
        archive(&members)
    };
    let quoted = {
        let mut wheel = with_record(&demo().file("a,b.py", b""), |record| {
            record.replace("a,b.py,", "\"a,b.py\",")
        });
        wheel.sort();
        archive(&wheel)
    };
    vec![
        case("RECORD with CRLF", &|record| record.replace('\n', "\r\n")),
        case("RECORD without its last line end", &|record| record.trim_end().to_owned()),
        case("RECORD without itself", &|record| {
            record.replace("demo-1.0.dist-info/RECORD,,\n", "")
        }),
        case("RECORD without sizes", &|record| {
            let rows = record.lines().map(|row| row.rsplit_once(',').expect("has fields").0);
            rows.map(|row| format!("{row},\n")).collect()
        }),
        case("RECORD with padded hashes", &|record| {
            let padded = |row: &str| match row.rsplit_once(',') {
                Some((start, size)) if !size.is_empty() => format!("{start}=,{size}\n"),
                _ => format!("{row}\n"),
            };
            record.lines().map(padded).collect()
        }),
        case("RECORD with a folder", &|record| format!("{record}demo/,,\n")),
        case("RECORD with a size that begins with 0", &|record| record.replace(",20\n", ",020\n")),
        Case::sound("RECORD with a quoted path", quoted),
        Case::sound("signatures that RECORD does not list", signed),
    ]
}

fn texts() -> Vec<Case> {
    let scripts = |text: &str| {
        let wheel = demo().file("demo-1.0.dist-info/entry_points.txt", text.as_bytes());
        Case::sound(text.replace('\n', " / "), wheel.bytes())
    };
    let wheel = |what: &str, text: &str| Case::sound(what, demo().wheel_file(text).bytes());
    let metadata =
        |what: &str, text: &str| Case::sound(what, demo().metadata(text.as_bytes()).bytes());
    let tags = tagged(true, &["py3-none-any"]);
    let licensed = Wheel::new("demo", "1.0")
        .metadata(b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nLicense-File: LICENSE\n")
        .file("demo-1.0.dist-info/licenses/LICENSE", b"Do as you like.\n");
    let script_twice = demo()
        .file("demo-1.0.data/scripts/demo", b"#!python\n")
        .file("demo-1.0.dist-info/entry_points.txt", b"[console_scripts]\ndemo = demo:main\n");
    let mut data = demo();
    for scheme in ["data/share/x", "headers/x.h", "platlib/x.py", "purelib/y.py", "scripts/run"] {
        data = data.file(&format!("demo-1.0.data/{scheme}"), b"#!python\n");
    }
    vec![
        scripts("[console_scripts]\ndemo = demo:main\n\n[gui_scripts]\ndemo-gui=demo.gui:main\n"),
        scripts("# none\n; so far\n"),
        scripts("[console_scripts]\ndemo = demo:main [x,y]\n"),
        scripts("[console_scripts]\ndemo = demo:main [x, y]\n"),
        scripts("[demo.plugins]\nthe name = demo\nother: name = demo.x:y.z\n"),
        scripts("[console_scripts]\r\ndemo = demo:main\r\n"),
        wheel("WHEEL with white space", &tags.replace("1.0", "1.0 ")),
        wheel("WHEEL without white space", &tags.replace(": ", ":")),
        wheel("WHEEL with two versions", &format!("{tags}Wheel-Version: 1.0\n")),
        wheel("WHEEL with CRLF", &tags.replace('\n', "\r\n")),
        wheel(
            "WHEEL with a compressed tag",
            &tagged(true, &["py3-none-any"])
                .replace("Tag: py3-none-any", "Tag: py3-none-any\nTag: py3-none-any"),
        ),
        wheel("WHEEL with `True`", &tags.replace("true", "True")),
        wheel("WHEEL with unknown fields", &format!("{tags}Something: else\n")),
        metadata("METADATA with CRLF", "Metadata-Version: 2.1\r\nName: demo\r\nVersion: 1.0\r\n"),
        metadata("METADATA 1.0", "Metadata-Version: 1.0\nName: demo\nVersion: 1.0\n"),
        metadata(
            "another spelling of the name",
            "Metadata-Version: 2.1\nName: DEMO\nVersion: 1.0\n",
        ),
        metadata(
            "another spelling of the version",
            "Metadata-Version: 2.1\nName: demo\nVersion: 1.0.0\n",
        ),
        metadata(
            "a description",
            "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n\nName: other\n",
        ),
        metadata("requirements that do not apply", &requirements()),
        Case::sound("Demo-1.0.dist-info", demo().dist_info("Demo-1.0.dist-info").bytes()),
        Case::sound("demo-1.0.0.dist-info", demo().dist_info("demo-1.0.0.dist-info").bytes()),
        Case::sound("a module twice", demo().file("demo-1.0.data/purelib/demo.py", b"").bytes()),
        Case::sound("a script twice", script_twice.bytes()),
        Case::sound("a license", licensed.bytes()),
        Case::sound("every scheme", data.bytes()),
    ]
}

/// METADATA with requirements in every spelling, none of which applies anywhere.
fn requirements() -> String {
    let mut text = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n".to_owned();
    for start in [
        "six",
        "six[a]",
        "six[a,b]>=1.0",
        "six (>=1.0)",
        "six(>=1.0,<2)",
        "six >= 1.0 , < 2",
        "six==1.*",
        "six===1.0",
        "six~=1.0",
        "six<1.0.dev0",
        "Six.Six-Six_Six",
        "six @ https://example.org/six-1.0-py3-none-any.whl ",
        "six@git+https://example.org/six.git ",
    ] {
        text.push_str(&format!("Requires-Dist: {start}; python_version < '3'\n"));
    }
    for marker in [
        "python_full_version < '3'",
        "'Plan 9' in sys_platform",
        "os.name == 'x'",
        "platform_machine == 'x' and (extra == 'a' or extra == 'b')",
        "python_version not in '3.0 3.1' and python_version < '3'",
        "python_version~='2.0'",
    ] {
        text.push_str(&format!("Requires-Dist: six; {marker}\n"));
    }
    text
}

fn names() -> Vec<Case> {
    let case =
        |name: &str, text: &str| Case::sound(name, demo().wheel_file(text).bytes()).named(name);
    let built = |build: &str| {
        let text = format!("{}Build: {build}\n", tagged(true, &["py3-none-any"]));
        case(&format!("demo-1.0-{build}-py3-none-any.whl"), &text)
    };
    let epoch = Wheel::new("demo", "1!1.0");
    vec![
        built("1"),
        built("1a_b"),
        built("1.2"),
        built("20260101"),
        case("demo-1.0-py2.py3-none-any.whl", &tagged(true, &["py2-none-any", "py3-none-any"])),
        Case::sound("an epoch", epoch.bytes()).named(epoch.filename()),
    ]
}
