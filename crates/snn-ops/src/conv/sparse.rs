//! Convolution that touches only the inputs that are not zero.
//!
//! A spike train is mostly zeros. The forward pass adds one row of weights per spike and tap, the
//! weight gradient one row of the output gradient; both skip silence, so their cost falls with the
//! firing rate. [`cost`] says when that pays. Plain loops serve every processor; on AVX-512
//! the sums stay in registers (`unsafe_spikes`).

use multiversion::multiversion;

use super::plan::Correlation;
use crate::Engine;
use crate::buffer::Data;

/// Cycles an output pixel at this share of non-zero inputs; infinite where the plan is too large.
///
/// A tap costs about 10, a non-zero input 4 to find and two for each 16 output channels, and looking
/// for the non-zero inputs half a cycle each.
pub(super) fn cost(plan: &Correlation, density: f64) -> f64 {
    let registers = plan.output[2].div_ceil(LANES) as f64;
    let (terms, taps) = (plan.depth() as f64, (plan.taps[0] * plan.taps[1]) as f64);
    let found = terms * density * (4.0 + 2.0 * registers);
    // Row starts are kept in 32 bits.
    let fits = plan.image.max(plan.depth()) < (u32::MAX as usize) / plan.output[2].max(WIDEST);
    if fits { 10.0 * taps + found + 0.5 * plan.input[2] as f64 } else { f64::INFINITY }
}

/// Weights of one block of output channels should fit a second-level cache beside the outputs.
const BLOCK_BYTES: usize = 640 << 10;
/// Most output channels of a block.
const WIDEST: usize = 128;
/// Floats of a 512-bit register.
const LANES: usize = 16;

/// Share of entries that are not zero.
pub(crate) fn density(x: Data<'_>) -> f64 {
    use rayon::prelude::*;
    const PIECE: usize = 1 << 16;
    let n: usize = match x {
        Data::F32(x) => x.par_chunks(PIECE).map(|x| x.iter().filter(|v| **v != 0.0).count()).sum(),
        // Stored as bf16 are the sums before a neuron, which are dense.
        Data::Bf16(x) => x.len(),
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
            Data::Bf16(x) => {
                for pixel in x.chunks_exact(channels) {
                    for (c, v) in pixel.iter().enumerate().filter(|(_, v)| v.to_f32() != 0.0) {
                        self.entries.push((c as u32, v.to_f32()));
                    }
                    self.ends.push(self.entries.len() as u32);
                }
            }
            Data::U8(x) => {
                for pixel in x.chunks_exact(channels) {
                    let (words, last) = pixel.as_chunks::<8>();
                    for (w, bytes) in words.iter().enumerate() {
                        // Silence is skipped eight channels at a time.
                        let mut left = u64::from_le_bytes(*bytes);
                        while left != 0 {
                            let byte = left.trailing_zeros() as usize / 8;
                            self.entries.push(((8 * w + byte) as u32, f32::from(bytes[byte])));
                            left &= !(0xff << (8 * byte));
                        }
                    }
                    for (c, &v) in last.iter().enumerate().filter(|(_, v)| **v != 0) {
                        self.entries.push(((8 * words.len() + c) as u32, f32::from(v)));
                    }
                    self.ends.push(self.entries.len() as u32);
                }
            }
        }
    }

    /// The weight rows, each of `width` floats, that output pixel (y, x) adds up.
    fn terms(&self, plan: &Correlation, y: usize, x: usize, width: usize, terms: &mut Vec<Row>) {
        let [height, cols, inputs] = plan.input;
        for j in 0..plan.taps[0] {
            let row = (y * plan.stride[0] + j) as isize - plan.pad[0];
            if row < 0 || row >= height as isize {
                continue;
            }
            for i in 0..plan.taps[1] {
                let col = (x * plan.stride[1] + i) as isize - plan.pad[1];
                if col < 0 || col >= cols as isize {
                    continue;
                }
                let tap = ((j * plan.taps[1] + i) * inputs) as u32;
                let entries = self.pixel(row as usize * cols + col as usize);
                terms.extend(entries.iter().map(|&(c, v)| ((tap + c) * width as u32, v)));
            }
        }
    }

    fn pixel(&self, p: usize) -> &[(u32, f32)] {
        let start = if p == 0 { 0 } else { self.ends[p - 1] as usize };
        &self.entries[start..self.ends[p] as usize]
    }
}

/// A row to add: where it starts in a table, and its factor.
pub(crate) type Row = (u32, f32);

/// `sum += factor * table[start..start + sum.len()]` for every row.
fn add_rows(engine: Engine, sum: &mut [f32], table: &[f32], rows: &[Row]) {
    match engine {
        #[cfg(target_arch = "x86_64")]
        Engine::Avx512 => super::unsafe_spikes::add_rows(sum, table, rows),
        _ => add_rows_plain(sum, table, rows),
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn add_rows_plain(sum: &mut [f32], table: &[f32], rows: &[Row]) {
    for &(start, factor) in rows {
        let row = &table[start as usize..][..sum.len()];
        sum.iter_mut().zip(row).for_each(|(s, w)| *s += w * factor);
    }
}

/// Computes output rows `first..first + rows` into `out`; weights packed `[block][depth][width]`.
pub(crate) fn correlate(
    engine: Engine,
    plan: &Correlation,
    spikes: &Spikes,
    packed: &[f32],
    (first, rows): (usize, usize),
    out: &mut [f32],
) {
    let [_, cols, channels] = plan.output;
    let width = block(plan.depth(), channels);
    let mut terms = Vec::new();
    for y in 0..rows {
        for x in 0..cols {
            terms.clear();
            spikes.terms(plan, first + y, x, width, &mut terms);
            let pixel = plan.place[0] + y * plan.place[1] + x * plan.place[2];
            let line = &mut out[pixel * channels..][..channels];
            line.fill(0.0);
            let tables = packed.chunks_exact(plan.depth() * width);
            for (sum, table) in line.chunks_mut(width).zip(tables) {
                add_rows(engine, sum, table, &terms);
            }
        }
    }
}

/// One image's entries that are not zero, channel by channel, split by the phase of their padded position, its remainder by
/// the stride: a tap meets those of its own phase. An entry holds the quotients, from which the output
/// position that tap (j, i) meets is a subtraction away: of j / stride and i / stride.
#[derive(Default)]
pub(crate) struct ByChannel {
    /// End of each (channel, phase)'s entries.
    ends: Vec<u32>,
    entries: Vec<([i32; 2], f32)>,
    next: Vec<u32>,
}

impl ByChannel {
    pub(crate) fn read(&mut self, plan: &Correlation, spikes: &Spikes) {
        let [_, width, channels] = plan.input;
        let [sy, sx] = plan.stride;
        let along = |at: usize, axis: usize| {
            let padded = at as isize + plan.pad[axis];
            let stride = plan.stride[axis] as isize;
            (padded.div_euclid(stride) as i32, padded.rem_euclid(stride) as usize)
        };
        let columns: Vec<_> = (0..width).map(|x| along(x, 1)).collect();
        self.next.clear();
        self.next.resize(channels * sy * sx + 1, 0);
        let pixels = (0..plan.input[0]).flat_map(|y| {
            let (qy, py) = along(y, 0);
            let list = move |px: usize, c: u32| (c as usize * sy + py) * sx + px;
            columns
                .iter()
                .enumerate()
                .map(move |(x, &(qx, px))| (y * width + x, [qy, qx], move |c| list(px, c)))
        });
        for (p, _, list) in pixels.clone() {
            spikes.pixel(p).iter().for_each(|&(c, _)| self.next[list(c) + 1] += 1);
        }
        for i in 1..self.next.len() {
            self.next[i] += self.next[i - 1];
        }
        self.entries.clear();
        self.entries.resize(spikes.entries.len(), ([0; 2], 0.0));
        for (p, quotients, list) in pixels {
            for &(c, v) in spikes.pixel(p) {
                let at = &mut self.next[list(c)];
                self.entries[*at as usize] = (quotients, v);
                *at += 1;
            }
        }
        // Each list's start has moved to its end.
        self.ends.clone_from(&self.next);
    }

    fn list(&self, i: usize) -> &[([i32; 2], f32)] {
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        &self.entries[start..self.ends[i] as usize]
    }
}

/// Adds one image's weight gradient for columns `columns.0 .. + columns.1` of the output channels
/// to `dw`, laid out `[tap row][tap column][channel][columns.1]`.
pub(crate) fn weight_gradient(
    engine: Engine,
    plan: &Correlation,
    spikes: &ByChannel,
    dy: &[f32],
    columns: (usize, usize),
    dw: &mut [f32],
) {
    let [sy, sx] = plan.stride;
    let [rows, cols, channels] = plan.output.map(|n| n as u32);
    let first = columns.0 as u32;
    let mut terms = Vec::new();
    for c in 0..plan.input[2] {
        for j in 0..plan.taps[0] {
            for i in 0..plan.taps[1] {
                let list = spikes.list((c * sy + j % sy) * sx + i % sx);
                terms.clear();
                let (dy0, dx0) = ((j / sy) as i32, (i / sx) as i32);
                terms.extend(list.iter().filter_map(|&([qy, qx], v)| {
                    let (y, x) = ((qy - dy0) as u32, (qx - dx0) as u32);
                    let pixel = y.wrapping_mul(cols).wrapping_add(x);
                    let start = pixel.wrapping_mul(channels).wrapping_add(first);
                    (y < rows && x < cols).then_some((start, v))
                }));
                let k = (j * plan.taps[1] + i) * plan.input[2] + c;
                let sums = &mut dw[k * columns.1..][..columns.1];
                for (block, sum) in sums.chunks_mut(WIDEST).enumerate() {
                    add_rows(engine, sum, &dy[block * WIDEST..], &terms);
                }
            }
        }
    }
}
