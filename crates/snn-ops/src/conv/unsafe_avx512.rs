//! Direct convolution on AVX-512: no gathered panel, no packed activations.
//!
//! One register tile is M rows (at most 14) by 32 columns, 28 accumulators. Each step broadcasts M
//! elements of A and multiplies them by one row of B. The forward pass reads pixels as rows and
//! (tap, channel) as steps; the weight gradient reads (tap, channel) as rows and pixels as steps.
//! Both find A and B in place by strides, because channels come last.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::plan::Correlation;

/// Columns of a tile: two registers.
pub(crate) const COLUMNS: usize = 32;
/// The most rows of a tile: 14 x 2 accumulators, two rows of B and a broadcast fill 31 registers.
const ROWS: usize = 14;

/// `c[i, j] (+)= sum over o < outer, k < len of a[i * a_row + k * a_step + o * a_outer] *
/// b[j + k * b_step + o * b_outer]`; strides in elements.
#[derive(Clone, Copy)]
struct Tile {
    a: *const f32,
    a_row: usize,
    a_step: usize,
    a_outer: usize,
    b: *const f32,
    b_step: usize,
    b_outer: usize,
    len: usize,
    outer: usize,
    c: *mut f32,
    c_row: usize,
    columns: usize,
    accumulate: bool,
}

/// Cuts `n` rows into the fewest tiles of nearly equal height: (first, rows).
fn cut(n: usize) -> impl Iterator<Item = (usize, usize)> {
    let tiles = n.div_ceil(ROWS).max(1);
    (0..tiles).map(move |t| {
        let (first, end) = (t * n / tiles, (t + 1) * n / tiles);
        (first, end - first)
    })
}

/// Computes `rows` output rows from padded `scratch` into `out`, whose first pixel is the first
/// pixel of the image (or of the rows, when dense).
pub(crate) fn correlate(
    plan: &Correlation,
    scratch: &[f32],
    packed: &[f32],
    rows: usize,
    out: &mut [f32],
) {
    let [_, cols, channels] = plan.output;
    let (depth, line) = (plan.taps[1] * plan.input[2], plan.padded_cols() * plan.input[2]);
    let last = plan.place[0] + (rows - 1) * plan.place[1] + (cols - 1) * plan.place[2];
    assert!(scratch.len() >= plan.padded_rows(rows) * line, "padded image too short");
    assert!(
        packed.len() >= channels.div_ceil(COLUMNS) * plan.depth() * COLUMNS,
        "weights too short"
    );
    assert!(out.len() >= (last + 1) * channels, "output too short");
    for block in 0..channels.div_ceil(COLUMNS) {
        for y in 0..rows {
            for (x, height) in cut(cols) {
                let pixel = plan.place[0] + y * plan.place[1] + x * plan.place[2];
                // SAFETY: the assertions bound the last element that the strides reach: padded rows
                // y * stride .. + taps, whole packed panels, and output pixels up to `last`.
                unsafe {
                    let tile = Tile {
                        a: scratch
                            .as_ptr()
                            .add(y * plan.stride[0] * line + x * plan.stride[1] * plan.input[2]),
                        a_row: plan.stride[1] * plan.input[2],
                        a_step: 1,
                        a_outer: line,
                        b: packed.as_ptr().add(block * plan.depth() * COLUMNS),
                        b_step: COLUMNS,
                        b_outer: depth * COLUMNS,
                        len: depth,
                        outer: plan.taps[0],
                        c: out.as_mut_ptr().add(pixel * channels + block * COLUMNS),
                        c_row: plan.place[2] * channels,
                        columns: COLUMNS.min(channels - block * COLUMNS),
                        accumulate: false,
                    };
                    run(height, &tile);
                }
            }
        }
    }
}

/// `c = a b` for `a` of (rows, terms), and `b` of [`COLUMNS`] columns of which `columns.1` go to column
/// `columns.0` of `c`, whose rows are `c_row` apart.
pub(crate) fn product(
    (rows, terms): (usize, usize),
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
    c_row: usize,
    columns: (usize, usize),
) {
    assert!(a.len() >= rows * terms && b.len() >= terms * COLUMNS, "product operand too short");
    assert!(columns.1 <= COLUMNS && columns.0 + columns.1 <= c_row, "columns outside the product");
    assert!(c.len() >= rows * c_row, "product too short");
    for (first, height) in cut(rows) {
        // SAFETY: rows `first .. + height` of `a` and `c`, and all of `b`, exist by the assertions.
        unsafe {
            let tile = Tile {
                a: a.as_ptr().add(first * terms),
                a_row: terms,
                a_step: 1,
                a_outer: 0,
                b: b.as_ptr(),
                b_step: COLUMNS,
                b_outer: 0,
                len: terms,
                outer: 1,
                c: c.as_mut_ptr().add(first * c_row + columns.0),
                c_row,
                columns: columns.1,
                accumulate: false,
            };
            run(height, &tile);
        }
    }
}

/// `c += at b` for `a` of (terms, [`COLUMNS`]) of which the first `rows` columns count, `b` of (terms, [`COLUMNS`])
/// and `c` of (rows, [`COLUMNS`]); terms come in `groups.0` groups, `groups.1` elements of `a` and `b` apart.
pub(crate) fn add_transposed_product(
    (rows, terms): (usize, usize),
    (groups, steps): (usize, [usize; 2]),
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
) {
    let reach = |step: usize| groups.saturating_sub(1) * step + terms * COLUMNS;
    assert!(rows <= COLUMNS && c.len() >= rows * COLUMNS, "product too short");
    assert!(a.len() >= reach(steps[0]) && b.len() >= reach(steps[1]), "product operand too short");
    for (first, height) in cut(rows) {
        // SAFETY: `reach` bounds the last term of the last group, and rows `first .. + height` of `c` exist.
        unsafe {
            let tile = Tile {
                a: a.as_ptr().add(first),
                a_row: 1,
                a_step: COLUMNS,
                a_outer: steps[0],
                b: b.as_ptr(),
                b_step: COLUMNS,
                b_outer: steps[1],
                len: terms,
                outer: groups,
                c: c.as_mut_ptr().add(first * COLUMNS),
                c_row: COLUMNS,
                columns: COLUMNS,
                accumulate: true,
            };
            run(height, &tile);
        }
    }
}

/// Adds one image's weight gradient for columns `columns.0 .. + columns.1` of the output channels
/// to `dw`, laid out `[tap row][tap column][channel][columns.1]`.
pub(crate) fn weight_gradient(
    plan: &Correlation,
    scratch: &[f32],
    dy: &[f32],
    columns: (usize, usize),
    dw: &mut [f32],
) {
    let [rows, cols, channels] = plan.output;
    let (depth, line) = (plan.taps[1] * plan.input[2], plan.padded_cols() * plan.input[2]);
    assert!(scratch.len() >= plan.padded_rows(rows) * line, "padded image too short");
    assert!(dy.len() >= rows * cols * channels, "output gradient too short");
    assert!(columns.0 + columns.1 <= channels, "columns outside the output channels");
    assert!(dw.len() >= plan.depth() * columns.1, "weight gradient too short");
    for first in (0..columns.1).step_by(COLUMNS) {
        for tap_row in 0..plan.taps[0] {
            for (i, height) in cut(depth) {
                // SAFETY: rows i.. of the depth axis and steps over all output pixels stay inside the
                // padded image, `dy` and `dw` by the assertions above; loads of B are masked.
                unsafe {
                    let tile = Tile {
                        a: scratch.as_ptr().add(tap_row * line + i),
                        a_row: 1,
                        a_step: plan.stride[1] * plan.input[2],
                        a_outer: plan.stride[0] * line,
                        b: dy.as_ptr().add(columns.0 + first),
                        b_step: channels,
                        b_outer: cols * channels,
                        len: cols,
                        outer: rows,
                        c: dw.as_mut_ptr().add((tap_row * depth + i) * columns.1 + first),
                        c_row: columns.1,
                        columns: COLUMNS.min(columns.1 - first),
                        accumulate: true,
                    };
                    run(height, &tile);
                }
            }
        }
    }
}

/// Runs a tile of `height` rows through the kernel made for that height.
///
/// SAFETY: callers guarantee that every element the strides reach is allocated, and this is only
/// called after the engine was chosen on a processor with AVX-512F.
unsafe fn run(height: usize, tile: &Tile) {
    macro_rules! heights {
        ($($m:literal)*) => {
            match (height, tile.columns > 16) {
                // SAFETY: as the caller's.
                $(($m, true) => unsafe { kernel::<$m, 2>(tile) },
                  ($m, false) => unsafe { kernel::<$m, 1>(tile) },)*
                _ => unreachable!("cut() makes tiles of 1 to 14 rows"),
            }
        };
    }
    heights!(1 2 3 4 5 6 7 8 9 10 11 12 13 14)
}

/// SAFETY: see [`run`].
#[target_feature(enable = "avx512f")]
unsafe fn kernel<const M: usize, const V: usize>(t: &Tile) {
    let mut masks = [0u16; V];
    for (v, mask) in masks.iter_mut().enumerate() {
        *mask = match t.columns.saturating_sub(16 * v) {
            n if n >= 16 => u16::MAX,
            n => (1u16 << n) - 1,
        };
    }
    let mut acc = [[_mm512_setzero_ps(); V]; M];
    // SAFETY: masked loads and stores touch only `t.columns` columns; the rest as the caller's.
    unsafe {
        if t.accumulate {
            for (i, row) in acc.iter_mut().enumerate() {
                for v in 0..V {
                    row[v] = _mm512_maskz_loadu_ps(masks[v], t.c.add(i * t.c_row + 16 * v));
                }
            }
        }
        for outer in 0..t.outer {
            let mut a = t.a.add(outer * t.a_outer);
            let mut b = t.b.add(outer * t.b_outer);
            for _ in 0..t.len {
                let mut line = [_mm512_setzero_ps(); V];
                for v in 0..V {
                    line[v] = _mm512_maskz_loadu_ps(masks[v], b.add(16 * v));
                }
                for (i, row) in acc.iter_mut().enumerate() {
                    let x = _mm512_set1_ps(*a.add(i * t.a_row));
                    for v in 0..V {
                        row[v] = _mm512_fmadd_ps(x, line[v], row[v]);
                    }
                }
                a = a.wrapping_add(t.a_step);
                b = b.wrapping_add(t.b_step);
            }
        }
        for (i, row) in acc.iter().enumerate() {
            for v in 0..V {
                _mm512_mask_storeu_ps(t.c.add(i * t.c_row + 16 * v), masks[v], row[v]);
            }
        }
    }
}
