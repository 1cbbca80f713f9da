#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod cross_entropy;
mod error;
mod input;
mod label_smoothing;
mod loss;
mod ramp;
mod tet;
mod tks;

pub use cross_entropy::cross_entropy;
pub use error::{Error, Result};
pub use label_smoothing::label_smoothing;
pub use loss::Loss;
pub use ramp::Ramp;
pub use tet::tet;
pub use tks::{tks, tks_paper};
