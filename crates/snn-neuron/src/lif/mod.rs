//! The leaky integrate-and-fire neuron: constants, specification, kernels, and the operators.

mod adaptive;
mod backward;
mod branch;
mod candle_op;
mod config;
mod current;
mod dynamics;
mod extent;
mod graded;
mod kernel;
mod layer;
mod levels;
mod op;
mod output;
pub mod reference;
mod scratch;
mod spread;
mod sum;
mod sums;
#[cfg(feature = "cuda")]
mod unsafe_cuda;

pub use candle_op::Lif;
pub use config::{Adaptation, LifConfig, Reset};
pub use current::Current;
pub use layer::Layer;
pub use levels::Levels;
pub use op::{norm_layer, norm_lif};
pub use output::{LifOutput, SumOutput};
pub use sum::norm_sum;

use candle_core::Tensor;
use snn_ops::{Tape, Value};

use crate::Result;

/// Runs a layer of neurons over the currents `x` from the potential `v0`.
///
/// # Equation
/// [`reference::forward`].
///
/// # Source
/// TKS paper, equations 1 and 2, with the constants of its released trainer as defaults.
///
/// # Shapes
/// - `x`: `[T, ..]` f32 (or u8 spikes); `v0`: `[..]` f32, the reset potential (soft: zero) when absent
/// - returns spikes `[T, ..]` u8 and the last potential `[..]`
///
/// # Errors
/// As [`norm_lif`].
pub fn lif(
    tape: &mut Tape,
    x: &Value,
    v0: Option<&Tensor>,
    config: &LifConfig,
) -> Result<LifOutput> {
    let t_steps = x.dims().first().copied().unwrap_or(0);
    norm_lif(tape, t_steps, &[Current::Plain(x)], v0, config)
}
