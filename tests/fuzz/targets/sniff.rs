//! Recordings of a format that the bytes tell.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snn_fuzz::recording(bytes, None));
