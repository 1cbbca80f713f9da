//! Means over windows and over whole images.

use rayon::prelude::*;

use super::{Extent, Pool2d};
use crate::buffer::{self, Data, Unset, with_data, with_f32};
use crate::{Gradient, Gradients, Result, Tape, Value};

/// Mean over each window; the divisor is the whole window, padding included, as in PyTorch. Rows and
/// columns that no window reaches get no gradient.
///
/// # Shapes
/// - `x`: `[.., H, W, C]` f32 or u8, returns `[.., H', W', C]` f32
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) when an axis is empty or the window does not fit,
/// [`Error::Config`](crate::Error::Config) when the pool's own numbers do not.
pub fn avg_pool2d(tape: &mut Tape, x: &Value, pool: Pool2d) -> Result<Value> {
    let (extent, shape) = Extent::new(x, pool)?;
    average(tape, x, extent, shape)
}

/// Mean over all pixels.
///
/// # Shapes
/// - `x`: `[.., H, W, C]` f32 or u8, returns `[.., C]` f32
///
/// # Errors
/// [`Error::Shape`](crate::Error::Shape) for fewer than three axes or an empty one.
pub fn global_avg_pool(tape: &mut Tape, x: &Value) -> Result<Value> {
    let (extent, shape) = Extent::whole(x)?;
    average(tape, x, extent, shape)
}

fn average(tape: &mut Tape, x: &Value, extent: Extent, shape: Vec<usize>) -> Result<Value> {
    let (c, in_len, out_len) = (extent.input[2], extent.in_len(), extent.out_len());
    #[cfg(feature = "cuda")]
    if x.tensor().device().is_cuda() {
        let y = super::unsafe_cuda::average(x.tensor(), &extent, &shape)?;
        let (to_x, shape) = (x.target(), x.dims().to_vec());
        return Ok(tape.push(y, &[x], move |dy: Gradient, grads: &mut Gradients| {
            grads.add(to_x, super::unsafe_cuda::average_gradient(&dy, &extent, &shape)?)
        }));
    }
    let scale = 1.0 / (extent.kernel[0] as f32 * extent.kernel[1] as f32);
    let y = with_data("average pool", x.tensor(), |data| {
        let len = data.len() / in_len * out_len;
        let y = by_image(len, out_len, |n, y| {
            let image = data.slice(n * in_len..(n + 1) * in_len);
            extent.windows(|to, from| match image {
                Data::F32(x) => add_line(&mut y[to * c..][..c], &x[from * c..][..c], |v| v),
                Data::Bf16(x) => add_line(&mut y[to * c..][..c], &x[from * c..][..c], f32::from),
                Data::U8(x) => add_line(&mut y[to * c..][..c], &x[from * c..][..c], f32::from),
            });
            y.iter_mut().for_each(|v| *v *= scale);
        });
        buffer::tensor(y, shape)
    })?;
    let (to_x, x_shape) = (x.target(), x.dims().to_vec());
    Ok(tape.push(y, &[x], move |dy: Gradient, grads: &mut Gradients| {
        let dx = with_f32("average pool gradient", &dy, |dy| {
            Ok(by_image(x_shape.iter().product(), in_len, |n, dx| {
                let dy = &dy[n * out_len..][..out_len];
                extent.windows(|from, to| {
                    add_line(&mut dx[to * c..][..c], &dy[from * c..][..c], |v| v * scale);
                });
            }))
        })?;
        grads.add(to_x, buffer::tensor(dx, x_shape)?)
    }))
}

/// `len` numbers, of which `set` gets one image after the other as zeros.
fn by_image(len: usize, image: usize, set: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let mut out = Unset::new(len);
    out.blocks(len, image).into_par_iter().enumerate().for_each(|(n, image)| {
        image.zeroed().into_iter().for_each(|image| set(n, image));
    });
    out.finish()
}

fn add_line<T: Copy>(to: &mut [f32], from: &[T], f: impl Fn(T) -> f32) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to += f(from));
}
