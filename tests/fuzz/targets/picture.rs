//! The reader `picture`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snn_fuzz::reads(bytes, snn_data::format::picture));
