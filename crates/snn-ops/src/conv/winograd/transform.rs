//! The transforms of tiles, weights and their gradients: the matrices of `four` or `six` on both axes of a square.
//!
//! Two axes nest: 36 products for 144, or 64 for 324.

use std::array::from_fn;

use half::bf16;
use multiversion::multiversion;

use super::lane::{LANES, Lane, ZERO};
use super::{Channels, Form, Tiles, four, six};
use crate::buffer::Data;
use crate::conv::plan::Correlation;

/// Both axes: `get(row, column)` is an entry of the square, `put(row, lanes)` takes a transformed row.
/// Nothing is kept but the square that is half-way, `half`.
#[inline(always)]
fn nest<const FROM: usize, const TO: usize>(
    axis: impl Fn([Lane; FROM]) -> [Lane; TO] + Copy,
    get: impl Fn(usize, usize) -> Lane,
    mut put: impl FnMut(usize, [Lane; TO]),
    half: &mut [[Lane; TO]; FROM],
) {
    // Loops, for the compiler does not always inline the functions that make arrays.
    for (column, half) in half.iter_mut().enumerate() {
        let mut line = [ZERO; FROM];
        for (row, lane) in line.iter_mut().enumerate() {
            *lane = get(row, column);
        }
        *half = axis(line);
    }
    for row in 0..TO {
        let mut line = [ZERO; FROM];
        for (lane, half) in line.iter_mut().zip(&*half) {
            *lane = half[row];
        }
        put(row, axis(line));
    }
}

#[inline(always)]
fn load<T: Copy>(from: &[T], wide: impl Fn(T) -> f32) -> Lane {
    let mut lane = ZERO;
    match from.first_chunk::<LANES>() {
        Some(from) => (0..LANES).for_each(|l| lane[l] = wide(from[l])),
        None => lane.iter_mut().zip(from).for_each(|(to, &from)| *to = wide(from)),
    }
    lane
}

#[inline(always)]
fn same(v: f32) -> f32 {
    v
}

#[inline(always)]
fn widen(v: bf16) -> f32 {
    f32::from_bits(u32::from(v.to_bits()) << 16)
}

#[inline(always)]
fn store(lane: &Lane, to: &mut [f32]) {
    match to.first_chunk_mut::<LANES>() {
        Some(to) => *to = *lane,
        None => store_part(lane, to),
    }
}

/// The last channels. Apart, or the compiler makes one copy of unknown length, which is a call, of this and the whole lane.
#[cold]
#[inline(never)]
fn store_part(lane: &Lane, to: &mut [f32]) {
    to.copy_from_slice(&lane[..to.len()]);
}

/// `Bt d B` of `tiles` as `v[xi][tile][channel]`, read from the images with zeros around them.
pub(super) fn input(
    plan: &Correlation,
    tiles: &Tiles,
    channels: Channels,
    x: Data<'_>,
    v: &mut [f32],
) {
    let (image, pad) = (plan.input, plan.pad);
    match tiles.form {
        Form::Four => any_squares(four::input_axis, image, pad, tiles, channels, x, v),
        Form::Six => any_squares(six::input_axis, image, pad, tiles, channels, x, v),
    }
}

/// `A dy At` of `tiles` as `m[xi][tile][channel]`, read from the output's gradient with zeros after it.
pub(super) fn output_gradient(
    plan: &Correlation,
    tiles: &Tiles,
    channels: Channels,
    dy: Data<'_>,
    m: &mut [f32],
) {
    let (image, pad) = (plan.output, [0, 0]);
    match tiles.form {
        Form::Four => any_squares(four::output_gradient_axis, image, pad, tiles, channels, dy, m),
        Form::Six => any_squares(six::output_gradient_axis, image, pad, tiles, channels, dy, m),
    }
}

/// [`squares`] of elements of any kind.
fn any_squares<const FROM: usize, const N: usize>(
    axis: impl Fn([Lane; FROM]) -> [Lane; N] + Copy,
    image: [usize; 3],
    pad: [isize; 2],
    tiles: &Tiles,
    channels: Channels,
    x: Data<'_>,
    v: &mut [f32],
) {
    match x {
        Data::F32(x) => squares(axis, image, pad, tiles, channels, x, same, v),
        Data::Bf16(x) => squares(axis, image, pad, tiles, channels, x, widen, v),
        Data::U8(x) => squares(axis, image, pad, tiles, channels, x, f32::from, v),
    }
}

/// A tile's square of `FROM` pixels, from `pad` before the tile on, transformed on both axes.
#[expect(clippy::too_many_arguments, reason = "where it is read, how, and where it goes")]
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2+fma"))]
fn squares<
    T: Copy,
    const FROM: usize,
    const N: usize,
    A: Fn([Lane; FROM]) -> [Lane; N] + Copy,
    W: Fn(T) -> f32,
>(
    axis: A,
    [height, width, depth]: [usize; 3],
    pad: [isize; 2],
    tiles: &Tiles,
    channels: Channels,
    x: &[T],
    wide: W,
    v: &mut [f32],
) {
    let (step, mut half) = (tiles.count * channels.room, [[ZERO; N]; FROM]);
    for p in 0..tiles.count {
        let (image, y0, x0) = tiles.at(p);
        let (y0, x0) = (y0 as isize - pad[0], x0 as isize - pad[1]);
        let image = &x[image * height * width * depth..][..height * width * depth];
        for c in (0..channels.count).step_by(LANES) {
            let end = channels.count.min(c + LANES);
            let get = |row: usize, column: usize| {
                let (y, x) = (y0 + row as isize, x0 + column as isize);
                if y < 0 || y >= height as isize || x < 0 || x >= width as isize {
                    return ZERO;
                }
                let at = (y as usize * width + x as usize) * depth + channels.first;
                load(&image[at + c..at + end], &wide)
            };
            let put = |row: usize, lanes: [Lane; N]| {
                for (column, lane) in lanes.iter().enumerate() {
                    let at = (row * N + column) * step + p * channels.room;
                    store(lane, &mut v[at + c..at + end]);
                }
            };
            nest(axis, get, put, &mut half);
        }
    }
}

/// Output pixels of `tiles` from `m[xi][tile][channel]`.
pub(super) fn output(plan: &Correlation, tiles: &Tiles, m: &[f32], out: &mut [f32]) {
    match tiles.form {
        Form::Four => pixels(four::output_axis, plan, tiles, m, out),
        Form::Six => pixels(six::output_axis, plan, tiles, m, out),
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2+fma"))]
fn pixels<const N: usize, const SIDE: usize, A: Fn([Lane; N]) -> [Lane; SIDE] + Copy>(
    axis: A,
    plan: &Correlation,
    tiles: &Tiles,
    m: &[f32],
    out: &mut [f32],
) {
    let [height, width, channels] = plan.output;
    let (step, mut half) = (tiles.count * channels, [[ZERO; SIDE]; N]);
    for p in 0..tiles.count {
        let (image, y0, x0) = tiles.at(p);
        for c in (0..channels).step_by(LANES) {
            let end = channels.min(c + LANES);
            let get = |row: usize, column: usize| {
                let at = (row * N + column) * step + p * channels;
                load(&m[at + c..at + end], same)
            };
            let put = |row: usize, lanes: [Lane; SIDE]| {
                if y0 + row < height {
                    for (x, lane) in (x0..width).zip(&lanes) {
                        let at = ((image * height + y0 + row) * width + x) * channels;
                        store(lane, &mut out[at + c..at + end]);
                    }
                }
            };
            nest(axis, get, put, &mut half);
        }
    }
}

/// `u[xi][input][column]` of one block of columns, from `g(tap row, tap column, input, column)`.
#[inline]
pub(super) fn weight<const N: usize>(
    axis: impl Fn([Lane; 3]) -> [Lane; N] + Copy,
    inputs: usize,
    width: usize,
    g: impl Fn(usize, usize, usize, usize) -> f32,
    u: &mut [f32],
) {
    let mut half = [[ZERO; N]; 3];
    for k in 0..inputs {
        for c in (0..width).step_by(LANES) {
            let get = |row: usize, column: usize| from_fn(|l| g(row, column, k, c + l));
            let put = |row: usize, lanes: [Lane; N]| {
                for (column, lane) in lanes.iter().enumerate() {
                    let at = ((row * N + column) * inputs + k) * width + c;
                    store(lane, &mut u[at..at + LANES]);
                }
            };
            nest(axis, get, put, &mut half);
        }
    }
}

/// `Gt u G` of `channels` output channels: `put(tap, channel, values)` from `u(xi)`.
#[inline]
pub(super) fn weight_gradient<'a, const N: usize>(
    axis: impl Fn([Lane; N]) -> [Lane; 3] + Copy,
    channels: usize,
    u: impl Fn(usize) -> &'a [f32],
    mut put: impl FnMut(usize, usize, &[f32]),
) {
    let mut half = [[ZERO; 3]; N];
    for c in (0..channels).step_by(LANES) {
        let end = channels.min(c + LANES);
        let get = |row: usize, column: usize| load(&u(row * N + column)[c..end], same);
        let put = |row: usize, lanes: [Lane; 3]| {
            for (column, lane) in lanes.iter().enumerate() {
                put(row * 3 + column, c, &lane[..end - c]);
            }
        };
        nest(axis, get, put, &mut half);
    }
}
