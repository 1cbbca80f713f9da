//! Maps times one number, or times a number for each step.

use candle_core::Tensor;
use rayon::prelude::*;

use crate::buffer::{self, Unset, to_f32, with_f32};
use crate::dot::long_dot;
use crate::steps::mixed;
use crate::{Error, Gradient, Gradients, Result, Saved, Tape, Value};

/// Elements of one task.
const PIECE: usize = 1 << 12;

/// The product of a map and one number, such as the unit in which spikes count.
///
/// # Shapes
/// - `x`: any, f32 or u8; `factor`: `[1]` f32; returns the shape of `x`, f32
///
/// # Errors
/// [`Error::Shape`] when `factor` is not one number or an axis is empty.
///
/// # Determinism
/// The factor's gradient is summed in pieces that the shape fixes.
pub fn scale(tape: &mut Tape, x: &Value, factor: &Value) -> Result<Value> {
    buffer::elements("scale", x.dims())?;
    if factor.tensor().elem_count() != 1 {
        let (expected, got) = ("[1]".into(), factor.dims().to_vec());
        return Err(Error::Shape { what: "scale factor", expected, got });
    }
    products(tape, x, factor, x.dims().to_vec())
}

/// The product of each step and its number: `y[t] = w[t] x[t]`.
///
/// # Shapes
/// - `x`: `[T, ..]` f32 or u8, or `[1, ..]` for the same map at each step; `w`: `[T]` f32; returns `[T, ..]` f32
///
/// # Errors
/// [`Error::Shape`] when T differs or an axis is empty.
///
/// # Determinism
/// The factors' gradients are summed in pieces that the shapes fix.
pub fn scale_steps(tape: &mut Tape, x: &Value, w: &Value) -> Result<Value> {
    buffer::elements("scale_steps", x.dims())?;
    let steps = x.dims().first().copied().unwrap_or(0);
    let &[t_steps] = w.dims() else {
        let (expected, got) = ("[T]".into(), w.dims().to_vec());
        return Err(Error::Shape { what: "scale_steps weight", expected, got });
    };
    if t_steps == 0 || (steps != t_steps && steps != 1) {
        let (expected, got) = (format!("[{t_steps} or 1, ..]"), x.dims().to_vec());
        return Err(Error::Shape { what: "scale_steps", expected, got });
    }
    let mut shape = x.dims().to_vec();
    shape[0] = t_steps;
    buffer::elements("scale_steps output", &shape)?;
    products(tape, x, w, shape)
}

/// Rows of `x`, as many as `w` has numbers or one for all, each times its number.
fn products(tape: &mut Tape, x: &Value, w: &Value, shape: Vec<usize>) -> Result<Value> {
    let rows = w.tensor().elem_count();
    let len = shape.iter().product::<usize>() / rows;
    if !x.tensor().device().is_cpu() {
        return on_device(tape, x, w, (rows, len), shape);
    }
    let y = with_f32("scale", &to_f32(x.tensor())?, |x| {
        with_f32("scale factor", w.tensor(), |w| buffer::tensor(scaled(x, w, len), shape))
    })?;
    let keeps = tape.is_recording() && w.wants_gradient();
    let saved = keeps.then(|| Saved::new(x.tensor())).transpose()?;
    let (to_x, to_w, weight) = (x.target(), w.target(), w.tensor().clone());
    let x_shape = x.dims().to_vec();
    Ok(tape.push(y, &[x, w], move |dy: Gradient, grads: &mut Gradients| {
        with_f32("scale gradient", &dy, |dy| {
            if let Some(saved) = saved {
                let dw = with_f32("scale", &to_f32(&saved.tensor()?)?, |x| {
                    let row =
                        |t: usize| long_dot(&dy[t * len..][..len], &x[t * len % x.len()..][..len]);
                    buffer::tensor((0..rows).map(row).collect(), weight.shape())
                })?;
                grads.add(to_w, dw)?;
            }
            if to_x.is_wanted() {
                let is_shared = x_shape.iter().product::<usize>() < rows * len;
                let dx = with_f32("scale factor", &weight, |w| {
                    Ok(if is_shared { mixed(dy, w, 1, len) } else { scaled(dy, w, len) })
                })?;
                grads.add(to_x, buffer::tensor(dx, x_shape)?)?;
            }
            Ok(())
        })
    }))
}

/// [`products`] by candle's operators, on whatever device `x` lies; `w` may lie elsewhere.
fn on_device(
    tape: &mut Tape,
    x: &Value,
    w: &Value,
    (rows, len): (usize, usize),
    shape: Vec<usize>,
) -> Result<Value> {
    let of_rows = x.tensor().elem_count() / len;
    let wide = to_f32(x.tensor())?.reshape((of_rows, len))?;
    let column = w.tensor().to_device(wide.device())?.reshape((rows, 1))?;
    let y = wide.broadcast_mul(&column)?.reshape(shape)?;
    let (to_x, to_w) = (x.target(), w.target());
    let (x_shape, like) = (x.dims().to_vec(), w.tensor().clone());
    Ok(tape.push(y, &[x, w], move |dy: Gradient, grads: &mut Gradients| {
        let dy = dy.reshape((rows, len))?;
        if to_w.is_wanted() {
            let dw: Tensor = dy.broadcast_mul(&wide)?.sum(1)?.reshape(like.shape())?;
            grads.add(to_w, dw.to_device(like.device())?)?;
        }
        if to_x.is_wanted() {
            let dx = dy.broadcast_mul(&column)?;
            let dx = if of_rows < rows { dx.sum_keepdim(0)? } else { dx };
            grads.add(to_x, dx.reshape(x_shape)?)?;
        }
        Ok(())
    }))
}

/// `[rows, len]`, where row `t` is `w[t]` times row `t` of `x`, or times its only row.
fn scaled(x: &[f32], w: &[f32], len: usize) -> Vec<f32> {
    let mut y = Unset::new(w.len() * len);
    y.blocks(len, PIECE).into_par_iter().enumerate().for_each(|(i, block)| {
        for (t, (y, w)) in block.zeroed().into_iter().zip(w).enumerate() {
            let x = &x[t * len % x.len() + i * PIECE..];
            y.iter_mut().zip(x).for_each(|(y, x)| *y = w * x);
        }
    });
    y.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a GPU would compute, on the CPU.
    #[test]
    fn operators_of_other_devices_are_those_of_the_cpu() {
        for (x_shape, rows) in [(vec![3, 5], 3), (vec![1, 5], 3), (vec![2, 4], 1)] {
            let n = x_shape.iter().product::<usize>();
            let x: Vec<f32> = (0..n).map(|i| 0.5 * i as f32 - 1.0).collect();
            let w: Vec<f32> = (0..rows).map(|i| 0.25 + i as f32).collect();
            let mut shape = x_shape.clone();
            shape[0] = shape[0].max(rows);
            let len = shape.iter().product::<usize>() / rows;
            let run = |elsewhere: bool| {
                let mut tape = Tape::new();
                let x = tape.leaf("x", buffer::tensor(x.clone(), x_shape.as_slice()).unwrap());
                let w = tape.leaf("w", buffer::tensor(w.clone(), rows).unwrap());
                let y = match elsewhere {
                    true => on_device(&mut tape, &x, &w, (rows, len), shape.clone()).unwrap(),
                    false => products(&mut tape, &x, &w, shape.clone()).unwrap(),
                };
                let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                let mut all = vec![flat(y.tensor())];
                let seed = buffer::tensor(all[0].iter().map(|y| y + 1.0).collect(), y.dims());
                tape.backward([(&y, seed.unwrap())], &mut |name, g| {
                    assert_eq!(g.dims(), if name == "x" { x.dims() } else { w.dims() });
                    all.push(flat(&g));
                    Ok(())
                })
                .unwrap();
                all
            };
            assert_eq!(run(true), run(false), "{x_shape:?}");
        }
    }
}
