//! Sums over rows whose order does not depend on the number of threads.

use rayon::prelude::*;

use super::BLOCK_ROWS;

/// Pieces that sums are cut into, whatever the number of threads.
const PIECES: usize = 64;

/// Runs `f` over fixed pieces of `rows` rows and adds up, in order and in f64, what it leaves in its
/// `2 * channels` f32 sums after every block of rows.
pub(super) fn pieces(
    rows: usize,
    channels: usize,
    f: impl Fn(std::ops::Range<usize>, &mut [f32]) + Sync,
) -> Vec<f64> {
    // DETERMINISM: the pieces follow from the number of rows, and are added in order.
    let partial: Vec<Vec<f64>> = (0..PIECES)
        .into_par_iter()
        .map(|p| {
            let mut wide = vec![0f64; 2 * channels];
            let mut sums = vec![0f32; 2 * channels];
            let end = (p + 1) * rows / PIECES;
            for start in (p * rows / PIECES..end).step_by(BLOCK_ROWS) {
                sums.fill(0.0);
                f(start..(start + BLOCK_ROWS).min(end), &mut sums);
                wide.iter_mut().zip(&sums).for_each(|(w, &s)| *w += f64::from(s));
            }
            wide
        })
        .collect();
    let mut total = vec![0f64; 2 * channels];
    for wide in partial {
        total.iter_mut().zip(wide).for_each(|(t, w)| *t += w);
    }
    total
}
