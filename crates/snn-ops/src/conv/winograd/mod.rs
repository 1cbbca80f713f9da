//! Dense 3x3 correlation with a quarter of the multiplications, or a fifth.
//!
//! Outputs are cut into tiles of 4 x 4 (or 6 x 6). `transform` takes the 6 x 6 (8 x 8) inputs of a tile, and the nine
//! weights, to 36 (64) numbers each; the sum over channels is a matrix product for each of them.
//! `gradient` is the weights' gradient, the same product turned round.

mod four;
mod gradient;
mod lane;
mod six;
mod transform;
pub(super) use gradient::weight_gradient;

use rayon::prelude::*;

use super::output::Output;
use super::plan::{Correlation, Scope, Tap};
#[cfg(target_arch = "x86_64")]
use super::unsafe_avx512;
use crate::buffer::{Data, Element};
use crate::unsafe_gemm::{Strides, matmul};
use crate::{Engine, Precision};

/// Least number of pieces that a batch is cut into, as far as it has images.
const PIECES: usize = 16;
/// Output channels of one block of transformed weights, where `gemm` multiplies.
const PORTABLE_COLUMNS: usize = 128;
/// Multiplications in whose time one of a tile's numbers of one channel is transformed.
const OVERHEAD: f64 = 24.0;
/// Multiplications in whose time one of the numbers of a pair of channels' weights is transformed.
const WEIGHT_OVERHEAD: f64 = 24.0;

/// The size of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// F(4x4, 3x3), which rounds about as the direct sum does.
    Four,
    /// F(6x6, 3x3), whose rounding is small beside that of a result to bf16.
    Six,
}

impl Form {
    /// Those whose rounding a precision has room for.
    pub(super) fn of(precision: Precision) -> &'static [Self] {
        match precision {
            Precision::F32 => &[Self::Four],
            Precision::Bf16 => &[Self::Four, Self::Six],
        }
    }

    /// Outputs of a tile's side.
    fn side(self) -> usize {
        match self {
            Self::Four => 4,
            Self::Six => 6,
        }
    }

    /// Products of a tile.
    fn points(self) -> usize {
        (self.side() + 2).pow(2)
    }
}

/// Tiles that are transformed, multiplied and transformed back together: few, so that they stay in a
/// second-level cache, and a multiple of what the product takes at once, but more when the weights are too large for
/// any cache and must pay for being read.
fn group(form: Form, plan: &Correlation) -> usize {
    let least = if form == Form::Four { 28 } else { 14 };
    least * (plan.input[2] * plan.output[2] / (256 * 256)).clamp(1, 4)
}

/// Consecutive tiles of a batch, or of a piece of it.
struct Tiles {
    form: Form,
    first: usize,
    count: usize,
    /// Tiles of a row, and of an image.
    row: usize,
    image: usize,
}

impl Tiles {
    /// All tiles of so many images.
    fn new(form: Form, plan: &Correlation, images: usize) -> Self {
        let ([rows, cols, _], side) = (plan.output, form.side());
        let (row, image) = (cols.div_ceil(side), rows.div_ceil(side) * cols.div_ceil(side));
        Self { form, first: 0, count: images * image, row, image }
    }

    /// At most `count` of them from `first` on.
    fn part(&self, first: usize, count: usize) -> Self {
        let count = count.min(self.count - first);
        Self { first: self.first + first, count, ..*self }
    }

    /// Image, output row and output column of tile `p`.
    #[inline(always)]
    fn at(&self, p: usize) -> (usize, usize, usize) {
        let (image, tile) = ((self.first + p) / self.image, (self.first + p) % self.image);
        let side = self.form.side();
        (image, tile / self.row * side, tile % self.row * side)
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
/// In multiplications: one a point of a tile and pair of channels here, the transforms of tiles, and once those of the
/// weights; 9 a pixel and pair of channels directly.
pub(super) fn share(form: Form, plan: &Correlation, images: usize) -> Option<f64> {
    let tiles = Tiles::new(form, plan, images).count as f64;
    let (inputs, outputs) = (plan.input[2] as f64, plan.output[2] as f64);
    let pairs = inputs * outputs;
    let here = form.points() as f64
        * (tiles * (pairs + OVERHEAD * (inputs + outputs)) + WEIGHT_OVERHEAD * pairs);
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
    form: Form,
    plan: &Correlation,
    taps: &[Tap],
    weight: impl Fn(Tap, usize, usize) -> f32 + Sync,
) -> Vec<f32> {
    let (inputs, outputs, width) = (plan.input[2], plan.output[2], columns(engine));
    let len = form.points() * inputs * width;
    let mut packed = vec![0.0; outputs.div_ceil(width) * len];
    packed.par_chunks_mut(len).enumerate().for_each(|(block, u)| {
        let g = |j: usize, i: usize, input: usize, column: usize| {
            let output = block * width + column;
            if output < outputs { weight(taps[j * 3 + i], input, output) } else { 0.0 }
        };
        match form {
            Form::Four => transform::weight(four::weight_axis, inputs, width, g, u),
            Form::Six => transform::weight(six::weight_axis, inputs, width, g, u),
        }
    });
    packed
}

/// Runs a correlation over every image of `x` into `out`.
pub(super) fn correlate<E: Element>(
    engine: Engine,
    form: Form,
    plan: &Correlation,
    x: Data<'_>,
    packed: &[f32],
    out: Output<'_, E>,
    scope: Scope,
) {
    let ([.., inputs], [.., outputs]) = (plan.input, plan.output);
    let (in_len, out_len) = (plan.input.iter().product::<usize>(), plan.image * outputs);
    let images = scope.images(out.len() / out_len);
    // DETERMINISM: the cut follows from the shapes. How many tiles are multiplied together may change last bits.
    let group = group(form, plan);
    let piece = (group / Tiles::new(form, plan, 1).count).clamp(1, images.div_ceil(PIECES));
    out.pieces(piece * out_len).enumerate().for_each_init(
        || (Vec::new(), Vec::new()),
        |(v, m), (i, out)| {
            let (first, images) = (i * piece, out.len() / out_len);
            let x = x.slice(first * in_len..(first + images) * in_len);
            let all = Tiles::new(form, plan, images);
            let groups = all.count.div_ceil(group);
            E::through(out, |out| {
                for g in 0..groups {
                    let first = g * all.count / groups;
                    let tiles = all.part(first, (g + 1) * all.count / groups - first);
                    v.resize(form.points() * tiles.count * inputs, 0.0);
                    m.resize(form.points() * tiles.count * outputs, 0.0);
                    transform::input(plan, &tiles, Channels::all(inputs), x, v);
                    multiply(engine, plan, &tiles, v, packed, m);
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
    tiles: &Tiles,
    v: &[f32],
    packed: &[f32],
    m: &mut [f32],
) {
    let (inputs, outputs, width) = (plan.input[2], plan.output[2], columns(engine));
    let (tiles, points) = (tiles.count, tiles.form.points());
    for (point, m) in m.chunks_exact_mut(tiles * outputs).enumerate() {
        let v = &v[point * tiles * inputs..][..tiles * inputs];
        for (block, first) in (0..outputs).step_by(width).enumerate() {
            let u = &packed[(block * points + point) * inputs * width..][..inputs * width];
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
