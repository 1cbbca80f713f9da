//! The backward pass of the neuron: block by block, potentials replayed, then time run backwards.

use candle_core::Tensor;
use snn_ops::buffer::{Block, Read, Unset, with_f32};

use super::branch::{self, Branch};
use super::dynamics::Dynamics;
use super::extent::Extent;
use super::scratch::Scratch;
use super::sums::{Room, Sums, add_block, over_blocks};

/// What the gradient of the spikes becomes.
pub(super) struct Backward {
    /// The gradient of the summed current, `[x_steps, neurons]`.
    pub(super) dz: Vec<f32>,
    pub(super) sums: Sums,
    /// The gradient of the leak where it is learned.
    pub(super) leak: Option<f32>,
}

/// The gradients from `dy`, that of the spikes; `v0` and `a0` are what the neurons started from where it was given.
pub(super) fn backward(
    extent: &Extent,
    branches: &[Branch],
    dynamics: &Dynamics,
    (v0, a0): (Option<&Tensor>, Option<&Tensor>),
    dy: &Tensor,
) -> snn_ops::Result<Backward> {
    let inputs = branch::read(branches)?;
    let v0 = v0.map(|v0| Read::new("v0", v0)).transpose()?;
    let a0 = a0.map(|a0| Read::new("a0", a0)).transpose()?;
    let mut dz = Unset::<f32>::new(extent.x_steps * extent.neurons);
    let blocks = dz.blocks(extent.neurons, extent.block);
    let sums = with_f32("lif gradient", dy, |dy| {
        type Working = (Scratch, Room);
        let work =
            |(scratch, room): &mut Working, at: usize, dz: Block<'_, f32>, sums: &mut Sums| {
                let mut dz = dz.zeroed();
                scratch.start(extent, dz.first().map_or(0, |row| row.len()), dynamics);
                extent.start(v0.as_ref(), dynamics.start, at, &mut scratch.v);
                extent.start(a0.as_ref(), 0.0, at, &mut scratch.a);
                scratch.replay(extent, branches, &inputs, at, dynamics);
                scratch.retreat(extent, &dy[at * extent.block..], dynamics, &mut dz);
                add_block(extent, branches, &inputs, at, &dz, room, sums);
                sums.leak += scratch.leak_sum(dynamics.leak);
            };
        Ok(over_blocks(branches, blocks, work))
    })?;
    let leak = dynamics.leak.map(|leak| leak.gradient(sums.leak));
    Ok(Backward { dz: dz.finish(), sums, leak })
}
