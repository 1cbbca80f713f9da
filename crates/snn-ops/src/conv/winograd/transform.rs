//! The transforms of F(4x4, 3x3), sixteen channels at a time.
//!
//! One axis (Lavin and Gray 2016, section 4.3, arXiv:1509.09308): four outputs of a three-tap correlation
//! are `y = At [(G g) * (Bt d)]`, six products for what takes twelve. Two axes nest it: 36 products for
//! 144. The matrices evaluate polynomials at 0, A, -A, B, -B and infinity. With 5/8 and 3/2, whose
//! squares are exact, rounding stays within the bound of the direct kernels' tests; the usual 1 and 2 exceed it.

use std::array::from_fn;

use multiversion::multiversion;

use super::Tiles;
use crate::conv::plan::Correlation;

/// Channels of one register.
pub(super) const LANES: usize = 16;
type Lane = [f32; LANES];
const ZERO: Lane = [0.0; LANES];

const A: f32 = 0.625;
const B: f32 = 1.5;
const A2: f32 = A * A;
const B2: f32 = B * B;

/// `Bt d` on one axis.
#[inline(always)]
fn input_axis(d: [Lane; 6]) -> [Lane; 6] {
    let mut out = [ZERO; 6];
    for l in 0..LANES {
        let [d0, d1, d2, d3, d4, d5] = from_fn(|i| d[i][l]);
        let (even_a, odd_a) = (d4 - B2 * d2, A * (d3 - B2 * d1));
        let (even_b, odd_b) = (d4 - A2 * d2, B * (d3 - A2 * d1));
        out[0][l] = (A2 * B2) * d0 - (A2 + B2) * d2 + d4;
        out[1][l] = even_a + odd_a;
        out[2][l] = even_a - odd_a;
        out[3][l] = even_b + odd_b;
        out[4][l] = even_b - odd_b;
        out[5][l] = (A2 * B2) * d1 - (A2 + B2) * d3 + d5;
    }
    out
}

/// `G g` on one axis.
#[inline(always)]
fn weight_axis(g: [Lane; 3]) -> [Lane; 6] {
    const BY_A: f32 = 1.0 / (2.0 * A2 * (A2 - B2));
    const BY_B: f32 = 1.0 / (2.0 * B2 * (B2 - A2));
    let mut out = [ZERO; 6];
    for l in 0..LANES {
        let [g0, g1, g2] = from_fn(|i| g[i][l]);
        let (even_a, odd_a) = (BY_A * (g0 + A2 * g2), BY_A * A * g1);
        let (even_b, odd_b) = (BY_B * (g0 + B2 * g2), BY_B * B * g1);
        out[0][l] = g0 / (A2 * B2);
        out[1][l] = even_a + odd_a;
        out[2][l] = even_a - odd_a;
        out[3][l] = even_b + odd_b;
        out[4][l] = even_b - odd_b;
        out[5][l] = g2;
    }
    out
}

/// `At m` on one axis.
#[inline(always)]
fn output_axis(m: [Lane; 6]) -> [Lane; 4] {
    let mut out = [ZERO; 4];
    for l in 0..LANES {
        let [m0, m1, m2, m3, m4, m5] = from_fn(|i| m[i][l]);
        let (even_a, odd_a, even_b, odd_b) = (m1 + m2, m1 - m2, m3 + m4, m3 - m4);
        out[0][l] = m0 + even_a + even_b;
        out[1][l] = A * odd_a + B * odd_b;
        out[2][l] = A2 * even_a + B2 * even_b;
        out[3][l] = (A2 * A) * odd_a + (B2 * B) * odd_b + m5;
    }
    out
}

/// Both axes: `get(row, column)` is an entry of the square, `put(row, lanes)` takes a transformed row.
/// Nothing is kept but the square that is half-way.
#[inline(always)]
fn nest<const FROM: usize, const TO: usize>(
    axis: impl Fn([Lane; FROM]) -> [Lane; TO],
    get: impl Fn(usize, usize) -> Lane,
    mut put: impl FnMut(usize, [Lane; TO]),
) {
    let half: [[Lane; TO]; FROM] = from_fn(|column| axis(from_fn(|row| get(row, column))));
    for row in 0..TO {
        put(row, axis(half.each_ref().map(|column| column[row])));
    }
}

#[inline(always)]
fn load(from: &[f32]) -> Lane {
    match from.first_chunk::<LANES>() {
        Some(lane) => *lane,
        None => {
            let mut lane = ZERO;
            lane[..from.len()].copy_from_slice(from);
            lane
        }
    }
}

#[inline(always)]
fn store(lane: &Lane, to: &mut [f32]) {
    match to.first_chunk_mut::<LANES>() {
        Some(to) => *to = *lane,
        None => to.copy_from_slice(&lane[..to.len()]),
    }
}

/// `v[xi][tile][channel]` of `tiles`, read from the images with zeros around them.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2+fma"))]
pub(super) fn input(plan: &Correlation, tiles: &Tiles, x: &[f32], v: &mut [f32]) {
    let [height, width, channels] = plan.input;
    let step = tiles.count * channels;
    for p in 0..tiles.count {
        let (image, y0, x0) = tiles.at(p);
        let (y0, x0) = (y0 as isize - plan.pad[0], x0 as isize - plan.pad[1]);
        let image = &x[image * height * width * channels..][..height * width * channels];
        for c in (0..channels).step_by(LANES) {
            let end = channels.min(c + LANES);
            let get = |row: usize, column: usize| {
                let (y, x) = (y0 + row as isize, x0 + column as isize);
                if y < 0 || y >= height as isize || x < 0 || x >= width as isize {
                    return ZERO;
                }
                let at = (y as usize * width + x as usize) * channels;
                load(&image[at + c..at + end])
            };
            let put = |row: usize, lanes: [Lane; 6]| {
                for (column, lane) in lanes.iter().enumerate() {
                    let at = (row * 6 + column) * step + p * channels;
                    store(lane, &mut v[at + c..at + end]);
                }
            };
            nest(input_axis, get, put);
        }
    }
}

/// Output pixels of `tiles` from `m[xi][tile][channel]`.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2+fma"))]
pub(super) fn output(plan: &Correlation, tiles: &Tiles, m: &[f32], out: &mut [f32]) {
    let [height, width, channels] = plan.output;
    let step = tiles.count * channels;
    for p in 0..tiles.count {
        let (image, y0, x0) = tiles.at(p);
        for c in (0..channels).step_by(LANES) {
            let end = channels.min(c + LANES);
            let get = |row: usize, column: usize| {
                let at = (row * 6 + column) * step + p * channels;
                load(&m[at + c..at + end])
            };
            let put = |row: usize, lanes: [Lane; 4]| {
                if y0 + row < height {
                    for (x, lane) in (x0..width).zip(&lanes) {
                        let at = ((image * height + y0 + row) * width + x) * channels;
                        store(lane, &mut out[at + c..at + end]);
                    }
                }
            };
            nest(output_axis, get, put);
        }
    }
}

/// `u[xi][input][column]` of one block of columns, from `g(tap row, tap column, input, column)`.
#[inline]
pub(super) fn weight(
    inputs: usize,
    width: usize,
    g: impl Fn(usize, usize, usize, usize) -> f32,
    u: &mut [f32],
) {
    for k in 0..inputs {
        for c in (0..width).step_by(LANES) {
            let get = |row: usize, column: usize| from_fn(|l| g(row, column, k, c + l));
            let put = |row: usize, lanes: [Lane; 6]| {
                for (column, lane) in lanes.iter().enumerate() {
                    let at = ((row * 6 + column) * inputs + k) * width + c;
                    store(lane, &mut u[at..at + LANES]);
                }
            };
            nest(weight_axis, get, put);
        }
    }
}
