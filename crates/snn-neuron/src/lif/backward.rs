//! The backward pass of the neuron: block by block, potentials replayed, then time run backwards.

use candle_core::Tensor;
use snn_ops::buffer::{Block, Read, Unset, with_f32};

use super::branch::{self, Branch};
use super::config::LifConfig;
use super::extent::Extent;
use super::scratch::Scratch;
use super::sums::{Room, Sums, add_block, over_blocks};

/// The gradient of the summed current, `[x_steps, neurons]`, and the norms' sums, where `dy` is the gradient of the
/// spikes; `v0` is the first potential where it was given.
pub(super) fn current_gradient(
    extent: &Extent,
    branches: &[Branch],
    config: &LifConfig,
    v0: Option<&Tensor>,
    dy: &Tensor,
) -> snn_ops::Result<(Vec<f32>, Sums)> {
    let inputs = branch::read(branches)?;
    let v0 = v0.map(|v0| Read::new("v0", v0)).transpose()?;
    let mut dz = Unset::<f32>::new(extent.x_steps * extent.neurons);
    let blocks = dz.blocks(extent.neurons, extent.block);
    let sums = with_f32("lif gradient", dy, |dy| {
        type Working = (Scratch, Room);
        let work =
            |(scratch, room): &mut Working, at: usize, dz: Block<'_, f32>, sums: &mut Sums| {
                let mut dz = dz.zeroed();
                scratch.start(extent, dz.first().map_or(0, |row| row.len()));
                extent.start(v0.as_ref(), config, at, &mut scratch.v);
                scratch.replay(extent, branches, &inputs, at, config);
                scratch.retreat(extent, &dy[at * extent.block..], config, &mut dz);
                add_block(extent, branches, &inputs, at, &dz, room, sums);
            };
        Ok(over_blocks(branches, blocks, work))
    })?;
    Ok((dz.finish(), sums))
}
