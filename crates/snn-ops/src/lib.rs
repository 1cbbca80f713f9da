#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

pub mod buffer;
mod conv;
mod engine;
mod error;
mod linear;
mod norm;
mod pool;
pub mod random;
mod shape;
mod tape;
mod unsafe_gemm;

pub(crate) use conv::image as conv_image;
pub use conv::{Conv2d, conv1d, conv2d};
pub use engine::{Engine, Precision, engine, on_pool, set_engine, set_threads, threads};
pub use error::{Error, Result};
pub use linear::linear;
pub use norm::{EPS, MOMENTUM, Moments, Normalized, batch_norm, batch_norm_eval};
pub use pool::{Pool2d, avg_pool2d, global_avg_pool, max_pool2d};
pub use shape::{add, reshape, to_channels_first, to_channels_last};
pub use tape::{Gradient, Gradients, Tape, Target, Value};
