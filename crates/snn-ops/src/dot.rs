//! Sums of products in an order that their number fixes.

use multiversion::multiversion;

/// Products that are summed side by side, in registers.
const LANES: usize = 16;

/// The sum of products of a few thousand numbers. Whoever calls it is compiled for the processor's registers.
#[inline(always)]
pub(crate) fn dot(x: &[f32], y: &[f32]) -> f32 {
    let mut sums = [0f32; LANES];
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    for (x, y) in x.iter().zip(y) {
        (0..LANES).for_each(|lane| sums[lane] += x[lane] * y[lane]);
    }
    for ((sum, x), y) in sums.iter_mut().zip(x_rest).zip(y_rest) {
        *sum += x * y;
    }
    sums.iter().sum()
}

/// The sum of products of any number of numbers: blocks are added up in f64.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub(crate) fn long_dot(x: &[f32], y: &[f32]) -> f32 {
    const BLOCK: usize = 1 << 12;
    let blocks = x.chunks(BLOCK).zip(y.chunks(BLOCK));
    blocks.map(|(x, y)| f64::from(dot(x, y))).sum::<f64>() as f32
}
