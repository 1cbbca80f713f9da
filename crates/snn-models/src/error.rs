//! What can go wrong with a model or its files.

use std::path::PathBuf;

/// The error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting of the model is out of its range.
    #[error("{field}: {why}")]
    Config {
        /// The setting's name.
        field: String,
        /// The cause and the allowed range.
        why: String,
    },
    /// A tensor does not have the shape the model needs.
    #[error("{what}: expected shape {expected}, got {got:?}")]
    Shape {
        /// The tensor.
        what: String,
        /// The shape in words.
        expected: String,
        /// The shape that was given.
        got: Vec<usize>,
    },
    /// A checkpoint's file is not what this model needs.
    #[error("{}: {why}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// The cause and the remedy.
        why: String,
    },
    /// The operating system refused.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        cause: std::io::Error,
    },
    /// A neuron failed.
    #[error(transparent)]
    Neuron(#[from] snn_neuron::Error),
    /// An operator failed.
    #[error(transparent)]
    Ops(#[from] snn_ops::Error),
    /// A candle operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// A stage of a network is an operator to the tape.
impl From<Error> for snn_ops::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Ops(inner) => inner,
            other => Self::Tensor(candle_core::Error::wrap(other)),
        }
    }
}
