//! The fused operator: currents, their sum, and T steps of the neuron in one pass each way.
//!
//! Neurons are cut into blocks of whole pixels that stay in cache while time runs. The backward pass
//! keeps only the currents' inputs: it replays the potentials block by block.

use candle_core::Tensor;
use rayon::prelude::*;
use snn_ops::buffer::{self, Read, Unset};
use snn_ops::{Gradient, Gradients, Tape, Value};

use super::backward::{Backward, backward};
use super::branch::{self, Branch};
use super::config::LifConfig;
use super::current::Current;
use super::dynamics::Dynamics;
use super::extent::Extent;
use super::layer::Layer;
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
/// [`Error::Config`](crate::Error::Config) when the neuron's constants are refused, and
/// [`snn_ops::Error::Unsupported`] on a GPU for neurons that have no kernel there.
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
    norm_layer(tape, t_steps, currents, &Layer { v0, ..Layer::default() }, config)
}

/// [`norm_lif`] of a layer with more to it than a first potential.
///
/// # Errors
/// As there; [`Error::Config`](crate::Error::Config) for an `a0` of neurons that do not adapt.
pub fn norm_layer(
    tape: &mut Tape,
    t_steps: usize,
    currents: &[Current<'_>],
    layer: &Layer<'_>,
    config: &LifConfig,
) -> Result<LifOutput> {
    config.check()?;
    let (extent, step_shape) = Extent::new(t_steps, currents, layer)?;
    #[cfg(feature = "cuda")]
    if currents.iter().any(|current| current.value().tensor().device().is_cuda()) {
        return super::unsafe_cuda::norm_lif(tape, extent, step_shape, currents, layer, config);
    }
    let dynamics = Dynamics::new(config, layer)?;
    if layer.a0.is_some() && !dynamics.adapts() {
        let why = "is given to neurons whose threshold does not adapt; leave it out".into();
        return Err(crate::Error::Config { field: "a0", why });
    }
    let span = extent.span("forward", currents.len()).entered();
    let (branches, moments) = branch::branches(currents, &extent)?;
    let (v0, a0) = (layer.v0.cloned(), layer.a0.cloned());
    let start = (v0.as_ref(), a0.as_ref());
    let Forward { spikes, v_last, a_last } = forward(&extent, &branches, &dynamics, start)?;
    let mut shape = vec![t_steps];
    shape.extend(&step_shape);
    let spikes = buffer::tensor(spikes, shape)?;
    drop(span);
    let adapts = dynamics.adapts();
    let a_last = adapts.then(|| buffer::tensor(a_last, step_shape.clone())).transpose()?;
    let v_last = buffer::tensor(v_last, step_shape)?;
    if !tape.is_recording() {
        return Ok(LifOutput { spikes: Value::constant(spikes), v_last, a_last, moments });
    }
    let leak = layer.leak;
    let to_leak = leak.map(Value::target);
    let inputs: Vec<&Value> = currents.iter().flat_map(Current::values).chain(leak).collect();
    let saved = branch::saved(branches)?;
    let spikes = tape.push(spikes, &inputs, move |dy: Gradient, grads: &mut Gradients| {
        let _span = extent.span("backward", saved.len()).entered();
        let branches = branch::restored(saved)?;
        let start = (v0.as_ref(), a0.as_ref());
        let Backward { dz, sums, leak } = backward(&extent, &branches, &dynamics, start, &dy)?;
        if let (Some(to), Some(leak)) = (to_leak, leak) {
            grads.add(to, buffer::tensor(vec![leak], 1)?)?;
        }
        spread(&branches, &sums, dz, grads)
    });
    Ok(LifOutput { spikes, v_last, a_last, moments })
}

/// What a forward pass leaves: spikes, and what the neurons remember.
struct Forward {
    spikes: Vec<u8>,
    v_last: Vec<f32>,
    a_last: Vec<f32>,
}

fn forward(
    extent: &Extent,
    branches: &[Branch],
    dynamics: &Dynamics,
    (v0, a0): (Option<&Tensor>, Option<&Tensor>),
) -> Result<Forward> {
    let inputs = branch::read(branches)?;
    let v0 = v0.map(|v0| Read::new("v0", v0)).transpose()?;
    let a0 = a0.map(|a0| Read::new("a0", a0)).transpose()?;
    let mut spikes = Unset::new(extent.t_steps * extent.neurons);
    // Side by side in blocks: the potential, then the adaptation where there is one.
    let rows = if dynamics.adapts() { 2 } else { 1 };
    let mut last = Unset::new(rows * extent.neurons);
    spikes
        .blocks(extent.neurons, extent.block)
        .into_par_iter()
        .zip(last.blocks(extent.neurons, extent.block))
        .enumerate()
        .for_each_init(
            || (Vec::new(), Vec::new()),
            |(z, wide), (at, (spikes, last))| {
                let mut spikes = spikes.zeroed();
                let mut last = last.zeroed().into_iter();
                let Some(v) = last.next() else { return };
                let a = last.next().unwrap_or_default();
                extent.start(v0.as_ref(), dynamics.start, at, v);
                extent.start(a0.as_ref(), 0.0, at, a);
                z.resize(v.len(), 0.0);
                for (t, spikes) in spikes.iter_mut().enumerate() {
                    if t < extent.x_steps {
                        branch::sum_currents(extent, branches, &inputs, (t, at), z, wide);
                    }
                    dynamics.fire(v, a, z, spikes);
                }
            },
        );
    let mut v_last = last.finish();
    let a_last = v_last.split_off(extent.neurons);
    Ok(Forward { spikes: spikes.finish(), v_last, a_last })
}
