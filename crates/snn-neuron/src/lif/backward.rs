//! The backward pass: block by block, potentials replayed, then time run backwards.

use candle_core::{DType, Tensor};
use half::bf16;
use rayon::prelude::*;
use snn_ops::Gradients;
use snn_ops::buffer::{self, Block, Element, Read, Unset, with_f32};

use super::LifConfig;
use super::branch::Branch;
use super::extent::Extent;
use super::op::start;
use super::scratch::Scratch;

/// Pieces that the sums are cut into, whatever the number of threads.
const PIECES: usize = 64;

/// Per norm branch, per channel: the sums of the current's gradient, then of its product with the
/// centred input.
pub(super) type Sums = Vec<Vec<f64>>;

/// Adds the gradient of every value behind the branches to `grads`; `v0` is the first potential where it was given.
pub(super) fn backward(
    extent: &Extent,
    branches: Vec<Branch>,
    config: &LifConfig,
    v0: Option<&Tensor>,
    dy: &Tensor,
    grads: &mut Gradients,
) -> snn_ops::Result<()> {
    let (mut dz, sums) = current_gradient(extent, &branches, config, v0, dy)?;
    let last = branches.iter().rposition(|branch| branch.to_x.is_wanted());
    for (i, (branch, sums)) in branches.iter().zip(sums).enumerate() {
        if let Some(norm) = &branch.norm {
            let channels = norm.normalized.channels();
            let narrow = |sums: &[f64]| sums.iter().map(|&s| s as f32).collect::<Vec<f32>>();
            let (bias, weight) = sums.split_at(channels);
            grads.add(norm.to_bias, buffer::tensor(narrow(bias), channels)?)?;
            grads.add(norm.to_weight, buffer::tensor(narrow(weight), channels)?)?;
        }
        if !branch.to_x.is_wanted() {
            continue;
        }
        // A gradient has the format of its value. The last one takes the buffer.
        let shape = branch.x.shape();
        let gradient = if branch.x.dtype() == DType::BF16 {
            buffer::tensor(branch.gradient::<bf16>(&sums, &dz)?, shape)?
        } else if last == Some(i) {
            branch.gradient_in_place(&sums, &mut dz)?;
            buffer::tensor(std::mem::take(&mut dz), shape)?
        } else {
            buffer::tensor(branch.gradient::<f32>(&sums, &dz)?, shape)?
        };
        grads.add(branch.to_x, gradient)?;
    }
    Ok(())
}

/// The gradient of the summed current, `[x_steps, neurons]`, and the norm branches' sums.
fn current_gradient(
    extent: &Extent,
    branches: &[Branch],
    config: &LifConfig,
    v0: Option<&Tensor>,
    dy: &Tensor,
) -> snn_ops::Result<(Vec<f32>, Sums)> {
    let inputs = branches
        .iter()
        .map(|b| Read::new("lif input", &b.x))
        .collect::<snn_ops::Result<Vec<_>>>()?;
    let v0 = v0.map(|v0| Read::new("v0", v0)).transpose()?;
    let mut dz = Unset::<f32>::new(extent.x_steps * extent.neurons);
    let blocks = dz.blocks(extent.neurons, extent.block);
    let group = blocks.len().div_ceil(PIECES).max(1);
    let pieces: Vec<Sums> = with_f32("lif gradient", dy, |dy| {
        let work = |(piece, blocks): (usize, Vec<Block<'_, f32>>)| {
            let mut scratch = Scratch::default();
            let mut sums: Sums = branches.iter().map(Branch::zero_sums).collect();
            for (i, dz) in blocks.into_iter().enumerate() {
                let (at, mut dz) = (piece * group + i, dz.zeroed());
                let first = at * extent.block;
                scratch.start(extent, dz.first().map_or(0, |row| row.len()));
                start(extent, v0.as_ref(), config, at, &mut scratch.v);
                scratch.replay(extent, branches, &inputs, at, config);
                scratch.retreat(extent, &dy[first..], config, &mut dz);
                scratch.add_sums(extent, branches, &inputs, first, &dz, &mut sums);
            }
            sums
        };
        Ok(blocks.into_par_iter().chunks(group).enumerate().map(work).collect())
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
    Ok((dz.finish(), total))
}

impl Branch {
    /// The gradient of this summand from that of the sum.
    fn gradient<E: Element>(&self, sums: &[f64], dz: &[f32]) -> snn_ops::Result<Vec<E>> {
        let Some(norm) = &self.norm else { return Ok(buffer::stored(dz)) };
        let x = Read::new("lif input", &self.x)?;
        with_f32("norm weight", &norm.weight, |w| {
            Ok(norm.normalized.input_gradient(x.data(), w, sums, dz))
        })
    }

    /// The same in the place of that of the sum.
    fn gradient_in_place(&self, sums: &[f64], dz: &mut [f32]) -> snn_ops::Result<()> {
        let Some(norm) = &self.norm else { return Ok(()) };
        let x = Read::new("lif input", &self.x)?;
        with_f32("norm weight", &norm.weight, |w| {
            norm.normalized.input_gradient_in_place(x.data(), w, sums, dz);
            Ok(())
        })
    }

    fn zero_sums(&self) -> Vec<f64> {
        vec![0.0; self.norm.as_ref().map_or(0, |norm| 2 * norm.normalized.channels())]
    }
}
