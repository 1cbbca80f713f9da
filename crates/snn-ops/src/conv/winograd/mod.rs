//! Dense 3x3 correlation with a quarter of the multiplications: F(4x4, 3x3).
//!
//! Outputs are cut into tiles of 4 x 4. `transform` takes the 6 x 6 inputs of a tile, and the nine
//! weights, to 36 numbers each; the sum over channels is a matrix product for each of the 36. It
//! rounds about as the direct sum does. `gradient` is the weights' gradient, the same product turned round.

mod gradient;
mod matrices;
mod transform;
pub(super) use gradient::weight_gradient;

use rayon::prelude::*;

use super::plan::{Correlation, Tap};
#[cfg(target_arch = "x86_64")]
use super::unsafe_avx512;
use crate::Engine;
use crate::buffer::{Data, Element};
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
/// The same for one of the 36 numbers of a pair of channels' weights.
const WEIGHT_OVERHEAD: f64 = 24.0;

/// Tiles that are transformed, multiplied and transformed back together: few, so that they stay in a
/// second-level cache, but more when the weights are too large for any cache and must pay for being read.
fn group(plan: &Correlation) -> usize {
    28 * (plan.input[2] * plan.output[2] / (256 * 256)).clamp(1, 4)
}

/// Consecutive tiles of a batch, or of a piece of it.
struct Tiles {
    first: usize,
    count: usize,
    /// Tiles of a row, and of an image.
    row: usize,
    image: usize,
}

impl Tiles {
    /// All tiles of so many images.
    fn new(plan: &Correlation, images: usize) -> Self {
        let [rows, cols, _] = plan.output;
        let (row, image) = (cols.div_ceil(SIDE), rows.div_ceil(SIDE) * cols.div_ceil(SIDE));
        Self { first: 0, count: images * image, row, image }
    }

    /// At most `count` of them from `first` on.
    fn part(&self, first: usize, count: usize) -> Self {
        let count = count.min(self.count - first);
        Self { first: self.first + first, count, row: self.row, image: self.image }
    }

    /// Image, output row and output column of tile `p`.
    #[inline(always)]
    fn at(&self, p: usize) -> (usize, usize, usize) {
        let (image, tile) = ((self.first + p) / self.image, (self.first + p) % self.image);
        (image, tile / self.row * SIDE, tile % self.row * SIDE)
    }
}

/// Channels that are transformed together, and the room that they have at each of a tile's points.
#[derive(Clone, Copy)]
struct Channels {
    first: usize,
    count: usize,
    room: usize,
}

impl Channels {
    fn all(count: usize) -> Self {
        Self { first: 0, count, room: count }
    }

    /// Block `i` of blocks of `room` channels.
    fn block(i: usize, room: usize, channels: usize) -> Self {
        Self { first: i * room, count: room.min(channels - i * room), room }
    }
}

/// Whether this correlation can be done here.
pub(super) fn is_possible(plan: &Correlation) -> bool {
    plan.taps == [3, 3] && plan.stride == [1, 1] && plan.is_dense()
}

/// The work of this correlation of so many images here, as a share of the direct sum's; none where it cannot be
/// done here.
///
/// In multiplications: 36 a tile and pair of channels here, the transforms of tiles, and once those of the
/// weights; 9 a pixel and pair of channels directly.
pub(super) fn share(plan: &Correlation, images: usize) -> Option<f64> {
    let tiles = Tiles::new(plan, images).count as f64;
    let (inputs, outputs) = (plan.input[2] as f64, plan.output[2] as f64);
    let pairs = inputs * outputs;
    let here =
        POINTS as f64 * (tiles * (pairs + OVERHEAD * (inputs + outputs)) + WEIGHT_OVERHEAD * pairs);
    let pixels = (images * plan.output[0] * plan.output[1]) as f64;
    is_possible(plan).then_some(here / (9.0 * pixels * pairs))
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

/// As `run::correlate`.
pub(super) fn correlate<E: Element>(
    engine: Engine,
    plan: &Correlation,
    x: Data<'_>,
    packed: &[f32],
    out: &mut [E],
) {
    let ([.., inputs], [.., outputs]) = (plan.input, plan.output);
    let (in_len, out_len) = (plan.input.iter().product::<usize>(), plan.image * outputs);
    let images = out.len() / out_len;
    // DETERMINISM: the cut follows from the shapes; each output is computed by itself in any case.
    let group = group(plan);
    let piece = (group / Tiles::new(plan, 1).count).clamp(1, images.div_ceil(PIECES));
    let pieces = out.par_chunks_mut(piece * out_len).enumerate();
    pieces.for_each_init(
        || (Vec::new(), Vec::new()),
        |(v, m), (i, out)| {
            let (first, images) = (i * piece, out.len() / out_len);
            let x = x.slice(first * in_len..(first + images) * in_len);
            let all = Tiles::new(plan, images);
            let groups = all.count.div_ceil(group);
            E::through(out, |out| {
                for g in 0..groups {
                    let first = g * all.count / groups;
                    let tiles = all.part(first, (g + 1) * all.count / groups - first);
                    v.resize(POINTS * tiles.count * inputs, 0.0);
                    m.resize(POINTS * tiles.count * outputs, 0.0);
                    transform::input(plan, &tiles, Channels::all(inputs), x, v);
                    multiply(engine, plan, tiles.count, v, packed, m);
                    transform::output(plan, &tiles, m, out);
                }
            });
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
