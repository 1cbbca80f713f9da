//! Walks the blocks of a correlation and of a weight gradient.

use std::cell::Cell;

use rayon::prelude::*;

use super::super::output::Output;
use super::super::plan::Correlation;
use super::grid::Grid;
use super::pack::{self, Packed};
use super::{Block, DEPTH, PANEL, Parts, Session, Step, TILE, Unit};
use crate::buffer::{Data, Element};

/// Positions that a correlation works on together, so that what it reads beside them is not moved too often; and numbers
/// of grids that stay in a second-level cache.
const POSITIONS: usize = 512;
const GRID_NUMBERS: usize = 1 << 19;
/// Positions and numbers that the weight gradient works on together: more, as it reads and writes all of its sums for
/// every group.
const GRADIENT_POSITIONS: usize = 2048;
const GRADIENT_NUMBERS: usize = 1 << 20;
/// Weight gradients kept at once stay below this many elements.
const PARTIAL_ELEMENTS: usize = 1 << 24;

thread_local! {
    /// The grids of the images at hand, and the packed output gradient.
    static SCRATCH: Cell<[Vec<u16>; 2]> = const { Cell::new([Vec::new(), Vec::new()]) };
}

/// Into how many parts an operand of this kind goes, when f32 numbers go into `parts`.
fn parts_of(x: Data<'_>, parts: Parts) -> Parts {
    match x {
        Data::F32(_) => parts,
        Data::U8(_) | Data::Bf16(_) => Parts::One,
    }
}

/// Images that are worked on together.
fn group(grid: &Grid, image: usize, (positions, numbers): (usize, usize)) -> usize {
    positions.div_ceil(grid.positions()).min((numbers / image).max(1))
}

/// Runs a correlation over every image of `x` into `out`; f32 inputs and weights go into as many parts as the weights.
pub(crate) fn correlate<E: Element>(
    unit: Unit,
    plan: &Correlation,
    x: Data<'_>,
    packed: &Packed,
    out: Output<'_, E>,
) {
    let grid = Grid::new(plan);
    let parts = parts_of(x, packed.parts);
    let part = grid.len * grid.channels;
    let image = parts.count() * part;
    let depth = grid.channels / DEPTH;
    let b_part = pack::part(plan);
    let shifts = grid.shifts();
    let mut steps = Vec::new();
    for &(a, b) in parts.products(packed.parts) {
        for (t, shift) in shifts.iter().enumerate() {
            steps.extend((0..depth).map(|k| Step {
                a: (a * part + shift * grid.channels + k * DEPTH) as u32,
                b: (b * b_part + (t * depth + k) * PANEL) as u32,
            }));
        }
    }
    let in_len = plan.input.iter().product::<usize>();
    let (channels, out_len) = (plan.output[2], plan.image * plan.output[2]);
    let group = group(&grid, image, (POSITIONS, GRID_NUMBERS));
    let column = packed.column(plan);
    out.pieces(group * out_len).enumerate().for_each(|(g, out)| {
        let session = Session::new(unit);
        let [mut scratch, other] = SCRATCH.take();
        scratch.resize(group * image, 0);
        for (n, scratch) in (0..out.len() / out_len).zip(scratch.chunks_exact_mut(image)) {
            let from = (g * group + n) * in_len;
            grid.fill(x.slice(from..from + in_len), parts, scratch);
        }
        let mut sums = [0f32; 4 * TILE * TILE];
        let mut stored = [E::default(); 4 * TILE * TILE];
        for first in (0..channels).step_by(2 * TILE) {
            let wide = (channels - first).min(2 * TILE);
            for (out, scratch) in out.chunks_mut(out_len).zip(scratch.chunks_exact(image)) {
                for p in (0..grid.positions()).step_by(2 * TILE) {
                    let here = (grid.positions() - p).min(2 * TILE);
                    session.run(Block {
                        a: &scratch[p * grid.channels..],
                        a_row: grid.channels,
                        b: &packed.tiles[first / TILE * column..],
                        b_tile: column,
                        steps: &steps,
                        c: &mut sums,
                        c_row: 2 * TILE,
                        rows: here.div_ceil(TILE),
                        columns: wide.div_ceil(TILE),
                        accumulate: false,
                    });
                    E::put(&sums[..here * 2 * TILE], &mut stored[..here * 2 * TILE]);
                    for (i, sums) in stored.chunks_exact(2 * TILE).enumerate().take(here) {
                        let Some([y, x]) = grid.pixel(p + i) else { continue };
                        let pixel = plan.place[0] + y * plan.place[1] + x * plan.place[2];
                        out[pixel * channels + first..][..wide].copy_from_slice(&sums[..wide]);
                    }
                }
            }
        }
        SCRATCH.set([scratch, other]);
    });
}

/// The weight gradient, laid out `[tap row][tap column][input channel][output channel]`.
pub(crate) fn weight_gradient(
    unit: Unit,
    plan: &Correlation,
    x: Data<'_>,
    dy: Data<'_>,
    parts: Parts,
) -> Vec<f32> {
    let grid = Grid::new(plan);
    let shifts = grid.shifts();
    let (in_len, channels) = (plan.input.iter().product::<usize>(), plan.output[2]);
    let out_len = plan.image * channels;
    let images = dy.len() / out_len;
    let rows = grid.channels;
    let columns = channels.next_multiple_of(2 * TILE);
    let size = shifts.len() * rows * columns;
    let (x_parts, dy_parts) = (parts_of(x, parts), parts_of(dy, parts));
    let tiles = grid.positions().div_ceil(DEPTH);
    let image = x_parts.count() * grid.len * grid.channels;
    // DETERMINISM: the partial sums follow from the shapes, not from the threads.
    let pieces = (PARTIAL_ELEMENTS / size).clamp(2, 16).min(images).max(1);
    let group =
        group(&grid, image, (GRADIENT_POSITIONS, GRADIENT_NUMBERS)).min(images.div_ceil(pieces));
    // Rows of the left operand: all images of a group, and what the last tile reads past them.
    let row = group * grid.len + DEPTH;
    let (a_part, b_block) = (rows * row, group * tiles * PANEL);
    let b_part = columns / TILE * b_block;
    let steps = |count: usize| {
        let mut steps = Vec::new();
        for &(a, b) in x_parts.products(dy_parts) {
            for tile in 0..count * tiles {
                let (n, k) = (tile / tiles, tile % tiles);
                steps.push(Step {
                    a: (a * a_part + n * grid.len + k * DEPTH) as u32,
                    b: (b * b_part + tile * PANEL) as u32,
                });
            }
        }
        steps
    };
    let partials: Vec<Vec<f32>> = (0..pieces)
        .into_par_iter()
        .map(|piece| {
            let session = Session::new(unit);
            let mut dw = vec![0f32; size];
            let [mut left, mut right] = SCRATCH.take();
            left.resize(x_parts.count() * a_part, 0);
            right.resize(dy_parts.count() * b_part, 0);
            let end = (piece + 1) * images / pieces;
            for first in (piece * images / pieces..end).step_by(group) {
                let count = group.min(end - first);
                for n in 0..count {
                    let x = x.slice((first + n) * in_len..(first + n + 1) * in_len);
                    let to = &mut left[n * grid.len..];
                    grid.fill_transposed(x, x_parts, (row, a_part), to);
                    let dy = dy.slice((first + n) * out_len..(first + n + 1) * out_len);
                    let to = &mut right[n * tiles * PANEL..];
                    grid.fill_pairs(dy, channels, dy_parts, (b_block, b_part), to);
                }
                let steps = steps(count);
                for c in (0..rows).step_by(2 * TILE) {
                    for (t, shift) in shifts.iter().enumerate() {
                        for o in (0..channels).step_by(2 * TILE) {
                            session.run(Block {
                                a: &left[c * row + shift..],
                                a_row: row,
                                b: &right[o / TILE * b_block..],
                                b_tile: b_block,
                                steps: &steps,
                                c: &mut dw[(t * rows + c) * columns + o..],
                                c_row: columns,
                                rows: 2,
                                columns: (channels - o).div_ceil(TILE).min(2),
                                accumulate: true,
                            });
                        }
                    }
                }
            }
            SCRATCH.set([left, right]);
            dw
        })
        .collect();
    let mut dw = vec![0.0; plan.depth() * channels];
    dw.par_chunks_mut(channels).enumerate().for_each(|(k, line)| {
        let (t, c) = (k / plan.input[2], k % plan.input[2]);
        for partial in &partials {
            let sums = &partial[(t * rows + c) * columns..];
            line.iter_mut().zip(sums).for_each(|(to, from)| *to += from);
        }
    });
    dw
}
