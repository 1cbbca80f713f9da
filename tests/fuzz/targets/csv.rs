//! The reader `csv`.
#![no_main]

use snn_data::format::csv;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snn_fuzz::reads(bytes, |bytes, _, path| csv(bytes, path)));
