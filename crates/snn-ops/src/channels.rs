//! Convolution along the channels of a descriptor, as efficient channel attention has it.

use crate::buffer::{self, to_f32, with_f32};
use crate::{Error, Gradient, Gradients, Result, Saved, Tape, Value};

/// 1-d convolution over the channels with one kernel for all of them, zero padding and no bias.
///
/// # Equation
/// `y[.., c] = sum over j < k of w[j] x[.., c + j - (k - 1) / 2]`, zero outside.
///
/// # Shapes
/// - `x`: `[.., C]` f32 or u8; `w`: `[k]` f32, k odd; returns `[.., C]` f32
///
/// # Source
/// Wang et al., "ECA-Net" (arXiv:1910.03151), equation 7.
///
/// # Errors
/// [`Error::Shape`] when an axis is empty or k is even, [`Error::Unsupported`] on a GPU.
///
/// # Determinism
/// Runs on one thread; a descriptor has one number for each channel of an image.
pub fn conv_channels(tape: &mut Tape, x: &Value, w: &Value) -> Result<Value> {
    buffer::elements("conv_channels", x.dims())?;
    let channels = x.dims().last().copied().unwrap_or(1);
    if !matches!(w.dims(), [k] if k % 2 == 1) {
        let (expected, got) = ("[k] with an odd k".into(), w.dims().to_vec());
        return Err(Error::Shape { what: "conv_channels weight", expected, got });
    }
    let y = with_f32("conv_channels", &to_f32(x.tensor())?, |x| {
        with_f32("conv_channels weight", w.tensor(), |w| Ok(convolved(x, w, channels)))
    })?;
    let keeps = tape.is_recording() && w.wants_gradient();
    let saved = keeps.then(|| Saved::new(x.tensor())).transpose()?;
    let (to_x, to_w, weight) = (x.target(), w.target(), w.tensor().clone());
    let y = buffer::tensor(y, x.dims())?;
    Ok(tape.push(y, &[x, w], move |dy: Gradient, grads: &mut Gradients| {
        let (dims, k) = (dy.dims().to_vec(), weight.elem_count());
        with_f32("conv_channels gradient", &dy, |dy| {
            if let Some(x) = saved {
                let x = to_f32(&x.tensor()?)?;
                let dw = with_f32("conv_channels", &x, |x| Ok(products(dy, x, channels, k)))?;
                grads.add(to_w, buffer::tensor(dw, k)?)?;
            }
            let dx = with_f32("conv_channels weight", &weight, |w| {
                let reversed: Vec<f32> = w.iter().rev().copied().collect();
                Ok(convolved(dy, &reversed, channels))
            })?;
            grads.add(to_x, buffer::tensor(dx, dims)?)
        })
    }))
}

/// The output channels that tap `j` of `k` reaches, and how many channels further it reads.
fn reach(j: usize, k: usize, channels: usize) -> (std::ops::Range<usize>, isize) {
    let shift = j as isize - (k / 2) as isize;
    let last = channels as isize - shift.max(0);
    ((-shift).clamp(0, channels as isize) as usize..last.max(0) as usize, shift)
}

fn convolved(x: &[f32], w: &[f32], channels: usize) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
        for (j, weight) in w.iter().enumerate() {
            let (to, shift) = reach(j, w.len(), channels);
            for c in to {
                y[c] += weight * x[c.wrapping_add_signed(shift)];
            }
        }
    }
    y
}

/// For each tap, the sum of `dy * x` over all that it multiplied.
fn products(dy: &[f32], x: &[f32], channels: usize, k: usize) -> Vec<f32> {
    let mut sums = vec![0f64; k];
    for (dy, x) in dy.chunks_exact(channels).zip(x.chunks_exact(channels)) {
        for (j, sum) in sums.iter_mut().enumerate() {
            let (to, shift) = reach(j, k, channels);
            let product = |c: usize| f64::from(dy[c]) * f64::from(x[c.wrapping_add_signed(shift)]);
            *sum += to.map(product).sum::<f64>();
        }
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}
