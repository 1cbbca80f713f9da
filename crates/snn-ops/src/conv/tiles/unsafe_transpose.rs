//! A square of 16 x 16 numbers, transposed in registers.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

const SIDE: usize = super::TILE;

/// Row `i` of `from` becomes column `i` of `to`.
pub(super) fn square(from: &[u16], from_row: usize, to: &mut [u16], to_row: usize) {
    assert!(is_x86_feature_detected!("avx2"), "the caller has looked");
    assert!(from.len() >= (SIDE - 1) * from_row + SIDE, "square too short");
    assert!(to.len() >= (SIDE - 1) * to_row + SIDE, "square too short");
    // SAFETY: the processor has AVX2, and all rows lie inside of the slices.
    unsafe { kernel(from.as_ptr(), from_row, to.as_mut_ptr(), to_row) }
}

/// SAFETY: 16 numbers at each of 16 rows of `from` and `to` must exist.
#[target_feature(enable = "avx2")]
unsafe fn kernel(from: *const u16, from_row: usize, to: *mut u16, to_row: usize) {
    let mut rows = [_mm256_setzero_si256(); SIDE];
    for (i, row) in rows.iter_mut().enumerate() {
        // SAFETY: as the caller's.
        *row = unsafe { _mm256_loadu_si256(from.add(i * from_row).cast()) };
    }
    let (top, bottom) = (eight(&rows[..8]), eight(&rows[8..]));
    for (k, (&top, &bottom)) in top.iter().zip(&bottom).enumerate() {
        let (left, right) = (
            _mm256_permute2x128_si256::<0x20>(top, bottom),
            _mm256_permute2x128_si256::<0x31>(top, bottom),
        );
        // SAFETY: as the caller's.
        unsafe {
            _mm256_storeu_si256(to.add(k * to_row).cast(), left);
            _mm256_storeu_si256(to.add((8 + k) * to_row).cast(), right);
        }
    }
}

/// Transposes the 8 x 8 numbers in either half of eight registers.
#[target_feature(enable = "avx2")]
fn eight(r: &[__m256i]) -> [__m256i; 8] {
    let (mut x, mut y, mut z) = ([r[0]; 8], [r[0]; 8], [r[0]; 8]);
    for i in 0..4 {
        x[2 * i] = _mm256_unpacklo_epi16(r[2 * i], r[2 * i + 1]);
        x[2 * i + 1] = _mm256_unpackhi_epi16(r[2 * i], r[2 * i + 1]);
    }
    for half in [0, 4] {
        for i in 0..2 {
            y[half + 2 * i] = _mm256_unpacklo_epi32(x[half + i], x[half + 2 + i]);
            y[half + 2 * i + 1] = _mm256_unpackhi_epi32(x[half + i], x[half + 2 + i]);
        }
    }
    for i in 0..4 {
        z[2 * i] = _mm256_unpacklo_epi64(y[i], y[4 + i]);
        z[2 * i + 1] = _mm256_unpackhi_epi64(y[i], y[4 + i]);
    }
    z
}
