//! Operators on the steps of a sequence, its first axis.

use candle_core::{Tensor, WithDType};
use rayon::prelude::*;

use crate::buffer::{self, Data, Unset, to_f32, with_data, with_f32, zeroed};
use crate::dot::long_dot;
use crate::{Error, Gradient, Gradients, Result, Saved, Tape, Value};

/// Elements of one task.
const PIECE: usize = 1 << 12;

/// The steps in reverse order: [`permute_steps`].
///
/// # Errors
/// As there.
pub fn reverse_steps(tape: &mut Tape, x: &Value) -> Result<Value> {
    let order: Vec<usize> = (0..x.dims().first().copied().unwrap_or(0)).rev().collect();
    permute_steps(tape, x, &order)
}

/// The steps in another order: new step `s` is the old step `order[s]`.
///
/// # Shapes
/// - `x`: `[T, ..]` f32, bf16 or u8, `order`: each of `0..T` once; returns the shape and type of `x`
///
/// # Errors
/// [`Error::Shape`] for no axis or an empty one, [`Error::Config`] when `order` is no order of the steps,
/// [`Error::Unsupported`] on a GPU.
pub fn permute_steps(tape: &mut Tape, x: &Value, order: &[usize]) -> Result<Value> {
    step_len("permute_steps", x.dims())?;
    let mut back = vec![usize::MAX; x.dims()[0]];
    for (new, &old) in order.iter().enumerate() {
        if let Some(place) = back.get_mut(old) {
            *place = new;
        }
    }
    if order.len() != back.len() || back.contains(&usize::MAX) {
        let why = format!("is {order:?}; use each of 0 to {} once", back.len() - 1);
        return Err(Error::Config { field: "order", why });
    }
    let y = permuted(x.tensor(), order)?;
    let to = x.target();
    Ok(tape.push(y, &[x], move |dy: Gradient, grads: &mut Gradients| {
        grads.add(to, permuted(&dy, &back)?)
    }))
}

fn permuted(x: &Tensor, order: &[usize]) -> Result<Tensor> {
    fn steps<T: WithDType + Default>(
        x: &[T],
        step: usize,
        order: &[usize],
        dims: &[usize],
    ) -> Result<Tensor> {
        let mut y = zeroed(x.len());
        y.par_chunks_mut(step)
            .zip(order)
            .for_each(|(y, &old)| y.copy_from_slice(&x[old * step..][..step]));
        buffer::tensor(y, dims)
    }
    let step = step_len("permute_steps", x.dims())?;
    with_data("permute_steps", x, |data| match data {
        Data::F32(data) => steps(data, step, order, x.dims()),
        Data::Bf16(data) => steps(data, step, order, x.dims()),
        Data::U8(data) => steps(data, step, order, x.dims()),
    })
}

/// A single step `t_steps` times.
///
/// # Shapes
/// - `x`: `[1, ..]` f32, bf16 or u8; returns `[t_steps, ..]` of the same type
///
/// # Errors
/// [`Error::Shape`] for more than one step, no axis or an empty one; [`Error::Config`] when `t_steps` is 0;
/// [`Error::Unsupported`] on a GPU.
pub fn repeat_step(tape: &mut Tape, x: &Value, t_steps: usize) -> Result<Value> {
    let step = step_len("repeat_step", x.dims())?;
    if x.dims()[0] != 1 {
        let (expected, got) = ("[1, ..]".into(), x.dims().to_vec());
        return Err(Error::Shape { what: "repeat_step", expected, got });
    }
    if t_steps == 0 {
        return Err(Error::Config { field: "t_steps", why: "is 0; use at least 1".into() });
    }
    let mut shape = x.dims().to_vec();
    shape[0] = t_steps;
    buffer::elements("repeat_step output", &shape)?;
    let y = with_data("repeat_step", x.tensor(), |x| match x {
        Data::F32(x) => buffer::tensor(x.repeat(t_steps), shape),
        Data::Bf16(x) => buffer::tensor(x.repeat(t_steps), shape),
        Data::U8(x) => buffer::tensor(x.repeat(t_steps), shape),
    })?;
    let (to, from) = (x.target(), x.dims().to_vec());
    Ok(tape.push(y, &[x], move |dy: Gradient, grads: &mut Gradients| {
        let dx = with_f32("repeat_step gradient", &to_f32(&dy)?, |dy| {
            let ones = vec![1.0; t_steps];
            buffer::tensor(mixed(dy, &ones, 1, step), from)
        })?;
        grads.add(to, dx)
    }))
}

/// Every new step is a weighted sum of the old ones: `y[s] = sum over t of w[s, t] x[t]`.
///
/// # Shapes
/// - `x`: `[T, ..]` f32 or u8, `w`: `[S, T]` f32; returns `[S, ..]` f32
///
/// # Errors
/// [`Error::Shape`] when T differs or an axis is empty, [`Error::Unsupported`] on a GPU.
///
/// # Determinism
/// Steps are added in their order; the weights' gradients are summed in pieces that the shapes fix.
pub fn mix_steps(tape: &mut Tape, x: &Value, w: &Value) -> Result<Value> {
    let step = step_len("mix_steps", x.dims())?;
    let (t_steps, &[s_steps, columns]) = (x.dims()[0], w.dims()) else {
        let (expected, got) = ("[S, T]".into(), w.dims().to_vec());
        return Err(Error::Shape { what: "mix_steps weight", expected, got });
    };
    buffer::elements("mix_steps weight", w.dims())?;
    if columns != t_steps {
        let (expected, got) = (format!("[S, {t_steps}]"), w.dims().to_vec());
        return Err(Error::Shape { what: "mix_steps weight", expected, got });
    }
    let mut shape = x.dims().to_vec();
    shape[0] = s_steps;
    let input = to_f32(x.tensor())?;
    let y = with_f32("mix_steps", &input, |x| {
        with_f32("mix_steps weight", w.tensor(), |w| {
            buffer::tensor(mixed(x, w, s_steps, step), shape)
        })
    })?;
    let keeps = tape.is_recording() && w.wants_gradient();
    let saved = keeps.then(|| Saved::new(x.tensor())).transpose()?;
    let (to_x, to_w, from) = (x.target(), w.target(), x.dims().to_vec());
    let weight = w.tensor().clone();
    Ok(tape.push(y, &[x, w], move |dy: Gradient, grads: &mut Gradients| {
        with_f32("mix_steps gradient", &dy, |dy| {
            if let Some(saved) = saved {
                let dw = with_f32("mix_steps", &to_f32(&saved.tensor()?)?, |x| {
                    let entry = |i: usize| {
                        let (s, t) = (i / t_steps, i % t_steps);
                        long_dot(&dy[s * step..][..step], &x[t * step..][..step])
                    };
                    let dw = (0..s_steps * t_steps).into_par_iter().map(entry).collect::<Vec<_>>();
                    buffer::tensor(dw, (s_steps, t_steps))
                })?;
                grads.add(to_w, dw)?;
            }
            if to_x.is_wanted() {
                let dx = with_f32("mix_steps weight", &weight, |w| {
                    let transposed: Vec<f32> = (0..t_steps * s_steps)
                        .map(|i| w[i % s_steps * t_steps + i / s_steps])
                        .collect();
                    buffer::tensor(mixed(dy, &transposed, t_steps, step), from)
                })?;
                grads.add(to_x, dx)?;
            }
            Ok(())
        })
    }))
}

/// `rows` weighted sums of the steps of `x`.
pub(crate) fn mixed(x: &[f32], w: &[f32], rows: usize, step: usize) -> Vec<f32> {
    let mut y = Unset::new(rows * step);
    y.blocks(step, PIECE).into_par_iter().enumerate().for_each(|(i, block)| {
        for (y, w) in block.zeroed().into_iter().zip(w.chunks_exact(w.len() / rows)) {
            for (x, &w) in x.chunks_exact(step).zip(w) {
                y.iter_mut().zip(&x[i * PIECE..]).for_each(|(y, &x)| *y += w * x);
            }
        }
    });
    y.finish()
}

/// Elements of one step.
fn step_len(what: &'static str, dims: &[usize]) -> Result<usize> {
    buffer::elements(what, dims)?;
    let step = dims.split_first().map(|(_, step)| step.iter().product());
    step.ok_or_else(|| Error::Shape { what, expected: "[T, ..]".into(), got: vec![] })
}
