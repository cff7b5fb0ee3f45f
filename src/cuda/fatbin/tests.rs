//! Fatbins made to order, whole and in pieces, damaged and hostile.

use proptest::prelude::*;

use super::*;

/// An entry: what its header says, and its payload.
#[derive(Debug, Clone)]
struct Entry {
    kind: u16,
    number: u32,
    flags: u64,
    version: (u16, u16),
    compressed: bool,
    header: usize,
    payload: Vec<u8>,
}

impl Entry {
    fn cubin(number: u32, payload: &[u8]) -> Self {
        let payload = payload.to_vec();
        Self {
            kind: 2,
            number,
            flags: 0x11,
            version: (1, 7),
            compressed: false,
            header: 64,
            payload,
        }
    }

    fn ptx(number: u32, version: (u16, u16)) -> Self {
        let entry = Self::cubin(number, &[0x28, 0xB5, 0x2F, 0xFD]);
        Self { kind: 1, version, compressed: true, header: 80, ..entry }
    }

    fn bytes(&self) -> Vec<u8> {
        let size = self.payload.len().next_multiple_of(8);
        let mut bytes = vec![0; self.header + size];
        bytes[..2].copy_from_slice(&self.kind.to_le_bytes());
        bytes[2..4].copy_from_slice(&0x101_u16.to_le_bytes());
        let word = |value: usize| u32::try_from(value).expect("fits").to_le_bytes();
        bytes[4..8].copy_from_slice(&word(self.header));
        bytes[8..16].copy_from_slice(&(size as u64).to_le_bytes());
        if self.compressed {
            bytes[16..20].copy_from_slice(&word(self.payload.len()));
        }
        bytes[24..26].copy_from_slice(&self.version.1.to_le_bytes());
        bytes[26..28].copy_from_slice(&self.version.0.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.number.to_le_bytes());
        let flags = self.flags | if self.compressed { 0x8000 } else { 0 };
        bytes[40..48].copy_from_slice(&flags.to_le_bytes());
        bytes[self.header..self.header + self.payload.len()].copy_from_slice(&self.payload);
        bytes
    }
}

fn fatbin(entries: &[Entry]) -> Vec<u8> {
    let payload: Vec<u8> = entries.iter().flat_map(Entry::bytes).collect();
    let size = (payload.len() as u64).to_le_bytes();
    [&MAGIC[..], &[1, 0, 16, 0], &size, &payload].concat()
}

/// A cubin with this ABI, flags and version, and a note behind some padding.
fn cubin(abi: [u8; 2], flags: u32, version: u32, padding: usize, note: &str) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    bytes[7..9].copy_from_slice(&abi);
    bytes[18..20].copy_from_slice(&EM_CUDA.to_le_bytes());
    bytes[20..24].copy_from_slice(&version.to_le_bytes());
    bytes[48..52].copy_from_slice(&flags.to_le_bytes());
    bytes.resize(64 + padding, b'C');
    bytes.extend_from_slice(note.as_bytes());
    bytes
}

const NOTE: &str =
    "ptxas\0Cuda compilation tools, release 13.5, V13.5.37\0Build x\0-arch sm_90a -m 64 \0";

/// A file with a fatbin or what else in it, and where that is.
fn file(parts: &[&[u8]]) -> (Vec<u8>, Vec<Range<u64>>) {
    let mut bytes = vec![0; 128];
    bytes[..4].copy_from_slice(b"\x7fELF");
    let mut places = Vec::new();
    for part in parts {
        let begin = bytes.len() as u64;
        bytes.extend_from_slice(part);
        places.push(begin..bytes.len() as u64);
        bytes.resize(bytes.len().next_multiple_of(8) + 16, 0);
    }
    (bytes, places)
}

fn scan(bytes: &[u8], sections: &[Range<u64>], chunk: usize) -> Option<DeviceCode> {
    let mut scanner = Scanner::new(bytes.len() as u64);
    bytes.chunks(chunk).for_each(|chunk| scanner.push(chunk));
    assert_eq!(scanner.position(), bytes.len() as u64);
    scanner.finish(sections)
}

fn shown(code: Option<DeviceCode>) -> (String, String) {
    let Some(code) = code else { return Default::default() };
    let texts = |texts: Vec<String>| texts.join(" ");
    (
        texts(code.architectures.iter().map(|it| it.to_string()).collect()),
        texts(code.toolkits.iter().map(|it| it.to_string()).collect()),
    )
}

fn found_in(parts: &[&[u8]]) -> (String, String) {
    let (bytes, places) = file(parts);
    let whole = scan(&bytes, &places, bytes.len());
    for chunk in [1, 7, 8, 16, 63, 64, 100] {
        assert_eq!(scan(&bytes, &places, chunk), whole, "{chunk}");
    }
    shown(whole)
}

#[test]
fn architectures_and_toolkits_are_read() {
    let old = cubin([0x33, 7], 0x50_0550, 128, 0, "");
    let new = cubin([0x41, 8], 0x600_5A04, 1, 300, NOTE);
    let specific = Entry { flags: 0x10_0011, ..Entry::cubin(90, &new) };
    let family = Entry { flags: 0x120_0011, header: 120, ..Entry::cubin(100, &new) };
    let one = fatbin(&[Entry::cubin(80, &old), specific, family]);
    let two = fatbin(&[Entry::ptx(120, (8, 7))]);
    let expected = ("sm_80 sm_90a sm_100f compute_120".to_owned(), "12.8 13.5".to_owned());
    assert_eq!(found_in(&[&one, &two]), expected);
    // Fatbins follow each other without a gap.
    assert_eq!(found_in(&[&[one, two].concat()]), expected);
}

#[test]
fn what_is_compressed_or_unknown_stays_shut() {
    let hidden = Entry { compressed: true, ..Entry::cubin(86, &cubin([0x33, 7], 0, 118, 0, "")) };
    let lto = Entry { kind: 8, ..Entry::cubin(90, b"") };
    let strange = Entry::cubin(70_000, b"");
    let bytes = fatbin(&[hidden, lto, strange]);
    assert_eq!(found_in(&[&bytes]), ("sm_86".to_owned(), String::new()));
    // A payload may look like a fatbin.
    let inner = fatbin(&[Entry::ptx(52, (7, 0))]);
    let outer = fatbin(&[Entry { kind: 8, ..Entry::cubin(90, &inner) }]);
    assert_eq!(found_in(&[&outer]), Default::default());
}

#[test]
fn a_cubin_knows_which_of_two_toolkits_wrote_its_ptx() {
    let ptx = Entry::ptx(80, (8, 5));
    let cubin = Entry::cubin(80, &cubin([0x33, 7], 0, 125, 0, ""));
    assert_eq!(found_in(&[&fatbin(std::slice::from_ref(&ptx))]).1, "12.6");
    assert_eq!(found_in(&[&fatbin(&[ptx, cubin])]).1, "12.5");
}

#[test]
fn only_sections_count() {
    let (bytes, places) =
        file(&[&fatbin(&[Entry::ptx(52, (7, 0))]), &fatbin(&[Entry::ptx(80, (7, 0))])]);
    assert_eq!(shown(scan(&bytes, &places[1..], 10)).0, "compute_80");
    assert_eq!(scan(&bytes, &[], 10), None);
    // Fatbins are aligned.
    let (mut bytes, _) = file(&[&fatbin(&[Entry::ptx(52, (7, 0))])]);
    bytes.insert(100, 0);
    assert_eq!(scan(&bytes, std::slice::from_ref(&(0..1000)), 10), None);
}

#[test]
fn a_cubin_may_be_a_file_of_its_own() {
    for (bytes, expected) in [
        (cubin([0x41, 8], 0x600_5A04, 1, 200, NOTE), ("sm_90a", "13.5")),
        (cubin([0x41, 8], 0x600_6402, 1, 200, NOTE), ("sm_100", "13.5")),
        (cubin([0x33, 7], 0x50_0550, 128, 0, ""), ("sm_80", "12.8")),
    ] {
        for chunk in [1, 50, 1000] {
            let (architectures, toolkits) = shown(scan(&bytes, &[], chunk));
            assert_eq!((&*architectures, &*toolkits), expected);
        }
    }
}

#[test]
fn hostile_lengths_lead_nowhere() {
    let good = fatbin(&[Entry::ptx(80, (7, 0))]);
    let ends: [(usize, &[u8]); 4] = [(8, &[0xff; 8]), (6, &[0, 0]), (6, &[15, 0]), (8, &[0; 8])];
    for (at, value) in ends {
        let mut bytes = good.clone();
        bytes[at..at + value.len()].copy_from_slice(value);
        assert_eq!(found_in(&[&bytes]), Default::default(), "{at}");
        // What follows is found all the same.
        assert_eq!(found_in(&[&bytes, &good]).0, "compute_80", "{at}");
    }
    for (at, value) in [(4, &[0xff; 4][..]), (4, &[63, 0]), (8, &[0xff; 8])] {
        let mut bytes = good.clone();
        bytes[16 + at..16 + at + value.len()].copy_from_slice(value);
        assert_eq!(found_in(&[&bytes, &good]).0, "compute_80", "{at}");
    }
}

fn entries() -> impl Strategy<Value = Entry> {
    let payload = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        (any::<bool>(), 100u32..140, 0usize..400).prop_map(|(new, version, padding)| {
            cubin(if new { [0x41, 8] } else { [0x33, 7] }, 0, version, padding, NOTE)
        }),
    ];
    let header = (0usize..8).prop_map(|words| 64 + 8 * words);
    let kind = prop_oneof![Just(1u16), Just(2), Just(8)];
    let suffix = prop_oneof![Just(0u64), Just(SPECIFIC), Just(FAMILY)];
    (kind, 50u32..130, suffix, any::<bool>(), header, payload).prop_map(
        |(kind, number, flags, compressed, header, payload)| Entry {
            kind,
            number,
            flags,
            version: (8, 4),
            compressed,
            header,
            payload,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_entry_is_found(fatbins in prop::collection::vec(prop::collection::vec(entries(), 0..5), 0..5)) {
        let parts: Vec<Vec<u8>> = fatbins.iter().map(|entries| fatbin(entries)).collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let (bytes, places) = file(&parts);
        let code = scan(&bytes, &places, bytes.len()).unwrap_or_default();
        let expected: BTreeSet<String> = fatbins.iter().flatten().filter(|entry| entry.kind != 8).map(|entry| {
            let kind = if entry.kind == 1 { "compute" } else { "sm" };
            let suffix = match entry.flags { 0 => "", SPECIFIC => "a", _ => "f" };
            format!("{kind}_{}{suffix}", entry.number)
        }).collect();
        let found: BTreeSet<String> = code.architectures.iter().map(|it| it.to_string()).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn pieces_say_what_the_whole_says(
        fatbins in prop::collection::vec(prop::collection::vec(entries(), 0..4), 1..4),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let parts: Vec<Vec<u8>> = fatbins.iter().map(|entries| fatbin(entries)).collect();
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let (mut bytes, places) = file(&parts);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let whole = scan(&bytes, &places, bytes.len());
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let mut scanner = Scanner::new(bytes.len() as u64);
        cuts.windows(2).for_each(|cut| scanner.push(&bytes[cut[0]..cut[1]]));
        prop_assert_eq!(scanner.finish(&places), whole.clone());
        prop_assert_eq!(scan(&bytes, &places, 1), whole);
    }

    #[test]
    fn noise_never_panics(bytes: Vec<u8>, length: u64, aligned in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut scanner = Scanner::new(length);
        scanner.push(&bytes);
        scanner.push(&[&[0; 64][..], &MAGIC, &[1, 0, 16, 0], &aligned].concat());
        let everywhere = 0..u64::MAX;
        let _ = scanner.finish(std::slice::from_ref(&everywhere));
    }
}
