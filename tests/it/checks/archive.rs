//! Archives that are not as ZIP archives ought to be.

use super::{Case, demo, without_sizes, zip};
use crate::support::zip::{
    Ends, Header, MARK, Member, STORED, UTF_8, Zip, deflate, descriptor, field,
};

/// A module that is spoilt.
const MODULE: &str = "demo.py";

/// Contents of a member that overlaps another, or that only one reader sees.
const OTHER: &[u8] = b"print('other')\n";

pub(super) fn cases() -> Vec<Case> {
    [
        unreadable(),
        around(),
        between(),
        local_headers(),
        descriptors(),
        members(),
        end_records(),
        extras(),
        bombs(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The archive of the demo wheel with the module spoilt.
fn spoilt(edit: impl FnOnce(&mut Member)) -> Vec<u8> {
    zip(&demo()).with(MODULE, edit).bytes()
}

fn unreadable() -> Vec<Case> {
    let sound = zip(&demo()).bytes();
    let directory = sound.windows(4).position(|part| part == b"PK\x01\x02").expect("is there");
    let mut no_entry = sound.clone();
    no_entry[directory] = b'X';
    let case = |flaw: &str, bytes| Case::new("zip-unreadable", flaw, bytes);
    vec![
        case("empty", Vec::new()),
        case("no ZIP", b"this is no zip file".to_vec()),
        case("cut short by a byte", sound[..sound.len() - 1].to_vec()),
        case("cut short by half", sound[..sound.len() / 2].to_vec()),
        case("without its first byte", sound[1..].to_vec()),
        case("entry without its signature", no_entry),
        case(
            "contents claimed behind the end",
            spoilt(|module| {
                module.both(|header| header.compressed = 1 << 24);
            }),
        ),
        case("offset behind the end", spoilt(|module| module.offset = Some(1 << 24))),
        case(
            "sizes in a ZIP64 field that is not there",
            spoilt(|module| module.central.size = MARK),
        ),
        case(
            "sizes in a ZIP64 field that is empty",
            spoilt(|module| {
                module.central.extra = field(1, &[]);
                module.central.size = MARK;
            }),
        ),
        case(
            "ZIP64 locator that leads nowhere",
            zip(&demo()).wide().ends(|ends| ends.locator = Some((1 << 40, 1))).bytes(),
        ),
        case(
            "ZIP64 locator that leads to contents",
            zip(&demo()).wide().ends(|ends| ends.locator = Some((0, 1))).bytes(),
        ),
        case(
            "directory claimed to be huge",
            zip(&demo()).ends(|ends| ends.size = MARK - 1).bytes(),
        ),
        case(
            "members claimed without number",
            zip(&demo())
                .wide()
                .ends(|ends| {
                    ends.entries = u16::MAX;
                    ends.wide.as_mut().expect("is there").entries = 1 << 60;
                })
                .bytes(),
        ),
    ]
}

fn around() -> Vec<Case> {
    let sound = zip(&demo()).bytes();
    let commented = |comment: &[u8]| {
        let mut archive = zip(&demo());
        archive.comment = comment.to_vec();
        archive.bytes()
    };
    let mut counted = zip(&demo());
    counted.prefix = b"#!/bin/sh\nexit\n".to_vec();
    vec![
        Case::new("zip-prefix", "bytes before that offsets count", counted.bytes()),
        Case::new(
            "zip-prefix",
            "bytes before that offsets do not count",
            [b"#!/bin/sh\nexit\n", &sound[..]].concat(),
        ),
        Case::new("zip-prefix", "another ZIP before", [&sound[..], &sound].concat()),
        Case::new(
            "zip-prefix",
            "ZIP64 end record without its locator",
            zip(&demo()).wide().ends(|ends| ends.locator = None).bytes(),
        ),
        Case::new("zip-trailing", "a byte behind", [&sound[..], b"\n"].concat()),
        Case::new("zip-trailing", "64 KiB behind", [&sound[..], &[0; 1 << 16]].concat()),
        Case::new("zip-comment", "a comment", commented(b"made by hand")),
        Case::new("zip-comment", "the longest comment", commented(&[b'x'; 65_535])),
        Case::new("zip-second-end", "a comment with a byte below 9", commented(b"a\x05b")),
        Case::new(
            "zip-second-end",
            "a comment with half an end record",
            commented(b"see PK\x05\x06 there"),
        ),
        Case::new(
            "zip-second-end",
            "a comment with a local header",
            commented(b"PK\x03\x04 is a local header"),
        ),
        Case::new("zip-prefix", "a ZIP in the comment", commented(&sound)),
        Case::new("zip-second-end", "two archives of the same members", two_directories())
            .also(&["zip-gap"]),
        Case::new("zip-second-end", "an end record in a member", end_in_member()),
    ]
}

/// Members, a directory of some of them, and in its comment a directory of all of them.
fn two_directories() -> Vec<u8> {
    let mut inner = zip(&demo());
    let members = inner.bytes();
    let directory = members.windows(4).position(|part| part == b"PK\x01\x02").expect("is there");
    // Between the members, which both have, and this directory lies the other one.
    let mut outer = zip(&demo());
    outer.members[0].listed = false;
    outer.comment = vec![0; members.len() - directory];
    let outer = outer.bytes();
    inner.gap = outer[directory..outer.len() - (members.len() - directory)].to_vec();
    inner.bytes()
}

/// A member that holds an end record whose comment reaches to the end of the file.
fn end_in_member() -> Vec<u8> {
    let archive = |behind: usize| {
        let mut record = b"PK\x05\x06".to_vec();
        record.extend_from_slice(&[0; 16]);
        record.extend_from_slice(&u16::try_from(behind).expect("is short").to_le_bytes());
        let wheel = demo().file("inner.bin", &record);
        let mut archive = zip(&wheel);
        let at = archive.members.iter().position(|m| m.central.name == b"inner.bin");
        archive.members.remove(at.expect("is a member"));
        archive.and(Member::stored("inner.bin", &record)).bytes()
    };
    // Only the length counts, and the record says nothing that would change it.
    let length = archive(0).len();
    let at = archive(0).windows(4).position(|part| part == b"PK\x05\x06").expect("is there");
    archive(length - at - 22)
}

fn between() -> Vec<Case> {
    let mut archive = zip(&demo());
    archive.gap = vec![0; 10];
    let before_directory = archive.bytes();
    let mut archive = zip(&demo());
    archive.gap = vec![0; 1 << 17];
    let far_before_directory = archive.bytes();
    let second = |edit: &dyn Fn(&mut Member)| {
        let mut archive = zip(&demo());
        edit(&mut archive.members[1]);
        archive.bytes()
    };
    let unlisted = |edit: &dyn Fn(&mut Member)| {
        let mut member = Member::new("hidden.py", OTHER);
        member.listed = false;
        edit(&mut member);
        zip(&demo()).and(member).bytes()
    };
    let mut doubled = zip(&demo());
    let mut shadow = Member::new(MODULE, OTHER);
    shadow.listed = false;
    doubled.members.insert(0, shadow);
    let gap = |flaw: &str, bytes| Case::new("zip-gap", flaw, bytes);
    vec![
        gap("between two members", second(&|member| member.gap = vec![0; 4])),
        gap("100 KB between two members", second(&|member| member.gap = vec![0; 100_000])),
        gap("before the directory", before_directory),
        gap("128 KiB before the directory", far_before_directory),
        Case::new("zip-unlisted-member", "a hidden member", unlisted(&|_| {})),
        Case::new(
            "zip-unlisted-member",
            "a hidden member with a descriptor",
            unlisted(&|member| {
                member.described(true, false);
            }),
        ),
        Case::new("zip-unlisted-member", "a hidden first member of a listed name", doubled.bytes())
            .also(&["zip-prefix"]),
        Case::new("zip-overlap", "two names for one member", two_names()),
        Case::new("zip-overlap", "a member in the contents of another", nested()),
        Case::new("zip-overlap", "a member of which another is the end", quoted())
            .also(&["zip-inflate"]),
    ]
}

/// Two entries of the directory for one member.
fn two_names() -> Vec<u8> {
    let mut archive = zip(&demo().file("copy.py", b"__version__ = \"1.0\"\n"));
    let copy = archive.member("copy.py");
    copy.present = false;
    copy.offset = Some(0);
    archive.bytes()
}

/// A stored member that holds a whole other one.
fn nested() -> Vec<u8> {
    let mut inside = Zip::of(&[]).and(Member::new("inside.py", OTHER)).bytes();
    inside.truncate(inside.windows(4).position(|part| part == b"PK\x01\x02").expect("is there"));
    let wheel = demo().file("around.bin", &inside).file("inside.py", OTHER);
    let mut archive = zip(&wheel);
    let around = archive.members.iter().position(|m| m.central.name == b"around.bin");
    archive.members.remove(around.expect("is a member"));
    archive.members.insert(0, Member::stored("around.bin", &inside));
    let inside = archive.member("inside.py");
    inside.present = false;
    inside.offset = Some(u32::try_from(30 + "around.bin".len()).expect("is small"));
    archive.bytes()
}

/// A deflated member whose stated length takes in the whole next one.
fn quoted() -> Vec<u8> {
    let mut archive = zip(&demo());
    let next = archive.members[1].clone();
    let length = 30 + next.local.name.len() + next.data.len();
    let length = u32::try_from(length).expect("is small");
    archive.members[0].both(|header| header.compressed += length);
    archive.bytes()
}

fn local_headers() -> Vec<Case> {
    type Edit = fn(&mut Header);
    let edits: [(&str, Edit); 8] = [
        ("another name", |local| local.name = b"evil.py".to_vec()),
        ("a name in another case", |local| local.name = b"DEMO.py".to_vec()),
        ("another CRC", |local| local.crc ^= 1),
        ("another size", |local| local.size += 1),
        ("another compressed size", |local| local.compressed -= 1),
        ("another encoding of the name", |local| local.flags |= UTF_8),
        ("another method", |local| local.method = STORED),
        ("other sizes in a ZIP64 field", |local| {
            local.size += 1;
            Member::zip64(local);
        }),
    ];
    let mut cases: Vec<Case> = edits
        .into_iter()
        .map(|(flaw, edit)| {
            Case::new("zip-local-header", flaw, spoilt(|module| edit(&mut module.local)))
        })
        .collect();
    let mut unsigned = zip(&demo()).bytes();
    unsigned[0] = b'X';
    cases.push(Case::new("zip-local-header", "no signature", unsigned).also(&["zip-gap"]));
    cases.push(
        Case::new("zip-local-header", "contents that reach into the directory", reaching())
            .also(&["zip-crc"]),
    );
    cases
}

/// The directory does not know of the last local header's extra field.
fn reaching() -> Vec<u8> {
    let mut archive = without_sizes(&demo());
    archive.members.rotate_left(1);
    let last = archive.member(MODULE);
    last.both(|header| header.method = STORED);
    last.data.clear();
    last.local.extra = field(0x7777, &[0; 20]);
    last.both(|header| (header.compressed, header.size) = (20, 20));
    archive.bytes()
}

fn descriptors() -> Vec<Case> {
    let described = |signed, wide| {
        spoilt(|module| {
            module.described(signed, wide);
        })
    };
    let stored = |edit: fn(&mut Member)| {
        let mut archive = zip(&demo());
        archive.members[0] = Member::stored(MODULE, b"__version__ = \"1.0\"\n");
        edit(archive.members[0].described(true, false));
        archive.bytes()
    };
    let fine = |flaw: &str, bytes| Case::new("zip-descriptor", flaw, bytes);
    let wrong = |flaw: &str, edit: fn(&mut Member)| {
        let bytes = spoilt(|module| {
            module.described(true, false);
            edit(module);
        });
        Case::new("zip-descriptor-mismatch", flaw, bytes)
    };
    let all = {
        let mut archive = zip(&demo());
        archive.members.iter_mut().for_each(|member| {
            member.described(true, false);
        });
        archive.bytes()
    };
    let wide = spoilt(|module| {
        module.described(true, true);
        module.both(|header| header.version = 45);
        module.local.extra = field(1, &[0; 16]);
        (module.local.compressed, module.local.size) = (MARK, MARK);
    });
    vec![
        fine("one that agrees", described(true, false)),
        fine("one at every member", all),
        fine("one without its signature", described(false, false)),
        fine(
            "one that repeats the local header",
            spoilt(|module| {
                module.described(true, false);
                let Header { crc, compressed, size, .. } = module.central;
                (module.local.crc, module.local.compressed, module.local.size) =
                    (crc, compressed, size);
            }),
        ),
        fine("one behind a stored member", stored(|_| {})),
        fine("one of 64 bits, behind a ZIP64 field", wide),
        Case::new(
            "zip-descriptor-mismatch",
            "one of 64 bits, without a ZIP64 field",
            described(true, true),
        )
        .also(&["zip-gap"]),
        wrong("missing", |module| module.descriptor.clear()),
        wrong("another CRC", |module| module.descriptor[4] ^= 1).also(&["zip-gap"]),
        wrong("another size", |module| module.descriptor[12] ^= 1).also(&["zip-gap"]),
        wrong("another compressed size", |module| module.descriptor[8] ^= 1).also(&["zip-gap"]),
        Case::new(
            "zip-gap",
            "a descriptor that no flag announces",
            spoilt(|module| {
                let Header { crc, compressed, size, .. } = module.central;
                module.descriptor = descriptor(true, false, [crc, compressed, size]);
            }),
        ),
    ]
}

fn members() -> Vec<Case> {
    let both = |check, flaw: &str, edit: fn(&mut Header)| {
        Case::new(
            check,
            flaw,
            spoilt(|module| {
                module.both(edit);
            }),
        )
    };
    let raw = |flaw: &str, data: &dyn Fn(&[u8]) -> Vec<u8>| {
        Case::new(
            "zip-inflate",
            flaw,
            spoilt(|module| {
                let data = data(&module.data);
                module.raw(data);
            }),
        )
    };
    let sized = |flaw: &str, edit: &dyn Fn(&mut Member)| {
        Case::new("zip-size", flaw, without_sizes(&demo()).with(MODULE, edit).bytes())
    };
    let folder = |edit: fn(&mut Member)| {
        let mut member = Member::folder("package/");
        edit(&mut member);
        zip(&demo()).and(member).bytes()
    };
    let record = "demo-1.0.dist-info/RECORD";
    let second =
        |name: &str, contents: &[u8]| zip(&demo()).and(Member::new(name, contents)).bytes();
    let twice = zip(&demo()).and(Member::folder("package/")).and(Member::folder("package/"));
    vec![
        Case::new("zip-duplicate", "a second RECORD", second(record, b"demo.py,,\n")),
        Case::new("zip-duplicate", "a folder twice", twice.bytes()),
        Case::new(
            "zip-duplicate",
            "a file twice, alike",
            second(MODULE, b"__version__ = \"1.0\"\n"),
        ),
        Case::new("zip-duplicate", "a file twice, with other contents", second(MODULE, OTHER))
            .also(&["record-hash", "record-size"]),
        both("zip-encrypted", "flag of encryption", |header| header.flags |= 1),
        both("zip-encrypted", "flag of strong encryption", |header| header.flags |= 0x40),
        both("zip-encrypted", "flag of hidden headers", |header| header.flags |= 0x2000),
        both("zip-method", "flag of a patch", |header| header.flags |= 0x20),
        both("zip-method", "made for version 9.9", |header| header.version = 99),
        Case::new(
            "zip-encrypted",
            "AES",
            spoilt(|module| {
                module.both(|header| {
                    header.method = 99;
                    header.extra = field(0x9901, b"\x02\0AE\x03\x08\0");
                });
            }),
        )
        .also(&["zip-method"]),
        both("zip-method", "bzip2", |header| header.method = 12),
        both("zip-method", "Zstandard", |header| header.method = 93),
        both("zip-method", "Deflate64", |header| header.method = 9),
        raw("no deflate stream", &|_| vec![0x07; 20]),
        raw("a stream that ends early", &|data| data[..data.len() - 3].to_vec()),
        raw("bytes behind the stream", &|data| [data, &b"more"[..]].concat()),
        raw("a stream behind the stream", &|data| [data, &deflate(OTHER)].concat()),
        sized("one byte more than stated", &|module| {
            module.both(|header| header.size -= 1);
        }),
        sized("one byte less than stated", &|module| {
            module.both(|header| header.size += 1);
        }),
        sized("16 MiB more than stated", &|module| {
            module.raw(deflate(&vec![0; 16 << 20]));
        }),
        sized("stored, and of another size", &|module| {
            module.both(|header| {
                header.method = STORED;
                header.size = header.compressed + 1;
            });
        }),
        both("zip-crc", "another CRC", |header| header.crc ^= 0x0100_0000),
        Case::new("zip-crc", "a stored member with a flipped bit", {
            let mut archive = zip(&demo());
            archive.members[0] = Member::stored(MODULE, b"__version__ = \"1.0\"\n");
            archive.members[0].data[0] ^= 1;
            archive.bytes()
        }),
        Case::new(
            "zip-folder-contents",
            "a folder with contents",
            zip(&demo()).and(Member::stored("package/", OTHER)).bytes(),
        ),
        Case::new(
            "zip-folder-contents",
            "a folder with a CRC",
            folder(|member| {
                member.both(|header| header.crc = 1);
            }),
        )
        .also(&["zip-crc"]),
        Case::new(
            "zip-member-comment",
            "a comment of a member",
            spoilt(|module| module.comment = b"see below".to_vec()),
        ),
    ]
}

fn end_records() -> Vec<Case> {
    type Edit = fn(&mut Ends);
    let counts: [(&str, Edit); 5] = [
        ("one member more", |ends| (ends.here, ends.entries) = (ends.here + 1, ends.entries + 1)),
        ("one member less", |ends| (ends.here, ends.entries) = (ends.here - 1, ends.entries - 1)),
        ("members on another disk", |ends| ends.here -= 1),
        ("another disk", |ends| ends.disk = 1),
        ("a directory on another disk", |ends| ends.directory_disk = 1),
    ];
    let wide: [(&str, Edit); 3] = [
        ("ZIP64: one member more in the old record", |ends| {
            (ends.here, ends.entries) = (ends.here + 1, ends.entries + 1);
        }),
        ("ZIP64: two disks", |ends| ends.locator = ends.locator.map(|(at, _)| (at, 2))),
        ("ZIP64: members on another disk", |ends| {
            ends.wide.as_mut().expect("is there").here += 1;
        }),
    ];
    let mut cases: Vec<Case> = counts
        .into_iter()
        .map(|(flaw, edit)| Case::new("zip-counts", flaw, zip(&demo()).ends(edit).bytes()))
        .chain(wide.into_iter().map(|(flaw, edit)| {
            Case::new("zip-counts", flaw, zip(&demo()).wide().ends(edit).bytes())
        }))
        .collect();
    cases.push(Case::new(
        "zip-counts",
        "a member on another disk",
        spoilt(|module| module.disk = 1),
    ));
    let extensible = |ends: &mut Ends| {
        let wide = ends.wide.as_mut().expect("is there");
        wide.extensible = vec![0; 8];
        wide.stated += 8;
    };
    cases.extend([
        Case::new(
            "zip-zip64",
            "extensible data in the end record",
            zip(&demo()).wide().ends(extensible).bytes(),
        ),
        Case::new(
            "zip-zip64",
            "another length of the end record",
            zip(&demo()).wide().ends(|ends| ends.wide.as_mut().expect("is").stated = 52).bytes(),
        ),
    ]);
    cases
}

fn extras() -> Vec<Case> {
    let both = |check, flaw: &str, extra: Vec<u8>| {
        let bytes = spoilt(|module| {
            module.both(|header| header.extra.clone_from(&extra));
        });
        Case::new(check, flaw, bytes)
    };
    let path = |name: &[u8]| {
        let crc = crc32fast::hash(MODULE.as_bytes()).to_le_bytes();
        field(0x7075, &[&[1], &crc[..], name].concat())
    };
    let local = |flaw: &str, extra: Vec<u8>| {
        Case::new("zip-extra", flaw, spoilt(|module| module.local.extra = extra))
    };
    vec![
        Case::new(
            "zip-zip64",
            "a ZIP64 field of five bytes",
            spoilt(|module| module.central.extra = field(1, &[0; 5])),
        ),
        both("zip-extra", "a field that is cut short", field(0x7777, &[0; 8])[..9].to_vec()),
        both("zip-extra", "half a field", vec![0; 3]),
        both("zip-extra", "another name in Unicode", path(b"evil.py")),
        both("zip-extra", "another name in Unicode that is none", path(b"\xff")),
        both("zip-extra", "two names in Unicode", [path(b"demo.py"), path(b"demo.py")].concat()),
        local("another name in Unicode in the local header", path(b"evil.py")),
        local("a field of the local header that is cut short", vec![1, 0, 9, 0, 0]),
        Case::new(
            "zip-extra",
            "two ZIP64 fields",
            spoilt(|module| {
                Member::zip64(&mut module.central);
                let extra = module.central.extra.clone();
                module.central.extra.extend(extra);
            }),
        ),
    ]
}

fn bombs() -> Vec<Case> {
    let zeros = vec![0; 65 << 20];
    let claims = |edit: fn(&mut Header)| {
        without_sizes(&demo()).with(MODULE, |module| {
            module.both(edit);
        })
    };
    vec![
        Case::new("zip-bomb", "65 MiB in 65 KB", zip(&demo().file("zeros.bin", &zeros)).bytes()),
        Case::new(
            "zip-bomb",
            "a member that claims 4 GiB",
            claims(|header| header.size = MARK - 1).bytes(),
        ),
        Case::new(
            "zip-bomb",
            "a member that claims more than there can be",
            claims(|header| {
                Member::zip64(header);
                header.extra[4..12].fill(0xff);
            })
            .bytes(),
        ),
    ]
}
