//! t-SNE that gives the same bytes every time.
//!
//! # Source
//! van der Maaten, "Accelerating t-SNE using tree-based algorithms", JMLR 2014, as the crate bhtsne has it.
//!
//! # Determinism
//! That crate draws at random where it looks for neighbours and where it begins, and adds up in the order of its threads. So
//! the neighbours are ours, all pairs compared and ties by index, the start is ours, and one thread lays out.

use anyhow::{Context, ensure};
use bhtsne::{Neighbor, tSNE};

use super::npy::Rows;

/// How many neighbours a sample effectively has.
pub(super) const PERPLEXITY: usize = 30;
const EPOCHS: usize = 1000;
const THETA: f32 = 0.5;

/// The nearest samples of each, three times the perplexity, by ascending distance.
///
/// # Errors
/// With fewer samples than that.
pub(super) fn neighbours(
    rows: &Rows,
    perplexity: usize,
) -> anyhow::Result<Vec<Vec<Neighbor<f32>>>> {
    let (n, k) = (rows.rows(), 3 * perplexity);
    ensure!(n > k, "t-SNE of {n} samples; it needs more than {k}");
    let distance =
        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
    let of = |at: usize| {
        let others = (0..n).filter(|&other| other != at);
        let mut all: Vec<Neighbor<f32>> = others
            .map(|index| Neighbor { index, distance: distance(rows.row(at), rows.row(index)) })
            .collect();
        all.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.index.cmp(&b.index)));
        all.truncate(k);
        all
    };
    Ok((0..n).map(of).collect())
}

/// A place in the plane for each sample.
///
/// # Errors
/// When no thread can be started.
pub(super) fn embed(neighbours: &[Vec<Neighbor<f32>>]) -> anyhow::Result<Vec<(f32, f32)>> {
    let one =
        rayon::ThreadPoolBuilder::new().num_threads(1).build().context("starting a thread")?;
    let k = neighbours.first().map_or(0, Vec::len);
    let places = one.install(|| {
        let samples = vec![(); neighbours.len()];
        let mut tsne: tSNE<'_, f32, (), 2> = tSNE::new(&samples);
        tsne.perplexity((k / 3) as f32).epochs(EPOCHS).initial_embedding(start(samples.len()));
        tsne.barnes_hut_with_neighbors(THETA, neighbours);
        tsne.embedding()
    });
    Ok(places.as_chunks::<2>().0.iter().map(|&[x, y]| (x, y)).collect())
}

/// Places close to the middle, as t-SNE begins: uniform in +-1e-4, by Steele's SplitMix64.
fn start(n: usize) -> Vec<f32> {
    let mut state = 0u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u32 << 24) as f32
    };
    (0..2 * n).map(|_| 2e-4 * (next() - 0.5)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two clouds far apart.
    fn rows(n: usize) -> Rows {
        let noise = start(2 * n);
        let value = |i: usize| 1e3 * noise[i] + if (i / 4).is_multiple_of(2) { 0.0 } else { 10.0 };
        Rows { width: 4, values: (0..4 * n).map(value).collect() }
    }

    #[test]
    fn the_same_samples_have_the_same_places_and_clouds_stay_apart() {
        let neighbours = neighbours(&rows(120), 5).unwrap();
        assert!(neighbours.iter().enumerate().all(|(at, near)| {
            near.len() == 15 && near.iter().all(|near| near.index % 2 == at % 2 && near.index != at)
        }));
        let (a, b) = (embed(&neighbours).unwrap(), embed(&neighbours).unwrap());
        assert_eq!(a, b);
        let nearest = |at: usize| {
            let far = |to: usize| (a[at].0 - a[to].0).powi(2) + (a[at].1 - a[to].1).powi(2);
            (0..a.len()).filter(|&to| to != at).min_by(|&i, &j| far(i).total_cmp(&far(j))).unwrap()
        };
        assert!((0..a.len()).all(|at| nearest(at) % 2 == at % 2));
    }

    #[test]
    fn ties_are_by_index_and_few_samples_are_refused() {
        let same = Rows { width: 1, values: vec![1.0; 10] };
        let near = neighbours(&same, 1).unwrap();
        assert_eq!(near[1].iter().map(|near| near.index).collect::<Vec<_>>(), [0, 2, 3]);
        assert!(neighbours(&same, 30).is_err());
    }
}
