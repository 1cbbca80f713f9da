//! A block of tiles on AVX-512 BF16: `vdpbf16ps` adds the products of a pair of terms to 16 sums.
//!
//! The instruction rounds to even, takes denormals as zero, and rounds once for each of the two products.
#![allow(unsafe_code)]

use std::arch::x86_64::*;

use super::{Block, DEPTH, TILE};

/// Rows at a time: 8 x 2 sums, two rows of the right operand and a broadcast.
const ROWS: usize = 8;

/// Whether this processor has the instructions.
pub(crate) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")
}

/// Computes the block; [`Block::check`] has seen its bounds.
pub(super) fn run(block: Block<'_>) {
    assert!(is_available(), "the unit is chosen where it is available");
    for first in (0..block.rows * TILE).step_by(ROWS) {
        // SAFETY: the processor has the instructions, and `Block::check` has seen that every tile of every step,
        // and every element of `c`, lies inside of its slice.
        unsafe {
            match block.columns {
                1 => kernel::<1>(&block, first),
                _ => kernel::<2>(&block, first),
            }
        }
    }
}

/// SAFETY: see [`run`].
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn kernel<const V: usize>(block: &Block<'_>, first: usize) {
    // SAFETY: as the caller's; `c` is borrowed mutably by the block, and written through here alone.
    unsafe {
        let c = block.c.as_ptr().cast_mut().add(first * block.c_row);
        let mut sums = [[_mm512_setzero_ps(); V]; ROWS];
        if block.accumulate {
            for (i, row) in sums.iter_mut().enumerate() {
                for (v, sum) in row.iter_mut().enumerate() {
                    *sum = _mm512_loadu_ps(c.add(i * block.c_row + v * TILE));
                }
            }
        }
        for step in block.steps {
            let a = block.a.as_ptr().add(step.a as usize + first * block.a_row);
            let b = block.b.as_ptr().add(step.b as usize);
            for pair in 0..DEPTH / 2 {
                let mut line = [_mm512_setzero_si512(); V];
                for (v, line) in line.iter_mut().enumerate() {
                    *line = _mm512_loadu_si512(b.add(v * block.b_tile + pair * 2 * TILE).cast());
                }
                for (i, row) in sums.iter_mut().enumerate() {
                    let two = a.add(i * block.a_row + 2 * pair).cast::<i32>().read_unaligned();
                    let two = _mm512_set1_epi32(two);
                    for (sum, line) in row.iter_mut().zip(line) {
                        *sum = _mm512_dpbf16_ps(*sum, bits(two), bits(line));
                    }
                }
            }
        }
        for (i, row) in sums.iter().enumerate() {
            for (v, &sum) in row.iter().enumerate() {
                _mm512_storeu_ps(c.add(i * block.c_row + v * TILE), sum);
            }
        }
    }
}

/// The register as bf16 numbers.
#[target_feature(enable = "avx512f,avx512bf16")]
fn bits(register: __m512i) -> __m512bh {
    // SAFETY: both are 512 plain bits.
    unsafe { std::mem::transmute(register) }
}
