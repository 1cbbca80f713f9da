//! A bounds-checked door to the `gemm` crate's raw-pointer matrix product.
#![allow(unsafe_code)]

use gemm::Parallelism;

/// A matrix inside a slice: element (i, j) is at `offset + i * row + j * col`.
#[derive(Clone, Copy)]
pub(crate) struct Strides {
    pub(crate) offset: usize,
    pub(crate) row: usize,
    pub(crate) col: usize,
}

impl Strides {
    pub(crate) fn rows(row: usize) -> Self {
        Self { offset: 0, row, col: 1 }
    }

    pub(crate) fn transposed(self) -> Self {
        Self { offset: self.offset, row: self.col, col: self.row }
    }

    fn holds(self, rows: usize, cols: usize, len: usize) -> bool {
        rows == 0 || cols == 0 || self.offset + (rows - 1) * self.row + (cols - 1) * self.col < len
    }
}

/// `c[m, n] = a[m, k] b[k, n]`, plus the old `c` when `accumulate`; on the calling thread alone.
#[expect(clippy::too_many_arguments, reason = "three matrices, three extents, one switch")]
pub(crate) fn matmul(
    m: usize,
    n: usize,
    k: usize,
    a: &[f32],
    a_at: Strides,
    b: &[f32],
    b_at: Strides,
    c: &mut [f32],
    c_at: Strides,
    accumulate: bool,
) {
    assert!(a_at.holds(m, k, a.len()) && b_at.holds(k, n, b.len()), "matmul operand too short");
    assert!(c_at.holds(m, n, c.len()), "matmul result too short");
    // SAFETY: the assertions above put every element that the strides reach inside its slice, and
    // `c` is borrowed exclusively. Strides are element counts of allocated slices, so they fit isize.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr().add(c_at.offset.min(c.len())),
            c_at.col as isize,
            c_at.row as isize,
            accumulate,
            a.as_ptr().add(a_at.offset.min(a.len())),
            a_at.col as isize,
            a_at.row as isize,
            b.as_ptr().add(b_at.offset.min(b.len())),
            b_at.col as isize,
            b_at.row as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
