//! Vectors set to zero by all threads.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use rayon::prelude::*;

/// `len` zeros, for an operator's output: while one thread sets them the others wait, a twentieth of a narrow
/// network's step. Outputs too large for the caches were measured slower so, and are left to the allocator.
pub fn zeroed<T: Copy + Default + Send + Sync>(len: usize) -> Vec<T> {
    const PIECE: usize = 1 << 16;
    const CACHED_BYTES: usize = 8 << 20;
    if len.saturating_mul(size_of::<T>()) > CACHED_BYTES {
        return vec![T::default(); len];
    }
    let mut out = Vec::with_capacity(len);
    let room: &mut [MaybeUninit<T>] = &mut out.spare_capacity_mut()[..len];
    room.par_chunks_mut(PIECE).for_each(|piece| piece.fill(MaybeUninit::new(T::default())));
    // SAFETY: the capacity is at least `len`, and the loop above has written every one of those elements.
    unsafe { out.set_len(len) };
    out
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
}
