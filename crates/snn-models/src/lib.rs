#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod boundary;
mod config;
mod convert;
mod currents;
mod declare;
mod declared;
mod early_exit;
mod encoding;
mod error;
mod file;
mod forward;
mod import;
mod joint;
mod layers;
mod limits;
mod model;
mod networks;
mod neuron_change;
mod neuron_config;
mod pass;
mod predict;
mod request;
mod state;
mod step;
mod sums;
mod transform;
mod transformer;
mod unit;
mod values;
mod weights;
mod worth;

pub use boundary::{Head, Transformer};
pub use config::{InputConfig, ModelConfig};
pub use declared::{Size, WeightLayer};
pub use early_exit::margin;
pub use encoding::Encoding;
pub use error::{Error, Result};
pub use file::{read_file, read_json, read_safetensors, read_tensors};
pub use forward::{Input, Output};
pub use import::{Foreign, Imported, Origin};
pub use model::{Model, Names};
pub use networks::Architecture;
pub use neuron_change::NeuronChange;
pub use neuron_config::{Neuron, NeuronConfig};
pub use predict::Prediction;
pub use request::{Fed, Fired, Fork, Mode, Request, Statistics};
pub use snn_ops::Precision;
pub use state::State;
pub use sums::{SUMS_FILE, check_sums, sums};
pub use weights::{CONFIG_FILE, StoredType, WEIGHTS_FILE};
