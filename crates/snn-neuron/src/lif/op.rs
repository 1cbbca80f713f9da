//! The fused operator: currents, their sum, and T steps of the neuron in one pass each way.
//!
//! Neurons are cut into blocks of whole pixels that stay in cache while time runs. The backward pass
//! keeps only the currents' inputs: it replays the potentials block by block.

use candle_core::Tensor;
use rayon::prelude::*;
use snn_ops::buffer::{self, Read, Unset};
use snn_ops::{Gradient, Gradients, Moments, Tape, Value};

use super::LifConfig;
use super::backward::backward;
use super::branch::{Branch, Current, SavedBranch};
use super::extent::Extent;
use super::kernel::{self, Constants};
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
    let v0 = v0.cloned();
    let (spikes, v_last) = forward(&extent, &branches, config, v0.as_ref())?;
    let mut shape = vec![t_steps];
    shape.extend(&step_shape);
    let spikes = buffer::tensor(spikes, shape)?;
    drop(span);
    let v_last = buffer::tensor(v_last, step_shape)?;
    if !tape.is_recording() {
        return Ok(LifOutput { spikes: Value::constant(spikes), v_last, moments });
    }
    let inputs: Vec<&Value> = currents.iter().flat_map(Current::values).collect();
    let saved = branches.into_iter().map(Branch::saved).collect::<Result<Vec<_>>>()?;
    let config = *config;
    let spikes = tape.push(spikes, &inputs, move |dy: Gradient, grads: &mut Gradients| {
        let _span = extent.span("backward", saved.len()).entered();
        let branches = saved.into_iter().map(SavedBranch::restored);
        let branches = branches.collect::<snn_ops::Result<Vec<_>>>()?;
        backward(&extent, branches, &config, v0.as_ref(), &dy, grads)
    });
    Ok(LifOutput { spikes, v_last, moments })
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
    let first = t * extent.neurons + at * extent.block;
    for (i, (branch, input)) in branches.iter().zip(inputs).enumerate() {
        let x = input.data().slice(first..first + z.len());
        if i == 0 { branch.set(z, x, wide) } else { branch.add_to(z, x, wide) }
    }
}

/// Sets `v` to the potential of block `at` before the first step.
pub(super) fn start(
    extent: &Extent,
    v0: Option<&Read<'_>>,
    config: &LifConfig,
    at: usize,
    v: &mut [f32],
) {
    let first = at * extent.block;
    match v0 {
        Some(v0) => v0.data().slice(first..first + v.len()).copy_to(v),
        None => v.fill(config.start()),
    }
}

/// Spikes, and the last potential.
fn forward(
    extent: &Extent,
    branches: &[Branch],
    config: &LifConfig,
    v0: Option<&Tensor>,
) -> Result<(Vec<u8>, Vec<f32>)> {
    let inputs = branches.iter().map(Branch::read).collect::<Result<Vec<_>>>()?;
    let v0 = v0.map(|v0| Read::new("v0", v0)).transpose()?;
    let constants = Constants::new(config);
    let mut spikes = Unset::new(extent.t_steps * extent.neurons);
    let mut v_last = Unset::new(extent.neurons);
    spikes
        .blocks(extent.neurons, extent.block)
        .into_par_iter()
        .zip(v_last.blocks(extent.neurons, extent.block))
        .enumerate()
        .for_each_init(
            || (Vec::new(), Vec::new()),
            |(z, wide), (at, (spikes, v_last))| {
                let mut spikes = spikes.zeroed();
                for v in v_last.zeroed() {
                    start(extent, v0.as_ref(), config, at, v);
                    z.resize(v.len(), 0.0);
                    for (t, spikes) in spikes.iter_mut().enumerate() {
                        if t < extent.x_steps {
                            sum_currents(extent, branches, &inputs, (t, at), z, wide);
                        }
                        kernel::fire(constants, v, z, spikes);
                    }
                }
            },
        );
    Ok((spikes.finish(), v_last.finish()))
}
