//! Filenames: what parses reads back, and nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wheelsite::wheel::{DistFilename, ProjectName};

fuzz_target!(|text: &str| {
    if let Ok(dist) = text.parse::<DistFilename>() {
        assert_eq!(dist.as_str(), text);
        assert_eq!(dist.to_string().parse::<DistFilename>().as_ref(), Ok(&dist));
        if let Some(wheel) = dist.wheel() {
            assert!(wheel.tags().next().is_some());
        }
    }
    if let Ok(name) = text.parse::<ProjectName>() {
        assert_eq!(name.as_str().parse::<ProjectName>().as_ref(), Ok(&name));
    }
});
