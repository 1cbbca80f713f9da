#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod answers;
mod batch;
mod cross_entropy;
mod divergence;
mod early;
mod error;
mod label_smoothing;
mod loss;
mod objective;
mod ramp;
#[cfg(feature = "serde")]
mod read;
mod strong_weak;
mod supervised;
mod terms;
mod tet;
mod tks;
mod trt;
mod tssd;

pub use answers::{Answers, Mixed, Targets};
pub use cross_entropy::cross_entropy;
pub use divergence::divergence;
pub use early::Early;
pub use error::{Error, Result};
pub use label_smoothing::label_smoothing;
pub use loss::Loss;
pub use objective::{Objective, Position};
pub use ramp::Ramp;
pub use strong_weak::StrongWeak;
pub use terms::Terms;
pub use tet::tet;
pub use tks::{tks, tks_paper};
pub use trt::Trt;
pub use tssd::Tssd;
