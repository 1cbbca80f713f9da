//! Convolution on channels-last images: forward, input gradient and weight gradient.
//!
//! `plan` turns each pass into dense correlations, and `choose` picks the kernels. In f32 `pad` brings an
//! image into zero-padded scratch, `run` cuts the work, and `portable` or `unsafe_avx512` do the arithmetic;
//! `sparse` skips zeros, and `winograd` saves products of 3x3 kernels. `tiles` does all passes on units that multiply bf16.

mod choose;
mod output;
mod pad;
mod plan;
mod portable;
#[cfg(test)]
mod reference;
mod run;
mod sparse;
pub(crate) mod tiles;
#[cfg(target_arch = "x86_64")]
mod unsafe_avx512;
#[cfg(target_arch = "x86_64")]
mod unsafe_spikes;
mod winograd;

use std::borrow::Cow;

use candle_core::Tensor;
use half::bf16;
use rayon::prelude::*;

use crate::buffer::{self, Data, Element, with_data, with_f32};
use crate::selection::{check_exact, engine};
use crate::{Error, Gradient, Gradients, Precision, Result, Saved, Tape, Value};
use choose::{Choice, Choices};
use output::Output;
use plan::{Correlation, Scope, Tap};

/// Stride and zero padding of a 2-d convolution, each (rows, columns), and its number format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Step between windows; at least 1.
    pub stride: [usize; 2],
    /// Zeros on each side.
    pub padding: [usize; 2],
    /// The result's number format.
    pub precision: Precision,
}

impl Conv2d {
    /// One stride and one padding for both axes, in f32.
    pub fn square(stride: usize, padding: usize) -> Self {
        Self::new([stride; 2], [padding; 2])
    }

    /// Stride and padding by axis, in f32.
    pub fn new(stride: [usize; 2], padding: [usize; 2]) -> Self {
        Self { stride, padding, precision: Precision::F32 }
    }
}

/// 2-d convolution (cross-correlation, as in PyTorch) without bias.
///
/// # Equation
/// `y[.., i, j, o] = sum over a, b, c of w[o, c, a, b] * x[.., i*s + a - p, j*s + b - p, c]`
///
/// # Shapes
/// - `x`: `[.., H, W, C]` f32, bf16 or u8, channels last; every leading axis is batch
/// - `weight`: `[O, C, kH, kW]` f32, PyTorch's layout
/// - returns `[.., H', W', O]` in the precision's format, `H' = (H + 2p - kH) / s + 1`
///
/// # Precision
/// In f32 sums are as accurate as those of f32 products, whatever the engine. In bf16 the operands may be rounded, and
/// the result is; both gradients are f32.
///
/// # Errors
/// [`Error::Shape`] when channels differ or the kernel is larger than the padded image,
/// [`Error::Config`] for a zero stride, [`Error::Unsupported`] on a GPU for [`Tape::exact`].
///
/// # Determinism
/// The result depends on the engine, not on the number of threads. On [`Tape::exact`] an image's result does not depend
/// on the images beside it.
pub fn conv2d(tape: &mut Tape, x: &Value, weight: &Value, config: Conv2d) -> Result<Value> {
    let (plan, lead) = plan(x, weight, config)?;
    check_exact(tape, "conv2d", x.tensor())?;
    #[cfg(feature = "cuda")]
    if x.tensor().device().is_cuda() {
        let (input, taps, output) = (plan.input, plan.taps, plan.output);
        let images = lead.iter().product();
        let extent = crate::cuda::unsafe_conv::Extent { images, input, taps, output, config };
        return crate::cuda::unsafe_conv::conv2d(tape, x, weight, extent, &lead);
    }
    let choices = Choices::new(engine(), config.precision);
    let scope = if tape.is_exact() { Scope::Image } else { Scope::Call };
    let images: usize = lead.iter().product();
    let mut shape = lead;
    shape.extend(plan.output);
    let len = buffer::elements("conv2d output", &shape)?;
    let span = plan.span("forward", images).entered();
    let (choice, out) = with_data("conv2d input", x.tensor(), |x| {
        let choice = choices.of_input(&plan, x, scope);
        let out = with_f32("conv2d weight", weight.tensor(), |w| match config.precision {
            Precision::F32 => {
                buffer::tensor(forward::<f32>(choice, &plan, x, w, len, scope), shape)
            }
            Precision::Bf16 => {
                buffer::tensor(forward::<bf16>(choice, &plan, x, w, len, scope), shape)
            }
        })?;
        Ok((choice, out))
    })?;
    drop(span);
    // The input is kept for the weight gradient only, the weight for the input gradient only.
    let keeps = tape.is_recording() && weight.wants_gradient();
    let saved = (keeps.then(|| Saved::new(x.tensor())).transpose()?, weight.tensor().clone());
    let (to_x, to_w, x_shape) = (x.target(), weight.target(), x.dims().to_vec());
    Ok(tape.push(out, &[x, weight], move |dy: Gradient, grads: &mut Gradients| {
        with_data("conv2d gradient", &dy, |dy| {
            if let Some(x) = &saved.0 {
                let _span = plan.span("weight gradient", images).entered();
                grads.add(to_w, weight_gradient(choice, &plan, &x.tensor()?, dy)?)?;
            }
            if to_x.is_wanted() {
                let _span = plan.span("input gradient", images).entered();
                let dx = input_gradient(choices, &plan, &saved.1, dy, x_shape.iter().product())?;
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
    let config = Conv2d::new([1, stride], [0, padding]);
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

fn forward<E: Element>(
    choice: Choice,
    plan: &Correlation,
    x: Data<'_>,
    w: &[f32],
    len: usize,
    scope: Scope,
) -> Vec<E> {
    let [kh, kw] = plan.taps;
    let taps: Vec<_> = (0..kh).flat_map(|y| (0..kw).map(move |x| [y, x])).collect();
    output::computed(len, plan.image * plan.output[2], |out| {
        correlate(choice, plan, &taps, |t, c, o| w[index(plan, o, c, t)], x, out, scope);
    })
}

/// Runs one correlation on the chosen kernels.
fn correlate<E: Element>(
    choice: Choice,
    plan: &Correlation,
    taps: &[Tap],
    weight: impl Fn(Tap, usize, usize) -> f32 + Sync,
    x: Data<'_>,
    out: Output<'_, E>,
    scope: Scope,
) {
    match choice {
        Choice::Tiles(unit, parts) => {
            let packed = tiles::pack(plan, taps, parts, weight);
            tiles::correlate(unit, plan, x, &packed, out);
        }
        Choice::F32(kernel) => {
            let packed = run::pack(kernel, plan, taps, weight);
            run::correlate(kernel, plan, x, &packed, out, scope);
        }
        Choice::Winograd(engine, form) => {
            let packed = winograd::pack(engine, form, plan, taps, weight);
            winograd::correlate(engine, form, plan, x, &packed, out, scope);
        }
    }
}

/// All elements as f32.
fn as_f32(data: Data<'_>) -> Cow<'_, [f32]> {
    const PIECE: usize = 1 << 14;
    if let Data::F32(x) = data {
        return Cow::Borrowed(x);
    }
    let mut wide = buffer::zeroed(data.len());
    wide.par_chunks_mut(PIECE).enumerate().for_each(|(i, to)| {
        data.slice(i * PIECE..i * PIECE + to.len()).copy_to(to);
    });
    Cow::Owned(wide)
}

fn input_gradient(
    choices: Choices,
    forward: &Correlation,
    weight: &Tensor,
    dy: Data<'_>,
    len: usize,
) -> Result<Vec<f32>> {
    let images = len / forward.input.iter().product::<usize>();
    let phases = forward.input_gradient();
    with_f32("conv2d weight", weight, |w| {
        let run = |plan: &Correlation, taps: &[Tap], out: Output<'_, f32>| {
            let weight = |t, o, c| w[index(forward, o, c, t)];
            let choice = choices.of_gradient(plan, images);
            correlate(choice, plan, taps, weight, dy, out, Scope::Call);
        };
        if let [(plan, taps)] = &phases[..]
            && plan.is_dense()
        {
            return Ok(output::computed(len, len / images, |out| run(plan, taps, out)));
        }
        let mut dx = buffer::zeroed(len);
        phases.iter().for_each(|(plan, taps)| run(plan, taps, Output::Shared(&mut dx)));
        Ok(dx)
    })
}

fn weight_gradient(choice: Choice, plan: &Correlation, x: &Tensor, dy: Data<'_>) -> Result<Tensor> {
    let dw = with_data("conv2d input", x, |x| {
        Ok(match choice {
            Choice::Tiles(unit, parts) => tiles::weight_gradient(unit, plan, x, dy, parts),
            Choice::Winograd(engine, form) => winograd::weight_gradient(engine, form, plan, x, dy),
            Choice::F32(kernel) => run::weight_gradient(kernel, plan, x, &as_f32(dy)),
        })
    })?;
    let ([kh, kw], c, o) = (plan.taps, plan.input[2], plan.output[2]);
    let (taps, filter) = (kh * kw, c * kh * kw);
    // Filters that share a cache line of `dw`.
    const TOGETHER: usize = 16;
    let mut oihw = vec![0.0; dw.len()];
    oihw.par_chunks_mut(TOGETHER * filter).enumerate().for_each(|(block, filters)| {
        let first = block * TOGETHER;
        for (k, line) in dw.chunks_exact(o).enumerate() {
            let at = k % c * taps + k / c;
            for (filter, &v) in filters.chunks_exact_mut(filter).zip(&line[first..]) {
                filter[at] = v;
            }
        }
    });
    buffer::tensor(oihw, vec![o, c, kh, kw])
}

#[cfg(test)]
mod tests;
