//! RECORD and `entry_points.txt`.

use super::{Case, demo, with_record, zip};
use crate::support::wheel::archive;

/// The row of the module.
fn module(record: &str) -> &str {
    record.lines().find(|row| row.starts_with("demo.py,")).expect("is listed")
}

/// The hash of the module as RECORD has it, without the algorithm.
fn digest(record: &str) -> String {
    let hash = module(record).split(',').nth(1).expect("has a hash");
    hash.strip_prefix("sha256=").expect("is SHA-256").to_owned()
}

pub(super) fn records() -> Vec<Case> {
    let case = |check, flaw: &str, edit: &dyn Fn(&str) -> String| {
        Case::new(check, flaw, archive(&with_record(&demo(), edit)))
    };
    // The row of the module, replaced by what is made of it.
    let row = |check, flaw: &str, edit: &dyn Fn(&str) -> String| {
        case(check, flaw, &|record| record.replace(module(record), &edit(module(record))))
    };
    let hash = |check, flaw: &str, edit: &dyn Fn(&str) -> String| {
        case(check, flaw, &|record| {
            let digest = digest(record);
            record.replace(&format!("sha256={digest}"), &edit(&digest))
        })
    };
    let damaged = zip(&demo()).with("demo-1.0.dist-info/RECORD", |record| {
        record.raw(vec![0x07; 20]);
    });
    vec![
        Case::new("record-missing", "none", demo().without("RECORD").bytes()),
        Case::new("record-invalid", "cannot be inflated", damaged.bytes()).also(&["zip-inflate"]),
        case("record-invalid", "two fields", &|record| format!("{record}demo.py,sha256=x\n")),
        case("record-invalid", "four fields", &|record| format!("{record}demo.py,sha256=x,1,2\n")),
        case("record-invalid", "a size that is no number", &|record| {
            format!("{record}demo.py,sha256=x,many\n")
        }),
        case("record-invalid", "an empty row", &|record| format!("{record}\n")),
        case("record-invalid", "an empty first row", &|record| format!("\n{record}")),
        case("record-unlisted", "a module is missing", &|record| {
            record.replace(&format!("{}\n", module(record)), "")
        }),
        case("record-unlisted", "all are missing", &|_| "demo-1.0.dist-info/RECORD,,\n".to_owned()),
        row("record-unlisted", "another spelling of the path", &|row| format!("./{row}"))
            .also(&["record-absent"]),
        case("record-absent", "a file more", &|record| format!("{record}gone.py,sha256=x,1\n")),
        hash("record-no-hash", "no hash", &|_| String::new()),
        hash("record-weak-hash", "MD5", &|_| "md5=1B2M2Y8AsgTpgAmY7PhCfg".to_owned()),
        hash("record-weak-hash", "SHA-1", &|_| "sha1=2jmj7l5rSw0yVb_vlWAYkK_YBwk".to_owned()),
        hash("record-weak-hash", "SHA-224", &|digest| format!("sha224={digest}")),
        hash("record-weak-hash", "no algorithm", &str::to_owned),
        hash("record-weak-hash", "an unknown algorithm", &|digest| format!("sha666={digest}")),
        hash("record-hash", "another hash", &|digest| format!("sha256={}", digest.to_lowercase())),
        hash("record-hash", "half a hash", &|digest| format!("sha256={}", &digest[..21])),
        hash("record-hash", "an empty hash", &|_| "sha256=".to_owned()),
        hash("record-hash", "SHA-256 that is called SHA-512", &|digest| format!("sha512={digest}")),
        row("record-size", "another size", &|row| format!("{row}0")),
        case("record-duplicate", "a row twice", &|record| format!("{record}{}\n", module(record))),
        case("record-duplicate", "a second row with another hash", &|record| {
            format!("demo.py,sha256=x,1\n{record}")
        }),
    ]
}

pub(super) fn entry_points() -> Vec<Case> {
    let case = |check, text: &str| {
        let wheel = demo().file("demo-1.0.dist-info/entry_points.txt", text.as_bytes());
        Case::new(check, text.replace('\n', " / "), wheel.bytes())
    };
    let latin_1 = demo().file("demo-1.0.dist-info/entry_points.txt", b"[a]\nd\xe9mo = demo\n");
    vec![
        Case::new("entry-points-encoding", "Latin-1", latin_1.bytes()),
        case("entry-points-syntax", "demo = demo:main\n"),
        case("entry-points-syntax", "[console_scripts\ndemo = demo:main\n"),
        case("entry-points-syntax", "[console_scripts]\ndemo\n"),
        case("entry-points-syntax", "[console_scripts]\ndemo : demo\n"),
        case("entry-points-syntax", "[console_scripts]\n= demo:main\n")
            .also(&["entry-points-script"]),
        case("entry-points-duplicate", "[console_scripts]\na = demo:a\na = demo:b\n"),
        case("entry-points-duplicate", "[a]\nx = demo\n[a]\ny = demo\n"),
        case("entry-points-object", "[console_scripts]\ndemo = demo main\n"),
        case("entry-points-object", "[console_scripts]\ndemo = demo:1st\n"),
        case("entry-points-object", "[console_scripts]\ndemo = import os; os\n"),
        case("entry-points-object", "[console_scripts]\ndemo = demo:main [x\n"),
        case("entry-points-object", "[console_scripts]\ndemo = demo\n"),
        case("entry-points-object", "[gui_scripts]\ndemo = demo [x]\n"),
        case("entry-points-object", "[console_scripts]\ndemo = demo : main\n"),
        case("entry-points-object", "[console_scripts]\ndemo = demo:main [x , y]\n"),
        case("entry-points-script", "[console_scripts]\n../demo = demo:main\n"),
        case("entry-points-script", "[console_scripts]\n.. = demo:main\n"),
        case("entry-points-script", "[gui_scripts]\nthe demo = demo:main\n"),
        case("entry-points-script", "[console_scripts]\npython = demo:main\n"),
        case("entry-points-script", "[gui_scripts]\npythonw = demo:main\n"),
        case("entry-points-script", "[console_scripts]\npython3.11 = demo:main\n"),
    ]
}
