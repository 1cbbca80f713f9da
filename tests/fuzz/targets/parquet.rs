//! The reader `parquet`, and the first pictures of what it reads.
#![no_main]

use std::io::Cursor;

use snn_data::format::parquet;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| snn_fuzz::reads(bytes, |bytes, limits, path| {
    let mut file = Cursor::new(bytes);
    let shard = parquet(&mut file, limits, path)?;
    let n = shard.labels().len().min(9);
    (0..n).try_for_each(|index| shard.picture(&mut file, index, limits, path).map(drop))
}));
