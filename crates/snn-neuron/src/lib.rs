#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![cfg_attr(not(feature = "cuda"), forbid(unsafe_code))]

mod encode;
mod error;
mod lif;
mod qcfs;
mod surrogate;

pub use encode::{direct, latency, poisson};
pub use error::{Error, Result};
pub use lif::{
    Adaptation, Current, Layer, Levels, Lif, LifConfig, LifOutput, Reset, SumOutput, lif,
    norm_layer, norm_lif, norm_sum, reference,
};
pub use qcfs::{qcfs, qcfs_step};
pub use surrogate::Surrogate;
