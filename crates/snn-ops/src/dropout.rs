//! Dropout.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::buffer::{self, Data, to_f32, with_data, with_f32};
use crate::{Error, Gradient, Gradients, Result, Saved, Tape, Value, random};

/// Sets each element to zero with probability `rate`, and divides the others by `1 - rate`. Without a stream, as in
/// evaluation, the value itself.
///
/// A stream of (seed, purpose, epoch, step) draws the mask again when a [`Tape::stage`] is computed again.
///
/// # Shapes
/// - `x`: any, f32 or u8; returns f32
///
/// # Errors
/// [`Error::Config`] when `rate` is not in [0, 1), [`Error::Shape`] for an empty axis, [`Error::Unsupported`] on a GPU.
pub fn dropout(
    tape: &mut Tape,
    x: &Value,
    rate: f32,
    stream: Option<&mut ChaCha8Rng>,
) -> Result<Value> {
    if !(0.0..1.0).contains(&rate) {
        let why = format!("is {rate}; use a probability from 0 to below 1");
        return Err(Error::Config { field: "rate", why });
    }
    let Some(stream) = stream else { return Ok(x.clone()) };
    let len = buffer::elements("dropout", x.dims())?;
    let kept: Vec<u8> = (0..len).map(|_| u8::from(random::unit(stream) >= rate)).collect();
    let scale = 1.0 / (1.0 - rate);
    let y = with_f32("dropout", &to_f32(x.tensor())?, |x| Ok(masked(x, &kept, scale)))?;
    let y = buffer::tensor(y, x.dims())?;
    // Kept as bits.
    let mask = Saved::new(&buffer::tensor(kept, x.dims())?)?;
    let to = x.target();
    Ok(tape.push(y, &[x], move |dy: Gradient, grads: &mut Gradients| {
        let dx = with_data("dropout", &mask.tensor()?, |mask| match mask {
            Data::U8(mask) => with_f32("dropout gradient", &dy, |dy| Ok(masked(dy, mask, scale))),
            Data::F32(_) | Data::Bf16(_) => Ok(Vec::new()),
        })?;
        grads.add(to, buffer::tensor(dx, dy.shape())?)
    }))
}

fn masked(x: &[f32], kept: &[u8], scale: f32) -> Vec<f32> {
    x.par_iter().zip(kept).map(|(x, &kept)| if kept == 1 { x * scale } else { 0.0 }).collect()
}
