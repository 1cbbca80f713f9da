//! The affine layer.

use candle_core::Tensor;
use multiversion::multiversion;
use rayon::prelude::*;

use crate::buffer::{self, to_f32, with_f32};
use crate::dot::dot;
use crate::norm::check_channels;
use crate::selection::check_exact;
use crate::unsafe_gemm::{Strides, matmul};
use crate::{Error, Gradient, Gradients, Result, Tape, Value};

/// `y = x W^T + b`.
///
/// # Shapes
/// - `x`: `[.., K]` f32 or u8; `weight`: `[O, K]`; `bias`: `[O]`; returns `[.., O]` f32
///
/// # Errors
/// [`Error::Shape`] when K or O differ between the arguments, or an axis is empty; [`Error::Unsupported`] on a GPU for
/// [`Tape::exact`].
///
/// # Determinism
/// One product on one thread: the heads it serves are a thousandth of a network's work. How it is summed may depend on
/// the number of rows, but not on [`Tape::exact`], where each output is a sum of its own.
pub fn linear(tape: &mut Tape, x: &Value, weight: &Value, bias: &Value) -> Result<Value> {
    let (Some((&k, lead)), &[o, wk]) = (x.dims().split_last(), weight.dims()) else {
        return Err(Error::Shape {
            what: "linear",
            expected: "[.., K] and weight [O, K]".into(),
            got: weight.dims().to_vec(),
        });
    };
    if k != wk {
        let expected = format!("[.., {wk}]");
        return Err(Error::Shape { what: "linear input", expected, got: x.dims().to_vec() });
    }
    check_channels("linear bias", bias.dims().iter().product(), o)?;
    let mut shape = lead.to_vec();
    shape.push(o);
    buffer::elements("linear weight", weight.dims())?;
    buffer::elements("linear input", x.dims())?;
    let rows = buffer::elements("linear output", &shape)? / o;
    check_exact(tape, "linear", x.tensor())?;
    let input = to_f32(x.tensor())?;
    if !input.device().is_cpu() {
        return on_device(tape, [x, weight, bias], input.reshape((rows, k))?, &shape);
    }
    let mut y = with_f32("linear bias", bias.tensor(), |b| Ok(b.repeat(rows)))?;
    if tape.is_exact() {
        add_row_by_row(&input, weight.tensor(), k, &mut y)?;
        return Ok(Value::constant(buffer::tensor(y, shape)?));
    }
    product(rows, o, k, (&input, false), (weight.tensor(), true), &mut y)?;
    let (weight_data, x_shape) = (weight.tensor().clone(), x.dims().to_vec());
    let (to_x, to_w, to_b) = (x.target(), weight.target(), bias.target());
    let out = buffer::tensor(y, shape)?;
    Ok(tape.push(out, &[x, weight, bias], move |dy: Gradient, grads: &mut Gradients| {
        if to_b.is_wanted() {
            let mut sum = vec![0f32; o];
            with_f32("linear gradient", &dy, |dy| {
                for row in dy.chunks_exact(o) {
                    sum.iter_mut().zip(row).for_each(|(s, g)| *s += g);
                }
                Ok(())
            })?;
            grads.add(to_b, buffer::tensor(sum, o)?)?;
        }
        if to_w.is_wanted() {
            let mut dw = vec![0.0; o * k];
            product(o, k, rows, (&dy, true), (&input, false), &mut dw)?;
            grads.add(to_w, buffer::tensor(dw, vec![o, k])?)?;
        }
        if to_x.is_wanted() {
            let mut dx = vec![0.0; rows * k];
            product(rows, k, o, (&dy, false), (&weight_data, false), &mut dx)?;
            grads.add(to_x, buffer::tensor(dx, x_shape)?)?;
        }
        Ok(())
    }))
}

/// `y += x W^T` for x `[rows, K]` and W `[O, K]`, where no output's bits depend on other rows.
fn add_row_by_row(x: &Tensor, w: &Tensor, k: usize, y: &mut [f32]) -> Result<()> {
    /// Rows that meet a row of weights while it lies in the first-level cache.
    const ROWS: usize = 32;
    with_f32("linear", x, |x| {
        with_f32("linear", w, |w| {
            let outputs = w.len() / k;
            y.par_chunks_mut(ROWS * outputs)
                .zip(x.par_chunks(ROWS * k))
                .for_each(|(y, x)| add_dots(x, w, k, y));
            Ok(())
        })
    })
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn add_dots(x: &[f32], w: &[f32], k: usize, y: &mut [f32]) {
    let outputs = w.len() / k;
    for (o, w) in w.chunks_exact(k).enumerate() {
        for (row, x) in x.chunks_exact(k).enumerate() {
            y[row * outputs + o] += dot(x, w);
        }
    }
}

/// [`linear`] by candle's products, on whatever device the `input`, `[rows, K]`, lies.
fn on_device(
    tape: &mut Tape,
    inputs: [&Value; 3],
    input: Tensor,
    shape: &[usize],
) -> Result<Value> {
    let [x, weight, bias] = inputs;
    let y = input.matmul(&weight.tensor().t()?)?.broadcast_add(bias.tensor())?.reshape(shape)?;
    let (weight_data, x_shape) = (weight.tensor().clone(), x.dims().to_vec());
    let (to_x, to_w, to_b) = (x.target(), weight.target(), bias.target());
    Ok(tape.push(y, &inputs, move |dy: Gradient, grads: &mut Gradients| {
        let dy = dy.reshape((input.dims()[0], weight_data.dims()[0]))?;
        grads.add(to_b, dy.sum(0)?)?;
        grads.add(to_w, dy.t()?.matmul(&input)?)?;
        grads.add(to_x, dy.matmul(&weight_data)?.reshape(x_shape)?)
    }))
}

/// `c += a b`; a flag marks an operand that is stored transposed.
fn product(
    m: usize,
    n: usize,
    k: usize,
    a: (&Tensor, bool),
    b: (&Tensor, bool),
    c: &mut [f32],
) -> Result<()> {
    let strides = |transposed: bool, rows: usize, cols: usize| match transposed {
        true => Strides::rows(rows).transposed(),
        false => Strides::rows(cols),
    };
    with_f32("linear", a.0, |x| {
        with_f32("linear", b.0, |y| {
            let (a_at, b_at) = (strides(a.1, m, k), strides(b.1, k, n));
            matmul(m, n, k, x, a_at, y, b_at, c, Strides::rows(n), true);
            Ok(())
        })
    })
}
