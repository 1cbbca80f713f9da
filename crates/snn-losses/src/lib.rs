#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod batch;
mod cross_entropy;
mod error;
mod label_smoothing;
mod loss;
mod objective;
mod ramp;
#[cfg(feature = "serde")]
mod read;
mod tet;
mod tks;

pub use cross_entropy::cross_entropy;
pub use error::{Error, Result};
pub use label_smoothing::label_smoothing;
pub use loss::Loss;
pub use objective::{Answers, Mixed, Objective, Position, Targets};
pub use ramp::Ramp;
pub use tet::tet;
pub use tks::{tks, tks_paper};
