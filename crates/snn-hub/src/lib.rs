#![doc = include_str!("../README.md")]

mod address;
mod answer;
mod cache;
mod checkpoint;
mod client;
mod commit;
mod endpoint;
mod error;
mod fetch;
mod hash;
mod large;
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
