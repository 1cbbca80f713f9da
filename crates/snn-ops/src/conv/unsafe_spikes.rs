//! The sums of `sparse` on AVX-512: accumulators stay in registers while rows are added.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

/// `sum += factor * table[start..start + sum.len()]` for every row; `sum` has 1 to 128 floats.
///
/// Rows are checked against the table before any is read.
pub(crate) fn add_rows(sum: &mut [f32], table: &[f32], rows: &[(u32, f32)]) {
    let n = sum.len();
    let last = rows.iter().map(|r| r.0).max().unwrap_or(0) as usize;
    assert!(n <= 128 && (rows.is_empty() || last + n <= table.len()), "row outside the table");
    // SAFETY: every row lies inside the table by the assertion, loads and stores are masked to `n`
    // floats, and this runs only on processors with AVX-512F, which choosing the engine has checked.
    unsafe {
        match n.div_ceil(16) {
            0 => {}
            1 => add::<1>(sum, table, rows),
            2 => add::<2>(sum, table, rows),
            3..=4 => add::<4>(sum, table, rows),
            _ => add::<8>(sum, table, rows),
        }
    }
}

/// SAFETY: see [`add_rows`].
#[target_feature(enable = "avx512f")]
unsafe fn add<const V: usize>(sum: &mut [f32], table: &[f32], rows: &[(u32, f32)]) {
    let mut masks = [0u16; V];
    for (v, mask) in masks.iter_mut().enumerate() {
        *mask = match sum.len().saturating_sub(16 * v) {
            n if n >= 16 => u16::MAX,
            n => (1u16 << n) - 1,
        };
    }
    let mut acc = [_mm512_setzero_ps(); V];
    // SAFETY: as the caller's; lanes past the end are masked out.
    unsafe {
        for v in 0..V {
            acc[v] = _mm512_maskz_loadu_ps(masks[v], sum.as_ptr().wrapping_add(16 * v));
        }
        for &(start, factor) in rows {
            let row = table.as_ptr().wrapping_add(start as usize);
            let x = _mm512_set1_ps(factor);
            for v in 0..V {
                let w = _mm512_maskz_loadu_ps(masks[v], row.wrapping_add(16 * v));
                acc[v] = _mm512_fmadd_ps(w, x, acc[v]);
            }
        }
        for v in 0..V {
            _mm512_mask_storeu_ps(sum.as_mut_ptr().wrapping_add(16 * v), masks[v], acc[v]);
        }
    }
}
