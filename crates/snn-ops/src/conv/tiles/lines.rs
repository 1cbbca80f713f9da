//! Lines of bf16 numbers: read from any format, transposed, and paired.

use half::bf16;
use multiversion::multiversion;

use super::{Parts, TILE, split};
use crate::buffer::Data;
use crate::element::round;

/// Reads `from` as bf16: part `part` of f32 numbers, counts and bf16 numbers as they are.
pub(super) fn read(from: Data<'_>, part: usize, parts: Parts, to: &mut [u16]) {
    match (from, parts) {
        (Data::U8(from), _) => exact(from, to),
        (Data::Bf16(from), _) => copy(from, to),
        (Data::F32(from), Parts::One) => nearest(from, to),
        (Data::F32(from), Parts::Three) => third(from, part, to),
    }
}

/// Counts up to 255 are bf16 numbers.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn exact(from: &[u8], to: &mut [u16]) {
    to.iter_mut().zip(from).for_each(|(to, &v)| *to = (f32::from(v).to_bits() >> 16) as u16);
}

fn copy(from: &[bf16], to: &mut [u16]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = from.to_bits());
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn nearest(from: &[f32], to: &mut [u16]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = round(from));
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
fn third(from: &[f32], part: usize, to: &mut [u16]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = split(from)[part]);
}

/// A run of pixels, one after another.
#[derive(Default)]
pub(super) struct Lines {
    numbers: Vec<u16>,
}

impl Lines {
    /// Reads `count` pixels of `channels` from pixel `first` on, `step` apart.
    pub(super) fn read(
        &mut self,
        image: Data<'_>,
        (first, step, count): (usize, usize, usize),
        channels: usize,
        (part, parts): (usize, Parts),
    ) {
        self.numbers.resize(count * channels, 0);
        if step == 1 {
            let from = image.slice(first * channels..(first + count) * channels);
            return read(from, part, parts, &mut self.numbers);
        }
        for (i, to) in self.numbers.chunks_exact_mut(channels).enumerate() {
            let from = (first + i * step) * channels;
            read(image.slice(from..from + channels), part, parts, to);
        }
    }

    /// Writes them channel by channel, channels `row` numbers apart.
    pub(super) fn transpose(&self, channels: usize, out: &mut [u16], row: usize) {
        let count = self.numbers.len() / channels;
        let (whole_count, whole_channels) = (count / TILE * TILE, channels / TILE * TILE);
        for c in (0..whole_channels).step_by(TILE) {
            for i in (0..whole_count).step_by(TILE) {
                square(&self.numbers[i * channels + c..], channels, &mut out[c * row + i..], row);
            }
        }
        for (i, line) in self.numbers.chunks_exact(channels).enumerate() {
            let done = if i < whole_count { whole_channels } else { 0 };
            for (c, &v) in line.iter().enumerate().skip(done) {
                out[c * row + i] = v;
            }
        }
    }
}

/// Transposes 16 x 16 numbers.
fn square(from: &[u16], from_row: usize, to: &mut [u16], to_row: usize) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        return super::unsafe_transpose::square(from, from_row, to, to_row);
    }
    for (i, line) in from.chunks(from_row).take(TILE).enumerate() {
        line.iter().take(TILE).enumerate().for_each(|(c, &v)| to[c * to_row + i] = v);
    }
}

/// Writes lines side by side, `[column][2]`; every 16 columns begin `block` numbers further.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl", "x86_64+avx2"))]
pub(super) fn interleave(even: &[u16], odd: &[u16], out: &mut [u16], block: usize) {
    let tiles = even.chunks_exact(TILE).zip(odd.chunks_exact(TILE));
    for (tile, (even, odd)) in tiles.enumerate() {
        let out = &mut out[tile * block..][..2 * TILE];
        for ((pair, &even), &odd) in out.chunks_exact_mut(2).zip(even).zip(odd) {
            pair[0] = even;
            pair[1] = odd;
        }
    }
}
