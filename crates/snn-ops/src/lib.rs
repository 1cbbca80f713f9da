#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod buffer;
mod conv;
pub mod cuda;
mod element;
mod engine;
mod error;
mod linear;
pub mod module;
mod norm;
mod pool;
pub mod random;
mod saved;
mod shape;
mod tape;
mod threads;
mod unsafe_gemm;
mod unsafe_zeroed;

pub use conv::{Conv2d, conv1d, conv2d};
pub use engine::{Engine, Precision, engine, engine_name, set_engine};
pub use error::{Error, Result};
pub use linear::linear;
pub use norm::{EPS, MOMENTUM, Moments, Normalized, batch_norm, batch_norm_eval};
pub use pool::{Pool2d, avg_pool2d, global_avg_pool, max_pool2d};
pub use saved::Saved;
pub use shape::{add, reshape, to_channels_first, to_channels_last, to_device};
pub use tape::{Gradient, Gradients, Tape, Target, Value};
pub use threads::{MAX_THREADS, on_pool, set_threads, threads};
