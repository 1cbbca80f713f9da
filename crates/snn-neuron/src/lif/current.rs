//! The summands of a neuron's input.

use snn_ops::{Moments, Value};

/// A summand of the input current. All summands of one call have the same shape.
#[derive(Clone, Copy)]
pub enum Current<'a> {
    /// The value itself: spikes of a shortcut, or a current.
    Plain(&'a Value),
    /// Batch norm of the value: `(x - mean) / sqrt(var + eps) * weight + bias`.
    Norm {
        /// What is normalised, `[T, .., C]`.
        x: &'a Value,
        /// Scale, `[C]`.
        weight: &'a Value,
        /// Shift, `[C]`.
        bias: &'a Value,
        /// Running statistics in evaluation; the batch's own when training.
        running: Option<&'a Moments>,
    },
}

impl<'a> Current<'a> {
    pub(super) fn value(&self) -> &'a Value {
        match *self {
            Current::Plain(x) | Current::Norm { x, .. } => x,
        }
    }

    /// Every value whose gradient this summand can give.
    pub(super) fn values(&self) -> Vec<&'a Value> {
        match *self {
            Current::Plain(x) => vec![x],
            Current::Norm { x, weight, bias, .. } => vec![x, weight, bias],
        }
    }
}
