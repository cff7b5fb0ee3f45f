//! ELF files made to order, of each class and byte order, and noise.

use proptest::prelude::*;

use super::*;
use crate::cuda::Captured;

/// A number of 2, 4 or 8 bytes in the file's byte order.
#[derive(Clone, Copy)]
struct Writer {
    wide: bool,
    little: bool,
}

impl Writer {
    fn number(self, value: u64, size: usize) -> Vec<u8> {
        let mut bytes = value.to_le_bytes()[..size].to_vec();
        if !self.little {
            bytes.reverse();
        }
        bytes
    }

    fn word(self, value: u64) -> Vec<u8> {
        self.number(value, if self.wide { 8 } else { 4 })
    }

    fn words(self, values: &[u64]) -> Vec<u8> {
        values.iter().flat_map(|value| self.word(*value)).collect()
    }

    fn segment(self, kind: u64, offset: u64, address: u64, size: u64) -> Vec<u8> {
        let kind = self.number(kind, 4);
        let numbers = self.words(&[offset, address, 0, size, size]);
        let (flags, align) = (self.number(4, 4), self.word(1));
        let order = if self.wide { [flags, numbers] } else { [numbers, flags] };
        [kind, order.concat(), align].concat()
    }

    fn section(self, kind: u64, offset: u64, size: u64, link: u64, info: u64) -> Vec<u8> {
        let start = [self.number(0, 4), self.number(kind, 4)].concat();
        let numbers = self.words(&[0, 0, offset, size]);
        let ends = [self.number(link, 4), self.number(info, 4), self.words(&[1, 0])];
        [start, numbers, ends.concat()].concat()
    }

    /// A library that needs `libc.so.6` and `libm.so.6`, either with the segments
    /// that loaders read or with the sections that linkers read.
    fn library(self, segments: bool) -> Vec<u8> {
        const BASE: u64 = 0x10000;
        let header = if self.wide { 64 } else { 52 };
        let (segment, section) = if self.wide { (56, 64) } else { (32, 40) };
        let text =
            b"\0libself.so\0libc.so.6\0libm.so.6\0$ORIGIN\0GLIBC_2.17\0GLIBC_2.4\0/lib/ld.so\0";
        let at = |name: &str| {
            text.windows(name.len()).position(|part| part == name.as_bytes()).expect("in") as u64
        };
        let strings_at = header + 3 * segment + 4 * section;
        let needed_at = strings_at + text.len() as u64;
        let need = |half: [u64; 2], rest: [u64; 3]| {
            let halves = half.map(|half| self.number(half, 2)).concat();
            [halves, rest.map(|word| self.number(word, 4)).concat()].concat()
        };
        let version = |name: &str, next: u64| {
            let (hash, name) = (self.number(0, 4), [at(name), next]);
            let name = name.map(|word| self.number(word, 4)).concat();
            [hash, self.number(0, 4), name].concat()
        };
        let table = [
            need([1, 2], [at("libc"), 16, 48]),
            version("GLIBC_2.4", 16),
            version("GLIBC_2.17", 0),
            need([1, 1], [at("libm"), 16, 0]),
            version("GLIBC_2.4", 0),
        ]
        .concat();
        let dynamic_at = needed_at + table.len() as u64;
        let dynamic = [
            [1, at("libm")],
            [1, at("libc")],
            [14, at("libself")],
            [15, at("$ORIGIN")],
            [5, BASE + strings_at],
            [10, text.len() as u64],
            [0x6fff_fffe, BASE + needed_at],
            [0x6fff_ffff, 2],
            // Behind the end nothing counts.
            [0, 0],
            [1, 1],
        ];
        let dynamic = self.words(&dynamic.concat());
        let size = dynamic_at + dynamic.len() as u64;
        let segments_at = header;
        let sections_at = header + 3 * segment;
        let ident = [0x7f, b'E', b'L', b'F', 1 + u8::from(self.wide), 2 - u8::from(self.little), 1];
        let counts = [header, segment, if segments { 3 } else { 0 }, section, 4, 0];
        let file = [
            [&ident[..], &[0; 9]].concat(),
            [3, 62].map(|half| self.number(half, 2)).concat(),
            self.number(1, 4),
            self.words(&[0, segments_at, sections_at]),
            self.number(0x400, 4),
            counts.map(|half| self.number(half, 2)).concat(),
            self.segment(1, 0, BASE, size),
            self.segment(2, dynamic_at, BASE + dynamic_at, dynamic.len() as u64),
            self.segment(3, strings_at + at("/lib"), 0, 11),
            self.section(0, 0, 0, 0, 0),
            self.section(3, strings_at, text.len() as u64, 0, 0),
            self.section(6, dynamic_at, dynamic.len() as u64, 1, 0),
            self.section(0x6fff_fffe, needed_at, table.len() as u64, 1, 2),
            text.to_vec(),
            table,
            dynamic,
        ]
        .concat();
        assert_eq!(file.len() as u64, size);
        file
    }
}

fn writers() -> [Writer; 4] {
    [(true, true), (true, false), (false, true), (false, false)]
        .map(|(wide, little)| Writer { wide, little })
}

/// Parses a stream of which only the head is held, adding what is asked for too late.
fn parse_captured(bytes: &[u8], head: usize) -> (Result<ElfFacts, ElfError>, u32) {
    let mut captured = Captured::new(bytes.len() as u64, head);
    bytes.chunks(1000).for_each(|chunk| captured.push(chunk));
    for round in 0..100 {
        match captured.finish() {
            Err(ElfError::NotCaptured(NotCaptured { offset, length })) => {
                let range = usize::try_from(offset).expect("in")
                    ..usize::try_from(offset + length).expect("in");
                captured.add_range(offset, bytes[range].to_vec());
            }
            outcome => return (outcome, round),
        }
    }
    panic!("asks without end");
}

#[test]
fn each_class_and_byte_order_is_read() {
    for writer in writers() {
        let bytes = writer.library(true);
        let facts = parse(&&bytes[..]).expect("parses");
        assert_eq!((facts.machine, facts.flags), (62, 0x400));
        assert_eq!(facts.bits, if writer.wide { 64 } else { 32 });
        assert_eq!(facts.little_endian, writer.little);
        assert_eq!(facts.kind, ElfKind::Shared);
        assert_eq!(facts.soname.as_deref(), Some("libself.so"));
        assert_eq!(facts.needed, ["libm.so.6", "libc.so.6"]);
        assert_eq!(facts.runpath.as_deref(), Some("$ORIGIN"));
        assert_eq!(facts.interpreter.as_deref(), Some("/lib/ld.so"));
        assert_eq!(facts.versions["libc.so.6"], ["GLIBC_2.17", "GLIBC_2.4"]);
        assert_eq!(facts.versions["libm.so.6"], ["GLIBC_2.4"]);
        assert_eq!(facts.glibc_floor(), Some((2, 17)));
        let expected = (writer.wide && writer.little).then_some("x86_64");
        assert_eq!(facts.architecture(), expected);

        let sections = parse(&&writer.library(false)[..]).expect("parses");
        assert_eq!(sections, ElfFacts { interpreter: None, ..facts.clone() });
        let (captured, rounds) = parse_captured(&bytes, 20);
        assert_eq!(captured, Ok(facts));
        assert!(rounds <= 6, "{rounds}");
    }
}

#[test]
fn objects_and_static_programs_need_nothing() {
    let mut object = writers()[0].library(true);
    object[16] = 1;
    let facts = parse(&&object[..]).expect("parses");
    assert_eq!((facts.kind, facts.needed.len()), (ElfKind::Relocatable, 0));
    let mut program = writers()[0].library(true);
    program.truncate(64);
    program[16] = 2;
    for field in [56, 60] {
        program[field] = 0;
    }
    let facts = parse(&&program[..]).expect("parses");
    assert_eq!((facts.kind, facts.needed.len()), (ElfKind::Executable, 0));
}

#[test]
fn damage_is_named() {
    assert_eq!(parse(&&b"\x7fEL"[..]), Err(ElfError::NotElf));
    assert_eq!(parse(&&b"MZ\0\0\0\0\0\0\0\0\0\0\0\0\0\0"[..]), Err(ElfError::NotElf));
    let bytes = writers()[0].library(true);
    for length in 16..bytes.len() {
        assert!(matches!(parse(&&bytes[..length]), Err(ElfError::Malformed(_))), "{length}");
    }
}

#[test]
fn this_test_needs_the_c_library() {
    let path = std::env::current_exe().expect("known");
    let bytes = std::fs::read(path).expect("reads");
    if cfg!(all(target_os = "linux", target_env = "gnu")) {
        let facts = parse(&&bytes[..]).expect("parses");
        assert!(facts.needed.contains(&"libc.so.6".to_owned()), "{facts:?}");
        assert!(facts.glibc_floor() >= Some((2, 2)));
        assert!(facts.interpreter.is_some() && facts.architecture().is_some());
        assert_eq!(parse_captured(&bytes, 1024).0, Ok(facts));
    }
}

#[test]
fn facts_survive_json() {
    let facts = parse(&&writers()[0].library(true)[..]).expect("parses");
    let text = serde_json::to_string(&facts).expect("writes");
    assert_eq!(serde_json::from_str::<ElfFacts>(&text).expect("reads"), facts);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn noise_never_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..600), wide in 1u8..3, little in 1u8..3) {
        let _ = parse(&&bytes[..]);
        // With a valid beginning the noise is followed.
        if bytes.len() > 18 {
            bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', wide, little]);
            bytes[16..18].copy_from_slice(&[3 * (little % 2), 3 * (little / 2)]);
            let _ = parse(&&bytes[..]);
        }
    }

    #[test]
    fn damage_never_panics(
        which in 0usize..4,
        segments: bool,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        head in 0usize..400,
    ) {
        let mut bytes = writers()[which].library(segments);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let whole = parse(&&bytes[..]);
        prop_assert!(!matches!(whole, Err(ElfError::NotCaptured(_))));
        // Of several faults, which one is met first depends on what is held.
        prop_assert_eq!(parse_captured(&bytes, head).0.ok(), whole.ok());
    }
}
