//! What can go wrong in an operator.

/// The error of every operator in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor does not have the shape an operator needs.
    #[error("{what}: expected shape {expected}, got {got:?}")]
    Shape {
        /// The operator and the argument.
        what: &'static str,
        /// The shape in words, such as `[.., H, W, C]`.
        expected: String,
        /// The shape that was given.
        got: Vec<usize>,
    },
    /// A setting is out of its range.
    #[error("{field}: {why}")]
    Config {
        /// The setting's name.
        field: &'static str,
        /// The cause and the allowed range.
        why: String,
    },
    /// A tensor holds a type or lives on a device that the operator does not serve.
    #[error("{what}: {why}")]
    Unsupported {
        /// The operator and the argument.
        what: &'static str,
        /// What was given and what is served.
        why: String,
    },
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
