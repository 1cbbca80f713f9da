//! Convolution on any processor: pixels gathered into a panel that stays in cache, multiplied by
//! the `gemm` crate.

use super::plan::Correlation;
use crate::unsafe_gemm::{Strides, matmul};

/// Pixels of one panel: with 9 x 128 terms a panel of 96 fills half a megabyte, most L2 caches.
const PANEL: usize = 96;

/// Computes `rows` output rows from padded `scratch` into `out`, whose first pixel is the first pixel of the image (or of
/// the rows, when dense); weights are packed `[depth][output channel]`.
pub(crate) fn correlate(
    plan: &Correlation,
    scratch: &[f32],
    packed: &[f32],
    rows: usize,
    out: &mut [f32],
) {
    let [_, cols, channels] = plan.output;
    let depth = plan.depth();
    let mut panel = Vec::new();
    let mut result = vec![0.0; PANEL * channels];
    for first in (0..rows * cols).step_by(PANEL) {
        let pixels = PANEL.min(rows * cols - first);
        gather(plan, scratch, first, pixels, &mut panel);
        let (a, b) = (Strides::rows(depth), Strides::rows(channels));
        matmul(pixels, channels, depth, &panel, a, packed, b, &mut result, b, false);
        for (p, line) in result.chunks_exact(channels).take(pixels).enumerate() {
            let (y, x) = ((first + p) / cols, (first + p) % cols);
            let at = (plan.place[0] + y * plan.place[1] + x * plan.place[2]) * channels;
            out[at..at + channels].copy_from_slice(line);
        }
    }
}

/// Adds one image's weight gradient for output channels `columns.0 .. + columns.1` to `dw`, laid out
/// `[depth][columns.1]`.
pub(crate) fn weight_gradient(
    plan: &Correlation,
    scratch: &[f32],
    dy: &[f32],
    columns: (usize, usize),
    dw: &mut [f32],
) {
    let [rows, cols, channels] = plan.output;
    let depth = plan.depth();
    let mut panel = Vec::new();
    for first in (0..rows * cols).step_by(PANEL) {
        let pixels = PANEL.min(rows * cols - first);
        gather(plan, scratch, first, pixels, &mut panel);
        let a = Strides::rows(depth).transposed();
        let b = Strides { offset: first * channels + columns.0, ..Strides::rows(channels) };
        let c = Strides::rows(columns.1);
        matmul(depth, columns.1, pixels, &panel, a, dy, b, dw, c, true);
    }
}

/// Copies the `depth` terms of each of `pixels` output pixels into a row of `panel`.
fn gather(plan: &Correlation, scratch: &[f32], first: usize, pixels: usize, panel: &mut Vec<f32>) {
    let segment = plan.taps[1] * plan.input[2];
    let line = plan.padded_cols() * plan.input[2];
    panel.resize(pixels * plan.depth(), 0.0);
    for (p, row) in panel.chunks_exact_mut(plan.depth()).enumerate() {
        let (y, x) = ((first + p) / plan.output[1], (first + p) % plan.output[1]);
        let at = y * plan.stride[0] * line + x * plan.stride[1] * plan.input[2];
        for (tap_row, part) in row.chunks_exact_mut(segment).enumerate() {
            part.copy_from_slice(&scratch[at + tap_row * line..][..segment]);
        }
    }
}
