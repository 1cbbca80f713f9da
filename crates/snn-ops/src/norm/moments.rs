//! Mean and variance of each channel.

use candle_core::Tensor;
use multiversion::multiversion;

use super::check_channels;
use super::sums::pieces;
use crate::buffer::{self, Data, with_f32};
use crate::{EPS, Error, MOMENTUM, Result};

/// Mean and biased variance of each channel.
#[derive(Clone, Debug)]
pub struct Moments {
    /// Mean.
    pub mean: Vec<f64>,
    /// Biased variance.
    pub var: Vec<f64>,
    /// Elements that each was taken over.
    pub count: usize,
}

impl Moments {
    /// The moments of `x`, `[rows, channels]`.
    ///
    /// Sums are taken about the first row `k`, so the variance's rounding error grows with
    /// `var + (mean - k)^2` where sums about zero would have `var + mean^2`: a mean far from zero
    /// costs nothing, a first row `z` standard deviations from the mean costs a factor `1 + z^2`.
    ///
    /// # Errors
    /// [`Error::Shape`] when `x` is empty or does not hold whole rows.
    pub fn of(x: Data<'_>, channels: usize) -> Result<Self> {
        if x.is_empty() || channels == 0 || !x.len().is_multiple_of(channels) {
            let expected =
                format!("at least one row of {channels} channels, and at least one channel");
            return Err(Error::Shape { what: "norm input", expected, got: vec![x.len()] });
        }
        let count = x.len() / channels;
        let first = x.slice(0..channels).widened(&mut Vec::new()).to_vec();
        let sums = pieces(count, channels, |rows, sums| {
            let rows = x.slice(rows.start * channels..rows.end * channels);
            shifted_sums(rows.widened(&mut Vec::new()), &first, sums);
        });
        let n = count as f64;
        let mean = (0..channels).map(|c| f64::from(first[c]) + sums[c] / n).collect();
        let var = (0..channels)
            .map(|c| (sums[channels + c] / n - (sums[c] / n).powi(2)).max(0.0))
            .collect();
        Ok(Self { mean, var, count })
    }

    /// Running statistics as moments, for evaluation.
    ///
    /// # Errors
    /// When they are not f32 vectors of one length on the CPU.
    pub fn running(mean: &Tensor, var: &Tensor) -> Result<Self> {
        check_channels("running variance", var.elem_count(), mean.elem_count())?;
        let wide = |t: &Tensor| {
            with_f32("running statistics", t, |x| Ok(x.iter().map(|&v| f64::from(v)).collect()))
        };
        Ok(Self { mean: wide(mean)?, var: wide(var)?, count: 0 })
    }

    /// `1 / sqrt(var + eps)`.
    pub fn inv_std(&self) -> Vec<f64> {
        self.var.iter().map(|v| 1.0 / (v + EPS).sqrt()).collect()
    }

    /// The running statistics after this batch; `repeat` equal copies of it were seen, which only
    /// the unbiased variance's n / (n - 1) notices.
    ///
    /// # Errors
    /// [`Error::Shape`] when the lengths differ.
    pub fn update(&self, mean: &Tensor, var: &Tensor, repeat: usize) -> Result<(Tensor, Tensor)> {
        let n = (self.count * repeat) as f64;
        let unbiased = if n > 1.0 { n / (n - 1.0) } else { 1.0 };
        let blend = |old: &Tensor, new: &[f64], factor: f64| {
            with_f32("running statistics", old, |old| {
                check_channels("running statistics", old.len(), new.len())?;
                let mixed = old.iter().zip(new).map(|(&old, new)| {
                    ((1.0 - MOMENTUM) * f64::from(old) + MOMENTUM * factor * new) as f32
                });
                buffer::tensor(mixed.collect::<Vec<f32>>(), new.len())
            })
        };
        Ok((blend(mean, &self.mean, 1.0)?, blend(var, &self.var, unbiased)?))
    }

    /// Per-channel `scale` and `shift` so that the normalised value is `x * scale + shift`.
    pub fn affine(&self, weight: &[f32], bias: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let inv_std = self.inv_std();
        let scale: Vec<f64> = weight.iter().zip(&inv_std).map(|(&w, s)| f64::from(w) * s).collect();
        let shift = (0..scale.len()).map(|c| (f64::from(bias[c]) - self.mean[c] * scale[c]) as f32);
        (scale.iter().map(|&s| s as f32).collect(), shift.collect())
    }
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn shifted_sums(x: &[f32], first: &[f32], sums: &mut [f32]) {
    let (sum, square) = sums.split_at_mut(first.len());
    for row in x.chunks_exact(first.len()) {
        for (((&x, &k), s), q) in row.iter().zip(first).zip(&mut *sum).zip(&mut *square) {
            let d = x - k;
            *s += d;
            *q += d * d;
        }
    }
}
