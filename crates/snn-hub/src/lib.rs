#![doc = include_str!("../README.md")]

mod address;
mod answer;
mod cache;
mod checkpoint;
mod client;
mod endpoint;
mod error;
mod hash;
mod publish;
mod pull;
mod remote;
mod settings;
mod tls;
mod token;

pub use address::Address;
pub use checkpoint::{Checkpoint, FILES, File};
pub use error::{Error, Result};
pub use publish::{Published, publish};
pub use pull::{Pulled, pull};
pub use settings::{Patience, Settings};
