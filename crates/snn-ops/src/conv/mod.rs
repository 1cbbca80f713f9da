//! Convolution on channels-last images: forward, input gradient and weight gradient.
//!
//! `plan` turns each pass into dense correlations, `pad` brings an image into zero-padded scratch,
//! `run` cuts the work, and `portable` or `unsafe_avx512` do the arithmetic; `sparse` skips zeros, and
//! `winograd` is the input gradient of 3x3 kernels.

mod pad;
mod plan;
mod portable;
#[cfg(test)]
mod reference;
mod run;
mod sparse;
#[cfg(target_arch = "x86_64")]
mod unsafe_avx512;
#[cfg(target_arch = "x86_64")]
mod unsafe_spikes;
mod winograd;

use candle_core::Tensor;
use rayon::prelude::*;

use crate::buffer::{self, with_data, with_f32};
use crate::{Engine, Error, Gradient, Gradients, Result, Tape, Value, engine};
use plan::Correlation;
use run::Kernel;

/// Stride and zero padding of a 2-d convolution, each (rows, columns).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Step between windows; at least 1.
    pub stride: [usize; 2],
    /// Zeros on each side.
    pub padding: [usize; 2],
}

impl Conv2d {
    /// The same stride and padding on both axes.
    pub fn square(stride: usize, padding: usize) -> Self {
        Self { stride: [stride; 2], padding: [padding; 2] }
    }
}

/// 2-d convolution (cross-correlation, as in PyTorch) without bias.
///
/// # Equation
/// `y[.., i, j, o] = sum over a, b, c of w[o, c, a, b] * x[.., i*s + a - p, j*s + b - p, c]`
///
/// # Shapes
/// - `x`: `[.., H, W, C]` f32 or u8, channels last; every leading axis is batch
/// - `weight`: `[O, C, kH, kW]` f32, PyTorch's layout
/// - returns `[.., H', W', O]` f32, `H' = (H + 2p - kH) / s + 1`
///
/// # Errors
/// [`Error::Shape`] when channels differ or the kernel is larger than the padded image,
/// [`Error::Config`] for a zero stride.
///
/// # Determinism
/// The result depends on the engine, not on the number of threads.
pub fn conv2d(tape: &mut Tape, x: &Value, weight: &Value, config: Conv2d) -> Result<Value> {
    let (plan, lead) = plan(x, weight, config)?;
    let engine = engine();
    let images: usize = lead.iter().product();
    let mut shape = lead;
    shape.extend(plan.output);
    let mut out = vec![0.0; buffer::elements("conv2d output", &shape)?];
    let span = plan.span("forward", images).entered();
    let kernel = with_data("conv2d input", x.tensor(), |x| Ok(Kernel::choose(engine, &plan, x)))?;
    with_f32("conv2d weight", weight.tensor(), |w| {
        let [kh, kw] = plan.taps;
        let taps: Vec<_> = (0..kh).flat_map(|y| (0..kw).map(move |x| [y, x])).collect();
        let packed = run::pack(kernel, &plan, &taps, |t, c, o| w[index(&plan, o, c, t)]);
        with_data("conv2d input", x.tensor(), |x| {
            run::correlate(kernel, &plan, x, &packed, &mut out);
            Ok(())
        })
    })?;
    let out = buffer::tensor(out, shape)?;
    drop(span);
    // The input is kept for the weight gradient only, the weight for the input gradient only.
    let saved = (weight.wants_gradient().then(|| x.tensor().clone()), weight.tensor().clone());
    let (to_x, to_w, x_shape) = (x.target(), weight.target(), x.dims().to_vec());
    Ok(tape.push(out, &[x, weight], move |dy: Gradient, grads: &mut Gradients| {
        with_f32("conv2d gradient", &dy, |dy| {
            if let Some(x) = &saved.0 {
                let _span = plan.span("weight gradient", images).entered();
                grads.add(to_w, weight_gradient(kernel, &plan, x, dy)?)?;
            }
            if to_x.is_wanted() {
                let _span = plan.span("input gradient", images).entered();
                let dx = input_gradient(engine, &plan, &saved.1, dy, x_shape.iter().product())?;
                grads.add(to_x, buffer::tensor(dx, x_shape)?)?;
            }
            Ok(())
        })
    }))
}

/// 1-d convolution: [`conv2d`] on images of one row.
///
/// # Shapes
/// - `x`: `[.., L, C]`, `weight`: `[O, C, k]`, returns `[.., L', O]`
///
/// # Errors
/// As [`conv2d`].
pub fn conv1d(
    tape: &mut Tape,
    x: &Value,
    weight: &Value,
    stride: usize,
    padding: usize,
) -> Result<Value> {
    let (Some(at), &[o, c, k]) = (x.dims().len().checked_sub(2), weight.dims()) else {
        return Err(Error::Shape {
            what: "conv1d",
            expected: "[.., L, C] and weight [O, C, k]".into(),
            got: weight.dims().to_vec(),
        });
    };
    let mut wide = x.dims().to_vec();
    wide.insert(at, 1);
    let x = crate::reshape(tape, x, &wide)?;
    let weight = crate::reshape(tape, weight, &[o, c, 1, k])?;
    let config = Conv2d { stride: [1, stride], padding: [0, padding] };
    let y = conv2d(tape, &x, &weight, config)?;
    let mut narrow = y.dims().to_vec();
    narrow.remove(at);
    crate::reshape(tape, &y, &narrow)
}

fn plan(x: &Value, weight: &Value, config: Conv2d) -> Result<(Correlation, Vec<usize>)> {
    let shape = |got: &Value, expected: String| Error::Shape {
        what: "conv2d",
        expected,
        got: got.dims().to_vec(),
    };
    if config.stride.contains(&0) {
        return Err(Error::Config { field: "stride", why: "is 0; use at least 1".into() });
    }
    let Some((lead, &[h, w, c])) = x.dims().split_last_chunk::<3>() else {
        return Err(shape(x, "[.., H, W, C]".into()));
    };
    let &[o, wc, kh, kw] = weight.dims() else {
        return Err(shape(weight, "[O, C, kH, kW]".into()));
    };
    buffer::elements("conv2d input", x.dims())?;
    buffer::elements("conv2d weight", weight.dims())?;
    if wc != c {
        return Err(shape(x, format!("[.., H, W, {wc}]")));
    }
    let plan = Correlation::forward([h, w, c], o, [kh, kw], config)
        .ok_or_else(|| shape(x, format!("an image of at least {kh} x {kw} with its padding")))?;
    Ok((plan, lead.to_vec()))
}

/// Where weight (output, input, tap) lies in OIHW.
fn index(plan: &Correlation, o: usize, c: usize, [y, x]: [usize; 2]) -> usize {
    ((o * plan.input[2] + c) * plan.taps[0] + y) * plan.taps[1] + x
}

fn input_gradient(
    engine: Engine,
    forward: &Correlation,
    weight: &Tensor,
    dy: &[f32],
    len: usize,
) -> Result<Vec<f32>> {
    // Gradients are dense: batch norm subtracts their mean.
    let kernel = Kernel::Dense(engine);
    let mut dx = vec![0.0; len];
    with_f32("conv2d weight", weight, |w| {
        for (plan, taps) in forward.input_gradient() {
            let weight = |t, o, c| w[index(forward, o, c, t)];
            if winograd::is_worth(&plan) {
                let packed = winograd::pack(engine, &plan, &taps, weight);
                winograd::correlate(engine, &plan, dy, &packed, &mut dx);
            } else {
                let packed = run::pack(kernel, &plan, &taps, weight);
                run::correlate(kernel, &plan, buffer::Data::F32(dy), &packed, &mut dx);
            }
        }
        Ok(())
    })?;
    Ok(dx)
}

fn weight_gradient(kernel: Kernel, plan: &Correlation, x: &Tensor, dy: &[f32]) -> Result<Tensor> {
    let dw = with_data("conv2d input", x, |x| Ok(run::weight_gradient(kernel, plan, x, dy)))?;
    let ([kh, kw], c, o) = (plan.taps, plan.input[2], plan.output[2]);
    let mut oihw = vec![0.0; dw.len()];
    oihw.par_chunks_mut(c * kh * kw).enumerate().for_each(|(out, filter)| {
        for (i, slot) in filter.iter_mut().enumerate() {
            *slot = dw[((i % (kh * kw)) * c + i / (kh * kw)) * o + out];
        }
    });
    buffer::tensor(oihw, vec![o, c, kh, kw])
}

#[cfg(test)]
mod tests;
