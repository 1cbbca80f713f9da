//! See `snn_fuzz::TARGETS`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snn_fuzz::run("shd", bytes));
