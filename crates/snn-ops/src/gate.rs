//! Gates: a number in (0, 1) for each channel or pixel, and the map that it multiplies.

use rayon::prelude::*;

use crate::buffer::{self, Unset, to_f32, with_f32};
use crate::{Error, Gradient, Gradients, Result, Saved, Tape, Value};

/// Elements of one task.
const PIECE: usize = 1 << 12;

/// `1 / (1 + exp(-x))`.
///
/// # Shapes
/// - `x`: any, f32 or u8; returns f32
///
/// # Errors
/// [`Error::Shape`] for an empty axis, [`Error::Unsupported`] on a GPU.
pub fn sigmoid(tape: &mut Tape, x: &Value) -> Result<Value> {
    buffer::elements("sigmoid", x.dims())?;
    let y = with_f32("sigmoid", &to_f32(x.tensor())?, |x| {
        Ok(x.par_iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect::<Vec<f32>>())
    })?;
    let y = buffer::tensor(y, x.dims())?;
    let (to, saved) = (x.target(), y.clone());
    Ok(tape.push(y, &[x], move |dy: Gradient, grads: &mut Gradients| {
        let dx = with_f32("sigmoid gradient", &dy, |dy| {
            with_f32("sigmoid", &saved, |y| {
                let dx: Vec<f32> =
                    dy.par_iter().zip(y).map(|(dy, y)| dy * (y * (1.0 - y))).collect();
                buffer::tensor(dx, saved.shape())
            })
        })?;
        grads.add(to, dx)
    }))
}

/// The product of two maps, or of a map and a gain for each of its channels.
///
/// # Shapes
/// - `x`: `[.., H, W, C]` f32 or u8 (any shape where the other's is equal)
/// - `gain`: the shape of `x`; or `[.., C]` or `[.., 1, 1, C]`, one number for all pixels of a channel; f32 or u8
/// - returns the shape of `x`, f32
///
/// # Errors
/// [`Error::Shape`] for other shapes or an empty axis, [`Error::Unsupported`] on a GPU.
pub fn multiply(tape: &mut Tape, x: &Value, gain: &Value) -> Result<Value> {
    buffer::elements("multiply", x.dims())?;
    let (channels, pixels) = extents(x.dims(), gain.dims())?;
    let wide = [to_f32(x.tensor())?, to_f32(gain.tensor())?];
    let y = with_f32("multiply", &wide[0], |x| {
        with_f32("multiply gain", &wide[1], |gain| Ok(scaled(x, gain, channels, pixels)))
    })?;
    // Each is kept for the other's gradient.
    let keep = |kept: &Value, other: &Value| {
        let keeps = tape.is_recording() && other.wants_gradient();
        keeps.then(|| Saved::new(kept.tensor())).transpose()
    };
    let (saved_x, saved_gain) = (keep(x, gain)?, keep(gain, x)?);
    let (to_x, to_gain) = (x.target(), gain.target());
    let (x_shape, gain_shape) = (x.dims().to_vec(), gain.dims().to_vec());
    let y = buffer::tensor(y, x.dims())?;
    Ok(tape.push(y, &[x, gain], move |dy: Gradient, grads: &mut Gradients| {
        with_f32("multiply gradient", &dy, |dy| {
            if let Some(gain) = saved_gain {
                let gain = to_f32(&gain.tensor()?)?;
                let dx = with_f32("multiply gain", &gain, |gain| {
                    Ok(scaled(dy, gain, channels, pixels))
                })?;
                grads.add(to_x, buffer::tensor(dx, x_shape)?)?;
            }
            if let Some(x) = saved_x {
                let x = to_f32(&x.tensor()?)?;
                let sums = with_f32("multiply", &x, |x| Ok(sums(dy, x, channels, pixels)))?;
                grads.add(to_gain, buffer::tensor(sums, gain_shape)?)?;
            }
            Ok(())
        })
    }))
}

/// Channels, and the pixels that share a gain.
fn extents(x: &[usize], gain: &[usize]) -> Result<(usize, usize)> {
    if x == gain {
        return Ok((x.last().copied().unwrap_or(1), 1));
    }
    if let Some((lead, &[h, w, c])) = x.split_last_chunk::<3>()
        && (gain == [lead, &[c]].concat() || gain == [lead, &[1, 1, c]].concat())
    {
        return Ok((c, h * w));
    }
    let expected = format!("that of the map, {x:?}, or without its pixels");
    Err(Error::Shape { what: "multiply gain", expected, got: gain.to_vec() })
}

/// `x`, `[.., pixels, channels]`, times `gain`, `[.., channels]`.
fn scaled(x: &[f32], gain: &[f32], channels: usize, pixels: usize) -> Vec<f32> {
    let mut y = Unset::new(x.len());
    let block = channels * (PIECE / channels).max(1);
    y.blocks(x.len(), block).into_par_iter().enumerate().for_each(|(i, rows)| {
        for (k, y) in rows.zeroed().into_iter().flat_map(|y| y.chunks_mut(channels)).enumerate() {
            let pixel = i * (block / channels) + k;
            let (x, gain) = (&x[pixel * channels..], &gain[pixel / pixels * channels..]);
            y.iter_mut().zip(x).zip(gain).for_each(|((y, x), gain)| *y = x * gain);
        }
    });
    y.finish()
}

/// For each gain, the sum of `dy * x` over its pixels in their order.
fn sums(dy: &[f32], x: &[f32], channels: usize, pixels: usize) -> Vec<f32> {
    let mut sums = vec![0.0; x.len() / pixels];
    let image = pixels * channels;
    sums.par_chunks_mut(channels).zip(dy.par_chunks(image)).zip(x.par_chunks(image)).for_each(
        |((sums, dy), x)| {
            for (dy, x) in dy.chunks_exact(channels).zip(x.chunks_exact(channels)) {
                sums.iter_mut().zip(dy).zip(x).for_each(|((sum, dy), x)| *sum += dy * x);
            }
        },
    );
    sums
}
