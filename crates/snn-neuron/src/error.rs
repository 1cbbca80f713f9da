//! What can go wrong with a neuron.

/// The error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is out of its range.
    #[error("{field}: {why}")]
    Config {
        /// The setting's name.
        field: &'static str,
        /// The cause and the allowed range.
        why: String,
    },
    /// A tensor does not have the shape a neuron needs.
    #[error("{what}: expected shape {expected}, got {got:?}")]
    Shape {
        /// The argument.
        what: &'static str,
        /// The shape in words.
        expected: String,
        /// The shape that was given.
        got: Vec<usize>,
    },
    /// An operator failed.
    #[error(transparent)]
    Ops(#[from] snn_ops::Error),
    /// A candle operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Tensor(inner) => inner,
            other => candle_core::Error::wrap(other),
        }
    }
}
