//! Means and maxima over windows of channels-last images, and over whole images.

mod average;
mod maximum;
#[cfg(feature = "cuda")]
mod unsafe_cuda;

pub use average::{avg_pool2d, global_avg_pool};
pub use maximum::{global_max_pool, max_pool2d};

use crate::{Error, Result, Value, buffer};

/// Window, stride and padding of a pooling layer, each (rows, columns).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool2d {
    /// Extent of the window.
    pub kernel: [usize; 2],
    /// Step between windows; at least 1.
    pub stride: [usize; 2],
    /// Pixels of padding on each side; at most half the window.
    pub padding: [usize; 2],
}

impl Pool2d {
    /// Square windows with one stride and padding for both axes.
    pub fn square(kernel: usize, stride: usize, padding: usize) -> Self {
        Self { kernel: [kernel; 2], stride: [stride; 2], padding: [padding; 2] }
    }

    /// Square windows side by side: stride = kernel, no padding.
    pub fn tiled(kernel: usize) -> Self {
        Self::square(kernel, kernel, 0)
    }
}

/// The extents of one pooling call.
#[derive(Clone, Copy)]
struct Extent {
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    input: [usize; 3],
    output: [usize; 2],
}

impl Extent {
    /// The extents and the output's shape.
    fn new(x: &Value, pool: Pool2d) -> Result<(Self, Vec<usize>)> {
        let (lead, input) = image(x)?;
        let Pool2d { kernel, stride, padding } = pool;
        if (0..2).any(|i| stride[i] == 0 || kernel[i] == 0 || padding[i] > kernel[i] / 2) {
            let why = format!("{pool:?}: use stride and kernel >= 1, padding <= kernel / 2");
            return Err(Error::Config { field: "pool", why });
        }
        let extent = |i: usize| {
            let padded = input[i].checked_add(2 * padding[i])?;
            Some(padded.checked_sub(kernel[i])? / stride[i] + 1)
        };
        let (Some(h), Some(w)) = (extent(0), extent(1)) else {
            let least = |i: usize| kernel[i] - 2 * padding[i];
            let expected = format!("[.., H, W, C] with H >= {}, W >= {}", least(0), least(1));
            return Err(Error::Shape { what: "pool", expected, got: x.dims().to_vec() });
        };
        let mut shape = lead.to_vec();
        shape.extend([h, w, input[2]]);
        buffer::elements("pool output", &shape)?;
        Ok((Self { kernel, stride, padding, input, output: [h, w] }, shape))
    }

    /// One window that is the whole image; the output has no pixels' axes.
    fn whole(x: &Value) -> Result<(Self, Vec<usize>)> {
        let (lead, input @ [h, w, c]) = image(x)?;
        let mut shape = lead.to_vec();
        shape.push(c);
        Ok((Self { kernel: [h, w], stride: [1; 2], padding: [0; 2], input, output: [1; 2] }, shape))
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
        let Self { kernel, stride, padding, input: [h, w, _], output } = *self;
        let reach = |at: usize, axis: usize, n: usize| {
            let (start, padding) = (at * stride[axis], padding[axis]);
            start.max(padding)..(start + kernel[axis]).min(n + padding)
        };
        for oy in 0..output[0] {
            for ox in 0..output[1] {
                for y in reach(oy, 0, h) {
                    for x in reach(ox, 1, w) {
                        f(oy * output[1] + ox, (y - padding[0]) * w + x - padding[1]);
                    }
                }
            }
        }
    }
}

/// The leading axes and the image of `[.., H, W, C]`, none of them empty.
fn image(x: &Value) -> Result<(&[usize], [usize; 3])> {
    let Some((lead, &image)) = x.dims().split_last_chunk::<3>() else {
        let expected = "[.., H, W, C]".into();
        return Err(Error::Shape { what: "pool", expected, got: x.dims().to_vec() });
    };
    buffer::elements("pool input", x.dims())?;
    Ok((lead, image))
}
