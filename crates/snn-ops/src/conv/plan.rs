//! A dense correlation of channels-last images, the one shape of work that both the forward pass
//! and the input gradient of a convolution reduce to.

use super::Conv2d;

/// Output pixel (y, x) is the sum over taps (j, i) and channels of input pixel
/// (y * stride + j - pad, x * stride + i - pad); pixels outside the image are zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Correlation {
    /// Input image: rows, columns, channels.
    pub(crate) input: [usize; 3],
    /// Taps: rows, columns.
    pub(crate) taps: [usize; 2],
    pub(crate) stride: [usize; 2],
    /// Zeros before the first row and column; negative crops.
    pub(crate) pad: [isize; 2],
    /// Output image: rows, columns, channels.
    pub(crate) output: [usize; 3],
    /// Where output pixels go: first pixel, pixels per row step, pixels per column step.
    pub(crate) place: [usize; 3],
    /// Pixels of one whole output image.
    pub(crate) image: usize,
}

/// What the choice of kernels, and the cut of their work, may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All images of the call, and their zeros.
    Call,
    /// The shapes of one image alone, so that its result does not depend on those beside it.
    Image,
}

impl Scope {
    /// The number of images to decide for, where a call has `images`.
    pub(crate) fn images(self, images: usize) -> usize {
        match self {
            Self::Call => images,
            Self::Image => 1,
        }
    }
}

/// The tap that a correlation reads at (row, column) of its kernel: (row, column) of the weight.
pub(crate) type Tap = [usize; 2];

impl Correlation {
    /// The forward pass; `None` when the kernel does not fit the padded image, or no number its extent.
    pub(crate) fn forward(
        input: [usize; 3],
        out: usize,
        taps: [usize; 2],
        c: Conv2d,
    ) -> Option<Self> {
        let extent = |axis: usize| {
            let padded = input[axis].checked_add(c.padding[axis].checked_mul(2)?)?;
            let room = padded.checked_sub(taps[axis])?;
            Some(room / c.stride[axis] + 1)
        };
        let output = [extent(0)?, extent(1)?, out];
        Some(Self {
            input,
            taps,
            stride: c.stride,
            pad: [c.padding[0] as isize, c.padding[1] as isize],
            output,
            place: [0, output[1], 1],
            image: output[0] * output[1],
        })
    }

    /// The input gradient as one unit-stride correlation of the output gradient per phase: input
    /// rows with equal remainder by the stride meet the same kernel rows, `ky = first + stride * j`.
    /// Each comes with the weight tap for every one of its own taps.
    pub(crate) fn input_gradient(&self) -> Vec<(Self, Vec<Tap>)> {
        let mut phases = Vec::new();
        for py in 0..self.stride[0] {
            for px in 0..self.stride[1] {
                let axes = [self.phase(0, py), self.phase(1, px)];
                let [Some((rows, pad_y, ky)), Some((cols, pad_x, kx))] = axes else { continue };
                let taps = ky.iter().flat_map(|&y| kx.iter().map(move |&x| [y, x])).collect();
                let plan = Self {
                    input: self.output,
                    taps: [ky.len(), kx.len()],
                    stride: [1, 1],
                    pad: [pad_y, pad_x],
                    output: [rows, cols, self.input[2]],
                    place: [
                        py * self.input[1] + px,
                        self.stride[0] * self.input[1],
                        self.stride[1],
                    ],
                    image: self.input[0] * self.input[1],
                };
                phases.push((plan, taps));
            }
        }
        phases
    }

    /// One axis of one phase: output extent, padding, and the weight taps in reading order.
    fn phase(&self, axis: usize, phase: usize) -> Option<(usize, isize, Vec<usize>)> {
        let (stride, pad) = (self.stride[axis], self.pad[axis] as usize);
        let first = (phase + pad) % stride;
        let mut taps: Vec<usize> = (first..self.taps[axis]).step_by(stride).collect();
        let extent = self.input[axis].checked_sub(phase)?.div_ceil(stride);
        if taps.is_empty() || extent == 0 {
            return None;
        }
        taps.reverse();
        // Input row y = stride * i + phase meets output row i + shift - j at tap first + stride * j.
        let shift = ((phase + pad - first) / stride) as isize;
        Some((extent, taps.len() as isize - 1 - shift, taps))
    }

    /// Columns of the zero-padded image that is kept in scratch.
    pub(crate) fn padded_cols(&self) -> usize {
        (self.output[1] - 1) * self.stride[1] + self.taps[1]
    }

    /// Rows of the zero-padded image that `rows` output rows read.
    pub(crate) fn padded_rows(&self, rows: usize) -> usize {
        (rows - 1) * self.stride[0] + self.taps[0]
    }

    /// Terms of one output element's sum.
    pub(crate) fn depth(&self) -> usize {
        self.taps[0] * self.taps[1] * self.input[2]
    }

    /// A profiler's span over one pass: `gflop` counts a multiplication and an addition for every term,
    /// zeros too.
    pub(crate) fn span(&self, pass: &'static str, images: usize) -> tracing::Span {
        let [rows, cols, outputs] = self.output;
        tracing::trace_span!(
            "conv2d",
            pass,
            gflop = 2e-9 * (images * rows * cols * outputs * self.depth()) as f64,
            shape = format!(
                "{}x{}x{} {}x{}/{} -> {rows}x{cols}x{outputs}",
                self.input[0],
                self.input[1],
                self.input[2],
                self.taps[0],
                self.taps[1],
                self.stride[0],
            ),
        )
    }

    /// Whether output pixels are consecutive, so that rows can be cut into slices.
    pub(crate) fn is_dense(&self) -> bool {
        self.place == [0, self.output[1], 1]
    }
}
