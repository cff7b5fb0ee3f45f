//! Whole wheels, at both depths, and the verdict about them.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use wheelsite::facts::{Artifact, Depth, Location};
use wheelsite::inspect::{Kind, inspect};
use wheelsite::verify::{Evidence, Policy, judge};

const NAME: &str = "demo-1.0-py3-none-any.whl";

fuzz_target!(|bytes: &[u8]| {
    let artifact = Artifact::new(NAME, Location::File(NAME.into()));
    let policy = Policy::default();
    for depth in [Depth::Metadata, Depth::Full] {
        let facts = inspect(Kind::Wheel, depth, Cursor::new(bytes)).expect("memory can be read");
        assert_eq!(facts.size, bytes.len() as u64);
        let evidence = Evidence { artifact: &artifact, facts: Some(&facts), sidecar: None };
        let _ = judge(evidence, &policy);
    }
});
