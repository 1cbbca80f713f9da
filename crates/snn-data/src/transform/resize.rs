//! An image, or a part of it, at another size, bit for bit as Pillow does it.

use std::ops::Range;

use super::Image;

/// How a pixel is made from its neighbors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// A tent; wider when the image shrinks, so that nothing is skipped.
    #[default]
    Bilinear,
    /// A cubic; wider when the image shrinks.
    Bicubic,
}

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First row.
    pub top: usize,
    /// First column.
    pub left: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Fraction bits of a weight.
const BITS: u32 = 22;

impl Image {
    /// The image at `to` (rows, columns, at least 1).
    ///
    /// # Source
    /// Pillow's `Image.resize`, bit for bit: weights in 22-bit fixed point, along the rows first, rounded to 8 bits in
    /// between; bicubic has a = -1/2. DIFFERS: Pillow 13 runs along the columns first for some shapes, mostly when the
    /// height shrinks and the width does not; a value may then be off by one.
    pub fn resize(&self, to: (usize, usize), by: Interpolation) -> Self {
        let (height, width) = self.size();
        self.resized_crop(Region { top: 0, left: 0, height, width }, to, by)
    }

    /// The part `region`, clipped to the image, at `to` (rows, columns): crop, then [`Image::resize`].
    pub fn resized_crop(&self, region: Region, to: (usize, usize), by: Interpolation) -> Self {
        let (height, width) = (to.0.max(1), to.1.max(1));
        let all = Region { top: 0, left: 0, height, width };
        self.resized_window(region, (height, width), all, by)
    }

    /// The part `window` of what [`Image::resized_crop`] gives: nothing else is made.
    pub(crate) fn resized_window(
        &self,
        region: Region,
        to: (usize, usize),
        window: Region,
        by: Interpolation,
    ) -> Self {
        let [channels, height, width] = self.shape();
        let (top, left) = (region.top.min(height - 1), region.left.min(width - 1));
        let rows = region.height.clamp(1, height - top);
        let columns = region.width.clamp(1, width - left);
        let Region { height: tall, width: wide, .. } = window;
        let down = Taps::new(rows, to.0, window.top..window.top + tall, by);
        let across = Taps::new(columns, to.1, window.left..window.left + wide, by);
        // Lines that no kept one is made of are left as they are.
        let used = down.inputs();
        let mut pixels = Vec::with_capacity(channels * tall * wide);
        let mut narrow = vec![0; used.len() * wide];
        for plane in self.planes() {
            let lines = plane.chunks_exact(width).skip(top + used.start);
            for (out, line) in narrow.chunks_exact_mut(wide).zip(lines) {
                across.gather(line.get(left..left + columns).unwrap_or(&[]), out);
            }
            down.mix(&narrow, used.start, wide, &mut pixels);
        }
        Self::made([channels, tall, wide], pixels)
    }
}

/// What every output position along one axis is made of.
struct Taps {
    /// The first input of each output, and how many.
    spans: Vec<(usize, usize)>,
    /// The outputs' weights one after another, `longest` apart.
    weights: Vec<i32>,
    longest: usize,
}

impl Taps {
    /// # Equation
    /// ```text
    /// scale = from / to,  s = max(scale, 1),  center = (i + 1/2) scale
    /// weight of input j ~ f((j + 1/2 - center) / s),  |j + 1/2 - center| < support s
    /// ```
    ///
    /// Of the outputs `0..to` those in `kept`.
    fn new(from: usize, to: usize, kept: Range<usize>, by: Interpolation) -> Self {
        let (filter, support): (fn(f64) -> f64, f64) = match by {
            Interpolation::Nearest => return Self::nearest(from, to, kept),
            Interpolation::Bilinear => (tent, 1.0),
            Interpolation::Bicubic => (cubic, 2.0),
        };
        let scale = from as f64 / to as f64;
        let stretch = scale.max(1.0);
        let support = support * stretch;
        let longest = support.ceil() as usize * 2 + 1;
        let n = kept.len();
        let mut taps =
            Self { spans: Vec::with_capacity(n), weights: vec![0; n * longest], longest };
        let inverse = 1.0 / stretch;
        let mut row = vec![0.0; longest];
        for (i, weights) in kept.zip(taps.weights.chunks_exact_mut(longest)) {
            let center = (i as f64 + 0.5) * scale;
            let first = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(from);
            let n = end.saturating_sub(first);
            let mut sum = 0.0;
            for (j, weight) in row.iter_mut().take(n).enumerate() {
                *weight = filter(((j + first) as f64 - center + 0.5) * inverse);
                sum += *weight;
            }
            for (fixed, weight) in weights.iter_mut().zip(row.iter().take(n)) {
                let weight = if sum == 0.0 { *weight } else { *weight / sum };
                *fixed = (weight * f64::from(1 << BITS)).round() as i32;
            }
            taps.spans.push((first, n));
        }
        taps
    }

    fn nearest(from: usize, to: usize, kept: Range<usize>) -> Self {
        let scale = from as f64 / to as f64;
        let mut at = 0.5 * scale;
        let mut spans = Vec::with_capacity(kept.len());
        for i in 0..kept.end {
            if i >= kept.start {
                spans.push(((at as usize).min(from - 1), 1));
            }
            // Pillow adds, too; a product would round differently.
            at += scale;
        }
        Self { weights: vec![1 << BITS; spans.len()], spans, longest: 1 }
    }

    /// The inputs that an output is made of.
    fn inputs(&self) -> Range<usize> {
        let first = self.spans.iter().map(|span| span.0).min().unwrap_or(0);
        first..self.spans.iter().map(|(first, n)| first + n).max().unwrap_or(0)
    }

    /// One line: every output is a weighted sum of neighbors.
    fn gather(&self, line: &[u8], out: &mut [u8]) {
        if self.longest == 1 {
            for (out, &(at, _)) in out.iter_mut().zip(&self.spans) {
                *out = line.get(at).copied().unwrap_or(0);
            }
            return;
        }
        let weights = self.weights.chunks_exact(self.longest);
        for ((out, &(first, n)), weights) in out.iter_mut().zip(&self.spans).zip(weights) {
            let inputs = line.get(first..first + n).unwrap_or(&[]);
            let products = inputs.iter().zip(weights).map(|(&x, &w)| i32::from(x).wrapping_mul(w));
            *out = rounded(products.fold(1 << (BITS - 1), i32::wrapping_add));
        }
    }

    /// All lines: every output line is a weighted sum of lines of `wide` pixels, the first of which is line `start`.
    fn mix(&self, lines: &[u8], start: usize, wide: usize, out: &mut Vec<u8>) {
        let mut sums = vec![0i32; wide];
        for (&(first, n), weights) in self.spans.iter().zip(self.weights.chunks_exact(self.longest))
        {
            sums.fill(1 << (BITS - 1));
            let lines = lines.chunks_exact(wide).skip(first - start).take(n);
            for (line, &weight) in lines.zip(weights) {
                for (sum, &x) in sums.iter_mut().zip(line) {
                    *sum = sum.wrapping_add(i32::from(x).wrapping_mul(weight));
                }
            }
            out.extend(sums.iter().map(|&sum| rounded(sum)));
        }
    }
}

fn rounded(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

fn tent(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}
