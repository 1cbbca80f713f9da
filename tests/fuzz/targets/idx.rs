//! The reader `idx`.
#![no_main]

use snn_data::format::idx;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snn_fuzz::reads(bytes, |bytes, limits, path| {
    idx(bytes, limits, path).map(drop)
}));
