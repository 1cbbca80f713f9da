//! Images on a padded grid of positions, where every tap of a correlation is a shift.
//!
//! A stride is taken out by splitting the padded image into phases, one for each remainder of row and
//! column by the stride; each has a grid of its own. Zeros to the right of a row are the zeros to the left of
//! the next one, as far as both are there. Output pixel (y, x) stands at position `y * width + x`; positions
//! past a row's end are computed and dropped.

use super::super::plan::Correlation;
use super::lines::{self, Lines};
use super::{DEPTH, PANEL, Parts, TILE};
use crate::buffer::Data;

/// The geometry of one image.
#[derive(Clone, Debug)]
pub(super) struct Grid {
    input: [usize; 3],
    stride: [usize; 2],
    pad: [isize; 2],
    taps: [usize; 2],
    output: [usize; 2],
    /// Positions of a row.
    width: usize,
    /// Positions of a phase.
    phase: usize,
    /// Positions of the image: all phases, and slack that the last tiles read.
    pub(super) len: usize,
    /// Channels with zeros up to whole tiles.
    pub(super) channels: usize,
}

/// Pixels of a row, `step` apart, that stand side by side on the grid.
struct Run {
    position: usize,
    pixel: usize,
    step: usize,
    count: usize,
}

impl Grid {
    pub(super) fn new(plan: &Correlation) -> Self {
        let Correlation { input, stride, pad, taps, output, .. } = *plan;
        let padded = plan.padded_cols();
        // Rows share zeros only where positions are not split into phases.
        let right = padded as isize - pad[1] - input[1] as isize;
        let shared = match stride {
            [1, 1] => pad[1].min(right).clamp(0, taps[1] as isize - 1) as usize,
            _ => 0,
        };
        let width = padded.div_ceil(stride[1]) - shared;
        let phase = plan.padded_rows(output[0]).div_ceil(stride[0]) * width;
        Self {
            input,
            stride,
            pad,
            taps,
            output: [output[0], output[1]],
            width,
            phase,
            len: phase * stride[0] * stride[1] + shared + 2 * DEPTH,
            channels: input[2].next_multiple_of(DEPTH),
        }
    }

    /// Positions from the first output pixel to the last.
    pub(super) fn positions(&self) -> usize {
        (self.output[0] - 1) * self.width + self.output[1]
    }

    /// Output pixel (row, column) at a position; none in the gap between rows.
    pub(super) fn pixel(&self, position: usize) -> Option<[usize; 2]> {
        let (y, x) = (position / self.width, position % self.width);
        (x < self.output[1] && y < self.output[0]).then_some([y, x])
    }

    /// Where each tap's position is, relative to the output's.
    pub(super) fn shifts(&self) -> Vec<usize> {
        let [sy, sx] = self.stride;
        let shift =
            |j: usize, i: usize| (j % sy * sx + i % sx) * self.phase + j / sy * self.width + i / sx;
        let [rows, cols] = self.taps;
        (0..rows).flat_map(|j| (0..cols).map(move |i| shift(j, i))).collect()
    }

    /// Calls `f` for each run of the image's pixels that a tap can meet.
    fn runs(&self, mut f: impl FnMut(Run)) {
        let [sy, sx] = self.stride;
        let [height, cols, _] = self.input;
        let rows = self.phase / self.width;
        for y in 0..height {
            let Ok(r) = usize::try_from(y as isize + self.pad[0]) else { continue };
            if r / sy >= rows {
                continue;
            }
            let first = usize::try_from(-self.pad[1]).unwrap_or(0);
            for x in first..(first + sx).min(cols) {
                let q = (x as isize + self.pad[1]) as usize;
                let count = (cols - x).div_ceil(sx).min(self.width.saturating_sub(q / sx));
                let phase = (r % sy) * sx + q % sx;
                let position = phase * self.phase + r / sy * self.width + q / sx;
                f(Run { position, pixel: y * cols + x, step: sx, count });
            }
        }
    }

    /// Writes an image as `[part][position][channel]`.
    pub(super) fn fill(&self, image: Data<'_>, parts: Parts, out: &mut [u16]) {
        out.fill(0);
        let channels = self.input[2];
        self.runs(|run| {
            // A run is one line where nothing lies between its pixels, on either side.
            let together = run.step == 1 && channels == self.channels;
            let (lines, len) = if together { (1, run.count) } else { (run.count, 1) };
            for i in 0..lines {
                let from = (run.pixel + i * run.step) * channels;
                for part in 0..parts.count() {
                    let to = (part * self.len + run.position + i) * self.channels;
                    let to = &mut out[to..to + len * channels];
                    lines::read(image.slice(from..from + len * channels), part, parts, to);
                }
            }
        });
    }

    /// Writes an image as `[part][channel][position]`, rows `row` numbers and parts `part` numbers apart.
    pub(super) fn fill_transposed(
        &self,
        image: Data<'_>,
        parts: Parts,
        (row, part): (usize, usize),
        out: &mut [u16],
    ) {
        let channels = self.input[2];
        for line in 0..parts.count() * self.channels {
            let (p, c) = (line / self.channels, line % self.channels);
            // Past the image too: the last tile reads there, against zeros, which a NaN would survive.
            let line = &mut out[p * part + c * row..];
            let end = line.len().min(self.len + DEPTH);
            line[..end].fill(0);
        }
        let mut lines = Lines::default();
        self.runs(|run| {
            for p in 0..parts.count() {
                lines.read(image, (run.pixel, run.step, run.count), channels, (p, parts));
                lines.transpose(channels, &mut out[p * part + run.position..], row);
            }
        });
    }

    /// Writes an output gradient `[rows, cols, o]` as packed tiles whose terms are positions:
    /// `[part][column tile][depth tile][pair][column][2]`, column tiles `block` numbers and parts `part` numbers
    /// apart. Positions in the gap between rows are zero.
    pub(super) fn fill_pairs(
        &self,
        dy: Data<'_>,
        channels: usize,
        parts: Parts,
        (block, part): (usize, usize),
        out: &mut [u16],
    ) {
        let columns = channels.next_multiple_of(TILE);
        let (mut even, mut odd) = (vec![0; columns], vec![0; columns]);
        for p in 0..parts.count() {
            let line = |position: usize, to: &mut [u16]| match self.pixel(position) {
                Some([y, x]) => {
                    let from = (y * self.output[1] + x) * channels;
                    let from = dy.slice(from..from + channels);
                    lines::read(from, p, parts, &mut to[..channels]);
                }
                None => to.fill(0),
            };
            for pair in 0..self.positions().next_multiple_of(DEPTH) / 2 {
                line(2 * pair, &mut even);
                line(2 * pair + 1, &mut odd);
                let at = p * part + pair / TILE * PANEL + pair % TILE * 2 * TILE;
                lines::interleave(&even, &odd, &mut out[at..], block);
            }
        }
    }
}
