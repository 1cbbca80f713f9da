//! The affine layer.

use candle_core::Tensor;

use crate::buffer::{self, to_f32, with_f32};
use crate::norm::check_channels;
use crate::unsafe_gemm::{Strides, matmul};
use crate::{Error, Gradient, Gradients, Result, Tape, Value};

/// `y = x W^T + b`.
///
/// # Shapes
/// - `x`: `[.., K]` f32 or u8; `weight`: `[O, K]`; `bias`: `[O]`; returns `[.., O]` f32
///
/// # Errors
/// [`Error::Shape`] when K or O differ between the arguments, or an axis is empty.
///
/// # Determinism
/// Runs on one thread; the heads it serves are a thousandth of a network's work.
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
    let input = to_f32(x.tensor())?;
    if !input.device().is_cpu() {
        return on_device(tape, [x, weight, bias], input.reshape((rows, k))?, &shape);
    }
    let mut y = with_f32("linear bias", bias.tensor(), |b| Ok(b.repeat(rows)))?;
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

/// The same by candle's products, on whatever device the `input`, `[rows, K]`, lies.
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
