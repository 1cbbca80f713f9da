//! EventMix: two recordings in one, parted by a random shape in space and time.

use rand_chacha::ChaCha8Rng;

use crate::random::{below, beta, unit};

/// One bell of the shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bell {
    /// Its height.
    pub height: f64,
    /// Its center: frame, row, column.
    pub center: [f64; 3],
    /// Its deviations along time, rows and columns.
    pub deviation: [f64; 3],
}

/// Draws 2 to 4 bells on frames of `[T, H, W]`: deviations 0.1 to 1 times half an axis, heights uniform.
pub fn bells(rng: &mut ChaCha8Rng, shape: [usize; 3]) -> Vec<Bell> {
    let n = 2 + below(rng, 3);
    let heights: Vec<f64> = (0..n).map(|_| unit(rng).into()).collect();
    let bell = |height| {
        let center = shape.map(|n| below(rng, n as u64) as f64);
        let deviation = shape.map(|n| f64::from(unit(rng)).max(0.1) * n as f64 * 0.5);
        Bell { height, center, deviation }
    };
    heights.into_iter().map(bell).collect()
}

/// Where the sum of the bells is highest: the share `share` of `[T, H, W]`, true for the other recording's part.
///
/// # Source
/// Shen et al., "EventMix: An efficient data augmentation strategy for event-based learning", a Gaussian mixture as
/// BrainCog's `GMM_mask` has it. DIFFERS: there the share is that of the lowest values, and the mask the rest: pass
/// 1 - share to compare.
pub fn event_mask(bells: &[Bell], [t_steps, height, width]: [usize; 3], share: f64) -> Vec<bool> {
    let mut level = Vec::with_capacity(t_steps * height * width);
    for t in 0..t_steps {
        for row in 0..height {
            for column in 0..width {
                let at = [t, row, column].map(|at| at as f64);
                level.push(bells.iter().map(|bell| bell.at(at)).sum::<f64>());
            }
        }
    }
    let mut sorted = level.clone();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let n = level.len() - (level.len() as f64 * (1.0 - share.clamp(0.0, 1.0))) as usize;
    match sorted.get(n) {
        Some(&limit) => level.into_iter().map(|level| level > limit).collect(),
        None => vec![true; level.len()],
    }
}

/// Mixes recording i of a batch `[N, T, 2, H, W]` with recording N - 1 - i, each by a shape of its own whose share is drawn from
/// Beta(alpha, alpha); `shape` is `[T, H, W]`. Gives the weight of each recording's own label.
pub(crate) fn event_mix_batch(
    rng: &mut ChaCha8Rng,
    batch: &mut [f32],
    shape: [usize; 3],
    alpha: f32,
) -> Vec<f32> {
    let [t_steps, height, width] = shape;
    let n = (t_steps * 2 * height * width).max(1);
    let old = batch.to_vec();
    let pairs = batch.chunks_exact_mut(n).zip(old.chunks_exact(n).rev());
    let mix = |(x, other): (&mut [f32], &[f32])| {
        let share = beta(rng, alpha.into());
        let mask = event_mask(&bells(rng, shape), shape, share);
        event_mix(x, other, &mask, height * width)
    };
    pairs.map(mix).collect()
}

impl Bell {
    fn at(&self, at: [f64; 3]) -> f64 {
        let axes = at.iter().zip(&self.center).zip(&self.deviation);
        let square: f64 = axes.map(|((at, center), by)| ((at - center) / by).powi(2)).sum();
        self.height * (-square / 2.0).exp()
    }
}

/// Copies what `mask` `[T, H, W]` names from `other` to `x`, both `[T, 2, H, W]`, and gives the weight of x's label: the
/// share of its kept events among all, after BrainCog's `calc_masked_lam`. Two recordings without events weigh alike.
///
/// ```text
/// kept = sum of x outside / sum of x,  taken = sum of other inside / sum of other,  weight = kept / (kept + taken)
/// ```
pub fn event_mix(x: &mut [f32], other: &[f32], mask: &[bool], plane: usize) -> f32 {
    let sum = |x: &[f32]| x.iter().map(|&x| f64::from(x)).sum::<f64>();
    let (all, all_other) = (sum(x), sum(other));
    let (mut kept, mut taken) = (0.0, 0.0);
    let size = (2 * plane).max(1);
    let frames = x.chunks_exact_mut(size).zip(other.chunks_exact(size));
    for ((x, other), mask) in frames.zip(mask.chunks_exact(plane.max(1))) {
        for ((x, &other), &is_other) in x.iter_mut().zip(other).zip(mask.iter().cycle()) {
            if is_other {
                *x = other;
                taken += f64::from(other);
            } else {
                kept += f64::from(*x);
            }
        }
    }
    let share = |part: f64, all: f64| if all > 0.0 { part / all } else { 0.0 };
    let (kept, taken) = (share(kept, all), share(taken, all_other));
    if kept + taken > 0.0 { (kept / (kept + taken)) as f32 } else { 0.5 }
}
