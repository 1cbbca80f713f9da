//! Maxima over windows.

use half::bf16;
use rayon::prelude::*;

use super::{Extent, Pool2d};
use crate::buffer::{self, Data, with_data, with_f32};
use crate::{Error, Gradient, Gradients, Result, Tape, Value};

/// Maximum over each window. Of equal entries the first in row-major window order takes the whole
/// gradient: with spikes, ties are common.
///
/// # Shapes
/// - `x`: `[.., H, W, C]` f32 or u8, returns `[.., H', W', C]` of the same type
///
/// # Errors
/// As [`avg_pool2d`](crate::avg_pool2d).
pub fn max_pool2d(tape: &mut Tape, x: &Value, pool: Pool2d) -> Result<Value> {
    let (extent, shape) = Extent::new(x, pool)?;
    maximum(tape, x, extent, shape)
}

/// Maximum over all pixels. Of equal entries the first in row-major order takes the whole gradient.
///
/// # Shapes
/// - `x`: `[.., H, W, C]` f32 or u8, returns `[.., C]` of the same type
///
/// # Errors
/// [`Error::Shape`] for fewer than three axes or an empty one.
pub fn global_max_pool(tape: &mut Tape, x: &Value) -> Result<Value> {
    let (extent, shape) = Extent::whole(x)?;
    maximum(tape, x, extent, shape)
}

fn maximum(tape: &mut Tape, x: &Value, extent: Extent, shape: Vec<usize>) -> Result<Value> {
    if u32::try_from(extent.in_len()).is_err() {
        let expected = format!("[.., H, W, C] with H * W * C <= {}", u32::MAX);
        return Err(Error::Shape { what: "maximum pool", expected, got: x.dims().to_vec() });
    }
    #[cfg(feature = "cuda")]
    if x.tensor().device().is_cuda() {
        let (y, winners) = super::unsafe_cuda::maximum(x.tensor(), &extent, &shape)?;
        let (to_x, shape) = (x.target(), x.dims().to_vec());
        return Ok(tape.push(y, &[x], move |dy: Gradient, grads: &mut Gradients| {
            let dx = super::unsafe_cuda::maximum_gradient(&dy, &winners, &extent, &shape)?;
            grads.add(to_x, dx)
        }));
    }
    let mut winners = vec![0u32; shape.iter().product()];
    let y = with_data("maximum pool", x.tensor(), |data| match data {
        Data::F32(x) => buffer::tensor(maxima(extent, x, f32::NEG_INFINITY, &mut winners), shape),
        Data::Bf16(x) => buffer::tensor(maxima(extent, x, bf16::NEG_INFINITY, &mut winners), shape),
        Data::U8(x) => buffer::tensor(maxima(extent, x, 0, &mut winners), shape),
    })?;
    let (to_x, x_shape) = (x.target(), x.dims().to_vec());
    Ok(tape.push(y, &[x], move |dy: Gradient, grads: &mut Gradients| {
        let mut dx = vec![0f32; x_shape.iter().product()];
        with_f32("maximum pool gradient", &dy, |dy| {
            let (il, ol) = (extent.in_len(), extent.out_len());
            dx.par_chunks_mut(il).zip(dy.par_chunks(ol)).zip(winners.par_chunks(ol)).for_each(
                |((dx, dy), winners)| {
                    for (&g, &at) in dy.iter().zip(winners) {
                        dx[at as usize] += g;
                    }
                },
            );
            Ok(())
        })?;
        grads.add(to_x, buffer::tensor(dx, x_shape)?)
    }))
}

/// The maxima, and in `winners` the index inside the image that each came from.
fn maxima<T>(extent: Extent, x: &[T], lowest: T, winners: &mut [u32]) -> Vec<T>
where
    T: Copy + PartialOrd + Send + Sync,
{
    let c = extent.input[2];
    let mut y = vec![lowest; winners.len()];
    y.par_chunks_mut(extent.out_len())
        .zip(winners.par_chunks_mut(extent.out_len()))
        .zip(x.par_chunks(extent.in_len()))
        .for_each(|((y, winners), x)| {
            let mut opened = usize::MAX;
            extent.windows(|to, from| {
                // The first pixel of a window always enters, even when it equals `lowest`.
                let first = std::mem::replace(&mut opened, to) != to;
                for k in 0..c {
                    let (to, from) = (to * c + k, from * c + k);
                    if first || x[from] > y[to] {
                        y[to] = x[from];
                        winners[to] = from as u32;
                    }
                }
            });
        });
    y
}
