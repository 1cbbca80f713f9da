//! Copies part of an image into zero-padded f32 scratch, widening spikes on the way.

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
        image.slice(start..start + inside.len()).copy_to(inside);
    }
}
