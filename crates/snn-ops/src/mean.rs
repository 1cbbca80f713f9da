//! Means over axes.

use rayon::prelude::*;

use crate::axis::Along;
use crate::buffer::{self, Unset, to_f32, with_f32};
use crate::{Error, Gradient, Gradients, Result, Tape, Value};

/// Elements of one task.
const PIECE: usize = 1 << 12;

/// The mean over `axes`, in ascending order, which the result lacks.
///
/// # Shapes
/// - `x`: any, f32 or u8; returns f32
///
/// # Errors
/// [`Error::Shape`] when an axis is not there or is empty, [`Error::Config`] when `axes` do not ascend,
/// [`Error::Unsupported`] on a GPU.
pub fn mean(tape: &mut Tape, x: &Value, axes: &[usize]) -> Result<Value> {
    if !axes.is_sorted_by(|a, b| a < b) {
        let why = format!("are {axes:?}; name each once, in ascending order");
        return Err(Error::Config { field: "axes", why });
    }
    let mut shape = x.dims().to_vec();
    let wide = to_f32(x.tensor())?;
    let mut y = with_f32("mean", &wide, |x| Ok(x.to_vec()))?;
    // Axes side by side are one; the last ones go first, so that the numbers of the others stay.
    let mut runs = Vec::new();
    for run in axes.chunk_by(|a, b| a + 1 == *b).rev() {
        let axes = run[0]..run[0] + run.len();
        let along = Along::new("mean", &shape, axes.clone())?;
        y = means(&y, along);
        shape.drain(axes);
        runs.push(along);
    }
    let (to, from) = (x.target(), x.dims().to_vec());
    Ok(tape.push(buffer::tensor(y, shape)?, &[x], move |dy: Gradient, grads: &mut Gradients| {
        let mut dx = with_f32("mean gradient", &dy, |dy| Ok(dy.to_vec()))?;
        for along in runs.into_iter().rev() {
            dx = shares(&dx, along);
        }
        grads.add(to, buffer::tensor(dx, from)?)
    }))
}

/// `[outer, len, inner]` to `[outer, inner]`.
fn means(x: &[f32], along: Along) -> Vec<f32> {
    let Along { outer, len, inner } = along;
    let mut y = Unset::new(outer * inner);
    let blocks = y.blocks(outer * inner, PIECE);
    blocks.into_par_iter().enumerate().for_each(|(i, block)| {
        for (k, y) in block.zeroed().into_iter().flatten().enumerate() {
            let at = i * PIECE + k;
            let first = at / inner * len * inner + at % inner;
            let entries = x[first..].iter().step_by(inner).take(len);
            *y = (entries.map(|&v| f64::from(v)).sum::<f64>() / len as f64) as f32;
        }
    });
    y.finish()
}

/// The gradient of the entries from that of their mean: `[outer, inner]` to `[outer, len, inner]`.
fn shares(dy: &[f32], along: Along) -> Vec<f32> {
    let Along { outer, len, inner } = along;
    let scale = 1.0 / len as f32;
    let mut dx = Unset::new(outer * len * inner);
    let blocks = dx.blocks(outer * len * inner, PIECE);
    blocks.into_par_iter().enumerate().for_each(|(i, block)| {
        for (k, dx) in block.zeroed().into_iter().flatten().enumerate() {
            let at = i * PIECE + k;
            *dx = dy[at / (len * inner) * inner + at % inner] * scale;
        }
    });
    dx.finish()
}
