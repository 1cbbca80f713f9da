//! What the operators of this module return.

use candle_core::Tensor;
use snn_ops::{Moments, Value};

/// What a layer of neurons sends.
#[derive(Debug)]
pub struct LifOutput {
    /// Spikes, `[T, ..]` u8; of several levels, in units of [`Levels::unit`](super::Levels::unit).
    pub spikes: Value,
    /// Potential after the last step's reset, `[..]` f32; it carries no gradient.
    pub v_last: Tensor,
    /// Adaptation after the last step, `[..]` f32, of neurons that adapt; it carries no gradient.
    pub a_last: Option<Tensor>,
    /// The batch statistics of every current that was normalised with its own, in order.
    pub moments: Vec<Moments>,
}

/// The sum of a layer's currents.
#[derive(Debug)]
pub struct SumOutput {
    /// The sum, `[T, .., C]` f32, with T the currents' own: 1 for a current that every step repeats.
    pub drive: Value,
    /// The batch statistics of every current that was normalised with its own, in order.
    pub moments: Vec<Moments>,
}
