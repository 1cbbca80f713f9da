//! The gradients of norms' weights and biases: sums over blocks of neurons, in an order that the shapes fix.

use rayon::prelude::*;
use snn_ops::buffer::Read;

use super::branch::Branch;
use super::extent::Extent;

/// Pieces that the sums are cut into, whatever the number of threads.
const PIECES: usize = 64;

/// Sums over neurons that the backward pass takes.
pub(super) struct Sums {
    /// For each branch with a norm, per channel: the sums of the current's gradient, then of its product with the centred
    /// input.
    pub(super) norms: Vec<Vec<f64>>,
    /// The shares of the leak's gradient where it is learned.
    pub(super) leak: f64,
}

/// Working memory for the sums of one block.
#[derive(Default)]
pub(super) struct Room {
    wide: Vec<f32>,
    narrow: Vec<f32>,
}

/// Calls `work` with each of `blocks` and its number, with scratch `S` and sums to add to; returns all that was added.
pub(super) fn over_blocks<B: Send, S: Default>(
    branches: &[Branch],
    blocks: Vec<B>,
    work: impl Fn(&mut S, usize, B, &mut Sums) + Sync,
) -> Sums {
    let group = blocks.len().div_ceil(PIECES).max(1);
    let piece = |(piece, blocks): (usize, Vec<B>)| {
        let (mut scratch, mut sums) = (S::default(), zero(branches));
        for (i, block) in blocks.into_iter().enumerate() {
            work(&mut scratch, piece * group + i, block, &mut sums);
        }
        sums
    };
    let pieces: Vec<Sums> = blocks.into_par_iter().chunks(group).enumerate().map(piece).collect();
    let mut total = zero(branches);
    // DETERMINISM: pieces are added in order.
    for sums in pieces {
        for (total, sums) in total.norms.iter_mut().flatten().zip(sums.norms.iter().flatten()) {
            *total += sums;
        }
        total.leak += sums.leak;
    }
    for (sums, branch) in total.norms.iter_mut().zip(branches) {
        if let Some(norm) = &branch.norm {
            norm.normalized.scale_sums(sums);
        }
    }
    total
}

fn zero(branches: &[Branch]) -> Sums {
    let channels = |b: &Branch| b.norm.as_ref().map_or(0, |norm| norm.normalized.channels());
    let norms = branches.iter().map(|branch| vec![0.0; 2 * channels(branch)]).collect();
    Sums { norms, leak: 0.0 }
}

/// Adds what block `at` gives, whose current has the gradient `dz`: a row for each step of the input.
pub(super) fn add_block(
    extent: &Extent,
    branches: &[Branch],
    inputs: &[Read<'_>],
    at: usize,
    dz: &[impl AsRef<[f32]>],
    room: &mut Room,
    sums: &mut Sums,
) {
    for ((branch, input), sums) in branches.iter().zip(inputs).zip(&mut sums.norms) {
        let Some(norm) = &branch.norm else { continue };
        room.narrow.clear();
        room.narrow.resize(sums.len(), 0.0);
        for (t, dz) in dz.iter().map(AsRef::as_ref).enumerate() {
            let first = t * extent.neurons + at * extent.block;
            let x = input.data().slice(first..first + dz.len()).widened(&mut room.wide);
            norm.normalized.add_sums(x, dz, &mut room.narrow);
        }
        sums.iter_mut().zip(&room.narrow).for_each(|(sum, &s)| *sum += f64::from(s));
    }
}
