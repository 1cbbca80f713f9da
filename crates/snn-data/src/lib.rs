#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod augment;
mod cache;
mod catalog;
mod dataset;
mod error;
mod event;
mod fit;
pub mod format;
mod frame;
mod hash;
mod kind;
mod limits;
mod loader;
mod noise;
pub mod preprocess;
pub mod random;
mod regular;
mod representation;
mod sample;
mod samples;
mod set;
mod simulate;
mod split;
pub mod transform;
mod voxel;
mod window;

pub use augment::Augment;
pub use cache::{CacheConfig, CacheEntry, cache_entries, clear_cache};
pub use catalog::{DatasetName, Listing, Terms, catalog};
pub use dataset::{Dataset, Splits};
pub use error::{Error, FormatFault, Result};
pub use event::{Event, EventStream};
pub use fit::{fit, resize_bilinear};
pub use format::{EventOptions, Format, Recording, read_events, read_recording};
pub use frame::{FrameBy, frames};
pub use kind::{Kind, Time};
pub use limits::{Limits, MAX_SIZE, MAX_T_STEPS};
pub use loader::{Batch, Epoch, Framing, Loader, LoaderConfig, Mixed, Order};
pub use preprocess::{Prepared, Preprocess};
pub use regular::{open_regular, read_regular};
pub use representation::Representation;
pub use sample::Sample;
pub use set::{DataConfig, Normalize, Opened, open, open_with};
pub use simulate::{Camera, simulate};
pub use split::Split;
pub use voxel::{time_surfaces, voxel_grid};
pub use window::{Window, windows, windows_between};
