//! Wheels of any size, and the stand-in with many of them.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{REPOSITORY, get, signed};
use crate::support::github::{
    Asset, Content, Github, Memory, Release, Repository, index, json, send,
};
use crate::support::synthetic::SyntheticWheel;
use crate::support::{Run, Workspace, tools};

#[test]
fn synthetic_wheels_are_valid() {
    let workspace = Workspace::new();
    let wheel = SyntheticWheel::new("big-demo", "1.0", 20 << 20, 600);
    let bytes = wheel.read(0..wheel.size());
    assert!((20 << 20..21 << 20).contains(&wheel.size()));
    assert_eq!(Memory::new(&*bytes).sha256(), wheel.sha256());
    for range in [0..7, 60_000..21_000_000, 20 << 20..wheel.size(), 5..5] {
        let part = index(range.start)..index(range.end);
        assert_eq!(wheel.read(range), bytes[part]);
    }
    let path = workspace.path("wheels").join(wheel.filename());
    std::fs::write(&path, &bytes).expect("writes");
    if tools::has_program("python3") {
        let tested = Run::of(Command::new("python3").args(["-m", "zipfile", "-t"]).arg(&path));
        assert_eq!(tested.code, Some(0), "{}", tested.stderr);
        assert!(!tested.stdout.contains("corrupted"), "{}", tested.stdout);
    }
    let checked = workspace.run(&["check", "wheels"]);
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);

    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).expect("opens");
    assert_eq!(archive.len(), 605);
    let sizes = wheel.sizes();
    for (file, size) in [
        ("METADATA", sizes.metadata),
        ("WHEEL", sizes.wheel),
        ("RECORD", sizes.record),
        ("entry_points.txt", sizes.entry_points),
    ] {
        let name = format!("big_demo-1.0.dist-info/{file}");
        let member = archive.by_name(&name).expect("is a member");
        assert_eq!(member.compressed_size(), size, "{file}");
        assert!(file != "RECORD" || (90_000..120_000).contains(&member.size()));
    }
    assert_eq!(bytes.len() as u64 - archive.central_directory_start(), sizes.central_directory);
}

#[test]
fn many_big_synthetic_wheels_are_cheap() {
    let start = Instant::now();
    let wheels: Vec<_> = (0..200)
        .map(|number| SyntheticWheel::new("demo", &format!("1.{number}"), 200 << 20, 500))
        .collect();
    assert_ne!(wheels[0].sha256(), wheels[1].sha256());
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
    let release = wheels.into_iter().fold(Release::new("v1"), |release, wheel| {
        let name = wheel.filename().to_owned();
        release.asset(Asset::of(&name, Arc::new(wheel)))
    });
    let github = Github::with(Repository::new(REPOSITORY).release(release));
    let tail = send("GET", &signed(&github), &[("range", "bytes=-65536")]);
    let wheel = SyntheticWheel::new("demo", "1.0", 200 << 20, 500);
    assert_eq!(tail.bytes().expect("reads"), wheel.read(wheel.size() - 65536..wheel.size()));
    let listed = json(get(&github, "/releases/latest", &[]));
    assert_eq!(listed["assets"][0]["digest"], format!("sha256:{}", wheel.sha256()));
    assert_eq!(listed["assets"].as_array().map(Vec::len), Some(200));
}

#[test]
fn synthetic_wheels_of_more_than_4_gib_are_zip64() {
    let wheel = SyntheticWheel::new("demo", "1.0", (4 << 30) + (1 << 20), 500);
    let mut archive = zip::ZipArchive::new(wheel.reader()).expect("opens");
    assert_eq!(archive.len(), 505);
    let big = archive.by_name("synthetic_data/weights.bin").expect("is a member");
    assert!(big.size() > 4 << 30 && big.compressed_size() == big.size());
    drop(big);
    let mut record = archive.by_name("demo-1.0.dist-info/RECORD").expect("is a member");
    std::io::copy(&mut record, &mut std::io::sink()).expect("has its CRC");
}
