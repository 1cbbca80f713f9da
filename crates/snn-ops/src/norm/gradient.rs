//! The backward pass of batch norm.

use multiversion::multiversion;
use rayon::prelude::*;

use super::sums::pieces;
use super::{BLOCK_ROWS, Moments};
use crate::buffer::Data;

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

    /// Turns `dy` into the input's gradient in place:
    /// `dx = weight * inv_std * (dy - mean(dy) - xhat * mean(dy * xhat))`.
    pub fn input_gradient(&self, x: Data<'_>, weight: &[f32], sums: &[f64], dy: &mut [f32]) {
        let channels = self.channels();
        // dx = a * dy - b * x + c with the per-channel constants collected.
        let coefficients: Vec<[f32; 3]> = (0..channels)
            .map(|c| {
                let inv_std = f64::from(self.inv_std[c]);
                let a = f64::from(weight[c]) * inv_std;
                let slope = a * inv_std * sums[channels + c] / self.count;
                let constant = slope * f64::from(self.mean[c]) - a * sums[c] / self.count;
                [a as f32, slope as f32, constant as f32]
            })
            .collect();
        let column = |i: usize| coefficients.iter().map(|k| k[i]).collect::<Vec<f32>>();
        let (a, b, c) = (column(0), column(1), column(2));
        let block = channels * BLOCK_ROWS;
        dy.par_chunks_mut(block).enumerate().for_each(|(i, dy)| {
            let x = x.slice(i * block..i * block + dy.len());
            combine(dy, x.widened(&mut Vec::new()), &a, &b, &c);
        });
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
fn combine(dy: &mut [f32], x: &[f32], a: &[f32], b: &[f32], c: &[f32]) {
    for (dy, x) in dy.chunks_exact_mut(a.len()).zip(x.chunks_exact(a.len())) {
        for ((((dy, &x), &a), &b), &c) in dy.iter_mut().zip(x).zip(a).zip(b).zip(c) {
            *dy = a * *dy - b * x + c;
        }
    }
}
