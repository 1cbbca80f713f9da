//! The fused operator: currents, their sum, and T steps of the neuron in one pass each way.
//!
//! Neurons are cut into blocks of whole pixels that stay in cache while time runs. The backward pass
//! keeps only the currents' inputs: it replays the potentials block by block.

use candle_core::Tensor;
use rayon::prelude::*;
use snn_ops::buffer::{self, Read, with_f32};
use snn_ops::{Gradient, Gradients, Moments, Tape, Value};

use super::backward::backward;
use super::branch::{Branch, Current};
use super::extent::{Extent, by_block};
use super::kernel::{self, Constants};
use super::{LifConfig, Reset};
use crate::Result;

/// What a layer of neurons sends.
#[derive(Debug)]
pub struct LifOutput {
    /// Spikes, `[T, ..]` u8.
    pub spikes: Value,
    /// Potential after the last step's reset, `[..]` f32; it carries no gradient.
    pub v_last: Tensor,
    /// The batch statistics of every current that was normalised with its own, in order.
    pub moments: Vec<Moments>,
}

/// Runs `t_steps` of a layer of neurons on the sum of `currents`.
///
/// # Equation
/// [`crate::reference::forward`] with `x` the sum of the currents.
///
/// # Shapes
/// - every current: `[t_steps, .., C]` f32, bf16 or u8, or `[1, .., C]` for the same current at each step
/// - `v0`: `[.., C]` f32, the potential before the first step; zero (or the reset potential) if absent
/// - returns spikes `[t_steps, .., C]` u8
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) when shapes differ or an axis is empty,
/// [`Error::Config`](crate::Error::Config) when the neuron's constants are refused.
///
/// # Determinism
/// Spikes do not depend on engine or threads; gradients of norm weights are summed in fixed pieces.
pub fn norm_lif(
    tape: &mut Tape,
    t_steps: usize,
    currents: &[Current<'_>],
    v0: Option<&Tensor>,
    config: &LifConfig,
) -> Result<LifOutput> {
    config.check()?;
    let (extent, step_shape) = Extent::new(t_steps, currents, v0)?;
    #[cfg(feature = "cuda")]
    if currents.iter().any(|current| current.value().tensor().device().is_cuda()) {
        return super::unsafe_cuda::norm_lif(tape, extent, step_shape, currents, v0, config);
    }
    let span = extent.span("forward", currents.len()).entered();
    let mut branches = Vec::with_capacity(currents.len());
    let mut moments = Vec::new();
    for current in currents {
        let (branch, batch) = Branch::new(current, extent.tile)?;
        branches.push(branch);
        moments.extend(batch);
    }
    let start = match (v0, config.reset) {
        (Some(v0), _) => with_f32("v0", v0, |v| Ok(v.to_vec()))?,
        (None, Reset::Hard(v_reset)) => vec![v_reset; extent.neurons],
        (None, Reset::Soft) => buffer::zeroed(extent.neurons),
    };
    let mut v = start.clone();
    let spikes = forward(&extent, &branches, config, &mut v)?;
    let mut shape = vec![t_steps];
    shape.extend(&step_shape);
    let spikes = buffer::tensor(spikes, shape)?;
    drop(span);
    let inputs: Vec<&Value> = currents.iter().flat_map(Current::values).collect();
    let (config, start) = (*config, v0.is_some().then_some(start));
    let spikes = tape.push(spikes, &inputs, move |dy: Gradient, grads: &mut Gradients| {
        let _span = extent.span("backward", branches.len()).entered();
        backward(&extent, branches, &config, start.as_deref(), &dy, grads)
    });
    Ok(LifOutput { spikes, v_last: buffer::tensor(v, step_shape)?, moments })
}

/// Sets `z` to the sum of the currents of block `at` at input step `t`.
pub(super) fn sum_currents(
    extent: &Extent,
    branches: &[Branch],
    inputs: &[Read<'_>],
    (t, at): (usize, usize),
    z: &mut [f32],
    wide: &mut Vec<f32>,
) {
    z.fill(0.0);
    let first = t * extent.neurons + at * extent.block;
    for (branch, input) in branches.iter().zip(inputs) {
        branch.add_to(z, input.data().slice(first..first + z.len()), wide);
    }
}

fn forward(
    extent: &Extent,
    branches: &[Branch],
    config: &LifConfig,
    v: &mut [f32],
) -> Result<Vec<u8>> {
    let inputs = branches.iter().map(Branch::read).collect::<Result<Vec<_>>>()?;
    let constants = Constants::new(config);
    let mut spikes = buffer::zeroed(extent.t_steps * extent.neurons);
    by_block(&mut spikes, extent.neurons, extent.block)
        .into_par_iter()
        .zip(v.par_chunks_mut(extent.block))
        .enumerate()
        .for_each_init(
            || (Vec::new(), Vec::new()),
            |(z, wide), (at, (spikes, v))| {
                z.resize(v.len(), 0.0);
                for (t, spikes) in spikes.into_iter().enumerate() {
                    if t < extent.x_steps {
                        sum_currents(extent, branches, &inputs, (t, at), z, wide);
                    }
                    kernel::fire(constants, v, z, spikes);
                }
            },
        );
    Ok(spikes)
}
