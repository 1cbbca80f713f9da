//! Batch normalisation of channels-last tensors.
//!
//! Statistics pool over every axis but the last, so a sequence `[T, N, H, W, C]` is normalised over
//! time and batch together; threshold-dependent batch norm is the same function with the scale
//! initialised to `a * v_threshold`.

#[cfg(feature = "cuda")]
#[path = "unsafe_cuda.rs"]
pub mod cuda;
mod gradient;
mod moments;
mod sums;

pub use gradient::Normalized;
pub use moments::Moments;

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
/// [`Error::Shape`] when channels differ or an axis is empty.
pub fn batch_norm(
    tape: &mut Tape,
    x: &Value,
    weight: &Value,
    bias: &Value,
) -> Result<(Value, Moments)> {
    let channels = weight.dims().first().copied().unwrap_or(0);
    check_channels("batch_norm input", x.dims().last().copied().unwrap_or(0), channels)?;
    let moments = with_data("batch_norm input", x.tensor(), |x| Moments::of(x, channels))?;
    let out = normalize(x, weight, bias, &moments)?;
    let (input, gamma, saved) = (x.tensor().clone(), weight.tensor().clone(), moments.clone());
    let (to_x, to_w, to_b) = (x.target(), weight.target(), bias.target());
    let value = tape.push(out, &[x, weight, bias], move |dy: Gradient, grads: &mut Gradients| {
        let input = buffer::to_f32(&input)?;
        let (sums, dx) = with_f32("batch_norm gradient", &dy, |dy| {
            with_f32("batch_norm input", &input, |x| {
                let norm = Normalized::new(&saved);
                let sums = norm.gradient_sums(x, dy);
                let dx = with_f32("weight", &gamma, |gamma| {
                    Ok(norm.input_gradient::<f32>(Data::F32(x), gamma, &sums, dy))
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
    buffer::elements("batch_norm input", x.dims())?;
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
