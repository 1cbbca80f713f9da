//! The fused operator: currents, their sum, and T steps of the neuron in one pass each way.
//!
//! Neurons are cut into blocks of whole pixels that stay in cache while time runs. The backward pass
//! keeps only the currents' inputs: it replays the potentials block by block.

use candle_core::Tensor;
use rayon::prelude::*;
use snn_ops::buffer::{self, Read, Unset};
use snn_ops::{Gradient, Gradients, Tape, Value};

use super::backward::current_gradient;
use super::branch::{self, Branch};
use super::config::LifConfig;
use super::current::Current;
use super::extent::Extent;
use super::kernel::{self, Constants};
use super::output::LifOutput;
use super::spread::spread;
use crate::Result;

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
    let (branches, moments) = branch::branches(currents, &extent)?;
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
    let saved = branch::saved(branches)?;
    let config = *config;
    let spikes = tape.push(spikes, &inputs, move |dy: Gradient, grads: &mut Gradients| {
        let _span = extent.span("backward", saved.len()).entered();
        let branches = branch::restored(saved)?;
        let (dz, sums) = current_gradient(&extent, &branches, &config, v0.as_ref(), &dy)?;
        spread(&branches, &sums, dz, grads)
    });
    Ok(LifOutput { spikes, v_last, moments })
}

/// Spikes, and the last potential.
fn forward(
    extent: &Extent,
    branches: &[Branch],
    config: &LifConfig,
    v0: Option<&Tensor>,
) -> Result<(Vec<u8>, Vec<f32>)> {
    let inputs = branch::read(branches)?;
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
                    extent.start(v0.as_ref(), config, at, v);
                    z.resize(v.len(), 0.0);
                    for (t, spikes) in spikes.iter_mut().enumerate() {
                        if t < extent.x_steps {
                            branch::sum_currents(extent, branches, &inputs, (t, at), z, wide);
                        }
                        kernel::fire(constants, v, z, spikes);
                    }
                }
            },
        );
    Ok((spikes.finish(), v_last.finish()))
}
