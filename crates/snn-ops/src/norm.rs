//! Batch normalisation of channels-last tensors, and the per-channel sums behind it.
//!
//! Statistics pool over every axis but the last, so a sequence `[T, N, H, W, C]` is normalised over
//! time and batch together; threshold-dependent batch norm is the same function with the scale
//! initialised to `a * v_threshold`.

use candle_core::Tensor;
use multiversion::multiversion;
use rayon::prelude::*;

use crate::buffer::{self, Data, with_data, with_f32};
use crate::{Error, Gradient, Gradients, Result, Tape, Value};

/// Added to the variance, as in PyTorch.
pub const EPS: f64 = 1e-5;
/// Weight of the new batch in the running statistics, as in PyTorch.
pub const MOMENTUM: f64 = 0.1;

/// Rows whose sums are kept in f32 before they are added up in f64.
const BLOCK_ROWS: usize = 256;
/// Pieces that sums are cut into, whatever the number of threads.
const PIECES: usize = 64;

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
    /// Sums are taken about the first row, which removes the cancellation of `E[x^2] - E[x]^2`.
    pub fn of(x: Data<'_>, channels: usize) -> Self {
        let count = x.len() / channels;
        let first = x.slice(0..channels).to_f32().into_owned();
        let sums = pieces(count, channels, |rows, sums| {
            let rows = x.slice(rows.start * channels..rows.end * channels);
            shifted_sums(&rows.to_f32(), &first, sums);
        });
        let n = count as f64;
        let mean = (0..channels).map(|c| f64::from(first[c]) + sums[c] / n).collect();
        let var = (0..channels)
            .map(|c| (sums[channels + c] / n - (sums[c] / n).powi(2)).max(0.0))
            .collect();
        Self { mean, var, count }
    }

    /// Running statistics as moments, for evaluation.
    ///
    /// # Errors
    /// When they are not f32 vectors on the CPU.
    pub fn running(mean: &Tensor, var: &Tensor) -> Result<Self> {
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

/// Runs `f` over fixed pieces of `rows` rows and adds up, in order and in f64, what it leaves in its
/// `2 * channels` f32 sums after every block of rows.
fn pieces(
    rows: usize,
    channels: usize,
    f: impl Fn(std::ops::Range<usize>, &mut [f32]) + Sync,
) -> Vec<f64> {
    // DETERMINISM: the pieces follow from the number of rows, and are added in order.
    let partial: Vec<Vec<f64>> = (0..PIECES)
        .into_par_iter()
        .map(|p| {
            let mut wide = vec![0f64; 2 * channels];
            let mut sums = vec![0f32; 2 * channels];
            let end = (p + 1) * rows / PIECES;
            for start in (p * rows / PIECES..end).step_by(BLOCK_ROWS) {
                sums.fill(0.0);
                f(start..(start + BLOCK_ROWS).min(end), &mut sums);
                wide.iter_mut().zip(&sums).for_each(|(w, &s)| *w += f64::from(s));
            }
            wide
        })
        .collect();
    let mut total = vec![0f64; 2 * channels];
    for wide in partial {
        total.iter_mut().zip(wide).for_each(|(t, w)| *t += w);
    }
    total
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

pub(crate) fn check_channels(what: &'static str, got: usize, expected: usize) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::Shape { what, expected: format!("[{expected}]"), got: vec![got] })
}

/// Normalises with the batch's own statistics and returns them for the running ones.
///
/// # Equation
/// `y = (x - mean) / sqrt(var + eps) * weight + bias`, per channel, biased variance.
///
/// # Shapes
/// - `x`: `[.., C]` f32 or u8; `weight`, `bias`: `[C]`; returns `[.., C]` f32
///
/// # Errors
/// [`Error::Shape`] when channels differ.
pub fn batch_norm(
    tape: &mut Tape,
    x: &Value,
    weight: &Value,
    bias: &Value,
) -> Result<(Value, Moments)> {
    let channels = weight.dims().first().copied().unwrap_or(0);
    check_channels("batch_norm input", x.dims().last().copied().unwrap_or(0), channels)?;
    let moments = with_data("batch_norm input", x.tensor(), |x| Ok(Moments::of(x, channels)))?;
    let out = normalize(x, weight, bias, &moments)?;
    let (input, gamma, saved) = (x.tensor().clone(), weight.tensor().clone(), moments.clone());
    let (to_x, to_w, to_b) = (x.target(), weight.target(), bias.target());
    let value = tape.push(out, &[x, weight, bias], move |dy: Gradient, grads: &mut Gradients| {
        let input = buffer::to_f32(&input)?;
        let (sums, dx) = with_f32("batch_norm gradient", &dy, |dy| {
            with_f32("batch_norm input", &input, |x| {
                let norm = Normalized::new(&saved);
                let sums = norm.gradient_sums(x, dy);
                let mut dx = dy.to_vec();
                with_f32("weight", &gamma, |gamma| {
                    norm.input_gradient(Data::F32(x), gamma, &sums, &mut dx);
                    Ok(())
                })?;
                Ok((sums, dx))
            })
        })?;
        let part = |range: std::ops::Range<usize>| {
            let sums: Vec<f32> = sums[range].iter().map(|&v| v as f32).collect();
            buffer::tensor(sums, channels)
        };
        grads.add(to_b, part(0..channels)?)?;
        grads.add(to_w, part(channels..2 * channels)?)?;
        grads.add(to_x, buffer::tensor(dx, dy.shape())?)
    });
    Ok((value, moments))
}

/// Normalises with running statistics; no gradient flows.
///
/// # Errors
/// As [`batch_norm`].
pub fn batch_norm_eval(
    x: &Value,
    weight: &Value,
    bias: &Value,
    running: &Moments,
) -> Result<Value> {
    let channels = running.mean.len();
    check_channels("batch_norm input", x.dims().last().copied().unwrap_or(0), channels)?;
    Ok(Value::constant(normalize(x, weight, bias, running)?))
}

fn normalize(x: &Value, weight: &Value, bias: &Value, moments: &Moments) -> Result<Tensor> {
    let (scale, shift) = with_f32("weight", weight.tensor(), |weight| {
        with_f32("bias", bias.tensor(), |bias| {
            check_channels("batch_norm weight", weight.len(), moments.mean.len())?;
            check_channels("batch_norm bias", bias.len(), weight.len())?;
            Ok(moments.affine(weight, bias))
        })
    })?;
    let wide = buffer::to_f32(x.tensor())?;
    with_f32("batch_norm input", &wide, |x| {
        let mut y = x.to_vec();
        y.par_chunks_mut(scale.len() * BLOCK_ROWS).for_each(|block| affine(block, &scale, &shift));
        buffer::tensor(y, wide.shape())
    })
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn affine(block: &mut [f32], scale: &[f32], shift: &[f32]) {
    for row in block.chunks_exact_mut(scale.len()) {
        for ((y, &a), &b) in row.iter_mut().zip(scale).zip(shift) {
            *y = *y * a + b;
        }
    }
}

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

    /// Mean of each channel.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// `1 / sqrt(var + eps)` of each channel.
    pub fn inv_std(&self) -> &[f32] {
        &self.inv_std
    }

    /// Per channel: the sum of `dy` (the bias's gradient), then of `dy * (x - mean) * inv_std` (the
    /// weight's gradient).
    pub fn gradient_sums(&self, x: &[f32], dy: &[f32]) -> Vec<f64> {
        let channels = self.mean.len();
        let mut sums = pieces(x.len() / channels, channels, |rows, sums| {
            let rows = rows.start * channels..rows.end * channels;
            product_sums(&x[rows.clone()], &dy[rows], &self.mean, sums);
        });
        for (sum, &inv_std) in sums[channels..].iter_mut().zip(&self.inv_std) {
            *sum *= f64::from(inv_std);
        }
        sums
    }

    /// Turns `dy` into the input's gradient in place:
    /// `dx = weight * inv_std * (dy - mean(dy) - xhat * mean(dy * xhat))`.
    pub fn input_gradient(&self, x: Data<'_>, weight: &[f32], sums: &[f64], dy: &mut [f32]) {
        let channels = self.mean.len();
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
            combine(dy, &x.to_f32(), &a, &b, &c);
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
