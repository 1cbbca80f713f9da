//! The backward pass: block by block, potentials replayed, then time run backwards.

use candle_core::{DType, Tensor};
use rayon::prelude::*;
use snn_ops::Gradients;
use snn_ops::buffer::{self, Read, with_f32};

use super::branch::Branch;
use super::extent::{Extent, by_block};
use super::scratch::Scratch;
use super::{LifConfig, Reset};

/// Pieces that the sums are cut into, whatever the number of threads.
const PIECES: usize = 64;

/// Per norm branch, per channel: the sums of the current's gradient, then of its product with the
/// centred input.
pub(super) type Sums = Vec<Vec<f64>>;

/// Adds the gradient of every value behind the branches to `grads`; `start` is the first potential
/// where it was given.
pub(super) fn backward(
    extent: &Extent,
    branches: Vec<Branch>,
    config: &LifConfig,
    start: Option<&[f32]>,
    dy: &Tensor,
    grads: &mut Gradients,
) -> snn_ops::Result<()> {
    let (dz, sums) = current_gradient(extent, &branches, config, start, dy)?;
    let last = branches.len() - 1;
    let mut dz = Some(dz);
    for (i, (branch, sums)) in branches.iter().zip(sums).enumerate() {
        // The last branch takes the buffer, the others a copy.
        let gradient = if i == last { dz.take() } else { dz.clone() };
        let mut gradient = gradient.unwrap_or_default();
        if let Some(norm) = &branch.norm {
            let channels = norm.normalized.channels();
            let narrow = |sums: &[f64]| sums.iter().map(|&s| s as f32).collect::<Vec<f32>>();
            let (bias, weight) = sums.split_at(channels);
            grads.add(norm.to_bias, buffer::tensor(narrow(bias), channels)?)?;
            grads.add(norm.to_weight, buffer::tensor(narrow(weight), channels)?)?;
            if branch.to_x.is_wanted() {
                let input = Read::new("lif input", &branch.x)?;
                with_f32("norm weight", &norm.weight, |w| {
                    norm.normalized.input_gradient(input.data(), w, &sums, &mut gradient);
                    Ok(())
                })?;
            }
        }
        if branch.to_x.is_wanted() {
            let shape = branch.x.shape();
            // A gradient has the format of its value.
            let gradient = match branch.x.dtype() {
                DType::BF16 => buffer::tensor(buffer::to_bf16(&gradient), shape)?,
                _ => buffer::tensor(gradient, shape)?,
            };
            grads.add(branch.to_x, gradient)?;
        }
    }
    Ok(())
}

/// The gradient of the summed current, `[x_steps, neurons]`, and the norm branches' sums.
fn current_gradient(
    extent: &Extent,
    branches: &[Branch],
    config: &LifConfig,
    start: Option<&[f32]>,
    dy: &Tensor,
) -> snn_ops::Result<(Vec<f32>, Sums)> {
    let inputs = branches
        .iter()
        .map(|b| Read::new("lif input", &b.x))
        .collect::<snn_ops::Result<Vec<_>>>()?;
    let rest = if let Reset::Hard(v) = config.reset { v } else { 0.0 };
    let mut dz = buffer::zeroed::<f32>(extent.x_steps * extent.neurons);
    let mut blocks = by_block(&mut dz, extent.neurons, extent.block);
    let group = blocks.len().div_ceil(PIECES).max(1);
    let pieces: Vec<Sums> = with_f32("lif gradient", dy, |dy| {
        let work = |(piece, blocks): (usize, &mut [Vec<&mut [f32]>])| {
            let mut scratch = Scratch::default();
            let mut sums: Sums = branches.iter().map(Branch::zero_sums).collect();
            for (i, dz) in blocks.iter_mut().enumerate() {
                let at = piece * group + i;
                let first = at * extent.block;
                scratch.start(extent, dz.first().map_or(0, |row| row.len()));
                match start {
                    Some(v0) => scratch.v.copy_from_slice(&v0[first..][..scratch.len]),
                    None => scratch.v.fill(rest),
                }
                scratch.replay(extent, branches, &inputs, at, config);
                scratch.retreat(extent, &dy[first..], config, dz);
                scratch.add_sums(extent, branches, &inputs, first, dz, &mut sums);
            }
            sums
        };
        Ok(blocks.par_chunks_mut(group).enumerate().map(work).collect())
    })?;
    let mut total: Sums = branches.iter().map(Branch::zero_sums).collect();
    // DETERMINISM: pieces are added in order.
    for sums in pieces {
        for (total, sums) in total.iter_mut().flatten().zip(sums.iter().flatten()) {
            *total += sums;
        }
    }
    for (sums, branch) in total.iter_mut().zip(branches) {
        if let Some(norm) = &branch.norm {
            norm.normalized.scale_sums(sums);
        }
    }
    Ok((dz, total))
}

impl Branch {
    fn zero_sums(&self) -> Vec<f64> {
        vec![0.0; self.norm.as_ref().map_or(0, |norm| 2 * norm.normalized.channels())]
    }
}
