//! Dense 3x3 correlation with a quarter of the multiplications: F(4x4, 3x3).
//!
//! Outputs are cut into tiles of 4 x 4. `transform` takes the 6 x 6 inputs of a tile, and the nine
//! weights, to 36 numbers each; the sum over channels is a matrix product for each of the 36. It
//! rounds about as the direct sum does. Input gradients come here: they are the pass without zeros.

mod transform;

use rayon::prelude::*;

use super::plan::{Correlation, Tap};
#[cfg(target_arch = "x86_64")]
use super::unsafe_avx512;
use crate::Engine;
use crate::unsafe_gemm::{Strides, matmul};

/// Products of a tile.
const POINTS: usize = 36;
/// Outputs of a tile's side.
const SIDE: usize = 4;
/// Least number of pieces that a batch is cut into, as far as it has images.
const PIECES: usize = 16;
/// Output channels of one block of transformed weights, where `gemm` multiplies.
const PORTABLE_COLUMNS: usize = 128;
/// Multiplications in whose time one of a tile's 36 numbers of one channel is transformed.
const OVERHEAD: f64 = 24.0;

/// Tiles that are transformed, multiplied and transformed back together: few, so that they stay in a
/// second-level cache, but more when the weights are too large for any cache and must pay for being read.
fn group(plan: &Correlation) -> usize {
    28 * (plan.input[2] * plan.output[2] / (256 * 256)).clamp(1, 4)
}

/// Consecutive tiles of a piece of the batch.
struct Tiles {
    first: usize,
    count: usize,
    /// Tiles of a row, and of an image.
    row: usize,
    image: usize,
}

impl Tiles {
    /// Image, output row and output column of tile `p`.
    #[inline(always)]
    fn at(&self, p: usize) -> (usize, usize, usize) {
        let (image, tile) = ((self.first + p) / self.image, (self.first + p) % self.image);
        (image, tile / self.row * SIDE, tile % self.row * SIDE)
    }
}

/// Whether this correlation can be done here.
pub(super) fn is_possible(plan: &Correlation) -> bool {
    plan.taps == [3, 3] && plan.stride == [1, 1] && plan.is_dense()
}

/// The work of this correlation here, as a share of the direct sum's; none where it cannot be done here.
///
/// In multiplications an output pixel and pair of channels: 36 a tile here, and a share of the transforms
/// that weighs as much as some further channels; 9 a pixel directly.
pub(super) fn share(plan: &Correlation) -> Option<f64> {
    let [rows, cols, outputs] = plan.output;
    let tiles = (rows.div_ceil(SIDE) * cols.div_ceil(SIDE) * POINTS) as f64;
    let (inputs, outputs) = (plan.input[2] as f64, outputs as f64);
    let here = tiles * (inputs * outputs + OVERHEAD * (inputs + outputs));
    is_possible(plan).then_some(here / ((rows * cols * 9) as f64 * inputs * outputs))
}

fn columns(engine: Engine) -> usize {
    match engine {
        #[cfg(target_arch = "x86_64")]
        Engine::Avx512 => unsafe_avx512::COLUMNS,
        _ => PORTABLE_COLUMNS,
    }
}

/// Transformed weights, `[block][point][input][column]`.
pub(super) fn pack(
    engine: Engine,
    plan: &Correlation,
    taps: &[Tap],
    weight: impl Fn(Tap, usize, usize) -> f32 + Sync,
) -> Vec<f32> {
    let (inputs, outputs, width) = (plan.input[2], plan.output[2], columns(engine));
    let mut packed = vec![0.0; outputs.div_ceil(width) * POINTS * inputs * width];
    packed.par_chunks_mut(POINTS * inputs * width).enumerate().for_each(|(block, u)| {
        let g = |j: usize, i: usize, input: usize, column: usize| {
            let output = block * width + column;
            if output < outputs { weight(taps[j * 3 + i], input, output) } else { 0.0 }
        };
        transform::weight(inputs, width, g, u);
    });
    packed
}

/// As `run::correlate`, of a dense f32 batch.
pub(super) fn correlate(
    engine: Engine,
    plan: &Correlation,
    x: &[f32],
    packed: &[f32],
    out: &mut [f32],
) {
    let [rows, cols, outputs] = plan.output;
    let (row, per_image) = (cols.div_ceil(SIDE), rows.div_ceil(SIDE) * cols.div_ceil(SIDE));
    let (in_len, out_len) = (plan.input.iter().product::<usize>(), plan.image * outputs);
    let images = out.len() / out_len;
    // DETERMINISM: the cut follows from the shapes; each output is computed by itself in any case.
    let group = group(plan);
    let piece = (group / per_image).clamp(1, images.div_ceil(PIECES));
    let pieces = out.par_chunks_mut(piece * out_len).zip(x.par_chunks(piece * in_len));
    pieces.for_each_init(
        || (Vec::new(), Vec::new()),
        |(v, m), (out, x)| {
            let total = out.len() / out_len * per_image;
            let groups = total.div_ceil(group);
            for g in 0..groups {
                let (first, end) = (g * total / groups, (g + 1) * total / groups);
                let tiles = Tiles { first, count: end - first, row, image: per_image };
                v.resize(POINTS * tiles.count * plan.input[2], 0.0);
                m.resize(POINTS * tiles.count * outputs, 0.0);
                transform::input(plan, &tiles, x, v);
                multiply(engine, plan, tiles.count, v, packed, m);
                transform::output(plan, &tiles, m, out);
            }
        },
    );
}

/// `m[point] = v[point] u[point]` for every point.
fn multiply(
    engine: Engine,
    plan: &Correlation,
    tiles: usize,
    v: &[f32],
    packed: &[f32],
    m: &mut [f32],
) {
    let (inputs, outputs, width) = (plan.input[2], plan.output[2], columns(engine));
    for (point, m) in m.chunks_exact_mut(tiles * outputs).enumerate() {
        let v = &v[point * tiles * inputs..][..tiles * inputs];
        for (block, first) in (0..outputs).step_by(width).enumerate() {
            let u = &packed[(block * POINTS + point) * inputs * width..][..inputs * width];
            let used = width.min(outputs - first);
            match engine {
                #[cfg(target_arch = "x86_64")]
                Engine::Avx512 => {
                    unsafe_avx512::product((tiles, inputs), v, u, m, outputs, (first, used));
                }
                _ => {
                    let to = Strides { offset: first, ..Strides::rows(outputs) };
                    let (a, b) = (Strides::rows(inputs), Strides::rows(width));
                    matmul(tiles, used, inputs, v, a, u, b, m, to, false);
                }
            }
        }
    }
}
