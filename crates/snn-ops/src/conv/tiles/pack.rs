//! Weights as packed tiles: `[column tile][part][tap][depth tile][pair][column][2]`.

use rayon::prelude::*;

use super::super::plan::{Correlation, Tap};
use super::{DEPTH, PANEL, Parts, TILE, split};
use crate::element::round;

/// The weights of one correlation, ready for its blocks.
pub(crate) struct Packed {
    pub(super) tiles: Vec<u16>,
    pub(super) parts: Parts,
}

impl Packed {
    /// Numbers of one column tile.
    pub(super) fn column(&self, plan: &Correlation) -> usize {
        self.parts.count() * part(plan)
    }
}

/// Numbers of one part of one column tile.
pub(super) fn part(plan: &Correlation) -> usize {
    plan.taps[0] * plan.taps[1] * plan.input[2].div_ceil(DEPTH) * PANEL
}

/// Packs `weight(tap, input channel, output channel)`; channels are filled up with zeros.
pub(crate) fn pack(
    plan: &Correlation,
    taps: &[Tap],
    parts: Parts,
    weight: impl Fn(Tap, usize, usize) -> f32 + Sync,
) -> Packed {
    let (inputs, outputs) = (plan.input[2], plan.output[2]);
    let (depth, part) = (inputs.div_ceil(DEPTH), part(plan));
    // An even number of column tiles, so that blocks of two never reach beyond the last.
    let columns = outputs.div_ceil(2 * TILE) * 2;
    let mut tiles = vec![0; columns * parts.count() * part];
    tiles.par_chunks_mut(parts.count() * part).enumerate().for_each(|(block, tiles)| {
        for (t, &tap) in taps.iter().enumerate() {
            for c in 0..inputs {
                let line = (t * depth + c / DEPTH) * PANEL + c % DEPTH / 2 * 2 * TILE + c % 2;
                for j in 0..TILE.min(outputs.saturating_sub(block * TILE)) {
                    let w = weight(tap, c, block * TILE + j);
                    match parts {
                        Parts::One => tiles[line + 2 * j] = round(w),
                        Parts::Three => split(w)
                            .into_iter()
                            .enumerate()
                            .for_each(|(p, bits)| tiles[p * part + line + 2 * j] = bits),
                    }
                }
            }
        }
    });
    Packed { tiles, parts }
}
