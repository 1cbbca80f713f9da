//! Vectors set to zero by all threads, or piece by piece by those who fill them.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

/// `len` zeros, for an operator's output: while one thread sets them the others wait, a twentieth of a narrow
/// network's step. Outputs too large for the caches were measured slower so, and are left to the allocator.
pub fn zeroed<T: Copy + Default + Send + Sync>(len: usize) -> Vec<T> {
    const PIECE: usize = 1 << 16;
    const CACHED_BYTES: usize = 8 << 20;
    if len.saturating_mul(size_of::<T>()) > CACHED_BYTES {
        return vec![T::default(); len];
    }
    let mut out = Unset::new(len);
    out.blocks(len, PIECE).into_par_iter().for_each(|piece| drop(piece.zeroed()));
    out.finish()
}

/// A `[rows, columns]` matrix that has memory but no elements yet: whoever computes a block of its columns zeroes
/// them first, so that they are written to memory once, and not once more as zeros.
pub struct Unset<T> {
    vec: Vec<T>,
    len: usize,
    /// Elements that were zeroed.
    set: AtomicUsize,
}

impl<T: Copy + Default> Unset<T> {
    /// Memory for `len` elements.
    pub fn new(len: usize) -> Self {
        Self { vec: Vec::with_capacity(len), len, set: AtomicUsize::new(0) }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Cuts rows of `columns` elements into blocks of `block` columns, the last perhaps narrower.
    pub fn blocks(&mut self, columns: usize, block: usize) -> Vec<Block<'_, T>> {
        // What an earlier call zeroed is handed out again.
        *self.set.get_mut() = 0;
        let mut blocks: Vec<Block<'_, T>> = Vec::new();
        blocks.resize_with(columns.div_ceil(block), || Block { rows: Vec::new(), set: &self.set });
        for row in self.vec.spare_capacity_mut()[..self.len].chunks_mut(columns.max(1)) {
            blocks.iter_mut().zip(row.chunks_mut(block)).for_each(|(b, row)| b.rows.push(row));
        }
        blocks
    }

    /// The vector.
    ///
    /// # Panics
    /// When a block was dropped before it was zeroed.
    pub fn finish(mut self) -> Vec<T> {
        assert_eq!(*self.set.get_mut(), self.len, "a block of an operator's output was not set");
        // SAFETY: blocks do not overlap and each is counted once, as `zeroed` consumes it, so all elements are set.
        unsafe { self.vec.set_len(self.len) };
        self.vec
    }
}

/// Some columns of every row of an [`Unset`].
pub struct Block<'a, T> {
    rows: Vec<&'a mut [MaybeUninit<T>]>,
    set: &'a AtomicUsize,
}

impl<'a, T: Copy + Default> Block<'a, T> {
    /// The block's rows, all zero.
    pub fn zeroed(self) -> Vec<&'a mut [T]> {
        let Self { rows, set } = self;
        rows.into_iter()
            .map(|row| {
                row.fill(MaybeUninit::new(T::default()));
                set.fetch_add(row.len(), Ordering::Relaxed);
                // SAFETY: the line before the last has set every element.
                unsafe { row.assume_init_mut() }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_zero() {
        for len in [0, 1, 65_535, 65_536, 65_537, 200_000, 2_500_000] {
            // Memory that was used before is not zero by itself.
            drop(vec![7u8; 4 * len]);
            assert_eq!(zeroed::<f32>(len), vec![0.0; len]);
            assert_eq!(zeroed::<u8>(len), vec![0; len]);
        }
    }

    #[test]
    fn blocks_are_columns_of_all_rows() {
        let mut matrix = Unset::new(3 * 5);
        for (i, block) in matrix.blocks(5, 2).into_iter().enumerate() {
            for (t, row) in block.zeroed().into_iter().enumerate() {
                assert_eq!(row, &vec![0; if i < 2 { 2 } else { 1 }]);
                row.fill(10 * t + i);
            }
        }
        assert_eq!(matrix.finish(), [0, 0, 1, 1, 2, 10, 10, 11, 11, 12, 20, 20, 21, 21, 22]);
    }

    #[test]
    #[should_panic(expected = "was not set")]
    fn a_block_that_nobody_set_is_noticed() {
        let mut matrix = Unset::<u8>::new(4);
        matrix.blocks(4, 2).into_iter().skip(1).for_each(|block| drop(block.zeroed()));
        matrix.finish();
    }
}
