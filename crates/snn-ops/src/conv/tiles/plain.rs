//! What a unit computes, as a loop.

use super::{Block, DEPTH, TILE, widen};

/// `c (+)= sum over steps of a b`, pair after pair of terms as the units add them.
pub(super) fn run(block: Block<'_>) {
    let Block { a, a_row, b, b_tile, steps, c, c_row, rows, columns, accumulate } = block;
    for i in 0..rows * TILE {
        for j in 0..columns * TILE {
            let c = &mut c[i * c_row + j];
            let mut sum = if accumulate { *c } else { 0.0 };
            for step in steps {
                let a = &a[step.a as usize + i * a_row..][..DEPTH];
                let b = &b[step.b as usize + j / TILE * b_tile..];
                for (k, &a) in a.iter().enumerate() {
                    sum += widen(a) * widen(b[(k / 2 * TILE + j % TILE) * 2 + k % 2]);
                }
            }
            *c = sum;
        }
    }
}
