//! What can go wrong in a loss.

use candle_core::DType;

/// The error of every loss in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor does not have the shape a loss needs.
    #[error("{what}: expected shape {expected}, got {got:?}")]
    Shape {
        /// The argument.
        what: &'static str,
        /// The shape in words, such as `[T, N, K]`.
        expected: String,
        /// The shape that was given.
        got: Vec<usize>,
    },
    /// A tensor does not have the element type a loss needs.
    #[error("{what}: expected {expected}, got {got:?}")]
    Type {
        /// The argument.
        what: &'static str,
        /// The types that are served.
        expected: &'static str,
        /// The type that was given.
        got: DType,
    },
    /// A label does not fit the number of classes.
    #[error("label {label} of sample {sample_idx} is out of range for {n_classes} classes")]
    Label {
        /// The label.
        label: u32,
        /// Its place in the batch.
        sample_idx: usize,
        /// K, the logits' last axis.
        n_classes: usize,
    },
    /// A constant of a loss is out of its range.
    #[error("{field} is {got}, allowed is {allowed}")]
    Config {
        /// The constant's name.
        field: &'static str,
        /// The value that was given.
        got: f64,
        /// The allowed range.
        allowed: &'static str,
    },
    /// A method's term needs an answer that is not there.
    #[error("there is no view `{name}` among the answers, which a term of the method needs")]
    Answer {
        /// The view.
        name: &'static str,
    },
    /// A candle operation failed; reaching a user, this is a bug in this crate.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;
