//! Recordings as hdf5.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snn_fuzz::recording(
    bytes,
    Some(snn_data::Format::Hdf5)
));
