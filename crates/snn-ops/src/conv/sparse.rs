//! Convolution that touches only the inputs that are not zero.
//!
//! A spike train is mostly zeros. The forward pass adds one row of weights per spike and tap, the
//! weight gradient one row of the output gradient; both skip silence, so their cost falls with the
//! firing rate. Worth it below [`worth_below`]; plain loops, so it serves every processor.

use multiversion::multiversion;

use super::plan::Correlation;
use crate::buffer::Data;

/// Inputs with a smaller share of non-zero entries are worth this path.
///
/// Per input and 16 output channels a dense kernel takes about one cycle; here a non-zero input
/// costs about six to find and two per 16 output channels.
pub(crate) fn worth_below(channels: usize) -> f64 {
    let registers = channels.div_ceil(16) as f64;
    0.8 * registers / (2.0 * registers + 6.0)
}

/// Weights of one block of output channels should fit a second-level cache beside the outputs.
const BLOCK_BYTES: usize = 640 << 10;
/// Most output channels of a block.
const WIDEST: usize = 128;

/// Share of entries that are not zero.
pub(crate) fn density(x: Data<'_>) -> f64 {
    use rayon::prelude::*;
    const PIECE: usize = 1 << 16;
    let n: usize = match x {
        Data::F32(x) => x.par_chunks(PIECE).map(|x| x.iter().filter(|v| **v != 0.0).count()).sum(),
        Data::U8(x) => x.par_chunks(PIECE).map(|x| x.iter().filter(|v| **v != 0).count()).sum(),
    };
    n as f64 / x.len().max(1) as f64
}

/// Width of a block of output channels for a sum of `depth` terms: 32, 64 or 128.
pub(crate) fn block(depth: usize, channels: usize) -> usize {
    let fits = |b: &usize| depth * b * size_of::<f32>() <= BLOCK_BYTES && *b < 2 * channels;
    [WIDEST, 64].into_iter().find(fits).unwrap_or(32)
}

/// The entries of one image that are not zero, pixel by pixel.
#[derive(Default)]
pub(crate) struct Spikes {
    /// End of each pixel's entries.
    ends: Vec<u32>,
    /// Channel and value.
    entries: Vec<(u32, f32)>,
}

impl Spikes {
    pub(crate) fn read(&mut self, image: Data<'_>, channels: usize) {
        self.ends.clear();
        self.entries.clear();
        match image {
            Data::F32(x) => {
                for pixel in x.chunks_exact(channels) {
                    for (c, &v) in pixel.iter().enumerate() {
                        if v != 0.0 {
                            self.entries.push((c as u32, v));
                        }
                    }
                    self.ends.push(self.entries.len() as u32);
                }
            }
            Data::U8(x) => {
                for pixel in x.chunks_exact(channels) {
                    for (w, word) in pixel.chunks(8).enumerate() {
                        // Silence is skipped eight channels at a time.
                        let mut bytes = [0u8; 8];
                        bytes[..word.len()].copy_from_slice(word);
                        let mut left = u64::from_le_bytes(bytes);
                        while left != 0 {
                            let byte = left.trailing_zeros() as usize / 8;
                            self.entries.push(((8 * w + byte) as u32, f32::from(bytes[byte])));
                            left &= !(0xff << (8 * byte));
                        }
                    }
                    self.ends.push(self.entries.len() as u32);
                }
            }
        }
    }

    fn pixel(&self, p: usize) -> &[(u32, f32)] {
        let start = if p == 0 { 0 } else { self.ends[p - 1] as usize };
        &self.entries[start..self.ends[p] as usize]
    }
}

/// Computes output rows `first..first + rows` into `out`; weights packed `[block][depth][width]`.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(crate) fn correlate(
    plan: &Correlation,
    spikes: &Spikes,
    packed: &[f32],
    (first, rows): (usize, usize),
    out: &mut [f32],
) {
    let [_, cols, channels] = plan.output;
    let [height, width, inputs] = plan.input;
    let lanes = block(plan.depth(), channels);
    let mut sum = [0f32; WIDEST];
    let sum = &mut sum[..lanes];
    for (b, weights) in packed.chunks_exact(plan.depth() * lanes).enumerate() {
        let keep = lanes.min(channels - b * lanes);
        for y in 0..rows {
            for x in 0..cols {
                sum.fill(0.0);
                for j in 0..plan.taps[0] {
                    let row = ((first + y) * plan.stride[0] + j) as isize - plan.pad[0];
                    if row < 0 || row >= height as isize {
                        continue;
                    }
                    for i in 0..plan.taps[1] {
                        let col = (x * plan.stride[1] + i) as isize - plan.pad[1];
                        if col < 0 || col >= width as isize {
                            continue;
                        }
                        let base = (j * plan.taps[1] + i) * inputs;
                        for &(c, v) in spikes.pixel(row as usize * width + col as usize) {
                            add_row(sum, &weights[(base + c as usize) * lanes..][..lanes], v);
                        }
                    }
                }
                let pixel = plan.place[0] + y * plan.place[1] + x * plan.place[2];
                let to = &mut out[pixel * channels + b * lanes..][..keep];
                to.copy_from_slice(&sum[..keep]);
            }
        }
    }
}

#[inline(always)]
fn add_row(sum: &mut [f32], row: &[f32], value: f32) {
    sum.iter_mut().zip(row).for_each(|(s, w)| *s += w * value);
}

/// The same entries channel by channel, split by the phase of their position so that each tap of a
/// strided convolution finds the positions it can meet.
#[derive(Default)]
pub(crate) struct ByChannel {
    /// End of each (channel, phase)'s entries.
    ends: Vec<u32>,
    entries: Vec<(u16, u16, f32)>,
    next: Vec<u32>,
}

impl ByChannel {
    pub(crate) fn read(&mut self, plan: &Correlation, spikes: &Spikes) {
        let [_, width, channels] = plan.input;
        let [sy, sx] = plan.stride;
        let list = |p: usize, c: u32| {
            let (row, col) = (p / width, p % width);
            let phase = |at: usize, pad: isize, s: usize| (at as isize + pad).rem_euclid(s as isize);
            let (py, px) = (phase(row, plan.pad[0], sy), phase(col, plan.pad[1], sx));
            (c as usize * sy + py as usize) * sx + px as usize
        };
        self.next.clear();
        self.next.resize(channels * sy * sx + 1, 0);
        for p in 0..spikes.ends.len() {
            spikes.pixel(p).iter().for_each(|&(c, _)| self.next[list(p, c) + 1] += 1);
        }
        for i in 1..self.next.len() {
            self.next[i] += self.next[i - 1];
        }
        self.entries.clear();
        self.entries.resize(spikes.entries.len(), (0, 0, 0.0));
        for p in 0..spikes.ends.len() {
            for &(c, v) in spikes.pixel(p) {
                let at = &mut self.next[list(p, c)];
                self.entries[*at as usize] = ((p / width) as u16, (p % width) as u16, v);
                *at += 1;
            }
        }
        // Each list's start has moved to its end.
        self.ends.clone_from(&self.next);
    }

    fn list(&self, i: usize) -> &[(u16, u16, f32)] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        &self.entries[start..self.ends[i] as usize]
    }
}

/// Adds one image's weight gradient for columns `columns.0 .. + columns.1` of the output channels
/// to `dw`, laid out `[tap row][tap column][channel][columns.1]`.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(crate) fn weight_gradient(
    plan: &Correlation,
    spikes: &ByChannel,
    dy: &[f32],
    columns: (usize, usize),
    dw: &mut [f32],
) {
    let [rows, cols, channels] = plan.output;
    let [sy, sx] = plan.stride;
    let mut sum = [0f32; WIDEST];
    for first in (0..columns.1).step_by(WIDEST) {
        let sum = &mut sum[..WIDEST.min(columns.1 - first)];
        for c in 0..plan.input[2] {
            for j in 0..plan.taps[0] {
                for i in 0..plan.taps[1] {
                    let list = spikes.list((c * sy + j % sy) * sx + i % sx);
                    if list.is_empty() {
                        continue;
                    }
                    sum.fill(0.0);
                    for &(row, col, v) in list {
                        let y = (row as isize + plan.pad[0] - j as isize) / sy as isize;
                        let x = (col as isize + plan.pad[1] - i as isize) / sx as isize;
                        let inside = row as isize + plan.pad[0] >= j as isize
                            && col as isize + plan.pad[1] >= i as isize
                            && (y as usize) < rows
                            && (x as usize) < cols;
                        if inside {
                            let at = (y as usize * cols + x as usize) * channels;
                            let from = &dy[at + columns.0 + first..][..sum.len()];
                            add_row(sum, from, v);
                        }
                    }
                    let k = (j * plan.taps[1] + i) * plan.input[2] + c;
                    let to = &mut dw[k * columns.1 + first..][..sum.len()];
                    to.iter_mut().zip(&*sum).for_each(|(to, s)| *to += *s);
                }
            }
        }
    }
}
