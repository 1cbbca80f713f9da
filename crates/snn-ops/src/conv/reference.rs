//! Convolution as its equation reads, in f64: what the engines are tested against.

use super::Conv2d;

/// Shapes: image [N, H, W, C], weight [O, C, kH, kW].
pub(super) struct Case {
    pub(super) n: usize,
    pub(super) image: [usize; 3],
    pub(super) out: usize,
    pub(super) taps: [usize; 2],
    pub(super) config: Conv2d,
}

impl Case {
    pub(super) fn new(
        n: usize,
        image: [usize; 3],
        out: usize,
        taps: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
    ) -> Self {
        Self { n, image, out, taps, config: Conv2d::new(stride, padding) }
    }

    pub(super) fn extent(&self, axis: usize) -> usize {
        (self.image[axis] + 2 * self.config.padding[axis] - self.taps[axis])
            / self.config.stride[axis]
            + 1
    }

    /// Calls `f(output index, input index, weight index)` for every product of the sum.
    pub(super) fn products(&self, mut f: impl FnMut(usize, usize, usize)) {
        let ([h, w, c], [kh, kw]) = (self.image, self.taps);
        let (oh, ow) = (self.extent(0), self.extent(1));
        for n in 0..self.n {
            for (y, x) in (0..oh).flat_map(|y| (0..ow).map(move |x| (y, x))) {
                for (j, i) in (0..kh).flat_map(|j| (0..kw).map(move |i| (j, i))) {
                    let iy = (y * self.config.stride[0] + j).wrapping_sub(self.config.padding[0]);
                    let ix = (x * self.config.stride[1] + i).wrapping_sub(self.config.padding[1]);
                    if iy >= h || ix >= w {
                        continue;
                    }
                    for o in 0..self.out {
                        for k in 0..c {
                            f(
                                ((n * oh + y) * ow + x) * self.out + o,
                                ((n * h + iy) * w + ix) * c + k,
                                ((o * c + k) * kh + j) * kw + i,
                            );
                        }
                    }
                }
            }
        }
    }
}

/// Sums of some thousand products of unit normals in f32, against f64, relative to the largest entry.
pub(super) const TOLERANCE: f64 = 2e-6;

pub(super) fn close(what: &str, got: &[f32], want: &[f64]) {
    close_to(TOLERANCE, what, got, want);
}

pub(super) fn close_to(tolerance: f64, what: &str, got: &[f32], want: &[f64]) {
    let largest = want.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    let error = got.iter().zip(want).fold(0.0f64, |m, (g, w)| m.max((f64::from(*g) - w).abs()));
    assert_eq!(got.len(), want.len(), "{what}");
    assert!(error <= tolerance * largest, "{what}: error {error} of {largest}");
}
