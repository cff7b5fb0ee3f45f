//! Damage at random, and archives of great size: no panic, bounded time, bounded memory.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use wheelsite::facts::Depth;
use wheelsite::inspect::{Kind, inspect};
use wheelsite::source::artifact_of_file;
use wheelsite::verify::{Evidence, Policy, Severity, judge};

use super::{Case, NAME, demo, differences, with_record, without_sizes, zip};
use crate::support::zip::{MARK, Member, Zip, deflate};
use crate::support::{Workspace, tools};

/// No file that is as small as these may take longer, on whatever machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether there is time for what takes minutes.
fn soaks() -> bool {
    std::env::var_os("WHEELSITE_SOAK").is_some()
}

/// Numbers that are the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit as u64).expect("is below a usize")
    }
}

/// A copy with one to three flipped bits, or cut short, or with a part that is gone or doubled.
fn damaged(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut copy = bytes.to_vec();
    let kind = numbers.below(10);
    let at = numbers.below(copy.len());
    match kind {
        0 | 1 => copy.truncate(at),
        2 => drop(copy.drain(at..(at + 1 + numbers.below(64)).min(bytes.len()))),
        3 => {
            let part = bytes[at..(at + 1 + numbers.below(64)).min(bytes.len())].to_vec();
            copy.splice(at..at, part);
        }
        _ => {
            for _ in 0..=numbers.below(3) {
                // Half of them in what is not contents: there are the interesting ones.
                let half = if numbers.below(2) == 0 { bytes.len() } else { bytes.len().min(8_000) };
                let at = bytes.len() - half + numbers.below(half);
                copy[at] ^= 1 << numbers.below(8);
            }
        }
    }
    copy
}

/// Name, kind and contents of a member.
type Contents = (Vec<u8>, u32, Vec<u8>);

/// What another reader finds in an archive.
fn read(bytes: &[u8]) -> Option<Vec<Contents>> {
    let mut archive = ::zip::ZipArchive::new(Cursor::new(bytes)).ok()?;
    let mut members = Vec::new();
    for index in 0..archive.len() {
        let mut member = archive.by_index(index).ok()?;
        // No archive states permissions twice, so that nobody can tell when they are damaged.
        // Where no kind is stated, a member is a file.
        let kind = member.unix_mode().map_or(0, |mode| mode & 0o170_000);
        let kind = if kind == 0o100_000 { 0 } else { kind };
        let mut contents = Vec::new();
        member.read_to_end(&mut contents).ok()?;
        members.push((member.name_raw().to_vec(), kind, contents));
    }
    Some(members)
}

#[test]
fn damage_is_found_or_does_not_matter() {
    let Some(wheels) = tools::real_wheels() else { return };
    let rounds = if soaks() { 10_000 } else { 2_000 };
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let (mut accepted, mut slowest) = (0, Duration::ZERO);
    let names = [
        "six-1.17.0-py2.py3-none-any.whl",
        "markupsafe-3.0.4-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.\
         manylinux_2_28_x86_64.whl",
    ];
    for name in names {
        let path = wheels.join(name);
        let original = std::fs::read(&path).expect("reads");
        let contents = read(&original).expect("is an archive");
        for round in 0..rounds / names.len() {
            let bytes = damaged(&original, &mut numbers);
            let began = Instant::now();
            let judged = is_accepted(&path, &bytes);
            slowest = slowest.max(began.elapsed());
            if judged {
                accepted += 1;
                assert!(read(&bytes).as_ref() == Some(&contents), "{name}: round {round}");
            }
        }
    }
    eprintln!("{rounds} damaged wheels: {accepted} accepted, the slowest took {slowest:?}");
    // Dates, attributes and the like are in the reach of damage and nobody's concern.
    assert!(accepted > 0 && accepted < rounds / 4, "{accepted} accepted");
    assert!(slowest < PATIENCE, "{slowest:?}");
}

/// Whether a file with the name of this one and these bytes would be listed.
fn is_accepted(path: &Path, bytes: &[u8]) -> bool {
    let artifact = artifact_of_file(path, 0).expect("is there");
    let facts = inspect(Kind::Wheel, Depth::Full, Cursor::new(bytes)).expect("reads from memory");
    let evidence = Evidence { artifact: &artifact, facts: Some(&facts), sidecar: None };
    let findings = judge(evidence, &Policy::default());
    findings.iter().all(|finding| finding.severity < Severity::Error)
}

/// What `check` says of a file, how long it took, and how much memory at most, in MiB.
struct Measured {
    ids: Vec<String>,
    time: Duration,
    peak: Option<u64>,
}

/// Checks a file that lies in the workspace under the name of most wheels.
fn measure(workspace: &Workspace) -> Measured {
    let mut command = workspace.command(&["check", NAME, "--format", "json"]);
    let began = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = None;
    while child.try_wait().expect("waits").is_none() {
        // The high-water mark only rises: the last one that is seen is the truth, or near it.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        peak = peak.max(number.map(|number| number / 1024));
        std::thread::sleep(Duration::from_millis(1));
    }
    let time = began.elapsed();
    let output = child.wait_with_output().expect("waits");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    let findings = report["files"][0]["findings"].as_array().expect("is a list").iter();
    let graver = findings.filter(|found| found["severity"] != "note");
    let ids = graver.map(|found| found["check"].as_str().expect("is text").to_owned()).collect();
    Measured { ids, time, peak }
}

/// Checks a file, and expects little time and memory for it.
#[track_caller]
fn bounded(what: &str, bytes: &[u8], most: u64) -> Vec<String> {
    let workspace = Workspace::new();
    workspace.write(NAME, bytes);
    expect_bounds(what, measure(&workspace), PATIENCE, most)
}

#[track_caller]
fn expect_bounds(what: &str, measured: Measured, patience: Duration, most: u64) -> Vec<String> {
    let Measured { ids, time, peak } = measured;
    eprintln!("{what}: {time:?}, {peak:?} MiB, {ids:?}");
    assert!(time < patience, "{what} took {time:?}");
    assert!(peak.is_none_or(|peak| peak < most), "{what} took {peak:?} MiB");
    ids
}

/// A wheel of this many files in all.
fn of_files(count: usize) -> Zip {
    let base = demo().members().len();
    let mut wheel = demo();
    for number in base..count {
        let path = format!("demo/part_{}/module_{number}.py", number / 1_000);
        wheel = wheel.file(&path, format!("number = {number}\n").as_bytes());
    }
    let archive = zip(&wheel);
    assert_eq!(archive.members.len(), count);
    archive
}

#[test]
fn a_hundred_thousand_files_are_many_and_fine() {
    let bytes = of_files(100_000).wide().bytes();
    assert_eq!(bounded("100,000 files", &bytes, 150), [""; 0]);
}

#[test]
fn the_count_of_members_is_right_where_it_no_longer_fits() {
    let cases = [
        // So does Python's `zipfile`: the number that stands for a larger one stands for itself.
        Case::sound("65,535 members without ZIP64 records", of_files(65_535).bytes()),
        Case::sound("65,536 members with ZIP64 records", of_files(65_536).wide().bytes()),
        Case::new("zip-counts", "65,536 members without ZIP64 records", of_files(65_536).bytes()),
    ];
    assert_eq!(differences(&cases), [""; 0]);
}

/// Every entry of the directory is for the same megabyte of zeros.
#[test]
fn members_that_overlap_entirely_are_no_bomb_to_us() {
    let mut archive = zip(&demo());
    let kernel = Member::new("zeros", &vec![0; 1 << 20]);
    archive.members.insert(0, kernel.clone());
    for number in 0..50_000 {
        let mut member = kernel.clone();
        member.central.name = format!("zeros_{number}").into_bytes();
        (member.present, member.data) = (false, Vec::new());
        member.offset = Some(0);
        archive.members.push(member);
    }
    let bytes = archive.bytes();
    assert!(bytes.len() < 8 << 20);
    let ids = bounded("members that overlap entirely", &bytes, 150);
    assert!(ids.iter().any(|id| id == "zip-overlap"), "{ids:?}");
    assert!(ids.iter().any(|id| id == "zip-bomb"), "{ids:?}");
}

/// Each member quotes the headers of those behind it, and shares the zeros at the end (Fifield, 2019).
#[test]
fn members_that_quote_each_other_are_no_bomb_to_us() {
    const COUNT: usize = 400;
    let mut contents = vec![0; 1 << 18];
    let mut last = Member::new("zeros_0", &contents);
    let mut entries = vec![last.clone()];
    for number in 1..COUNT {
        let only = Zip::of(&[]).and(last.clone()).bytes();
        let header = &only[..30 + last.local.name.len()];
        // A stored block that is not the last one, with the header in it.
        let length = u16::try_from(header.len()).expect("is short");
        let block = [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes(), header].concat();
        contents.splice(0..0, header.iter().copied());
        let mut member = Member::new(format!("zeros_{number}"), &contents);
        member.raw([block, last.data].concat());
        last = member;
        entries.push(last.clone());
    }
    // The last one is the first in the file, and holds all others.
    let base = zip(&demo());
    let start = base.bytes().windows(4).position(|part| part == b"PK\x01\x02").expect("is there");
    let mut archive = base.and(entries.pop().expect("is there"));
    let mut at = start + 30 + archive.members.last().expect("is there").local.name.len() + 5;
    for mut member in entries.into_iter().rev() {
        member.present = false;
        member.offset = Some(u32::try_from(at).expect("is small"));
        at += 30 + member.local.name.len() + 5;
        archive.members.push(member);
    }
    let bytes = archive.bytes();
    let ids = bounded("members that quote each other", &bytes, 100);
    assert!(ids.iter().any(|id| id == "zip-overlap"), "{ids:?}");
    assert!(ids.iter().any(|id| id == "zip-bomb"), "{ids:?}");
}

#[test]
fn what_lies_about_its_size_costs_no_more_than_it_says() {
    let zeros = deflate(&vec![0; 256 << 20]);
    for file in ["demo.py", "demo-1.0.dist-info/METADATA", "demo-1.0.dist-info/RECORD"] {
        let bytes = zip(&demo()).with(file, |member| {
            member.raw(zeros.clone());
        });
        let ids = bounded(&format!("256 MiB in {file}"), &bytes.bytes(), 100);
        assert!(ids.iter().any(|id| id == "zip-size"), "{ids:?}");
    }
    // The other way round: much is promised, and little is there.
    let bytes = without_sizes(&demo()).with("demo-1.0.dist-info/METADATA", |member| {
        member.both(|header| header.size = 15 << 20);
    });
    let ids = bounded("15 MiB promised", &bytes.bytes(), 100);
    assert!(ids.iter().any(|id| id == "zip-size"), "{ids:?}");
}

/// METADATA and `entry_points.txt` of many lines, from few bytes.
#[test]
fn texts_of_great_length_are_read_in_little_memory() {
    let head = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n";
    let metadata = format!("{head}{}", "Requires-Dist: x (\n".repeat(50_000));
    let ids = bounded("50,000 requirements", &demo().metadata(metadata.as_bytes()).bytes(), 150);
    assert!(!ids.is_empty());
    let scripts = format!("[a]\n{}", "x = y\n".repeat(600_000));
    let wheel = demo().file("demo-1.0.dist-info/entry_points.txt", scripts.as_bytes());
    let ids = bounded("600,000 entry points", &wheel.bytes(), 150);
    assert!(ids.iter().any(|id| id == "entry-points-duplicate"), "{ids:?}");
}

/// A RECORD of as many rows as fit what is read of it, from few bytes.
#[test]
fn a_record_without_end_is_read_in_little_memory() {
    for row in [",,\n", "x,sha256=x,1\n"] {
        let count = (63 << 20) / row.len();
        let rows = |record: &str| format!("{record}{}", row.repeat(count));
        let bytes = Zip::of(&with_record(&demo(), rows)).bytes();
        let ids = bounded(&format!("{count} rows in RECORD"), &bytes, 250);
        assert!(ids.iter().any(|id| id.starts_with("record-")), "{ids:?}");
    }
}

/// Every folder of a path may be a file as well, and a path may have 32,000 of them.
#[test]
fn paths_without_end_take_little_time() {
    let mut archive = zip(&demo());
    for number in 0..100 {
        let mut member = Member::stored(format!("{}{number}", "a/".repeat(32_000)), b"");
        member.present = number == 0;
        member.offset = (number > 0).then_some(0);
        archive.members.insert(number, member);
    }
    let workspace = Workspace::new();
    workspace.write(NAME, archive.bytes());
    let patience = Duration::from_secs(5);
    let ids = expect_bounds("deep paths", measure(&workspace), patience, 100);
    assert!(ids.iter().any(|id| id == "zip-overlap"), "{ids:?}");
}

/// Writes a wheel with a stored file of zeros, which takes no place on the disk.
fn with_hole(workspace: &Workspace, hole: u64) {
    let (crc, sha256) = of_zeros(hole);
    let row = format!("demo/zeros.bin,sha256={sha256},{hole}\n");
    let files = with_record(&demo(), |record| format!("{row}{record}"));
    let mut member = Member::stored("demo/zeros.bin", b"");
    member.both(|header| {
        header.crc = crc;
        Member::zip64(header);
        header.extra[4..12].copy_from_slice(&hole.to_le_bytes());
        header.extra[12..20].copy_from_slice(&hole.to_le_bytes());
    });
    let archive = Zip::of(&files).and(member).wide().ends(move |ends| {
        ends.offset = MARK;
        let wide = ends.wide.as_mut().expect("is there");
        wide.offset += hole;
        ends.locator = ends.locator.map(|(at, disks)| (at + hole, disks));
    });
    let bytes = archive.bytes();
    let directory = bytes.windows(4).position(|part| part == b"PK\x01\x02").expect("is there");
    let mut file = File::create(workspace.path(NAME)).expect("creates");
    file.write_all(&bytes[..directory]).expect("writes");
    file.seek(SeekFrom::Current(i64::try_from(hole).expect("is positive"))).expect("seeks");
    file.write_all(&bytes[directory..]).expect("writes");
}

/// CRC-32 and SHA-256, the latter as RECORD has it, of so many zeros.
fn of_zeros(length: u64) -> (u32, String) {
    use base64::Engine;
    use sha2::Digest;
    let zeros = vec![0; 1 << 20];
    let (mut crc, mut sha256) = (crc32fast::Hasher::new(), sha2::Sha256::new());
    let mut left = length;
    while left > 0 {
        let count = usize::try_from(left.min(1 << 20)).expect("is small");
        crc.update(&zeros[..count]);
        sha256.update(&zeros[..count]);
        left -= count as u64;
    }
    let digest = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha256.finalize());
    (crc.finalize(), digest)
}

#[test]
fn large_wheels_take_little_memory() {
    let sizes: &[u64] =
        if soaks() { &[64 << 20, 600 << 20, (4 << 30) + (1 << 20)] } else { &[64 << 20] };
    for &size in sizes {
        let workspace = Workspace::new();
        with_hole(&workspace, size);
        let patience = PATIENCE + Duration::from_secs(size >> 24);
        let what = format!("{} MiB", size >> 20);
        assert_eq!(expect_bounds(&what, measure(&workspace), patience, 100), [""; 0]);
        if size > 4 << 30 {
            // Another reader finds the same in it.
            let file = File::open(workspace.path(NAME)).expect("opens");
            let mut archive = ::zip::ZipArchive::new(file).expect("is an archive");
            let zeros = archive.by_name("demo/zeros.bin").expect("is there");
            assert_eq!(zeros.size(), size);
        }
    }
}
