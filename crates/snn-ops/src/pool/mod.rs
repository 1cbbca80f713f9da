//! Average, maximum and global average pooling of channels-last images.

mod average;
mod maximum;
#[cfg(feature = "cuda")]
mod unsafe_cuda;

pub use average::{avg_pool2d, global_avg_pool};
pub use maximum::max_pool2d;

use crate::{Error, Result, Value, buffer};

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
    /// Window, rows and columns.
    kernel: [usize; 2],
    stride: usize,
    padding: usize,
    input: [usize; 3],
    output: [usize; 2],
}

impl Extent {
    /// The extents and the output's shape.
    fn new(x: &Value, pool: Pool2d) -> Result<(Self, Vec<usize>)> {
        let (lead, input) = image(x)?;
        let Pool2d { kernel, stride, padding } = pool;
        if stride == 0 || kernel == 0 || padding > kernel / 2 {
            let why = format!("{pool:?}: use stride and kernel >= 1, padding <= kernel / 2");
            return Err(Error::Config { field: "pool", why });
        }
        let extent = |n: usize| Some(n.checked_add(2 * padding)?.checked_sub(kernel)? / stride + 1);
        let (Some(h), Some(w)) = (extent(input[0]), extent(input[1])) else {
            let expected = format!("[.., H, W, C] with H, W >= {}", kernel - 2 * padding);
            return Err(Error::Shape { what: "pool", expected, got: x.dims().to_vec() });
        };
        let mut shape = lead.to_vec();
        shape.extend([h, w, input[2]]);
        buffer::elements("pool output", &shape)?;
        Ok((Self { kernel: [kernel; 2], stride, padding, input, output: [h, w] }, shape))
    }

    /// One window that is the whole image; the output has no pixels' axes.
    fn whole(x: &Value) -> Result<(Self, Vec<usize>)> {
        let (lead, input @ [h, w, c]) = image(x)?;
        let mut shape = lead.to_vec();
        shape.push(c);
        Ok((Self { kernel: [h, w], stride: 1, padding: 0, input, output: [1, 1] }, shape))
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
            (at * stride).max(padding)..(at * stride + kernel[axis]).min(n + padding)
        };
        for oy in 0..output[0] {
            for ox in 0..output[1] {
                for y in reach(oy, 0, h) {
                    for x in reach(ox, 1, w) {
                        f(oy * output[1] + ox, (y - padding) * w + x - padding);
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
