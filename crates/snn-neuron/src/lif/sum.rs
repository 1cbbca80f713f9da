//! The sum of a layer's currents as an operator of its own, for networks that change it before the neuron gets it.

use rayon::prelude::*;
use snn_ops::buffer::{self, Unset, with_f32};
use snn_ops::{Gradient, Gradients, Tape, Value};

use super::branch::{self, Branch};
use super::current::Current;
use super::extent::Extent;
use super::layer::Layer;
use super::output::SumOutput;
use super::spread::spread;
use super::sums::{Room, Sums, add_block, over_blocks};
use crate::Result;

/// Sums `currents` as [`norm_lif`](crate::norm_lif) does: `lif` on the sum has its spikes and gradients to the bit.
///
/// # Shapes
/// - every current: `[T, .., C]` f32, bf16 or u8; returns `[T, .., C]` f32
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) when shapes differ or an axis is empty;
/// [`snn_ops::Error::Unsupported`] on a GPU.
///
/// # Determinism
/// The sum does not depend on engine or threads; gradients of norm weights are summed in fixed pieces.
pub fn norm_sum(tape: &mut Tape, currents: &[Current<'_>]) -> Result<SumOutput> {
    let steps = currents.first().and_then(|c| c.value().dims().first().copied()).unwrap_or(0);
    let (extent, step_shape) = Extent::new(steps, currents, &Layer::default())?;
    let (branches, moments) = branch::branches(currents, &extent)?;
    let mut shape = vec![steps];
    shape.extend(step_shape);
    let drive = buffer::tensor(forward(&extent, &branches)?, shape)?;
    if !tape.is_recording() {
        return Ok(SumOutput { drive: Value::constant(drive), moments });
    }
    let inputs: Vec<&Value> = currents.iter().flat_map(Current::values).collect();
    let saved = branch::saved(branches)?;
    let drive = tape.push(drive, &inputs, move |dy: Gradient, grads: &mut Gradients| {
        let branches = branch::restored(saved)?;
        let dz = with_f32("norm_sum gradient", &dy, |dy| Ok(dy.to_vec()))?;
        let sums = norm_sums(&extent, &branches, &dz)?;
        spread(&branches, &sums, dz, grads)
    });
    Ok(SumOutput { drive, moments })
}

fn forward(extent: &Extent, branches: &[Branch]) -> Result<Vec<f32>> {
    let inputs = branch::read(branches)?;
    let mut sum = Unset::new(extent.x_steps * extent.neurons);
    sum.blocks(extent.neurons, extent.block).into_par_iter().enumerate().for_each_init(
        Vec::new,
        |wide, (at, block)| {
            for (t, z) in block.zeroed().into_iter().enumerate() {
                branch::sum_currents(extent, branches, &inputs, (t, at), z, wide);
            }
        },
    );
    Ok(sum.finish())
}

/// The norms' sums, where `dz` is the gradient of the sum of currents.
fn norm_sums(extent: &Extent, branches: &[Branch], dz: &[f32]) -> snn_ops::Result<Sums> {
    let inputs = branch::read(branches)?;
    let blocks = (0..extent.neurons).step_by(extent.block).collect();
    let work = |room: &mut Room, at: usize, first: usize, sums: &mut Sums| {
        let len = extent.block.min(extent.neurons - first);
        let dz: Vec<&[f32]> =
            dz.chunks_exact(extent.neurons).map(|row| &row[first..first + len]).collect();
        add_block(extent, branches, &inputs, at, &dz, room, sums);
    };
    Ok(over_blocks(branches, blocks, work))
}
