//! The crate as its users see it.

// A test fails by panicking, and says what it skipped and measured.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]
#![allow(clippy::disallowed_methods)] // A test's file needs no atomic write.

#[cfg(feature = "image")]
mod bearings;
mod contents;
mod decode;
mod event_cases;
mod event_files;
mod files;
#[cfg(all(feature = "image", feature = "aedat4", feature = "hdf5", feature = "parquet"))]
mod fuzzed;
mod golden;
mod hashes;
mod hostile;
mod hostile_files;
mod images;
mod learnable;
mod loader;
mod matlab;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "image")]
mod people;
mod pictures;
mod pipeline;
#[cfg(feature = "image")]
mod preprocess;
mod recordings;
mod sets;
#[cfg(feature = "hdf5")]
mod shd;
mod signals;
mod unsafe_counting;
mod util;
