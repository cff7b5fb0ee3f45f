//! RECORD.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wheelsite::wheel::{Anomalies, Record};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = Record::parse(bytes) {
        assert_eq!(record.summary().rows, record.rows.len() as u64);
        let _ = record.compare(&[], "a-1.dist-info", &mut Anomalies::default());
    }
});
