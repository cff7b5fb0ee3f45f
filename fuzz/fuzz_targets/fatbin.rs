//! Device code in a stream: any cut into chunks must find the same, and the whole path through the
//! section headers the same as the file at once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wheelsite::cuda::elf::ElfError;
use wheelsite::cuda::{Captured, DeviceCode, Scanner};

/// What is found with ranges that were missed added late.
fn device(bytes: &[u8], head: usize, chunk: usize) -> Option<Option<DeviceCode>> {
    let mut stream = Captured::new(bytes.len() as u64, head);
    bytes.chunks(chunk).for_each(|chunk| stream.push(chunk));
    for _ in 0..100 {
        match stream.device() {
            Err(ElfError::NotCaptured(range)) => {
                let start = range.offset as usize;
                stream.add_range(range.offset, bytes[start..start + range.length as usize].to_vec());
            }
            outcome => return outcome.ok(),
        }
    }
    panic!("asks without end");
}

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, bytes) = input;
    let cut = usize::from(cut) + 1;
    let mut whole = Scanner::new(bytes.len() as u64);
    whole.push(bytes);
    let mut parts = Scanner::new(bytes.len() as u64);
    bytes.chunks(cut).for_each(|chunk| parts.push(chunk));
    assert_eq!(parts.position(), bytes.len() as u64);
    let everywhere = 0..u64::MAX;
    let everywhere = std::slice::from_ref(&everywhere);
    assert_eq!(parts.finish(everywhere), whole.finish(everywhere));
    assert_eq!(device(bytes, 64, cut), device(bytes, 1 << 20, bytes.len().max(1)));
});
