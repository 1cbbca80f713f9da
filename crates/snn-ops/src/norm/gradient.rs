//! The backward pass of batch norm.

use multiversion::multiversion;
use rayon::prelude::*;

use super::sums::pieces;
use super::{BLOCK_ROWS, Moments};
use crate::buffer::{Data, Element, Unset};

/// What the backward pass needs of the statistics, in f32.
pub struct Normalized {
    mean: Vec<f32>,
    inv_std: Vec<f32>,
    count: f64,
}

impl Normalized {
    /// Of the batch's own moments.
    pub fn new(moments: &Moments) -> Self {
        let narrow = |x: &[f64]| x.iter().map(|&v| v as f32).collect();
        Self {
            mean: narrow(&moments.mean),
            inv_std: narrow(&moments.inv_std()),
            count: moments.count as f64,
        }
    }

    /// Of running statistics, which do not move with the input.
    pub fn fixed(moments: &Moments) -> Self {
        Self { count: f64::INFINITY, ..Self::new(moments) }
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.mean.len()
    }

    /// Per channel: the sum of `dy` (the bias's gradient), then of `dy * (x - mean) * inv_std` (the
    /// weight's gradient).
    pub fn gradient_sums(&self, x: &[f32], dy: &[f32]) -> Vec<f64> {
        let channels = self.channels();
        let mut sums = pieces(x.len() / channels, channels, |rows, sums| {
            let rows = rows.start * channels..rows.end * channels;
            self.add_sums(&x[rows.clone()], &dy[rows], sums);
        });
        self.scale_sums(&mut sums);
        sums
    }

    /// Adds the rows' `dy` and `dy * (x - mean)` to the two halves of `sums`: what
    /// [`Normalized::gradient_sums`] adds up, for callers that go through the rows themselves.
    pub fn add_sums(&self, x: &[f32], dy: &[f32], sums: &mut [f32]) {
        product_sums(x, dy, &self.mean, sums);
    }

    /// Multiplies the second half of the finished `sums` by `inv_std`.
    pub fn scale_sums(&self, sums: &mut [f64]) {
        for (sum, &inv_std) in sums[self.channels()..].iter_mut().zip(&self.inv_std) {
            *sum *= f64::from(inv_std);
        }
    }

    /// The input's gradient, `dx = weight * inv_std * (dy - mean(dy) - xhat * mean(dy * xhat))`.
    pub fn input_gradient<E: Element>(
        &self,
        x: Data<'_>,
        weight: &[f32],
        sums: &[f64],
        dy: &[f32],
    ) -> Vec<E> {
        let (constants, block) = (self.constants(weight, sums), self.channels() * BLOCK_ROWS);
        let mut dx = Unset::new(dy.len());
        dx.blocks(dy.len(), block).into_par_iter().enumerate().for_each(|(i, rows)| {
            for dx in rows.zeroed() {
                let range = i * block..i * block + dx.len();
                E::through(dx, |dx| {
                    dx.copy_from_slice(&dy[range.clone()]);
                    combine(dx, x.slice(range).widened(&mut Vec::new()), &constants);
                });
            }
        });
        dx.finish()
    }

    /// Turns `dy` into the input's gradient, as [`Normalized::input_gradient`] computes it.
    pub fn input_gradient_in_place(
        &self,
        x: Data<'_>,
        weight: &[f32],
        sums: &[f64],
        dy: &mut [f32],
    ) {
        let (constants, block) = (self.constants(weight, sums), self.channels() * BLOCK_ROWS);
        dy.par_chunks_mut(block).enumerate().for_each(|(i, dy)| {
            let x = x.slice(i * block..i * block + dy.len());
            combine(dy, x.widened(&mut Vec::new()), &constants);
        });
    }

    /// Per channel, `a`, `b` and `c` of `dx = a * dy - b * x + c`.
    fn constants(&self, weight: &[f32], sums: &[f64]) -> [Vec<f32>; 3] {
        let channels = self.channels();
        let mut constants = [(); 3].map(|()| Vec::with_capacity(channels));
        for c in 0..channels {
            let inv_std = f64::from(self.inv_std[c]);
            let a = f64::from(weight[c]) * inv_std;
            let b = a * inv_std * sums[channels + c] / self.count;
            let shift = b * f64::from(self.mean[c]) - a * sums[c] / self.count;
            constants.iter_mut().zip([a, b, shift]).for_each(|(to, v)| to.push(v as f32));
        }
        constants
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn product_sums(x: &[f32], dy: &[f32], mean: &[f32], sums: &mut [f32]) {
    let (sum, product) = sums.split_at_mut(mean.len());
    for (x, dy) in x.chunks_exact(mean.len()).zip(dy.chunks_exact(mean.len())) {
        for ((((&x, &g), &m), s), p) in x.iter().zip(dy).zip(mean).zip(&mut *sum).zip(&mut *product)
        {
            *s += g;
            *p += g * (x - m);
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn combine(dy: &mut [f32], x: &[f32], [a, b, c]: &[Vec<f32>; 3]) {
    for (dy, x) in dy.chunks_exact_mut(a.len()).zip(x.chunks_exact(a.len())) {
        for ((((dy, &x), &a), &b), &c) in dy.iter_mut().zip(x).zip(a).zip(b).zip(c) {
            *dy = a * *dy - b * x + c;
        }
    }
}
