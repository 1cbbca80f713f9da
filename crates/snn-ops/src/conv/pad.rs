//! Copies part of an image into zero-padded f32 scratch, widening spikes on the way.

use half::bf16;
use multiversion::multiversion;

use super::plan::Correlation;
use crate::buffer::Data;

/// Fills `scratch` with the padded rows that output rows `first..first + rows` read from `image`
/// (one image's elements), row after row of [`Correlation::padded_cols`] pixels.
pub(crate) fn fill(
    plan: &Correlation,
    image: Data<'_>,
    first: usize,
    rows: usize,
    scratch: &mut Vec<f32>,
) {
    let [height, width, channels] = plan.input;
    let (cols, padded_rows) = (plan.padded_cols(), plan.padded_rows(rows));
    scratch.resize(padded_rows * cols * channels, 0.0);
    // Columns [left, right) of the padded row lie inside the image.
    let left = plan.pad[1].clamp(0, cols as isize) as usize;
    let right = (width as isize + plan.pad[1]).clamp(left as isize, cols as isize) as usize;
    let skipped = (left as isize - plan.pad[1]) as usize;
    let top = (first * plan.stride[0]) as isize - plan.pad[0];
    for (row, line) in scratch.chunks_exact_mut(cols * channels).enumerate() {
        let y = top + row as isize;
        if y < 0 || y >= height as isize || left == right {
            line.fill(0.0);
            continue;
        }
        line[..left * channels].fill(0.0);
        line[right * channels..].fill(0.0);
        let start = (y as usize * width + skipped) * channels;
        let inside = &mut line[left * channels..right * channels];
        match image {
            Data::F32(x) => inside.copy_from_slice(&x[start..start + inside.len()]),
            Data::Bf16(x) => widen_bf16(&x[start..start + inside.len()], inside),
            Data::U8(x) => widen(&x[start..start + inside.len()], inside),
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn widen(from: &[u8], to: &mut [f32]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = f32::from(from));
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn widen_bf16(from: &[bf16], to: &mut [f32]) {
    to.iter_mut()
        .zip(from)
        .for_each(|(to, &from)| *to = f32::from_bits(u32::from(from.to_bits()) << 16));
}

/// Image `n` of a batch.
pub(crate) fn image(x: Data<'_>, n: usize, len: usize) -> Data<'_> {
    x.slice(n * len..(n + 1) * len)
}
