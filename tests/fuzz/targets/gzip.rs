//! The reader `gunzip`.
#![no_main]

use snn_data::format::gunzip;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snn_fuzz::reads(bytes, |bytes, limits, path| {
    gunzip(bytes, limits, path).map(drop)
}));
