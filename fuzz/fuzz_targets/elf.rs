//! ELF files, whole and as a stream of which little is kept: both must say the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wheelsite::cuda::Captured;
use wheelsite::cuda::elf::{ElfError, parse};

fuzz_target!(|bytes: &[u8]| {
    let whole = parse(&bytes);
    let mut stream = Captured::new(bytes.len() as u64, 64);
    for chunk in bytes.chunks(97) {
        stream.push(chunk);
    }
    for _ in 0..100 {
        match stream.finish() {
            Err(ElfError::NotCaptured(range)) => {
                let start = range.offset as usize;
                stream.add_range(range.offset, bytes[start..start + range.length as usize].to_vec());
            }
            Ok(facts) => return assert_eq!(whole.as_ref(), Ok(&facts)),
            Err(_) => return,
        }
    }
});
