//! Operators that move elements: reshape, channel order, device, and the residual add.

use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

use crate::buffer::{self, Data, with_data};
use crate::{Error, Gradient, Gradients, Result, Tape, Value};

/// Gives the elements another shape.
///
/// # Errors
/// [`Error::Shape`] when the shapes hold different numbers of elements.
pub fn reshape(tape: &mut Tape, x: &Value, shape: &[usize]) -> Result<Value> {
    let (to, from) = (x.target(), x.dims().to_vec());
    let n = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    if n != Some(x.tensor().elem_count()) {
        let expected = format!("{shape:?}");
        return Err(Error::Shape { what: "reshape", expected, got: x.dims().to_vec() });
    }
    let y = x.tensor().reshape(shape)?;
    Ok(tape.push(y, &[x], move |dy: Gradient, grads: &mut Gradients| {
        grads.add(to, dy.into_owned()?.reshape(from)?)
    }))
}

/// `[.., C, H, W]` to `[.., H, W, C]`: the step from the outside world's order to ours.
///
/// # Errors
/// [`Error::Shape`] for fewer than three axes or an empty one.
pub fn to_channels_last(tape: &mut Tape, x: &Value) -> Result<Value> {
    permute(tape, x, false)
}

/// `[.., H, W, C]` to `[.., C, H, W]`: what a flatten before a classifier needs so that weights
/// agree with PyTorch's.
///
/// # Errors
/// [`Error::Shape`] for fewer than three axes or an empty one.
pub fn to_channels_first(tape: &mut Tape, x: &Value) -> Result<Value> {
    permute(tape, x, true)
}

fn permute(tape: &mut Tape, x: &Value, first: bool) -> Result<Value> {
    let Some((lead, &[a, b, c])) = x.dims().split_last_chunk::<3>() else {
        let expected = "[.., three axes]".into();
        return Err(Error::Shape { what: "channel order", expected, got: x.dims().to_vec() });
    };
    buffer::elements("channel order", x.dims())?;
    let mut shape = lead.to_vec();
    shape.extend(if first { [c, a, b] } else { [b, c, a] });
    // Either way the last three axes are a matrix that is transposed.
    let (rows, cols) = if first { (a * b, c) } else { (a, b * c) };
    let y = transposed(x.tensor(), rows, cols)?.reshape(shape)?;
    let (to, from) = (x.target(), x.dims().to_vec());
    Ok(tape.push(y, &[x], move |dy: Gradient, grads: &mut Gradients| {
        grads.add(to, transposed(&dy, cols, rows)?.reshape(from)?)
    }))
}

/// `[.., rows * cols]` to `[.., cols * rows]` in new memory.
fn transposed(x: &Tensor, rows: usize, cols: usize) -> Result<Tensor> {
    let shape = (x.elem_count() / (rows * cols), cols, rows);
    if !x.device().is_cpu() {
        return Ok(x.reshape((shape.0, rows, cols))?.transpose(1, 2)?.force_contiguous()?);
    }
    with_data("channel order", x, |data| match data {
        Data::F32(x) => buffer::tensor(transpose(x, rows, cols), shape),
        Data::Bf16(x) => buffer::tensor(transpose(x, rows, cols), shape),
        Data::U8(x) => buffer::tensor(transpose(x, rows, cols), shape),
    })
}

fn transpose<T: Copy + Default + Send + Sync>(x: &[T], rows: usize, cols: usize) -> Vec<T> {
    let mut y = buffer::zeroed(x.len());
    let len = rows * cols;
    y.par_chunks_mut(len).zip(x.par_chunks(len)).for_each(|(y, x)| {
        for (i, line) in y.chunks_exact_mut(rows).enumerate() {
            line.iter_mut().enumerate().for_each(|(j, slot)| *slot = x[j * cols + i]);
        }
    });
    y
}

/// Moves the elements to another device; the gradient comes back to where the value was.
///
/// # Errors
/// When the device has no room.
pub fn to_device(tape: &mut Tape, x: &Value, device: &Device) -> Result<Value> {
    if x.tensor().device().same_device(device) {
        return Ok(x.clone());
    }
    let (to, from) = (x.target(), x.tensor().device().clone());
    let y = x.tensor().to_device(device)?;
    Ok(tape.push(y, &[x], move |dy: Gradient, grads: &mut Gradients| {
        grads.add(to, dy.to_device(&from)?)
    }))
}

/// The residual add. Sums of spikes stay u8 while they fit (255 layers of adds); on a GPU they are f32.
///
/// # Errors
/// [`Error::Shape`] when the shapes differ, [`Error::Config`] when a sum of counts exceeds 255.
pub fn add(tape: &mut Tape, a: &Value, b: &Value) -> Result<Value> {
    if a.dims() != b.dims() {
        let expected = format!("{:?}", a.dims());
        return Err(Error::Shape { what: "add", expected, got: b.dims().to_vec() });
    }
    let sum = match (a.tensor().dtype(), b.tensor().dtype()) {
        (DType::U8, DType::U8) if a.tensor().device().is_cpu() => add_counts(a, b)?,
        _ => (buffer::to_f32(a.tensor())? + buffer::to_f32(b.tensor())?)?,
    };
    let targets = [a.target(), b.target()];
    Ok(tape
        .push(sum, &[a, b], move |dy: Gradient, grads: &mut Gradients| grads.share(&targets, dy)))
}

fn add_counts(a: &Value, b: &Value) -> Result<Tensor> {
    with_data("add", a.tensor(), |x| {
        with_data("add", b.tensor(), |y| {
            let (Data::U8(x), Data::U8(y)) = (x, y) else {
                return Err(Error::Unsupported { what: "add", why: "needs u8 counts".into() });
            };
            let mut sum = vec![0u8; x.len()];
            const BLOCK: usize = 1 << 16;
            let overflow = sum
                .par_chunks_mut(BLOCK)
                .zip(x.par_chunks(BLOCK))
                .zip(y.par_chunks(BLOCK))
                .map(|((sum, x), y)| add_block(sum, x, y))
                .reduce(|| false, |a, b| a | b);
            if overflow {
                let why = "a sum of spike counts exceeds 255; convert one side to f32".into();
                return Err(Error::Config { field: "add", why });
            }
            buffer::tensor(sum, a.dims())
        })
    })
}

fn add_block(sum: &mut [u8], x: &[u8], y: &[u8]) -> bool {
    let mut overflow = 0u8;
    for ((sum, &x), &y) in sum.iter_mut().zip(x).zip(y) {
        *sum = x.wrapping_add(y);
        overflow |= u8::from(*sum < x);
    }
    overflow != 0
}
