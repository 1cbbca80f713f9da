#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod config;
mod declare;
mod error;
mod file;
mod layers;
mod model;
mod pass;
mod resnet19;
mod sew_resnet;
mod vgg_snn;
mod weights;

pub use config::{Architecture, InputConfig, ModelConfig, NeuronConfig, Precision};
pub use declare::Size;
pub use error::{Error, Result};
pub use file::{read_file, read_tensors};
pub use model::{Mode, Model, Output};
pub use weights::{CONFIG_FILE, WEIGHTS_FILE};
