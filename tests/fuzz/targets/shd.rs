//! The reader `shd`, and the first recordings of what it reads.
#![no_main]

use snn_data::format::shd;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snn_fuzz::reads(bytes, |bytes, limits, path| {
    let file = shd(bytes.to_vec(), limits, path)?;
    (0..file.len().min(9)).try_for_each(|index| file.recording(index, limits, path).map(drop))
}));
