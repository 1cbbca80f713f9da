//! Average, maximum and global average pooling of channels-last images.

use half::bf16;
use rayon::prelude::*;

use crate::buffer::{self, Data, with_data, with_f32};
use crate::{Error, Gradient, Gradients, Result, Tape, Value};

/// Window, stride and padding of a pooling layer, equal on both axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2d {
    /// Side of the window.
    pub kernel: usize,
    /// Step between windows.
    pub stride: usize,
    /// Pixels of padding on each side; at most half the window.
    pub padding: usize,
}

impl Pool2d {
    /// Windows side by side: stride = kernel, no padding.
    pub fn tiled(kernel: usize) -> Self {
        Self { kernel, stride: kernel, padding: 0 }
    }
}

/// The extents of one pooling call.
#[derive(Clone, Copy)]
struct Extent {
    pool: Pool2d,
    input: [usize; 3],
    output: [usize; 2],
}

impl Extent {
    fn new(x: &Value, pool: Pool2d) -> Result<(Self, Vec<usize>)> {
        let Some((lead, &input)) = x.dims().split_last_chunk::<3>() else {
            let expected = "[.., H, W, C]".into();
            return Err(Error::Shape { what: "pool", expected, got: x.dims().to_vec() });
        };
        if pool.stride == 0 || pool.kernel == 0 || 2 * pool.padding > pool.kernel {
            let why = format!("{pool:?}: use stride and kernel >= 1, padding <= kernel / 2");
            return Err(Error::Config { field: "pool", why });
        }
        let extent =
            |n: usize| Some((n + 2 * pool.padding).checked_sub(pool.kernel)? / pool.stride + 1);
        let (Some(h), Some(w)) = (extent(input[0]), extent(input[1])) else {
            let expected = format!("[.., H, W, C] with H, W >= {}", pool.kernel);
            return Err(Error::Shape { what: "pool", expected, got: x.dims().to_vec() });
        };
        let mut shape = lead.to_vec();
        shape.extend([h, w, input[2]]);
        Ok((Self { pool, input, output: [h, w] }, shape))
    }

    fn in_len(&self) -> usize {
        self.input.iter().product()
    }

    fn out_len(&self) -> usize {
        self.output[0] * self.output[1] * self.input[2]
    }

    /// Calls `f(output pixel, input pixel)` for every window in row-major order, its pixels in
    /// row-major order, padding left out.
    fn windows(&self, mut f: impl FnMut(usize, usize)) {
        let Pool2d { kernel, stride, padding } = self.pool;
        let [h, w, _] = self.input;
        for oy in 0..self.output[0] {
            for ox in 0..self.output[1] {
                for y in (oy * stride).max(padding)..(oy * stride + kernel).min(h + padding) {
                    for x in (ox * stride).max(padding)..(ox * stride + kernel).min(w + padding) {
                        f(oy * self.output[1] + ox, (y - padding) * w + x - padding);
                    }
                }
            }
        }
    }
}

/// Mean over each window; the divisor is the whole window, padding included, as in PyTorch. Rows and
/// columns that no window reaches get no gradient.
///
/// # Shapes
/// - `x`: `[.., H, W, C]` f32 or u8, returns `[.., H', W', C]` f32
///
/// # Errors
/// [`Error::Shape`] or [`Error::Config`] when the window does not fit.
pub fn avg_pool2d(tape: &mut Tape, x: &Value, pool: Pool2d) -> Result<Value> {
    let (extent, shape) = Extent::new(x, pool)?;
    let c = extent.input[2];
    let scale = 1.0 / (pool.kernel * pool.kernel) as f32;
    let mut y = vec![0f32; shape.iter().product()];
    with_data("avg_pool2d", x.tensor(), |data| {
        y.par_chunks_mut(extent.out_len()).enumerate().for_each(|(n, y)| {
            let image = crate::conv_image(data, n, extent.in_len());
            extent.windows(|to, from| match image {
                Data::F32(x) => add_line(&mut y[to * c..][..c], &x[from * c..][..c], |v| v),
                Data::Bf16(x) => add_line(&mut y[to * c..][..c], &x[from * c..][..c], f32::from),
                Data::U8(x) => add_line(&mut y[to * c..][..c], &x[from * c..][..c], f32::from),
            });
            y.iter_mut().for_each(|v| *v *= scale);
        });
        Ok(())
    })?;
    let (to_x, x_shape) = (x.target(), x.dims().to_vec());
    let y = buffer::tensor(y, shape)?;
    Ok(tape.push(y, &[x], move |dy: Gradient, grads: &mut Gradients| {
        let mut dx = vec![0f32; x_shape.iter().product()];
        with_f32("avg_pool2d gradient", &dy, |dy| {
            dx.par_chunks_mut(extent.in_len()).zip(dy.par_chunks(extent.out_len())).for_each(
                |(dx, dy)| {
                    extent.windows(|from, to| {
                        add_line(&mut dx[to * c..][..c], &dy[from * c..][..c], |v| v * scale);
                    });
                },
            );
            Ok(())
        })?;
        grads.add(to_x, buffer::tensor(dx, x_shape)?)
    }))
}

fn add_line<T: Copy>(to: &mut [f32], from: &[T], f: impl Fn(T) -> f32) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to += f(from));
}

/// Maximum over each window. Of equal entries the first in row-major window order takes the whole
/// gradient: with spikes, ties are the rule.
///
/// # Shapes
/// - `x`: `[.., H, W, C]` f32 or u8, returns `[.., H', W', C]` of the same type
///
/// # Errors
/// As [`avg_pool2d`].
pub fn max_pool2d(tape: &mut Tape, x: &Value, pool: Pool2d) -> Result<Value> {
    let (extent, shape) = Extent::new(x, pool)?;
    let n: usize = shape.iter().product();
    let mut winners = vec![0u32; n];
    let y = with_data("max_pool2d", x.tensor(), |data| match data {
        Data::F32(x) => buffer::tensor(maxima(extent, x, f32::NEG_INFINITY, &mut winners), shape),
        Data::Bf16(x) => buffer::tensor(maxima(extent, x, bf16::NEG_INFINITY, &mut winners), shape),
        Data::U8(x) => buffer::tensor(maxima(extent, x, 0, &mut winners), shape),
    })?;
    let (to_x, x_shape) = (x.target(), x.dims().to_vec());
    Ok(tape.push(y, &[x], move |dy: Gradient, grads: &mut Gradients| {
        let mut dx = vec![0f32; x_shape.iter().product()];
        with_f32("max_pool2d gradient", &dy, |dy| {
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

/// Mean over all pixels.
///
/// # Shapes
/// - `x`: `[.., H, W, C]` f32 or u8, returns `[.., C]` f32
///
/// # Errors
/// [`Error::Shape`] for fewer than three axes.
pub fn global_avg_pool(tape: &mut Tape, x: &Value) -> Result<Value> {
    let Some((lead, &[h, w, c])) = x.dims().split_last_chunk::<3>() else {
        let expected = "[.., H, W, C]".into();
        return Err(Error::Shape { what: "global_avg_pool", expected, got: x.dims().to_vec() });
    };
    let mut shape = lead.to_vec();
    shape.push(c);
    let scale = 1.0 / (h * w) as f32;
    let mut y = vec![0f32; shape.iter().product()];
    with_data("global_avg_pool", x.tensor(), |data| {
        y.par_chunks_mut(c).enumerate().for_each(|(n, y)| {
            match crate::conv_image(data, n, h * w * c) {
                Data::F32(x) => x.chunks_exact(c).for_each(|line| add_line(y, line, |v| v)),
                Data::Bf16(x) => x.chunks_exact(c).for_each(|line| add_line(y, line, f32::from)),
                Data::U8(x) => x.chunks_exact(c).for_each(|line| add_line(y, line, f32::from)),
            }
            y.iter_mut().for_each(|v| *v *= scale);
        });
        Ok(())
    })?;
    let (to_x, x_shape) = (x.target(), x.dims().to_vec());
    let y = buffer::tensor(y, shape)?;
    Ok(tape.push(y, &[x], move |dy: Gradient, grads: &mut Gradients| {
        let mut dx = vec![0f32; x_shape.iter().product()];
        with_f32("global_avg_pool gradient", &dy, |dy| {
            dx.par_chunks_mut(h * w * c).zip(dy.par_chunks(c)).for_each(|(dx, dy)| {
                for line in dx.chunks_exact_mut(c) {
                    line.iter_mut().zip(dy).for_each(|(to, g)| *to = g * scale);
                }
            });
            Ok(())
        })?;
        grads.add(to_x, buffer::tensor(dx, x_shape)?)
    }))
}
